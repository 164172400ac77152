//! The forest plot of a page: a row a path, its shift with its interval on one scale, and beside it all that decides.

use crate::report::chart::axis::Axis;
use crate::report::chart::palette::{self, Mark};
use crate::report::figure;
use crate::report::html::escape::escape;
use crate::report::overview::{Overview, PathLine, Shift};
use crate::report::table::Cell;

/// How much of the width stays free at either side, for labels of ticks.
const SIDE: f64 = 5.0;

/// Ticks that the scale has room for.
const TICKS: usize = 4;

/// What can be done with a path where there are charts.
const HINT: &str = "Point at a path to make it stand out in every chart; press it to keep it so.";

/// The table of all paths; `has_charts` if there are any on the page.
pub(super) fn forest(page: &mut String, overview: &Overview, has_charts: bool) {
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
    let hint = if has_charts && overview.paths.len() > 1 {
        format!(" <span class=\"hint\">{HINT}</span>")
    } else {
        String::new()
    };
    if !overview.note.is_empty() || !hint.is_empty() {
        page.push_str(&format!("<p class=\"note\">{}{hint}</p>\n", escape(&overview.note)));
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
    page.push_str(&format!("<tr data-path=\"{place}\" tabindex=\"0\">"));
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
            "<span class=\"{}\">{}</span>{}</td>",
            path.figures.tone.as_str(),
            escape(&path.figures.text),
            drawn_margin(path)
                .map_or(String::new(), |ms| format!("<small>margin {} ms</small>", figure::bare_shift(ms)))
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

/// The margin of a path, if there is one to shade.
fn drawn_margin(path: &PathLine) -> Option<f64> {
    path.shift.and_then(|shift| shift.margin_ms).filter(|margin| margin.is_finite())
}

/// A path's shift on the scale; the scale alone where nothing may be drawn.
fn bar(path: &PathLine, axis: &Axis) -> String {
    let told = escape(&format!("{}: {}", path.name, path.figures.text));
    let mut svg = format!("<svg class=\"forest\" role=\"img\" aria-label=\"{told}\"><title>{told}</title>");
    let colour = palette::of_path(path.place).0.variable;
    if let Some(margin) = drawn_margin(path) {
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
            // Ends that stand out where the mark is wider than the interval.
            let end = |x: f64| {
                format!(
                    "<line class=\"end\" stroke=\"var(--{colour})\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"5%\" y2=\"95%\"/>"
                )
            };
            svg.extend([low, high].map(end));
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
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_assert, proptest};

    use super::*;
    use crate::report::shift::shift_figures;

    fn of(shifts: &[Shift], least_reach_ms: f64) -> Overview {
        let line = |(place, shift): (usize, &Shift)| PathLine {
            place,
            name: format!("path {place}"),
            way: Vec::new(),
            shift: Some(*shift),
            figures: Cell::maybe(shift_figures(Some(shift.ms), shift.ci_ms).map(|text| format!("{text} ms"))),
            verdict: "".into(),
            budget: "".into(),
            facts: Vec::new(),
        };
        let paths = shifts.iter().enumerate().map(line).collect();
        Overview { title: String::new(), heads: Vec::new(), paths, least_reach_ms, note: String::new() }
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
            let axis = scale(&of(&shifts, least));
            assert!(axis.from <= -least && axis.to >= least, "{axis:?}");
            for shift in &shifts {
                let (low, high) = shift.ci_ms.unwrap_or_default();
                assert!(axis.from <= low && high <= axis.to && shift.margin_ms.is_none_or(|ms| ms <= axis.to));
            }
        }
        // A hundredth of a millisecond is no bar of the page's width.
        let axis = scale(&of(&[Shift::default(), shift(0.01, 0.002)], 1.5));
        assert!((at(&axis, 0.01) - at(&axis, 0.0)).abs() < 1.0, "{axis:?}");
    }

    /// The number of an attribute of the first element that has it, in percent.
    fn percent(element: &str, name: &str) -> f64 {
        let from = element.find(&format!(" {name}=\"")).expect(name) + name.len() + 3;
        let text = &element[from..];
        text[..text.find('%').expect("percent")].parse().expect("a number")
    }

    /// A number as people write it.
    fn number(text: &str) -> f64 {
        text.replace('−', "-").replace('+', "").parse().expect(text)
    }

    /// The numbers of a text in milliseconds, each with half of its last digit.
    fn numbers(text: &str) -> Vec<(f64, f64)> {
        let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '+' | '−');
        let words = text.split(|letter| !is_part(letter)).filter(|word| word.contains(|c: char| c.is_ascii_digit()));
        let half = |word: &str| 0.5 / 10f64.powi(word.split_once('.').map_or(0, |(_, digits)| digits.len() as i32));
        words.map(|word| (number(word), half(word))).collect()
    }

    /// The elements of this kind and class in a piece of a page.
    fn elements<'a>(page: &'a str, begin: &str) -> Vec<&'a str> {
        page.match_indices(begin).map(|(at, _)| &page[at..at + page[at..].find('>').expect("an end")]).collect()
    }

    /// Every row of a page: what its bar says when it is mapped back through the ticks of the scale, and what is written
    /// beside it; each with how far the two may lie apart.
    fn read_back(page: &str) -> Vec<[(f64, f64, f64); 4]> {
        let head = &page[page.find("forest scale").expect("a scale")..page.find("</thead>").expect("a head")];
        let tick = |piece: &str| {
            let label = &piece[piece.find('>').expect("a tag") + 1..piece.find("</text>").expect("a tick")];
            (percent(&format!(" {piece}"), "x"), number(label))
        };
        let ticks: Vec<(f64, f64)> = head.split("<text").skip(1).map(tick).collect();
        let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
        let a_percent = (last.1 - first.1) / (last.0 - first.0);
        let ms = |x: f64| first.1 + a_percent * (x - first.0);
        for (x, label) in &ticks {
            assert!((ms(*x) - label).abs() <= 0.03 * a_percent, "ticks are not even: {ticks:?}");
        }
        let row = |row: &str| {
            let svg = &row[row.find("<svg class=\"forest\"").expect("a plot")..];
            let told = numbers(&svg[svg.find("<span").expect("figures")..svg.find("</td>").expect("an end")]);
            let point = elements(&svg[1..], "<svg x=").first().map(|mark| percent(mark, "x")).expect("a mark");
            let interval = elements(svg, "<line class=\"interval\"").first().copied();
            let margin = elements(svg, "<rect class=\"margin\"").first().copied();
            let ends = interval.map(|line| [percent(line, "x1"), percent(line, "x2")]);
            let stands: Vec<f64> = elements(svg, "<line class=\"end\"").iter().map(|end| percent(end, "x1")).collect();
            assert_eq!(stands, ends.map_or(Vec::new(), |ends| ends.to_vec()), "the ends of the interval");
            let edge = margin.map(|shade| percent(shade, "x") + percent(shade, "width"));
            let drawn = [Some(point), ends.map(|ends| ends[0]), ends.map(|ends| ends[1]), edge];
            let drawn: Vec<f64> = drawn.into_iter().flatten().map(ms).collect();
            assert_eq!(drawn.len(), told.len(), "what is drawn is written, and what is written is drawn: {row}");
            let mut pairs =
                drawn.iter().zip(&told).map(|(drawn, (told, half))| (*drawn, *told, half + 0.03 * a_percent));
            std::array::from_fn(|_| pairs.next().unwrap_or_default())
        };
        page.split("<tr data-path").skip(1).map(row).collect()
    }

    fn assert_drawn_as_told(page: &str) -> usize {
        let rows = read_back(page);
        for (drawn, told, apart) in rows.iter().flatten() {
            assert!((drawn - told).abs() <= *apart, "drawn at {drawn} ms, told as {told} ms (± {apart}) in {page}");
        }
        rows.len()
    }

    fn shifts() -> impl Strategy<Value = Vec<Shift>> {
        // From hundredths of a millisecond to a minute, with intervals that hold the shift somewhere.
        let size = (-2.0..4.8f64).prop_map(|exponent| 10f64.powf(exponent));
        let signed = (size, any::<bool>()).prop_map(|(size, positive)| if positive { size } else { -size });
        let arm = (-2.0..4.0f64).prop_map(|exponent| 10f64.powf(exponent));
        let margin = proptest::option::of((-1.0..4.5f64).prop_map(|exponent| 10f64.powf(exponent)));
        let ends = proptest::option::of((arm.clone(), arm));
        let shift = (signed, ends, margin).prop_map(|(ms, ends, margin_ms)| Shift {
            ms,
            ci_ms: ends.map(|(below, above)| (ms - below, ms + above)),
            margin_ms,
        });
        vec(shift, 1..9)
    }

    proptest! {
        #[test]
        fn a_bar_is_drawn_where_its_figures_say(shifts in shifts(), least in 0.5..50.0f64) {
            let mut page = String::new();
            forest(&mut page, &of(&shifts, least), true);
            prop_assert!(assert_drawn_as_told(&page) == shifts.len());
        }
    }

    #[test]
    fn a_margin_without_an_end_is_neither_shaded_nor_written() {
        let shift = Shift { ms: 6.0, ci_ms: Some((5.0, 7.0)), margin_ms: Some(f64::INFINITY) };
        let mut page = String::new();
        forest(&mut page, &of(&[Shift::default(), shift], 1.0), false);
        assert!(!page.contains("margin"), "{page}");
    }

    #[test]
    fn a_bar_that_is_drawn_elsewhere_is_found_out() {
        let shift = Shift { ms: 6.0, ci_ms: Some((5.0, 7.0)), margin_ms: Some(30.0) };
        let mut page = String::new();
        forest(&mut page, &of(&[shift], 1.0), false);
        assert_eq!(assert_drawn_as_told(&page), 1);
        let axis = scale(&of(&[shift], 1.0));
        for ms in [5.0, 6.0, 7.0] {
            let place = |ms: f64| format!("{:.2}%", at(&axis, ms));
            let moved = page.replace(&place(ms), &place(ms + 1.0));
            assert_ne!(moved, page);
            assert!(std::panic::catch_unwind(|| assert_drawn_as_told(&moved)).is_err(), "{ms} ms drawn elsewhere");
        }
    }
}
