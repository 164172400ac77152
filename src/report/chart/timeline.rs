//! The median and the 0.99 quantile of every path over time, and when calls failed.

use crate::analysis::summary::timeline::Failures;
use crate::report::chart::axis::{Axis, reach};
use crate::report::chart::canvas::{Anchor, Area, Canvas, ChartError, Plot};
use crate::report::chart::line::Line;
use crate::report::chart::palette::{GRID, PARTS, QUIET, SHADE};
use crate::report::figure;

/// The height of a path's lane of failures.
const LANE: f64 = 20.0;

/// Bins between two marks of a line.
const BETWEEN_MARKS: usize = 10;

/// One path over time.
#[derive(Clone, Debug)]
pub(crate) struct TimeLine {
    /// Seconds with the median, ms.
    pub(crate) p50: Line,
    /// Seconds with the 0.99 quantile, ms.
    pub(crate) p99: Line,
    /// The width of a bin, seconds.
    pub(crate) width_s: f64,
    /// The bins in which calls failed.
    pub(crate) failures: Vec<Failures>,
}

/// The time that is drawn, seconds from the beginning of measuring.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    /// How long measuring went on.
    pub(crate) seconds: f64,
    /// The stretches in which this tool could not measure faithfully; they are shaded.
    pub(crate) bad: Vec<(f64, f64)>,
}

/// Draws both panels.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, lines: &[TimeLine], time: &Time) -> Result<(), ChartError> {
    let used = canvas.legend(&lines.iter().map(|line| line.p50.entry()).collect::<Vec<_>>(), (8.0, 16.0))?;
    let (width, height) = (f64::from(canvas.size.width), f64::from(canvas.size.height));
    let (top, strip) = (used + 44.0, LANE * lines.len() as f64 + 30.0);
    let fails = lines.iter().any(|line| !line.failures.is_empty());
    let foot = if fails { strip } else { 0.0 };
    let each = (height - top - 52.0 - 56.0 - foot) / 2.0;
    let panel = |top: f64| Area { left: 56.0, top, right: width - 16.0, bottom: top + each };
    let of = |pick: fn(&TimeLine) -> &Line| lines.iter().map(pick).collect::<Vec<_>>();
    panel_of(canvas, panel(top), &of(|line| &line.p50), time, ("", "p50, milliseconds"))?;
    let lower = panel(top + each + 56.0 + foot);
    if fails {
        strip_of(canvas, lines, Area { top: top + each + 24.0, ..panel(top) }, time.seconds)?;
    }
    panel_of(canvas, lower, &of(|line| &line.p99), time, ("seconds of measuring", "p99, milliseconds"))
}

fn panel_of(canvas: &Canvas, area: Area, lines: &[&Line], time: &Time, titles: (&str, &str)) -> Result<(), ChartError> {
    let (low, high) = reach(lines.iter().flat_map(|line| line.points.iter().map(|(_, ms)| *ms)));
    let mut y = Axis::latency(low, high);
    thin(&mut y, area);
    let title = format!("{}{}", titles.1, y.caveat());
    shade(canvas, area, time)?;
    let plot = Plot::new(canvas, area, axis(time.seconds), y, (titles.0, &title))?;
    for (place, line) in lines.iter().enumerate() {
        canvas.titled(line.colour, &line.name, || canvas.line(&plot.points(&line.points), line.colour, 1.8, 1.0))?;
        // Marks of different paths stand at different times, so that none hides another.
        let from = place * BETWEEN_MARKS / lines.len();
        for pair in line.points.iter().skip(from).step_by(BETWEEN_MARKS) {
            let told = format!("{} at {:.0} s: {}", line.name, pair.0, figure::ms(pair.1));
            canvas.titled(line.colour, &told, || canvas.mark(line.mark, plot.point(*pair), line.colour))?;
        }
    }
    Ok(())
}

/// Bad seconds, at least as wide as a hair.
fn shade(canvas: &Canvas, area: Area, time: &Time) -> Result<(), ChartError> {
    let at = |second: f64| area.left + (second / time.seconds).clamp(0.0, 1.0) * (area.right - area.left);
    time.bad.iter().try_for_each(|(from, to)| {
        let left = at(*from);
        canvas.fill(Area { left, right: at(*to).max(left + 1.0), ..area }, SHADE, 1.0)
    })
}

fn axis(seconds: f64) -> Axis {
    let mut axis = Axis::linear(0.0, seconds, 8);
    axis.to = seconds;
    axis.ticks.retain(|(at, _)| *at <= seconds + 1e-9);
    axis
}

/// As many ticks as the height has room for.
fn thin(axis: &mut Axis, area: Area) {
    let room = ((area.bottom - area.top) / 22.0).max(2.0) as usize;
    let step = axis.ticks.len().div_ceil(room).max(1);
    let mut place = 0;
    axis.ticks.retain(|_| {
        place += 1;
        (place - 1) % step == 0
    });
}

/// A lane for each path: the share of calls that failed, as high as the lane where all did; refused for a limit
/// (429) below, anything else above it.
fn strip_of(canvas: &Canvas, lines: &[TimeLine], area: Area, seconds: f64) -> Result<(), ChartError> {
    let at = |second: f64| area.left + (second / seconds).clamp(0.0, 1.0) * (area.right - area.left);
    canvas.text("failed", (area.left - 8.0, area.top + 4.0 + LANE / 2.0), 12.0, QUIET, Anchor::End)?;
    for (row, line) in lines.iter().enumerate() {
        let foot = area.top + LANE * (row + 1) as f64;
        canvas.line(&[(area.left, foot), (area.right, foot)], GRID, 1.0, 1.0)?;
        for bin in &line.failures {
            // Whatever is not nothing can be seen.
            let least = |calls: u64| if calls > 0 { 2.0 } else { 0.0 };
            let high = |calls: u64| ((LANE - 4.0) * calls as f64 / bin.calls.max(1) as f64).max(least(calls));
            let left = at(bin.at_s - line.width_s / 2.0);
            let right = at(bin.at_s + line.width_s / 2.0).max(left + 1.5);
            let edge = foot - high(bin.throttled);
            canvas.titled(line.p50.colour, &describe_failures(&line.p50.name, bin), || {
                canvas.fill(Area { left, right, top: edge, bottom: foot }, PARTS[0], 1.0)?;
                canvas.fill(Area { left, right, top: edge - high(bin.failed), bottom: edge }, line.p50.colour, 1.0)
            })?;
        }
    }
    let entry = [("refused for a limit (429)".to_owned(), PARTS[0], None)];
    let under = area.top + LANE * lines.len() as f64 + 14.0;
    if lines.iter().any(|line| line.failures.iter().any(|bin| bin.throttled > 0)) {
        canvas.legend(&entry, (area.left, under))?;
    }
    Ok(())
}

fn describe_failures(name: &str, bin: &Failures) -> String {
    let throttled = if bin.throttled > 0 { format!(" ({} throttled)", bin.throttled) } else { String::new() };
    format!("{name} at {:.0} s: {} of {} calls failed{throttled}", bin.at_s, bin.failed + bin.throttled, bin.calls)
}
