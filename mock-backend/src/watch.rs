//! Who keeps a connection open without using it: one sweep a worker closes connections whose caller has been silent, or
//! has been sending one request, for too long. Nothing of this stands on the path of a request but a store.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::now_ns;

/// How long a caller may take from the end of one answer (or from connecting) to the end of its next request.
const PATIENCE: u64 = 240 * 1_000_000_000;
/// How often connections are looked at.
const SWEEP: Duration = Duration::from_secs(5);
/// How often connections that are to end are looked at.
const STEP: Duration = Duration::from_millis(2);

/// What the sweep knows of one connection.
pub(crate) struct Patience {
    since: Cell<u64>,
    over: Cell<bool>,
    /// Whether the simulator is about to end.
    leaving: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Patience {
    /// The caller is to send its next request from now on.
    pub(crate) fn wait(&self) {
        self.since.set(now_ns());
    }

    /// The caller is served; it may wait for its answer as long as that takes.
    pub(crate) fn serve(&self) {
        self.since.set(u64::MAX);
    }

    /// For the connection's task: ready when patience is over.
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

    /// For the connection's task, after [`poll_over`](Self::poll_over): ready when it is to end after the exchanges that
    /// are under way.
    pub(crate) fn poll_leave(&self) -> Poll<()> {
        if self.leaving.get() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn leave(&self) {
        self.leaving.set(true);
        if let Some(task) = self.task.borrow_mut().take() {
            task.wake();
        }
    }

    fn check(&self, now: u64) {
        if self.since.get().saturating_add(PATIENCE) < now {
            self.over.set(true);
            if let Some(task) = self.task.borrow_mut().take() {
                task.wake();
            }
        }
    }
}

/// The connections of one worker.
#[derive(Default)]
pub(crate) struct Watch(RefCell<Vec<Weak<Patience>>>);

impl Watch {
    /// Watches a new connection.
    pub(crate) fn add(&self) -> Rc<Patience> {
        let patience = Rc::new(Patience {
            since: Cell::new(now_ns()),
            over: Cell::new(false),
            leaving: Cell::new(false),
            task: RefCell::new(None),
        });
        self.0.borrow_mut().push(Rc::downgrade(&patience));
        patience
    }

    /// Lets every connection end after what is under way on it, and waits for that.
    pub(crate) async fn leave(&self) {
        let connections = std::mem::take(&mut *self.0.borrow_mut());
        connections.iter().filter_map(Weak::upgrade).for_each(|patience| patience.leave());
        while connections.iter().any(|patience| patience.strong_count() > 0) {
            tokio::time::sleep(STEP).await;
        }
    }

    fn sweep(&self, now: u64) {
        self.0.borrow_mut().retain(|connection| {
            let connection = connection.upgrade();
            connection.iter().for_each(|patience| patience.check(now));
            connection.is_some()
        });
    }

    /// Sweeps until the worker ends.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.sweep(now_ns());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_for_the_silent_and_not_for_the_served() {
        let watch = Watch::default();
        let (silent, served, gone) = (watch.add(), watch.add(), watch.add());
        served.serve();
        drop(gone);
        let later = now_ns() + PATIENCE + 1_000_000_000;
        let cx = Context::from_waker(Waker::noop());
        assert!(silent.poll_over(&cx).is_pending());
        watch.sweep(later);
        assert!(silent.poll_over(&cx).is_ready() && served.poll_over(&cx).is_pending());
        assert_eq!(watch.0.borrow().len(), 2);
    }
}
