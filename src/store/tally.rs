//! What has been seen while a run goes on, for the live view and for the limits. Its size does not depend on the run's.

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::sample::Sample;
use crate::units::{PathId, Phase};

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

    /// Nothing seen yet.
    pub(crate) fn new(paths: usize) -> Self {
        let path = || PathTally { ok: 0, errors: 0, refused_in_a_row: 0, ttft: histogram::empty() };
        Self { paths: std::iter::repeat_with(path).take(paths).collect(), input_tokens: 0, output_tokens: 0, ended: 0 }
    }

    /// Counts a call.
    pub(crate) fn count(&mut self, sample: &Sample) {
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
