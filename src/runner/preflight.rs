//! The preflight of a run: every path is tried, all at once, before anything is measured.

use std::pin::pin;
use std::time::Duration;

use anyhow::anyhow;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, interval_at};

use crate::console;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::probe::{self, Findings};
use crate::runner::failure::{OrFailure, RunResult};
use crate::runner::sign_in::SignedIn;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::wire::filter::Filter;
use crate::workload::Workload;
use crate::workload::call::Call;

/// How long a path may be silent until it is said that it is still waited for; and how often that is said again.
const REMIND_EVERY: Duration = Duration::from_secs(5);

/// Tries every path with each shape of call of the workload, and says on standard error how it goes unless that is to be
/// `quiet`. Returns warnings.
///
/// # Errors
/// Every refusal, not only the first, a line each.
pub(crate) async fn try_all(
    plan: &Plan,
    workload: &Workload,
    (targets, signed_in): (&[Target], &SignedIn),
    run_id: &str,
    quiet: bool,
) -> RunResult<Vec<String>> {
    let calls = probe::calls(workload);
    if !quiet {
        announce(plan, &calls);
    }
    let paths = plan.paths.iter().zip(targets).zip(&signed_in.credentials);
    let asked = async {
        let asked: Vec<_> = paths
            .map(|((path, target), credential)| {
                spawn_local(ask(path, target, (credential, &signed_in.filter), (&calls, run_id), quiet))
            })
            .collect();
        let mut found = Vec::new();
        for path in asked {
            found.push(path.await.or_world()?);
        }
        Ok(found)
    };
    let found = LocalSet::new().run_until(asked).await?;
    let refused: Vec<String> = found.iter().flat_map(|found| &found.refused).map(ToString::to_string).collect();
    if refused.is_empty() {
        return Ok(found.into_iter().flat_map(|found| found.warnings).collect());
    }
    Err(anyhow!("{}\nnothing was measured; --skip-preflight runs anyway", refused.join("\n"))).or_world()
}

/// Says what is asked, since an answer may take its time.
fn announce(plan: &Plan, calls: &[Call]) {
    let shapes = calls.iter().map(probe::shape).collect::<Vec<_>>().join("; ");
    plan.paths.iter().for_each(|path| console::tell(format_args!("preflight: path '{}': {shapes}", path.name)));
}

/// Asks one path.
fn ask(
    path: &NetPath,
    target: &Target,
    (credential, filter): (&Credential, &Filter),
    (calls, run_id): (&[Call], &str),
    quiet: bool,
) -> impl Future<Output = Findings> + use<> {
    let (path, target, credential, calls) = (path.clone(), target.clone(), credential.clone(), calls.to_vec());
    // Nobody takes its calls for those of the run, which are counted by their names in the logs of servers.
    let id = format!("preflight-{run_id}-{}", path.id.0);
    let (filter, name) = (filter.clone(), path.name.clone());
    async move {
        let asked = probe::preflight(path, target, (credential, filter), &calls, &id);
        if quiet { asked.await } else { narrated(&name, asked, REMIND_EVERY).await }
    }
}

/// Says that a path is still waited for, and what came of it; why it was refused is said when all have ended.
async fn narrated(path: &str, asked: impl Future<Output = Findings>, remind_every: Duration) -> Findings {
    let begun = Instant::now();
    let mut asked = pin!(asked);
    let mut again = interval_at(begun + remind_every, remind_every);
    loop {
        tokio::select! {
            biased;
            found = &mut asked => {
                console::tell(format_args!("preflight: path '{path}': {}", outcome(&found, begun.elapsed())));
                return found;
            }
            _ = again.tick() => {
                let seconds = begun.elapsed().as_secs();
                console::tell(format_args!("preflight: path '{path}': no answer yet after {seconds} s"));
            }
        }
    }
}

/// What came of a path, in a few words.
fn outcome(found: &Findings, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match (found.refused.is_empty(), found.warnings.is_empty()) {
        (true, true) => format!("answered after {seconds:.2} s"),
        (true, false) => format!("answered after {seconds:.2} s, not as expected"),
        (false, _) => format!("failed after {seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_that_is_slow_is_waited_for_to_its_end() {
        let found = Findings { refused: Vec::new(), warnings: vec!["odd".to_owned()] };
        let (remind, begun) = (Duration::from_millis(1), Instant::now());
        let slow = async {
            while begun.elapsed() < 5 * remind {
                tokio::time::sleep(remind).await;
            }
            found.clone()
        };
        assert_eq!(narrated("slow", slow, remind).await, found);
        assert_eq!(outcome(&found, Duration::from_millis(213)), "answered after 0.21 s, not as expected");
        assert_eq!(outcome(&Findings::default(), REMIND_EVERY), "answered after 5.00 s");
    }
}
