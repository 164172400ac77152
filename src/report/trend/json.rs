//! `trend.json`: a history for scripts, in the shape of `schema_version` 1.

use serde::Serialize;

use crate::analysis::Conclusion;
use crate::analysis::trend::{Change, Newest, Series};
use crate::report::json;
use crate::report::json::number::exact;
use crate::report::trend::document::History;
use crate::run::historical::HistoricalRun;

/// The keys of `schema_version` 1 call a run a night. Runs are named by their place in `nights`, from 0.
#[derive(Serialize)]
struct TrendDocument<'a> {
    nights: &'a [HistoricalRun],
    notes: &'a [String],
    profile: &'a str,
    schema_version: u32,
    series: Vec<SeriesFacts<'a>>,
    verdict: &'static str,
}

#[derive(Serialize)]
struct SeriesFacts<'a> {
    changes: Vec<ChangeFacts<'a>>,
    label: String,
    newest: Option<NewestFacts<'a>>,
    noise_pct: Option<f64>,
    #[serde(flatten)]
    series: &'a Series,
}

#[derive(Serialize)]
struct NewestFacts<'a> {
    change_pct: f64,
    #[serde(serialize_with = "exact")]
    p: f64,
    #[serde(flatten)]
    newest: &'a Newest,
}

#[derive(Serialize)]
struct ChangeFacts<'a> {
    change_pct: f64,
    ci_pct: [f64; 2],
    #[serde(serialize_with = "exact")]
    p: f64,
    #[serde(flatten)]
    change: &'a Change,
}

/// The bytes of `trend.json`.
pub(crate) fn render(history: &History) -> Vec<u8> {
    let trend = history.trend;
    let verdict = if trend.conclusion() == Conclusion::Missed { "worse" } else { "passed" };
    json::bytes(&TrendDocument {
        nights: &trend.runs,
        notes: history.notes,
        profile: history.profile,
        schema_version: 1,
        series: trend.series.iter().map(series_facts).collect(),
        verdict: if trend.conclusion() == Conclusion::Inconclusive { "inconclusive" } else { verdict },
    })
}

fn series_facts(series: &Series) -> SeriesFacts<'_> {
    let percent = |share: f64| 100.0 * share;
    let newest =
        series.newest.as_ref().map(|newest| NewestFacts { change_pct: percent(newest.share), p: newest.p, newest });
    let changes = series.changes.iter().map(|change| ChangeFacts {
        change_pct: percent(change.share),
        ci_pct: <[f64; 2]>::from(change.interval).map(percent),
        p: change.p,
        change,
    });
    SeriesFacts {
        changes: changes.collect(),
        label: format!("{}.{}", series.metric.key(), series.quantile),
        newest,
        noise_pct: series.noise.map(percent),
        series,
    }
}
