//! Which way connections take when the profile decides: addresses, DNS servers, source addresses, proxies, certificates
//! and how long connections live; and that the measured steps of opening stay true.

#[path = "support/call.rs"]
mod call;
#[path = "support/dns.rs"]
mod dns;
#[path = "support/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
#[path = "support/scripted.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod scripted;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hopmark::attempt::{Caller, Route};
use hopmark::measure::outcome::{ErrorClass, Outcome};
use hopmark::measure::resolution::NoAddress;
use hopmark::measure::sample::Sample;
use hopmark::path::control::{ConnectTo, Control, Lifetime, Proxy};
use hopmark::path::{Http, NetPath};
use hopmark::transport::connect::Target;
use hopmark::transport::credential::Credential;
use hopmark::transport::dns::look_up;
use hopmark::units::{Api, Nanos, Span};
use hopmark::wire::filter::Filter;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::task::LocalSet;

use call::{caller, hello, path_to, prepared};
use dns::{DnsServer, Known, Manner};

const NAME: &str = "x.openai.azure.com";
const BODY: &str = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;

/// What a server saw of one connection.
#[derive(Clone, Debug, Default)]
struct Seen {
    from: Option<IpAddr>,
    sni: Option<String>,
    heads: Vec<String>,
}

/// A server that answers every request well, over TLS if it has a certificate, and notes who came.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (noted, tls) = (Arc::clone(&noted), tls.clone());
                std::thread::spawn(move || serve(tcp, tls, &noted));
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn serve(tcp: TcpStream, tls: Option<Arc<rustls::ServerConfig>>, noted: &Mutex<Vec<Seen>>) {
    let from = tcp.peer_addr().expect("a peer").ip();
    let place = {
        let mut all = noted.lock().expect("no panic");
        all.push(Seen { from: Some(from), ..Seen::default() });
        all.len() - 1
    };
    let note = |change: &dyn Fn(&mut Seen)| change(&mut noted.lock().expect("no panic")[place]);
    match tls {
        None => answer_all(tcp, note),
        Some(config) => {
            let session = rustls::ServerConnection::new(config).expect("a session");
            let mut stream = rustls::StreamOwned::new(session, tcp);
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    return;
                }
            }
            let sni = stream.conn.server_name().map(str::to_owned);
            note(&|seen| seen.sni.clone_from(&sni));
            answer_all(stream, note);
        }
    }
}

fn answer_all(mut stream: impl Read + Write, note: impl Fn(&dyn Fn(&mut Seen))) {
    while let Some(head) = read_request(&mut stream) {
        note(&|seen| seen.heads.push(head.clone()));
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// The head of a request, whose body has been read too.
fn read_request(stream: &mut impl Read) -> Option<String> {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
            if body.len() >= length {
                return Some(head.to_owned());
            }
        }
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&piece[..count]);
    }
}

/// A certificate, with the key that goes with it, for a server.
fn server_of(made: &rcgen::Certificate, key: &KeyPair) -> Arc<rustls::ServerConfig> {
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![made.der().clone()], key);
    Arc::new(config.expect("a server"))
}

/// A self-signed certificate for these names, changed by `change`, and the PEM file that holds it.
fn self_signed(
    dir: &Path,
    names: &[&str],
    change: impl Fn(&mut CertificateParams),
) -> (Arc<rustls::ServerConfig>, PathBuf) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    let made = params.self_signed(&key).expect("a certificate");
    let file = dir.join(format!("{}.pem", std::fs::read_dir(dir).expect("a folder").count()));
    std::fs::write(&file, made.pem()).expect("written");
    (server_of(&made, &key), file)
}

fn path(base_url: String, control: Control) -> NetPath {
    NetPath { control, ..path_to(base_url, Http::One, [5_000, 5_000, 5_000, 10_000]) }
}

async fn one(caller: &Rc<Caller>, seq: u64) -> Sample {
    let call = prepared(caller, seq, &hello(Api::Chat, false));
    Rc::clone(caller).send(call, Nanos::now()).await
}

/// One call after the other over one path.
fn calls(path: NetPath, count: u64) -> Vec<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let caller = caller(path, Credential::None);
        let mut samples = Vec::new();
        for seq in 0..count {
            samples.push(one(&caller, seq).await);
        }
        samples
    })
}

fn message(sample: &Sample) -> &str {
    sample.message.as_deref().unwrap_or_default()
}

fn loopback(last: [u8; 3]) -> IpAddr {
    IpAddr::from([127, last[0], last[1], last[2]])
}

#[test]
fn the_name_stays_where_the_address_is_given() {
    let dir = tempfile::tempdir().expect("dir");
    let (tls, ca_file) = self_signed(dir.path(), &[NAME], |_| {});
    let secure = Server::start(Some(tls));
    let plain = Server::start(None);
    let at =
        |server: &Server| Control { connect_to: ConnectTo::parse(&server.address.to_string()), ..Control::default() };
    let resolve = || Control { resolve: [(NAME.to_owned(), vec![loopback([0, 0, 1])])].into(), ..Control::default() };
    for (word, base, control, server, secured) in [
        ("connect_to over TLS", format!("https://{NAME}/v1"), at(&secure), &secure, true),
        ("resolve over TLS", format!("https://{NAME}:{}/v1", secure.address.port()), resolve(), &secure, true),
        ("connect_to", format!("http://{NAME}/v1"), at(&plain), &plain, false),
        ("resolve", format!("http://{}:{}/v1", NAME.to_uppercase(), plain.address.port()), resolve(), &plain, false),
    ] {
        let mut path = path(base.clone(), control);
        path.tls.ca_file = secured.then(|| ca_file.clone());
        let sample = calls(path, 1).remove(0);
        assert_eq!(sample.outcome, Outcome::Ok, "{word}: {}", message(&sample));
        let conn = sample.conn.expect("a connection");
        // What was not done has no time.
        assert_eq!((conn.dns, conn.tcp.is_some(), conn.tls.is_some()), (None, true, secured), "{word}");
        assert_eq!(conn.peer, Some(server.address), "{word}");
        let seen = server.seen().pop().expect("a connection");
        let authority = base.split('/').nth(2).expect("an authority").to_ascii_lowercase();
        assert!(seen.heads[0].contains(&format!("\nhost: {authority}\r")), "{word}: {seen:?}");
        assert_eq!(seen.sni, secured.then(|| NAME.to_owned()), "{word}");
    }
}

#[test]
fn connections_come_from_the_source_address() {
    let server = Server::start(None);
    let control = Control { source_address: Some(loopback([0, 9, 9])), ..Control::default() };
    let sample = calls(path(format!("http://{}/v1", server.address), control), 1).remove(0);
    assert_eq!(sample.outcome, Outcome::Ok, "{}", message(&sample));
    assert_eq!(server.seen()[0].from, Some(loopback([0, 9, 9])));
    // An address of the other kind is told apart.
    let control = Control { source_address: Some("::1".parse().expect("v6")), ..Control::default() };
    let sample = calls(path(format!("http://{}/v1", server.address), control), 1).remove(0);
    assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::Connect));
    assert!(message(&sample).contains("can be reached from source_address ::1"), "{}", message(&sample));
}

#[test]
fn a_dns_server_of_ones_own_is_asked_and_its_time_is_measured() {
    let server = Server::start(None);
    let names = [
        (NAME, Known::Alias("x.privatelink.openai.azure.com")),
        ("x.privatelink.openai.azure.com", Known::At(vec![loopback([0, 0, 1])])),
    ];
    let delay = Duration::from_millis(120);
    let dns = DnsServer::with(&names, Manner { delay, ..Manner::default() });
    let control = Control { dns: Some(dns.address), ..Control::default() };
    let mut path = path(format!("http://{NAME}:{}/v1", server.address.port()), control);
    path.connections = hopmark::path::ConnectionPolicy::Fresh;
    for sample in calls(path, 2) {
        assert_eq!(sample.outcome, Outcome::Ok, "{}", message(&sample));
        let conn = sample.conn.expect("a connection");
        assert!(conn.dns.is_some_and(|took| took >= delay), "never shorter than true: {conn:?}");
        assert!(conn.tcp.is_some_and(|took| took < delay), "{conn:?}");
        assert_eq!(conn.peer.map(|peer| peer.ip()), Some(loopback([0, 0, 1])));
    }
    let asked = dns.asked();
    assert_eq!(asked.iter().filter(|one| **one == format!("A {NAME}")).count(), 2, "each time anew: {asked:?}");
}

#[tokio::test]
async fn every_answer_of_a_dns_server_is_told_apart() {
    let v4: IpAddr = "10.0.2.5".parse().expect("v4");
    let v6: IpAddr = "fd00::5".parse().expect("v6");
    let link = "x.privatelink.openai.azure.com";
    let good = || vec![(NAME, Known::Alias(link)), (link, Known::At(vec![v6, v4]))];
    let usual = Manner::default;
    let none = |name: &str| Some(NoAddress::NoSuchName(name.to_owned()));
    type Case<'c> = (&'c str, Vec<(&'c str, Known)>, Manner, Vec<&'c str>, Vec<IpAddr>, Option<NoAddress>);
    let cases: Vec<Case<'_>> = vec![
        ("both families, IPv4 first", good(), usual(), vec![link], vec![v4, v6], None),
        ("no chain", vec![(NAME, Known::At(vec![v4]))], usual(), vec![], vec![v4], None),
        ("a server that follows nothing", good(), Manner { follows: false, ..usual() }, vec![link], vec![v4, v6], None),
        ("an answer that is cut", good(), Manner { cuts: true, ..usual() }, vec![link], vec![v4, v6], None),
        ("lost questions", good(), Manner { deaf: 2, ..usual() }, vec![link], vec![v4, v6], None),
        ("forged answers", good(), Manner { forged: true, ..usual() }, vec![link], vec![v4, v6], None),
        ("no answer for IPv6", good(), Manner { v4_only: true, ..usual() }, vec![link], vec![v4], None),
        ("no such name", vec![], usual(), vec![], vec![], none(NAME)),
        ("no record in the zone", vec![(NAME, Known::Alias(link))], usual(), vec![link], vec![], none(link)),
        (
            "no record in the zone, step by step",
            vec![(NAME, Known::Alias(link))],
            Manner { follows: false, ..usual() },
            vec![link],
            vec![],
            none(link),
        ),
        ("no address", vec![(NAME, Known::Nothing)], usual(), vec![], vec![], Some(NoAddress::Empty(NAME.to_owned()))),
        (
            "a server that cannot tell",
            vec![(NAME, Known::Failure)],
            usual(),
            vec![],
            vec![],
            Some(NoAddress::Refused("Server Failure".to_owned())),
        ),
    ];
    for (word, names, manner, chain, addresses, failure) in cases {
        let server = DnsServer::with(&names, manner);
        let found = look_up(server.address, NAME).await;
        assert_eq!(
            (&found.chain, &found.addresses),
            (&chain.iter().map(|n| (*n).to_owned()).collect(), &addresses),
            "{word}"
        );
        assert_eq!(found.failure, failure, "{word}");
    }
    let circle = DnsServer::start(&[("a.test", Known::Alias("b.test")), ("b.test", Known::Alias("a.test"))]);
    assert_eq!(look_up(circle.address, "a.test").await.failure, Some(NoAddress::Endless));
}

#[test]
fn a_name_that_the_server_does_not_know_is_said_with_the_server() {
    let dns = DnsServer::start(&[(NAME, Known::Alias("x.privatelink.openai.azure.com"))]);
    let control = Control { dns: Some(dns.address), ..Control::default() };
    let sample = calls(path(format!("http://{NAME}/v1"), control), 1).remove(0);
    assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::Dns));
    let told = format!(
        "the name '{NAME}' does not resolve (DNS server {}: NXDOMAIN: the name 'x.privatelink.openai.azure.com' does not \
         exist)",
        dns.address
    );
    assert_eq!(message(&sample), told);
}

#[test]
fn connections_end_with_their_calls_or_their_age() {
    let server = Server::start(None);
    let ids = |lifetime: Lifetime| {
        let control = Control { lifetime, ..Control::default() };
        let samples = calls(path(format!("http://{}/v1", server.address), control), 7);
        assert!(samples.iter().all(|sample| sample.outcome.is_ok()));
        samples.iter().map(|sample| sample.conn.expect("a connection").id).collect::<Vec<_>>()
    };
    assert_eq!(ids(Lifetime { max_requests: Some(3), max_age: None }), [0, 0, 0, 1, 1, 1, 2]);
    assert_eq!(ids(Lifetime { max_requests: Some(1), max_age: None }), [0, 1, 2, 3, 4, 5, 6]);
    let age = |span: &str| Lifetime { max_age: Some(span.parse::<Span>().expect("a time")), max_requests: None };
    assert_eq!(ids(age("1h")), [0; 7]);
    assert_eq!(ids(age("1ns")), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_certificate_that_the_ca_file_names_itself_is_trusted_as_it_stands() {
    let dir = tempfile::tempdir().expect("dir");
    let dir = dir.path();
    type Change = fn(&mut CertificateParams);
    let as_authority: Change = |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let as_none: Change = |params| params.is_ca = IsCa::ExplicitNoCa;
    let expired: Change = |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let early: Change = |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let for_clients: Change = |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let for_servers: Change = |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let cases: [(&str, &[&str], Change, bool); 9] = [
        ("as openssl req -x509 makes it", &[NAME], as_authority, true),
        ("no authority", &[NAME], as_none, true),
        ("says nothing of it", &[NAME], |_| {}, true),
        ("for servers", &[NAME], for_servers, true),
        ("another name", &["y.openai.azure.com"], as_authority, false),
        ("no name", &[], as_authority, false),
        ("expired", &[NAME], expired, false),
        ("not yet valid", &[NAME], early, false),
        ("for clients alone", &[NAME], for_clients, false),
    ];
    for (word, names, change, good) in cases {
        let (tls, ca_file) = self_signed(dir, names, change);
        let server = Server::start(Some(tls));
        let control = Control { connect_to: ConnectTo::parse(&server.address.to_string()), ..Control::default() };
        let mut path = path(format!("https://{NAME}/v1"), control);
        path.tls.ca_file = Some(ca_file);
        let sample = calls(path.clone(), 1).remove(0);
        let expected = if good { Outcome::Ok } else { Outcome::Failed(ErrorClass::Tls) };
        assert_eq!(sample.outcome, expected, "{word}: {}", message(&sample));
        // One like it that the file does not name is not trusted.
        path.tls.ca_file = Some(self_signed(dir, names, change).1);
        let sample = calls(path.clone(), 1).remove(0);
        assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::Tls), "{word}, not named");
        path.tls = hopmark::path::TlsPolicy { verify: false, ..Default::default() };
        assert_eq!(calls(path, 1)[0].outcome, Outcome::Ok, "{word}, not verified");
    }
}

/// What a proxy of a test does with CONNECT.
#[derive(Clone, Copy)]
enum Way {
    Opens,
    Refuses(&'static str),
    Closes,
}

/// A proxy that passes everything on to the port that it is asked for on the loopback, and notes what it was asked.
struct TestProxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || pass_on(tcp, way, &noted));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }

    fn control(&self, login_env: Option<&str>) -> Control {
        let proxy =
            Proxy { host: "127.0.0.1".to_owned(), port: self.address.port(), login_env: login_env.map(Into::into) };
        Control { proxy: Some(proxy), ..Control::default() }
    }
}

fn pass_on(mut tcp: TcpStream, way: Way, noted: &Mutex<Vec<String>>) {
    while let Some(head) = read_request(&mut tcp) {
        noted.lock().expect("no panic").push(head.clone());
        let target = head.split(' ').nth(1).expect("a target").to_owned();
        if !head.starts_with("connect ") {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
                BODY.len()
            );
            tcp.write_all(answer.as_bytes()).expect("written");
            continue;
        }
        match way {
            Way::Closes => return,
            Way::Refuses(status) => {
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                tcp.write_all(answer.as_bytes()).expect("written");
            }
            Way::Opens => {
                let port: u16 = target.rsplit(':').next().expect("a port").parse().expect("a port");
                let mut onward = TcpStream::connect(("127.0.0.1", port)).expect("the server");
                tcp.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
                let (mut back, mut from) = (onward.try_clone().expect("a socket"), tcp.try_clone().expect("a socket"));
                std::thread::spawn(move || std::io::copy(&mut from, &mut onward));
                let _ = std::io::copy(&mut back, &mut tcp);
                return;
            }
        }
    }
}

#[test]
fn https_goes_through_a_tunnel_of_the_proxy_and_http_as_a_whole_address() {
    let dir = tempfile::tempdir().expect("dir");
    let (tls, ca_file) = self_signed(dir.path(), &[NAME], |_| {});
    let secure = Server::start(Some(tls));
    let proxy = TestProxy::start(Way::Opens);
    let port = secure.address.port();
    let mut over_tls = path(format!("https://{NAME}:{port}/v1"), proxy.control(None));
    over_tls.tls.ca_file = Some(ca_file);
    let samples = calls(over_tls, 2);
    for sample in &samples {
        assert_eq!(sample.outcome, Outcome::Ok, "{}", message(sample));
        let conn = sample.conn.expect("a connection");
        assert_eq!(conn.peer, Some(proxy.address), "the socket leads to the proxy");
        let new = conn.is_new();
        assert_eq!((conn.dns, conn.tcp.is_some(), conn.proxy.is_some(), conn.tls.is_some()), (None, new, new, new));
    }
    let seen = &secure.seen()[0];
    assert_eq!((seen.sni.as_deref(), seen.heads.len()), (Some(NAME), 2), "one tunnel for both calls");
    assert!(seen.heads.iter().all(|head| head.starts_with("post /v1/chat/completions ")), "{seen:?}");
    assert_eq!(proxy.heads(), [format!("connect {NAME}:{port} http/1.1\r\nhost: {NAME}:{port}")]);

    let proxy = TestProxy::start(Way::Opens);
    let samples = calls(path(format!("http://{NAME}/v1"), proxy.control(None)), 2);
    assert!(samples.iter().all(|sample| sample.outcome.is_ok()), "{}", message(&samples[0]));
    assert!(samples[0].conn.is_some_and(|conn| conn.proxy.is_none()), "nothing to wait for");
    for head in proxy.heads() {
        assert!(head.starts_with(&format!("post http://{NAME}/v1/chat/completions http/1.1")), "{head}");
        assert!(head.contains(&format!("\nhost: {NAME}\r")), "{head}");
    }
}

#[test]
fn a_proxy_that_opens_no_way_is_told_apart() {
    for (way, told) in [
        (Way::Refuses("407 Proxy Authentication Required"), "status 407"),
        (Way::Refuses("502 Bad Gateway"), "status 502"),
        (Way::Closes, "it closed the connection"),
    ] {
        let proxy = TestProxy::start(way);
        let sample = calls(path(format!("https://{NAME}/v1"), proxy.control(None)), 1).remove(0);
        assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::Proxy), "{told}");
        let expected = format!("the proxy http://{} opened no way to {NAME}:443: {told}", proxy.address);
        assert_eq!(message(&sample), expected);
    }
}

/// A profile of one path to this address, with these keys.
fn profile(base_url: &str, keys: &str) -> String {
    format!(
        "[workload]\nkind = \"synthetic\"\nmodel = \"m\"\nstream = false\ninput_tokens = 9\noutput_tokens = 9\n\
         [load]\nrate = \"20/s\"\nwarmup = \"0s\"\nduration = \"1s\"\n\
         [[path]]\nname = \"a\"\nbase_url = \"{base_url}\"\n{keys}\n"
    )
}

/// Runs a profile with variables; its exit code and all that it printed.
fn run_with(dir: &Path, profile: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let file = dir.join("p.toml");
    std::fs::write(&file, profile).expect("written");
    let out = dir.join(format!("out-{}", std::fs::read_dir(dir).expect("a folder").count()));
    let mut command = process::hopmark(&["run", file.to_str().expect("text"), "--quiet", "--out"]);
    let output = command.arg(&out).envs(variables.iter().copied()).output().expect("it runs");
    (output.status.code().expect("no signal"), process::printed(&output))
}

#[test]
fn the_proxy_of_the_profile_is_used_and_none_of_the_environment() {
    let dir = tempfile::tempdir().expect("dir");
    let (server, proxy) = (Server::start(None), TestProxy::start(Way::Opens));
    let everywhere = format!("http://{}", proxy.address);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let variables = names.map(|name| (name, everywhere.as_str()));
    let (code, told) = run_with(dir.path(), &profile(&format!("http://{}/v1", server.address), ""), &variables);
    assert!(matches!(code, 0 | 4), "{told}");
    assert_eq!((proxy.heads().len(), server.seen().is_empty()), (0, false), "{told}");

    let secret = "user:s3cr3t-word";
    let keys = format!("proxy = \"{everywhere}\"\nproxy_env = \"P3_LOGIN\"");
    let through = profile("http://x.test/v1", &keys);
    let (code, told) = run_with(dir.path(), &through, &[("P3_LOGIN", secret)]);
    assert!(matches!(code, 0 | 4), "{told}");
    let heads = proxy.heads();
    let login = "proxy-authorization: basic dxnlcjpzm2nymzqtd29yza==";
    assert!(!heads.is_empty() && heads.iter().all(|head| head.contains("proxy-authorization: basic ")), "{login}");
    for file in std::fs::read_dir(dir.path()).expect("a folder").flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(file.path()).expect("a folder").flatten().filter(|entry| entry.path().is_file()) {
            let text = String::from_utf8_lossy(&std::fs::read(file.path()).expect("read")).into_owned();
            for form in ["s3cr3t-word", "dXNlcjpzM2NyM3Qtd29yZA"] {
                assert!(!text.contains(form), "{} holds {form}", file.path().display());
            }
        }
    }
    for (variables, why) in [
        (&[][..], "the environment variable P3_LOGIN is not set"),
        (&[("P3_LOGIN", "s3cr3t-word")], "the environment variable P3_LOGIN holds no colon"),
    ] {
        let (code, told) = run_with(dir.path(), &through, variables);
        assert!(code == 2 && told.contains(why) && !told.contains("s3cr3t-word"), "{told}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_sentence_with_its_line() {
    let dir = tempfile::tempdir().expect("dir");
    let base = "https://x.openai.azure.com/openai/v1";
    for (base, keys, expected) in [
        (
            base,
            "connect_to = \"y.openai.azure.com\"",
            "'path.a.connect_to' is \"y.openai.azure.com\"; it takes an IP address",
        ),
        (base, "connect_to = \"10.0.2.4/24\"", "it takes an IP address and perhaps a port"),
        (base, "connect_to = \"10.0.2.4:99999\"", "it takes an IP address and perhaps a port"),
        (base, "connect_to = 10", "'path.a.connect_to' is 10; it takes"),
        (base, "connect_to = \"sim://direct/v1\"", "or \"sim://LISTENER\" for the bundled simulator"),
        (base, "connect_to = \"sim://direct\"", "on the simulator, which this run does not start; add [simulator]"),
        (
            base,
            "resolve = { \"x.openai.azure.com\" = \"y\" }",
            "'path.a.resolve.x.openai.azure.com' is \"y\"; it takes an IP",
        ),
        (base, "resolve = { \"x.openai.azure.com\" = [] }", "it takes an IP address"),
        (base, "resolve = { \"y.test\" = \"10.0.2.4\" }", "'resolve' has 'y.test', but the name that is looked up is"),
        (base, "connect_to = \"10.0.2.4\"\nresolve = { \"x.openai.azure.com\" = \"10.0.2.4\" }", "already says where"),
        (base, "connect_to = \"10.0.2.4\"\ndns = \"10.0.0.4\"", "'connect_to' gives the address, so no DNS server"),
        (base, "dns = \"dns.test\"", "'path.a.dns' is \"dns.test\"; it takes the address of a DNS server"),
        ("https://10.0.2.4/v1", "dns = \"10.0.0.4\"", "the host of base_url is an address, so no name is looked up"),
        (base, "source_address = \"203.0.113.7\"", "this machine cannot open a connection from 203.0.113.7"),
        (base, "source_address = \"eth0\"", "it takes an IP address"),
        (base, "source_address = \"127.0.0.1\"\nconnect_to = \"fd00::4\"", "not both IPv4 or both IPv6"),
        (base, "proxy = \"socks5://127.0.0.1:1080\"", "has the scheme socks5; only HTTP proxies are supported"),
        (base, "proxy = \"https://127.0.0.1:1080\"", "has the scheme https; only HTTP proxies are supported"),
        (base, "proxy = \"127.0.0.1:1080\"", "has the scheme none; only HTTP proxies are supported"),
        (base, "proxy = \"http://u:s3cr3t@127.0.0.1:1080\"", "holds a user name or password"),
        (base, "proxy = \"http://127.0.0.1:port\"", "it takes the address of an HTTP proxy"),
        (base, "proxy_env = \"P3_LOGIN\"", "'proxy_env' is the login of a proxy"),
        (base, "proxy = \"http://p.test\"\nconnect_to = \"10.0.2.4\"", "both say where to connect"),
        (base, "proxy = \"http://p.test\"\n[path.private]", "a path through a proxy cannot be shown to be private"),
        (
            "http://x.test/v1",
            "proxy = \"http://p.test\"\nconnections = { http = \"2\" }",
            "does not pass an HTTP proxy",
        ),
        (base, "connections = { max_age = \"0s\" }", "'path.a.connections.max_age' is \"0s\"; it takes a time above 0"),
        (base, "[path.private]\nexpected_cidr = \"10.0.2.0/33\"", "is \"10.0.2.0/33\"; it takes a range of addresses"),
        (base, "[path.private]\nexpected_cidr = [\"private\"]", "it takes a range of addresses"),
        (
            base,
            "[path.private]\nexpected_cidr = [\"10.0.2.0/24\", \"vnet\"]",
            "is \"vnet\"; it takes a range of addresses",
        ),
        (
            base,
            "[path.private]\nzone = \"privatelink.api.azureml.ms\"",
            "names of openai.azure.com lead through privatelink.openai",
        ),
        (base, "[path.private]\ngroup_id = \"amlworkspace\"", "a private endpoint to 'amlworkspace' does not serve"),
        (base, "[path.private]\nfqdn = \"y.openai.azure.com\"", "but the run calls 'x.openai.azure.com'"),
        (base, "[path.private]\nzone = \"a b\"", "it takes a name of labels and dots"),
        (
            "https://x.privatelink.openai.azure.com/openai/v1",
            "[path.private]",
            "no certificate covers a privatelink name",
        ),
    ] {
        let (code, told) = run_with(dir.path(), &profile(base, keys), &[]);
        assert_eq!(code, 2, "{keys}: {told}");
        let line = told.lines().find(|line| line.contains("p.toml:")).unwrap_or_else(|| panic!("{keys}: {told}"));
        assert!(line.contains(expected), "{keys}: {line}");
        let number = line.split("p.toml:").nth(1).and_then(|rest| rest.split(':').next()).and_then(|n| n.parse().ok());
        assert!(number.is_some_and(|number: usize| number >= 10), "{keys}: {line}");
        assert!(!told.contains("s3cr3t"), "{told}");
    }
}

/// The summary of a run over TLS to a self-signed server, with these keys beside.
fn summary_over_tls(keys: &str, tls_keys: &str) -> (i32, String, serde_json::Value) {
    let dir = tempfile::tempdir().expect("dir");
    let (tls, ca_file) = self_signed(dir.path(), &[NAME], |_| {});
    let server = Server::start(Some(tls));
    let tls_keys = tls_keys.replace("CA", &ca_file.display().to_string());
    let keys = format!("connect_to = \"{}\"\ntls = {{ {tls_keys} }}\n{keys}", server.address);
    let (code, told) = run_with(dir.path(), &profile(&format!("https://{NAME}/openai/v1"), &keys), &[]);
    let out = std::fs::read_dir(dir.path()).expect("a folder").flatten().find(|entry| entry.path().is_dir());
    let summary = std::fs::read(out.expect("a run").path().join("summary.json")).expect("a summary");
    (code, told, serde_json::from_slice(&summary).expect("JSON"))
}

#[test]
fn the_issuer_of_the_certificate_is_a_rung() {
    let range = "[path.private]\nexpected_cidr = \"127.0.0.0/8\"";
    for (keys, tls, standing, code) in [
        (range.to_owned(), "ca_file = \"CA\"", "failed", Some(4)),
        (format!("{range}\nissuer = \"rcgen\""), "ca_file = \"CA\"", "reached", None),
        (format!("{range}\nissuer = \"rcgen\""), "verify = false", "unknown", None),
    ] {
        let (ended, told, summary) = summary_over_tls(&keys, tls);
        let rung = &summary["paths"]["a"]["way"]["private"]["rungs"][4];
        assert_eq!((rung["rung"].as_str(), rung["standing"].as_str()), (Some("tls"), Some(standing)), "{rung}: {told}");
        assert!(code.is_none_or(|code| code == ended), "{told}");
        let shown = &summary["paths"]["a"]["way"]["tls"][0];
        assert!(shown["issuer"].as_str().is_some_and(|issuer| issuer.contains("rcgen")), "{shown}");
        assert_eq!(shown["version"], "TLS 1.3");
    }
}

#[test]
fn a_certificate_that_nobody_verified_is_said_at_the_head() {
    let (_, told, summary) = summary_over_tls("", "verify = false");
    let findings = summary["paths"]["a"]["findings"].to_string();
    assert!(findings.contains("tls_unverified"), "{findings}");
    let place = told.find("The certificate of 'a' was not verified").unwrap_or_else(|| panic!("{told}"));
    let table = told.find("TTFT").unwrap_or(usize::MAX);
    assert!(place < table, "above the tables: {told}");
    let (_, told, summary) = summary_over_tls("", "ca_file = \"CA\"");
    assert!(!told.contains("was not verified") && !summary["paths"]["a"]["findings"].to_string().contains("tls_"));
}

#[test]
fn cookies_are_sent_back_only_where_the_profile_asks() {
    let dir = tempfile::tempdir().expect("dir");
    for (keys, expected) in [("cookies = true", true), ("", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for mut tcp in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || {
                    while let Some(head) = read_request(&mut tcp) {
                        noted.lock().expect("no panic").push(head);
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: \
                             APIM-Backend-Affinity=s3cr3t-backend; Path=/\r\ncontent-length: {}\r\n\r\n{BODY}",
                            BODY.len()
                        );
                        if tcp.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let (code, told) = run_with(dir.path(), &profile(&format!("http://{address}/v1"), keys), &[]);
        assert!(matches!(code, 0 | 4) && !told.contains("s3cr3t-backend"), "{told}");
        let sent =
            heads.lock().expect("no panic").iter().any(|head| head.contains("cookie: apim-backend-affinity=s3cr3t"));
        assert_eq!(sent, expected, "{keys}");
    }
}

/// A value that no other has eight letters in common with, but by chance.
fn session(number: u64) -> String {
    let half =
        |salt: u64| (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ salt).rotate_left(31).wrapping_mul(salt | 1);
    format!("{:016x}{:016x}", half(0xbf58_476d_1ce4_e5b9), half(0x94d0_49bb_1331_11eb))
}

/// A server that sets another cookie with each answer and names the one that it was sent, in a header and, refusing some
/// calls, in what it says, there with one of `back` calls before; how many it has set.
fn restless(back: Option<u64>) -> (scripted::Scripted, Arc<AtomicU64>) {
    let set = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&set);
    let server = scripted::Scripted::start(move |asked| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let sent = asked.head.lines().find_map(|line| line.strip_prefix("cookie: s=")).unwrap_or("none").to_owned();
        let before = back.map_or(String::new(), |back| format!(", {} too", session(number.saturating_sub(back))));
        let more = format!("set-cookie: s={}; Path=/\r\nx-request-id: of-{sent}\r\n", session(number));
        scripted::Do::Answer(match number % 50 {
            49 => {
                let said = format!("{{\"error\":{{\"message\":\"session {sent} ended{before}\"}}}}");
                scripted::whole(500 + (number / 50 % 4) as u16, "application/json", &more, &said)
            }
            _ => scripted::whole(200, "application/json", &more, BODY),
        })
    });
    (server, set)
}

#[tokio::test]
async fn a_cookie_that_changes_with_each_answer_takes_no_more_memory() {
    let (server, set) = restless(Some(20));
    let mut path = path_to(server.url(), Http::One, [5_000, 5_000, 5_000, 10_000]);
    path.control.cookies = true;
    let target = Target::of(&path).expect("a target");
    let (filter, route) = (Filter::of(["a-key-of-the-run"]), Route::new(path, target, Credential::None));
    let caller = Rc::new(Caller::new(vec![route], "run".to_owned(), Nanos::now(), 0, 1).filtering(filter.clone()));
    let mut most = 0;
    for seq in 0..3_000 {
        let call = prepared(&caller, seq, &hello(Api::Chat, false));
        let sample = Rc::clone(&caller).send(call, Nanos::now()).await;
        // It was sent the one that the answer before had set, and the server named it.
        let expected = if seq == 0 { "of-none" } else { "of-***" };
        assert_eq!(sample.request_id.as_deref(), Some(expected), "call {seq}");
        if let Some(message) = &sample.message {
            assert!(message.contains("session *** ended, *** too"), "call {seq}: {message}");
        }
        most = most.max(filter.known());
    }
    assert_eq!(set.load(Ordering::SeqCst), 3_000);
    assert!((10..100).contains(&most), "{most} secrets are known at once");
    drop(caller);
    assert_eq!(filter.known(), 1);
}

#[test]
fn no_cookie_of_thousands_stands_in_anything_that_a_run_writes() {
    let dir = tempfile::tempdir().expect("dir");
    // Of several callers only each one's own is known for sure to have come back.
    let (server, set) = restless(None);
    let closed = "[load]\nkind = \"closed\"\nconcurrency = 4\ndesign = \"interleaved\"\nwarmup = \"500ms\"\n\
        duration = \"4s\"\n[limits]\nfailures_in_a_row = 0\n";
    let text = format!(
        "name = \"p\"\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\nstream = false\ninput_tokens = 20\n\
         output_tokens = 4\n{closed}[[path]]\nname = \"direct\"\nbase_url = \"{}\"\ncookies = true\n",
        server.url()
    );
    let (code, told) = run_with(dir.path(), &text, &[]);
    assert!(matches!(code, 0 | 4), "{code}: {told}");
    let number = set.load(Ordering::SeqCst);
    assert!(number > 500, "only {number} calls");
    let values: HashSet<String> = (0..number).map(session).collect();
    let mut texts = vec![told];
    let out = std::fs::read_dir(dir.path()).expect("a folder").flatten().map(|entry| entry.path());
    for folder in out.filter(|path| path.is_dir()) {
        let files = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
        let files = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).expect("a file"));
        texts.extend(files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(texts.iter().any(|text| text.contains("session *** ended")), "none of the refusals is told");
    assert!(texts.iter().any(|text| text.matches("of-***").count() > 400), "the rows name no request");
    for text in &texts {
        let told = text.split(|letter: char| !letter.is_ascii_alphanumeric()).find(|word| values.contains(*word));
        assert_eq!(told, None);
    }
}

/// The listeners of a scenario of one model, over TLS by other names and without.
const NAMED: &str = "name = \"named\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"5ms\", gap = \"1ms\" }\n\
    [[listener]]\nname = \"secure\"\nkind = \"direct\"\nbackend = \"b\"\ntls = { names = [\"*.openai.azure.com\"] }\n\
    [[listener]]\nname = \"plain\"\nkind = \"direct\"\nbackend = \"b\"\n";

/// A run of one path to the bundled simulator; exit code and what it printed.
fn on_simulator(dir: &Path, base_url: &str, keys: &str) -> (i32, String) {
    let scenario = dir.join("named.toml");
    std::fs::write(&scenario, NAMED).expect("a scenario");
    let profile = profile(base_url, keys).replace("model = \"m\"", "model = \"gpt-4o\"");
    run_with(dir, &format!("[simulator]\nscenario = \"{}\"\n{profile}", scenario.display()), &[])
}

#[test]
fn paths_lead_to_the_bundled_simulator_under_their_own_names_and_trust_it_alone() {
    let dir = tempfile::tempdir().expect("dir");
    let name = "https://x.openai.azure.com/openai/v1";
    let other = "https://x.azure-api.net/openai/v1";
    let secure = "connect_to = \"sim://secure\"";
    let key = "\nauth = { kind = \"api-key\" }";
    for (base_url, keys) in [
        // Its own key is the default there.
        (name, secure.to_owned()),
        (name, format!("{secure}{key}")),
        ("sim://secure/openai/v1", String::new()),
        ("http://x.test/openai/v1", format!("connect_to = \"sim://plain\"{key}")),
        (other, format!("{secure}\ntls = {{ verify = false }}")),
    ] {
        let (code, told) = on_simulator(dir.path(), base_url, &keys);
        assert!(matches!(code, 0 | 4), "{base_url} {keys}: {told}");
    }
    for (base_url, keys, expected, told) in [
        // The certificate is of another host, or not of the simulator's authority.
        (other, secure.to_owned(), 1, "not valid for name"),
        (name, format!("{secure}\ntls = {{ ca_file = \"p.toml\" }}"), 2, "p.toml"),
        (name, "connect_to = \"sim://plain\"".to_owned(), 2, "begin its base_url with http://"),
        ("http://x.test/v1", secure.to_owned(), 2, "begin its base_url with https://"),
        (name, "connect_to = \"sim://nowhere\"".to_owned(), 2, "the scenario's listeners are plain, secure"),
        ("sim://plain/openai/v1", secure.to_owned(), 2, "both name a listener of the simulator"),
    ] {
        let (code, said) = on_simulator(dir.path(), base_url, &keys);
        assert!(code == expected && said.contains(told), "{base_url} {keys}: {code}: {said}");
    }
}
