//! The histograms of a run on their way to disk: those of workers and seconds become those of intervals.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::time::SystemTime;

use hdrhistogram::Histogram;

use crate::measure::recorder::{Interval, Series};
use crate::plan::Plan;
use crate::store::file::StoreError;
use crate::store::histograms::{HistogramWriter, metric_key};

/// Intervals that may wait for a worker that is late. One more, and the oldest is written as it is: what comes for it
/// later has a line of its own, and a reader adds up.
const OPEN: usize = 4;

/// Adds up what the workers hand over every second and writes each interval when it is whole.
pub(crate) struct Intervals {
    log: HistogramWriter,
    names: Vec<String>,
    /// How often every second is handed over.
    workers: u64,
    /// Seconds of an interval.
    length: u64,
    open: BTreeMap<u64, OpenInterval>,
}

/// The histograms of an interval that is not whole yet.
#[derive(Default)]
struct OpenInterval {
    handed_over: u64,
    /// The second after the last that was handed over.
    until: u64,
    values: BTreeMap<Series, Histogram<u32>>,
}

impl Intervals {
    /// Creates the log. `started_at` is the run's start; every second is handed over by each of `workers`.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub(crate) fn create(path: &Path, plan: &Plan, started_at: SystemTime, workers: usize) -> Result<Self, StoreError> {
        Ok(Self {
            log: HistogramWriter::create(path, started_at)?,
            names: plan.paths.iter().map(|path| path.name.clone()).collect(),
            workers: workers as u64,
            length: plan.interval_s(),
            open: BTreeMap::new(),
        })
    }

    /// Takes what a worker recorded in the second `second` since the run's start.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn take(&mut self, second: u64, values: Interval) -> Result<(), StoreError> {
        let from = second / self.length * self.length;
        let open = self.open.entry(from).or_default();
        open.handed_over += 1;
        open.until = open.until.max(second + 1);
        for (series, values) in values {
            match open.values.entry(series) {
                Entry::Vacant(entry) => drop(entry.insert(values)),
                Entry::Occupied(mut entry) => {
                    // All have the same bounds, so nothing can be out of range.
                    let _ = entry.get_mut().add(&values);
                }
            }
        }
        if open.handed_over == self.workers * self.length {
            self.write(from)?;
        } else if self.open.len() > OPEN
            && let Some(oldest) = self.open.keys().next().copied()
        {
            self.write(oldest)?;
        }
        Ok(())
    }

    fn write(&mut self, from: u64) -> Result<(), StoreError> {
        let whole = self.open.remove(&from);
        whole.map_or(Ok(()), |whole| append(&mut self.log, &self.names, from, &whole))
    }

    /// Hands every interval to the operating system, those that are not whole as they are by now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        let (open, names) = (&self.open, &self.names);
        self.log.flush_with(|log| open.iter().try_for_each(|(from, open)| append(log, names, *from, open)))
    }

    /// Writes what is not whole too and waits until the disk has everything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        while let Some(oldest) = self.open.keys().next().copied() {
            self.write(oldest)?;
        }
        self.log.finish()
    }
}

/// Appends the histograms of an interval that begins with the second `from`.
fn append(log: &mut HistogramWriter, names: &[String], from: u64, interval: &OpenInterval) -> Result<(), StoreError> {
    for (series, values) in &interval.values {
        log.append((from, interval.until - from), &names[series.path.index()], &metric_key(*series), values)?;
    }
    Ok(())
}
