//! `requests.csv`: one row an attempt, written as it happens, read back to the same nanosecond.
//!
//! The writer knows nothing of workers or queues; whoever owns it calls [`RowWriter::append`] from one thread and
//! [`RowWriter::flush`] once a second, so that a killed run keeps what it measured.

use std::convert::Infallible;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::store::cell::{Cell, Expected, RowText};
use crate::store::columns::{self, Column, Visitor};
use crate::store::file::StoreError;
use crate::units::Nanos;

/// Appends attempts to `requests.csv`.
#[derive(Debug)]
pub struct RowWriter {
    out: BufWriter<File>,
    path: PathBuf,
    row: RowText,
}

impl RowWriter {
    /// Creates the file with its head line. `origin` is the run's start, the zero of every time in it.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub fn create(path: &Path, plan: &Plan, origin: Nanos) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|error| StoreError::unwritable(path, error))?;
        let out = BufWriter::with_capacity(1 << 16, file);
        let mut writer = Self { out, path: path.to_owned(), row: RowText::new(plan, origin) };
        let head = columns::head() + "\n";
        writer.out.write_all(head.as_bytes()).map_err(|error| StoreError::unwritable(path, error))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Appends one attempt. It is on disk after the next [`RowWriter::flush`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, sample: &Sample) -> Result<(), StoreError> {
        write(sample, &mut self.row);
        self.out.write_all(&self.row.bytes).map_err(|error| StoreError::unwritable(&self.path, error))
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

/// Makes `row` the line of this attempt.
fn write(sample: &Sample, row: &mut RowText) {
    row.bytes.clear();
    let Ok(()) = columns::visit(&mut Writing { sample, row });
    row.bytes.pop();
    row.bytes.push(b'\n');
}

struct Writing<'a> {
    sample: &'a Sample,
    row: &'a mut RowText,
}

impl Visitor for Writing<'_> {
    type Error = Infallible;

    fn column(
        &mut self,
        _: Column,
        write: impl Fn(&Sample, &mut RowText),
        _: impl Fn(&mut Sample, Cell<'_, '_>) -> Result<(), Expected>,
    ) -> Result<(), Infallible> {
        write(self.sample, self.row);
        self.row.bytes.push(b',');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::measure::outcome::{ErrorClass, Outcome};
    use crate::measure::sample::{ConnUse, Stamps};
    use crate::run::fixture;
    use crate::store::row_sampler::RowSampler;
    use crate::store::rows_read::read_rows;
    use crate::units::{Api, PathId, Phase, Seq};

    const ORIGIN: Nanos = Nanos(1_000_000_000_000_000);

    /// Five hours.
    const AROUND: u64 = 18_000_000_000_000;
    const MOST: u64 = 1 << 53;
    const DAY: u64 = 86_400_000_000_000;

    fn stamp() -> impl Strategy<Value = Option<Nanos>> {
        proptest::option::of((ORIGIN.0 - AROUND..ORIGIN.0 + AROUND).prop_map(Nanos))
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        (0..4usize, 0..ErrorClass::plain().count() + 1).prop_map(|(kind, class)| {
            let class = ErrorClass::plain().nth(class).unwrap_or(ErrorClass::Http(429));
            [Outcome::Ok, Outcome::Failed(class), Outcome::Incomplete(class), Outcome::Dropped(class)][kind]
        })
    }

    prop_compose! {
        fn connection()(
            id in 0..=MOST, uses in 1..9u32, spans in proptest::array::uniform4(proptest::option::of(0..DAY)),
            peer in proptest::option::of(any::<([u8; 4], u16)>()),
        ) -> ConnUse {
            let [dns, tcp, tls, proxy] = spans.map(|span| span.map(Duration::from_nanos));
            ConnUse { id, uses, dns, tcp, tls, proxy, peer: peer.map(Into::into) }
        }
    }

    prop_compose! {
        fn sample()(
            seq in 0..=MOST, round in 0..=MOST, path in 0..3u16, phase in 0..3usize, stream in any::<bool>(),
            intended in ORIGIN.0 - AROUND..ORIGIN.0 + AROUND, stamps in proptest::collection::vec(stamp(), 15), outcome in outcome(),
            status in proptest::option::of(100..600u16),
            tokens in proptest::array::uniform4(proptest::option::of(0..=MOST)),
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
                    first_byte: at(4), first_event: at(5), first_reasoning: at(6), last_reasoning: at(14), first_content: at(7),
                    last_content: at(8), usage: at(9), done: at(10), end: at(11), first_visible: at(13), begun: at(12),
                },
                outcome, status, input_tokens: tokens[0], output_tokens: tokens[1], reasoning_tokens: tokens[2],
                total_tokens: tokens[3], apart_tokens: None, planned_tokens: None,
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
            prop_assert_eq!(read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect("read"), samples);
        }
    }

    #[test]
    fn a_row_looks_as_the_contract_says() {
        let plan = fixture::plan(&["direct"]);
        let mut row = RowText::new(&plan, ORIGIN);
        let sample = fixture::sample(&plan, 7, 3, 0, ORIGIN + Duration::from_millis(1500));
        write(&sample, &mut row);
        let text = String::from_utf8(row.bytes).expect("text");
        assert_eq!(
            text,
            "7,3,direct,measure,chat,true,1500.000000,1500.050000,1500.020000,1600.000000,1600.000000,1600.000000,,\
             1610.000000,1900.000000,1901.000000,1901.000000,ok,,200,100,30,,1,2,,,,127.0.0.1:80,,,,,1500.010000,,1610.000000,1500.012000,,,,,\n"
        );
        assert_eq!(text.matches(',').count() + 1, columns::list().len());
    }

    #[test]
    fn every_column_has_its_place_and_its_text() {
        let plan = fixture::plan(&["direct", "private, far", "the \"gateway\""]);
        let at = |ms| Some(ORIGIN + Duration::from_millis(ms));
        let dropped = Outcome::Incomplete(ErrorClass::Http(429));
        let who = ((Seq(u64::MAX), 0), PathId(2), Phase::Drain, (Api::Responses, false));
        let mut sample = Sample::begun(who.0, who.1, who.2, who.3, Nanos(ORIGIN.0 - 1), dropped);
        sample.stamps = Stamps {
            sent: at(1),
            conn_ready: at(2),
            head: at(3),
            first_byte: at(4),
            first_event: at(5),
            first_reasoning: at(6),
            first_content: at(7),
            last_content: at(8),
            done: at(9),
            end: at(10),
            dequeued: at(11),
            usage: at(12),
            first_visible: at(13),
            begun: at(14),
            last_reasoning: at(15),
            ..sample.stamps
        };
        let [dns, tcp, tls, proxy] = [1_500_000, 0, 12_000_345, 250_000].map(|ns| Some(Duration::from_nanos(ns)));
        sample.conn = Some(ConnUse { id: 9, uses: 4, dns, tcp, tls, proxy, peer: "[::1]:443".parse().ok() });
        (sample.status, sample.input_tokens) = (Some(503), Some(15));
        (sample.output_tokens, sample.reasoning_tokens, sample.total_tokens) = (Some(16), Some(17), Some(18));
        (sample.server_ms, sample.retry_after_ms) = (Some(0.1), Some(1e21));
        (sample.gateway_ms, sample.upstream_ms) = (Some(3.0), Some(2.5));
        (sample.request_id, sample.region) = (Some("a,b".into()), Some("north\teurope".into()));
        let mut row = RowText::new(&plan, ORIGIN);
        write(&sample, &mut row);
        assert_eq!(
            String::from_utf8(row.bytes).expect("text"),
            "18446744073709551615,0,\"the \"\"gateway\"\"\",drain,responses,false,-0.000001,1.000000,2.000000,3.000000,\
             4.000000,5.000000,6.000000,7.000000,8.000000,9.000000,10.000000,incomplete,http_429,503,15,16,17,9,4,\
             1.500000,0.000000,12.000345,[::1]:443,\"a,b\",0.1,1000000000000000000000,north europe,11.000000,12.000000,\
             13.000000,14.000000,3,2.5,15.000000,18,0.250000\n"
        );
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
