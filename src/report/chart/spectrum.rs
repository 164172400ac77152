//! Latency by percentile, all paths together, on the axis of 1 / (1 - p): every step to the right is a factor of ten
//! fewer calls, so that the tail has as much room as the middle.

use crate::report::chart::axis::{Axis, tail};
use crate::report::chart::canvas::{Canvas, ChartError, Plot};
use crate::report::chart::line::Line;
use crate::report::figure;
use crate::units::Quantile;

/// Percentiles that carry a mark.
const MARKED: [f64; 7] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];

/// Percentiles that a line says when it is pointed at.
const NAMED: [f64; 3] = [0.5, 0.9, 0.99];

/// The quantile whose latency the axis must show at its lower end; the few calls below it may leave the plot.
const LOWEST: f64 = 0.1;

/// Fewer values than this beyond a point make it a guess: it is drawn as dots.
const ENOUGH_BEYOND: f64 = 10.0;

/// Draws the spectra of one metric; `lines` hold quantiles with milliseconds.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn draw(canvas: &Canvas, lines: &[Line]) -> Result<(), ChartError> {
    let area = canvas.area_under(lines.iter().map(Line::entry), 44.0)?;
    let low = lines.iter().filter_map(|line| line.at(LOWEST)).fold(f64::INFINITY, f64::min);
    let high = lines.iter().filter_map(|line| line.points.last()).map(|(_, ms)| *ms).fold(0.0, f64::max);
    let longest = lines.iter().map(|line| line.n).max().unwrap_or(1) as f64;
    let x = Axis::tail(longest.max(10.0).log10());
    let y = Axis::latency(low, high);
    let title = format!("milliseconds{}", y.caveat());
    let plot = Plot::new(canvas, area, x, y, ("percentile p of calls, on the scale of 1 / (1 − p)", &title))?;
    lines.iter().try_for_each(|line| draw_line(canvas, &plot, line))
}

fn draw_line(canvas: &Canvas, plot: &Plot, line: &Line) -> Result<(), ChartError> {
    let sure = 1.0 - ENOUGH_BEYOND / (line.n as f64).max(ENOUGH_BEYOND);
    let place = |(q, ms): &(f64, f64)| plot.point((tail(*q), *ms));
    let solid: Vec<_> = line.points.iter().filter(|(q, _)| *q <= sure).map(place).collect();
    let first_guess = line.points.iter().rposition(|(q, _)| *q <= sure).unwrap_or(0);
    let guess: Vec<_> = line.points[first_guess.min(line.points.len())..].iter().map(place).collect();
    let told = |q: f64| Some(format!("{} {}", Quantile(q), figure::ms(line.at(q)?)));
    let named: Vec<String> = NAMED.into_iter().filter(|q| *q <= sure).filter_map(told).collect();
    canvas.titled(line.colour, &format!("{}: {}", line.name, named.join(", ")), || {
        canvas.line(&solid, line.colour, 2.2, 1.0)?;
        canvas.dashes(&guess, line.colour, 1.6, (2.0, 4.0))
    })?;
    for q in MARKED.into_iter().filter(|q| *q <= sure) {
        if let (Some(ms), Some(told)) = (line.at(q), told(q)) {
            let mark = || canvas.mark(line.mark, plot.point((tail(q), ms)), line.colour);
            canvas.titled(line.colour, &format!("{} {told}", line.name), mark)?;
        }
    }
    Ok(())
}
