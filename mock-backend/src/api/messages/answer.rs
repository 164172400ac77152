//! Messages: what an answer says about itself, and the answer in one piece.

use serde_json::value::RawValue;
use std::io::Write;

use crate::api::content::choice::{Body, Call, Choice, Words};
use crate::api::content::json::quoted;
use crate::model::prefix_cache::Hit;

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct MessagesAnswer {
    /// What follows `msg_` in its id.
    pub(crate) name: u64,
    /// As a JSON string.
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// What of them the prefix cache had.
    pub(crate) hit: Hit,
    pub(crate) choice: Choice,
    /// The thoughts, if they are shown.
    pub(crate) thoughts: Option<Words>,
}

impl MessagesAnswer {
    /// The members of the message up to its content.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "{{\"id\":\"msg_{:024x}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":{},\"content\":[",
            self.name, self.model
        );
    }

    /// What proves that a block of thoughts is the model's own.
    pub(crate) fn signature(&self) -> String {
        format!("c2ltdWxhdGVkLXNpZ25hdHVyZQ{:016x}", self.name)
    }

    /// Why it ended, as the members that say so.
    pub(crate) fn write_stop(&self, out: &mut Vec<u8>) {
        let choice = &self.choice;
        let reason = match &choice.body {
            _ if choice.filtered => "refusal",
            Body::Refusal(_) => "refusal",
            _ if choice.cut => "max_tokens",
            Body::Calls(calls) if !calls.is_empty() => "tool_use",
            Body::Text(_) | Body::Calls(_) if choice.stop.is_some() => "stop_sequence",
            Body::Text(_) | Body::Calls(_) => "end_turn",
        };
        let stop = choice.stop.as_ref().filter(|_| reason == "stop_sequence");
        let stop = stop.map_or_else(|| "null".to_owned(), |stop| quoted(stop));
        let _ = write!(out, "\"stop_reason\":\"{reason}\",\"stop_sequence\":{stop}");
    }

    /// The members of the usage after so many tokens of the answer: those of the prompt cache are counted apart.
    pub(crate) fn write_usage(&self, output: usize, out: &mut Vec<u8>) {
        let Hit { cached, written } = self.hit;
        let input = self.prompt_tokens.saturating_sub(cached + written);
        let _ = write!(
            out,
            "\"usage\":{{\"input_tokens\":{input},\"cache_creation_input_tokens\":{written},\
             \"cache_read_input_tokens\":{cached},\"output_tokens\":{output}"
        );
        if self.choice.thinking > 0 && output >= self.choice.thinking {
            let _ = write!(out, ",\"output_tokens_details\":{{\"thinking_tokens\":{}}}", self.choice.thinking);
        }
        out.extend_from_slice(b",\"service_tier\":\"standard\"}");
    }

    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + 8 * self.choice.tokens());
        self.write_head(&mut out);
        let mut comma: &[u8] = b"";
        let mut next = |out: &mut Vec<u8>| out.extend_from_slice(std::mem::replace(&mut comma, b","));
        if self.choice.thinking > 0 {
            next(&mut out);
            out.extend_from_slice(b"{\"type\":\"thinking\",\"thinking\":\"");
            self.thoughts.iter().for_each(|words| words.write(&mut out));
            let _ = write!(out, "\",\"signature\":\"{}\"}}", self.signature());
        }
        match &self.choice.body {
            Body::Text(words) | Body::Refusal(words) if words.tokens() > 0 => {
                next(&mut out);
                out.extend_from_slice(b"{\"type\":\"text\",\"text\":\"");
                words.write(&mut out);
                out.extend_from_slice(b"\"}");
            }
            Body::Text(_) | Body::Refusal(_) => {}
            Body::Calls(calls) => {
                for call in calls {
                    next(&mut out);
                    write_call(call, &input(call), &mut out);
                }
            }
        }
        out.extend_from_slice(b"],");
        self.write_stop(&mut out);
        out.push(b',');
        self.write_usage(self.choice.tokens(), &mut out);
        out.push(b'}');
        out
    }
}

/// What a tool is called with; a call that was cut off in its middle has nothing that could be read.
fn input(call: &Call) -> String {
    let text = call.arguments.text();
    let whole = serde_json::from_str::<&RawValue>(&text).is_ok_and(|value| value.get().starts_with('{'));
    if whole { text } else { "{}".to_owned() }
}

/// The block of a call.
pub(crate) fn write_call(call: &Call, input: &str, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "{{\"type\":\"tool_use\",\"id\":\"toolu_{:016x}\",\"name\":{},\"input\":{input}}}",
        call.id,
        quoted(&call.name)
    );
}
