//! Closed load: a fixed number of callers, each waiting for its answer before it asks again.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

use crate::driver::in_flight::{InFlight, contained};
use crate::driver::worker::{Stop, wait_for_stop};
use crate::schedule::pacer::{Pacer, PacerError};
use crate::schedule::tickets::Ticket;
use crate::units::Nanos;

/// What one worker needs to carry out its share of a closed load.
pub(crate) struct Closed<S: 'static> {
    /// The run's start.
    pub origin: Nanos,
    /// How long a caller rests between two calls.
    pub think_time: Duration,
    /// This worker's calls under way.
    pub in_flight: Rc<InFlight<S>>,
    /// What it is told.
    pub stop: watch::Receiver<Stop>,
}

impl<S: 'static> Closed<S> {
    /// Runs one caller: from `begin` on it asks, waits for the answer, rests and asks again, until there is no next
    /// ticket or the run is stopped.
    ///
    /// `next` gives the ticket of a call from its number and when it is due, since the run's start.
    ///
    /// # Errors
    /// [`PacerError`] when the system has no descriptor left.
    pub(crate) async fn caller<L, Fut>(
        mut self,
        begin: Duration,
        next: impl Fn(u64, Duration) -> Option<Ticket>,
        launch: impl Fn(Ticket) -> L,
    ) -> Result<(), PacerError>
    where
        L: FnOnce(Nanos) -> Fut,
        Fut: Future<Output = S> + 'static,
    {
        let mut pacer = Pacer::new()?;
        let mut due = self.origin + begin;
        for number in 0.. {
            let Some(ticket) = next(number, due.since(self.origin)) else { break };
            // Encoded ahead. Waiting lets other callers read their answers first: the next calls then go out together, and
            // the far end is woken once for many of them.
            let send = launch(ticket);
            tokio::select! {
                biased;
                () = wait_for_stop(&mut self.stop, Stop::Drain) => break,
                () = pacer.until(due) => {}
            }
            self.in_flight.count_due(ticket.phase, ticket.path);
            // A broken attempt is accounted for; the caller goes on.
            contained(Rc::clone(&self.in_flight).follow(ticket, send(Nanos::now()))).await;
            due = Nanos::now() + self.think_time;
        }
        Ok(())
    }
}
