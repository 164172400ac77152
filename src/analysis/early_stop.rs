//! Whether the intervals of a run are as narrow as was asked for. What they hold plays no part in it: a run that stops
//! when something has become significant would find something in the end.

use crate::analysis::input::blocks::BlockedView;
use crate::analysis::input::population::quantile_ms;
use crate::analysis::slo::{Beside, Figure, Observation, quantile_of};
use crate::analysis::stats::basic::known_quantile;
use crate::measure::metric::Metric;
use crate::objective::indicator::{Form, Quantity};
use crate::objective::precision::{Precision, Target};
use crate::units::{PathId, Quantile};

/// What was reached, in a sentence, once every target is: for several paths by the interval of each shift against the
/// baseline, for one alone by that of its own quantile.
pub(crate) fn reached(cut: &BlockedView<'_>, precision: &Precision) -> Option<String> {
    let reached: Option<Vec<String>> = precision.0.iter().map(|target| reached_target(cut, target)).collect();
    Some(format!("the requested precision is reached: {}", reached?.join(", ")))
}

/// How narrow the widest interval of a target is, if that is narrow enough.
fn reached_target(cut: &BlockedView<'_>, target: &Target) -> Option<String> {
    let view = cut.view();
    let metric = target.metric.unwrap_or(view.headline);
    let figure = known_quantile(&quantile_ms(&view.kept, view.baseline, metric, view.basis()), target.quantile.0)?;
    let half = widest(cut, metric, target.quantile.0)?;
    (half <= target.half_width.in_ms(figure)).then(|| format!("{target} by \u{b1}{half:.2} ms"))
}

/// The longest half-width over all paths; `None` while one has no interval that could decide.
fn widest(cut: &BlockedView<'_>, metric: Metric, q: f64) -> Option<f64> {
    let (view, baseline) = (cut.view(), cut.view().baseline);
    let figure = |path: PathId| Figure { path, quantity: Quantity::Time(metric), form: Form::Quantile(Quantile(q)) };
    let others: Vec<PathId> = view.paths.iter().map(|path| path.id).filter(|path| *path != baseline).collect();
    let observe = |path: &PathId| cut.beside(figure(*path), figure(baseline), Beside::Difference, |_| true);
    let all = if others.is_empty() {
        vec![quantile_of(view, baseline, metric, q)]
    } else {
        others.iter().map(observe).collect()
    };
    let half = |observed: Observation| {
        observed.estimate.interval().filter(|_| observed.decides).map(|(low, high)| (high - low) / 2.0)
    };
    all.into_iter().map(half).try_fold(0.0f64, |widest, half| Some(widest.max(half?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::input::view::View;
    use crate::run::fixture::World;

    fn stops(world: &World, precision: &str) -> bool {
        let run = world.run();
        reached(&BlockedView::of(&View::of(&run)), &precision.parse().expect("a precision")).is_some()
    }

    #[test]
    fn a_run_is_long_enough_when_its_intervals_are_narrow() {
        let minute = World::default();
        for (precision, enough) in
            [("p50 20ms", true), ("p50 15%", true), ("p50 0.5ms", false), ("p50 20ms, p99 1%", false)]
        {
            assert_eq!(stops(&minute, precision), enough, "{precision}");
        }
        assert!(stops(&World { seconds: 1_200.0, ..World::default() }, "p50 2.5ms, p99 20%"));
        let alone = World { shifts_ms: vec![0.0], ..World::default() };
        assert!(stops(&alone, "p50 10ms") && !stops(&alone, "p50 1ms"));
    }

    #[test]
    fn what_the_intervals_hold_plays_no_part() {
        let apart = World { shifts_ms: vec![0.0, 400.0, -80.0], ..World::default() };
        assert!(!stops(&apart, "p50 0.5ms"), "a large shift is no reason to stop");
        let equal = World { shifts_ms: vec![0.0; 3], ..World::default() };
        assert!(stops(&equal, "p50 20ms"), "none is no reason to go on");
    }

    #[test]
    fn too_little_data_is_never_enough() {
        assert!(!stops(&World { seconds: 12.0, ..World::default() }, "p50 1s"), "too few blocks");
        assert!(!stops(&World { seconds: 30.0, ..World::default() }, "p99 10s"), "too few calls");
    }
}
