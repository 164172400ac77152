//! The words of the server reach the user, in every form of a report and also after a kill; secrets never do.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/scripted.rs"]
mod scripted;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scripted::{Do, Scripted, good, whole};
use serde_json::Value;

const KEY: &str = "Sec/ret+Key=0123456789-abcdef";

fn hopmark(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
    command.args(args).env("HOPMARK_WORDS_KEY", KEY).stdin(Stdio::null());
    command
}

fn run(url: &str, out: &Path, more: &[&str]) -> Command {
    let mut command = hopmark(&["run", "--quiet", "--skip-preflight", "--model", "m", "--rate", "20/s"]);
    command.args(["--warmup", "0s", "--key-env", "HOPMARK_WORDS_KEY", "--set"]);
    command.arg("path.direct.timeouts={ connect = \"2s\", first_byte = \"400ms\", gap = \"400ms\" }");
    // Behaviours come in turn, each on a connection of its own, and all of them fail.
    command.args(["--set", "limits.failures_in_a_row=1000"]);
    command.args(["--set", "path.direct.connections={ policy = \"fresh\" }"]);
    command.arg("--path").arg(format!("direct={url}")).arg("--out").arg(out).args(more);
    if !more.contains(&"--duration") {
        command.args(["--duration", "1s"]);
    }
    command
}

/// What a run prints, and its `summary.json`.
fn carried_out(url: &str, out: &Path, more: &[&str]) -> (String, Value) {
    let output = run(url, out, more).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let summary = std::fs::read_to_string(out.join("summary.json")).unwrap_or_else(|error| panic!("{error}: {told}"));
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    let schema = serde_json::from_str(&hopmark::command::schema::summary()).expect("JSON");
    jsonschema::validate(&schema, &summary).unwrap_or_else(|error| panic!("{}: {error}", error.instance_path()));
    (told, summary)
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// What a server does, the class of the error, and what is told of it. Each behaviour comes in its turn.
fn expect_messages(table: Vec<(&'static str, Do, &'static str)>) {
    let (count, next) = (table.len(), AtomicUsize::new(0));
    let behaviours: Vec<Do> = table.iter().map(|(_, behaviour, _)| behaviour.clone()).collect();
    let server = Scripted::start(move |_| behaviours[next.fetch_add(1, Ordering::SeqCst) % count].clone());
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let (told, summary) = carried_out(&server.url(), &out, &["--duration", "2s"]);
    let path = &summary["paths"]["direct"];
    let page = std::fs::read_to_string(out.join("report.html")).expect("a page");
    for (class, _, message) in &table {
        let seen = &path["errors_seen"][class];
        assert!(seen["message"].as_str().is_some_and(|said| said.contains(message)), "{class}: {path}");
        assert_eq!(seen["count"], path["errors"][class], "{class}");
        let between = [&seen["first_ms"], &seen["last_ms"]].map(|ms| ms.as_f64().expect("a time"));
        assert!(0.0 < between[0] && between[0] <= between[1] && between[1] < 20_000.0, "{class}: {between:?}");
        assert!(told.contains(class) && told.contains(message), "{class}: {told}");
        assert!(page.contains(message), "{class}");
    }
    assert_eq!(path["errors_seen"].as_object().expect("errors").len(), count, "{path}");
    let written = std::fs::read_to_string(out.join("errors.jsonl")).expect("errors");
    assert_eq!(written.lines().count(), count, "{written}");
}

#[test]
fn each_class_of_errors_has_its_sample() {
    let json = |status, extra: &'static str, body: &str| Do::Answer(whole(status, "application/json", extra, body));
    let begun = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
                 data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let event = "data: {\"error\":{\"message\":\"the engine broke\",\"code\":\"server_error\"}}\n\n";
    let limit = "data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n";
    let refused = r#"{"error":{"message":"Unrecognized request argument supplied: stream_options","code":null}}"#;
    let moved = "location: https://gw.example/v1/?key=k\r\n";
    expect_messages(vec![
        ("http_400", json(400, "", refused), "Unrecognized request argument supplied: stream_options"),
        ("http_422", json(422, "", r#"{"detail":[{"loc":["body","n"],"msg":"too many"}]}"#), "body.n: too many"),
        ("http_308", json(308, moved, ""), "redirect to https://gw.example/v1/?..."),
        ("http_429", json(429, "retry-after: 20\r\n", r#"{"message":"slow down"}"#), "slow down; Retry-After: 20 s"),
        ("http_503", json(503, "retry-after-ms: 1500\r\n", ""), "Retry-After: 1.5 s"),
        ("http_500", json(500, "", ""), "the server failed without a message"),
        (
            "http_502",
            Do::Answer(whole(502, "text/html", "", "<html><title>502 Bad Gateway</title>")),
            "HTML page: 502 Bad Gateway",
        ),
        ("stream_error", Do::Answer(whole(200, "text/event-stream", "", event)), "server_error: the engine broke"),
        ("connection_reset", Do::Reset, "reset"),
        ("timeout_first_byte", Do::Hold(Vec::new()), "timeouts.first_byte is 400ms"),
        ("timeout_gap", Do::Hold(begun.into()), "timeouts.gap is 400ms"),
    ]);
    expect_messages(vec![
        ("stream_error", Do::Cut([begun, event].concat().into()), "server_error: the engine broke"),
        ("stream_throttled", Do::Cut([begun, limit].concat().into()), "rate_limit_exceeded: slow down"),
        ("http_503", json(503, "retry-after: soon\r\n", "{\"error\":\"busy\"}"), "busy; Retry-After: soon"),
    ]);
}

#[test]
fn a_connection_that_is_refused_is_called_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let folder = tempfile::tempdir().expect("folder");
    let (told, summary) = carried_out(&format!("http://{closed}/v1"), &folder.path().join("out"), &[]);
    let seen = &summary["paths"]["direct"]["errors_seen"]["connect_refused"];
    assert_eq!(seen["message"], format!("connection refused by {closed}"));
    assert!(told.contains("connection refused by") && !told.contains("nobody listens"), "{told}");
}

#[test]
fn a_run_without_errors_has_none() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let server = Scripted::start(|asked| Do::Answer(good(asked)));
    let (told, summary) = carried_out(&server.url(), &out, &[]);
    assert_eq!(summary["paths"]["direct"]["errors_seen"], serde_json::json!({}));
    assert!(!out.join("errors.jsonl").exists() && !told.contains("What went wrong"), "{told}");
}

#[test]
fn a_failed_objective_tells_the_words_in_junit_and_markdown() {
    let folder = tempfile::tempdir().expect("folder");
    let (file, out) = (folder.path().join("p.toml"), folder.path().join("out"));
    let server = Scripted::start(|_| Do::Answer(whole(429, "application/json", "", r#"{"message":"quota <gone>"}"#)));
    let profile = format!(
        "name = \"w\"\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 20\noutput_tokens = 4\n[load]\n\
         rate = \"40/s\"\nwarmup = \"0s\"\nduration = \"2s\"\n[[path]]\nname = \"direct\"\nbase_url = \"{}\"\n\
         [[objective]]\npath = \"direct\"\nexpr = \"error_rate < 1%\"\n",
        server.url()
    );
    std::fs::write(&file, profile).expect("a profile");
    let args = ["run", file.to_str().expect("a path"), "--quiet", "--skip-preflight", "--out"];
    hopmark(&args).arg(&out).output().expect("it runs");
    let junit = std::fs::read_to_string(out.join("junit.xml")).expect("junit");
    assert!(junit.contains("http_429 (") && junit.contains("quota &lt;gone&gt;"), "{junit}");
    let output = hopmark(&["report"]).arg(&out).args(["--format", "md"]).output().expect("it runs");
    let markdown = std::fs::read_to_string(out.join("summary.md")).expect("markdown");
    assert!(markdown.contains("quota &lt;gone&gt;"), "{markdown} {output:?}");
}

#[test]
fn a_killed_run_and_one_without_the_file_are_reported() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let server = Scripted::start(|_| Do::Answer(whole(503, "application/json", "", r#"{"error":"backend gone"}"#)));
    let mut child = run(&server.url(), &out, &["--duration", "60s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let since = Instant::now();
    while !out.join("errors.jsonl").exists() {
        assert!(since.elapsed() < Duration::from_secs(30), "no errors are written");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("its end");
    for (written, message) in [(true, "backend gone"), (false, "the server failed without a message")] {
        if !written {
            std::fs::remove_file(out.join("errors.jsonl")).expect("removed");
        }
        let output = hopmark(&["report"]).arg(&out).args(["--format", "terminal,json"]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let summary: Value =
            serde_json::from_slice(&std::fs::read(out.join("summary.json")).expect("a summary")).expect("JSON");
        let seen = &summary["paths"]["direct"]["errors_seen"]["http_503"];
        assert!(told.contains(message) && seen["message"] == message, "{told}");
        assert_eq!(seen["count"], summary["paths"]["direct"]["errors"]["http_503"]);
        assert!(seen["first_ms"].as_f64() <= seen["last_ms"].as_f64() && seen["first_ms"].is_f64(), "{seen}");
    }
}

/// Every spelling in which a server may repeat a key.
fn spellings() -> Vec<String> {
    let percent: String = KEY.bytes().map(|b| format!("%{b:02X}")).collect();
    let url: String = KEY.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    let coded = STANDARD.encode(KEY);
    vec![
        KEY.to_owned(),
        KEY.to_uppercase(),
        KEY.to_lowercase(),
        url.clone(),
        url.to_lowercase(),
        percent,
        coded,
        STANDARD.encode(format!("Bearer {KEY}")),
        KEY.bytes().map(|b| format!("{b:02x}")).collect(),
    ]
}

fn tells_no_secret(text: &str, place: &str) {
    for spelled in spellings() {
        assert!(!text.contains(&spelled), "{place} holds the key as {spelled}");
    }
    // Not even half of it.
    assert!(!text.to_lowercase().contains(&KEY[..KEY.len() / 2].to_lowercase()), "{place} holds half of the key");
}

fn nothing_tells(told: &str, dir: &Path) {
    tells_no_secret(told, "what is printed");
    for file in walk(dir) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("a file")).into_owned();
        tells_no_secret(&text, &file.display().to_string());
    }
}

/// An answer that repeats a key everywhere: in its message, its redirect and its names for the call.
fn repeating(status: u16, spelled: &str) -> Vec<u8> {
    let extra = format!(
        "location: https://x:{spelled}@h.example/{spelled}/v1?key={spelled}\r\nx-request-id: {spelled}\r\n\
         x-ms-region: {spelled}\r\nx-{}: {spelled}\r\n",
        KEY.len()
    );
    let body = match status {
        200 => format!("data: {{\"error\":{{\"message\":\"bad key {spelled}\"}}}}\n\n"),
        300..400 => String::new(),
        400..500 => {
            serde_json::json!({"error": {"message": format!("bad key {spelled}, sorry"), "code": spelled}}).to_string()
        }
        _ => format!("bad key {spelled}"),
    };
    whole(status, "text/event-stream", &extra, &body)
}

#[test]
fn a_key_that_the_server_repeats_is_nowhere() {
    // Each spelling under a status of its own, so that each is a class with its sample.
    let mut answers: Vec<_> = spellings()
        .into_iter()
        .zip(0..)
        .flat_map(|(spelled, i)| [320 + i, 450 + i, 520 + i].map(|status| repeating(status, &spelled)))
        .collect();
    answers.push(repeating(200, KEY));
    let (count, next) = (answers.len(), AtomicUsize::new(0));
    let server = Scripted::start(move |_| Do::Answer(answers[next.fetch_add(1, Ordering::SeqCst) % count].clone()));
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let (told, summary) = carried_out(&server.url(), &out, &["--duration", "3s"]);
    let seen = summary["paths"]["direct"]["errors_seen"].as_object().expect("errors");
    assert_eq!(seen.len(), count, "{seen:?}");
    for (class, seen) in seen {
        assert!(seen["message"].as_str().expect("a text").contains("***"), "{class}: {seen}");
    }
    nothing_tells(&told, &out);
    hopmark(&["report"]).arg(&out).args(["--format", "md,junit,csv,json"]).output().expect("it runs");
    nothing_tells("", &out);
}

#[test]
fn a_key_that_is_repeated_to_the_preflight_is_nowhere() {
    for (status, spelled) in [(401, 0), (308, 0), (500, 3), (403, 7), (200, 6)] {
        let answer = repeating(status, &spellings()[spelled]);
        let server = Scripted::start(move |_| Do::Answer(answer.clone()));
        let folder = tempfile::tempdir().expect("folder");
        let out = folder.path().join("out");
        let mut tried = hopmark(&["run", "--model", "m", "--rate", "10/s", "--duration", "500ms", "--warmup", "0s"]);
        tried.args(["--key-env", "HOPMARK_WORDS_KEY", "--path"]).arg(format!("direct={}", server.url()));
        let tried = tried.arg("--out").arg(&out).output().expect("it runs");
        let told = String::from_utf8_lossy(&tried.stdout).into_owned() + &String::from_utf8_lossy(&tried.stderr);
        assert!(told.contains("***"), "{told}");
        nothing_tells(&told, folder.path());
    }
}
