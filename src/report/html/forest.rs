//! The forest plot of a page: a row a path, its shift with its interval on one scale, and beside it all that decides.

use crate::report::chart::axis::Axis;
use crate::report::chart::palette::{self, Mark};
use crate::report::html::escape::escape;
use crate::report::overview::{Overview, PathLine, Shift};
use crate::report::table::Cell;

/// How much of the width stays free at either side, for labels of ticks.
const SIDE: f64 = 5.0;

/// Ticks that the scale has room for.
const TICKS: usize = 4;

/// The table of all paths.
pub(super) fn forest(page: &mut String, overview: &Overview) {
    let axis = scale(overview);
    let is_compared = overview.paths.iter().any(|path| path.shift.is_some());
    page.push_str("<section id=\"paths\" class=\"overview\">\n");
    page.push_str(&format!("<h2>{}</h2>\n", escape(&overview.title)));
    page.push_str("<table class=\"paths\">\n<thead><tr><th scope=\"col\" class=\"who\">path</th>");
    page.push_str("<th scope=\"col\" class=\"verdict\">verdict</th>");
    if is_compared {
        page.push_str(&format!("<th scope=\"col\" class=\"plot\">{}</th>", head(&axis)));
    }
    for column in &overview.heads {
        page.push_str(&format!("<th scope=\"col\" class=\"fact\">{}</th>", escape(column.head)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for path in &overview.paths {
        row(page, overview, path, is_compared.then_some(&axis));
    }
    page.push_str("</tbody></table>\n");
    if !overview.note.is_empty() {
        page.push_str(&format!("<p class=\"note\">{}</p>\n", escape(&overview.note)));
    }
    page.push_str("</section>\n");
}

/// From the lowest to the highest of all shifts, intervals and margins, zero among them, and never so narrow that a
/// difference that is nothing fills it.
fn scale(overview: &Overview) -> Axis {
    let shifts = || overview.paths.iter().filter_map(|path| path.shift);
    let ends = |shift: Shift| {
        let (low, high) = shift.ci_ms.unwrap_or((shift.ms, shift.ms));
        [shift.ms, low, high, shift.margin_ms.unwrap_or(0.0)]
    };
    let least = overview.least_reach_ms;
    let reached = shifts().flat_map(ends).filter(|ms| ms.is_finite());
    let (low, high) = reached.fold((0.0, 0.0), |(low, high), ms| (f64::min(low, ms), f64::max(high, ms)));
    // A side on which nothing lies needs no more than the least.
    Axis::linear(low.min(-least), high.max(least), TICKS)
}

/// The place of a shift, in percent of the width.
fn at(axis: &Axis, ms: f64) -> f64 {
    SIDE + (100.0 - 2.0 * SIDE) * axis.place(ms)
}

fn line(class: &str, x: f64) -> String {
    format!("<line class=\"{class}\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"100%\"/>")
}

fn head(axis: &Axis) -> String {
    let tick = |(ms, label): &(f64, String)| {
        let sign = if *ms > 0.0 { "+" } else { "" };
        format!("<text x=\"{:.2}%\" y=\"14\">{sign}{label}</text>", at(axis, *ms))
    };
    let ticks: String = axis.ticks.iter().map(tick).collect();
    format!(
        "<span>shift, ms</span><svg class=\"forest scale\" role=\"img\" aria-label=\"scale, milliseconds\">{ticks}</svg>"
    )
}

fn row(page: &mut String, overview: &Overview, path: &PathLine, axis: Option<&Axis>) {
    let place = path.place % palette::PATHS.len();
    page.push_str(&format!("<tr data-path=\"{place}\">"));
    let key = format!("<svg class=\"key\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\">{}</svg>", mark(path.place));
    let way: Vec<String> = path.way.iter().map(toned).collect();
    page.push_str(&format!(
        "<th scope=\"row\" class=\"who\">{key}<strong>{}</strong><small>{}</small></th>",
        escape(&path.name),
        way.join(" · ")
    ));
    page.push_str(&format!(
        "<td class=\"verdict\"><strong class=\"{}\">{}</strong><small>{}</small></td>",
        path.verdict.tone.as_str(),
        escape(&path.verdict.text),
        escape(&path.budget.text)
    ));
    if let Some(axis) = axis {
        page.push_str("<td class=\"plot\">");
        page.push_str(&bar(path, axis));
        page.push_str(&format!(
            "<span class=\"{}\">{}</span></td>",
            path.figures.tone.as_str(),
            escape(&path.figures.text)
        ));
    }
    for (column, cell) in overview.heads.iter().zip(&path.facts) {
        page.push_str(&format!(
            "<td class=\"fact {}\" data-label=\"{}\">{}</td>",
            cell.tone.as_str(),
            escape(column.head),
            escape(&cell.text)
        ));
    }
    page.push_str("</tr>\n");
}

fn toned(cell: &Cell) -> String {
    format!("<span class=\"{}\">{}</span>", cell.tone.as_str(), escape(&cell.text))
}

/// A path's shift on the scale; the scale alone where nothing may be drawn.
fn bar(path: &PathLine, axis: &Axis) -> String {
    let told = escape(&format!("{}: {}", path.name, path.figures.text));
    let mut svg = format!("<svg class=\"forest\" role=\"img\" aria-label=\"{told}\"><title>{told}</title>");
    let colour = palette::of_path(path.place).0.variable;
    if let Some(margin) = path.shift.and_then(|shift| shift.margin_ms).filter(|margin| margin.is_finite()) {
        let (from, to) = (at(axis, axis.from), at(axis, margin));
        svg.push_str(&format!(
            "<rect class=\"margin\" x=\"{from:.2}%\" width=\"{:.2}%\" y=\"0\" height=\"100%\"/>",
            to - from
        ));
    }
    svg.extend(axis.ticks.iter().map(|(ms, _)| line("tick", at(axis, *ms))));
    svg.push_str(&line("zero", at(axis, 0.0)));
    if let Some(shift) = path.shift {
        if let Some((low, high)) = shift.ci_ms {
            let (low, high) = (at(axis, low), at(axis, high));
            svg.push_str(&format!(
                "<line class=\"interval\" stroke=\"var(--{colour})\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"50%\" y2=\"50%\"/>"
            ));
        }
        let x = at(axis, shift.ms);
        svg.push_str(&format!("<svg x=\"{x:.2}%\" y=\"50%\" overflow=\"visible\">{}</svg>", mark(path.place)));
    }
    svg.push_str("</svg>");
    svg
}

/// The mark of a path around the origin.
fn mark(place: usize) -> String {
    let (colour, mark) = palette::of_path(place);
    let fill = format!("fill=\"var(--{})\"", colour.variable);
    let polygon = |points: &str| format!("<polygon {fill} points=\"{points}\"/>");
    match mark {
        Mark::Disc => format!("<circle {fill} r=\"6\"/>"),
        Mark::Triangle => polygon("0,-7 7,6 -7,6"),
        Mark::Square => polygon("-5.5,-5.5 5.5,-5.5 5.5,5.5 -5.5,5.5"),
        Mark::Diamond => polygon("0,-7.5 7.5,0 0,7.5 -7.5,0"),
        Mark::Down => polygon("0,7 7,-6 -7,-6"),
        Mark::Bar => polygon("-7.5,-3 7.5,-3 7.5,3 -7.5,3"),
        Mark::Cross => polygon("-2,-7 2,-7 2,-2 7,-2 7,2 2,2 2,7 -2,7 -2,2 -7,2 -7,-2 -2,-2"),
        Mark::Ring => format!("<circle {fill} r=\"6\"/><circle fill=\"var(--paper)\" r=\"3\"/>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shifts: &[Shift], least_reach_ms: f64) -> Axis {
        let line = |(place, shift): (usize, &Shift)| PathLine {
            place,
            name: format!("path {place}"),
            way: Vec::new(),
            shift: Some(*shift),
            figures: "".into(),
            verdict: "".into(),
            budget: "".into(),
            facts: Vec::new(),
        };
        let paths = shifts.iter().enumerate().map(line).collect();
        scale(&Overview { title: String::new(), heads: Vec::new(), paths, least_reach_ms, note: String::new() })
    }

    #[test]
    fn the_scale_holds_every_interval_and_zero_and_blows_nothing_up() {
        let shift = |ms: f64, arm: f64| Shift { ms, ci_ms: Some((ms - arm, ms + arm)), margin_ms: None };
        for (shifts, least) in [
            (vec![Shift::default(), shift(27.0, 1.0), shift(6.0, 0.4)], 1.5),
            (vec![Shift::default(), shift(0.01, 0.002)], 1.5),
            (vec![Shift::default(), shift(-40.0, 60.0)], 1.0),
            (vec![Shift::default(), Shift { margin_ms: Some(80.0), ..shift(2.0, 1.0) }], 1.0),
            (vec![Shift::default()], 1.0),
        ] {
            let axis = of(&shifts, least);
            assert!(axis.from <= -least && axis.to >= least, "{axis:?}");
            for shift in &shifts {
                let (low, high) = shift.ci_ms.unwrap_or_default();
                assert!(axis.from <= low && high <= axis.to && shift.margin_ms.is_none_or(|ms| ms <= axis.to));
            }
        }
        // A hundredth of a millisecond is no bar of the page's width.
        let axis = of(&[Shift::default(), shift(0.01, 0.002)], 1.5);
        assert!((at(&axis, 0.01) - at(&axis, 0.0)).abs() < 1.0, "{axis:?}");
    }
}
