//! What will happen: resolved, validated, seeded and serializable, without a secret. `run --dry-run` prints it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::prices::Prices;
use crate::objective::margin::Margin;
use crate::objective::objective::{Expectation, Objective};
use crate::objective::precision::Precision;
use crate::path::NetPath;
use crate::profile::{Profile, most_workers};
use crate::schedule::arrivals::{nanos, trace_end};
use crate::schedule::closed;
use crate::schedule::design::Phases;
use crate::schedule::measured::{self, Unmeasured};
use crate::schedule::tickets::{Layout, Share};
use crate::units::{PathId, Phase, Seq, Span};

pub use crate::schedule::design::Design;
pub use crate::schedule::load::{Arrivals, Limits, LoadModel, LoadPlan};
pub use crate::schedule::tickets::{Ticket, Tickets};
pub use crate::workload::spec::{TokenDist, WorkloadPlan, WorkloadSource};

/// Everything that decides what a run sends, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The profile's name.
    pub name: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// Worker threads; no more than a path over HTTP/2 has connections.
    pub workers: usize,
    /// The path against which the others are compared.
    pub baseline: PathId,
    /// The ways to the model.
    pub paths: Vec<NetPath>,
    /// The baseline's path once more, which shows the noise of this machine.
    #[serde(default, rename = "twin")]
    pub control_path: Option<PathId>,
    /// What is asked.
    pub workload: WorkloadPlan,
    /// When.
    pub load: LoadPlan,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// How much slower a path may be than the baseline.
    #[serde(default)]
    pub margins: Vec<Margin>,
    /// What was claimed, to be held against what was seen.
    #[serde(default)]
    pub expectations: Vec<Expectation>,
    /// Where to stop before it hurts.
    pub limits: Limits,
    /// What tokens cost.
    #[serde(default)]
    pub prices: Option<Prices>,
    /// How narrow intervals must become before the run may stop.
    #[serde(default)]
    pub precision: Option<Precision>,
    /// The bundled simulator, if the run starts it.
    pub simulator: Option<SimulatorPlan>,
}

/// The bundled simulator as a child of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatorPlan {
    /// A bundled scenario's name or a file.
    pub scenario: String,
}

/// Adds the baseline's path once more, under a name that no other has.
fn add_control_path(paths: &mut Vec<NetPath>, baseline: PathId) -> PathId {
    let mut control = paths[baseline.index()].clone();
    while paths.iter().any(|path| path.name == control.name) {
        control.name.push_str("-again");
    }
    control.id = PathId(paths.len() as u16);
    paths.push(control);
    PathId(paths.len() as u16 - 1)
}

/// The seed of a plan whose profile names none.
pub(crate) const DEFAULT_SEED: u64 = 42;

impl Plan {
    /// What will happen when this profile is run by a process that may use `cores` cores.
    #[must_use]
    pub fn resolve(profile: Profile, cores: usize) -> Self {
        let most = most_workers(&profile.paths).unwrap_or(usize::MAX);
        let mut paths = profile.paths;
        let control_path = profile.noise_floor.then(|| add_control_path(&mut paths, profile.baseline));
        Self {
            name: profile.name,
            seed: profile.seed.unwrap_or(DEFAULT_SEED),
            workers: profile.workers.unwrap_or(cores).min(most).max(1),
            baseline: profile.baseline,
            paths,
            control_path,
            workload: profile.workload,
            load: profile.load,
            objectives: profile.objectives,
            margins: profile.margins,
            expectations: profile.expectations,
            limits: profile.limits,
            prices: profile.prices,
            precision: profile.precision,
            simulator: profile.scenario.map(|scenario| SimulatorPlan { scenario }),
        }
    }

    /// The path with this place.
    #[must_use]
    pub fn path(&self, id: PathId) -> &NetPath {
        &self.paths[id.index()]
    }

    /// The path with this name.
    #[must_use]
    pub(crate) fn path_named(&self, name: &str) -> Option<&NetPath> {
        self.paths.iter().find(|path| path.name == name)
    }

    /// Whether the run is to be judged while it goes on.
    #[must_use]
    pub(crate) fn is_overseen(&self) -> bool {
        self.precision.is_some() || self.objectives.iter().any(|objective| objective.abort_after.is_some())
    }

    /// When measuring begins, from the run's start.
    #[must_use]
    pub fn measure_from(&self) -> Duration {
        self.load.warmup.0
    }

    /// When measuring ends, from the run's start.
    #[must_use]
    pub fn measure_until(&self) -> Duration {
        self.load.warmup.0 + self.load.duration.0
    }

    /// How many seconds an interval of histograms, counts and series lasts: it widens with the plan, so that files stay
    /// bounded. 1 up to ten minutes, 10 up to two hours, 60 beyond.
    #[must_use]
    pub(crate) fn interval_s(&self) -> u64 {
        match self.measure_until().as_secs() {
            0..=600 => 1,
            601..=7_200 => 10,
            7_201.. => 60,
        }
    }

    /// How many calls an open load with a rate will make, nearly; `None` where nobody knows before.
    #[must_use]
    pub(crate) fn expected_calls(&self) -> Option<f64> {
        let calls = self.load.planned_calls(self.paths.len())?;
        Some(self.limits.requests.map_or(calls, |limit| calls.min(limit as f64)))
    }

    /// The tickets of an open load that belong to share `shard` of `of`, in order of their intended time; none for a
    /// closed load.
    ///
    /// `trace` is the workload's own times, needed under [`Arrivals::Trace`] and unused otherwise; the plan then ends
    /// with the trace or the duration, whichever is first. Only tickets whose number leaves `shard` when divided by
    /// `of` are given, so the union over all shares is the same for every `of`.
    #[must_use]
    pub fn tickets<'trace>(&self, trace: Option<&'trace [Duration]>, shard: u64, of: u64) -> Tickets<'trace> {
        let phases = self.phases(trace);
        let layout = Layout {
            seed: self.seed,
            paths: self.path_count(),
            design: self.load.design,
            spread: nanos(self.load.round_spread.0),
            phases,
        };
        let times = self.load.model.times(self.seed, trace, phases.until);
        Tickets::new(times, layout, Share { shard, of: of.max(1) })
    }

    /// Where the phases lie, in nanoseconds from the run's start.
    fn phases(&self, trace: Option<&[Duration]>) -> Phases {
        let until = match (self.follows_trace(), trace) {
            (true, Some(times)) => self.measure_until().min(trace_end(times)),
            _ => self.measure_until(),
        };
        Phases { measure_from: nanos(self.measure_from()), until: nanos(until) }
    }

    /// Whether arrivals come at the trace's own times.
    #[must_use]
    pub(crate) fn follows_trace(&self) -> bool {
        self.load.model.arrivals().is_some_and(Arrivals::follows_trace)
    }

    /// Shortens the measured phase to the end of the trace that it follows, if the trace ends first.
    ///
    /// # Errors
    /// When the trace is over before the warmup is, so that nothing would be measured.
    pub fn end_with_trace(&mut self, times: &[Duration]) -> Result<(), TraceTooShort> {
        if !self.follows_trace() {
            return Ok(());
        }
        let end = trace_end(times);
        let measured = end.checked_sub(self.measure_from()).filter(|left| !left.is_zero());
        let left = measured.ok_or(TraceTooShort { trace: Span(end), warmup: self.load.warmup })?;
        self.load.duration = Span(self.load.duration.0.min(left));
        Ok(())
    }

    /// Refuses an open load of which nothing would be measured on a path.
    ///
    /// # Errors
    /// When the schedule has no measured call for a path, or a limit on requests ends it before.
    pub(crate) fn check_measured(&self, trace: Option<&[Duration]>) -> Result<(), NothingMeasured> {
        if self.concurrency() > 0 || self.is_surely_measured() {
            return Ok(());
        }
        let allowed = self.limits.requests.unwrap_or(u64::MAX);
        match measured::unmeasured(self.tickets(trace, 0, 1), self.paths.len(), allowed) {
            None => Ok(()),
            Some(Unmeasured { path, limited }) => {
                Err(NothingMeasured { path: self.path(path).name.clone(), why: self.why_unmeasured(limited) })
            }
        }
    }

    /// Whether so many arrivals are expected on every path that none can be without, so that nobody need count them.
    fn is_surely_measured(&self) -> bool {
        let Some(rate) = self.load.model.rate() else { return false };
        let in_a_segment = rate.0 * self.load.duration.0.as_secs_f64() / self.paths.len().max(1) as f64;
        self.limits.requests.is_none() && in_a_segment > SURELY
    }

    fn why_unmeasured(&self, limited: bool) -> String {
        let LoadPlan { warmup, duration, design, .. } = &self.load;
        if let Some(requests) = self.limits.requests.filter(|_| limited) {
            return format!(
                "limits.requests = {requests} ends the run before its first measured call, with a warmup of {warmup}; \
                 raise the limit or shorten load.warmup"
            );
        }
        let after = format!("the measured {duration} after {warmup} of warmup");
        match self.load.model.rate() {
            Some(rate) => format!(
                "a rate of {} ({}, seed {}) plans no call for it in {after}; raise load.rate or lengthen load.duration",
                measured::readable_rate(rate),
                design,
                self.seed
            ),
            None => format!(
                "the trace has no call for it in {after}; use a longer trace, raise workload.time_scale or lengthen \
                 load.duration"
            ),
        }
    }

    /// The first round of the measured phase, where groups of neighbours begin anew; 0 for a closed load, which has none.
    #[must_use]
    pub(crate) fn first_measured(&self, trace: Option<&[Duration]>) -> u64 {
        self.tickets(trace, 0, 1).find(|ticket| ticket.phase == Phase::Measure).map_or(0, |ticket| ticket.round)
    }

    /// The phase in which an instant after the run's start lies.
    #[must_use]
    pub(crate) fn phase_at(&self, at: Duration) -> Phase {
        self.phases(None).at(nanos(at))
    }

    /// The callers of a closed load; 0 for an open one. Caller `slot` belongs to worker `slot % workers`.
    #[must_use]
    pub fn concurrency(&self) -> u64 {
        self.load.model.concurrency()
    }

    /// When caller `slot` of a closed load makes its first call, from the run's start.
    #[must_use]
    pub(crate) fn closed_start(&self, slot: u64) -> Duration {
        closed::first_call(slot, self.concurrency(), self.measure_from())
    }

    /// Number, round and path of call `k` of caller `slot` of a closed load. Every call is a round of its own.
    #[must_use]
    pub(crate) fn closed_call(&self, slot: u64, k: u64) -> (Seq, u64, PathId) {
        let seq = closed::seq(slot, k, self.concurrency().max(1));
        (seq, seq.0, closed::path(self.seed, slot, k, self.path_count()))
    }

    /// The path of call `k` of caller `slot` when it starts at `at`: under [`Design::Sequential`] the measured phase
    /// has a segment for each path, otherwise it is the path of [`Plan::closed_call`].
    #[must_use]
    pub(crate) fn closed_path_at(&self, slot: u64, k: u64, at: Duration) -> PathId {
        let phases = self.phases(None);
        if self.load.design == Design::Sequential && phases.at(nanos(at)) == Phase::Measure {
            PathId(phases.segment(nanos(at), self.path_count()))
        } else {
            self.closed_call(slot, k).2
        }
    }

    /// The ticket of call `k` of caller `slot` of a closed load when it starts at `at`; `None` once measuring is over.
    #[must_use]
    pub(crate) fn closed_ticket(&self, slot: u64, k: u64, at: Duration) -> Option<Ticket> {
        let phase = self.phase_at(at);
        let (seq, round, _) = self.closed_call(slot, k);
        let path = self.closed_path_at(slot, k, at);
        (phase != Phase::Drain).then_some(Ticket { seq, round, path, phase, intended: at })
    }

    fn path_count(&self) -> u16 {
        u16::try_from(self.paths.len()).unwrap_or(u16::MAX)
    }
}

/// So many expected arrivals that their absence need not be thought of.
const SURELY: f64 = 1_000.0;

/// A plan by which nothing would be measured on a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no call would be measured on path '{path}': {why}")]
pub(crate) struct NothingMeasured {
    path: String,
    why: String,
}

/// A trace that is over before anything would be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the trace ends after {trace}, before the warmup of {warmup} ends: shorten the warmup, lower time_scale or use a longer trace"
)]
pub struct TraceTooShort {
    trace: Span,
    warmup: Span,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::path::fixture::path_to;
    use crate::units::Rate;

    fn net_path(id: u16) -> NetPath {
        NetPath { id: PathId(id), name: format!("p{id}"), ..path_to("http://127.0.0.1:1/openai/v1") }
    }

    fn plan(model: LoadModel, design: Design) -> Plan {
        let fixed = TokenDist::Fixed { value: 8 };
        Plan {
            name: "test".to_owned(),
            seed: 1,
            workers: 2,
            baseline: PathId(0),
            paths: (0..3).map(net_path).collect(),
            workload: WorkloadPlan {
                source: WorkloadSource::Synthetic { input_tokens: fixed, output_tokens: fixed },
                api: BTreeMap::new(),
                stream: 1.0,
                model: "gpt-4o".to_owned(),
                max_output_tokens: None,
                max_input_tokens: None,
            },
            load: LoadPlan {
                model,
                warmup: Span::from_secs(1),
                duration: Span::from_secs(9),
                design,
                round_spread: Span::from_millis(500),
                max_in_flight: 100,
            },
            objectives: Vec::new(),
            margins: Vec::new(),
            control_path: None,
            expectations: Vec::new(),
            limits: Limits::default(),
            prices: None,
            precision: None,
            simulator: None,
        }
    }

    fn open(arrivals: Arrivals, rate: Option<f64>) -> LoadModel {
        LoadModel::Open { arrivals, rate: rate.map(Rate) }
    }

    /// How many attempts of the measured phase are due before `until`, by path.
    fn planned(plan: &Plan, trace: Option<&[Duration]>, until: Duration) -> Vec<u64> {
        let mut planned = vec![0; plan.paths.len()];
        let due = plan.tickets(trace, 0, 1).take_while(|ticket| ticket.intended < until);
        due.filter(|ticket| ticket.phase == Phase::Measure).for_each(|ticket| planned[ticket.path.index()] += 1);
        planned
    }

    #[test]
    fn the_plan_counts_what_is_due() {
        let plan = plan(open(Arrivals::Constant, Some(10.0)), Design::Paired);
        assert_eq!(planned(&plan, None, plan.measure_until()), [90, 90, 90]);
        assert_eq!(planned(&plan, None, Duration::from_secs(1)), [0, 0, 0]);
        let half: u64 = planned(&plan, None, Duration::from_millis(5_500)).iter().sum();
        assert!((126..=138).contains(&half), "{half}");
    }

    #[test]
    fn the_first_measured_round_comes_after_those_of_the_warmup() {
        let times: Vec<Duration> = (0..50).map(|n| Duration::from_millis(100 * n + 50)).collect();
        for (arrivals, rate, design) in [
            (Arrivals::Poisson, Some(13.0), Design::Interleaved),
            (Arrivals::Trace, None, Design::Interleaved),
            (Arrivals::Constant, Some(10.0), Design::Sequential),
        ] {
            let plan = plan(open(arrivals, rate), design);
            let before = plan.tickets(Some(&times), 0, 1).filter(|ticket| ticket.phase == Phase::Warmup).count();
            assert!(before > 3 && plan.first_measured(Some(&times)) == before as u64, "{arrivals:?}: {before}");
        }
        let closed = plan(LoadModel::Closed { concurrency: 4, think_time: Span::default() }, Design::Interleaved);
        assert_eq!(closed.first_measured(None), 0);
    }

    #[test]
    fn a_trace_that_ends_first_ends_the_plan() {
        let times: Vec<Duration> = (0..50).map(|n| Duration::from_millis(100 * n)).collect();
        let mut plan = plan(open(Arrivals::Trace, None), Design::Paired);
        let before: Vec<Ticket> = plan.tickets(Some(&times), 0, 1).collect();
        plan.end_with_trace(&times).expect("long enough");
        assert_eq!(plan.load.duration, Span::from_secs(4));
        assert_eq!(before, plan.tickets(Some(&times), 0, 1).collect::<Vec<_>>());
        assert_eq!(before.len(), 150);
        assert!(before.iter().all(|ticket| ticket.intended < Duration::from_secs(5)));

        let short = plan.end_with_trace(&times[..8]).expect_err("over before measuring").to_string();
        assert!(short.contains("warmup of 1s"), "{short}");
    }

    #[test]
    fn a_trace_longer_than_the_plan_leaves_it_as_it_is() {
        let times: Vec<Duration> = (0..500).map(|n| Duration::from_millis(100 * n)).collect();
        let mut plan = plan(open(Arrivals::Trace, None), Design::Interleaved);
        plan.end_with_trace(&times).expect("long enough");
        assert_eq!(plan.load.duration, Span::from_secs(9));
        assert_eq!(planned(&plan, Some(&times), plan.measure_until()), [30, 30, 30]);
    }

    #[test]
    fn closed_calls_have_numbers_of_their_own_and_end_with_the_plan() {
        let plan = plan(LoadModel::Closed { concurrency: 4, think_time: Span::default() }, Design::Interleaved);
        assert_eq!(plan.tickets(None, 0, 1).count(), 0);
        let mut seqs: Vec<u64> = (0..4)
            .flat_map(|slot| (0..5).map(move |k| (slot, k)))
            .map(|(slot, k)| plan.closed_call(slot, k).0.0)
            .collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (0..20).collect::<Vec<_>>());
        assert_eq!(plan.closed_start(3), Duration::from_millis(750));
        let phase = |ms| plan.closed_ticket(1, 2, Duration::from_millis(ms)).map(|ticket| ticket.phase);
        assert_eq!([phase(999), phase(1000), phase(10_000)], [Some(Phase::Warmup), Some(Phase::Measure), None]);
    }

    #[test]
    fn a_sequential_closed_load_has_a_segment_for_each_path() {
        let plan = plan(LoadModel::Closed { concurrency: 4, think_time: Span::default() }, Design::Sequential);
        let path = |ms| plan.closed_path_at(2, 7, Duration::from_millis(ms));
        assert_eq!([path(1000), path(3999), path(4000), path(9999)], [0, 0, 1, 2].map(PathId));
        assert_eq!(path(500), plan.closed_call(2, 7).2);
    }
}
