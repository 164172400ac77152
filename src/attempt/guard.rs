//! The limits of one call: a time limit that moves as the call goes on, a limit on the whole, and the run's abort.
//!
//! One runtime timer serves a call, and then the next one. It is set anew only when it fires early, not at every read
//! nor for every call.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::measure::outcome::{ErrorClass, Outcome};

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

/// The timers of one worker that no call uses at present.
#[derive(Default)]
pub(super) struct Timers(RefCell<Vec<Pin<Box<Sleep>>>>);

/// The limits of one call.
pub(super) struct Guard<'g, 'n> {
    aborted: Pin<&'g mut Notified<'n>>,
    already: bool,
    timers: &'n Timers,
    timer: Option<Pin<Box<Sleep>>>,
    limit: (Instant, ErrorClass),
    total: Option<Instant>,
}

impl<'g, 'n> Guard<'g, 'n> {
    /// A guard that listens to the run's abort; `already` says that it has come.
    pub(super) fn new(aborted: Pin<&'g mut Notified<'n>>, already: bool, timers: &'n Timers) -> Self {
        let never = Instant::now() + Duration::from_secs(86_400 * 365);
        Self { aborted, already, timers, timer: None, limit: (never, ErrorClass::TimeoutTotal), total: None }
    }

    /// From now on, what is watched may take this long.
    pub(super) fn limit(&mut self, span: Duration, class: ErrorClass) {
        self.limit = (Instant::now() + span, class);
    }

    /// From now on, everything together may take this long.
    pub(super) fn limit_total(&mut self, span: Duration) {
        self.total = Some(Instant::now() + span);
    }

    /// Waits for `work` within the limits.
    pub(super) async fn watch<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cut> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if self.already || self.aborted.as_mut().poll(cx).is_ready() {
                self.already = true;
                return Poll::Ready(Err(Cut::Aborted));
            }
            let (deadline, class) = self.deadline();
            let rested = || self.timers.0.borrow_mut().pop();
            let timer = self.timer.get_or_insert_with(|| rested().unwrap_or_else(|| Box::pin(sleep_until(deadline))));
            if timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            while timer.as_mut().poll(cx).is_ready() {
                if Instant::now() >= deadline {
                    return Poll::Ready(Err(Cut::Timeout(class)));
                }
                timer.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }

    fn deadline(&self) -> (Instant, ErrorClass) {
        match self.total {
            Some(total) if total < self.limit.0 => (total, ErrorClass::TimeoutTotal),
            Some(_) | None => self.limit,
        }
    }
}

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        self.timers.0.borrow_mut().extend(self.timer.take());
    }
}
