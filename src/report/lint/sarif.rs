//! The findings as SARIF 2.1.0 (OASIS), which code hosts and editors read.

use std::path::Path;

use serde_json::{Value, json};

use crate::lint::{Finding, LintError, Rule, rules};
use crate::report::lint::linted::Linted;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// The document.
#[must_use]
pub(crate) fn render(linted: &Linted<'_>) -> String {
    let rules: Vec<&Rule> = rules().collect();
    let found =
        linted.files.iter().flat_map(|file| file.findings.iter().map(|found| result(&rules, &file.file, found)));
    let refused = linted.unread.iter().filter_map(|error| Some(result(&rules, error.file(), &error.refusal()?)));
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "hopmark",
                "fullName": "hopmark lint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": linted.unread.is_empty(),
                "toolExecutionNotifications": notifications(linted),
            }],
            "artifacts": linted.files.iter().map(|file| json!({"location": location(&file.file)})).collect::<Vec<_>>(),
            "results": found.chain(refused).collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn descriptor(rule: &Rule) -> Value {
    let sentence = |text: &str| {
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}.", letters.as_str())
    };
    json!({
        "id": rule.id,
        "name": pascal(rule.id),
        "shortDescription": {"text": sentence(rule.what)},
        "fullDescription": {"text": format!("{} Otherwise: {}.", sentence(rule.what), rule.why)},
        "help": {"text": sentence(rule.remedy)},
        "defaultConfiguration": {"level": rule.level},
        "properties": {"asOf": rule.as_of, "source": rule.source},
    })
}

/// `KeyCase` of `key-case`.
fn pascal(id: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters.clone()).collect::<String>()
    };
    id.split('-').map(word).collect()
}

fn result(rules: &[&Rule], file: &Path, finding: &Finding) -> Value {
    let rule = finding.rule;
    json!({
        "ruleId": rule.id,
        "ruleIndex": rules.iter().position(|known| known.id == rule.id),
        "level": rule.level,
        "message": {"text": format!("{}: {}; {}.", finding.message, rule.why, rule.remedy)},
        "locations": [{"physicalLocation": {
            "artifactLocation": location(file),
            "region": {"startLine": finding.place.line, "startColumn": finding.place.column},
        }}],
    })
}

/// What could not be read, and what did not get what it needs.
fn notifications(linted: &Linted<'_>) -> Vec<Value> {
    let mut all: Vec<Value> = linted.unread.iter().map(notification).collect();
    for file in linted.files {
        let failed = file.connections.iter().flat_map(|connection| &connection.asked).filter(|asked| !asked.good);
        all.extend(failed.map(|asked| {
            json!({
                "level": "error",
                "message": {"text": format!("{} at {}: {}.", asked.asked, asked.url, asked.said)},
                "locations": [{"physicalLocation": {"artifactLocation": location(&file.file)}}],
            })
        }));
    }
    all
}

fn notification(error: &LintError) -> Value {
    json!({
        "level": "error",
        "message": {"text": error.to_string()},
        "locations": [{"physicalLocation": {"artifactLocation": location(error.file())}}],
    })
}

/// A file as a reference of RFC 3986: relative as it was given, absolute with its scheme.
fn location(file: &Path) -> Value {
    let mut text = String::from(if file.is_absolute() { "file://" } else { "" });
    let path = file.display().to_string();
    let path = path.strip_prefix("./").unwrap_or(&path);
    for byte in path.bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    json!({"uri": text})
}
