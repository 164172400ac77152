//! How many rounds a run of this kind needs where the ones it had did not do: always more than these.

use schemars::JsonSchema;
use serde::Serialize;

/// Rounds needed, and how many of them the run had; there is none unless it needs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(into = "u64")]
pub struct Needed {
    had: u64,
    total: u64,
}

impl From<Needed> for u64 {
    fn from(needed: Needed) -> Self {
        needed.total
    }
}

impl Needed {
    /// `rounds` in all, of which a run had `had`; `None` where that says nothing: it had as many, or no run would do.
    #[must_use]
    pub fn of(had: usize, rounds: f64) -> Option<Self> {
        let (had, most) = (had as u64, u64::MAX as f64 / 2.0);
        let total = (rounds < most).then(|| rounds.ceil() as u64)?;
        (total > had).then_some(Self { had, total })
    }

    /// Rounds in all.
    #[must_use]
    pub fn total(self) -> u64 {
        self.total
    }

    /// Rounds beyond those that the run had, at least one.
    #[must_use]
    pub fn more(self) -> u64 {
        self.total - self.had
    }
}

/// A shift so small against its interval that no reasonable run would tell it from none: more than so many times as
/// many rounds would be needed.
const HOPELESS: f64 = 100.0;

/// The rounds in which an arm of an interval shrinks to `wanted`, by the square root, when `rounds` gave `arm`; `None`
/// where no reasonable run would do.
pub(crate) fn rounds_to_tell(rounds: usize, arm: f64, wanted: f64) -> Option<Needed> {
    let needed = rounds as f64 * (arm / wanted.abs()).powi(2);
    Needed::of(rounds, needed).filter(|_| needed <= HOPELESS * rounds as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_the_arm_takes_four_times_the_rounds() {
        assert_eq!(rounds_to_tell(600, 10.0, -5.0).map(Needed::total), Some(2_400));
        assert_eq!((rounds_to_tell(600, 10.0, 0.0), rounds_to_tell(600, 10.0, 0.5)), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_needed_is_more_than_was_had(had in 0..1_000_000usize, rounds in any::<f64>(), near in -2.0..2.0f64) {
            for rounds in [rounds, had as f64 + near] {
                match Needed::of(had, rounds) {
                    Some(needed) => prop_assert!(needed.more() > 0 && needed.total() > had as u64),
                    None => prop_assert!(rounds <= had as f64 || rounds > 1e18 || rounds.is_nan()),
                }
            }
        }
    }
}
