//! How the tokens of a path were got: how often, how long it took, and what failed. No token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Nanos, PathId};

/// So many are kept one by one; of all others the figures alone.
const KEPT: usize = 256;

/// How the tokens of one credential of a path were got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    /// The path.
    pub path: PathId,
    /// The kind of credential, as profiles name it.
    pub kind: String,
    /// Tokens that were got.
    pub acquired: u64,
    /// Times that none came.
    pub failed: u64,
    /// The first of them, one by one.
    pub acquisitions: Vec<Acquisition>,
    /// The longest that a token took, in milliseconds.
    pub max_ms: f64,
    /// Why none came the last time that none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

/// One time that a token was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acquisition {
    /// When, on the clock of the run's origin.
    pub at: Nanos,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// Whether a token came.
    pub ok: bool,
}

/// The figures of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignInFigures {
    /// The kind of credential, as profiles name it.
    pub kind: String,
    /// Tokens that were got.
    pub acquired: u64,
    /// Times that none came.
    pub failed: u64,
    /// The median time that a token took, in milliseconds; null when none came.
    pub p50_ms: Option<f64>,
    /// The longest, in milliseconds; null when none came.
    pub max_ms: Option<f64>,
    /// Why none came the last time that none did.
    pub last_failure: Option<String>,
}

impl SignIn {
    /// Takes note of one.
    pub fn note(&mut self, one: Acquisition) {
        if one.ok {
            self.acquired += 1;
            self.max_ms = self.max_ms.max(one.took_ms);
        } else {
            self.failed += 1;
        }
        if self.acquisitions.len() < KEPT {
            self.acquisitions.push(one);
        }
    }

    /// The figures; the median is that of those kept one by one.
    #[must_use]
    pub fn figures(&self) -> SignInFigures {
        let mut took: Vec<f64> = self.acquisitions.iter().filter(|one| one.ok).map(|one| one.took_ms).collect();
        took.sort_by(f64::total_cmp);
        SignInFigures {
            kind: self.kind.clone(),
            acquired: self.acquired,
            failed: self.failed,
            p50_ms: took.get(took.len().saturating_sub(1) / 2).copied(),
            max_ms: (self.acquired > 0).then_some(self.max_ms),
            last_failure: self.last_failure.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_those_that_came() {
        let mut sign_in = SignIn { kind: "az-cli".into(), ..SignIn::default() };
        assert_eq!((sign_in.figures().p50_ms, sign_in.figures().max_ms), (None, None));
        for (took_ms, ok) in [(30.0, true), (900.0, false), (10.0, true), (20.0, true)] {
            sign_in.note(Acquisition { at: Nanos(0), took_ms, ok });
        }
        let figures = sign_in.figures();
        assert_eq!((figures.acquired, figures.failed), (3, 1));
        assert_eq!((figures.p50_ms, figures.max_ms), (Some(20.0), Some(30.0)));
    }
}
