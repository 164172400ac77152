//! Little's law: calls under way on average are the rate times the mean duration.
//!
//! The left side is counted by the workers' heartbeats, the right side is added up from the rows. Two ways to one
//! figure: if they disagree, calls are missing from the rows or their stamps are wrong.

use crate::analysis::input::view::View;
use crate::run::Run;
use crate::units::Nanos;

/// The fewest seconds that show anything.
const FEWEST_SECONDS: usize = 3;

/// The shortest calls, on average, that heartbeats can count. Heartbeats are woken in the same turns of a worker in
/// which calls begin and end, so they do not meet calls of a turn's length as often as they are under way: 64 callers in a
/// loop of 0.8 ms were counted as 26.
const SHORTEST_S: f64 = 0.005;

/// Both sides of the law over the whole seconds of the measured phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Little {
    /// Calls under way as the workers counted them, mean.
    pub counted: f64,
    /// Rate times mean duration: the time that calls spent in these seconds, over the seconds.
    pub expected: f64,
    /// How far chance alone may part the two: four standard deviations, and half a call.
    pub chance: f64,
}

impl Little {
    /// Of a run; `None` with the reason where it cannot be told.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub(crate) fn of(view: &View<'_>) -> Result<Self, &'static str> {
        let (run, bad) = (view.run, &view.bad);
        if run.manifest.ending.is_none() {
            return Err("the calls in flight when the run was killed left no row");
        }
        let from = run.manifest.plan.measure_from().as_secs_f64();
        let whole = from.ceil() as u64..(from + view.measured_s).floor() as u64;
        let watched = run.health.iter().filter(|row| whole.contains(&row.second) && !bad.seconds.contains(&row.second));
        let counted: Vec<(u64, f64)> = watched.filter_map(|row| Some((row.second, row.in_flight?))).collect();
        if counted.len() < FEWEST_SECONDS {
            return Err("fewer than three whole seconds were watched");
        }
        let spent = Spent::of(run, whole.end);
        if spent.mean_s < SHORTEST_S {
            return Err("calls are shorter than a heartbeat, which then cannot count them");
        }
        let seconds = counted.len() as f64;
        let mean = counted.iter().map(|(_, under_way)| under_way).sum::<f64>() / seconds;
        let expected = counted.iter().map(|(second, _)| spent.seconds[*second as usize]).sum::<f64>() / seconds;
        // Where not every call has a row, those that have stand for the others.
        let expected = expected * view.calls_a_row();
        // The time average of an M/G/infinity queue over a span T: its variance is at most 2 L W / T.
        let chance = 4.0 * (2.0 * expected * spent.mean_s / seconds).sqrt() + 0.5;
        Ok(Self { counted: mean, expected, chance })
    }

    /// The share by which the two sides differ.
    #[must_use]
    pub(crate) fn residual(&self) -> f64 {
        (self.counted - self.expected) / self.expected.max(1e-9)
    }

    /// Whether they differ by more than `allowed` and by more than chance.
    pub(crate) fn is_off(&self, allowed: f64) -> bool {
        (self.counted - self.expected).abs() > (allowed * self.expected).max(self.chance)
    }
}

/// The time that calls spent under way.
struct Spent {
    /// By second from the run's start.
    seconds: Vec<f64>,
    /// The mean duration of a call, seconds.
    mean_s: f64,
}

impl Spent {
    /// Until the second `length`. Whole seconds are added up by their borders, so that a long call costs no more than
    /// a short one.
    fn of(run: &Run, length: u64) -> Self {
        let mut parts = vec![0.0; length as usize + 1];
        let mut borders = vec![0.0; length as usize + 1];
        let (mut sum, mut calls) = (0.0, 0.0);
        let place = |at: Nanos| at.since(run.manifest.origin).as_secs_f64().min(length as f64);
        for sample in &run.samples {
            let Some((taken, end)) = sample.stamps.dequeued.zip(sample.stamps.end) else { continue };
            let (from, to) = (place(taken), place(end).max(place(taken)));
            let (first, last) = (from as usize, to as usize);
            parts[first] -= from.fract();
            parts[last] += to.fract();
            borders[first] += 1.0;
            borders[last] -= 1.0;
            sum += end.since(taken).as_secs_f64();
            calls += 1.0;
        }
        let mut through = 0.0;
        let seconds = parts.iter().zip(&borders).map(|(part, border)| {
            through += border;
            through + part
        });
        Self { seconds: seconds.collect(), mean_s: sum / f64::max(calls, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::World;

    #[test]
    fn rows_and_heartbeats_agree_until_rows_are_lost() {
        let mut run = World { rate: 30.0, ..World::default() }.run();
        let little = Little::of(&View::of(&run)).expect("seconds");
        assert!(little.residual().abs() < 0.01 && !little.is_off(0.1), "{little:?}");
        assert!((30.0 * 3.0 * 0.4..30.0 * 3.0 * 0.5).contains(&little.expected), "{little:?}");
        run.samples.retain(|sample| sample.seq.0 % 3 != 0);
        let little = Little::of(&View::of(&run)).expect("seconds");
        assert!(little.residual() > 0.4 && little.is_off(0.1), "{little:?}");
    }

    #[test]
    fn a_long_call_spends_its_time_in_every_second_of_it() {
        let mut run = World { seconds: 10.0, ..World::default() }.run();
        run.samples.truncate(1);
        let at = |ms| Some(run.manifest.origin + std::time::Duration::from_millis(ms));
        (run.samples[0].stamps.dequeued, run.samples[0].stamps.end) = (at(6_250), at(9_500));
        let spent = Spent::of(&run, 15);
        assert_eq!(spent.seconds[5..11], [0.0, 0.75, 1.0, 1.0, 0.5, 0.0]);
        assert_eq!(spent.mean_s, 3.25);
        (run.samples[0].stamps.dequeued, run.samples[0].stamps.end) = (at(6_250), at(6_500));
        assert_eq!(Spent::of(&run, 15).seconds[5..8], [0.0, 0.25, 0.0]);
    }

    #[test]
    fn where_it_cannot_be_told_it_says_why() {
        let mut run = World { seconds: 2.0, ..World::default() }.run();
        assert!(Little::of(&View::of(&run)).is_err_and(|why| why.contains("three")));
        run.manifest.ending = None;
        assert!(Little::of(&View::of(&run)).is_err_and(|why| why.contains("killed")));
        let mut run = World { seconds: 10.0, ..World::default() }.run();
        for sample in &mut run.samples {
            sample.stamps.end = sample.stamps.dequeued.map(|at| at + std::time::Duration::from_millis(4));
        }
        assert!(Little::of(&View::of(&run)).is_err_and(|why| why.contains("shorter")));
    }
}
