//! Who keeps a connection open without using it: one sweep a worker closes connections whose caller has been silent, or
//! has been sending one head, for too long. Nothing of this stands on the path of a request but a store.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::units::Nanos;

/// How often connections are looked at, at the most and at the least.
const SWEEPS: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(5)];
/// How often connections that are to end are looked at.
const STEP: Duration = Duration::from_millis(2);

/// How long callers may take before their connection is closed, or their request refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// From the end of one answer, or from connecting, to the first byte of the next request.
    pub(crate) idle: Duration,
    /// From the first byte of a request to the end of its head; also for the handshake of TLS.
    pub(crate) header: Duration,
    /// From there to the end of its body.
    pub(crate) body: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        let [idle, header, body] = [240, 60, 120].map(Duration::from_secs);
        Self { idle, header, body }
    }
}

/// What the sweep knows of one connection.
pub(crate) struct IdleTimer {
    /// When it is over.
    until: Cell<Nanos>,
    /// Whether bytes have come since the caller was to send its next request.
    heard: Cell<bool>,
    /// Whether these are those of a head; on a connection of several streams they may be anything.
    heeds: Cell<bool>,
    /// How long a caller may be silent, and how long its head may take.
    idle: Duration,
    head: Duration,
    /// Whether the caller has said that it sends no more, though it may still listen; and whether that is in vain.
    half_closed: Cell<bool>,
    in_vain: Cell<bool>,
    over: Cell<bool>,
    /// Whether the simulator is about to end.
    leaving: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl IdleTimer {
    /// The caller is to send its next request from now on.
    pub(crate) fn await_request(&self) {
        self.heard.set(false);
        self.until.set(Nanos::now() + self.idle);
    }

    /// The head of its request is there; its body has a time of its own, and the answer takes as long as it takes.
    pub(crate) fn serve_request(&self) {
        self.until.set(if self.half_closed.get() { Nanos::now() + self.idle } else { Nanos::NEVER });
    }

    /// The caller sends no more. It may have gone, or still listen for its answer: it is taken to listen for as long as
    /// it might be silent, from the last bytes that it was sent.
    pub(crate) fn hear_end(&self) {
        self.half_closed.set(true);
        // What was heard belongs to the request that it has sent whole.
        self.heard.set(false);
        self.note_sent();
        self.end_in_vain();
    }

    /// Bytes were sent.
    pub(crate) fn note_sent(&self) {
        if self.half_closed.get() {
            self.until.set(Nanos::now() + self.idle);
        }
    }

    /// Nothing more will be sent for the request under way.
    pub(crate) fn give_up(&self) {
        self.in_vain.set(true);
        self.end_in_vain();
    }

    fn end_in_vain(&self) {
        if self.half_closed.get() && self.in_vain.get() {
            self.end();
        }
    }

    fn end(&self) {
        self.over.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = self.task.borrow_mut().take() {
            task.wake();
        }
    }

    /// Bytes have come.
    pub(crate) fn hear_bytes(&self) {
        self.heard.set(true);
    }

    /// Several streams share the connection.
    pub(crate) fn share_streams(&self) {
        self.heeds.set(false);
    }

    /// For the connection's task: ready when the caller was silent too long.
    pub(crate) fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        if self.over.get() {
            return Poll::Ready(());
        }
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// For the connection's task, after [`poll_over`](Self::poll_over): whether it is to end after the exchanges that
    /// are under way.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    fn leave(&self) {
        self.leaving.set(true);
        self.wake();
    }

    fn check(&self, now: Nanos) {
        let until = self.until.get();
        if self.heeds.get() && self.heard.replace(false) && until != Nanos::NEVER {
            // A head has begun since the last sweep.
            self.until.set(until.min(now + self.head));
        }
        if until < now {
            self.end();
        }
    }
}

/// The connections of one worker.
#[derive(Default)]
pub(crate) struct IdleWatch(RefCell<Vec<Weak<IdleTimer>>>);

impl IdleWatch {
    /// Watches a new connection.
    pub(crate) fn add(&self, waits: &Waits) -> Rc<IdleTimer> {
        let Waits { idle, header: head, .. } = *waits;
        let timer = Rc::new(IdleTimer {
            until: Cell::new(Nanos::now() + idle),
            heard: Cell::new(false),
            heeds: Cell::new(true),
            idle,
            head,
            half_closed: Cell::new(false),
            in_vain: Cell::new(false),
            over: Cell::new(false),
            leaving: Cell::new(false),
            task: RefCell::new(None),
        });
        self.0.borrow_mut().push(Rc::downgrade(&timer));
        timer
    }

    /// Lets every connection end after what is under way on it, and waits for that.
    pub(crate) async fn leave(&self) {
        let connections = std::mem::take(&mut *self.0.borrow_mut());
        connections.iter().filter_map(Weak::upgrade).for_each(|timer| timer.leave());
        while connections.iter().any(|timer| timer.strong_count() > 0) {
            tokio::time::sleep(STEP).await;
        }
    }

    fn sweep(&self, now: Nanos) {
        self.0.borrow_mut().retain(|connection| {
            let connection = connection.upgrade();
            connection.iter().for_each(|timer| timer.check(now));
            connection.is_some()
        });
    }

    /// Sweeps until the worker ends, often enough for the waits that `waits` gives at the time.
    pub(crate) async fn run(&self, waits: impl Fn() -> Waits) {
        loop {
            let Waits { idle, header, .. } = waits();
            tokio::time::sleep((idle.min(header) / 4).clamp(SWEEPS[0], SWEEPS[1])).await;
            self.sweep(Nanos::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_ends_for_the_silent_and_not_for_the_served() {
        let (watch, waits) = (IdleWatch::default(), Waits::default());
        let [silent, served, gone] = [(); 3].map(|()| watch.add(&waits));
        served.serve_request();
        drop(gone);
        let later = Nanos::now() + silent.idle + Duration::from_secs(1);
        let cx = Context::from_waker(Waker::noop());
        assert!(silent.poll_over(&cx).is_pending());
        watch.sweep(later);
        assert!(silent.poll_over(&cx).is_ready() && served.poll_over(&cx).is_pending());
        assert_eq!(watch.0.borrow().len(), 2);
    }

    #[test]
    fn a_head_that_has_begun_has_less_time_than_silence() {
        let (watch, waits) = (IdleWatch::default(), Waits::default());
        let [slow, silent, shared] = [(); 3].map(|()| watch.add(&waits));
        [&slow, &shared].iter().for_each(|timer| timer.hear_bytes());
        shared.share_streams();
        let now = Nanos::now();
        let over = |timer: &IdleTimer| timer.poll_over(&Context::from_waker(Waker::noop())).is_ready();
        watch.sweep(now);
        watch.sweep(now + slow.head);
        // More of it does not give it more time.
        slow.hear_bytes();
        watch.sweep(now + slow.head + Duration::from_nanos(1));
        assert_eq!([&slow, &silent, &shared].map(|timer| over(timer)), [true, false, false]);
    }
}
