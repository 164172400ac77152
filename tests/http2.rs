//! Calls that share connections: how they are spread, what befalls them, and how true their stamps are.

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
#[path = "support/call.rs"]
mod call;
#[path = "support/h2server.rs"]
mod h2server;
#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use call::prepared;
use h2server::{Act, H2Server};
use hopmark::attempt::{Caller, Route};
use hopmark::measure::outcome::{ErrorClass, Outcome};
use hopmark::measure::sample::Sample;
use hopmark::path::{AuthRef, ConnectionPolicy, Http, NetPath, SecretRef};
use hopmark::probe::{Findings, preflight};
use hopmark::transport::connect::Target;
use hopmark::transport::credential::Credential;
use hopmark::transport::credential::secret::Secret;
use hopmark::units::{Api, Nanos, Phase, Span};
use hopmark::wire::filter::Filter;
use hopmark::workload::call::Call;
use process::{KEY, Sim, quantile, run_profile};
use tokio::sync::{Barrier, Notify};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;

fn unsigned() -> (Credential, Filter) {
    (Credential::None, Filter::default())
}

fn path_to(base_url: String, max: usize, streams: usize) -> NetPath {
    let path = call::path_to(base_url, Http::Two { max, streams }, [10_000, 30_000, 30_000, 30_000]);
    NetPath { auth: AuthRef::ApiKey { secret: SecretRef::Simulator, header: None }.into(), ..path }
}

fn path_at(server: &H2Server, max: usize, streams: usize) -> NetPath {
    path_to(format!("http://{}/v1", server.address), max, streams)
}

fn caller(path: NetPath) -> Rc<Caller> {
    let key = Secret::new(KEY.to_owned()).expect("a key");
    let credential = Credential::of(&path, Some(&key)).expect("a credential");
    call::caller(path, credential)
}

/// What every call asks.
fn hello() -> Call {
    call::hello(Api::Chat, true)
}

/// A call in a task of its own, as the driver makes them.
fn begin(caller: &Rc<Caller>, seq: u64) -> JoinHandle<Sample> {
    spawn_local(Rc::clone(caller).send(prepared(caller, seq, &hello()), Nanos::now()))
}

async fn ended(calls: Vec<JoinHandle<Sample>>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for call in calls {
        samples.push(call.await.expect("no panic"));
    }
    samples
}

async fn at_once(caller: &Rc<Caller>, seqs: std::ops::Range<u64>) -> Vec<Sample> {
    ended(seqs.map(|seq| begin(caller, seq)).collect()).await
}

async fn one(caller: &Rc<Caller>, seq: u64) -> Sample {
    begin(caller, seq).await.expect("no panic")
}

fn all_ok(samples: &[Sample]) {
    for sample in samples {
        assert_eq!(sample.outcome, Outcome::Ok, "{:?}", sample.seq);
    }
}

fn ids(samples: &[Sample]) -> BTreeSet<u64> {
    samples.iter().map(|sample| sample.conn.expect("a connection").id).collect()
}

fn together(calls: usize) -> Act {
    Act::Together(Arc::new(Barrier::new(calls)))
}

/// When the caller has had content twice.
async fn has_content(caller: &Caller) {
    while caller.take_interval().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn calls_share_as_many_connections_as_there_may_be() {
    for (max, each) in [(1, vec![44]), (4, vec![11, 11, 11, 11])] {
        // First so many that every connection has one, which makes its limit known; then many at once.
        let (warm, many) = (together(max), together(44 - max));
        let server = H2Server::start(None, None, move |_, call| if call == 0 { warm.clone() } else { many.clone() });
        let server = server.await;
        let calls = async {
            let caller = caller(path_at(&server, max, 100));
            let mut samples = at_once(&caller, 0..max as u64).await;
            samples.extend(at_once(&caller, max as u64..44).await);
            samples
        };
        let samples = LocalSet::new().run_until(calls).await;
        all_ok(&samples);
        assert_eq!(server.counters.calls(), each);
        assert_eq!(ids(&samples).len(), max);
        let mut uses: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for sample in &samples {
            let conn = sample.conn.expect("a connection");
            uses.entry(conn.id).or_default().push(conn.uses);
            assert_eq!(conn.tcp.is_some(), conn.uses == 1, "only a new connection has a handshake");
            assert_eq!(conn.peer, Some(server.address));
            let stamps = &sample.stamps;
            assert!(stamps.conn_ready <= stamps.sent && stamps.sent <= stamps.head && stamps.sent.is_some());
            assert!(stamps.head <= stamps.first_content && stamps.first_content <= stamps.done);
            assert_eq!(stamps.first_byte, stamps.head);
        }
        for mut uses in uses.into_values() {
            uses.sort_unstable();
            assert_eq!(uses, (1..=uses.len() as u32).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_call_that_finds_all_full_waits_and_its_wait_shows() {
    // The path's own limit, the server's, and both.
    for (streams, allowed, at_a_time) in [(3, None, 3), (100, Some(2), 2), (2, Some(5), 2)] {
        let act = together(at_a_time);
        let server = H2Server::start(allowed, None, move |_, call| if call == 0 { Act::Answer } else { act.clone() });
        let server = server.await;
        let calls = async {
            let caller = caller(path_at(&server, 1, streams));
            all_ok(&[one(&caller, 0).await]);
            at_once(&caller, 1..13).await
        };
        let samples = LocalSet::new().run_until(calls).await;
        all_ok(&samples);
        assert_eq!(server.counters.calls(), [13]);
        assert_eq!(server.counters.peak.load(Ordering::SeqCst), at_a_time, "{streams} {allowed:?}");
        let (first, rest) = samples.split_at(at_a_time);
        let earliest = first.iter().filter_map(|sample| sample.stamps.done).min();
        for late in rest {
            assert!(late.stamps.begun < earliest && late.stamps.conn_ready > earliest, "it waited for a place");
        }
    }
}

#[tokio::test]
async fn until_the_server_has_told_its_limit_a_connection_has_one_stream() {
    let server = H2Server::start(Some(1), None, |_, _| Act::Answer).await;
    let calls = async { at_once(&caller(path_at(&server, 2, 100)), 0..20).await };
    all_ok(&LocalSet::new().run_until(calls).await);
    assert_eq!((server.counters.calls().len(), server.counters.peak.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn a_refused_or_reset_stream_ends_alone() {
    let told = Arc::new(Notify::new());
    let reset = Arc::clone(&told);
    let server = H2Server::start(None, None, move |_, call| match call {
        1 => Act::Refuse,
        2 => Act::ResetWhen(Arc::clone(&reset)),
        _ => Act::Answer,
    });
    let server = server.await;
    let calls = async {
        let caller = caller(path_at(&server, 1, 100));
        let first = one(&caller, 0).await;
        let refused = one(&caller, 1).await;
        caller.take_interval();
        let begun = begin(&caller, 2);
        has_content(&caller).await;
        // Another comes and goes while it lasts.
        let beside = one(&caller, 3).await;
        told.notify_one();
        [first, refused, begun.await.expect("no panic"), beside, one(&caller, 4).await]
    };
    let samples = LocalSet::new().run_until(calls).await;
    let outcomes = samples.each_ref().map(|sample| sample.outcome);
    let (refused, reset) = (Outcome::Failed(ErrorClass::StreamRefused), Outcome::Incomplete(ErrorClass::StreamReset));
    assert_eq!(outcomes, [Outcome::Ok, refused, reset, Outcome::Ok, Outcome::Ok]);
    assert_eq!(server.counters.calls(), [5], "all on one connection");
    assert!(samples[2].stamps.last_content.is_some() && samples[1].stamps.head.is_none());
}

#[tokio::test]
async fn a_server_that_goes_away_finishes_what_it_has_and_gets_no_more() {
    let both = Arc::new(Barrier::new(2));
    let server = H2Server::start(None, None, move |connection, call| match (connection, call) {
        (0, 1) => Act::Together(Arc::clone(&both)),
        (0, 2) => Act::GoAway(Arc::clone(&both)),
        _ => Act::Answer,
    });
    let server = server.await;
    let calls = async {
        let caller = caller(path_at(&server, 1, 100));
        let mut samples = at_once(&caller, 0..1).await;
        samples.extend(at_once(&caller, 1..3).await);
        samples.extend(at_once(&caller, 3..4).await);
        samples.extend(at_once(&caller, 4..10).await);
        samples
    };
    let samples = LocalSet::new().run_until(calls).await;
    all_ok(&samples);
    assert_eq!(server.counters.calls(), [3, 7]);
    assert_eq!(samples.iter().filter(|sample| sample.conn.is_some_and(|conn| conn.is_new())).count(), 2);
}

#[tokio::test]
async fn a_server_that_wants_one_call_a_connection_has_its_way() {
    let server = H2Server::start(None, None, |_, _| Act::GoAway(Arc::new(Barrier::new(1)))).await;
    let calls = async {
        let caller = caller(path_at(&server, 1, 100));
        let mut samples = Vec::new();
        for seq in 0..6 {
            samples.push(one(&caller, seq).await);
        }
        samples
    };
    all_ok(&LocalSet::new().run_until(calls).await);
    assert_eq!(server.counters.calls(), [1; 6]);
}

#[tokio::test]
async fn a_lost_connection_cuts_its_calls_and_another_is_opened() {
    let told = Arc::new(Notify::new());
    let lost = Arc::clone(&told);
    let server = H2Server::start(None, None, move |connection, call| match (connection, call) {
        (0, 1) => Act::Hold,
        (0, 2) => Act::LoseWhen(Arc::clone(&lost)),
        (1, 1) => Act::LoseBefore,
        _ => Act::Answer,
    });
    let server = server.await;
    let calls = async {
        let caller = caller(path_at(&server, 1, 100));
        let first = one(&caller, 0).await;
        caller.take_interval();
        let (held, begun) = (begin(&caller, 1), begin(&caller, 2));
        has_content(&caller).await;
        told.notify_one();
        let cut = ended(vec![held, begun]).await;
        let after = [one(&caller, 3).await, one(&caller, 4).await, one(&caller, 5).await];
        [vec![first], cut, after.to_vec()].concat()
    };
    let samples = LocalSet::new().run_until(calls).await;
    let outcomes: Vec<Outcome> = samples.iter().map(|sample| sample.outcome).collect();
    let closed = Outcome::Failed(ErrorClass::ConnectionClosed);
    let cut = Outcome::Incomplete(ErrorClass::StreamTruncated);
    let stale = Outcome::Failed(ErrorClass::StaleConnection);
    assert_eq!(outcomes, [Outcome::Ok, closed, cut, Outcome::Ok, stale, Outcome::Ok]);
    assert_eq!(server.counters.calls(), [3, 2, 1]);
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_place_to_the_next() {
    let server = H2Server::start(Some(1), None, |_, call| if call == 1 { Act::Hold } else { Act::Answer }).await;
    let calls = async {
        let mut path = path_at(&server, 1, 100);
        path.timeouts.first_byte = Span::from_millis(300);
        let caller = caller(path);
        let mut samples = at_once(&caller, 0..1).await;
        samples.extend(at_once(&caller, 1..4).await);
        samples
    };
    let samples = LocalSet::new().run_until(calls).await;
    let outcomes: Vec<Outcome> = samples.iter().map(|sample| sample.outcome).collect();
    let given_up = Outcome::Failed(ErrorClass::TimeoutFirstByte);
    assert_eq!(outcomes, [Outcome::Ok, given_up, Outcome::Ok, Outcome::Ok]);
    assert_eq!(server.counters.calls(), [4]);
}

#[tokio::test]
async fn who_waits_in_vain_is_told_why() {
    let server = H2Server::start(None, None, |_, _| Act::Hold).await;
    let calls = async {
        let mut path = path_at(&server, 1, 1);
        path.timeouts.total = Span::from_millis(300);
        let late = at_once(&caller(path.clone()), 0..2).await;
        let aborted = caller(path_at(&server, 1, 1));
        let waiting = [begin(&aborted, 0), begin(&aborted, 1)];
        while server.counters.calls().iter().sum::<usize>() < 2 {
            tokio::task::yield_now().await;
        }
        aborted.abort();
        (late, ended(waiting.into()).await)
    };
    let (late, aborted) = LocalSet::new().run_until(calls).await;
    for (samples, why) in
        [(late, Outcome::Failed(ErrorClass::TimeoutTotal)), (aborted, Outcome::Incomplete(ErrorClass::Interrupted))]
    {
        assert_eq!([samples[0].outcome, samples[1].outcome], [why, why]);
        assert!(samples[0].stamps.sent.is_some() && samples[1].stamps.sent.is_none());
    }
    let nobody = async { at_once(&caller(path_to("http://127.0.0.1:9/v1".to_owned(), 1, 1)), 0..10).await };
    for sample in LocalSet::new().run_until(nobody).await {
        assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::ConnectRefused));
    }
}

#[tokio::test]
async fn fresh_connections_have_one_call_each_and_are_closed() {
    let server = H2Server::start(None, None, |_, _| Act::Answer).await;
    let calls = async {
        let mut path = path_at(&server, 1, 1);
        path.connections = ConnectionPolicy::Fresh;
        let caller = caller(path);
        let samples = at_once(&caller, 0..6).await;
        let closed = async {
            while server.counters.open.load(Ordering::SeqCst) > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), closed).await.expect("all are closed");
        samples
    };
    let samples = LocalSet::new().run_until(calls).await;
    all_ok(&samples);
    assert_eq!(server.counters.calls(), [1; 6]);
    assert!(samples.iter().all(|sample| sample.conn.is_some_and(|conn| conn.is_new())));
}

#[tokio::test]
async fn the_share_of_a_worker_is_what_it_opens() {
    assert_eq!((0..3).map(|shard| Http::share(7, shard, 3)).collect::<Vec<_>>(), [3, 2, 2]);
    let server = H2Server::start(None, None, |_, _| Act::Answer).await;
    let calls = async {
        let path = path_at(&server, 7, 1);
        let target = Target::of(&path).expect("a target");
        let routes = vec![Route::new(path, target, Credential::None)];
        at_once(&Rc::new(Caller::new(routes, "run".to_owned(), Nanos::now(), 1, 3)), 0..40).await
    };
    all_ok(&LocalSet::new().run_until(calls).await);
    assert_eq!(server.counters.calls().len(), 2);
}

/// The server's side of TLS that agrees to `alpn`, and the PEM file that vouches for it.
fn certificate(dir: &Path, alpn: &[&[u8]]) -> (TlsAcceptor, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let file = dir.join("ca.pem");
    std::fs::write(&file, made.cert.pem()).expect("written");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (Arc::new(config).into(), file)
}

#[tokio::test]
async fn over_https_the_server_has_to_agree() {
    const H2: &[u8] = b"h2";
    const H1: &[u8] = b"http/1.1";
    let http2 = Http::Two { max: 2, streams: 100 };
    // What the server agrees to, what the path speaks, and whether that goes together.
    for (alpn, http, agrees) in [
        (&[H2, H1][..], http2, true),
        (&[H2], http2, true),
        (&[H1], http2, false),
        (&[], http2, false),
        (&[H2], Http::One, false),
    ] {
        let dir = tempfile::tempdir().expect("dir");
        let (tls, ca_file) = certificate(dir.path(), alpn);
        let server = H2Server::start(None, Some(tls), |_, _| Act::Answer).await;
        let mut path = path_to(format!("https://localhost:{}/v1", server.address.port()), 2, 100);
        path.tls.ca_file = Some(ca_file);
        path.http = http;
        let target = Target::of(&path).expect("a target");
        let asked =
            LocalSet::new().run_until(preflight(path.clone(), target.clone(), unsigned(), &[hello()], "m")).await;
        let calls = async { at_once(&caller(path), 0..20).await };
        let samples = LocalSet::new().run_until(calls).await;
        if agrees {
            assert_eq!(asked, Findings::default());
            all_ok(&samples);
            assert!(ids(&samples).len() <= 2);
            for conn in samples.iter().filter_map(|sample| sample.conn) {
                assert_eq!((conn.dns.is_some(), conn.tls.is_some()), (conn.is_new(), conn.is_new()));
            }
        } else {
            let told = asked.refused[0].to_string();
            let (wanted, other) = if http.is_one() { ("HTTP/1.1", "\"2\"") } else { ("HTTP/2", "\"1.1\"") };
            assert!(told.contains(&format!("does not agree to {wanted}")), "{told}");
            assert!(told.contains(&format!("set connections.http = {other}")), "{told}");
            assert!(samples.iter().all(|sample| sample.outcome == Outcome::Failed(ErrorClass::Alpn)));
        }
    }
}

#[tokio::test]
async fn a_server_without_http2_is_told_apart_in_one_sentence() {
    // One that speaks HTTP/1.1 alone: it answers the beginning of HTTP/2 as a request.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let old = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.read(&mut [0; 4096]).await;
            let _ = tcp.write_all(b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let path = path_to(format!("http://{old}/v1"), 1, 1);
    let target = Target::of(&path).expect("a target");
    let asked = LocalSet::new().run_until(preflight(path.clone(), target, unsigned(), &[hello()], "m")).await;
    let told = asked.refused[0].to_string();
    assert!(told.contains("does not speak HTTP/2") && told.contains("set connections.http = \"1.1\""), "{told}");
    assert!(!told.contains('\n') && !told.contains(". "), "one sentence: {told}");
    let sample = LocalSet::new().run_until(async { one(&caller(path), 0).await }).await;
    assert!(matches!(sample.outcome, Outcome::Failed(ErrorClass::Protocol | ErrorClass::ConnectionClosed)));
    serving.abort();
}

/// The simulator's own count of what is open.
fn open_at(sim: &Sim, what: &str) -> usize {
    let metrics = sim.control(reqwest::Method::GET, "/_sim/metrics");
    let line = metrics.lines().find(|line| line.starts_with(what)).unwrap_or_else(|| panic!("{what} in {metrics}"));
    line.rsplit(' ').next().expect("a number").parse().expect("a number")
}

/// A time measured here can only be longer than the truth, which the simulator writes down: it stamps a read after and
/// a write before, and over HTTP/2 when a frame is handed to the connection, which is not later.
#[test]
fn no_measured_time_is_shorter_than_the_ledgers() {
    for http in [Http::One, Http::Two { max: 1, streams: 200 }, Http::Two { max: 4, streams: 100 }] {
        against_the_ledger(http);
    }
}

fn against_the_ledger(http: Http) {
    const CALLS: u64 = 120;
    let sim = Sim::start(&["--ttft", "60ms", "--itl", "20ms", "--output-tokens", "20", "--seed", "7"]);
    let name = sim.names()[0].to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let calls = async {
        let mut path = path_to(format!("{}/openai/v1", sim.url(&name)), 4, 100);
        path.http = http;
        let caller = caller(path);
        let mut samples = at_once(&caller, 0..8).await;
        let mut calls = Vec::new();
        for seq in 8..CALLS {
            calls.push(begin(&caller, seq));
            // A load that leaves time to look at every read.
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        samples.extend(ended(calls).await);
        samples
    };
    let samples = LocalSet::new().block_on(&runtime, calls);
    all_ok(&samples);
    if let Http::Two { max, .. } = http {
        assert_eq!(ids(&samples).len(), max);
    }
    let ledger: BTreeMap<String, _> =
        sim.ledger(&name).into_iter().map(|line| (line.request_id.clone(), line)).collect();
    let mut errors: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for sample in &samples {
        let line = ledger.get(&format!("run-{}", sample.seq.0)).expect("its line");
        let stamps = &sample.stamps;
        let (sent, received) = (stamps.sent.expect("sent"), line.recv_ns.expect("received"));
        assert!(sent <= received, "{:?} was received {} ns before it was sent", sample.seq, sent.0 - received.0);
        for (what, measured, truth) in [
            ("head", stamps.head, line.head_ns),
            ("first", stamps.first_content, line.first_ns),
            ("last", stamps.last_content, line.last_ns),
            ("end", stamps.end, line.end_ns),
        ] {
            let (measured, truth) = (measured.expect(what), truth.expect(what));
            assert!(measured >= truth, "{what} of {:?} came {} ns too early", sample.seq, truth.0 - measured.0);
            let (measured, truth) = (measured.since(sent), truth.since(received));
            errors.entry(what).or_default().push(measured.saturating_sub(truth).as_secs_f64() * 1e3);
        }
    }
    for (what, errors) in errors {
        let [middle, most] = [0.5, 0.99].map(|q| quantile(errors.clone(), q));
        eprintln!("HTTP/{http}, {what}: {} calls, median error {middle:.3} ms, p99 {most:.3} ms", errors.len());
        // Only to notice a stamp of something else altogether, a whole stream away: a busy machine may be very late.
        assert!(middle < 100.0, "{what}: {middle} ms");
    }
}

fn profile(load: &str, paths: &str) -> String {
    format!(
        "name = \"http2\"\nseed = 3\n[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\n\
         api = {{ chat = 1, responses = 1 }}\ninput_tokens = 20\noutput_tokens = 8\n[load]\n{load}\n{paths}"
    )
}

/// The rows of a run over one path, all of them answered, over as many connections as there may be.
fn is_whole(ended: &process::Ended, path: &str, connections: usize) {
    ended.assert_code(0);
    let samples = &ended.run.samples;
    let of_path: Vec<&Sample> =
        samples.iter().filter(|sample| ended.run.manifest.plan.path(sample.path).name == path).collect();
    assert!(of_path.len() > 50, "{} calls", of_path.len());
    assert!(of_path.iter().all(|sample| sample.outcome == Outcome::Ok));
    let used: BTreeSet<u64> = of_path.iter().map(|sample| sample.conn.expect("a connection").id).collect();
    assert_eq!(used.len(), connections, "{path}");
    let counts = &ended.summary["paths"][path]["connections"];
    let measured = of_path.iter().filter(|sample| sample.phase == Phase::Measure).count() as u64;
    let count = |key: &str| counts[key].as_u64().expect("a count");
    assert_eq!((count("opened") + count("reused"), count("failed")), (measured, 0), "{counts}");
    assert!(count("opened") <= connections as u64);
}

#[test]
fn open_and_closed_loads_run_over_a_few_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = Sim::start(&["--ttft", "20ms", "--itl", "1ms", "--output-tokens", "8"]);
    let name = sim.names()[0];
    let path = |max: usize, http: &str| {
        let path = sim.paths(&[name]).replace(&format!("name = \"{name}\""), &format!("name = \"{http}-{max}\""));
        let shared = if http == "two" { format!(", max = {max}, streams = 50") } else { String::new() };
        let version = if http == "two" { "2" } else { "1.1" };
        format!("{path}connections = {{ policy = \"keep\", http = \"{version}\"{shared} }}\n")
    };
    let open = "rate = \"80/s\"\nwarmup = \"1s\"\nduration = \"2s\"\ndesign = \"paired\"";
    let both = profile(open, &(path(3, "two") + &path(0, "one")));
    let ended = run_profile(folder.path(), "open", &both);
    is_whole(&ended, "two-3", 3);
    let closed = "kind = \"closed\"\nconcurrency = 30\nwarmup = \"1s\"\nduration = \"2s\"\ndesign = \"sequential\"";
    for max in [1, 4] {
        let ended = run_profile(folder.path(), &format!("closed-{max}"), &profile(closed, &path(max, "two")));
        is_whole(&ended, &format!("two-{max}"), max);
        assert!(ended.run.manifest.plan.workers <= max);
    }
}

/// As over TLS, so with the simulator's own census: four connections and no more while the calls are under way.
#[test]
fn over_https_the_simulator_counts_the_connections_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("secure.toml");
    let text = "name = \"secure\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"400ms\", gap = \"5ms\" }\n\
                [[listener]]\nname = \"plain\"\nkind = \"direct\"\nbackend = \"b\"\n\
                [[listener]]\nname = \"secure\"\nkind = \"direct\"\nbackend = \"b\"\ntls = \"self-signed\"\n";
    std::fs::write(&scenario, text).expect("a scenario");
    let sim = Sim::start(&["--scenario", scenario.to_str().expect("a path")]);
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, sim.control(reqwest::Method::GET, "/_sim/ca.pem?listener=secure")).expect("roots");
    let paths = format!(
        "{}connections = {{ http = \"2\", max = 4, streams = 100 }}\ntls = {{ ca_file = \"{}\" }}\n",
        sim.paths(&["secure"]),
        ca.display()
    );
    let load = "kind = \"closed\"\nconcurrency = 60\nwarmup = \"1s\"\nduration = \"3s\"\ndesign = \"sequential\"";
    let (ended, most, streams) = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_profile(folder.path(), "secure", &profile(load, &paths)));
        let (mut most, mut streams) = (0, 0);
        while !run.is_finished() {
            most = most.max(open_at(&sim, "sim_connections{listener=\"secure\"}"));
            streams = streams.max(open_at(&sim, "sim_streams"));
            std::thread::sleep(Duration::from_millis(50));
        }
        (run.join().expect("no panic"), most, streams)
    });
    is_whole(&ended, "secure", 4);
    assert_eq!(most, 4);
    assert!(streams > 4, "{streams}");
    let with_tls = ended.run.samples.iter().filter(|sample| sample.conn.is_some_and(|conn| conn.tls.is_some()));
    assert_eq!(with_tls.count(), 4, "only a new connection has a handshake");
}
