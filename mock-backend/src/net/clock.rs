//! The precise clock of one worker thread: a `timerfd`, a queue of deadlines, and alarms that wait on it.
//!
//! Everything that the simulator sends on time waits here. tokio's own timer has a grain of 1 ms, which is the size of
//! the effects that are to be measured, so it serves only for timeouts.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::units::Nanos;

/// Nanoseconds of `CLOCK_MONOTONIC`, comparable between the processes of one machine.
#[must_use]
pub fn now_ns() -> u64 {
    Nanos::now().0
}

/// Seconds of the Unix epoch.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// One worker's clock; clones share it.
#[derive(Clone)]
pub(crate) struct Clock(Rc<Inner>);

struct Inner {
    /// Who waits, by the deadline and then in the order of coming.
    waiting: RefCell<BTreeMap<(Nanos, u64), Waker>>,
    came: Cell<u64>,
    armed: Cell<Nanos>,
    timer: ticker::Ticker,
}

impl Clock {
    /// A clock whose driver runs on the present `LocalSet` until that ends.
    pub(crate) fn start() -> io::Result<Self> {
        let timer = ticker::Ticker::new()?;
        let armed = Cell::new(Nanos::NEVER);
        let clock = Self(Rc::new(Inner { waiting: RefCell::default(), came: Cell::new(0), armed, timer }));
        let driver = Rc::clone(&clock.0);
        tokio::task::spawn_local(async move {
            while driver.timer.tick().await.is_ok() {
                driver.fire();
            }
        });
        Ok(clock)
    }

    /// An alarm for one waiting place.
    pub(crate) fn alarm(&self) -> Alarm {
        Alarm { clock: self.clone(), set: None }
    }

    /// Waits until `deadline`.
    pub(crate) async fn sleep_until(&self, deadline: Nanos) {
        let mut alarm = self.alarm();
        std::future::poll_fn(|cx| alarm.poll_until(deadline, cx)).await;
    }
}

impl Inner {
    fn wait(&self, deadline: Nanos, waker: Waker) {
        self.waiting.borrow_mut().insert((deadline, self.came.replace(self.came.get() + 1)), waker);
        if deadline < self.armed.get() {
            self.arm(deadline);
        }
    }

    fn arm(&self, deadline: Nanos) {
        self.armed.set(deadline);
        self.timer.arm(deadline);
    }

    fn fire(&self) {
        let now = Nanos::now();
        self.armed.set(Nanos::NEVER);
        loop {
            let mut waiting = self.waiting.borrow_mut();
            let Some(first) = waiting.first_entry() else { return };
            let (deadline, _) = *first.key();
            if deadline > now {
                return self.arm(deadline);
            }
            let due = first.remove();
            drop(waiting);
            due.wake();
        }
    }
}

/// One place that waits for the clock. Its deadline may change from poll to poll.
pub(crate) struct Alarm {
    clock: Clock,
    set: Option<(Nanos, Waker)>,
}

impl Alarm {
    /// Ready once the clock has reached `deadline`.
    pub(crate) fn poll_until(&mut self, deadline: Nanos, cx: &mut Context<'_>) -> Poll<()> {
        if Nanos::now() >= deadline {
            self.set = None;
            return Poll::Ready(());
        }
        let already = self.set.as_ref().is_some_and(|(at, waker)| *at == deadline && waker.will_wake(cx.waker()));
        if !already {
            self.set = Some((deadline, cx.waker().clone()));
            self.clock.0.wait(deadline, cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(target_os = "linux")]
mod ticker {
    //! The kernel's timer as a readable file.

    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use crate::units::Nanos;

    pub(super) struct Ticker(AsyncFd<OwnedFd>);

    impl Ticker {
        #[expect(deprecated, reason = "its successor is unsafe, and an OwnedFd keeps what that asks for")]
        pub(super) fn new() -> io::Result<Self> {
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            Ok(Self(AsyncFd::with_interest(fd, Interest::READABLE)?))
        }

        /// Sets the next tick; a later call replaces an earlier one. The count of expiries is never read: setting the
        /// timer resets it, and each expiry is an edge of its own.
        pub(super) fn arm(&self, deadline: Nanos) {
            let at = deadline.0.max(1);
            let value = Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
            let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            // Fails only for values out of range, which the division above excludes.
            let _ = timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &spec);
        }

        pub(super) async fn tick(&self) -> io::Result<()> {
            self.0.readable().await?.clear_ready();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod ticker {
    //! tokio's timer, for systems without `timerfd`: correct, but with a grain of 1 ms.

    use std::io;

    use tokio::sync::Notify;

    use crate::units::Nanos;

    pub(super) struct Ticker {
        at: std::cell::Cell<Nanos>,
        changed: Notify,
    }

    impl Ticker {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self { at: std::cell::Cell::new(Nanos::NEVER), changed: Notify::new() })
        }

        pub(super) fn arm(&self, deadline: Nanos) {
            self.at.set(deadline);
            self.changed.notify_one();
        }

        pub(super) async fn tick(&self) -> io::Result<()> {
            loop {
                let left = self.at.get().since(Nanos::now()).min(std::time::Duration::from_secs(3_600));
                tokio::select! {
                    () = tokio::time::sleep(left) => {
                        if self.at.get() <= Nanos::now() {
                            self.at.set(Nanos::NEVER);
                            return Ok(());
                        }
                    }
                    () = self.changed.notified() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn local<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, future)
    }

    #[test]
    fn alarms_never_ring_early_and_ring_in_order() {
        local(async {
            let clock = Clock::start().unwrap();
            // A machine that stalls for longer than the lead leaves nothing to wait for: such a try shows nothing.
            for lead in [10, 100, 1_000, 10_000] {
                let (rung, late) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(false)));
                let start = Nanos::now() + Duration::from_millis(lead);
                let tasks: Vec<_> = [7u64, 3, 5, 0]
                    .into_iter()
                    .map(|ms| {
                        let (clock, rung, late) = (clock.clone(), Rc::clone(&rung), Rc::clone(&late));
                        let deadline = start + Duration::from_millis(ms);
                        tokio::task::spawn_local(async move {
                            late.set(late.get() || Nanos::now() >= start);
                            clock.sleep_until(deadline).await;
                            assert!(Nanos::now() >= deadline);
                            rung.borrow_mut().push(ms);
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
                if !late.get() {
                    assert_eq!(*rung.borrow(), [0, 3, 5, 7]);
                    return;
                }
            }
            panic!("this machine stalled for 10 s");
        });
    }

    #[test]
    fn a_deadline_in_the_past_is_ready_at_once() {
        local(async {
            let clock = Clock::start().unwrap();
            clock.sleep_until(Nanos(0)).await;
        });
    }
}
