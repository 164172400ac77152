//! From the wishes of a request to what is said.

use rand::Rng;
use serde_json::{Value, json};

use super::content::{Body, Call, Words};
use super::wish::{Calls, Format, Takes, Tool, Wish};
use crate::generate::Text;
use crate::latency::{Dice, pick};
use crate::schema;

/// Tokens of what a custom tool is told.
const TOLD: usize = 12;
const REFUSAL: &str = "I'm sorry, but I can't assist with that request.";

/// What is said where that does not depend on a length that is drawn: a refusal, calls, or JSON of a shape; in one of
/// `n` choices.
pub(crate) fn fixed(wish: &Wish, dice: &mut Dice, n: usize) -> Option<Body> {
    if wish.refuses {
        return Some(refusal());
    }
    match &wish.calls {
        Calls::First(most) if *most > 0 => {
            let tools = wish.tools.iter().cycle().take(*most);
            return Some(Body::Calls(tools.map(|tool| call(tool, dice, n * most)).collect()));
        }
        Calls::Named(name) => {
            let tool = wish.tools.iter().find(|tool| tool.name == *name);
            return tool.map(|tool| Body::Calls(vec![call(tool, dice, n)]));
        }
        Calls::First(_) | Calls::None => {}
    }
    match &wish.format {
        Format::Text => None,
        Format::Object => Some(text(&object(dice))),
        Format::Schema(schema) => Some(text(&schema::instance(schema, dice, n))),
    }
}

/// A refusal.
pub(crate) fn refusal() -> Body {
    Body::Refusal(Words::of(REFUSAL.to_owned()))
}

fn text(value: &Value) -> Body {
    Body::Text(Words::of(value.to_string()))
}

fn call(tool: &Tool, dice: &mut Dice, among: usize) -> Call {
    let arguments = match &tool.takes {
        Takes::Arguments(parameters) => {
            let arguments = schema::instance(parameters, dice, among);
            if arguments.is_object() { arguments.to_string() } else { "{}".to_owned() }
        }
        Takes::Text(regex) => told(regex.as_deref(), dice, among),
    };
    let call = Call::new(dice.next_u64(), tool.name.clone(), arguments);
    match tool.takes {
        Takes::Arguments(_) => call,
        Takes::Text(_) => call.of_custom(),
    }
}

/// What a custom tool is told: a text that matches, if it must and one is found.
fn told(regex: Option<&str>, dice: &mut Dice, among: usize) -> String {
    let matching = regex.map(|regex| schema::instance(&json!({"type": "string", "pattern": regex}), dice, among));
    matching.as_ref().and_then(Value::as_str).map_or_else(|| prose(dice, TOLD).text(), str::to_owned)
}

/// Some object, for `json_object`.
fn object(dice: &mut Dice) -> Value {
    json!({"answer": prose(dice, 8).text(), "confidence": pick(dice, 100), "final": true})
}

/// Plain text of `tokens` tokens.
pub(crate) fn prose(dice: &mut Dice, tokens: usize) -> Words {
    passage(Text::new(pick(dice, usize::MAX)), tokens)
}

/// The first `tokens` tokens of a passage.
pub(crate) fn passage(text: Text, tokens: usize) -> Words {
    Words::Passage { text, tokens }
}

/// The summary of a reasoning, of `tokens` tokens.
pub(crate) fn summary(tokens: usize) -> Words {
    passage(Text::new(2), tokens)
}

/// The text up to the first of the stop sequences.
pub(crate) fn stopped(words: Words, stop: &[String]) -> Words {
    if stop.is_empty() {
        return words;
    }
    let text = words.text();
    match stop.iter().filter_map(|stop| text.find(stop.as_str())).min() {
        Some(end) => Words::of(text[..end].to_owned()),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::dice;

    #[test]
    fn a_stop_sequence_ends_the_text_before_itself() {
        let words = prose(&mut dice(1, "x", 0), 64);
        let cut = stopped(words.clone(), &["glass".to_owned(), " network".to_owned()]);
        assert!(words.text().starts_with(&cut.text()) && cut.text().ends_with(" over a"));
        assert_eq!(stopped(words.clone(), &["zebra".to_owned()]).tokens(), 64);
        assert_eq!(stopped(words.clone(), &[words.text()]).tokens(), 0);
    }

    #[test]
    fn calls_take_the_tools_in_turn_and_a_refusal_goes_first() {
        let tool = |name: &str| Tool { name: name.to_owned(), takes: Takes::Arguments(Value::Bool(true)) };
        let mut wish = Wish { tools: vec![tool("a"), tool("b")], calls: Calls::First(3), ..Wish::default() };
        let Some(Body::Calls(calls)) = fixed(&wish, &mut dice(1, "x", 0), 1) else { panic!("no calls") };
        assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
        assert!(calls.iter().all(|call| call.arguments.text() == "{}"));
        wish.refuses = true;
        assert!(matches!(fixed(&wish, &mut dice(1, "x", 0), 1), Some(Body::Refusal(_))));
        assert!(fixed(&Wish::default(), &mut dice(1, "x", 0), 1).is_none());
    }
}
