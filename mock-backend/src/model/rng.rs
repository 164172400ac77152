//! The seeded generator of every draw.
//!
//! A draw depends on the seed, on where it is made and on the number of the arrival, never on the prompt or on what
//! was drawn for another arrival. So the same seed gives the same values, however the work falls on threads.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator of every draw.
pub(crate) type SeededRng = Xoshiro256PlusPlus;

/// The generator of one arrival at one place (a listener's model, a link).
pub(crate) fn seeded_rng(seed: u64, place: &str, index: u64) -> SeededRng {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in place.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    SeededRng::seed_from_u64(mix(seed ^ mix(hash)) ^ mix(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A whole number in `0..n`, for choices that need no distribution of their own.
pub(crate) fn pick(rng: &mut SeededRng, n: usize) -> usize {
    rng.random_range(0..n.max(1))
}
