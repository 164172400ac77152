//! From the features of a request to what is said.

use rand::{Rng, RngExt};
use serde_json::{Value, json};

use super::choice::{Body, Call, Words};
use super::features::{Calls, Features, Format, Takes, Tool};
use crate::model::rng::{SeededRng, pick};
use crate::model::schema;
use crate::model::text::Text;

/// Tokens of what a custom tool is told.
const INPUT: usize = 12;
const REFUSAL: &str = "I'm sorry, but I can't assist with that request.";

/// What is said where that does not depend on a length that is drawn: a refusal, calls, or JSON of a shape; in one of
/// `n` choices. Where the model may do without its tools it calls them in this share of its answers.
pub(crate) fn fixed_body(features: &Features, rng: &mut SeededRng, n: usize, share: f64) -> Option<Body> {
    if features.refuses {
        return Some(refusal());
    }
    let declines = features.may_decline && share < 1.0 && !rng.random_bool(share);
    match &features.calls {
        _ if declines => {}
        Calls::First(most) if *most > 0 => {
            let tools = features.tools.iter().cycle().take(*most);
            return Some(Body::Calls(tools.map(|tool| call(tool, rng, n * most)).collect()));
        }
        Calls::Named(name) => {
            let tool = features.tools.iter().find(|tool| tool.name == *name);
            return tool.map(|tool| Body::Calls(vec![call(tool, rng, n)]));
        }
        Calls::First(_) | Calls::None => {}
    }
    match &features.format {
        Format::Text => None,
        Format::Object => Some(text(&object(rng))),
        Format::Schema(schema) => Some(text(&schema::instance(schema, rng, n))),
    }
}

/// A refusal.
pub(crate) fn refusal() -> Body {
    Body::Refusal(Words::of(REFUSAL.to_owned()))
}

fn text(value: &Value) -> Body {
    Body::Text(Words::of(value.to_string()))
}

fn call(tool: &Tool, rng: &mut SeededRng, among: usize) -> Call {
    let arguments = match &tool.takes {
        Takes::Arguments(parameters) => {
            let arguments = schema::instance(parameters, rng, among);
            if arguments.is_object() { arguments.to_string() } else { "{}".to_owned() }
        }
        Takes::Text(regex) => make_input(regex.as_deref(), rng, among),
    };
    let call = Call::new(rng.next_u64(), tool.name.clone(), arguments);
    match tool.takes {
        Takes::Arguments(_) => call,
        Takes::Text(_) => call.of_custom(),
    }
}

/// What a custom tool is told: a text that matches, if it must and one is found.
fn make_input(regex: Option<&str>, rng: &mut SeededRng, among: usize) -> String {
    let matching = regex.map(|regex| schema::instance(&json!({"type": "string", "pattern": regex}), rng, among));
    matching.as_ref().and_then(Value::as_str).map_or_else(|| prose(rng, INPUT).text(), str::to_owned)
}

/// Some object, for `json_object`.
fn object(rng: &mut SeededRng) -> Value {
    json!({"answer": prose(rng, 8).text(), "confidence": pick(rng, 100), "final": true})
}

/// Plain text of `tokens` tokens.
pub(crate) fn prose(rng: &mut SeededRng, tokens: usize) -> Words {
    passage(Text::new(pick(rng, usize::MAX)), tokens)
}

/// The first `tokens` tokens of a passage.
pub(crate) fn passage(text: Text, tokens: usize) -> Words {
    Words::Passage { text, tokens }
}

/// The summary of a reasoning, of `tokens` tokens.
pub(crate) fn summary(tokens: usize) -> Words {
    passage(Text::new(2), tokens)
}

/// The text up to the first of the stop sequences, and which that is.
pub(crate) fn cut_at_stop(words: Words, stop: &[String]) -> (Words, Option<String>) {
    if stop.is_empty() {
        return (words, None);
    }
    let text = words.text();
    match stop.iter().filter_map(|stop| Some((text.find(stop.as_str())?, stop))).min() {
        Some((end, stop)) => (Words::of(text[..end].to_owned()), Some(stop.clone())),
        None => (words, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rng::seeded_rng;

    #[test]
    fn a_stop_sequence_ends_the_text_before_itself() {
        let words = prose(&mut seeded_rng(1, "x", 0), 64);
        let (cut, stop) = cut_at_stop(words.clone(), &["glass".to_owned(), " network".to_owned()]);
        assert_eq!(stop.as_deref(), Some(" network"));
        assert!(words.text().starts_with(&cut.text()) && cut.text().ends_with(" over a"));
        assert_eq!(cut_at_stop(words.clone(), &["zebra".to_owned()]).0.tokens(), 64);
        assert_eq!(cut_at_stop(words.clone(), &[words.text()]).0.tokens(), 0);
    }

    #[test]
    fn calls_take_the_tools_in_turn_and_a_refusal_goes_first() {
        let tool = |name: &str| Tool { name: name.to_owned(), takes: Takes::Arguments(Value::Bool(true)) };
        let mut features =
            Features { tools: vec![tool("a"), tool("b")], calls: Calls::First(3), ..Features::default() };
        let Some(Body::Calls(calls)) = fixed_body(&features, &mut seeded_rng(1, "x", 0), 1, 1.0) else {
            panic!("no calls")
        };
        assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
        assert!(calls.iter().all(|call| call.arguments.text() == "{}"));
        features.may_decline = true;
        let mut rng = seeded_rng(1, "x", 0);
        let called = (0..1000).filter(|_| fixed_body(&features, &mut rng, 1, 0.25).is_some()).count();
        assert!((200..300).contains(&called), "{called}");
        features.refuses = true;
        assert!(matches!(fixed_body(&features, &mut seeded_rng(1, "x", 0), 1, 1.0), Some(Body::Refusal(_))));
        assert!(fixed_body(&Features::default(), &mut seeded_rng(1, "x", 0), 1, 1.0).is_none());
    }
}
