//! What a killed run lost: the arrivals that were under way and left no row.
//!
//! Numbers of attempts are dense, so a hole below the largest number seen is such an arrival. Its path is not
//! written anywhere, but under [`Design::Paired`] every round goes once over every path: the path missing from a
//! round is the path of the hole. Rounds are taken oldest first, because the youngest may simply not be complete yet.
//!
//! Under closed load numbers are dense caller by caller only: callers start one after the other and are not equally
//! fast, so one caller's numbers say nothing about another's. A caller's last call, under way when the run was killed,
//! leaves no hole. Where rows are a sample, holes tell nothing: such calls are then not counted at all.

use std::collections::{BTreeMap, HashSet};

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

/// The paths missing from each round of the measured phase, oldest round first.
fn missing_members(samples: &[Sample], paths: usize) -> Vec<Vec<usize>> {
    let rounds = samples.iter().filter(|sample| sample.phase == Phase::Measure).map(|sample| sample.round);
    let (Some(first), Some(last)) = (rounds.clone().min(), rounds.max()) else { return Vec::new() };
    let seen: HashSet<_> = samples.iter().map(|sample| (sample.round, sample.path.index())).collect();
    let missing = |round| (0..paths).filter(|path| !seen.contains(&(round, *path))).collect();
    (first..=last).map(missing).collect()
}

fn attributed(mut holes: u64, rounds: Vec<Vec<usize>>, mut lost: Lost) -> Lost {
    for missing in rounds {
        if missing.len() as u64 > holes {
            break;
        }
        holes -= missing.len() as u64;
        for path in missing {
            lost.by_path[path] += 1;
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

    #[test]
    fn a_run_that_ended_lost_nothing() {
        let run = World::default().run();
        assert_eq!(lost(&run.manifest, &run.samples[5..]), Lost { by_path: vec![0; 3], unattributed: 0 });
    }
}
