//! The calls of a closed load: which path each call of each caller takes.
//!
//! When a call starts is not known before the call ahead of it has ended; which path it takes is.

use std::time::Duration;

use crate::random::{Purpose, hash, order};
use crate::units::{PathId, Seq};

/// The number of call `k` of caller `slot`, the same for every number of workers.
#[must_use]
pub(crate) fn seq(slot: u64, k: u64, concurrency: u64) -> Seq {
    Seq(k * concurrency + slot)
}

/// The path of call `k` of caller `slot`: permuted groups of each caller's own, so that every caller serves the paths
/// equally often.
#[must_use]
pub(crate) fn path(seed: u64, slot: u64, k: u64, paths: u16) -> PathId {
    if paths == 1 {
        return PathId(0);
    }
    let groups = hash(seed, Purpose::SlotGroup, slot);
    let order = order(groups, Purpose::SlotGroup, k / u64::from(paths), paths);
    PathId(order[(k % u64::from(paths)) as usize])
}

/// When caller `slot` makes its first call: the callers are spread evenly over the warmup.
#[must_use]
pub(crate) fn first_call(slot: u64, concurrency: u64, warmup: Duration) -> Duration {
    warmup.mul_f64(slot as f64 / concurrency.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_serves_the_paths_equally_often() {
        for slot in 0..16 {
            let mut served = [0; 3];
            for k in 0..300 {
                served[path(1, slot, k, 3).index()] += 1;
            }
            assert_eq!(served, [100; 3]);
        }
        let first: Vec<u16> = (0..60).map(|slot| path(1, slot, 0, 3).0).collect();
        assert!((0..3).all(|path| first.iter().filter(|first| **first == path).count() > 10), "{first:?}");
    }

    #[test]
    fn callers_start_spread_over_the_warmup() {
        let starts: Vec<u128> = (0..4).map(|slot| first_call(slot, 4, Duration::from_secs(2)).as_millis()).collect();
        assert_eq!(starts, [0, 500, 1000, 1500]);
        assert_eq!(first_call(3, 4, Duration::ZERO), Duration::ZERO);
    }
}
