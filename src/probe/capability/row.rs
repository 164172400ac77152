//! One row of the matrix: what documents say of a feature over such a path, and what was seen.

use schemars::JsonSchema;
use serde::Serialize;

use super::feature::Feature;

/// What a document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Support {
    /// It works.
    Supported,
    /// It does not work.
    Unsupported,
    /// Nothing, or that it depends.
    Varies,
}

/// What one source says of a feature over a kind of way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Expected {
    /// What it says.
    pub support: Support,
    /// When it said so: year and month, or `undated`.
    pub as_of: &'static str,
    /// Which document, issue or capture.
    pub source: &'static str,
}

/// What came of trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Finding {
    /// It works.
    Supported,
    /// It was refused, or what should be there is missing everywhere.
    Unsupported,
    /// It was accepted, and is wrong.
    Broken,
    /// A call failed in a way that says nothing of the feature: a limit, an error of the server, no answer.
    Failed,
    /// Nothing was sent.
    NotAsked,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Observed {
    /// What came of trying.
    pub finding: Finding,
    /// What was seen, refused or not asked, in words; those of the server are cleaned.
    pub said: String,
}

impl Observed {
    fn new(finding: Finding, said: impl Into<String>) -> Self {
        Self { finding, said: said.into() }
    }

    /// It works.
    #[must_use]
    pub(crate) fn supported(said: impl Into<String>) -> Self {
        Self::new(Finding::Supported, said)
    }

    /// It does not.
    #[must_use]
    pub(crate) fn unsupported(said: impl Into<String>) -> Self {
        Self::new(Finding::Unsupported, said)
    }

    /// It seems to, and is wrong.
    #[must_use]
    pub(crate) fn broken(said: impl Into<String>) -> Self {
        Self::new(Finding::Broken, said)
    }

    /// Nothing is known of it.
    #[must_use]
    pub(crate) fn failed(said: impl Into<String>) -> Self {
        Self::new(Finding::Failed, said)
    }

    /// Nothing was sent.
    #[must_use]
    pub(crate) fn not_asked(said: impl Into<String>) -> Self {
        Self::new(Finding::NotAsked, said)
    }

    /// Whether it works.
    #[must_use]
    pub(crate) fn is_supported(&self) -> bool {
        self.finding == Finding::Supported
    }
}

/// How what was seen compares with what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display)]
pub enum Verdict {
    /// As a source says; where sources disagree, as one of them says.
    #[strum(serialize = "as expected")]
    AsExpected,
    /// It works, though every source says that it does not.
    #[strum(serialize = "better than expected")]
    Better,
    /// It does not work, though every source says that it does; or it is wrong.
    #[strum(serialize = "worse than expected")]
    Worse,
    /// Nothing was seen, or no source says anything.
    #[strum(serialize = "undecided")]
    Undecided,
}

/// What is known of one feature over one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// The feature.
    pub feature: Feature,
    /// What sources say; more than one where they disagree.
    pub expected: Vec<Expected>,
    /// What was seen.
    pub observed: Observed,
    /// How the two compare.
    pub verdict: Verdict,
    /// Which sources were right, where they disagree and something was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
}

impl Row {
    /// A row of what was seen and what is written.
    #[must_use]
    pub(crate) fn of(feature: Feature, expected: Vec<Expected>, observed: Observed) -> Self {
        let said = |support| expected.iter().any(|one| one.support == support);
        let (works, fails) = (said(Support::Supported), said(Support::Unsupported));
        let verdict = match observed.finding {
            Finding::Failed | Finding::NotAsked => Verdict::Undecided,
            Finding::Broken => Verdict::Worse,
            Finding::Supported | Finding::Unsupported if !works && !fails => Verdict::Undecided,
            Finding::Supported if works => Verdict::AsExpected,
            Finding::Supported => Verdict::Better,
            Finding::Unsupported if fails => Verdict::AsExpected,
            Finding::Unsupported => Verdict::Worse,
        };
        let decided = (works && fails).then(|| disagreement(&expected, observed.finding)).flatten();
        Self { feature, expected, observed, verdict, decided }
    }
}

/// "documents disagree: ... was right, not ...".
fn disagreement(expected: &[Expected], finding: Finding) -> Option<String> {
    let right = match finding {
        Finding::Supported => Support::Supported,
        Finding::Unsupported => Support::Unsupported,
        Finding::Broken | Finding::Failed | Finding::NotAsked => return None,
    };
    let named = |agrees: bool| {
        let sources = expected.iter().filter(|one| one.support != Support::Varies && (one.support == right) == agrees);
        sources.map(|one| format!("{} ({})", one.source, one.as_of)).collect::<Vec<_>>().join(", ")
    };
    Some(format!("documents disagree: here it is as in {}, not as in {}", named(true), named(false)))
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    const SAYS: [Expected; 3] = [
        Expected { support: Support::Supported, as_of: "2026-01", source: "page A" },
        Expected { support: Support::Unsupported, as_of: "2026-02", source: "page B" },
        Expected { support: Support::Varies, as_of: "2026-03", source: "page C" },
    ];

    #[test]
    fn what_was_seen_is_compared_with_every_source() {
        use Finding as F;
        use Verdict as V;
        let [works, fails, varies] = SAYS;
        let table: [(&[Expected], [V; 5]); 5] = [
            (&[works], [V::AsExpected, V::Worse, V::Worse, V::Undecided, V::Undecided]),
            (&[fails], [V::Better, V::AsExpected, V::Worse, V::Undecided, V::Undecided]),
            (&[varies], [V::Undecided, V::Undecided, V::Worse, V::Undecided, V::Undecided]),
            (&[], [V::Undecided, V::Undecided, V::Worse, V::Undecided, V::Undecided]),
            (&SAYS, [V::AsExpected, V::AsExpected, V::Worse, V::Undecided, V::Undecided]),
        ];
        let findings = [F::Supported, F::Unsupported, F::Broken, F::Failed, F::NotAsked];
        for (expected, verdicts) in table {
            for (finding, verdict) in findings.into_iter().zip(verdicts) {
                let row = Row::of(Feature::VARIANTS[0], expected.to_vec(), Observed::new(finding, "x"));
                assert_eq!(row.verdict, verdict, "{expected:?}: {finding}");
                let tells = expected.len() == 3 && matches!(finding, F::Supported | F::Unsupported);
                assert_eq!(row.decided.is_some(), tells, "{row:?}");
            }
        }
        let row = Row::of(Feature::VARIANTS[0], SAYS.to_vec(), Observed::unsupported("x"));
        let told = "documents disagree: here it is as in page B (2026-02), not as in page A (2026-01)";
        assert_eq!(row.decided.as_deref(), Some(told));
    }
}
