//! `trend.json`: a history for scripts, in the shape of `schema_version` 1.

use serde_json::{Value, json};

use crate::analysis::trend::{Change, Level, Newest, Point, Series};
use crate::report::figure::quantile;
use crate::report::json_number::{ms, rounded};
use crate::report::trend::document::History;
use crate::run::historical::HistoricalRun;

/// The bytes of `trend.json`. Nights are named by their place in `nights`, from 0.
pub(crate) fn render(history: &History) -> Vec<u8> {
    let trend = history.trend;
    let verdict = if trend.exit_code(false) == 3 { "worse" } else { "passed" };
    let document = json!({
        "schema_version": 1,
        "profile": history.profile,
        "verdict": if trend.exit_code(true) == 5 { "inconclusive" } else { verdict },
        "nights": trend.nights.iter().map(night).collect::<Vec<_>>(),
        "series": trend.series.iter().map(series).collect::<Vec<_>>(),
        "notes": history.notes,
    });
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn night(night: &HistoricalRun) -> Value {
    json!({
        "id": night.id, "source": night.source, "started_at": night.started_at, "standing": night.eligibility.as_str(),
        "tool_version": night.tool_version, "failed": night.failed,
    })
}

fn series(series: &Series) -> Value {
    let point = |point: &Point| json!({"night": point.night, "ms": rounded(point.ms), "judged": point.judged});
    let level =
        |level: &Level| json!({"first": level.nights.0, "last": level.nights.1, "n": level.n, "ms": rounded(level.ms)});
    json!({
        "path": series.path, "metric": series.metric.key(), "quantile": series.quantile,
        "label": format!("{}.{}", series.metric.key(), quantile(series.quantile)),
        "basis": series.basis.map(|basis| basis.as_str()),
        "verdict": series.verdict.as_str(), "margin": series.margin.to_string(),
        "noise_pct": ms(series.noise.map(|noise| 100.0 * noise)), "newest_is_odd": series.odd,
        "newest": series.newest.as_ref().map(newest),
        "points": series.points.iter().map(point).collect::<Vec<_>>(),
        "levels": series.levels.iter().map(level).collect::<Vec<_>>(),
        "changes": series.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn newest(newest: &Newest) -> Value {
    json!({
        "night": newest.night, "ms": rounded(newest.ms), "level_ms": rounded(newest.level_ms), "nights": newest.n,
        "change_pct": rounded(100.0 * newest.share), "p": newest.p, "worse": newest.worse,
    })
}

fn change(change: &Change) -> Value {
    let percent = |share: f64| rounded(100.0 * share);
    json!({
        "night": change.night, "before_ms": rounded(change.before_ms), "after_ms": rounded(change.after_ms),
        "change_pct": percent(change.share), "ci_pct": [percent(change.interval.0), percent(change.interval.1)],
        "p": change.p,
    })
}
