//! The plan once more, up to the first call that has not ended: before it, every call is known.

use std::collections::HashSet;
use std::iter::Peekable;
use std::time::Duration;

use crate::schedule::tickets::Ticket;

/// Where the calls that are known to have ended without a gap come to an end.
pub(crate) struct Frontier<'a> {
    tickets: Peekable<Box<dyn Iterator<Item = Ticket> + 'a>>,
    /// Calls beyond it that have ended.
    ended: HashSet<u64>,
    /// Calls that had not ended when `most` later ones had.
    passed_over: HashSet<u64>,
    most: usize,
}

impl<'a> Frontier<'a> {
    /// At the first of these tickets. One of which the row was lost never ends here: it is waited for until `most` later
    /// calls have ended, so that these do not pile up behind it.
    pub(crate) fn new(tickets: Box<dyn Iterator<Item = Ticket> + 'a>, most: usize) -> Self {
        Self { tickets: tickets.peekable(), ended: HashSet::new(), passed_over: HashSet::new(), most }
    }

    /// Notes that a call has ended.
    pub(crate) fn note(&mut self, seq: u64) {
        if !self.passed_over.remove(&seq) {
            self.ended.insert(seq);
        }
    }

    /// Goes on as far as calls have ended. Returns when the first that has not was due, from the run's start; `None` if
    /// all have ended.
    pub(crate) fn advance(&mut self) -> Option<Duration> {
        loop {
            while self.tickets.next_if(|ticket| self.ended.remove(&ticket.seq.0)).is_some() {}
            let Some(waited_for) = self.tickets.next_if(|_| self.ended.len() > self.most) else { break };
            self.passed_over.insert(waited_for.seq.0);
        }
        self.tickets.peek().map(|ticket| ticket.intended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;

    #[test]
    fn it_waits_for_a_slow_call_but_not_for_ever() {
        let plan = fixture::plan(&["direct", "gateway"]);
        let due: Vec<(u64, Duration)> =
            plan.tickets(None, 0, 1).take(20).map(|ticket| (ticket.seq.0, ticket.intended)).collect();
        let mut frontier = Frontier::new(Box::new(plan.tickets(None, 0, 1).take(20)), 5);
        assert_eq!(frontier.advance(), Some(due[0].1));
        // The fourth does not end.
        let ends = |frontier: &mut Frontier, places: std::ops::Range<usize>| {
            places.filter(|place| *place != 3).for_each(|place| frontier.note(due[place].0));
            frontier.advance()
        };
        assert_eq!(ends(&mut frontier, 0..2), Some(due[2].1));
        assert_eq!(ends(&mut frontier, 2..9), Some(due[3].1));
        assert_eq!((ends(&mut frontier, 9..10), frontier.ended.len()), (Some(due[10].1), 0));
        // It does after all.
        frontier.note(due[3].0);
        assert!(frontier.passed_over.is_empty() && frontier.ended.is_empty());
        assert_eq!(ends(&mut frontier, 10..20), None);
    }
}
