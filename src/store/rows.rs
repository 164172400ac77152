//! `requests.csv`: one row an attempt, written as it happens, read back to the same nanosecond.
//!
//! The writer knows nothing of workers or queues; whoever owns it calls [`RowWriter::append`] from one thread and
//! [`RowWriter::flush`] once a second, so that a killed run keeps what it measured.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::measure::sample::{ConnUse, Sample};
use crate::plan::Plan;
use crate::store::file::{self, StoreError};
use crate::units::Nanos;

/// The columns, in order: those of the contract, then what a reader may want besides.
pub const COLUMNS: [&str; 41] = [
    "seq",
    "round",
    "path",
    "phase",
    "api",
    "stream",
    "intended",
    "sent",
    "conn_ready",
    "head",
    "first_byte",
    "first_event",
    "first_reasoning",
    "first_content",
    "last_content",
    "done",
    "end",
    "outcome",
    "error",
    "status",
    "input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "conn_id",
    "conn_use",
    "dns_ms",
    "tcp_ms",
    "tls_ms",
    "peer",
    "request_id",
    "server_ms",
    "retry_after_ms",
    "region",
    "dequeued",
    "usage",
    "first_visible",
    "begun",
    "gateway_ms",
    "upstream_ms",
    "last_reasoning",
    "total_tokens",
];

/// Columns that the files of earlier versions do not have.
pub(crate) const LATER: [&str; 5] = ["begun", "gateway_ms", "upstream_ms", "last_reasoning", "total_tokens"];

/// Appends attempts to `requests.csv`.
#[derive(Debug)]
pub struct RowWriter {
    out: BufWriter<File>,
    path: PathBuf,
    line: Line,
    names: Vec<Vec<u8>>,
    origin: Nanos,
}

impl RowWriter {
    /// Creates the file with its head line. `origin` is the run's start, the zero of every time in it.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub fn create(path: &Path, plan: &Plan, origin: Nanos) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|error| StoreError::unwritable(path, error))?;
        let names = plan.paths.iter().map(|path| file::field(&path.name).into_bytes()).collect();
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 16, file),
            path: path.to_owned(),
            line: Line(Vec::with_capacity(512)),
            names,
            origin,
        };
        let head = COLUMNS.join(",") + "\n";
        writer.out.write_all(head.as_bytes()).map_err(|error| StoreError::unwritable(path, error))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Appends one attempt. It is on disk after the next [`RowWriter::flush`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, sample: &Sample) -> Result<(), StoreError> {
        self.line.0.clear();
        self.line.sample(sample, &self.names[sample.path.index()], self.origin);
        self.out.write_all(&self.line.0).map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Hands everything appended to the operating system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.out.flush().map_err(|error| StoreError::unwritable(&self.path, error))
    }

    /// Later rows go to the end of this file, which has taken the place of the one written so far.
    pub(crate) fn go_on_in(&mut self, file: File) {
        // What the old one still holds was flushed before it was copied.
        self.out = BufWriter::with_capacity(1 << 16, file);
    }

    /// Flushes and waits until the disk has everything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.out.get_ref().sync_all().map_err(|error| StoreError::unwritable(&self.path, error))
    }
}

/// The bytes of one line, reused for every row so that nothing is allocated.
#[derive(Debug)]
struct Line(Vec<u8>);

impl Line {
    fn sample(&mut self, sample: &Sample, name: &[u8], origin: Nanos) {
        self.count(sample.seq.0);
        self.count(sample.round);
        self.bytes(name);
        self.bytes(sample.phase.as_str().as_bytes());
        self.bytes(sample.api.as_str().as_bytes());
        self.bytes(if sample.stream { b"true" } else { b"false" });
        self.stamps(sample, origin);
        self.outcome(sample);
        self.maybe_count(sample.input_tokens);
        self.maybe_count(sample.output_tokens);
        self.maybe_count(sample.reasoning_tokens);
        self.connection(sample.conn.as_ref());
        self.text(sample.request_id.as_deref());
        self.decimal(sample.server_ms);
        self.decimal(sample.retry_after_ms);
        self.text(sample.region.as_deref());
        self.stamp(sample.stamps.dequeued, origin);
        self.stamp(sample.stamps.usage, origin);
        self.stamp(sample.stamps.first_visible, origin);
        self.stamp(sample.stamps.begun, origin);
        self.decimal(sample.gateway_ms);
        self.decimal(sample.upstream_ms);
        self.stamp(sample.stamps.last_reasoning, origin);
        self.maybe_count(sample.total_tokens);
        self.0.pop();
        self.0.push(b'\n');
    }

    fn stamps(&mut self, sample: &Sample, origin: Nanos) {
        let stamps = &sample.stamps;
        for stamp in [
            Some(stamps.intended),
            stamps.sent,
            stamps.conn_ready,
            stamps.head,
            stamps.first_byte,
            stamps.first_event,
            stamps.first_reasoning,
            stamps.first_content,
            stamps.last_content,
            stamps.done,
            stamps.end,
        ] {
            self.stamp(stamp, origin);
        }
    }

    fn outcome(&mut self, sample: &Sample) {
        self.bytes(sample.outcome.as_str().as_bytes());
        if let Some(class) = sample.outcome.error() {
            // Writing into memory does not fail.
            let _ = write!(self.0, "{class}");
        }
        self.0.push(b',');
        self.maybe_count(sample.status.map(u64::from));
    }

    fn connection(&mut self, conn: Option<&ConnUse>) {
        self.maybe_count(conn.map(|conn| conn.id));
        self.maybe_count(conn.map(|conn| u64::from(conn.uses)));
        for span in [conn.and_then(|c| c.dns), conn.and_then(|c| c.tcp), conn.and_then(|c| c.tls)] {
            self.span(span);
        }
        if let Some(peer) = conn.and_then(|conn| conn.peer) {
            let _ = write!(self.0, "{peer}");
        }
        self.0.push(b',');
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        self.0.push(b',');
    }

    fn text(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            if is_plain(text) {
                self.0.extend_from_slice(text.as_bytes());
            } else {
                self.0.extend_from_slice(file::field(text).as_bytes());
            }
        }
        self.0.push(b',');
    }

    fn count(&mut self, count: u64) {
        self.digits(count, 1);
        self.0.push(b',');
    }

    fn maybe_count(&mut self, count: Option<u64>) {
        match count {
            Some(count) => self.count(count),
            None => self.0.push(b','),
        }
    }

    fn decimal(&mut self, number: Option<f64>) {
        if let Some(number) = number {
            let _ = write!(self.0, "{number}");
        }
        self.0.push(b',');
    }

    fn stamp(&mut self, stamp: Option<Nanos>, origin: Nanos) {
        if let Some(stamp) = stamp {
            if stamp < origin {
                self.0.push(b'-');
            }
            self.milliseconds(stamp.0.abs_diff(origin.0));
        }
        self.0.push(b',');
    }

    fn span(&mut self, span: Option<Duration>) {
        if let Some(span) = span {
            self.milliseconds(span.as_nanos() as u64);
        }
        self.0.push(b',');
    }

    /// Nanoseconds as milliseconds with six decimals: nothing is lost.
    fn milliseconds(&mut self, ns: u64) {
        self.digits(ns / 1_000_000, 1);
        self.0.push(b'.');
        self.digits(ns % 1_000_000, 6);
    }

    /// `number` in decimal, with zeros in front up to `at_least` digits.
    fn digits(&mut self, mut number: u64, at_least: usize) {
        let mut digits = [b'0'; 20];
        let mut from = digits.len();
        while number > 9 {
            let two = 2 * (number % 100) as usize;
            number /= 100;
            from -= 2;
            digits[from..from + 2].copy_from_slice(&TWO_DIGITS[two..two + 2]);
        }
        if number > 0 {
            from -= 1;
            digits[from] = b'0' + number as u8;
        }
        self.0.extend_from_slice(&digits[from.min(digits.len() - at_least)..]);
    }
}

/// 00, 01, ... 99.
const TWO_DIGITS: [u8; 200] = {
    let mut digits = [b'0'; 200];
    let mut number = 0;
    while number < 100 {
        digits[2 * number] += (number / 10) as u8;
        digits[2 * number + 1] += (number % 10) as u8;
        number += 1;
    }
    digits
};

fn is_plain(text: &str) -> bool {
    !text.bytes().any(|byte| byte < b' ' || byte == b',' || byte == b'"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::measure::outcome::{ErrorClass, Outcome};
    use crate::measure::sample::Stamps;
    use crate::run::fixture;
    use crate::store::rows_read::read_rows;
    use crate::store::sieve::Sieve;
    use crate::units::{Api, PathId, Phase, Seq};

    const ORIGIN: Nanos = Nanos(1_000_000_000_000_000);

    fn stamp() -> impl Strategy<Value = Option<Nanos>> {
        proptest::option::of((0..2_000_000_000_000_000u64).prop_map(Nanos))
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        (0..4usize, 0..ErrorClass::PLAIN.len() + 1).prop_map(|(kind, class)| {
            let class = ErrorClass::PLAIN.get(class).copied().unwrap_or(ErrorClass::Http(429));
            [Outcome::Ok, Outcome::Failed(class), Outcome::Incomplete(class), Outcome::Dropped(class)][kind]
        })
    }

    prop_compose! {
        fn connection()(
            id in any::<u64>(), uses in 1..9u32, spans in proptest::array::uniform3(proptest::option::of(0..u64::MAX / 2)),
            peer in proptest::option::of(any::<([u8; 4], u16)>()),
        ) -> ConnUse {
            let [dns, tcp, tls] = spans.map(|span| span.map(Duration::from_nanos));
            ConnUse { id, uses, dns, tcp, tls, peer: peer.map(Into::into) }
        }
    }

    prop_compose! {
        fn sample()(
            seq in any::<u64>(), round in any::<u64>(), path in 0..3u16, phase in 0..3usize, stream in any::<bool>(),
            intended in 0..u64::MAX / 4, stamps in proptest::collection::vec(stamp(), 13), outcome in outcome(),
            status in proptest::option::of(100..600u16),
            tokens in proptest::array::uniform3(proptest::option::of(any::<u64>())),
            conn in proptest::option::of(connection()), request_id in proptest::option::of("[ -~é]{1,12}"),
            server_ms in proptest::option::of(0.0..1e9f64), region in proptest::option::of("[a-z,\" ]{1,9}"),
        ) -> Sample {
            let at = |i: usize| stamps[i];
            Sample {
                seq: Seq(seq), round, path: PathId(path),
                phase: [Phase::Warmup, Phase::Measure, Phase::Drain][phase],
                api: if stream { Api::Chat } else { Api::Responses }, stream,
                stamps: Stamps {
                    intended: Nanos(intended), dequeued: at(0), conn_ready: at(1), sent: at(2), head: at(3),
                    first_byte: at(4), first_event: at(5), first_reasoning: at(6), last_reasoning: at(3), first_content: at(7),
                    last_content: at(8), usage: at(9), done: at(10), end: at(11), first_visible: at(7), begun: at(12),
                },
                outcome, status, input_tokens: tokens[0], output_tokens: tokens[1], reasoning_tokens: tokens[2],
                total_tokens: tokens[0], planned_tokens: None,
                conn, request_id: request_id.map(Into::into), server_ms, retry_after_ms: server_ms.map(|ms| ms / 3.0),
                gateway_ms: server_ms.map(|ms| ms / 7.0), upstream_ms: server_ms.map(|ms| ms + 1.0),
                region: region.map(Into::into), heard: None, message: None,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn reads_what_it_writes_to_the_nanosecond(samples in proptest::collection::vec(sample(), 0..20)) {
            let dir = tempfile::tempdir().expect("dir");
            let path = dir.path().join("requests.csv");
            let plan = fixture::plan(&["direct", "private, far", "the \"gateway\""]);
            let mut writer = RowWriter::create(&path, &plan, ORIGIN).expect("created");
            for sample in &samples {
                writer.append(sample).expect("appended");
            }
            writer.finish().expect("finished");
            prop_assert_eq!(read_rows(&path, &plan, ORIGIN, &Sieve::open(&plan)).expect("read"), samples);
        }
    }

    #[test]
    fn a_row_looks_as_the_contract_says() {
        let plan = fixture::plan(&["direct"]);
        let mut line = Line(Vec::new());
        let sample = fixture::sample(&plan, 7, 3, 0, ORIGIN + Duration::from_millis(1500));
        line.sample(&sample, b"direct", ORIGIN);
        let text = String::from_utf8(line.0).expect("text");
        assert_eq!(
            text,
            "7,3,direct,measure,chat,true,1500.000000,1500.050000,1500.020000,1600.000000,1600.000000,1600.000000,,\
             1610.000000,1900.000000,1901.000000,1901.000000,ok,,200,100,30,,1,2,,,,127.0.0.1:80,,,,,1500.010000,,1610.000000,1500.012000,,,,\n"
        );
        assert_eq!(text.matches(',').count() + 1, COLUMNS.len());
    }

    #[test]
    #[ignore = "a measurement of speed: run in release"]
    fn a_row_takes_about_a_microsecond() {
        let dir = tempfile::tempdir().expect("dir");
        let plan = fixture::plan(&["direct"]);
        let mut writer = RowWriter::create(&dir.path().join("requests.csv"), &plan, ORIGIN).expect("created");
        let sample = fixture::sample(&plan, 7, 3, 0, ORIGIN + Duration::from_millis(1500));
        let begun = std::time::Instant::now();
        for _ in 0..200_000 {
            writer.append(&sample).expect("appended");
        }
        let each = begun.elapsed() / 200_000;
        assert!(each < Duration::from_micros(2), "{each:?} a row");
    }
}
