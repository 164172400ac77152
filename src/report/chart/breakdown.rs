//! Where the time goes: the parts of a call and of opening a connection, a bar a path.

use crate::analysis::summary::breakdown::Breakdown;
use crate::report::chart::axis::Axis;
use crate::report::chart::canvas::{Anchor, Area, Canvas, ChartError, Plot};
use crate::report::chart::palette::{Colour, INK, ON_LIGHT, PAPER, PARTS, QUIET};
use crate::report::figure;

const BAR: f64 = 26.0;
const ROW: f64 = 52.0;

/// The names of the parts, in the order of [`PARTS`].
const NAMES: [&str; 6] = ["name resolution", "TCP", "TLS", "to first byte", "to first token", "rest of the answer"];

/// The parts of opening a connection, then those of a call.
fn parts(breakdown: &Breakdown) -> [Option<f64>; 6] {
    let Breakdown { dns, tcp, tls, first_byte, first_token, rest, .. } = *breakdown;
    [dns, tcp, tls, first_byte, first_token, rest]
}

/// The height that the chart needs for so many paths.
pub(crate) fn height(paths: &[(String, Breakdown)], narrow: bool) -> u32 {
    let opened = paths.iter().any(|(_, breakdown)| breakdown.n_connections > 0);
    let panels = if opened { 2.0 } else { 1.0 };
    let legend = if narrow { 64.0 } else { 24.0 };
    (legend + panels * (80.0 + ROW * paths.len() as f64)) as u32
}

/// Draws the bars of every path.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, paths: &[(String, Breakdown)]) -> Result<(), ChartError> {
    let seen = |part: usize| paths.iter().any(|(_, breakdown)| parts(breakdown)[part].is_some());
    let entries: Vec<_> =
        (0..PARTS.len()).filter(|part| seen(*part)).map(|p| (NAMES[p].to_owned(), PARTS[p], None)).collect();
    let used = canvas.legend(&entries, (2.0, 16.0))?;
    let width = f64::from(canvas.size.width);
    let high = ROW * paths.len() as f64;
    let panel = |top: f64| Area { left: 12.0, top, right: width - 24.0, bottom: top + high };
    let call = panel(used + 44.0);
    bars(canvas, call, paths, 3..6, "a call on a warm connection, ms (medians of its parts)")?;
    if (0..3).any(seen) {
        let opening = panel(call.bottom + 84.0);
        bars(canvas, opening, paths, 0..3, "opening a connection, ms (paid once)")?;
    }
    Ok(())
}

fn bars(
    canvas: &Canvas,
    area: Area,
    paths: &[(String, Breakdown)],
    which: std::ops::Range<usize>,
    title: &str,
) -> Result<(), ChartError> {
    let sum = |breakdown: &Breakdown| parts(breakdown)[which.clone()].iter().flatten().sum::<f64>();
    let longest = paths.iter().map(|(_, breakdown)| sum(breakdown)).fold(0.0, f64::max);
    let wanted = if area.right - area.left > 600.0 { 8 } else { 4 };
    let mut x = Axis::linear(0.0, longest.max(1e-3), wanted);
    x.to = longest.max(1e-3) * 1.16;
    x.ticks.retain(|(at, _)| *at <= longest * 1.1);
    let rows = Axis::even(0.0, 1.0, []);
    let plot = Plot::new(canvas, area, x, rows, ("", title))?;
    for (row, (name, breakdown)) in paths.iter().enumerate() {
        let top = area.top + ROW * row as f64;
        canvas.text(name, (area.left + 2.0, top + 10.0), 13.0, INK, Anchor::Start)?;
        bar(canvas, &plot, top + 20.0, (name, breakdown), which.clone())?;
        let (end, _) = plot.point((sum(breakdown), 0.0));
        let total = if parts(breakdown)[which.clone()].iter().any(Option::is_some) {
            figure::ms(sum(breakdown))
        } else {
            "not measured".to_owned()
        };
        canvas.text(&total, (end + 8.0, top + 20.0 + BAR / 2.0), 12.0, QUIET, Anchor::Start)?;
    }
    Ok(())
}

fn bar(
    canvas: &Canvas,
    plot: &Plot,
    top: f64,
    (name, breakdown): (&str, &Breakdown),
    which: std::ops::Range<usize>,
) -> Result<(), ChartError> {
    let mut from = 0.0;
    for part in which {
        let Some(ms) = parts(breakdown)[part] else { continue };
        let ((left, _), (right, _)) = (plot.point((from, 0.0)), plot.point((from + ms, 0.0)));
        // A gap of a pixel between two parts tells them apart without their colours.
        let right_edge = (right - 1.0).max(left + 0.5);
        let label = figure::bare(ms);
        canvas.titled(PARTS[part], &format!("{name}, {}: {}", NAMES[part], figure::ms(ms)), || {
            canvas.fill(Area { left, top, right: right_edge, bottom: top + BAR }, PARTS[part], 1.0)?;
            if right - left > 8.0 * label.len() as f64 + 6.0 {
                canvas.text(&label, ((left + right) / 2.0, top + BAR / 2.0), 12.0, on(part), Anchor::Middle)?;
            }
            Ok(())
        })?;
        from += ms;
    }
    Ok(())
}

/// Words that can be read on a part, on a light page and on a dark one.
fn on(part: usize) -> Colour {
    match part {
        3 => PAPER,
        _ => ON_LIGHT,
    }
}
