//! Profiles as users write them: every bundled one, and every mistake that is found before a packet is sent.

use std::path::Path;
use std::time::Duration;

use hopmark::path::{AuthKind, AuthRef, ConnectionPolicy, Http, PathKind, SecretRef};
use hopmark::plan::{Arrivals, Design, LoadModel, Plan, TokenDist, WorkloadSource};
use hopmark::profile::source::{NamedUrl, OneLine, Override, ProfileSource};
use hopmark::profile::{OWN_AZURE, OWN_ENDPOINTS, Profile, QUICKSTART};
use hopmark::units::{Api, Phase, Span};
use hopmark::workload::Workload;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");

/// A profile with every key; line numbers below count in it.
const WHOLE: &str = r#"name = "whole"
seed = 7
baseline = "a"
workers = 3
[simulator]
scenario = "three-paths"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = { chat = 1, responses = 3 }
stream = 0.25
input_tokens = { dist = "lognormal", p50 = 100, p99 = 900 }
output_tokens = 64
[load]
kind = "open"
arrivals = "constant"
rate = "20/s"
warmup = "2s"
duration = "1m30s"
design = "interleaved"
[limits]
requests = 1000
[[path]]
name = "a"
base_url = "sim://direct/openai/v1/"
[[path]]
name = "b"
kind = "gateway"
base_url = "https://b.example/openai/v1"
auth = { kind = "bearer", env = "B_KEY" }
connections = { policy = "fresh", http = "1.1" }
timeouts = { connect = "1s", total = "9s" }
[[objective]]
path = "b"
expr = "ttft.p95 < 800ms"
[compare]
margins = ["ttft.p50=5%", "e2e=10ms"]
noise_floor = true
"#;

fn parse(text: &str) -> Result<Profile, String> {
    Profile::parse(text, &Path::new(FOLDER).join("p.toml")).map_err(|error| error.to_string())
}

fn set(key: &str, value: &str) -> Override {
    format!("{key}={value}").parse().expect("KEY=VALUE")
}

#[test]
fn every_bundled_profile_parses_and_has_something_to_send() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(FOLDER).expect("profiles").map(|entry| entry.expect("entry").path()) {
        if entry.extension().is_some_and(|extension| extension == "toml") {
            let profile = Profile::open(&ProfileSource::File(entry.clone()), &[]).expect("parses");
            assert_eq!(entry.file_stem().and_then(|stem| stem.to_str()), Some(profile.name.as_str()));
            let plan = Plan::resolve(profile, 2);
            let workload = Workload::load(&plan.workload, plan.seed).expect("loads");
            let tickets = plan.tickets(workload.arrivals(), 0, 1).take(10).count() as u64 + plan.concurrency();
            assert!(tickets >= 10, "{}", plan.name);
            names.push(plan.name);
        }
    }
    names.sort();
    let expected = [
        "ai-gateway",
        "api-management-internal",
        "api-management-private-endpoint",
        "azure-three-paths",
        "closed-loop",
        "cross-region-private-endpoint",
        "custom-gateway",
        "direct-resource",
        "foundry-ai-gateway",
        "four-paths",
        "gateways",
        "own-azure",
        "own-endpoints",
        "poisson-mix",
        "quickstart",
        "third-party-gateway",
    ];
    assert_eq!(names, expected);
    assert!(parse(OWN_ENDPOINTS).is_ok());
}

#[test]
fn a_bundled_profile_is_not_run_before_its_placeholders_are_replaced() {
    let (mut unfilled, mut played) = (0, 0);
    for entry in std::fs::read_dir(FOLDER).expect("profiles").map(|entry| entry.expect("entry").path()) {
        if entry.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&entry).expect("a profile");
        let profile = Profile::open(&ProfileSource::File(entry.clone()), &[]).expect("parses");
        // As people find it: the first line that is no comment.
        let is_left = |line: &str| line.split('#').next().is_some_and(|line| line.contains("YOUR-"));
        // Names with a placeholder that lead to the simulator lead nowhere else.
        let is_played = |line: &str| line.starts_with("connect_to = \"sim://");
        if text.lines().any(is_played) {
            played += 1;
            assert!(profile.check_filled().is_ok(), "{}", entry.display());
            let own: String = text.lines().filter(|line| !is_played(line)).map(|line| format!("{line}\n")).collect();
            assert!(parse(&own).map_or(true, |own| own.check_filled().is_err()), "{}", entry.display());
            continue;
        }
        match text.lines().position(is_left) {
            None => assert!(profile.check_filled().is_ok(), "{}", entry.display()),
            Some(line) => {
                unfilled += 1;
                let told = profile.check_filled().expect_err("a placeholder").to_string();
                let place = format!("{}:{}: 'path.", entry.display(), line + 1);
                assert!(told.starts_with(&place) && told.contains("still has the placeholder YOUR-"), "{told}");
                let filled = text.replace("YOUR-", "contoso-");
                assert!(parse(&filled).expect("parses").check_filled().is_ok(), "{}", entry.display());
            }
        }
    }
    assert!(unfilled >= 2 && played >= 1, "{unfilled} and {played} profiles have one");
    let (file, folder) = (format!("{FOLDER}/own-azure.toml"), tempfile::tempdir().expect("a folder"));
    for more in [&["run", "--dry-run"][..], &["run"], &["probe"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hopmark"));
        let ended =
            command.current_dir(folder.path()).arg(more[0]).arg(&file).args(&more[1..]).output().expect("it runs");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.code() == Some(2) && told.contains("write your own value in its place"),
            "{more:?}: {told}"
        );
        assert!(ended.stdout.is_empty() && std::fs::read_dir(folder.path()).expect("a folder").next().is_none());
    }
}

#[test]
fn what_contradicts_the_declaration_of_a_private_path_is_refused_or_noted_before_anything_is_sent() {
    let text = |keys: &str| {
        let path = "[[path]]\nname = \"a\"\nbase_url = \"https://x.openai.azure.com/openai/v1\"\n";
        let rest = "[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 9\noutput_tokens = 9\n\
                    [load]\nrate = \"5/s\"\nduration = \"60s\"\n";
        format!("{rest}{path}{keys}\n")
    };
    let inside = "private = { expected_cidr = \"10.0.2.0/24\" }";
    for (keys, why) in [
        (
            format!("connect_to = \"10.0.3.4\"\n{inside}"),
            "connect_to' leads to 10.0.3.4, which is not in private.expected_cidr",
        ),
        (format!("connect_to = \"20.1.2.3:443\"\n{inside}"), "connect_to' leads to 20.1.2.3"),
        ("connect_to = \"20.1.2.3\"\nprivate = {}".to_owned(), "which is not in a private range"),
        (
            format!("resolve = {{ \"x.openai.azure.com\" = [\"10.0.2.4\", \"10.0.3.4\"] }}\n{inside}"),
            "resolve' leads to 10.0.3.4",
        ),
    ] {
        // A probe may look at another place on purpose.
        let told = parse(&text(&keys)).expect("parses").check_consistent().expect_err(&keys).to_string();
        assert!(told.contains(why) && told.contains("p.toml:1"), "{told}");
    }
    for (keys, note) in [
        (format!("connect_to = \"10.0.2.4\"\n{inside}"), None),
        (format!("resolve = {{ \"x.openai.azure.com\" = \"10.0.2.4\" }}\n{inside}"), None),
        ("connect_to = \"20.1.2.3\"".to_owned(), None),
        (
            "connect_to = \"20.1.2.3\"\nprivate = { expected_cidr = \"20.1.2.0/24\" }".to_owned(),
            Some("expected_cidr has 20.1.2.0/24, which is not private address space"),
        ),
        (
            "private = { region = \"Sweden Centrl\" }".to_owned(),
            Some(
                "private.region: \"swedencentrl\" is not a region of Azure that this version knows; did you mean \
                 'swedencentral'?",
            ),
        ),
        ("private = { caller_region = \"westeurope\" }".to_owned(), None),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("p.toml");
        std::fs::write(&file, text(&keys)).expect("written");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hopmark"));
        let ended = command.arg("run").arg(&file).arg("--dry-run").output().expect("it runs");
        let told = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        let plain = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ended.status.success(), "{keys}: {told}");
        match note {
            Some(note) => assert!(plain.contains(note) || plain.contains(&note.replace('"', "\\\"")), "{keys}: {told}"),
            None => assert!(!plain.contains("address space") && !plain.contains("not a region of"), "{keys}: {told}"),
        }
    }
}

#[test]
fn the_page_on_paths_shows_the_paths_of_the_azure_profile_in_few_lines() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/paths.md")).expect("the page");
    let section = page.split("## On Azure").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    let paths = &OWN_AZURE[OWN_AZURE.find("[[path]]").expect("paths")..];
    assert!(section.contains(&format!("```toml\n{paths}```")), "{section}");
    assert!(section.trim().lines().count() <= 24, "with its heading 25 lines");
}

#[test]
fn the_rules_and_claims_that_come_along_are_those_of_their_sources() {
    let path = |name: &str, more: &str| {
        format!("[[path]]\nname = \"{name}\"\nbase_url = \"http://127.0.0.1:8080/v1\"\n{more}\n")
    };
    let text = "rules = \"builtin:operating\"\nexpectations = \"builtin:cross-region\"\n[workload]\n\
                kind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 9\noutput_tokens = 9\n\
                [load]\nrate = \"5/s\"\nduration = \"60s\"\n"
        .to_owned()
        + &path("near", "")
        + &path("far", "kind = \"private-endpoint\"\ntags = [\"cross-region\"]");
    let profile = parse(&text).expect("parses");
    let rule =
        |o: &hopmark::objective::objective::Objective| (o.path.clone(), o.expr.text.clone(), <&str>::from(o.severity));
    let rules: Vec<_> = profile.objectives.iter().map(rule).collect();
    let expected = [
        ("e2e.p95 <= 3s", "warning"),
        ("connect_failure_rate <= 5%", "critical"),
        ("unanswered_rate over 10s < 100% in 100%", "critical"),
    ];
    let expected = expected
        .iter()
        .flat_map(|(expr, severity)| ["near", "far"].map(|path| (path.to_owned(), (*expr).to_owned(), *severity)));
    assert_eq!(rules, expected.collect::<Vec<_>>());
    let claims: Vec<_> = profile.expectations.iter().map(|held| (&*held.slo.path, &*held.slo.expr.text)).collect();
    for claim in [
        ("far", "tcp.p50 <= 25ms"),
        ("far", "ttft.p50 - baseline.ttft.p50 <= 20ms"),
        ("any path of tag same-region", "tcp.p50 < 5ms"),
        ("near", "e2e.p50 >= 500ms"),
    ] {
        assert!(claims.contains(&claim), "{claim:?} in {claims:?}");
    }
    assert!(profile.expectations.iter().all(|held| held.reference.is_some()));
    let wrong = parse(&text.replace("builtin:operating", "builtin:operation")).expect_err("no such file");
    assert!(wrong.contains("p.toml:1: ") && wrong.contains("builtin:operating, builtin:cross-region"), "{wrong}");
}

#[test]
fn the_quickstart_measures_at_least_500_rounds_in_half_a_minute() {
    let profile = Profile::parse(QUICKSTART, Path::new("/nowhere/quickstart.toml")).expect("parses anywhere");
    let mut plan = Plan::resolve(profile, 2);
    let workload = Workload::load(&plan.workload, plan.seed).expect("loads");
    plan.end_with_trace(workload.arrivals().expect("a trace")).expect("long enough");
    let mut rounds = [0; 3];
    let measured = plan.tickets(workload.arrivals(), 0, 1).filter(|ticket| ticket.phase == Phase::Measure);
    measured.for_each(|ticket| rounds[ticket.path.index()] += 1);
    assert!(plan.paths.len() == 3 && rounds.iter().all(|count| *count == rounds[0] && *count >= 500), "{rounds:?}");
    assert!(plan.measure_until() <= Duration::from_secs(31));
    let most = |round| workload.call(round, round);
    assert!((0..1000).map(most).all(|call| call.input_tokens <= Some(2000) && call.max_output_tokens <= Some(64)));
    assert!((0..1000).map(most).all(|call| call.stream));
}

#[test]
fn every_key_is_read() {
    let profile = parse(WHOLE).expect("parses");
    assert_eq!((profile.name.as_str(), profile.seed, profile.workers), ("whole", Some(7), Some(3)));
    assert_eq!(profile.scenario.as_deref(), Some("three-paths"));
    assert_eq!(profile.workload.api.into_iter().collect::<Vec<_>>(), [(Api::Chat, 0.25), (Api::Responses, 0.75)]);
    assert_eq!((profile.workload.stream, profile.load.duration), (0.25, Span::from_secs(90)));
    let WorkloadSource::Synthetic { output_tokens, .. } = profile.workload.source else { panic!("synthetic") };
    assert_eq!(output_tokens, TokenDist::Fixed { value: 64 });
    assert_eq!(profile.load.design, Design::Interleaved);
    assert_eq!(profile.limits.requests, Some(1000));
    let [a, b] = &profile.paths[..] else { panic!("two paths") };
    assert_eq!((a.kind, a.base_url.as_str()), (PathKind::Direct, "sim://direct/openai/v1"));
    assert_eq!(a.auth.all(), [AuthRef::ApiKey { secret: SecretRef::Simulator, header: None }]);
    assert_eq!((b.kind, b.connections), (PathKind::Gateway, ConnectionPolicy::Fresh));
    assert_eq!(b.auth.all(), [AuthRef::Bearer { secret: SecretRef::Env("B_KEY".to_owned()) }]);
    assert_eq!((b.timeouts.connect, b.timeouts.gap), (Span::from_secs(1), Span::from_secs(60)));
    assert_eq!(profile.objectives[0].path, "b");
    assert_eq!(profile.margins.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ttft.p50=5%", "e2e=10ms"]);
    assert!(profile.noise_floor);
}

#[test]
fn the_baseline_is_measured_twice_when_asked() {
    let plan = Plan::resolve(parse(WHOLE).expect("parses"), 2);
    let names: Vec<_> = plan.paths.iter().map(|path| path.name.as_str()).collect();
    assert_eq!((names, plan.control_path), (vec!["a", "b", "a-again"], Some(hopmark::units::PathId(2))));
    assert_eq!((plan.paths[2].id, &plan.paths[2].base_url), (hopmark::units::PathId(2), &plan.paths[0].base_url));
    let once = parse(&WHOLE.replace("noise_floor = true", "noise_floor = false")).expect("parses");
    let once = Plan::resolve(once, 2);
    assert_eq!((once.paths.len(), once.control_path), (2, None));
}

#[test]
fn defaults_are_those_that_are_documented() {
    let text = "[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 9\noutput_tokens = 9\n\
                [load]\nrate = \"5/s\"\nduration = \"60s\"\n[[path]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:8080/v1\"\n";
    let profile = parse(text).expect("parses");
    let plan = Plan::resolve(profile, 4);
    assert_eq!((plan.name.as_str(), plan.seed, plan.workers, plan.baseline.index()), ("p", 42, 4, 0));
    let LoadModel::Open { arrivals, .. } = plan.load.model else { panic!("open") };
    assert_eq!((arrivals, plan.load.design, plan.load.max_in_flight), (Arrivals::Poisson, Design::Paired, 10_000));
    assert_eq!((plan.load.warmup, plan.load.round_spread), (Span::from_secs(5), Span::from_millis(500)));
    assert_eq!((plan.workload.stream, plan.limits.auth_failures), (1.0, 5));
    assert_eq!(plan.paths[0].auth.all(), []);
}

#[test]
fn a_plan_is_written_and_read_again_unchanged() {
    let shared = "policy = \"keep\", http = \"2\", max = 5, streams = 50";
    let addressed = "/openai/deployments/d?api-version=2025-04-01-preview\"\nmodel = \"m\"\nquery = { team = \"a\" }\n\
                     headers = { x-team = \"a\", x-gate = { env = \"GATE\" } }\nbody = { temperature = 0.5, a = [{ b = 1 }] }\n\
                     token_limit = \"max_tokens\"\nstream_options = false\nauth";
    for text in [
        WHOLE.to_owned(),
        WHOLE.replace("policy = \"fresh\", http = \"1.1\"", shared),
        WHOLE.replace("/openai/v1\"\nauth", addressed),
    ] {
        let plan = Plan::resolve(parse(&text).expect("parses"), 2);
        let text = serde_json::to_string(&plan).expect("written");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("read"), plan);
    }
}

#[test]
fn paths_over_http2_say_how_calls_share_connections() {
    let with = |connections: &str| {
        let text = WHOLE.replace("policy = \"fresh\", http = \"1.1\"", connections).replace("workers = 3\n", "");
        parse(&text).expect("parses")
    };
    let profile = with("http = \"2\"");
    assert_eq!(
        profile.paths.iter().map(|path| path.http).collect::<Vec<_>>(),
        [Http::One, Http::Two { max: 4, streams: 100 }]
    );
    assert_eq!(profile.paths[1].connections, ConnectionPolicy::Keep);
    let profile = with("http = \"2\", max = 2, streams = 7");
    assert_eq!(profile.paths[1].http, Http::Two { max: 2, streams: 7 });
    // Every worker has a connection of its own to each path.
    assert_eq!([1, 2, 8].map(|cores| Plan::resolve(profile.clone(), cores).workers), [1, 2, 2]);
    assert_eq!(Plan::resolve(with("http = \"2\", policy = \"fresh\""), 8).workers, 8);
    let flag = [set("path.b.connections.http", "2"), set("path.b.connections.policy", "keep")];
    let profile = Profile::parse_with(WHOLE, Path::new("p.toml"), &flag).expect("parses");
    assert!(!profile.paths[1].http.is_one());
}

/// A change to [`WHOLE`], the line that the message names (0: none), and what it must say.
type Mistake = (&'static str, &'static str, usize, &'static [&'static str]);

#[test]
fn each_mistake_is_one_sentence_with_its_line_and_a_remedy() {
    let table: &[Mistake] = &[
        ("seed = 7", "sede = 7", 2, &["unknown key 'sede'", "did you mean 'seed'"]),
        ("rate = \"20/s\"", "rtae = \"20/s\"", 17, &["'load.rtae'", "did you mean 'rate'"]),
        ("kind = \"gateway\"", "knid = \"gateway\"", 28, &["'path.b.knid'", "did you mean 'kind'"]),
        ("requests = 1000", "request = 1000", 22, &["did you mean 'requests'"]),
        ("workers = 3", "duration = \"3s\"", 4, &["belongs in [load]"]),
        ("workers = 3", "workers = 0", 4, &["'workers' is 0", "from 1 to 1024"]),
        ("\"e2e=10ms\"", "\"e2e=10\"", 37, &["'compare.margins'", "neither a time"]),
        ("\"e2e=10ms\"", "10", 37, &["'compare.margins'", "a list of texts"]),
        ("seed = 7", "seed = -7", 2, &["'seed' is -7"]),
        ("name = \"whole\"", "name = \"a/b\"", 1, &["letters, digits"]),
        ("seed = 7", "seed = = 7", 2, &["not TOML"]),
        ("seed = 7", "seed = 7\nseed = 8", 3, &["not TOML", "duplicate key"]),
        ("rate = \"20/s\"", "rate = \"0/s\"", 17, &["\"0/s\"", "a rate above 0"]),
        ("rate = \"20/s\"", "rate = 20", 17, &["'load.rate' is 20", "\"20/s\""]),
        ("rate = \"20/s\"\n", "", 14, &["'load.rate' is missing", "such as"]),
        ("warmup = \"2s\"", "warmup = \"-2s\"", 18, &["\"-2s\"", "a time with its unit"]),
        ("duration = \"1m30s\"", "duration = \"0s\"", 19, &["a time above 0"]),
        ("duration = \"1m30s\"\n", "", 14, &["'load.duration' is missing"]),
        ("p99 = 900", "p99 = 90", 12, &["p99 is 90 and below p50, 100"]),
        ("p99 = 900", "p98 = 900", 12, &["{ dist = \"lognormal\", p50, p99 }"]),
        ("output_tokens = 64", "output_tokens = 0", 13, &["'workload.output_tokens' is 0"]),
        ("output_tokens = 64\n", "", 7, &["'workload.output_tokens' is missing"]),
        ("stream = 0.25", "stream = 1.5", 11, &["'workload.stream' is 1.5", "from 0 to 1"]),
        ("stream = 0.25", "stream = \"yes\"", 11, &["\"yes\"", "true, false or a share"]),
        ("api = { chat = 1, responses = 3 }", "api = { chat = 0 }", 10, &["weight above 0"]),
        ("api = { chat = 1, responses = 3 }", "api = \"completions\"", 10, &["\"chat\", \"responses\""]),
        ("responses = 3", "response = 3", 10, &["did you mean 'responses'"]),
        ("model = \"gpt-4o\"\n", "", 7, &["'workload.model' is missing"]),
        ("kind = \"synthetic\"", "kind = \"sinthetic\"", 8, &["did you mean \"synthetic\""]),
        ("output_tokens = 64", "output_tokens = 64\nfile = \"x\"", 14, &["'file' does not go with"]),
        ("name = \"b\"", "name = \"a\"", 27, &["two paths named 'a'"]),
        ("baseline = \"a\"", "baseline = \"bb\"", 3, &["'bb'", "did you mean 'b'", "the paths are a, b"]),
        ("path = \"b\"", "path = \"gateway\"", 34, &["'objective.1.path'", "'gateway'", "the paths are a, b"]),
        ("ttft.p95 < 800ms", "ttft.p95 < 800", 35, &["'objective.1.expr'", "unit"]),
        ("kind = \"open\"", "kind = \"open\"\nconcurrency = 4", 16, &["'concurrency' belongs to kind = \"closed\""]),
        ("kind = \"open\"", "kind = \"closed\"\nconcurrency = 4", 18, &["'rate' belongs to kind = \"open\""]),
        ("arrivals = \"constant\"", "arrivals = \"trace\"", 16, &["needs a workload of kind = \"trace\""]),
        ("https://b.example", "ftp://b.example", 29, &["\"https://host/openai/v1\""]),
        ("https://b.example", "https://user:s3cret@b.example", 29, &["user name or password"]),
        ("/v1\"\nauth", "/v1/embeddings\"\nauth", 29, &["'path.b.base_url' ends in /embeddings"]),
        ("/v1\"\nauth", "/v1?key=s3cret\"\nauth", 29, &["looks like a secret"]),
        ("/v1\"\nauth", "/v1\"\ndeployment = \"d\"\nauth", 30, &["'path.b.deployment' is \"d\"", "model = \"d\""]),
        ("/v1\"\nauth", "/v1\"\ndialect = \"azure\"\nauth", 30, &["\"azure-v1\", \"azure-classic\""]),
        ("/v1\"\nauth", "/v1\"\nquery = { api-key = \"s3cret\" }\nauth", 30, &["'path.b.query'", "a secret"]),
        ("/v1\"\nauth", "/v1\"\nquery = { a = 1 }\nauth", 30, &["'path.b.query.a' is 1"]),
        ("/v1\"\nauth", "/v1\"\nheaders = { Host = \"h\" }\nauth", 30, &["'path.b.headers.Host' is set by every call"]),
        ("/v1\"\nauth", "/v1\"\nheaders = { authorization = { env = \"X\" } }\nauth", 30, &["sent by 'auth' already"]),
        ("/v1\"\nauth", "/v1\"\nheaders = { x-key = \"s3cret\" }\nauth", 30, &["looks like a secret", "{ env"]),
        ("/v1\"\nauth", "/v1\"\nheaders = { \"a b\" = \"x\" }\nauth", 30, &["not the name of a header"]),
        (
            "/v1\"\nauth",
            "/v1\"\nheaders = { x-a = \"b\\r\\nc\" }\nauth",
            30,
            &["'path.b.headers.x-a' has a line break"],
        ),
        ("/v1\"\nauth", "/v1\"\nheaders = { x-a = \"é\" }\nauth", 30, &["printable ASCII"]),
        ("/v1\"\nauth", "/v1\"\nheaders = { x-a = 3 }\nauth", 30, &["'path.b.headers.x-a' is 3", "a text in quotes"]),
        ("/v1\"\nauth", "/v1\"\nheaders = { X-A = \"1\", x-a = \"2\" }\nauth", 30, &["appears twice"]),
        ("/v1\"\nauth", "/v1\"\nbody = { stream = true }\nauth", 30, &["'path.b.body.stream'", "set workload.stream"]),
        ("/v1\"\nauth", "/v1\"\nbody = { max_tokens = 3 }\nauth", 30, &["'token_limit'"]),
        ("/v1\"\nauth", "/v1\"\ntoken_limit = \"max\"\nauth", 30, &["\"max_tokens\", \"max_completion_tokens\""]),
        ("/v1\"\nauth", "/v1\"\nstream_options = 0\nauth", 30, &["true or false"]),
        ("https://b.example", "https://b.example:99999", 29, &["an address such as"]),
        ("http = \"1.1\"", "http = \"3\"", 31, &["\"1.1\", \"2\""]),
        ("http = \"1.1\"", "http = \"1.1\", max = 4", 31, &["'path.b.connections.max'", "http = \"2\""]),
        ("http = \"1.1\"", "http = \"2\", streams = 4", 31, &["'path.b.connections.streams'", "policy = \"keep\""]),
        ("policy = \"fresh\", http = \"1.1\"", "http = \"2\", max = 0", 31, &["from 1 to 1048576"]),
        ("policy = \"fresh\", http = \"1.1\"", "http = \"2\", max = 2", 4, &["more workers than connections.max"]),
        ("policy = \"fresh\"", "policy = \"frsh\"", 31, &["did you mean \"fresh\""]),
        ("connect = \"1s\"", "connect = \"0s\"", 32, &["'path.b.timeouts.connect'", "above 0"]),
        ("env = \"B_KEY\"", "env = \"sk-s3cret\"", 30, &["not the name of an environment variable"]),
        ("env = \"B_KEY\"", "file = \"no-such-key\"", 30, &["there is no file", "no-such-key"]),
        (", env = \"B_KEY\"", "", 30, &["'path.b.auth.env' is missing"]),
        ("{ kind = \"bearer\", env = \"B_KEY\" }", "\"s3cret\"", 30, &["takes a table such as"]),
        ("kind = \"bearer\", env", "kind = \"none\", env", 30, &["sends no secret"]),
        ("[simulator]\nscenario = \"three-paths\"\n", "", 23, &["'path.a.base_url'", "[simulator]"]),
        ("scenario = \"three-paths\"", "scenario = \"my.toml\"", 6, &["there is no file"]),
    ];
    for (from, to, line, parts) in table {
        assert_eq!(WHOLE.matches(from).count(), 1, "{from} is not unique");
        let message = parse(&WHOLE.replacen(from, to, 1)).expect_err(to);
        assert!(message.contains(&format!("p.toml:{line}: ")), "{to}: {message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{to}: {message}");
        assert!(!message.contains("s3cret") && !message.contains('\n'), "{to}: {message}");
    }
}

#[test]
fn loads_that_do_not_go_together_are_refused() {
    let closed = WHOLE
        .replace("kind = \"open\"\narrivals = \"constant\"\nrate = \"20/s\"", "kind = \"closed\"\nconcurrency = 8");
    assert!(parse(&closed).is_ok());
    let paired = parse(&closed.replace("\"interleaved\"", "\"paired\"")).expect_err("paired and closed");
    assert!(paired.contains("use design = \"interleaved\""), "{paired}");
    let no_callers = parse(&closed.replace("concurrency = 8\n", "")).expect_err("no callers");
    assert!(no_callers.contains("'load.concurrency' is missing"), "{no_callers}");

    let trace = WHOLE
        .replace("kind = \"synthetic\"", "kind = \"trace\"\nfile = \"builtin:azure-conv\"")
        .replace("input_tokens = { dist = \"lognormal\", p50 = 100, p99 = 900 }\n", "");
    let WorkloadSource::Trace { input_tokens, output_tokens, time_scale, .. } =
        parse(&trace).expect("parses").workload.source
    else {
        panic!("a trace")
    };
    assert_eq!((input_tokens, output_tokens, time_scale), (None, Some(TokenDist::Fixed { value: 64 }), 1.0));
    let rate = parse(&trace.replace("\"constant\"", "\"trace\"")).expect_err("a rate and a trace's times");
    assert!(rate.contains("time_scale"), "{rate}");
    for (file, part) in [("data/none.csv", "there is no file"), ("", "a text in quotes")] {
        let message = parse(&trace.replace("builtin:azure-conv", file)).expect_err("no such file");
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_profile_needs_its_sections() {
    for (text, part) in [
        ("", "'path' is missing"),
        ("[simulator]\nscenario = \"three-paths\"\n", "at least one [[path]]"),
        ("path = 3\n", "[[path]]"),
        ("[[path]]\nname = \"a\"\nbase_url = \"http://h/v1\"\n", "'workload' is missing"),
        ("[[path]]\nbase_url = \"http://h/v1\"\n", "'path.1.name' is missing"),
    ] {
        let message = parse(text).expect_err(part);
        assert!(message.contains(part), "{message}");
    }
    let missing = Profile::open(&ProfileSource::File("no/such.toml".into()), &[]).expect_err("no file").to_string();
    assert!(missing.contains("no/such.toml") && missing.contains("hopmark init"), "{missing}");
}

#[test]
fn flags_stand_over_the_file_and_their_mistakes_name_the_flag() {
    let parse = |overrides: &[Override]| {
        Profile::parse_with(WHOLE, Path::new("p.toml"), overrides).map_err(|error| error.to_string())
    };
    let profile = parse(&[set("load.duration", "5s"), set("path.b.base_url", "http://h:1/v1"), set("seed", "9")]);
    let profile = profile.expect("parses");
    assert_eq!((profile.load.duration, profile.seed), (Span::from_secs(5), Some(9)));
    assert_eq!(profile.paths[1].base_url, "http://h:1/v1");
    for (key, value, parts) in [
        ("load.rate", "0/s", ["--set load.rate: ", "a rate above 0"]),
        ("load.rtae", "1/s", ["--set load.rtae: ", "did you mean 'rate'"]),
        ("path.c.kind", "direct", ["--set path.c.kind: ", "known are: a, b"]),
        ("load.concurrency", "4", ["--set load.concurrency: ", "belongs to kind = \"closed\""]),
    ] {
        let message = parse(&[set(key, value)]).expect_err(key);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn the_one_line_form_is_a_profile() {
    let path = |name: &str, url: &str| NamedUrl { name: name.to_owned(), url: url.to_owned(), options: Vec::new() };
    let line = OneLine {
        paths: vec![
            path("direct", "https://mine.openai.azure.com/openai/v1"),
            path("gateway", "https://mine.azure-api.net/openai/v1"),
            path("other", "http://127.0.0.1:8080/v1"),
        ],
        model: "gpt-4o".to_owned(),
        api: "chat".to_owned(),
        key_env: Some("MY_KEY".to_owned()),
    };
    let flag =
        |key: &str, flag: &str, value: &str| Override { key: key.into(), flag: flag.into(), value: value.into() };
    let flags = [flag("load.rate", "--rate", "5/s"), flag("load.duration", "--duration", "2m")];
    let profile = Profile::open(&ProfileSource::Paths(line.clone()), &flags).expect("parses");
    let kinds: Vec<_> = profile.paths.iter().map(|path| (path.kind, path.auth.all()[0].kind())).collect();
    let (direct, gateway) = ((PathKind::Direct, AuthKind::ApiKey), (PathKind::Gateway, AuthKind::ApiKey));
    assert_eq!(kinds, [direct, gateway, (PathKind::Direct, AuthKind::Bearer)]);
    assert_eq!((profile.baseline.index(), profile.load.duration), (0, Span::from_secs(120)));
    let plan = Plan::resolve(profile, 1);
    assert!(plan.tickets(None, 0, 1).any(|ticket| ticket.phase == Phase::Measure));

    let bad = OneLine { paths: vec![path("a", "ftp://h/v1")], key_env: None, ..line.clone() };
    let message = Profile::open(&ProfileSource::Paths(bad), &flags).expect_err("ftp").to_string();
    assert!(message.starts_with("--path a: ") && message.contains("an address such as"), "{message}");
    let twice = OneLine { paths: vec![line.paths[0].clone(), line.paths[0].clone()], ..line };
    let message = Profile::open(&ProfileSource::Paths(twice), &flags).expect_err("twice").to_string();
    assert!(message.contains("two paths named 'direct'"), "{message}");
}
