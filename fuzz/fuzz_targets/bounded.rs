//! What one input may take: the most memory that is held at once while it is worked on.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

/// Bytes that one input may take beside what was held before it.
const MOST: usize = 64 << 20;

/// Runs what one input sets off, within its bound.
pub fn run<T>(work: impl FnOnce() -> T) -> T {
    HELD.reset_peak_usage();
    let before = HELD.current_usage();
    let done = work();
    let took = HELD.peak_usage().saturating_sub(before);
    assert!(took < MOST, "one input took {took} bytes");
    done
}
