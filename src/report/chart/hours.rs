//! The shift of every run by the hour of the day, beside what all runs come to.

use crate::analysis::trend::pool::PooledShift;
use crate::report::chart::axis::{self, Axis};
use crate::report::chart::canvas::{Canvas, ChartError, Plot};
use crate::report::chart::palette::{self, Colour, INK, Mark};
use crate::report::figure;
use crate::run::historical::HistoricalRun;

/// One path with its looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HourLine<'a> {
    shift: &'a PooledShift,
    place: usize,
    colour: Colour,
    mark: Mark,
}

impl<'a> HourLine<'a> {
    /// The shifts of the path with this place.
    pub(crate) fn of(shift: &'a PooledShift, place: usize) -> Self {
        let (colour, mark) = palette::of_path(place);
        Self { shift, place, colour, mark }
    }
}

/// Draws one metric and quantile of every path.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, runs: &[HistoricalRun], lines: &[HourLine]) -> Result<(), ChartError> {
    let entries = lines.iter().map(|line| (line.shift.candidate.clone(), line.colour, Some(line.mark)));
    let area = canvas.area_under(entries, 44.0)?;
    let ticks = (0..=24).step_by(4).map(|hour| (f64::from(hour), format!("{hour:02}:00")));
    let titles = ("hour of the day, UTC", "milliseconds more than the baseline");
    let plot = Plot::new(canvas, area, Axis::even(0.0, 24.0, ticks), reach(lines), titles)?;
    canvas.line(&[plot.point((0.0, 0.0)), plot.point((24.0, 0.0))], INK, 1.4, 1.0)?;
    lines.iter().try_for_each(|line| band(canvas, &plot, line))?;
    lines.iter().try_for_each(|line| points(canvas, &plot, runs, line))
}

fn reach(lines: &[HourLine]) -> Axis {
    let points = lines.iter().flat_map(|line| &line.shift.points);
    let ends = points.flat_map(|point| [point.shift_ms, point.ci_ms.0, point.ci_ms.1]);
    let (low, high) = axis::reach(ends.chain([0.0]));
    Axis::linear(low, high, 6)
}

/// The mean of all runs, with its interval.
fn band(canvas: &Canvas, plot: &Plot, line: &HourLine) -> Result<(), ChartError> {
    let Some(pooled) = &line.shift.pooled else { return Ok(()) };
    let (low, high) = pooled.interval(crate::analysis::stats::basic::CONFIDENCE);
    let corners = [(0.0, low), (24.0, low), (24.0, high), (0.0, high)];
    let told = figure::bare_shift_within(pooled.mean, (low, high));
    canvas.titled(line.colour, &format!("{}, all runs: {told} ms", line.shift.candidate), || {
        canvas.shape(&plot.points(&corners), line.colour, 0.16)?;
        canvas.dashes(&plot.points(&[(0.0, pooled.mean), (24.0, pooled.mean)]), line.colour, 1.6, (6.0, 4.0))
    })
}

/// Each run with its own interval; paths stand a little apart.
fn points(canvas: &Canvas, plot: &Plot, runs: &[HistoricalRun], line: &HourLine) -> Result<(), ChartError> {
    for point in &line.shift.points {
        let hour = runs.get(point.run).map_or(0.0, HistoricalRun::hour) + 0.12 * line.place as f64;
        let ends = [plot.point((hour, point.ci_ms.0)), plot.point((hour, point.ci_ms.1))];
        let started = runs.get(point.run).map_or(String::new(), |run| figure::moment(&run.started_at));
        let told = figure::bare_shift_within(point.shift_ms, point.ci_ms);
        canvas.titled(line.colour, &format!("{}, {started}: {told} ms", line.shift.candidate), || {
            canvas.line(&ends, line.colour, 1.4, 0.7)?;
            canvas.mark(line.mark, plot.point((hour, point.shift_ms)), line.colour)
        })?;
    }
    Ok(())
}
