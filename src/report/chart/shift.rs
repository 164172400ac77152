//! The shift of every quantile against the baseline, with the band that holds a whole curve with 95% confidence.

use crate::analysis::compare::shift::{CurvePoint, QUANTILES};
use crate::report::chart::axis::{self, Axis};
use crate::report::chart::canvas::{Canvas, ChartError, Plot};
use crate::report::chart::line::Line;
use crate::report::chart::palette::INK;
use crate::report::figure;
use crate::units::Quantile;

/// The quantiles whose bands decide how much the axis shows; beyond them bands may leave the plot.
const SURE: std::ops::RangeInclusive<f64> = 0.1..=0.95;

/// One candidate's curve.
#[derive(Clone, Debug)]
pub(crate) struct ShiftLine {
    /// Its looks; the points are not used.
    pub(crate) line: Line,
    /// Its curve.
    pub(crate) curve: Vec<CurvePoint>,
    /// What the simulator planned at [`QUANTILES`], with the quantile.
    pub(crate) planned: Vec<(f64, f64)>,
}

/// Draws the shifts against the path `baseline`.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, lines: &[ShiftLine], baseline: &str) -> Result<(), ChartError> {
    let area = canvas.area_under(lines.iter().map(|line| line.line.entry()), 44.0)?;
    let y = reach(lines);
    let ends = lines.iter().flat_map(|line| &line.curve).flat_map(|point| <[f64; 2]>::from(point.band_ms));
    let is_cut = ends.into_iter().any(|end| end < y.from || end > y.to);
    let caveat = if is_cut { "; bands are cut" } else { "" };
    let title = format!("ms more than {baseline}{caveat}");
    let plot = Plot::new(canvas, area, percentiles(lines), y, ("percentile of calls", &title))?;
    let zero = [plot.point((0.05, 0.0)), plot.point((0.99, 0.0))];
    canvas.line(&[(area.left, zero[0].1), (area.right, zero[1].1)], INK, 1.4, 1.0)?;
    for line in lines {
        band(canvas, &plot, line)?;
    }
    lines.iter().try_for_each(|line| curve(canvas, &plot, line))
}

fn percentiles(lines: &[ShiftLine]) -> Axis {
    let last = lines.iter().filter_map(|line| line.curve.last()).map(|point| point.quantile).fold(0.5, f64::max);
    let named = [0.05, 0.25, 0.5, 0.75, 0.9, 0.99];
    Axis::even(0.0, 1.0, named.into_iter().filter(|q| *q <= last).map(|q| (q, Quantile(q).to_string())))
}

/// From the lowest to the highest of all shifts, and of bands as far as enough calls stand behind them.
fn reach(lines: &[ShiftLine]) -> Axis {
    let points = || lines.iter().flat_map(|line| &line.curve);
    let planned = lines.iter().flat_map(|line| line.planned.iter().map(|(_, ms)| *ms));
    let edges =
        points().filter(|point| SURE.contains(&point.quantile)).flat_map(|point| <[f64; 2]>::from(point.band_ms));
    let (low, high) = axis::reach(points().map(|point| point.shift_ms).chain(planned).chain(edges).chain([0.0]));
    Axis::shifts(low, high, 6)
}

fn band(canvas: &Canvas, plot: &Plot, line: &ShiftLine) -> Result<(), ChartError> {
    let upper = line.curve.iter().map(|point| plot.point((point.quantile, point.band_ms.1)));
    let lower = line.curve.iter().rev().map(|point| plot.point((point.quantile, point.band_ms.0)));
    canvas.shape(&upper.chain(lower).collect::<Vec<_>>(), line.line.colour, 0.16)
}

fn curve(canvas: &Canvas, plot: &Plot, line: &ShiftLine) -> Result<(), ChartError> {
    let (colour, mark) = (line.line.colour, line.line.mark);
    let points: Vec<_> = line.curve.iter().map(|point| (point.quantile, point.shift_ms)).collect();
    let name = &line.line.name;
    canvas.titled(colour, &format!("{name}, planned by the simulator"), || {
        canvas.dashes(&plot.points(&line.planned), colour, 1.2, (3.0, 3.0))
    })?;
    canvas.titled(colour, name, || canvas.line(&plot.points(&points), colour, 2.2, 1.0))?;
    let is_marked = |q: f64| QUANTILES.contains(&q) || [0.05, 0.25, 0.75].contains(&q);
    line.curve.iter().filter(|point| is_marked(point.quantile)).try_for_each(|point| {
        let told = figure::bare_shift_within(point.shift_ms, point.band_ms);
        canvas.titled(colour, &format!("{name} {}: {told} ms", Quantile(point.quantile)), || {
            canvas.mark(mark, plot.point((point.quantile, point.shift_ms)), colour)
        })
    })
}
