//! The preflight as a person meets it: what will not get better stops the run with the server's own words, what may get
//! better is told and measured, and what is sent is what the run sends.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/scripted.rs"]
mod scripted;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scripted::{Do, ReceivedRequest, Scripted, good, whole};

const KEY: &str = "Sec/ret+Key=0123456789";

/// `hopmark run` over these paths for half a second; returns its exit code and what it printed.
fn run(paths: &[(&str, &str)], out: &Path, more: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
    command.args(["run", "--model", "m", "--rate", "10/s", "--warmup", "0s"]);
    if !more.contains(&"--duration") {
        command.args(["--duration", "500ms"]);
    }
    command.args(["--key-env", "HOPMARK_PREFLIGHT_KEY", "--out"]).arg(out);
    for (name, url) in paths {
        command.arg("--path").arg(format!("{name}={url}"));
        let timeouts = format!("path.{name}.timeouts={{ connect = \"2s\", first_byte = \"500ms\", gap = \"500ms\" }}");
        command.args(["--set", &timeouts]);
    }
    let output = command.args(more).env("HOPMARK_PREFLIGHT_KEY", KEY).stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked") && !told.contains("itself failed"), "{told}");
    (output.status.code().expect("no signal"), told)
}

/// One behaviour: whether it stops the run, and what is told.
struct Case {
    word: &'static str,
    stops: bool,
    parts: Vec<&'static str>,
    behave: Box<dyn Fn(&ReceivedRequest) -> Do + Send + Sync>,
}

fn case(
    word: &'static str,
    stops: bool,
    parts: &[&'static str],
    behave: impl Fn(&ReceivedRequest) -> Do + Send + Sync + 'static,
) -> Case {
    Case { word, stops, parts: parts.to_vec(), behave: Box::new(behave) }
}

fn json(status: u16, extra: &'static str, body: &'static str) -> impl Fn(&ReceivedRequest) -> Do + Send + Sync {
    move |_| Do::Answer(whole(status, "application/json", extra, body))
}

fn statuses() -> Vec<Case> {
    const BODY: &str = "{\"error\":{\"message\":\"words of the server\",\"code\":null}}";
    let mut cases = Vec::new();
    for (status, word, remedy) in [
        (400, "400", "workload"),
        (401, "401", "auth.env"),
        (403, "403", "role"),
        (404, "404", "workload.model"),
        (405, "405", "base_url"),
        (413, "413", "workload.input_tokens"),
        (415, "415", "application/json"),
        (422, "422", "workload"),
    ] {
        cases.push(case(word, true, &["words of the server", remedy], json(status, "", BODY)));
    }
    for (status, word) in [(301, "301"), (302, "302"), (303, "303"), (307, "307"), (308, "308")] {
        let to = "location: https://u:p@other.example/v1/chat/completions?key=no-secret\r\n";
        let parts = ["redirect to https://other.example/v1/chat/completions", "base_url"];
        cases.push(case(word, true, &parts, json(status, to, "")));
    }
    for (status, word) in [(408, "408"), (429, "429"), (503, "503")] {
        let parts = ["words of the server", "Retry-After: 7 s"];
        cases.push(case(word, false, &parts, json(status, "retry-after: 7\r\n", BODY)));
    }
    cases
}

fn oddities() -> Vec<Case> {
    const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>x</body></html>";
    let page = |kind: &'static str| move |_: &ReceivedRequest| Do::Answer(whole(200, kind, "", PAGE));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":\
                {\"content\":\"a\"}}]}\n\n";
    vec![
        case("a good server", false, &[], |asked| Do::Answer(good(asked))),
        case("a page", true, &["HTML page: Sign in", "base_url"], page("text/html")),
        case("a page that calls itself JSON", true, &["HTML page: Sign in"], page("application/json")),
        case("a page that calls itself a stream", true, &["HTML page: Sign in"], page("text/event-stream")),
        case("a page of a broken gateway", false, &["502", "HTML page: Sign in"], |_| {
            Do::Answer(whole(502, "text/html", "", PAGE))
        }),
        case("no HTTP", true, &["base_url"], |_| Do::Cut(b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec())),
        case("never an answer", true, &["no byte of an answer in time", "500ms"], |_| Do::Hold(Vec::new())),
        case("closed without a word", false, &["preflight of chat, streamed got"], |_| Do::Cut(Vec::new())),
        case("reset", false, &["reset"], |_| Do::Reset),
        case("cut in the middle", false, &["preflight of chat, streamed got"], move |_| Do::Cut(cut.to_vec())),
        case("stalled in the middle", false, &["the answer stalled", "500ms"], move |_| Do::Hold(cut.to_vec())),
        case("JSON in place of a stream", false, &["not the stream that was asked for"], |asked| {
            Do::Answer(good(&ReceivedRequest { body: serde_json::Value::Null, ..asked.clone() }))
        }),
        case("an error in the stream", false, &["overloaded today"], |_| {
            Do::Answer(whole(200, "text/event-stream", "", "data: {\"error\":{\"message\":\"overloaded today\"}}\n\n"))
        }),
        case("no stream_options", true, &["chat, streamed", "argument supplied: stream_options"], |asked| {
            if asked.body.get("stream_options").is_none() {
                return Do::Answer(good(asked));
            }
            let said = "{\"error\":{\"message\":\"Unrecognized request argument supplied: stream_options\"}}";
            Do::Answer(whole(400, "application/json", "", said))
        }),
    ]
}

fn try_one(case: &Case, url: &str, asked: impl Fn() -> usize) {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    let (code, told) = run(&[("direct", url)], &out, &[]);
    let word = case.word;
    let line = told.lines().find(|line| line.contains(if case.stops { "error: path 'direct'" } else { "note: path" }));
    for part in &case.parts {
        assert!(line.is_some_and(|line| line.contains(part)), "{word}: no '{part}' in {told}");
    }
    assert!(told.contains("preflight: path 'direct': chat, streamed\n"), "{word}: {told}");
    assert_eq!(out.join("requests.csv").exists(), !case.stops, "{word}: {told}");
    if case.stops {
        assert_eq!((code, asked() <= 1), (1, true), "{word}: {told}");
        assert!(told.contains("--skip-preflight"), "{word}: {told}");
    } else {
        assert!(code != 1 && asked() >= 4, "{word}: {code} {told}");
        let run = hopmark::store::load(&out).expect("a run");
        assert!(asked() > run.samples.len(), "{word}: the preflight counts in no figure");
        assert_eq!(line.is_none(), case.parts.is_empty(), "{word}: {told}");
    }
}

/// The machine has few cores, and most of these wait.
fn each(cases: Vec<Case>) {
    std::thread::scope(|scope| {
        for mut part in
            cases.into_iter().enumerate().fold(vec![Vec::new(), Vec::new(), Vec::new()], |mut all, (i, case)| {
                all[i % 3].push(case);
                all
            })
        {
            scope.spawn(move || {
                for case in &mut part {
                    let behave = std::mem::replace(&mut case.behave, Box::new(|_| Do::Reset));
                    let server = Scripted::start(behave);
                    try_one(case, &server.url(), || server.received().len());
                }
            });
        }
    });
}

#[test]
fn each_status_stops_the_run_or_is_data() {
    each(statuses());
}

#[test]
fn each_oddity_stops_the_run_or_is_data() {
    each(oddities());
}

#[test]
fn what_cannot_be_reached_stops_the_run() {
    let server = Scripted::start(|_| Do::Cut(Vec::new()));
    let tls = server.url().replace("http://", "https://");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for (url, parts) in [
        (format!("http://{closed}/v1"), vec!["connection refused by 127.0.0.1", "base_url"]),
        ("http://no-such-host.invalid/v1".to_owned(), vec!["'no-such-host.invalid' does not resolve", "DNS"]),
        (tls, vec!["TLS with 127.0.0.1", "tls.ca_file"]),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let out = folder.path().join("out");
        let (code, told) = run(&[("direct", &url)], &out, &[]);
        assert_eq!((code, out.join("requests.csv").exists()), (1, false), "{told}");
        assert!(parts.iter().all(|part| told.contains(part)) && !told.contains("nobody listens"), "{told}");
    }
}

#[test]
fn every_refusal_is_told_at_once_and_may_be_left_out() {
    let words = |said: &'static str| {
        Scripted::start(move |_| Do::Answer(whole(403, "application/json", "", &format!("{{\"detail\":\"{said}\"}}"))))
    };
    let (one, two, good) =
        (words("first words"), words("second words"), Scripted::start(|asked| Do::Answer(good(asked))));
    let urls = [one.url(), good.url(), two.url()];
    let paths = [("one", urls[0].as_str()), ("good", &urls[1]), ("two", &urls[2])];
    let folder = tempfile::tempdir().expect("folder");
    let (code, told) = run(&paths, &folder.path().join("out"), &["--quiet"]);
    assert!(code == 1 && told.contains("'one'") && told.contains("first words"), "{told}");
    assert!(told.contains("'two'") && told.contains("second words") && !told.contains("'good'"), "{told}");
    assert!(!told.contains("preflight: path"), "quiet: {told}");
    let before = good.received().len();
    assert_eq!(before, 1);
    let out = folder.path().join("skipped");
    let (code, told) = run(&paths, &out, &["--skip-preflight"]);
    assert!(code != 1 && !told.contains("preflight"), "{told}");
    let run = hopmark::store::load(&out).expect("a run");
    let own = run.samples.iter().filter(|sample| sample.path.index() == 1).count();
    assert_eq!(good.received().len() - before, own);
}

/// The keys of a body with the kinds of their values, and its headers, but for what differs from call to call.
fn form(asked: &ReceivedRequest) -> (Vec<String>, Vec<String>) {
    let body = asked.body.as_object().expect("an object").iter();
    let body =
        body.filter(|(key, _)| *key != "messages" && *key != "input").map(|(key, value)| format!("{key}={value}"));
    let changing = ["x-ms-client-request-id", "content-length"];
    let head = asked.head.lines().filter(|line| !changing.iter().any(|name| line.starts_with(name)));
    (body.collect(), head.map(str::to_owned).collect())
}

#[test]
fn what_is_sent_is_what_the_run_sends() {
    let server = Scripted::start(|asked| Do::Answer(good(asked)));
    let folder = tempfile::tempdir().expect("folder");
    let data = folder.path().join("d.jsonl");
    let row = r#"{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"q"}],"temperature":0.25,"tools":[{"type":"function","function":{"name":"f"}}],"max_tokens":77}}"#;
    std::fs::write(&data, format!("{row}\n")).expect("a dataset");
    let workload =
        format!("workload={{ kind = \"dataset\", file = \"{}\", model = \"m\", stream = 0.5 }}", data.display());
    let out = folder.path().join("out");
    let (_, told) = run(&[("direct", &server.url())], &out, &["--set", &workload, "--duration", "2s"]);
    assert!(told.contains("preflight: path 'direct': chat, streamed; chat, not streamed"), "{told}");
    let (tried, made): (Vec<_>, Vec<_>) =
        server.received().into_iter().partition(|asked| asked.head.contains("preflight-"));
    let forms = |asked: &[ReceivedRequest]| {
        let mut forms: Vec<_> = asked.iter().map(form).collect();
        forms.sort();
        forms.dedup();
        forms
    };
    assert_eq!((tried.len(), forms(&tried).len()), (2, 2), "{told}");
    assert_eq!(forms(&tried), forms(&made));
    assert!(tried.iter().all(|asked| asked.body["temperature"] == 0.25 && asked.body["max_tokens"] == 77));
    let prompts: Vec<_> = made.iter().map(|asked| asked.body["messages"].clone()).collect();
    assert!(tried.iter().all(|asked| !prompts.contains(&asked.body["messages"])), "no prompt of the run is given away");
}

#[test]
fn a_slow_answer_that_is_on_its_way_is_not_waited_for() {
    let since = Instant::now();
    let drip = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let server = Scripted::start(move |asked| {
        if asked.head.contains("preflight-") { Do::Hold(drip.as_bytes().to_vec()) } else { Do::Answer(good(asked)) }
    });
    let folder = tempfile::tempdir().expect("folder");
    let patient = "path.direct.timeouts={ first_byte = \"100ms\", gap = \"60s\", total = \"300s\" }";
    let (code, told) = run(&[("direct", &server.url())], &folder.path().join("out"), &["--set", patient]);
    assert!(code != 1 && !told.contains("note: path"), "{told}");
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
}
