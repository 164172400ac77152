//! One path of a run as a run of its own: what two runs are compared by, each with its own blocks.
//!
//! RunComparison two runs nothing is shared, so nothing cancels: a path's blocks must outlast the memory of its own values,
//! not that of its differences from another path. Rounds that the run itself leaves out, because this tool could not
//! measure faithfully then, are left out here too.

use std::time::Duration;

use crate::analysis::input::rounds::kept;
use crate::measure::sample::Sample;
use crate::plan::Design;
use crate::run::{Lost, Run};
use crate::units::PathId;

/// The measured phase of the run with that path alone, whose draws depend on `seed`.
pub(crate) fn alone(run: &Run, path: PathId, seed: u64) -> Run {
    let place = path.index();
    let mut manifest = run.manifest.clone();
    let all = manifest.plan.paths.len();
    manifest.plan.paths = vec![run.manifest.plan.path(path).clone()];
    manifest.plan.paths[0].id = PathId(0);
    manifest.plan.baseline = PathId(0);
    manifest.plan.seed = seed;
    if let Some(ending) = &mut manifest.ending {
        ending.planned = ending.planned.get(place).copied().into_iter().collect();
    }
    if manifest.plan.load.design == Design::Sequential {
        // The path had its share of the time, and that is all the time there is for it.
        let share = 1.0 / all.max(1) as f64;
        manifest.plan.load.duration.0 = Duration::from_secs_f64(manifest.plan.load.duration.0.as_secs_f64() * share);
        if let Some(ending) = &mut manifest.ending {
            ending.measured_s *= share;
        }
    }
    let measured: Vec<&Sample> = run.measured().collect();
    let kept = kept(run, &measured, &run.bad_seconds());
    let of_path = kept.into_iter().filter(|sample| sample.path == path);
    let lost = run.lost.by_path.get(place).copied().unwrap_or(0);
    Run {
        errors_seen: Vec::new(),
        samples: of_path.map(|sample| Sample { path: PathId(0), ..sample.clone() }).collect(),
        // Where rows are a sample, what is compared stands on them alone.
        totals: None,
        chunk_gaps: run.chunk_gaps.get(place).cloned().into_iter().collect(),
        health: Vec::new(),
        lost: Lost { by_path: vec![lost], unattributed: 0 },
        manifest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::input::blocks::Blocks;
    use crate::measure::metric::Metric;
    use crate::run::fixture::World;

    fn blocks(run: &Run) -> Blocks {
        let measured: Vec<_> = run.measured().collect();
        Blocks::cut(run, &measured, Metric::Ttft)
    }

    #[test]
    fn a_path_alone_remembers_what_a_pair_forgets() {
        let run = World { drift: 0.3, seconds: 300.0, ..World::default() }.run();
        let own = blocks(&alone(&run, PathId(1), 7));
        let paired = blocks(&run);
        assert!(own.memory_s > 3.0 && paired.memory_s < 1.0, "{} and {}", own.memory_s, paired.memory_s);
        assert!(own.needed_s > 9.0 && own.length_s >= own.needed_s, "{own:?}");
    }

    #[test]
    fn what_the_run_leaves_out_is_left_out_here_for_all_paths_alike() {
        let mut run = World::default().run();
        let all = run.measured().count();
        run.health[20].hiccup_ms = 200.0;
        let (own, other) = (alone(&run, PathId(0), 7), alone(&run, PathId(1), 7));
        assert!(own.samples.len() == other.samples.len() && 3 * own.samples.len() < all);
        let second = |sample: &Sample| run.second_of(sample.stamps.intended);
        assert!(own.samples.iter().all(|sample| second(sample) != 20));
    }

    #[test]
    fn a_path_of_a_sequential_run_has_its_own_time_only() {
        let run = World { design: Design::Sequential, rate: 30.0, ..World::default() }.run();
        let own = blocks(&alone(&run, PathId(2), 7));
        assert_eq!((own.count, own.length_s), (20, 1.0));
    }
}
