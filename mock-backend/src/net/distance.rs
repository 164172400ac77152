//! How far away something is: round trips, bandwidth, and the schedule of the bytes of one direction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::dist::Dist;
use crate::model::rng::seeded_rng;
use crate::units::Nanos;

/// How far away something is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distance {
    /// The round trip of an exchange.
    pub(crate) rtt: Dist,
    /// Bytes a nanosecond, each direction; none is unlimited.
    pub(crate) bandwidth: Option<f64>,
}

impl Default for Distance {
    fn default() -> Self {
        Self::NONE
    }
}

impl Distance {
    /// No distance at all.
    pub(crate) const NONE: Self = Self { rtt: Dist::Fixed(0.0), bandwidth: None };

    /// Whether bytes pass at once.
    pub(crate) fn is_none(&self) -> bool {
        self.rtt.is_zero() && self.bandwidth.is_none()
    }

    /// How long the bandwidth takes for `bytes`.
    fn transmission(&self, bytes: usize) -> Duration {
        self.bandwidth.map_or(Duration::ZERO, |rate| Duration::from_nanos((bytes as f64 / rate).round() as u64))
    }
}

/// Where round trips are drawn: one for each listener and each upstream, shared by its connections.
pub(crate) struct Route {
    pub(crate) distance: Distance,
    seed: u64,
    place: String,
    exchanges: AtomicU64,
}

impl Route {
    pub(crate) fn new(distance: Distance, seed: u64, place: &str) -> Arc<Self> {
        Arc::new(Self { distance, seed, place: format!("{place}/link"), exchanges: AtomicU64::new(0) })
    }

    /// The round trip of the next exchange; for a new connection also that of its handshake.
    pub(crate) fn draw(&self, new: bool) -> (Duration, Duration) {
        if let Dist::Fixed(rtt) = self.distance.rtt {
            let rtt = Duration::from_nanos(rtt as u64);
            return (rtt, if new { rtt } else { Duration::ZERO });
        }
        let mut rng = seeded_rng(self.seed, &self.place, self.exchanges.fetch_add(1, Ordering::Relaxed));
        let mut draw = || Duration::from_nanos(self.distance.rtt.draw(&mut rng) as u64);
        (draw(), if new { draw() } else { Duration::ZERO })
    }
}

/// Who begins the exchanges of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The other side: we are the server.
    Peer,
    /// We are the client.
    Us,
}

/// One direction's schedule.
#[derive(Default)]
pub(crate) struct Lane {
    /// What the present exchange takes this way.
    pub(crate) delay: Duration,
    busy_until: Nanos,
    released: Nanos,
}

impl Lane {
    /// When bytes that set out at `at` have all arrived.
    pub(crate) fn schedule(&mut self, at: Nanos, bytes: usize, distance: &Distance) -> Nanos {
        self.busy_until = self.busy_until.max(at) + distance.transmission(bytes);
        self.released = self.released.max(self.busy_until + self.delay);
        self.released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_way_and_their_transmission_one_after_the_other() {
        // 1 byte a nanosecond.
        let distance = Distance { rtt: Dist::Fixed(0.0), bandwidth: Some(1.0) };
        let mut lane = Lane { delay: Duration::from_nanos(500), ..Lane::default() };
        assert_eq!(lane.schedule(Nanos(1000), 100, &distance), Nanos(1600));
        assert_eq!(lane.schedule(Nanos(1000), 100, &distance), Nanos(1700));
        assert_eq!(lane.schedule(Nanos(5000), 100, &distance), Nanos(5600));
    }

    #[test]
    fn a_shorter_way_does_not_overtake_a_longer_one() {
        let mut lane = Lane { delay: Duration::from_nanos(10_000), ..Lane::default() };
        assert_eq!(lane.schedule(Nanos(0), 1, &Distance::NONE), Nanos(10_000));
        lane.delay = Duration::from_nanos(10);
        assert_eq!(lane.schedule(Nanos(100), 1, &Distance::NONE), Nanos(10_000));
        assert_eq!(lane.schedule(Nanos(20_000), 1, &Distance::NONE), Nanos(20_010));
    }

    #[test]
    fn exchanges_draw_the_quantiles_of_the_link_and_new_connections_one_more() {
        let rtt = Dist::through(28e6, 34e6);
        let route = Route::new(Distance { rtt, bandwidth: None }, 1, "x");
        let mut drawn: Vec<Duration> = (0..10_000).map(|_| route.draw(false).0).collect();
        drawn.sort_unstable();
        assert!((drawn[5000].as_secs_f64() / 28e-3 - 1.0).abs() < 0.01);
        assert!((drawn[9500].as_secs_f64() / 34e-3 - 1.0).abs() < 0.01);
        assert_eq!(route.draw(false).1, Duration::ZERO);
        assert!(route.draw(true).1 > Duration::from_millis(15));
    }
}
