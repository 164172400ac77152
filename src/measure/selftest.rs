//! `selftest.json`: this tool's own error on one machine, as it was measured against the simulator's ledger.
//!
//! Written by `hopmark selftest`, quoted by the runs that come after it. The judgement is `analysis/selftest.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::CallCounts;

/// The error at the 0.99 quantile below which a level counts as measured faithfully, ms.
pub(crate) const FAITHFUL_MS: f64 = 5.0;

/// What a selftest came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Selftest {
    /// 1.
    pub schema_version: u32,
    /// When it ended, RFC 3339, UTC.
    pub measured_at: String,
    /// Where, and with which build of this tool.
    pub machine: Machine,
    /// One for each number of streams, the smallest first.
    pub levels: Vec<Level>,
    /// How well calls leave at their time; `None` when it was not asked for.
    pub arrivals: Option<ArrivalLevel>,
    /// Up to where this machine measures faithfully.
    pub faithful: Faithful,
    /// What had to hold.
    pub bars: Vec<Bar>,
    /// What the reader must know, in sentences.
    pub notes: Vec<String>,
}

/// A machine and a build: what must be the same for a selftest to say something about a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// A name that does not tell the machine's own: a hash of it.
    pub id: String,
    /// Operating system and kernel.
    pub os: String,
    /// Cores this process may use.
    pub cpus: usize,
    /// The processor's own name.
    pub cpu_model: String,
    /// The version of this tool.
    pub tool_version: String,
    /// Whether this tool was built with optimisation: `release` or `debug`.
    pub build: String,
}

/// So many streams at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Level {
    /// Streams open at once, on average.
    pub streams: u32,
    /// The pace of each, tokens a second.
    pub tokens_per_s: u32,
    /// Chunks with content that the simulator wrote in the measured time, a second, over all streams.
    pub events_per_s: f64,
    /// Streams whose error is known.
    pub samples: u64,
    /// Measured minus true.
    pub error_ms: Errors,
    /// Of what the error of TTFT consists.
    pub ttft_parts_ms: Parts,
    /// How late the simulator itself was with its first token: no error of this tool, but it makes less of the machine.
    pub simulator_late_ms: Option<Spread>,
    /// Sent minus intended.
    pub send_lag_ms: Option<Spread>,
    /// The most memory that was resident, MB; `None` where the system does not tell.
    pub rss_mb: Option<f64>,
    /// Processor time of this process for each event, microseconds; `None` without events.
    pub cpu_us_per_event: Option<f64>,
    /// Processor time of this process as a share of one core.
    pub cpu_cores: Option<f64>,
    /// Calls of the measured time.
    pub calls: CallCounts,
    /// What found no partner.
    pub unmatched: Unmatched,
    /// `valid`, `degraded` or `invalid`: the verdict that a run like this has.
    pub validity: String,
    /// Whether this machine measures so many streams faithfully.
    #[serde(rename = "holds")]
    pub is_faithful: bool,
    /// Why it does not, in sentences.
    pub why_not: Vec<String>,
}

/// Calls at random times, as many a second as this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArrivalLevel {
    /// Poisson arrivals a second.
    pub rate: f64,
    /// Sent minus intended.
    pub send_lag_ms: Option<Spread>,
    /// Processor time of this process as a share of one core; pacing is a part of it.
    pub cpu_cores: Option<f64>,
    /// Processor time of pacing alone, as a share of one core: the same arrivals, whose calls do nothing.
    #[serde(default)]
    pub pacing_cores: Option<f64>,
    /// Calls of the measured time.
    pub calls: CallCounts,
    /// What found no partner.
    pub unmatched: Unmatched,
    /// The verdict that a run like this has.
    pub validity: String,
}

/// The errors of one level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Errors {
    /// Of the time to the first token: never below 0.
    pub ttft: Option<Spread>,
    /// Of the gaps between chunks: their size, whether too long or too short.
    pub chunk_gap: Option<Spread>,
    /// Of the time to the end of a stream: never below 0.
    pub e2e: Option<Spread>,
}

/// The two parts of the error of TTFT.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// From the stamp before this tool wrote the request to the stamp after the simulator had read it.
    pub request: Option<Spread>,
    /// From the stamp before the simulator wrote the first token to the stamp after this tool had read it.
    pub answer: Option<Spread>,
}

/// A distribution in three figures, ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The median.
    pub p50: f64,
    /// The 0.99 quantile.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// What found no partner when samples and ledger were joined: all zeros, or the level is not believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unmatched {
    /// CallCounts that were sent, without a line of the ledger.
    pub samples: u64,
    /// Lines of the ledger, without a call.
    pub ledger_lines: u64,
    /// Measured streams that were ok, whose line lacks a stamp.
    pub stamps: u64,
    /// Measured streams that were ok, whose chunks are not as many as the ledger's.
    pub chunks: u64,
    /// Times that were measured shorter than they were, which cannot be.
    pub negative: u64,
    /// Rows that were lost because the writer could not follow.
    pub rows_lost: u64,
}

/// Up to where a machine measures faithfully; zeros when not even the smallest level is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Faithful {
    /// Streams at once.
    pub streams: u32,
    /// Events a second.
    pub events_per_s: f64,
}

/// One thing that had to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bar {
    /// What, in words.
    pub name: String,
    /// The unit of both figures.
    pub unit: String,
    /// The largest value that is allowed.
    pub limit: f64,
    /// What was seen; `None` when nothing was, which is a miss.
    pub observed: Option<f64>,
    /// Whether it holds.
    pub met: bool,
}

/// What a run quotes of a selftest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnError {
    /// When the selftest was made.
    pub measured_at: String,
    /// Up to where its errors at the 0.99 quantile were below 5 ms.
    pub faithful: Faithful,
    /// The errors at that level.
    pub error_ms: Errors,
}

impl Selftest {
    /// What a run on this machine, with this build, may quote; `None` when the selftest was made elsewhere.
    #[must_use]
    pub(crate) fn quote(&self, machine: &Machine) -> Option<OwnError> {
        let level = self.levels.iter().find(|level| level.streams == self.faithful.streams);
        (self.machine == *machine).then(|| OwnError {
            measured_at: self.measured_at.clone(),
            faithful: self.faithful,
            error_ms: level.map(|level| level.error_ms.clone()).unwrap_or_default(),
        })
    }

    /// Whether every bar is met.
    #[must_use]
    pub(crate) fn meets_its_bars(&self) -> bool {
        self.bars.iter().all(|bar| bar.met)
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    pub(crate) fn machine() -> Machine {
        Machine {
            id: "00c0ffee".to_owned(),
            os: "linux 6.1".to_owned(),
            cpus: 2,
            cpu_model: "a processor".to_owned(),
            tool_version: "0.1.0".to_owned(),
            build: "release".to_owned(),
        }
    }

    /// A level of which everything is as it should be, with this error at the 0.99 quantile.
    pub(crate) fn level(streams: u32, p99: f64) -> Level {
        let spread = |scale: f64| Some(Spread { p50: scale / 10.0, p99: scale, max: 2.0 * scale });
        Level {
            streams,
            tokens_per_s: 50,
            events_per_s: f64::from(streams) * 43.84,
            samples: u64::from(streams) * 4,
            error_ms: Errors { ttft: spread(p99), chunk_gap: spread(p99 / 2.0), e2e: spread(p99) },
            ttft_parts_ms: Parts { request: spread(p99 / 2.0), answer: spread(p99 / 2.0) },
            simulator_late_ms: spread(p99),
            send_lag_ms: spread(p99),
            rss_mb: Some(20.0),
            cpu_us_per_event: Some(4.0),
            cpu_cores: Some(0.02),
            calls: CallCounts { planned: u64::from(streams) * 4, ok: u64::from(streams) * 4, ..CallCounts::default() },
            unmatched: Unmatched::default(),
            validity: "valid".to_owned(),
            is_faithful: p99 < FAITHFUL_MS,
            why_not: Vec::new(),
        }
    }

    /// Faithful up to 100 streams, and not at 1,000.
    pub(crate) fn selftest() -> Selftest {
        Selftest {
            schema_version: 1,
            measured_at: "2026-09-30T08:15:00Z".to_owned(),
            machine: machine(),
            levels: vec![level(10, 0.3), level(100, 0.9), level(1000, 8.0)],
            arrivals: None,
            faithful: Faithful { streams: 100, events_per_s: 4384.0 },
            bars: Vec::new(),
            notes: Vec::new(),
        }
    }
}
