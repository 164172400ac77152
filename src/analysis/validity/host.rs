//! Whether this machine let the tool measure: its processors, its limits, and the simulator if that was the backend.

use crate::analysis::validity::limits::{CPU_WARNING, HEADROOM, SENT_SHARE, SIMULATOR_LATE};
use crate::analysis::validity::reason::Reason;
use crate::analysis::validity::verdict::ValidityVerdict;
use crate::measure::counts::Counts;
use crate::measure::health::{BadSeconds, Second};
use crate::measure::outcome::ErrorClass;
use crate::run::Run;

/// The host's health over the measured phase. Figures that the system does not give are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vitals {
    /// Seconds that were watched.
    pub seconds: u64,
    /// The longest hiccup, ms.
    pub hiccup_ms: Option<f64>,
    /// Processors that this tool used: mean and most.
    pub cpu: Option<(f64, f64)>,
    /// Processors that other programs used: mean and most.
    pub others: Option<(f64, f64)>,
    /// Share of the processors stolen: mean and most.
    pub steal: Option<(f64, f64)>,
    /// How long the control group was held back, ms.
    pub throttled_ms: Option<f64>,
    /// The most descriptors open.
    pub files: Option<u64>,
    /// The most local ports taken.
    pub ports: Option<u64>,
    /// Processors that the bundled simulator used: mean and most.
    pub sim_cpu: Option<(f64, f64)>,
    /// Answers that the bundled simulator began, and those that it began late.
    pub sim_answers: Option<(u64, u64)>,
}

impl Vitals {
    /// Of the measured phase of a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let rows: Vec<&Second> = run.measured_health().collect();
        let spread = |of: fn(&Second) -> Option<f64>| spread(rows.iter().filter_map(|row| of(row)));
        let most = |of: fn(&Second) -> Option<u64>| rows.iter().filter_map(|row| of(row)).max();
        let sum = |of: fn(&Second) -> Option<u64>| rows.iter().filter_map(|row| of(row)).sum::<u64>();
        let has_simulator = rows.iter().any(|row| row.sim_answers.is_some());
        Self {
            seconds: rows.len() as u64,
            hiccup_ms: rows.iter().map(|row| row.hiccup_ms).reduce(f64::max),
            cpu: spread(|row| row.cpu),
            others: spread(|row| row.others),
            steal: spread(|row| row.steal),
            throttled_ms: rows.iter().filter_map(|row| row.throttled_ms).reduce(|sum, more| sum + more),
            files: most(|row| row.files),
            ports: most(|row| row.ports),
            sim_cpu: spread(|row| row.sim_cpu),
            sim_answers: has_simulator.then(|| (sum(|row| row.sim_answers), sum(|row| row.sim_late))),
        }
    }
}

/// Mean and most.
fn spread(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (count, sum, most) = values.fold((0.0, 0.0, 0.0_f64), |(n, sum, most), v| (n + 1.0, sum + v, most.max(v)));
    (count > 0.0).then(|| (sum / count, most))
}

/// Calls that failed on this machine, not on the path: without a descriptor or a port, and broken inside.
pub(crate) fn own_failures(all: &Counts) -> (u64, u64) {
    let count = |class| all.with_class(|seen| seen == class);
    (count(ErrorClass::NoDescriptor), count(ErrorClass::Internal))
}

/// What was wrong with the machine; with `unsent`, the share of arrivals that this tool did not send.
pub(crate) fn reasons(run: &Run, vitals: &Vitals, bad: &BadSeconds, failures: (u64, u64), unsent: f64) -> Vec<Reason> {
    let weight = ValidityVerdict::invalid_if(unsent > 1.0 - SENT_SHARE);
    let found = [
        hiccups(run, bad),
        steal(run, bad),
        throttled(run),
        cpu(run, vitals),
        full(run, vitals, failures.0, weight),
        (failures.1 > 0).then_some(Reason::OwnFailures { count: failures.1, weight }),
        simulator(run, vitals),
        simulator_silent(run, bad),
        (vitals.seconds == 0).then_some(Reason::Unwatched),
    ];
    found.into_iter().flatten().collect()
}

fn hiccups(run: &Run, bad: &BadSeconds) -> Option<Reason> {
    let rows: Vec<&Second> = run.measured_health().filter(|row| row.has_hiccup()).collect();
    (!rows.is_empty()).then(|| Reason::Hiccups {
        seconds: rows.len() as u64,
        of: bad.of,
        longest_ms: rows.iter().map(|row| row.hiccup_ms).fold(0.0, f64::max),
        others: spread(rows.iter().filter_map(|row| row.others)).map(|(mean, _)| mean),
        cpus: run.manifest.environment.cpus,
        weight: ValidityVerdict::invalid_if(bad.are_too_many()),
    })
}

fn steal(run: &Run, bad: &BadSeconds) -> Option<Reason> {
    let rows: Vec<&Second> = run.measured_health().filter(|row| row.is_stolen()).collect();
    (!rows.is_empty()).then(|| Reason::Steal {
        seconds: rows.len() as u64,
        of: bad.of,
        highest: rows.iter().filter_map(|row| row.steal).fold(0.0, f64::max),
        weight: ValidityVerdict::invalid_if(bad.are_too_many()),
    })
}

fn throttled(run: &Run) -> Option<Reason> {
    let held: Vec<f64> = run.measured_health().filter_map(|row| row.throttled_ms).filter(|ms| *ms > 0.0).collect();
    (!held.is_empty()).then(|| Reason::Throttled { seconds: held.len() as u64, sum_ms: held.iter().sum() })
}

fn cpu(run: &Run, vitals: &Vitals) -> Option<Reason> {
    let manifest = &run.manifest;
    let over_all = || manifest.ending.as_ref().and_then(|ending| Some(ending.cpu_s? / ending.measured_s.max(1e-9)));
    let used = vitals.cpu.map(|(mean, _)| mean).or_else(over_all)?;
    let of = manifest.plan.workers.min(manifest.environment.cpus).max(1) as f64;
    (used > CPU_WARNING * of).then_some(Reason::Cpu { used, of })
}

/// Descriptors or local ports that are all taken, or nearly. The system tells the two apart when a call fails, but not
/// the row that is left of it: whichever had no room is named.
fn full(run: &Run, vitals: &Vitals, failed: u64, weight: ValidityVerdict) -> Option<Reason> {
    let environment = &run.manifest.environment;
    let limit = environment.open_files;
    let tight = |peak: u64, of: u64| peak as f64 > HEADROOM * of as f64;
    let files = vitals.files.filter(|peak| tight(*peak, limit));
    let ports = vitals.ports.zip(environment.local_ports).filter(|(peak, range)| tight(*peak, *range));
    let weight = if failed > 0 { weight } else { ValidityVerdict::Degraded };
    match (files, ports) {
        (None, Some((peak, range))) => Some(Reason::Ports { failed, peak, range, weight }),
        (None, None) if failed == 0 => None,
        (peak, _) => Some(Reason::Descriptors { failed, peak, limit, weight }),
    }
}

fn simulator(run: &Run, vitals: &Vitals) -> Option<Reason> {
    let used = vitals.sim_cpu.map(|(mean, _)| mean);
    let (answers, late) = vitals.sim_answers.unwrap_or_default();
    let is_late = late as f64 > SIMULATOR_LATE * answers as f64;
    let is_busy = used.is_some_and(|used| used > CPU_WARNING * run.manifest.environment.cpus as f64);
    (is_late || is_busy).then_some(Reason::SimulatorCeiling { late, answers, used })
}

/// Seconds in which the simulator did not tell its figures, though it tells them otherwise: it stood still, and what was
/// measured then is its stillness. Where this tool stood still itself, it could not ask.
fn simulator_silent(run: &Run, bad: &BadSeconds) -> Option<Reason> {
    let does_tell = run.health.iter().any(|row| row.sim_answers.is_some());
    let silent = run.measured_health().filter(|row| row.sim_answers.is_none() && !row.is_bad()).map(|row| row.second);
    let silent = BadSeconds { of: bad.of, seconds: silent.collect() };
    (does_tell && !silent.seconds.is_empty()).then(|| Reason::SimulatorSilent {
        seconds: silent.seconds.len() as u64,
        of: silent.of,
        weight: ValidityVerdict::invalid_if(silent.are_too_many()),
    })
}
