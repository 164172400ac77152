//! What a killed run lost: the arrivals that were under way and left no row.
//!
//! Numbers of attempts are dense, so a hole below the largest number seen is such an arrival. Its path is not
//! written anywhere, but under [`Design::Paired`] every round goes once over every path: the path missing from a
//! round is the path of the hole. Rounds are taken oldest first, because the youngest may simply not be complete yet.
//!
//! Under closed load numbers are dense caller by caller only: callers start one after the other and are not equally
//! fast, so one caller's numbers say nothing about another's. A caller's last call, under way when the run was killed,
//! leaves no hole. Where rows are a sample, holes tell nothing: such calls are then not counted at all.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::measure::sample::Sample;
use crate::plan::Design;
use crate::run::{Lost, Manifest};
use crate::units::Phase;

/// The arrivals of the measured phase that left no row; none when the run told its own ending.
pub(crate) fn lost(manifest: &Manifest, samples: &[Sample]) -> Lost {
    let paths = manifest.plan.paths.len();
    let nothing = Lost { by_path: vec![0; paths], unattributed: 0 };
    if manifest.ending.is_some() || manifest.rows.is_some() {
        return nothing;
    }
    let holes = holes(samples, callers(manifest));
    let is_closed = !manifest.plan.load.model.is_open();
    match manifest.plan.load.design {
        Design::Paired if !is_closed => attributed(holes, missing_members(samples, paths), nothing),
        Design::Paired | Design::Interleaved | Design::Sequential if paths == 1 => {
            Lost { by_path: vec![holes], unattributed: 0 }
        }
        Design::Paired | Design::Interleaved | Design::Sequential => Lost { unattributed: holes, ..nothing },
    }
}

/// How many sequences of numbers are dense on their own: one for each caller, or one for all arrivals of an open load.
/// The caller of a number is its remainder.
fn callers(manifest: &Manifest) -> u64 {
    manifest.plan.load.model.concurrency().max(1)
}

/// How many numbers below the largest one seen of their caller are missing in the measured phase. A hole has the phase
/// of the next number seen above it.
fn holes(samples: &[Sample], callers: u64) -> u64 {
    let place = |sample: &Sample| (sample.seq.0 % callers, sample.seq.0 / callers);
    let seen: BTreeMap<(u64, u64), Phase> = samples.iter().map(|sample| (place(sample), sample.phase)).collect();
    let mut next = (0, 0);
    let mut holes = 0;
    for ((caller, call), phase) in seen {
        let expected = if caller == next.0 { next.1 } else { 0 };
        if phase == Phase::Measure {
            holes += call - expected;
        }
        next = (caller, call + 1);
    }
    holes
}

/// What is missing from the rounds of the measured phase, oldest round first.
enum Missing {
    /// Some paths of one round that left rows of others.
    Members(Vec<usize>),
    /// This many rounds on end of which no row is left.
    Rounds(u64),
}

/// What the rounds between the first and the last one seen lack. The steps are as many as the rounds seen, however far
/// apart their numbers stand: a foreign run directory chooses them.
fn missing_members(samples: &[Sample], paths: usize) -> Vec<Missing> {
    let mut seen: BTreeMap<u64, HashSet<usize>> = BTreeMap::new();
    for sample in samples {
        seen.entry(sample.round).or_default().insert(sample.path.index());
    }
    let measured: BTreeSet<u64> =
        samples.iter().filter(|sample| sample.phase == Phase::Measure).map(|sample| sample.round).collect();
    let (Some(first), Some(last)) = (measured.first(), measured.last()) else { return Vec::new() };
    let mut next = *first;
    let mut missing = Vec::new();
    for (round, members) in seen.range(*first..=*last) {
        if *round > next {
            missing.push(Missing::Rounds(round - next));
        }
        missing.push(Missing::Members((0..paths).filter(|path| !members.contains(path)).collect()));
        next = round + 1;
    }
    missing
}

/// Gives the holes to the paths that miss them, until more is missing than there are holes.
fn attributed(mut holes: u64, missing: Vec<Missing>, mut lost: Lost) -> Lost {
    for missing in missing {
        let (rounds, members) = match missing {
            Missing::Members(members) => (1, members),
            Missing::Rounds(rounds) => (rounds, (0..lost.by_path.len()).collect()),
        };
        let fitting = holes.checked_div(members.len() as u64).map_or(rounds, |fit| fit.min(rounds));
        holes -= fitting * members.len() as u64;
        for path in members {
            lost.by_path[path] += fitting;
        }
        if fitting < rounds {
            break;
        }
    }
    lost.unattributed = holes;
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::{self, World};

    fn killed(design: Design, without: &[u64]) -> Lost {
        let run = World { design, ..World::default() }.run();
        let manifest = fixture::manifest(run.manifest.plan.clone(), None);
        let samples: Vec<_> = run.samples.into_iter().filter(|sample| !without.contains(&sample.seq.0)).collect();
        lost(&manifest, &samples)
    }

    #[test]
    fn a_pair_tells_the_path_of_its_missing_member() {
        // Rounds of three: 4 is the second member of round 1, 9..=11 the whole of round 3.
        let lost = killed(Design::Paired, &[4, 9, 10, 11]);
        assert_eq!(lost, Lost { by_path: vec![1, 2, 1], unattributed: 0 });
    }

    #[test]
    fn without_pairs_holes_are_counted_but_not_guessed() {
        let lost = killed(Design::Interleaved, &[4, 9]);
        assert_eq!(lost, Lost { by_path: vec![0; 3], unattributed: 2 });
    }

    #[test]
    fn callers_that_start_late_or_are_slow_lose_nothing() {
        let run = World { callers: Some(4), design: Design::Interleaved, ..World::default() }.run();
        let manifest = fixture::manifest(run.manifest.plan.clone(), None);
        let lasts = (0..4).map(|slot| run.samples.iter().map(|s| s.seq.0).filter(|seq| seq % 4 == slot).max());
        assert!(lasts.clone().max() > lasts.clone().min().map(|last| last.map(|last| last + 4)), "uneven callers");
        assert_eq!(lost(&manifest, &run.samples), Lost { by_path: vec![0; 3], unattributed: 0 });
        let middle = run.measured().nth(30).expect("calls").seq;
        let samples: Vec<_> = run.samples.into_iter().filter(|sample| sample.seq != middle).collect();
        assert_eq!(lost(&manifest, &samples), Lost { by_path: vec![0; 3], unattributed: 1 });
    }

    /// A walk from number to number would not end.
    #[test]
    fn numbers_far_apart_cost_no_more_than_their_rows() {
        let run = World { design: Design::Paired, ..World::default() }.run();
        let manifest = fixture::manifest(run.manifest.plan.clone(), None);
        let mut samples = run.samples;
        let last = samples.last_mut().expect("a row");
        last.round = 1 << 53;
        last.seq.0 = (1 << 53) - 1;
        let gone = lost(&manifest, &samples);
        assert!(gone.by_path.iter().sum::<u64>() + gone.unattributed > 1 << 52, "{gone:?}");
    }

    #[test]
    fn a_run_that_ended_lost_nothing() {
        let run = World::default().run();
        assert_eq!(lost(&run.manifest, &run.samples[5..]), Lost { by_path: vec![0; 3], unattributed: 0 });
    }
}
