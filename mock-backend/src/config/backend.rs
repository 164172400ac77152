//! A backend as it stands in TOML.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::faults::{self, Fault};
use super::identity::Auth;
use super::limits::Limits;
use crate::api::backend::{BackendSettings, KEEP_RESPONSES, REASONING_TOKENS};

use super::times::{Length, Span};
use crate::model::batching::{Batch, Batching};
use crate::model::deployment::{DeploymentSettings, OUTPUT_TOKENS, OutputTokens};
use crate::model::dist::Dist;
use crate::model::drift::Drift;
use crate::model::latency::Latency;
use crate::model::packing::Packing;
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
    auth: Option<Auth>,
    limits: Option<Limits>,
    #[serde(default)]
    fault: Vec<Fault>,
    #[serde(default)]
    stream: Packing,
    #[serde(default)]
    changes: Vec<Drift>,
    prefix_cache: Option<Span>,
}

fn region() -> String {
    "swedencentral".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    first: Option<Dist>,
    gap: Option<Dist>,
    per_prompt_token: Option<Dist>,
    trace: Option<String>,
    speed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
enum LoadTable {
    Serial { stage: Dist },
    Batch { size: usize, step: Span, queue: Option<usize> },
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
        if let Some(what) = self.changes.iter().find_map(check_drift) {
            return Err(wrong(what.to_owned()));
        }
        let output_tokens = match self.output_tokens {
            Some(length) => OutputTokens::Natural(length.0),
            None if latency.trace.is_some() => OutputTokens::Recorded,
            None => OutputTokens::AsAsked(OUTPUT_TOKENS),
        };
        let model = DeploymentSettings {
            latency,
            batching,
            drifts: self.changes,
            packing: check_packing(self.stream).map_err(wrong)?,
            prefix_cache: self.prefix_cache.map_or(Duration::ZERO, Span::duration),
            output_tokens,
        };
        Ok(BackendSettings {
            region: self.region,
            model,
            auth: self.auth.map(Into::into).unwrap_or_default(),
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
        let per_prompt_token = self.per_prompt_token.unwrap_or(Dist::Fixed(0.0));
        let batch = matches!(batching, Batching::Batch(_));
        let times = (self.first, self.gap);
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
            Self::Serial { stage } => Ok(Batching::Serial { stage }),
            Self::Batch { size: 0, .. } => Err("has a batch of size 0".to_owned()),
            Self::Batch { step, .. } if step.0 < 1.0 => Err("has a batch whose step takes no time".to_owned()),
            Self::Batch { size, step, queue } => Ok(Batching::Batch(Batch { size, step: step.duration(), queue })),
        }
    }
}

/// These events, if so many tokens and events can stand in one.
fn check_packing(packing: Packing) -> Result<Packing, String> {
    let counts = [("tokens_per_event", packing.tokens_per_event), ("events_per_write", packing.events_per_write)];
    match counts.into_iter().find(|(_, n)| !(1..=64).contains(n)) {
        Some((what, n)) => Err(format!("has {what} = {n}, which must be from 1 to 64")),
        None => Ok(packing),
    }
}

/// What is wrong with a change.
fn check_drift(drift: &Drift) -> Option<&'static str> {
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
