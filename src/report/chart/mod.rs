//! Charts by plotters, drawn twice: for a wide page and for a phone.

use std::path::{Path, PathBuf};

use crate::analysis::Analysis;
use crate::analysis::compare::shift::{Candidate, QUANTILES};
use crate::analysis::summary::paths::PathSummary;
use crate::analysis::summary::timeline::{Bin, Timeline};
use crate::analysis::summary::waterfall::Waterfall;
use crate::analysis::trend::pool::{Pool, PooledShift};
use crate::analysis::trend::{Series, Trend};
use crate::measure::metric::Metric;
use crate::report::basis::describe_basis;
use crate::report::figure;
use crate::report::planned::Planned;
use crate::run::Run;
use crate::store::file;
use crate::units::PathId;

pub(crate) mod axis;
pub(crate) mod breakdown;
pub(crate) mod canvas;
pub(crate) mod history;
pub(crate) mod hours;
pub(crate) mod line;
pub(crate) mod palette;
pub(crate) mod shift;
pub(crate) mod spectrum;
pub(crate) mod timeline;
mod title;
pub(crate) mod waterfall;

pub(crate) use canvas::ChartError;
use canvas::{Canvas, Size, picture};
use line::Line;

/// A chart in its two sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    /// Its name in files and pages.
    pub(crate) id: String,
    /// What it shows.
    pub(crate) title: String,
    /// How to read it.
    pub(crate) caption: String,
    /// As SVG for a wide page.
    pub(crate) wide: String,
    /// As SVG for a narrow page.
    pub(crate) narrow: String,
}

impl Chart {
    /// Its file: the name in the folder of a report, and the bytes.
    pub(crate) fn file(&self) -> (PathBuf, Vec<u8>) {
        (Path::new(file::CHARTS).join(format!("{}.svg", self.id)), self.wide.clone().into_bytes())
    }
}

const WIDE: u32 = 960;
/// As wide as a phone's page, so that letters are as large there as they are drawn.
const NARROW: u32 = 358;

/// Draws every chart for which there is anything to draw.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn charts(run: &Run, analysis: &Analysis) -> Result<Vec<Chart>, ChartError> {
    let artist = Artist { run, analysis };
    let mut charts = Vec::new();
    for metric in [Metric::Ttft, Metric::E2e] {
        charts.extend(artist.spectrum(metric)?);
    }
    for metric in [Metric::Ttft, Metric::E2e] {
        charts.extend(artist.shift(metric)?);
    }
    charts.extend(artist.waterfall()?);
    charts.extend(artist.timeline()?);
    charts.extend(artist.breakdown()?);
    Ok(charts)
}

/// Draws a chart of every run for each metric and quantile that was followed.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn of_history(trend: &Trend) -> Result<Vec<Chart>, ChartError> {
    let paths = trend.paths();
    let mut followed: Vec<Vec<&Series>> = Vec::new();
    for series in &trend.series {
        let same =
            |members: &&mut Vec<&Series>| (members[0].metric, members[0].quantile) == (series.metric, series.quantile);
        match followed.iter_mut().find(same) {
            Some(members) => members.push(series),
            None => followed.push(vec![series]),
        }
    }
    let place = |series: &Series| paths.iter().position(|path| *path == series.path).unwrap_or(0);
    let chart = |members: &Vec<&Series>| {
        let lines: Vec<_> = members.iter().map(|series| history::HistoryLine::of(series, place(series))).collect();
        let (metric, quantile) = (members[0].metric, members[0].quantile);
        let id = format!("trend-{metric}-{}", quantile.key());
        let title = format!("{}, {} by day", figure::capitalized(metric.name()), quantile);
        let caption = "Lines join neighbouring runs; a run without a figure is a gap. Bars are the levels between \
             changes; a dashed stroke stands before the first run of a new level. Grey rings are runs that are not \
             judged (invalid, incomplete, or counted from another instant); a dotted stroke is one that left no figure.";
        both(id, title, caption.to_owned(), (400, 360), |canvas| history::draw(canvas, &trend.runs, &lines))
    };
    followed.iter().map(chart).collect::<Result<_, _>>().map(read_alike)
}

/// Draws the shifts of pooled runs by the hour of the day, a chart for each metric and quantile.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn of_pool(pool: &Pool) -> Result<Vec<Chart>, ChartError> {
    let mut paths: Vec<&str> = Vec::new();
    let mut drawn: Vec<Vec<&PooledShift>> = Vec::new();
    for shift in pool.shifts.iter().filter(|shift| !shift.points.is_empty()) {
        if !paths.contains(&shift.candidate.as_str()) {
            paths.push(&shift.candidate);
        }
        let same = |members: &&mut Vec<&PooledShift>| {
            (members[0].metric, members[0].quantile) == (shift.metric, shift.quantile)
        };
        match drawn.iter_mut().find(same) {
            Some(members) => members.push(shift),
            None => drawn.push(vec![shift]),
        }
    }
    // The baseline has the first colour in every chart of a run.
    let place = |shift: &PooledShift| 1 + paths.iter().position(|path| *path == shift.candidate).unwrap_or(0);
    let chart = |members: &Vec<&PooledShift>| {
        let lines: Vec<_> = members.iter().map(|shift| hours::HourLine::of(shift, place(shift))).collect();
        let (metric, quantile) = (members[0].metric, members[0].quantile);
        let id = format!("pool-hours-{metric}-{}", quantile.key());
        let title = format!("Shift of the {} at {quantile} by hour of the day", metric.name());
        let caption = "Each mark is a run with its own 95% interval, by the hour (UTC) at which it started. Dashes are the \
             mean over all runs; the band is its 95% interval, which includes how runs vary.";
        both(id, title, caption.to_owned(), (400, 360), |canvas| hours::draw(canvas, &pool.runs, &lines))
    };
    drawn.iter().map(chart).collect::<Result<_, _>>().map(read_alike)
}

/// Charts that are read in the same way: the first says how.
fn read_alike(mut charts: Vec<Chart>) -> Vec<Chart> {
    charts.iter_mut().skip(1).for_each(|chart| chart.caption.clear());
    charts
}

struct Artist<'a> {
    run: &'a Run,
    analysis: &'a Analysis,
}

impl Artist<'_> {
    fn name(&self, path: PathId) -> &str {
        &self.run.manifest.plan.path(path).name
    }

    fn line(&self, path: PathId, n: u64, points: Vec<(f64, f64)>) -> Line {
        let (colour, mark) = palette::of_path(path.index());
        Line { name: self.name(path).to_owned(), colour, mark, n, points }
    }

    fn spectrum(&self, metric: Metric) -> Result<Option<Chart>, ChartError> {
        let of_path = |path: &PathSummary| {
            let spectrum = path.spectra.iter().find(|spectrum| spectrum.metric == metric && spectrum.n > 0)?;
            Some(self.line(path.path, spectrum.n, spectrum.points.clone()))
        };
        let lines: Vec<Line> = self.analysis.paths.iter().filter_map(of_path).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let caption = format!(
            "{}. Successful calls and those that timed out, where a line ends early, {}. From p0 to p90 and from p90 to \
             p99 is the same way, so that the tail can be seen; where fewer than ten calls lie beyond, the line is a row of dots.",
            figure::capitalized(metric.definition()),
            describe_basis(self.analysis.basis)
        );
        let title = format!("{} by percentile", figure::capitalized(metric.name()));
        both(format!("latency-{metric}"), title, caption, (430, 380), |canvas| spectrum::draw(canvas, &lines)).map(Some)
    }

    fn shift(&self, metric: Metric) -> Result<Option<Chart>, ChartError> {
        let Some(comparison) = &self.analysis.comparison else { return Ok(None) };
        let planned = Planned::of(&self.run.manifest.plan, self.run.manifest.simulator.as_ref());
        let truth = |path, q| planned.filter(|_| metric == Metric::Ttft)?.ttft_shift_ms(path, comparison.baseline, q);
        let of_path = |candidate: &Candidate| {
            let curve = candidate.curves.iter().find(|curve| curve.metric == metric)?.points.clone();
            let planned = QUANTILES.into_iter();
            Some(shift::ShiftLine {
                line: self.line(candidate.path, 0, Vec::new()),
                curve,
                planned: planned.filter_map(|q| Some((q, truth(candidate.path, q)?))).collect(),
            })
        };
        let lines: Vec<_> = comparison.candidates.iter().filter_map(of_path).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let told = if lines.iter().any(|line| !line.planned.is_empty()) {
            " Thin short dashes show what the simulator was told to do."
        } else {
            ""
        };
        let baseline = self.name(comparison.baseline);
        let caption = format!(
            "How much later than on {baseline} the same share of calls is done. The band holds the whole curve with 95% \
             confidence; where it does not touch zero, the path differs.{told}"
        );
        let title = format!("Shift of the {} against {baseline}", metric.name());
        both(format!("shift-{metric}"), title, caption, (400, 360), |canvas| shift::draw(canvas, &lines, baseline))
            .map(Some)
    }

    fn waterfall(&self) -> Result<Option<Chart>, ChartError> {
        let named = |waterfall: &Waterfall| (self.name(waterfall.path).to_owned(), waterfall.clone());
        let all: Vec<_> = self.analysis.waterfalls.iter().map(named).collect();
        let (Some(comparison), false) = (&self.analysis.comparison, all.is_empty()) else { return Ok(None) };
        let baseline = self.name(comparison.baseline);
        let caption = format!(
            "The mean of each part of a successful call, less that on {baseline}; the parts add up to the whole. A part \
             that takes less time goes back to the left. What a server reports of itself is not measured."
        );
        let height = waterfall::height(&all);
        both(
            "waterfall".to_owned(),
            "Where the difference comes from".to_owned(),
            caption,
            (height, height),
            |canvas| waterfall::draw(canvas, &all, baseline),
        )
        .map(Some)
    }

    fn timeline(&self) -> Result<Option<Chart>, ChartError> {
        let of_path = |timeline: &Timeline| {
            let points = |of: fn(&Bin) -> Option<f64>| {
                timeline.bins.iter().filter_map(|bin| Some((bin.at_s, of(bin)?))).collect()
            };
            timeline::TimeLine {
                p50: self.line(timeline.path, 0, points(|bin| bin.p50)),
                p99: self.line(timeline.path, 0, points(|bin| bin.p99)),
                width_s: timeline.width_s,
                failures: timeline.failures.clone(),
            }
        };
        let lines: Vec<_> = self.analysis.timelines.iter().map(of_path).collect();
        let Some(first) = self.analysis.timelines.iter().find(|timeline| !timeline.bins.is_empty()) else {
            return Ok(None);
        };
        let metric = first.metric.name();
        let time = self.time(first.width_s);
        let shaded = match (time.bad.is_empty(), self.analysis.validity.bad.are_too_many()) {
            (true, _) => "",
            (false, true) => " Shaded: this tool could not measure faithfully.",
            (false, false) => {
                " Shaded: this tool could not measure faithfully; calls due there are in no other figure."
            }
        };
        let fails = if self.analysis.timelines.iter().any(|timeline| !timeline.failures.is_empty()) {
            " Between the panels: the share of calls that failed, as high as the lane where all did."
        } else {
            ""
        };
        let caption = format!(
            "The {metric} of calls due within {}; where such a span holds fewer than 100 calls, its p99 is close to its \
             largest value.{fails}{shaded}",
            figure::seconds(first.width_s)
        );
        let title = format!("{} over time", figure::capitalized(metric));
        both("timeline".to_owned(), title, caption, (520, 480), |canvas| timeline::draw(canvas, &lines, &time))
            .map(Some)
    }

    /// The measured phase with its bad seconds, from its beginning.
    fn time(&self, at_least_s: f64) -> timeline::Time {
        let from = self.run.manifest.plan.measure_from().as_secs_f64();
        let stretches = self.analysis.validity.bad.stretches().into_iter();
        timeline::Time {
            seconds: self.run.measured_s().max(at_least_s),
            bad: stretches.map(|s| ((s.start as f64 - from).max(0.0), s.end as f64 - from)).collect(),
        }
    }

    fn breakdown(&self) -> Result<Option<Chart>, ChartError> {
        let named = |path: &PathSummary| (self.name(path.path).to_owned(), path.breakdown);
        let paths: Vec<_> = self.analysis.paths.iter().map(named).collect();
        if paths.iter().all(|(_, breakdown)| breakdown.n_calls == 0) {
            return Ok(None);
        }
        let connections: usize = paths.iter().map(|(_, breakdown)| breakdown.n_connections).sum();
        let calls: usize = paths.iter().map(|(_, breakdown)| breakdown.n_calls).sum();
        let caption = format!(
            "Medians of each part, which need not add up to the median of the whole. Parts of a call from {} calls; parts \
             of a connection from the {} that were opened, warmup included, because only the call that opens one pays \
             them.",
            figure::count(calls as u64),
            figure::count(connections as u64)
        );
        let heights = (breakdown::height(&paths, false), breakdown::height(&paths, true));
        both("breakdown".to_owned(), "Where the time goes".to_owned(), caption, heights, |canvas| {
            breakdown::draw(canvas, &paths)
        })
        .map(Some)
    }
}

fn both(
    id: String,
    title: String,
    caption: String,
    (wide, narrow): (u32, u32),
    draw: impl Fn(&Canvas) -> Result<(), ChartError>,
) -> Result<Chart, ChartError> {
    let wide = picture(Size { width: WIDE, height: wide }, &draw)?;
    let narrow = picture(Size { width: NARROW, height: narrow }, &draw)?;
    Ok(Chart { id, title, caption, wide, narrow })
}
