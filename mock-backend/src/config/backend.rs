//! A backend as it stands in TOML.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::faults::{self, Fault};
use super::limits::Limits;
use crate::api::backend::{BackendSettings, KEEP_RESPONSES, REASONING_TOKENS};

use super::times::{Length, Span, Time};
use crate::model::batching::{Batch, Batching};
use crate::model::deployment::{DeploymentSettings, OUTPUT_TOKENS, OutputTokens};
use crate::model::dist::Dist;
use crate::model::drift::Drift;
use crate::model::latency::Latency;
use crate::model::packing::{HeadAt, Packing, Split};
use crate::model::trace::Trace;
use crate::units::nanos;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backend {
    pub(super) name: String,
    #[serde(default = "region")]
    region: String,
    model: Model,
    output_tokens: Option<Length>,
    reasoning_tokens: Option<u32>,
    #[serde(default)]
    format_tokens: u32,
    #[serde(default)]
    refusals: f64,
    #[serde(default)]
    filtered: f64,
    #[serde(default)]
    deployments: BTreeMap<String, String>,
    #[serde(default)]
    service_tiers: BTreeMap<String, f64>,
    tool_calls: Option<f64>,
    keep_responses: Option<Span>,
    load: Option<LoadTable>,
    limits: Option<Limits>,
    #[serde(default)]
    fault: Vec<Fault>,
    #[serde(default)]
    stream: Stream,
    #[serde(default)]
    changes: Vec<Change>,
    prefix_cache: Option<Span>,
}

fn region() -> String {
    "swedencentral".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    first: Option<Time>,
    gap: Option<Time>,
    per_prompt_token: Option<Time>,
    trace: Option<String>,
    speed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
enum LoadTable {
    Serial { stage: Time },
    Batch { size: usize, step: Span, queue: Option<usize> },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    head: Option<HeadAt>,
    tokens_per_event: Option<usize>,
    events_per_write: Option<usize>,
    burst: Option<Span>,
    split: Option<Split>,
    keepalive: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
enum Change {
    Step { at: Span, factor: f64 },
    Ramp { from: Span, to: Span, factor: f64 },
    Spike { at: Span, r#for: Span, factor: f64, every: Option<Span> },
    Sine { period: Span, amplitude: f64 },
    Outage { at: Span, r#for: Span, every: Option<Span> },
    BrownOut { at: Span, r#for: Span, factor: Option<f64>, share: f64, every: Option<Span> },
}

impl Backend {
    /// What is meant, beside the backends of these names; files stand beside the scenario in `folder`.
    pub(super) fn resolve(self, folder: &Path, names: &[String]) -> Result<BackendSettings, String> {
        // What follows the name of the backend.
        let wrong = |what: String| format!(" {what}");
        let of = |what: String| format!(": {what}");
        let limits = self.limits.map(|limits| limits.resolve(&self.name, names)).transpose().map_err(of)?;
        let faults = faults::resolve(self.fault, false).map_err(of)?;
        let batching = self.load.map_or(Ok(Batching::Apart), LoadTable::resolve).map_err(wrong)?;
        let latency = self.model.resolve(&batching, folder).map_err(wrong)?;
        let changes = self.changes.into_iter().map(Change::resolve);
        let output_tokens = match self.output_tokens {
            Some(length) => OutputTokens::Natural(length.0),
            None if latency.trace.is_some() => OutputTokens::Recorded,
            None => OutputTokens::AsAsked(OUTPUT_TOKENS),
        };
        let model = DeploymentSettings {
            latency,
            batching,
            drifts: changes.collect::<Result<_, _>>().map_err(wrong)?,
            packing: self.stream.resolve().map_err(wrong)?,
            prefix_cache: self.prefix_cache.map_or(Duration::ZERO, Span::duration),
            output_tokens,
        };
        Ok(BackendSettings {
            region: self.region,
            model,
            limits,
            faults,
            reasoning_tokens: self.reasoning_tokens.map_or(REASONING_TOKENS, |tokens| tokens as usize),
            format_tokens: self.format_tokens as usize,
            refusals: self.refusals,
            filtered: self.filtered,
            deployments: self.deployments,
            service_tiers: self.service_tiers,
            tool_calls: self.tool_calls.unwrap_or(1.0),
            keep_responses: self.keep_responses.map_or(KEEP_RESPONSES, Span::duration),
            name: self.name.clone(),
        })
    }
}

impl Model {
    fn resolve(self, batching: &Batching, folder: &Path) -> Result<Latency, String> {
        let per_prompt_token = self.per_prompt_token.map_or(Dist::Fixed(0.0), |time| time.0);
        let batch = matches!(batching, Batching::Batch(_));
        let times = (self.first.map(|time| time.0), self.gap.map(|time| time.0));
        if let Some(file) = self.trace {
            if times != (None, None) || batch {
                return Err("has a trace, which has its own first, gap and load".to_owned());
            }
            let trace = Trace::load(&folder.join(file), self.speed.unwrap_or(1.0))?;
            return Ok(Latency {
                per_prompt_token,
                trace: Some(trace),
                ..Latency::of(Dist::Fixed(0.0), Dist::Fixed(0.0))
            });
        }
        if self.speed.is_some() {
            return Err("has a speed, which only a trace can have".to_owned());
        }
        let (first, gap) = match (times, batching) {
            ((Some(first), None), Batching::Batch(batch)) => (first, Dist::Fixed(nanos(batch.step) as f64)),
            ((Some(first), Some(gap)), Batching::Apart | Batching::Serial { .. }) => (first, gap),
            ((Some(_), Some(_)), Batching::Batch(_)) => {
                return Err("makes a token a step, so its model has no gap".to_owned());
            }
            ((None, _), _) => return Err("needs model = { first = ... } or { trace = ... }".to_owned()),
            ((Some(_), None), _) => return Err("needs model = { ..., gap = ... }".to_owned()),
        };
        Ok(Latency { per_prompt_token, ..Latency::of(first, gap) })
    }
}

impl LoadTable {
    fn resolve(self) -> Result<Batching, String> {
        match self {
            Self::Serial { stage } => Ok(Batching::Serial { stage: stage.0 }),
            Self::Batch { size: 0, .. } => Err("has a batch of size 0".to_owned()),
            Self::Batch { step, .. } if step.0 < 1.0 => Err("has a batch whose step takes no time".to_owned()),
            Self::Batch { size, step, queue } => Ok(Batching::Batch(Batch { size, step: step.duration(), queue })),
        }
    }
}

impl Stream {
    fn resolve(self) -> Result<Packing, String> {
        let default = Packing::default();
        let count = |what: &str, n: Option<usize>| match n {
            None => Ok(1),
            Some(n) if (1..=64).contains(&n) => Ok(n),
            Some(n) => Err(format!("has {what} = {n}, which must be from 1 to 64")),
        };
        Ok(Packing {
            head: self.head.unwrap_or(default.head),
            tokens_per_event: count("tokens_per_event", self.tokens_per_event)?,
            events_per_write: count("events_per_write", self.events_per_write)?,
            burst: self.burst.map_or(default.burst, Span::duration),
            split: self.split.unwrap_or(default.split),
            keepalive: self.keepalive.map_or(default.keepalive, Span::duration),
        })
    }
}

impl Change {
    fn resolve(self) -> Result<Drift, String> {
        let every = |every: Option<Span>| every.map_or(0.0, |every| every.0);
        let drift = match self {
            Self::Step { at, factor } => Drift::Step { at: at.0, factor },
            Self::Ramp { from, to, factor } => Drift::Ramp { from: from.0, to: to.0, factor },
            Self::Spike { at, r#for, factor, every: again } => {
                Drift::Spike { at: at.0, length: r#for.0, factor, every: every(again) }
            }
            Self::Sine { period, amplitude } => Drift::Sine { period: period.0, amplitude },
            Self::Outage { at, r#for, every: again } => {
                Drift::Outage { at: at.0, length: r#for.0, every: every(again) }
            }
            Self::BrownOut { at, r#for, factor, share, every: again } => {
                let factor = factor.unwrap_or(1.0);
                Drift::BrownOut { at: at.0, length: r#for.0, factor, share, every: every(again) }
            }
        };
        check(&drift).map_or(Ok(drift), |wrong| Err(wrong.to_owned()))
    }
}

fn check(drift: &Drift) -> Option<&'static str> {
    match *drift {
        Drift::Step { factor, .. }
        | Drift::Ramp { factor, .. }
        | Drift::Spike { factor, .. }
        | Drift::BrownOut { factor, .. }
            if !(0.0..=1e6).contains(&factor) =>
        {
            Some("has a change whose factor is not from 0 to 1000000")
        }
        Drift::BrownOut { share, .. } if !(0.0..=1.0).contains(&share) => {
            Some("has a brown-out whose share is not from 0 to 1")
        }
        Drift::Ramp { from, to, .. } if to < from => Some("has a ramp that ends before it begins"),
        Drift::Sine { period, amplitude } if period <= 0.0 || !(0.0..1.0).contains(&amplitude) => {
            Some("has a sine that needs a period and an amplitude from 0 to below 1")
        }
        Drift::Step { .. }
        | Drift::Ramp { .. }
        | Drift::Spike { .. }
        | Drift::Sine { .. }
        | Drift::Outage { .. }
        | Drift::BrownOut { .. } => None,
    }
}
