//! Whether a run may be judged at all: was this tool itself on time, and did it do all that it planned?

use std::collections::BTreeMap;

use crate::analysis::population::sorted_ms;
use crate::analysis::summary::PathSummary;
use crate::measure::counts::Counts;
use crate::measure::metric::Metric;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::quantile::quantile;
use crate::measure::sample::{Sample, Stamps};
use crate::run::Run;
use crate::units::Phase;

/// The share of arrivals that must be sent.
const SENT_SHARE: f64 = 0.99;

/// The lag of the 0.99 quantile that is always allowed, ms.
const LAG_ALLOWED_MS: f64 = 10.0;

/// The lag that is allowed besides, as a share of the path's median.
const LAG_SHARE: f64 = 0.05;

/// The lag of the 0.99 quantile above which a run is worth a warning, ms.
const LAG_WARNING_MS: f64 = 2.0;

/// The share of this machine's processors above which a run is worth a warning.
const CPU_WARNING: f64 = 0.8;

/// What may be made of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValidityVerdict {
    /// All of it.
    Valid,
    /// All of it, with the reasons in mind.
    Degraded,
    /// Nothing: this tool, not the path, was the limit.
    Invalid,
}

impl ValidityVerdict {
    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Degraded => "degraded",
            Self::Invalid => "invalid",
        }
    }
}

/// Whether a run may be judged, and why not.
#[derive(Clone, Debug, PartialEq)]
pub struct Validity {
    /// What may be made of it.
    pub verdict: ValidityVerdict,
    /// What speaks against it.
    pub reasons: Vec<Reason>,
    /// Arrivals due in the measured phase.
    pub planned: u64,
    /// Those that were taken up.
    pub sent: u64,
    /// Those that were never sent.
    pub dropped: u64,
    /// Those that left no row and whose path is not known; among `planned`, not among any path's.
    pub unattributed: u64,
    /// Sent minus intended over all calls sent.
    pub send_lag: Lag,
    /// The same without the time in which a call opened its connection, which is the path's and not this tool's.
    pub own_lag: Lag,
}

/// How late calls were, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// The median.
    pub p50: Option<f64>,
    /// The 0.99 quantile.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// One thing that speaks against a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Stable, for machines.
    pub code: &'static str,
    /// How grave it is.
    pub weight: ValidityVerdict,
    /// What was seen.
    pub message: String,
    /// What helps.
    pub remedy: String,
}

/// Examines a run.
#[must_use]
pub fn examine(run: &Run, measured: &[&Sample], paths: &[PathSummary], headline: Metric) -> Validity {
    let planned = run.planned().iter().sum::<u64>() + run.lost.unattributed;
    let dropped = paths.iter().map(|path| path.requests.dropped).sum();
    let mut all = Counts::default();
    run.counted(Phase::Measure).iter().for_each(|counts| all.add(counts));
    let reasons: Vec<Reason> = [
        arrivals(&all, planned),
        accounting(run, paths),
        rows_lost(run),
        clock(&all),
        rig(&all),
        cpu(run),
        incomplete(run),
    ]
    .into_iter()
    .flatten()
    .chain(lateness(run, measured, headline))
    .collect();
    let verdict = reasons.iter().map(|reason| reason.weight).max().unwrap_or(ValidityVerdict::Valid);
    Validity {
        verdict,
        reasons,
        planned,
        sent: all.calls() - dropped + lost(run),
        dropped,
        unattributed: run.lost.unattributed,
        send_lag: Lag::of(measured.iter().filter_map(|sample| send_lag(sample))),
        own_lag: Lag::of(measured.iter().filter_map(|sample| own_lag(sample))),
    }
}

fn lost(run: &Run) -> u64 {
    run.lost.by_path.iter().sum::<u64>() + run.lost.unattributed
}

impl Lag {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        Self { p50: quantile(&sorted, 0.5), p99: quantile(&sorted, 0.99), max: sorted.last().copied() }
    }
}

fn send_lag(sample: &Sample) -> Option<f64> {
    Some(sample.stamps.sent?.ms_since(sample.stamps.intended))
}

fn own_lag(sample: &Sample) -> Option<f64> {
    let Stamps { dequeued, conn_ready, .. } = sample.stamps;
    let opened = sample.conn.as_ref().is_some_and(|conn| conn.is_new());
    let opening = dequeued.zip(conn_ready).filter(|_| opened).map_or(0.0, |(from, to)| to.ms_since(from));
    Some(send_lag(sample)? - opening.max(0.0))
}

fn lateness(run: &Run, measured: &[&Sample], headline: Metric) -> Vec<Reason> {
    let late = |path: &crate::path::NetPath| {
        let own = measured.iter().filter(|sample| sample.path == path.id);
        let p99 = Lag::of(own.filter_map(|sample| own_lag(sample))).p99?;
        let median = quantile(&sorted_ms(measured, path.id, headline, run.headline_basis()), 0.5).unwrap_or(0.0);
        let allowed = LAG_ALLOWED_MS.max(LAG_SHARE * median);
        let weight = if p99 > allowed {
            ValidityVerdict::Invalid
        } else if p99 > LAG_WARNING_MS {
            ValidityVerdict::Degraded
        } else {
            return None;
        };
        Some(Reason {
            code: "send_lag",
            weight,
            message: format!(
                "1 call in 100 on path '{}' was sent {p99:.1} ms late or later; {allowed:.0} ms are allowed",
                path.name
            ),
            remedy: "lower the rate, free this machine's processors, or use a larger machine".to_owned(),
        })
    };
    run.manifest.plan.paths.iter().filter_map(late).collect()
}

/// Arrivals that were never sent. Those after a limit that the user set are no fault of this tool.
fn arrivals(all: &Counts, planned: u64) -> Option<Reason> {
    let mut dropped: BTreeMap<ErrorClass, u64> = BTreeMap::new();
    for (outcome, count) in &all.errors {
        match outcome {
            Outcome::Dropped(ErrorClass::LimitReached) | Outcome::Ok | Outcome::Failed(_) | Outcome::Incomplete(_) => {}
            Outcome::Dropped(class) => *dropped.entry(*class).or_insert(0) += count,
        }
    }
    let count: u64 = dropped.values().sum();
    let share = count as f64 / planned.max(1) as f64;
    let classes: Vec<String> = dropped.iter().map(|(class, count)| format!("{class}: {count}")).collect();
    (count > 0).then(|| Reason {
        code: "dropped",
        weight: if share > 1.0 - SENT_SHARE { ValidityVerdict::Invalid } else { ValidityVerdict::Degraded },
        message: format!("{count} of {planned} arrivals were never sent ({})", classes.join(", ")),
        remedy: "raise max_in_flight, lower the rate, or look at why calls take so long".to_owned(),
    })
}

/// Planned must be the sum of ok, failed, incomplete and dropped, path by path.
fn accounting(run: &Run, paths: &[PathSummary]) -> Option<Reason> {
    let plan = &run.manifest.plan;
    let wrong: Vec<String> = paths
        .iter()
        .filter(|path| !path.requests.adds_up())
        .map(|path| {
            let r = &path.requests;
            let name = &plan.path(path.path).name;
            format!(
                "'{name}': {} planned, {} ok + {} failed + {} incomplete + {} dropped",
                r.planned, r.ok, r.failed, r.incomplete, r.dropped
            )
        })
        .collect();
    (!wrong.is_empty()).then(|| Reason {
        code: "accounting",
        weight: ValidityVerdict::Invalid,
        message: format!("arrivals are not accounted for: {}", wrong.join("; ")),
        remedy: "if rows were lost, use a faster disk or a lower rate; if not, this is a fault of hopmark: report it"
            .to_owned(),
    })
}

fn rows_lost(run: &Run) -> Option<Reason> {
    let lost = run.manifest.ending.as_ref().map_or(0, |ending| ending.rows_lost);
    (lost > 0).then(|| Reason {
        code: "rows_lost",
        weight: ValidityVerdict::Invalid,
        message: format!("{lost} rows were lost because the disk could not follow"),
        remedy: "write to a faster disk with --out, or lower the rate".to_owned(),
    })
}

/// Stamps that run backwards.
fn clock(all: &Counts) -> Option<Reason> {
    let count = all.backwards;
    (count > 0).then(|| Reason {
        code: "clock",
        weight: ValidityVerdict::Invalid,
        message: format!("the stamps of {count} calls run backwards"),
        remedy: "check this machine's clock source, and report this".to_owned(),
    })
}

/// Calls that failed on this machine, not on the path.
fn rig(all: &Counts) -> Option<Reason> {
    let own = |class: ErrorClass| matches!(class, ErrorClass::NoDescriptor | ErrorClass::Internal);
    let count = all.with_class(own);
    let share = count as f64 / all.calls().max(1) as f64;
    (count > 0).then(|| Reason {
        code: "own_failures",
        weight: if share > 1.0 - SENT_SHARE { ValidityVerdict::Invalid } else { ValidityVerdict::Degraded },
        message: format!("{count} calls failed on this machine itself (no descriptor or port left, or a fault within)"),
        remedy: "raise the limit on open files (ulimit -n), widen the range of local ports, or lower the rate"
            .to_owned(),
    })
}

fn cpu(run: &Run) -> Option<Reason> {
    let ending = run.manifest.ending.as_ref()?;
    let share = ending.cpu_s? / (ending.measured_s * run.manifest.environment.cpus as f64).max(1e-9);
    (share > CPU_WARNING).then(|| Reason {
        code: "cpu",
        weight: ValidityVerdict::Degraded,
        message: format!("this tool used {:.0}% of all processors it may use", 100.0 * share),
        remedy: "lower the rate or use a larger machine".to_owned(),
    })
}

fn incomplete(run: &Run) -> Option<Reason> {
    if run.is_complete() {
        return None;
    }
    let why = match &run.manifest.ending {
        Some(ending) => ending.reason.clone().unwrap_or_else(|| "it did not say why".to_owned()),
        None => "it was killed, or is still under way".to_owned(),
    };
    Some(Reason {
        code: "incomplete_run",
        weight: ValidityVerdict::Degraded,
        message: format!("the run did not carry out its whole plan: {why}"),
        remedy: "run it again; what was measured until then is kept, but nothing is decided by it".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::summary::summarize;
    use crate::run::fixture::{self, World};

    fn examined(run: &Run) -> Validity {
        let measured: Vec<_> = run.measured().collect();
        examine(run, &measured, &summarize(run, &measured), Metric::Ttft)
    }

    fn codes(validity: &Validity) -> Vec<(&'static str, ValidityVerdict)> {
        validity.reasons.iter().map(|reason| (reason.code, reason.weight)).collect()
    }

    fn delay(run: &mut Run, ms: u64) {
        for sample in &mut run.samples {
            let late = Duration::from_millis(ms);
            sample.stamps.sent = sample.stamps.sent.map(|sent| sent + late);
        }
    }

    #[test]
    fn a_good_run_is_valid_and_adds_up() {
        let validity = examined(&World::default().run());
        assert_eq!(validity.verdict, ValidityVerdict::Valid, "{:?}", validity.reasons);
        assert_eq!((validity.planned, validity.dropped), (validity.sent, 0));
        assert!((validity.send_lag.p99.expect("lag") - 0.05).abs() < 1e-9);
    }

    #[test]
    fn lateness_degrades_then_invalidates() {
        for (ms, verdict) in
            [(1, ValidityVerdict::Valid), (5, ValidityVerdict::Degraded), (12, ValidityVerdict::Invalid)]
        {
            let mut run = World::default().run();
            delay(&mut run, ms);
            assert_eq!(examined(&run).verdict, verdict, "{ms} ms");
        }
    }

    #[test]
    fn opening_a_connection_is_not_this_tools_lateness() {
        let mut run = World::default().run();
        delay(&mut run, 40);
        for sample in &mut run.samples {
            fixture::open(sample);
            sample.stamps.conn_ready = sample.stamps.dequeued.map(|at| at + Duration::from_millis(40));
        }
        let validity = examined(&run);
        assert_eq!(validity.verdict, ValidityVerdict::Valid, "{:?}", validity.reasons);
        assert!(validity.send_lag.p99.expect("lag") > 40.0 && validity.own_lag.p99.expect("lag") < 1.0);
    }

    #[test]
    fn what_speaks_against_a_run_is_named() {
        let invalid = |code| vec![(code, ValidityVerdict::Invalid)];
        let degraded = |code| vec![(code, ValidityVerdict::Degraded)];
        let with = |spoil: fn(&mut Run)| {
            let mut run = World::default().run();
            spoil(&mut run);
            codes(&examined(&run))
        };
        let drop = |run: &mut Run, many: usize, class| {
            run.samples[..many].iter_mut().for_each(|sample| sample.outcome = Outcome::Dropped(class));
        };
        assert_eq!(with(|run| run.manifest.ending.as_mut().expect("ending").planned[0] += 1), invalid("accounting"));
        assert_eq!(with(|run| run.manifest.ending.as_mut().expect("ending").rows_lost = 3), invalid("rows_lost"));
        assert_eq!(with(|run| run.samples[0].stamps.end = Some(fixture::ORIGIN)), invalid("clock"));
        assert_eq!(with(|run| run.manifest.ending.as_mut().expect("ending").cpu_s = Some(110.0)), degraded("cpu"));
        assert_eq!(
            with(|run| run.manifest.ending.as_mut().expect("ending").complete = false),
            degraded("incomplete_run")
        );
        assert_eq!(with(|run| run.manifest.ending = None), degraded("incomplete_run"));
        for (many, class, expected) in [
            (5, ErrorClass::InFlightCap, degraded("dropped")),
            (50, ErrorClass::InFlightCap, invalid("dropped")),
            (50, ErrorClass::LimitReached, vec![]),
        ] {
            let mut run = World::default().run();
            drop(&mut run, many, class);
            assert_eq!(codes(&examined(&run)), expected, "{many} {class}");
        }
        let rig =
            with(|run| run.samples.iter_mut().for_each(|s| s.outcome = Outcome::Failed(ErrorClass::NoDescriptor)));
        assert_eq!(rig, invalid("own_failures"));
    }

    #[test]
    fn what_a_killed_run_lost_is_counted() {
        let mut run = World::default().run();
        run.manifest.ending = None;
        run.lost.by_path = vec![1, 0, 2];
        run.lost.unattributed = 4;
        let validity = examined(&run);
        assert_eq!(codes(&validity), [("incomplete_run", ValidityVerdict::Degraded)]);
        assert_eq!(validity.planned, run.samples.len() as u64 + 7);
        assert_eq!((validity.sent, validity.unattributed), (validity.planned, 4));
    }
}
