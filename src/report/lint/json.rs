//! The findings as JSON.

use serde_json::{Value, json};

use crate::lint::{Described, FileReport, Finding};
use crate::report::lint::linted::{LEVELS, Linted};

/// The document.
#[must_use]
pub(crate) fn render(linted: &Linted<'_>) -> String {
    let counts: serde_json::Map<String, Value> =
        LEVELS.iter().map(|level| (level.to_string(), linted.count(*level).into())).collect();
    let unread = linted
        .unread
        .iter()
        .map(|error| json!({"file": error.file().display().to_string(), "message": error.to_string()}));
    let document = json!({
        "schema_version": 1,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "counts": counts,
        "files": linted.files.iter().map(file).collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn file(report: &FileReport) -> Value {
    json!({
        "file": report.file.display().to_string(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "unlisted": report.unlisted,
        "connections": report.connections.iter().map(connection).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    let rule = finding.rule;
    json!({
        "rule": rule.id,
        "level": rule.level,
        "line": finding.place.line,
        "column": finding.place.column,
        "message": finding.message,
        "why": rule.why,
        "remedy": rule.remedy,
        "as_of": rule.as_of,
        "source": rule.source,
    })
}

fn connection(connection: &Described) -> Value {
    let addresses = connection.addresses.as_ref();
    json!({
        "name": connection.name,
        "category": connection.category,
        "line": connection.place.line,
        "chat": addresses.map(|addresses| &addresses.chat),
        "discovery": addresses.and_then(|addresses| addresses.discovery.as_ref()),
        "asked": connection.asked,
    })
}
