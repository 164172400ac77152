//! Nothing that was measured is lost, whatever happens around a run: other runs beside it, standard streams that are gone,
//! a terminal that closes, a kill. And what a data file holds is what is sent.

#![cfg(unix)]

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopmark::measure::outcome::{ErrorClass, Outcome};
use hopmark::store;
use process::{KEY, Sim, fast_sim, hopmark, long_run, pid, printed, rows, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROFILE: &str = r#"
name = "nothing-lost"
[workload]
kind = "synthetic"
model = "gpt-4o"
input_tokens = 40
output_tokens = 4
[load]
rate = "40/s"
warmup = "500ms"
duration = "2s"
"#;

/// A profile of this simulator, in a folder of its own.
fn profile(folder: &Path, sim: &Sim, duration: &str) -> PathBuf {
    let file = folder.join("p.toml");
    let text = PROFILE.replace("duration = \"2s\"", &format!("duration = \"{duration}\""));
    fs::write(&file, text + &sim.paths(&["direct"])).expect("a profile");
    file
}

/// What a shell script with hopmark in `$HOPMARK` comes to.
fn shell(folder: &Path, script: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(folder).env("HOPMARK", env!("CARGO_BIN_EXE_hopmark"));
    command.env("HOPMARK_TRUTH_KEY", KEY).stdin(Stdio::null()).output().expect("a shell")
}

fn has_summary_and_report(dir: &Path) -> bool {
    let summary = fs::read(dir.join("summary.json")).ok();
    let whole = summary.is_some_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok());
    whole && dir.join("report.html").is_file()
}

/// Whether a run ended as `expected`, or, because the machine was busy, with 4.
fn is(code: Option<i32>, expected: i32) -> bool {
    code == Some(expected) || code == Some(4)
}

// Two runs, one folder.

#[test]
fn of_runs_that_share_a_folder_one_alone_measures() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = profile(folder.path(), &sim, "2s");
    let out = folder.path().join("deep/below/out");
    let start = || {
        let mut command = hopmark(&["run", "--quiet"]);
        command.arg(&file).arg("--out").arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it runs")
    };
    let children: Vec<Child> = (0..4).map(|_| start()).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().expect("its end")).collect();
    let (refused, carried_out): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.code() == Some(1));
    assert_eq!((refused.len(), carried_out.len()), (3, 1), "{:?}", outputs.iter().map(printed).collect::<Vec<_>>());
    for output in refused {
        let printed = printed(output);
        assert!(
            printed.lines().count() == 1 && printed.starts_with("error: ") && printed.contains("--out"),
            "{printed}"
        );
    }
    let run = store::load(&out).expect("a run");
    assert!(run.is_complete() && run.measured().count() >= 40, "{} rows", run.samples.len());
    assert!(has_summary_and_report(&out) && !out.join(".claim").exists());
    let again = start().wait_with_output().expect("its end");
    assert!(again.status.code() == Some(1) && printed(&again).contains("is not empty"), "{}", printed(&again));
    assert_eq!(store::load(&out).expect("a run").samples, run.samples, "the first run is as it was");
}

#[test]
fn runs_that_begin_in_one_second_have_folders_of_their_own() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = profile(folder.path(), &sim, "1s");
    let start = || {
        let mut command = hopmark(&["run", "--quiet"]);
        command.arg(&file).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("it runs")
    };
    let children: Vec<Child> = (0..3).map(|_| start()).collect();
    for mut child in children {
        assert!(is(child.wait().expect("its end").code(), 0));
    }
    let dirs: Vec<_> =
        fs::read_dir(folder.path().join("results")).expect("results").map(|dir| dir.expect("one").path()).collect();
    assert_eq!(dirs.len(), 3, "{dirs:?}");
    for dir in dirs {
        assert!(store::load(&dir).expect("a run").is_complete() && has_summary_and_report(&dir), "{}", dir.display());
    }
}

#[test]
fn a_folder_that_a_run_gave_up_may_be_taken_by_the_next() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = profile(folder.path(), &sim, "1s");
    let out = folder.path().join("out");
    let run = |key: &str| {
        let mut command = hopmark(&["run", "--quiet"]);
        command.arg(&file).arg("--out").arg(&out).env("HOPMARK_TRUTH_KEY", key).output().expect("it runs")
    };
    let refused = run("another-key");
    assert!(refused.status.code() == Some(1) && printed(&refused).contains("401"), "{}", printed(&refused));
    assert!(is(run(KEY).status.code(), 0));
}

#[test]
fn a_folder_that_cannot_be_written_is_said_in_a_sentence() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = profile(folder.path(), &sim, "1s");
    for out in [file.clone(), file.join("below"), PathBuf::from("/proc/nowhere/out")] {
        let output = hopmark(&["run", "--quiet"]).arg(&file).arg("--out").arg(&out).output().expect("it runs");
        let printed = printed(&output);
        assert!(
            output.status.code() == Some(1)
                && printed.lines().count() == 1
                && printed.contains(out.to_str().expect("text")),
            "{printed}"
        );
    }
    assert!(sim.ledger("direct").is_empty(), "nothing was sent");
}

// Standard streams that are gone.

#[test]
fn streams_that_refuse_end_no_run() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    profile(folder.path(), &sim, "1s");
    for (name, redirected) in [
        ("full-err", "2> /dev/full"),
        ("full-both", "> /dev/full 2>&1"),
        ("closed", ">&- 2>&-"),
        ("gone", "2>&1 | true"),
        ("closed-in", "<&- > /dev/full"),
    ] {
        let script =
            format!("\"$HOPMARK\" run p.toml --out {name} {redirected}; echo ${{PIPESTATUS[0]}} > {name}.code");
        let output = shell(folder.path(), &script);
        let code = fs::read_to_string(folder.path().join(format!("{name}.code"))).expect("a code");
        assert!(is(code.trim().parse().ok(), 0), "{name}: {code} {}", printed(&output));
        assert!(has_summary_and_report(&folder.path().join(name)), "{name}");
    }
}

#[test]
fn an_interrupt_in_a_pipeline_leaves_summary_and_report() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = profile(folder.path(), &sim, "120s");
    let out = folder.path().join("out");
    for extra in [&[][..], &["--json"]] {
        let _ = fs::remove_dir_all(&out);
        // As `2>&1 | tee log` and Ctrl-C: whoever reads ends at once, the run a little later.
        let mut command = hopmark(&["run"]);
        command.arg(&file).args(extra).arg("--out").arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        wait_until("rows", || rows(&out) > 40);
        drop((child.stdout.take(), child.stderr.take()));
        kill_process(pid(&child), Signal::INT).expect("a signal");
        assert_eq!(child.wait().expect("its end").code(), Some(130), "{extra:?}");
        assert!(has_summary_and_report(&out), "{extra:?}");
    }
}

#[test]
fn a_result_that_could_not_be_handed_over_is_an_error() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    profile(folder.path(), &sim, "1s");
    assert!(is(shell(folder.path(), "\"$HOPMARK\" run p.toml --quiet --out done > log").status.code(), 0));
    for (name, script) in [
        ("run --json", "\"$HOPMARK\" run p.toml --quiet --json --out json > /dev/full"),
        ("--dry-run", "\"$HOPMARK\" run p.toml --quiet --dry-run > /dev/full"),
        ("schema", "\"$HOPMARK\" schema profile > /dev/full"),
        ("report", "\"$HOPMARK\" report done > /dev/full"),
        ("trend --json", "\"$HOPMARK\" trend done --json > /dev/full"),
        ("trend", "\"$HOPMARK\" trend done > /dev/full"),
        ("init", "\"$HOPMARK\" init mine.toml > /dev/full"),
        ("sim --describe", "\"$HOPMARK\" sim --describe > /dev/full"),
    ] {
        let output = shell(folder.path(), script);
        let printed = printed(&output);
        assert_eq!((output.status.code(), printed.lines().count()), (Some(1), 1), "{name}: {printed}");
        assert!(printed.starts_with("error: ") && printed.contains("No space left"), "{name}: {printed}");
    }
    assert!(has_summary_and_report(&folder.path().join("json")), "the files are there all the same");
    assert_eq!(shell(folder.path(), "\"$HOPMARK\" --help > /dev/full").status.code(), Some(1));
    // Whoever leaves a result unread did not get it, and is not there to be told.
    let gone = shell(folder.path(), "\"$HOPMARK\" trend done --json 2> err | exec <&-; echo ${PIPESTATUS[0]}; cat err");
    assert!(["0\n", "1\n"].contains(&printed(&gone).as_str()), "{}", printed(&gone));
    let seen = shell(folder.path(), "set -o pipefail; \"$HOPMARK\" schema profile | head -n 1");
    assert!(seen.status.success() && printed(&seen).starts_with('{'), "{}", printed(&seen));
}

// A terminal that closes, and a kill.

#[test]
fn a_terminal_that_closes_ends_a_run_like_a_termination() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let child = long_run(&out, &["--quiet"]);
    // The shell and the kernel each send one, to every process of the terminal.
    for _ in 0..2 {
        simulators(child.id())
            .into_iter()
            .for_each(|simulator| kill_process(simulator, Signal::HUP).expect("a signal"));
        kill_process(pid(&child), Signal::HUP).expect("a signal");
    }
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(143), "{}", printed(&output));
    let run = store::load(&out).expect("a run");
    let ending = run.manifest.ending.as_ref().expect("an end");
    assert!(ending.reason.as_deref().is_some_and(|why| why.contains("SIGHUP")), "{ending:?}");
    assert!(ending.ended_by_signal(), "{ending:?}");
    // On a busy machine a call may last longer than it is waited for; none may break because its server is gone.
    let cut = Outcome::Incomplete(ErrorClass::Interrupted);
    let broken: Vec<_> = run.samples.iter().filter(|sample| !sample.outcome.is_ok() && sample.outcome != cut).collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert!(has_summary_and_report(&out));
}

/// The children of a process.
fn simulators(parent: u32) -> Vec<Pid> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_under_nohup_goes_on() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    profile(folder.path(), &sim, "3s");
    let out = folder.path().join("out");
    let script = "trap '' HUP; exec \"$HOPMARK\" run p.toml --quiet --out out";
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(folder.path()).env("HOPMARK", env!("CARGO_BIN_EXE_hopmark"));
    command.env("HOPMARK_TRUTH_KEY", KEY).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    wait_until("rows", || rows(&out) > 20);
    kill_process(pid(&child), Signal::HUP).expect("a signal");
    assert!(is(child.wait().expect("its end").code(), 0));
    assert!(store::load(&out).expect("a run").is_complete());
}

#[test]
fn histograms_of_a_killed_run_are_as_fresh_as_its_rows() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    // So long that an interval lasts ten seconds.
    let file = profile(folder.path(), &sim, "1200s");
    let out = folder.path().join("out");
    let mut command = hopmark(&["run", "--quiet"]);
    command.arg(&file).arg("--out").arg(&out).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    wait_until("rows", || rows(&out) > 160);
    child.kill().expect("killed");
    child.wait().expect("its end");
    let run = store::load(&out).expect("a run");
    let measured = run.measured().filter(|sample| sample.outcome.is_ok()).count() as u64;
    let tag = ["direct;e2e".to_owned()];
    let count = |logged: &mut u64, interval: store::histograms::LoggedInterval| {
        *logged += interval.values.len();
        Ok(())
    };
    let logged = store::histograms::read(&out.join("histograms.hlog"), &tag, || 0, count).expect("a log");
    // At 40 calls a second: one second of a worker's recording and one flush, with arrivals that are not even.
    let beat = 2 * 40 + 30;
    assert!(measured > 100 && logged.abs_diff(measured) <= beat, "{logged} recorded, {measured} rows");
    let report = hopmark(&["report"]).arg(&out).output().expect("it runs");
    assert!(is(report.status.code(), 0) && has_summary_and_report_of(&out), "{}", printed(&report));
}

/// `hopmark report` writes no files by default: the run is read and judged all the same.
fn has_summary_and_report_of(dir: &Path) -> bool {
    let written = hopmark(&["report", "--format", "json,html"]).arg(dir).output().expect("it runs");
    is(written.status.code(), 0) && has_summary_and_report(dir)
}

// Data files.

/// A server that answers every chat completion and keeps what it was asked. It ends with the test.
struct Keeper {
    address: std::net::SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Keeper {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().take(200).flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { address, bodies }
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    while let Some(body) = request(&mut stream) {
        let is_stream = body.contains("\"stream\":true");
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        let message = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        let event = message.replace("\"message\"", "\"delta\"");
        let (kind, text) = match is_stream {
            true => ("text/event-stream", format!("data: {event}\n\ndata: [DONE]\n\n")),
            false => ("application/json", message.to_owned()),
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", text.len());
        if stream.write_all((head + &text).as_bytes()).is_err() {
            return;
        }
    }
}

/// The body of the next request; nothing at the end of the connection.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&piece[..count]);
        let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&seen[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse::<usize>().ok()?;
        if seen.len() >= end + 4 + length {
            return Some(String::from_utf8_lossy(&seen[end + 4..]).into_owned());
        }
    }
}

/// Runs a workload of a file for two seconds; gives how it ended, what was printed and what was sent.
fn sent(workload: &str, name: &str, bytes: &[u8], load: &str) -> (i32, String, Vec<String>, Option<hopmark::run::Run>) {
    let keeper = Keeper::start();
    let folder = tempfile::tempdir().expect("folder");
    File::create(folder.path().join(name)).and_then(|mut file| file.write_all(bytes)).expect("a data file");
    let file = folder.path().join("p.toml");
    let text = format!(
        "name = \"d\"\n[workload]\nfile = \"{name}\"\nmodel = \"gpt-4o\"\nmax_output_tokens = 16\n{workload}\n\
         [load]\n{load}\nwarmup = \"0s\"\nduration = \"2s\"\n\
         [[path]]\nname = \"direct\"\nbase_url = \"http://{}\"\n",
        keeper.address
    );
    fs::write(&file, text).expect("a profile");
    let out = folder.path().join("out");
    let output = hopmark(&["run", "--quiet"]).arg(&file).arg("--out").arg(&out).output().expect("it runs");
    let code = output.status.code().expect("no signal");
    (code, printed(&output), keeper.bodies(), store::load(&out).ok())
}

const RATE: &str = "rate = \"8/s\"";

#[test]
fn a_body_goes_out_as_it_stands_in_the_file() {
    let schema = r#"{"type":"object","properties":{"steps":{"type":"string"},"answer":{"type":"number","minimum":1.0,"maximum":1e3}},"required":["steps","answer"]}"#;
    let body = format!(
        r#"{{"temperature":1.0,"messages":[{{"role":"user","content":"Hi"}}],"model":"x","response_format":{{"type":"json_schema","json_schema":{{"name":"s","schema":{schema}}}}},"seed":12345678901234567890123,"max_tokens":900,"a":1}}"#
    );
    let row = format!("{{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{body}}}\n");
    let (code, printed, bodies, _) = sent("kind = \"dataset\"\nstream = false", "b.jsonl", row.as_bytes(), RATE);
    assert!([0, 4].contains(&code), "{printed}");
    let asked: Vec<&String> = bodies.iter().filter(|body| body.contains("response_format")).collect();
    assert!(!asked.is_empty());
    for sent in asked {
        let (before, after) = body.split_once("\"content\":\"").expect("a text");
        assert!(sent.starts_with(&format!("{before}\"content\":\"")), "{sent}");
        let salt = &sent[before.len() + 11..][..14];
        assert!(salt.ends_with("\\n") && salt[..12].bytes().all(|byte| byte.is_ascii_digit()), "{salt}");
        let expected =
            after.replace("\"model\":\"x\"", "\"model\":\"gpt-4o\"").replace("\"max_tokens\":900", "\"max_tokens\":16");
        let expected = expected.strip_suffix('}').expect("an object").to_owned() + ",\"stream\":false}";
        assert_eq!(&sent[before.len() + 25..], expected);
    }
}

#[test]
fn data_files_of_every_editor_and_shape_are_read() {
    let batch = "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}}";
    let sharegpt = "{\"id\":\"a\",\"conversations\":[{\"from\":\"human\",\"value\":\"Hello\"},{\"from\":\"gpt\",\"value\":\"There\"}]}";
    for (word, name, text) in [
        ("a byte order mark and CRLF", "b.jsonl", format!("\u{feff}{batch}\r\n{batch}\r\n\r\n")),
        ("ShareGPT over many lines", "s.json", format!("[\n  {sharegpt},\n  {sharegpt}\n]\n")),
        ("ShareGPT on one line", "s.json", format!("[{sharegpt},{sharegpt}]")),
        ("Alpaca", "a.json", "[{\"instruction\":\"Hello\",\"input\":\"\",\"output\":\"There\"}]".to_owned()),
        ("a table", "p.csv", "\u{feff}id,prompt\r\n1,Hello\r\n".to_owned()),
    ] {
        let (code, printed, bodies, run) = sent("kind = \"dataset\"", name, text.as_bytes(), RATE);
        assert!([0, 4].contains(&code), "{word}: {printed}");
        assert!(run.is_some_and(|run| run.measured().all(|sample| sample.outcome.is_ok())), "{word}");
        let asked: Vec<&String> = bodies.iter().filter(|body| body.contains("\\nHello\"")).collect();
        assert!(!asked.is_empty() && asked.iter().all(|body| !body.contains("There")), "{word}: {bodies:?}");
    }
}

#[test]
fn what_is_not_read_is_named_before_anything_is_sent() {
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("{\"prompt\":\"Hi\"}".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (kind, name, bytes, part) in [
        ("dataset", "d.jsonl", &utf16[..], "UTF-16"),
        ("dataset", "d.parquet", b"PAR1\x15\x04", "Parquet"),
        ("dataset", "d.jsonl.gz", b"\x1f\x8b\x08\0\0", "gzip"),
        ("dataset", "d.jsonl", b"{\"foo\":1}\n", "\"foo\""),
        ("dataset", "d.csv", b"TIMESTAMP,ContextTokens,GeneratedTokens\n", "kind = \"trace\""),
        ("dataset", "d.jsonl", b"{\"custom_id\":\"a\",\"response\":{}}\n", "output of a batch"),
        ("trace", "t.jsonl", b"{\"messages\":[]}\n", "kind = \"dataset\""),
        ("trace", "t.jsonl", b"[\n{\"input_length\":1,\"output_length\":2},\n{\"input_length\":x}\n]", "t.jsonl:3:"),
    ] {
        let (code, printed, bodies, _) = sent(&format!("kind = \"{kind}\""), name, bytes, RATE);
        assert!(
            code == 2 && printed.lines().count() == 1 && printed.contains(name) && printed.contains(part),
            "{part}: {printed}"
        );
        assert!(bodies.is_empty(), "{part}");
    }
}

#[test]
fn the_times_of_a_trace_are_what_they_are_or_asked_for() {
    let row = |time: &str| format!("{{{time}\"input_length\":20,\"output_length\":8}}\n");
    let without: String = (0..6).map(|_| row("")).collect();
    let seconds: String = (0..5).map(|n| row(&format!("\"timestamp\":{:.1},", 0.4 * f64::from(n)))).collect();
    let (trace, own) = ("kind = \"trace\"", "arrivals = \"trace\"");
    let (code, printed, bodies, _) = sent(trace, "t.jsonl", without.as_bytes(), RATE);
    assert!([0, 4].contains(&code) && !bodies.is_empty(), "times that are not used: {printed}");
    let (code, printed, bodies, _) = sent(trace, "t.jsonl", without.as_bytes(), own);
    assert!(code == 2 && printed.contains("t.jsonl:1: missing field `timestamp`") && bodies.is_empty(), "{printed}");
    let (code, printed, bodies, _) = sent(trace, "t.jsonl", seconds.as_bytes(), own);
    assert!(
        code == 2 && printed.contains("workload.time_unit") && printed.lines().count() == 1 && bodies.is_empty(),
        "{printed}"
    );
    let (code, printed, _, run) = sent(&format!("{trace}\ntime_unit = \"s\""), "t.jsonl", seconds.as_bytes(), own);
    assert!([0, 4].contains(&code), "{printed}");
    let run = run.expect("a run");
    let mut at: Vec<u128> =
        run.samples.iter().map(|sample| sample.stamps.intended.since(run.manifest.origin).as_millis()).collect();
    at.sort_unstable();
    assert_eq!(at, [0, 400, 800, 1200, 1600]);
}
