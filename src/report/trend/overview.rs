//! Every path of a history on the first screen of its page: the newest level against the one before where a change is
//! found, else the newest run against the runs before it.

use crate::analysis::trend::{Change, FEWEST, Newest, Series, Trend, TrendVerdict};
use crate::measure::metric::Metric;
use crate::report::figure;
use crate::report::glyph::{BROKEN, FASTER, PERHAPS_SLOWER, SLOWER, UNDECIDED};
use crate::report::overview::{Overview, PathLine, Shift};
use crate::report::shift::shift_figures;
use crate::report::table::{Cell, Tone, figures};
use crate::report::trend::words::{figure_name, verdict};
use crate::units::Quantile;

/// The least that the scale of shifts reaches to either side, ms, and as a share of the level.
const LEAST_REACH: (f64, f64) = (1.0, 0.01);

/// The figure that is drawn: the first that is followed. `None` without any.
pub(super) fn drawn(trend: &Trend) -> Option<(Metric, Quantile)> {
    trend.series.first().map(|series| (series.metric, series.quantile))
}

/// The newest run of every path; `None` where nothing was followed.
pub(super) fn overview(trend: &Trend) -> Option<Overview> {
    let (metric, quantile) = drawn(trend)?;
    let level = |series: &Series| series.newest.map(|newest| newest.level_ms);
    let longest = trend.series.iter().filter_map(level).fold(0.0, f64::max);
    let lines =
        trend.paths().into_iter().enumerate().map(|(place, name)| line(trend, (place, name), (metric, quantile)));
    Some(Overview {
        title: format!("{} {quantile}: the newest against the level before", figure::capitalized(metric.name())),
        heads: vec![figures("newest ms"), figures("level before ms"), figures("runs before"), figures("noise")],
        paths: lines.collect(),
        least_reach_ms: LEAST_REACH.0.max(LEAST_REACH.1 * longest),
        note: "Bars are 95% intervals of the difference: of the newest level where a change is found, else of the \
               newest run against the runs before it. Further right is slower. Shaded: the margin. Noise: how much a \
               single run varies."
            .to_owned(),
    })
}

fn line(trend: &Trend, (place, name): (usize, &str), drawn: (Metric, Quantile)) -> PathLine {
    let own = || trend.series.iter().filter(|series| series.path == name);
    let series = own().find(|series| (series.metric, series.quantile) == drawn);
    let failed = trend.failed().iter().any(|path| path == name);
    let newest = series.and_then(|series| series.newest).filter(|_| !failed);
    let step = series.and_then(Step::of).filter(|_| !failed);
    let margin_ms = |step: &Step| series.map(|series| series.margin.in_ms(step.before_ms));
    let shift = |step: &Step| Shift { ms: step.ms, ci_ms: Some(step.ci_ms), margin_ms: margin_ms(step) };
    let worst = own().min_by_key(|series| rank(series.verdict));
    let (verdict, what) = match worst {
        _ if failed => (Cell::toned(format!("{BROKEN} failed in the newest run"), Tone::Bad), String::new()),
        Some(worst) => (verdict_cell(worst), describe(trend, worst)),
        None => (Cell::missing(), String::new()),
    };
    PathLine {
        place,
        name: name.to_owned(),
        way: Vec::new(),
        shift: step.as_ref().map(shift),
        figures: step.as_ref().map_or_else(|| none(series, failed), |step| step.figures(trend)),
        verdict,
        budget: Cell::toned(what, Tone::Quiet),
        facts: vec![
            Cell::figure(newest.map(|newest| newest.ms)),
            Cell::figure(step.as_ref().map(|step| step.before_ms)),
            Cell::maybe(step.as_ref().map(|step| step.runs_before.to_string())),
            Cell::maybe(series.and_then(|series| series.noise).map(figure::share)),
        ],
    }
}

/// What stands where the newest run cannot be held against others.
fn none(series: Option<&Series>, failed: bool) -> Cell {
    let judged = series.map_or(0, |series| series.points.iter().filter(|point| point.judged).count());
    let why = if failed { "not compared: the path failed".to_owned() } else { format!("{judged} judged runs") };
    Cell::toned(why, Tone::Quiet)
}

/// What is drawn of a path: the change that its verdict speaks of, or else the newest run beside the runs before it.
struct Step {
    /// The difference, ms.
    ms: f64,
    /// Its 95% interval, ms.
    ci_ms: (f64, f64),
    /// The level before it, ms.
    before_ms: f64,
    /// How many runs that level is made of.
    runs_before: usize,
    /// How it is meant, its glyph and its word.
    words: (Tone, &'static str, &'static str),
    /// The first run of a new level; `None` where the newest run is held against the runs before it.
    since: Option<usize>,
}

impl Step {
    fn of(series: &Series) -> Option<Self> {
        let change = |words| series.changes.last().map(|change| Self::of_change(series, change, words));
        match series.verdict {
            TrendVerdict::Slower => change((Tone::Bad, SLOWER, "slower")),
            TrendVerdict::SlowerWithinMargin => change((Tone::Plain, PERHAPS_SLOWER, "slower")),
            TrendVerdict::Faster => change((Tone::Plain, FASTER, "faster")),
            TrendVerdict::NewestSlower | TrendVerdict::Steady | TrendVerdict::Inconclusive => {
                series.newest.as_ref().map(Self::of_newest)
            }
        }
    }

    fn of_change(series: &Series, change: &Change, words: (Tone, &'static str, &'static str)) -> Self {
        let levels = series.levels.iter().rev();
        let (low, high) = change.interval;
        Self {
            ms: change.after_ms - change.before_ms,
            ci_ms: (low * change.before_ms, high * change.before_ms),
            before_ms: change.before_ms,
            runs_before: levels.skip(1).map(|level| level.n).next().unwrap_or(0),
            words,
            since: Some(change.run),
        }
    }

    fn of_newest(newest: &Newest) -> Self {
        let words = match newest.ci_ms {
            _ if newest.worse => (Tone::Bad, SLOWER, "slower"),
            (low, _) if low > 0.0 => (Tone::Plain, PERHAPS_SLOWER, "perhaps slower"),
            (_, high) if high < 0.0 => (Tone::Plain, FASTER, "perhaps faster"),
            _ => (Tone::Plain, "", "as before"),
        };
        let ms = newest.ms - newest.level_ms;
        let (before_ms, runs_before) = (newest.level_ms, newest.n);
        Self { ms, ci_ms: newest.ci_ms, before_ms, runs_before, words, since: None }
    }

    /// In figures and words.
    fn figures(&self, trend: &Trend) -> Cell {
        let (tone, glyph, word) = self.words;
        let day = self.since.and_then(|run| trend.runs.get(run)).map(|run| format!(" since {}", run.day()));
        let figures = shift_figures(Some(self.ms), Some(self.ci_ms)).unwrap_or_default();
        Cell::toned(format!("{glyph} {figures} ms, {word}{}", day.unwrap_or_default()).trim_start(), tone)
    }
}

/// The gravest first.
fn rank(verdict: TrendVerdict) -> u8 {
    match verdict {
        TrendVerdict::Slower => 0,
        TrendVerdict::NewestSlower => 1,
        TrendVerdict::Inconclusive => 2,
        TrendVerdict::SlowerWithinMargin => 3,
        TrendVerdict::Faster => 4,
        TrendVerdict::Steady => 5,
    }
}

fn verdict_cell(series: &Series) -> Cell {
    let (tone, text) = verdict(series);
    let text = if series.verdict == TrendVerdict::Inconclusive { format!("{UNDECIDED} {text}") } else { text };
    Cell::toned(text, tone)
}

/// Which figure it is that decides, and by how much it changed.
fn describe(trend: &Trend, series: &Series) -> String {
    let name = figure_name(series);
    let day = |run: usize| trend.runs.get(run).map_or("", |run| run.day());
    match (series.verdict, series.changes.last(), series.newest) {
        (TrendVerdict::Slower | TrendVerdict::SlowerWithinMargin | TrendVerdict::Faster, Some(change), _) => {
            format!("{name}: {} since {}", figure::change(change.share), day(change.run))
        }
        (TrendVerdict::NewestSlower, _, Some(newest)) => {
            format!("{name}: {} on {}", figure::change(newest.share), day(newest.run))
        }
        (TrendVerdict::Inconclusive, ..) => format!("{name}: {FEWEST} judged runs are needed to look for changes"),
        (TrendVerdict::Steady, ..) => {
            let followed = trend.series.iter().filter(|other| other.path == series.path).count();
            if followed == 1 { format!("{name}: no change") } else { format!("no change in any of {followed} figures") }
        }
        (
            TrendVerdict::Slower | TrendVerdict::SlowerWithinMargin | TrendVerdict::Faster | TrendVerdict::NewestSlower,
            ..,
        ) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::trend::tests::{question, runs};
    use crate::analysis::trend::{Question, trend};
    use crate::objective::margin::Margin;
    use crate::run::historical::{Figure, HistoricalRun};

    /// A second path beside the first, and a second figure of both.
    fn with_more(mut runs: Vec<HistoricalRun>, by: impl Fn(usize) -> f64) -> Vec<HistoricalRun> {
        for (place, run) in runs.iter_mut().enumerate() {
            run.paths.push("gateway".to_owned());
            let own = run.figures[0].clone();
            let other = Figure { path: "gateway".to_owned(), ms: own.ms * by(place), ..own.clone() };
            let p95 =
                [&own, &other].map(|figure| Figure { quantile: Quantile(0.95), ms: 1.4 * figure.ms, ..figure.clone() });
            run.figures.push(other);
            run.figures.extend(p95);
        }
        runs
    }

    fn asked(margin: &str) -> Question {
        let margins: Vec<Margin> = vec![margin.parse().expect("margin")];
        Question { quantiles: vec![Quantile::MEDIAN, Quantile(0.95)], margins, ..question() }
    }

    #[test]
    fn the_newest_run_of_every_path_is_drawn_beside_its_margin_and_the_worst_figure_decides() {
        let runs = with_more(runs(1, 16, 0.01, 99, 1.0), |place| if place == 15 { 1.3 } else { 1.04 });
        let judged = trend(runs, &asked("10%"));
        let overview = overview(&judged).expect("two paths");
        assert_eq!(overview.title, "Time to first token p50: the newest against the level before");
        let [direct, gateway] = &overview.paths[..] else { panic!("{overview:?}") };
        assert_eq!((direct.name.as_str(), direct.verdict.text.as_str()), ("direct", "steady"));
        assert_eq!(direct.budget.text, "no change in any of 2 figures");
        assert_eq!((gateway.name.as_str(), gateway.verdict.tone), ("gateway", Tone::Bad));
        assert!(gateway.budget.text.starts_with("TTFT p50: +2") && gateway.budget.text.ends_with(" on 2026-10-16"));
        let shift = gateway.shift.expect("a shift");
        let (low, high) = shift.ci_ms.expect("an interval");
        let newest = judged.series.iter().find(|series| series.path == "gateway").and_then(|series| series.newest);
        let newest = newest.expect("fifteen runs before it");
        assert!(low > 0.0 && low < shift.ms && shift.ms < high, "{shift:?}");
        assert!((shift.ms - (newest.ms - newest.level_ms)).abs() < 1e-9);
        assert!((shift.margin_ms.expect("a margin") - 0.1 * newest.level_ms).abs() < 1e-9, "{shift:?}");
        assert!(gateway.figures.text.ends_with(" ms, slower") && direct.figures.text.ends_with("as before"));
    }

    #[test]
    fn a_change_of_level_a_failed_path_and_too_few_runs_have_words_of_their_own() {
        let line = |runs: Vec<HistoricalRun>| overview(&trend(runs, &question())).expect("a path").paths.remove(0);
        let changed = line(runs(1, 20, 0.01, 12, 1.12));
        assert!(changed.verdict.tone == Tone::Bad && changed.budget.text.ends_with(" since 2026-10-13"), "{changed:?}");
        assert!(changed.figures.text.ends_with(" ms, slower since 2026-10-13"), "{changed:?}");
        let (shift, level) = (changed.shift.expect("the change"), &changed.facts[1].text);
        let (low, high) = shift.ci_ms.expect("an interval");
        assert!(low > 0.0 && low < shift.ms && shift.ms < high && changed.facts[2].text == "12", "{changed:?}");
        let margin = shift.margin_ms.expect("a margin");
        assert!((margin - 0.05 * level.parse::<f64>().expect("ms")).abs() < 0.05, "{changed:?}");
        let mut failed = runs(1, 20, 0.01, 99, 1.0);
        failed[19].failed = vec!["direct".to_owned()];
        let failed = line(failed);
        assert!(failed.shift.is_none() && failed.verdict.text.contains("failed in the newest run"), "{failed:?}");
        let few = line(runs(1, 3, 0.01, 99, 1.0));
        assert!(few.shift.is_none() && few.verdict.text == "? 9 more runs are needed", "{few:?}");
        assert_eq!(few.figures.text, "3 judged runs");
        assert!(overview(&trend(Vec::new(), &question())).is_none());
    }
}
