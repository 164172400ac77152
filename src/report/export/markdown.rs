//! `summary.md`: the report for pull requests and job summaries, in GitHub's and GitLab's Markdown.

use crate::report::model::Model;
use crate::report::table::{Cell, Column, Table, Tone};

/// The bytes of `summary.md`.
#[must_use]
pub fn render(model: &Model) -> Vec<u8> {
    let mut parts = vec![format!("## {}", escape(&model.title)), escape(&model.subtitle)];
    let (tone, sentence) = &model.conclusion;
    if !sentence.is_empty() {
        parts.push(format!("{}**{}**", mark(*tone), escape(sentence)));
    }
    parts.extend(table(&model.sheet));
    for decision in &model.decisions {
        let details = decision.details.iter().map(|detail| format!("\n  - {}", escape(detail)));
        let details: String = details.collect();
        let strong = if decision.tone == Tone::Quiet { "" } else { "**" };
        let sentence = escape(&decision.sentence);
        parts.push(format!("- {}{strong}{sentence}{strong}{details}", arrow(decision.tone)));
    }
    let tables = [&model.objectives, &model.expectations, &model.overview, &model.errors, &model.shifts];
    parts.extend(tables.into_iter().filter_map(table));
    let (tone, sentence) = &model.validity;
    parts.push(format!("{}Run {}", mark(*tone), escape(sentence)));
    let reasons = model.reasons.iter().map(|(_, message, remedy)| (message, remedy));
    let reason = |(message, remedy): (&String, &String)| format!("- {}; {}", escape(message), escape(remedy));
    parts.extend(list(reasons.map(reason)));
    let finding = |(path, message, remedy): &(String, String, String)| {
        format!("- **{}**: {}; {}", escape(path), escape(message), escape(remedy))
    };
    parts.extend(list(model.findings.iter().map(finding)));
    parts.extend(list(model.notes.iter().map(|note| format!("- {}", escape(note)))));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text.into_bytes()
}

fn list(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    (!items.is_empty()).then(|| items.join("\n"))
}

fn table(table: &Table) -> Option<String> {
    if table.rows.is_empty() {
        return None;
    }
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = |column: &Column| if column.figures { "--:" } else { ":--" }.to_owned();
    let mut lines = vec![
        format!("### {}\n", escape(&table.title)),
        line(table.columns.iter().map(|column| escape(column.head)).collect()),
        line(table.columns.iter().map(rule).collect()),
    ];
    lines.extend(table.rows.iter().map(|row| line(row.iter().map(cell).collect())));
    if let Some(note) = &table.note {
        lines.push(format!("\n<sub>{}</sub>", escape(note)));
    }
    Some(lines.join("\n"))
}

fn cell(cell: &Cell) -> String {
    let text = escape(&cell.text);
    if cell.tone == Tone::Bad { format!("**{text}**") } else { text }
}

fn mark(tone: Tone) -> &'static str {
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

/// Text as it is: what Markdown or HTML would take for a sign of theirs is escaped, and a line stays a line.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '#' | '~' | '@' => safe.extend(['\\', letter]),
            other if other.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
