//! Runs of millions of calls without a network: the journal is driven with made-up samples, and its memory, its
//! directory and its reader are held to their bounds.
//!
//! ```sh
//! HOPMARK_LARGE=target/large cargo test --release --locked --lib -- --ignored --nocapture ten_million
//! time hopmark report target/large --format json,html
//! ```

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::measure::outcome::ErrorClass;
use crate::measure::recorder::Recorder;
use crate::measure::sample::Sample;
use crate::plan::{Design, LoadModel, Plan};
use crate::random::{Purpose, hash, unit};
use crate::run::fixture::{self, ORIGIN};
use crate::run::{Ending, Manifest};
use crate::store;
use crate::store::journal::{Journal, QUEUE, RecordSink};
use crate::store::{file, manifest};
use crate::units::{Phase, Rate, Span};

/// Calls that are handed over at once.
const BATCH: usize = 256;

/// What may be handed over before the journal has taken all of it: less than its queue holds.
const AT_ONCE: u64 = QUEUE as u64 - 1;

/// A run that is made up call by call.
struct Large {
    calls: u64,
    seconds: u64,
    most_rows: u64,
}

/// What it took.
struct Took {
    elapsed: Duration,
    directory: u64,
}

impl Large {
    fn plan(&self) -> Plan {
        let mut plan = fixture::plan(&["direct", "private", "gateway"]);
        plan.load.duration = Span::from_secs(self.seconds);
        plan.load.warmup = Span::from_secs(0);
        plan.load.design = Design::Paired;
        let rate = self.calls as f64 / 3.0 / self.seconds as f64;
        plan.load.model = LoadModel::Open { arrivals: crate::plan::Arrivals::Constant, rate: Some(Rate(rate)) };
        plan
    }

    /// Call number `seq`: a stream whose first token comes after about 150 ms; one in a thousand fails.
    fn sample(&self, plan: &Plan, seq: u64) -> Sample {
        let (round, path) = (seq / 3, (seq % 3) as u16);
        let at =
            ORIGIN + Duration::from_nanos((round as f64 * 3.0 / self.calls as f64 * self.seconds as f64 * 1e9) as u64);
        let mut sample = fixture::sample(plan, seq, round, path, at);
        let draw = |number| unit(hash(seq, Purpose::Prompt, number)).max(1e-12);
        let normal = (-2.0 * draw(1).ln()).sqrt() * (std::f64::consts::TAU * draw(2)).cos();
        let first = Duration::from_nanos((150e6 * (0.3 * normal).exp()) as u64 + 5_000_000 * u64::from(path));
        let last = first + Duration::from_nanos((290e6 * (0.8 + 0.4 * draw(3))) as u64);
        let after = |span: Duration| Some(at + span);
        let stamps = &mut sample.stamps;
        (stamps.head, stamps.first_byte, stamps.first_event) = (after(first), after(first), after(first));
        (stamps.first_content, stamps.first_visible) = (after(first), after(first));
        (stamps.last_content, stamps.done, stamps.end) = (after(last), after(last), after(last));
        sample.request_id = Some(format!("20261001T120000Z-0000-{seq:010}").into());
        if let Some(conn) = &mut sample.conn {
            (conn.id, conn.uses) = (seq % 300, (seq / 300) as u32 + 1);
            if conn.is_new() {
                fixture::open(&mut sample);
            }
        }
        if draw(4) < 1e-3 {
            fixture::fail(&mut sample, ErrorClass::Http(429));
        }
        sample
    }

    /// Drives a journal through the whole run as the engine does, as fast as it can follow.
    fn write(&self, dir: &Path) -> Took {
        let plan = self.plan();
        let mut manifest: Manifest = fixture::manifest(plan.clone(), None);
        manifest::write(dir, &manifest).expect("manifest");
        let begun = Instant::now();
        let (journal, sinks) =
            Journal::start(dir, &manifest, fixture::started(), 1, (0, self.most_rows)).expect("started");
        let sink: &RecordSink = &sinks[0];
        let mut recorder = Recorder::new(3);
        let (mut second, mut batch, mut waiting) = (0, Vec::new(), 0);
        for seq in 0..self.calls {
            let sample = self.sample(&plan, seq);
            let now = sample.stamps.intended.since(ORIGIN).as_secs();
            recorder.record(&sample);
            recorder.record_gap(sample.path, 9_000_000 + seq % 2_000_000);
            batch.push(sample);
            if batch.len() < BATCH {
                continue;
            }
            sink.samples(std::mem::take(&mut batch));
            // No clock paces this, so it waits itself where the workers of a run would count rows as lost. Once the
            // journal has counted the last call its queue is empty.
            waiting += 1 + now - second;
            if waiting > AT_ONCE {
                wait_until(|| journal.tally().ended > seq);
                waiting = now - second;
            }
            while second < now {
                let last = second + 1 == now;
                sink.interval(second, if last { recorder.take() } else { Vec::new() });
                second += 1;
            }
            // The journal is a few batches behind, as it is in a run.
            wait_until(|| journal.tally().ended + 4 * BATCH as u64 > seq);
        }
        sink.samples(batch);
        sink.interval(second, recorder.take());
        let lost = sink.lost();
        drop(sinks);
        manifest.rows = journal.finish().expect("finished");
        let planned = (0..3).map(|path| (self.calls + 2 - path) / 3).collect();
        manifest.ending = Some(Ending {
            reached: None,
            aborted_by: None,
            ended_by: None,
            complete: true,
            reason: None,
            measured_s: self.seconds as f64,
            drain_s: 1.0,
            planned,
            rows_lost: lost,
            peak_rss_mib: None,
            cpu_s: None,
        });
        manifest::write(dir, &manifest).expect("manifest");
        assert_eq!(lost, 0, "rows lost");
        let size = |entry: std::io::Result<fs::DirEntry>| entry.expect("entry").metadata().expect("metadata").len();
        let directory = fs::read_dir(dir).expect("dir").map(size).sum();
        Took { elapsed: begun.elapsed(), directory }
    }

    /// The run is read back, and its counts and histograms are those of all calls.
    fn check(&self, dir: &Path) {
        let run = store::load(dir).expect("loaded");
        assert!(run.samples.len() as u64 <= self.most_rows);
        let counted = run.counted(Phase::Measure);
        assert_eq!(counted.iter().map(crate::measure::counts::Counts::calls).sum::<u64>(), self.calls);
        assert_eq!(run.chunk_gaps.iter().map(Histogram::len).sum::<u64>(), self.calls);
        if let Some(rows) = &run.manifest.rows {
            assert_eq!((rows.calls, rows.kept), (self.calls, run.samples.len() as u64));
            let share = rows.kept as f64 / rows.calls as f64;
            let spread = (3.0 * rows.kept as f64).sqrt() / rows.calls as f64;
            assert!((share - rows.share).abs() < 5.0 * spread, "{share} is not {}", rows.share);
        }
    }
}

/// The journal has no clock to wait for, only its own progress.
fn wait_until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

/// The most memory this process ever had resident, KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[test]
fn many_calls_leave_a_bounded_directory() {
    // Four hours in intervals of a minute; the plan tells that rows will be too many.
    let large = Large { calls: 6_000, seconds: 14_400, most_rows: 1_000 };
    let dir = tempfile::tempdir().expect("dir");
    let took = large.write(dir.path());
    large.check(dir.path());
    let rows = fs::metadata(dir.path().join(file::REQUESTS)).expect("rows").len();
    let counts = fs::metadata(dir.path().join(file::COUNTS)).expect("counts").len();
    assert!(rows < 1_000 * 400 && counts < 241 * 3 * 120, "{rows} and {counts} bytes");
    assert!(took.directory > rows + counts);
}

#[test]
#[ignore = "ten million calls: run in release, alone, as .ci/nightly does"]
#[expect(clippy::print_stdout, reason = "the figures are what one runs this for")]
fn ten_million_calls_keep_memory_and_directory_constant() {
    let scratch = tempfile::tempdir().expect("dir");
    let asked = std::env::var_os("HOPMARK_LARGE").map(std::path::PathBuf::from);
    let dir = asked.as_deref().unwrap_or(scratch.path());
    fs::create_dir_all(dir).expect("dir");
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |n| n.parse().expect(name));
    let large = Large {
        calls: number("HOPMARK_LARGE_CALLS", 10_000_000),
        seconds: number("HOPMARK_LARGE_SECONDS", 86_400),
        most_rows: store::kept::MOST_ROWS,
    };
    let before = peak_kib();
    let took = large.write(dir);
    let (peak, mib) = (peak_kib(), took.directory >> 20);
    println!(
        "{} calls in {:.1} s, {:.0} a second; directory {mib} MiB; memory {} MiB at most, {} before",
        large.calls,
        took.elapsed.as_secs_f64(),
        large.calls as f64 / took.elapsed.as_secs_f64(),
        peak >> 10,
        before >> 10
    );
    for name in [file::REQUESTS, file::HISTOGRAMS, file::COUNTS, file::MANIFEST] {
        println!("  {name}: {} KiB", fs::metadata(dir.join(name)).map_or(0, |file| file.len()) >> 10);
    }
    assert!(peak < 200 << 10, "{peak} KiB");
    assert!(mib < 1_000, "{mib} MiB");
    let (plan, begun) = (large.plan(), Instant::now());
    let rows =
        store::read_rows(&dir.join(file::REQUESTS), &plan, ORIGIN, &store::RowSampler::open(&plan)).expect("rows");
    println!("{} rows read, {:.0} a second", rows.len(), rows.len() as f64 / begun.elapsed().as_secs_f64());
    drop(rows);
    large.check(dir);
}
