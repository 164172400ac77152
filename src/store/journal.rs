//! The one thread that writes while a run goes on: rows and intervals as they come from the workers.
//!
//! Each worker has a [`RecordSink`] into a bounded queue. A full queue never blocks a worker: what does not fit is counted
//! as lost, and a run with lost rows is invalid. Rows are handed to the system every second.
//!
//! Nothing here grows with the number of calls or the length of the run: rows are sampled above a number, counts and
//! histograms are kept by intervals that widen with the plan, and an interval that waits too long for a worker is
//! written as it is.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::measure::recorder::Interval;
use crate::measure::sample::Sample;
use crate::run::{Manifest, RowSample};
use crate::store::counts::IntervalCounts;
use crate::store::errors::ErrorLog;
use crate::store::file::{self, StoreError};
use crate::store::intervals::Intervals;
use crate::store::kept::KeptRows;
use crate::store::manifest;

pub(crate) use crate::store::tally::Tally;

/// Batches that may wait for the writer.
pub(super) const QUEUE: usize = 1024;
/// How long rows may stay in memory.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What a worker hands over.
enum Entry {
    Samples(Vec<Sample>),
    Interval { second: u64, values: Interval },
}

/// What one worker writes with.
pub(crate) struct RecordSink {
    queue: SyncSender<Entry>,
    lost: Cell<u64>,
}

impl RecordSink {
    /// Hands over ended calls.
    pub(crate) fn samples(&self, samples: Vec<Sample>) {
        let count = samples.len() as u64;
        if !samples.is_empty() && !self.put(Entry::Samples(samples)) {
            self.lost.set(self.lost.get() + count);
        }
    }

    /// Hands over the histograms of the second `second` since the run's start. Every worker hands over every second.
    pub(crate) fn interval(&self, second: u64, values: Interval) {
        let count = values.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        if !self.put(Entry::Interval { second, values }) {
            self.lost.set(self.lost.get() + count);
        }
    }

    /// How many calls did not fit into the queue.
    #[must_use]
    pub(crate) fn lost(&self) -> u64 {
        self.lost.get()
    }

    fn put(&self, entry: Entry) -> bool {
        match self.queue.try_send(entry) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// The writer thread.
pub(crate) struct Journal {
    tally: Arc<Mutex<Tally>>,
    ended: Option<Arc<Mutex<Vec<Sample>>>>,
    failed: Arc<AtomicBool>,
    thread: JoinHandle<Result<Option<RowSample>, StoreError>>,
}

impl Journal {
    /// Creates `requests.csv`, `counts.csv` and `histograms.hlog` in `dir` and starts the writer, with a sink for each
    /// of `workers`; `rows` are the round with which the measured phase begins, and how many rows are kept at most. The
    /// writer ends when every sink has been let go. While it writes, the manifest in `dir` is its own: it says there which
    /// rows are kept as soon as not all are.
    ///
    /// # Errors
    /// When the folder refuses.
    pub(crate) fn start(
        dir: &Path,
        manifest: &Manifest,
        started_at: SystemTime,
        workers: usize,
        rows: (u64, u64),
    ) -> Result<(Self, Vec<RecordSink>), StoreError> {
        let (plan, origin) = (&manifest.plan, manifest.origin);
        let (sender, entries) = sync_channel(QUEUE);
        let tally = Arc::new(Mutex::new(Tally::new(plan.paths.len())));
        let ended = plan.is_overseen().then(Arc::default);
        let writer = Writer {
            rows: KeptRows::create(&dir.join(file::REQUESTS), plan, origin, rows)?,
            counts: IntervalCounts::new(&dir.join(file::COUNTS), plan, origin),
            errors: ErrorLog::new(&dir.join(file::ERRORS), manifest),
            intervals: Intervals::create(&dir.join(file::HISTOGRAMS), plan, started_at, workers)?,
            manifest: manifest.clone(),
            dir: dir.to_owned(),
            tally: Arc::clone(&tally),
            ended: ended.clone(),
        };
        writer.counts.write(false)?;
        let failed = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&failed);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.write_all(&entries).inspect_err(|_| tell.store(true, Ordering::Relaxed)))
            .map_err(|error| StoreError::unwritable(&PathBuf::from(dir), error))?;
        let sinks = std::iter::repeat_with(|| RecordSink { queue: sender.clone(), lost: Cell::new(0) });
        Ok((Self { tally, ended, failed, thread }, sinks.take(workers).collect()))
    }

    /// What has been seen so far.
    #[must_use]
    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that have ended since this was last asked; none unless the plan is overseen.
    #[must_use]
    pub(crate) fn take_ended(&self) -> Vec<Sample> {
        let take = |ended: &Arc<Mutex<Vec<Sample>>>| {
            std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner))
        };
        self.ended.as_ref().map(take).unwrap_or_default()
    }

    /// Whether the writer has given up: the disk refused. What it wrote before is kept.
    #[must_use]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything is on disk. Returns which calls have rows, if not all have.
    ///
    /// # Errors
    /// When the disk refused.
    pub(crate) fn finish(self) -> Result<Option<RowSample>, StoreError> {
        match self.thread.join() {
            Ok(written) => written,
            Err(_) => {
                Err(StoreError::unwritable(Path::new(file::REQUESTS), std::io::Error::other("the writer failed")))
            }
        }
    }
}

struct Writer {
    rows: KeptRows,
    counts: IntervalCounts,
    errors: ErrorLog,
    intervals: Intervals,
    manifest: Manifest,
    dir: PathBuf,
    tally: Arc<Mutex<Tally>>,
    ended: Option<Arc<Mutex<Vec<Sample>>>>,
}

impl Writer {
    fn write_all(mut self, entries: &Receiver<Entry>) -> Result<Option<RowSample>, StoreError> {
        let stated = self.rows.statement(self.counts.calls());
        self.state_rows(stated)?;
        // Counts of a long run are written less often: their file is written whole.
        let counts_every = Duration::from_secs(self.manifest.plan.interval_s().min(10));
        let (mut flushed, mut counted) = (Instant::now(), Instant::now());
        loop {
            // Thinning rows out must not keep entries waiting, nor wait for them.
            let patience = if self.rows.is_thinning() { Duration::ZERO } else { FLUSH_EVERY };
            match entries.recv_timeout(patience) {
                Ok(Entry::Samples(samples)) => self.take_samples(&samples)?,
                Ok(Entry::Interval { second, values }) => self.intervals.take(second, values)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.rows.thin()?;
            if flushed.elapsed() >= FLUSH_EVERY {
                self.rows.flush()?;
                self.intervals.flush()?;
                later(self.errors.write(false))?;
                flushed = Instant::now();
            }
            if counted.elapsed() >= counts_every {
                later(self.counts.write(false))?;
                counted = Instant::now();
            }
        }
        self.counts.write(true)?;
        self.errors.write(true)?;
        self.intervals.finish()?;
        let (calls, stated) = (self.counts.calls(), self.rows.statement(0));
        let kept = self.rows.finish()?;
        Ok(stated.map(|rows| RowSample { calls, kept, ..rows }))
    }

    fn take_samples(&mut self, samples: &[Sample]) -> Result<(), StoreError> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        samples.iter().for_each(|sample| tally.count(sample));
        drop(tally);
        if let Some(ended) = &self.ended {
            // Without the texts, which nobody asks for while the run goes on.
            let bare = |sample: &Sample| Sample { request_id: None, region: None, message: None, ..sample.clone() };
            ended.lock().unwrap_or_else(PoisonError::into_inner).extend(samples.iter().map(bare));
        }
        for sample in samples {
            if self.rows.is_full_for(sample) {
                later(self.halve())?;
            }
            self.counts.count(sample);
            self.errors.note(sample);
            self.rows.append(sample)?;
        }
        Ok(())
    }

    /// Keeps half as many rows from now on, and says so first.
    fn halve(&mut self) -> Result<(), StoreError> {
        self.state_rows(self.rows.statement_when_halved(self.counts.calls()))?;
        self.rows.halve()
    }

    /// Says in the manifest which rows are kept, if not all are.
    fn state_rows(&mut self, stated: Option<RowSample>) -> Result<(), StoreError> {
        let Some(rows) = stated else { return Ok(()) };
        self.manifest.rows = Some(rows);
        manifest::write(&self.dir, &self.manifest)
    }
}

/// What could not be done because the calls have every descriptor is done when it is due again.
fn later(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(error) if error.wants_descriptors() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::metric::{Basis, Metric};
    use crate::measure::recorder::{Recorder, Series};
    use crate::plan::Design;
    use crate::run::fixture::{self, World};
    use crate::store;
    use crate::units::{PathId, Phase};

    fn started(dir: &Path, manifest: &Manifest, most_rows: u64) -> (Journal, Vec<RecordSink>) {
        manifest::write(dir, manifest).expect("manifest");
        Journal::start(dir, manifest, fixture::started(), 1, (0, most_rows)).expect("started")
    }

    /// The same calls written whole and as a sample, read back.
    fn whole_and_sampled(world: &World, most_rows: u64) -> [crate::run::Run; 2] {
        let run = world.run();
        [u64::MAX, most_rows].map(|most_rows| {
            let dir = tempfile::tempdir().expect("dir");
            let mut manifest = run.manifest.clone();
            let (journal, sinks) = started(dir.path(), &manifest, most_rows);
            let (sink, mut recorder) = (&sinks[0], Recorder::new(run.manifest.plan.paths.len()));
            let mut second = 0;
            for chunk in run.samples.chunks(25) {
                let until = chunk[0].stamps.intended.since(run.manifest.origin).as_secs();
                while second < until {
                    sink.interval(second, recorder.take());
                    second += 1;
                }
                chunk.iter().for_each(|sample| recorder.record(sample));
                sink.samples(chunk.to_vec());
            }
            sink.interval(second, recorder.take());
            assert_eq!(sink.lost(), 0);
            drop(sinks);
            manifest.rows = journal.finish().expect("finished");
            manifest::write(dir.path(), &manifest).expect("manifest");
            store::load(dir.path()).expect("loaded")
        })
    }

    #[test]
    fn a_sampled_run_counts_and_measures_what_the_whole_one_does() {
        let open = World { seconds: 12.0, failing: vec![0.0, 0.1, 0.0], ..World::default() };
        // Nobody knows before how many calls the callers will make: rows are thinned out when they are too many.
        let closed = World { callers: Some(9), design: Design::Interleaved, ..open.clone() };
        for world in [open, closed] {
            let [whole, sampled] = whole_and_sampled(&world, 120);
            assert!(whole.totals.is_none() && whole.manifest.rows.is_none());
            let rows = sampled.manifest.rows.as_ref().expect("sampled");
            assert!(rows.calls == whole.samples.len() as u64 && rows.kept == sampled.samples.len() as u64, "{rows:?}");
            assert!(rows.calls > 200 && (20..=120).contains(&rows.kept), "{rows:?}");
            for phase in [Phase::Warmup, Phase::Measure] {
                assert_eq!(sampled.counted(phase), whole.counted(phase));
            }
            let totals = sampled.totals.as_ref().expect("a census");
            let ttft = Series { path: PathId(2), metric: Metric::Ttft, basis: Basis::Response };
            assert_eq!(totals.values[&ttft].len(), whole.counted(Phase::Measure)[2].ok);
            assert!(totals.over_time.keys().any(|(second, series)| series.path == PathId(2) && *second > 5));
        }
    }

    /// Intervals of a long plan are of ten seconds and of a minute; a kill must not cost as much.
    #[test]
    fn a_killed_run_of_any_length_has_histograms_as_fresh_as_its_rows() {
        for (length, hours) in [(1, 0), (10, 1), (60, 3)] {
            let dir = tempfile::tempdir().expect("dir");
            let mut manifest = fixture::manifest(fixture::plan(&["direct"]), None);
            manifest.plan.load.duration = crate::units::Span::from_secs(3600 * hours + 60);
            assert_eq!(manifest.plan.interval_s(), length);
            let (journal, sinks) = started(dir.path(), &manifest, 10_000);
            let log = dir.path().join(file::HISTOGRAMS);
            let logged = || {
                let tags = ["direct;chunk_gap".to_owned()];
                store::histograms::read(
                    &log,
                    &tags,
                    || 0,
                    |count, interval| {
                        *count += interval.values.len();
                        Ok(())
                    },
                )
            };
            for second in 0..3 {
                let mut recorder = Recorder::new(1);
                recorder.record_gap(PathId(0), 20_000_000);
                sinks[0].interval(second, recorder.take());
            }
            // Nothing more comes, as when this process were killed: the next beat has them all.
            let begun = Instant::now();
            while logged().expect("read") < 3 {
                assert!(begun.elapsed() < Duration::from_secs(30), "{:?} at intervals of {length} s", logged());
                std::thread::sleep(Duration::from_millis(20));
            }
            drop(sinks);
            journal.finish().expect("finished");
            assert_eq!(logged().expect("read"), 3);
        }
    }

    #[test]
    fn an_interval_does_not_wait_for_ever_for_a_worker() {
        let dir = tempfile::tempdir().expect("dir");
        let manifest = fixture::manifest(fixture::plan(&["direct"]), None);
        manifest::write(dir.path(), &manifest).expect("manifest");
        let (journal, sinks) =
            Journal::start(dir.path(), &manifest, fixture::started(), 2, (0, 10_000)).expect("started");
        let gaps = |many: u64| {
            let mut recorder = Recorder::new(1);
            (0..many).for_each(|_| recorder.record_gap(PathId(0), 20_000_000));
            recorder.take()
        };
        (0..60).for_each(|second| sinks[0].interval(second, gaps(3)));
        sinks[1].interval(0, gaps(4));
        drop(sinks);
        assert_eq!(journal.finish().expect("finished"), None);
        let run = store::load(dir.path()).expect("loaded");
        assert_eq!(run.chunk_gaps[0].len(), 60 * 3 + 4);
    }
}
