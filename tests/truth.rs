//! The instrument against the truth: what the driver measured, held against the simulator's ledger and its plan.
//!
//! Timing, so not part of the plain test run: `cargo test --release --test truth -- --ignored --test-threads=1`,
//! on a machine that has nothing else to do. About eight minutes.

#![expect(clippy::print_stdout, reason = "the figures are what one runs this for")]

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::collections::HashMap;
use std::path::Path;

use hopmark::measure::ledger::LedgerLine;
use hopmark::measure::metric::{Basis, Metric};
use hopmark::measure::sample::Sample;
use process::{Ended, Sim, ended, hopmark, quantile, run_profile};

const WORKLOAD: &str = r#"
[workload]
kind = "synthetic"
model = "gpt-4o"
stream = true
api = { chat = 1, responses = 1 }
input_tokens = { dist = "lognormal", p50 = 200, p99 = 900 }
"#;

fn profile(seed: u64, output_tokens: u32, load: &str, paths: &str) -> String {
    format!(
        "name = \"truth\"\nseed = {seed}\n{WORKLOAD}output_tokens = {{ dist = \"fixed\", value = {output_tokens} }}\n\
         [load]\n{load}\n{paths}"
    )
}

fn a_minute(design: &str, rate: &str) -> String {
    format!("arrivals = \"poisson\"\nrate = \"{rate}\"\nwarmup = \"4s\"\nduration = \"60s\"\ndesign = \"{design}\"")
}

/// The comparison of a candidate with the baseline at the median TTFT: shift and interval in ms, and the verdict.
fn median_shift(ended: &Ended, candidate: &str) -> (f64, [f64; 2], String) {
    let comparisons = ended.summary["comparisons"].as_array().expect("comparisons");
    let found = comparisons.iter().find(|one| {
        one["candidate"] == candidate && one["metric"] == "ttft" && one["quantile"] == 0.5 && one["basis"] == "response"
    });
    let found = found.unwrap_or_else(|| panic!("no comparison of {candidate}"));
    let ms = |value: &serde_json::Value| value.as_f64().unwrap_or_else(|| panic!("no figure in {found}"));
    let ci = [ms(&found["ci_ms"][0]), ms(&found["ci_ms"][1])];
    (ms(&found["shift_ms"]), ci, found["verdict"].as_str().expect("a verdict").to_owned())
}

fn planned_shift(describe: &serde_json::Value, listener: &str) -> f64 {
    let listeners = describe["listeners"].as_array().expect("listeners");
    let found = listeners.iter().find(|one| one["name"] == listener).expect("the listener");
    found["shift_ms"]["p50"].as_f64().expect("a shift")
}

fn assert_healthy(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.summary["validity"]);
    assert_ne!(ended.summary["validity"]["verdict"], "invalid");
    for (name, path) in ended.summary["paths"].as_object().expect("paths") {
        assert_eq!((&path["requests"]["failed"], &path["requests"]["incomplete"]), (&0.into(), &0.into()), "{name}");
    }
}

/// Seeds to try: what holds with 95% confidence fails one time in twenty by design, so a first failure is tried once
/// more with other draws; two in a row have a chance of one in four hundred.
const SEEDS: [u64; 2] = [7, 8];

/// A profile of chat and Responses as one of messages.
fn of_messages(profile: &str) -> String {
    profile
        .replace("api = { chat = 1, responses = 1 }", "api = \"messages\"")
        .replace("\"gpt-4o\"", "\"claude-haiku-4-5\"")
        .replace("/openai/v1\"", "/anthropic\"")
}

fn recovers_both_shifts(design: &str, rate: &str, asking: fn(&str) -> String) {
    let folder = tempfile::tempdir().expect("folder");
    let sim = Sim::start(&["--scenario", "three-paths", "--seed", "1"]);
    let paths = sim.paths(&["direct", "private-endpoint", "gateway"]);
    let contained = SEEDS.into_iter().any(|seed| {
        let profile = asking(&profile(seed, 16, &a_minute(design, rate), &paths));
        let ended = run_profile(folder.path(), &format!("{design}-{seed}"), &profile);
        assert_healthy(&ended);
        ["private-endpoint", "gateway"].into_iter().all(|candidate| {
            let truth = planned_shift(&sim.describe(), candidate);
            let (shift, ci, verdict) = median_shift(&ended, candidate);
            println!("{design}: {candidate} planned {truth:+.3} ms, measured {shift:+.3} ms {ci:?}, {verdict}");
            assert!((shift - truth).abs() <= 1.0, "{candidate}: {shift} is not within 1 ms of {truth}");
            assert_eq!(verdict, "slower");
            ci[0] <= truth && truth <= ci[1]
        })
    });
    assert!(contained, "the truth lies outside the interval, twice");
}

#[test]
#[ignore = "timing: a minute, alone and in release"]
fn a_paired_run_recovers_both_shifts() {
    recovers_both_shifts("paired", "20/s", str::to_owned);
}

#[test]
#[ignore = "timing: a minute, alone and in release"]
fn an_interleaved_run_recovers_both_shifts() {
    recovers_both_shifts("interleaved", "60/s", str::to_owned);
}

#[test]
#[ignore = "timing: a minute, alone and in release"]
fn a_run_of_messages_recovers_both_shifts() {
    recovers_both_shifts("paired", "20/s", of_messages);
}

#[test]
#[ignore = "timing: two minutes, alone and in release"]
fn designs_agree_over_a_backend_with_a_serial_stage() {
    let folder = tempfile::tempdir().expect("folder");
    let sim = Sim::start(&["--scenario", "shared-batch-1", "--seed", "1"]);
    let names = sim.names();
    let shifts: Vec<(f64, [f64; 2])> = [("paired", "20/s"), ("interleaved", "40/s")]
        .into_iter()
        .map(|(design, rate)| {
            let load = a_minute(design, rate);
            let ended = run_profile(folder.path(), design, &profile(7, 8, &load, &sim.paths(&names)));
            assert_healthy(&ended);
            let (shift, ci, verdict) = median_shift(&ended, names[1]);
            println!("{design}: {shift:+.3} ms {ci:?}, {verdict}");
            (shift, ci)
        })
        .collect();
    let [(_, paired), (_, interleaved)] = shifts[..] else { panic!("two designs") };
    assert!(paired[0] <= interleaved[1] && interleaved[0] <= paired[1], "{paired:?} and {interleaved:?} disagree");
}

#[test]
#[ignore = "timing: a minute, alone and in release"]
fn equal_paths_are_not_called_different() {
    let folder = tempfile::tempdir().expect("folder");
    let alike = SEEDS.into_iter().any(|seed| {
        // The simulator's own draws are part of the chance: with one seed it would plan the same difference every time.
        let sim = Sim::start(&["--scenario", "equal-paths", "--seed", &seed.to_string()]);
        let names = sim.names();
        let profile = profile(seed, 8, &a_minute("paired", "20/s"), &sim.paths(&names));
        let ended = run_profile(folder.path(), &format!("equal-{seed}"), &profile);
        assert_healthy(&ended);
        let comparisons = ended.summary["comparisons"].as_array().expect("comparisons").iter();
        let different: Vec<_> = comparisons.filter(|comparison| comparison["verdict"] != "inconclusive").collect();
        different.iter().for_each(|comparison| println!("called different: {comparison}"));
        different.is_empty()
    });
    assert!(alike, "equal paths were called different, twice");
}

/// Runs the bundled profile of this name as it stands but for its load.
fn run_bundled(folder: &Path, name: &str, seed: u64) -> Ended {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(format!("{name}.toml"));
    let dir = folder.join(format!("{name}-{seed}"));
    let mut command = hopmark(&["run", "--quiet", "--rate", "20/s", "--warmup", "4s", "--duration", "50s"]);
    let output = command.arg(file).arg("--out").arg(&dir).args(["--seed", &seed.to_string()]).output();
    ended(&output.expect("it runs"), dir)
}

#[test]
#[ignore = "timing: a minute, alone and in release"]
fn four_ways_to_one_resource_from_one_file_show_their_shifts() {
    let folder = tempfile::tempdir().expect("folder");
    let mut outside = vec!["private-endpoint", "api-management", "ai-gateway"];
    for seed in SEEDS {
        if outside.is_empty() {
            break;
        }
        let ended = run_bundled(folder.path(), "four-paths", seed);
        assert_healthy(&ended);
        let simulator = ended.run.manifest.simulator.as_ref().expect("the simulator told its plan");
        outside.retain(|candidate| {
            let truth = planned_shift(simulator, candidate);
            let (shift, ci, verdict) = median_shift(&ended, candidate);
            println!("{candidate} planned {truth:+.3} ms, measured {shift:+.3} ms {ci:?}, {verdict}");
            assert!((shift - truth).abs() <= 1.0, "{candidate}: {shift} is not within 1 ms of {truth}");
            truth < ci[0] || ci[1] < truth
        });
    }
    assert_eq!(outside, [] as [&str; 0], "the truth lies outside the interval, twice");
}

/// A model that takes 500 ms give or take 150, and a gateway that adds 5 before it.
const NOISY: &str = r#"
name = "noisy"
[[backend]]
name   = "model"
model  = { first = { dist = "normal", mean = "500ms", sd = "150ms" }, gap = "0ms" }
[[listener]]
name    = "direct"
kind    = "direct"
backend = "model"
link    = { rtt = "1ms" }
[[listener]]
name    = "gateway"
kind    = "gateway"
backend = "model"
link    = { rtt = "1ms" }
gateway = { own = "5ms", link = { rtt = "0ms" } }
"#;

/// By sampling alone a shift of 5 ms beside a spread of 150 takes 68,000 independent pairs for an interval of 2 ms: here
/// it is told by what is left of each call when the server's own reported time is taken away.
#[test]
#[ignore = "timing: a minute, alone and in release"]
fn a_small_shift_under_a_noisy_model_is_resolved_by_reported_time() {
    let folder = tempfile::tempdir().expect("folder");
    let scenario = folder.path().join("noisy.toml");
    std::fs::write(&scenario, NOISY).expect("a scenario");
    let sim = Sim::start(&["--scenario", scenario.to_str().expect("UTF-8"), "--seed", "1"]);
    let text = profile(7, 8, &a_minute("paired", "20/s"), &sim.paths(&["direct", "gateway"]));
    let ended = run_profile(folder.path(), "noisy", &text.replace("stream = true", "stream = false"));
    assert_healthy(&ended);
    let comparisons = ended.summary["comparisons"].as_array().expect("comparisons");
    let median = |metric: &str| {
        let found = comparisons.iter().find(|row| row["metric"] == metric && row["quantile"] == 0.5).expect("a row");
        println!("{metric}: {} ms, 95% {}, {}", found["shift_ms"], found["ci_ms"], found["verdict"]);
        let ms = |value: &serde_json::Value| value.as_f64().expect("a figure");
        (ms(&found["ci_ms"][0]), ms(&found["ci_ms"][1]))
    };
    let (low, high) = median("e2e");
    assert!(high - low > 4.0, "sampling alone would do");
    let (low, high) = median("overhead");
    println!("reported: {}", ended.summary["reported"]);
    // Both report in whole milliseconds, cut off; what is cut off is alike on both.
    let truth = planned_shift(&sim.describe(), "gateway");
    println!("planned: {truth} ms");
    assert!(high - low < 4.0 && low <= truth + 0.5 && truth - 0.5 <= high, "{low} to {high}");
}

/// Each measured sample with its line of the ledger.
fn joined<'a>(ended: &'a Ended, ledger: &'a [LedgerLine]) -> Vec<(&'a Sample, &'a LedgerLine)> {
    let lines: HashMap<&str, &LedgerLine> = ledger.iter().map(|line| (line.request_id.as_str(), line)).collect();
    assert_eq!(lines.len(), ledger.len(), "every request has an id of its own");
    let sent = ended.run.samples.iter().filter(|sample| sample.stamps.sent.is_some()).count();
    let prefix = format!("{}-", ended.run.manifest.id);
    let seen = ledger.iter().filter(|line| line.request_id.starts_with(&prefix)).count();
    assert_eq!(seen, sent, "every call that was sent has a row, and the other way round");
    let id = |sample: &Sample| format!("{}-{}", ended.run.manifest.id, sample.seq.0);
    ended
        .run
        .samples
        .iter()
        .map(|sample| (sample, *lines.get(id(sample).as_str()).unwrap_or_else(|| panic!("no line for {}", id(sample)))))
        .collect()
}

#[test]
#[ignore = "timing: half a minute, alone and in release"]
fn every_sample_agrees_with_the_ledger() {
    let folder = tempfile::tempdir().expect("folder");
    let sim = Sim::start(&["--ttft", "200ms", "--itl", "20ms", "--seed", "1"]);
    let load = "kind = \"closed\"\nconcurrency = 50\nwarmup = \"3s\"\nduration = \"20s\"\ndesign = \"interleaved\"";
    let ended = run_profile(folder.path(), "ledger", &profile(7, 64, load, &sim.paths(&["direct"])));
    assert_healthy(&ended);
    let ledger = sim.ledger("direct");
    let mut errors = Vec::new();
    for (sample, line) in joined(&ended, &ledger) {
        assert!(sample.outcome.is_ok() && line.fault.is_none(), "{sample:?} {line:?}");
        assert_eq!((sample.status, sample.output_tokens), (line.status, line.tokens));
        assert_eq!((Some(sample.api), sample.stream), (line.api, line.stream));
        let stamps = sample.stamps;
        assert!(stamps.sent <= line.recv_ns && line.recv_ns <= line.head_ns, "{sample:?} {line:?}");
        assert!(line.head_ns <= stamps.head && line.first_ns <= stamps.first_content, "{sample:?} {line:?}");
        assert!(line.last_ns <= stamps.last_content && line.end_ns <= stamps.done, "{sample:?} {line:?}");
        let truth = line.first_ns.expect("first").ms_since(line.recv_ns.expect("recv"));
        let measured = Metric::Ttft.of(sample, Basis::Service).expect("ttft") as f64 / 1e6;
        assert!(measured >= truth, "measured {measured} is below the true {truth}");
        errors.push(measured - truth);
    }
    let (p50, p99) = (quantile(errors.clone(), 0.5), quantile(errors.clone(), 0.99));
    println!(
        "{} samples: TTFT error p50 {p50:.3} ms, p99 {p99:.3} ms, max {:.3} ms",
        errors.len(),
        quantile(errors, 1.0)
    );
    assert!(p50 <= 1.0 && p99 <= 5.0, "p50 {p50} ms, p99 {p99} ms");
}

#[test]
#[ignore = "timing: half a minute, alone and in release"]
fn a_stall_delays_every_arrival_of_its_time() {
    let folder = tempfile::tempdir().expect("folder");
    let sim = Sim::start(&["--ttft", "100ms", "--itl", "10ms", "--seed", "1"]);
    let load = "arrivals = \"constant\"\nrate = \"50/s\"\nwarmup = \"2s\"\nduration = \"12s\"";
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_profile(folder.path(), "stall", &profile(7, 8, load, &sim.paths(&["direct"]))));
        // Two seconds of warmup and three of measuring have been answered: now the server stands still.
        while sim.ledger("direct").len() < 250 && !run.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        sim.control(reqwest::Method::POST, "/_sim/stall?ms=3000");
        run.join().expect("it ran")
    });
    assert_eq!(ended.run.measured().count(), 600);
    let ttft = |sample: &Sample| Metric::Ttft.of(sample, Basis::Response).expect("ttft") as f64 / 1e6;
    let usual = quantile(ended.run.measured().map(ttft).collect(), 0.25);
    let delayed = ended.run.measured().filter(|sample| ttft(sample) > usual + 50.0).count();
    let longest = quantile(ended.run.measured().map(ttft).collect(), 1.0);
    println!("{delayed} delayed; the longest took {longest:.0} ms, the usual {usual:.0} ms");
    assert!(delayed >= 140, "only {delayed} were seen to be delayed");
    assert!(longest >= 2_900.0, "the longest took only {longest} ms");
}

#[test]
#[ignore = "timing: half a minute, alone and in release"]
fn two_hundred_streams_are_light() {
    let folder = tempfile::tempdir().expect("folder");
    let sim = Sim::start(&["--ttft", "200ms", "--itl", "20ms", "--seed", "1"]);
    // 64 tokens take 1.46 s, so 137 arrivals a second keep 200 streams open.
    let load = "arrivals = \"poisson\"\nrate = \"137/s\"\nwarmup = \"4s\"\nduration = \"20s\"";
    let ended = run_profile(folder.path(), "light", &profile(7, 64, load, &sim.paths(&["direct"])));
    assert_healthy(&ended);
    let peak = ended.run.manifest.ending.as_ref().and_then(|ending| ending.peak_rss_mib).expect("a peak");
    let lag = ended.summary["validity"]["send_lag_ms"]["p99"].as_f64().expect("a lag");
    println!("peak {peak:.1} MiB, send lag p99 {lag:.3} ms");
    assert!(peak < 100.0 / 1.048_576, "{peak} MiB");
    assert!(lag < 2.0, "{lag} ms");
}
