//! The calls under way in one worker, counted in and out.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use crate::schedule::tickets::Ticket;
use crate::units::{PathId, Phase};

/// How a call ended, as the driver sees it: with what its attempt returned, or not at all because the attempt
/// panicked or was never started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Too many calls were under way.
    InFlightCap,
    /// The attempt itself broke.
    Panicked,
}

/// Where ended calls go. `S` is whatever an attempt returns.
pub(crate) trait CompletionSink<S> {
    /// An attempt has returned.
    fn completed(&self, sample: S);
    /// A ticket came due and brought no attempt to an end.
    fn unsent(&self, ticket: Ticket, why: Unsent);
}

/// The calls under way in one worker.
pub(crate) struct InFlight<S: 'static> {
    under_way: Cell<usize>,
    everywhere: Arc<AtomicUsize>,
    came_due: Cell<u64>,
    due: RefCell<Vec<u64>>,
    empty: Notify,
    landing: Box<dyn CompletionSink<S>>,
}

impl<S: 'static> InFlight<S> {
    /// None under way. `everywhere` counts those of all workers: the one thing they share, because the cap on calls
    /// under way is one for the whole run.
    #[must_use]
    pub(crate) fn new(paths: usize, everywhere: Arc<AtomicUsize>, landing: Box<dyn CompletionSink<S>>) -> Rc<Self> {
        Rc::new(Self {
            under_way: Cell::new(0),
            everywhere,
            came_due: Cell::new(0),
            due: RefCell::new(vec![0; paths]),
            empty: Notify::new(),
            landing,
        })
    }

    /// How many are under way.
    #[must_use]
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.get()
    }

    /// How many are under way in all workers.
    #[must_use]
    pub(crate) fn under_way_everywhere(&self) -> usize {
        self.everywhere.load(Ordering::Relaxed)
    }

    /// All tickets that came due, warmup included.
    #[must_use]
    pub(crate) fn came_due(&self) -> u64 {
        self.came_due.get()
    }

    /// The measured tickets that came due, by path.
    #[must_use]
    pub(crate) fn due(&self) -> Vec<u64> {
        self.due.borrow().clone()
    }

    /// Counts a ticket that has come due, whatever becomes of it.
    pub(crate) fn count_due(&self, phase: Phase, path: PathId) {
        self.came_due.set(self.came_due.get() + 1);
        if phase == Phase::Measure {
            self.due.borrow_mut()[path.index()] += 1;
        }
    }

    /// A ticket that is not started.
    pub(crate) fn drop_ticket(&self, ticket: Ticket, why: Unsent) {
        self.landing.unsent(ticket, why);
    }

    /// Follows an attempt to its end; a panic inside it becomes [`Unsent::Panicked`]. It is under way from this call on,
    /// not from the first time that what is returned is polled.
    pub(crate) fn follow(self: Rc<Self>, ticket: Ticket, attempt: impl Future<Output = S>) -> impl Future<Output = ()> {
        self.under_way.set(self.under_way.get() + 1);
        self.everywhere.fetch_add(1, Ordering::Relaxed);
        let flight = InFlightCall { in_flight: self, ticket, completed: false };
        async move { flight.land(attempt.await) }
    }

    /// Returns when none is under way.
    pub(crate) async fn emptied(&self) {
        while self.under_way.get() > 0 {
            self.empty.notified().await;
        }
    }
}

/// Carries out `work` here, as a task of its own would: a panic inside ends it and nothing else.
pub(crate) async fn contained(work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    poll_fn(|cx| {
        // After a panic the work is not polled again, only dropped.
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))).unwrap_or(Poll::Ready(()))
    })
    .await;
}

/// One call under way; it is over when this goes out of scope, however that comes about.
struct InFlightCall<S: 'static> {
    in_flight: Rc<InFlight<S>>,
    ticket: Ticket,
    completed: bool,
}

impl<S> InFlightCall<S> {
    fn land(mut self, sample: S) {
        self.completed = true;
        self.in_flight.landing.completed(sample);
    }
}

impl<S> Drop for InFlightCall<S> {
    fn drop(&mut self) {
        if !self.completed {
            self.in_flight.landing.unsent(self.ticket, Unsent::Panicked);
        }
        let left = self.in_flight.under_way.get() - 1;
        self.in_flight.under_way.set(left);
        self.in_flight.everywhere.fetch_sub(1, Ordering::Relaxed);
        if left == 0 {
            self.in_flight.empty.notify_one();
        }
    }
}
