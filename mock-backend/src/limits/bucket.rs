//! A leaky bucket: what a provisioned throughput is. It is filled by what requests are estimated to cost, corrected when
//! they end, and drains by its whole content a minute. Below the brim everything passes, at or above it nothing does.

use std::time::Duration;

use super::settings::PtuSettings;
use crate::units::{MINUTE, Nanos};

/// A bucket; 1 is its brim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    config: PtuSettings,
    level: f64,
    at: Nanos,
}

impl Bucket {
    pub(crate) fn new(config: PtuSettings) -> Self {
        Self { config, level: 0.0, at: Nanos(0) }
    }

    fn drain(&mut self, now: Nanos) {
        self.level = (self.level - now.since(self.at).div_duration_f64(MINUTE)).max(0.0);
        self.at = self.at.max(now);
    }

    /// How long until the level is below the brim, in whole milliseconds; nothing if it is.
    pub(crate) fn wait(&mut self, now: Nanos) -> Option<Duration> {
        self.drain(now);
        (self.level >= 1.0).then(|| Duration::from_millis(((self.level - 1.0) * 60_000.0).floor() as u64 + 1))
    }

    /// Fills in what a request is estimated to cost.
    pub(crate) fn take(&mut self, now: Nanos, input: u64, output: u64) {
        self.drain(now);
        let weighted = self.config.input_weight * input as f64 + self.config.output_weight * output as f64;
        self.level += weighted / self.config.capacity;
    }

    /// Replaces the output that was estimated by that which was produced.
    pub(crate) fn settle(&mut self, now: Nanos, estimated: u64, produced: u64) {
        self.drain(now);
        let over = self.config.output_weight * (estimated as f64 - produced as f64) / self.config.capacity;
        self.level = (self.level - over).max(0.0);
    }

    /// The level.
    pub(crate) fn level(&mut self, now: Nanos) -> f64 {
        self.drain(now);
        self.level
    }
}
