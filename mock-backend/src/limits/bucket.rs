//! A leaky bucket: what a provisioned throughput is. It is filled by what requests are estimated to cost, corrected when
//! they end, and drains by its whole content a minute. Below the brim everything passes, at or above it nothing does.

use super::settings::PtuSettings;
use crate::units::MINUTE;

/// A bucket; 1 is its brim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    config: PtuSettings,
    level: f64,
    at: u64,
}

impl Bucket {
    pub(crate) fn new(config: PtuSettings) -> Self {
        Self { config, level: 0.0, at: 0 }
    }

    fn drain(&mut self, now: u64) {
        let since = now.saturating_sub(self.at);
        self.level = (self.level - since as f64 / MINUTE as f64).max(0.0);
        self.at = self.at.max(now);
    }

    /// How long until the level is below the brim, in whole milliseconds as nanoseconds; nothing if it is.
    pub(crate) fn wait(&mut self, now: u64) -> Option<u64> {
        self.drain(now);
        (self.level >= 1.0).then(|| (((self.level - 1.0) * 60_000.0).floor() as u64 + 1) * 1_000_000)
    }

    /// Fills in what a request is estimated to cost.
    pub(crate) fn take(&mut self, now: u64, input: u64, output: u64) {
        self.drain(now);
        let weighted = self.config.input_weight * input as f64 + self.config.output_weight * output as f64;
        self.level += weighted / self.config.capacity;
    }

    /// Replaces the output that was estimated by that which was produced.
    pub(crate) fn settle(&mut self, now: u64, estimated: u64, produced: u64) {
        self.drain(now);
        let over = self.config.output_weight * (estimated as f64 - produced as f64) / self.config.capacity;
        self.level = (self.level - over).max(0.0);
    }

    /// The level.
    pub(crate) fn level(&mut self, now: u64) -> f64 {
        self.drain(now);
        self.level
    }
}
