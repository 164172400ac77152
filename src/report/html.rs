//! `report.html`: one file that needs no network, for the desk, the phone, the projector and the printer.
//!
//! Everything that came from outside is escaped. Charts stand in the page as SVG whose colours are variables of the
//! style sheet, so that a dark page is dark all through.

use crate::report::chart::{Chart, palette};
use crate::report::document::{Decision, Document, Remark, Topic};
use crate::report::figure::capitalized;
use crate::report::table::{Cell, Column, Table, Tone};
use crate::visible::{MOST, visible};

const STYLE: &str = include_str!("html.css");

/// The tables above the charts, in their order.
const ABOVE: [Topic; 6] =
    [Topic::Paths, Topic::Ways, Topic::Rungs, Topic::Errors, Topic::Objectives, Topic::Expectations];
/// The tables below them.
const BELOW: [Topic; 7] = [
    Topic::Shifts,
    Topic::Effects,
    Topic::FailedCalls,
    Topic::Differences,
    Topic::Series,
    Topic::Changes,
    Topic::NotJudged,
];

/// The whole page.
pub(crate) fn render(document: &Document, charts: &[Chart]) -> Vec<u8> {
    let mut page = String::with_capacity(1 << 18);
    head(&mut page, document);
    tables(&mut page, document, &[Topic::Budgets]);
    decisions(&mut page, &document.decisions);
    document.remarks.iter().for_each(|one| remark(&mut page, one));
    tables(&mut page, document, &ABOVE);
    charts.iter().for_each(|chart| figure(&mut page, chart));
    tables(&mut page, document, &BELOW);
    metrics(&mut page, document);
    tables(&mut page, document, &[Topic::SendLag]);
    facts(&mut page, "This machine while it measured", &document.machine);
    notes(&mut page, &document.notes);
    facts(&mut page, "How it was measured", &document.facts);
    glossary(&mut page, &document.glossary);
    page.push_str("</main>\n</body>\n</html>\n");
    page.into_bytes()
}

fn head(page: &mut String, document: &Document) {
    let (title, kicker) = (escape(&document.title), document.subject.kicker());
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
    page.push_str(&format!("<title>{title} – {kicker}</title>\n<style>\n{}{STYLE}</style>\n", variables()));
    page.push_str("</head>\n<body>\n<main>\n<header>\n");
    page.push_str(&format!("<p class=\"kicker\">{kicker}</p>\n<h1>{title}</h1>\n"));
    page.push_str(&format!("<p class=\"subtitle\">{}</p>\n", escape(&document.subtitle)));
    let (tone, sentence) = &document.conclusion;
    if !sentence.is_empty() {
        page.push_str(&format!("<p class=\"banner {}\">{}</p>\n", tone.as_str(), escape(sentence)));
    }
    page.push_str("</header>\n");
}

/// The colours of charts and tones, for light pages and dark ones.
fn variables() -> String {
    let list = |hex: fn(palette::Colour) -> String| {
        palette::all().map(|colour| format!("--{}:{};", colour.variable, hex(colour))).collect::<String>()
    };
    let dark = list(palette::Colour::dark_hex);
    format!(
        ":root{{{}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n",
        list(palette::Colour::light_hex)
    )
}

fn decisions(page: &mut String, decisions: &[Decision]) {
    page.push_str("<section class=\"decisions\" id=\"decision\">\n");
    for decision in decisions {
        page.push_str(&format!("<article class=\"card {}\">\n", decision.tone.as_str()));
        page.push_str(&format!("<h2>{}</h2>\n", escape(&decision.sentence)));
        for detail in &decision.details {
            page.push_str(&format!("<p>{}</p>\n", escape(&capitalized(detail))));
        }
        page.push_str("</article>\n");
    }
    page.push_str("</section>\n");
}

fn remark(page: &mut String, remark: &Remark) {
    match remark {
        Remark::Validity(tone, sentence) => {
            page.push_str(&format!("<p class=\"validity {}\">Run {}</p>\n", tone.as_str(), escape(sentence)));
        }
        Remark::Reason(tone, message, remedy) => advice(page, *tone, message, remedy),
        Remark::OwnError(tone, text) => {
            page.push_str(&format!("<p class=\"own-error {}\">{}.</p>\n", tone.as_str(), escape(&capitalized(text))));
        }
        Remark::Finding { path, message, remedy } => advice(page, Tone::Warn, &format!("{path}: {message}"), remedy),
        Remark::Warning(tone, text) => {
            page.push_str(&format!("<p class=\"advice {}\">{}</p>\n", tone.as_str(), escape(text)));
        }
    }
}

fn advice(page: &mut String, tone: Tone, message: &str, remedy: &str) {
    page.push_str(&format!(
        "<p class=\"advice {}\"><strong>{}.</strong> {}.</p>\n",
        tone.as_str(),
        escape(&capitalized(message)),
        escape(&capitalized(remedy))
    ));
}

fn tables(page: &mut String, document: &Document, topics: &[Topic]) {
    document.tables_on(topics).for_each(|(_, shown)| table(page, shown, 2));
}

fn table(page: &mut String, table: &Table, level: u8) {
    page.push_str(&format!("<section>\n<h{level}>{}</h{level}>\n", escape(&table.title)));
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
    page.push_str("</section>\n");
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

fn figure(page: &mut String, chart: &Chart) {
    let (id, title) = (escape(&chart.id), escape(&chart.title));
    page.push_str(&format!("<section class=\"chart\" id=\"{id}\">\n<h2>{title}</h2>\n<figure>\n"));
    page.push_str(&inline(&chart.wide, "wide", &title));
    page.push_str(&inline(&chart.narrow, "narrow", &title));
    page.push_str(&format!("<figcaption>{}</figcaption>\n</figure>\n</section>\n", escape(&chart.caption)));
}

/// A chart as part of the page: without its prologue, as wide as there is room, in the page's colours.
fn inline(svg: &str, class: &str, title: &str) -> String {
    let from = svg.find("<svg").unwrap_or(0);
    let mut picture =
        svg[from..].replacen("<svg ", &format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{title}\" "), 1);
    for colour in palette::all() {
        picture = picture.replace(&format!("\"{}\"", colour.light_hex()), &format!("\"var(--{})\"", colour.variable));
    }
    picture
}

fn metrics(page: &mut String, document: &Document) {
    if document.tables_on(&[Topic::Metrics]).next().is_some() {
        page.push_str("<section>\n<h2>Every metric</h2>\n");
        document.tables_on(&[Topic::Metrics]).for_each(|(_, metrics)| table(page, metrics, 3));
        page.push_str("</section>\n");
    }
}

fn facts(page: &mut String, title: &str, facts: &[(&'static str, String)]) {
    definitions(page, title, "facts", facts.iter().map(|(label, value)| (*label, value.as_str())));
}

fn glossary(page: &mut String, glossary: &[(String, &'static str)]) {
    definitions(page, "Words", "words", glossary.iter().map(|(term, meaning)| (term.as_str(), *meaning)));
}

/// Labels and what stands for each; nothing without any.
fn definitions<'a>(page: &mut String, title: &str, class: &str, list: impl Iterator<Item = (&'a str, &'a str)>) {
    let list: String =
        list.map(|(label, text)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(label), escape(text))).collect();
    if !list.is_empty() {
        page.push_str(&format!("<section>\n<h2>{title}</h2>\n<dl class=\"{class}\">\n{list}</dl>\n</section>\n"));
    }
}

fn notes(page: &mut String, notes: &[String]) {
    if !notes.is_empty() {
        page.push_str("<section>\n<h2>Notes</h2>\n<ul>\n");
        notes.iter().for_each(|note| page.push_str(&format!("<li>{}</li>\n", escape(note))));
        page.push_str("</ul>\n</section>\n");
    }
}

/// Text as HTML and XML hold it, between tags and in quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(MOST));
    for letter in visible(text) {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
