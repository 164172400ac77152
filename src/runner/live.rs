//! Feeds the live view: what the plan offers, what was achieved, what has been seen.

use std::collections::VecDeque;
use std::time::Duration;

use crate::progress::{PathSnapshot, Progress, Snapshot};
use crate::runner::event_loop::Moment;
use crate::runner::worker::Setup;
use crate::schedule::tickets::Ticket;
use crate::screen::Screen;
use crate::units::Phase;

/// Over how long rates are taken.
const LATELY: Duration = Duration::from_secs(2);

/// The live view of one run.
pub(crate) struct Live<'a> {
    setup: &'a Setup,
    progress: Progress,
    /// The plan once more, walked with the clock: what is offered does not depend on the workers.
    tickets: std::iter::Peekable<Box<dyn Iterator<Item = Ticket> + 'a>>,
    offered: u64,
    past: VecDeque<(Duration, u64, u64)>,
}

impl<'a> Live<'a> {
    /// A view that fits where standard error goes.
    pub(crate) fn new(setup: &'a Setup, quiet: bool) -> Self {
        let tickets: Box<dyn Iterator<Item = Ticket>> = Box::new(setup.plan.tickets(setup.workload.arrivals(), 0, 1));
        Self {
            setup,
            progress: Progress::new(quiet, Screen::stderr().is_capable()),
            tickets: tickets.peekable(),
            offered: 0,
            past: VecDeque::new(),
        }
    }

    /// Shows a moment.
    pub(crate) fn show(&mut self, moment: &Moment<'_>) {
        while self.tickets.next_if(|ticket| ticket.intended <= moment.elapsed).is_some() {
            self.offered += 1;
        }
        let closed = self.setup.plan.concurrency() > 0;
        let offered = if closed { moment.came_due } else { self.offered };
        self.past.push_back((moment.elapsed, offered, moment.came_due));
        while self.past.len() > 2 && self.past[1].0 + LATELY <= moment.elapsed {
            self.past.pop_front();
        }
        let snapshot = self.snapshot(moment);
        self.progress.show(&snapshot);
    }

    /// Takes the view away.
    pub(crate) fn finish(&mut self) {
        self.progress.finish();
    }

    fn snapshot(&self, moment: &Moment<'_>) -> Snapshot {
        let plan = &self.setup.plan;
        let total = plan.measure_until();
        let paths = plan.paths.iter().zip(&moment.tally.paths);
        let longest = plan.paths.iter().map(|path| path.timeouts.total.0).max().unwrap_or_default();
        let (offered_per_s, achieved_per_s) = self.rates();
        Snapshot {
            phase: moment.phase,
            elapsed: moment.elapsed,
            total,
            left: match moment.phase {
                Phase::Warmup | Phase::Measure => total.saturating_sub(moment.elapsed),
                Phase::Drain => (total + longest).saturating_sub(moment.elapsed),
            },
            offered_per_s,
            achieved_per_s,
            in_flight: moment.in_flight,
            ok: moment.tally.paths.iter().map(|path| path.ok).sum(),
            errors: moment.tally.paths.iter().map(|path| path.errors).sum(),
            paths: paths
                .map(|(path, seen)| PathSnapshot {
                    name: path.name.clone(),
                    ttft_p50_ms: seen.ttft_ms(0.5),
                    ttft_p99_ms: seen.ttft_ms(0.99),
                })
                .collect(),
        }
    }

    fn rates(&self) -> (f64, f64) {
        let (Some(first), Some(last)) = (self.past.front(), self.past.back()) else { return (0.0, 0.0) };
        let seconds = (last.0.saturating_sub(first.0)).as_secs_f64();
        let rate = |from: u64, to: u64| if seconds > 0.0 { to.saturating_sub(from) as f64 / seconds } else { 0.0 };
        (rate(first.1, last.1), rate(first.2, last.2))
    }
}
