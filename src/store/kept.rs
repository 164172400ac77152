//! The rows that are kept: all of them up to a number, then those of a sample that is halved when it is full.
//!
//! Halving writes the rows that stay into a new file, a part at a time between other work, while new rows still go to
//! the end of the old one; then the new file takes the old one's name. Whenever the run is killed, `requests.csv` holds
//! every row of the sample, and perhaps more: a reader leaves out what the manifest's limit does not keep.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::run::RowSample;
use crate::store::file::{self, StoreError};
use crate::store::row_sampler::RowSampler;
use crate::store::rows::RowWriter;
use crate::units::Nanos;

/// The rows of a run at most.
pub(crate) const MOST_ROWS: u64 = 2_000_000;

/// How much of the old file is read at a time, bytes: about a millisecond's work.
const PORTION: usize = 1 << 20;

/// `requests.csv` while it grows, and what decides about its rows.
pub(crate) struct KeptRows {
    rows: RowWriter,
    path: PathBuf,
    sampler: RowSampler,
    most: u64,
    kept: u64,
    thinning: Option<Thinning>,
}

impl KeptRows {
    /// Creates the file. `origin` is the run's start; the measured phase begins with the round `from`; `most` rows are
    /// kept at most.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub(crate) fn create(
        path: &Path,
        plan: &Plan,
        origin: Nanos,
        (from, most): (u64, u64),
    ) -> Result<Self, StoreError> {
        let rows = RowWriter::create(path, plan, origin)?;
        Ok(Self {
            rows,
            path: path.to_owned(),
            sampler: RowSampler::of(plan, from, most),
            most,
            kept: 0,
            thinning: None,
        })
    }

    /// Appends the row of a call if it is one of the sample.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn append(&mut self, sample: &Sample) -> Result<(), StoreError> {
        if self.sampler.keeps(sample) {
            self.kept += 1;
            self.rows.append(sample)?;
        }
        Ok(())
    }

    /// Whether the row of this call would be one too many: [`KeptRows::halve`] is due before it is appended.
    #[must_use]
    pub(crate) fn is_full_for(&self, sample: &Sample) -> bool {
        self.kept >= self.most && self.thinning.is_none() && self.sampler.keeps(sample)
    }

    /// Keeps half as much from now on and begins to thin out what was kept.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn halve(&mut self) -> Result<(), StoreError> {
        self.rows.flush()?;
        self.thinning = Some(Thinning::begin(&self.path)?);
        self.sampler.halve();
        Ok(())
    }

    /// What the manifest says once [`KeptRows::halve`] has been done. It may say so before: a reader leaves out what it
    /// does not keep.
    #[must_use]
    pub(crate) fn statement_when_halved(&self, calls: u64) -> Option<RowSample> {
        let mut sampler = self.sampler;
        sampler.halve();
        sampler.statement(calls, self.kept)
    }

    /// What the manifest says of the rows, of `calls` calls; `None` while every call has one.
    #[must_use]
    pub(crate) fn statement(&self, calls: u64) -> Option<RowSample> {
        self.sampler.statement(calls, self.kept)
    }

    /// Whether a file is being thinned out.
    #[must_use]
    pub(crate) fn is_thinning(&self) -> bool {
        self.thinning.is_some()
    }

    /// Does a portion of the thinning, if there is any to do.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn thin(&mut self) -> Result<(), StoreError> {
        let Some(thinning) = &mut self.thinning else { return Ok(()) };
        if !thinning.portion(&self.sampler)? {
            return Ok(());
        }
        // What has come meanwhile must not be missing: at most what the writer holds back.
        self.rows.flush()?;
        while !thinning.portion(&self.sampler)? {}
        if let Some(thinning) = self.thinning.take() {
            self.kept = thinning.kept;
            self.rows.go_on_in(thinning.finish(&self.path)?);
        }
        Ok(())
    }

    /// Hands every row to the operating system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.rows.flush()
    }

    /// Thins out to the end and waits until the disk has everything. Returns how many rows there are.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn finish(mut self) -> Result<u64, StoreError> {
        while self.is_thinning() {
            self.thin()?;
        }
        self.rows.finish()?;
        Ok(self.kept)
    }
}

/// An old file on its way into a new one.
struct Thinning {
    old: File,
    old_path: PathBuf,
    /// What has been read and not yet decided: at most a portion and a line.
    read: Vec<u8>,
    new: BufWriter<File>,
    new_path: PathBuf,
    head_is_done: bool,
    kept: u64,
}

impl Thinning {
    fn begin(path: &Path) -> Result<Self, StoreError> {
        let new_path = file::part_of(path);
        let old = File::open(path).map_err(|error| StoreError::unreadable(path, error))?;
        let new = File::create(&new_path).map_err(|error| StoreError::unwritable(&new_path, error))?;
        let new = BufWriter::with_capacity(1 << 16, new);
        Ok(Self { old, old_path: path.to_owned(), read: Vec::new(), new, new_path, head_is_done: false, kept: 0 })
    }

    /// Reads on; says whether the end of what is there was reached.
    fn portion(&mut self, sampler: &RowSampler) -> Result<bool, StoreError> {
        let (undecided, portion) = (self.read.len(), PORTION);
        self.read.resize(undecided + portion, 0);
        let got = self.old.read(&mut self.read[undecided..]);
        let got = got.map_err(|error| StoreError::unreadable(&self.old_path, error))?;
        self.read.truncate(undecided + got);
        let lines = file::whole_lines(&self.read);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.head_is_done {
                if !round_of(line).is_some_and(|round| sampler.keeps_round(round)) {
                    continue;
                }
                self.kept += 1;
            }
            self.head_is_done = true;
            self.new.write_all(line).map_err(|error| StoreError::unwritable(&self.new_path, error))?;
        }
        let decided = lines.len();
        self.read.drain(..decided);
        Ok(got < portion)
    }

    /// Gives the new file the old one's name; rows go on in it.
    fn finish(self, path: &Path) -> Result<File, StoreError> {
        let file = self.new.into_inner().map_err(|error| StoreError::unwritable(path, error.into_error()))?;
        fs::rename(&self.new_path, path).map_err(|error| StoreError::unwritable(path, error))?;
        Ok(file)
    }
}

/// The round of a row as [`RowWriter`] writes it: the second field.
fn round_of(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b',').nth(1)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::run::fixture;
    use crate::store::rows_read::read_rows;

    fn sample(plan: &Plan, seq: u64) -> Sample {
        let at = fixture::ORIGIN + Duration::from_millis(seq);
        fixture::sample(plan, seq, seq / 2, (seq % 2) as u16, at)
    }

    #[test]
    fn rows_that_come_while_others_are_thinned_out_are_not_lost() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::REQUESTS);
        let plan = fixture::plan(&["direct", "gateway"]);
        let mut kept = KeptRows::create(&path, &plan, fixture::ORIGIN, (0, 8_000)).expect("created");
        let mut halved = 0;
        for seq in 0..60_000 {
            let sample = sample(&plan, seq);
            if kept.is_full_for(&sample) {
                kept.halve().expect("halved");
                halved += 1;
            }
            kept.append(&sample).expect("appended");
            if seq % 500 == 0 {
                kept.thin().expect("thinned");
            }
        }
        let sampler = kept.sampler;
        assert!(halved >= 3, "{halved}");
        let rows = kept.finish().expect("finished");
        let read = read_rows(&path, &plan, fixture::ORIGIN, &sampler).expect("read");
        let seen: Vec<u64> = read.iter().map(|sample| sample.seq.0).collect();
        let expected: Vec<u64> = (0..60_000).filter(|seq| sampler.keeps_round(seq / 2)).collect();
        assert_eq!((seen, rows), (expected.clone(), expected.len() as u64));
        let rounds: BTreeSet<u64> = read.iter().map(|sample| sample.round).collect();
        assert_eq!(2 * rounds.len(), read.len(), "rounds stay whole");
        assert_eq!(fs::read_dir(dir.path()).expect("dir").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_run_killed_in_the_middle_of_it_has_its_sample() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::REQUESTS);
        let plan = fixture::plan(&["direct", "gateway"]);
        let mut kept = KeptRows::create(&path, &plan, fixture::ORIGIN, (0, 10_000)).expect("created");
        for seq in 0..10_000 {
            kept.append(&sample(&plan, seq)).expect("appended");
        }
        kept.halve().expect("halved");
        kept.thin().expect("a portion");
        for seq in 10_000..12_000 {
            kept.append(&sample(&plan, seq)).expect("appended");
        }
        kept.flush().expect("flushed");
        let read = read_rows(&path, &plan, fixture::ORIGIN, &kept.sampler).expect("read");
        let expected = (0..12_000).filter(|seq| kept.sampler.keeps_round(seq / 2)).count();
        assert!(kept.is_thinning() && read.len() == expected, "{} of {expected}", read.len());
    }
}
