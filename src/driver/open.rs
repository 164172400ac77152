//! Open load: tickets start when the plan says so, whatever the answers do.

use std::future::Future;
use std::rc::Rc;

use tokio::sync::watch;

use crate::driver::in_flight::{InFlight, Unsent};
use crate::driver::worker::{Stop, wait_for_stop};
use crate::schedule::pacer::Pacer;
use crate::schedule::tickets::Ticket;
use crate::units::Nanos;

/// What one worker needs to carry out its share of an open load.
pub(crate) struct Open<S: 'static> {
    /// The run's start.
    pub origin: Nanos,
    /// The cap on calls under way, in all workers together.
    pub max_in_flight: usize,
    /// Its calls under way.
    pub in_flight: Rc<InFlight<S>>,
    /// What it is told.
    pub stop: watch::Receiver<Stop>,
}

impl<S: 'static> Open<S> {
    /// Starts every ticket at its intended time until they end or the run is stopped.
    ///
    /// `launch` is called ahead of that time and does what can be done early; what it returns is called with the
    /// instant at which the worker took the ticket up. Tickets come in order of intended time.
    pub(crate) async fn carry_out<L, Fut>(
        mut self,
        pacer: &mut Pacer,
        tickets: impl Iterator<Item = Ticket>,
        launch: impl Fn(Ticket) -> L,
    ) where
        L: FnOnce(Nanos) -> Fut,
        Fut: Future<Output = S> + 'static,
    {
        for ticket in tickets {
            let start = launch(ticket);
            tokio::select! {
                biased;
                () = wait_for_stop(&mut self.stop, Stop::Drain) => return,
                () = pacer.until(self.origin + ticket.intended) => {}
            }
            self.in_flight.count_due(ticket.phase, ticket.path);
            if self.in_flight.under_way_everywhere() >= self.max_in_flight {
                self.in_flight.drop_ticket(ticket, Unsent::InFlightCap);
            } else {
                let attempt = start(Nanos::now());
                tokio::task::spawn_local(Rc::clone(&self.in_flight).follow(ticket, attempt));
                // The call goes out now, before time is spent on the next one.
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::driver::in_flight::CompletionSink;
    use crate::units::{PathId, Phase, Seq};

    #[derive(Default)]
    struct Log(Rc<RefCell<Vec<String>>>);

    impl CompletionSink<u64> for Log {
        fn completed(&self, sample: u64) {
            self.0.borrow_mut().push(format!("landed {sample}"));
        }
        fn unsent(&self, ticket: Ticket, why: Unsent) {
            self.0.borrow_mut().push(format!("lost {} {why:?}", ticket.seq.0));
        }
    }

    fn ticket(seq: u64) -> Ticket {
        Ticket {
            seq: Seq(seq),
            round: seq,
            path: PathId(0),
            phase: Phase::Measure,
            intended: Duration::from_millis(seq),
        }
    }

    async fn carry_out(cap: usize, wait_for_stop: Stop, attempt: fn(u64) -> Option<u64>) -> (Vec<String>, Vec<u64>) {
        let log = Log::default();
        let entries = Rc::clone(&log.0);
        let in_flight = InFlight::new(1, Arc::default(), Box::new(log));
        let (_speak, stop) = watch::channel(wait_for_stop);
        let open = Open { origin: Nanos::now(), max_in_flight: cap, in_flight: Rc::clone(&in_flight), stop };
        let gate = Rc::new(tokio::sync::Notify::new());
        let opened = Rc::clone(&gate);
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async move {
                let mut pacer = Pacer::new().expect("a timer");
                open.carry_out(&mut pacer, (0..3).map(ticket), |ticket| {
                    let gate = Rc::clone(&gate);
                    move |_| async move {
                        if ticket.seq.0 == 0 {
                            gate.notified().await;
                        }
                        attempt(ticket.seq.0).expect("this attempt breaks")
                    }
                })
                .await;
                opened.notify_one();
                in_flight.emptied().await;
                (entries.take(), in_flight.due())
            })
            .await
    }

    #[tokio::test]
    async fn every_ticket_that_came_due_is_accounted_for() {
        let (mut log, due) = carry_out(10, Stop::Run, Some).await;
        log.sort();
        assert_eq!((log, due), (vec!["landed 0".to_owned(), "landed 1".to_owned(), "landed 2".to_owned()], vec![3]));
    }

    #[tokio::test]
    async fn the_last_call_is_waited_for_even_if_it_has_not_begun() {
        let log = Log::default();
        let entries = Rc::clone(&log.0);
        let in_flight = InFlight::new(1, Arc::default(), Box::new(log));
        let (_speak, stop) = watch::channel(Stop::Run);
        let open = Open { origin: Nanos(0), max_in_flight: 9, in_flight: Rc::clone(&in_flight), stop };
        tokio::task::LocalSet::new()
            .run_until(async move {
                let mut pacer = Pacer::new().expect("a timer");
                open.carry_out(&mut pacer, std::iter::once(ticket(0)), |_| |_| async { 0 }).await;
                in_flight.emptied().await;
                assert_eq!(entries.take(), ["landed 0"]);
            })
            .await;
    }

    #[tokio::test]
    async fn beyond_the_cap_tickets_are_dropped_and_counted() {
        let (log, due) = carry_out(1, Stop::Run, Some).await;
        assert_eq!(log, ["lost 1 InFlightCap", "lost 2 InFlightCap", "landed 0"]);
        assert_eq!(due, [3]);
    }

    #[tokio::test]
    async fn a_panic_is_a_lost_call_and_no_hang() {
        let (mut log, due) = carry_out(10, Stop::Run, |seq| (seq != 1).then_some(seq)).await;
        log.sort();
        assert_eq!(
            (log, due),
            (vec!["landed 0".to_owned(), "landed 2".to_owned(), "lost 1 Panicked".to_owned()], vec![3])
        );
    }

    #[tokio::test]
    async fn a_stopped_run_starts_nothing() {
        assert_eq!(carry_out(10, Stop::Drain, Some).await, (vec![], vec![0]));
    }
}
