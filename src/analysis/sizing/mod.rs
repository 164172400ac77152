//! What a plan can resolve before anything is spent: the smallest shift between two paths that it shows.
//!
//! Times are taken as lognormal, as [`half_width`] has it. Intervals grow with the square root of the design effect, by
//! which calls that resemble their neighbours say less (or, in pairs, more) than independent ones.

pub(crate) mod needs;

use crate::analysis::compare::baseline::compare;
use crate::analysis::compare::gates::Gates;
use crate::analysis::input::blocks::BlockedView;
use crate::analysis::input::population::{quantile_ms, sorted_ms};
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::{interval_needs, normal_quantile};
use crate::analysis::stats::power::half_width;
use crate::analysis::summary::failing;
use crate::measure::quantile::quantile;
use crate::run::Run;
use crate::units::Quantile;

/// The spread that is assumed where nothing is known: that of the first public measurements of such services.
pub(crate) const ASSUMED_SIGMA: f64 = 0.45;

/// The median that is assumed where a shift is given in milliseconds and nothing is known, ms.
pub(crate) const ASSUMED_MEDIAN_MS: f64 = 200.0;

/// What chance may have of the verdicts on the medians of all candidates: four fifths of 5%, as in `multiplicity`.
const OF_MEDIANS: f64 = 0.04;

/// The quantiles that are told.
pub(crate) const QUANTILES: [Quantile; 3] = Quantile::each([0.5, 0.95, 0.99]);

/// How often a shift of the told size is to be shown.
pub(crate) const POWER: f64 = 0.8;

/// How times are spread, and from where that is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The standard deviation of the logarithm.
    pub sigma: f64,
    /// The median, ms; without it shifts are told in percent alone.
    pub median_ms: Option<f64>,
    /// The variance of a shift against that of as many independent calls.
    pub effect: f64,
    /// From where all this is known, in a sentence.
    pub source: String,
}

/// What can be resolved at one quantile.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolution {
    /// The quantile.
    pub quantile: Quantile,
    /// The half-width of the 95% interval of a shift, as a share of the figure; `None` with too few calls.
    pub half_width: Option<f64>,
    /// The smallest shift, as a share of the figure, that four of five such runs show.
    pub shift: Option<f64>,
    /// The same in milliseconds, where the median is known.
    pub shift_ms: Option<f64>,
    /// Why there is none.
    pub reason: Option<String>,
}

impl Spread {
    /// What a profile assumes; what it does not say is assumed for it.
    #[must_use]
    pub(crate) fn assumed(sigma: Option<f64>, median_ms: Option<f64>) -> Self {
        let source = match (sigma, median_ms) {
            (Some(_), _) => "[sizing] of the profile, calls independent of each other".to_owned(),
            (None, Some(_)) => format!("the median of [sizing]; sigma {ASSUMED_SIGMA} is assumed, calls independent"),
            (None, None) => format!(
                "assumed: sigma {ASSUMED_SIGMA}, calls independent of each other; give [sizing] or --size-from RUN_DIR"
            ),
        };
        Self { sigma: sigma.unwrap_or(ASSUMED_SIGMA), median_ms, effect: 1.0, source }
    }

    /// What a run before showed on its baseline; `None` if it has fewer than ten successful calls there.
    #[must_use]
    pub(crate) fn of_run(run: &Run) -> Option<Self> {
        let view = View::of(run);
        let (metric, basis, baseline) = (view.headline, view.basis(), view.baseline);
        let values = sorted_ms(&view.kept, baseline, metric, basis);
        let logs: Vec<f64> = values.iter().filter(|ms| **ms > 0.0).map(|ms| ms.ln()).collect();
        if logs.len() < 10 {
            return None;
        }
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        let sigma = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (logs.len() as f64 - 1.0)).sqrt();
        let median_ms = quantile(&quantile_ms(&view.kept, baseline, metric, basis), 0.5).filter(|ms| ms.is_finite());
        let seen = effect(&view, sigma, median_ms);
        let of_pairs = if seen.is_some() { "its shifts" } else { "independent calls" };
        let source = format!("the run {}: {} calls of its baseline, {of_pairs}", run.manifest.id, logs.len());
        Some(Self { sigma, median_ms, effect: seen.unwrap_or(1.0), source })
    }

    /// The same with a median, assumed where none is known.
    #[must_use]
    pub(crate) fn with_median(self) -> Self {
        if self.median_ms.is_some() {
            return self;
        }
        let source = format!("{}; a median of {ASSUMED_MEDIAN_MS} ms is assumed too", self.source);
        Self { median_ms: Some(ASSUMED_MEDIAN_MS), source, ..self }
    }

    /// The fewest calls on each path with which four of five runs call a shift at the quantile a difference, when so many
    /// candidates are held against the baseline at once.
    #[must_use]
    pub(crate) fn calls_to_show(&self, shift_ms: f64, q: Quantile, candidates: usize) -> u64 {
        let median = self.median_ms.unwrap_or(ASSUMED_MEDIAN_MS);
        let figure_ms = median * (normal_quantile(q.0) * self.sigma).exp();
        let verdict = normal_quantile(1.0 - OF_MEDIANS / (2.0 * candidates.max(1) as f64));
        // The error of the logarithm with one call; it shrinks with the root of their number.
        let errors = (verdict + normal_quantile(POWER)) * self.error(1.0, q.0);
        let calls = (errors / (shift_ms / figure_ms).ln_1p()).powi(2).ceil();
        (calls as u64).max(interval_needs(q.0) as u64)
    }

    /// The standard error of the logarithm of the ratio of two paths of `n` calls each.
    fn error(&self, n: f64, q: f64) -> f64 {
        half_width(n, q, self.sigma, self.effect) / normal_quantile(0.975)
    }

    /// What `n` calls on each of two paths resolve at a quantile.
    #[must_use]
    pub(crate) fn resolution(&self, n: u64, q: Quantile) -> Resolution {
        let needs = interval_needs(q.0) as u64;
        if n < needs {
            let reason = Some(format!("{n} calls a path; an interval needs {needs}"));
            return Resolution { quantile: q, half_width: None, shift: None, shift_ms: None, reason };
        }
        let error = self.error(n as f64, q.0);
        let share = |errors: f64| (errors * error).exp_m1();
        let (confidence, power) = (normal_quantile(0.975), normal_quantile(POWER));
        let shift = share(confidence + power);
        let figure_ms = self.median_ms.map(|median| median * (normal_quantile(q.0) * self.sigma).exp());
        Resolution {
            quantile: q,
            half_width: Some(share(confidence)),
            shift: Some(shift),
            shift_ms: figure_ms.map(|figure| figure * shift),
            reason: None,
        }
    }
}

/// How much wider the median's interval was than the formula has it, squared: the worst of all candidates.
fn effect(view: &View<'_>, sigma: f64, median_ms: Option<f64>) -> Option<f64> {
    let comparison = compare(&BlockedView::of(view), Gates::of(view.plan()), &failing::find(view))?;
    let independent = Spread { sigma, median_ms, effect: 1.0, source: String::new() };
    let of = |row: &crate::analysis::compare::shift::ShiftRow| {
        let (low, high) = row.ci_ms?;
        let n = row.n_baseline.min(row.n_candidate);
        let seen = (high - low) / 2.0 / row.baseline_ms?;
        let formula = normal_quantile(0.975) * independent.error(n as f64, 0.5);
        (n > 0 && formula > 0.0).then(|| (seen / formula).powi(2).clamp(0.01, 100.0))
    };
    let rows = comparison.candidates.iter().filter_map(|candidate| {
        candidate.rows.iter().find(|row| row.metric == view.headline && row.quantile == Quantile::MEDIAN).and_then(of)
    });
    rows.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::slo::{Beside, Figure};
    use crate::measure::metric::Metric;
    use crate::objective::indicator::{Form, Quantity};
    use crate::run::fixture::World;
    use crate::units::PathId;
    use crate::units::Quantile;

    fn spread(sigma: f64) -> Spread {
        Spread::assumed(Some(sigma), Some(200.0))
    }

    #[test]
    fn agrees_with_the_table_of_half_widths() {
        // Calls on each path for a half-width h of the ratio, sigma 0.45: 2 (1.96 k / h)^2, k = 0.564, 1.68, 4.22.
        for (q, n, half) in [
            (0.5, 6_100, 0.02),
            (0.5, 980, 0.05),
            (0.5, 245, 0.10),
            (0.99, 54_000, 0.02),
            (0.99, 8_700, 0.05),
            (0.999, 54_700, 0.05),
        ] {
            let got = spread(0.45).resolution(n, Quantile(q)).half_width.expect("calls enough").ln_1p();
            assert!((got / half - 1.0).abs() < 0.02, "p{} with {n}: {got}", 100.0 * q);
        }
    }

    #[test]
    fn more_calls_resolve_less_and_too_few_nothing() {
        let few = spread(0.45).resolution(400, Quantile(0.95)).shift.expect("calls enough");
        let many = spread(0.45).resolution(4 * 400, Quantile(0.95)).shift.expect("calls enough");
        assert!((few.ln_1p() / many.ln_1p() - 2.0).abs() < 1e-9);
        let none = spread(0.45).resolution(367, Quantile(0.99));
        assert!(none.shift.is_none() && none.reason.expect("why").contains("needs 368"));
        let wide = Spread { effect: 4.0, ..spread(0.45) }.resolution(400, Quantile(0.95)).shift.expect("calls enough");
        assert!((wide.ln_1p() / few.ln_1p() - 2.0).abs() < 1e-9);
        let ms = spread(0.45).resolution(400, Quantile::MEDIAN);
        assert!((ms.shift_ms.expect("a median") - 200.0 * ms.shift.expect("a share")).abs() < 1e-6);
        assert_eq!(Spread::assumed(None, None).resolution(400, Quantile::MEDIAN).shift_ms, None);
    }

    #[test]
    fn a_run_before_tells_its_spread() {
        let run = World { seconds: 300.0, sigma: 0.3, shifts_ms: vec![0.0, 5.0], ..World::default() }.run();
        let spread = Spread::of_run(&run).expect("calls");
        assert!((spread.sigma - 0.3).abs() < 0.02, "{spread:?}");
        assert!((spread.median_ms.expect("a median") - 150.0).abs() < 5.0, "{spread:?}");
        assert!((0.4..2.5).contains(&spread.effect), "{spread:?}");
        // One path that is 60 ms slower for half a minute and faster for the next: few such changes fit into a run.
        let mut swaying = run.clone();
        let start = swaying.manifest.origin + swaying.manifest.plan.measure_from();
        for sample in swaying.samples.iter_mut().filter(|sample| sample.path.0 == 1) {
            let slow = sample.stamps.intended.since(start).as_secs() / 30 % 2 == 0;
            let more = std::time::Duration::from_millis(if slow { 60 } else { 0 });
            sample.stamps.first_content = sample.stamps.first_content.map(|at| at + more);
        }
        let swaying = Spread::of_run(&swaying).expect("calls");
        assert!(swaying.effect > 2.0 * spread.effect, "{swaying:?}");
        let mut none = run;
        none.samples.clear();
        assert_eq!(Spread::of_run(&none), None);
    }

    #[test]
    fn a_run_of_the_told_size_calls_the_shift_a_difference_in_four_of_five_runs() {
        // Two candidates; the world's own times have a median of 150 ms.
        let spread = Spread::assumed(Some(0.3), Some(150.0));
        let shift_ms = 12.0;
        let calls = spread.calls_to_show(shift_ms, Quantile::MEDIAN, 2);
        let world = |seed| World {
            shifts_ms: vec![0.0, shift_ms, 0.0],
            seconds: calls as f64 / World::default().rate,
            sigma: 0.3,
            seed,
            ..World::default()
        };
        let found = (0..60).filter(|seed| {
            let run = world(*seed).run();
            let comparison = crate::analysis::analyse(&run).comparison.expect("paths");
            comparison.candidates[0].rows.iter().any(|row| {
                row.metric == Metric::Ttft
                    && row.quantile == Quantile::MEDIAN
                    && row.verdict == crate::analysis::compare::shift::Verdict::Slower
            })
        });
        let share = found.count() as f64 / 60.0;
        assert!((0.65..=0.95).contains(&share), "{share} of runs of {calls} calls");
    }

    #[test]
    fn an_assumed_median_is_told_as_one() {
        let none = Spread::assumed(None, None).with_median();
        assert!(none.median_ms == Some(ASSUMED_MEDIAN_MS) && none.source.contains("200 ms is assumed"), "{none:?}");
        assert_eq!(spread(0.45).with_median(), spread(0.45));
    }

    #[test]
    fn what_a_plan_resolves_is_shown_by_four_of_five_runs() {
        // 600 calls a path at sigma 0.3: what is told as resolved must move the whole interval above nothing as often.
        let told =
            Spread::assumed(Some(0.3), Some(150.0)).resolution(600, Quantile::MEDIAN).shift_ms.expect("a median");
        let figure = |path| Figure {
            path: PathId(path),
            quantity: Quantity::Time(Metric::Ttft),
            form: Form::Quantile(Quantile(0.5)),
        };
        let shown = (0..60).filter(|seed| {
            let run = World { shifts_ms: vec![0.0, told], seed: *seed, ..World::default() }.run();
            let view = View::of(&run);
            let seen = BlockedView::of(&view).beside(figure(1), figure(0), Beside::Difference, |_| true);
            seen.estimate.low.is_some_and(|low| low > 0.0)
        });
        let share = shown.count() as f64 / 60.0;
        assert!((0.6..=0.95).contains(&share), "{share} of runs with a shift of {told} ms");
    }
}
