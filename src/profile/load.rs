//! The `[load]` section: when calls start.

use crate::objective::precision::{Precision, PrecisionError};
use crate::profile::error::Wrong;
use crate::profile::fields::Fields;
use crate::schedule::design::Design;
use crate::schedule::load::{Arrivals, Limits, LoadModel, LoadPlan};
use crate::units::{Rate, Span};

const TIME: &str = "a time with its unit such as \"500ms\", \"30s\" or \"2m\"";
const RATE: &str = "a rate above 0 with its unit such as \"20/s\", \"90/m\" or \"3600/h\"";

/// The most arrivals a second that can be planned.
const MOST_RATE: f64 = 1e6;

/// The longest run.
const LONGEST: Span = Span::from_secs(30 * 24 * 3600);

/// Reads the section. `has_trace` says whether the workload brings times of its own.
///
/// # Errors
/// When a key is missing, impossible or does not go with the others.
pub(crate) fn read(fields: &Fields<'_>, has_trace: bool) -> Result<LoadPlan, Wrong> {
    let closed = fields.choice("kind", &[("open", false), ("closed", true)])?.unwrap_or(false);
    let design = [("paired", Design::Paired), ("interleaved", Design::Interleaved), ("sequential", Design::Sequential)];
    let design = fields.choice("design", &design)?;
    let (model, design) = if closed {
        (read_closed(fields, design)?, design.unwrap_or(Design::Interleaved))
    } else {
        (read_open(fields, has_trace)?, design.unwrap_or(Design::Paired))
    };
    Ok(LoadPlan {
        model,
        warmup: span(fields, "warmup")?.unwrap_or(Span::from_secs(5)),
        duration: read_duration(fields)?,
        design,
        round_spread: span(fields, "round_spread")?.unwrap_or(Span::from_millis(500)),
        max_in_flight: fields.count("max_in_flight", 1)?.map_or(10_000, |count| count as usize),
    })
}

fn read_closed(fields: &Fields<'_>, design: Option<Design>) -> Result<LoadModel, Wrong> {
    if let Some(key) = fields.first_of(&LoadModel::OPEN_KEYS) {
        let rule = format!("'{key}' belongs to kind = \"open\" and this load is closed: remove it or change the kind");
        return Err(fields.rule(key, rule));
    }
    if design == Some(Design::Paired) {
        let rule = "design = \"paired\" needs an open load: callers that wait for their answers cannot keep rounds \
                    together; use design = \"interleaved\"";
        return Err(fields.rule("design", rule));
    }
    let concurrency = fields.count("concurrency", 1)?;
    let concurrency =
        concurrency.ok_or_else(|| fields.missing("concurrency", "say how many callers, such as concurrency = 64"))?;
    let think_time = span(fields, "think_time")?.unwrap_or_default();
    Ok(LoadModel::Closed { concurrency: concurrency.min(1_000_000) as usize, think_time })
}

fn read_open(fields: &Fields<'_>, has_trace: bool) -> Result<LoadModel, Wrong> {
    if let Some(key) = fields.first_of(&LoadModel::CLOSED_KEYS) {
        let rule = format!("'{key}' belongs to kind = \"closed\" and this load is open: remove it or change the kind");
        return Err(fields.rule(key, rule));
    }
    let arrivals = fields.choice("arrivals", &Arrivals::ALL)?.unwrap_or(Arrivals::Poisson);
    let rate = fields.parsed::<Rate>("rate", RATE)?;
    match (arrivals.follows_trace(), rate) {
        (true, _) if !has_trace => {
            let rule = "arrivals = \"trace\" needs a workload of kind = \"trace\"; use \"poisson\" or \"constant\"";
            Err(fields.rule("arrivals", rule))
        }
        (true, Some(_)) => {
            let rule = "'rate' does not go with arrivals = \"trace\", which keeps the trace's own times: remove it and \
                        set workload.time_scale, or set load.arrivals to \"poisson\"";
            Err(fields.rule("rate", rule))
        }
        (false, None) => Err(fields.missing("rate", "say how many arrivals a second, such as rate = \"20/s\"")),
        (false, Some(Rate(rate))) if rate > MOST_RATE => Err(fields.wrong("rate", "at most 1000000/s")),
        (true | false, rate) => Ok(LoadModel::Open { arrivals, rate }),
    }
}

fn read_duration(fields: &Fields<'_>) -> Result<Span, Wrong> {
    let duration = span(fields, "duration")?;
    let duration = duration.ok_or_else(|| fields.missing("duration", "say how long to measure, such as \"60s\""))?;
    if duration == Span::default() { Err(fields.wrong("duration", "a time above 0")) } else { Ok(duration) }
}

/// A span of the section, 0 allowed.
pub(crate) fn span(fields: &Fields<'_>, key: &str) -> Result<Option<Span>, Wrong> {
    match fields.parsed::<Span>(key, TIME)? {
        Some(span) if span > LONGEST => Err(fields.wrong(key, "at most 30 days")),
        span => Ok(span),
    }
}

/// Reads how narrow intervals must become before the run may stop.
///
/// # Errors
/// When it is no precision.
pub(crate) fn read_precision(fields: &Fields<'_>) -> Result<Option<Precision>, Wrong> {
    let Some(text) = fields.text("precision")? else { return Ok(None) };
    let wrong = |error| fields.rule("precision", format!("'{}': {error}", fields.key("precision")));
    text.parse().map(Some).map_err(|error: PrecisionError| wrong(error))
}

/// Reads the `[limits]` section.
///
/// # Errors
/// When a limit is not a whole number above 0.
pub(crate) fn read_limits(fields: Option<&Fields<'_>>) -> Result<Limits, Wrong> {
    let mut limits = Limits::default();
    if let Some(fields) = fields {
        limits.requests = fields.count("requests", 1)?;
        limits.tokens = fields.count("tokens", 1)?;
        limits.cost = match fields.number("cost")? {
            Some(cost) if cost <= 0.0 => return Err(fields.wrong("cost", "an amount above 0 in the prices' currency")),
            cost => cost,
        };
        if let Some(failures) = fields.count("auth_failures", 1)? {
            limits.auth_failures = u32::try_from(failures).unwrap_or(u32::MAX);
        }
        limits.failure_share = fields.share("failure_share")?.unwrap_or(limits.failure_share);
        limits.failures_in_a_row = fields.count("failures_in_a_row", 0)?.unwrap_or(limits.failures_in_a_row);
    }
    Ok(limits)
}
