//! Random numbers that depend on a seed, a purpose and a number, never on what was drawn before.
//!
//! So any part of a plan can be computed alone, by any worker, in any order, and is the same.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What a number is drawn for; each purpose has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// The arrivals of a bin of time.
    ArrivalBin = 1,
    /// Order and offsets of the members of a round.
    RoundMembers = 2,
    /// The order of the paths in a group of arrivals of the warmup.
    WarmupGroup = 3,
    /// The order of the paths in a group of arrivals of the measured phase.
    MeasureGroup = 4,
    /// The order of the paths in a group of calls of one caller of a closed load.
    SlotGroup = 5,
    /// The API that a round speaks.
    Api = 6,
    /// Whether a round asks for a stream.
    Stream = 7,
    /// The prompt tokens of a round.
    InputLength = 8,
    /// Where in the material the prompt of a round begins.
    Prompt = 9,
    /// The salt of an attempt.
    Salt = 10,
    /// The sentences of the material.
    Material = 11,
    /// The output tokens of a round.
    OutputLength = 12,
    /// Whether the rows of a round are kept when there are too many.
    Row = 13,
    /// Drawing blocks again, of one side of a comparison of two runs.
    Draws = 14,
    /// Shuffling the runs of a series.
    History = 15,
}

/// The number that belongs to a seed, a purpose and a number: SplitMix64's finalizer over the three.
#[must_use]
pub(crate) fn hash(seed: u64, purpose: Purpose, number: u64) -> u64 {
    mix(mix(mix(seed) ^ purpose as u64) ^ number)
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A generator that belongs to a seed, a purpose and a number.
#[must_use]
pub(crate) fn generator(seed: u64, purpose: Purpose, number: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(hash(seed, purpose, number))
}

/// A hash as a number in `0.0..1.0`.
#[must_use]
pub(crate) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// A hash as a number in `0..limit`; 0 when `limit` is 0.
#[must_use]
pub(crate) fn below(hash: u64, limit: u64) -> u64 {
    ((u128::from(hash) * u128::from(limit)) >> 64) as u64
}

/// A seeded random order of `0..count`.
#[must_use]
pub(crate) fn order(seed: u64, purpose: Purpose, number: u64, count: u16) -> Vec<u16> {
    let mut order: Vec<u16> = (0..count).collect();
    shuffle(&mut order, &mut generator(seed, purpose, number));
    order
}

/// Puts a list in random order (Fisher and Yates).
pub(crate) fn shuffle<T>(list: &mut [T], generator: &mut Xoshiro256PlusPlus) {
    for last in (1..list.len()).rev() {
        let other = below(generator.next_u64(), last as u64 + 1) as usize;
        list.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_number_depends_on_seed_purpose_and_number() {
        let one = hash(1, Purpose::Api, 1);
        assert_eq!(one, hash(1, Purpose::Api, 1));
        for other in [hash(2, Purpose::Api, 1), hash(1, Purpose::Stream, 1), hash(1, Purpose::Api, 2)] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut seen = BTreeMap::new();
        for number in 0..60_000 {
            *seen.entry(order(7, Purpose::MeasureGroup, number, 3)).or_insert(0_u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (9_600..10_400).contains(count)), "{seen:?}");
    }

    #[test]
    fn units_and_limits_stay_inside() {
        assert_eq!((unit(0), below(0, 5), below(u64::MAX, 5), below(9, 0)), (0.0, 0, 4, 0));
        assert!(unit(u64::MAX) < 1.0);
    }
}
