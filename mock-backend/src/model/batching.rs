//! What a backend does with requests that come at once: nothing, one after the other, or continuous batching.
//!
//! A batch of `size` sequences makes one token of each in every step. A request enters at the first step with a free
//! slot and keeps the slot until its last token, so with the times of all requests before it known, its own are known
//! when it arrives. Saturated, the batch makes exactly `size / step` tokens a second; a request of `n` tokens whose
//! prefill takes `p` steps holds its slot for `p + n - 1` of them, so the knee is at `size / ((p + n - 1) * step)`
//! requests a second. A caller who goes away does not free his slot before its time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::dist::Dist;
use crate::units::{Nanos, nanos};

/// What happens to requests that come at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Batching {
    /// They do not touch each other.
    Apart,
    /// Every request passes a stage alone, before its first token counts.
    Serial {
        /// How long the stage takes.
        stage: Dist,
    },
    /// They share a batch.
    Batch(Batch),
}

/// A continuous batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Batch {
    /// Sequences at a time.
    pub(crate) size: usize,
    /// How long one token of each takes.
    pub(crate) step: Duration,
    /// Requests that may wait for a slot; none is any number.
    pub(crate) queue: Option<usize>,
}

impl Batch {
    /// How many steps a prefill takes; it makes the first token, so it takes one at least.
    pub(crate) fn prefill_steps(&self, prefill: Duration) -> u64 {
        self.steps_of(prefill).max(1)
    }

    /// How many steps a span takes, the last of them perhaps not all.
    fn steps_of(&self, span: Duration) -> u64 {
        nanos(span).div_ceil(nanos(self.step))
    }

    /// How long so many steps take.
    pub(crate) fn span_of(&self, steps: u64) -> Duration {
        Duration::from_nanos(steps.saturating_mul(nanos(self.step)))
    }
}

/// Who is in the batch and who waits for it.
#[derive(Default)]
pub(crate) struct Queue(Mutex<State>);

/// The latest start: an answer of any length still ends before time does.
const FAR: Nanos = Nanos(u64::MAX / 2);

#[derive(Default)]
struct State {
    /// When the serial stage is free again.
    free_at: Nanos,
    /// When each slot is free again.
    slots: BinaryHeap<Reverse<Nanos>>,
    /// When those who still wait will start, in their order.
    starts: VecDeque<Nanos>,
    /// A boundary of steps, and when the batch will be empty.
    origin: Nanos,
    busy_until: Nanos,
}

impl Queue {
    /// When a request that arrived at `arrival` has passed a serial stage.
    pub(crate) fn pass(&self, arrival: Nanos, stage: Duration) -> Nanos {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.free_at = (arrival.max(state.free_at) + stage).min(FAR);
        state.free_at
    }

    /// When a request that arrived at `arrival` enters the batch for `steps` steps; nothing if too many wait.
    pub(crate) fn enter(&self, batch: &Batch, arrival: Nanos, steps: u64) -> Option<Nanos> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).enter(batch, arrival, steps)
    }
}

impl State {
    fn enter(&mut self, batch: &Batch, arrival: Nanos, steps: u64) -> Option<Nanos> {
        if arrival >= self.busy_until {
            self.origin = arrival;
        }
        while self.starts.front().is_some_and(|start| *start <= arrival) {
            self.starts.pop_front();
        }
        let free = self.first_free(batch.size);
        let from = arrival.max(free).max(self.origin);
        let steps_before = batch.steps_of(from.since(self.origin));
        let start = (self.origin + batch.span_of(steps_before)).min(FAR);
        if free > arrival && batch.queue.is_some_and(|most| self.starts.len() >= most) {
            return None;
        }
        if self.slots.len() == batch.size {
            self.slots.pop();
        }
        let end = (start + batch.span_of(steps)).min(FAR);
        self.slots.push(Reverse(end));
        self.busy_until = self.busy_until.max(end);
        if start > arrival {
            self.starts.push_back(start);
        }
        Some(start)
    }

    /// When a slot is free.
    fn first_free(&self, size: usize) -> Nanos {
        let taken = self.slots.len() >= size;
        self.slots.peek().filter(|_| taken).map_or(Nanos(0), |Reverse(at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const BATCH: Batch = Batch { size: 8, step: Duration::from_millis(20), queue: None };

    /// When each of `n` requests of 50 tokens, one every `gap`, has its last token.
    fn offer(gap: u64, n: u64) -> Vec<u64> {
        let queue = Queue::default();
        (0..n).map(|i| (queue.enter(&BATCH, Nanos(i * gap), 50).unwrap() + 50 * BATCH.step).0).collect()
    }

    #[test]
    fn the_knee_is_at_size_over_steps_and_the_ceiling_at_size_over_step() {
        // 8 slots, 50 steps of 20 ms a request: 8 requests a second.
        let knee = 125 * MS;
        for gap in [knee * 2, knee * 101 / 100, knee] {
            let longest = offer(gap, 2000).iter().zip(0..).map(|(end, i)| end - i * gap).max().unwrap();
            // Only the wait for the next boundary: never a whole step.
            assert!(longest < 1020 * MS, "{longest} at one every {gap}");
        }
        // 1 % above it every slot is always taken: 8 requests, 400 tokens, each second, and the queue grows for good.
        let gap = knee * 99 / 100;
        let ends = offer(gap, 4000);
        assert!(ends.windows(9).all(|nine| nine[8] - nine[0] == 1000 * MS));
        assert_eq!(ends[3999] - ends[3199], 100_000 * MS, "800 requests of 50 tokens at 400 a second");
        let waited = |i: u64| (ends[i as usize] - i * gap) as i64;
        assert_eq!(waited(3999) - waited(1999), 2000 * (knee - gap) as i64);
    }

    #[test]
    fn an_idle_batch_starts_at_once_and_a_busy_one_at_its_next_step() {
        let queue = Queue::default();
        assert_eq!(queue.enter(&BATCH, Nanos(1_000_003), 10), Some(Nanos(1_000_003)));
        assert_eq!(queue.enter(&BATCH, Nanos(1_000_004), 10), Some(Nanos(21_000_003)));
        assert_eq!(queue.enter(&BATCH, Nanos(500 * MS), 10), Some(Nanos(500 * MS)));
    }

    #[test]
    fn a_full_queue_refuses_and_takes_again_when_it_moves() {
        let batch = Batch { size: 1, step: Duration::from_millis(1), queue: Some(2) };
        let queue = Queue::default();
        let enter = |at: u64| queue.enter(&batch, Nanos(at * MS), 10).map(|start| start.0 / MS);
        assert_eq!([enter(0), enter(0), enter(0), enter(0)], [Some(0), Some(10), Some(20), None]);
        assert_eq!([enter(9), enter(10), enter(10)], [None, Some(30), None]);
    }

    #[test]
    fn a_stage_takes_one_request_after_the_other() {
        let queue = Queue::default();
        let pass = |arrival| queue.pass(Nanos(arrival), Duration::from_nanos(10));
        assert_eq!([0, 0, 5, 100].map(pass), [10, 20, 30, 110].map(Nanos));
    }
}
