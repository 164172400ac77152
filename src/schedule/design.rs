//! Which path an arrival takes, and where the phases of a run begin and end.
//!
//! No design is a bare round-robin: with as many workers as paths each worker would see one path alone.

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::{Purpose, below, generator, order, shuffle};
use crate::units::Phase;

/// Which path an arrival takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Design {
    /// Every arrival is a round: one prompt over every path.
    Paired,
    /// Every arrival goes to one path, by seeded permutations that keep the paths exactly balanced.
    Interleaved,
    /// Path after path.
    Sequential,
}

/// The phases of a run, in nanoseconds from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// The end of warmup and the beginning of measuring.
    pub measure_from: u64,
    /// The end of measuring; nothing starts from here on.
    pub until: u64,
}

impl Phases {
    /// The phase in which an instant lies.
    #[must_use]
    pub fn at(self, time: u64) -> Phase {
        if time >= self.until {
            Phase::Drain
        } else if time >= self.measure_from {
            Phase::Measure
        } else {
            Phase::Warmup
        }
    }

    /// Where the members of a round that arrives at `arrival` may start: `(first, width)`.
    ///
    /// The interval is the spread after the arrival. Where that would leave the arrival's phase it is moved back to end
    /// with the phase, and cut to the phase if it is longer: a round is never split between two phases.
    #[must_use]
    pub(crate) fn room_for_round(self, arrival: u64, spread: u64) -> (u64, u64) {
        let (start, end) = match self.at(arrival) {
            Phase::Warmup => (0, self.measure_from.min(self.until)),
            Phase::Measure | Phase::Drain => (self.measure_from, self.until),
        };
        let first = arrival.min(end.saturating_sub(spread).max(start));
        (first, spread.min(end.saturating_sub(first)))
    }

    /// The path that a sequential design serves at this instant of the measured phase: equal segments, path after path.
    #[must_use]
    pub fn segment(self, time: u64, paths: u16) -> u16 {
        let length = self.until.saturating_sub(self.measure_from).max(1);
        let inside = time.saturating_sub(self.measure_from).min(length - 1);
        (u128::from(inside) * u128::from(paths) / u128::from(length)) as u16
    }
}

/// The members of a round in their order of time: `(offset into the room, path)`.
///
/// Offsets are uniform and independent, the order of the paths is drawn apart, so it is random even where all offsets
/// are the same.
#[must_use]
pub(crate) fn round_members(seed: u64, round: u64, paths: u16, width: u64) -> Vec<(u64, u16)> {
    let mut generator = generator(seed, Purpose::RoundMembers, round);
    let mut offsets: Vec<u64> = (0..paths).map(|_| below(generator.next_u64(), width)).collect();
    offsets.sort_unstable();
    let mut order: Vec<u16> = (0..paths).collect();
    shuffle(&mut order, &mut generator);
    offsets.into_iter().zip(order).collect()
}

/// The paths of successive arrivals by permuted groups: each complete group serves every path once.
#[derive(Clone, Debug)]
pub(crate) struct PermutedGroups {
    seed: u64,
    purpose: Purpose,
    paths: u16,
    served: u64,
    group: Vec<u16>,
}

impl PermutedGroups {
    /// Groups of a stream of their own.
    #[must_use]
    pub(crate) fn new(seed: u64, purpose: Purpose, paths: u16) -> Self {
        Self { seed, purpose, paths, served: 0, group: Vec::new() }
    }

    /// The path of the next arrival.
    pub(crate) fn next_path(&mut self) -> u16 {
        let place = self.served % u64::from(self.paths);
        if place == 0 {
            self.group = order(self.seed, self.purpose, self.served / u64::from(self.paths), self.paths);
        }
        self.served += 1;
        self.group[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: Phases = Phases { measure_from: 100, until: 400 };

    #[test]
    fn a_round_has_room_in_its_phase_only() {
        for (word, arrival, spread, room) in [
            ("in the middle", 200, 50, (200, 50)),
            ("up to the end", 350, 50, (350, 50)),
            ("moved back from the end", 390, 50, (350, 50)),
            ("moved back from the end of warmup", 90, 50, (50, 50)),
            ("longer than warmup", 90, 150, (0, 100)),
            ("longer than measuring", 150, 1000, (100, 300)),
            ("no spread", 399, 0, (399, 0)),
        ] {
            assert_eq!(PHASES.room_for_round(arrival, spread), room, "{word}");
        }
    }

    #[test]
    fn segments_are_equal_and_in_order() {
        for (time, path) in [(100, 0), (199, 0), (200, 1), (299, 1), (300, 2), (399, 2), (400, 2)] {
            assert_eq!(PHASES.segment(time, 3), path, "at {time}");
        }
    }

    #[test]
    fn members_keep_to_their_room_and_every_path_is_first_as_often() {
        let mut first = [0_u32; 3];
        for round in 0..30_000 {
            let members = round_members(5, round, 3, 1000);
            assert!(
                members.is_sorted_by_key(|(offset, _)| *offset) && members.iter().all(|(offset, _)| *offset < 1000)
            );
            first[usize::from(members[0].1)] += 1;
            let together = round_members(5, round, 3, 0);
            assert!(together.iter().all(|(offset, _)| *offset == 0));
        }
        assert!(first.iter().all(|count| (9_700..10_300).contains(count)), "{first:?}");
    }

    #[test]
    fn groups_are_balanced_and_not_all_alike() {
        let mut groups = PermutedGroups::new(9, Purpose::MeasureGroup, 4);
        let served: Vec<u16> = (0..400).map(|_| groups.next_path()).collect();
        let mut orders: Vec<&[u16]> = served.chunks(4).collect();
        for group in &orders {
            let mut sorted = group.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        orders.sort_unstable();
        orders.dedup();
        assert!(orders.len() > 15);
    }
}
