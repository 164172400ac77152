//! What a figure is made from: some paths of a run, over some seconds and attempts, with a seed for its draws. The run is
//! borrowed as it was read; a narrower question is another view of it, and what several figures need is computed once.

use std::cell::OnceCell;
use std::time::Duration;

use crate::analysis::input::population::{Connections, headline};
use crate::analysis::input::rounds::without_bad_seconds;
use crate::measure::counts::Counts;
use crate::measure::health::BadSeconds;
use crate::measure::metric::{Basis, Metric};
use crate::measure::sample::Sample;
use crate::path::NetPath;
use crate::plan::{Design, Plan};
use crate::run::Run;
use crate::units::{PathId, Phase};

/// A question asked of a run.
pub(crate) struct View<'a> {
    /// The run that is looked at.
    pub(crate) run: &'a Run,
    /// The paths that are looked at, in the order of the plan.
    pub(crate) paths: Vec<&'a NetPath>,
    /// The path against which the others stand.
    pub(crate) baseline: PathId,
    /// The seed of everything that is drawn.
    pub(crate) seed: u64,
    /// Seconds that were measured.
    pub(crate) measured_s: f64,
    /// The attempts of the measured phase that have rows.
    pub(crate) measured: Vec<&'a Sample>,
    /// Those of them that figures are made of: without the rounds that were due in a bad second.
    pub(crate) kept: Vec<&'a Sample>,
    /// The seconds in which this tool could not measure faithfully.
    pub(crate) bad: BadSeconds,
    /// The metric on which paths are judged first.
    pub(crate) headline: Metric,
    counted: OnceCell<Vec<Counts>>,
}

impl<'a> View<'a> {
    /// The whole measured phase of a run: all paths of its plan against its baseline, with its seed.
    pub(crate) fn of(run: &'a Run) -> Self {
        let plan = &run.manifest.plan;
        let measured: Vec<&Sample> = run.measured().collect();
        let bad = run.bad_seconds();
        let kept = without_bad_seconds(run, &measured, &bad);
        Self {
            paths: plan.paths.iter().collect(),
            baseline: plan.baseline,
            seed: plan.seed,
            measured_s: run.measured_s(),
            headline: headline(&kept),
            counted: OnceCell::new(),
            run,
            measured,
            kept,
            bad,
        }
    }

    /// The same with another baseline.
    pub(crate) fn with_baseline(self, baseline: PathId) -> Self {
        Self { baseline, ..self }
    }

    /// One path by itself: what two runs are compared by, each with its own blocks.
    ///
    /// Two runs share nothing, so nothing cancels between them: a path's blocks must outlast the memory of its own
    /// values, not that of its differences from another path. Rounds that the run leaves out are left out here too.
    pub(crate) fn of_path_alone(&self, path: PathId, seed: u64) -> Self {
        let kept = self.kept_of(path);
        Self {
            run: self.run,
            paths: self.paths.iter().filter(|own| own.id == path).copied().collect(),
            baseline: path,
            seed,
            measured_s: self.own_seconds(&kept),
            measured: kept.clone(),
            headline: headline(&kept),
            kept,
            bad: self.bad.clone(),
            counted: self.counted.clone(),
        }
    }

    /// The time that one path had: under [`Design::Sequential`] its share alone.
    fn own_seconds(&self, kept: &[&Sample]) -> f64 {
        let plan = self.plan();
        let share = match plan.load.design {
            Design::Sequential => 1.0 / self.paths.len().max(1) as f64,
            Design::Paired | Design::Interleaved => 1.0,
        };
        if self.run.manifest.ending.is_some() {
            return self.measured_s * share;
        }
        let from = self.run.manifest.origin + plan.measure_from();
        let last = kept.iter().map(|sample| sample.stamps.intended).max().unwrap_or(from);
        let planned = Duration::from_secs_f64(plan.load.duration.0.as_secs_f64() * share);
        last.since(from).min(planned).as_secs_f64()
    }

    /// Its plan.
    pub(crate) fn plan(&self) -> &'a Plan {
        &self.run.manifest.plan
    }

    /// Those of one path.
    pub(crate) fn kept_of(&self, path: PathId) -> Vec<&'a Sample> {
        self.kept.iter().filter(|sample| sample.path == path).copied().collect()
    }

    /// All calls of the measured phase counted, by path of the plan, also those without a row.
    pub(crate) fn counted(&self) -> &[Counts] {
        self.counted.get_or_init(|| self.run.counted(Phase::Measure))
    }

    /// How many calls there are for each that has a row: 1 unless rows are a sample.
    pub(crate) fn calls_a_row(&self) -> f64 {
        if self.run.totals.is_none() {
            return 1.0;
        }
        let calls: u64 = self.counted().iter().map(Counts::calls).sum();
        calls as f64 / self.measured.len().max(1) as f64
    }

    /// From which instant headline latencies count.
    pub(crate) fn basis(&self) -> Basis {
        self.run.headline_basis()
    }

    /// Which connections a comparison looks at.
    pub(crate) fn connections(&self) -> Connections {
        Connections::of(&self.paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::input::blocks::Blocks;
    use crate::run::fixture::World;

    fn blocks_of_path(run: &Run, path: u16) -> Blocks {
        Blocks::cut(&View::of(run).of_path_alone(PathId(path), 7))
    }

    #[test]
    fn a_path_alone_remembers_what_a_pair_forgets() {
        let run = World { drift: 0.3, seconds: 300.0, ..World::default() }.run();
        let own = blocks_of_path(&run, 1);
        let paired = Blocks::cut(&View::of(&run));
        assert!(own.memory_s > 3.0 && paired.memory_s < 1.0, "{} and {}", own.memory_s, paired.memory_s);
        assert!(own.needed_s > 9.0 && own.length_s >= own.needed_s, "{own:?}");
    }

    #[test]
    fn what_the_run_leaves_out_is_left_out_here_for_all_paths_alike() {
        let mut run = World::default().run();
        let all = run.measured().count();
        run.health[20].hiccup_ms = 200.0;
        let view = View::of(&run);
        let (own, other) = (view.of_path_alone(PathId(0), 7), view.of_path_alone(PathId(1), 7));
        assert!(own.kept.len() == other.kept.len() && 3 * own.kept.len() < all);
        let second = |sample: &Sample| run.second_of(sample.stamps.intended);
        assert!(own.kept.iter().all(|sample| second(sample) != 20));
    }

    #[test]
    fn a_path_of_a_sequential_run_has_its_own_time_only() {
        let run = World { design: Design::Sequential, rate: 30.0, ..World::default() }.run();
        let own = blocks_of_path(&run, 2);
        assert_eq!((own.count, own.length_s), (20, 1.0));
    }
}
