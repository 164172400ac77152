//! Token counts as servers send them: each of them is read, or it is not known.
//!
//! Servers estimate, round, leave out, send zeros before they know, and put the tokens of reasoning among those of the
//! answer or beside them. Nothing of this is an error of the answer, and none of it may become a wrong number.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The most tokens that one call is believed to have; what is beyond it is no count.
const MOST: f64 = 1e9;

/// Token counts of one answer; `None` is one that was not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens.
    pub input: Option<u64>,
    /// Output tokens; once [`Usage::settled`] with those of reasoning among them.
    pub output: Option<u64>,
    /// Reasoning tokens.
    pub reasoning: Option<u64>,
    /// All tokens as the server adds them up, which tells whether those of reasoning are among the output tokens.
    pub total: Option<u64>,
}

impl Usage {
    /// What the usage object of either API says. Its form never decides about the answer: what is no such object, or
    /// tells no count, says nothing.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Members>(json).ok()?.counts()
    }

    /// The same, of JSON that is read already.
    #[must_use]
    pub fn of(usage: &Value) -> Option<Self> {
        Members::deserialize(usage).ok()?.counts()
    }

    /// This after an earlier one of the same answer: the later count holds, unless it says nothing.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        let says_output = self.output.is_some_and(|output| output > 0);
        Self {
            input: later(self.input, earlier.input),
            output: later(self.output, earlier.output),
            reasoning: later(self.reasoning, earlier.reasoning),
            // A sum belongs to its parts.
            total: if says_output { self.total } else { later(self.total, earlier.total) },
        }
    }

    /// What is known when the answer is over: placeholders of zero are not known, and reasoning that was counted beside
    /// the output is among it. `no_text` is whether a stream brought neither text nor reasoning: only then may the
    /// output be nothing.
    #[must_use]
    pub fn settled(self, no_text: bool) -> Self {
        let told = |count: Option<u64>| count.filter(|count| *count > 0);
        let usage = Self { input: told(self.input), total: told(self.total), ..self };
        let may_be_none = no_text && usage.input.is_some();
        let output = usage.output.filter(|output| *output > 0 || may_be_none);
        let beside = usage.reasoning.filter(|reasoning| usage.is_beside(*reasoning)).unwrap_or(0);
        Self { output: output.map(|output| output.saturating_add(beside)), ..usage }
    }

    /// Whether so many reasoning tokens are beside the output tokens and not among them: the total tells, or that there
    /// are more of them.
    fn is_beside(&self, reasoning: u64) -> bool {
        let Some(output) = self.output else { return false };
        let all = self.input.and_then(|input| input.checked_add(output)?.checked_add(reasoning));
        reasoning > 0 && (reasoning > output || all.is_some_and(|all| self.total == Some(all)))
    }
}

/// Of two counts the later, unless only the earlier says something.
fn later(later: Option<u64>, earlier: Option<u64>) -> Option<u64> {
    later.filter(|count| *count > 0).or(earlier).or(later)
}

/// The members of a usage object that are read: in a list by their place in [`Member`].
#[derive(Default)]
struct Members([Option<u64>; 7]);

/// The members that are read, whatever their form.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    PromptTokens,
    InputTokens,
    CompletionTokens,
    OutputTokens,
    ReasoningTokens,
    TotalTokens,
    #[serde(alias = "output_tokens_details")]
    CompletionTokensDetails,
    #[serde(other)]
    Other,
}

impl Members {
    /// Some send both names of a count and fill one of them with zeros.
    fn counts(self) -> Option<Usage> {
        let Self([prompt, input, completion, output, reasoning, total, nested]) = self;
        let counts = Usage {
            input: later(prompt, input),
            output: later(completion, output),
            reasoning: later(nested, reasoning),
            total,
        };
        (counts != Usage::default()).then_some(counts)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token counts")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(member) = map.next_key::<Member>()? {
            match member {
                Member::Other => drop(map.next_value::<IgnoredAny>()?),
                Member::CompletionTokensDetails => {
                    let details = map.next_value::<Details>()?.0;
                    self.0[6] = later(details, self.0[6]);
                }
                member => self.0[member as usize] = map.next_value::<Count>()?.0,
            }
        }
        Ok(self)
    }
}

/// The reasoning tokens in the details of the output.
struct Details(Option<u64>);

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lax).map(|read| Self(read.reasoning))
    }
}

/// A whole number of tokens, also as a text or with zeros behind its point; of anything else, nothing.
struct Count(Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lax).map(|read| Self(read.count))
    }
}

/// A value of any form: what it is as a count, and what its member `reasoning_tokens` is.
#[derive(Default)]
struct Read {
    count: Option<u64>,
    reasoning: Option<u64>,
}

impl Read {
    fn number(number: f64) -> Self {
        let whole = (0.0..=MOST).contains(&number) && number.fract() == 0.0;
        Self { count: whole.then_some(number as u64), reasoning: None }
    }
}

/// Reads any value and fails on none.
struct Lax;

impl<'de> Visitor<'de> for Lax {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Read, E> {
        Ok(Read::default())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Read, E> {
        Ok(Read::number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Read, E> {
        Ok(Read::number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Read, E> {
        Ok(Read::number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Read, E> {
        Ok(text.trim().parse().map(Read::number).unwrap_or_default())
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Read, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Read::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut read = Read::default();
        while let Some(member) = map.next_key::<Member>()? {
            match member {
                Member::ReasoningTokens => read.reasoning = map.next_value::<Count>()?.0,
                Member::PromptTokens
                | Member::InputTokens
                | Member::CompletionTokens
                | Member::OutputTokens
                | Member::TotalTokens
                | Member::CompletionTokensDetails
                | Member::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usage(input: Option<u64>, output: Option<u64>, reasoning: Option<u64>, total: Option<u64>) -> Usage {
        Usage { input, output, reasoning, total }
    }

    #[test]
    fn counts_are_read_or_not_known() {
        for (json, count) in [
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("1.2e1", Some(12)),
            ("\"12\"", Some(12)),
            ("\" 12.0 \"", Some(12)),
            ("0", Some(0)),
            ("12.5", None),
            ("2.25", None),
            ("-12", None),
            ("-0.5", None),
            ("9223372036854775808", None),
            ("18446744073709551616", None),
            ("1e300", None),
            ("null", None),
            ("true", None),
            ("[12]", None),
            ("{\"value\":12}", None),
            ("\"twelve\"", None),
            ("\"NaN\"", None),
            ("\"inf\"", None),
            ("\"\"", None),
        ] {
            let read = Usage::read(format!(r#"{{"prompt_tokens":{json},"completion_tokens":7}}"#).as_bytes());
            assert_eq!(read, Some(usage(count, Some(7), None, None)), "{json}");
        }
    }

    #[test]
    fn every_form_is_read() {
        for (json, expected) in [
            (r#"{"prompt_tokens":19,"total_tokens":19}"#, usage(Some(19), None, None, Some(19))),
            (r#"{"input_tokens":3,"output_tokens":2,"total_tokens":5}"#, usage(Some(3), Some(2), None, Some(5))),
            (
                r#"{"prompt_tokens":3,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":1}}"#,
                usage(Some(3), Some(2), Some(1), None),
            ),
            (
                r#"{"input_tokens":3,"output_tokens":2,"output_tokens_details":{"reasoning_tokens":1}}"#,
                usage(Some(3), Some(2), Some(1), None),
            ),
            (
                r#"{"prompt_tokens":3,"completion_tokens":2,"reasoning_tokens":1}"#,
                usage(Some(3), Some(2), Some(1), None),
            ),
            (
                r#"{"prompt_tokens":3,"completion_tokens":2,"reasoning_tokens":0,"completion_tokens_details":null}"#,
                usage(Some(3), Some(2), Some(0), None),
            ),
            (r#"{"prompt_tokens":3,"completion_tokens_details":7}"#, usage(Some(3), None, None, None)),
            (r#"{"prompt_tokens":3,"completion_tokens_details":[]}"#, usage(Some(3), None, None, None)),
            (
                r#"{"prompt_tokens":3,"completion_tokens":2,"input_tokens":0,"output_tokens":0}"#,
                usage(Some(3), Some(2), None, None),
            ),
            (
                r#"{"prompt_tokens":0,"completion_tokens":0,"input_tokens":3,"output_tokens":2}"#,
                usage(Some(3), Some(2), None, None),
            ),
            ("{}", Usage::default()),
            ("[]", Usage::default()),
            ("7", Usage::default()),
            ("\"none\"", Usage::default()),
            ("{", Usage::default()),
        ] {
            let said = (expected != Usage::default()).then_some(expected);
            assert_eq!(Usage::read(json.as_bytes()), said, "{json}");
        }
    }

    #[test]
    fn the_last_that_says_something_holds() {
        let told = usage(Some(7), Some(25), Some(20), Some(32));
        let zeros = usage(Some(0), Some(0), Some(0), Some(0));
        for (what, all, expected) in [
            ("zeros before", vec![zeros, told], told),
            ("zeros after", vec![told, zeros], told),
            ("nothing after", vec![told, Usage::default()], told),
            (
                "growing",
                vec![usage(Some(7), Some(1), None, Some(8)), usage(Some(7), Some(2), None, Some(9))],
                usage(Some(7), Some(2), None, Some(9)),
            ),
            (
                "in parts",
                vec![usage(Some(7), None, None, None), usage(None, Some(2), None, None)],
                usage(Some(7), Some(2), None, None),
            ),
            (
                "a sum without its parts",
                vec![usage(Some(7), Some(1), None, Some(8)), usage(None, Some(2), None, None)],
                usage(Some(7), Some(2), None, None),
            ),
        ] {
            let held = all.into_iter().fold(Usage::default(), |before, usage| usage.after(before));
            assert_eq!(held, expected, "{what}");
        }
    }

    #[test]
    fn placeholders_are_not_known_and_reasoning_is_among_the_output() {
        for (what, sent, no_text, expected) in [
            ("plain", usage(Some(7), Some(5), None, Some(12)), false, usage(Some(7), Some(5), None, Some(12))),
            ("only zeros", usage(Some(0), Some(0), None, Some(0)), true, Usage::default()),
            ("no input", usage(Some(0), Some(5), None, None), false, usage(None, Some(5), None, None)),
            (
                "no output, with text",
                usage(Some(7), Some(0), None, Some(7)),
                false,
                usage(Some(7), None, None, Some(7)),
            ),
            ("no output, no text", usage(Some(7), Some(0), None, None), true, usage(Some(7), Some(0), None, None)),
            (
                "among",
                usage(Some(7), Some(25), Some(20), Some(32)),
                false,
                usage(Some(7), Some(25), Some(20), Some(32)),
            ),
            (
                "beside",
                usage(Some(7), Some(5), Some(20), Some(32)),
                false,
                usage(Some(7), Some(25), Some(20), Some(32)),
            ),
            (
                "beside, fewer",
                usage(Some(7), Some(25), Some(5), Some(37)),
                false,
                usage(Some(7), Some(30), Some(5), Some(37)),
            ),
            ("more than all", usage(Some(7), Some(5), Some(20), None), false, usage(Some(7), Some(25), Some(20), None)),
            ("no total", usage(Some(7), Some(25), Some(20), None), false, usage(Some(7), Some(25), Some(20), None)),
            (
                "another total",
                usage(Some(7), Some(25), Some(20), Some(99)),
                false,
                usage(Some(7), Some(25), Some(20), Some(99)),
            ),
        ] {
            assert_eq!(sent.settled(no_text), expected, "{what}");
            assert_eq!(expected.settled(no_text), expected, "{what}: settled once is settled");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_a_count_or_not_known(json in "[ -~]{0,30}", number in any::<f64>(), whole in any::<i64>()) {
            for value in [json, number.to_string(), whole.to_string(), format!("\"{whole}\"")] {
                let text = format!(r#"{{"prompt_tokens":{value},"completion_tokens":3}}"#);
                let read = Usage::read(text.as_bytes()).unwrap_or_default();
                prop_assert!(read.input.is_none_or(|count| count as f64 <= MOST), "{text}: {read:?}");
                if let (Some(count), Ok(sent)) = (read.input, value.trim_matches('"').trim().parse::<f64>()) {
                    prop_assert_eq!(count as f64, sent);
                }
            }
        }
    }
}
