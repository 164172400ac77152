//! A path that was declared private is shown to be, rung by rung, or the run is invalid: with names told by a DNS server of
//! the test, and addresses of the loopback standing for the private range and for the public one.

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

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;

use serde_json::Value;

use dns::{DnsServer, Known};
use network::{INSIDE, LINK, NAME, PUBLIC, port_of};
use process::Sim;
use scripted::{Do, Scripted};

const RANGE: &str = "expected_cidr = \"127.0.2.0/24\"";

fn sims() -> &'static (Sim, Sim) {
    network::sims(&["--any-model"])
}

struct Ended {
    code: i32,
    told: String,
    summary: Value,
}

impl Ended {
    fn private(&self) -> &Value {
        &self.summary["paths"]["a"]["way"]["private"]
    }

    fn standing(&self, rung: &str) -> &str {
        let rungs = self.private()["rungs"].as_array().expect("rungs");
        let rung = rungs.iter().find(|step| step["rung"] == rung).expect("the rung");
        rung["standing"].as_str().expect("a standing")
    }

    fn findings(&self) -> Vec<&str> {
        let findings = self.summary["paths"]["a"]["findings"].as_array().expect("findings");
        findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
    }

    /// The run is valid, but for what a busy machine does to it.
    fn is_fine(&self, word: &str) {
        let late = self.code == 4 && process::was_only_late(&self.summary);
        assert!(self.code == 0 || late, "{word}: {}", self.told);
    }

    /// The run is invalid because a rung failed.
    fn is_not_private(&self, word: &str, rung: &str) {
        assert_eq!(self.code, 4, "{word}: {}", self.told);
        let reasons = self.summary["validity"]["reasons"].as_array().expect("reasons");
        let reason = reasons.iter().find(|reason| reason["code"] == "not_private").unwrap_or_else(|| panic!("{word}"));
        let message = reason["message"].as_str().expect("a message");
        assert!(message.contains(&format!("rung '{rung}'")), "{word}: {message}");
        assert!(self.told.contains("INVALID: path 'a' is declared private but was not"), "{word}: {}", self.told);
        assert_eq!(
            (self.standing(rung), self.private()["verdict"].as_str()),
            ("failed", Some("not_private")),
            "{word}"
        );
        assert!(self.findings().contains(&"not_private"), "{word}");
    }
}

/// Runs one path to this address with these keys.
fn run(base_url: &str, keys: &str, more: &[&str]) -> Ended {
    let dir = tempfile::tempdir().expect("dir");
    let (file, out) = (dir.path().join("p.toml"), dir.path().join("out"));
    let profile = format!(
        "[limits]\nauth_failures = 1000\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 9\noutput_tokens = 4\n\
         [load]\nrate = \"20/s\"\nwarmup = \"0s\"\nduration = \"1s\"\n\
         [[path]]\nname = \"a\"\nkind = \"private-endpoint\"\nbase_url = \"{base_url}\"\n\
         auth = {{ kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }}\ntimeouts = {{ connect = \"2s\" }}\n{keys}\n"
    );
    std::fs::write(&file, profile).expect("written");
    let args = ["run", file.to_str().expect("text"), "--out", out.to_str().expect("text"), "--quiet"];
    let output = process::hopmark(&args).args(more).env("HTTPS_PROXY", "http://127.0.0.1:9").output().expect("it runs");
    let summary = std::fs::read(out.join("summary.json")).ok();
    let summary = summary.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).expect("JSON"));
    forms_agree(&out, &summary);
    Ended { code: output.status.code().expect("no signal"), told: process::printed(&output), summary }
}

/// Where calls went stands in every form of the report.
fn forms_agree(out: &Path, summary: &Value) {
    let way = &summary["paths"]["a"]["way"];
    let Some(address) = way["addresses"][0]["address"].as_str() else { return };
    let page = std::fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(page.contains(address), "the page names {address}");
}

#[test]
fn every_case_of_a_name_is_told_apart() {
    let (inside, public) = sims();
    let (inside, public) = (port_of(inside), port_of(public));
    let at = |address: [u8; 4]| Known::At(vec![address.into()]);
    let gateway = "x.azure-api.net";
    let beyond = "x.cloudapp.azure.com";
    let base = |host: &str, port: u16| format!("http://{host}:{port}/openai/v1");
    let aliases = || vec![(NAME, Known::Alias(LINK)), (LINK, Known::Alias(beyond)), (beyond, at(PUBLIC))];
    for (word, names, url, rung, says) in [
        (
            "inside",
            vec![(NAME, Known::Alias(LINK)), (LINK, at(INSIDE))],
            base(NAME, inside),
            None,
            "through a private DNS zone",
        ),
        ("a record of one's own", vec![(NAME, at(INSIDE))], base(NAME, inside), None, "hosts file"),
        ("internal mode", vec![(gateway, at(INSIDE))], base(gateway, inside), None, "API Management in internal mode"),
        ("the zone is not linked", aliases(), base(NAME, public), Some("dns"), "its zone is not linked here"),
        ("no private endpoint", vec![(NAME, at(PUBLIC))], base(NAME, public), Some("dns"), "has no private endpoint"),
    ] {
        let server = DnsServer::start(&names);
        let keys = format!("dialect = \"openai\"\ndns = \"{}\"\n[path.private]\n{RANGE}", server.address);
        let ended = run(&url, &keys, &[]);
        match rung {
            None => {
                ended.is_fine(word);
                assert_eq!(ended.private()["verdict"], "private", "{word}: {}", ended.told);
                assert_eq!((ended.standing("dns"), ended.standing("socket")), ("reached", "reached"), "{word}");
                assert_eq!(ended.standing("settled"), "reached", "{word}");
            }
            Some(rung) => ended.is_not_private(word, rung),
        }
        let evidence = ended.private()["rungs"][0]["evidence"].as_str().expect("evidence");
        assert!(evidence.contains(says), "{word}: {evidence}");
        // The variable is set and was not heeded.
        let environment = ended.private()["rungs"][2]["evidence"].as_str().expect("evidence");
        assert!(ended.standing("environment") == "reached" && environment.contains("HTTPS_PROXY"), "{environment}");
    }
}

#[test]
fn a_record_that_is_missing_is_said_with_its_cause() {
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK))]);
    let keys = format!("dns = \"{}\"\n[path.private]\n{RANGE}", server.address);
    let ended = run(&format!("http://{NAME}:{}/openai/v1", port_of(&sims().0)), &keys, &[]);
    assert_eq!(ended.code, 1, "{}", ended.told);
    for part in
        [LINK, "NXDOMAIN", "the private DNS zone is linked, but has no record for this name", "add the name's A record"]
    {
        assert!(ended.told.contains(part), "{part}: {}", ended.told);
    }
}

#[test]
fn an_endpoint_that_was_deleted_while_its_record_stayed_is_a_closed_way() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // A listener whose queue is full answers no handshake.
    let (_listener, address): (tokio::net::TcpListener, SocketAddr) = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((INSIDE, 0))).expect("a free port");
        let listener = socket.listen(0).expect("a listener");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    });
    let _filled: Vec<TcpStream> = (0..4)
        .filter_map(|_| TcpStream::connect_timeout(&address, std::time::Duration::from_millis(300)).ok())
        .collect();
    let server = DnsServer::start(&[(NAME, Known::Alias(LINK)), (LINK, Known::At(vec![INSIDE.into()]))]);
    let keys = format!("dns = \"{}\"\n[path.private]\n{RANGE}", server.address);
    let url = format!("http://{NAME}:{}/openai/v1", address.port());
    let ended = run(&url, &keys, &[]);
    assert_eq!(ended.code, 1, "{}", ended.told);
    assert!(ended.told.contains("nothing answers at the private address"), "{}", ended.told);
    let ended = run(&url, &keys, &["--skip-preflight"]);
    let late = ended.code == 4 && process::was_only_late(&ended.summary);
    assert!(ended.code == 3 || late, "{}", ended.told);
    assert_eq!(ended.private()["verdict"].as_str(), Some("unproven"), "{}", ended.told);
    assert_eq!((ended.standing("dns"), ended.standing("socket")), ("reached", "unknown"));
    assert!(ended.findings().contains(&"private_unproven"));
}

#[test]
fn the_sockets_count_where_the_profile_gives_the_address() {
    let (inside, public) = sims();
    let connect = |sim: &Sim, address: [u8; 4]| format!("connect_to = \"{}:{}\"", IpAddr::from(address), port_of(sim));
    let url = format!("http://{NAME}/openai/v1");
    let ended = run(&url, &format!("{}\n[path.private]\n{RANGE}", connect(inside, INSIDE)), &[]);
    ended.is_fine("inside");
    assert_eq!((ended.standing("dns"), ended.standing("socket")), ("unknown", "reached"));
    assert_eq!(ended.private()["verdict"], "private");
    let metrics = &ended.summary["paths"]["a"]["metrics"]["dns"];
    assert!(
        metrics["p50"].is_null() && metrics["reason"].as_str().is_some_and(|why| why.contains("connect_to")),
        "{metrics}"
    );
    // What could only be invalid is not begun.
    let outside = format!("{}\n[path.private]\n{RANGE}", connect(public, PUBLIC));
    let Ended { code, told, .. } = run(&url, &outside, &[]);
    let why =
        format!("connect_to' leads to {}, which is not in private.expected_cidr, 127.0.2.0/24", IpAddr::from(PUBLIC));
    assert!(code == 2 && told.contains(&why), "{code}: {told}");
}

#[test]
fn what_the_service_says_of_the_way_counts() {
    let answer = |status: u16, text: &str| {
        let body = format!("{{\"error\":{{\"code\":\"{status}\",\"message\":\"{text}\"}}}}");
        format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    for (text, cause) in [
        ("Public access is disabled. Please configure private endpoint.", "was reached over its public route"),
        ("Traffic is not from an approved private endpoint.", "did not come through an approved private endpoint"),
        ("Access denied due to Virtual Network/Firewall rules.", "accepts calls only from selected networks"),
        (
            "Request originated from client public IP address 20.1.2.3, public network access on this \
             'Microsoft.ApiManagement/service/x' is disabled.",
            "the gateway was reached over its public route",
        ),
    ] {
        let bytes = answer(403, text);
        let server = Scripted::start(move |_| Do::Answer(bytes.clone()));
        let url = format!("http://127.0.0.1:{}/openai/v1", server.address.port());
        let keys = "[path.private]\nexpected_cidr = \"127.0.0.0/24\"";
        let ended = run(&url, keys, &[]);
        assert!(ended.code == 1 && ended.told.contains(cause), "{text}: {}", ended.told);
        let ended = run(&url, keys, &["--skip-preflight"]);
        ended.is_not_private(text, "server");
    }
}

#[test]
fn the_time_to_connect_is_held_against_the_distance() {
    let url = format!("http://{NAME}/openai/v1");
    let connect = format!("connect_to = \"{}:{}\"", IpAddr::from(INSIDE), port_of(&sims().0));
    for (from, standing, finding) in
        [("germanywestcentral", "doubtful", true), ("Sweden Central", "reached", false), ("mars", "unknown", false)]
    {
        let regions = format!("region = \"swedencentral\"\ncaller_region = \"{from}\"");
        let ended = run(&url, &format!("{connect}\n[path.private]\n{RANGE}\n{regions}"), &[]);
        ended.is_fine(from);
        assert_eq!(ended.standing("rtt"), standing, "{from}: {}", ended.private());
        assert_eq!(ended.findings().contains(&"private_doubtful"), finding, "{from}");
    }
}
