//! The Responses API: the request, the answer in one piece, and the answer as typed events.

use std::io::Write;
use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value, json};

use super::prompt::{Counted, Str};
use crate::clock::unix_seconds;
use crate::generate::{Text, count};

/// The fields of a request that matter here; all others are accepted and ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct ResponsesRequest<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Str<'a>>,
    pub(crate) input: Option<Counted>,
    #[serde(borrow)]
    instructions: Option<Str<'a>>,
    pub(crate) stream: Option<bool>,
    pub(crate) max_output_tokens: Option<u32>,
    store: Option<bool>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    #[serde(default)]
    metadata: Value,
}

impl ResponsesRequest<'_> {
    /// The tokens of the prompt: those of the text; for a list of items 3 more for each, and 3 that open the answer.
    pub(crate) fn prompt_tokens(&self) -> usize {
        let items = self.input.unwrap_or_default();
        let list = if items.items > 0 { 3 * items.items + 3 } else { 0 };
        items.tokens + list + self.instructions.as_ref().map_or(0, |text| count(&text.0))
    }

    /// What the answer repeats of the request, as members of its object.
    pub(crate) fn echo(&self) -> Echo {
        Echo {
            instructions: json!(self.instructions.as_ref().map(|text| &text.0)).to_string(),
            max_output_tokens: json!(self.max_output_tokens).to_string(),
            store: self.store.unwrap_or(true),
            temperature: json!(self.temperature.unwrap_or(1.0)).to_string(),
            top_p: json!(self.top_p.unwrap_or(1.0)).to_string(),
            metadata: if self.metadata.is_object() { self.metadata.to_string() } else { "{}".to_owned() },
        }
    }
}

/// What an answer repeats of its request, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Echo {
    instructions: String,
    max_output_tokens: String,
    store: bool,
    temperature: String,
    top_p: String,
    metadata: String,
}

/// What one answer says about itself.
#[derive(Clone, Debug)]
pub(crate) struct ResponsesAnswer {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) prompt_tokens: usize,
    /// Those of them that came from the prefix cache.
    pub(crate) cached: usize,
    pub(crate) tokens: usize,
    /// Whether the limit cut it.
    pub(crate) cut: bool,
    pub(crate) text: Text,
    pub(crate) echo: Echo,
}

impl ResponsesAnswer {
    fn final_status(&self) -> &'static str {
        if self.cut { "incomplete" } else { "completed" }
    }

    fn usage(&self) -> String {
        format!(
            "{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":{}}},\"output_tokens\":{},\
             \"output_tokens_details\":{{\"reasoning_tokens\":0}},\"total_tokens\":{}}}",
            self.prompt_tokens,
            self.cached,
            self.tokens,
            self.prompt_tokens + self.tokens
        )
    }

    fn text(&self) -> String {
        (0..self.tokens).map(|k| self.text.piece(k)).collect()
    }

    fn part(&self, text: &str) -> String {
        format!("{{\"type\":\"output_text\",\"text\":\"{text}\",\"annotations\":[],\"logprobs\":[]}}")
    }

    fn item_id(&self) -> String {
        self.id.replacen("resp_", "msg_", 1)
    }

    fn item(&self, status: &str, content: &str) -> String {
        format!(
            "{{\"type\":\"message\",\"id\":\"{}\",\"status\":\"{status}\",\"role\":\"assistant\",\
             \"content\":[{content}]}}",
            self.item_id()
        )
    }

    /// The object as it stands when the answer has `status`.
    fn snapshot(&self, status: &str, output: &str) -> String {
        let done = status != "in_progress";
        let created = self.created;
        let completed_at = if status == "completed" { unix_seconds().to_string() } else { "null".to_owned() };
        let incomplete = if status == "incomplete" { "{\"reason\":\"max_output_tokens\"}" } else { "null" };
        let tier = if done { "default" } else { "auto" };
        let usage = if done { self.usage() } else { "null".to_owned() };
        let Echo { instructions, max_output_tokens, store, temperature, top_p, metadata } = &self.echo;
        format!(
            "{{\"id\":\"{}\",\"object\":\"response\",\"created_at\":{created},\"completed_at\":{completed_at},\
             \"status\":\"{status}\",\"background\":false,\"error\":null,\"incomplete_details\":{incomplete},\
             \"instructions\":{instructions},\"max_output_tokens\":{max_output_tokens},\"max_tool_calls\":null,\
             \"model\":{},\"output\":[{output}],\"parallel_tool_calls\":true,\"previous_response_id\":null,\
             \"prompt_cache_key\":null,\"reasoning\":{{\"effort\":null,\"summary\":null}},\
             \"safety_identifier\":null,\"service_tier\":\"{tier}\",\"store\":{store},\"temperature\":{temperature},\
             \"text\":{{\"format\":{{\"type\":\"text\"}},\"verbosity\":\"medium\"}},\"tool_choice\":\"auto\",\
             \"tools\":[],\"top_logprobs\":0,\"top_p\":{top_p},\"truncation\":\"disabled\",\"user\":null,\
             \"metadata\":{metadata},\"usage\":{usage}}}",
            self.id, self.model
        )
    }

    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Vec<u8> {
        self.final_snapshot(&self.text()).into_bytes()
    }

    fn final_snapshot(&self, text: &str) -> String {
        let status = self.final_status();
        self.snapshot(status, &self.item(status, &self.part(text)))
    }

    /// The answer as typed events.
    pub(crate) fn events(self) -> ResponsesEvents {
        let before = "event: response.output_text.delta\n\
                      data: {\"type\":\"response.output_text.delta\",\"sequence_number\":";
        let place = format!(",\"item_id\":\"{}\",\"output_index\":0,\"content_index\":0", self.item_id());
        let between = format!("{place},\"delta\":\"");
        ResponsesEvents { answer: self, sequence: 0, before, place, between }
    }
}

/// An answer as typed events, each with the next `sequence_number`.
pub(crate) struct ResponsesEvents {
    answer: ResponsesAnswer,
    sequence: u64,
    before: &'static str,
    place: String,
    between: String,
}

impl ResponsesEvents {
    /// Room for one delta.
    pub(crate) fn size(&self) -> usize {
        self.before.len() + self.between.len() + 64
    }

    fn event(&mut self, kind: &str, members: &str, out: &mut Vec<u8>) {
        let sequence = self.sequence;
        self.sequence += 1;
        let event = format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{sequence}{members}}}\n\n");
        out.extend_from_slice(event.as_bytes());
    }

    /// The events that acknowledge the request, long before the model answers.
    pub(crate) fn opening(&mut self, out: &mut Vec<u8>) {
        let members = format!(",\"response\":{}", self.answer.snapshot("in_progress", ""));
        self.event("response.created", &members, out);
        self.event("response.in_progress", &members, out);
    }

    /// The event of these tokens; before the first one those that open the message.
    pub(crate) fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>) {
        if tokens.start == 0 {
            self.open_message(out);
        }
        out.extend_from_slice(self.before.as_bytes());
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{}", self.sequence);
        self.sequence += 1;
        out.extend_from_slice(self.between.as_bytes());
        tokens.for_each(|k| out.extend_from_slice(self.answer.text.piece(k).as_bytes()));
        out.extend_from_slice(b"\",\"logprobs\":[]}\n\n");
    }

    fn open_message(&mut self, out: &mut Vec<u8>) {
        let item = self.answer.item("in_progress", "");
        self.event("response.output_item.added", &format!(",\"output_index\":0,\"item\":{item}"), out);
        let part = format!("{},\"part\":{}", self.place, self.answer.part(""));
        self.event("response.content_part.added", &part, out);
    }

    /// The events that close the message and the response.
    pub(crate) fn closing(&mut self, out: &mut Vec<u8>) {
        let text = self.answer.text();
        let (status, part) = (self.answer.final_status(), self.answer.part(&text));
        let done = format!("{},\"text\":\"{text}\",\"logprobs\":[]", self.place);
        self.event("response.output_text.done", &done, out);
        self.event("response.content_part.done", &format!("{},\"part\":{part}", self.place), out);
        let item = self.answer.item(status, &part);
        self.event("response.output_item.done", &format!(",\"output_index\":0,\"item\":{item}"), out);
        let snapshot = format!(",\"response\":{}", self.answer.final_snapshot(&text));
        self.event(&format!("response.{status}"), &snapshot, out);
    }
}
