//! One check of a path: what it looked at, what it came to, and what to do.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::limits::Limit;
use crate::probe::code::{Code, OwnCode};
use crate::probe::judge::Trouble;
use crate::wire::filter::Filter;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, strum::Display, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CheckName {
    /// What the name of the host leads to.
    Name,
    /// Whether TCP connections can be opened, and how long it takes.
    Tcp,
    /// Whether the TLS handshake succeeds, and what the certificate says.
    Tls,
    /// Whether a call without the credential is refused.
    Anonymous,
    /// Whether the credential can be had and is accepted.
    Credential,
    /// Whether calls of the run are answered.
    Model,
    /// Whether the time to connect fits the distance.
    Distance,
    /// Whether the path is private.
    Private,
    /// What the path can do beyond the calls of the run.
    Capabilities,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    /// As it should be.
    Passed,
    /// Not as it must be.
    Failed,
    /// It works, and something should be looked at.
    Warning,
    /// There was nothing to look at.
    Skipped,
    /// Said, not judged.
    Info,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub check: CheckName,
    /// What it came to.
    pub standing: Standing,
    /// The same in a stable word, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What was seen, or why nothing was looked at.
    pub seen: String,
    /// What lies behind it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What helps, where something has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// How long it took, in milliseconds; null where nothing was looked at.
    pub duration_ms: Option<f64>,
}

impl Check {
    /// A check that came to this.
    pub(crate) fn new(check: CheckName, standing: Standing, code: Code, seen: impl Into<String>) -> Self {
        Self { check, standing, code: Some(code), seen: seen.into(), cause: None, remedy: None, duration_ms: None }
    }

    /// One with a word of the checks themselves.
    pub(crate) fn own(check: CheckName, standing: Standing, code: OwnCode, seen: impl Into<String>) -> Self {
        Self::new(check, standing, Code::Own(code), seen)
    }

    /// One that passed and needs no word.
    pub(crate) fn passed(check: CheckName, seen: impl Into<String>) -> Self {
        Self { code: None, ..Self::own(check, Standing::Passed, OwnCode::Undecided, seen) }
    }

    /// One to which something is wrong.
    pub(crate) fn of_trouble(check: CheckName, standing: Standing, trouble: &Trouble) -> Self {
        let cause = trouble.print.map(|print| print.cause.to_owned());
        let remedy = Some(trouble.remedy_of_any().to_owned());
        Self { cause, remedy, ..Self::new(check, standing, trouble.code(), trouble.told.clone()) }
    }

    /// One that had nothing to look at because an earlier one failed.
    pub(crate) fn skipped(check: CheckName, failed: CheckName) -> Self {
        Self::own(check, Standing::Skipped, OwnCode::EarlierFailed, format!("not looked at: '{failed}' failed"))
    }

    /// With what helps.
    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// With how long it took.
    pub(crate) fn took(self, took: Duration) -> Self {
        Self { duration_ms: Some(took.as_secs_f64() * 1e3), ..self }
    }

    /// Whether it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.standing == Standing::Failed
    }

    /// Without secrets and what cannot be shown.
    pub(crate) fn cleaned(self, filter: &Filter) -> Self {
        let clean = |text: String| filter.line(&text, Limit::FormText);
        Self { seen: clean(self.seen), cause: self.cause.map(clean), remedy: self.remedy.map(clean), ..self }
    }
}
