//! Reads `requests.csv` back: exact about every line, but for a last one that was cut by the death of its writer.

use std::path::Path;
use std::time::Duration;

use csv::StringRecord;

use crate::measure::outcome::Outcome;
use crate::measure::sample::{ConnUse, Sample, Stamps};
use crate::plan::Plan;
use crate::store::file::{self, StoreError};
use crate::store::rows::{COLUMNS, LATER};
use crate::units::{Nanos, PathId, Seq};

/// Reads every whole row of `requests.csv`, in the order of the file. Columns are found by name; others are ignored.
///
/// # Errors
/// When the file is not readable, a column is missing, or a line is not a row: file, line and what was expected.
pub fn read_rows(path: &Path, plan: &Plan, origin: Nanos) -> Result<Vec<Sample>, StoreError> {
    let bytes = file::read_whole(path)?;
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file::whole_lines(&bytes));
    let mut record = StringRecord::new();
    let mut samples = Vec::new();
    let mut columns = None;
    for line in 1.. {
        let more = lines
            .read_record(&mut record)
            .map_err(|error| StoreError::broken(path, line, format!("a row of comma-separated text, but: {error}")))?;
        if !more {
            break;
        }
        match &columns {
            None => columns = Some(Columns::find(&record).map_err(|what| StoreError::broken(path, line, what))?),
            Some(columns) => {
                let row = Row { record: &record, columns, origin };
                samples.push(row.sample(plan).map_err(|what| StoreError::broken(path, line, what))?);
            }
        }
    }
    Ok(samples)
}

/// Where each of [`COLUMNS`] stands in this file.
struct Columns {
    places: [usize; COLUMNS.len()],
    width: usize,
}

impl Columns {
    fn find(head: &StringRecord) -> Result<Self, String> {
        let mut places = [usize::MAX; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            let found = head.iter().position(|column| column == name);
            let missing = || LATER.contains(&name).then_some(usize::MAX);
            *place = found.or_else(missing).ok_or_else(|| format!("a head line with the column '{name}'"))?;
        }
        Ok(Self { places, width: head.len() })
    }
}

struct Row<'a> {
    record: &'a StringRecord,
    columns: &'a Columns,
    origin: Nanos,
}

impl Row<'_> {
    fn sample(&self, plan: &Plan) -> Result<Sample, String> {
        if self.record.len() != self.columns.width {
            return Err(format!("{} fields, found {}", self.columns.width, self.record.len()));
        }
        Ok(Sample {
            seq: Seq(self.required("seq")?),
            round: self.required("round")?,
            path: self.path(plan)?,
            phase: self.required("phase")?,
            api: self.required("api")?,
            stream: self.required("stream")?,
            stamps: self.stamps()?,
            outcome: self.outcome()?,
            status: self.optional("status")?,
            input_tokens: self.optional("input_tokens")?,
            output_tokens: self.optional("output_tokens")?,
            reasoning_tokens: self.optional("reasoning_tokens")?,
            conn: self.connection()?,
            request_id: self.text("request_id"),
            server_ms: self.optional("server_ms")?,
            gateway_ms: self.optional("gateway_ms")?,
            upstream_ms: self.optional("upstream_ms")?,
            retry_after_ms: self.optional("retry_after_ms")?,
            region: self.text("region"),
        })
    }

    fn path(&self, plan: &Plan) -> Result<PathId, String> {
        let name = self.field("path");
        let path = plan.path_named(name).or_else(|| {
            // A name with control characters was written with spaces in their place.
            plan.paths.iter().find(|path| path.name.replace(|c: char| c.is_ascii_control(), " ") == name)
        });
        path.map(|path| path.id).ok_or_else(|| format!("the name of a path of the plan, found '{name}'"))
    }

    fn stamps(&self) -> Result<Stamps, String> {
        Ok(Stamps {
            intended: self.stamp("intended")?.ok_or("a time in column 'intended', found nothing")?,
            dequeued: self.stamp("dequeued")?,
            begun: self.stamp("begun")?,
            conn_ready: self.stamp("conn_ready")?,
            sent: self.stamp("sent")?,
            head: self.stamp("head")?,
            first_byte: self.stamp("first_byte")?,
            first_event: self.stamp("first_event")?,
            first_reasoning: self.stamp("first_reasoning")?,
            first_content: self.stamp("first_content")?,
            first_visible: self.stamp("first_visible")?,
            last_content: self.stamp("last_content")?,
            usage: self.stamp("usage")?,
            done: self.stamp("done")?,
            end: self.stamp("end")?,
        })
    }

    fn outcome(&self) -> Result<Outcome, String> {
        let (outcome, error) = (self.field("outcome"), self.field("error"));
        Outcome::parse(outcome, error).map_err(|_| {
            format!("ok, failed, incomplete or dropped with a class of error, found '{outcome}' and '{error}'")
        })
    }

    fn connection(&self) -> Result<Option<ConnUse>, String> {
        let Some(id) = self.optional("conn_id")? else { return Ok(None) };
        Ok(Some(ConnUse {
            id,
            uses: self.required("conn_use")?,
            dns: self.span("dns_ms")?,
            tcp: self.span("tcp_ms")?,
            tls: self.span("tls_ms")?,
            peer: self.optional("peer")?,
        }))
    }

    fn stamp(&self, column: &str) -> Result<Option<Nanos>, String> {
        let text = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        let (before, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let offset = nanoseconds(digits).ok_or_else(|| wrong(column, text, "a time in ms"))?;
        let at = if before { self.origin.0.checked_sub(offset) } else { self.origin.0.checked_add(offset) };
        at.map(|at| Some(Nanos(at))).ok_or_else(|| wrong(column, text, "a time in ms within the clock's range"))
    }

    fn span(&self, column: &str) -> Result<Option<Duration>, String> {
        let text = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        nanoseconds(text).map(|ns| Some(Duration::from_nanos(ns))).ok_or_else(|| wrong(column, text, "a span in ms"))
    }

    fn required<T: std::str::FromStr>(&self, column: &str) -> Result<T, String> {
        self.optional(column)?.ok_or_else(|| wrong(column, "", "a value"))
    }

    fn optional<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, String> {
        let text = self.field(column);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| wrong(column, text, std::any::type_name::<T>()))
    }

    fn text(&self, column: &str) -> Option<Box<str>> {
        Some(self.field(column)).filter(|text| !text.is_empty()).map(Into::into)
    }

    fn field(&self, column: &str) -> &str {
        let place = COLUMNS.iter().position(|name| *name == column).map(|index| self.columns.places[index]);
        place.and_then(|place| self.record.get(place)).unwrap_or_default()
    }
}

fn wrong(column: &str, found: &str, expected: &str) -> String {
    let expected = expected.rsplit("::").next().unwrap_or(expected);
    format!("{expected} in column '{column}', found '{found}'")
}

/// "1234.567890" milliseconds as nanoseconds, without a detour over floating point.
fn nanoseconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !is_number(whole) || !is_number(part) {
        return None;
    }
    let below: u64 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let scale = 10u64.pow(6 - part.len() as u32);
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(below * scale)
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
            assert_eq!(read_rows(&path, &plan, ORIGIN).expect("read").len(), 4, "cut {cut}");
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
            ("\n0,0,", "\n0,0,0,", 2, "39 fields, found 40"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).expect("spoilt");
            let error = read_rows(&path, &plan, ORIGIN).expect_err(from).to_string();
            assert!(error.contains(&format!("requests.csv:{line}: expected")) && error.contains(part), "{error}");
        }
    }

    #[test]
    fn other_columns_and_another_order_do_no_harm() {
        let (_dir, path, plan) = written(2);
        let before = read_rows(&path, &plan, ORIGIN).expect("read");
        let text = fs::read_to_string(&path).expect("text");
        let turned: String = text
            .lines()
            .map(|line| format!("extra,{}\n", line.split(',').rev().collect::<Vec<_>>().join(",")))
            .collect();
        fs::write(&path, turned).expect("turned");
        assert_eq!(read_rows(&path, &plan, ORIGIN).expect("read"), before);
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
        let read = read_rows(&path, &plan, ORIGIN).expect("read");
        assert!(read.iter().all(|sample| sample.stamps.begun.is_none() && sample.stamps.dequeued.is_some()));
    }
}
