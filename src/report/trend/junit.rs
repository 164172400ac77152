//! A history as test cases, for the test view of a build server: one a series and one a path. It fails where the trend
//! does.

use crate::analysis::trend::{Series, TrendVerdict};
use crate::report::figure;
use crate::report::junit::{Case, Ending, Suite};
use crate::report::trend::document::History;
use crate::report::trend::words::{figure_name, verdict};

/// The bytes of `junit.xml`.
#[must_use]
pub(super) fn render(history: &History) -> Vec<u8> {
    let trend = history.trend;
    let newest = trend.runs.last();
    let paths = newest.into_iter().flat_map(|run| &run.paths);
    let mut cases: Vec<Case> = paths.map(|path| of_path(path, trend.failed().contains(path))).collect();
    cases.extend(trend.series.iter().map(of_series));
    let started_at = newest.map_or("", |run| run.started_at.as_str());
    let properties = vec![("folder", history.folder.to_owned()), ("nights", trend.runs.len().to_string())];
    Suite { name: history.profile, started_at, seconds: 0.0, properties, cases }.bytes()
}

fn of_path(path: &str, failed: bool) -> Case {
    let (ending, message) = if failed {
        (Ending::Failed, "it failed in the newest run")
    } else {
        (Ending::Passed, "it did not fail in the newest run")
    };
    Case::new(path, "the path answers", ending, message)
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
