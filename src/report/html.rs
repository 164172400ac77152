//! `report.html`: one file that needs no network, for the desk, the phone, the projector and the printer.
//!
//! Its first screen holds what is needed to decide; what went wrong comes next; the rest is folded, and opens for the
//! printer. Everything that came from outside is escaped. Charts stand in the page as SVG whose colours are variables of
//! the style sheet, so that a dark page is dark all through.

mod escape;
mod forest;
mod picture;
mod sections;
mod table;

pub(crate) use escape::escape;

use crate::report::chart::Chart;
use crate::report::document::{Decision, Document, Remark};
use crate::report::figure::capitalized;
use crate::report::table::Tone;
use sections::{SECTIONS, Section, Text};

const STYLE: &str = include_str!("html/page.css");

/// Opens what is folded for the printer and for links, and tells which path is pointed at. The page is whole without it.
const SCRIPT: &str = include_str!("html/page.js");

/// The whole page.
pub(crate) fn render(document: &Document, charts: &[Chart]) -> Vec<u8> {
    let mut page = String::with_capacity(1 << 18);
    head(&mut page, document);
    lead(&mut page, document, !charts.is_empty());
    let bodies: Vec<(Section, String)> =
        sections_of(document, charts).into_iter().filter(|(_, body)| !body.is_empty()).collect();
    contents(&mut page, bodies.iter().map(|(section, _)| section));
    for (section, body) in &bodies {
        let Section { id, title, .. } = section;
        if section.folded {
            page.push_str(&format!("<details>\n<summary><h2>{title}</h2></summary>\n"));
            page.push_str(&format!("<section id=\"{id}\">\n{body}</section>\n</details>\n"));
        } else {
            page.push_str(&format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n"));
        }
    }
    page.push_str(&format!("</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
    page.into_bytes()
}

fn head(page: &mut String, document: &Document) {
    let (title, kicker) = (escape(&document.title), document.subject.kicker());
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
    page.push_str(&format!("<title>{title} – {kicker}</title>\n<style>\n{}{STYLE}</style>\n", picture::style()));
    page.push_str("</head>\n<body>\n<main>\n<header>\n");
    page.push_str(&format!("<p class=\"kicker\">{kicker}</p>\n<h1>{title}</h1>\n"));
    page.push_str(&format!("<p class=\"subtitle\">{}</p>\n</header>\n", escape(&document.subtitle)));
}

/// The first screen: the conclusion, what to do, every path, and how far all of it can be trusted.
fn lead(page: &mut String, document: &Document, has_charts: bool) {
    let (tone, sentence) = &document.conclusion;
    let lead = &document.lead;
    if !sentence.is_empty() || !lead.recommendation.is_empty() {
        page.push_str(&format!("<div class=\"banner {}\">\n", tone.as_str()));
        let both = [("conclusion", sentence), ("recommendation", &lead.recommendation)];
        for (class, text) in both.into_iter().filter(|(_, text)| !text.is_empty()) {
            page.push_str(&format!("<p class=\"{class}\">{}</p>\n", escape(text)));
        }
        page.push_str("</div>\n");
    }
    if let Some(overview) = &lead.overview {
        forest::forest(page, overview, has_charts);
    }
    page.push_str("<div class=\"trust\">\n");
    document.remarks.iter().for_each(|remark| trust(page, remark));
    if !lead.scope.is_empty() {
        page.push_str(&format!("<p>{}</p>\n", escape(&lead.scope.join(" "))));
    }
    page.push_str("</div>\n");
}

/// How far a run can be trusted.
fn trust(page: &mut String, remark: &Remark) {
    match remark {
        Remark::Validity(tone, sentence) => {
            page.push_str(&format!("<p class=\"validity {}\">Run {}</p>\n", tone.as_str(), escape(sentence)));
        }
        Remark::OwnError(..) => own_error(page, remark, &[Tone::Warn, Tone::Bad]),
        Remark::Reason(..) | Remark::Finding { .. } | Remark::Warning(..) => {}
    }
}

/// How wrong this tool itself is on that machine, if it is said in one of these tones: good news need not stand above.
fn own_error(page: &mut String, remark: &Remark, tones: &[Tone]) {
    match remark {
        Remark::OwnError(tone, text) if tones.contains(tone) => {
            page.push_str(&format!("<p class=\"own-error {}\">{}.</p>\n", tone.as_str(), escape(&capitalized(text))));
        }
        Remark::OwnError(..)
        | Remark::Validity(..)
        | Remark::Reason(..)
        | Remark::Finding { .. }
        | Remark::Warning(..) => {}
    }
}

/// What speaks against a run, what paths did wrong, and what to have in mind.
fn remark(page: &mut String, remark: &Remark) {
    match remark {
        Remark::Validity(..) | Remark::OwnError(..) => {}
        Remark::Reason(tone, message, remedy) => advice(page, *tone, message, remedy),
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

fn decisions(page: &mut String, decisions: &[Decision]) {
    if decisions.is_empty() {
        return;
    }
    page.push_str("<div class=\"decisions\">\n");
    for decision in decisions {
        page.push_str(&format!("<article class=\"card {}\">\n", decision.tone.as_str()));
        page.push_str(&format!("<h3>{}</h3>\n", escape(&decision.sentence)));
        for detail in &decision.details {
            page.push_str(&format!("<p>{}</p>\n", escape(&capitalized(detail))));
        }
        page.push_str("</article>\n");
    }
    page.push_str("</div>\n");
}

fn notes(page: &mut String, notes: &[String]) {
    if !notes.is_empty() {
        page.push_str("<ul>\n");
        notes.iter().for_each(|note| page.push_str(&format!("<li>{}</li>\n", escape(note))));
        page.push_str("</ul>\n");
    }
}

fn contents<'a>(page: &mut String, sections: impl Iterator<Item = &'a Section>) {
    let link = |section: &Section| format!("<a href=\"#{}\">{}</a>\n", section.id, section.title);
    page.push_str("<nav aria-label=\"Contents\">\n");
    page.extend(sections.map(link));
    page.push_str("</nav>\n");
}

/// Every section and what it holds. A chart stands in the first section that names it.
fn sections_of(document: &Document, charts: &[Chart]) -> Vec<(Section, String)> {
    let mut left: Vec<&Chart> = charts.iter().collect();
    let mut body = |section: &Section| {
        let mut page = String::new();
        text(&mut page, document, section.text);
        let is_own = |chart: &&Chart| section.charts.iter().any(|begin| chart.id.starts_with(begin));
        let (own, others): (Vec<&Chart>, Vec<&Chart>) = left.iter().copied().partition(is_own);
        left = others;
        own.into_iter().for_each(|chart| picture::figure(&mut page, chart));
        for (_, shown) in document.tables_on(section.topics) {
            if shown.title != section.title {
                page.push_str(&format!("<h3>{}</h3>\n", escape(&shown.title)));
            }
            table::table(&mut page, shown);
        }
        page
    };
    SECTIONS.iter().map(|section| (*section, body(section))).collect()
}

fn text(page: &mut String, document: &Document, text: Text) {
    match text {
        Text::None => {}
        Text::Remarks => document.remarks.iter().for_each(|one| remark(page, one)),
        Text::Decisions => decisions(page, &document.decisions),
        Text::Notes => notes(page, &document.notes),
        Text::Facts => {
            document.remarks.iter().for_each(|one| own_error(page, one, &[Tone::Plain, Tone::Quiet]));
            let facts = document.facts.iter().chain(&document.machine);
            table::definitions(page, "facts", facts.map(|(label, text)| (*label, text.as_str())));
        }
        Text::Words => {
            table::definitions(page, "words", document.glossary.iter().map(|(term, text)| (term.as_str(), *text)));
        }
    }
}
