//! What the difference of a path against the baseline is made of: each part begins where the one before it ends.

use crate::analysis::summary::waterfall::{Part, Waterfall};
use crate::report::chart::axis::{Axis, reach};
use crate::report::chart::canvas::{Anchor, Area, Canvas, ChartError, Plot};
use crate::report::chart::palette::{Colour, INK, PARTS, QUIET};
use crate::report::figure;

const BAR: f64 = 16.0;
const ROW: f64 = 25.0;
const HEAD: f64 = 44.0;
const FOOT: f64 = 40.0;

/// The height that the chart needs.
pub(crate) fn height(all: &[(String, Waterfall)]) -> u32 {
    all.iter().map(|(_, waterfall)| panel(waterfall)).sum::<f64>() as u32
}

fn panel(waterfall: &Waterfall) -> f64 {
    HEAD + ROW * (waterfall.steps.len() + 1) as f64 + FOOT
}

/// Draws a panel for each path, all to the same scale.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, all: &[(String, Waterfall)], baseline: &str) -> Result<(), ChartError> {
    let x = scale(all, f64::from(canvas.size.width) > 600.0);
    let mut top = 0.0;
    for (name, waterfall) in all {
        let rows = ROW * (waterfall.steps.len() + 1) as f64;
        let area = Area {
            left: 150.0,
            top: top + HEAD,
            right: f64::from(canvas.size.width) - 64.0,
            bottom: top + HEAD + rows,
        };
        one(canvas, area, x.clone(), waterfall, (name, baseline))?;
        top += panel(waterfall);
    }
    Ok(())
}

/// From the lowest to the highest place that any part reaches.
fn scale(all: &[(String, Waterfall)], wide: bool) -> Axis {
    let mut reached = vec![0.0];
    for (_, waterfall) in all {
        let mut at = 0.0;
        for step in &waterfall.steps {
            at += step.ms;
            reached.push(at);
        }
    }
    let (low, high) = reach(reached.into_iter());
    // A hair below nought needs no room of its own.
    let low = if low > -0.01 * high { 0.0 } else { low };
    Axis::linear(low, high.max(low + 1.0), if wide { 8 } else { 4 })
}

fn one(
    canvas: &Canvas,
    area: Area,
    x: Axis,
    waterfall: &Waterfall,
    (path, baseline): (&str, &str),
) -> Result<(), ChartError> {
    let rows = Axis::even(0.0, 1.0, []);
    let title = format!("{path} against {baseline}, milliseconds (means)");
    let plot = Plot::new(canvas, area, x, rows, ("", &title))?;
    let bar = |row: usize, ends: (f64, f64), (part, colour): (&str, Colour)| {
        let told = format!("{path}, {part}: {} ms", figure::bare_shift(ends.1 - ends.0));
        canvas.titled(colour, &told, || bar(canvas, &plot, area, row, ends, (part, colour)))
    };
    let mut from = 0.0;
    for (row, step) in waterfall.steps.iter().enumerate() {
        bar(row, (from, from + step.ms), (name(step.part), colour(step.part)))?;
        from += step.ms;
    }
    bar(waterfall.steps.len(), (0.0, from), ("whole call", INK))
}

fn bar(
    canvas: &Canvas,
    plot: &Plot,
    area: Area,
    row: usize,
    (from, to): (f64, f64),
    (name, colour): (&str, Colour),
) -> Result<(), ChartError> {
    let middle = area.top + ROW * (row as f64 + 0.5);
    canvas.text(name, (area.left - 8.0, middle), 12.0, INK, Anchor::End)?;
    let ((a, _), (b, _)) = (plot.point((from, 0.0)), plot.point((to, 0.0)));
    let (left, right) = (a.min(b), a.max(b).max(a.min(b) + 1.5));
    canvas.fill(Area { left, right, top: middle - BAR / 2.0, bottom: middle + BAR / 2.0 }, colour, 1.0)?;
    let next = (middle + ROW - BAR / 2.0).min(area.bottom);
    canvas.line(&[(b, middle - BAR / 2.0), (b, next)], QUIET, 0.8, 1.0)?;
    let said = if (to - from).abs() < 0.005 { "0".to_owned() } else { figure::bare_shift(to - from) };
    canvas.text(&said, (right + 6.0, middle), 12.0, QUIET, Anchor::Start)
}

fn name(part: Part) -> &'static str {
    match part {
        Part::UntilSent => "until sent",
        Part::OnTheWay => "network and gateway",
        Part::Reported => "server (reported)",
        Part::ToFirstByte => "to first byte",
        Part::ToFirstToken => "to first token",
        Part::Rest => "rest of the answer",
    }
}

fn colour(part: Part) -> Colour {
    match part {
        Part::UntilSent => PARTS[0],
        Part::OnTheWay => PARTS[1],
        Part::Reported => PARTS[2],
        Part::ToFirstByte => PARTS[3],
        Part::ToFirstToken => PARTS[4],
        Part::Rest => PARTS[5],
    }
}
