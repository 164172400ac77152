//! How the limits of a backend are written, and what they mean.

use serde::Deserialize;

use super::gateway::find;
use super::times::Span;
use crate::limits::{LimitHeaders, LimitSettings, PtuSettings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    rpm: Option<u32>,
    rpm_windows: Option<Vec<Span>>,
    tpm: Option<u32>,
    #[serde(default)]
    tpm_corrected: bool,
    default_max_tokens: Option<u32>,
    context_tokens: Option<u32>,
    ptu: Option<Ptu>,
    #[serde(default)]
    headers: LimitHeaders,
    #[serde(default)]
    in_stream: bool,
    spillover: Option<String>,
    #[serde(default)]
    spillover_responses: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ptu {
    units: Option<f64>,
    tokens_per_unit: Option<f64>,
    capacity: Option<f64>,
    input_weight: Option<f64>,
    output_weight: Option<f64>,
}

impl Limits {
    pub(super) fn resolve(self, own: &str, backends: &[String]) -> Result<LimitSettings, String> {
        if self.spillover.as_deref() == Some(own) {
            return Err("spills over to itself".to_owned());
        }
        let spillover = self.spillover.map(|to| find("spills over to", &to, backends)).transpose()?;
        if [self.rpm, self.tpm, self.context_tokens].contains(&Some(0)) {
            return Err("limits must be more than 0".to_owned());
        }
        if self.tpm_corrected && self.tpm.is_none() {
            return Err("tpm_corrected needs tpm".to_owned());
        }
        if self.ptu.is_some() && (self.rpm.is_some() || self.tpm.is_some()) {
            return Err("a deployment has either ptu or rpm and tpm".to_owned());
        }
        let windows = self.rpm_windows.unwrap_or_else(|| vec![Span(1e9), Span(10e9)]);
        if windows.is_empty() || windows.iter().any(|window| window.0 < 1e6) {
            return Err("rpm_windows must hold one or more times of at least 1ms".to_owned());
        }
        Ok(LimitSettings {
            rpm: self.rpm,
            rpm_windows: windows.iter().map(|window| window.duration()).collect(),
            tpm: self.tpm,
            tpm_corrected: self.tpm_corrected,
            default_max_tokens: self.default_max_tokens.unwrap_or(16),
            context_tokens: self.context_tokens,
            ptu: self.ptu.map(Ptu::resolve).transpose()?,
            headers: self.headers,
            in_stream: self.in_stream,
            spillover,
            spillover_responses: self.spillover_responses,
        })
    }
}

impl Ptu {
    fn resolve(self) -> Result<PtuSettings, String> {
        let capacity = match (self.capacity, self.units) {
            (Some(capacity), None) if self.tokens_per_unit.is_none() => capacity,
            (None, Some(units)) => units * self.tokens_per_unit.unwrap_or(2500.0),
            _ => return Err("ptu needs either capacity or units (and tokens_per_unit)".to_owned()),
        };
        let (input_weight, output_weight) = (self.input_weight.unwrap_or(1.0), self.output_weight.unwrap_or(4.0));
        let sound = |value: f64, least: f64| value.is_finite() && value >= least;
        if sound(capacity, 1.0) && sound(input_weight, 0.0) && sound(output_weight, 0.0) {
            Ok(PtuSettings { capacity, input_weight, output_weight })
        } else {
            Err("the capacity of ptu must be at least 1, and no weight less than 0".to_owned())
        }
    }
}
