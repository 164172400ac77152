//! Paths of every dialect, as people paste their addresses, against the simulator: what is understood is what is called.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/scripted.rs"]
mod scripted;

use std::path::Path;

use process::{hopmark, printed, run_profile};
use scripted::{Do, Scripted, good};
use serde_json::{Value, json};

/// A simulator with one listener, whose deployments have names that say nothing of their models.
const SCENARIO: &str = r#"
name = "names"
[[backend]]
name = "sweden"
model = { first = "20ms", gap = "1ms" }
deployments = { prod-chat = "gpt-5.1", prod-plain = "gpt-4o" }
[[listener]]
name = "direct"
kind = "direct"
backend = "sweden"
"#;

fn profile(api: &str, model: &str, paths: &[(&str, String)]) -> String {
    let path = |(name, keys): &(&str, String)| format!("[[path]]\nname = \"{name}\"\n{keys}\n");
    format!(
        "name = \"addresses\"\n[simulator]\nscenario = \"names.toml\"\n\
         [workload]\nkind = \"synthetic\"\nmodel = \"{model}\"\napi = \"{api}\"\nstream = 0.5\ninput_tokens = 20\n\
         output_tokens = 20\n[load]\nrate = \"10/s\"\nwarmup = \"200ms\"\nduration = \"1s\"\n{}",
        paths.iter().map(path).collect::<String>()
    )
}

fn with_scenario() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("names.toml"), SCENARIO).expect("a scenario");
    folder
}

/// The plan that a dry run prints, and what it tells people.
fn dry_run(file: &Path, more: &[&str]) -> (Value, String) {
    let said = |form: &[&str]| {
        let mut command = hopmark(&["run", "--dry-run", file.to_str().expect("a path")]);
        let output = command.args(form).args(more).output().expect("it runs");
        assert!(output.status.success(), "{}", printed(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    (serde_json::from_str(&said(&["--json"])).expect("JSON"), said(&[]))
}

/// A path, its keys, the dialect that they mean, and whether it has Responses.
fn paths() -> [(&'static str, String, &'static str, bool); 9] {
    let url = |url: &str| format!("base_url = \"{url}\"");
    [
        (
            "openai",
            url("sim://direct/v1/chat/completions") + "\ntoken_limit = \"max_completion_tokens\"",
            "openai",
            true,
        ),
        ("azure-v1", url("sim://direct/openai/v1/"), "azure-v1", true),
        ("without-v1", url("sim://direct/openai?api-version=preview"), "azure-v1", true),
        (
            "classic",
            url("sim://direct/openai/deployments/prod-chat/chat/completions?api-version=2025-04-01-preview"),
            "azure-classic",
            true,
        ),
        (
            "classic-keys",
            url("sim://direct/openai")
                + "\ndeployment = \"prod-plain\"\nquery = { api-version = \"2025-03-01-preview\" }",
            "azure-classic",
            true,
        ),
        (
            "classic-old",
            url("sim://direct/openai/deployments/prod-plain") + "\nquery = { api-version = \"2024-06-01\" }",
            "azure-classic",
            false,
        ),
        ("project", url("sim://direct/api/projects/p/openai/v1/responses"), "azure-v1", true),
        (
            "models",
            url("sim://direct/models?api-version=2024-05-01-preview") + "\nmodel = \"prod-plain\"",
            "foundry-models",
            false,
        ),
        ("ai-gateway", url("sim://direct/default/models/openai/v1"), "ai-gateway", true),
    ]
}

#[test]
fn every_dialect_and_api_is_called_as_the_dry_run_says() {
    let folder = with_scenario();
    for (api, model) in [("chat", "prod-chat"), ("responses", "prod-chat")] {
        let all = paths().into_iter().filter(|(.., has_responses)| api == "chat" || *has_responses);
        let (paths, dialects): (Vec<_>, Vec<_>) = all.map(|(name, keys, dialect, _)| ((name, keys), dialect)).unzip();
        let text = profile(api, model, &paths);
        let ended = run_profile(folder.path(), api, &text);
        ended.assert_code(0);
        let (plan, told) = dry_run(&folder.path().join(format!("{api}.toml")), &[]);
        for (place, ((name, _), dialect)) in paths.iter().zip(dialects).enumerate() {
            let requests = &ended.summary["paths"][*name]["requests"];
            assert!(requests["ok"].as_u64() > Some(0), "{name}: {requests}");
            assert_eq!((&requests["failed"], &requests["incomplete"]), (&json!(0), &json!(0)), "{name}: {requests}");
            assert_eq!(plan["paths"][place]["dialect"], dialect, "{name}");
            assert_eq!(ended.run.manifest.plan.paths[place].address.dialect.to_string(), dialect, "{name}");
            let url = plan["calls"][*name][api].as_str().expect("a URL");
            assert!(told.contains(&format!("{name}: {api} to {url} ({dialect})")), "{told}");
            let tokens = &ended.summary["paths"][*name]["tokens"]["output"];
            assert!(["classic-old", "models"].contains(name) || tokens.as_u64() > Some(0), "{name}: {tokens}");
        }
    }
}

#[test]
fn an_api_that_a_dialect_has_not_is_refused_before_anything_is_sent() {
    let folder = with_scenario();
    for (keys, said) in [
        (
            "base_url = \"sim://direct/models?api-version=2024-05-01-preview\"",
            "has no Responses API; set workload.api = \"chat\"",
        ),
        (
            "base_url = \"sim://direct/openai/deployments/d?api-version=2024-10-21\"",
            "it begins with 2025-03-01-preview",
        ),
    ] {
        let file = folder.path().join("refused.toml");
        std::fs::write(&file, profile("responses", "m", &[("a", keys.to_owned())])).expect("a profile");
        let output = hopmark(&["run", file.to_str().expect("a path")]).output().expect("it runs");
        let printed = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{printed}");
        assert!(printed.contains(said) && printed.contains("refused.toml:17: "), "{printed}");
    }
}

#[test]
fn a_refused_field_names_the_key_to_set() {
    let folder = with_scenario();
    let wrong = "base_url = \"sim://direct/openai/v1\"\ntoken_limit = \"max_tokens\"".to_owned();
    let file = folder.path().join("refused.toml");
    std::fs::write(&file, profile("chat", "prod-chat", &[("a", wrong)])).expect("a profile");
    let output = hopmark(&["run", "--out"]).arg(folder.path().join("out")).arg(&file).output().expect("it runs");
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("token_limit = \"max_completion_tokens\""), "{said}");
}

#[test]
fn headers_query_and_fields_reach_the_server_and_no_secret_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Scripted::start(|asked| Do::Answer(good(asked)));
    let out = folder.path().join("out");
    let path = format!(
        "direct=http://{}/team/v1?route=a%20b,backend=x,token-limit=max_completion_tokens,model=dep",
        server.address
    );
    let output = hopmark(&["run", "--path", &path, "--model", "m", "--concurrency", "1", "--requests", "2"])
        .args(["--duration", "5s", "--warmup", "0s", "--input-tokens", "8", "--output-tokens", "5", "--timeout", "20s"])
        .args([
            "-H",
            "x-team: a: b",
            "--objective",
            "error_rate < 1%",
            "--set",
            "workload.stream=false",
            "--skip-preflight",
        ])
        .args([
            "--set",
            "path.direct.headers.x-gate={ env = \"HOPMARK_GATE\" }",
            "--set",
            "path.*.body.seed=7",
            "--out",
        ])
        .arg(&out)
        .env("HOPMARK_GATE", "s3cret-of-the-gate")
        .output()
        .expect("it runs");
    let said = printed(&output);
    let received = server.received();
    let (head, sent) = received.first().map(|first| (&first.head, &first.body)).expect("a request");
    assert!(head.starts_with("post /team/v1/chat/completions?route=a%20b http/1.1\r\n"), "{head}");
    for line in ["x-team: a: b", "x-gate: s3cret-of-the-gate"] {
        assert!(head.lines().any(|sent| sent == line), "{head}");
    }
    let seen = ["model", "max_completion_tokens", "seed", "stream"].map(|key| sent[key].clone());
    assert_eq!(seen, [json!("dep"), json!(5), json!(7), json!(false)], "{sent}");
    assert!(!said.contains("s3cret"), "{said}");
    let manifest = std::fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    assert!(!manifest.contains("s3cret") && manifest.contains("HOPMARK_GATE"), "{manifest}");
    let plan: Value = serde_json::from_str(&manifest).expect("JSON");
    let plan = &plan["plan"];
    assert_eq!(plan["paths"][0]["timeouts"]["total"], "20s");
    assert_eq!((&plan["limits"]["requests"], &plan["objectives"][0]["expr"]), (&json!(2), &json!("error_rate < 1%")));
}

#[test]
fn flags_say_the_same_as_keys_with_the_same_mistakes() {
    let base = ["run", "--dry-run", "--json", "--path", "a=https://r.openai.azure.com,key-env=K,kind=direct"];
    let base = [&base[..], &["--model", "m", "--duration", "5s"]].concat();
    for (more, said) in [
        (&["--rate", "1/s", "--input-tokens", "0"][..], "--input-tokens: 'workload.input_tokens' is 0"),
        (&["--rate", "1/s", "--output-tokens", "x"], "--output-tokens: 'workload.output_tokens'"),
        (&["--rate", "1/s", "--requests", "0"], "--requests: 'limits.requests' is 0"),
        (&["--rate", "1/s", "--timeout", "0s"], "'path.a.timeouts.total' is \"0s\""),
        (&["--rate", "1/s", "--objective", "ttft.p95 < 800"], "--objective: 'objective.1.expr'"),
        (&["--concurrency", "0"], "--concurrency: 'load.concurrency' is 0"),
        (&["--rate", "1/s", "-H", "host: x"], "-H host: 'path.a.headers.host' is set by every call"),
        (&["--rate", "1/s", "-H", "x-api-key: s3cret"], "-H x-api-key: 'path.a.headers.x-api-key' looks like a secret"),
        (&["--rate", "1/s", "-H", "api-key: s3cret"], "sent by 'auth' already"),
        (&["--rate", "1/s", "-H", "x-team"], "NAME: VALUE"),
        (&["--rate", "1/s", "--path", "b=https://h/v1,knid=direct"], "did you mean 'kind'?"),
        (&["--rate", "1/s", "--path", "b=https://h/v1,kind=drect"], "--path b: 'path.b.kind' is \"drect\""),
        (&["--rate", "1/s", "--path", "b=https://h/v1,api-version=1,api-version=2"], "'api-version' twice"),
        (&["--rate", "1/s", "--concurrency", "2"], "cannot be used with"),
        (&["--for", "6ms"], "cannot be used with"),
    ] {
        let output = hopmark(&base).args(more).output().expect("it runs");
        let printed = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {printed}");
        assert!(printed.contains(said) && !printed.contains("s3cret"), "{more:?}: {printed}");
    }
    let whole =
        ["--concurrency", "3", "--requests", "9", "--objective", "ttft.p95 < 1s", "--objective", "e2e.p50 < 2s"];
    let output = hopmark(&base).args(whole).output().expect("it runs");
    assert!(output.status.success(), "{}", printed(&output));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan["calls"]["a"]["chat"], "https://r.openai.azure.com/openai/v1/chat/completions");
    assert_eq!(plan["objectives"].as_array().map(Vec::len), Some(2));
    assert_eq!(plan["paths"][0]["auth"]["kind"], "api-key");
}
