//! The findings for people: a line each, in the form that editors follow, then the addresses of each connection.

use std::fmt::Write as _;

use crate::lint::{Described, FileReport};
use crate::probe::discovery::Checked;
use crate::profile::foundry::address::{Addresses, Chat};
use crate::report::lint::linted::{LEVELS, Linted};
use crate::visible::line;

/// The text.
#[must_use]
pub(crate) fn render(linted: &Linted<'_>) -> String {
    let mut text = String::new();
    for file in linted.files {
        findings(&mut text, file);
        file.connections.iter().for_each(|connection| described(&mut text, file, connection));
    }
    let counts = LEVELS.map(|level| counted(linted.count(level), &level.to_string())).join(", ");
    let _ = writeln!(text, "{}: {counts}", counted(linted.files.len(), "file"));
    text
}

fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

fn findings(text: &mut String, file: &FileReport) {
    let name = line(&file.file.display().to_string());
    for finding in &file.findings {
        let (rule, place) = (finding.rule, finding.place);
        let message = line(&finding.message);
        let _ = writeln!(
            text,
            "{name}:{}:{}: {}[{}]: {message}\n  {}; {} (as of {})",
            place.line, place.column, rule.level, rule.id, rule.why, rule.remedy, rule.as_of
        );
    }
    if file.unlisted > 0 {
        let _ = writeln!(text, "{name}: {} more findings are not listed", file.unlisted);
    }
}

fn described(text: &mut String, file: &FileReport, connection: &Described) {
    let name = connection.name.as_ref().map_or(String::new(), |name| format!(" '{}'", line(name)));
    let place = line(&file.file.display().to_string());
    let _ = writeln!(text, "{place}:{}: connection{name}, {}", connection.place.line, connection.category);
    match &connection.addresses {
        Some(addresses) => addresses_of(text, addresses),
        None => {
            let _ = writeln!(text, "  its target is known only to Terraform or Azure, so its addresses are not known");
        }
    }
    for Checked { asked, url, status, good, said } in &connection.asked {
        let verdict = if *good { "good" } else { "not good" };
        let status = status.map_or(String::new(), |status| format!(" ({status})"));
        let _ = writeln!(text, "  asked  {} at {}: {verdict}{status}: {}", line(asked), line(url), line(said));
    }
}

fn addresses_of(text: &mut String, addresses: &Addresses) {
    if let Some(asked) = &addresses.discovery {
        let provider = asked.provider.map_or(String::new(), |provider| format!(", read as {provider}"));
        let default = if asked.by_default { ", by default" } else { "" };
        let _ = writeln!(text, "  list   GET  {}{provider}{default}", line(&asked.list));
        let _ = writeln!(text, "  model  GET  {}{provider}{default}", line(&asked.get));
    }
    for Chat { deployment, url, model_in_body } in &addresses.chat {
        let model = line(deployment);
        let body =
            if *model_in_body { format!(" with \"model\": \"{model}\"") } else { " without \"model\"".to_owned() };
        let _ = writeln!(text, "  chat   POST {}{body}", line(url));
    }
}
