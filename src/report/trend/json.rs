//! `trend.json`: a history for scripts, in the shape of `schema_version` 1.

use serde::Serialize;

use crate::analysis::Conclusion;
use crate::analysis::trend::{Change, Level, Newest, Point, Series, TrendVerdict};
use crate::measure::metric::{Basis, Metric};
use crate::report::json;
use crate::report::json::number::{ms, rounded};
use crate::report::trend::document::History;
use crate::run::historical::HistoricalRun;

/// The keys of `schema_version` 1 call a run a night. Runs are named by their place in `nights`, from 0.
#[derive(Serialize)]
struct TrendDocument<'a> {
    nights: Vec<RunFacts<'a>>,
    notes: &'a [String],
    profile: &'a str,
    schema_version: u32,
    series: Vec<SeriesFacts<'a>>,
    verdict: &'static str,
}

#[derive(Serialize)]
struct RunFacts<'a> {
    failed: &'a [String],
    id: &'a str,
    source: &'a str,
    standing: &'static str,
    started_at: &'a str,
    tool_version: &'a str,
}

#[derive(Serialize)]
struct SeriesFacts<'a> {
    basis: Option<Basis>,
    changes: Vec<ChangeFacts>,
    label: String,
    levels: Vec<LevelFacts>,
    margin: String,
    metric: Metric,
    newest: Option<NewestFacts>,
    newest_is_odd: bool,
    noise_pct: Option<f64>,
    path: &'a str,
    points: Vec<PointFacts>,
    quantile: f64,
    verdict: TrendVerdict,
}

#[derive(Serialize)]
struct PointFacts {
    judged: bool,
    ms: f64,
    night: usize,
}

#[derive(Serialize)]
struct LevelFacts {
    first: usize,
    last: usize,
    ms: f64,
    n: usize,
}

#[derive(Serialize)]
struct NewestFacts {
    change_pct: f64,
    level_ms: f64,
    ms: f64,
    night: usize,
    nights: usize,
    p: f64,
    worse: bool,
}

#[derive(Serialize)]
struct ChangeFacts {
    after_ms: f64,
    before_ms: f64,
    change_pct: f64,
    ci_pct: [f64; 2],
    night: usize,
    p: f64,
}

/// The bytes of `trend.json`.
pub(crate) fn render(history: &History) -> Vec<u8> {
    let trend = history.trend;
    let verdict = if trend.conclusion() == Conclusion::Missed { "worse" } else { "passed" };
    json::bytes(&TrendDocument {
        nights: trend.runs.iter().map(run_facts).collect(),
        notes: history.notes,
        profile: history.profile,
        schema_version: 1,
        series: trend.series.iter().map(series_facts).collect(),
        verdict: if trend.conclusion() == Conclusion::Inconclusive { "inconclusive" } else { verdict },
    })
}

fn run_facts(run: &HistoricalRun) -> RunFacts<'_> {
    RunFacts {
        failed: &run.failed,
        id: &run.id,
        source: &run.source,
        standing: run.eligibility.into(),
        started_at: &run.started_at,
        tool_version: &run.tool_version,
    }
}

fn series_facts(series: &Series) -> SeriesFacts<'_> {
    let point = |point: &Point| PointFacts { judged: point.judged, ms: rounded(point.ms), night: point.run };
    let level = |level: &Level| {
        let (first, last) = level.runs;
        LevelFacts { first, last, ms: rounded(level.ms), n: level.n }
    };
    SeriesFacts {
        basis: series.basis,
        changes: series.changes.iter().map(change_facts).collect(),
        label: format!("{}.{}", series.metric.key(), series.quantile),
        levels: series.levels.iter().map(level).collect(),
        margin: series.margin.to_string(),
        metric: series.metric,
        newest: series.newest.as_ref().map(newest_facts),
        newest_is_odd: series.odd,
        noise_pct: ms(series.noise.map(|noise| 100.0 * noise)),
        path: &series.path,
        points: series.points.iter().map(point).collect(),
        quantile: series.quantile.0,
        verdict: series.verdict,
    }
}

fn newest_facts(newest: &Newest) -> NewestFacts {
    NewestFacts {
        change_pct: rounded(100.0 * newest.share),
        level_ms: rounded(newest.level_ms),
        ms: rounded(newest.ms),
        night: newest.run,
        nights: newest.n,
        p: newest.p,
        worse: newest.worse,
    }
}

fn change_facts(change: &Change) -> ChangeFacts {
    let percent = |share: f64| rounded(100.0 * share);
    ChangeFacts {
        after_ms: rounded(change.after_ms),
        before_ms: rounded(change.before_ms),
        change_pct: percent(change.share),
        ci_pct: [percent(change.interval.0), percent(change.interval.1)],
        night: change.run,
        p: change.p,
    }
}
