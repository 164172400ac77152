//! What counts as an answer, over the network: servers that fail under a status of success, and servers that answer well
//! in a form of their own. Each kind is a table over its members, for all APIs.

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
#[path = "support/call.rs"]
mod call;
mod support;

use std::rc::Rc;
use std::time::Duration;

use call::{asking, hello, path_to, prepared};
use hopmark::attempt::Caller;
use hopmark::measure::metric::{Basis, Metric};
use hopmark::measure::outcome::{ErrorClass, Outcome};
use hopmark::measure::sample::Sample;
use hopmark::path::Http;
use hopmark::transport::credential::Credential;
use hopmark::units::{Api, Nanos};
use hopmark::workload::body::Body;
use hopmark::workload::call::{Call, Prompt};
use support::{RawServer, Step, answer, chunk, last_chunk, stream_head};

const APIS: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

fn caller(address: std::net::SocketAddr, http: Http) -> Rc<Caller> {
    call::caller(path_to(format!("http://{address}/v1"), http, [5_000, 5_000, 20_000, 30_000]), Credential::None)
}

async fn send(caller: &Rc<Caller>, seq: u64, call: &Call) -> Sample {
    Rc::clone(caller).send(prepared(caller, seq, call), Nanos::now()).await
}

/// What becomes of one call of a server that does this.
async fn one(steps: Vec<Step>, api: Api, stream: bool) -> Sample {
    let server = RawServer::start(steps, None).await;
    send(&caller(server.address, Http::One), 0, &hello(api, stream)).await
}

/// A good stream of each API, event by event.
fn good(api: Api) -> Vec<String> {
    let chat = |choices: &str, rest: &str| format!("data: {{\"choices\":[{choices}]{rest}}}\n\n");
    let event = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    match api {
        Api::Chat => vec![
            chat(r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#, ""),
            chat(r#"{"index":0,"delta":{"content":"Hel"},"finish_reason":null}"#, ""),
            chat(r#"{"index":0,"delta":{"content":"lo"},"finish_reason":null}"#, ""),
            chat(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, ""),
            chat("", r#","usage":{"prompt_tokens":7,"completion_tokens":3}"#),
            "data: [DONE]\n\n".to_owned(),
        ],
        Api::Responses => vec![
            event("response.created", r#","response":{"status":"in_progress","error":null}"#),
            event("response.output_text.delta", r#","delta":"Hel""#),
            event("response.output_text.delta", r#","delta":"lo""#),
            event(
                "response.completed",
                r#","response":{"status":"completed","error":null,"usage":{"input_tokens":7,"output_tokens":3}}"#,
            ),
        ],
        Api::Messages => vec![
            event("message_start", r#","message":{"content":[],"usage":{"input_tokens":7,"output_tokens":1}}"#),
            event("content_block_delta", r#","index":0,"delta":{"type":"text_delta","text":"Hel"}"#),
            event("content_block_delta", r#","index":0,"delta":{"type":"text_delta","text":"lo"}"#),
            event("message_delta", r#","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}"#),
            event("message_stop", ""),
        ],
    }
}

/// A good answer of each API that is no stream.
fn good_body(api: Api) -> &'static str {
    match api {
        Api::Chat => {
            r#"{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#
        }
        Api::Responses => {
            r#"{"object":"response","status":"completed","error":null,"usage":{"input_tokens":7,"output_tokens":3}}"#
        }
        Api::Messages => {
            r#"{"type":"message","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":3}}"#
        }
    }
}

/// A chunked body of these events, each in a chunk of its own, behind this head.
fn streamed(head: Vec<u8>, events: &[String]) -> Vec<Step> {
    let mut steps = vec![Step::Write(head)];
    steps.extend(events.iter().map(|event| Step::Write(chunk(event))));
    steps.push(Step::Write(last_chunk()));
    steps
}

fn head(content_type: &str, extra: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{content_type}{extra}transfer-encoding: chunked\r\n\r\n").into_bytes()
}

/// The errors that servers send, and whether each speaks of a limit.
const ERRORS: [(&str, bool); 14] = [
    (r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#, false),
    (r#"{"error":{"message":"x","type":"requests","code":"rate_limit_exceeded"}}"#, true),
    (r#"{"error":{"code":"429","message":"x"}}"#, true),
    (r#"{"error":"Rate limit reached. Model is overloaded","error_type":"overloaded"}"#, true),
    (r#"{"error":"an unexpected error was encountered during model execution"}"#, false),
    (r#"{"object":"error","message":"x","type":"BadRequestError","param":null,"code":400}"#, false),
    (r#"{"code":429,"message":"slow down"}"#, true),
    (r#"{"detail":"Not authenticated"}"#, false),
    (r#"{"detail":[{"loc":["body"],"msg":"field required","type":"value_error.missing"}]}"#, false),
    (r#"{"errors":[{"code":3040,"message":"Capacity temporarily exceeded, please try again."}]}"#, true),
    (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true),
    (r#"{"type":"error","code":"server_error","message":"x","param":null,"sequence_number":3}"#, false),
    (r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded"}}}"#, true),
    (r#"[{"error":{"code":500,"status":"INTERNAL","message":"x"}}]"#, false),
];

fn failed(throttled: bool) -> Outcome {
    Outcome::Failed(if throttled { ErrorClass::StreamThrottled } else { ErrorClass::StreamError })
}

#[tokio::test]
async fn an_error_in_a_stream_fails_the_call_in_every_dress_and_at_every_place() {
    for api in APIS {
        for (said, throttled) in ERRORS {
            let dresses = [
                format!("data: {said}\n\n"),
                format!("event: error\ndata: {said}\n\n"),
                format!("error: {said}\n\n"),
                format!("{said}\n\n"),
            ];
            for dress in dresses {
                // An error list in no field looks like a JSON body, not like a line.
                if dress.starts_with('[') {
                    continue;
                }
                for before in 0..good(api).len().min(4) {
                    let mut events = good(api)[..before].to_vec();
                    events.extend([dress.clone(), "data: [DONE]\n\n".to_owned()]);
                    let sample = one(streamed(stream_head(), &events), api, true).await;
                    assert_eq!(sample.outcome, failed(throttled), "{api:?}, {before} events, then {dress}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_error_in_place_of_an_answer_fails_the_call_streamed_or_not() {
    for api in APIS {
        for (said, throttled) in ERRORS {
            for label in ["application/json", "text/event-stream", "text/plain"] {
                for stream in [true, false] {
                    let steps = vec![Step::Write(answer(200, label, "", said))];
                    let sample = one(steps, api, stream).await;
                    assert_eq!(sample.outcome, failed(throttled), "{api:?} {label} {stream} {said}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_never_finished_is_no_answer() {
    let truncated = Outcome::Incomplete(ErrorClass::StreamTruncated);
    let error = failed(false);
    let event = |kind: &str, response: &str| format!("data: {{\"type\":\"{kind}\",\"response\":{response}}}\n\n");
    let finish = |reason: &str| format!("data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":{reason}}}]}}\n\n");
    let done = || "data: [DONE]\n\n".to_owned();
    let (chat, responses, messages) = (good(Api::Chat), good(Api::Responses), good(Api::Messages));
    let stop = |reason: &str| {
        format!("data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":{reason}}},\"usage\":{{}}}}\n\n")
    };
    let incomplete = |reason: &str| {
        event(
            "response.incomplete",
            &format!(r#"{{"status":"incomplete","incomplete_details":{{"reason":{reason}}}}}"#),
        )
    };
    let table: Vec<(Api, Vec<String>, Outcome)> = vec![
        (Api::Chat, vec![done()], truncated),
        (Api::Chat, vec![], truncated),
        (Api::Chat, vec![": ping\n\n".to_owned()], truncated),
        (Api::Chat, vec![chat[0].clone(), chat[1].clone(), done()], truncated),
        (Api::Chat, vec![chat[1].clone(), finish("\"\""), done()], truncated),
        (Api::Chat, vec![chat[1].clone(), finish("\"null\""), done()], truncated),
        (Api::Chat, vec![chat[1].clone(), chat[4].clone(), done()], truncated),
        (Api::Chat, vec![chat[1].clone(), finish("\"error\""), done()], error),
        (Api::Chat, vec![chat[1].clone(), finish("\"abort\"")], error),
        (Api::Chat, vec![chat[1].clone(), finish("\"insufficient_system_resource\"")], failed(true)),
        (
            Api::Chat,
            vec![
                "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n".to_owned(),
                chat[3].clone(),
                done(),
            ],
            truncated,
        ),
        (Api::Responses, vec![done()], truncated),
        (Api::Responses, vec![responses[0].clone(), responses[1].clone(), done()], truncated),
        (Api::Responses, vec![responses[1].clone(), incomplete("\"content_filter\"")], error),
        (Api::Responses, vec![responses[1].clone(), incomplete("\"interrupted\""), done()], error),
        (Api::Responses, vec![responses[1].clone(), incomplete("null")], error),
        (Api::Responses, vec![responses[1].clone(), incomplete("\"max_output_tokens\"")], Outcome::Ok),
        (Api::Responses, vec![event("response.cancelled", r#"{"status":"cancelled"}"#)], error),
        (Api::Responses, vec![event("response.completed", r#"{"status":"failed"}"#)], error),
        (Api::Responses, vec![event("response.completed", r#"{"status":"cancelled"}"#)], error),
        (Api::Messages, vec![done()], truncated),
        (Api::Messages, messages[..1].to_vec(), truncated),
        (Api::Messages, messages[..3].to_vec(), truncated),
        (Api::Messages, [messages[..4].to_vec(), vec![done()]].concat(), truncated),
        (Api::Messages, vec![messages[1].clone(), stop("\"error\""), messages[4].clone()], error),
        (Api::Messages, vec![messages[1].clone(), stop("\"refusal\""), messages[4].clone()], Outcome::Ok),
    ];
    for (api, events, outcome) in table {
        let sample = one(streamed(stream_head(), &events), api, true).await;
        assert_eq!(sample.outcome, outcome, "{api:?} {events:?}");
    }
}

#[tokio::test]
async fn every_choice_that_was_asked_for_has_to_finish() {
    let batch = |n: u64| {
        let body = serde_json::json!({"messages": [], "n": n});
        Prompt::Body(Body::parse(&body.to_string()).expect("an object"))
    };
    let choice = |index: u64, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"x\"}},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let (open, stop) = ("null", "\"stop\"");
    let truncated = Outcome::Incomplete(ErrorClass::StreamTruncated);
    let table: [(u64, Vec<String>, Outcome); 5] = [
        (2, vec![choice(0, open), choice(1, open), choice(1, stop), choice(0, stop)], Outcome::Ok),
        (2, vec![choice(0, open), choice(1, open), choice(0, stop)], truncated),
        (2, vec![choice(0, stop)], truncated),
        (3, vec![choice(2, stop), choice(1, stop), choice(0, stop)], Outcome::Ok),
        (1, vec![choice(0, stop), choice(1, open)], truncated),
    ];
    for (n, mut events, outcome) in table {
        events.push("data: [DONE]\n\n".to_owned());
        let server = RawServer::start(streamed(stream_head(), &events), None).await;
        let sample = send(&caller(server.address, Http::One), 0, &asking(Api::Chat, true, batch(n))).await;
        assert_eq!(sample.outcome, outcome, "{n}: {events:?}");
    }
    let bodies = [(2, 1, Outcome::Failed(ErrorClass::BadBody)), (2, 2, Outcome::Ok)];
    for (asked, given, outcome) in bodies {
        let choices = vec![r#"{"message":{"content":"x"},"finish_reason":"stop"}"#; given].join(",");
        let body = format!("{{\"choices\":[{choices}]}}");
        let server = RawServer::start(vec![Step::Write(answer(200, "application/json", "", &body))], None).await;
        let sample = send(&caller(server.address, Http::One), 0, &asking(Api::Chat, false, batch(asked))).await;
        assert_eq!(sample.outcome, outcome, "{given} of {asked}");
    }
}

#[tokio::test]
async fn a_side_figure_decides_nothing() {
    let odd_chat = [
        r#"{"choices":null,"usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":7.0,"completion_tokens":"3"}}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":2.25}}"#,
        r#"{"choices":[],"usage":"n/a"}"#,
        r#"{"choices":[],"usage":null}"#,
        r#"{"choices":[],"usage":[]}"#,
        r#"{"choices":[null]}"#,
        r#"{"usage":{"prompt_tokens":null}}"#,
        r#"{"type":"keepalive"}"#,
        r#"{"error":null}"#,
        "{}",
    ];
    let odd_responses = [
        r#"{"type":"keepalive","sequence_number":466}"#,
        r#"{"type":"response.unheard_of","response":{"status":"failed_once"}}"#,
        r#"{"type":"response.in_progress","response":null,"error":null}"#,
    ];
    let odd_messages = [
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":null}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"x"}}"#,
        r#"{"type":"message_unheard_of","delta":{"text":"x"},"error":null}"#,
    ];
    let foreign = [
        "event: ping\r\ndata: 2024-02-20 08:40:33.556053\r\n\r\n",
        "event: keepalive\ndata:\n\n",
        "event: heartbeat\ndata: null\n\n",
        "event: copilot_references\ndata: [{\"type\":\"x\"}]\n\n",
        "event: copilot_errors\ndata: [{\"code\":\"1\",\"message\":\"m\"}]\n\n",
        ": comment\n\n",
        ":\n\n",
        "id: 7\n\nretry: 3000\n\n",
        "data:\n\n",
    ];
    for api in APIS {
        let own: &[&str] = match api {
            Api::Chat => &odd_chat,
            Api::Responses => &odd_responses,
            Api::Messages => &odd_messages,
        };
        let framed = own.iter().map(|data| format!("data: {data}\n\n"));
        for odd in framed.chain(foreign.map(str::to_owned)) {
            for at in 0..good(api).len() {
                let mut events = good(api);
                events.insert(at, odd.clone());
                let sample = one(streamed(stream_head(), &events), api, true).await;
                assert_eq!(sample.outcome, Outcome::Ok, "{api:?} at {at}: {odd}");
                assert!(sample.stamps.first_content.is_some() && sample.stamps.done.is_some(), "{odd}");
            }
        }
    }
    let mut counted = good(Api::Chat);
    counted[4] = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7.0,\"completion_tokens\":2.25}}\n\n".to_owned();
    let sample = one(streamed(stream_head(), &counted), Api::Chat, true).await;
    assert_eq!((sample.input_tokens, sample.output_tokens), (Some(7), None));
}

#[tokio::test]
async fn a_call_that_is_held_open_ends_soon_after_its_answer() {
    let last = |api: Api| if api == Api::Responses { 4 } else { 5 };
    for api in APIS {
        for held in [Step::Hold, Step::Beat(chunk(": heartbeat\n\n")), Step::Beat(chunk("event: ping\ndata: {}\n\n"))] {
            let mut steps = streamed(stream_head(), &good(api)[..last(api)]);
            steps.pop();
            steps.push(held);
            let sample = one(steps, api, true).await;
            let stamps = sample.stamps;
            assert_eq!((sample.outcome, sample.output_tokens), (Outcome::Ok, Some(3)), "{api:?}");
            let (sent, done, end) =
                (stamps.sent.expect("sent"), stamps.done.expect("done"), stamps.end.expect("an end"));
            // Its last event that means something, which brings the counts in all but one API.
            assert!(
                if api == Api::Messages { stamps.usage <= Some(done) } else { stamps.usage == Some(done) },
                "{api:?}"
            );
            // Far below the limits on a gap and on the whole call, which are twenty seconds and thirty.
            assert!(end.since(done) < Duration::from_secs(10), "{api:?}: {:?}", end.since(done));
            assert_eq!(Metric::E2e.of(&sample, Basis::Service), Some(done.0 - sent.0));
        }
    }
    let mut failing = streamed(stream_head(), &["data: {\"error\":{\"code\":429}}\n\n".to_owned()]);
    failing.pop();
    failing.push(Step::Beat(chunk(": heartbeat\n\n")));
    let sample = one(failing, Api::Chat, true).await;
    assert_eq!(sample.outcome, failed(true));
    assert!(sample.stamps.end.expect("an end").since(sample.stamps.sent.expect("sent")) < Duration::from_secs(10));
}

#[tokio::test]
async fn what_comes_after_the_end_moves_nothing() {
    for (api, end) in [(Api::Chat, 3), (Api::Chat, 5), (Api::Responses, 3), (Api::Messages, 4)] {
        let whole = good(api);
        let mut steps = streamed(stream_head(), &whole[..=end]);
        steps.pop();
        let before = one([steps.clone(), vec![Step::Write(last_chunk())]].concat(), api, true).await;
        // The text of the beginning once more, and by itself, so that a stamp of it would be another one.
        let late =
            [vec![Step::Write(chunk(&whole[1])), Step::Write(chunk(&whole[2]))], vec![Step::Write(last_chunk())]];
        let sample = one([steps, late.concat()].concat(), api, true).await;
        assert_eq!((before.outcome, sample.outcome), (Outcome::Ok, Outcome::Ok));
        assert!(sample.stamps.last_content <= sample.stamps.done, "{api:?} {end}");
    }
}

#[tokio::test]
async fn the_form_of_a_body_is_what_it_is() {
    use ErrorClass::{BadBody, Compressed, Html};
    let labels = [
        "content-type: application/json\r\n",
        "content-type: Application/JSON; charset=utf-8\r\n",
        "content-type: application/problem+json\r\n",
        "content-type: text/json\r\n",
        "content-type: text/plain\r\n",
        "content-type: text/html\r\n",
        "content-type: text/event-stream\r\n",
        "content-type: Text/Event-Stream;x=y\r\n",
        "content-type: \r\n",
        "",
    ];
    for api in APIS {
        for label in labels {
            for stream in [true, false] {
                let whole = one(streamed(head(label, ""), &[good_body(api).to_owned()]), api, stream).await;
                assert_eq!((whole.outcome, whole.output_tokens), (Outcome::Ok, Some(3)), "{api:?} {label} {stream}");
                assert_eq!(whole.stamps.first_event, None);
                assert_eq!(Metric::Ttft.of(&whole, Basis::Service), None);
                let events = one(streamed(head(label, ""), &good(api)), api, stream).await;
                assert_eq!((events.outcome, events.output_tokens), (Outcome::Ok, Some(3)), "{api:?} {label} {stream}");
                assert!(events.stamps.first_content.is_some());
            }
            let other: [(&[u8], ErrorClass); 12] = [
                (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", Html),
                (b"\r\n<html>", Html),
                (b"<?xml version=\"1.0\"?><Error/>", Html),
                (b"\xef\xbb\xbf<html>", Html),
                (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56", Compressed),
                (b"\x28\xb5\x2f\xfd\x04\x00", Compressed),
                (b"{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n{\"model\":\"m\",\"done\":true}\n", BadBody),
                (b"{\"id\":1}", BadBody),
                (b"[]", BadBody),
                (b"{\"choices\":[{\"index\":0,", BadBody),
                (b"{", BadBody),
                (b"\"Hello\"", BadBody),
            ];
            for (body, class) in other {
                let mut answer = head(label, "");
                answer.extend([format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat());
                let sample = one(vec![Step::Write(answer)], api, true).await;
                assert_eq!(sample.outcome, Outcome::Failed(class), "{label}: {}", String::from_utf8_lossy(body));
            }
        }
        let packed = one(
            vec![Step::Write(
                [head("", "content-encoding: br\r\n"), b"3\r\n\x0b\x02\x80\r\n0\r\n\r\n".to_vec()].concat(),
            )],
            api,
            true,
        );
        assert_eq!(packed.await.outcome, Outcome::Failed(Compressed));
        let mislabelled = one(streamed(head("", "content-encoding: gzip\r\n"), &good(api)), api, true).await;
        assert_eq!(mislabelled.outcome, Outcome::Ok);
        let marked: Vec<String> = std::iter::once("\u{feff}: first\n\n".to_owned()).chain(good(api)).collect();
        assert_eq!(one(streamed(stream_head(), &marked), api, true).await.outcome, Outcome::Ok);
        let padded = [b" ".to_vec(), b"\n\n".to_vec(), good_body(api).as_bytes().to_vec()];
        let padded: Vec<String> = padded.map(|part| String::from_utf8(part).expect("text")).to_vec();
        assert_eq!(one(streamed(head("", ""), &padded), api, false).await.outcome, Outcome::Ok);
        let bytewise: Vec<String> = good(api).concat().chars().map(String::from).collect();
        assert_eq!(one(streamed(head("", ""), &bytewise), api, true).await.outcome, Outcome::Ok);
    }
}

#[tokio::test]
async fn announcements_are_not_the_first_byte_and_many_headers_are_read() {
    let interim = |status: &str| Step::Write(format!("HTTP/1.1 {status}\r\nlink: </a>\r\n\r\n").into_bytes());
    let many: String = (0..400).map(|number| format!("x-policy-{number}: on\r\n")).collect();
    for api in APIS {
        for announced in [vec![interim("100 Continue")], vec![interim("103 Early Hints"), interim("102 Processing")]] {
            let server = RawServer::start([announced, streamed(stream_head(), &good(api))].concat(), None).await;
            let caller = caller(server.address, Http::One);
            for seq in 0..2 {
                let sample = send(&caller, seq, &hello(api, true)).await;
                let stamps = sample.stamps;
                assert_eq!(sample.outcome, Outcome::Ok);
                assert!(stamps.sent < stamps.first_byte && stamps.first_byte <= stamps.head, "{stamps:?}");
            }
        }
        let sample = one(streamed(head("content-type: text/event-stream\r\n", &many), &good(api)), api, true).await;
        assert_eq!(sample.outcome, Outcome::Ok);
    }
}

/// The stamp of the first byte is told apart from that of an announcement by a pause that is known to have passed.
#[tokio::test]
async fn an_announcement_long_before_the_answer_is_not_its_first_byte() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let announced = Rc::new(std::cell::Cell::new(None));
    let (caller, call) = (caller(address, Http::One), hello(Api::Chat, false));
    let seen = Rc::clone(&announced);
    let server = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut tcp, _) = listener.accept().await.expect("accepted");
        let mut request = [0; 4096];
        assert!(tcp.read(&mut request).await.expect("a request") > 0);
        tcp.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await.expect("written");
        tokio::time::sleep(Duration::from_millis(50)).await;
        seen.set(Some(Nanos::now()));
        tcp.write_all(&answer(200, "application/json", "", good_body(Api::Chat))).await.expect("written");
    };
    let (sample, ()) = tokio::join!(send(&caller, 0, &call), server);
    assert_eq!(sample.outcome, Outcome::Ok);
    assert!(sample.stamps.first_byte >= announced.get(), "{:?}", sample.stamps);
}

#[tokio::test]
async fn a_connection_that_the_server_had_closed_is_told_apart() {
    let ok = vec![Step::Write(answer(200, "application/json", "", good_body(Api::Chat)))];
    let begun = Step::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec());
    let interim = Step::Write(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec());
    let stale = Outcome::Failed(ErrorClass::StaleConnection);
    let table: [(Vec<Step>, [Outcome; 2]); 5] = [
        (vec![Step::Reset], [Outcome::Failed(ErrorClass::ConnectionReset), stale]),
        (vec![Step::Close], [Outcome::Failed(ErrorClass::ConnectionClosed), stale]),
        (
            vec![begun.clone(), Step::Reset],
            [Outcome::Incomplete(ErrorClass::ConnectionReset), Outcome::Incomplete(ErrorClass::ConnectionReset)],
        ),
        (
            vec![begun, Step::Close],
            [Outcome::Incomplete(ErrorClass::BodyTruncated), Outcome::Incomplete(ErrorClass::BodyTruncated)],
        ),
        (
            vec![interim, Step::Close],
            [Outcome::Failed(ErrorClass::ConnectionClosed), Outcome::Failed(ErrorClass::ConnectionClosed)],
        ),
    ];
    for (steps, [fresh, reused]) in table {
        let call = hello(Api::Chat, false);
        let server = RawServer::start(steps.clone(), None).await;
        assert_eq!(send(&caller(server.address, Http::One), 0, &call).await.outcome, fresh, "{steps:?}");
        let server = RawServer::scripted(vec![ok.clone(), steps.clone()], None).await;
        let caller = caller(server.address, Http::One);
        let samples = [send(&caller, 0, &call).await, send(&caller, 1, &call).await];
        assert_eq!(samples[1].conn.expect("a connection").uses, 2);
        assert_eq!([samples[0].outcome, samples[1].outcome], [Outcome::Ok, reused], "{steps:?}");
    }
}

/// A server of one HTTP/2 connection whose answers are announced and have many headers.
async fn announcing_h2(listener: tokio::net::TcpListener) {
    let (tcp, _) = listener.accept().await.expect("accepted");
    let mut connection = h2::server::handshake(tcp).await.expect("HTTP/2");
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let hints = hyper::Response::builder().status(103).body(()).expect("a head");
        respond.send_informational(hints).expect("sent");
        let mut head = hyper::Response::builder().status(200);
        for number in 0..400 {
            head = head.header(format!("x-policy-{number}"), "on");
        }
        let mut body = respond.send_response(head.body(()).expect("a head"), false).expect("sent");
        body.send_data(good(Api::Chat).concat().into(), true).expect("sent");
    }
}

#[tokio::test]
async fn over_http2_announcements_are_passed_over_and_many_headers_are_read() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let calls = async {
        let server = tokio::task::spawn_local(announcing_h2(listener));
        let caller = caller(address, Http::Two { max: 1, streams: 10 });
        let sample = send(&caller, 0, &hello(Api::Chat, true)).await;
        server.abort();
        sample
    };
    let sample = tokio::task::LocalSet::new().run_until(calls).await;
    assert_eq!((sample.outcome, sample.output_tokens), (Outcome::Ok, Some(3)));
    assert!(sample.stamps.first_byte.is_some() && sample.stamps.first_byte == sample.stamps.head);
}
