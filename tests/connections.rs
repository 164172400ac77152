//! Connection objects of Foundry against the simulator: asked for their models, and measured over as paths.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::Path;
use std::process::Output;

use process::{KEY, Sim, hopmark, printed};
use serde_json::{Value, json};

/// A file with a connection.
fn connection(dir: &Path, name: &str, category: &str, target: &str, metadata: &Value) -> String {
    let object = json!({"name": name, "properties": {
        "category": category, "target": target, "authType": "ApiKey", "credentials": {"key": "{api-key}"},
        "isSharedToAll": false, "metadata": metadata,
    }});
    let file = dir.join(format!("{name}.json"));
    fs::write(&file, object.to_string()).expect("written");
    file.display().to_string()
}

fn static_models(names: &[&str]) -> String {
    let model =
        |name: &&str| json!({"name": name, "properties": {"model": {"name": name, "version": "", "format": "OpenAI"}}});
    Value::from(names.iter().map(model).collect::<Vec<_>>()).to_string()
}

fn discovery(list: &str, get: &str, provider: &str) -> String {
    json!({"listModelsEndpoint": list, "getModelEndpoint": get, "deploymentProvider": provider}).to_string()
}

fn asked(files: &[&str], more: &[&str]) -> Output {
    let args = [&["lint", "--format", "json", "--run", "--key-env", "HOPMARK_TRUTH_KEY"][..], more, files].concat();
    hopmark(&args).output().expect("hopmark runs")
}

/// What each request came to: whether it is good, and what was asked and said.
fn results(output: &Output) -> Vec<(bool, String)> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(output)));
    let asked = &document["files"][0]["connections"][0]["asked"];
    let one = |asked: &Value| {
        let text = format!("{} {}: {}", asked["asked"], asked["status"], asked["said"]);
        (asked["good"] == true, text.replace('"', ""))
    };
    asked.as_array().expect("results").iter().map(one).collect()
}

#[test]
fn a_gateway_is_asked_for_its_models_as_the_agents_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let sim = Sim::start(&["--scenario", "three-paths"]);
    let url = sim.url("gateway");
    for (word, category, target, metadata, expected) in [
        (
            "by default, of Azure Resource Manager",
            "ApiManagement",
            "/openai",
            json!({"deploymentInPath": "true", "inferenceAPIVersion": "2024-10-21"}),
            "model gpt-4o 200: gpt-4o, version 2024-08-06",
        ),
        (
            "with a version of its own",
            "ApiManagement",
            "/openai/v1",
            json!({"deploymentInPath": "false", "deploymentAPIVersion": "2024-10-01"}),
            "model gpt-4o 200: gpt-4o, version 2024-08-06",
        ),
        (
            "of OpenAI",
            "ModelGateway",
            "/openai/v1",
            json!({"deploymentInPath": "false", "modelDiscovery": discovery("/models", "/models/{deploymentName}", "OpenAI")}),
            "model gpt-4o 200: gpt-4o",
        ),
        (
            "at a whole address",
            "ModelGateway",
            "/openai/v1",
            json!({"deploymentInPath": "false", "modelDiscovery":
            discovery(&format!("{url}/openai/deployments?api-version=2024-10-01"), &format!("{url}/openai/deployments/{{deploymentName}}?api-version=2024-10-01"), "AzureOpenAI")}),
            "model gpt-4o 200: gpt-4o, version 2024-08-06",
        ),
        (
            "that are listed",
            "ApiManagement",
            "/openai/v1",
            json!({"deploymentInPath": "false", "models": static_models(&["gpt-4o", "gpt-5"])}),
            "chat gpt-5 200: it answers",
        ),
        (
            "that are listed, in the path",
            "ApiManagement",
            "/openai",
            json!({"deploymentInPath": "true", "inferenceAPIVersion": "2025-04-01-preview", "models": static_models(&["gpt-4o"])}),
            "chat gpt-4o 200: it answers",
        ),
    ] {
        let file = connection(dir.path(), "good", category, &format!("{url}{target}"), &metadata);
        let output = asked(&[&file], &[]);
        let results = results(&output);
        assert!(results.iter().all(|(good, _)| *good), "{word}: {results:?}");
        assert!(results.iter().any(|(_, said)| said == expected), "{word}: {results:?}");
        assert_eq!(output.status.code(), Some(0), "{word}: {}", printed(&output));
        assert!(!printed(&output).contains(KEY), "{word}");
    }
}

#[test]
fn what_the_agents_could_not_use_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let sim = Sim::start(&["--scenario", "three-paths"]);
    let url = sim.url("gateway");
    for (word, target, metadata, expected) in [
        (
            "another form",
            "/openai/v1",
            json!({"deploymentInPath": "false", "modelDiscovery": discovery("/models", "/models/{deploymentName}", "AzureOpenAI")}),
            "has no list 'value', as AzureOpenAI has it; there is 'data'",
        ),
        (
            "another address",
            "/openai/v1",
            json!({"deploymentInPath": "false", "modelDiscovery": discovery("/v1/models", "/v1/models/{deploymentName}", "OpenAI")}),
            "check the target, deploymentInPath and the endpoints",
        ),
        (
            "no such model",
            "/openai/v1",
            json!({"deploymentInPath": "false", "models": static_models(&["no-such-model"])}),
            "chat no-such-model 404",
        ),
        (
            "another header",
            "/openai/v1",
            json!({"deploymentInPath": "false", "models": static_models(&["gpt-4o"]),
            "authConfig": json!({"type": "api_key", "name": "x-other", "format": "{api_key}"}).to_string()}),
            "chat gpt-4o 401",
        ),
    ] {
        let file = connection(dir.path(), "bad", "ModelGateway", &format!("{url}{target}"), &metadata);
        let output = asked(&[&file], &[]);
        let results = results(&output);
        assert!(results.iter().any(|(good, said)| !good && said.contains(expected)), "{word}: {results:?}");
        assert_eq!(output.status.code(), Some(1), "{word}: {}", printed(&output));
        assert!(!printed(&output).contains(KEY), "{word}");
    }
}

#[test]
fn nothing_is_sent_without_a_key_or_a_target() {
    let dir = tempfile::tempdir().expect("a folder");
    let models = json!({"deploymentInPath": "false", "models": static_models(&["gpt-4o"])});
    let file = connection(dir.path(), "c", "ModelGateway", "http://127.0.0.1:9/v1", &models);
    let stand_in = connection(dir.path(), "d", "ModelGateway", "https://<name>.contoso.com/v1", &models);
    for (args, part) in [
        (vec!["lint", "--run", &file], "name the variable that holds it with --key-env"),
        (vec!["lint", "--run", "--key-env", "HOPMARK_NO_SUCH_VARIABLE", &file], "HOPMARK_NO_SUCH_VARIABLE is not set"),
        (
            vec!["lint", "--run", "--key-env", "HOPMARK_TRUTH_KEY", &stand_in],
            "its target is not an address that can be called",
        ),
    ] {
        let output = hopmark(&args).output().expect("hopmark runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains(part), "{told}");
    }
}

/// A profile with a path by a connection beside one by its address.
fn profile(dir: &Path, model: &str, path: &str) -> String {
    let text = format!(
        "[simulator]\nscenario = \"three-paths\"\n[workload]\nkind = \"synthetic\"\nmodel = \"{model}\"\ninput_tokens = 20\n\
         output_tokens = 4\n[load]\nrate = \"10/s\"\nwarmup = \"500ms\"\nduration = \"2s\"\n[[path]]\nname = \"direct\"\n\
         base_url = \"sim://direct/openai/v1\"\n[[path]]\nname = \"agents\"\n{path}"
    );
    let file = dir.join("profile.toml");
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn a_connection_is_a_path() {
    let dir = tempfile::tempdir().expect("a folder");
    let models = static_models(&["gpt-4o"]);
    let classic = json!({"deploymentInPath": "true", "inferenceAPIVersion": "2025-04-01-preview", "models": models,
        "customHeaders": json!({"x-team": "a"}).to_string()});
    connection(dir.path(), "classic", "ApiManagement", "sim://gateway/openai", &classic);
    let v1 = json!({"deploymentInPath": "false", "inferenceAPIVersion": null, "models": models});
    connection(dir.path(), "v1", "ApiManagement", "sim://gateway/openai/v1", &v1);
    let of_classic = ["\"azure-classic\"", "\"deployment\": \"gpt-4o\"", "2025-04-01-preview", "\"x-team\": \"a\""];
    for (name, said) in [("classic", &of_classic[..]), ("v1", &["\"azure-v1\"", "sim://gateway/openai/v1"])] {
        let profile = profile(dir.path(), "gpt-4o", &format!("connection = \"{name}.json\"\n"));
        let plan = printed(&hopmark(&["run", &profile, "--dry-run", "--json"]).output().expect("hopmark runs"));
        assert!(said.iter().all(|said| plan.contains(said)), "{name}: {plan}");
        let out = dir.path().join(name).display().to_string();
        let output = hopmark(&["run", &profile, "--quiet", "--out", &out]).output().expect("hopmark runs");
        let summary =
            fs::read_to_string(format!("{out}/summary.json")).unwrap_or_else(|_| panic!("{}", printed(&output)));
        let summary: Value = serde_json::from_str(&summary).expect("JSON");
        let requests = &summary["paths"]["agents"]["requests"];
        assert!(requests["ok"].as_u64() > Some(5) && requests["failed"] == 0, "{name}: {requests}");
        assert_eq!(summary["paths"]["agents"]["kind"], "gateway");
    }
}

#[test]
fn what_a_connection_says_is_checked_as_if_the_profile_said_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let models = static_models(&["gpt-4o", "five"]);
    let v1 = json!({"deploymentInPath": "false", "models": models});
    connection(dir.path(), "v1", "ApiManagement", "sim://gateway/openai/v1", &v1);
    connection(dir.path(), "far", "ApiManagement", "https://contoso.azure-api.net/openai/v1", &v1);
    let dated = json!({"deploymentInPath": "false", "models": models, "inferenceAPIVersion": "2024-10-21"});
    connection(dir.path(), "dated", "ApiManagement", "sim://gateway/openai/v1", &dated);
    fs::write(dir.path().join("third.json"), "{\n \"properties\": {\n  \"category\": \"AzureOpenAI\"}}")
        .expect("written");
    for (model, path, part) in [
        (
            "gpt-4o",
            "connection = \"v1.json\"\nbase_url = \"sim://direct/openai/v1\"\n",
            "both say where the path leads",
        ),
        (
            "gpt-6",
            "connection = \"v1.json\"\n",
            "the connection has no model 'gpt-6'; set 'model' of this path to one that it lists: gpt-4o, five",
        ),
        ("gpt-4o", "connection = \"none.json\"\n", "cannot read the connection file"),
        ("gpt-4o", "connection = \"third.json\"\n", "third.json:3: a connection of category \"AzureOpenAI\""),
        ("gpt-4o", "connection = \"far.json\"\n", "the connection signs in by ApiKey"),
        ("gpt-4o", "connection = \"dated.json\"\n", "take no dated one"),
        ("gpt-4o", "", "'path.agents.base_url' is missing"),
    ] {
        let profile = profile(dir.path(), model, path);
        let output = hopmark(&["run", &profile, "--dry-run"]).output().expect("hopmark runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains(part), "{path}: {told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
    }
}
