//! `hopmark probe` as a person meets it: every check with every way to fail, against the simulator, servers that answer as a
//! test says, and a DNS server of the test. Addresses of the loopback stand for the private range and for the public one.

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/dns.rs"]
mod dns;
#[path = "support/network.rs"]
mod network;
#[path = "support/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
#[path = "support/scripted.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod scripted;

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hopmark::evidence::fingerprint::{FINGERPRINTS, Meaning};
use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use certificates::certify_client;
use dns::{DnsServer, Known};
use network::{INSIDE, LINK, NAME, PUBLIC, port_of};
use process::{KEY, Sim, hopmark, pid, printed};
use scripted::{Do, ReceivedRequest, Scripted, good, whole};

const PRIVATE: &str = "[path.private]\nexpected_cidr = \"127.0.2.0/24\"";
const WORKLOAD: &str = "[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\ninput_tokens = 9\noutput_tokens = 4\n\
                        [load]\nrate = \"1/s\"\nduration = \"10s\"\n";

fn sims() -> &'static (Sim, Sim) {
    network::sims(&[])
}

fn at(address: [u8; 4]) -> Known {
    Known::At(vec![address.into()])
}

/// A `[[path]]` that leads there with the simulator's key.
fn path(name: &str, base_url: &str, keys: &str) -> String {
    format!(
        "[[path]]\nname = \"{name}\"\nbase_url = \"{base_url}\"\nauth = {{ kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }}\n\
         timeouts = {{ connect = \"2s\", first_byte = \"5s\" }}\n{keys}\n"
    )
}

fn written(folder: &Path, paths: &str) -> String {
    let file = folder.join("p.toml");
    std::fs::write(&file, format!("{WORKLOAD}{paths}")).expect("a profile");
    file.to_str().expect("text").to_owned()
}

struct Probed {
    code: i32,
    told: String,
    json: Value,
}

impl Probed {
    fn path(&self, name: &str) -> &Value {
        let paths = self.json["paths"].as_array().unwrap_or_else(|| panic!("no paths: {}", self.told));
        paths.iter().find(|path| path["path"] == name).expect("the path")
    }

    fn check(&self, name: &str) -> &Value {
        let checks = self.path("a")["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["check"] == name).expect("the check")
    }

    /// What a check of path `a` came to: its standing and its code.
    fn is(&self, word: &str, check: &str, standing: &str, code: Option<&str>) {
        let found = self.check(check);
        assert_eq!((found["standing"].as_str(), found["code"].as_str()), (Some(standing), code), "{word}: {found:#}");
    }

    fn rung(&self, name: &str) -> &str {
        let rungs = self.path("a")["private"]["rungs"].as_array().expect("rungs");
        rungs.iter().find(|step| step["rung"] == name).and_then(|step| step["standing"].as_str()).expect("a rung")
    }

    /// The checks of path `a` with their standings.
    fn standings(&self) -> Vec<(&str, &str)> {
        let checks = self.path("a")["checks"].as_array().expect("checks").iter();
        checks
            .map(|check| (check["check"].as_str().expect("a name"), check["standing"].as_str().expect("one")))
            .collect()
    }
}

/// What a probe printed as JSON, which the schema describes.
fn read(output: &Output) -> Probed {
    let told = printed(output);
    assert!(!told.contains("panicked") && !told.contains("itself failed") && !told.contains(KEY), "{told}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !json.is_null() {
        let schema = serde_json::from_str(&hopmark::command::schema::probe()).expect("JSON");
        jsonschema::validate(&schema, &json).unwrap_or_else(|error| panic!("{}: {error}", error.instance_path()));
        let checks = json["paths"].as_array().expect("paths").iter().flat_map(|path| path["checks"].as_array());
        for check in checks.flatten().filter(|check| check["standing"] == "failed") {
            assert!(check["remedy"].is_string() || check["check"] == "private", "what fails has a remedy: {check}");
        }
    }
    Probed { code: output.status.code().expect("no signal"), told, json }
}

fn probe_in(folder: &Path, paths: &str, more: &[&str]) -> Probed {
    let file = written(folder, paths);
    read(&hopmark(&["probe", &file, "--json", "--skip-capabilities"]).args(more).output().expect("it runs"))
}

fn probe(paths: &str, more: &[&str]) -> Probed {
    probe_in(tempfile::tempdir().expect("dir").path(), paths, more)
}

fn base(host: &str, port: u16) -> String {
    format!("http://{host}:{port}/openai/v1")
}

#[test]
fn a_good_path_passes_every_check() {
    let inside = port_of(&sims().0);
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK)), (LINK, at(INSIDE))]);
    let keys = format!("kind = \"private-endpoint\"\ndns = \"{}\"\n{PRIVATE}", server.address);
    let paths = path("a", &base(NAME, inside), &keys);
    let probed = probe(&paths, &[]);
    assert_eq!(probed.code, 0, "{}", probed.told);
    let expected = [
        ("name", "passed"),
        ("tcp", "passed"),
        ("tls", "info"),
        ("anonymous", "passed"),
        ("credential", "passed"),
        ("model", "passed"),
        ("distance", "info"),
        ("private", "passed"),
    ];
    assert_eq!(probed.standings(), expected);
    assert_eq!((probed.json["passed"].as_bool(), probed.json["document"].as_str()), (Some(true), Some("probe")));
    let found = probed.path("a");
    assert_eq!(found["connections"]["opened"], 5);
    assert_eq!((&found["calls"]["sent"], &found["calls"]["answered"]), (&1.into(), &1.into()));
    assert_eq!(found["resolution"]["chain"][0], LINK);
    assert!(probed.told.contains("probe: path 'a': chat, streamed\n"), "{}", probed.told);

    let dir = tempfile::tempdir().expect("dir");
    let output = hopmark(&["probe", &written(dir.path(), &paths), "--quiet", "--skip-capabilities"])
        .env("COLUMNS", "80")
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", printed(&output));
    assert!(text.contains("✓ private") && text.contains("The path passes.") && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn every_case_of_a_name_has_its_verdict() {
    let (inside, public) = sims();
    let (inside, public) = (port_of(inside), port_of(public));
    let gateway = "x.azure-api.net";
    let beyond = "x.cloudapp.azure.com";
    let linked = || vec![(NAME, Known::Alias(LINK)), (LINK, at(INSIDE))];
    let both = || Known::At(vec![INSIDE.into(), PUBLIC.into()]);
    let zone = format!("{PRIVATE}\nzone = \"privatelink.openai.azure.com\"");
    let other = "[path.private]\nexpected_cidr = \"10.9.0.0/16\"".to_owned();
    for (word, names, url, private, code, private_is) in [
        ("inside", linked(), base(NAME, inside), PRIVATE.to_owned(), "private", "passed"),
        ("a record of one's own", vec![(NAME, at(INSIDE))], base(NAME, inside), PRIVATE.into(), "own_record", "passed"),
        (
            "internal mode",
            vec![(gateway, at(INSIDE))],
            base(gateway, inside),
            PRIVATE.into(),
            "internal_gateway",
            "passed",
        ),
        (
            "not linked",
            vec![(NAME, Known::Alias(LINK)), (LINK, Known::Alias(beyond)), (beyond, at(PUBLIC))],
            base(NAME, public),
            PRIVATE.into(),
            "not_linked",
            "failed",
        ),
        ("no endpoint", vec![(NAME, at(PUBLIC))], base(NAME, public), PRIVATE.into(), "no_private_endpoint", "failed"),
        ("no record", vec![(NAME, Known::Alias(LINK))], base(NAME, inside), PRIVATE.into(), "no_record", "skipped"),
        (
            "an empty record",
            vec![(NAME, Known::Alias(LINK)), (LINK, Known::Nothing)],
            base(NAME, inside),
            PRIVATE.into(),
            "no_record",
            "skipped",
        ),
        ("no such name", vec![], base(NAME, inside), PRIVATE.into(), "unresolved", "skipped"),
        (
            "a server that cannot tell",
            vec![(NAME, Known::Failure)],
            base(NAME, inside),
            PRIVATE.into(),
            "unresolved",
            "skipped",
        ),
        ("both kinds", vec![(NAME, both())], base(NAME, inside), PRIVATE.into(), "mixed", "failed"),
        ("another zone", vec![(NAME, at(INSIDE))], base(NAME, inside), zone, "other_zone", "failed"),
        ("another range", linked(), base(NAME, inside), other, "no", "failed"),
    ] {
        let server = DnsServer::start(&names);
        let keys = format!("dialect = \"openai\"\ndns = \"{}\"\n{private}", server.address);
        let probed = probe(&path("a", &url, &keys), &[]);
        // The loopback is no private range, so the address of another range counts as public.
        let code = if code == "no" { "not_linked" } else { code };
        let good = ["private", "own_record", "internal_gateway"].contains(&code);
        probed.is(word, "name", if good { "passed" } else { "failed" }, Some(code));
        assert_eq!(probed.code, i32::from(!good), "{word}: {}", probed.told);
        assert_eq!(probed.check("private")["standing"], private_is, "{word}: {:#}", probed.check("private"));
        let skipped = private_is == "skipped";
        probed.is(word, "tcp", if skipped { "skipped" } else { "passed" }, skipped.then_some("earlier_failed"));
        assert!(probed.check("name")["seen"].as_str().is_some_and(|seen| seen.contains("DNS server")), "{word}");
        // A name that leads elsewhere than declared is still called: what the service says of that tells the cause.
        assert_eq!(probed.check("model")["standing"], if skipped { "skipped" } else { "passed" }, "{word}");
    }
}

#[test]
fn a_name_that_was_not_declared_private_is_told_by_its_class() {
    let sim = port_of(&sims().1);
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK)), (LINK, at(PUBLIC))]);
    let keys = format!("dns = \"{}\"", server.address);
    let probed = probe(&path("a", &base(NAME, sim), &keys), &[]);
    probed.is("loopback", "name", "passed", Some("local_address"));
    assert_eq!((probed.code, probed.check("private")["code"].as_str()), (0, Some("not_declared")));
    let probed = probe(&path("a", &base("127.0.9.9", sim), ""), &[]);
    probed.is("an address", "name", "info", Some("address_given"));
    let keys = format!("kind = \"private-endpoint\"\ndns = \"{}\"", server.address);
    let probed = probe(&path("a", &base(NAME, sim), &keys), &[]);
    probed.is("kind alone", "name", "passed", Some("local_address"));
}

/// A listener on the loopback that answers no handshake: its queue is full.
fn silent(address: [u8; 4]) -> (tokio::net::TcpListener, Vec<TcpStream>, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (listener, address) = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((address, 0))).expect("a free port");
        let listener = socket.listen(0).expect("a listener");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    });
    let fill = |_| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let filled = (0..4).filter_map(fill).collect();
    (listener, filled, address)
}

fn refusal(status: u16, text: &str) -> Vec<u8> {
    whole(status, "application/json", "", &format!("{{\"error\":{{\"code\":\"{status}\",\"message\":\"{text}\"}}}}"))
}

/// A good server that refuses calls without a key, and those with one as a test says.
fn refusing(answer: Vec<u8>) -> Scripted {
    Scripted::start(move |asked| match asked.head.contains("\r\napi-key:") {
        true => Do::Answer(answer.clone()),
        false => Do::Answer(refusal(401, "no key")),
    })
}

#[test]
fn every_refusal_of_the_network_has_its_code_and_its_check() {
    let apim = "Request originated from client public IP address 20.1.2.3, public network access on this \
                'Microsoft.ApiManagement/service/x' is disabled.";
    let mut seen = Vec::new();
    for (status, text, code, check) in [
        (403, "Public access is disabled. Please configure private endpoint.", "public_access_disabled", "model"),
        (403, apim, "apim_public_access_disabled", "model"),
        (403, "Traffic is not from an approved private endpoint.", "not_an_approved_endpoint", "model"),
        (403, "Access denied due to Virtual Network/Firewall rules.", "network_rules", "model"),
        (404, "Subdomain does not map to a resource.", "unknown_subdomain", "model"),
        (401, "Access denied due to invalid subscription key or wrong API endpoint.", "foreign_key", "credential"),
        (401, "Access denied due to missing subscription key. Make sure to include", "gateway_key", "credential"),
        (403, "Key based authentication is disabled for this resource.", "keys_disabled", "credential"),
        (500, "BackendConnectionFailure", "backend_unreachable", "model"),
    ] {
        let server = refusing(refusal(status, text));
        let probed = probe(&path("a", &server.url(), ""), &[]);
        probed.is(text, check, "failed", Some(code));
        probed.is(text, "anonymous", "passed", Some("refused_anonymously"));
        assert!(probed.check(check)["cause"].is_string(), "{text}");
        assert_eq!(probed.code, 1, "{text}");
        assert_eq!(probed.path("a")["calls"]["refusals"][0]["code"], code, "{text}");
        seen.push(code);
    }
    let inside = port_of(&sims().0);
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK))]);
    let probed = probe(&path("a", &base(NAME, inside), &format!("dns = \"{}\"", server.address)), &[]);
    probed.is("no record", "name", "failed", Some("no_record"));
    seen.push("no_record_in_zone");

    let (_listener, _filled, address) = silent(INSIDE);
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK)), (LINK, at(INSIDE))]);
    let keys = format!("dns = \"{}\"\n{PRIVATE}", server.address);
    let probed = probe(&path("a", &base(NAME, address.port()), &keys), &[]);
    probed.is("a deleted endpoint", "tcp", "failed", Some("no_way"));
    probed.is("a deleted endpoint", "private", "skipped", Some("earlier_failed"));
    seen.push("no_way");
    let closed = std::net::TcpListener::bind((IpAddr::from(INSIDE), 0)).expect("a port").local_addr().expect("one");
    let probed = probe(&path("a", &base(NAME, closed.port()), &keys), &[]);
    probed.is("nobody", "tcp", "failed", Some("refused"));
    seen.push("refused");

    let stage = Tls::new();
    for (listener, keys, code) in [("wrong", "", "name_mismatch"), ("good", PRIVATE, "unknown_issuer")] {
        let ca = if listener == "wrong" { "tls = { ca_file = \"wrong.pem\" }\n" } else { "" };
        let probed = stage.probe(listener, &format!("{ca}{keys}"));
        probed.is(listener, "tls", "failed", Some(code));
        probed.is(listener, "model", "skipped", Some("earlier_failed"));
        let tls = &probed.path("a")["tls"];
        assert!(tls["verified"] == false && tls["names"].is_array(), "who answers is told all the same: {tls}");
        seen.push(code);
    }
    for print in FINGERPRINTS.iter().filter(|print| print.meaning != Meaning::Caller) {
        assert!(seen.contains(&print.code), "no case has the fingerprint {}", print.code);
    }
}

/// A simulator that speaks TLS with certificates of the test.
struct Tls {
    folder: tempfile::TempDir,
    sim: Sim,
}

impl Tls {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("dir");
        let mut scenario =
            "name = \"tls\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"5ms\", gap = \"1ms\" }\n".to_owned();
        let soon = time::OffsetDateTime::now_utc() + time::Duration::days(10);
        let year = rcgen::date_time_ymd;
        for (name, host, until) in [
            ("good", NAME, year(4000, 1, 1)),
            ("wrong", "other.example", year(4000, 1, 1)),
            ("expired", NAME, year(2020, 1, 1)),
            ("soon", NAME, soon),
        ] {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(vec![host.to_owned()]).expect("names");
            params.not_after = until;
            let made = params.self_signed(&key).expect("a certificate");
            std::fs::write(folder.path().join(format!("{name}.pem")), made.pem()).expect("written");
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).expect("written");
            scenario += &format!(
                "[[listener]]\nname = \"{name}\"\nkind = \"direct\"\nbackend = \"b\"\n\
                 tls = {{ cert = \"{name}.pem\", key = \"{name}.key\" }}\n"
            );
        }
        certify_client(folder.path());
        scenario += "[[listener]]\nname = \"mutual\"\nkind = \"direct\"\nbackend = \"b\"\n\
                     tls = { cert = \"good.pem\", key = \"good.key\", client_ca = \"clients.pem\" }\n";
        let file = folder.path().join("scenario.toml");
        std::fs::write(&file, scenario).expect("a scenario");
        let sim = Sim::start(&["--scenario", file.to_str().expect("text")]);
        Self { folder, sim }
    }

    /// Probes a path to a listener.
    fn probe(&self, listener: &str, keys: &str) -> Probed {
        let port = self.sim.url(listener).rsplit(':').next().expect("a port");
        let url = format!("https://{NAME}:{port}/openai/v1");
        let resolve = format!("resolve = {{ \"{NAME}\" = [\"127.0.0.1\"] }}\n{keys}");
        probe_in(self.folder.path(), &path("a", &url, &resolve), &[])
    }
}

#[test]
fn the_handshake_shows_who_answers_and_until_when() {
    let stage = Tls::new();
    let trusting = |name: &str| format!("tls = {{ ca_file = \"{name}.pem\" }}");
    for (listener, keys, standing, code, exit) in [
        ("good", trusting("good"), "passed", None, 0),
        ("good", "tls = { verify = false }".to_owned(), "warning", Some("unverified"), 0),
        ("soon", trusting("soon"), "warning", Some("expires_soon"), 0),
        ("expired", trusting("expired"), "failed", Some("expired"), 1),
        ("expired", "tls = { verify = false }".to_owned(), "warning", Some("expired"), 0),
        ("wrong", trusting("wrong"), "failed", Some("name_mismatch"), 1),
        ("good", trusting("wrong"), "failed", Some("tls"), 1),
    ] {
        let probed = stage.probe(listener, &keys);
        let word = format!("{listener}, {keys}");
        probed.is(&word, "tls", standing, code);
        assert_eq!(probed.code, exit, "{word}: {}", probed.told);
        let tls = &probed.path("a")["tls"];
        assert_eq!(tls["version"], "TLS 1.3", "{word}");
        assert_eq!(tls["verified"].as_bool(), Some(exit == 0 && !keys.contains("verify = false")), "{word}");
        let names = if listener == "wrong" { "other.example" } else { NAME };
        assert_eq!(tls["names"][0], names, "{word}");
        assert_eq!(tls["resumes"].as_bool(), (exit == 0).then_some(true), "{word}: {tls}");
        if exit == 0 {
            assert_eq!(tls["alpn"], "http/1.1", "{word}");
            probed.is(&word, "model", "passed", None);
        }
    }
}

#[test]
fn what_answers_without_the_credential_is_open_to_anybody() {
    let server = Scripted::start(|asked| Do::Answer(good(asked)));
    let probed = probe(&path("a", &server.url(), ""), &[]);
    probed.is("declared", "anonymous", "failed", Some("answered_anonymously"));
    probed.is("declared", "model", "passed", None);
    assert_eq!(probed.code, 1);
    let keyed = |asked: &ReceivedRequest| asked.head.contains("api-key:");
    let counts = |server: &Scripted| {
        let asked = calls_of(server);
        (asked.iter().filter(|asked| keyed(asked)).count(), asked.iter().filter(|asked| !keyed(asked)).count())
    };
    assert_eq!(counts(&server), (1, 1), "a call of the run's shape, and one without the credential");
    assert!(server.received().iter().all(|asked| asked.head.contains("x-ms-client-request-id: probe-")));

    let open = path("a", &server.url(), "").replace("auth = { kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }\n", "");
    let probed = probe(&open, &[]);
    probed.is("not declared", "anonymous", "warning", Some("answered_anonymously"));
    probed.is("not declared", "credential", "info", Some("no_credential"));
    assert_eq!((probed.code, counts(&server)), (0, (1, 2)), "nothing more is sent where there is no credential");

    // A secret header is a credential too.
    let headers = "headers = { x-gate = { env = \"HOPMARK_TRUTH_KEY\" }, x-team = \"t\" }";
    let probed = probe(&(open.clone() + headers), &[]);
    probed.is("a secret header", "anonymous", "failed", Some("answered_anonymously"));
    let asked = calls_of(&server);
    let gated: Vec<bool> = asked[3..].iter().map(|asked| asked.head.contains("x-gate:")).collect();
    assert_eq!(gated, [false, true]);
    assert!(asked[3..].iter().all(|asked| asked.head.contains("x-team: t")));

    for (status, text) in [(403, "Public access is disabled."), (404, "nothing here"), (429, "later"), (503, "down")] {
        let server = Scripted::start(move |_| Do::Answer(refusal(status, text)));
        let probed = probe(&path("a", &server.url(), ""), &[]);
        probed.is(text, "anonymous", "info", Some("undecided"));
    }
}

#[test]
fn a_wrong_key_and_a_wrong_model_fail_their_checks() {
    let url = format!("{}/openai/v1", sims().0.url(sims().0.names()[0]));
    let wrong = path("a", &url, "").replace("HOPMARK_TRUTH_KEY", "WRONG_KEY");
    let dir = tempfile::tempdir().expect("dir");
    let file = written(dir.path(), &wrong);
    let output = hopmark(&["probe", &file, "--json"]).env("WRONG_KEY", "not-the-key-9Xq2").output().expect("it runs");
    let probed = read(&output);
    probed.is("wrong key", "credential", "failed", Some("foreign_key"));
    probed.is("wrong key", "model", "skipped", Some("earlier_failed"));
    assert!(probed.code == 1 && !probed.told.contains("not-the-key-9Xq2"), "{}", probed.told);
    let probed = probe(&path("a", &url, "model = \"no-such-model\""), &[]);
    probed.is("wrong model", "model", "failed", Some("http_404"));
    let seen = probed.check("credential")["seen"].as_str().expect("a sentence").to_owned();
    assert!(seen.contains("whether it is accepted is not known"), "{seen}");
}

#[test]
fn an_answer_that_does_not_come_never_passes() {
    let throttled = |_: &ReceivedRequest| Do::Answer(refusal(429, "too many requests"));
    let whole_answer =
        |asked: &ReceivedRequest| Do::Answer(good(&ReceivedRequest { body: Value::Null, ..asked.clone() }));
    type Behave = Box<dyn Fn(&ReceivedRequest) -> Do + Send + Sync>;
    let dead = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: ping\n\n".to_vec();
    let cases: [(&str, &str, Option<&str>, Behave); 8] = [
        ("dead", "failed", Some("timeout_total"), Box::new(move |_| Do::Hold(dead.clone()))),
        ("throttled", "failed", Some("http_429"), Box::new(throttled)),
        ("whole", "warning", Some("not_a_stream"), Box::new(whole_answer)),
        ("failing", "failed", Some("http_503"), Box::new(|_| Do::Answer(refusal(503, "down")))),
        ("reset", "failed", Some("connection_reset"), Box::new(|_| Do::Reset)),
        ("closed", "failed", Some("connection_closed"), Box::new(|_| Do::Cut(Vec::new()))),
        ("no HTTP", "failed", Some("protocol"), Box::new(|_| Do::Cut(b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec()))),
        (
            "a page",
            "failed",
            Some("html"),
            Box::new(|_| Do::Answer(whole(200, "text/html", "", "<html>sign in</html>"))),
        ),
    ];
    for (word, standing, code, behave) in cases {
        let server = Scripted::start(move |asked| match asked.head.contains("\r\napi-key:") {
            true => behave(asked),
            false => Do::Answer(refusal(401, "no key")),
        });
        let hurried = ["--set", "path.a.timeouts.first_byte=1s"];
        let probed = probe(&path("a", &server.url(), ""), &hurried);
        probed.is(word, "model", standing, code);
        assert_eq!(probed.code, i32::from(standing == "failed"), "{word}: {}", probed.told);
    }
}

#[test]
fn a_path_through_a_proxy_is_looked_up_there_and_cannot_be_declared_private() {
    let proxy = refusing_or_good();
    let keys = format!("dialect = \"openai\"\nproxy = \"http://{}\"\n", proxy.address);
    let url = format!("http://{NAME}/v1");
    let probed = probe(&path("a", &url, &keys), &[]);
    probed.is("proxy", "name", "info", Some("proxy_looks_up"));
    probed.is("proxy", "model", "passed", None);
    assert!(
        probed.check("tcp")["seen"].as_str().is_some_and(|seen| seen.contains("connections to the proxy 127.0.0.1:"))
    );
    assert_eq!(probed.code, 0, "{}", probed.told);
    let probed = probe(&path("a", &url, &(keys + PRIVATE)), &[]);
    assert!(probed.code == 2 && probed.told.contains("cannot be shown to be private"), "{}", probed.told);
    assert!(calls_of(&proxy).iter().all(|asked| asked.head.starts_with(&format!("post http://{NAME}/v1/"))));
}

#[test]
fn the_time_to_connect_is_held_against_the_distance() {
    let inside = port_of(&sims().0);
    let pinned = format!("connect_to = \"{}:{inside}\"\n{PRIVATE}", IpAddr::from(INSIDE));
    for (from, standing, code, private) in [
        ("germanywestcentral", "warning", Some("too_fast"), "warning"),
        ("Sweden Central", "passed", None, "passed"),
        ("mars", "info", Some("distance_unknown"), "passed"),
    ] {
        let regions = format!("{pinned}\nregion = \"swedencentral\"\ncaller_region = \"{from}\"");
        let probed = probe(&path("a", &format!("http://{NAME}/openai/v1"), &regions), &[]);
        probed.is(from, "distance", standing, code);
        assert_eq!(probed.check("private")["standing"], private, "{from}");
        assert_eq!(probed.code, 0, "a time that does not fit proves nothing");
    }
}

#[test]
fn a_probe_waits_until_the_path_is_private() {
    let sim = Sim::start(&["--listen", "127.0.2.5:0", "--ttft", "5ms", "--itl", "0ms"]);
    let port = port_of(&sim);
    for until in ["private", "ready"] {
        let server = Arc::new(DnsServer::start(&[(NAME, Known::Alias(LINK)), (LINK, at(PUBLIC))]));
        // With the first refusal in public the zone is linked.
        let zone = Arc::clone(&server);
        let gate = Scripted::at(SocketAddr::from((PUBLIC, port)), move |_| {
            zone.change(LINK, at(INSIDE));
            Do::Answer(refusal(403, "Public access is disabled. Please configure private endpoint."))
        });
        let keys = format!("dns = \"{}\"\n{PRIVATE}", server.address);
        let probed = probe(&path("a", &base(NAME, port), &keys), &["--wait", "60s", "--until", until]);
        assert_eq!(probed.code, 0, "{until}: {}", probed.told);
        probed.is(until, "private", "passed", Some("private_path"));
        for told in ["waiting: path 'a': name failed: ", "path 'a': private was failed, is passed: ", "after "] {
            assert!(probed.told.contains(told), "{until}: no '{told}' in {}", probed.told);
        }
        assert!(!gate.received().is_empty(), "{until}");
    }
}

#[test]
fn a_wait_in_vain_ends_with_the_last_standing_and_an_interrupt_at_once() {
    let public = port_of(&sims().1);
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK)), (LINK, at(PUBLIC))]);
    let keys = format!("dns = \"{}\"\n{PRIVATE}", server.address);
    let paths = path("a", &base(NAME, public), &keys);
    let probed = probe(&paths, &["--wait", "1500ms", "--until", "private"]);
    assert_eq!(probed.code, 1, "{}", probed.told);
    probed.is("in vain", "private", "failed", Some("not_private"));

    let dir = tempfile::tempdir().expect("dir");
    let file = written(dir.path(), &paths);
    let mut command = hopmark(&["probe", &file, "--wait", "10m", "--until", "private"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut said = BufReader::new(child.stderr.take().expect("its messages")).lines();
    assert!(said.any(|line| line.is_ok_and(|line| line.starts_with("waiting: path 'a'"))));
    kill_process(pid(&child), Signal::INT).expect("it lives");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0), "no verdict after an interrupt");
}

#[test]
fn another_place_is_the_negative_control() {
    let sim = Sim::start(&["--listen", "127.0.2.5:0", "--ttft", "5ms", "--itl", "0ms"]);
    let port = port_of(&sim);
    let dir = tempfile::tempdir().expect("dir");
    let paths = path("a", &base(NAME, port), PRIVATE);
    let pinned = |address: [u8; 4]| format!("path.a.connect_to={}", IpAddr::from(address));
    let outside = dir.path().join("outside.json");
    let outside_file = outside.to_str().expect("text");
    let look_outside = || {
        let probed = probe_in(dir.path(), &paths, &["--quiet", "--set", &pinned(PUBLIC)]);
        std::fs::write(&outside, probed.json.to_string()).expect("written");
        probed
    };
    let look_inside =
        || probe_in(dir.path(), &paths, &["--quiet", "--set", &pinned(INSIDE), "--outside", outside_file]);
    let public = SocketAddr::from((PUBLIC, port));
    for (word, status, text, server, private) in [
        ("refused", 403, "Public access is disabled.", "reached", "passed"),
        ("refused by rules", 403, "Access denied due to Virtual Network/Firewall rules.", "reached", "passed"),
        ("refused for another reason", 401, "no key", "unknown", "passed"),
        ("answered", 200, "", "doubtful", "warning"),
    ] {
        let gate = Scripted::at(public, move |asked| {
            Do::Answer(if status == 200 { good(asked) } else { refusal(status, text) })
        });
        assert_eq!(look_outside().code, 1, "{word}");
        drop(gate);
        let probed = look_inside();
        assert_eq!((probed.rung("server"), probed.code), (server, 0), "{word}: {}", probed.told);
        assert_eq!(probed.check("private")["standing"], private, "{word}");
    }
    // The same place, and files that are none.
    let here = probe_in(dir.path(), &paths, &["--quiet", "--set", &pinned(INSIDE)]);
    let honest = here.json.clone();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut json = honest.clone();
        change(&mut json);
        json.to_string()
    };
    for (word, text, part) in [
        ("the same place", honest.to_string(), "was private in"),
        ("damaged", honest.to_string()[..200].to_owned(), "is not the output of `hopmark probe --json`"),
        ("no JSON", "paths: a".to_owned(), "is not the output of `hopmark probe --json`"),
        ("another document", "{\"document\":\"sum\",\"schema_version\":1}".to_owned(), "a document 'sum'"),
        ("a later version", with(&|json| json["schema_version"] = 2.into()), "has schema_version 2"),
        ("no path", with(&|json| json["paths"] = Value::Array(Vec::new())), "does not contain path 'a'"),
        ("elsewhere", with(&|json| json["paths"][0]["base_url"] = "http://y/v1".into()), "is http://y/v1 there"),
        ("more answers than calls", with(&|json| json["paths"][0]["calls"]["answered"] = 9.into()), "of 1 calls"),
        (
            "a path twice",
            with(&|json| json["paths"] = vec![honest["paths"][0].clone(), honest["paths"][0].clone()].into()),
            "path 'a' twice",
        ),
        ("commands", with(&|json| json["paths"][0]["base_url"] = "\u{1b}[2J".into()), "is  [2J there"),
        ("large", " ".repeat(3 << 20), "2 MiB"),
    ] {
        std::fs::write(&outside, text).expect("written");
        let probed = look_inside();
        let errors: Vec<&str> = probed.told.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!((probed.code, errors.len()), (2, 1), "{word}: {}", probed.told);
        assert!(errors[0].contains(part) && errors[0].contains("--outside"), "{word}: {}", errors[0]);
        assert!(!probed.told.contains('\u{1b}') && probed.json.is_null(), "{word}");
    }
}

#[test]
fn a_token_that_cannot_be_had_stops_one_path_alone() {
    let url = format!("{}/openai/v1", sims().0.url(sims().0.names()[0]));
    let command = |name: &str, program: &str| {
        format!(
            "[[path]]\nname = \"{name}\"\nbase_url = \"{url}\"\n\
             auth = {{ kind = \"command\", command = \"{program}\", lifetime = \"1h\" }}\n"
        )
    };
    let dir = tempfile::tempdir().expect("dir");
    let file = written(dir.path(), &(command("a", "false") + &command("b", &format!("echo {KEY}"))));
    let output = hopmark(&["probe", &file, "--json"]).output().expect("it runs");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let probed = Probed { code: output.status.code().expect("none"), told: printed(&output), json };
    probed.is("no token", "credential", "failed", Some("no_token"));
    probed.is("no token", "model", "skipped", Some("earlier_failed"));
    assert_eq!((probed.code, probed.path("b")["passed"].as_bool()), (1, Some(true)), "{}", probed.told);
    let credential = &probed.path("b")["checks"][4];
    assert!(credential["seen"].as_str().is_some_and(|seen| seen.contains("a token came within")), "{credential}");
    assert!(credential["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{credential}");
    assert!(!probed.told.contains(KEY));
}

#[test]
fn what_a_probe_sends_is_what_it_says() {
    let server = refusing_or_good();
    let workload =
        "workload = { kind = \"synthetic\", model = \"m\", input_tokens = 9, output_tokens = 4, stream = 0.5 }";
    let probed = probe(&path("a", &server.url(), ""), &["--set", &workload.replacen(" = ", "=", 1)]);
    assert_eq!(probed.code, 0, "{}", probed.told);
    assert_eq!(server.received().len() - calls_of(&server).len(), 1, "the list of models");
    let asked = calls_of(&server);
    let signed: Vec<_> = asked.iter().filter(|asked| asked.head.contains("\r\napi-key:")).collect();
    assert_eq!((asked.len(), signed.len()), (3, 2), "each shape once, and one call without the credential");
    assert_eq!(signed.iter().filter(|asked| asked.streams()).count(), 1);
}

/// The calls that came; the list of models is asked for by GET.
fn calls_of(server: &Scripted) -> Vec<ReceivedRequest> {
    server.received().into_iter().filter(|asked| asked.head.starts_with("post ")).collect()
}

fn refusing_or_good() -> Scripted {
    Scripted::start(|asked| match asked.head.contains("\r\napi-key:") {
        true => Do::Answer(good(asked)),
        false => Do::Answer(refusal(401, "no key")),
    })
}

#[test]
fn nothing_that_a_server_repeats_is_told() {
    // A server that repeats what it was given, in every form.
    let echo = |asked: &ReceivedRequest| {
        let key = asked.head.lines().find_map(|line| line.strip_prefix("api-key: ")).unwrap_or_default().to_owned();
        let encoded = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(&key)
        };
        Do::Answer(refusal(401, &format!("bad key {key} {encoded}")))
    };
    let server = Scripted::start(echo);
    let secret = "zk4-sixty-hidden-9f2c7b";
    let dir = tempfile::tempdir().expect("dir");
    let file = written(dir.path(), &path("a", &server.url(), "").replace("HOPMARK_TRUTH_KEY", "SECRET_KEY"));
    for more in [&["--json"][..], &[]] {
        let output = hopmark(&["probe", &file]).args(more).env("SECRET_KEY", secret).output().expect("it runs");
        let told = printed(&output);
        assert!(output.status.code() == Some(1) && told.contains("***"), "{told}");
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
        assert!(!told.contains(secret) && !told.contains(encoded.trim_end_matches('=')), "{told}");
    }
}

#[test]
fn what_is_wrong_with_the_flags_is_one_sentence() {
    let dir = tempfile::tempdir().expect("dir");
    let file = written(dir.path(), &path("gateway", "http://127.0.0.1:9/v1", ""));
    let absent = dir.path().join("absent.json");
    let absent = absent.to_str().expect("text");
    for (args, part) in [
        (vec![], "name a profile, or give paths"),
        (vec!["nowhere.toml"], "nowhere.toml"),
        (vec![file.as_str(), "--path", "gatewy"], "did you mean 'gateway'"),
        (vec![file.as_str(), "--path", "b=http://127.0.0.1:9/v1"], "replaces a profile"),
        (vec!["--path", "b=http://127.0.0.1:9/v1"], "needs --model"),
        (vec![file.as_str(), "--path", "gateway", "--model", "m"], "--set workload.model"),
        (vec![file.as_str(), "--path", "gateway", "--api", "responses"], "--set workload.api"),
        (vec![file.as_str(), "--path", "gateway", "--key-env", "VAR"], "--set path.NAME.auth.env"),
        (vec![file.as_str(), "--until", "private"], "--wait"),
        (vec![file.as_str(), "--wait", "soon"], "soon"),
        (vec![file.as_str(), "--wait", "1s", "--until", "private"], "has no [path.private]"),
        (vec![file.as_str(), "--outside", absent], "cannot read"),
        (vec![file.as_str(), "--set", "path.gateway.bas_url=x"], "bas_url"),
    ] {
        let output = hopmark(&["probe"]).args(&args).output().expect("it runs");
        let told = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(part) && told.starts_with("error: ") && output.stdout.is_empty(), "{args:?}: {told}");
    }
    let written = dir.path().join("outside.json");
    std::fs::write(&written, "{}").expect("written");
    let output = hopmark(&["probe", &file, "--outside", written.to_str().expect("text")]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
}

#[test]
fn paths_can_be_named_without_a_profile_and_the_simulator_can_be_probed() {
    let url = format!("a={}/openai/v1", sims().0.url(sims().0.names()[0]));
    let args = ["probe", "--path", &url, "--model", "gpt-4o", "--key-env", "HOPMARK_TRUTH_KEY", "--json", "--quiet"];
    let probed = read(&hopmark(&args).output().expect("it runs"));
    assert_eq!((probed.code, probed.json["passed"].as_bool()), (0, Some(true)), "{}", probed.told);
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/quickstart.toml");
    let args = ["probe", quickstart.to_str().expect("text"), "--path", "gateway", "--json", "--quiet"];
    let probed = read(&hopmark(&args).output().expect("it runs"));
    let paths = probed.json["paths"].as_array().expect("paths");
    assert_eq!((probed.code, paths.len(), paths[0]["path"].as_str()), (0, 1, Some("gateway")), "{}", probed.told);
}

#[test]
fn what_a_path_lacks_is_a_warning_that_names_it() {
    let folder = tempfile::tempdir().expect("dir");
    let scenario = folder.path().join("scenario.toml");
    let listener = |name: &str, defects: &str| {
        format!("[[listener]]\nname = \"{name}\"\nkind = \"direct\"\nbackend = \"b\"\ndefects = [{defects}]\n")
    };
    let text = "name = \"lacking\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"2ms\", gap = \"1ms\" }\n".to_owned();
    std::fs::write(&scenario, text + &listener("whole", "") + &listener("lacking", "\"no-tools\"")).expect("written");
    let sim = Sim::start(&["--scenario", scenario.to_str().expect("text")]);
    let file = written(
        folder.path(),
        &["whole", "lacking"]
            .map(|name| path(name, &format!("{}/openai/v1", sim.url(name)), "dialect = \"azure-v1\""))
            .concat(),
    );
    let probed = read(&hopmark(&["probe", &file, "--json", "--quiet"]).output().expect("it runs"));
    assert_eq!(probed.code, 0, "a feature that is missing is no failure: {}", probed.told);
    let capabilities = |name: &str| {
        let checks = probed.path(name)["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["check"] == "capabilities").expect("the check").clone()
    };
    let [whole, lacking] = ["whole", "lacking"].map(capabilities);
    assert_eq!((&whole["standing"], &whole["code"]), (&"passed".into(), &Value::Null), "{whole:#}");
    assert_eq!((&lacking["standing"], &lacking["code"]), (&"warning".into(), &"worse_than_expected".into()));
    assert!(lacking["cause"].as_str().is_some_and(|cause| cause.starts_with("tools: ")), "{lacking:#}");
    let worse = |name: &str| {
        let rows = probed.path(name)["capabilities"].as_array().expect("rows");
        let worse = rows.iter().filter(|row| row["verdict"] == "worse");
        worse.map(|row| row["feature"].as_str().expect("a feature").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((worse("whole"), worse("lacking")), (vec![], vec!["tools".to_owned()]));

    let output = hopmark(&["probe", &file, "--quiet"]).env("COLUMNS", "80").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("! tools") && text.contains("worse than expected"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let wrong = hopmark(&["probe", &file, "--debug-token-env", "HOPMARK_NO_SUCH"]).output().expect("it runs");
    assert!(wrong.status.code() == Some(2) && printed(&wrong).contains("--debug-token-env"), "{}", printed(&wrong));
}

#[test]
fn the_servers_list_of_models_stands_beside_what_the_calls_got() {
    for (list, says) in [
        (r#"{"data":[{"id":"other"},{"id":"gpt-4o"}]}"#, Some("list of 2 models names 'gpt-4o'")),
        (r#"{"data":[{"id":"other"}]}"#, Some("list of 1 models does not name 'gpt-4o' (other)")),
        (r#"{"error":"none"}"#, None),
    ] {
        let server = Scripted::start(move |asked| match asked.head.starts_with("get /v1/models ") {
            true => Do::Answer(whole(200, "application/json", "", list)),
            false if asked.head.contains("\r\napi-key:") => Do::Answer(good(asked)),
            false => Do::Answer(refusal(401, "no key")),
        });
        let probed = probe(&path("a", &server.url(), ""), &[]);
        probed.is(list, "model", "passed", None);
        let seen = probed.check("model")["seen"].as_str().expect("a sentence").to_owned();
        assert_eq!(seen.contains("list of"), says.is_some(), "{seen}");
        assert!(says.is_none_or(|says| seen.contains(says)), "{seen}");
    }
}

#[test]
fn a_connection_without_the_certificate_of_the_caller_is_an_anonymous_call() {
    let stage = Tls::new();
    let mtls = "tls = { ca_file = \"good.pem\" }\n\
                auth = [{ kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }, \
                { kind = \"mtls\", cert_file = \"client.pem\", key_file = \"client.key\" }]";
    let port = stage.sim.url("mutual").rsplit(':').next().expect("a port").to_owned();
    let resolve = format!("resolve = {{ \"{NAME}\" = [\"127.0.0.1\"] }}\n{mtls}");
    let url = format!("https://{NAME}:{port}/openai/v1");
    let one_key = "auth = { kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }\n";
    let probed = probe_in(stage.folder.path(), &path("a", &url, &resolve).replacen(one_key, "", 1), &[]);
    probed.is("mtls", "anonymous", "passed", Some("refused_anonymously"));
    probed.is("mtls", "credential", "passed", None);
    probed.is("mtls", "model", "passed", None);
    assert_eq!(probed.code, 0, "{}", probed.told);
    // The certificate is wanted, and the profile has none.
    let probed = stage.probe("mutual", "tls = { ca_file = \"good.pem\" }");
    assert_eq!(probed.code, 1, "{}", probed.told);
    let failed: Vec<_> = probed.standings().into_iter().filter(|(_, standing)| *standing == "failed").collect();
    assert!(!failed.is_empty() && probed.check("model")["standing"] != "passed", "{failed:?}");
}

#[test]
fn a_path_that_speaks_http_2_is_probed_in_http_2() {
    let (sim, _) = sims();
    let two = "connections = { http = \"2\" }";
    let probed = probe(&path("a", &format!("{}/openai/v1", sim.url(sim.names()[0])), two), &[]);
    probed.is("HTTP/2", "model", "passed", None);
    assert_eq!(probed.code, 0, "{}", probed.told);
    let server = refusing_or_good();
    let probed = probe(&path("a", &server.url(), two), &[]);
    probed.is("HTTP/1.1", "model", "failed", Some("protocol"));
    let remedy = probed.check("model")["remedy"].as_str().expect("a remedy").to_owned();
    assert!(remedy.contains("connections.http = \"1.1\""), "{remedy}");
}

#[test]
fn an_interrupt_does_not_wait_for_a_token() {
    let dir = tempfile::tempdir().expect("dir");
    let (begun, over) = (dir.path().join("begun"), dir.path().join("over"));
    let program = dir.path().join("token");
    // It ends when the test does, whoever started it.
    let script = format!(
        "#!/bin/sh\ntouch {}\nn=0\nwhile [ ! -e {} ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done\n",
        begun.display(),
        over.display()
    );
    std::fs::write(&program, script).expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    let auth = format!("auth = {{ kind = \"command\", command = \"{}\", lifetime = \"1h\" }}", program.display());
    let url = format!("{}/openai/v1", sims().0.url(sims().0.names()[0]));
    let one_key = "auth = { kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }";
    let file = written(dir.path(), &path("a", &url, "").replace(one_key, &auth));
    let mut command = hopmark(&["probe", &file, "--quiet"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    process::wait_until("the token is asked for", || begun.exists());
    kill_process(pid(&child), Signal::INT).expect("it lives");
    let (mut ended, since) = (None, Instant::now());
    process::wait_until("it ends while the program goes on", || {
        ended = child.try_wait().expect("a state");
        ended.is_some()
    });
    std::fs::write(&over, "").expect("written");
    // A token is waited for twice as long.
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
}
