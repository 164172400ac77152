//! Charts in a page: SVG in the page's own colours, in a wide form and one for a phone.

use crate::report::chart::{Chart, palette};
use crate::report::html::escape::escape;

/// A chart with its caption.
pub(super) fn figure(page: &mut String, chart: &Chart) {
    let (id, title) = (escape(&chart.id), escape(&chart.title));
    page.push_str(&format!("<section class=\"chart\" id=\"{id}\">\n<h3>{title}</h3>\n<figure>\n"));
    page.push_str(&inline(&chart.wide, "wide", &title));
    page.push_str(&inline(&chart.narrow, "narrow", &title));
    if !chart.caption.is_empty() {
        page.push_str(&format!("<figcaption>{}</figcaption>\n", escape(&chart.caption)));
    }
    page.push_str("</figure>\n</section>\n");
}

/// A chart as part of the page: without its prologue, as wide as there is room, in the page's colours.
fn inline(svg: &str, class: &str, title: &str) -> String {
    let from = svg.find("<svg").unwrap_or(0);
    let mut picture =
        svg[from..].replacen("<svg ", &format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{title}\" "), 1);
    // What holds anyway, or by the page's style, is a tenth of the page.
    for needless in [" opacity=\"1\"", " font-family=\"sans-serif\""] {
        picture = picture.replace(needless, "");
    }
    for colour in palette::all() {
        picture = picture.replace(&format!("\"{}\"", colour.light_hex()), &format!("\"var(--{})\"", colour.variable));
    }
    picture
}

/// The colours of charts and tones, for light pages and dark ones, and what fades when a path is pointed at.
pub(super) fn style() -> String {
    let list = |hex: fn(palette::Colour) -> String| {
        palette::all().map(|colour| format!("--{}:{};", colour.variable, hex(colour))).collect::<String>()
    };
    let fades = |place: usize| {
        let colour = palette::of_path(place).0.variable;
        format!(
            "body[data-at=\"{place}\"] svg [stroke^=\"var(--path-\"]:not([stroke=\"var(--{colour})\"]),body[data-at=\"{place}\"] svg [fill^=\"var(--path-\"]:not([fill=\"var(--{colour})\"])"
        )
    };
    let faded: Vec<String> = (0..palette::PATHS.len()).map(fades).collect();
    format!(
        ":root{{{}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{}}}}}\n{}{{opacity:.15}}\n",
        list(palette::Colour::light_hex),
        list(palette::Colour::dark_hex),
        faded.join(",")
    )
}
