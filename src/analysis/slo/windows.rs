//! Windowed objectives: in how many stretches of time, each judged by its own calls alone, a limit was kept.
//!
//! Windows follow each other from the beginning of measuring; what is left at the end is too short and left out. One
//! with too few calls for the figure is neither kept nor broken: it counts as broken for the lower bound and as kept
//! for the upper one. `in 100%` is a fact of the run like a largest value, and has no interval beyond itself. Where rows
//! are a sample, a window is judged by the calls of it that have rows.

use crate::analysis::input::call_figure::{Bounds, Counting};
use crate::analysis::input::view::View;
use crate::analysis::slo::exceedance::Exceedances;
use crate::analysis::slo::figures::Figures;
use crate::analysis::slo::observation::Observation;
use crate::analysis::stats::basic::{design_effect, wilson};
use crate::measure::metric::Basis;
use crate::measure::sample::Sample;
use crate::objective::expression::Comparator;
use crate::objective::indicator::{Form, Indicator};
use crate::objective::objective::CallCondition;
use crate::units::Span;

/// The fewest calls of a window of which a share says anything.
const FEWEST: usize = 5;

/// What must hold in each window.
pub(crate) struct InEach<'a> {
    /// What is looked at.
    pub(crate) indicator: Indicator,
    /// What a call must keep, for goodput.
    pub(crate) per_call: &'a [CallCondition],
    /// On which side of the limit it must lie.
    pub(crate) comparator: Comparator,
    /// That limit.
    pub(crate) limit: f64,
    /// How long a window is.
    pub(crate) length: Span,
}

impl InEach<'_> {
    /// The share of windows that kept the limit; `wanted` is the share that must.
    pub(crate) fn observe(&self, view: &View<'_>, own: &[&Sample], wanted: f64) -> Observation {
        let run = view.run;
        let length = self.length.0.as_secs_f64();
        let whole = (view.measured_s / length + 1e-6).floor() as usize;
        if whole == 0 {
            return Observation::nothing(format!("the run measured less than one window of {}", self.length));
        }
        let start = run.manifest.origin + run.manifest.plan.measure_from();
        let mut windows: Vec<Vec<&Sample>> = vec![Vec::new(); whole];
        for sample in own {
            let window = (sample.stamps.intended.since(start).as_secs_f64() / length) as usize;
            windows.get_mut(window).into_iter().for_each(|held| held.push(sample));
        }
        let kept: Vec<Option<bool>> =
            windows.iter().map(|calls| self.keeps_limit(calls, run.headline_basis(), run.totals.is_some())).collect();
        let count = |verdict| kept.iter().filter(|kept| **kept == verdict).count() as f64;
        let (held, broken, open, all) = (count(Some(true)), count(Some(false)), count(None), whole as f64);
        if open == all {
            return Observation::nothing(format!("none of {whole} windows has enough calls to be judged"));
        }
        let failed =
            |(place, kept): (usize, &Option<bool>)| (place as f64 * length, f64::from(u8::from(*kept == Some(false))));
        let effect = design_effect(&kept.iter().enumerate().map(failed).collect::<Vec<_>>());
        let ci = if wanted >= 1.0 {
            (Some(held / all), Some((held + open) / all))
        } else {
            let bounds = |hits: f64| wilson(hits / effect, all / effect);
            (bounds(held).map(|ci| ci.0), bounds(held + open).map(|ci| ci.1))
        };
        let observed = held / (held + broken);
        let unjudged = (open > 0.0).then(|| format!("{open} of {whole} windows have too few calls to be judged"));
        // A window that nobody can judge counts against the objective.
        let exceedances =
            Exceedances { beyond: (broken + open) as u64, of: whole as u64, allowed: 1.0 - wanted, effect };
        Observation::of((held + broken) as usize, Some(observed), ci).because(unjudged).counting(exceedances)
    }

    /// Whether the limit was kept by the calls of one window; `None` if they cannot tell.
    fn keeps_limit(&self, calls: &[&Sample], basis: Basis, sampled: bool) -> Option<bool> {
        let Bounds { least, most } = match self.indicator {
            Indicator::Figure(quantity, form) => {
                let Bounds { least, most } = Figures::of(calls, quantity, basis).fact(form)?;
                // The largest of some calls may not be the largest of all.
                Bounds { least, most: if form == Form::Max && sampled { f64::INFINITY } else { most } }
            }
            Indicator::Share(share) => {
                let counting = Counting { share, per_call: self.per_call, basis };
                let hits: Vec<bool> = calls.iter().filter_map(|sample| counting.hit(sample)).collect();
                let share = hits.iter().filter(|hit| **hit).count() as f64 / hits.len().max(1) as f64;
                (hits.len() >= FEWEST).then_some(Bounds { least: share, most: share })?
            }
        };
        let is_met = |value| self.comparator.is_met(value, self.limit);
        (is_met(least) == is_met(most)).then(|| is_met(least))
    }
}
