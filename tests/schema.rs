//! The schemas under `docs/schema` are what the command prints, and what the program really reads and writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use hopmark::command::schema;
use hopmark::profile::source::Override;
use hopmark::profile::{self, OWN_ENDPOINTS, Profile, QUICKSTART};
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn profile_of(text: &str) -> Value {
    toml::from_str(text).expect("TOML")
}

/// A profile with every section, on the bundled simulator.
fn whole() -> Value {
    profile_of(
        r#"
        [simulator]
        scenario = "three-paths"
        [workload]
        kind = "synthetic"
        model = "gpt-4o"
        api = { chat = 1, responses = 1 }
        input_tokens = 100
        output_tokens = { dist = "fixed", value = 8 }
        [load]
        kind = "open"
        rate = "5/s"
        duration = "10s"
        [limits]
        requests = 100
        [compare]
        margins = ["ttft.p50=5%", "10ms"]
        noise_floor = true
        [prices]
        input = 2.5
        output = 10
        [sizing]
        sigma = 0.4
        ttft = "200ms"
        [[path]]
        name = "direct"
        base_url = "https://example.com/openai/v1"
        auth = { kind = "api-key", env = "SOME_KEY" }
        connections = { policy = "keep" }
        tls = { verify = true }
        timeouts = { connect = "5s" }
        resolve = {}
        private = { expected_cidr = "10.0.2.0/24", group_id = "account" }
        [[objective]]
        path = "direct"
        expr = "ttft.p95 < 800ms"
        [[expectation]]
        claim = "it is fast"
        slo = "ttft.p50 < 300ms"
        "#,
    )
}

fn refuses(validator: &jsonschema::Validator, document: &Value) -> bool {
    !validator.is_valid(document)
}

fn kept(validator: &jsonschema::Validator, document: &Value, word: &str) {
    let faults: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{word}: {faults:#?}");
}

fn validator(text: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&schema(text)).expect("a schema")
}

/// Every section of a profile: where its table stands in the schema and in [`whole`], with its keys.
fn sections() -> Vec<(String, String, BTreeSet<String>)> {
    fn walk(schema: &Value, places: [String; 2], found: &mut Vec<(String, String, BTreeSet<String>)>) {
        let Some(keys) = schema["properties"].as_object() else {
            let parts = [("/items", "/0"), ("/oneOf/1", "")].into_iter();
            return parts.filter_map(|(part, in_profile)| Some((schema.pointer(part)?, part, in_profile))).for_each(
                |(inner, part, in_profile)| {
                    walk(inner, [places[0].clone() + part, places[1].clone() + in_profile], found);
                },
            );
        };
        found.push((places[0].clone(), places[1].clone(), keys.keys().cloned().collect()));
        for (key, inner) in keys {
            walk(inner, [format!("{}/properties/{key}", places[0]), format!("{}/{key}", places[1])], found);
        }
    }
    let mut found = Vec::new();
    walk(&schema(&profile::schema()), [String::new(), String::new()], &mut found);
    // Lengths are distributions by their own names.
    found.retain(|(_, profile, _)| !profile.ends_with("_tokens"));
    found
}

#[test]
fn the_command_prints_what_is_published() {
    for (word, file) in [("profile", "profile.json"), ("summary", "summary.json"), ("probe", "probe.json")] {
        let output = Command::new(env!("CARGO_BIN_EXE_hopmark")).args(["schema", word]).output().expect("it runs");
        assert!(output.status.success() && output.stderr.is_empty());
        let published = std::fs::read(root().join("docs/schema").join(file)).expect("the file");
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&published), "{file}");
        assert!(jsonschema::meta::is_valid(&schema(&String::from_utf8(published).expect("text"))), "{file}");
    }
}

#[test]
fn every_profile_keeps_the_schema() {
    let validator = validator(&profile::schema());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("profiles")).expect("profiles").map(|e| e.expect("entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    assert!(files.len() >= 4);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a profile");
        kept(&validator, &profile_of(&text), &file.display().to_string());
    }
    kept(&validator, &profile_of(QUICKSTART), "the quickstart");
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("mine.toml");
    let written = Command::new(env!("CARGO_BIN_EXE_hopmark")).arg("init").arg(&file).output().expect("it runs");
    assert!(written.status.success());
    kept(&validator, &profile_of(&std::fs::read_to_string(file).expect("a profile")), "init's");
    kept(&validator, &whole(), "every section");
}

/// The commented keys of `init`'s profile too: each in its section, with the value that the comment gives.
#[test]
fn the_keys_that_a_new_profile_only_names_keep_the_schema() {
    let validator = validator(&profile::schema());
    let tokens = "max_input_tokens = 8000";
    assert!(OWN_ENDPOINTS.contains(&format!("# {tokens}")), "the profile of init names it");
    let on = |line: &str| OWN_ENDPOINTS.replacen(&format!("# {line}"), line, 1);
    for line in [
        tokens,
        "max_output_tokens = 512",
        "workers = 2",
        "tokens = 1000000",
        "margins = [",
        "noise_floor = true",
        "tls = {",
        "timeouts = {",
        "connections = {",
        "connections = { http",
        "connections = { policy = \"keep\", max_age",
        "connect_to = ",
        "dns = ",
        "proxy = ",
        "cookies = true",
        "private = {",
        "dialect = \"azure-v1\"",
        "query = {",
        "headers = {",
        "body = {",
        "token_limit = ",
        "stream_options = false",
    ] {
        let text = on(line);
        assert_ne!(text, OWN_ENDPOINTS, "{line}");
        kept(&validator, &profile_of(&text), line);
    }
}

#[test]
fn a_wrong_key_is_refused_in_every_section_by_the_keys_of_the_schema() {
    let validator = validator(&profile::schema());
    let sections = sections();
    assert_eq!(sections.len(), 17, "{sections:#?}");
    for (_, at, keys) in sections {
        let mut wrong = whole();
        let table = wrong.pointer_mut(&at).and_then(Value::as_object_mut).unwrap_or_else(|| panic!("no {at}"));
        table.insert("wrnog".to_owned(), json!(1));
        assert!(refuses(&validator, &wrong), "[{at}] takes a wrong key");
        let message = read(&wrong).expect_err("a wrong key");
        let (_, told) = message.split_once("wrnog'; the keys here are ").unwrap_or_else(|| panic!("{at}: {message}"));
        assert_eq!(told.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), keys, "{at}");
    }
}

/// The words in quotes after "take" of a message about a value.
fn words_of(message: &str) -> BTreeSet<String> {
    let list = message.split_once("takes ").expect("what it takes").1;
    let list = list.split("; did you mean").next().unwrap_or(list);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_schema_has_the_words_that_are_read_and_no_others() {
    let schema = schema(&profile::schema());
    let text = toml::to_string(&whole()).expect("TOML");
    for (key, at) in [
        ("workload.kind", "/properties/workload/properties/kind/enum"),
        ("workload.api", "/properties/workload/properties/api/oneOf/0/enum"),
        ("load.kind", "/properties/load/properties/kind/enum"),
        ("load.arrivals", "/properties/load/properties/arrivals/enum"),
        ("load.design", "/properties/load/properties/design/enum"),
        ("objective.1.severity", "/properties/objective/items/properties/severity/enum"),
        ("objective.1.kind", "/properties/objective/items/properties/kind/enum"),
        ("objective.1.api", "/properties/objective/items/properties/api/enum"),
        ("expectation.1.kind", "/properties/expectation/items/properties/kind/enum"),
        ("path.direct.kind", "/properties/path/items/properties/kind/enum"),
        ("path.direct.dialect", "/properties/path/items/properties/dialect/enum"),
        ("path.direct.token_limit", "/properties/path/items/properties/token_limit/enum"),
        ("path.direct.auth.kind", "/properties/path/items/properties/auth/oneOf/1/properties/kind/enum"),
        ("path.direct.private.group_id", "/properties/path/items/properties/private/properties/group_id/enum"),
        ("path.direct.connections.policy", "/properties/path/items/properties/connections/properties/policy/enum"),
        ("path.direct.connections.http", "/properties/path/items/properties/connections/properties/http/enum"),
    ] {
        let told = schema.pointer(at).unwrap_or_else(|| panic!("{at}")).as_array().expect("words");
        let told: BTreeSet<String> = told.iter().map(|word| word.as_str().expect("a word").to_owned()).collect();
        let set = Override { key: key.to_owned(), value: "zzzz".to_owned(), flag: "--set".to_owned() };
        let error = Profile::parse_with(&text, Path::new("p.toml"), &[set]).expect_err("no such word").to_string();
        assert_eq!(told, words_of(&error), "{key}: {error}");
    }
}

/// What the program says of a document, without what it can only know from the world around it.
fn read(document: &Value) -> Result<Profile, String> {
    let text = toml::to_string(document).expect("TOML");
    Profile::parse(&text, Path::new("p.toml")).map_err(|error| error.to_string())
}

#[test]
fn schema_and_program_judge_alike() {
    let validator = validator(&profile::schema());
    assert!(read(&whole()).is_ok());
    for (at, value, good) in [
        ("/path/0/auth", json!({"kind": "az-cli", "scope": "https://ai.azure.com/.default"}), true),
        ("/path/0/auth", json!([{"kind": "subscription-key", "env": "A_KEY"}, {"kind": "managed-identity"}]), true),
        ("/path/0/auth", json!([]), false),
        ("/path/0/auth", json!({"kind": "az-cli", "client_id": "a"}), false),
        ("/path/0/auth", json!({"kind": "oauth2", "env": "A_KEY", "client_id": "a"}), false),
        ("/path/0/auth", json!([{"kind": "api-key", "env": "A_KEY", "lifetime": "1s"}]), false),
        ("/load/rate", json!("90/m"), true),
        ("/load/rate", json!("20"), false),
        ("/load/rate", json!(20), false),
        ("/load/duration", json!("1m30s"), true),
        ("/load/duration", json!("30"), false),
        ("/load/duration", json!(30), false),
        ("/load/concurrency", json!(4), false),
        ("/load", json!({"kind": "closed", "concurrency": 4, "duration": "5s"}), true),
        ("/load", json!({"kind": "closed", "concurrency": 4, "duration": "5s", "rate": "5/s"}), false),
        ("/load", json!({"kind": "closed", "concurrency": 4, "duration": "5s", "design": "paired"}), false),
        ("/load", json!({"kind": "closed", "duration": "5s"}), false),
        ("/load", json!({"duration": "5s"}), false),
        ("/load", json!({"rate": "5/s"}), false),
        ("/workload/stream", json!(0.5), true),
        ("/workload/stream", json!(1.5), false),
        ("/workload/stream", json!("all"), false),
        ("/workload/input_tokens", json!(0), false),
        ("/workload/input_tokens", json!({"dist": "uniform", "min": 1, "max": 9}), true),
        ("/workload/input_tokens", json!({"dist": "normal", "mean": 100, "sd": 10.5}), true),
        ("/workload/input_tokens", json!({"dist": "lognormal", "p50": 10.0, "p99": 90.0}), true),
        ("/workload/input_tokens", json!({"dist": "lognormal", "p50": 10.0}), false),
        ("/workload/input_tokens", json!({"dist": "gamma", "p50": 10.0, "p99": 90.0}), false),
        ("/workload/input_tokens", json!({"dist": "fixed", "value": 5, "sd": 1}), false),
        ("/workload/file", json!("builtin:azure-conv"), false),
        ("/workload/model", json!(" "), false),
        ("/workload/api", json!({"chat": -1}), false),
        ("/workload", json!({"kind": "trace", "file": "builtin:azure-conv", "model": "m", "time_scale": 2}), true),
        ("/workload", json!({"kind": "trace", "file": "builtin:azure-conv", "model": "m", "time_unit": "us"}), true),
        ("/workload", json!({"kind": "trace", "file": "builtin:azure-conv", "model": "m", "time_unit": "min"}), false),
        ("/workload", json!({"kind": "dataset", "file": "builtin:azure-conv", "model": "m", "time_unit": "s"}), false),
        ("/workload", json!({"kind": "trace", "model": "m"}), false),
        ("/limits/requests", json!(0), false),
        ("/path/0/name", json!("a b"), false),
        ("/path/0/base_url", json!("ftp://h/v1"), false),
        ("/path/0/base_url", json!("https://h/v1?a=b"), true),
        ("/path/0/base_url", json!("https://h/v1#b"), false),
        ("/path/0/dialect", json!("azure-v1"), true),
        ("/path/0/dialect", json!("azure"), false),
        ("/path/0/model", json!("m"), true),
        ("/path/0/query", json!({"a": "b"}), true),
        ("/path/0/query", json!({"a": 1}), false),
        ("/path/0/headers", json!({"x-team": "a", "x-gate": {"env": "GATE"}}), true),
        ("/path/0/headers", json!({"x-gate": {"env": "GATE", "file": "x"}}), false),
        ("/path/0/headers", json!({"x-gate": 3}), false),
        ("/path/0/body", json!({"temperature": 0, "metadata": {"a": ["b"]}}), true),
        ("/path/0/body", json!({"messages": []}), false),
        ("/path/0/body", json!({"max_completion_tokens": 4}), false),
        ("/path/0/token_limit", json!("max_completion_tokens"), true),
        ("/path/0/token_limit", json!("max_output_tokens"), false),
        ("/path/0/stream_options", json!(false), true),
        ("/path/0/stream_options", json!("no"), false),
        ("/path/0/base_url", json!("https://user@h/v1"), false),
        ("/path/0/auth", json!("secret"), false),
        ("/path/0/auth/env", json!("not-a-name"), false),
        ("/path/0/tls/verify", json!("yes"), false),
        ("/path/0/connections", json!({"http": "2"}), true),
        ("/path/0/connections", json!({"http": "2", "policy": "fresh"}), true),
        ("/path/0/connections", json!({"http": "2", "policy": "keep", "max": 4, "streams": 100}), true),
        ("/path/0/connections", json!({"http": "2", "policy": "fresh", "streams": 100}), false),
        ("/path/0/connections", json!({"http": "2", "max": 0}), false),
        ("/path/0/connections", json!({"http": "2", "max": 1_048_577}), false),
        ("/path/0/connections", json!({"http": "2", "streams": "many"}), false),
        ("/path/0/connections", json!({"http": "1.1", "max": 4}), false),
        ("/path/0/connections", json!({"max": 4}), false),
        ("/path/0/connections/http", json!("3"), false),
        ("/path/0/timeouts/total", json!("5"), false),
        ("/path/0/connections", json!({"max_age": "60s", "max_requests": 100}), true),
        ("/path/0/connections", json!({"http": "2", "max_requests": 1}), true),
        ("/path/0/connections", json!({"max_requests": 0}), false),
        ("/path/0/connections", json!({"max_age": "60"}), false),
        ("/path/0/connections", json!({"policy": "fresh", "max_age": "60s"}), false),
        ("/path/0/resolve", json!({}), true),
        ("/path/0/resolve", json!({"example.com": ["10.0.2.4", "fd00::4"]}), true),
        ("/path/0/resolve", json!({"example.com": 4}), false),
        ("/path/0/resolve", json!("10.0.2.4"), false),
        ("/path/0/source_address", json!("127.0.0.1"), true),
        ("/path/0/source_address", json!("eth0"), false),
        ("/path/0/proxy_env", json!("not-a-name"), false),
        ("/path/0/cookies", json!(true), true),
        ("/path/0/cookies", json!("yes"), false),
        ("/path/0/private", json!({}), true),
        ("/path/0/private", json!({"expected_cidr": ["10.0.2.0/24", "fd00::/8"], "issuer": "Contoso"}), true),
        ("/path/0/private", json!({"expected_cidr": 10}), false),
        ("/path/0/private", json!({"group_id": "vault"}), false),
        ("/path/0/private", json!(true), false),
        ("/path", json!([]), false),
        ("/objective/0/expr", json!("ttft.p95"), false),
        ("/objective/0/expr", json!("goodput >= 0.99"), false),
        ("/objective", json!([{"expr": "goodput >= 0.99", "per_call": ["ttft < 800ms"]}]), true),
        ("/objective", json!([{"expr": "e2e.p95 < 3s", "severity": "warning", "api": "chat", "stream": true}]), true),
        ("/objective", json!([{"expr": "e2e.p95 < 3s", "abort": true, "abort_after": "10s", "kind": "direct"}]), true),
        ("/objective", json!([{"expr": "e2e.p95 < 3s", "abort": "yes"}]), false),
        ("/objective", json!([{"expr": "e2e.p95 < 3s", "abort_after": "10s"}]), false),
        ("/objective", json!([{"expr": "e2e.p95 < 3s", "per_call": ["ttft < 1s"]}]), false),
        ("/objective", json!([{"path": "direct"}]), false),
        ("/expectation", json!([{"slo": "e2e.p95 < 3s"}]), false),
        ("/path/0/tags", json!(["europe"]), true),
        ("/path/0/tags", json!("europe"), false),
        ("/prices", json!({"input": 1}), false),
        ("/prices", json!({"input": 1, "output": -1}), false),
        ("/prices/currency", json!("EUR"), true),
        ("/limits/cost", json!(2.5), true),
        ("/limits/cost", json!(0), false),
        ("/sizing/sigma", json!(0), false),
        ("/sizing/ttft", json!("200"), false),
        ("/load/precision", json!("p50 2ms, p99 10%"), true),
        ("/load/precision", json!("p50"), false),
        ("/rules", json!("builtin:operating"), true),
        ("/rules", json!(["builtin:operating"]), true),
        ("/rules", json!(3), false),
        ("/expectations", json!("builtin:cross-region"), true),
        ("/seed", json!(-1), false),
        ("/seed", json!(7), true),
        ("/workers", json!(0), false),
        ("/workers", json!(1025), false),
    ] {
        let mut document = whole();
        let (table, key) = at.rsplit_once('/').expect("a key");
        document
            .pointer_mut(table)
            .and_then(Value::as_object_mut)
            .expect("a table")
            .insert(key.to_owned(), value.clone());
        assert_eq!(read(&document).is_ok(), good, "the program: {at} = {value}: {:?}", read(&document).err());
        assert_eq!(validator.is_valid(&document), good, "the schema: {at} = {value}");
    }
}

#[test]
fn the_example_keeps_the_schema() {
    let text = std::fs::read(root().join("results/example/summary.json")).expect("the example");
    kept(&validator(&schema::summary()), &serde_json::from_slice(&text).expect("JSON"), "results/example");
}
