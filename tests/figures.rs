//! Figures as a person gets them, from servers that count strangely or not at all: each is right, or there is none and
//! a reason.

mod support;

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::time::Duration;

use hopmark::measure::sample::Sample;
use process::{Ended, run_profile};
use serde_json::Value;
use support::{RawServer, Step, answer, chunk, last_chunk, stream_head};

const PROFILE: &str = r#"
name = "figures"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = "chat"
input_tokens = { dist = "fixed", value = 20 }
output_tokens = { dist = "fixed", value = 8 }
[load]
rate = "10/s"
warmup = "0s"
duration = "1500ms"
[prices]
input = 2.0
output = 8.0
currency = "EUR"
"#;

fn event(json: &str) -> Step {
    Step::Write(chunk(&format!("data: {json}\n\n")))
}

fn text(field: &str) -> Step {
    event(&format!(r#"{{"choices":[{{"index":0,"delta":{{"{field}":"w "}},"finish_reason":null}}]}}"#))
}

/// A stream of these events, 10 ms apart, and of usage objects at its end.
fn stream(content: Vec<Step>, usages: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::Write(stream_head())];
    for step in content {
        steps.extend([step, Step::Pause(Duration::from_millis(10))]);
    }
    steps.push(event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#));
    steps.extend(usages.iter().map(|usage| event(&format!(r#"{{"choices":[],"usage":{usage}}}"#))));
    steps.extend([event("[DONE]"), Step::Write(last_chunk())]);
    steps
}

/// Runs a profile against a server of these steps.
async fn run_with(steps: Vec<Step>, profile: String) -> Ended {
    let server = RawServer::start(steps, None).await;
    let path = format!("[[path]]\nname = \"direct\"\nbase_url = \"http://{}/v1\"\n", server.address);
    let folder = tempfile::tempdir().expect("folder");
    let at = folder.path().to_owned();
    tokio::task::spawn_blocking(move || run_profile(&at, "out", &(profile + &path))).await.expect("it ends")
}

async fn run(steps: Vec<Step>) -> Ended {
    run_with(steps, PROFILE.to_owned()).await
}

fn direct<'a>(ended: &'a Ended, pointer: &str) -> &'a Value {
    ended.summary.pointer(&format!("/paths/direct{pointer}")).unwrap_or_else(|| panic!("no {pointer}"))
}

fn reason(ended: &Ended, pointer: &str) -> String {
    direct(ended, pointer).as_str().unwrap_or_else(|| panic!("no {pointer}")).to_owned()
}

fn all_rows(ended: &Ended, is: impl Fn(&Sample) -> bool) {
    assert!(!ended.run.samples.is_empty());
    assert!(ended.run.samples.iter().all(is), "{:?}", ended.run.samples[0]);
}

#[tokio::test]
async fn counts_that_were_not_sent_are_not_known_and_cost_nobody_knows_what() {
    let ended = run(stream(vec![text("content"), text("content")], &[])).await;
    ended.assert_code(0);
    let calls = direct(&ended, "/requests/ok").clone();
    assert!(calls.as_u64() > Some(0), "{calls}");
    all_rows(&ended, |row| row.input_tokens.is_none() && row.output_tokens.is_none() && row.total_tokens.is_none());
    for side in ["input", "output"] {
        assert!(direct(&ended, &format!("/tokens/{side}")).is_null());
        assert_eq!(direct(&ended, &format!("/tokens/{side}_calls")), 0);
        let why = reason(&ended, &format!("/tokens/{side}_reason"));
        assert!(why.contains(&format!("{side} tokens for none of {calls} calls")), "{why}");
    }
    assert!(direct(&ended, "/cost/total").is_null() && ended.summary["run"]["cost"]["total"].is_null());
    assert!(reason(&ended, "/cost/total_reason").contains("tokens for none"));
    assert!(direct(&ended, "/throughput/requests").as_f64() > Some(0.0));
    assert!(direct(&ended, "/throughput/output_tokens").is_null());
    assert!(reason(&ended, "/throughput/output_tokens_reason").contains(&format!("0 of {calls}")));
    assert!(direct(&ended, "/metrics/tpot/p50").is_null());
    assert!(reason(&ended, "/metrics/tpot/reason").contains("did not say how many output tokens"));
}

#[tokio::test]
async fn whatever_stands_in_usage_the_answer_is_whole_and_no_count_is_wrong() {
    for (what, usages, input, output) in [
        ("fractions", &[r#"{"prompt_tokens":12.0,"completion_tokens":2.25}"#][..], Some(12), None),
        ("the prompt alone", &[r#"{"prompt_tokens":12,"total_tokens":12}"#], Some(12), None),
        ("no object", &[r#""none""#], None, None),
        (
            "zeros after",
            &[r#"{"prompt_tokens":12,"completion_tokens":3}"#, r#"{"prompt_tokens":0,"completion_tokens":0}"#],
            Some(12),
            Some(3),
        ),
    ] {
        let ended = run_with(stream(vec![text("content"); 2], usages), PROFILE.replace("1500ms", "500ms")).await;
        let calls = direct(&ended, "/requests/ok").as_u64().expect("a count");
        assert!(calls > 0 && direct(&ended, "/requests/failed") == 0, "{what}: {}", direct(&ended, "/errors"));
        all_rows(&ended, |row| (row.input_tokens, row.output_tokens) == (input, output));
        let sum = |each: Option<u64>| each.map_or(Value::Null, |each| Value::from(each * calls));
        assert_eq!(
            (direct(&ended, "/tokens/input"), direct(&ended, "/tokens/output")),
            (&sum(input), &sum(output)),
            "{what}"
        );
        assert_eq!(direct(&ended, "/cost/total").is_null(), input.is_none() || output.is_none(), "{what}");
    }
}

#[tokio::test]
async fn time_per_token_divides_a_span_by_its_own_tokens() {
    let thought = |field| [vec![text(field); 20], vec![text("content"); 5]].concat();
    let details = r#""completion_tokens_details":{"reasoning_tokens":20}"#;
    for (what, content, usage, is_known) in [
        (
            "reasoning streamed and counted in",
            thought("reasoning_content"),
            r#"{"prompt_tokens":7,"completion_tokens":25,"total_tokens":32}"#.to_owned(),
            true,
        ),
        (
            "streamed and counted beside",
            thought("reasoning_content"),
            format!(r#"{{"prompt_tokens":7,"completion_tokens":5,"total_tokens":32,{details}}}"#),
            true,
        ),
        (
            "streamed, nobody says where it is",
            thought("reasoning_content"),
            r#"{"prompt_tokens":7,"completion_tokens":25}"#.to_owned(),
            false,
        ),
        (
            "all in one event",
            vec![text("content")],
            r#"{"prompt_tokens":7,"completion_tokens":50,"total_tokens":57}"#.to_owned(),
            false,
        ),
    ] {
        let ended = run_with(stream(content, &[&usage]), PROFILE.replace("1500ms", "1s")).await;
        assert!(direct(&ended, "/requests/ok").as_u64() > Some(0), "{what}");
        let tpot = direct(&ended, "/metrics/tpot/p50").as_f64();
        assert_eq!(tpot.is_some(), is_known, "{what}: {tpot:?}");
        if let Some(tpot) = tpot {
            // One token an event: both are about 10 ms, and as much more as the machine is late.
            let gap = direct(&ended, "/metrics/chunk_gap/p50").as_f64().expect("gaps");
            assert!((0.5..2.0).contains(&(tpot / gap)), "{what}: {tpot} ms a token, {gap} ms between them");
        } else {
            assert!(!reason(&ended, "/metrics/tpot/reason").is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_time_in_a_header_is_read_or_refused() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (header, expected) in [
        (format!("{date}Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"), Some(30_000.0)),
        ("Retry-After: NaN\r\n".to_owned(), None),
    ] {
        let body = r#"{"error":{"code":"429","message":"slow down"}}"#;
        let refusal = vec![Step::Write(answer(429, "application/json", &header, body))];
        let ended = run_with(refusal, PROFILE.replace("1500ms", "500ms")).await;
        all_rows(&ended, |row| row.retry_after_ms == expected);
    }
    for reported in ["NaN", "900000"] {
        let mut steps = stream(vec![text("content"); 2], &[]);
        let head = String::from_utf8(stream_head()).expect("text");
        let head = head.replacen("\r\n", &format!("\r\nopenai-processing-ms: {reported}\r\n"), 1);
        steps[0] = Step::Write(head.into_bytes());
        let ended = run_with(steps, PROFILE.replace("1500ms", "500ms")).await;
        for metric in ["server", "overhead"] {
            assert_eq!(direct(&ended, &format!("/metrics/{metric}/n")), 0, "{reported}");
            assert!(reason(&ended, &format!("/metrics/{metric}/reason")).contains("no plausible time"), "{reported}");
        }
    }
}

#[tokio::test]
async fn a_limit_holds_where_the_server_tells_nothing() {
    // 28 tokens are planned for a call, 104 millionths of a EUR.
    let profile = PROFILE.replace("1500ms", "600s").replace("10/s", "40/s");
    for (limit, key) in [("tokens = 1400", "limits.tokens"), ("cost = 0.0052", "limits.cost")] {
        let limited = format!("{profile}[limits]\n{limit}\n");
        let ended = run_with(stream(vec![text("content"); 2], &[]), limited).await;
        ended.assert_code(0);
        let calls = ended.run.samples.len();
        // 50 calls reach it; it is looked at a few times a second, and a busy machine looks later.
        assert!((50..200).contains(&calls), "{calls} calls under {limit}");
        let why = ended.summary["run"]["incomplete_reason"].as_str().expect("a reason");
        assert!(why.contains(key) && why.contains("as planned") && why.contains("did not report"), "{why}");
    }
}
