//! Samples held against the simulator's ledger: how far each measured time is from the true one.
//!
//! All stamps are of one machine's `CLOCK_MONOTONIC`. The simulator stamps reads after and writes before the system
//! call, this tool stamps `sent` before and reads after it, so a measured time from the start of a call is never shorter
//! than the ledger's; `docs/006-the-tools-own-error.md` says which truth each error is against.

use std::collections::HashMap;
use std::ops::Range;

use crate::measure::ledger::LedgerLine;
use crate::measure::sample::{Gap, Sample, Stamps};
use crate::measure::selftest::Unmatched;
use crate::run::Run;
use crate::units::{Nanos, Phase};

/// The errors of a run, ms, one value a stream or a gap; none in a known order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Truth {
    /// Of the time to the first token.
    pub ttft: Vec<f64>,
    /// The part of it before the simulator had read the request.
    pub request: Vec<f64>,
    /// The part of it after the simulator began to write the first token.
    pub answer: Vec<f64>,
    /// Of the time to the end.
    pub e2e: Vec<f64>,
    /// Of each gap between chunks: its size, whatever its sign.
    pub chunk_gap: Vec<f64>,
    /// How late the simulator was with its first token against its own plan.
    pub simulator_late: Vec<f64>,
    /// Chunks that the simulator wrote in the measured time.
    pub events: u64,
    /// What found no partner.
    pub unmatched: Unmatched,
}

/// Joins a run over one path with the ledger, by request id. `gaps` are those that were kept, in order for each call.
#[must_use]
pub(crate) fn join(run: &Run, mut gaps: Vec<Gap>, ledger: &[LedgerLine]) -> Truth {
    gaps.sort_by_key(|gap| gap.seq.0);
    let gaps = Gaps::by_call(&gaps);
    let mut lines = Lines::of_run(&run.manifest.id, ledger);
    let mut truth = Truth { events: events(run, ledger), ..Truth::default() };
    truth.unmatched.rows_lost = run.manifest.ending.as_ref().map_or(0, |ending| ending.rows_lost);
    for sample in run.samples.iter().filter(|sample| sample.stamps.sent.is_some()) {
        let Some(line) = lines.by_seq.remove(&sample.seq.0) else {
            truth.unmatched.samples += 1;
            continue;
        };
        if sample.phase == Phase::Measure && sample.outcome.is_ok() {
            truth.take(sample, line, gaps.of(sample.seq.0));
        }
    }
    truth.unmatched.ledger_lines = lines.duplicates + lines.by_seq.len() as u64;
    truth
}

impl Truth {
    fn take(&mut self, sample: &Sample, line: &LedgerLine, gaps: &[Gap]) {
        match Errors::of(&sample.stamps, line) {
            Some(errors) => self.add(&errors),
            None => self.unmatched.stamps += 1,
        }
        if gaps.len() + 1 == line.chunks_ns.len() {
            let true_gaps = line.chunks_ns.windows(2).map(|pair| pair[1].ms_since(pair[0]));
            self.chunk_gap.extend(gaps.iter().zip(true_gaps).map(|(gap, truth)| (gap.ns as f64 / 1e6 - truth).abs()));
        } else {
            self.unmatched.chunks += 1;
        }
        let planned = line.planned.and_then(|planned| planned.first_ms);
        if let (Some(planned), Some(recv), Some(first)) = (planned, line.recv_ns, line.first_ns) {
            self.simulator_late.push(first.ms_since(recv) - planned);
        }
    }

    fn add(&mut self, errors: &Errors) {
        let Errors { request, answer, end } = *errors;
        self.unmatched.negative += [request, answer, end].iter().filter(|part| **part < 0.0).count() as u64;
        self.ttft.push(request + answer);
        self.request.push(request);
        self.answer.push(answer);
        self.e2e.push(request + end);
    }
}

/// How much later this tool stamped a thing than the simulator, or, with the request, how much earlier: none of them can
/// be below 0.
#[derive(Clone, Copy)]
struct Errors {
    request: f64,
    answer: f64,
    end: f64,
}

impl Errors {
    fn of(stamps: &Stamps, line: &LedgerLine) -> Option<Self> {
        Some(Self {
            request: line.recv_ns?.ms_since(stamps.sent?),
            answer: stamps.first_content?.ms_since(line.first_ns?),
            end: stamps.done?.ms_since(line.end_ns?),
        })
    }
}

/// The lines of one run's calls.
struct Lines<'a> {
    by_seq: HashMap<u64, &'a LedgerLine>,
    /// Lines whose call has one already.
    duplicates: u64,
}

impl<'a> Lines<'a> {
    fn of_run(id: &str, ledger: &'a [LedgerLine]) -> Self {
        let mut lines = Self { by_seq: HashMap::with_capacity(ledger.len()), duplicates: 0 };
        let number = |line: &LedgerLine| line.request_id.strip_prefix(id)?.strip_prefix('-')?.parse::<u64>().ok();
        for line in ledger {
            if let Some(seq) = number(line)
                && lines.by_seq.insert(seq, line).is_some()
            {
                lines.duplicates += 1;
            }
        }
        lines
    }
}

/// Gaps in order of their calls, and where those of each call stand.
struct Gaps<'a> {
    all: &'a [Gap],
    places: HashMap<u64, Range<usize>>,
}

impl<'a> Gaps<'a> {
    fn by_call(all: &'a [Gap]) -> Self {
        let mut places = HashMap::new();
        let mut from = 0;
        for call in all.chunk_by(|a, b| a.seq == b.seq) {
            places.insert(call[0].seq.0, from..from + call.len());
            from += call.len();
        }
        Self { all, places }
    }

    fn of(&self, seq: u64) -> &'a [Gap] {
        self.places.get(&seq).map_or(&[], |place| &self.all[place.clone()])
    }
}

/// Chunks that were written while the run measured, also those of calls that began before.
fn events(run: &Run, ledger: &[LedgerLine]) -> u64 {
    let from = run.manifest.origin + run.manifest.plan.measure_from();
    let until = from + std::time::Duration::from_secs_f64(run.measured_s());
    let within = |at: &&Nanos| (from..until).contains(*at);
    ledger.iter().map(|line| line.chunks_ns.iter().filter(within).count() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::selftest::fixture::{MS, World};

    #[test]
    fn a_known_error_is_found_to_the_nanosecond() {
        // The request takes 0.25 ms to be read, each chunk as long as stands here, the end 0.5 ms.
        let world = World { request: 250_000, chunks: vec![MS, 3 * MS, 2 * MS], end: 500_000, ..World::default() };
        let truth = join(&world.run(), world.gaps(), &world.ledger());
        assert_eq!(truth.ttft, vec![1.25; world.calls]);
        assert_eq!((truth.request[0], truth.answer[0], truth.e2e[0]), (0.25, 1.0, 0.75));
        let gaps: Vec<f64> = truth.chunk_gap[..2].to_vec();
        assert_eq!((gaps, truth.chunk_gap.len()), (vec![2.0, 1.0], 2 * world.calls));
        assert_eq!(truth.unmatched, Unmatched::default());
        assert_eq!(truth.simulator_late, vec![0.125; world.calls]);
    }

    #[test]
    fn what_finds_no_partner_is_counted() {
        let world = World::default();
        let mut ledger = world.ledger();
        ledger.remove(3);
        let missing = join(&world.run(), world.gaps(), &ledger);
        assert_eq!((missing.unmatched.samples, missing.ttft.len()), (1, world.calls - 1));

        let mut run = world.run();
        run.samples.remove(3);
        let orphan = join(&run, world.gaps(), &world.ledger());
        assert_eq!((orphan.unmatched.ledger_lines, orphan.unmatched.samples), (1, 0));

        let mut ledger = world.ledger();
        ledger.push(ledger[0].clone());
        assert_eq!(join(&world.run(), world.gaps(), &ledger).unmatched.ledger_lines, 1, "the same id twice");

        let mut ledger = world.ledger();
        ledger[0].request_id = "somebody-else".to_owned();
        let foreign = join(&world.run(), world.gaps(), &ledger).unmatched;
        assert_eq!((foreign.samples, foreign.ledger_lines), (1, 0), "a call of another program is none of ours");

        let mut ledger = world.ledger();
        ledger[0].chunks_ns.pop();
        let chunks = join(&world.run(), world.gaps(), &ledger);
        assert_eq!((chunks.unmatched.chunks, chunks.ttft.len()), (1, world.calls));

        let mut ledger = world.ledger();
        ledger[0].first_ns = None;
        let stamps = join(&world.run(), world.gaps(), &ledger);
        assert_eq!((stamps.unmatched.stamps, stamps.e2e.len()), (1, world.calls - 1));

        let mut run = world.run();
        run.manifest.ending.as_mut().expect("ending").rows_lost = 2;
        assert_eq!(join(&run, world.gaps(), &world.ledger()).unmatched.rows_lost, 2);
    }

    #[test]
    fn a_time_shorter_than_the_truth_is_seen() {
        let world = World::default();
        let mut ledger = world.ledger();
        let first = ledger[1].first_ns.expect("first").0;
        ledger[1].first_ns = Some(Nanos(first + 50 * MS));
        assert_eq!(join(&world.run(), world.gaps(), &ledger).unmatched.negative, 1);
    }

    #[test]
    fn failed_calls_and_the_warmup_have_no_error_but_need_their_line() {
        let world = World::default();
        let mut run = world.run();
        run.samples[0].phase = Phase::Warmup;
        run.samples[1].outcome =
            crate::measure::outcome::Outcome::Failed(crate::measure::outcome::ErrorClass::TimeoutGap);
        let truth = join(&run, world.gaps(), &world.ledger());
        assert_eq!((truth.ttft.len(), truth.unmatched == Unmatched::default()), (world.calls - 2, true));
        run.samples[2].stamps.sent = None;
        assert_eq!(
            join(&run, world.gaps(), &world.ledger()).unmatched.ledger_lines,
            1,
            "never sent, yet in the ledger"
        );
    }
}
