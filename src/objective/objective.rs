//! An objective: an expression that must hold on a path, and what happens when it does not.

use schemars::JsonSchema;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::measure::metric::Metric;
use crate::objective::expression::{Comparator, parse_limit, split};
use crate::objective::indicator::{Indicator, Quantity, Share, Unit};
use crate::spelling::suggestion;
use crate::units::{Api, Span, TextError, serde_as_text};

pub use crate::objective::expression::Expression;

/// How grave a missed objective is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// It is told, and does not change how the run ends.
    Warning,
    /// The run ends with exit code 3.
    #[default]
    Critical,
}

/// Which calls of a path are looked at; all where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Those through this API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// Those that asked for a stream, or those that did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
}

impl Calls {
    /// Whether it leaves nothing out.
    #[must_use]
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(crate) fn are_all(&self) -> bool {
        *self == Self::default()
    }
}

/// An expression that must hold on a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// The path's name.
    pub path: String,
    /// What must hold.
    pub expr: Expression,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Over which of the path's calls.
    #[serde(default, skip_serializing_if = "Calls::are_all")]
    pub calls: Calls,
    /// What a call must keep to count in `goodput`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_call: Vec<CallCondition>,
    /// How grave it is.
    #[serde(default)]
    pub severity: Severity,
    /// Whether, and how long after measuring began at the earliest, the run stops when it is surely missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_after: Option<Span>,
    /// The rules file that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Objective {
    /// A critical objective over all calls of a path.
    #[must_use]
    pub fn new(path: &str, expr: Expression) -> Self {
        Self {
            path: path.to_owned(),
            expr,
            name: None,
            calls: Calls::default(),
            per_call: Vec::new(),
            severity: Severity::default(),
            abort_after: None,
            source: None,
        }
    }

    /// The expression with everything that narrows it, as one line.
    #[must_use]
    pub fn label(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.calls.api.map(|api| api.to_string()));
        parts.extend(self.calls.stream.map(|stream| if stream { "stream" } else { "no stream" }.to_owned()));
        parts.extend(self.per_call.iter().map(|condition| condition.text.clone()));
        if parts.is_empty() { self.expr.text.clone() } else { format!("{} ({})", self.expr.text, parts.join(", ")) }
    }

    /// Its name for people, if it has one, and what it says.
    #[must_use]
    pub(crate) fn title(&self) -> String {
        let name = self.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        format!("{name}{}", self.label())
    }
}

/// What was claimed of a path, to be held against what was seen. It never decides how a run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The claim in its own words.
    pub claim: String,
    /// Where it stands.
    pub reference: Option<String>,
    /// The claim as an expression on a path.
    pub slo: Objective,
}

/// What one call must keep: `ttft < 800ms` or `tokens_per_second > 20`.
#[derive(Clone, Debug, PartialEq)]
pub struct CallCondition {
    /// As the user wrote it.
    pub text: String,
    /// What is looked at.
    pub quantity: Quantity,
    /// On which side of the limit it must lie.
    pub comparator: Comparator,
    /// The limit: milliseconds, or tokens a second.
    pub limit: f64,
}

impl FromStr for CallCondition {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let wrong = |why: String| TextError::because(text, "a condition on one call such as 'ttft < 800ms'", why);
        let (left, comparator, right) = split(text).ok_or_else(|| wrong("it needs <, <=, > or >=".to_owned()))?;
        let quantity = match left {
            "tokens_per_second" => Quantity::TokensPerSecond,
            "chunk_gap" => return Err(wrong("a call has many chunk gaps; use tpot".to_owned())),
            name => Quantity::Time(name.parse::<Metric>().map_err(|_| wrong(no_metric_of_a_call(name)))?),
        };
        let unit = match quantity {
            Quantity::Time(_) => Unit::Ms,
            Quantity::TokensPerSecond => Unit::TokensPerSecond,
        };
        let limit = parse_limit(unit, right).map_err(wrong)?;
        Ok(Self { text: text.trim().to_owned(), quantity, comparator, limit })
    }
}

fn no_metric_of_a_call(name: &str) -> String {
    if Indicator::parse(name).is_ok() {
        return "one call has no quantile and no share; name the metric alone".to_owned();
    }
    let mut known: Vec<&str> = Metric::ALL.iter().map(|metric| metric.key()).collect();
    known.push("tokens_per_second");
    format!("'{name}' is not a metric{}", suggestion(name, &known))
}

impl fmt::Display for CallCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(CallCondition: "[<>]=?", "ttft < 800ms");

/// What keeps the parts of an objective from going together, if anything does.
///
/// # Errors
/// A sentence.
pub(crate) fn fits(objective: &Objective) -> Result<(), String> {
    let indicator = objective.expr.indicator();
    let is_goodput = indicator == Indicator::Share(Share::Goodput);
    let of_gaps = matches!(indicator, Indicator::Figure(Quantity::Time(Metric::ChunkGap), _));
    if is_goodput && objective.per_call.is_empty() {
        return Err(
            "goodput needs per_call, the conditions for each call, such as [\"ttft < 800ms\", \"e2e < 5s\"]".into()
        );
    }
    if !is_goodput && !objective.per_call.is_empty() {
        return Err("'per_call' belongs to goodput; this objective looks at another figure".into());
    }
    if of_gaps && !objective.calls.are_all() {
        return Err("chunk_gap cannot be split by API or stream; use tpot".into());
    }
    if of_gaps && objective.abort_after.is_some() {
        return Err("chunk_gap is not known during a run, so it cannot abort one; use tpot".into());
    }
    if objective.abort_after.is_some() && objective.severity == Severity::Warning {
        return Err("a warning does not end a run: remove 'abort' or set severity = \"critical\"".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_on_one_call() {
        let condition: CallCondition = "ttft < 800ms".parse().expect("a condition");
        assert_eq!((condition.quantity, condition.limit), (Quantity::Time(Metric::Ttft), 800.0));
        assert!("tokens_per_second >= 20".parse::<CallCondition>().is_ok());
        for (text, part) in [
            ("ttft.p95 < 1s", "name the metric alone"),
            ("tttf < 1s", "did you mean 'ttft'"),
            ("ttft < 5", "unit"),
            ("ttft", "needs <"),
            ("chunk_gap < 5ms", "use tpot"),
        ] {
            let error = text.parse::<CallCondition>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn parts_that_do_not_go_together_are_told() {
        let base = |expr: &str| Objective::new("a", expr.parse().expect(expr));
        let with = |expr: &str, change: fn(&mut Objective)| {
            let mut objective = base(expr);
            change(&mut objective);
            fits(&objective)
        };
        assert!(fits(&base("goodput >= 0.9")).expect_err("no conditions").contains("per_call"));
        let conditions = |o: &mut Objective| o.per_call = vec!["ttft < 1s".parse().expect("a condition")];
        assert!(with("goodput >= 0.9", conditions).is_ok());
        assert!(with("ttft.p95 < 1s", conditions).expect_err("no goodput").contains("belongs to goodput"));
        let narrowed = |o: &mut Objective| o.calls.stream = Some(true);
        assert!(with("chunk_gap.p95 < 1s", narrowed).expect_err("gaps").contains("tpot"));
        let aborting = |o: &mut Objective| o.abort_after = Some(Span::from_secs(1));
        assert!(with("chunk_gap.p95 < 1s", aborting).expect_err("gaps").contains("tpot"));
        let warning = |o: &mut Objective| {
            (o.abort_after, o.severity) = (Some(Span::from_secs(1)), Severity::Warning);
        };
        assert!(with("ttft.p95 < 1s", warning).expect_err("a warning").contains("severity"));
    }

    #[test]
    fn an_objective_is_written_and_read_again_unchanged() {
        let mut objective = Objective::new("a", "goodput >= 0.99".parse().expect("expression"));
        objective.per_call = vec!["ttft < 800ms".parse().expect("a condition")];
        objective.calls = Calls { api: Some(Api::Chat), stream: Some(true) };
        objective.abort_after = Some(Span::from_secs(5));
        let text = serde_json::to_string(&objective).expect("written");
        assert_eq!(serde_json::from_str::<Objective>(&text).expect("read"), objective);
        assert_eq!(objective.label(), "goodput >= 0.99 (chat, stream, ttft < 800ms)");
        let old = r#"{"path":"a","expr":"ttft.p95 < 1s"}"#;
        let old: Objective = serde_json::from_str(old).expect("of a manifest before this");
        assert_eq!(old.severity, Severity::Critical);
    }
}
