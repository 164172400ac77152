//! Recorded good streams, each of their events spoiled once in every way: what the answer is taken for is held against
//! the rule as it is stated here, with a reading of the bytes of its own.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};

use crate::attempt::answer::Answer;
use crate::attempt::events::BodyEnd;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::sample::Sample;
use crate::units::{Api, Nanos, PathId, Phase, Seq};

/// A recorded stream: its API, how many choices were asked for, and its events.
struct Recorded {
    what: &'static str,
    api: Api,
    choices: u32,
    events: Vec<String>,
}

fn recorded(what: &'static str, api: Api, choices: u32, text: &str) -> Recorded {
    let text = text.replace("CREATED", "1741570283").replace("COMPLETED", "1741570284");
    let events = text.split_inclusive("\n\n").map(str::to_owned).collect();
    Recorded { what, api, choices, events }
}

/// Those of the simulator's fixtures, and some that hold what these do not.
fn recordings() -> Vec<Recorded> {
    let chat = |events: &[Value]| {
        let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        events + "data: [DONE]\n\n"
    };
    let choice = |index: u32, delta: Value, finish: Value| json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]});
    let two = chat(&[
        json!({"choices": [], "created": 0, "id": "", "prompt_filter_results": []}),
        choice(0, json!({"role": "assistant", "content": ""}), Value::Null),
        choice(1, json!({"role": "assistant", "content": ""}), Value::Null),
        choice(0, json!({"content": "a"}), Value::Null),
        choice(1, json!({"content": "b"}), Value::Null),
        choice(1, json!({}), json!("length")),
        choice(0, json!({"content": "c"}), json!("stop")),
        json!({"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 3}}),
    ]);
    let tools = chat(&[
        choice(0, json!({"role": "assistant", "reasoning_content": "hm"}), Value::Null),
        choice(
            0,
            json!({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": ""}}]}),
            Value::Null,
        ),
        choice(0, json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), Value::Null),
        choice(0, json!({}), json!("tool_calls")),
    ]);
    let limit = [
        json!({"type": "response.created", "response": {"status": "in_progress", "error": null}}),
        json!({"type": "response.output_text.delta", "delta": "a"}),
        json!({"type": "response.incomplete", "response": {"status": "incomplete", "error": null,
               "incomplete_details": {"reason": "max_output_tokens"}}}),
    ];
    let limit: String = limit
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")))
        .collect();
    vec![
        recorded("chat", Api::Chat, 1, include_str!("../../mock-backend/tests/fixtures/chat.sse")),
        recorded("chat with usage", Api::Chat, 1, include_str!("../../mock-backend/tests/fixtures/chat-usage.sse")),
        recorded("two choices", Api::Chat, 2, &two),
        recorded("tools", Api::Chat, 1, &tools),
        recorded("responses", Api::Responses, 1, include_str!("../../mock-backend/tests/fixtures/responses.sse")),
        recorded("responses at its limit", Api::Responses, 1, &limit),
        recorded("messages", Api::Messages, 1, include_str!("../../mock-backend/tests/fixtures/messages.sse")),
    ]
}

/// What an event is replaced with, and the class that it must then have, where it came before the end.
fn replacements() -> Vec<(String, Option<ErrorClass>)> {
    use ErrorClass::{BadBody, StreamError, StreamThrottled};
    let errors = [
        (r#"{"error":{"message":"The server had an error","type":"server_error"}}"#, StreamError),
        (r#"{"error":{"code":"429","message":"x"}}"#, StreamThrottled),
        (r#"{"error":"Model is overloaded","error_type":"overloaded"}"#, StreamThrottled),
        (r#"{"error":"died"}"#, StreamError),
        (r#"{"object":"error","message":"x","type":"BadRequestError","code":400}"#, StreamError),
        (r#"{"type":"error","code":"server_error","message":"x"}"#, StreamError),
        (r#"{"type":"error","error":{"type":"too_many_requests"}}"#, StreamThrottled),
        (r#"{"type":"response.failed","response":{"error":null}}"#, StreamError),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, StreamThrottled),
        (r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#, StreamError),
        (r#"{"detail":"Too Many Requests"}"#, StreamThrottled),
    ];
    let mut all = Vec::new();
    for (said, class) in errors {
        for dress in [
            format!("data: {said}\n\n"),
            format!("event: error\ndata: {said}\n\n"),
            format!("error: {said}\n\n"),
            format!("{said}\n\n"),
        ] {
            all.push((dress, Some(class)));
        }
    }
    all.push(("event: error\ndata: gone\n\n".to_owned(), Some(StreamError)));
    all.push(("data: {\"choices\":[{\"delta\":{\"con\n\n".to_owned(), Some(BadBody)));
    all.push(("data: <html></html>\n\n".to_owned(), Some(BadBody)));
    for harmless in [
        "<html></html>\n\n",
        ": ping\n\n",
        "data: {}\n\n",
        "event: ping\ndata: now\n\n",
        "data: [DONE]\n\n",
        "data:\n\n",
    ] {
        all.push((harmless.to_owned(), None));
    }
    all.push(("data: {\"choices\":[{\"index\":0,\"delta\":{}}]}\n\n".to_owned(), None));
    all
}

/// The rule: every choice that was asked for or has begun says why it finished, or the response says that it is complete
/// or stopped at the caller's limit; before `[DONE]`, and with no error and nothing unreadable before it.
fn proves_an_answer(api: Api, choices: u32, stream: &str) -> bool {
    let (mut begun, mut finished, mut complete) = (BTreeSet::new(), BTreeSet::new(), false);
    let whole = stream.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    for event in whole.split("\n\n") {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if event.starts_with("error:")
            || (event.starts_with('{') && is_error(&read(event)))
            || field("event:") == Some("error")
        {
            return false;
        }
        let Some(data) = field("data:").filter(|data| !data.is_empty()) else { continue };
        if data == "[DONE]" {
            break;
        }
        let said = read(data);
        match said {
            Value::Null if field("event:") == Some("ping") => continue,
            Value::Null => return false,
            ref said if is_error(said) => return false,
            // Without a type it is no event of these APIs.
            ref said if api != Api::Chat && said.get("type").is_none() => return false,
            _ => {}
        }
        for choice in said["choices"].as_array().into_iter().flatten() {
            let index = choice["index"].as_u64().unwrap_or(0);
            begun.insert(index);
            if choice["finish_reason"].is_string() {
                finished.insert(index);
            }
        }
        complete |= match api {
            Api::Chat => false,
            Api::Responses => said["type"] == "response.completed" || said["type"] == "response.incomplete",
            Api::Messages => said["type"] == "message_stop",
        };
    }
    match api {
        Api::Chat => finished.len() >= choices as usize && begun == finished,
        Api::Responses | Api::Messages => complete,
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn is_error(said: &Value) -> bool {
    let by_type = ["error", "response.failed"].iter().any(|kind| said["type"] == *kind);
    !said["error"].is_null() || by_type || said["object"] == "error" || said.get("detail").is_some()
}

/// What the answer is taken for whose body comes in these pieces.
fn taken(recorded: &Recorded, pieces: &[&[u8]], end: BodyEnd) -> (Outcome, Sample) {
    let mut sample = Sample::begun(
        (Seq(0), 0),
        PathId(0),
        Phase::Measure,
        (recorded.api, true),
        Nanos(0),
        Outcome::Failed(ErrorClass::Internal),
    );
    let (head, ()) =
        Response::builder().header("content-type", "text/event-stream").body(()).expect("a head").into_parts();
    let mut answer = Answer::begin(&mut sample, &head, recorded.choices);
    for (number, piece) in pieces.iter().filter(|piece| !piece.is_empty()).enumerate() {
        let taken = answer.take(&mut sample, Bytes::copy_from_slice(piece), Nanos(number as u64 + 1), |_, _| ());
        taken.expect("within the limits");
    }
    (answer.finish(&mut sample, end), sample)
}

/// Holds a stream against the rule, in several splits and at several ends; what it is taken for at a clean one.
fn check(recorded: &Recorded, what: &str, stream: &str) -> Outcome {
    let bytes = stream.as_bytes();
    let proven = proves_an_answer(recorded.api, recorded.choices, stream);
    let (outcome, _) = taken(recorded, &[bytes], BodyEnd::Clean);
    assert_eq!(outcome.is_ok(), proven, "{}, {what}: {outcome:?} of\n{stream}", recorded.what);
    let middle = bytes.len() / 2;
    let splits: [Vec<&[u8]>; 3] =
        [bytes.chunks(1).collect(), bytes.chunks(7).collect(), vec![&bytes[..middle], &bytes[middle..]]];
    for split in splits {
        let (other, sample) = taken(recorded, &split, BodyEnd::Clean);
        assert_eq!(other, outcome, "{}, {what}, in {} pieces:\n{stream}", recorded.what, split.len());
        assert!(!sample.stamps.run_backwards(), "{}, {what}", recorded.what);
    }
    for class in [ErrorClass::ConnectionClosed, ErrorClass::ConnectionReset] {
        let (cut, _) = taken(recorded, &[bytes], BodyEnd::Cut(class));
        assert_eq!(cut.is_ok(), proven, "{}, {what}, then {class}", recorded.what);
    }
    for end in [BodyEnd::GivenUp(ErrorClass::TimeoutGap), BodyEnd::Aborted] {
        assert_eq!(taken(recorded, &[bytes], end).0.is_ok(), proven, "{}, {what}, then {end:?}", recorded.what);
    }
    outcome
}

#[test]
fn a_good_stream_is_an_answer_as_it_is() {
    for recorded in recordings() {
        assert_eq!(check(&recorded, "as it is", &recorded.events.concat()), Outcome::Ok, "{}", recorded.what);
    }
}

#[test]
fn an_event_that_is_lost_repeated_or_out_of_order_is_held_against_the_rule() {
    let (mut lost, mut kept) = (0, 0);
    for recorded in recordings() {
        let events = &recorded.events;
        for at in 0..events.len() {
            let (before, after) = (events[..at].concat(), events[at + 1..].concat());
            let outcome = check(&recorded, &format!("without event {at}"), &(before.clone() + &after));
            if outcome.is_ok() {
                kept += 1
            } else {
                lost += 1
            }
            check(&recorded, &format!("event {at} twice"), &format!("{before}{0}{0}{after}", events[at]));
            let mut swapped = events.clone();
            swapped.swap(at, (at + 1) % events.len());
            check(&recorded, &format!("event {at} behind its neighbour"), &swapped.concat());
        }
    }
    // Every recording has events on which all hangs, and others.
    assert!(lost >= 7 && kept > lost, "{lost} answers lost, {kept} kept");
}

#[test]
fn a_stream_that_is_cut_anywhere_is_held_against_the_rule() {
    for recorded in recordings() {
        let stream = recorded.events.concat();
        for cut in (0..stream.len()).filter(|cut| stream.is_char_boundary(*cut)) {
            let cut_stream = &stream[..cut];
            let proven = proves_an_answer(recorded.api, recorded.choices, cut_stream);
            let (outcome, _) = taken(&recorded, &[cut_stream.as_bytes()], BodyEnd::Clean);
            let truncated = Outcome::Incomplete(ErrorClass::StreamTruncated);
            assert_eq!(outcome, if proven { Outcome::Ok } else { truncated }, "{}, cut at {cut}", recorded.what);
        }
        for at in 0..recorded.events.len() {
            check(&recorded, &format!("cut before event {at}"), &recorded.events[..at].concat());
            let event = &recorded.events[at];
            for middle in [1, event.len() / 2, event.len() - 2, event.len() - 1] {
                let stream = recorded.events[..at].concat() + &event[..middle];
                check(&recorded, &format!("cut in event {at} at {middle}"), &stream);
            }
        }
    }
}

#[test]
fn content_behind_the_end_moves_nothing() {
    for recorded in recordings() {
        let content =
            recorded.events.iter().filter(|event| event.contains("\"content\":\"") || event.contains(".delta"));
        let content: Vec<&str> = content.map(String::as_str).collect();
        let whole: Vec<&[u8]> = recorded.events.iter().map(String::as_bytes).collect();
        let (_, before) = taken(&recorded, &whole, BodyEnd::Clean);
        let late: Vec<&[u8]> = content.iter().map(|event| event.as_bytes()).collect();
        let (outcome, after) = taken(&recorded, &[whole.clone(), late.clone()].concat(), BodyEnd::Clean);
        assert_eq!((outcome, after.stamps), (Outcome::Ok, before.stamps), "{}: behind all", recorded.what);
        let mark = recorded.events.iter().position(|event| event.contains("[DONE]")).unwrap_or(whole.len());
        // Before the mark, behind the finish: the mark alone has another stamp.
        let split = [&whole[..mark], &late[..], &whole[mark..]].concat();
        let (outcome, after) = taken(&recorded, &split, BodyEnd::Clean);
        let (moved, kept) = (after.stamps, before.stamps);
        assert_eq!(outcome, Outcome::Ok, "{}: before the mark", recorded.what);
        assert_eq!(
            (moved.first_content, moved.last_content, moved.first_visible, moved.first_reasoning),
            (kept.first_content, kept.last_content, kept.first_visible, kept.first_reasoning),
            "{}: before the mark",
            recorded.what
        );
    }
}

#[test]
fn an_event_in_whose_place_something_else_stands_is_held_against_the_rule() {
    for recorded in recordings() {
        let mark = recorded.events.iter().position(|event| event.contains("[DONE]")).unwrap_or(recorded.events.len());
        for at in 0..recorded.events.len() {
            for (replacement, class) in replacements() {
                let mut events = recorded.events.clone();
                events[at] = replacement.clone();
                let stream = events.concat();
                // A JSON text that nothing stands before is a whole body, and no stream.
                if stream.starts_with(['{', '<']) {
                    let (outcome, _) = taken(&recorded, &[stream.as_bytes()], BodyEnd::Clean);
                    assert!(!outcome.is_ok(), "{}: {stream}", recorded.what);
                    continue;
                }
                let outcome = check(&recorded, &format!("{replacement} for event {at}"), &stream);
                if let Some(class) = class.filter(|_| at <= mark) {
                    assert_eq!(outcome, Outcome::Failed(class), "{}, {replacement} for event {at}", recorded.what);
                }
            }
        }
    }
}
