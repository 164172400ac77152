//! A run and its ledger, made up with a known error: what the tests of the selftest's judgement stand on.

use std::time::Duration;

use crate::measure::ledger::{LedgerLine, PlannedTimes};
use crate::measure::sample::{Gap, Sample};
use crate::run::fixture::{self, ORIGIN};
use crate::run::{Ending, Lost, Run};
use crate::units::{Api, Nanos, Seq, Span};

/// A millisecond in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;

/// What the simulator planned until the first token, and how late it was with it.
const FIRST: (u64, u64) = (100 * MS, 125_000);

/// So many streams of as many chunks as stand here, 20 ms apart; all errors in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Streams, 80 ms apart.
    pub(crate) calls: usize,
    /// From intended to sent.
    pub(crate) lag: u64,
    /// From sent to read by the simulator.
    pub(crate) request: u64,
    /// From written to seen, for each chunk.
    pub(crate) chunks: Vec<u64>,
    /// The same of the end.
    pub(crate) end: u64,
}

impl Default for World {
    fn default() -> Self {
        Self { calls: 40, lag: 50_000, request: 100_000, chunks: vec![200_000; 3], end: 200_000 }
    }
}

impl World {
    /// The run, over 4 seconds.
    pub(crate) fn run(&self) -> Run {
        let mut plan = fixture::plan(&["direct"]);
        plan.load.duration = Span::from_secs(4);
        let ending = Ending {
            complete: true,
            reason: None,
            reached: None,
            aborted_by: None,
            ended_by: None,
            measured_s: 4.0,
            drain_s: 0.8,
            planned: vec![self.calls as u64],
            rows_lost: 0,
            peak_rss_mib: Some(20.0),
            cpu_s: Some(0.5),
        };
        let sample = |seq: u64| -> Sample {
            let line = self.line(seq);
            let mut sample = fixture::sample(&plan, seq, seq, 0, self.intended(seq));
            let seen = |at: Option<Nanos>, late: u64| at.map(|at| Nanos(at.0 + late));
            let chunk = |place: usize| seen(line.chunks_ns.get(place).copied(), self.chunks[place]);
            let stamps = &mut sample.stamps;
            stamps.sent = Some(self.sent(seq));
            (stamps.head, stamps.first_byte, stamps.first_event) = (chunk(0), chunk(0), chunk(0));
            (stamps.first_content, stamps.first_visible) = (chunk(0), chunk(0));
            stamps.last_content = chunk(self.chunks.len() - 1);
            (stamps.done, stamps.end) = (seen(line.end_ns, self.end), seen(line.end_ns, self.end));
            sample
        };
        let samples = (0..self.calls as u64).map(sample).collect();
        Run {
            errors_seen: Vec::new(),
            totals: None,
            manifest: fixture::manifest(plan.clone(), Some(ending)),
            samples,
            chunk_gaps: vec![hdrhistogram::Histogram::new(3).expect("digits")],
            health: Vec::new(),
            lost: Lost { by_path: vec![0], unattributed: 0 },
        }
    }

    /// The ledger of that run.
    pub(crate) fn ledger(&self) -> Vec<LedgerLine> {
        (0..self.calls as u64).map(|seq| self.line(seq)).collect()
    }

    /// The gaps as that run saw them.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let late = &self.chunks;
        let of_call = |seq| {
            let gap = move |k: usize| Gap { seq: Seq(seq), ns: 20 * MS + late[k] - late[k - 1] };
            (1..late.len()).map(gap)
        };
        (0..self.calls as u64).flat_map(of_call).collect()
    }

    fn intended(&self, seq: u64) -> Nanos {
        ORIGIN + Duration::from_secs(5) + Duration::from_millis(80 * seq)
    }

    fn sent(&self, seq: u64) -> Nanos {
        Nanos(self.intended(seq).0 + self.lag)
    }

    fn line(&self, seq: u64) -> LedgerLine {
        let recv = self.sent(seq).0 + self.request;
        let first = recv + FIRST.0 + FIRST.1;
        let chunks_ns: Vec<Nanos> = (0..self.chunks.len() as u64).map(|k| Nanos(first + 20 * MS * k)).collect();
        let last = chunks_ns.last().copied();
        LedgerLine {
            request_id: format!("made-up-20261001T120000Z-{seq}"),
            listener: "direct".to_owned(),
            api: Some(Api::Chat),
            stream: true,
            planned: Some(PlannedTimes { first_ms: Some(FIRST.0 as f64 / 1e6), end_ms: None }),
            recv_ns: Some(Nanos(recv)),
            head_ns: Some(Nanos(first)),
            first_ns: Some(Nanos(first)),
            last_ns: last,
            end_ns: last.map(|last| Nanos(last.0 + 10 * MS)),
            chunks_ns,
            writes: 4,
            tokens: Some(3),
            status: Some(200),
            fault: None,
        }
    }
}
