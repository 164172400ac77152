//! The one thread that writes while a run goes on: rows and intervals as they come from the workers.
//!
//! Each worker has a [`Quill`] into a bounded queue. A full queue never blocks a worker: what does not fit is counted
//! as lost, and a run with lost rows is invalid. Rows are handed to the system every second.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::recorder::{Interval, Series};
use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::store::file::{self, StoreError};
use crate::store::histograms::HistogramWriter;
use crate::store::rows::RowWriter;
use crate::units::{Nanos, PathId, Phase};

/// Batches that may wait for the writer.
const QUEUE: usize = 1024;
/// How long rows may stay in memory.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What a worker hands over.
enum Entry {
    Samples(Vec<Sample>),
    Interval { second: u64, values: Interval },
}

/// What one worker writes with.
pub struct Quill {
    queue: SyncSender<Entry>,
    lost: Cell<u64>,
}

impl Quill {
    /// Hands over ended calls.
    pub fn samples(&self, samples: Vec<Sample>) {
        let count = samples.len() as u64;
        if !samples.is_empty() && !self.put(Entry::Samples(samples)) {
            self.lost.set(self.lost.get() + count);
        }
    }

    /// Hands over the histograms of the second `second` since the run's start. Every worker hands over every second.
    pub fn interval(&self, second: u64, values: Interval) {
        let count = values.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        if !self.put(Entry::Interval { second, values }) {
            self.lost.set(self.lost.get() + count);
        }
    }

    /// How many calls did not fit into the queue.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.get()
    }

    fn put(&self, entry: Entry) -> bool {
        match self.queue.try_send(entry) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// What has been seen so far, for the live view and for the limits.
#[derive(Clone, Debug)]
pub struct Tally {
    /// By path.
    pub paths: Vec<PathTally>,
    /// Tokens of the prompts of every call.
    pub input_tokens: u64,
    /// Tokens of their answers.
    pub output_tokens: u64,
    /// Calls that ended or were dropped, warmup included.
    pub ended: u64,
}

/// What has been seen of one path, warmup included.
#[derive(Clone, Debug)]
pub struct PathTally {
    /// Calls that were ok.
    pub ok: u64,
    /// Calls that were not.
    pub errors: u64,
    /// Answers 401 or 403 since the last other one.
    pub refused_in_a_row: u32,
    /// Time to first token (first byte where nothing streams), response time in nanoseconds, measured and ok.
    pub ttft: Histogram<u32>,
}

impl Tally {
    /// Tokens, prompt and output.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }

    fn new(paths: usize) -> Self {
        let path = || PathTally { ok: 0, errors: 0, refused_in_a_row: 0, ttft: histogram::empty() };
        Self { paths: std::iter::repeat_with(path).take(paths).collect(), input_tokens: 0, output_tokens: 0, ended: 0 }
    }

    fn count(&mut self, sample: &Sample) {
        self.ended += 1;
        self.input_tokens += sample.input_tokens.unwrap_or(0);
        self.output_tokens += sample.output_tokens.unwrap_or(0);
        let path = &mut self.paths[sample.path.index()];
        match sample.status {
            Some(401 | 403) => path.refused_in_a_row += 1,
            Some(_) => path.refused_in_a_row = 0,
            None => {}
        }
        if !sample.outcome.is_ok() {
            path.errors += 1;
            return;
        }
        path.ok += 1;
        if sample.phase == Phase::Measure {
            let first = Metric::Ttft.of(sample, Basis::Response).or_else(|| Metric::Ttfb.of(sample, Basis::Response));
            first.into_iter().for_each(|value| path.ttft.saturating_record(value));
        }
    }
}

/// The writer thread.
pub struct Journal {
    tally: Arc<Mutex<Tally>>,
    ended: Option<Arc<Mutex<Vec<Sample>>>>,
    failed: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Journal {
    /// Creates `requests.csv` and `histograms.hlog` in `dir` and starts the writer, with a quill for each of
    /// `workers`. It ends when every quill has been let go.
    ///
    /// # Errors
    /// When the folder refuses.
    pub fn start(
        dir: &Path,
        plan: &Plan,
        origin: Nanos,
        started_at: SystemTime,
        workers: usize,
    ) -> Result<(Self, Vec<Quill>), StoreError> {
        let (sender, entries) = sync_channel(QUEUE);
        let tally = Arc::new(Mutex::new(Tally::new(plan.paths.len())));
        let ended = plan.is_overseen().then(Arc::default);
        let writer = Writer {
            rows: RowWriter::create(&dir.join(file::REQUESTS), plan, origin)?,
            histograms: HistogramWriter::create(&dir.join(file::HISTOGRAMS), started_at)?,
            names: plan.paths.iter().map(|path| path.name.clone()).collect(),
            workers,
            open: BTreeMap::new(),
            tally: Arc::clone(&tally),
            ended: ended.clone(),
        };
        let failed = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&failed);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.write_all(&entries).inspect_err(|_| tell.store(true, Ordering::Relaxed)))
            .map_err(|error| StoreError::unwritable(&PathBuf::from(dir), error))?;
        let quills = std::iter::repeat_with(|| Quill { queue: sender.clone(), lost: Cell::new(0) });
        Ok((Self { tally, ended, failed, thread }, quills.take(workers).collect()))
    }

    /// What has been seen so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that have ended since this was last asked; none unless the plan is overseen.
    #[must_use]
    pub fn take_ended(&self) -> Vec<Sample> {
        let take = |ended: &Arc<Mutex<Vec<Sample>>>| {
            std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner))
        };
        self.ended.as_ref().map(take).unwrap_or_default()
    }

    /// Whether the writer has given up: the disk refused. What it wrote before is kept.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// When the disk refused.
    pub fn finish(self) -> Result<(), StoreError> {
        match self.thread.join() {
            Ok(written) => written,
            Err(_) => Err(StoreError::unwritable(Path::new(file::REQUESTS), std::io::Error::other("the writer broke"))),
        }
    }
}

/// The histograms of a second that not every worker has handed over yet.
#[derive(Default)]
struct OpenSecond {
    workers: usize,
    values: BTreeMap<Series, Histogram<u32>>,
}

struct Writer {
    rows: RowWriter,
    histograms: HistogramWriter,
    names: Vec<String>,
    workers: usize,
    open: BTreeMap<u64, OpenSecond>,
    tally: Arc<Mutex<Tally>>,
    ended: Option<Arc<Mutex<Vec<Sample>>>>,
}

impl Writer {
    fn write_all(mut self, entries: &Receiver<Entry>) -> Result<(), StoreError> {
        let mut flushed = Instant::now();
        loop {
            match entries.recv_timeout(FLUSH_EVERY) {
                Ok(Entry::Samples(samples)) => self.take_samples(&samples)?,
                Ok(Entry::Interval { second, values }) => self.take_interval(second, values)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if flushed.elapsed() >= FLUSH_EVERY {
                self.rows.flush()?;
                self.histograms.flush()?;
                flushed = Instant::now();
            }
        }
        for (second, open) in std::mem::take(&mut self.open) {
            self.write_second(second, open)?;
        }
        self.histograms.finish()?;
        self.rows.finish()
    }

    fn take_samples(&mut self, samples: &[Sample]) -> Result<(), StoreError> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        samples.iter().for_each(|sample| tally.count(sample));
        drop(tally);
        if let Some(ended) = &self.ended {
            // Without the texts, which nobody asks for while the run goes on.
            let bare = |sample: &Sample| Sample { request_id: None, region: None, ..sample.clone() };
            ended.lock().unwrap_or_else(PoisonError::into_inner).extend(samples.iter().map(bare));
        }
        samples.iter().try_for_each(|sample| self.rows.append(sample))
    }

    fn take_interval(&mut self, second: u64, values: Interval) -> Result<(), StoreError> {
        let open = self.open.entry(second).or_default();
        open.workers += 1;
        for (series, values) in values {
            match open.values.entry(series) {
                std::collections::btree_map::Entry::Vacant(entry) => drop(entry.insert(values)),
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    // All have the same bounds, so nothing can be out of range.
                    let _ = entry.get_mut().add(&values);
                }
            }
        }
        if open.workers == self.workers
            && let Some(whole) = self.open.remove(&second)
        {
            return self.write_second(second, whole);
        }
        Ok(())
    }

    fn write_second(&mut self, second: u64, open: OpenSecond) -> Result<(), StoreError> {
        for (series, values) in open.values {
            let (name, key) = (&self.names[series.path.index()], metric_key(series));
            self.histograms.append(second, name, &key, &values)?;
        }
        Ok(())
    }
}

/// The key of a metric in files: the second form, service time, has a suffix.
fn metric_key(series: Series) -> String {
    match series.basis {
        Basis::Service if series.metric.has_basis() => format!("{}_service", series.metric),
        Basis::Service | Basis::Response => series.metric.key().to_owned(),
    }
}

impl PathTally {
    /// A quantile of the time to first token in milliseconds, once there is a value.
    #[must_use]
    pub fn ttft_ms(&self, q: f64) -> Option<f64> {
        (!self.ttft.is_empty()).then(|| self.ttft.value_at_quantile(q) as f64 / 1e6)
    }
}

impl Tally {
    /// The path whose calls are refused for want of a valid secret, if `limit` in a row were.
    #[must_use]
    pub fn refused(&self, limit: u32) -> Option<PathId> {
        let place = self.paths.iter().position(|path| path.refused_in_a_row >= limit)?;
        Some(PathId(place as u16))
    }
}
