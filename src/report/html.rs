//! `report.html`: one file that needs no network, for the desk, the phone, the projector and the printer.
//!
//! Everything that came from outside is escaped. Charts stand in the page as SVG whose colours are variables of the
//! style sheet, so that a dark page is dark all through.

use crate::report::chart::{Chart, palette};
use crate::report::model::Model;
use crate::report::sheet::Sheet;
use crate::report::table::{Cell, Column, Table, Tone};
use crate::report::words::Decision;

const STYLE: &str = include_str!("html.css");

/// The whole page.
#[must_use]
pub fn render(model: &Model, charts: &[Chart]) -> Vec<u8> {
    let mut page = String::with_capacity(1 << 18);
    head(&mut page, "hopmark report", &model.title, &model.subtitle, &model.conclusion);
    table(&mut page, &model.sheet, 2);
    decisions(&mut page, &model.decisions);
    validity(&mut page, model);
    findings(&mut page, model);
    table(&mut page, &model.overview, 2);
    for held in [&model.errors, &model.objectives, &model.expectations].into_iter().filter(|held| !held.rows.is_empty())
    {
        table(&mut page, held, 2);
    }
    charts.iter().for_each(|chart| figure(&mut page, chart));
    if !model.shifts.rows.is_empty() {
        table(&mut page, &model.shifts, 2);
    }
    model.effects.iter().filter(|table| !table.rows.is_empty()).for_each(|effects| table(&mut page, effects, 2));
    details(&mut page, model);
    page.push_str("</main>\n</body>\n</html>\n");
    page.into_bytes()
}

/// The whole page of a report on more than one run.
#[must_use]
pub fn render_sheet(sheet: &Sheet, charts: &[Chart]) -> Vec<u8> {
    let mut page = String::with_capacity(1 << 18);
    head(&mut page, sheet.kicker, &sheet.title, &sheet.subtitle, &sheet.conclusion);
    decisions(&mut page, &sheet.decisions);
    for (tone, text) in &sheet.warnings {
        page.push_str(&format!("<p class=\"advice {}\">{}</p>\n", tone.as_str(), escape(text)));
    }
    charts.iter().for_each(|chart| figure(&mut page, chart));
    sheet.shown().for_each(|shown| table(&mut page, shown, 2));
    notes(&mut page, &sheet.notes);
    page.push_str("</main>\n</body>\n</html>\n");
    page.into_bytes()
}

fn head(page: &mut String, kicker: &str, title: &str, subtitle: &str, (tone, sentence): &(Tone, String)) {
    let title = escape(title);
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
    page.push_str(&format!("<title>{title} – {kicker}</title>\n<style>\n{}{STYLE}</style>\n", variables()));
    page.push_str("</head>\n<body>\n<main>\n<header>\n");
    page.push_str(&format!("<p class=\"kicker\">{kicker}</p>\n<h1>{title}</h1>\n"));
    page.push_str(&format!("<p class=\"subtitle\">{}</p>\n", escape(subtitle)));
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
            page.push_str(&format!("<p>{}</p>\n", escape(&capital(detail))));
        }
        page.push_str("</article>\n");
    }
    page.push_str("</section>\n");
}

fn validity(page: &mut String, model: &Model) {
    let (tone, sentence) = &model.validity;
    page.push_str(&format!("<p class=\"validity {}\">Run {}</p>\n", tone.as_str(), escape(sentence)));
    for (tone, message, remedy) in &model.reasons {
        advice(page, *tone, message, remedy);
    }
    let (tone, own_error) = &model.own_error;
    page.push_str(&format!("<p class=\"own-error {}\">{}.</p>\n", tone.as_str(), escape(&capital(own_error))));
}

fn findings(page: &mut String, model: &Model) {
    for (path, message, remedy) in &model.findings {
        advice(page, Tone::Warn, &format!("{path}: {message}"), remedy);
    }
}

fn advice(page: &mut String, tone: Tone, message: &str, remedy: &str) {
    page.push_str(&format!(
        "<p class=\"advice {}\"><strong>{}.</strong> {}.</p>\n",
        tone.as_str(),
        escape(&capital(message)),
        escape(&capital(remedy))
    ));
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

fn details(page: &mut String, model: &Model) {
    page.push_str("<section>\n<h2>Every metric</h2>\n");
    model.metrics.iter().for_each(|metrics| table(page, metrics, 3));
    page.push_str("</section>\n");
    table(page, &model.lags, 2);
    page.push_str("<section>\n<h2>This machine while it measured</h2>\n<dl class=\"facts\">\n");
    for (label, value) in &model.rig {
        page.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", escape(label), escape(value)));
    }
    page.push_str("</dl>\n</section>\n");
    notes(page, &model.notes);
    page.push_str("<section>\n<h2>How it was measured</h2>\n<dl class=\"facts\">\n");
    for (label, value) in &model.facts {
        page.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", escape(label), escape(value)));
    }
    page.push_str("</dl>\n</section>\n<section>\n<h2>Words</h2>\n<dl class=\"words\">\n");
    for (word, meaning) in &model.glossary {
        page.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", escape(word), escape(meaning)));
    }
    page.push_str("</dl>\n</section>\n");
}

fn notes(page: &mut String, notes: &[String]) {
    if !notes.is_empty() {
        page.push_str("<section>\n<h2>Notes</h2>\n<ul>\n");
        notes.iter().for_each(|note| page.push_str(&format!("<li>{}</li>\n", escape(note))));
        page.push_str("</ul>\n</section>\n");
    }
}

/// Text as HTML and XML hold it, between tags and in quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other if other.is_control() && !matches!(other, '\n' | '\t') => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
