//! A path of one run laid beside a path of another: each cut into its own blocks and drawn again on its own.

use crate::analysis::compare::baseline::{CURVE, DRAWS, METRICS};
use crate::analysis::compare::comparability::{Incomparable, connected_alike};
use crate::analysis::compare::resampled::Bench;
use crate::analysis::input::alone::alone;
use crate::analysis::input::blocks::Blocks;
use crate::analysis::input::lengths::Lengths;
use crate::analysis::input::population::headline;
use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::random::{Purpose, hash};
use crate::run::Run;
use crate::units::PathId;

/// A path of one run beside a path of another, each drawn again from its own blocks.
pub(crate) struct Joined {
    /// Both, side by side.
    pub(crate) bench: Bench<'static>,
    /// A plan that knows both by name.
    pub(crate) plan: Plan,
    /// Their names in their own runs.
    pub(crate) names: [String; 2],
}

impl Joined {
    /// Cuts and draws each alone.
    ///
    /// # Errors
    /// When one path keeps its connections and the other does not.
    pub(crate) fn of((base, candidate): (&Run, &Run), (own, other): (PathId, PathId)) -> Result<Self, Incomparable> {
        let names = [base.manifest.plan.path(own), candidate.manifest.plan.path(other)].map(|path| path.name.clone());
        // Seeds that differ also where the plans do not: the same draws on both sides would pair what is not paired.
        let seed = |run: &Run, side: u64| hash(run.manifest.plan.seed, Purpose::Draws, side);
        let views = [alone(base, own, seed(base, 0)), alone(candidate, other, seed(candidate, 1))];
        let connections = connected_alike(&views[0], &views[1])?;
        let [mut first, mut second] = [&views[0], &views[1]].map(|view| {
            let measured: Vec<&Sample> = view.measured().collect();
            let blocks = Blocks::cut(view, &measured, headline(&measured));
            Bench::set_up(view, &measured, (blocks, Lengths::Agree), &METRICS, &CURVE, DRAWS)
        });
        let (mut own, mut other) = (first.arms.remove(0), second.arms.remove(0));
        (own.path, other.path) = (PathId(0), PathId(1));
        let fewer = if second.blocks.count < first.blocks.count { second.blocks } else { first.blocks };
        let bench = Bench {
            blocks: Blocks { of: Vec::new(), shared: false, ..fewer },
            connections,
            lengths: Lengths::Agree,
            metrics: &METRICS,
            curve: &CURVE,
            arms: vec![own, other],
            draws: vec![first.draws.remove(0), second.draws.remove(0)],
        };
        let [Run { manifest: first, .. }, Run { manifest: second, .. }] = views;
        let mut plan = first.plan;
        plan.paths.extend(second.plan.paths);
        plan.paths[1].id = PathId(1);
        for (path, side) in plan.paths.iter_mut().zip(["base", "candidate"]) {
            path.name = format!("{} of the {side}", path.name);
        }
        Ok(Self { bench, plan, names })
    }
}
