//! A report on more than one run as Markdown, for pull requests and job summaries.

use crate::report::sheet::Sheet;
use crate::report::table::{Cell, Table, Tone};

/// The text.
#[must_use]
pub fn render(sheet: &Sheet) -> String {
    let mut parts = vec![format!("## {}", escape(&sheet.title)), escape(&sheet.subtitle)];
    let (tone, sentence) = &sheet.conclusion;
    if !sentence.is_empty() {
        parts.push(format!("{}**{}**", sign(*tone), escape(sentence)));
    }
    for decision in &sheet.decisions {
        let strong = if decision.tone == Tone::Quiet { "" } else { "**" };
        let sentence = escape(&decision.sentence);
        let mut lines = vec![format!("- {}{strong}{sentence}{strong}", sign(decision.tone))];
        lines.extend(decision.details.iter().map(|detail| format!("  - {}", escape(detail))));
        parts.push(lines.join("\n"));
    }
    parts.extend(sheet.warnings.iter().map(|(tone, text)| format!("> {}{}", sign(*tone), escape(text))));
    parts.extend(sheet.shown().map(table));
    parts.extend(sheet.notes.iter().map(|note| format!("> {}", escape(note))));
    parts.join("\n\n") + "\n"
}

fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Quiet => "",
        Tone::Good => "✅ ",
        Tone::Warn => "⚠️ ",
        Tone::Bad => "❌ ",
    }
}

fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![format!("### {}\n", escape(&table.title))];
    lines.push(line(table.columns.iter().map(|column| escape(column.head)).collect()));
    let rule = table.columns.iter().map(|column| if column.figures { "---:" } else { "---" });
    lines.push(line(rule.map(str::to_owned).collect()));
    lines.extend(table.rows.iter().map(|row| line(row.iter().map(|cell: &Cell| escape(&cell.text)).collect())));
    lines.extend(table.note.iter().map(|note| format!("\n{}", escape(note))));
    lines.join("\n")
}

/// Letters that Markdown or HTML would read as more than letters are written so that they are not.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                safe.push('\\');
                safe.push(letter);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            other if other.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::{figures, words};

    #[test]
    fn what_comes_from_outside_stays_text() {
        let sheet = Sheet {
            kicker: "k",
            title: "a|b <i>*c*</i>".to_owned(),
            subtitle: String::new(),
            conclusion: (Tone::Bad, "no".to_owned()),
            decisions: Vec::new(),
            tables: vec![
                Table::default(),
                Table {
                    title: "T".to_owned(),
                    columns: vec![words("w"), figures("f")],
                    rows: vec![vec!["x|y\nz".into(), "1".into()]],
                    note: None,
                },
            ],
            warnings: Vec::new(),
            notes: Vec::new(),
        };
        let text = render(&sheet);
        assert!(text.starts_with("## a\\|b &lt;i&gt;\\*c\\*&lt;/i&gt;\n"), "{text}");
        assert!(text.contains("❌ **no**") && text.ends_with("| w | f |\n| --- | ---: |\n| x\\|y z | 1 |\n"), "{text}");
    }
}
