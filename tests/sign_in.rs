//! Signing in, against the simulator's token endpoints: every kind of credential, tokens that expire under load, endpoints
//! that fail, and what is said when a path cannot sign in. No run, message or list of processes tells a secret.

#[path = "support/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certificates::certify_client;
use hopmark::run::Run;
use process::{KEY, Sim, hopmark, printed, quantile, rows, was_only_late};
use serde_json::Value;

/// What nothing that is written may tell.
const CLIENT_SECRET: &str = "Zq7+Xv9/Kw3=Rb5-Tn8_Jd2.Hf6~Lm4";
const FEDERATED: &str = "eyJhbGciOiJSUzI1NiJ9.federated-Wd5yPq8sVb2n.signature-Kf9tLr3x";
const IDENTITY_HEADER: &str = "header-Gm4kXz7cQw1pTd6b";
const SUBSCRIPTION: &str = "subscription-Nv3hYj9rBs5f";
/// With this every token of the simulator begins, and so does one within base64.
const TOKEN: &str = "eyJhbGciOi";

/// A folder, a simulator in it, and what its runs are given.
struct Stage {
    folder: tempfile::TempDir,
    sim: Sim,
}

/// The scenario: listeners whose model takes tokens alone, one with a gateway that wants its own key, one with mTLS.
fn scenario(identity: &str, auth: &str) -> String {
    let fixtures = fixtures();
    format!(
        "name = \"sign-in\"\n[identity]\n{identity}\n\
         [[identity.client]]\nid = \"app\"\nsecret = \"{CLIENT_SECRET}\"\nroles = [\"User\"]\n\
         [[identity.client]]\nid = \"certified\"\ncert = \"{}\"\nroles = [\"User\"]\n\
         [[identity.client]]\nid = \"pod\"\nfederated = \"{FEDERATED}\"\nroles = [\"User\"]\n\
         [[identity.client]]\nid = \"stale\"\nsecret = \"{CLIENT_SECRET}\"\nexpired = true\n\
         [[identity.client]]\nid = \"roleless\"\nsecret = \"{CLIENT_SECRET}\"\n\
         [[identity.client]]\nid = \"machine\"\nroles = [\"User\"]\n\
         [[backend]]\nname = \"b\"\nmodel = {{ first = \"5ms\", gap = \"1ms\" }}\nauth = {{ {auth} }}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n\
         [[listener]]\nname = \"gateway\"\nkind = \"gateway\"\nbackend = \"b\"\n\
         gateway = {{ own = \"1ms\", subscription_keys = [\"{SUBSCRIPTION}\"] }}\n\
         [[listener]]\nname = \"mutual\"\nkind = \"direct\"\nbackend = \"b\"\n\
         tls = {{ client_ca = \"clients.pem\" }}\n",
        fixtures.join("app.pem").display(),
    )
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sign-in")
}

impl Stage {
    fn new(identity: &str, auth: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("scenario.toml");
        fs::write(&file, scenario(identity, auth)).expect("a scenario");
        fs::write(folder.path().join("federated"), format!("{FEDERATED}\n")).expect("a token");
        fs::write(folder.path().join("secret"), CLIENT_SECRET).expect("a secret");
        certify_client(folder.path());
        let sim = Sim::start(&["--scenario", file.to_str().expect("a path")]);
        let ca = sim.control(reqwest::Method::GET, "/_sim/ca.pem");
        fs::write(folder.path().join("ca.pem"), ca).expect("roots");
        Self { folder, sim }
    }

    /// A scenario whose model takes tokens of one role alone.
    fn strict(identity: &str) -> Self {
        Self::new(identity, "role = \"User\", keys = false")
    }

    fn url(&self, listener: &str) -> &str {
        self.sim.url(listener)
    }

    /// A path to a listener with this credential.
    fn path(&self, name: &str, listener: &str, auth: &str) -> String {
        let more = if listener == "mutual" { "tls = { ca_file = \"ca.pem\" }\n" } else { "" };
        let auth = auth.replace("SIM", self.url("direct")).replace("FIXTURES", &fixtures().display().to_string());
        format!("[[path]]\nname = \"{name}\"\nbase_url = \"{}/openai/v1\"\nauth = {auth}\n{more}", self.url(listener))
    }

    /// Runs these paths, and looks that nothing tells a secret.
    fn run(&self, name: &str, load: &str, paths: &str) -> Ran {
        self.run_with(name, load, paths, |command| command)
    }

    fn run_with(&self, name: &str, load: &str, paths: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> Ran {
        self.run_while(name, load, paths, with, |_| ())
    }

    /// The same; `meanwhile` is called again and again with the run directory.
    fn run_while(
        &self,
        name: &str,
        load: &str,
        paths: &str,
        with: impl FnOnce(&mut Command) -> &mut Command,
        mut meanwhile: impl FnMut(&Path),
    ) -> Ran {
        let (file, out) = (self.folder.path().join(format!("{name}.toml")), self.folder.path().join(name));
        fs::write(&file, format!("{WORKLOAD}\n[load]\n{load}\n{paths}")).expect("a profile");
        let mut command = hopmark(&["run", file.to_str().expect("a path"), "--out", out.to_str().expect("a path")]);
        command.env("CLIENT_SECRET", CLIENT_SECRET).env("SUBSCRIPTION_KEY", SUBSCRIPTION);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = with(&mut command).spawn().expect("it runs");
        while child.try_wait().expect("a state").is_none() {
            tells_nothing(&arguments_of_family(child.id()), "the list of processes");
            meanwhile(&out);
            std::thread::sleep(Duration::from_millis(50));
        }
        let output = child.wait_with_output().expect("its output");
        eprintln!("{}", printed(&output));
        tells_nothing(&printed(&output), "what is printed");
        for file in files(&out) {
            let bytes = fs::read(&file).expect("a file");
            tells_nothing(&String::from_utf8_lossy(&bytes), &file.display().to_string());
        }
        Ran { output, dir: out }
    }
}

const WORKLOAD: &str = "[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\ninput_tokens = 20\noutput_tokens = 8\n\
                        [limits]\nauth_failures = 100000\nfailures_in_a_row = 0";
const SHORT: &str = "rate = \"10/s\"\nwarmup = \"200ms\"\nduration = \"1s\"\nround_spread = \"50ms\"";

/// A run of the driver that has ended.
struct Ran {
    output: Output,
    dir: PathBuf,
}

impl Ran {
    fn code(&self) -> i32 {
        self.output.status.code().expect("no signal")
    }

    fn said(&self) -> String {
        printed(&self.output)
    }

    fn summary(&self) -> Value {
        let text = fs::read_to_string(self.dir.join("summary.json"));
        serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}: {}", self.said()))).expect("JSON")
    }

    fn run(&self) -> Run {
        hopmark::store::load(&self.dir).expect("a run directory")
    }

    /// It ended well, and no call of any path failed.
    fn is_whole(&self) -> &Self {
        let summary = self.summary();
        assert!(self.code() == 0 || self.code() == 4 && was_only_late(&summary), "{}: {}", self.code(), self.said());
        for (name, path) in summary["paths"].as_object().expect("paths") {
            let requests = &path["requests"];
            assert!(requests["ok"].as_u64() > Some(0), "{name}: {path}");
            assert_eq!([&requests["failed"], &requests["incomplete"]], [0, 0], "{name}: {path}");
        }
        self
    }

    fn is_refused(&self, code: i32, parts: &[&str]) {
        let said = self.said();
        assert_eq!(self.code(), code, "{said}");
        parts.iter().for_each(|part| assert!(said.contains(part), "'{part}' is not in: {said}"));
    }
}

/// Fails when a text holds a secret or a token: plain, within base64, or encoded for an address.
fn tells_nothing(text: &str, place: &str) {
    let text = text.to_lowercase();
    for secret in [CLIENT_SECRET, FEDERATED, IDENTITY_HEADER, SUBSCRIPTION, TOKEN] {
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let encoded: String = url_encoded(secret);
        let coded = (0..3).flat_map(|before| [within_base64(secret, before), within_base64(&encoded, before)]);
        for form in coded.collect::<Vec<_>>().into_iter().chain([secret.to_owned(), percent, encoded]) {
            let form = form.to_lowercase();
            assert!(!text.contains(&form), "{place} tells a secret as {form}: {text}");
        }
    }
}

fn url_encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(one).collect()
}

/// The letters of base64 that depend on a text alone, with so many bytes in front of it.
fn within_base64(text: &str, before: usize) -> String {
    let coded = STANDARD.encode([vec![0; before], text.as_bytes().to_vec()].concat());
    coded[(before * 8).div_ceil(6)..(before + text.len()) * 8 / 6].to_owned()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The arguments of a process and of those that it started.
fn arguments_of_family(parent: u32) -> String {
    let mut all = String::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let of = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        if of == Some(parent) || entry.file_name().to_string_lossy() == parent.to_string() {
            let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            all += &String::from_utf8_lossy(&arguments).replace('\0', " ");
        }
    }
    all
}

/// A program of this name that prints this; its folder.
fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let file = bin.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it may run");
    bin
}

/// A token of the simulator's own endpoint, as some program might have it.
fn token_of(stage: &Stage) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fai.azure.com%2F.default&client_secret={}",
        url_encoded(CLIENT_SECRET)
    );
    let asked = async {
        let client = hopmark::probe::control_client().expect("a client");
        let asked = client.post(format!("{}/t/oauth2/v2.0/token", stage.url("direct"))).body(form);
        asked.send().await.expect("an answer").text().await.expect("a body")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer: Value = serde_json::from_str(&runtime.block_on(asked)).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// Has the token endpoints fail from now on, once a run has written rows.
fn fail_when_under_way(stage: &Stage, status: u16) -> impl FnMut(&Path) {
    let mut is_done = false;
    move |out| {
        if is_done || rows(out) < 5 {
            return;
        }
        is_done = true;
        let patch = format!("{{\"identity\":{{\"fails\":[{{\"from\":\"0s\",\"for\":\"60m\",\"status\":{status}}}]}}}}");
        let asked = async {
            let client = hopmark::probe::control_client().expect("a client");
            let asked = client.patch(format!("{}/_sim/config", stage.url("direct"))).header("api-key", KEY).body(patch);
            let answer = asked.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.text().await.expect("a body"));
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(asked);
    }
}

/// A counter of the simulator.
fn counted(sim: &Sim, name: &str) -> u64 {
    let metrics = sim.control(reqwest::Method::GET, "/_sim/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("the counter");
    line.trim().parse().expect("a number")
}

const GIVEN: &str = "sim_token_requests_total{given=\"true\"}";
const ENTRA: &str = "tenant = \"contoso.example\", authority = \"SIM\"";

/// Signs in as the application by its secret.
fn by_secret() -> String {
    format!("{{ kind = \"entra-client-secret\", client_id = \"app\", env = \"CLIENT_SECRET\", {ENTRA} }}")
}

#[test]
fn every_kind_of_credential_signs_in() {
    let stage = Stage::strict("header = \"header-Gm4kXz7cQw1pTd6b\"");
    let token = token_of(&stage);
    let bin = program(
        stage.folder.path(),
        "az",
        &format!(
            "test \"$1 $2 $3 $4\" = 'account get-access-token --output json' || exit 3\n\
         echo '{{\"accessToken\": \"{token}\", \"expires_on\": 9999999999, \"tokenType\": \"Bearer\"}}'"
        ),
    );
    program(stage.folder.path(), "my-login", &format!("test \"$1\" = 'two words' && echo '{token}'"));
    let kinds = [
        ("secret", by_secret()),
        ("secret-file", format!("{{ kind = \"entra-client-secret\", client_id = \"app\", file = \"secret\", {ENTRA}, scope = \"https://ai.azure.com/.default\" }}")),
        ("certificate", format!("{{ kind = \"entra-client-certificate\", client_id = \"certified\", cert_file = \"FIXTURES/app.pem\", key_file = \"FIXTURES/app.key\", {ENTRA} }}")),
        ("pod", "{ kind = \"workload-identity\" }".to_owned()),
        ("pod-file", format!("{{ kind = \"workload-identity\", client_id = \"pod\", token_file = \"federated\", {ENTRA} }}")),
        ("machine", "{ kind = \"managed-identity\", client_id = \"machine\", endpoint = \"SIM\" }".to_owned()),
        ("app-service", "{ kind = \"managed-identity\", client_id = \"machine\" }".to_owned()),
        ("form", "{ kind = \"oauth2\", token_url = \"SIM/oauth2/token\", client_id = \"app\", env = \"CLIENT_SECRET\" }".to_owned()),
        ("basic", "{ kind = \"oauth2\", token_url = \"SIM/oauth2/token\", client_id = \"app\", env = \"CLIENT_SECRET\", client_auth = \"basic\", audience = \"https://ai.azure.com\" }".to_owned()),
        ("cli", "{ kind = \"az-cli\" }".to_owned()),
        ("command", "{ kind = \"command\", command = \"bin/my-login 'two words'\", lifetime = \"10m\" }".to_owned()),
        ("bearer", "{ kind = \"bearer\", env = \"A_TOKEN\" }".to_owned()),
    ];
    let paths: String = kinds.iter().map(|(name, auth)| stage.path(name, "direct", auth)).collect();
    let both = "[{ kind = \"subscription-key\", env = \"SUBSCRIPTION_KEY\" }, { kind = \"managed-identity\", client_id = \"machine\", endpoint = \"SIM\" }]";
    let mutual = "[{ kind = \"mtls\", cert_file = \"client.pem\", key_file = \"client.key\" }, { kind = \"managed-identity\", client_id = \"machine\", endpoint = \"SIM\" }]";
    let paths = paths + &stage.path("both", "gateway", both) + &stage.path("mutual", "mutual", mutual);
    let ran = stage.run_with("kinds", SHORT, &paths, |command| {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("A_TOKEN", &token)
            .env("AZURE_TENANT_ID", "contoso.example")
            .env("AZURE_CLIENT_ID", "pod")
            .env("AZURE_AUTHORITY_HOST", format!("{}/", stage.url("direct")))
            .env("AZURE_FEDERATED_TOKEN_FILE", stage.folder.path().join("federated"))
            .env("IDENTITY_ENDPOINT", format!("{}/msi/token", stage.url("direct")))
            .env("IDENTITY_HEADER", IDENTITY_HEADER)
    });
    ran.is_whole();
    let summary = ran.summary();
    for (name, path) in summary["paths"].as_object().expect("paths") {
        let sign_in = path["sign_in"].as_array().map_or(&[][..], Vec::as_slice);
        match name.as_str() {
            "bearer" => assert!(sign_in.is_empty(), "{path}"),
            _ => {
                assert_eq!(
                    (sign_in.len(), &sign_in[0]["acquired"], &sign_in[0]["failed"]),
                    (1, &1.into(), &0.into()),
                    "{name}"
                );
                assert!(sign_in[0]["p50_ms"].as_f64() > Some(0.0), "{name}: {}", sign_in[0]);
            }
        }
    }
}

/// Every call that went well: when it was sent, from the run's start, and how much longer the driver saw it take than the
/// simulator's ledger says, in milliseconds.
fn errors(stage: &Stage, run: &Run) -> Vec<(f64, f64)> {
    let ledger = stage.sim.ledger("direct");
    let truth: std::collections::BTreeMap<&str, _> =
        ledger.iter().map(|line| (line.request_id.as_str(), line)).collect();
    let origin = run.manifest.origin;
    let of = |sample: &hopmark::measure::sample::Sample| {
        let name = format!("{}-{}", run.manifest.id, sample.seq.0);
        let line = truth.get(name.as_str())?;
        let (sent, first) = (sample.stamps.sent?, sample.stamps.first_byte?);
        let served = line.head_ns?.ms_since(line.recv_ns?);
        Some((sent.ms_since(origin), first.ms_since(sent) - served))
    };
    run.samples.iter().filter_map(of).collect()
}

/// A run across expiries: no failed call, one request for each token whatever the number of workers, and calls near a
/// renewal as quick as any other.
fn crosses_expiries(life_s: u64, identity: &str, load: &str, expiries: u64) -> (Stage, Ran, u64) {
    let stage = Stage::strict(&format!("lifetime = \"{life_s}s\"\ndelay = \"300ms\"\n{identity}"));
    let auth = by_secret();
    let profile = stage.path("direct", "direct", &auth);
    let ran = stage.run_with("expiries", load, &profile, |command| command.args(["--set", "workers=2"]));
    ran.is_whole();
    let run = ran.run();
    let sign_in = &run.manifest.sign_in[0];
    let measured = run.manifest.plan.measure_until().as_secs_f64();
    assert!(measured >= (expiries * life_s) as f64, "{measured} s is no time for {expiries} expiries");
    assert!(sign_in.acquired > expiries, "{sign_in:?}");
    // One request for each token: both workers have it from the same place. One may be under way when the run ends.
    let given = counted(&stage.sim, GIVEN);
    assert!((sign_in.acquired..=sign_in.acquired + 1).contains(&given), "{given} given, {sign_in:?}");
    let all = errors(&stage, &run);
    let renewals: Vec<f64> = sign_in.acquisitions.iter().map(|one| one.at.ms_since(run.manifest.origin)).collect();
    // From when a token is asked for until it is in use.
    let near = |sent: f64| renewals.iter().any(|at| (*at..*at + 400.0).contains(&sent));
    let (beside, apart): (Vec<_>, Vec<_>) = all.iter().partition(|(sent, _)| near(*sent));
    assert!(beside.len() > 20 && apart.len() > 20, "{} calls near a renewal, {} apart", beside.len(), apart.len());
    for q in [0.5, 0.9] {
        let of = |calls: &[&(f64, f64)]| quantile(calls.iter().map(|(_, error)| *error).collect(), q);
        let (beside, apart) = (of(&beside), of(&apart));
        // A call that waited for a token would wait for the 300 ms that one takes; on a busy machine a third of that is
        // what the medians of two halves may differ by for other reasons.
        assert!(beside - apart < 100.0, "q{q}: {beside} ms near a renewal, {apart} ms apart");
    }
    let failed = sign_in.failed;
    (stage, ran, failed)
}

#[test]
fn tokens_expire_under_load_and_no_call_fails_or_waits() {
    let load = "rate = \"40/s\"\nwarmup = \"1s\"\nduration = \"14s\"";
    let (.., failed) = crosses_expiries(3, "", load, 5);
    assert_eq!(failed, 0);
}

#[test]
fn an_endpoint_that_fails_for_a_third_of_a_life_is_not_seen_by_any_call() {
    let load = "rate = \"40/s\"\nwarmup = \"1s\"\nduration = \"19s\"";
    let fails = "fails = [{ from = \"8s\", for = \"2500ms\" }]";
    let (_stage, ran, failed) = crosses_expiries(6, fails, load, 3);
    assert!(failed > 0, "the endpoint did not fail when it was asked");
    let figures = &ran.summary()["paths"]["direct"]["sign_in"][0];
    assert!(figures["last_failure"].as_str().is_some_and(|why| why.contains("answered 503")), "{figures}");
}

/// The same with tokens of 20 s, and an endpoint that fails for 10 s.
#[test]
#[ignore = "four minutes; nightly"]
fn tokens_of_twenty_seconds_expire_under_load() {
    let load = "rate = \"40/s\"\nwarmup = \"1s\"\nduration = \"105s\"";
    crosses_expiries(20, "", load, 5);
    let (.., failed) = crosses_expiries(20, "fails = [{ from = \"40s\", for = \"10s\" }]", load, 5);
    assert!(failed > 0, "the endpoint did not fail when it was asked");
}

#[test]
fn calls_without_a_valid_token_fail_by_their_own_class_and_end_the_run() {
    let stage = Stage::strict("lifetime = \"2s\"");
    let auth = by_secret();
    let path = stage.path("direct", "direct", &auth);
    let load = "rate = \"20/s\"\nwarmup = \"200ms\"\nduration = \"8s\"";
    let ran = stage.run_while("dry", load, &path, |command| command, fail_when_under_way(&stage, 500));
    let summary = ran.summary();
    let path_summary = &summary["paths"]["direct"];
    assert!(path_summary["errors"]["credential"].as_u64() > Some(10), "{path_summary}");
    let seen = path_summary["errors_seen"]["credential"].to_string();
    assert!(
        seen.contains("the token expired and no new one could be obtained") && seen.contains("answered 500"),
        "{seen}"
    );
    // None of them reached the server with an old token.
    assert!(path_summary["errors"]["http_401"].is_null(), "{path_summary}");
    let ran =
        stage.run_with("ended", "rate = \"20/s\"\nwarmup = \"200ms\"\nduration = \"30s\"", &path, |command| command);
    // Now the endpoint fails from the beginning.
    ran.is_refused(1, &["cannot sign in (entra-client-secret)", "answered 500"]);
}

#[test]
fn a_call_that_waits_for_its_connection_takes_the_token_of_when_it_is_sent() {
    let stage = Stage::strict("lifetime = \"2s\"");
    let auth = by_secret();
    let path = stage.path("direct", "direct", &auth);
    let load = "rate = \"200/s\"\nwarmup = \"200ms\"\nduration = \"3s\"";
    let one = "path.direct.connections={ http = \"2\", max = 1, streams = 1 }";
    let ran = stage.run_with("queued", load, &path, |command| command.args(["--set", one, "--set", "workers=1"]));
    ran.is_whole();
    let longest = ran.summary()["paths"]["direct"]["metrics"]["e2e"]["max"].as_f64().expect("calls");
    assert!(longest > 2_500.0, "{longest} ms: no call waited for longer than a token is good");
}

#[test]
fn limits_on_refusals_end_a_run_without_a_token() {
    let stage = Stage::strict("lifetime = \"2s\"");
    let auth = by_secret();
    let path = stage.path("direct", "direct", &auth);
    let load = "rate = \"20/s\"\nwarmup = \"200ms\"\nduration = \"60s\"";
    let meanwhile = fail_when_under_way(&stage, 503);
    let ran = stage.run_while("limited", load, &path, |run| run.args(["--set", "limits.auth_failures=5"]), meanwhile);
    assert_ne!(ran.code(), 0);
    assert!(ran.said().contains("had no valid token"), "{}", ran.said());
}

#[test]
fn what_a_path_cannot_sign_in_for_is_said_in_one_sentence() {
    let stage = Stage::strict("tenants = [\"contoso.example\"]");
    let entra = |client: &str| {
        format!("{{ kind = \"entra-client-secret\", client_id = \"{client}\", env = \"CLIENT_SECRET\", {ENTRA} }}")
    };
    let secret = |more: &str| format!("{{ kind = \"entra-client-secret\", client_id = \"app\", {more} }}");
    let certificate = |key: &str| {
        format!(
            "{{ kind = \"entra-client-certificate\", client_id = \"certified\", cert_file = \"FIXTURES/{key}.pem\", \
             key_file = \"FIXTURES/{key}.key\", {ENTRA} }}"
        )
    };
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let table: Vec<(&str, &str, String, &[&str])> = vec![
        (
            "unknown",
            "direct",
            entra("nobody"),
            &["path 'p': cannot sign in (entra-client-secret)", "the application is not in this directory"],
        ),
        ("stale", "direct", entra("stale"), &["the client secret has expired"]),
        (
            "wrong",
            "direct",
            secret(&format!("env = \"SUBSCRIPTION_KEY\", {ENTRA}")),
            &["the client secret is wrong", "AADSTS7000215"],
        ),
        (
            "tenant",
            "direct",
            secret("env = \"CLIENT_SECRET\", tenant = \"fabrikam.example\", authority = \"SIM\""),
            &["there is no such directory"],
        ),
        ("other", "direct", certificate("other"), &["the certificate is not one of the application's"]),
        (
            "unreachable",
            "direct",
            secret(&format!("env = \"CLIENT_SECRET\", tenant = \"t\", authority = \"http://{nobody}\"")),
            &["cannot be reached"],
        ),
        (
            "no-endpoint",
            "direct",
            "{ kind = \"oauth2\", token_url = \"SIM/none\", client_id = \"app\", env = \"CLIENT_SECRET\" }".to_owned(),
            &["cannot sign in (oauth2)"],
        ),
        ("roleless", "direct", entra("roleless"), &["status 403", "the caller has no role that allows this"]),
        (
            "audience",
            "direct",
            "{ kind = \"oauth2\", token_url = \"SIM/oauth2/token\", client_id = \"app\", env = \"CLIENT_SECRET\", audience = \"https://graph.microsoft.com\" }".to_owned(),
            &["status 401", "for another audience"],
        ),
        (
            "keys",
            "direct",
            "{ kind = \"api-key\", env = \"CLIENT_SECRET\" }".to_owned(),
            &["status 403", "disableLocalAuth"],
        ),
        ("no-key", "gateway", entra("app"), &["status 401", "the gateway needs a valid key of its own"]),
        ("no-certificate", "mutual", entra("app"), &["add auth.kind = \"mtls\""]),
        (
            "failing",
            "direct",
            "{ kind = \"command\", command = \"sh -c 'echo no login >&2; exit 7'\" }".to_owned(),
            &["cannot sign in (command): the program sh failed with exit status: 7: no login"],
        ),
    ];
    for (name, listener, auth, parts) in table {
        let ran = stage.run(name, SHORT, &stage.path("p", listener, &auth));
        ran.is_refused(1, parts);
    }
    let stage = Stage::strict("audience = \"https://graph.microsoft.com\"");
    let ran = stage.run("another", SHORT, &stage.path("p", "direct", &entra("app")));
    ran.is_refused(
        1,
        &["the token that came is for another audience, https://graph.microsoft.com", "check auth.scope"],
    );
}

#[test]
fn what_is_wrong_with_a_credential_is_found_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("cert.pem"), fs::read(fixtures().join("app.pem")).expect("a file")).expect("a file");
    fs::write(folder.path().join("key.pem"), fs::read(fixtures().join("other.key")).expect("a file")).expect("a file");
    fs::write(folder.path().join("bundle.pfx"), "x").expect("a file");
    let table = [
        ("{ kind = \"entra-client-secret\", client_id = \"a\", tenant = \"t\" }", "'path.p.auth.env' is missing"),
        (
            "{ kind = \"entra-client-secret\", client_id = \"a\", env = \"CLIENT_SECRET\" }",
            "'path.p.auth.tenant' is missing; name the directory",
        ),
        (
            "{ kind = \"entra-client-secret\", client_id = \"a\", tenant = \"t\", env = \"NOT_SET_ANYWHERE\" }",
            "variable NOT_SET_ANYWHERE is not set",
        ),
        (
            "{ kind = \"entra-client-secret\", client_id = \"a\", tenant = \"t/../x\", env = \"CLIENT_SECRET\" }",
            "'path.p.auth.tenant' is not a directory",
        ),
        ("{ kind = \"az-cli\", scope = \"https://ai.azure.com\" }", "'path.p.auth.scope' must end in /.default"),
        (
            "{ kind = \"az-cli\", scope = \"https://graph.microsoft.com/.default\" }",
            "for another audience than mine.openai.azure.com accepts",
        ),
        (
            "{ kind = \"entra-client-certificate\", client_id = \"a\", tenant = \"t\", cert_file = \"cert.pem\" }",
            "'path.p.auth.key_file' is missing; the certificate has no key",
        ),
        (
            "{ kind = \"mtls\", cert_file = \"cert.pem\", key_file = \"key.pem\" }",
            "cert.pem: the key in FOLDER/key.pem belongs to another certificate",
        ),
        ("{ kind = \"mtls\", cert_file = \"bundle.pfx\" }", "is a PKCS#12 file; it takes PEM: openssl pkcs12"),
        ("{ kind = \"mtls\", cert_file = \"none.pem\" }", "there is no file"),
        (
            "[{ kind = \"bearer\", env = \"CLIENT_SECRET\" }, { kind = \"az-cli\" }]",
            "sent in the same header, 'authorization'",
        ),
        (
            "[{ kind = \"api-key\", env = \"CLIENT_SECRET\", header = \"Ocp-Apim-Subscription-Key\" }, { kind = \"subscription-key\", env = \"CLIENT_SECRET\" }]",
            "sent in the same header, 'ocp-apim-subscription-key'",
        ),
        ("[{ kind = \"none\" }, { kind = \"az-cli\" }]", "kind = \"none\" cannot be combined with another credential"),
        ("[]", "names no credential"),
        (
            "{ kind = \"api-key\", env = \"CLIENT_SECRET\", tenant = \"t\" }",
            "'path.p.auth.tenant' does not go with kind = \"api-key\", which takes env, file, header",
        ),
        ("{ kind = \"api-key\", env = \"CLIENT_SECRET\", header = \"content-length\" }", "is set by every call itself"),
        ("{ kind = \"api-key\", env = \"CLIENT_SECRET\", header = \"a b\" }", "is not the name of a header"),
        (
            "{ kind = \"oauth2\", client_id = \"a\", env = \"CLIENT_SECRET\", token_url = \"nowhere\" }",
            "'path.p.auth.token_url' is not an address",
        ),
        (
            "{ kind = \"oauth2\", client_id = \"a\", env = \"CLIENT_SECRET\", token_url = \"https://u:p@h/t\" }",
            "holds a user name or password",
        ),
        (
            "{ kind = \"oauth2\", client_id = \"a\", env = \"CLIENT_SECRET\", token_url = \"sim://direct/t\" }",
            "which this run does not start",
        ),
        (
            "{ kind = \"oauth2\", client_id = \"a\", env = \"CLIENT_SECRET\", token_url = \"http://login.example.com/t\" }",
            "'path.p.auth.token_url' is plain http to another machine: the secret would be sent unencrypted",
        ),
        (
            "{ kind = \"entra-client-secret\", client_id = \"a\", tenant = \"t\", env = \"CLIENT_SECRET\", authority = \"http://127.example.com\" }",
            "'path.p.auth.authority' is plain http to another machine: the secret would be sent unencrypted",
        ),
        ("{ kind = \"managed-identity\", client_id = \"a\", object_id = \"b\" }", "is named once"),
        ("{ kind = \"command\", command = \"login 'x\" }", "has a quote that does not end"),
        ("{ kind = \"command\", command = \"no-such-program-7\" }", "there is no program 'no-such-program-7' in PATH"),
        ("{ kind = \"command\", command = \"./login\" }", "there is no file"),
        ("{ kind = \"command\", command = \"true\", lifetime = \"0s\" }", "a time above 0"),
        (
            "{ kind = \"workload-identity\", tenant = \"t\", client_id = \"a\", token_file = \"cert.pem\" }",
            "the environment variable AZURE_AUTHORITY_HOST is not an https:// address, so the federated token would be \
             sent unencrypted",
        ),
        ("{ kind = \"workload-identity\" }", "variable AZURE_FEDERATED_TOKEN_FILE is not set"),
        ("{ kind = \"bearer\", env = \"OLD_TOKEN\" }", "the token in OLD_TOKEN expired"),
        ("{ kind = \"entra\" }", "it takes \"api-key\", \"bearer\""),
    ];
    // {"alg":"none"} and {"exp":1000000000}
    let old = "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAwMDAwMDB9.x";
    for (auth, part) in table {
        let file = folder.path().join("p.toml");
        let load = "rate = \"50/s\"\nduration = \"1s\"";
        let path =
            format!("[[path]]\nname = \"p\"\nbase_url = \"https://mine.openai.azure.com/openai/v1\"\nauth = {auth}\n");
        fs::write(&file, format!("{WORKLOAD}\n[load]\n{load}\n{path}")).expect("a profile");
        let mut command = hopmark(&["run", file.to_str().expect("a path"), "--out"]);
        command.arg(folder.path().join("never")).env("CLIENT_SECRET", CLIENT_SECRET).env("OLD_TOKEN", old);
        command.env("AZURE_AUTHORITY_HOST", "http://login.example.com");
        for variable in ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"] {
            command.env_remove(variable);
        }
        let output = command.output().expect("it runs");
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{auth}: {said}");
        let part = part.replace("FOLDER", &folder.path().display().to_string());
        assert!(said.contains(&part), "{auth}: {said}");
        // What the profile itself says wrong has its place.
        let is_of_environment =
            ["variable ", "in PATH", "the token in", "another certificate"].iter().any(|word| part.contains(word));
        assert!(is_of_environment || said.contains("p.toml:"), "{auth}: {said}");
        assert!(!folder.path().join("never").exists(), "{auth}");
        tells_nothing(&said, auth);
    }
}

/// A server that answers every request with all that it was sent.
fn echo(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
                let mut asked = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    asked.extend_from_slice(&piece[..length]);
                }
                let text = String::from_utf8_lossy(&asked).into_owned();
                let twice = STANDARD.encode(&text);
                let body = format!("{text}\n{twice}");
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            });
        }
    });
    url
}

#[test]
fn what_servers_repeat_of_tokens_and_secrets_is_nowhere() {
    let stage = Stage::strict("lifetime = \"2s\"");
    // A path whose server repeats the token, several tokens long.
    let auth = by_secret();
    let auth = auth.replace("SIM", stage.url("direct"));
    let path = format!("[[path]]\nname = \"echo\"\nbase_url = \"{}/v1\"\nauth = {auth}\n", echo(500));
    let load = "rate = \"10/s\"\nwarmup = \"200ms\"\nduration = \"3s\"";
    let ran = stage.run("echoed", load, &path);
    let errors = &ran.summary()["paths"]["echo"]["errors_seen"]["http_500"];
    assert!(errors.to_string().contains("***"), "{errors}");
    // Token endpoints that repeat what they are sent.
    let certificate = "client_id = \"certified\", cert_file = \"FIXTURES/app.pem\", key_file = \"FIXTURES/app.key\"";
    for (name, auth) in [
        ("by-secret", "{ kind = \"entra-client-secret\", client_id = \"app\", env = \"CLIENT_SECRET\", tenant = \"t\", authority = \"ECHO\" }".to_owned()),
        ("assertion", format!("{{ kind = \"entra-client-certificate\", {certificate}, tenant = \"t\", authority = \"ECHO\" }}")),
        ("by-federated", "{ kind = \"workload-identity\", client_id = \"pod\", tenant = \"t\", authority = \"ECHO\", token_file = \"federated\" }".to_owned()),
        ("basic", "{ kind = \"oauth2\", client_id = \"app\", env = \"CLIENT_SECRET\", token_url = \"ECHO/t\", client_auth = \"basic\" }".to_owned()),
    ] {
        let ran = stage.run(name, SHORT, &stage.path("p", "direct", &auth.replace("ECHO", &echo(400))));
        ran.is_refused(1, &["path 'p': cannot sign in", "answered 400", "***"]);
    }
}

#[test]
fn the_identity_of_a_machine_is_asked_for_plainly_in_its_own_network_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("p.toml");
    let path = "[[path]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:9/v1\"\nauth = { kind = \"managed-identity\" }\n";
    fs::write(&file, format!("{WORKLOAD}\n[load]\n{SHORT}\n{path}")).expect("a profile");
    let ended = |verb: &str, variable: &str, url: &str| {
        let mut command = hopmark(&[verb, file.to_str().expect("a path"), "--quiet"]);
        command.current_dir(folder.path()).env("IDENTITY_HEADER", IDENTITY_HEADER).env(variable, url);
        let output = command.output().expect("it runs");
        (output.status.code().expect("no signal"), printed(&output))
    };
    for verb in ["run", "probe"] {
        for variable in ["IDENTITY_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"] {
            for url in ["http://identity.example.com/token", "http://20.50.1.2/token", "http://[2603:1020::1]", "token"]
            {
                let (code, told) = ended(verb, variable, url);
                assert!(code == 2 && told.matches("error: ").count() == 1, "{verb} {url}: {code} {told}");
                assert!(told.contains(variable) && told.contains("unencrypted"), "{verb} {url}: {told}");
                tells_nothing(&told, "a refusal");
            }
        }
        // Nobody listens there, which is the world's refusal.
        let (code, told) = ended(verb, "IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token");
        assert!(code == 1 && !told.contains("unencrypted"), "{verb}: {code} {told}");
    }
    assert!(!folder.path().join("results").exists());
}
