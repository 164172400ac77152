//! A report for pull requests and job summaries, in GitHub's and GitLab's Markdown.

use crate::report::document::{Decision, Document, Remark, Topic};
use crate::report::table::{Cell, Column, Table, Tone};
use crate::visible::{MOST, visible};

/// The tables below the decisions, in their order.
const BELOW: [Topic; 12] = [
    Topic::Objectives,
    Topic::Expectations,
    Topic::Paths,
    Topic::Ways,
    Topic::Rungs,
    Topic::Errors,
    Topic::Shifts,
    Topic::FailedCalls,
    Topic::Differences,
    Topic::Series,
    Topic::Changes,
    Topic::NotJudged,
];

/// The bytes of `summary.md` or `comparison.md`.
pub(crate) fn render(document: &Document) -> Vec<u8> {
    let mut parts = vec![format!("## {}", escape(&document.title)), escape(&document.subtitle)];
    let (tone, sentence) = &document.conclusion;
    if !sentence.is_empty() {
        parts.push(format!("{}**{}**", sign(*tone), escape(sentence)));
    }
    parts.extend(document.tables_on(&[Topic::Budgets]).map(|(_, budgets)| table(budgets)));
    parts.extend(document.decisions.iter().map(decision));
    parts.extend(document.tables_on(&BELOW).map(|(_, below)| table(below)));
    parts.extend(document.remarks.iter().filter_map(|remark| match remark {
        Remark::Validity(tone, sentence) => Some(format!("{}Run {}", sign(*tone), escape(sentence))),
        Remark::Reason(..) | Remark::OwnError(..) | Remark::Finding { .. } | Remark::Warning(..) => None,
    }));
    parts.extend(list(document.remarks.iter().filter_map(item)));
    parts.extend(list(document.notes.iter().map(|note| format!("- {}", escape(note)))));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text.into_bytes()
}

fn decision(decision: &Decision) -> String {
    let details: String = decision.details.iter().map(|detail| format!("\n  - {}", escape(detail))).collect();
    let strong = if decision.tone == Tone::Quiet { "" } else { "**" };
    format!("- {}{strong}{}{strong}{details}", arrow(decision.tone), escape(&decision.sentence))
}

/// A remark as an item of a list; of this tool's own error the page tells.
fn item(remark: &Remark) -> Option<String> {
    match remark {
        Remark::Reason(_, message, remedy) => Some(format!("- {}; {}", escape(message), escape(remedy))),
        Remark::Finding { path, message, remedy } => {
            Some(format!("- **{}**: {}; {}", escape(path), escape(message), escape(remedy)))
        }
        Remark::Warning(tone, text) => Some(format!("- {}{}", sign(*tone), escape(text))),
        Remark::Validity(..) | Remark::OwnError(..) => None,
    }
}

fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    (!items.is_empty()).then(|| items.join("\n"))
}

fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = |column: &Column| if column.figures { "--:" } else { ":--" }.to_owned();
    let mut lines = vec![
        format!("### {}\n", escape(&table.title)),
        line(table.columns.iter().map(|column| escape(column.head)).collect()),
        line(table.columns.iter().map(rule).collect()),
    ];
    lines.extend(table.rows.iter().map(|row| line(row.iter().map(cell).collect())));
    lines.extend(table.note.iter().map(|note| format!("\n<sub>{}</sub>", escape(note))));
    lines.join("\n")
}

fn cell(cell: &Cell) -> String {
    let text = escape(&cell.text);
    if cell.tone == Tone::Bad { format!("**{text}**") } else { text }
}

fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Quiet => "",
        Tone::Good => "✅ ",
        Tone::Warn => "⚠️ ",
        Tone::Bad => "❌ ",
    }
}

/// The sign of a decision: slower is no failure where nothing was asked of a path.
fn arrow(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Quiet => "",
        Tone::Good => "▼ ",
        Tone::Warn => "⚠️ ",
        Tone::Bad => "▲ ",
    }
}

/// Text as it is, on one line: what Markdown or HTML would take for a sign of theirs is escaped. Mentions and references are
/// looked for after that, so a space without width stands behind their signs, as bots that quote others write it; an
/// address is no link.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(MOST));
    for letter in visible(text) {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("@&#8203;"),
            '#' => safe.push_str("\\#&#8203;"),
            '/' if safe.ends_with(':') => safe.push_str("&#8203;/"),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '~' | '$' => safe.extend(['\\', letter]),
            '\n' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
