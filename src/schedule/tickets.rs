//! The tickets of an open load: every attempt with its number, round, path, phase and instant, in order of time.
//!
//! Every worker walks through the whole plan and keeps its share by number, so the union over the workers is the same
//! for every number of workers. Memory is bounded by the rounds that overlap, not by the length of the run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::time::Duration;

use crate::random::Purpose;
use crate::schedule::arrivals::ArrivalTimes;
use crate::schedule::design::{Design, PermutedGroups, Phases, round_members};
use crate::units::{PathId, Phase, Seq};

/// One planned attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number in the plan, in order of `intended`.
    pub seq: Seq,
    /// Its round: the arrival's number.
    pub round: u64,
    /// The path it takes.
    pub path: PathId,
    /// The phase in which `intended` lies. Under [`Design::Paired`] that is the phase in which its round arrives.
    pub phase: Phase,
    /// When it is to start, from the run's start (the beginning of warmup).
    pub intended: Duration,
}

/// What decides the tickets besides the arrivals.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The plan's seed.
    pub seed: u64,
    /// How many paths there are.
    pub paths: u16,
    /// Which path an arrival takes.
    pub design: Design,
    /// Over how many nanoseconds a round is spread.
    pub spread: u64,
    /// Where the phases lie.
    pub phases: Phases,
}

/// Which part of the tickets a worker keeps: those whose number leaves `shard` when divided by `of`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Which of the shares.
    pub shard: u64,
    /// How many shares there are.
    pub of: u64,
}

/// A worker's tickets, in order of time.
#[derive(Clone, Debug)]
pub struct Tickets<'trace> {
    plan: Starts<'trace>,
    phases: Phases,
    share: Share,
    next_seq: u64,
}

impl<'trace> Tickets<'trace> {
    /// The tickets of these arrivals that belong to a share.
    #[must_use]
    pub fn new(arrivals: ArrivalTimes<'trace>, layout: Layout, share: Share) -> Self {
        let plan = match layout.design {
            Design::Paired => Starts::Rounds(Rounds::new(arrivals, layout)),
            Design::Interleaved | Design::Sequential => Starts::Singles(Singles::new(arrivals, layout)),
        };
        Self { plan, phases: layout.phases, share, next_seq: 0 }
    }
}

impl Iterator for Tickets<'_> {
    type Item = Ticket;

    fn next(&mut self) -> Option<Ticket> {
        loop {
            let Start { at, round, path, .. } = self.plan.next()?;
            let seq = self.next_seq;
            self.next_seq += 1;
            if seq % self.share.of == self.share.shard {
                let (phase, intended) = (self.phases.at(at), Duration::from_nanos(at));
                return Some(Ticket { seq: Seq(seq), round, path: PathId(path), phase, intended });
            }
        }
    }
}

/// One attempt before it has a number; ordered by time, then round, then place in the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    at: u64,
    round: u64,
    place: u16,
    path: u16,
}

#[derive(Clone, Debug)]
enum Starts<'trace> {
    Rounds(Rounds<'trace>),
    Singles(Singles<'trace>),
}

impl Starts<'_> {
    fn next(&mut self) -> Option<Start> {
        match self {
            Self::Rounds(rounds) => rounds.next(),
            Self::Singles(singles) => singles.next(),
        }
    }
}

/// Rounds that overlap, merged into one order of time.
#[derive(Clone, Debug)]
struct Rounds<'trace> {
    arrivals: Peekable<ArrivalTimes<'trace>>,
    layout: Layout,
    round: u64,
    waiting: BinaryHeap<Reverse<Start>>,
}

impl<'trace> Rounds<'trace> {
    fn new(arrivals: ArrivalTimes<'trace>, mut layout: Layout) -> Self {
        if layout.paths == 1 {
            layout.spread = 0;
        }
        Self { arrivals: arrivals.peekable(), layout, round: 0, waiting: BinaryHeap::new() }
    }

    /// The earliest start of all; a round is opened as long as one of its members could come before.
    fn next(&mut self) -> Option<Start> {
        while let Some((first, width)) = self.next_room() {
            if self.waiting.peek().is_some_and(|Reverse(start)| start.at <= first) {
                break;
            }
            self.open_round(first, width);
        }
        self.waiting.pop().map(|Reverse(start)| start)
    }

    fn next_room(&mut self) -> Option<(u64, u64)> {
        let arrival = *self.arrivals.peek()?;
        Some(self.layout.phases.room_for_round(arrival, self.layout.spread))
    }

    fn open_round(&mut self, first: u64, width: u64) {
        self.arrivals.next();
        let members = round_members(self.layout.seed, self.round, self.layout.paths, width);
        for (place, (offset, path)) in (0..).zip(members) {
            self.waiting.push(Reverse(Start { at: first + offset, round: self.round, place, path }));
        }
        self.round += 1;
    }
}

/// Arrivals that take one path each.
#[derive(Clone, Debug)]
struct Singles<'trace> {
    arrivals: ArrivalTimes<'trace>,
    layout: Layout,
    round: u64,
    warmup: PermutedGroups,
    measure: PermutedGroups,
}

impl<'trace> Singles<'trace> {
    fn new(arrivals: ArrivalTimes<'trace>, layout: Layout) -> Self {
        let groups = |purpose| PermutedGroups::new(layout.seed, purpose, layout.paths);
        let (warmup, measure) = (groups(Purpose::WarmupGroup), groups(Purpose::MeasureGroup));
        Self { arrivals, layout, round: 0, warmup, measure }
    }

    fn next(&mut self) -> Option<Start> {
        let at = self.arrivals.next()?;
        let path = self.path_at(at);
        self.round += 1;
        Some(Start { at, round: self.round - 1, place: 0, path })
    }

    /// Groups are counted apart in each phase, so that the measured phase begins with a whole one.
    fn path_at(&mut self, at: u64) -> u16 {
        let Layout { phases, design, paths, .. } = self.layout;
        match (phases.at(at), design) {
            (Phase::Warmup, _) => self.warmup.next_path(),
            (Phase::Measure | Phase::Drain, Design::Sequential) => phases.segment(at, paths),
            (Phase::Measure | Phase::Drain, Design::Paired | Design::Interleaved) => self.measure.next_path(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const DESIGNS: [Design; 3] = [Design::Paired, Design::Interleaved, Design::Sequential];

    #[derive(Clone, Copy, Debug)]
    struct Case {
        layout: Layout,
        rate: f64,
        poisson: bool,
    }

    fn case(seed: u64, paths: u16, design: Design, rate: f64) -> Case {
        let phases = Phases { measure_from: 2 * SECOND + SECOND / 2, until: 12 * SECOND };
        Case { layout: Layout { seed, paths, design, spread: SECOND / 2, phases }, rate, poisson: true }
    }

    fn tickets(case: Case, shard: u64, of: u64) -> Tickets<'static> {
        let Case { layout, rate, poisson } = case;
        let until = layout.phases.until;
        let arrivals =
            if poisson { ArrivalTimes::poisson(layout.seed, rate, until) } else { ArrivalTimes::constant(rate, until) };
        Tickets::new(arrivals, layout, Share { shard, of })
    }

    fn any_case() -> impl Strategy<Value = Case> {
        (any::<u64>(), 1..=16_u16, 0..3_usize, 0.2..60.0, 0..3 * SECOND, any::<bool>()).prop_map(
            |(seed, paths, design, rate, spread, poisson)| {
                let mut case = case(seed, paths, DESIGNS[design], rate);
                (case.layout.spread, case.poisson) = (spread, poisson);
                case
            },
        )
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_same_plan(case in any_case(), of in 1..=16_u64) {
            let whole: Vec<Ticket> = tickets(case, 0, 1).collect();
            let mut union: Vec<Ticket> = (0..of).flat_map(|shard| tickets(case, shard, of)).collect();
            union.sort_by_key(|ticket| ticket.seq);
            prop_assert_eq!(&whole, &union);
            prop_assert_eq!(whole, tickets(case, 0, 1).collect::<Vec<_>>());
        }

        #[test]
        fn tickets_are_numbered_in_order_of_time_and_lie_in_their_phase(case in any_case()) {
            let mut before = Duration::ZERO;
            for (seq, ticket) in (0..).zip(tickets(case, 0, 1)) {
                prop_assert_eq!(ticket.seq, Seq(seq));
                prop_assert!(ticket.intended >= before);
                prop_assert_eq!(ticket.phase, case.layout.phases.at(ticket.intended.as_nanos() as u64));
                prop_assert!(ticket.phase != Phase::Drain);
                before = ticket.intended;
            }
        }

        #[test]
        fn a_round_has_every_path_once_in_one_phase_within_the_spread(case in any_case()) {
            let mut case = case;
            case.layout.design = Design::Paired;
            let mut all: Vec<Ticket> = tickets(case, 0, 1).collect();
            all.sort_by_key(|ticket| (ticket.round, ticket.path));
            for round in all.chunks(usize::from(case.layout.paths)) {
                let paths: Vec<u16> = round.iter().map(|ticket| ticket.path.0).collect();
                prop_assert_eq!(paths, (0..case.layout.paths).collect::<Vec<_>>());
                prop_assert!(round.iter().all(|t| (t.round, t.phase) == (round[0].round, round[0].phase)));
                let times = || round.iter().map(|ticket| ticket.intended);
                let width = times().max().unwrap_or_default() - times().min().unwrap_or_default();
                prop_assert!(width <= Duration::from_nanos(case.layout.spread));
            }
        }

        #[test]
        fn interleaved_paths_are_balanced_in_every_phase(case in any_case()) {
            let mut case = case;
            case.layout.design = Design::Interleaved;
            for phase in [Phase::Warmup, Phase::Measure] {
                let mut served = vec![0_u32; usize::from(case.layout.paths)];
                tickets(case, 0, 1).filter(|t| t.phase == phase).for_each(|t| served[t.path.index()] += 1);
                let (least, most) = (served.iter().min(), served.iter().max());
                prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{:?}", served);
            }
        }
    }

    #[test]
    fn no_share_is_bound_to_a_path() {
        for (design, paths) in DESIGNS.into_iter().flat_map(|design| (1..=16).map(move |paths| (design, paths))) {
            let mut case = case(1, paths, design, 200.0);
            case.poisson = false;
            let whole: Vec<Ticket> = tickets(case, 0, 1).collect();
            for (of, shard) in (1..=16).flat_map(|of| (0..of).map(move |shard| (of, shard))) {
                let share = whole.iter().filter(|ticket| ticket.seq.0 % of == shard);
                let served: BTreeSet<PathId> = share.map(|ticket| ticket.path).collect();
                assert_eq!(served.len(), usize::from(paths), "{design:?}, {paths} paths, share {shard} of {of}");
            }
        }
    }

    #[test]
    fn planned_counts_are_right() {
        for (word, design, rate, paths, warmup, measured) in [
            ("rounds over three paths", Design::Paired, 20.0, 3, 50 * 3, 190 * 3),
            ("one path alone", Design::Paired, 20.0, 1, 50, 190),
            ("each to one path", Design::Interleaved, 20.0, 3, 50, 190),
            ("path after path", Design::Sequential, 20.0, 3, 50, 190),
            ("slower than a second", Design::Paired, 0.2, 2, 2, 2 * 2),
        ] {
            let mut case = case(3, paths, design, rate);
            case.poisson = false;
            let count = |phase| tickets(case, 0, 1).filter(|ticket| ticket.phase == phase).count();
            assert_eq!((count(Phase::Warmup), count(Phase::Measure)), (warmup, measured), "{word}");
        }
    }

    #[test]
    fn sequential_serves_one_path_after_the_other() {
        let paths: Vec<u16> = tickets(case(3, 3, Design::Sequential, 30.0), 0, 1)
            .filter(|ticket| ticket.phase == Phase::Measure)
            .map(|ticket| ticket.path.0)
            .collect();
        assert!(paths.is_sorted() && paths.first() == Some(&0) && paths.last() == Some(&2));
    }

    #[test]
    fn poisson_counts_scatter_as_a_poisson_process_does_for_every_number_of_workers() {
        let until = 2_000 * SECOND;
        let layout =
            Layout { phases: Phases { measure_from: 0, until }, ..case(8, 3, Design::Interleaved, 50.0).layout };
        for workers in 1..=8 {
            let share =
                |shard| Tickets::new(ArrivalTimes::poisson(8, 50.0, until), layout, Share { shard, of: workers });
            let mut counts = vec![0.0_f64; 2_000];
            (0..workers).flat_map(share).for_each(|ticket| counts[ticket.intended.as_secs() as usize] += 1.0);
            let mean = counts.iter().sum::<f64>() / counts.len() as f64;
            let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (counts.len() - 1) as f64;
            assert!((mean / 50.0 - 1.0).abs() < 0.02, "{workers} workers: mean {mean}");
            assert!((variance / mean - 1.0).abs() < 0.15, "{workers} workers: dispersion {}", variance / mean);
        }
    }
}
