//! What the limits of a deployment are told.

use std::time::Duration;

use serde::Deserialize;

/// The limits of a deployment. What is `None` does not limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LimitSettings {
    /// Requests a minute, enforced over each of [`LimitSettings::rpm_windows`].
    pub(crate) rpm: Option<u32>,
    /// The windows over which requests are counted.
    pub(crate) rpm_windows: Vec<Duration>,
    /// Tokens a minute, estimated when a request arrives.
    pub(crate) tpm: Option<u32>,
    /// Whether the estimate is replaced by what was produced when the request ends.
    pub(crate) tpm_corrected: bool,
    /// What a request without a limit of its own is taken to ask for, in tokens of output.
    pub(crate) default_max_tokens: u32,
    /// The longest prompt and answer together, in tokens.
    pub(crate) context_tokens: Option<u32>,
    /// A provisioned throughput instead of rates.
    pub(crate) ptu: Option<PtuSettings>,
    /// What the answers say of all this.
    pub(crate) headers: LimitHeaders,
    /// Whether a refused stream of the Responses API begins with status 200 and says so in its events.
    pub(crate) in_stream: bool,
    /// The place in the scenario of the deployment that takes what this one refuses.
    pub(crate) spillover: Option<usize>,
    /// Whether that holds for the Responses API too.
    pub(crate) spillover_responses: bool,
}

/// A provisioned throughput: a bucket that leaks at `capacity` a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PtuSettings {
    /// Weighted tokens a minute.
    pub(crate) capacity: f64,
    /// What a token of the prompt weighs that was not cached.
    pub(crate) input_weight: f64,
    /// What a token of the answer weighs.
    pub(crate) output_weight: f64,
}

/// What answers say of the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LimitHeaders {
    /// Limits, what is left, and when it is full again.
    #[default]
    Shown,
    /// As shown, but -1 in the Responses API, as Azure may send it.
    Unknown,
    /// Nothing.
    Hidden,
}
