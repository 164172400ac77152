//! A path of one run laid beside a path of another: each cut into its own blocks and drawn again on its own.

use crate::analysis::compare::baseline::{CURVE, METRICS};
use crate::analysis::compare::comparability::{Incomparable, shared_connections};
use crate::analysis::compare::resampled::ResampledPaths;
use crate::analysis::input::blocks::Blocks;
use crate::analysis::input::lengths::Lengths;
use crate::analysis::input::view::View;
use crate::analysis::stats::bootstrap::DRAWS;
use crate::random::{Purpose, hash};
use crate::units::PathId;

/// A path of one run beside a path of another, each drawn again from its own blocks.
pub(crate) struct Joined {
    /// Both, side by side: the base is path 0, the candidate path 1.
    pub(crate) resampled: ResampledPaths<'static>,
    /// Their names in their own runs.
    pub(crate) names: [String; 2],
}

impl Joined {
    /// Cuts and draws each alone.
    ///
    /// # Errors
    /// When one path keeps its connections and the other does not.
    pub(crate) fn of(
        (base, candidate): (&View<'_>, &View<'_>),
        (own, other): (PathId, PathId),
    ) -> Result<Self, Incomparable> {
        // Seeds that differ also where the plans do not: the same draws on both sides would pair what is not paired.
        let names = [base.plan().path(own), candidate.plan().path(other)].map(|path| path.name.clone());
        let base = base.of_path_alone(own, hash(base.seed, Purpose::Draws, 0));
        let candidate = candidate.of_path_alone(other, hash(candidate.seed, Purpose::Draws, 1));
        let connections = shared_connections(&base, &candidate)?;
        let [mut first, mut second] = [&base, &candidate].map(|view| {
            let (blocks, stretch) = Blocks::cut_finely(view);
            let mut resampled = ResampledPaths::set_up(view, (blocks, Lengths::Agree), &METRICS, &CURVE, DRAWS);
            resampled.arms.iter_mut().for_each(|arm| arm.stretch(stretch, &CURVE));
            resampled
        });
        let (mut own, mut other) = (first.arms.remove(0), second.arms.remove(0));
        (own.path, other.path) = (PathId(0), PathId(1));
        (own.name, other.name) = (format!("{} of the base", names[0]), format!("{} of the candidate", names[1]));
        let fewer = if second.blocks.fit < first.blocks.fit { second.blocks } else { first.blocks };
        let resampled = ResampledPaths {
            blocks: Blocks { of: Vec::new(), shared: false, ..fewer },
            connections,
            lengths: Lengths::Agree,
            metrics: &METRICS,
            curve: &CURVE,
            arms: vec![own, other],
        };
        Ok(Self { resampled, names })
    }
}
