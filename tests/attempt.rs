//! One call against servers that misbehave in every way that was seen in the field, and over https.

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
#[path = "support/call.rs"]
mod call;
#[allow(dead_code, reason = "the other half of the module serves other tests")]
mod support;

use std::rc::Rc;
use std::sync::Arc;

use call::{hello, prepared};
use hopmark::attempt::Caller;
use hopmark::measure::metric::{Basis, Metric};
use hopmark::measure::outcome::{ErrorClass, Outcome};
use hopmark::measure::sample::Sample;
use hopmark::path::{ConnectionPolicy, Http, NetPath, TlsPolicy};
use hopmark::transport::credential::Credential;
use hopmark::units::{Api, Nanos, Span};
use support::{RawServer, Step, answer, chunk, last_chunk, stream_head};

fn path_to(base_url: String) -> NetPath {
    call::path_to(base_url, Http::One, [5_000, 1_500, 1_500, 10_000])
}

fn caller(path: NetPath) -> Rc<Caller> {
    call::caller(path, Credential::None)
}

async fn send(caller: &Rc<Caller>, api: Api, stream: bool, seq: u64) -> Sample {
    Rc::clone(caller).send(prepared(caller, seq, &hello(api, stream)), Nanos::now()).await
}

async fn one(steps: Vec<Step>, api: Api, stream: bool) -> Sample {
    let server = RawServer::start(steps, None).await;
    send(&caller(path_to(format!("http://{}/v1", server.address))), api, stream, 0).await
}

const ROLE: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn events(parts: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::Write(stream_head())];
    steps.extend(parts.iter().map(|part| Step::Write(chunk(part))));
    steps
}

fn then(mut steps: Vec<Step>, more: Step) -> Vec<Step> {
    steps.push(more);
    steps
}

#[tokio::test]
async fn every_way_to_end_has_its_outcome() {
    use ErrorClass as E;
    use Outcome::{Failed, Incomplete, Ok};
    let end = || Step::Write(last_chunk());
    let whole =
        r#"{"choices":[{"message":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#;
    let json = |status, body: &str| vec![Step::Write(answer(status, "application/json", "", body))];
    let table: Vec<(&str, Vec<Step>, bool, Outcome)> = vec![
        ("a whole stream", then(events(&[ROLE, TEXT, TEXT, FINISH, USAGE, DONE]), end()), true, Ok),
        ("no [DONE]", then(events(&[TEXT, FINISH]), end()), true, Ok),
        ("no end after [DONE]", then(events(&[TEXT, FINISH, DONE]), Step::Close), true, Ok),
        ("nothing after the text", then(events(&[ROLE, TEXT]), end()), true, Incomplete(E::StreamTruncated)),
        ("closed in the middle", then(events(&[ROLE, TEXT]), Step::Close), true, Incomplete(E::StreamTruncated)),
        ("reset in the middle", then(events(&[ROLE, TEXT]), Step::Reset), true, Incomplete(E::ConnectionReset)),
        ("stalled in the middle", then(events(&[ROLE, TEXT]), Step::Hold), true, Failed(E::TimeoutGap)),
        ("never an answer", vec![Step::Hold], true, Failed(E::TimeoutFirstByte)),
        ("closed without an answer", vec![Step::Close], true, Failed(E::ConnectionClosed)),
        (
            "an error in the stream",
            then(events(&[TEXT, "data: {\"error\":{\"message\":\"x\"}}\n\n"]), end()),
            true,
            Failed(E::StreamError),
        ),
        (
            "a limit in the stream",
            then(events(&["data: {\"error\":{\"code\":\"rate_limit_exceeded\"}}\n\n"]), end()),
            true,
            Failed(E::StreamThrottled),
        ),
        ("an event that is no JSON", then(events(&["data: {\n\n", DONE]), end()), true, Failed(E::BadBody)),
        ("not HTTP", vec![Step::Write(b"SSH-2.0-x\r\n\r\n".to_vec()), Step::Close], true, Failed(E::Protocol)),
        ("throttled", json(429, "{}"), true, Failed(E::Http(429))),
        ("broken gateway", vec![Step::Write(answer(502, "text/html", "", "<html>"))], false, Failed(E::Http(502))),
        ("a whole body", json(200, whole), false, Ok),
        ("a stream collected into a body", json(200, whole), true, Ok),
        (
            "half a body",
            vec![Step::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec()), Step::Close],
            false,
            Incomplete(E::BodyTruncated),
        ),
        ("a body that is no completion", json(200, "{}"), false, Failed(E::BadBody)),
    ];
    for (what, steps, stream, outcome) in table {
        let sample = one(steps, Api::Chat, stream).await;
        assert_eq!(sample.outcome, outcome, "{what}");
        assert!(sample.stamps.sent.is_some() && sample.stamps.end >= sample.stamps.sent, "{what}");
    }
}

#[tokio::test]
async fn a_throttle_under_status_200_is_no_success() {
    let body = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":null}}\n\n\
                event: error\ndata: {\"type\":\"error\",\"error\":{\"code\":\"rate_limit_exceeded\"}}\n\n";
    let sample = one(then(events(&[body]), Step::Write(last_chunk())), Api::Responses, true).await;
    assert_eq!((sample.outcome, sample.status), (Outcome::Failed(ErrorClass::StreamThrottled), Some(200)));
}

#[tokio::test]
async fn only_content_is_a_first_token_and_tokens_come_from_usage() {
    let sample =
        one(then(events(&[ROLE, TEXT, TEXT, FINISH, USAGE, DONE]), Step::Write(last_chunk())), Api::Chat, true).await;
    let stamps = sample.stamps;
    assert!(stamps.intended <= stamps.dequeued.expect("dequeued") && stamps.dequeued <= stamps.conn_ready);
    assert!(stamps.conn_ready <= stamps.sent && stamps.sent <= stamps.first_byte);
    assert!(stamps.first_byte <= stamps.first_event && stamps.first_event <= stamps.first_content);
    assert!(
        stamps.first_content <= stamps.last_content && stamps.last_content <= stamps.done && stamps.done <= stamps.end
    );
    assert_eq!((sample.input_tokens, sample.output_tokens), (Some(5), Some(2)));
    let nothing = one(then(events(&[ROLE, FINISH, DONE]), Step::Write(last_chunk())), Api::Chat, true).await;
    assert_eq!(nothing.outcome, Outcome::Ok);
    assert_eq!(Metric::Ttft.of(&nothing, Basis::Response), None);
    assert!(nothing.stamps.first_event.is_some());
}

#[tokio::test]
async fn the_wait_that_a_throttle_asks_for_is_kept() {
    for (headers, expected) in [("retry-after: 2\r\n", 2000.0), ("retry-after: 2\r\nretry-after-ms: 1500\r\n", 1500.0)]
    {
        let sample = one(vec![Step::Write(answer(429, "application/json", headers, "{}"))], Api::Chat, true).await;
        assert_eq!(sample.retry_after_ms, Some(expected));
    }
}

#[tokio::test]
async fn connections_are_kept_or_fresh_as_the_policy_says() {
    let steps = then(events(&[TEXT, FINISH, DONE]), Step::Write(last_chunk()));
    let server = RawServer::start(steps, None).await;
    for (policy, expected) in
        [(ConnectionPolicy::Keep, [(0, 1), (0, 2), (0, 3)]), (ConnectionPolicy::Fresh, [(0, 1), (1, 1), (2, 1)])]
    {
        let mut path = path_to(format!("http://{}/v1", server.address));
        path.connections = policy;
        let caller = caller(path);
        for (seq, (id, uses)) in expected.into_iter().enumerate() {
            let sample = send(&caller, Api::Chat, true, seq as u64).await;
            let conn = sample.conn.expect("a connection");
            assert_eq!((sample.outcome, conn.id, conn.uses), (Outcome::Ok, id, uses), "{policy:?}");
            assert_eq!(conn.tcp.is_some(), uses == 1, "only a new connection has a handshake");
            assert_eq!(conn.peer, Some(server.address));
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_not_used_again() {
    let body = r#"{"choices":[{"finish_reason":"stop"}]}"#;
    let server =
        RawServer::start(vec![Step::Write(answer(200, "application/json", "", body)), Step::Close], None).await;
    let caller = caller(path_to(format!("http://{}/v1", server.address)));
    for seq in 0..5 {
        let sample = send(&caller, Api::Chat, false, seq).await;
        assert_eq!(sample.outcome, Outcome::Ok, "call {seq}");
    }
}

#[tokio::test]
async fn an_abort_keeps_the_stamps_that_were_reached() {
    let server = RawServer::start(then(events(&[ROLE, TEXT, TEXT]), Step::Hold), None).await;
    let mut path = path_to(format!("http://{}/v1", server.address));
    path.timeouts.gap = Span::from_secs(60);
    let caller = caller(path);
    let begun = Rc::clone(&caller);
    let (sample, ()) = tokio::join!(send(&caller, Api::Chat, true, 0), async {
        // A gap is recorded as soon as the second text has arrived.
        while begun.take_interval().is_empty() {
            tokio::task::yield_now().await;
        }
        begun.abort();
    });
    assert_eq!(sample.outcome, Outcome::Incomplete(ErrorClass::Interrupted));
    assert!(sample.stamps.first_content.is_some());
}

#[tokio::test]
async fn nobody_there_is_a_failed_call() {
    let sample = send(&caller(path_to("http://127.0.0.1:9/v1".to_owned())), Api::Chat, true, 0).await;
    assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::ConnectRefused));
    assert_eq!((sample.stamps.sent, sample.conn), (None, None));
    // A label of more than 63 characters is refused by the resolver itself; no server is asked.
    let unknown = path_to(format!("http://{}.invalid/v1", "x".repeat(64)));
    let unknown = send(&caller(unknown), Api::Chat, true, 0).await;
    assert_eq!(unknown.outcome, Outcome::Failed(ErrorClass::Dns));
}

/// A certificate for localhost, the server's side of TLS with it, and the PEM file that vouches for it.
fn certificate(dir: &std::path::Path) -> (tokio_rustls::TlsAcceptor, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let file = dir.join("ca.pem");
    std::fs::write(&file, made.cert.pem()).expect("written");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    (Arc::new(config).into(), file)
}

#[tokio::test]
async fn https_is_verified_and_its_handshake_timed() {
    let dir = tempfile::tempdir().expect("dir");
    let (tls, ca_file) = certificate(dir.path());
    let steps = then(events(&[ROLE, TEXT, FINISH, USAGE, DONE]), Step::Write(last_chunk()));
    let server = RawServer::start(steps, Some(tls)).await;
    let url = format!("https://localhost:{}/v1", server.address.port());
    let with = |policy: TlsPolicy| {
        let mut path = path_to(url.clone());
        path.tls = policy;
        caller(path)
    };

    let trusting = with(TlsPolicy { ca_file: Some(ca_file), ..TlsPolicy::default() });
    let first = send(&trusting, Api::Chat, true, 0).await;
    let conn = first.conn.expect("a connection");
    assert_eq!(first.outcome, Outcome::Ok);
    assert!(conn.dns.is_some() && conn.tcp.is_some() && conn.tls.is_some());
    assert!(first.stamps.sent <= first.stamps.first_byte);
    let second = send(&trusting, Api::Chat, true, 1).await.conn.expect("a connection");
    assert_eq!((second.uses, second.tls), (2, None));

    let blind = send(&with(TlsPolicy { verify: false, ..TlsPolicy::default() }), Api::Chat, true, 0).await;
    assert_eq!(blind.outcome, Outcome::Ok);
    let (_, stranger) = certificate(dir.path());
    let strict = send(&with(TlsPolicy { ca_file: Some(stranger), ..TlsPolicy::default() }), Api::Chat, true, 0).await;
    assert_eq!(strict.outcome, Outcome::Failed(ErrorClass::Tls));
    let told = strict.message.expect("the reason");
    assert!(told.contains("TLS with localhost") && told.contains("certificate"), "{told}");
}
