//! Token counts as servers send them: each of them is read, or it is not known.
//!
//! Servers estimate, round, leave out, send zeros before they know, and put the tokens of reasoning among those of the
//! answer or beside them. Nothing of this is an error of the answer, and none of it may become a wrong number.

use crate::wire::json_scan::{BadEvent, JsonScan};

/// The most tokens that one call is believed to have; what is beyond it is no count.
const MOST: f64 = 1e9;

/// Token counts of one answer; `None` is one that was not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens; once [`Usage::settled`] with those counted apart among them.
    pub input: Option<u64>,
    /// Prompt tokens that the API counts beside `input`: those written to a prompt cache or read from one.
    pub apart: Option<u64>,
    /// Output tokens; once [`Usage::settled`] with those of reasoning among them.
    pub output: Option<u64>,
    /// Reasoning tokens.
    pub reasoning: Option<u64>,
    /// All tokens as the server adds them up, which tells whether those of reasoning are among the output tokens.
    pub total: Option<u64>,
}

impl Usage {
    /// Reads the usage object of an API that counts all tokens of a prompt as one. Its form never decides about the
    /// answer: what is no such object, or tells no count, says nothing.
    ///
    /// # Errors
    /// [`BadEvent`] when it is no JSON at all.
    pub(crate) fn read(usage: &mut JsonScan<'_>) -> Result<Option<Self>, BadEvent> {
        Ok(Self::read_apart(usage)?
            .map(|usage| Self { apart: None, ..usage })
            .filter(|usage| *usage != Self::default()))
    }

    /// Reads that of an API that counts the tokens of a prompt cache beside those of the prompt.
    ///
    /// # Errors
    /// [`BadEvent`] when it is no JSON at all.
    pub(crate) fn read_apart(usage: &mut JsonScan<'_>) -> Result<Option<Self>, BadEvent> {
        if usage.peek() != Some(b'{') {
            return usage.skip().map(|_| None);
        }
        let (mut one, mut other, mut nested, mut written) = (Self::default(), Self::default(), None, None);
        usage.object(|value, name| {
            let place = match name {
                b"prompt_tokens" => &mut one.input,
                b"input_tokens" => &mut other.input,
                b"completion_tokens" => &mut one.output,
                b"output_tokens" => &mut other.output,
                b"reasoning_tokens" => &mut one.reasoning,
                b"total_tokens" => &mut one.total,
                b"cache_read_input_tokens" => &mut one.apart,
                b"cache_creation_input_tokens" => &mut written,
                b"completion_tokens_details" | b"output_tokens_details" => return read_details(value, &mut nested),
                _ => return value.skip().map(drop),
            };
            *place = count(value.skip()?);
            Ok(())
        })?;
        // Some send both names of a count and fill one of them with zeros.
        let counts = Self {
            input: later(one.input, other.input),
            apart: one.apart.map_or(written, |read| Some(read + written.unwrap_or(0))),
            output: later(one.output, other.output),
            reasoning: later(nested, one.reasoning),
            total: one.total,
        };
        Ok((counts != Self::default()).then_some(counts))
    }

    /// This after an earlier one of the same answer: the later count holds, unless it says nothing.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        let says_output = self.output.is_some_and(|output| output > 0);
        Self {
            input: later(self.input, earlier.input),
            apart: later(self.apart, earlier.apart),
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
    pub(crate) fn settled(self, no_text: bool) -> Self {
        let told = |count: Option<u64>| count.filter(|count| *count > 0);
        let input = self.apart.map_or(self.input, |apart| self.input.map(|input| input.saturating_add(apart)));
        let usage = Self { input: told(input), apart: None, total: told(self.total), ..self };
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

/// The reasoning tokens in the details of the output.
fn read_details(details: &mut JsonScan<'_>, reasoning: &mut Option<u64>) -> Result<(), BadEvent> {
    if details.peek() != Some(b'{') {
        return details.skip().map(drop);
    }
    details.object(|value, name| {
        let number = value.skip()?;
        if matches!(name, b"reasoning_tokens" | b"thinking_tokens") {
            *reasoning = later(count(number), *reasoning);
        }
        Ok(())
    })
}

/// A whole number of tokens, also as a text or with zeros behind its point; of anything else, nothing.
fn count(json: &[u8]) -> Option<u64> {
    const SURE: usize = 9;
    if json.len() <= SURE && json.iter().all(u8::is_ascii_digit) {
        return Some(json.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
    }
    let text = json.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(json);
    let number = std::str::from_utf8(text).ok()?.trim().parse::<f64>().ok()?;
    ((0.0..=MOST).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Option<Usage> {
        Usage::read(&mut JsonScan::new(json.as_bytes())).unwrap_or_default()
    }

    fn usage(input: Option<u64>, output: Option<u64>, reasoning: Option<u64>, total: Option<u64>) -> Usage {
        Usage { input, output, reasoning, total, ..Usage::default() }
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
            let read = read(&format!(r#"{{"prompt_tokens":{json},"completion_tokens":7}}"#));
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
            assert_eq!(read(json), said, "{json}");
        }
    }

    #[test]
    fn tokens_of_a_prompt_cache_are_added_where_the_api_counts_them_apart() {
        let read = |json: &str| {
            let usage = |read: fn(&mut JsonScan<'_>) -> Result<Option<Usage>, BadEvent>| {
                read(&mut JsonScan::new(json.as_bytes())).unwrap_or_default().unwrap_or_default().settled(false).input
            };
            (usage(Usage::read), usage(Usage::read_apart))
        };
        for (json, together, apart) in [
            (
                r#"{"input_tokens":3,"cache_read_input_tokens":40,"cache_creation_input_tokens":500}"#,
                Some(3),
                Some(543),
            ),
            (r#"{"input_tokens":3,"cache_read_input_tokens":40}"#, Some(3), Some(43)),
            (r#"{"input_tokens":3,"cache_creation_input_tokens":500}"#, Some(3), Some(503)),
            (r#"{"input_tokens":0,"cache_read_input_tokens":40}"#, None, Some(40)),
            (r#"{"input_tokens":3,"cache_read_input_tokens":null,"cache_creation_input_tokens":0}"#, Some(3), Some(3)),
            (r#"{"prompt_tokens":43,"cache_read_input_tokens":40}"#, Some(43), Some(83)),
            (r#"{"cache_read_input_tokens":40}"#, None, None),
        ] {
            assert_eq!(read(json), (together, apart), "{json}");
        }
        // The end of a stream repeats the counts of its beginning, or some of them, or none.
        let begun = Usage { input: Some(9), apart: Some(320), ..Usage::default() };
        for end in [
            Usage { output: Some(5), ..Usage::default() },
            Usage { output: Some(5), input: Some(9), ..Usage::default() },
            Usage { output: Some(5), input: Some(9), apart: Some(320), ..Usage::default() },
            Usage { output: Some(5), input: Some(0), apart: Some(0), ..Usage::default() },
        ] {
            let settled = end.after(begun).settled(false);
            assert_eq!((settled.input, settled.apart, settled.output), (Some(329), None, Some(5)), "{end:?}");
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
                let read = read(&text).unwrap_or_default();
                prop_assert!(read.input.is_none_or(|count| count as f64 <= MOST), "{text}: {read:?}");
                if let (Some(count), Ok(sent)) = (read.input, value.trim_matches('"').trim().parse::<f64>()) {
                    prop_assert_eq!(count as f64, sent);
                }
            }
        }
    }
}
