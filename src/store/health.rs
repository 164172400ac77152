//! `health.csv`: the rig's own health, one row a second, on disk as soon as the second is over.
//!
//! A row has about 60 bytes, so a day of running has 6 MB of them, whatever its load.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use crate::measure::health::Second;
use crate::store::file::{self, StoreError};

/// The columns, in order. Times are milliseconds, `steal` a share of 1, `cpu`, `others` and `sim_cpu` processors.
pub const COLUMNS: [&str; 12] = [
    "second",
    "hiccup_ms",
    "in_flight",
    "cpu",
    "others",
    "steal",
    "throttled_ms",
    "files",
    "ports",
    "sim_cpu",
    "sim_answers",
    "sim_late",
];

/// Appends seconds to `health.csv`.
#[derive(Debug)]
pub struct HealthWriter {
    out: File,
    path: PathBuf,
}

impl HealthWriter {
    /// Creates the file with its head line.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let out = File::create(path).map_err(|error| StoreError::unwritable(path, error))?;
        let mut writer = Self { out, path: path.to_owned() };
        writer.line(&(COLUMNS.join(",") + "\n"))?;
        Ok(writer)
    }

    /// Appends a second and hands it to the operating system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, row: &Second) -> Result<(), StoreError> {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
        let count = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
        let fields = [
            row.second.to_string(),
            number(Some(row.hiccup_ms)),
            number(row.in_flight),
            number(row.cpu),
            number(row.others),
            number(row.steal),
            number(row.throttled_ms),
            count(row.files),
            count(row.ports),
            number(row.sim_cpu),
            count(row.sim_answers),
            count(row.sim_late),
        ];
        self.line(&(fields.join(",") + "\n"))
    }

    fn line(&mut self, line: &str) -> Result<(), StoreError> {
        self.out.write_all(line.as_bytes()).map_err(|error| StoreError::unwritable(&self.path, error))
    }
}

/// Reads the seconds back; none where there is no such file, as in the runs of earlier versions. A last line that was
/// cut is left out, columns that are not known are ignored.
///
/// # Errors
/// When the file is not readable or a line is not a row.
pub fn read(path: &Path) -> Result<Vec<Second>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = file::read_whole(path)?;
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file::whole_lines(&bytes));
    let mut head = StringRecord::new();
    let mut record = StringRecord::new();
    let mut rows = Vec::new();
    let broken = |line, what: String| StoreError::broken(path, line, what);
    let csv = |line, error: csv::Error| broken(line, format!("a row of comma-separated text, but: {error}"));
    lines.read_record(&mut head).map_err(|error| csv(1, error))?;
    for line in 2.. {
        if !lines.read_record(&mut record).map_err(|error| csv(line, error))? {
            break;
        }
        if file::is_blank(&record) {
            continue;
        }
        rows.push(second(&head, &record).map_err(|what| broken(line, what))?);
    }
    Ok(rows)
}

fn second(head: &StringRecord, record: &StringRecord) -> Result<Second, String> {
    let field = |column: &str| head.iter().position(|name| name == column).and_then(|place| record.get(place));
    let number = |column: &str| -> Result<Option<f64>, String> {
        let Some(text) = field(column).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("a number in column '{column}', found '{text}'"))
    };
    let count = |column: &str| -> Result<Option<u64>, String> {
        let Some(text) = field(column).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("a whole number in column '{column}', found '{text}'"))
    };
    Ok(Second {
        second: count("second")?.ok_or("a whole number in column 'second', found nothing")?,
        hiccup_ms: number("hiccup_ms")?.ok_or("a number in column 'hiccup_ms', found nothing")?,
        in_flight: number("in_flight")?,
        cpu: number("cpu")?,
        others: number("others")?,
        steal: number("steal")?,
        throttled_ms: number("throttled_ms")?,
        files: count("files")?,
        ports: count("ports")?,
        sim_cpu: number("sim_cpu")?,
        sim_answers: count("sim_answers")?,
        sim_late: count("sim_late")?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn seconds_come_back_without_the_one_that_was_cut() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::HEALTH);
        assert_eq!(read(&path).expect("none"), []);
        let full = Second {
            second: 1,
            hiccup_ms: 31.25,
            in_flight: Some(4.5),
            cpu: Some(0.25),
            others: Some(1.5),
            steal: Some(0.125),
            throttled_ms: Some(80.0),
            files: Some(40),
            ports: Some(41),
            sim_cpu: Some(0.5),
            sim_answers: Some(100),
            sim_late: Some(2),
        };
        let rows = [Second::default(), full, Second { second: 2, ..Second::default() }];
        let mut writer = HealthWriter::create(&path).expect("created");
        rows.iter().for_each(|row| writer.append(row).expect("appended"));
        assert_eq!(read(&path).expect("read"), rows);
        let bytes = fs::read(&path).expect("bytes");
        fs::write(&path, &bytes[..bytes.len() - 3]).expect("cut");
        assert_eq!(read(&path).expect("read"), rows[..2]);
        fs::write(&path, String::from_utf8(bytes).expect("text").replace("31.250", "slow")).expect("spoilt");
        let error = read(&path).expect_err("broken").to_string();
        assert!(error.contains("health.csv:3: expected a number in column 'hiccup_ms'"), "{error}");
    }
}
