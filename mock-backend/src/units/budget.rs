//! What one request may cost its thread: text that is counted token by token, and processor time. It is renewed when a
//! request begins, and asked deep below where the work is done.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::bounds::Bound;

/// What is left.
#[derive(Clone, Copy)]
struct Budget {
    /// Bytes of text.
    text: usize,
    /// When it is spent, in processor time of this thread; none is never.
    ends: Option<Duration>,
}

thread_local! {
    /// Without a request, as in a test of a single function, nothing is bounded.
    static LEFT: Cell<Budget> = const { Cell::new(Budget { text: usize::MAX, ends: None }) };
}

/// The processor time that this thread has used.
pub(crate) fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// A request begins: all of the budget is there.
pub(crate) fn renew() {
    let ends = processor_time() + Duration::from_millis(Bound::Processor.most() as u64);
    LEFT.set(Budget { text: Bound::CountedText.most(), ends: Some(ends) });
}

/// Takes `bytes` of text from the budget: how many of them may be counted token by token.
pub(crate) fn take_text(bytes: usize) -> usize {
    let left = LEFT.get();
    let taken = bytes.min(left.text);
    LEFT.set(Budget { text: left.text - taken, ..left });
    taken
}

/// Whether the request has used up its processor time. That is a system call: ask once in a while.
pub(crate) fn is_spent() -> bool {
    LEFT.get().ends.is_some_and(|ends| processor_time() > ends)
}
