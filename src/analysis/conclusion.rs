//! What a run comes to, and the exit code that says it to scripts.

use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::Verdict;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::summary::failing::{FailedPath, FailureKind};
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::objective::objective::Severity;
use schemars::JsonSchema;
use serde::Serialize;

/// What a run comes to, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Conclusion {
    /// Nothing may be made of it: this tool, not the path, was the limit.
    Invalid,
    /// A path failed: no call of it succeeded, or more failed than the plan allows.
    Failed,
    /// It did not carry out its plan: nothing is decided.
    Incomplete,
    /// A critical objective or a declared margin was missed; an objective whose miss ended the run is among them.
    Missed,
    /// A critical objective, a declared margin or the headline shift of a path, could not be decided.
    Inconclusive,
    /// Everything was decided and every critical objective met; warnings never decide.
    Met,
}

impl Conclusion {
    /// Of the parts of a judgement.
    #[must_use]
    pub fn of(
        complete: bool,
        validity: &Validity,
        failing: &[FailedPath],
        objectives: &[ObjectiveResult],
        comparison: Option<&Comparison>,
    ) -> Self {
        let graves = || objectives.iter().filter(|result| result.objective.severity == Severity::Critical);
        let any = |verdict| graves().any(|objective| objective.verdict == verdict);
        let open = comparison.is_some_and(|comparison| {
            comparison.others().any(|candidate| {
                candidate.headline(comparison.headline).is_none_or(|row| row.verdict == Verdict::Inconclusive)
            })
        });
        let gated = |gate| comparison.is_some_and(|comparison| comparison.others().any(|one| one.has(gate)));
        let seen_to_fail = |failed: &FailedPath| failed.kind != FailureKind::NothingFinished;
        if validity.verdict == ValidityVerdict::Invalid {
            Self::Invalid
        } else if failing.iter().any(seen_to_fail) {
            Self::Failed
        } else if any(ObjectiveVerdict::Missed) {
            // Of an incomplete run only the objective that ended it can be missed.
            Self::Missed
        } else if !failing.is_empty() {
            Self::Failed
        } else if !complete {
            Self::Incomplete
        } else if gated(Gate::Failed) {
            Self::Missed
        } else if any(ObjectiveVerdict::Inconclusive) || gated(Gate::Open) || open {
            Self::Inconclusive
        } else {
            Self::Met
        }
    }

    /// The exit code: 4 invalid, 3 a path failed or a critical objective or a margin was missed, 5 inconclusive if `strict`, otherwise 0. An
    /// interrupted `run` ends with its signal's code instead.
    #[must_use]
    pub fn exit_code(self, strict: bool) -> u8 {
        match self {
            Self::Invalid => 4,
            Self::Failed | Self::Missed => 3,
            Self::Incomplete | Self::Inconclusive => {
                if strict {
                    5
                } else {
                    0
                }
            }
            Self::Met => 0,
        }
    }
}
