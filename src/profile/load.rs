//! The `[load]` section: when calls start.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::objective::precision::Precision;
use crate::profile::at::At;
use crate::profile::error::Wrong;
use crate::schedule::design::Design;
use crate::schedule::load::{Arrivals, LoadModel, LoadPlan};
use crate::schema::{has_any, is};
use crate::units::{Rate, Span};

/// When.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("allOf" = rules()))]
pub(crate) struct Load {
    /// Arrivals at a rate, or callers that wait for their answers; default: open.
    #[serde(default)]
    kind: Kind,
    /// How arrivals come; default: poisson.
    arrivals: Option<Arrivals>,
    /// Arrivals a second; under the paired design each is a round over all paths.
    rate: Option<Rate>,
    /// How long to send before measuring; default: 5s.
    warmup: Option<Span>,
    /// How long to measure.
    duration: Span,
    /// How arrivals meet paths; default: paired under open load, interleaved under closed.
    design: Option<Design>,
    /// How far apart the members of a round may start; default: 500ms.
    round_spread: Option<Span>,
    /// Beyond it arrivals are dropped and counted; default: 10000.
    #[schemars(range(min = 1))]
    max_in_flight: Option<usize>,
    /// Callers over all paths.
    #[schemars(range(min = 1))]
    concurrency: Option<usize>,
    /// How long a caller rests between two calls; default: 0s.
    think_time: Option<Span>,
    /// Stop when the 95% intervals are as narrow as this, such as "p50 2ms, p99 10%".
    pub precision: Option<Precision>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Open,
    Closed,
}

fn rules() -> Value {
    json!([{
        "if": is("kind", "closed"),
        "then": {
            "required": ["concurrency"],
            "properties": {"design": {"enum": ["interleaved", "sequential"]}},
            "not": has_any(&LoadModel::OPEN_KEYS),
        },
        "else": {
            "not": has_any(&LoadModel::CLOSED_KEYS),
            "if": is("arrivals", "trace"),
            "then": {"not": has_any(&["rate"])},
            "else": {"required": ["rate"]},
        },
    }])
}

/// Holds the section to the rules between its keys. `has_trace` says whether the workload brings times of its own.
///
/// # Errors
/// When a key is missing or does not go with the others.
pub(crate) fn resolve(at: &At<'_>, section: Load, has_trace: bool) -> Result<LoadPlan, Wrong> {
    let (model, design) = match section.kind {
        Kind::Closed => (closed(at, &section)?, Design::Interleaved),
        Kind::Open => (open(at, &section, has_trace)?, Design::Paired),
    };
    if section.duration == Span::default() {
        return Err(at.wrong("duration", "a time above 0"));
    }
    Ok(LoadPlan {
        model,
        warmup: section.warmup.unwrap_or(Span::from_secs(5)),
        duration: section.duration,
        design: section.design.unwrap_or(design),
        round_spread: section.round_spread.unwrap_or(Span::from_millis(500)),
        max_in_flight: section.max_in_flight.unwrap_or(10_000),
    })
}

fn closed(at: &At<'_>, section: &Load) -> Result<LoadModel, Wrong> {
    if let Some(key) = at.first_of(&LoadModel::OPEN_KEYS) {
        let rule = format!("'{key}' belongs to kind = \"open\" and this load is closed: remove it or change the kind");
        return Err(at.rule(key, rule));
    }
    if section.design == Some(Design::Paired) {
        let rule = "design = \"paired\" needs an open load: callers that wait for their answers cannot keep rounds \
                    together; use design = \"interleaved\"";
        return Err(at.rule("design", rule));
    }
    let missing = || at.missing("concurrency", "say how many callers, such as concurrency = 64");
    let concurrency = section.concurrency.ok_or_else(missing)?.min(1_000_000);
    Ok(LoadModel::Closed { concurrency, think_time: section.think_time.unwrap_or_default() })
}

fn open(at: &At<'_>, section: &Load, has_trace: bool) -> Result<LoadModel, Wrong> {
    if let Some(key) = at.first_of(&LoadModel::CLOSED_KEYS) {
        let rule = format!("'{key}' belongs to kind = \"closed\" and this load is open: remove it or change the kind");
        return Err(at.rule(key, rule));
    }
    let arrivals = section.arrivals.unwrap_or(Arrivals::Poisson);
    match (arrivals.follows_trace(), section.rate) {
        (true, _) if !has_trace => {
            let rule = "arrivals = \"trace\" needs a workload of kind = \"trace\"; use \"poisson\" or \"constant\"";
            Err(at.rule("arrivals", rule))
        }
        (true, Some(_)) => {
            let rule = "'rate' does not go with arrivals = \"trace\", which keeps the trace's own times: remove it and \
                        set workload.time_scale, or set load.arrivals to \"poisson\"";
            Err(at.rule("rate", rule))
        }
        (false, None) => Err(at.missing("rate", "say how many arrivals a second, such as rate = \"20/s\"")),
        (true | false, rate) => Ok(LoadModel::Open { arrivals, rate }),
    }
}
