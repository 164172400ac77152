//! What one event of a stream says, read from its JSON and from nothing else.
//!
//! Only what a measurement needs is kept: whether there was content, of what kind, token counts, ends and errors.
//! Text is looked at, never copied.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;

use crate::wire::error::ApiError;

/// What an event brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Text or a refusal: what a person would see.
    pub visible: bool,
    /// Tool names or arguments.
    pub tool: bool,
    /// Reasoning text.
    pub reasoning: bool,
    /// Whether it only repeats as a whole what other events brought in pieces, if there were any.
    pub repeats: bool,
    /// The choices of which it speaks, of an API that answers in several.
    pub seen: Choices,
    /// Those of them that are finished, in whatever way the model chose.
    pub finished: Choices,
    /// The event that ends the answer.
    pub end: Option<End<'a>>,
    /// Token counts.
    pub usage: Option<Usage>,
}

impl Delta<'_> {
    /// Whether there was output that a caller receives: text, refusal or tool arguments.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.visible || self.tool
    }
}

/// How an event ends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// The answer is whole: what the caller asked for has come.
    Complete,
    /// The mark behind which nothing comes. It proves nothing: servers also send it after a failure.
    Done,
    /// An error in the stream.
    Error(ApiError<'a>),
}

/// Some of the choices of an answer, by their number; from the highest that is told apart on, all are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices(u128);

impl Choices {
    /// None.
    pub const NONE: Self = Self(0);
    /// The first one, alone.
    pub const FIRST: Self = Self(1);
    /// How many are told apart; OpenAI's own limit.
    pub const MOST: u32 = u128::BITS;

    /// This one.
    #[must_use]
    pub fn one(index: u32) -> Self {
        Self(1 << index.min(Self::MOST - 1))
    }

    /// Adds others.
    pub fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether every one of the others is among them.
    #[must_use]
    pub fn hold(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }
}

/// How much of what was asked has come.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    asked: u32,
    seen: Choices,
    finished: Choices,
    whole: bool,
}

impl Completion {
    /// Nothing yet of so many choices.
    #[must_use]
    pub fn of(asked: u32) -> Self {
        Self {
            asked: asked.clamp(1, Choices::MOST),
            seen: Choices::default(),
            finished: Choices::default(),
            whole: false,
        }
    }

    /// Takes in what an event says; whether all that was asked has come, and all that has begun is finished.
    pub fn note(&mut self, delta: &Delta<'_>) -> bool {
        self.seen.add(delta.seen);
        self.finished.add(delta.finished);
        self.whole |= delta.end == Some(End::Complete);
        self.whole || (self.finished.count() >= self.asked && self.finished.hold(self.seen))
    }
}

/// What a whole answer that is not a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole<'a> {
    /// All that was asked, with its token counts, if it has them.
    Answer(Option<Usage>),
    /// An error in its place.
    Error(ApiError<'a>),
}

/// Token counts as the server gives them; `None` is one that it does not give, or not as a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens.
    pub input: Option<u64>,
    /// Output tokens, reasoning included.
    pub output: Option<u64>,
    /// Reasoning tokens among them.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// Reads the usage object of either API. Its form never decides about the answer: what is odd is left out.
    #[must_use]
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        Self::from_json(UsageJson::deserialize(&mut serde_json::Deserializer::from_slice(json)).ok()?)
    }

    /// The same, of JSON that is read already.
    #[must_use]
    pub(super) fn of(json: &Value) -> Option<Self> {
        Self::from_json(UsageJson::deserialize(json).ok()?)
    }

    fn from_json(json: UsageJson) -> Option<Self> {
        let details = json.completion_tokens_details.or(json.output_tokens_details);
        let usage = Self {
            input: json.prompt_tokens.or(json.input_tokens),
            output: json.completion_tokens.or(json.output_tokens),
            reasoning: details.and_then(|details| details.reasoning_tokens),
        };
        (usage != Self::default()).then_some(usage)
    }
}

/// The data of an event is not the JSON that the API promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is not the JSON that the API promises")]
pub struct BadEvent;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct UsageJson {
    #[serde(deserialize_with = "lax_count")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "lax_count")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "lax_count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "lax_count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "lax_details")]
    completion_tokens_details: Option<DetailsJson>,
    #[serde(deserialize_with = "lax_details")]
    output_tokens_details: Option<DetailsJson>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct DetailsJson {
    #[serde(deserialize_with = "lax_count")]
    reasoning_tokens: Option<u64>,
}

/// A whole number that is not negative, written as an integer, with a fraction of nought or as a text; of anything
/// else, nothing.
fn lax_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    /// Above it not every whole number is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().or_else(|| {
            let count = number.as_f64()?;
            (count.fract() == 0.0 && (0.0..EXACT).contains(&count)).then_some(count as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

fn lax_details<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DetailsJson>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_whole_number_or_none() {
        let table = [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("\"7\"", Some(7)),
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("2.25", None),
            ("-1", None),
            ("-1.0", None),
            ("1e300", None),
            ("null", None),
            ("\"many\"", None),
            ("true", None),
            ("[7]", None),
            ("{}", None),
        ];
        for (written, count) in table {
            let given = [("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")];
            for (input, output) in given {
                let json = format!(
                    r#"{{"{input}":{written},"{output}":5,"{output}_details":{{"reasoning_tokens":{written}}}}}"#
                );
                let usage = Usage { input: count, output: Some(5), reasoning: count };
                assert_eq!(Usage::read(json.as_bytes()), Some(usage), "{json}");
            }
        }
        for odd in ["null", "{}", "[]", "7", "\"n/a\"", "{\"prompt_tokens\":null}", "{\"total_tokens\":4}"] {
            assert_eq!(Usage::read(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn an_answer_is_complete_when_every_choice_has_finished() {
        let says = |seen: &[u32], finished: &[u32]| {
            let mut delta = Delta::default();
            seen.iter().for_each(|index| delta.seen.add(Choices::one(*index)));
            finished.iter().for_each(|index| delta.finished.add(Choices::one(*index)));
            delta
        };
        type Case = (&'static str, u32, &'static [(&'static [u32], &'static [u32])], bool);
        let table: [Case; 9] = [
            ("nothing", 1, &[], false),
            ("begun", 1, &[(&[0], &[])], false),
            ("finished", 1, &[(&[0], &[]), (&[0], &[0])], true),
            ("one of two", 2, &[(&[0, 1], &[]), (&[0], &[0])], false),
            ("both", 2, &[(&[0, 1], &[]), (&[1], &[1]), (&[0], &[0])], true),
            ("a second was asked and never came", 2, &[(&[0], &[0])], false),
            ("a second that was not asked began", 1, &[(&[0], &[0]), (&[1], &[])], false),
            ("the last that is told apart", 1, &[(&[400], &[]), (&[127], &[127])], true),
            ("none is asked, one is meant", 0, &[], false),
        ];
        for (what, asked, events, complete) in table {
            let mut completion = Completion::of(asked);
            let noted = events.iter().fold(false, |_, (seen, finished)| completion.note(&says(seen, finished)));
            assert_eq!(noted, complete, "{what}");
        }
        assert!(Completion::of(1).note(&Delta { end: Some(End::Complete), ..Delta::default() }));
        assert!(!Completion::of(1).note(&Delta { end: Some(End::Done), ..Delta::default() }));
    }
}
