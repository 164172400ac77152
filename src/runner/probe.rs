//! A probe carried out: every path looked at, a few at once, again and again where it was asked to wait.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::console;
use crate::evidence::ladder::Outside;
use crate::path::NetPath;
use crate::plan::Plan;
use crate::probe;
use crate::probe::capability::Options;
use crate::probe::checks::subject::{Common, Subject};
use crate::probe::document::{Probe, ProbedPath, Vantage};
use crate::probe::outside::OutsideFile;
use crate::runner::environment;
use crate::runner::execution::run_id;
use crate::runner::failure::{Failure, OrFailure, RunResult};
use crate::runner::signals::{Signals, StopSignal};
use crate::runner::stage::{Stage, Unstarted};
use crate::spelling::suggestion;
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::transport::credential::secret::{self, Secret};
use crate::transport::look_up::system_server;
use crate::transport::runtime::NetRuntime;
use crate::wire::filter::Filter;
use crate::workload::Workload;

/// Paths that are looked at at once.
const AT_ONCE: usize = 8;
/// How long is waited before the second look; twice as long each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a probe is carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProbeOptions {
    /// The names of the paths to look at; empty means all.
    pub(crate) paths: Vec<String>,
    /// What was seen outside the network.
    pub(crate) outside: Option<PathBuf>,
    /// Whether to look again and again.
    pub(crate) wait: Option<Wait>,
    /// Whether to try what paths can do beyond the calls of the run.
    pub(crate) capabilities: Option<Wishes>,
    /// Print no progress.
    pub(crate) quiet: bool,
}

/// What the matrix of capabilities needs beside the profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// The model or deployment of embeddings.
    pub(crate) embedding_model: Option<String>,
    /// The variable that holds a debug token of API Management.
    pub(crate) debug_token_env: Option<String>,
}

/// How long to look again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// For so long.
    pub(crate) limit: Duration,
    /// Until this holds.
    pub(crate) until: Until,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// No check of any path fails.
    Ready,
    /// Every path is private.
    Private,
}

/// How a probe ended.
pub(crate) enum ProbeEnd {
    /// This was found.
    Found {
        /// What was found.
        probe: Probe,
        /// Whether what was asked for holds.
        holds: bool,
    },
    /// A signal ended it.
    Signal(StopSignal),
}

impl Until {
    fn holds(self, paths: &[ProbedPath]) -> bool {
        paths.iter().all(|path| match self {
            Self::Ready => path.passed,
            Self::Private => path.is_private(),
        })
    }
}

impl Wishes {
    fn of(&self, plan: &Plan) -> RunResult<Options> {
        let token = self.debug_token_env.as_deref().map(|variable| secret::of_flag("--debug-token-env", variable));
        Ok(Options {
            model: plan.workload.model.clone(),
            embedding_model: self.embedding_model.clone(),
            debug_token: token.transpose().map_err(|why| Failure::Usage(anyhow!(why)))?,
            id: String::new(),
        })
    }
}

/// Looks at the paths of a plan.
///
/// # Errors
/// [`Failure::Usage`] when something is wrong with what was given; [`Failure::World`] when the simulator does not start.
pub(crate) fn carry_out(mut plan: Plan, workload: &Workload, options: &ProbeOptions) -> RunResult<ProbeEnd> {
    choose(&mut plan, options)?;
    let unstarted = Unstarted::of(&plan)?;
    let capabilities = options.capabilities.as_ref().map(|wishes| wishes.of(&plan)).transpose()?;
    let outside = options.outside.as_deref().map(OutsideFile::read).transpose().or_usage()?;
    let Stage { simulator, credentials, targets } = unstarted.start(&mut plan)?;
    let paths: Vec<&NetPath> = plan.paths.iter().collect();
    let outside = match &outside {
        Some(file) => file.of_paths(&paths).or_usage()?,
        None => vec![None; paths.len()],
    };
    let subjects = subjects(&plan, workload, (targets, credentials), (outside, capabilities))?;
    if !options.quiet {
        announce(&subjects);
    }
    let runtime = NetRuntime::new().or_world()?;
    let ended = LocalSet::new().block_on(&runtime, async {
        let mut signals = Signals::hear().or_world()?;
        tokio::select! {
            biased;
            signal = signals.next() => Ok(ProbeEnd::Signal(signal)),
            found = look(&subjects, options) => found,
        }
    });
    drop(simulator);
    ended
}

/// Leaves only the paths that are asked for; the baseline's second is for figures alone.
fn choose(plan: &mut Plan, options: &ProbeOptions) -> RunResult<()> {
    plan.paths.retain(|path| Some(path.id) != plan.control_path);
    let known: Vec<String> = plan.paths.iter().map(|path| path.name.clone()).collect();
    if let Some(unknown) = options.paths.iter().find(|name| !known.contains(name)) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let meant = suggestion(unknown, &known);
        let all = known.join(", ");
        return Err(Failure::Usage(anyhow!("--path {unknown}: the profile has no such path{meant}; it has {all}")));
    }
    plan.paths.retain(|path| options.paths.is_empty() || options.paths.contains(&path.name));
    let wants_private = options.wait.is_some_and(|wait| wait.until == Until::Private);
    match plan.paths.iter().find(|path| wants_private && path.control.private.is_none()) {
        Some(path) => Err(Failure::Usage(anyhow!(
            "--until private: path '{}' has no [path.private], so nothing says what private is; declare it, or choose \
             paths by --path",
            path.name
        ))),
        None => Ok(()),
    }
}

/// Makes every path ready.
fn subjects(
    plan: &Plan,
    workload: &Workload,
    (targets, credentials): (Vec<Target>, Vec<Credential>),
    (outside, capabilities): (Vec<Option<Outside>>, Option<Options>),
) -> RunResult<Vec<Rc<Subject>>> {
    let of_targets = targets.iter().flat_map(Target::secrets).cloned();
    let secrets: Vec<Secret> = credentials.iter().flat_map(Credential::secrets).chain(of_targets).collect();
    let common = Common {
        filter: Filter::of(secrets.iter().map(Secret::reveal)),
        calls: probe::calls(workload),
        name: format!("probe-{}", run_id(OffsetDateTime::now_utc())),
        proxy_variables: environment::proxy_variables(),
        capabilities,
    };
    let each = plan.paths.iter().cloned().zip(targets.into_iter().zip(credentials)).zip(outside);
    each.map(|((path, way), outside)| Subject::new(path, way, outside, &common).map(Rc::new).or_usage()).collect()
}

/// Says what is asked, since an answer may take its time.
fn announce(subjects: &[Rc<Subject>]) {
    for subject in subjects {
        console::tell(format_args!("probe: path '{}': {}", subject.name_of_path(), subject.shapes()));
    }
}

/// Looks once, or until what is waited for holds.
async fn look(subjects: &[Rc<Subject>], options: &ProbeOptions) -> RunResult<ProbeEnd> {
    let Some(wait) = options.wait else {
        let found = look_at_all(subjects).await?;
        let probe = Probe::new(vantage()?, complete(subjects, found).await?);
        return Ok(ProbeEnd::Found { holds: probe.passed, probe });
    };
    let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
    let mut last = look_at_all(subjects).await?;
    if !options.quiet {
        tell_failures(&last);
    }
    loop {
        let left = wait.limit.saturating_sub(begun.elapsed());
        let holds = wait.until.holds(&last);
        if holds || left.is_zero() {
            let probe = Probe::new(vantage()?, complete(subjects, last).await?);
            return Ok(ProbeEnd::Found { probe, holds });
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
        // A look that began in time may end a little later; the first one always ends.
        let left = wait.limit.saturating_sub(begun.elapsed()).max(FIRST_PAUSE);
        if let Ok(found) = tokio::time::timeout(left, look_at_all(subjects)).await {
            let found = found?;
            if !options.quiet {
                tell_changes(&last, &found, begun.elapsed());
            }
            last = found;
        }
    }
}

async fn look_at_all(subjects: &[Rc<Subject>]) -> RunResult<Vec<ProbedPath>> {
    let looks = subjects.iter().map(Rc::clone).map(|subject| async move { probe::checks::probe(&subject).await });
    a_few_at_once(looks).await
}

/// Tries what each path can do beyond the calls of the run.
async fn complete(subjects: &[Rc<Subject>], found: Vec<ProbedPath>) -> RunResult<Vec<ProbedPath>> {
    let each = subjects.iter().map(Rc::clone).zip(found);
    a_few_at_once(each.map(|(subject, found)| async move { probe::checks::complete(&subject, found).await })).await
}

/// Carries all of them out, a few at once, and keeps their order.
async fn a_few_at_once<T: 'static, F: Future<Output = T> + 'static>(all: impl Iterator<Item = F>) -> RunResult<Vec<T>> {
    let room = Rc::new(Semaphore::new(AT_ONCE));
    // Whoever cuts this cuts them.
    let mut under_way = JoinSet::new();
    for (number, look) in all.enumerate() {
        let room = Rc::clone(&room);
        under_way.spawn_local(async move {
            // Nobody closes it, so there is always room in the end.
            let _place = room.acquire().await;
            (number, look.await)
        });
    }
    let mut found = Vec::new();
    while let Some(path) = under_way.join_next().await {
        found.push(path.or_world()?);
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn tell_failures(paths: &[ProbedPath]) {
    for path in paths {
        for check in path.checks.iter().filter(|check| check.has_failed()) {
            console::tell(format_args!("waiting: path '{}': {} failed: {}", path.path, check.check, check.seen));
        }
    }
}

/// Says each change of standing.
fn tell_changes(before: &[ProbedPath], now: &[ProbedPath], elapsed: Duration) {
    for (was, is) in before.iter().zip(now) {
        for check in &is.checks {
            let standing = was.check(check.check).map(|check| check.standing);
            if standing.is_some_and(|standing| standing != check.standing) {
                let was = standing.map(|standing| standing.to_string()).unwrap_or_default();
                console::tell(format_args!(
                    "after {:.0} s: path '{}': {} was {was}, is {}: {}",
                    elapsed.as_secs_f64(),
                    is.path,
                    check.check,
                    check.standing,
                    check.seen
                ));
            }
        }
    }
}

fn vantage() -> RunResult<Vantage> {
    Ok(Vantage {
        at: OffsetDateTime::now_utc().format(&Rfc3339).or_world()?,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        system_dns: system_server().map(|server| server.ip().to_string()),
        proxy_variables: environment::proxy_variables(),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Counts itself out when it is dropped.
    struct UnderWay(Rc<Cell<usize>>);

    impl Drop for UnderWay {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    /// Looks that end, the last one first, or never.
    fn looks(under_way: &Rc<Cell<usize>>, end: bool) -> Vec<impl Future<Output = usize> + use<>> {
        let count = 3 * AT_ONCE;
        let look = |number: usize| {
            under_way.set(under_way.get() + 1);
            let guard = UnderWay(Rc::clone(under_way));
            async move {
                let _guard = guard;
                for _ in 0..count - number {
                    tokio::task::yield_now().await;
                }
                if !end {
                    std::future::pending::<()>().await;
                }
                number
            }
        };
        (0..count).map(look).collect()
    }

    #[tokio::test]
    async fn looks_keep_their_order_and_end_with_whoever_cuts_them() {
        let under_way = Rc::new(Cell::new(0));
        let all = async {
            let found = a_few_at_once(looks(&under_way, true).into_iter()).await.unwrap_or_default();
            assert_eq!(found, (0..3 * AT_ONCE).collect::<Vec<_>>());
            let never = a_few_at_once(looks(&under_way, false).into_iter());
            assert!(tokio::time::timeout(Duration::from_millis(20), never).await.is_err());
            // They are dropped when the runtime comes to them.
            while under_way.get() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), LocalSet::new().run_until(all)).await;
        assert!(ended.is_ok(), "{} go on", under_way.get());
    }
}
