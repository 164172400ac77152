//! The shift apart for calls on new, on warm and on idle-aged connections: opening one costs round trips, and one that
//! lay still may have lost its window, its route or its peer.

use std::collections::HashMap;

use crate::analysis::compare::resampled::{Arm, Pair, ResampledPaths, minus};
use crate::analysis::compare::shift::{ConnectionShift, State};
use crate::analysis::input::blocks::FOR_INTERVAL;
use crate::analysis::input::population::value_ms;
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::small_sample_factor;
use crate::analysis::stats::bootstrap::{Sums, Values};
use crate::analysis::stats::interval::Shift;
use crate::measure::sample::Sample;
use crate::path::Http;
use crate::run::Run;
use crate::units::{Nanos, PathId, Seq};

/// From how many seconds without a call a connection is idle-aged.
pub(crate) const IDLE_S: f64 = 5.0;

/// The fewest calls on either side for an interval.
const FEWEST: usize = 20;

/// In what state the connection of each call was.
pub(crate) struct States(HashMap<Seq, State>);

impl States {
    /// Of all calls of a run, warmup included, because only all of them tell how long a connection lay still.
    pub(crate) fn of(run: &Run) -> Self {
        let mut calls: HashMap<(PathId, u64), Vec<&Sample>> = HashMap::new();
        for sample in &run.samples {
            if let Some(conn) = &sample.conn {
                calls.entry((sample.path, conn.id)).or_default().push(sample);
            }
        }
        let mut states = HashMap::new();
        for of_one in calls.values_mut() {
            of_one.sort_by_key(|sample| sample.conn.as_ref().map(|conn| conn.uses));
            let mut ended: Option<Nanos> = None;
            let mut uses = 0;
            for sample in of_one.iter() {
                let before = std::mem::replace(&mut uses, sample.conn.as_ref().map_or(0, |conn| conn.uses));
                if !knows_before(run, sample, before) {
                    ended = ended.max(sample.stamps.end);
                    continue;
                }
                let still = ended.zip(sample.stamps.sent).map_or(0.0, |(ended, sent)| sent.ms_since(ended) / 1e3);
                let state = match &sample.conn {
                    Some(conn) if conn.is_new() => State::New,
                    _ if still >= IDLE_S => State::Idle,
                    _ => State::Warm,
                };
                states.insert(sample.seq, state);
                // Calls that share a connection end in any order.
                ended = ended.max(sample.stamps.end);
            }
        }
        Self(states)
    }

    /// The shifts of the median between two paths, apart for each state that both have.
    pub(crate) fn shifts(&self, view: &View<'_>, resampled: &ResampledPaths, pair: &Pair) -> Vec<ConnectionShift> {
        let (metric, basis) = (view.headline, view.basis());
        let values = |path: PathId, state: State| {
            let own = view.kept.iter().zip(&resampled.blocks.of).filter(|(sample, _)| sample.path == path);
            let own = own.filter(|(sample, _)| self.0.get(&sample.seq) == Some(&state));
            let own = own.filter_map(|(sample, block)| Some((value_ms(sample, metric, basis)?, *block)));
            let own: Vec<(f64, u16)> = own.collect();
            let ok = Sums::new(own.iter().copied(), resampled.blocks.count);
            (Values::new(own, resampled.blocks.count), ok)
        };
        let one = |state: State| {
            let ((base, base_ok), (cand, cand_ok)) =
                (values(pair.baseline.path, state), values(pair.candidate.path, state));
            let blocks = resampled.blocks.filled(&base_ok, &cand_ok);
            let shift_ms = cand.quantile(0.5).zip(base.quantile(0.5)).map(|(cand, base)| cand - base);
            let enough = blocks >= FOR_INTERVAL && base.n().min(cand.n()) >= FEWEST;
            let ci_ms = shift_ms.filter(|_| enough).map(|estimate| {
                let drawn = |values: &Values, arm: &Arm| values.drawn_quantiles(&arm.draws, 0.5);
                let drawn = minus(&drawn(&cand, pair.candidate), &drawn(&base, pair.baseline));
                Shift { estimate, drawn }.interval(small_sample_factor(blocks))
            });
            ConnectionShift { state, metric, n_baseline: base.n(), n_candidate: cand.n(), shift_ms, ci_ms }
        };
        State::ALL.map(one).to_vec()
    }
}

/// Whether it is known how long the connection of a call lay still; `before` is the use before it that has a row. Where
/// rows are a sample, the call before may have none, and of calls that share a connection any may.
fn knows_before(run: &Run, sample: &Sample, before: u32) -> bool {
    let Some(conn) = sample.conn.as_ref().filter(|conn| !conn.is_new() && run.manifest.rows.is_some()) else {
        return true;
    };
    conn.uses == before + 1 && run.manifest.plan.path(sample.path).http == Http::One
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::baseline::compare_run;
    use crate::run::fixture::World;

    #[test]
    fn connections_are_told_apart_by_what_they_did_before() {
        let mut run = World { shifts_ms: vec![0.0, 10.0], sigma: 0.05, rate: 6.0, ..World::default() }.run();
        // Every third call opens its connection, the next uses it soon, the last after a long pause.
        for path in 0..2 {
            let own = run.samples.iter_mut().filter(|sample| sample.path == PathId(path));
            for (number, sample) in own.enumerate() {
                let conn = sample.conn.as_mut().expect("a connection");
                (conn.id, conn.uses) = (number as u64 / 3, number as u32 % 3 + 1);
                if number % 3 == 2 {
                    sample.stamps.sent = sample.stamps.sent.map(|sent| Nanos(sent.0 + 10_000_000_000));
                }
            }
        }
        let comparison = compare_run(&run).expect("two paths");
        let shifts = &comparison.candidates[0].connections;
        assert_eq!(shifts.iter().map(|shift| shift.state).collect::<Vec<_>>(), State::ALL);
        for shift in shifts {
            assert!(shift.n_baseline > 90 && shift.n_candidate > 90, "{shift:?}");
            let (low, high) = shift.ci_ms.expect("interval");
            assert!(low < 10.0 && 10.0 < high && high - low < 20.0, "{shift:?}");
        }
    }

    #[test]
    fn a_shared_connection_does_not_lie_still_while_any_call_is_on_it() {
        let mut run = World { seconds: 10.0, ..World::default() }.run();
        run.samples.truncate(3);
        // One that lasts, one that is over at once, and a third eight seconds after that.
        let second = |s: u64| Some(Nanos(1_000_000_000 * s));
        for (number, (sent, end)) in [(0, 9), (1, 1), (9, 10)].into_iter().enumerate() {
            let sample = &mut run.samples[number];
            (sample.path, sample.seq) = (PathId(0), Seq(number as u64));
            (sample.stamps.sent, sample.stamps.end) = (second(sent), second(end));
            let conn = sample.conn.as_mut().expect("a connection");
            (conn.id, conn.uses) = (0, number as u32 + 1);
        }
        assert_eq!(States::of(&run).0.get(&Seq(2)), Some(&State::Warm));
        run.samples[0].stamps.end = second(2);
        assert_eq!(States::of(&run).0.get(&Seq(2)), Some(&State::Idle));
        // Where rows are a sample, a call of which the one before has no row may have come right after it.
        run = crate::run::fixture::sampled(run, 1);
        assert_eq!(States::of(&run).0.get(&Seq(2)), Some(&State::Idle));
        run.samples.remove(1);
        assert_eq!(States::of(&run).0.get(&Seq(2)), None);
    }
}
