//! Every run of a history: its figures, the levels between changes, and the changes.

use crate::analysis::trend::Series;
use crate::report::chart::axis::{Axis, reach};
use crate::report::chart::canvas::{Anchor, Canvas, ChartError, Plot};
use crate::report::chart::palette::{self, Colour, INK, Mark, QUIET};
use crate::report::figure;
use crate::run::historical::{Eligibility, HistoricalRun};

/// Runs farther apart than so many times their usual distance have a gap between them.
const GAP: f64 = 1.9;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// One series with its looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryLine<'a> {
    series: &'a Series,
    colour: Colour,
    mark: Mark,
}

impl<'a> HistoryLine<'a> {
    /// The series of the path with this place.
    pub(crate) fn of(series: &'a Series, place: usize) -> Self {
        let (colour, mark) = palette::of_path(place);
        Self { series, colour, mark }
    }
}

/// Draws one metric and quantile of every path.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, runs: &[HistoricalRun], lines: &[HistoryLine]) -> Result<(), ChartError> {
    let entries = lines.iter().map(|line| (line.series.path.clone(), line.colour, Some(line.mark)));
    let area = canvas.area_under(entries, 60.0)?;
    let (low, high) = reach(lines.iter().flat_map(|line| line.series.points.iter().map(|point| point.ms)));
    let days = Days::of(runs);
    let y = Axis::latency(low, high);
    let title = format!("milliseconds{}", y.caveat());
    let plot = Plot::new(canvas, area, days.axis(runs, f64::from(canvas.size.width)), y, ("day", &title))?;
    empty(canvas, &plot, &days, (low, high), runs, lines)?;
    for (place, line) in lines.iter().enumerate() {
        changes(canvas, &plot, &days, (low, high), (place, line))?;
    }
    for line in lines {
        levels(canvas, &plot, &days, line)?;
        points(canvas, &plot, &days, line)?;
    }
    Ok(())
}

/// The places of runs on their axis, in days from the first.
struct Days {
    at: Vec<f64>,
    /// What each run is called: the day it started on.
    names: Vec<String>,
    /// The usual distance of two runs.
    usual: f64,
}

impl Days {
    fn of(runs: &[HistoricalRun]) -> Self {
        let first = runs.first().map_or(0.0, |run| run.at_s);
        let at: Vec<f64> = runs.iter().map(|run| (run.at_s - first) / DAY).collect();
        let mut apart: Vec<f64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        apart.sort_by(f64::total_cmp);
        let usual = apart.get(apart.len() / 2).copied().unwrap_or(1.0);
        let names = runs.iter().map(|run| run.day().to_owned()).collect();
        Self { at, names, usual }
    }

    fn name(&self, run: usize) -> &str {
        self.names.get(run).map_or("", String::as_str)
    }

    /// As many dates as there is room for.
    fn axis(&self, runs: &[HistoricalRun], width: f64) -> Axis {
        let (last, margin) = (self.at.last().copied().unwrap_or(0.0), (0.5 * self.usual).max(1e-3));
        let room = ((width - 72.0) / 92.0).max(2.0) as usize;
        let step = runs.len().div_ceil(room).max(1);
        let ticks = runs.iter().zip(&self.at).step_by(step);
        Axis::even(-margin, last + margin, ticks.map(|(run, at)| (*at, run.day().to_owned())))
    }
}

/// Runs that are not judged and left no figure.
fn empty(
    canvas: &Canvas,
    plot: &Plot,
    days: &Days,
    (low, high): (f64, f64),
    runs: &[HistoricalRun],
    lines: &[HistoryLine],
) -> Result<(), ChartError> {
    let drawn = |place: usize| lines.iter().any(|line| line.series.points.iter().any(|point| point.run == place));
    for (place, run) in runs.iter().enumerate() {
        if run.eligibility != Eligibility::Sound && !drawn(place) {
            let ends = [plot.point((days.at[place], low)), plot.point((days.at[place], high))];
            canvas.dashes(&ends, QUIET, 1.0, (1.0, 4.0))?;
        }
    }
    Ok(())
}

/// The first runs of new levels. Paths that change on the same run stand a little apart, their words above each
/// other.
fn changes(
    canvas: &Canvas,
    plot: &Plot,
    days: &Days,
    (low, high): (f64, f64),
    (place, line): (usize, &HistoryLine),
) -> Result<(), ChartError> {
    for change in &line.series.changes {
        let at = days.at[change.run] - 0.5 * days.usual;
        let aside = |(x, y): (f64, f64)| (x + 3.0 * place as f64, y);
        let ends = [plot.point((at, low)), plot.point((at, high))].map(aside);
        let (x, y) = ends[1];
        let above = (x, y - 10.0 - 14.0 * place as f64);
        let by = figure::change(change.share);
        canvas.titled(line.colour, &format!("{}: {by} from {} on", line.series.path, days.name(change.run)), || {
            canvas.dashes(&ends, line.colour, 1.6, (6.0, 4.0))?;
            canvas.text(&by, above, 12.0, INK, Anchor::Middle)
        })?;
    }
    Ok(())
}

fn levels(canvas: &Canvas, plot: &Plot, days: &Days, line: &HistoryLine) -> Result<(), ChartError> {
    for level in &line.series.levels {
        let (from, until) = (days.at[level.first], days.at[level.last]);
        let half = 0.4 * days.usual;
        let ends = [plot.point((from - half, level.ms)), plot.point((until + half, level.ms))];
        let told = format!("{}: level of {} over {} runs", line.series.path, figure::ms(level.ms), level.n);
        canvas.titled(line.colour, &told, || canvas.line(&ends, line.colour, 6.0, 0.25))?;
    }
    Ok(())
}

/// Judged runs in the path's colour, joined where none lies between; the others as grey rings.
fn points(canvas: &Canvas, plot: &Plot, days: &Days, line: &HistoryLine) -> Result<(), ChartError> {
    let points = &line.series.points;
    for pair in points.windows(2) {
        let near = days.at[pair[1].run] - days.at[pair[0].run] <= GAP * days.usual;
        let neighbours = pair[1].run == pair[0].run + 1 && near;
        if neighbours && pair[0].judged && pair[1].judged {
            let ends = [pair[0], pair[1]].map(|point| plot.point((days.at[point.run], point.ms)));
            canvas.line(&ends, line.colour, 1.4, 0.7)?;
        }
    }
    for point in points {
        let at = plot.point((days.at[point.run], point.ms));
        let judged = if point.judged { "" } else { ", not judged" };
        let told = format!("{} on {}: {}{judged}", line.series.path, days.name(point.run), figure::ms(point.ms));
        canvas.titled(line.colour, &told, || {
            if point.judged { canvas.mark(line.mark, at, line.colour) } else { canvas.mark(Mark::Ring, at, QUIET) }
        })?;
    }
    Ok(())
}
