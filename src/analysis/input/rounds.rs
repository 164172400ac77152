//! Which attempts belong together in time, and which of them are left out because this machine was not to be trusted then.

use std::collections::HashSet;

use crate::measure::health::BadSeconds;
use crate::measure::sample::Sample;
use crate::plan::Design;
use crate::run::Run;

/// The round of each measured attempt of a run over so many `paths`:
/// - [`Design::Paired`]: one prompt sent once over every path, as the schedule numbered it;
/// - [`Design::Interleaved`]: neighbours among which every path is met once, counted from the first measured arrival,
///   where the groups begin anew;
/// - [`Design::Sequential`], and closed load, where the numbers of different callers tell nothing of their times: each
///   attempt by itself.
pub(crate) fn round_of(run: &Run, paths: usize, measured: &[&Sample]) -> impl Fn(&Sample) -> u64 + use<> {
    let plan = &run.manifest.plan;
    // Where rows are a sample, the first measured arrival need not have one.
    let stated = run.manifest.rows.as_ref().map(|rows| rows.from);
    let first = stated.unwrap_or_else(|| measured.iter().map(|sample| sample.seq.0).min().unwrap_or(0));
    let (design, paths, closed) = (plan.load.design, paths as u64, is_closed(run));
    move |sample| match design {
        Design::Paired | Design::Interleaved if closed => sample.seq.0,
        Design::Paired => sample.round,
        Design::Interleaved => sample.seq.0.saturating_sub(first) / paths,
        Design::Sequential => sample.seq.0,
    }
}

/// Whether callers wait for their answers.
pub(crate) fn is_closed(run: &Run) -> bool {
    !run.manifest.plan.load.model.is_open()
}

/// The attempts of which figures are made: all but the rounds of which a member was due in a bad second.
///
/// When a call was due is known before it is sent, so leaving it out for that favours no path and no latency. Leaving
/// out every call that was under way in a bad second would: the longer a call, the more likely it meets one. What that
/// costs: a call due shortly before may have stamps that are late by at most the hiccup itself.
pub(crate) fn without_bad_seconds<'a>(run: &Run, measured: &[&'a Sample], bad: &BadSeconds) -> Vec<&'a Sample> {
    if bad.seconds.is_empty() || bad.are_too_many() {
        return measured.to_vec();
    }
    let round = round_of(run, run.manifest.plan.paths.len(), measured);
    let is_bad = |sample: &&&Sample| bad.leave_out(run.second_of(sample.stamps.intended));
    let spoilt: HashSet<u64> = measured.iter().filter(is_bad).map(|sample| round(sample)).collect();
    measured.iter().filter(|sample| !spoilt.contains(&round(sample))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::World;

    fn left_out(world: &World, seconds: &[u64]) -> (Run, Vec<u64>) {
        let run = world.run();
        let measured: Vec<_> = run.measured().collect();
        let bad = BadSeconds { of: 60, seconds: seconds.iter().copied().collect() };
        let kept: HashSet<u64> = without_bad_seconds(&run, &measured, &bad).iter().map(|sample| sample.seq.0).collect();
        let out = measured.iter().map(|sample| sample.seq.0).filter(|seq| !kept.contains(seq)).collect();
        (run, out)
    }

    #[test]
    fn whole_rounds_are_left_out_for_all_paths_alike() {
        let (run, out) = left_out(&World::default(), &[20, 21]);
        let due: HashSet<u64> =
            run.measured().filter(|s| [20, 21].contains(&run.second_of(s.stamps.intended))).map(|s| s.round).collect();
        assert!(due.len() > 15 && out.len() == 3 * due.len(), "{} rounds, {} calls", due.len(), out.len());
    }

    #[test]
    fn whole_groups_are_left_out_when_interleaved_and_groups_stay_what_they_are() {
        let world = World { design: Design::Interleaved, rate: 30.0, warmup_calls: 4, ..World::default() };
        // The first second of measuring, so that the first group goes.
        let (run, out) = left_out(&world, &[5]);
        assert!(out.len() > 10 && out.len().is_multiple_of(3) && out[0] == 4, "{out:?}");
        let measured: Vec<_> = run.measured().collect();
        let rest: Vec<_> = measured.iter().filter(|sample| !out.contains(&sample.seq.0)).copied().collect();
        let (before, after) = (round_of(&run, 3, &measured), round_of(&run, 3, &rest));
        assert!(rest.iter().all(|sample| before(sample) == after(sample) + out.len() as u64 / 3));
    }

    #[test]
    fn groups_of_a_sample_of_the_rows_are_those_of_the_whole_run() {
        let world = World { design: Design::Interleaved, rate: 30.0, warmup_calls: 4, ..World::default() };
        let mut run = world.run();
        let whole: Vec<_> = run.measured().cloned().collect();
        let all: Vec<_> = whole.iter().collect();
        let group = round_of(&run, 3, &all);
        let mut sampler = crate::store::RowSampler::of(&run.manifest.plan, 4, u64::MAX);
        while sampler.keeps_round(4) {
            sampler.halve();
        }
        run.manifest.rows = sampler.statement(0, 0);
        run.samples.retain(|sample| sampler.keeps(sample));
        let few: Vec<_> = run.measured().collect();
        let same = round_of(&run, 3, &few);
        let mut members: std::collections::BTreeMap<u64, Vec<u16>> = std::collections::BTreeMap::new();
        for sample in &few {
            assert_eq!(same(sample), group(sample));
            members.entry(same(sample)).or_default().push(sample.path.0);
        }
        assert!(few.len() > 60 && few.len() < whole.len() / 2 && few[0].seq.0 > 4, "{} of {}", few.len(), whole.len());
        members.pop_last();
        assert!(members.values().all(|paths| *paths == [0, 1, 2]), "{members:?}");
    }

    #[test]
    fn single_calls_are_left_out_where_there_are_no_rounds() {
        for world in [
            World { design: Design::Sequential, rate: 30.0, ..World::default() },
            World { callers: Some(4), design: Design::Interleaved, ..World::default() },
        ] {
            let (run, out) = left_out(&world, &[20]);
            let due = run.measured().filter(|s| run.second_of(s.stamps.intended) == 20).count();
            assert_eq!(out.len(), due);
        }
    }

    #[test]
    fn nothing_is_left_out_of_a_run_that_is_invalid() {
        assert!(left_out(&World::default(), &[20, 21, 22, 23]).1.is_empty());
    }
}
