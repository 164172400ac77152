//! Many runs as test cases, for the test view of a build server: one a path, and one a series, or one a gated shift of
//! pooled runs. It fails where the command does.

use crate::analysis::compare::gate::Gate;
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::trend::pool::PooledShift;
use crate::analysis::trend::{Series, TrendVerdict};
use crate::report::figure;
use crate::report::junit::{Case, Ending, Suite};
use crate::report::trend::document::History;
use crate::report::trend::pooled::{self, Pooling};
use crate::report::trend::words::{figure_name, verdict};
use crate::run::historical::HistoricalRun;

/// The bytes of `junit.xml` of a history.
#[must_use]
pub(super) fn render(history: &History) -> Vec<u8> {
    let (runs, series) = (&history.trend.runs, &history.trend.series);
    suite((history.folder, history.profile), runs, series.iter().map(of_series), Vec::new())
}

/// The bytes of `junit.xml` of pooled runs: a shift without a margin gates nothing and is no case.
#[must_use]
pub(super) fn render_pooled(pooling: &Pooling) -> Vec<u8> {
    let gated = pooling.pool.shifts.iter().filter(|shift| shift.gate != Gate::Ungated);
    let properties = vec![("plan", pooling.plan.to_owned())];
    suite((pooling.folder, pooling.profile), &pooling.pool.runs, gated.map(of_pooled), properties)
}

fn suite(
    (folder, profile): (&str, &str),
    runs: &[HistoricalRun],
    judged: impl Iterator<Item = Case>,
    more: Vec<(&'static str, String)>,
) -> Vec<u8> {
    let newest = runs.last();
    let of_newest = newest.into_iter().flat_map(|run| run.paths.iter().map(|path| of_path(path, run)));
    let cases = of_newest.chain(judged).collect();
    let started_at = newest.map_or("", |run| run.started_at.as_str());
    let mut properties = vec![("folder", folder.to_owned()), ("nights", runs.len().to_string())];
    properties.extend(more);
    Suite { name: profile, started_at, seconds: 0.0, properties, cases }.bytes()
}

fn of_path(path: &String, newest: &HistoricalRun) -> Case {
    let (ending, message) = if newest.failed.contains(path) {
        (Ending::Failed, "it failed in the newest run")
    } else {
        (Ending::Passed, "it did not fail in the newest run")
    };
    Case::new(path, "the path answers", ending, message)
}

fn of_pooled(shift: &PooledShift) -> Case {
    let ending = match shift.gate {
        Gate::Passed => Ending::Passed,
        Gate::Failed => Ending::Failed,
        Gate::Open | Gate::Ungated => Ending::Skipped,
    };
    let limit = shift.margin_ms.map_or_else(|| "its margin".to_owned(), figure::ms);
    let figure = pooled::name(shift.metric, shift.quantile);
    let name = format!("{figure} no more than {limit} slower than {} over all runs", shift.baseline);
    let message = match &shift.pooled {
        Some(pooled) => {
            let interval = figure::interval(pooled.interval(CONFIDENCE));
            format!("shift {}, 95% interval {interval}, over {} runs", figure::shift(pooled.mean), pooled.runs)
        }
        None => format!("{} of at least two runs measured it", shift.points.len()),
    };
    Case::new(&shift.candidate, name, ending, message)
}

fn of_series(series: &Series) -> Case {
    let ending = match series.verdict {
        TrendVerdict::Slower | TrendVerdict::NewestSlower => Ending::Failed,
        TrendVerdict::SlowerWithinMargin | TrendVerdict::Faster | TrendVerdict::Steady => Ending::Passed,
        TrendVerdict::Inconclusive => Ending::Skipped,
    };
    let newest = series.newest.map_or(String::new(), |newest| {
        let (ms, level) = (figure::ms(newest.ms), figure::ms(newest.level_ms));
        format!("; the newest run has {ms}, the {} before it {level}", newest.n)
    });
    let (_, word) = verdict(series);
    let name = format!("{} no more than {} slower", figure_name(series), series.margin);
    Case::new(&series.path, name, ending, format!("{word}{newest}"))
}
