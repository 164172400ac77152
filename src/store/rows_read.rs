//! Reads `requests.csv` back: exact about every line, but for a last one that was cut by the death of its writer.
//!
//! The file is read a megabyte at a time and fields are understood where they lie, because a long run has two million
//! rows. Texts that repeat from row to row (outcomes, peers) are understood once.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use crate::measure::outcome::Outcome;
use crate::measure::sample::{ConnUse, Sample, Stamps};
use crate::plan::Plan;
use crate::store::fields::Fields;
use crate::store::file::{self, StoreError};
use crate::store::rows::{COLUMNS, LATER};
use crate::store::sieve::Sieve;
use crate::units::{Nanos, PathId, Seq};

/// How much is read at a time, bytes.
const PORTION: usize = 1 << 20;

/// Reads every whole row of `requests.csv` that `sieve` keeps, in the order of the file. Columns are found by name;
/// others are ignored.
///
/// # Errors
/// When the file is not readable, a column is missing, or a line is not a row: file, line and what was expected.
pub fn read_rows(path: &Path, plan: &Plan, origin: Nanos, sieve: &Sieve) -> Result<Vec<Sample>, StoreError> {
    let unreadable = |error| StoreError::unreadable(path, error);
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut reader =
        Reader { plan, origin, sieve, fields: Fields::default(), columns: None, line: 0, known: Known::default() };
    let mut samples: Vec<Sample> = Vec::new();
    let mut bytes = Vec::new();
    loop {
        let rest = bytes.len();
        bytes.resize(rest + PORTION, 0);
        let got = file.read(&mut bytes[rest..]).map_err(unreadable)?;
        bytes.truncate(rest + got);
        if got == 0 {
            return Ok(samples);
        }
        let lines = file::whole_lines(&bytes);
        reader.read(lines, &mut samples).map_err(|(line, what)| StoreError::broken(path, line, what))?;
        if samples.capacity() < samples.len() + 1 || (rest == 0 && samples.len() < 2 * PORTION / 100) {
            // As many as there will be, nearly: growing would hold everything twice for a while.
            let all = (samples.len() as f64 * length as f64 / lines.len().max(1) as f64 * 1.02) as usize;
            samples.reserve_exact(all.saturating_sub(samples.len()));
        }
        let whole = lines.len();
        bytes.drain(..whole);
    }
}

struct Reader<'a> {
    plan: &'a Plan,
    origin: Nanos,
    sieve: &'a Sieve,
    fields: Fields,
    columns: Option<Columns>,
    line: u64,
    known: Known,
}

/// What was understood of the row before, with its text.
#[derive(Default)]
struct Known {
    outcome: Option<([Box<[u8]>; 2], Outcome)>,
    peers: Vec<(Box<[u8]>, SocketAddr)>,
}

impl Reader<'_> {
    fn read(&mut self, lines: &[u8], samples: &mut Vec<Sample>) -> Result<(), (u64, String)> {
        for line in memchr_lines(lines) {
            self.line += 1;
            if line.is_empty() {
                continue;
            }
            self.fields.split(line);
            match &self.columns {
                None => self.columns = Some(Columns::find(&self.fields, line).map_err(|what| (self.line, what))?),
                Some(columns) => {
                    let row = Row { line, fields: &self.fields, columns, origin: self.origin };
                    let read = row.sample(self.plan, self.sieve, &mut self.known);
                    samples.extend(read.map_err(|what| (self.line, what))?);
                }
            }
        }
        Ok(())
    }
}

/// Lines without their ends.
fn memchr_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', bytes).map(move |end| {
        let line = &bytes[from..end];
        from = end + 1;
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

/// Where each of [`COLUMNS`] stands in this file.
struct Columns {
    places: [usize; COLUMNS.len()],
    width: usize,
}

impl Columns {
    fn find(head: &Fields, line: &[u8]) -> Result<Self, String> {
        let mut places = [usize::MAX; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            let found = (0..head.len()).find(|column| head.get(line, *column) == name.as_bytes());
            let missing = || LATER.contains(&name).then_some(usize::MAX);
            *place = found.or_else(missing).ok_or_else(|| format!("a head line with the column '{name}'"))?;
        }
        Ok(Self { places, width: head.len() })
    }
}

/// The place of a column in [`COLUMNS`], found when this is compiled.
const fn column(name: &str) -> usize {
    let mut place = 0;
    while !same(COLUMNS[place].as_bytes(), name.as_bytes()) {
        place += 1;
    }
    place
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

struct Row<'a> {
    line: &'a [u8],
    fields: &'a Fields,
    columns: &'a Columns,
    origin: Nanos,
}

impl Row<'_> {
    /// The sample of the row; `None` if the sieve does not keep it.
    fn sample(&self, plan: &Plan, sieve: &Sieve, known: &mut Known) -> Result<Option<Sample>, String> {
        if self.fields.len() != self.columns.width {
            return Err(format!("{} fields, found {}", self.columns.width, self.fields.len()));
        }
        let round = self.required_count(const { column("round") })?;
        if !sieve.keeps_round(round) {
            return Ok(None);
        }
        Ok(Some(Sample {
            seq: Seq(self.required_count(const { column("seq") })?),
            round,
            path: self.path(plan)?,
            phase: self.required(const { column("phase") })?,
            api: self.required(const { column("api") })?,
            stream: self.required(const { column("stream") })?,
            stamps: self.stamps()?,
            outcome: self.outcome(known)?,
            status: self.optional(const { column("status") })?,
            input_tokens: self.count(const { column("input_tokens") })?,
            output_tokens: self.count(const { column("output_tokens") })?,
            reasoning_tokens: self.count(const { column("reasoning_tokens") })?,
            total_tokens: self.count(const { column("total_tokens") })?,
            planned_tokens: None,
            conn: self.connection(known)?,
            request_id: self.text(const { column("request_id") })?,
            server_ms: self.optional(const { column("server_ms") })?,
            gateway_ms: self.optional(const { column("gateway_ms") })?,
            upstream_ms: self.optional(const { column("upstream_ms") })?,
            retry_after_ms: self.optional(const { column("retry_after_ms") })?,
            region: self.text(const { column("region") })?,
            heard: None,
            message: None,
        }))
    }

    fn path(&self, plan: &Plan) -> Result<PathId, String> {
        let name = self.field(const { column("path") });
        let path = plan.paths.iter().find(|path| path.name.as_bytes() == name).or_else(|| {
            // A name with control characters was written with spaces in their place.
            plan.paths.iter().find(|path| file::printable(&path.name).as_bytes() == name)
        });
        path.map(|path| path.id).ok_or_else(|| format!("the name of a path of the plan, found '{}'", shown(name)))
    }

    fn stamps(&self) -> Result<Stamps, String> {
        let intended = self.stamp(const { column("intended") })?;
        Ok(Stamps {
            intended: intended.ok_or("a time in column 'intended', found nothing")?,
            dequeued: self.stamp(const { column("dequeued") })?,
            begun: self.stamp(const { column("begun") })?,
            conn_ready: self.stamp(const { column("conn_ready") })?,
            sent: self.stamp(const { column("sent") })?,
            head: self.stamp(const { column("head") })?,
            first_byte: self.stamp(const { column("first_byte") })?,
            first_event: self.stamp(const { column("first_event") })?,
            first_reasoning: self.stamp(const { column("first_reasoning") })?,
            last_reasoning: self.stamp(const { column("last_reasoning") })?,
            first_content: self.stamp(const { column("first_content") })?,
            first_visible: self.stamp(const { column("first_visible") })?,
            last_content: self.stamp(const { column("last_content") })?,
            usage: self.stamp(const { column("usage") })?,
            done: self.stamp(const { column("done") })?,
            end: self.stamp(const { column("end") })?,
        })
    }

    fn outcome(&self, known: &mut Known) -> Result<Outcome, String> {
        let (outcome, error) = (self.field(const { column("outcome") }), self.field(const { column("error") }));
        if let Some(([words, class], same)) = &known.outcome
            && **words == *outcome
            && **class == *error
        {
            return Ok(*same);
        }
        let (words, class) = (shown(outcome), shown(error));
        let read = Outcome::parse(&words, &class).map_err(|_| {
            format!("ok, failed, incomplete or dropped with a class of error, found '{words}' and '{class}'")
        })?;
        known.outcome = Some(([outcome.into(), error.into()], read));
        Ok(read)
    }

    fn connection(&self, known: &mut Known) -> Result<Option<ConnUse>, String> {
        let Some(id) = self.count(const { column("conn_id") })? else { return Ok(None) };
        Ok(Some(ConnUse {
            id,
            uses: self.required(const { column("conn_use") })?,
            dns: self.span(const { column("dns_ms") })?,
            tcp: self.span(const { column("tcp_ms") })?,
            tls: self.span(const { column("tls_ms") })?,
            peer: self.peer(known)?,
        }))
    }

    fn peer(&self, known: &mut Known) -> Result<Option<SocketAddr>, String> {
        let column = const { column("peer") };
        let text = self.field(column);
        if let Some((_, peer)) = known.peers.iter().find(|(same, _)| **same == *text) {
            return Ok(Some(*peer));
        }
        let peer = self.optional(column)?;
        // Paths lead to a few addresses; where they do not, remembering them all would take longer than reading.
        if known.peers.len() == PEERS {
            known.peers.remove(0);
        }
        known.peers.extend(peer.map(|peer| (text.into(), peer)));
        Ok(peer)
    }

    fn stamp(&self, column: usize) -> Result<Option<Nanos>, String> {
        let text = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        let (before, digits) = text.strip_prefix(b"-").map_or((false, text), |digits| (true, digits));
        let offset = nanoseconds(digits).ok_or_else(|| wrong(column, text, "a time in ms"))?;
        let at = if before { self.origin.0.checked_sub(offset) } else { self.origin.0.checked_add(offset) };
        at.map(|at| Some(Nanos(at))).ok_or_else(|| wrong(column, text, "a time in ms within the clock's range"))
    }

    fn span(&self, column: usize) -> Result<Option<Duration>, String> {
        let text = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        nanoseconds(text).map(|ns| Some(Duration::from_nanos(ns))).ok_or_else(|| wrong(column, text, "a span in ms"))
    }

    fn required_count(&self, column: usize) -> Result<u64, String> {
        self.count(column)?.ok_or_else(|| wrong(column, b"", "a value"))
    }

    fn count(&self, column: usize) -> Result<Option<u64>, String> {
        let text = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        digits(text).map(Some).ok_or_else(|| wrong(column, text, "u64"))
    }

    fn required<T: FromStr>(&self, column: usize) -> Result<T, String> {
        self.optional(column)?.ok_or_else(|| wrong(column, b"", "a value"))
    }

    fn optional<T: FromStr>(&self, column: usize) -> Result<Option<T>, String> {
        let bytes = self.field(column);
        if bytes.is_empty() {
            return Ok(None);
        }
        let read = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
        read.map(Some).ok_or_else(|| wrong(column, bytes, std::any::type_name::<T>()))
    }

    fn text(&self, column: usize) -> Result<Option<Box<str>>, String> {
        let bytes = self.field(column);
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(column, bytes, "text in UTF-8"))?;
        Ok(Some(text).filter(|text| !text.is_empty()).map(Into::into))
    }

    fn field(&self, column: usize) -> &[u8] {
        self.fields.get(self.line, self.columns.places[column])
    }
}

/// Addresses that are remembered.
const PEERS: usize = 8;

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wrong(column: usize, found: &[u8], expected: &str) -> String {
    let expected = expected.rsplit("::").next().unwrap_or(expected);
    format!("{expected} in column '{}', found '{}'", COLUMNS[column], shown(found))
}

/// "1234.567890" milliseconds as nanoseconds, without a detour over floating point.
fn nanoseconds(text: &[u8]) -> Option<u64> {
    let (whole, part) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b""[..]),
    };
    if part.len() > 6 {
        return None;
    }
    let below = if part.is_empty() { 0 } else { digits(part)? };
    let scale = 10u64.pow(6 - part.len() as u32);
    digits(whole)?.checked_mul(1_000_000)?.checked_add(below * scale)
}

fn digits(text: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, digit) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::fixture;
    use crate::store::rows::RowWriter;

    const ORIGIN: Nanos = Nanos(5_000_000_000);

    fn written(rows: u64) -> (tempfile::TempDir, std::path::PathBuf, Plan) {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("requests.csv");
        let plan = fixture::plan(&["direct", "gateway"]);
        let mut writer = RowWriter::create(&path, &plan, ORIGIN).expect("created");
        for seq in 0..rows {
            let at = ORIGIN + Duration::from_millis(100 * seq);
            writer.append(&fixture::sample(&plan, seq, seq / 2, (seq % 2) as u16, at)).expect("appended");
        }
        writer.finish().expect("finished");
        (dir, path, plan)
    }

    #[test]
    fn a_row_that_was_cut_by_a_kill_is_left_out() {
        let (_dir, path, plan) = written(5);
        let bytes = fs::read(&path).expect("bytes");
        for cut in [1, 2, 30, 100] {
            fs::write(&path, &bytes[..bytes.len() - cut]).expect("cut");
            assert_eq!(read_rows(&path, &plan, ORIGIN, &Sieve::open(&plan)).expect("read").len(), 4, "cut {cut}");
        }
    }

    #[test]
    fn any_other_broken_line_is_named() {
        let (_dir, path, plan) = written(3);
        let text = fs::read_to_string(&path).expect("text");
        for (from, to, line, part) in [
            (",direct,", ",nowhere,", 2, "path of the plan"),
            (",ok,", ",fine,", 2, "ok, failed"),
            ("100.000000", "1e2", 2, "a time in ms"),
            ("2,1,direct", "x,1,direct", 4, "u64 in column 'seq'"),
            ("seq,round", "seq,ground", 1, "the column 'round'"),
            ("\n0,0,", "\n0,0,0,", 2, "41 fields, found 42"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).expect("spoilt");
            let error = read_rows(&path, &plan, ORIGIN, &Sieve::open(&plan)).expect_err(from).to_string();
            assert!(error.contains(&format!("requests.csv:{line}: expected")) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn other_columns_and_another_order_do_no_harm() {
        let (_dir, path, plan) = written(2);
        let before = read_rows(&path, &plan, ORIGIN, &Sieve::open(&plan)).expect("read");
        let text = fs::read_to_string(&path).expect("text");
        let turned: String = text
            .lines()
            .map(|line| format!("extra,{}\n", line.split(',').rev().collect::<Vec<_>>().join(",")))
            .collect();
        fs::write(&path, turned).expect("turned");
        assert_eq!(read_rows(&path, &plan, ORIGIN, &Sieve::open(&plan)).expect("read"), before);
    }

    #[test]
    fn a_file_of_an_earlier_version_is_read() {
        let (_dir, path, plan) = written(2);
        let text = fs::read_to_string(&path).expect("text");
        let earlier: String = text
            .lines()
            .map(|line| format!("{}\n", line.rsplitn(LATER.len() + 1, ',').last().expect("columns")))
            .collect();
        assert!(!earlier.contains("begun"));
        fs::write(&path, earlier).expect("written");
        let read = read_rows(&path, &plan, ORIGIN, &Sieve::open(&plan)).expect("read");
        assert!(read.iter().all(|sample| sample.stamps.begun.is_none() && sample.stamps.dequeued.is_some()));
    }
}
