//! The limits of one call: a time limit that moves as the call goes on, a limit on the whole, and the run's abort.
//!
//! One runtime timer serves a call, and then the next one. It is set anew only when it fires early, not at every read
//! nor for every call. Limits count from stamps that the call takes anyway, so they cost no look at the clock.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::measure::outcome::{ErrorClass, Outcome};
use crate::units::Nanos;

/// Why a call was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A time limit.
    Timeout(ErrorClass),
    /// The run ended.
    Aborted,
}

impl Cut {
    /// How a call ends that was cut before its answer began.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Timeout(class) => Outcome::Failed(class),
            Self::Aborted => Outcome::Incomplete(ErrorClass::Interrupted),
        }
    }
}

/// As good as never; the runtime's timers reach no farther.
const NEVER: Nanos = Nanos(u64::MAX / 2);
/// What a timer that has no deadline is set to, from the start of the worker.
const FAR: Duration = Duration::from_secs(86_400 * 365);

/// The timers of one worker that no call uses at present.
pub(super) struct Timers {
    resting: RefCell<Vec<Pin<Box<Sleep>>>>,
    /// One moment on both clocks: the runtime's does not tell its number.
    moment: (Nanos, Instant),
}

impl Timers {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { resting: RefCell::default(), moment: (Nanos::now(), Instant::now()) }
    }

    /// A moment of ours on the runtime's clock.
    fn instant(&self, at: Nanos) -> Instant {
        self.moment.1 + at.since(self.moment.0).min(FAR)
    }

    fn take(&self, at: Instant) -> Pin<Box<Sleep>> {
        let rested = self.resting.borrow_mut().pop();
        rested.unwrap_or_else(|| Box::pin(sleep_until(at)))
    }
}

/// The limits of one call.
pub(super) struct Guard<'g, 'n> {
    aborted: Pin<&'g mut Notified<'n>>,
    already: bool,
    timers: &'n Timers,
    timer: Option<Pin<Box<Sleep>>>,
    limit: (Nanos, ErrorClass),
    total: Option<Nanos>,
}

impl<'g, 'n> Guard<'g, 'n> {
    /// A guard that listens to the run's abort; `already` says that it has come.
    pub(super) fn new(aborted: Pin<&'g mut Notified<'n>>, already: bool, timers: &'n Timers) -> Self {
        Self { aborted, already, timers, timer: None, limit: (NEVER, ErrorClass::TimeoutTotal), total: None }
    }

    /// What is watched may take this long, counted from `begin`.
    pub(super) fn limit(&mut self, begin: Nanos, span: Duration, class: ErrorClass) {
        self.limit = (begin + span, class);
    }

    /// Everything together may take this long, counted from `begin`.
    pub(super) fn limit_total(&mut self, begin: Nanos, span: Duration) {
        self.total = Some(begin + span);
    }

    /// Waits for `work`, which is polled in place, within the limits.
    pub(super) fn watch<T>(
        &mut self,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> impl Future<Output = Result<T, Cut>> {
        poll_fn(move |cx| {
            if let Poll::Ready(done) = work(cx) {
                return Poll::Ready(Ok(done));
            }
            if self.already || self.aborted.as_mut().poll(cx).is_ready() {
                self.already = true;
                return Poll::Ready(Err(Cut::Aborted));
            }
            let (deadline, class) = self.deadline();
            let at = self.timers.instant(deadline);
            let timer = self.timer.get_or_insert_with(|| self.timers.take(at));
            if timer.deadline() > at {
                timer.as_mut().reset(at);
            }
            while timer.as_mut().poll(cx).is_ready() {
                if Nanos::now() >= deadline {
                    return Poll::Ready(Err(Cut::Timeout(class)));
                }
                timer.as_mut().reset(at);
            }
            Poll::Pending
        })
    }

    fn deadline(&self) -> (Nanos, ErrorClass) {
        match self.total {
            Some(total) if total < self.limit.0 => (total, ErrorClass::TimeoutTotal),
            Some(_) | None => self.limit,
        }
    }
}

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        self.timers.resting.borrow_mut().extend(self.timer.take());
    }
}
