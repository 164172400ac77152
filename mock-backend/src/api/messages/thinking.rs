//! Which Claude models think, and which settings of it each takes (as documented in November 2026).

use serde::Deserialize;

use crate::api::error::ApiError;

/// How a family thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Family {
    /// What its names begin with; the first that fits counts.
    prefix: &'static str,
    /// Whether it thinks without being asked to, and then decides itself how much.
    by_default: bool,
    /// The types of `thinking` that it takes.
    takes: &'static [&'static str],
    /// Whether its thoughts are shown unless the caller says otherwise.
    shows: bool,
}

const FAMILIES: [Family; 7] = [
    Family { prefix: "claude-haiku-5", by_default: true, takes: &["adaptive", "disabled"], shows: false },
    Family { prefix: "claude-sonnet-5-5", by_default: true, takes: &["adaptive", "between_tools"], shows: false },
    Family { prefix: "claude-opus-5-5", by_default: true, takes: &["adaptive"], shows: false },
    Family { prefix: "claude-fable", by_default: true, takes: &["adaptive"], shows: false },
    Family { prefix: "claude-opus-4-6", by_default: false, takes: &["adaptive", "enabled", "disabled"], shows: true },
    Family { prefix: "claude-sonnet-4-6", by_default: false, takes: &["adaptive", "enabled", "disabled"], shows: true },
    Family { prefix: "claude-haiku-4-5", by_default: false, takes: &["enabled", "disabled"], shows: true },
];
const OLDER: [&str; 2] = ["claude-opus-4-5", "claude-sonnet-4-5"];
const LATER: [&str; 2] = ["claude-opus-4-7", "claude-opus-4-8"];

/// The family of a model; what is not known is taken for one that takes everything.
fn family(snapshot: &str) -> Family {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| snapshot.starts_with(prefix));
    if let Some(found) = FAMILIES.into_iter().find(|family| snapshot.starts_with(family.prefix)) {
        return found;
    }
    if begins(&OLDER) {
        return Family { prefix: "", by_default: false, takes: &["enabled", "disabled"], shows: true };
    }
    if begins(&LATER) {
        return Family { prefix: "", by_default: false, takes: &["adaptive", "disabled"], shows: false };
    }
    if begins(&["claude-opus-5", "claude-sonnet-5"]) {
        return Family { prefix: "", by_default: true, takes: &["adaptive", "disabled"], shows: false };
    }
    Family { prefix: "", by_default: false, takes: &["adaptive", "enabled", "disabled", "between_tools"], shows: true }
}

/// `thinking` of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct RawThinking {
    #[serde(rename = "type")]
    kind: String,
    budget_tokens: Option<u32>,
    display: Option<String>,
}

/// How an answer is thought about first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thinking {
    /// Whether it is at all.
    pub(crate) on: bool,
    /// Whether the thoughts are shown.
    pub(crate) shows: bool,
}

/// The least budget of thoughts, in tokens.
const LEAST_BUDGET: u32 = 1024;

/// How the model thinks about a request with this limit.
///
/// # Errors
/// If it does not take the settings.
pub(crate) fn read(snapshot: &str, asked: Option<&RawThinking>, limit: u32) -> Result<Thinking, ApiError> {
    let family = family(snapshot);
    let Some(RawThinking { kind, budget_tokens, display }) = asked else {
        return Ok(Thinking { on: family.by_default, shows: family.shows });
    };
    if !family.takes.contains(&kind.as_str()) {
        let takes = family.takes.join("', '");
        let message = format!("'{kind}' is not supported by this model. It takes '{takes}'.");
        return Err(ApiError::invalid(message, "thinking.type"));
    }
    match (kind.as_str(), budget_tokens) {
        ("enabled", None) => return Err(ApiError::missing("thinking.enabled.budget_tokens")),
        ("enabled", Some(budget)) if *budget < LEAST_BUDGET => {
            let message = format!("Input should be greater than or equal to {LEAST_BUDGET}");
            return Err(ApiError::invalid(message, "thinking.enabled.budget_tokens"));
        }
        ("enabled", Some(budget)) if *budget >= limit => {
            return Err(ApiError::invalid("`max_tokens` must be greater than `thinking.budget_tokens`", "max_tokens"));
        }
        _ => {}
    }
    let shows = match display.as_deref() {
        None => family.shows,
        Some("summarized") => true,
        Some("omitted") => false,
        Some(other) => return Err(ApiError::no_such_word(other, &["summarized", "omitted"], "thinking.display")),
    };
    Ok(Thinking { on: matches!(kind.as_str(), "adaptive" | "enabled"), shows })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn each_family_thinks_in_its_own_way() {
        let told = |model: &str, thinking: Value| {
            let asked: Option<RawThinking> = serde_json::from_value(thinking).unwrap();
            read(model, asked.as_ref(), 4096).ok().map(|thinking| (thinking.on, thinking.shows))
        };
        let budget = |tokens: u32| json!({"type": "enabled", "budget_tokens": tokens});
        for (model, thinking, expected) in [
            ("claude-haiku-4-5-20251001", Value::Null, Some((false, true))),
            ("claude-haiku-4-5-20251001", budget(2048), Some((true, true))),
            ("claude-haiku-4-5-20251001", budget(1023), None),
            ("claude-haiku-4-5-20251001", budget(4096), None),
            ("claude-haiku-4-5-20251001", json!({"type": "enabled"}), None),
            ("claude-haiku-4-5-20251001", json!({"type": "adaptive"}), None),
            ("claude-opus-4-5-20251101", json!({"type": "disabled"}), Some((false, true))),
            ("claude-sonnet-4-6", json!({"type": "adaptive"}), Some((true, true))),
            ("claude-opus-4-8", Value::Null, Some((false, false))),
            ("claude-opus-4-8", budget(2048), None),
            ("claude-opus-5", Value::Null, Some((true, false))),
            ("claude-opus-5", json!({"type": "disabled"}), Some((false, false))),
            ("claude-opus-5-5", Value::Null, Some((true, false))),
            ("claude-opus-5-5", json!({"type": "disabled"}), None),
            ("claude-opus-5-5", json!({"type": "adaptive", "display": "summarized"}), Some((true, true))),
            ("claude-opus-5-5", json!({"type": "adaptive", "display": "loud"}), None),
            ("claude-sonnet-5-5", json!({"type": "between_tools"}), Some((false, false))),
            ("claude-fable-5-1", Value::Null, Some((true, false))),
            ("of-my-own", json!({"type": "enabled", "budget_tokens": 1024}), Some((true, true))),
        ] {
            assert_eq!(told(model, thinking.clone()), expected, "{model} {thinking}");
        }
    }
}
