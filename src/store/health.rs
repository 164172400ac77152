//! `health.csv`: the health of the host, one row a second, on disk as soon as the second is over.
//!
//! The columns are the fields of [`Second`]. A row has about 60 bytes, so a day of running has 6 MB of them, whatever
//! its load.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::measure::health::Second;
use crate::plan::Plan;
use crate::store::bounds::{Bounds, MOST_COUNT, MOST_NUMBER};
use crate::store::file::StoreError;
use crate::store::lines::Lines;
use crate::store::table;
use crate::units::Nanos;

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
        writer.write(table::head::<Second>())?;
        Ok(writer)
    }

    /// Appends a second and hands it to the operating system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, row: &Second) -> Result<(), StoreError> {
        self.write(table::lines([row]))
    }

    /// All at once, so that a reader sees whole lines but for the death of the machine.
    fn write(&mut self, text: io::Result<Vec<u8>>) -> Result<(), StoreError> {
        let written = text.and_then(|text| self.out.write_all(&text));
        written.map_err(|error| StoreError::unwritable(&self.path, error))
    }
}

/// Reads the seconds back; none where there is no such file, as in the runs of earlier versions. A last line that was
/// cut is left out, columns that are not known are ignored.
///
/// # Errors
/// When the file is not readable or a line is not a row.
pub fn read(path: &Path, plan: &Plan) -> Result<Vec<Second>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let (last, mut next) = (Bounds::of(plan, Nanos(0)).last_second, 0);
    let rows = table::read(Lines::open(path)?, |row: Second| {
        if !(next..=last).contains(&row.second) {
            return Err(format!("a second from {next} to {last} in column 'second', found '{}'", row.second));
        }
        next = row.second + 1;
        check(&row).map(|()| row)
    })?;
    Ok(rows.unwrap_or_default())
}

/// Refuses what no machine shows.
fn check(row: &Second) -> Result<(), String> {
    let numbers = [
        ("hiccup_ms", Some(row.hiccup_ms), MOST_NUMBER),
        ("in_flight", row.in_flight, MOST_NUMBER),
        ("cpu", row.cpu, MOST_NUMBER),
        ("others", row.others, MOST_NUMBER),
        ("steal", row.steal, 1.0),
        ("throttled_ms", row.throttled_ms, MOST_NUMBER),
        ("sim_cpu", row.sim_cpu, MOST_NUMBER),
    ];
    let counts =
        [("files", row.files), ("ports", row.ports), ("sim_answers", row.sim_answers), ("sim_late", row.sim_late)];
    let counts = counts.map(|(column, count)| (column, count.map(|count| count as f64), MOST_COUNT as f64));
    let beyond = |(column, found, most): (&str, Option<f64>, f64)| {
        let found = found.filter(|found| !(0.0..=most).contains(found))?;
        Some(format!("a number from 0 to {most} in column '{column}', found '{found}'"))
    };
    numbers.into_iter().chain(counts).find_map(beyond).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::fixture;
    use crate::store::file;

    #[test]
    fn seconds_come_back_without_the_one_that_was_cut() {
        let dir = tempfile::tempdir().expect("dir");
        let (path, plan) = (dir.path().join(file::HEALTH), fixture::plan(&["direct"]));
        assert_eq!(read(&path, &plan).expect("none"), []);
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
        assert_eq!(read(&path, &plan).expect("read"), rows);
        let bytes = fs::read(&path).expect("bytes");
        fs::write(&path, &bytes[..bytes.len() - 3]).expect("cut");
        assert_eq!(read(&path, &plan).expect("read"), rows[..2]);
        fs::write(&path, String::from_utf8(bytes).expect("text").replace("31.250", "slow")).expect("spoilt");
        let error = read(&path, &plan).expect_err("broken").to_string();
        assert!(error.contains("health.csv:3: expected a number in column 'hiccup_ms'"), "{error}");
    }
}
