//! A thread beside the workers that writes down, second by second, how busy this machine is.
//!
//! It asks the workers' heartbeats, the kernel, and the bundled simulator if that is the backend. It costs the workers
//! nothing but their heartbeats.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::driver::heartbeat::{BeatStats, Heartbeat};
use crate::host::counters::{Meter, Rates, open_files, waiting_ports};
use crate::measure::health::Second;
use crate::probe;
use crate::store::file;
use crate::store::health::HealthWriter;
use crate::transport::credential::secret::Secret;
use crate::units::Nanos;

/// How long after a second its row is written: late beats have come by then, or count as late as they are.
const AFTER: Duration = Duration::from_millis(100);

/// How long the simulator may take to tell its figures.
const PATIENCE: Duration = Duration::from_millis(500);

/// The bundled simulator as the watch sees it.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    /// Its process.
    pub(crate) process: u32,
    /// The base address of one of its listeners.
    pub(crate) url: String,
    /// What it is certified by, in PEM, where it has TLS.
    pub(crate) ca: Option<Arc<str>>,
    /// What it wants to be shown.
    pub(crate) key: Secret,
}

/// A watch that is kept.
pub(crate) struct HealthMonitor {
    end: oneshot::Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl HealthMonitor {
    /// Begins to write `health.csv` into `dir`, a row for every second since `origin`.
    ///
    /// # Errors
    /// When the folder refuses, or the system has no thread left.
    pub(crate) fn keep(
        dir: &Path,
        origin: Nanos,
        heartbeats: Vec<Arc<Heartbeat>>,
        backend: Option<Backend>,
    ) -> Result<Self> {
        let rows = HealthWriter::create(&dir.join(file::HEALTH))?;
        let (end, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context(
                "the health monitor of this machine cannot start; is the limit on open files reached (ulimit -n)?",
            )?;
            runtime.block_on(HealthProbe::new(rows, origin, heartbeats, backend).watch(told))
        });
        Ok(Self { end, thread: thread.context("cannot start a thread")? })
    }

    /// Writes the last second and ends.
    ///
    /// # Errors
    /// When the disk refused.
    pub(crate) fn end(self) -> Result<()> {
        // It has ended already if the disk refused.
        let _ = self.end.send(());
        self.thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the health monitor of this machine failed")))
    }
}

struct HealthProbe {
    rows: HealthWriter,
    origin: Nanos,
    heartbeats: Vec<Arc<Heartbeat>>,
    meter: Meter,
    simulator: Option<Simulator>,
}

impl HealthProbe {
    fn new(rows: HealthWriter, origin: Nanos, heartbeats: Vec<Arc<Heartbeat>>, backend: Option<Backend>) -> Self {
        let meter = Meter::new(backend.as_ref().map(|backend| backend.process));
        Self { rows, origin, heartbeats, meter, simulator: backend.and_then(Simulator::new) }
    }

    async fn watch(mut self, mut told: oneshot::Receiver<()>) -> Result<()> {
        // From the run's start on, so that the first row is not of the time before.
        let mut ended = wait(&mut told, self.origin).await;
        self.meter.rates();
        let mut next = 0;
        loop {
            let over = self.origin + Duration::from_secs(next + 1) + AFTER;
            ended = ended || wait(&mut told, over).await;
            let until = Nanos::now().since(self.origin).as_secs();
            let last = if ended { until } else { until.saturating_sub(1).max(next) };
            let rates = self.meter.rates();
            let (answers, late) = match &mut self.simulator {
                Some(simulator) => simulator.take_figures().await.unzip(),
                None => (None, None),
            };
            // More than one if this process was stopped: what was counted since is that of all.
            for second in next..=last {
                let answers = (answers.filter(|_| second == last), late.filter(|_| second == last));
                let row = self.row(second, rates, answers);
                self.rows.append(&row)?;
            }
            if ended {
                return Ok(());
            }
            next = last + 1;
        }
    }

    fn row(&self, second: u64, rates: Rates, (sim_answers, sim_late): (Option<u64>, Option<u64>)) -> Second {
        let pulses: Vec<BeatStats> = self.heartbeats.iter().map(|heartbeat| heartbeat.take(second)).collect();
        let hiccup = pulses.iter().map(|stats| stats.late).max().unwrap_or_default();
        let files = open_files();
        Second {
            second,
            hiccup_ms: hiccup.as_secs_f64() * 1e3,
            // All workers or none: a part of them would be no count of the calls under way.
            in_flight: pulses.iter().map(|stats| stats.in_flight).sum(),
            cpu: rates.cpu,
            others: rates.others,
            steal: rates.steal,
            throttled_ms: rates.throttled_ms,
            files,
            ports: files.zip(waiting_ports()).map(|(own, waiting)| own + waiting),
            sim_cpu: rates.sim_cpu,
            sim_answers,
            sim_late,
        }
    }
}

/// Waits until an instant, or until told to end: then it returns true. It is told too if whoever holds the watch is gone.
async fn wait(told: &mut oneshot::Receiver<()>, until: Nanos) -> bool {
    timeout(until.since(Nanos::now()), told).await.is_ok()
}

/// The figures that the bundled simulator tells of itself.
struct Simulator {
    url: String,
    key: Secret,
    client: reqwest::Client,
    last: (u64, u64),
}

impl Simulator {
    fn new(backend: Backend) -> Option<Self> {
        let client = probe::control_client_trusting(backend.ca.as_deref()).ok()?;
        Some(Self { url: format!("{}/_sim/metrics", backend.url), key: backend.key, client, last: (0, 0) })
    }

    /// Answers that it began since it was last asked, and those that it began late; `None` if it does not tell.
    async fn take_figures(&mut self) -> Option<(u64, u64)> {
        let asked = self.client.get(&self.url).header("api-key", self.key.reveal());
        let metrics = timeout(PATIENCE, probe::ask_simulator(asked)).await.ok()?.ok()?;
        let now = begun(&metrics)?;
        let before = std::mem::replace(&mut self.last, now);
        Some((now.0.saturating_sub(before.0), now.1.saturating_sub(before.1)))
    }
}

/// How many answers were begun, and how many of them more than 10 ms late.
fn begun(metrics: &str) -> Option<(u64, u64)> {
    let value = |key: &str| metrics.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
    let all = value("sim_lateness_seconds_count{of=\"first\"}")?;
    let in_time = value("sim_lateness_seconds_bucket{of=\"first\",le=\"0.01\"}")?;
    Some((all, all.saturating_sub(in_time)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::health;

    #[test]
    fn a_watch_writes_every_second_as_it_ends_and_the_one_under_way() {
        let dir = tempfile::tempdir().expect("dir");
        let origin = Nanos::now();
        let heartbeat = Heartbeat::new(origin);
        let watch = HealthMonitor::keep(dir.path(), origin, vec![Arc::clone(&heartbeat)], None).expect("kept");
        let path = dir.path().join(file::HEALTH);
        let plan = crate::run::fixture::plan(&["direct"]);
        let written = || health::read(&path, &plan).expect("rows");
        while written().is_empty() {
            assert!(Nanos::now().since(origin) < Duration::from_secs(20), "no row");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(Nanos::now().since(origin) >= Duration::from_secs(1));
        // Nobody lets this heartbeat beat, so it is a worker that stands still.
        assert!(written()[0].hiccup_ms > 900.0, "{:?}", written());
        heartbeat.rest();
        watch.end().expect("ended");
        let rows = written();
        assert!(rows.iter().zip(0..).all(|(row, second)| row.second == second), "{rows:?}");
        let over = Nanos::now().since(origin).as_secs();
        assert!(rows.len() as u64 >= 2 && rows.len() as u64 <= over + 1, "{} rows after {over} s", rows.len());
        assert_eq!(rows[rows.len() - 1].hiccup_ms, 0.0);
    }

    #[test]
    fn the_simulators_lateness_is_read() {
        let metrics = "sim_in_flight 3\nsim_lateness_seconds_bucket{of=\"first\",le=\"0.01\"} 95\n\
                       sim_lateness_seconds_count{of=\"first\"} 100\nsim_lateness_seconds_count{of=\"end\"} 7\n";
        assert_eq!(begun(metrics), Some((100, 5)));
        assert_eq!(begun("nothing"), None);
    }
}
