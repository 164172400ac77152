//! How late calls were sent, and in which of its parts: the clock and the worker's turn are this tool's, the wait for a
//! connection is the path's.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::input::population::sorted_ms;
use crate::analysis::input::view::View;
use crate::analysis::validity::limits::{LAG_ALLOWED_MS, LAG_SHARE, LAG_WARNING_MS};
use crate::analysis::validity::reason::{LagPart, Reason};
use crate::analysis::validity::verdict::ValidityVerdict;
use crate::measure::quantile::quantile;
use crate::measure::sample::Sample;
use crate::path::NetPath;
use crate::units::{Nanos, PathId};

/// How late calls were, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Lag {
    /// The median.
    pub p50: Option<f64>,
    /// The 0.99 quantile.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Lag {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        Self { p50: quantile(&sorted, 0.5), p99: quantile(&sorted, 0.99), max: sorted.last().copied() }
    }
}

/// How late calls were, as a whole and by part. A call beyond `max_in_flight` is dropped and counted, so that limit
/// makes no call late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lags {
    /// Sent minus intended.
    pub whole: Lag,
    /// The same without the wait for a connection: this tool's own.
    pub own: Lag,
    /// See [`LagPart::Timer`].
    pub timer: Lag,
    /// See [`LagPart::Dispatch`].
    pub dispatch: Lag,
    /// Until a connection was open, of a call that had to open one, or until a shared one had room: the path's.
    pub connection: Lag,
}

impl Lags {
    /// Of these calls, as far as they were sent.
    #[must_use]
    pub fn of(calls: &[&Sample], paths: &[NetPath]) -> Self {
        let parts: Vec<Parts> = calls.iter().filter_map(|sample| Parts::of(sample, paths)).collect();
        let lag = |of: fn(&Parts) -> f64| Lag::of(parts.iter().map(of));
        Self {
            whole: lag(|parts| parts.own() + parts.connection),
            own: lag(Parts::own),
            timer: lag(|parts| parts.timer),
            dispatch: lag(|parts| parts.dispatch),
            connection: lag(|parts| parts.connection),
        }
    }

    /// Of the two parts that are this tool's, the one that was longer where it mattered.
    fn worst(&self) -> LagPart {
        if self.timer.p99 >= self.dispatch.p99 { LagPart::Timer } else { LagPart::Dispatch }
    }
}

/// The parts of one call's lag, ms.
struct Parts {
    timer: f64,
    dispatch: f64,
    connection: f64,
}

impl Parts {
    fn of(sample: &Sample, paths: &[NetPath]) -> Option<Self> {
        let stamps = &sample.stamps;
        let sent = stamps.sent?;
        let dequeued = stamps.dequeued.unwrap_or(sent);
        let ready = stamps.conn_ready.unwrap_or(sent);
        let opened = sample.conn.as_ref().is_some_and(|conn| conn.is_new());
        // Runs of earlier versions do not say when the attempt first ran.
        let begun = stamps.begun.unwrap_or(dequeued);
        // An idle connection is there at once: what time it took to take it is this tool's. On shared ones a call may
        // have to wait for room: that is how the path was to be used.
        let connection = if opened || is_shared(paths, sample.path) { ready.ms_since(begun) } else { 0.0 };
        Some(Self {
            timer: dequeued.ms_since(stamps.intended),
            dispatch: sent.ms_since(dequeued) - connection,
            connection,
        })
    }

    fn own(&self) -> f64 {
        self.timer + self.dispatch
    }
}

/// Whether calls of a path share connections.
fn is_shared(paths: &[NetPath], id: PathId) -> bool {
    paths.get(id.index()).is_some_and(|path| !path.http.is_one())
}

/// When the call would have been sent if its connection had been ready: as far as it was up to this tool. `None` if it
/// was never taken up.
pub(crate) fn achieved(sample: &Sample, paths: &[NetPath]) -> Option<Nanos> {
    let taken = sample.stamps.begun.or(sample.stamps.dequeued);
    match Parts::of(sample, paths) {
        Some(parts) => Some(Nanos(sample.stamps.intended.0.saturating_add_signed((parts.own() * 1e6) as i64))),
        None => taken,
    }
}

/// Paths whose calls were sent too late.
pub(crate) fn lateness(view: &View<'_>) -> Vec<Reason> {
    let late = |path: &&NetPath| {
        let own = view.kept_of(path.id);
        let lags = Lags::of(&own, &view.plan().paths);
        let p99_ms = lags.own.p99?;
        let median = quantile(&sorted_ms(&own, path.id, view.headline, view.basis()), 0.5).unwrap_or(0.0);
        let allowed_ms = LAG_ALLOWED_MS.max(LAG_SHARE * median);
        let weight = ValidityVerdict::invalid_if(p99_ms > allowed_ms);
        let (path, part) = (path.name.clone(), lags.worst());
        (p99_ms > LAG_WARNING_MS).then_some(Reason::SendLag { path, p99_ms, allowed_ms, part, weight })
    };
    view.paths.iter().filter_map(late).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::fixture::{ORIGIN, plan, sample};

    #[test]
    fn lag_is_told_apart_by_its_stamps() {
        let plan = plan(&["direct"]);
        let mut call = sample(&plan, 0, 0, 0, ORIGIN);
        let after = |ms| Some(ORIGIN + Duration::from_millis(ms));
        let stamps = &mut call.stamps;
        (stamps.dequeued, stamps.begun, stamps.conn_ready, stamps.sent) = (after(1), after(3), after(10), after(14));
        crate::run::fixture::open(&mut call);
        let lags = Lags::of(&[&call], &[]);
        let figures = [lags.timer, lags.dispatch, lags.connection, lags.own, lags.whole].map(|lag| lag.max);
        assert_eq!(figures, [Some(1.0), Some(6.0), Some(7.0), Some(7.0), Some(14.0)]);
        assert_eq!((lags.worst(), achieved(&call, &[])), (LagPart::Dispatch, after(7)));
        // A run of an earlier version.
        call.stamps.begun = None;
        assert_eq!(Lags::of(&[&call], &[]).connection.max, Some(9.0));
        // On a connection used before, everything is this tool's.
        call.conn.as_mut().expect("a connection").uses = 2;
        assert_eq!(Lags::of(&[&call], &[]).own.max, Some(14.0));
        // On a shared one the wait for room is the path's, though it is not new.
        let mut paths = plan.paths.clone();
        paths[0].http = crate::path::Http::Two { max: 1, streams: 1 };
        call.stamps.begun = after(3);
        let lags = Lags::of(&[&call], &paths);
        assert_eq!((lags.connection.max, lags.own.max, achieved(&call, &paths)), (Some(7.0), Some(7.0), after(7)));
        call.stamps.begun = None;
        call.stamps.sent = None;
        assert_eq!((Lags::of(&[&call], &[]).own.max, achieved(&call, &[])), (None, after(1)));
    }
}
