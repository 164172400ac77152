//! One run of a selftest: the scenario of its simulator and the profile of its load.

use std::path::Path;
use std::time::Duration;

/// The simulator's time to the first token, ms.
const FIRST_MS: u32 = 200;

/// One run of a selftest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    /// Streams at once, on average.
    streams: u32,
    /// Tokens of a stream, and the time between two of them, ms.
    tokens: u32,
    gap_ms: u32,
    /// Calls a second where they say what the run is about.
    arrivals: Option<u32>,
    warmup_ms: u32,
    measured_ms: u32,
}

impl Stage {
    /// So many streams at once, each at this pace.
    pub(super) fn streams(streams: u32, tokens_per_s: u32) -> Self {
        // As long as it takes until the first streams have ended, and a little longer.
        let (tokens, warmup_ms) = if tokens_per_s < 50 { (25, 5500) } else { (64, 1750) };
        // Few streams need longer for as many samples.
        let measured_ms = if streams <= 100 || tokens_per_s < 50 { 6000 } else { 4000 };
        Self { streams, tokens, gap_ms: 1000 / tokens_per_s.max(1), arrivals: None, warmup_ms, measured_ms }
    }

    /// So many Poisson arrivals a second of the shortest calls there are.
    pub(super) fn arrivals(rate: u32) -> Self {
        let streams = rate * FIRST_MS / 1000;
        Self { streams, tokens: 1, gap_ms: 20, arrivals: Some(rate), warmup_ms: 1000, measured_ms: 5000 }
    }

    /// What it is, in words.
    pub(super) fn name(&self) -> String {
        match self.arrivals {
            Some(rate) => format!("{rate} arrivals a second"),
            None => format!("{} streams at {} tokens a second", self.streams, 1000 / self.gap_ms),
        }
    }

    /// How long it takes, as planned.
    pub(super) fn lasts(&self) -> Duration {
        Duration::from_millis(u64::from(self.warmup_ms + self.measured_ms) + u64::from(self.call_ms()))
    }

    /// How long a call takes, as planned.
    fn call_ms(&self) -> u32 {
        FIRST_MS + (self.tokens - 1) * self.gap_ms
    }

    fn rate(&self) -> f64 {
        self.arrivals.map_or_else(|| f64::from(self.streams) * 1e3 / f64::from(self.call_ms()), f64::from)
    }

    /// Calls that may be under way at most: Poisson arrivals stay far below, and a machine that cannot follow is
    /// stopped here.
    fn max_in_flight(&self) -> u64 {
        u64::from(self.streams) * 3 / 2 + 100
    }

    /// The files that may be open at once in either process.
    pub(super) fn files(&self) -> u64 {
        self.max_in_flight() + 200
    }

    /// Records that the ledger holds. Its rings are a thread's own, and threads share connections as they come, so it is
    /// several times what is expected.
    fn ledger(&self) -> u64 {
        let calls = self.rate() * f64::from(self.warmup_ms + self.measured_ms) / 1e3;
        ((calls * 6.0) as u64 + 5_000).min(10_000_000)
    }

    /// The simulator: one listener without distance, whose ledger stamps every chunk.
    pub(super) fn scenario(&self) -> String {
        format!(
            "name = \"selftest\"\nledger = {}\nledger_chunks = true\n\n[[backend]]\nname = \"model\"\n\
             model = {{ first = \"{FIRST_MS}ms\", gap = \"{}ms\" }}\n\n\
             [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"model\"\n",
            self.ledger(),
            self.gap_ms
        )
    }

    /// The load, with the scenario's file. Arrivals are Poisson's, as they are in real runs: starts are spread, and
    /// chunks of many streams now and then come together.
    pub(super) fn profile(&self, scenario: &Path) -> String {
        // A path in TOML's literal quotes needs no escapes; a temporary folder has no such quote in its name.
        format!(
            "name = \"selftest\"\n[simulator]\nscenario = '{}'\n\
             [workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\napi = \"chat\"\nstream = true\n\
             input_tokens = {{ dist = \"fixed\", value = 64 }}\noutput_tokens = {{ dist = \"fixed\", value = {} }}\n\
             [load]\narrivals = \"poisson\"\nrate = \"{}/s\"\nwarmup = \"{}ms\"\nduration = \"{}ms\"\n\
             max_in_flight = {}\n\
             [[path]]\nname = \"direct\"\nbase_url = \"sim://direct/openai/v1\"\n\
             timeouts = {{ connect = \"5s\", first_byte = \"10s\", gap = \"10s\", total = \"20s\" }}\n",
            scenario.display(),
            self.tokens,
            self.rate(),
            self.warmup_ms,
            self.measured_ms,
            self.max_in_flight()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::profile::Profile;

    #[test]
    fn every_stage_is_a_profile_and_a_scenario() {
        let stages = [1, 10, 100, 1000, 64_000].map(|streams| Stage::streams(streams, 50));
        let more = [Stage::streams(10_000, 5), Stage::arrivals(1000)];
        let folder = tempfile::tempdir().expect("folder");
        let scenario = folder.path().join("scenario.toml");
        for stage in stages.into_iter().chain(more) {
            std::fs::write(&scenario, stage.scenario()).expect("written");
            let text = stage.profile(&scenario);
            let profile = Profile::parse(&text, &folder.path().join("profile.toml")).expect("a profile");
            let plan = Plan::resolve(profile, 2);
            assert_eq!(plan.simulator.map(|sim| sim.scenario), Some(scenario.display().to_string()));
            mock_backend::Config::parse(&stage.scenario(), "test").expect("a scenario");
            assert!(stage.lasts() < Duration::from_secs(18), "{}", stage.name());
            assert!(stage.warmup_ms >= stage.call_ms(), "streams have to be as many as they should before measuring");
        }
    }

    #[test]
    fn the_rate_keeps_as_many_streams_open() {
        let stage = Stage::streams(1000, 50);
        assert_eq!((stage.call_ms(), stage.rate().round()), (1460, 685.0));
        assert_eq!(Stage::arrivals(1000).rate(), 1000.0);
        assert_eq!(Stage::streams(10_000, 5).rate(), 2000.0);
    }
}
