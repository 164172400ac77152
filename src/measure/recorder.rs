//! The recorder of one worker: a histogram per path and metric, handed out whole every second.
//!
//! No lock and nothing shared. Warmup and failed calls leave no value here, but for the gaps between chunks that a call
//! had before it failed: these are recorded as they come. A histogram is allocated with its first value.

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::sample::Sample;
use crate::units::{PathId, Phase};

/// A metric as it is recorded: latencies from the start of the call exist twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The path.
    pub path: PathId,
    /// The metric.
    pub metric: Metric,
    /// From which instant; [`Basis::Response`] for metrics that have no basis.
    pub basis: Basis,
}

/// The histograms of one interval.
pub(crate) type Interval = Vec<(Series, Histogram<u32>)>;

/// The recorder of one worker.
#[derive(Debug, Default)]
pub struct Recorder {
    cells: Vec<Option<Box<Histogram<u32>>>>,
}

const BASES: [Basis; 2] = [Basis::Response, Basis::Service];
const CELLS_A_PATH: usize = Metric::ALL.len() * BASES.len();

impl Recorder {
    /// A recorder for this many paths.
    #[must_use]
    pub fn new(paths: usize) -> Self {
        Self { cells: std::iter::repeat_with(|| None).take(paths * CELLS_A_PATH).collect() }
    }

    /// Records an ended call: its metrics if it was measured and ok, nothing otherwise.
    pub fn record(&mut self, sample: &Sample) {
        if sample.phase != Phase::Measure || !sample.outcome.is_ok() {
            return;
        }
        for metric in Metric::ALL.into_iter().filter(|metric| sample.stream || !metric.is_of_streams()) {
            let bases = if metric.has_basis() { &BASES[..] } else { &BASES[..1] };
            for basis in bases {
                if let Some(value) = metric.of(sample, *basis) {
                    self.add(Series { path: sample.path, metric, basis: *basis }, value);
                }
            }
        }
    }

    /// Records the time between two events with content, in nanoseconds, as it is seen: how the call will end is not
    /// known yet. A stall that no event ends is never recorded.
    pub fn record_gap(&mut self, path: PathId, gap: u64) {
        self.add(Series { path, metric: Metric::ChunkGap, basis: Basis::Response }, gap);
    }

    /// Hands out what was recorded since the last time and begins anew.
    pub fn take(&mut self) -> Interval {
        let cells = self.cells.iter_mut().enumerate();
        cells.filter_map(|(index, cell)| cell.take().map(|histogram| (series_at(index), *histogram))).collect()
    }

    fn add(&mut self, series: Series, value: u64) {
        let cell = &mut self.cells[index_of(series)];
        cell.get_or_insert_with(|| Box::new(histogram::empty())).saturating_record(value);
    }
}

fn index_of(series: Series) -> usize {
    series.path.index() * CELLS_A_PATH + series.metric as usize * BASES.len() + series.basis as usize
}

fn series_at(index: usize) -> Series {
    let within = index % CELLS_A_PATH;
    Series {
        path: PathId((index / CELLS_A_PATH) as u16),
        metric: Metric::ALL[within / BASES.len()],
        basis: BASES[within % BASES.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_a_cell_of_its_own() {
        for path in 0..3 {
            for metric in Metric::ALL {
                for basis in BASES {
                    let series = Series { path: PathId(path), metric, basis };
                    assert_eq!(series_at(index_of(series)), series);
                }
            }
        }
    }

    #[test]
    fn an_interval_begins_empty() {
        let mut recorder = Recorder::new(1);
        recorder.record_gap(PathId(0), 20_000_000);
        let interval = recorder.take();
        assert_eq!(interval.len(), 1);
        assert_eq!(interval[0].1.len(), 1);
        assert!(recorder.take().is_empty());
    }
}
