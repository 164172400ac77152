//! Comparative objectives: a figure of one path beside that of another, drawn again block by block.
//!
//! Both paths are drawn with the same blocks, so that what hits both alike does not count. As in every comparison,
//! figures are those of connections used before (or of new ones where no path keeps any).

use crate::analysis::input::blocks::{BlockedView, FOR_INTERVAL, FOR_VERDICT};
use crate::analysis::input::call_figure::{Bounds, figure};
use crate::analysis::slo::observation::Observation;
use crate::analysis::stats::basic::{interval_needs, small_sample_factor};
use crate::analysis::stats::bootstrap::{DRAWS, Draws, Sums, Values};
use crate::analysis::stats::interval::Shift;
use crate::measure::sample::Sample;
use crate::objective::indicator::{Form, Quantity};
use crate::plan::Design;
use crate::units::{Estimate, PathId, Quantile};

/// How two figures are laid side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// One over the other.
    Ratio,
    /// One less the other.
    Difference,
}

/// A figure of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    /// The path.
    pub(crate) path: PathId,
    /// What is looked at.
    pub(crate) quantity: Quantity,
    /// What is made of it.
    pub(crate) form: Form,
}

impl BlockedView<'_> {
    /// One figure beside another, over the calls that `holds` lets through.
    pub(crate) fn beside(
        &self,
        own: Figure,
        other: Figure,
        how: Beside,
        counts: impl Fn(&Sample) -> bool,
    ) -> Observation {
        let blocks = self.blocks();
        let (mine, theirs) = (self.arm(own, &counts), self.arm(other, &counts));
        let n = mine.n.min(theirs.n);
        let Some(estimate) = mine.value.zip(theirs.value).and_then(|(a, b)| how.of(a, b)) else {
            return Observation::nothing(if n == 0 {
                "one of the two paths has no call that can be compared"
            } else {
                "too many calls timed out, or no call has this figure"
            });
        };
        let shown = Observation::of(n, Some(how.shown(estimate)), (None, None));
        let needs = [own.form, other.form]
            .map(|form| if let Form::Quantile(Quantile(q)) = form { interval_needs(q) } else { 2 });
        let needs = needs[0].max(needs[1]);
        let filled = blocks.filled(&mine.ok, &theirs.ok);
        if filled < FOR_INTERVAL {
            let why = format!("both paths have successes in {filled} blocks; an interval needs {FOR_INTERVAL}");
            return shown.because(Some(why));
        }
        if n < needs {
            return shown.because(Some(format!("{n} calls on a path; an interval needs {needs} on both")));
        }
        let drawn: Option<Vec<f64>> = mine.drawn.iter().zip(&theirs.drawn).map(|(a, b)| how.of(*a, *b)).collect();
        let Some(drawn) = drawn else {
            return shown.because(Some("too close to the timeout for an interval".to_owned()));
        };
        let (low, high) = Shift { estimate, drawn }.interval(small_sample_factor(filled));
        let decides = filled >= FOR_VERDICT;
        let few = || format!("both paths have successes in {filled} blocks; a verdict needs {FOR_VERDICT}");
        let reason = (!decides).then(few).or_else(|| self.weakness());
        let estimate = Estimate { low: Some(how.shown(low)), high: Some(how.shown(high)), ..shown.estimate };
        Observation { estimate, decides, ..shown }.because(reason)
    }

    fn weakness(&self) -> Option<String> {
        let sequential = self.view().plan().load.design == Design::Sequential;
        sequential.then(|| "the paths were measured one after the other: what changed in between counts too".to_owned())
    }

    fn arm(&self, figure_of: Figure, counts: &impl Fn(&Sample) -> bool) -> Arm {
        let (view, blocks) = (self.view(), self.blocks());
        let (connections, basis) = (view.connections(), view.basis());
        let calls = view
            .kept
            .iter()
            .zip(&blocks.of)
            .filter(|(sample, _)| sample.path == figure_of.path && connections.contains(sample) && counts(sample));
        let values = calls.filter_map(|(sample, block)| Some((figure(sample, figure_of.quantity, basis)?, *block)));
        let values: Vec<(Bounds, u16)> = values.collect();
        let known = || values.iter().filter(|(bounds, _)| bounds.most.is_finite());
        let ok = Sums::new(known().map(|(bounds, block)| (bounds.most, *block)), blocks.count);
        let seed = view.seed;
        let seed = if blocks.shared { seed } else { seed ^ (u64::from(figure_of.path.0) << 32) };
        let draws = Draws::new(seed, blocks.count, DRAWS);
        match figure_of.form {
            Form::Quantile(Quantile(q)) => {
                let values = values.iter().map(|(bounds, block)| (bounds.most, *block));
                let values = Values::new(values.collect(), blocks.count);
                let drawn = values.drawn_quantiles(&draws, q);
                Arm { n: values.n() - values.beyond(), value: values.quantile(q), drawn, ok }
            }
            // A largest value is refused where objectives are read.
            Form::Mean | Form::Max => Arm { n: ok.n(), value: ok.mean(), drawn: ok.drawn_means(&draws), ok },
        }
    }
}

/// One side of a comparison, and the same as each draw saw it.
struct Arm {
    n: usize,
    value: Option<f64>,
    drawn: Vec<f64>,
    /// The known values by block.
    ok: Sums,
}

impl Beside {
    /// The comparison on the scale on which it is drawn: a ratio by its logarithm.
    fn of(self, own: f64, other: f64) -> Option<f64> {
        let value = match self {
            Self::Ratio => (own / other).ln(),
            Self::Difference => own - other,
        };
        value.is_finite().then_some(value)
    }

    /// The comparison as people read it.
    fn shown(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value.exp(),
            Self::Difference => value,
        }
    }
}
