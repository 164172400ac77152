//! Every byte that runs, plans, reports, comparisons, lints, refusals and mistakes wrote, with each kind of credential, over
//! servers that repeat all that they are sent: none of them tells a key, token, client secret, assertion or cookie, plain, in
//! base64 or encoded for an address.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;
#[path = "support/secrecy.rs"]
mod secrecy;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use process::{hopmark, printed};
use secrecy::{Collected, url_encoded};

/// What the driver is given, by the variable that holds it.
const GIVEN: [(&str, &str); 8] = [
    ("Q_API_KEY", "Kd8+vQ2/mZx7=Rt4-Wb9_Ns3.Lc6~Hj1"),
    ("Q_BEARER", "bearer-Xf3nPz8wTq5vLk2rBd7sGm9y"),
    ("Q_SUBSCRIPTION", "sub-Yh6cJw4tVn9pRx2zQk8mDf5b"),
    ("Q_HEADER", "gate-Mb7rKs3xWp6nTv9dZc4hLq2f"),
    ("Q_CLIENT_SECRET", "Zq7+Xv9/Kw3=Rb5-Tn8_Jd2.Hf6~Lm4"),
    ("Q_PROXY", "mallory:Pw5-gT8xNc3vRk7zBq2mYd9s"),
    ("IDENTITY_HEADER", "header-Gm4kXz7cQw1pTd6bVn3s"),
    ("Q_ONLY_NAMED", "never-sent-Jt6yHb9wSx4qNm8k"),
];
/// What stands in files, by the file's name.
const FILED: [(&str, &str); 2] = [
    ("key-file", "filed-Ws2nRy7kPd9xVb4tLz6hCq3m"),
    ("federated", "eyJhbGciOiJSUzI1NiJ9.federated-Wd5yPq8sVb2nKt7x.signature-Kf9tLr3xMz6w"),
];
/// What the endpoints hand out and programs print.
const ENTRA_TOKEN: &str = "eyJ0eXAiOiJKV1QifQ.entra-Vx8mQd3tNw6yRz9kBp4s.sig-Hc7nLf2gTk5v";
const OAUTH_TOKEN: &str = "opaque-oauth-Tn4rWz8xKq2vPm6yLd9s";
const IDENTITY_TOKEN: &str = "opaque-identity-Rk9wBx3nVt7zQd5mYp2c";
const PRINTED_TOKEN: &str = "printed-Lp6vXt2nHw9rKz4mBd8q";
const CLI_TOKEN: &str = "az-cli-Qw3zNk8xRt5vYm7pLb2d";
const COOKIE: &str = "cookie-Bz5tMx9nWr2kVp7yQd4h";

/// How a server treats the calls of models; all of them repeat what they were sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// Some are answered, some refused.
    Mixed,
    /// All are refused for good.
    Refused,
    /// So are requests for tokens.
    NoTokens,
}

/// A server of models, tokens and identities that is a proxy too, and what it was shown by assertion.
struct Echo {
    address: String,
    assertions: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    fn start(calls: Calls) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (assertions, counts) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(BTreeMap::new())));
        let noted = Arc::clone(&assertions);
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (noted, counts) = (Arc::clone(&noted), Arc::clone(&counts));
                std::thread::spawn(move || serve(tcp, calls, &noted, &counts));
            }
        });
        Self { address, assertions }
    }

    fn shown(&self) -> Vec<(String, String)> {
        let assertions = self.assertions.lock().expect("no panic");
        assertions.iter().map(|assertion| ("an assertion".to_owned(), assertion.clone())).collect()
    }
}

/// How many calls came to each address.
type Counts = Mutex<BTreeMap<String, usize>>;

fn serve(mut tcp: TcpStream, calls: Calls, assertions: &Mutex<Vec<String>>, counts: &Counts) {
    let _ = tcp.set_read_timeout(Some(Duration::from_secs(20)));
    while let Some(asked) = read_request(&mut tcp) {
        if let Some(assertion) = asked.split("client_assertion=").nth(1) {
            let assertion = assertion.split('&').next().unwrap_or_default().to_owned();
            assertions.lock().expect("no panic").push(assertion);
        }
        let target = asked.split(' ').nth(1).unwrap_or_default().to_owned();
        let token = |token: &str| {
            let body = format!(
                "{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"expires_on\":\"4102444800\"}}"
            );
            whole(200, "application/json", "", &body)
        };
        let of_tokens = ["/oauth2/", "/msi/", "/metadata/"].iter().any(|part| target.contains(part));
        let answer = match calls {
            Calls::NoTokens if of_tokens => repeated(400, &asked),
            Calls::Mixed | Calls::Refused | Calls::NoTokens if target.contains("/oauth2/v2.0/token") => {
                token(ENTRA_TOKEN)
            }
            _ if target.contains("/metadata/") || target.contains("/msi/") => token(IDENTITY_TOKEN),
            _ if of_tokens => token(OAUTH_TOKEN),
            Calls::Refused | Calls::NoTokens => repeated(401, &asked),
            // Each path has an address of its own, so that two in four of its calls are refused, whatever the others do.
            Calls::Mixed => match turn(counts, target) {
                0 => repeated(500, &asked),
                1 => repeated(429, &asked),
                _ => good(&asked),
            },
        };
        if tcp.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Which of four calls to an address this is.
fn turn(counts: &Counts, target: String) -> usize {
    let mut counts = counts.lock().expect("no panic");
    let count = counts.entry(target).or_default();
    *count += 1;
    *count % 4
}

/// A whole request as it came.
fn read_request(tcp: &mut TcpStream) -> Option<String> {
    let (mut seen, mut piece) = (Vec::new(), [0; 8192]);
    loop {
        let count = tcp.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&piece[..count]);
        let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
        if seen.len() >= end + 4 + length {
            return Some(String::from_utf8_lossy(&seen).into_owned());
        }
    }
}

fn whole(status: u16, kind: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let cookie = format!("set-cookie: affinity={COOKIE}; Path=/\r\n");
    format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{cookie}{more}content-length: {length}\r\n\r\n{body}")
        .into()
}

/// The values of the headers of a request that may hold a secret, each after its scheme.
fn secrets_in(asked: &str) -> Vec<String> {
    let head = asked.split("\r\n\r\n").next().unwrap_or_default();
    let values = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let of_caller = values.filter(|(name, _)| !["host", "content-length", "accept", "user-agent"].contains(name));
    of_caller.map(|(_, value)| value.rsplit(' ').next().unwrap_or(value).to_owned()).collect()
}

/// A refusal that repeats a request in its head and in its body, in every encoding.
fn repeated(status: u16, asked: &str) -> Vec<u8> {
    let secrets = secrets_in(asked).join(" ");
    let line = asked.replace(['\r', '\n'], " ").replace('"', "'");
    let said = format!("{line} {} {} {}", STANDARD.encode(&secrets), url_encoded(&secrets), STANDARD.encode(&line));
    let more = format!(
        "x-request-id: {secrets}\r\nretry-after: {secrets}\r\nlocation: http://h/{}\r\nx-ms-region: {secrets}\r\n",
        url_encoded(&secrets)
    );
    whole(
        status,
        "application/json",
        &more,
        &format!("{{\"error\":{{\"message\":\"{said}\",\"code\":\"{secrets}\"}}}}"),
    )
}

/// An answer whose head and content repeat the secrets of a request.
fn good(asked: &str) -> Vec<u8> {
    let secrets = secrets_in(asked).join(" ");
    let body = format!(
        "{{\"id\":\"{secrets}\",\"model\":\"{secrets}\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
         \"content\":\"{secrets}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}}}"
    );
    let more = format!("x-request-id: {secrets}\r\nx-ms-region: {secrets}\r\n");
    whole(200, "application/json", &more, &body)
}

/// A path of each kind of credential, with cookies: name, and its keys. `AT` is the server.
const PATHS: [(&str, &str); 15] = [
    ("key", "auth = { kind = \"api-key\", env = \"Q_API_KEY\" }"),
    ("key-file", "auth = { kind = \"api-key\", file = \"INPUTS/key-file\", header = \"x-own-key\" }"),
    ("bearer", "auth = { kind = \"bearer\", env = \"Q_BEARER\" }"),
    ("subscription", "auth = { kind = \"subscription-key\", env = \"Q_SUBSCRIPTION\" }"),
    (
        "two",
        "auth = [{ kind = \"subscription-key\", env = \"Q_SUBSCRIPTION\" }, { kind = \"bearer\", env = \"Q_BEARER\" }]",
    ),
    ("header", "headers = { x-gate-key = { env = \"Q_HEADER\" }, x-other-token = { file = \"INPUTS/key-file\" } }"),
    ("proxied", "proxy = \"http://AT\"\nproxy_env = \"Q_PROXY\"\nauth = { kind = \"api-key\", env = \"Q_API_KEY\" }"),
    (
        "entra-secret",
        "auth = { kind = \"entra-client-secret\", tenant = \"t\", client_id = \"app\", env = \"Q_CLIENT_SECRET\", authority = \"http://AT\" }",
    ),
    (
        "entra-certificate",
        "auth = { kind = \"entra-client-certificate\", tenant = \"t\", client_id = \"app\", cert_file = \"FIXTURES/app.pem\", \
         key_file = \"FIXTURES/app.key\", authority = \"http://AT\" }",
    ),
    ("machine", "auth = { kind = \"managed-identity\", endpoint = \"http://AT\" }"),
    ("app-service", "auth = { kind = \"managed-identity\" }"),
    (
        "pod",
        "auth = { kind = \"workload-identity\", tenant = \"t\", client_id = \"pod\", token_file = \"INPUTS/federated\", authority = \"http://AT\" }",
    ),
    ("cli", "auth = { kind = \"az-cli\" }"),
    (
        "oauth2",
        "auth = { kind = \"oauth2\", token_url = \"http://AT/oauth2/token\", client_id = \"app\", env = \"Q_CLIENT_SECRET\", client_auth = \"basic\" }",
    ),
    ("command", "auth = { kind = \"command\", command = \"INPUTS/bin/my-login\", lifetime = \"1h\" }"),
];

/// A folder of what is given, and one of what is written.
struct Stage {
    inputs: tempfile::TempDir,
    written: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let stage =
            Self { inputs: tempfile::tempdir().expect("folder"), written: tempfile::tempdir().expect("folder") };
        for (name, secret) in FILED {
            std::fs::write(stage.inputs.path().join(name), secret).expect("a file");
        }
        let bin = stage.inputs.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let cli = format!("{{\"accessToken\":\"{CLI_TOKEN}\",\"expires_on\":4102444800,\"tokenType\":\"Bearer\"}}");
        for (name, says) in [("az", cli.as_str()), ("my-login", PRINTED_TOKEN)] {
            let file = bin.join(name);
            std::fs::write(&file, format!("#!/bin/sh\necho '{says}'\n")).expect("a program");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it may run");
        }
        stage
    }

    /// A profile of all paths to this server, or of one.
    fn profile(&self, name: &str, at: &str, only: Option<&str>) -> String {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sign-in");
        let inputs = self.inputs.path().display().to_string();
        let path = |(name, keys): &(&str, &str)| {
            let base = if *name == "proxied" { "x.test".to_owned() } else { at.to_owned() };
            let keys = keys.replace("FIXTURES", fixtures).replace("INPUTS", &inputs).replace("AT", at);
            format!("[[path]]\nname = \"{name}\"\nbase_url = \"http://{base}/of-{name}/v1\"\ncookies = true\n{keys}\n")
        };
        let paths: String = PATHS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).map(path).collect();
        let text = format!(
            "name = \"secrecy\"\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\nstream = false\ninput_tokens = 20\n\
             output_tokens = 4\n[load]\nrate = \"6/s\"\nwarmup = \"200ms\"\nduration = \"2s\"\nround_spread = \"100ms\"\n\
             [limits]\nfailures_in_a_row = 0\nauth_failures = 100000\n[[objective]]\nkind = \"direct\"\nexpr = \"error_rate < 1%\"\n{paths}"
        );
        let file = self.inputs.path().join(format!("{name}.toml"));
        std::fs::write(&file, text).expect("a profile");
        file.display().to_string()
    }

    /// The driver in the folder of what is written, with all variables.
    fn hopmark(&self, at: &str, args: &[&str]) -> Command {
        let mut command = hopmark(args);
        let path =
            format!("{}:{}", self.inputs.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        command.current_dir(self.written.path()).envs(GIVEN).env("PATH", path);
        command.env("IDENTITY_ENDPOINT", format!("http://{at}/msi/token"));
        command
    }
}

/// All secrets: those that are given and handed out, the lines of the private key, and what was shown by assertion.
fn secrets(servers: &[&Echo]) -> Vec<(String, String)> {
    let named = |(name, secret): (&str, &str)| (name.to_owned(), secret.to_owned());
    let tokens =
        [ENTRA_TOKEN, OAUTH_TOKEN, IDENTITY_TOKEN, PRINTED_TOKEN, CLI_TOKEN, COOKIE].map(|token| ("a token", token));
    let key = include_str!("fixtures/sign-in/app.key").lines().filter(|line| !line.starts_with('-'));
    let all = GIVEN.into_iter().chain(FILED).chain(tokens).chain(key.map(|line| ("the private key", line)));
    all.map(named).chain(servers.iter().flat_map(|server| server.shown())).collect()
}

#[test]
fn a_collector_finds_every_form_of_a_secret_wherever_it_begins() {
    let secret = GIVEN[0].1;
    for before in ["", "a", "ab", "user:"] {
        let text = format!("{before}{secret} and more");
        for told in [text.clone(), STANDARD.encode(&text), url_encoded(&text), STANDARD.encode(url_encoded(&text))] {
            let dir = tempfile::tempdir().expect("folder");
            std::fs::write(dir.path().join("x"), format!("... {} ...", told.to_uppercase())).expect("a file");
            let collected = Collected::default();
            collected.files(dir.path());
            assert_eq!(collected.tellers(&[("it".to_owned(), secret.to_owned())]).len(), 1, "{told}");
            assert!(collected.tellers(&[("another".to_owned(), GIVEN[1].1.to_owned())]).is_empty());
        }
    }
}

#[test]
fn nothing_that_is_written_tells_a_secret_of_any_kind() {
    let (stage, collected) = (Stage::new(), Collected::default());
    let [mixed, refusing, silent] = [Calls::Mixed, Calls::Refused, Calls::NoTokens].map(Echo::start);
    let at = mixed.address.as_str();
    let run = |at: &str, args: &[&str]| collected.run(&mut stage.hopmark(at, args));
    let profile = stage.profile("mixed", at, None);

    assert_eq!(run(at, &["run", "--dry-run", &profile]).status.code(), Some(0));
    assert_eq!(run(at, &["run", "--dry-run", "--json", &profile]).status.code(), Some(0));
    for out in ["runs/a", "runs/b"] {
        let ended = run(at, &["run", &profile, "--out", out]);
        assert!(matches!(ended.status.code(), Some(3 | 4)), "{}", printed(&ended));
    }
    let summary = std::fs::read_to_string(stage.written.path().join("runs/a/summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    for (name, _) in PATHS {
        let path = &summary["paths"][name];
        assert!(path["requests"]["ok"].as_u64() > Some(0), "{name} was answered: {path}");
        assert!(path["errors_seen"].to_string().contains("***"), "{name}: what it repeated was seen: {path}");
    }
    let formats = "terminal,json,csv,html,svg,md,junit,hlog,hgrm,k6,vllm,github-benchmark,bencher,otava,prometheus";
    run(at, &["report", "runs/a", "--format", formats, "--out", "report"]);
    run(at, &["compare", "runs/a", "runs/b"]);
    run(at, &["compare", "runs/a:key", "runs/a:bearer"]);
    run(at, &["trend", "runs", "--out", "trend"]);
    for format in ["text", "json", "sarif"] {
        run(at, &["lint", &profile, "--format", format]);
    }

    for (name, _) in PATHS {
        let refused = refusing.address.as_str();
        let only = stage.profile(&format!("refused-{name}"), refused, Some(name));
        let ended = run(refused, &["run", &only, "--out", &format!("refused-{name}")]);
        assert_eq!(ended.status.code(), Some(1), "{name}: {}", printed(&ended));
        assert!(printed(&ended).contains("***"), "{name}: {}", printed(&ended));
    }
    let no_tokens = silent.address.as_str();
    for name in ["entra-secret", "entra-certificate", "machine", "app-service", "pod", "oauth2"] {
        let only = stage.profile(&format!("silent-{name}"), no_tokens, Some(name));
        let ended = run(no_tokens, &["run", &only, "--out", &format!("silent-{name}")]);
        assert_eq!(ended.status.code(), Some(1), "{name}: {}", printed(&ended));
        assert!(printed(&ended).contains("cannot sign in"), "{name}: {}", printed(&ended));
    }
    mistakes(&stage, &collected, at);
    if hopmark(&["probe", "--help"]).output().is_ok_and(|output| output.status.success()) {
        for server in [&mixed, &refusing, &silent] {
            let profile = stage.profile("probed", &server.address, None);
            for json in [&[][..], &["--json"]] {
                run(&server.address, &[&["probe", profile.as_str()], json].concat());
            }
        }
    }
    collected.files(stage.written.path());
    let (bytes, places) = collected.size();
    assert!(bytes > 1_000_000 && places > 150, "{bytes} bytes in {places} places");
    let told = collected.tellers(&secrets(&[&mixed, &refusing, &silent]));
    assert!(silent.shown().len() + mixed.shown().len() >= 3, "assertions were shown");
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Secrets in the place of something else, each refused before anything is sent.
fn mistakes(stage: &Stage, collected: &Collected, at: &str) {
    let secret = GIVEN[7].1;
    let profile = stage.profile("mistaken", at, Some("key"));
    let dir = Path::new(&profile).parent().expect("a folder");
    let text = std::fs::read_to_string(&profile).expect("a profile");
    let connection = dir.join("connection.json");
    let object = format!(
        "{{\"properties\":{{\"category\":\"ApiManagement\",\"target\":\"https://g.azure-api.net/a?key={secret}\",\
         \"authType\":\"ApiKey\",\"credentials\":{{\"key\":\"{secret}\"}},\"metadata\":{{\"deploymentInPath\":\"{secret}\"}}}}}}"
    );
    std::fs::write(&connection, object).expect("a connection");
    for format in ["text", "json", "sarif"] {
        collected.run(stage.hopmark(at, &["lint", "--format", format]).arg(&connection));
    }
    for (from, to) in [
        ("env = \"Q_API_KEY\"", format!("env = \"{secret}\"")),
        ("env = \"Q_API_KEY\"", format!("key = \"{secret}\"")),
        ("/v1\"", format!("/v1?api-key={secret}\"")),
        ("http://", format!("http://user:{secret}@")),
        ("cookies = true", format!("headers = {{ x-gate-key = \"{secret}\" }}")),
        ("cookies = true", format!("proxy = \"http://user:{secret}@h:1\"")),
        ("kind = \"api-key\"", format!("kind = \"{secret}\"")),
    ] {
        let file = dir.join("wrong.toml");
        std::fs::write(&file, text.replacen(from, &to, 2)).expect("a profile");
        for verb in ["run", "lint"] {
            let ended = collected.run(stage.hopmark(at, &[verb]).arg(&file));
            assert!(matches!(ended.status.code(), Some(2 | 3)), "{verb} {to}: {}", printed(&ended));
        }
    }
}
