//! The text of a prompt, counted while it is parsed and not kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text::count;

/// A string that borrows from the request where it can.
#[derive(Debug, Deserialize)]
pub(crate) struct Str<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The tokens in a string, in a list of content parts, or in a list of items that have content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Tokens of all text.
    pub(crate) tokens: usize,
    /// Items in the list; 0 for a string.
    pub(crate) items: usize,
    /// Whether the last item is the result of a tool.
    pub(crate) answered: bool,
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountingVisitor)
    }
}

struct CountingVisitor;

impl<'de> Visitor<'de> for CountingVisitor {
    type Value = Counted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Counted, E> {
        Ok(Counted { tokens: count(text), ..Counted::default() })
    }

    fn visit_unit<E: Error>(self) -> Result<Counted, E> {
        Ok(Counted::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Counted, A::Error> {
        let mut sum = Counted::default();
        while let Some(Item { tokens, answers }) = items.next_element()? {
            sum.tokens += tokens;
            sum.items += 1;
            sum.answered = answers;
        }
        Ok(sum)
    }
}

/// The tokens of a prompt, in either API, as a gateway estimates them; 0 for what is none.
pub(crate) fn prompt_tokens(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Prompt {
        messages: Option<Counted>,
        input: Option<Counted>,
    }
    let prompt: Option<Prompt> = serde_json::from_slice(body).ok();
    prompt.and_then(|prompt| prompt.messages.or(prompt.input)).map_or(0, |counted| counted.tokens as u64)
}

/// One message, item or part: the tokens of its `content`, `text`, `arguments` or `output` and of the calls in it, and
/// whether it is the result of a tool.
struct Item {
    tokens: usize,
    answers: bool,
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor)
    }
}

struct ItemVisitor;

/// What stands before the number of tokens in a compaction item of ours.
pub(crate) const COMPACTION: &str = "gAAAAABzaW11bGF0ZWQtY29tcGFjdGlvbg";

/// The tokens for which a compaction item of ours stands; 0 for what is none.
fn compacted(text: &str) -> usize {
    text.strip_prefix(COMPACTION).and_then(|hex| usize::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

/// Roles and types of the results of tools.
const ANSWERS: [&str; 4] = ["tool", "function", "function_call_output", "custom_tool_call_output"];

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let (mut tokens, mut answers) = (0, false);
        while let Some(Str(key)) = map.next_key()? {
            match &*key {
                "content" | "text" | "arguments" | "output" | "summary" | "input" => {
                    tokens += map.next_value::<Counted>()?.tokens;
                }
                "tool_calls" => {
                    let calls: Option<Vec<Called>> = map.next_value()?;
                    tokens += calls.into_iter().flatten().map(Called::tokens).sum::<usize>();
                }
                "encrypted_content" => {
                    let text: Option<Str<'_>> = map.next_value()?;
                    tokens += text.map_or(0, |Str(text)| compacted(&text));
                }
                "function_call" => {
                    let call: Option<CalledFunction> = map.next_value()?;
                    tokens += call.map_or(0, CalledFunction::tokens);
                }
                "role" | "type" => {
                    let name: Option<Str<'_>> = map.next_value()?;
                    answers |= name.is_some_and(|Str(name)| ANSWERS.contains(&&*name));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Item { tokens, answers })
    }
}

/// A call in a message of the assistant.
#[derive(Deserialize)]
struct Called {
    function: Option<CalledFunction>,
    custom: Option<CalledFunction>,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: Option<String>,
    #[serde(alias = "input")]
    arguments: Option<String>,
}

impl Called {
    fn tokens(self) -> usize {
        self.function.or(self.custom).map_or(0, CalledFunction::tokens)
    }
}

impl CalledFunction {
    fn tokens(self) -> usize {
        let text = |text: Option<String>| text.map_or(0, |text| count(&text));
        text(self.name) + text(self.arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_wherever_it_stands() {
        let counted = |json: &str| serde_json::from_str::<Counted>(json).unwrap();
        assert_eq!(counted(r#""hello world""#), Counted { tokens: 2, ..Counted::default() });
        assert_eq!(
            counted(
                r#"[{"role":"system","content":"hello"},{"role":"user","content":[{"type":"text","text":"hello world"}]}]"#
            ),
            Counted { tokens: 3, items: 2, answered: false }
        );
        assert_eq!(
            counted(r#"[{"role":"assistant","content":null}]"#),
            Counted { tokens: 0, items: 1, answered: false }
        );
        let called = r#"[{"role":"assistant","tool_calls":[{"function":{"name":"hello","arguments":"hello world"}}]},
            {"role":"tool","tool_call_id":"c","content":"hello"}]"#;
        assert_eq!(counted(called), Counted { tokens: 4, items: 2, answered: true });
        let custom = r#"[{"role":"assistant","tool_calls":[{"custom":{"name":"hello","input":"hello world"}}]}]"#;
        assert_eq!(counted(custom).tokens, 3);
        let old = r#"[{"role":"assistant","function_call":{"name":"hello","arguments":"hello world"}},
            {"role":"function","name":"hello","content":"hello"}]"#;
        assert_eq!(counted(old), Counted { tokens: 4, items: 2, answered: true });
        assert!(counted(r#"[{"type":"custom_tool_call_output","call_id":"c","output":"hello"}]"#).answered);
        assert!(counted(r#"[{"type":"function_call_output","call_id":"c","output":"hello"}]"#).answered);
        assert!(serde_json::from_str::<Counted>(r#"["hello"]"#).is_err());
    }
}
