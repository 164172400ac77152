//! Tables and lists of a page. A wide table scrolls in its own box, with its first column in place.

use crate::report::html::escape::escape;
use crate::report::table::{Cell, Column, Table};

/// A table without its title.
pub(super) fn table(page: &mut String, table: &Table) {
    // Wide tables are scrolled by keys too.
    let label = escape(&table.title);
    page.push_str(&format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table>\n"));
    page.push_str("<thead><tr>");
    for column in &table.columns {
        page.push_str(&format!("<th scope=\"col\" class=\"{}\">{}</th>", class(*column), escape(column.head)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (column, cell) in table.columns.iter().zip(row) {
            page.push_str(&data(*column, cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    if let Some(note) = &table.note {
        page.push_str(&format!("<p class=\"note\">{}</p>\n", escape(note)));
    }
}

fn data(column: Column, cell: &Cell) -> String {
    format!("<td class=\"{} {}\">{}</td>", class(column), cell.tone.as_str(), escape(&cell.text))
}

fn class(column: Column) -> &'static str {
    match (column.figures, column.spare) {
        (true, true) => "figure spare",
        (true, false) => "figure",
        (false, true) => "spare",
        (false, false) => "word",
    }
}

/// Labels and what stands for each; nothing without any.
pub(super) fn definitions<'a>(page: &mut String, class: &str, list: impl Iterator<Item = (&'a str, &'a str)>) {
    let list: String =
        list.map(|(label, text)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(label), escape(text))).collect();
    if !list.is_empty() {
        page.push_str(&format!("<dl class=\"{class}\">\n{list}</dl>\n"));
    }
}
