//! `hopmark selftest` as a person and a script meet it: the shape of what it prints, what later runs say of it, and how
//! it ends. Figures are held against what cannot be otherwise, and against bounds that only a broken tool passes.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use process::{Sim, hopmark};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What no working tool reaches on any machine: a second.
const BROKEN_MS: f64 = 1_000.0;

fn selftest(state: &Path, args: &[&str]) -> Output {
    let mut command = hopmark(&["selftest"]);
    command.args(args).env("XDG_STATE_HOME", state).output().expect("it runs")
}

fn figure(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no figure: {value}"))
}

/// Three figures in their order, none below 0, none beyond reason.
fn assert_spread(spread: &Value, name: &str) {
    let [p50, p99, max] = ["p50", "p99", "max"].map(|key| figure(&spread[key]));
    assert!(0.0 <= p50 && p50 <= p99 && p99 <= max, "{name}: {spread}");
    assert!(p50 < BROKEN_MS, "{name}: {spread}");
}

fn assert_level(level: &Value, streams: u64) {
    assert_eq!((level["streams"].as_u64(), level["tokens_per_s"].as_u64()), (Some(streams), Some(50)), "{level}");
    for kind in ["ttft", "chunk_gap", "e2e"] {
        assert_spread(&level["error_ms"][kind], kind);
    }
    for part in ["request", "answer"] {
        assert_spread(&level["ttft_parts_ms"][part], part);
    }
    assert_spread(&level["simulator_late_ms"], "the simulator");
    assert_spread(&level["send_lag_ms"], "send lag");
    let [events, memory, cpu] = ["events_per_s", "rss_mb", "cpu_us_per_event"].map(|key| figure(&level[key]));
    // 43.8 tokens a second and stream, arrivals being random; nothing comes faster than it is paced.
    assert!(events > 0.0 && events < 50.0 * streams as f64 * 4.0, "{events}");
    assert!(memory > 1.0 && memory < 1_000.0 && cpu > 0.0, "{memory} MB, {cpu} us");
    let calls = &level["calls"];
    assert_eq!((&calls["ok"], &calls["failed"]), (&calls["planned"], &0.into()), "{level}");
    assert_eq!(level["samples"], calls["ok"], "every call has its error");
    for (what, count) in level["unmatched"].as_object().expect("counts") {
        assert_eq!(count, &Value::from(0), "unmatched {what}");
    }
}

/// What a run says of this tool's own error: `summary.json` and the terminal's text.
fn quoted(folder: &Path, state: &Path, name: &str, sim: &Sim) -> (Value, String) {
    let profile = format!(
        "name = \"quoting\"\n[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\n\
         input_tokens = {{ dist = \"fixed\", value = 40 }}\noutput_tokens = {{ dist = \"fixed\", value = 4 }}\n\
         [load]\nrate = \"20/s\"\nwarmup = \"200ms\"\nduration = \"1s\"\n{}",
        sim.paths(&["direct"])
    );
    let (file, out) = (folder.join(format!("{name}.toml")), folder.join(name));
    std::fs::write(&file, profile).expect("a profile");
    let mut command = hopmark(&["run", "--quiet"]);
    let output = command.arg(&file).arg("--out").arg(&out).env("XDG_STATE_HOME", state).output().expect("it runs");
    let summary = std::fs::read_to_string(out.join("summary.json")).expect("a summary");
    let page = std::fs::read_to_string(out.join("report.html")).expect("a report");
    assert!(page.contains("This machine&#39;s own error: "), "the page says it as well");
    (serde_json::from_str(&summary).expect("JSON"), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_selftest_has_its_shape_and_later_runs_quote_it() {
    let folder = tempfile::tempdir().expect("folder");
    let (state, copy) = (folder.path().join("state"), folder.path().join("copies/selftest.json"));
    let sim = Sim::start(&["--ttft", "20ms", "--itl", "1ms"]);

    let (summary, text) = quoted(folder.path(), &state, "before", &sim);
    assert!(summary["validity"]["own_error"].is_null(), "{}", summary["validity"]);
    assert!(summary["validity"]["own_error_reason"].as_str().expect("why").contains("no selftest"));
    assert!(text.contains("this machine's own error: not known"), "{text}");

    let output = selftest(&state, &["--streams", "20,5", "--json", "--out", copy.to_str().expect("a path")]);
    let told = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(found["schema_version"], 1);
    let levels = found["levels"].as_array().expect("levels");
    assert_eq!(levels.len(), 2, "the smallest first");
    assert_level(&levels[0], 5);
    assert_level(&levels[1], 20);
    let bars = found["bars"].as_array().expect("bars");
    let met = bars.iter().all(|bar| bar["met"] == true);
    let judged = levels.iter().filter(|level| level["validity"] != "invalid").count();
    assert_eq!((bars.len(), output.status.code()), (judged, Some(if met { 0 } else { 3 })), "{found}");
    for (level, next) in levels.iter().zip(levels.iter().skip(1)) {
        let faithful = found["faithful"]["streams"].as_u64().expect("streams");
        let expected = match (level["holds"] == true, next["holds"] == true) {
            (true, true) => 20,
            (true, false) => 5,
            (false, _) => 0,
        };
        assert_eq!(faithful, expected, "{found}");
    }

    let kept = std::fs::read(state.join("hopmark/selftest.json")).expect("kept");
    assert_eq!(kept, std::fs::read(&copy).expect("a copy"));
    assert_eq!(serde_json::from_slice::<Value>(&kept).expect("JSON"), found);

    let (summary, text) = quoted(folder.path(), &state, "after", &sim);
    let own = &summary["validity"]["own_error"];
    assert_eq!((&own["faithful"], &own["measured_at"]), (&found["faithful"], &found["measured_at"]));
    assert!(text.contains("this machine's own error: ") && !text.contains("not known"), "{text}");
}

#[test]
fn a_state_folder_that_refuses_is_a_warning() {
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().join("a-file");
    std::fs::write(&state, b"").expect("written");
    let output = selftest(&state, &["--streams", "2", "--quiet"]);
    let (text, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(matches!(output.status.code(), Some(0 | 3)), "{told}");
    assert!(told.contains("warning: later runs cannot quote this selftest"), "{told}");
    assert!(text.contains("TTFT") && text.contains("this machine ") && !text.contains("kept for"), "{text}");
}

#[test]
fn an_interrupted_selftest_concludes_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let mut command = hopmark(&["selftest", "--streams", "20"]);
    command.env("XDG_STATE_HOME", folder.path().join("state")).env("TMPDIR", folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let since = Instant::now();
    // Rows are there, so it listens to signals.
    while rows_in(folder.path()) < 2 {
        assert!(since.elapsed() < Duration::from_secs(60) && child.try_wait().expect("a child").is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("told");
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "something is left");
}

fn rows_in(folder: &Path) -> usize {
    let grounds = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let rows = grounds.filter_map(|ground| std::fs::read_to_string(ground.join("run/requests.csv")).ok());
    rows.map(|text| text.lines().count()).sum()
}

#[test]
fn wrong_numbers_are_found_at_once() {
    for wrong in ["0", "ten", "5,,6", "1000000"] {
        let output = hopmark(&["selftest", "--streams", wrong]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
