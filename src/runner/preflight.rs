//! The preflight of a run: every path is tried, all at once, before anything is measured.

use anyhow::anyhow;
use tokio::runtime::Runtime;
use tokio::task::{LocalSet, spawn_local};

use crate::console;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::probe;
use crate::runner::failure::{OrFailure, RunResult};
use crate::runner::sign_in::SignedIn;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::wire::filter::Filter;
use crate::workload::Workload;
use crate::workload::call::Call;

/// Tries every path with each shape of call of the workload. Returns warnings.
///
/// # Errors
/// Every refusal, not only the first, a line each.
pub(crate) fn try_all(
    runtime: &Runtime,
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
            .map(|((path, target), credential)| ask(path, target, (credential, &signed_in.filter), &calls, run_id))
            .collect();
        let mut found = Vec::new();
        for path in asked {
            found.push(path.await.or_world()?);
        }
        Ok(found)
    };
    let found = LocalSet::new().block_on(runtime, asked)?;
    let refused: Vec<String> = found.iter().flat_map(|found| &found.refused).map(ToString::to_string).collect();
    if refused.is_empty() {
        return Ok(found.into_iter().flat_map(|found| found.warnings).collect());
    }
    Err(anyhow!("{}\nnothing was measured; --skip-preflight runs all the same", refused.join("\n"))).or_world()
}

/// Says what is asked, since an answer may take its time.
fn announce(plan: &Plan, calls: &[Call]) {
    let shapes = calls.iter().map(probe::shape).collect::<Vec<_>>().join("; ");
    plan.paths.iter().for_each(|path| console::tell(format_args!("preflight: path '{}': {shapes}", path.name)));
}

/// Begins to ask one path.
fn ask(
    path: &NetPath,
    target: &Target,
    (credential, filter): (&Credential, &Filter),
    calls: &[Call],
    run_id: &str,
) -> tokio::task::JoinHandle<probe::Findings> {
    let (path, target, credential, calls) = (path.clone(), target.clone(), credential.clone(), calls.to_vec());
    // Nobody takes its calls for those of the run, which are counted by their names in the logs of servers.
    let name = format!("preflight-{run_id}-{}", path.id.0);
    let filter = filter.clone();
    spawn_local(async move { probe::preflight(path, target, (credential, filter), &calls, &name).await })
}
