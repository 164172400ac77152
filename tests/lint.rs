//! `hopmark lint` over files made for each rule, over what is legal, and over the official samples.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hopmark::lint::{Level, lint, lint_text, rules};
use process::{hopmark, printed};
use proptest::prelude::*;
use serde_json::Value;

fn folder(name: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foundry").join(name);
    let files = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    assert!(!files.is_empty(), "{name}");
    files
}

fn name_of(file: &Path) -> String {
    file.file_name().expect("a name").to_string_lossy().into_owned()
}

/// The rules that find something in a file, with their levels.
fn found(file: &Path) -> BTreeMap<&'static str, Level> {
    let report = lint(file).unwrap_or_else(|error| panic!("{error}"));
    report.findings.iter().map(|finding| (finding.rule.id, finding.rule.level)).collect()
}

/// What is found in the files of traps beside their own: traps that bring another with them.
const BESIDE: [(&str, &[&str]); 4] = [
    ("metadata-not-text.tf", &["unknown-key"]),
    ("private-zone.toml", &["profile-refused"]),
    ("profile-refused.toml", &["private-zone"]),
    ("version-on-v1.toml", &["profile-refused"]),
];

#[test]
fn each_trap_is_found_in_the_file_made_for_it_and_nothing_else_is() {
    let mut seen = BTreeSet::new();
    for file in folder("traps") {
        let name = name_of(&file);
        let own = name.split('.').next().unwrap_or_default();
        let rule = rules().find(|rule| rule.id == own).unwrap_or_else(|| panic!("no rule {own}"));
        seen.insert(rule.id);
        let beside = BESIDE.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, beside)| beside);
        let expected: BTreeSet<&str> = beside.iter().copied().chain([rule.id]).collect();
        let found: BTreeSet<&str> = found(&file).into_keys().collect();
        assert_eq!(found, expected, "{name}");
    }
    let all: BTreeSet<&str> = rules().map(|rule| rule.id).collect();
    assert_eq!(seen, all, "each rule has a file of its own");
}

#[test]
fn what_is_legal_finds_nothing() {
    for file in folder("legal") {
        assert_eq!(found(&file), BTreeMap::new(), "{}", file.display());
    }
}

/// What is found in samples that hold a trap.
const IN_SAMPLES: [(&str, &[&str]); 13] = [
    ("own-endpoint.toml", &["private-zone", "profile-refused", "version-before-responses"]),
    ("guide-azure-openai.json", &["nested-value"]),
    ("guide-custom-headers.json", &["nested-value", "v1-only-in-discovery", "header-api-version"]),
    (
        "guide-dynamic-openai.json",
        &["nested-value", "openai-without-v1", "v1-only-in-discovery", "deployment-in-path-missing"],
    ),
    ("guide-mixed-slashes.json", &["nested-value", "endpoint-without-slash", "v1-only-in-discovery"]),
    ("guide-trailing-slash.json", &["nested-value", "target-trailing-slash"]),
    ("model-gateway-custom-auth-config.json", &["placeholder"]),
    ("model-gateway-gemini.json", &["target-trailing-slash"]),
    ("model-gateway-openai.json", &["openai-without-v1", "discovery-missing"]),
    ("model-gateway-openai-2026-01.json", &["openai-without-v1", "endpoint-without-slash", "v1-only-in-discovery"]),
    ("model-gateway-static.json", &["placeholder"]),
    ("apim-dynamic-printed.json", &["discovery-default", "v1-left-to-gateway", "loose-json"]),
    ("apim-static-printed.json", &["v1-left-to-gateway", "loose-json"]),
];

#[test]
fn the_official_samples_pass_except_where_one_contains_a_trap() {
    for file in [folder("samples"), folder("seeds")].concat() {
        let name = name_of(&file);
        let expected = IN_SAMPLES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, rules)| rules);
        let found = found(&file);
        assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), expected.iter().copied().collect(), "{name}");
        let passes = !found.values().any(|level| *level == Level::Error);
        let holds_a_trap = ["guide-", "model-gateway-openai", "own-"].iter().any(|start| name.starts_with(start));
        assert_eq!(passes, !holds_a_trap, "{name}");
    }
}

#[test]
fn findings_name_the_line() {
    let traps = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foundry/traps").join(name);
    for (name, line, part) in [
        ("key-case.json", "\"deploymentinpath\"", "'deploymentInPath'"),
        ("nested-value.tf", "models           = [{", "jsonencode"),
        ("endpoint-without-slash.json", "\"modelDiscovery\"", "/v1models"),
        ("custom-domain.json", "\"target\"", "api.contoso.com"),
        ("discovery-incomplete.parameters.json", "\"listModelsEndpoint\"", "deploymentProvider"),
        ("connection-name-length.json", "\"name\": \"cc", "60 characters"),
    ] {
        let report = lint(&traps(name)).expect(name);
        let text = fs::read_to_string(traps(name)).expect(name);
        let number = 1 + text.lines().position(|text| text.contains(line)).expect(line);
        let finding = report.findings.iter().find(|finding| name.starts_with(finding.rule.id)).expect(name);
        assert_eq!(finding.place.line, number, "{name}: {}", finding.message);
        assert!(finding.message.contains(part) || finding.rule.remedy.contains(part), "{name}: {}", finding.message);
    }
}

#[test]
fn exit_codes_say_what_was_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |folder: &str, name: &str| format!("{}/tests/foundry/{folder}/{name}", env!("CARGO_MANIFEST_DIR"));
    let third = dir.path().join("third.json");
    fs::write(&third, "{\"properties\": {\"category\": \"AzureOpenAI\", \"target\": \"https://h\"}}").expect("written");
    let third = third.display().to_string();
    for (files, code) in [
        (vec![file("legal", "dynamic.json")], 0),
        (vec![file("traps", "discovery-default.json")], 0),
        (vec![file("traps", "key-case.json")], 3),
        (vec![file("legal", "dynamic.json"), file("traps", "key-case.tf")], 3),
        (vec![file("traps", "key-case.json"), file("legal", "none.json")], 2),
        (vec![third.clone()], 2),
        (vec![file("legal", "../README.md")], 2),
    ] {
        for format in ["text", "json", "sarif"] {
            let args: Vec<&str> =
                ["lint", "--format", format].into_iter().chain(files.iter().map(String::as_str)).collect();
            let output = hopmark(&args).output().expect("hopmark runs");
            assert_eq!(output.status.code(), Some(code), "{files:?}: {}", printed(&output));
            if format != "text" {
                serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
            }
        }
    }
    let output = hopmark(&["lint", &third]).output().expect("hopmark runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("third.json:1: a connection of category \"AzureOpenAI\" does not lead to a gateway"),
        "{told}"
    );
    assert_eq!(told.trim_end().lines().count(), 1, "{told}");
}

#[test]
fn what_a_run_refuses_is_a_result_for_those_who_read_sarif() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = "[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 9\noutput_tokens = 9\n[load]\n\
                rate = \"5/s\"\nduration = \"60s\"\n[[path]]\nname = \"a\"\nbase_url = \"https://h/v1\"\n";
    for (name, text, code, line, part) in [
        ("good.toml", good.to_owned(), 0, 0, ""),
        ("key.toml", good.replace("rate", "rtae"), 2, 7, "unknown key 'load.rtae'; did you mean 'rate'?"),
        ("value.toml", good.replace("60s", "60"), 2, 8, "'load.duration' is"),
        ("syntax.toml", good.replace("[load]", "[load"), 2, 6, "this is not TOML"),
        ("rule.toml", good.replace("https://h/v1", "https://h/v1?sig=abcdefgh"), 2, 11, "looks like a secret"),
    ] {
        let file = dir.path().join(name);
        fs::write(&file, text).expect("written");
        let output = hopmark(&["lint", "--format", "sarif", file.to_str().expect("text")]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{name}: {}", printed(&output));
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let results = told["runs"][0]["results"].as_array().expect("results");
        assert_eq!(results.len(), usize::from(code != 0), "{name}: {results:?}");
        let Some(result) = results.first() else { continue };
        let region = &result["locations"][0]["physicalLocation"];
        assert_eq!((&result["ruleId"], &result["level"]), (&"profile-refused".into(), &"error".into()), "{name}");
        assert_eq!(region["region"]["startLine"], line, "{name}: {result}");
        assert!(region["artifactLocation"]["uri"].as_str().is_some_and(|uri| uri.ends_with(name)), "{result}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| text.contains(part)), "{name}: {result}");
        let rule = result["ruleIndex"].as_u64().expect("a place") as usize;
        assert_eq!(told["runs"][0]["tool"]["driver"]["rules"][rule]["id"], "profile-refused");
        assert!(!told.to_string().contains("abcdefgh"), "{told}");
    }
}

#[test]
fn a_profile_is_as_good_as_the_connections_that_it_names() {
    let dir = tempfile::tempdir().expect("a folder");
    let trap = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foundry/traps/key-case.json");
    fs::copy(trap, dir.path().join("mine.json")).expect("copied");
    let path = |name: &str| {
        format!(
            "[[path]]\nname = \"{name}\"\nconnection = \"mine.json\"\nauth = {{ kind = \"api-key\", env = \"K\" }}\n"
        )
    };
    let text = "[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\ninput_tokens = 9\noutput_tokens = 9\n\
                [load]\nrate = \"5/s\"\nduration = \"60s\"\n"
        .to_owned()
        + &path("a")
        + &path("b");
    let profile = dir.path().join("p.toml");
    fs::write(&profile, text).expect("written");
    let (profile, connection) = (profile.display().to_string(), dir.path().join("mine.json").display().to_string());
    for files in [vec![&profile], vec![&connection, &profile], vec![&profile, &connection]] {
        let args: Vec<&str> =
            ["lint", "--format", "json"].into_iter().chain(files.iter().map(|file| file.as_str())).collect();
        let output = hopmark(&args).output().expect("hopmark runs");
        assert_eq!(output.status.code(), Some(3), "{files:?}: {}", printed(&output));
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let looked_at: BTreeSet<&str> =
            told["files"].as_array().expect("files").iter().filter_map(|file| file["file"].as_str()).collect();
        assert_eq!(looked_at, BTreeSet::from([&*profile, &*connection]));
        assert_eq!(told["files"].as_array().map(Vec::len), Some(2), "each once");
    }
}

#[test]
fn what_cannot_be_read_is_one_sentence_with_its_place() {
    for (name, text, part) in [
        ("a.json", "{\n  \"properties\": {\n", "a.json:2: this is not JSON"),
        ("a.json", "[]", "there is no connection in it"),
        ("a.json", "{\"properties\": {\"category\": 1}}", "its category is a number"),
        ("a.json", "{\"parameters\": {\"x\": {\"value\": 1}}}", "parameters of another template"),
        ("a.tf", "resource \"azapi_resource\" \"a\" {\n  body = = 1\n}\n", "a.tf:2: this is not Terraform's language"),
        (
            "a.tf",
            "resource \"azapi_resource\" \"a\" { \n body = { properties = { category = var.x } }\n}\n",
            "its category is an expression",
        ),
        ("a.tf", "variable \"x\" {}\n", "there is no connection in it"),
        ("a.bicep", "param x string", "az bicep build"),
        ("a.txt", "", "it takes a profile (.toml)"),
        ("a.toml", "x = 1\n", "unknown key 'x'"),
    ] {
        let message = lint_text(text, Path::new(name)).expect_err(name).to_string();
        assert!(message.contains(part), "{name}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

const SECRET: &str = "Zq7Xv9Kw3Rb5Tn8Jd2Hf6Lm4Pc1";

/// Every form of the output of a text, made by the binary.
fn outputs(dir: &Path, name: &str, text: &str) -> String {
    let file = dir.join(name);
    fs::write(&file, text).expect("written");
    let file = file.display().to_string();
    ["text", "json", "sarif"]
        .map(|format| printed(&hopmark(&["lint", "--format", format, &file]).output().expect("hopmark runs")))
        .join("\n")
}

#[test]
fn no_output_repeats_a_secret_of_the_file() {
    use base64::Engine as _;
    let dir = tempfile::tempdir().expect("a folder");
    let base64 = base64::engine::general_purpose::STANDARD.encode(SECRET);
    let object = |metadata: &str, more: &str| {
        format!(
            "{{\"name\": \"c\", \"properties\": {{\"category\": \"ModelGateway\", \"authType\": \"ApiKey\", \
             \"target\": \"https://h/v1\", \"credentials\": {{\"key\": \"{SECRET}\"}}{more}, \"metadata\": {{{metadata}}}}}}}"
        )
    };
    let plain = object("\"models\": [{\"name\": \"SECRET\"}]", "").replace("SECRET", SECRET);
    for (name, text) in [
        ("plain.json", plain),
        ("headers.json", object("\"customHeaders\": {\"api-key\": \"SECRET\", \"X-API-Version\": \"SECRET\"}", "")),
        ("config.json", object("\"authConfig\": \"{\\\"format\\\": \\\"Bearer SECRET\\\"}\"", "")),
        ("user.json", object("", "").replace("https://h", "https://me:SECRET@h")),
        ("query.json", object("", "").replace("https://h/v1", "https://h/v1?code=SECRET")),
        ("broken.json", object("\"models\": \"SECRET\"", "") + "]"),
        ("encoded.json", object("\"models\": \"BASE64\"", ", \"audience\": \"BASE64\"")),
        ("name.json", object("", "").replace("\"name\": \"c\"", "\"name\": \"SECRET\"")),
        ("secret.json", object("", "").replace("ApiKey", "OAuth2").replace("\"key\"", "\"clientSecret\"")),
        ("a.tf", "resource \"azapi_resource\" \"a\" {\n  body = { properties = { category = \"ModelGateway\", credentials = { key = \"SECRET\" }, target = \"https://h/SECRET\" } } = SECRET\n}\n".to_owned()),
        ("b.tf", "resource \"azapi_resource\" \"a\" {\n  body = { properties = { category = \"ModelGateway\", credentials = { key = \"SECRET\" }, target = \"https://h/SECRET\" } }\n}\n".to_owned()),
    ] {
        let text = text.replace("SECRET", SECRET).replace("BASE64", &base64);
        let told = outputs(dir.path(), name, &text);
        for form in [SECRET, &SECRET[..12], &base64[..16]] {
            assert!(!told.contains(form), "{name}: {told}");
        }
    }
}

/// Pieces of which documents are made: what the reader knows, and what breaks it.
const PIECES: [&str; 36] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\\"",
    "=",
    "(",
    ")",
    "null",
    "true",
    "1e999",
    "properties",
    "\"properties\": {",
    "\"category\": \"ApiManagement\",",
    "\"target\": \"https://h/v1\",",
    "\"metadata\": {",
    "\"models\": \"[]\",",
    "\"modelDiscovery\": \"{\\\"listModelsEndpoint\\\": \\\"x\\\"}\",",
    "\"parameters\": {",
    "\"value\":",
    "\"resources\": [",
    "resource \"azapi_resource\" \"a\" {\n",
    "body = {\n",
    "jsonencode(",
    "${",
    "%{ if true }",
    "<<EOT\n",
    "EOT\n",
    "//",
    "/*",
    "#",
    "é\u{202e}",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_breaks_the_reader(pieces in proptest::collection::vec(0..PIECES.len(), 0..60), tf in any::<bool>()) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        let file = if tf { "a.tf" } else { "a.json" };
        if let Err(error) = lint_text(&text, Path::new(file)) {
            prop_assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn no_change_of_a_file_breaks_the_reader(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        length in 0..40_usize, piece in 0..PIECES.len()) {
        let files = [folder("traps"), folder("legal"), folder("samples"), folder("seeds")].concat();
        let file = which.get(&files);
        let text = fs::read_to_string(file).expect("a file");
        let start = text.floor_char_boundary(at.index(text.len()));
        let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
        let changed = format!("{}{}{}", &text[..start], PIECES[piece], &text[end..]);
        match lint_text(&changed, file) {
            Ok(report) => prop_assert!(report.findings.iter().all(|finding| finding.place.line <= 1 + changed.lines().count())),
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
}
