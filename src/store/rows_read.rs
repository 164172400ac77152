//! Reads `requests.csv` back: exact about every line, but for a last one that was cut by the death of its writer.
//!
//! The file is read a megabyte at a time and fields are understood where they lie, because a long run has two million
//! rows. Texts that repeat from row to row (outcomes, peers) are understood once.

use std::io::Read;
use std::path::Path;

use crate::limits::Limit;
use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::store::cell::{Cell, Context, Expected, RowText, Value};
use crate::store::columns::{self, Column, Visitor};
use crate::store::fields::Fields;
use crate::store::file::{self, StoreError};
use crate::store::lines::{LONGEST, too_long};
use crate::store::row_sampler::RowSampler;
use crate::units::Nanos;

/// The most lines of the file.
const MOST_ROWS: usize = Limit::RunRows.most();

/// How much is read at a time, bytes.
const PORTION: usize = 1 << 20;

/// Reads every whole row of `requests.csv` that `sampler` keeps, in the order of the file. Columns are found by name;
/// others are ignored.
///
/// # Errors
/// When the file is not readable, a column is missing, or a line is not a row: file, line and what was expected.
pub fn read_rows(path: &Path, plan: &Plan, origin: Nanos, sampler: &RowSampler) -> Result<Vec<Sample>, StoreError> {
    let unreadable = |error| StoreError::unreadable(path, error);
    let mut file = file::open(path)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let context = Context::new(plan, origin);
    let mut reader = Reader { sampler, fields: Fields::default(), columns: None, line: 0, context };
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
        if bytes.len() - lines.len() > LONGEST {
            return Err(StoreError::broken(path, reader.line + 1, too_long()));
        }
        reader.read(lines, &mut samples).map_err(|(line, what)| StoreError::broken(path, line, what))?;
        if samples.capacity() < samples.len() + 1 || (rest == 0 && samples.len() < 2 * PORTION / 100) {
            // As many as there will be, nearly: growing would hold everything twice for a while.
            let all = (samples.len() as f64 * length as f64 / lines.len().max(1) as f64 * 1.02) as usize;
            samples.reserve_exact(all.min(MOST_ROWS).saturating_sub(samples.len()));
        }
        let whole = lines.len();
        bytes.drain(..whole);
    }
}

struct Reader<'a> {
    sampler: &'a RowSampler,
    fields: Fields,
    columns: Option<Columns>,
    line: u64,
    context: Context<'a>,
}

impl Reader<'_> {
    fn read(&mut self, lines: &[u8], samples: &mut Vec<Sample>) -> Result<(), (u64, String)> {
        for line in memchr_lines(lines) {
            self.line += 1;
            let line = if self.line == 1 { line.strip_prefix(file::BYTE_ORDER_MARK).unwrap_or(line) } else { line };
            if self.line > MOST_ROWS as u64 {
                return Err((self.line, format!("at most {MOST_ROWS} rows")));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            self.fields.split(line);
            self.take(line, samples).map_err(|what| (self.line, what))?;
        }
        Ok(())
    }

    /// Takes the fields of a line: the first line says where the columns stand, every other one is a row.
    fn take(&mut self, line: &[u8], samples: &mut Vec<Sample>) -> Result<(), String> {
        let Some(columns) = &self.columns else {
            self.columns = Some(Columns::find(&self.fields, line)?);
            return Ok(());
        };
        if self.fields.len() != columns.width {
            return Err(format!("{} fields, found {}", columns.width, self.fields.len()));
        }
        let context = &mut self.context;
        let (fields, places) = (&self.fields, columns.places.iter());
        if self.sampler.keeps_round(round(fields.get(line, columns.round), context)?) {
            samples.push(Sample::unseen());
            let sample = samples.last_mut().unwrap_or_else(|| unreachable!("one was pushed"));
            columns::visit(&mut Row { line, fields, places, context, sample })?;
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

/// Where the columns stand in this file.
struct Columns {
    /// Of each of [`columns::list`]; beyond the last for one that this file does not have.
    places: Vec<usize>,
    /// By the round it is decided whether a row is kept.
    round: usize,
    width: usize,
}

impl Columns {
    fn find(head: &Fields, line: &[u8]) -> Result<Self, String> {
        let find = |column: &Column| {
            let mut found = (0..head.len()).filter(|place| head.get(line, *place) == column.name.as_bytes());
            let (place, again) = (found.next(), found.next());
            let place = place.or(column.is_later.then_some(usize::MAX)).filter(|_| again.is_none());
            place.ok_or_else(|| format!("a head line with the column '{}' once", column.name))
        };
        let columns = columns::list();
        let places = columns.iter().map(find).collect::<Result<_, _>>()?;
        Ok(Self { places, round: find(&ROUND)?, width: head.len() })
    }
}

const ROUND: Column = Column { name: "round", is_later: false };

fn round(bytes: &[u8], context: &mut Context<'_>) -> Result<u64, String> {
    u64::read(Cell { bytes, context }).map_err(|expected| wrong(ROUND, expected, bytes))
}

/// A row while it is read: the sample fills column by column.
struct Row<'r, 'a> {
    line: &'r [u8],
    fields: &'r Fields,
    /// Those of the columns to come.
    places: std::slice::Iter<'r, usize>,
    context: &'r mut Context<'a>,
    sample: &'r mut Sample,
}

impl Visitor for Row<'_, '_> {
    type Error = String;

    #[inline(always)]
    fn column(
        &mut self,
        column: Column,
        _: impl Fn(&Sample, &mut RowText),
        read: impl Fn(&mut Sample, Cell<'_, '_>) -> Result<(), Expected>,
    ) -> Result<(), String> {
        let place = self.places.next().copied().unwrap_or(usize::MAX);
        let bytes = self.fields.get(self.line, place);
        read(self.sample, Cell { bytes, context: self.context }).map_err(|expected| wrong(column, expected, bytes))
    }
}

#[cold]
fn wrong(column: Column, expected: Expected, found: &[u8]) -> String {
    format!("{expected} in column '{}', found '{}'", column.name, String::from_utf8_lossy(found))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

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
            assert_eq!(read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect("read").len(), 4, "cut {cut}");
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
            ("2,1,direct", "x,1,direct", 4, "2^53 in column 'seq'"),
            ("seq,round", "seq,ground", 1, "the column 'round'"),
            ("\n0,0,", "\n0,0,0,", 2, "42 fields, found 43"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).expect("spoilt");
            let error = read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect_err(from).to_string();
            assert!(error.contains(&format!("requests.csv:{line}: expected")) && error.contains(part), "{error}");
        }
    }

    /// Puts each text into the one row's cell of each column in turn: the error names the line, the column and the text.
    fn each_cell_refuses(texts: &[&str]) {
        let (_dir, path, plan) = written(1);
        let text = fs::read_to_string(&path).expect("text");
        let (head, row) = text.trim_end().split_once('\n').expect("a row");
        // Any text is a request's name or a region; only a call that is not ok has a class of error.
        let takes_any = |name: &str| ["request_id", "region", "error"].contains(&name);
        for (place, column) in columns::list().into_iter().enumerate().filter(|(_, column)| !takes_any(column.name)) {
            for text in texts {
                let mut cells: Vec<&str> = row.split(',').collect();
                cells[place] = text;
                fs::write(&path, format!("{head}\n{}\n", cells.join(","))).expect("spoilt");
                let error =
                    read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect_err(column.name).to_string();
                let part = format!("in column '{}', found '{text}'", column.name);
                assert!(error.contains("requests.csv:2: expected") && error.contains(&part), "{error}");
            }
        }
    }

    #[test]
    fn a_cell_of_any_column_that_is_spoilt_is_named() {
        each_cell_refuses(&["?"]);
    }

    #[test]
    fn a_number_that_nobody_measured_is_refused() {
        each_cell_refuses(&["NaN", "nan", "inf", "-inf", "+infinity", "1e999"]);
    }

    #[test]
    fn a_column_of_the_contract_that_is_missing_is_named_and_a_later_one_was_not_seen() {
        let (_dir, path, plan) = written(1);
        let text = fs::read_to_string(&path).expect("text");
        for column in columns::list() {
            let (head, row) = text.split_once('\n').expect("a row");
            let renamed = |name| if name == column.name { "renamed" } else { name };
            let head = head.split(',').map(renamed).collect::<Vec<_>>().join(",");
            fs::write(&path, format!("{head}\n{row}")).expect("written");
            match read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)) {
                Ok(rows) => assert!(column.is_later && rows.len() == 1, "{}", column.name),
                Err(error) => assert!(!column.is_later && error.to_string().contains("a head line with"), "{error}"),
            }
        }
    }

    #[test]
    fn what_ended_otherwise_needs_a_class_and_a_connection_its_number_of_calls() {
        let (_dir, path, plan) = written(1);
        let text = fs::read_to_string(&path).expect("text");
        for (from, to, part) in [
            (",ok,,200", ",failed,,200", "a class of error in column 'error', found ''"),
            (",ok,,200", ",dropped,http_x,200", "a class of error in column 'error', found 'http_x'"),
            (",100,30,,1,2,", ",100,30,,1,,", "a whole number that fits a u32 in column 'conn_use', found ''"),
        ] {
            assert!(text.contains(from), "{text}");
            fs::write(&path, text.replacen(from, to, 1)).expect("spoilt");
            let error = read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect_err(to).to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn other_columns_and_another_order_do_no_harm() {
        let (_dir, path, plan) = written(2);
        let before = read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect("read");
        let text = fs::read_to_string(&path).expect("text");
        let turned: String = text
            .lines()
            .map(|line| format!("extra,{}\n", line.split(',').rev().collect::<Vec<_>>().join(",")))
            .collect();
        fs::write(&path, turned).expect("turned");
        assert_eq!(read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect("read"), before);
    }

    #[test]
    fn a_file_of_an_earlier_version_is_read() {
        let (_dir, path, plan) = written(2);
        let text = fs::read_to_string(&path).expect("text");
        let later = columns::list().iter().filter(|column| column.is_later).count();
        let earlier: String =
            text.lines().map(|line| format!("{}\n", line.rsplitn(later + 1, ',').last().expect("columns"))).collect();
        assert!(!earlier.contains("begun"));
        fs::write(&path, earlier).expect("written");
        let read = read_rows(&path, &plan, ORIGIN, &RowSampler::open(&plan)).expect("read");
        assert!(read.iter().all(|sample| sample.stamps.begun.is_none() && sample.stamps.dequeued.is_some()));
    }
}
