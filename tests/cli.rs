//! The program as a person meets it: every wrong input gets one sentence and its exit code, nothing measured is lost,
//! no secret is told.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hopmark::measure::outcome::{ErrorClass, Outcome};
use process::{KEY, Sim, fast_sim, hopmark, long_run, pid, printed, run_profile, was_only_late};
use rustix::process::{Signal, kill_process};

const PROFILE: &str = r#"
name = "cli"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = { chat = 1, responses = 1 }
stream = 0.7
input_tokens = { dist = "fixed", value = 40 }
output_tokens = { dist = "fixed", value = 4 }
[load]
rate = "40/s"
warmup = "500ms"
duration = "2s"
"#;

/// What a command prints and how it ends; it must neither break nor tell the secret.
fn outcome_of(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("it runs");
    let printed = printed(&output);
    assert!(
        !printed.contains("panicked") && !printed.contains("backtrace") && !printed.contains("itself failed"),
        "{printed}"
    );
    assert!(!printed.contains(KEY), "the secret is told: {printed}");
    (output.status.code().expect("no signal"), printed)
}

fn refused(profile: &str, args: &[&str], code: i32, parts: &[&str]) {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    std::fs::write(&file, profile).expect("a profile");
    let out = folder.path().join("out");
    let mut command = hopmark(&["run", file.to_str().expect("a path"), "--out", out.to_str().expect("a path")]);
    let (got, printed) = outcome_of(command.args(args));
    let errors: Vec<&str> = printed.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!((got, errors.len()), (code, 1), "{printed}");
    assert!(parts.iter().all(|part| errors[0].contains(part)), "{} lacks one of {parts:?}", errors[0]);
    assert!(!out.join("requests.csv").exists(), "something was measured");
}

#[test]
fn what_is_wrong_in_the_profile_is_found_before_a_packet_is_sent() {
    let path = "[[path]]\nname = \"direct\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    let with = |from: &str, to: &str| {
        assert!(PROFILE.contains(from));
        PROFILE.replace(from, to) + path
    };
    refused(&with("duration", "durration"), &[], 2, &["p.toml:13", "durration", "duration"]);
    refused(&with("40/s", "0/s"), &[], 2, &["p.toml:11", "rate"]);
    refused(&with("500ms", "-1s"), &[], 2, &["p.toml:12", "warmup"]);
    refused(&with("dist = \"fixed\", value = 40", "dist = \"lognormal\", p50 = 90, p99 = 10"), &[], 2, &["p99"]);
    refused(&with("stream = 0.7", "stream = 1.5"), &[], 2, &["stream"]);
    refused(&with("kind = \"synthetic\"", "kind = \"trace\"\nfile = \"nowhere.csv\""), &[], 2, &["nowhere.csv"]);
    refused(&with("40/s", "40/s"), &["--set", "load.rte=5/s"], 2, &["--set load.rte", "rate"]);
    refused(&PROFILE.replace("[load]", "[lode]"), &[], 2, &["lode", "load"]);
    let keyed = path.to_owned() + "auth = { kind = \"api-key\", env = \"HOPMARK_NO_SUCH_VARIABLE\" }\n";
    refused(&(PROFILE.to_owned() + &keyed), &[], 2, &["HOPMARK_NO_SUCH_VARIABLE", "not set"]);
    refused(
        &(PROFILE.to_owned()
            + "[simulator]\nscenario = \"thre-paths\"\n"
            + &path.replace("http://127.0.0.1:9", "sim://direct")),
        &[],
        2,
        &["thre-paths", "three-paths"],
    );
}

#[test]
fn a_broken_row_of_a_trace_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let trace = folder.path().join("t.csv");
    std::fs::write(
        &trace,
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47,x,4\n",
    )
    .expect("a trace");
    let profile = PROFILE
        .replace("kind = \"synthetic\"", &format!("kind = \"trace\"\nfile = \"{}\"", trace.display()))
        .replace("input_tokens", "#")
        .replace("output_tokens", "#")
        + "[[path]]\nname = \"direct\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    refused(&profile, &[], 2, &["t.csv:3", "whole number of tokens"]);
}

#[test]
fn a_world_that_refuses_is_said_plainly() {
    let dead = PROFILE.to_owned() + "[[path]]\nname = \"direct\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    refused(&dead, &[], 1, &["direct", "connection refused by 127.0.0.1:9", "base_url"]);

    let sim = fast_sim();
    let wrong = sim.paths(&["direct"]).replace("HOPMARK_TRUTH_KEY", "HOPMARK_WRONG_KEY");
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    std::fs::write(&file, PROFILE.to_owned() + &wrong).expect("a profile");
    let mut command = hopmark(&["run", file.to_str().expect("a path"), "--out"]);
    command.arg(folder.path().join("out")).env("HOPMARK_WRONG_KEY", "wrong-but-secret");
    let (code, printed) = outcome_of(&mut command);
    assert!(code == 1 && printed.contains("status 401") && printed.contains("auth.env"), "{code} {printed}");
    assert!(!printed.contains("wrong-but-secret"), "{printed}");

    let unknown = (PROFILE.to_owned() + &sim.paths(&["direct"])).replace("gpt-4o", "no-such-model");
    refused(&unknown, &[], 1, &["404", "workload.model"]);

    let good = PROFILE.to_owned() + &sim.paths(&["direct"]);
    std::fs::write(&file, &good).expect("a profile");
    let below_a_file = file.join("results");
    let mut command = hopmark(&["run", file.to_str().expect("a path"), "--out"]);
    let (code, printed) = outcome_of(command.arg(&below_a_file));
    assert!(code == 1 && printed.contains("p.toml"), "{code} {printed}");
    let mut command = hopmark(&["run", file.to_str().expect("a path"), "--out"]);
    let (code, printed) = outcome_of(command.arg(folder.path()));
    assert!(code == 1 && printed.contains("empty"), "a folder with something in it is left alone: {code} {printed}");
    assert!(sim.ledger("direct").iter().all(|line| line.status != Some(200)), "nothing was measured");
}

#[test]
fn a_key_that_is_refused_again_and_again_ends_the_run() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    let paths = sim.paths(&["direct"]).replace("HOPMARK_TRUTH_KEY", "HOPMARK_WRONG_KEY");
    let profile = PROFILE.replace("duration = \"2s\"", "duration = \"60s\"");
    std::fs::write(&file, profile + &paths).expect("a profile");
    let out = folder.path().join("out");
    let mut command = hopmark(&["run", file.to_str().expect("a path"), "--skip-preflight", "--quiet", "--out"]);
    // A key is accepted without question by a simulator that was not given one; this one was.
    command.arg(&out).env("HOPMARK_WRONG_KEY", "wrong");
    let (code, printed) = outcome_of(&mut command);
    assert!(code == 1 && printed.contains("401") && printed.contains("limits.auth_failures"), "{code} {printed}");
    let run = hopmark::store::load(&out).expect("a run");
    assert!(run.samples.iter().all(|sample| sample.outcome == Outcome::Failed(ErrorClass::Http(401))));
    assert!(!run.is_complete() && run.samples.len() >= 5);
}

/// Nothing in a run directory, nor in what was printed, holds the secret or a prompt.
fn tells_nothing(dir: &Path) {
    for entry in walk(dir) {
        let bytes = std::fs::read(&entry).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(KEY), "{} holds the secret", entry.display());
        assert!(!text.contains("\"content\"") && !text.contains("\"messages\""), "{} holds a prompt", entry.display());
    }
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_run_leaves_the_files_of_the_contract_and_no_secret() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let objective = "[[objective]]\npath = \"direct\"\nexpr = \"error_rate < 50%\"\n";
    let ended = run_profile(folder.path(), "out", &(PROFILE.to_owned() + &sim.paths(&["direct"]) + objective));
    ended.assert_code(0);
    for file in
        ["manifest.json", "summary.json", "requests.csv", "histograms.hlog", "series.csv", "report.html", "junit.xml"]
    {
        assert!(ended.dir.join(file).is_file(), "{file}");
    }
    assert!(walk(&ended.dir.join("charts")).len() >= 3);
    tells_nothing(&ended.dir);
    let requests = &ended.summary["paths"]["direct"]["requests"];
    assert_eq!(requests["failed"], 0);
    assert_eq!(requests["ok"], ended.summary["validity"]["planned"]);
    assert_eq!(requests["ok"].as_u64().expect("a count"), ended.run.measured().count() as u64);
    assert_eq!(ended.summary["objectives"][0]["verdict"], "met");
    let ledger = sim.ledger("direct");
    // The preflight asked once through each API, with a stream and without.
    assert_eq!(ledger.len(), ended.run.samples.len() + 4);
}

/// Messages are asked of Claude, under a base of their own, and its thoughts are reasoning.
#[test]
fn a_run_of_messages_is_counted_and_stamped_as_any_other() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let rows = folder.path().join("rows.jsonl");
    let row = |thinking: &str| {
        format!(
            "{{\"custom_id\":\"a\",\"params\":{{\"max_tokens\":40,\"thinking\":{{\"type\":\"{thinking}\"}},\
             \"messages\":[{{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}}]}}}}\n"
        )
    };
    std::fs::write(&rows, row("adaptive") + &row("disabled")).expect("rows");
    let profile = PROFILE
        .replace("kind = \"synthetic\"", &format!("kind = \"dataset\"\nfile = \"{}\"", rows.display()))
        .replace(
            "input_tokens = { dist = \"fixed\", value = 40 }\noutput_tokens = { dist = \"fixed\", value = 4 }\n",
            "",
        )
        .replace("api = { chat = 1, responses = 1 }", "api = \"messages\"")
        .replace("gpt-4o", "claude-sonnet-4-6");
    let paths = sim.paths(&["direct"]).replace("/openai/v1\"", "/anthropic\"");
    let ended = run_profile(folder.path(), "out", &(profile + &paths));
    ended.assert_code(0);
    let direct = &ended.summary["paths"]["direct"];
    assert_eq!((&direct["requests"]["failed"], &direct["requests"]["incomplete"]), (&0.into(), &0.into()));
    assert_eq!(direct["requests"]["ok"], ended.summary["validity"]["planned"]);
    let ledger = sim.ledger("direct");
    assert_eq!(ledger.len(), ended.run.samples.len() + 2, "the preflight asks once with a stream and once without");
    assert!(ledger.iter().all(|line| line.api.is_some_and(|api| api.to_string() == "messages")));
    let (mut thought, mut streamed) = (0, 0);
    for sample in &ended.run.samples {
        assert_eq!((sample.output_tokens, sample.outcome), (Some(40), Outcome::Ok));
        assert!(sample.input_tokens.is_some_and(|tokens| tokens > 10), "{sample:?}");
        let stamps = sample.stamps;
        assert_eq!(stamps.first_content.is_some(), sample.stream);
        assert_eq!(
            stamps.first_reasoning.is_some(),
            sample.stream && sample.reasoning_tokens == Some(20),
            "{sample:?}"
        );
        assert!(stamps.first_reasoning.is_none_or(|first| Some(first) <= stamps.first_content));
        thought += usize::from(stamps.first_reasoning.is_some());
        streamed += usize::from(sample.stream);
    }
    assert!(thought > 0 && thought < streamed, "{thought} of {streamed}");
}

#[test]
fn a_missed_objective_is_exit_code_3() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let objective = "[[objective]]\npath = \"direct\"\nexpr = \"ttft.p50 < 1ms\"\n";
    let ended = run_profile(folder.path(), "out", &(PROFILE.to_owned() + &sim.paths(&["direct"]) + objective));
    ended.assert_code(3);
    assert_eq!(ended.summary["objectives"][0]["verdict"], "missed");
}

#[test]
fn a_dry_run_prints_the_plan_and_sends_nothing() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    std::fs::write(&file, PROFILE.to_owned() + &sim.paths(&["direct"])).expect("a profile");
    let (code, printed) =
        outcome_of(&mut hopmark(&["run", file.to_str().expect("a path"), "--dry-run", "--json", "--seed", "9"]));
    let json = printed.split_inclusive("\n}\n").next().expect("a plan");
    let plan: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!((code, &plan["seed"], &plan["paths"][0]["name"]), (0, &9.into(), &"direct".into()));
    assert!(sim.ledger("direct").is_empty());
}

#[test]
fn limits_end_a_run_and_leave_it_whole() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let paths = sim.paths(&["direct"]);
    let long = PROFILE.replace("duration = \"2s\"", "duration = \"600s\"");
    let requests = run_profile(folder.path(), "requests", &(long.clone() + "[limits]\nrequests = 60\n" + &paths));
    requests.assert_code(0);
    assert_eq!(requests.run.samples.len(), 60);
    assert_eq!(requests.summary["run"]["complete"], false);
    let tokens = run_profile(folder.path(), "tokens", &(long + "[limits]\ntokens = 3000\n" + &paths));
    let spent: u64 = tokens
        .run
        .samples
        .iter()
        .map(|sample| sample.input_tokens.unwrap_or(0) + sample.output_tokens.unwrap_or(0))
        .sum();
    tokens.assert_code(0);
    assert!((3000..12_000).contains(&spent), "{spent} tokens");
}

#[test]
fn what_cannot_be_sent_is_dropped_and_counted() {
    let sim = Sim::start(&["--ttft", "300ms", "--itl", "1ms"]);
    let folder = tempfile::tempdir().expect("folder");
    let profile = PROFILE.replace("rate = \"40/s\"", "rate = \"100/s\"\nmax_in_flight = 4") + &sim.paths(&["direct"]);
    let ended = run_profile(folder.path(), "out", &profile);
    let planned = ended.summary["validity"]["planned"].as_u64().expect("a count");
    let dropped = ended.summary["validity"]["dropped"].as_u64().expect("a count");
    let ok = ended.summary["paths"]["direct"]["requests"]["ok"].as_u64().expect("a count");
    assert_eq!((planned, planned - dropped), (ended.run.measured().count() as u64, ok));
    assert!(dropped > ok && ok > 0, "{dropped} dropped, {ok} ok");
    assert_eq!((ended.code, &ended.summary["validity"]["verdict"]), (4, &"invalid".into()));
}

#[test]
fn a_closed_loop_keeps_its_callers_busy() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let load = "kind = \"closed\"\nconcurrency = 6\ndesign = \"interleaved\"";
    let profile = PROFILE.replace("rate = \"40/s\"", load) + &sim.paths(&["direct"]);
    let ended = run_profile(folder.path(), "out", &profile);
    ended.assert_code(0);
    // A call takes at least 20 ms, so six callers make at most 300 a second; that they make a tenth shows they go on.
    let measured = ended.run.measured().count();
    assert!((60..=600).contains(&measured), "{measured} calls");
    assert_eq!(
        ended.summary["paths"]["direct"]["connections"]["opened"].as_u64().map(|opened| opened <= 6),
        Some(true)
    );
}

#[test]
fn an_interrupt_ends_a_run_cleanly() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let child = long_run(&out, &[]);
    kill_process(pid(&child), Signal::INT).expect("a signal");
    let output = child.wait_with_output().expect("its end");
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(130), "{printed}");
    let run = hopmark::store::load(&out).expect("a run");
    let ending = run.manifest.ending.as_ref().expect("an ending");
    assert!(!ending.complete && ending.reason.as_deref() == Some("interrupted"));
    let cut: Vec<_> = run.samples.iter().filter(|sample| !sample.outcome.is_ok()).collect();
    assert!(cut.is_empty(), "calls under way were let end, but not {cut:?}");
    assert!(!printed.contains("slower than") && !printed.contains("objective was"), "no verdict: {printed}");
    let summary = std::fs::read_to_string(out.join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["run"]["complete"], false);
    assert!(out.join("report.html").is_file());
}

#[test]
fn a_termination_ends_a_run_cleanly_too() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let child = long_run(&out, &[]);
    kill_process(pid(&child), Signal::TERM).expect("a signal");
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(143), "{}", String::from_utf8_lossy(&output.stderr));
    let run = hopmark::store::load(&out).expect("a run");
    assert_eq!(run.manifest.ending.expect("an ending").reason.as_deref(), Some("terminated"));
    assert!(out.join("summary.json").is_file());
}

/// The children of a process, from the kernel's own list.
fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// The state and the parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_run_keeps_what_it_measured_and_leaves_no_simulator_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let mut child = long_run(&out, &[]);
    let simulators = children_of(child.id());
    assert_eq!(simulators.len(), 1, "the simulator is its child");
    child.kill().expect("killed");
    child.wait().expect("its end");
    let since = Instant::now();
    while stat(simulators[0]).is_some_and(|(state, _)| state != 'Z') {
        assert!(since.elapsed() < Duration::from_secs(20), "the simulator lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, printed) = outcome_of(hopmark(&["report"]).arg(&out).args(["--format", "terminal,html,json"]));
    let summary = std::fs::read_to_string(out.join("summary.json")).expect("a summary");
    let late = code == 4 && was_only_late(&serde_json::from_str(&summary).expect("JSON"));
    assert!(code == 0 || late, "{printed}");
    let run = hopmark::store::load(&out).expect("a run");
    assert!(run.samples.len() >= 40 && run.manifest.ending.is_none());
    assert!(out.join("report.html").is_file());
}

#[test]
#[cfg(unix)]
fn a_full_disk_ends_a_run_and_keeps_its_rows() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let (file, out) = (folder.path().join("p.toml"), folder.path().join("out"));
    let profile = PROFILE.replace("40/s", "200/s").replace("duration = \"2s\"", "duration = \"60s\"");
    std::fs::write(&file, profile + &sim.paths(&["direct"])).expect("a profile");
    // No file may grow beyond 128 blocks (64 or 128 KiB); the write then fails instead of killing the process.
    let script = format!(
        "trap '' XFSZ; ulimit -f 128; exec '{}' run '{}' --quiet --out '{}'",
        env!("CARGO_BIN_EXE_hopmark"),
        file.display(),
        out.display()
    );
    let (code, printed) = outcome_of(Command::new("sh").args(["-c", &script]).env("HOPMARK_TRUTH_KEY", KEY));
    assert!(code == 1 && printed.contains("requests.csv"), "{code} {printed}");
    let run = hopmark::store::load(&out).expect("a run");
    assert!(run.samples.len() > 100, "{} rows", run.samples.len());
}

#[test]
#[cfg(unix)]
fn workers_that_cannot_begin_end_the_run() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    std::fs::write(&file, format!("workers = 40\n{PROFILE}{}", sim.paths(&["direct"]))).expect("a profile");
    // Forty runtimes want more than eighty descriptors; which of them, or the health monitor, goes without differs.
    for files in [40, 50, 60, 65, 70, 80] {
        let script = format!(
            "ulimit -n {files}; exec '{}' run '{}' --quiet --out '{}'",
            env!("CARGO_BIN_EXE_hopmark"),
            file.display(),
            folder.path().join(format!("out-{files}")).display()
        );
        let (code, printed) = outcome_of(Command::new("sh").args(["-c", &script]).env("HOPMARK_TRUTH_KEY", KEY));
        assert!(code == 1, "{files}: {code} {printed}");
        let error = printed.lines().find(|line| line.starts_with("error: "));
        assert!(error.is_some_and(|error| error.contains("ulimit -n")), "{files}: {printed}");
    }
}

#[test]
fn init_writes_a_profile_once() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("mine.toml");
    let (code, printed) = outcome_of(hopmark(&["init"]).arg(&file));
    assert!(code == 0 && printed.contains("mine.toml") && printed.lines().count() == 1, "{printed}");
    let (code, printed) = outcome_of(hopmark(&["init"]).arg(&file));
    assert!(code == 2 && printed.contains("--force"), "{printed}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = hopmark(&["run", "--dry-run", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    std::io::stderr().write_all(&output.stderr).expect("stderr");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
