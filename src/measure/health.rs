//! The health of the host, second by second: what the machine and this tool were doing while they measured.
//!
//! Written by the watch of `hopmark run`, judged by the analysis. Here stands what makes a second a bad one, because
//! what is kept of a run's files and what is judged of them must agree about it.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize, Serializer};

/// A second in which a worker woke later than this was not measured faithfully, ms.
pub(crate) const HICCUP_ALLOWED_MS: f64 = 20.0;

/// A second of whose processor time the hypervisor gave more than this share to others was not either.
pub(crate) const STEAL_ALLOWED: f64 = 0.1;

/// The share of bad seconds from which on a run is invalid instead of being judged without them.
pub(crate) const BAD_SHARE_ALLOWED: f64 = 0.05;

/// One second of a run, counted from its start: a row of `health.csv`, whose columns are these fields. `None` is a
/// figure that this system does not give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// The second, from the run's start.
    pub second: u64,
    /// How late the latest heartbeat of any worker came, ms.
    #[serde(serialize_with = "thousandths")]
    pub hiccup_ms: f64,
    /// Calls under way, mean over the heartbeats.
    #[serde(serialize_with = "thousandths")]
    pub in_flight: Option<f64>,
    /// Processors that this process used.
    #[serde(serialize_with = "thousandths")]
    pub cpu: Option<f64>,
    /// Processors that all others used, the bundled simulator not among them.
    #[serde(serialize_with = "thousandths")]
    pub others: Option<f64>,
    /// The share of this machine's processor time that its hypervisor gave to others.
    #[serde(serialize_with = "thousandths")]
    pub steal: Option<f64>,
    /// How long this process's control group was held back, ms, summed over its processors.
    #[serde(serialize_with = "thousandths")]
    pub throttled_ms: Option<f64>,
    /// Descriptors open.
    pub files: Option<u64>,
    /// Local ports that are taken: at most the descriptors open and what waits in TIME_WAIT.
    pub ports: Option<u64>,
    /// Processors that the bundled simulator used.
    #[serde(serialize_with = "thousandths")]
    pub sim_cpu: Option<f64>,
    /// Answers that the bundled simulator began.
    pub sim_answers: Option<u64>,
    /// Those among them that it began more than 10 ms after it had planned to.
    pub sim_late: Option<u64>,
}

/// Three decimals are kept of a number, if there is one.
fn thousandths<S: Serializer>(value: &(impl Into<Option<f64>> + Copy), serializer: S) -> Result<S::Ok, S::Error> {
    match (*value).into() {
        Some(value) => serializer.collect_str(&format_args!("{value:.3}")),
        None => serializer.serialize_none(),
    }
}

impl Second {
    /// Whether a worker did not run when it should have.
    #[must_use]
    pub(crate) fn has_hiccup(&self) -> bool {
        self.hiccup_ms > HICCUP_ALLOWED_MS
    }

    /// Whether the hypervisor gave this machine's processors to others.
    #[must_use]
    pub(crate) fn is_stolen(&self) -> bool {
        self.steal.is_some_and(|share| share > STEAL_ALLOWED)
    }

    /// Whether what was measured in this second may be wrong.
    #[must_use]
    pub(crate) fn is_bad(&self) -> bool {
        self.has_hiccup() || self.is_stolen()
    }
}

/// The bad seconds of a run's measured phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadSeconds {
    /// How many seconds the measured phase touches.
    pub of: u64,
    /// Those that are bad, from the run's start.
    pub seconds: BTreeSet<u64>,
}

impl BadSeconds {
    /// The bad ones among `health`, of a measured phase that touches the seconds `measured`.
    #[must_use]
    pub(crate) fn among(health: &[Second], measured: Range<u64>) -> Self {
        let bad = health.iter().filter(|row| measured.contains(&row.second) && row.is_bad());
        Self { seconds: bad.map(|row| row.second).collect(), of: measured.end.saturating_sub(measured.start) }
    }

    /// Whether they are too many to be left out. One alone is not, unless there is no other: of fewer than twenty
    /// seconds one is always more than the share that is allowed.
    #[must_use]
    pub(crate) fn are_too_many(&self) -> bool {
        let bad = self.seconds.len() as u64;
        bad as f64 > (BAD_SHARE_ALLOWED * self.of as f64).max(1.0) || (bad > 0 && bad >= self.of)
    }

    /// Whether what was due in this second is left out of every figure. Where bad seconds are too many the run is
    /// invalid, and is shown whole.
    #[must_use]
    pub(crate) fn leave_out(&self, second: u64) -> bool {
        self.seconds.contains(&second) && !self.are_too_many()
    }

    /// Neighbours joined: the first second of each stretch and the first after it.
    #[must_use]
    pub(crate) fn stretches(&self) -> Vec<Range<u64>> {
        let mut stretches: Vec<Range<u64>> = Vec::new();
        for second in self.seconds.iter().copied() {
            match stretches.last_mut() {
                Some(last) if last.end == second => last.end += 1,
                Some(_) | None => stretches.push(second..second + 1),
            }
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(hiccups: &[(u64, f64)], stolen: &[(u64, f64)]) -> Vec<Second> {
        let mut rows: Vec<Second> = (0..100).map(|second| Second { second, ..Second::default() }).collect();
        hiccups.iter().for_each(|(second, ms)| rows[*second as usize].hiccup_ms = *ms);
        stolen.iter().for_each(|(second, share)| rows[*second as usize].steal = Some(*share));
        rows
    }

    #[test]
    fn a_second_is_bad_above_its_limits_and_not_at_them() {
        let rows = health(&[(10, 20.0), (11, 20.1)], &[(12, 0.1), (13, 0.11), (70, 0.9)]);
        let bad = BadSeconds::among(&rows, 5..65);
        assert_eq!((bad.of, bad.seconds.iter().copied().collect::<Vec<_>>()), (60, vec![11, 13]));
        assert!(!bad.are_too_many() && bad.leave_out(11) && !bad.leave_out(12) && !bad.leave_out(70));
    }

    #[test]
    fn more_than_one_in_twenty_are_too_many() {
        for (word, bad, of, too_many) in [
            ("three of sixty", 3, 60, false),
            ("four of sixty", 4, 60, true),
            ("one of ten", 1, 10, false),
            ("two of ten", 2, 10, true),
            ("the only one", 1, 1, true),
            ("none of none", 0, 0, false),
        ] {
            let seconds = BadSeconds { of, seconds: (0..bad).collect() };
            assert_eq!(seconds.are_too_many(), too_many, "{word}");
            assert_eq!(seconds.leave_out(0), bad > 0 && !too_many, "{word}");
        }
    }

    #[test]
    fn neighbours_make_one_stretch() {
        let bad = BadSeconds { of: 60, seconds: [3, 4, 5, 9].into() };
        assert_eq!(bad.stretches(), [3..6, 9..10]);
    }
}
