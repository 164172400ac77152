//! The noise of the host: a path measured against itself must not be called different more often than chance may.
//!
//! Timing, so not part of the plain test run: `cargo test --release --test noise -- --ignored --nocapture`, on a machine
//! that has nothing else to do; about a quarter of an hour. `HOPMARK_AA_RUNS` makes it shorter.

#![expect(clippy::print_stdout, reason = "the figures are what one runs this for")]

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use process::{Sim, run_profile};

const RUNS: u64 = 20;

fn profile(seed: u64, paths: &str) -> String {
    format!(
        r#"
name = "noise"
seed = {seed}
[compare]
noise_floor = true
[workload]
kind = "synthetic"
model = "gpt-4o"
stream = true
api = "chat"
input_tokens = {{ dist = "lognormal", p50 = 200, p99 = 900 }}
output_tokens = {{ dist = "fixed", value = 8 }}
[load]
arrivals = "poisson"
rate = "20/s"
warmup = "3s"
duration = "45s"
{paths}"#
    )
}

#[test]
#[ignore = "timing: a quarter of an hour, alone and in release"]
fn a_path_is_not_different_from_itself() {
    let runs = std::env::var("HOPMARK_AA_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let folder = tempfile::tempdir().expect("folder");
    let mut different = 0;
    for seed in 0..runs {
        let sim = Sim::start(&["--scenario", "equal-paths", "--seed", &seed.to_string()]);
        let ended = run_profile(folder.path(), &format!("aa-{seed}"), &profile(seed, &sim.paths(&["direct"])));
        ended.assert_code(0);
        let comparisons = ended.summary["comparisons"].as_array().expect("comparisons");
        assert!(comparisons.iter().all(|row| row["candidate"] == "direct-again"));
        let median = comparisons.iter().find(|row| row["metric"] == "ttft" && row["quantile"] == 0.5).expect("median");
        let called: Vec<_> = comparisons.iter().filter(|row| row["verdict"] != "inconclusive").collect();
        println!(
            "seed {seed}: {} rows called different; median TTFT {} ms, 95% {}, resolves {} ms; validity {}",
            called.len(),
            median["shift_ms"],
            median["ci_ms"],
            median["resolves_ms"],
            ended.summary["validity"]["verdict"]
        );
        called.iter().for_each(|row| println!("  {row}"));
        println!("  interference: {}", ended.summary["interference"]);
        different += u64::from(!called.is_empty());
    }
    // Each run may be wrong one time in twenty; more than 3 of 20 are, by chance alone, one time in 60.
    assert!(different <= 3 * runs.div_ceil(RUNS), "{different} of {runs} runs call a path different from itself");
}
