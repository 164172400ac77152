//! What an early_stop holds of a run that goes on: every call up to a number, then a seeded sample of them, with all of
//! them counted. Its size does not depend on how long the run lasts.

use crate::measure::counts::Counts;
use crate::measure::histogram;
use crate::measure::recorder::Recorder;
use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::run::{Lost, Manifest, Run, SpanCounts, Totals};
use crate::store::RowSampler;
use crate::units::{PathId, Phase};

/// The calls that are held at most, of half a kilobyte each.
pub(crate) const MOST: usize = 1 << 18;

/// The calls of a run so far, as a run that can be judged.
pub(crate) struct Held {
    /// What is judged.
    pub(crate) run: Run,
    sampler: RowSampler,
    recorder: Recorder,
    calls: u64,
    most: usize,
}

impl Held {
    /// Nothing yet. The measured phase begins with the round `from`; `most` calls are held at most.
    pub(crate) fn new(manifest: &Manifest, from: u64, most: usize) -> Self {
        let plan = &manifest.plan;
        let run = Run {
            errors_seen: Vec::new(),
            manifest: manifest.clone(),
            samples: Vec::new(),
            totals: None,
            chunk_gaps: Vec::new(),
            health: Vec::new(),
            lost: Lost::default(),
        };
        // How many calls the plan expects plays no part: most runs that are overseen end before.
        Self {
            sampler: RowSampler::of(plan, from, u64::MAX),
            recorder: Recorder::new(plan.paths.len()),
            calls: 0,
            most,
            run,
        }
    }

    /// Takes measured calls that have ended.
    pub(crate) fn take(&mut self, ended: impl Iterator<Item = Sample>) {
        for sample in ended {
            while self.run.samples.len() >= self.most && self.sampler.keeps(&sample) {
                self.thin();
            }
            self.calls += 1;
            if let Some(totals) = &mut self.run.totals {
                count(totals, &mut self.recorder, &sample);
            }
            if self.sampler.keeps(&sample) {
                self.run.samples.push(sample);
            }
        }
        self.sum_up();
    }

    /// Keeps half as many from now on; all are counted before the first are let go.
    fn thin(&mut self) {
        if self.run.totals.is_none() {
            let mut totals = empty(&self.run.manifest.plan);
            self.run.samples.iter().for_each(|sample| count(&mut totals, &mut self.recorder, sample));
            self.run.totals = Some(totals);
        }
        self.sampler.halve();
        self.run.samples.retain(|sample| self.sampler.keeps(sample));
    }

    /// Adds what was recorded since to the histograms of all calls.
    fn sum_up(&mut self) {
        let Some(totals) = &mut self.run.totals else { return };
        for (series, values) in self.recorder.take() {
            let sum = totals.values.entry(series).or_insert_with(histogram::empty);
            let recorded = values.iter_recorded();
            recorded
                .for_each(|value| sum.saturating_record_n(value.value_iterated_to(), value.count_at_value().into()));
        }
        self.run.manifest.rows = self.sampler.statement(self.calls, self.run.samples.len() as u64);
    }
}

/// Counts of no call, one for each path in the order of the plan.
fn empty(plan: &Plan) -> Totals {
    let phase = Phase::Measure;
    let none = |path: PathId| SpanCounts {
        second: 0,
        length: plan.measure_until().as_secs() + 1,
        path,
        phase,
        calls: Counts::default(),
        begun: 0,
        over: 0,
    };
    Totals { spans: plan.paths.iter().map(|path| none(path.id)).collect(), ..Totals::default() }
}

fn count(totals: &mut Totals, recorder: &mut Recorder, sample: &Sample) {
    recorder.record(sample);
    if let Some(span) = totals.spans.get_mut(sample.path.index()) {
        span.calls.count(sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::input::blocks::BlockedView;
    use crate::analysis::input::view::View;
    use crate::analysis::slo::{ObjectiveResult, judge};
    use crate::objective::objective::Objective;
    use crate::run::fixture::World;

    fn judged(run: &Run) -> Vec<ObjectiveResult> {
        judge(&BlockedView::of(&View::of(run)))
    }

    #[test]
    fn what_is_held_has_a_bound_and_every_call_is_counted() {
        let exprs = ["error_rate < 1%", "rate_429 < 1%", "e2e.max < 10s", "ttft.p50 < 1s"];
        let mut run = World { failing: vec![0.0, 0.0, 0.05], ..World::default() }.run();
        let objective = |expr: &str| Objective::new("gateway", expr.parse().expect("expression"));
        run.manifest.plan.objectives = exprs.map(objective).to_vec();
        let whole = judged(&run);
        let mut held = Held::new(&run.manifest, 0, 200);
        for chunk in run.samples.chunks(70) {
            held.take(chunk.iter().cloned());
            assert!(held.run.samples.len() <= 200 && held.run.totals.is_some() == (held.calls > 200));
        }
        assert!(held.run.samples.len() > 20 && held.calls == run.samples.len() as u64);
        let few = judged(&held.run);
        for (all, few) in whole.iter().zip(&few).take(3) {
            let (x, y) = (all.estimate.value.expect("seen"), few.estimate.value.expect("seen"));
            assert_eq!((all.n, all.verdict), (few.n, few.verdict), "{few:?}");
            assert!((x - y).abs() <= 2e-3 * x, "{all:?} {few:?}");
        }
        assert!(few[3].n < whole[3].n && few[3].reason.is_some(), "{:?}", few[3]);
        let rounds = |path: u16| -> Vec<u64> {
            let own = held.run.samples.iter().filter(|sample| sample.path == PathId(path));
            own.map(|sample| sample.round).collect()
        };
        assert!(rounds(0) == rounds(1) && rounds(1) == rounds(2), "members of a round stay together");
    }

    #[test]
    fn a_run_that_fits_is_held_as_it_is() {
        let run = World { seconds: 10.0, ..World::default() }.run();
        let mut held = Held::new(&run.manifest, 0, MOST);
        held.take(run.samples.iter().cloned());
        assert_eq!((held.run.samples, held.run.totals, held.run.manifest.rows), (run.samples, None, None));
    }
}
