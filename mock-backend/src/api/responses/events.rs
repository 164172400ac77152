//! A response as typed events, each with the next `sequence_number`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::answer::{Progress, ResponsesAnswer};
use crate::api::content::choice::{Body, Call, Step, Words};
use crate::api::content::json::quoted;
use crate::api::content::obfuscation::{RESPONSES, letters};
use crate::api::script::Script;

/// The item that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    None,
    Reasoning,
    Message,
    Call(usize),
}

/// The name of the events that bring what a tool is called with.
fn kind_of(call: &Call) -> &'static str {
    if call.custom { "response.custom_tool_call_input" } else { "response.function_call_arguments" }
}

/// The events of one response.
pub(crate) struct ResponsesEvents {
    answer: Arc<ResponsesAnswer>,
    obfuscated: bool,
    sequence: u64,
    /// Events below this number are known to the caller and are left out.
    from: u64,
    open: Open,
    /// Items that have been sent.
    items: usize,
    /// What stands between the number of a delta and its text.
    between: String,
    /// The name of the delta events of the message.
    kind: &'static str,
}

impl ResponsesEvents {
    /// All events of `answer` from number `from` on.
    pub(crate) fn new(answer: Arc<ResponsesAnswer>, obfuscated: bool, from: u64) -> Self {
        let thinks = usize::from(answer.choice.thinking > 0);
        let between = format!(
            ",\"item_id\":\"{}\",\"output_index\":{thinks},\"content_index\":0,\"delta\":\"",
            answer.message_id()
        );
        let kind = match &answer.choice.body {
            Body::Refusal(_) => "response.refusal",
            Body::Text(_) | Body::Calls(_) => "response.output_text",
        };
        Self { answer, obfuscated, sequence: 0, from, open: Open::None, items: 0, between, kind }
    }

    /// The tokens of the summary.
    fn summary_tokens(&self) -> usize {
        self.answer.summary.as_ref().map_or(0, Words::tokens)
    }

    /// The number of the next event.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Counts an event; true if the caller wants to have it.
    fn count_event(&mut self) -> bool {
        self.sequence += 1;
        self.sequence > self.from
    }

    fn event(&mut self, kind: &str, members: &str, out: &mut Vec<u8>) {
        let sequence = self.sequence;
        if self.count_event() {
            // Writing to a Vec cannot fail.
            let _ = write!(
                out,
                "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{sequence},{members}}}\n\n"
            );
        }
    }

    fn snapshot(&mut self, kind: &str, progress: Progress, out: &mut Vec<u8>) {
        let members = format!("\"response\":{}", self.answer.snapshot(progress));
        self.event(kind, &members, out);
    }

    /// The events of a run of `more` tokens, of which the first is `step`.
    fn step(&mut self, step: Step<'_>, more: usize, out: &mut Vec<u8>) {
        match step {
            Step::Silent => {}
            Step::Text(words, piece) | Step::Refusal(words, piece) => {
                if self.open != Open::Message {
                    self.close(out);
                    self.open_message(out);
                }
                self.delta(words, piece..piece + more, out);
            }
            Step::Name(i, call) => {
                self.close(out);
                self.open = Open::Call(i);
                let item = self.answer.call(i, call, false);
                self.add(&item, out);
            }
            Step::Arguments(i, call, piece) => {
                let place = self.place(&self.answer.call_id(i, call));
                let delta = self.text(&call.arguments, piece..piece + more);
                self.event(&format!("{}.delta", kind_of(call)), &format!("{place},{delta}"), out);
            }
        }
    }

    /// Where something of the present item stands.
    fn place(&self, id: &str) -> String {
        format!("\"item_id\":\"{id}\",\"output_index\":{}", self.items)
    }

    /// Pieces with the letters that hide their length.
    fn text(&self, words: &Words, pieces: Range<usize>) -> String {
        let mut text = Vec::new();
        words.write_pieces(pieces.clone(), &mut text);
        let mut out = format!("\"delta\":\"{}\"", String::from_utf8_lossy(&text));
        if self.obfuscated {
            let letters = letters(pieces.start, words.length(pieces), RESPONSES);
            // Writing to a String cannot fail.
            let _ = write!(out, ",\"obfuscation\":\"{letters}\"");
        }
        out
    }

    fn think(&mut self, k: usize, out: &mut Vec<u8>) {
        let answer = Arc::clone(&self.answer);
        let place = format!("{},\"summary_index\":0", self.place(&answer.reasoning_id()));
        if k == 0 {
            self.open = Open::Reasoning;
            self.add(&answer.reasoning(false), out);
            if answer.summary.is_some() {
                let part = format!("{place},\"part\":{{\"type\":\"summary_text\",\"text\":\"\"}}");
                self.event("response.reasoning_summary_part.added", &part, out);
            }
        }
        let Some(words) = answer.summary.as_ref().filter(|words| k < words.tokens()) else { return };
        let delta = self.text(words, k..k + 1);
        self.event("response.reasoning_summary_text.delta", &format!("{place},{delta}"), out);
        if k + 1 == words.tokens() {
            let text = words.escaped();
            self.event("response.reasoning_summary_text.done", &format!("{place},\"text\":\"{text}\""), out);
            let part = format!("{place},\"part\":{{\"type\":\"summary_text\",\"text\":\"{text}\"}}");
            self.event("response.reasoning_summary_part.done", &part, out);
        }
    }

    fn add(&mut self, item: &str, out: &mut Vec<u8>) {
        let members = format!("\"output_index\":{},\"item\":{item}", self.items);
        self.event("response.output_item.added", &members, out);
    }

    fn open_message(&mut self, out: &mut Vec<u8>) {
        self.open = Open::Message;
        let item = self.answer.message(false);
        self.add(&item, out);
        let place = format!("{},\"content_index\":0", self.place(&self.answer.message_id()));
        let part = self.answer.part(false);
        self.event("response.content_part.added", &format!("{place},\"part\":{part}"), out);
    }

    fn delta(&mut self, words: &Words, pieces: Range<usize>, out: &mut Vec<u8>) {
        let sequence = self.sequence;
        if !self.count_event() {
            return;
        }
        let kind = self.kind;
        // Writing to a Vec cannot fail.
        let _ = write!(out, "event: {kind}.delta\ndata: {{\"type\":\"{kind}.delta\",\"sequence_number\":{sequence}");
        out.extend_from_slice(self.between.as_bytes());
        words.write_pieces(pieces.clone(), out);
        out.push(b'"');
        if matches!(self.answer.choice.body, Body::Text(_)) {
            match self.answer.terms.logprobs {
                Some(_) => {
                    let logprobs = self.answer.logprobs(words, pieces.clone());
                    let _ = write!(out, ",\"logprobs\":{logprobs}");
                }
                None => out.extend_from_slice(b",\"logprobs\":[]"),
            }
        }
        if self.obfuscated {
            out.extend_from_slice(b",\"obfuscation\":\"");
            out.extend_from_slice(letters(pieces.start, words.length(pieces), RESPONSES).as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// Closes the item that is open.
    fn close(&mut self, out: &mut Vec<u8>) {
        let answer = Arc::clone(&self.answer);
        let item = match self.open {
            Open::None => return,
            Open::Reasoning => answer.reasoning(true),
            Open::Message => {
                self.close_text(out);
                answer.message(true)
            }
            Open::Call(i) => {
                let Body::Calls(calls) = &answer.choice.body else { return };
                let call = &calls[i];
                let place = self.place(&answer.call_id(i, call));
                let (arguments, name) = (call.arguments.escaped(), quoted(&call.name));
                let members = if call.custom {
                    format!("{place},\"input\":\"{arguments}\"")
                } else {
                    format!("{place},\"arguments\":\"{arguments}\",\"name\":{name}")
                };
                self.event(&format!("{}.done", kind_of(call)), &members, out);
                answer.call(i, call, true)
            }
        };
        let members = format!("\"output_index\":{},\"item\":{item}", self.items);
        self.event("response.output_item.done", &members, out);
        self.open = Open::None;
        self.items += 1;
    }

    fn close_text(&mut self, out: &mut Vec<u8>) {
        let answer = Arc::clone(&self.answer);
        let place = format!("{},\"content_index\":0", self.place(&answer.message_id()));
        match &answer.choice.body {
            Body::Text(words) => {
                let (text, logprobs) = (words.escaped(), answer.logprobs(words, 0..words.tokens()));
                let members = format!("{place},\"text\":\"{text}\",\"logprobs\":{logprobs}");
                self.event("response.output_text.done", &members, out);
            }
            Body::Refusal(words) => {
                let members = format!("{place},\"refusal\":\"{}\"", words.escaped());
                self.event("response.refusal.done", &members, out);
            }
            Body::Calls(_) => {}
        }
        self.event("response.content_part.done", &format!("{place},\"part\":{}", answer.part(true)), out);
    }
}

impl Script for ResponsesEvents {
    /// Room for one delta.
    fn size(&self) -> usize {
        self.between.len() + 176
    }

    /// Whether token `k` sends something.
    fn is_loud(&self, k: usize) -> bool {
        let choice = &self.answer.choice;
        k < self.summary_tokens()
            || choice.step(k).is_loud()
            || (k == 0 && (choice.thinking > 0 || self.answer.terms.background))
    }

    /// The first token that sends something of the answer.
    fn first(&self) -> Option<usize> {
        if self.summary_tokens() > 0 { Some(0) } else { self.answer.choice.first() }
    }

    /// The events that acknowledge the request, long before the model answers.
    fn opening(&mut self, out: &mut Vec<u8>) {
        if self.answer.terms.background {
            self.snapshot("response.created", Progress::Queued, out);
            self.snapshot("response.queued", Progress::Queued, out);
        } else {
            self.snapshot("response.created", Progress::Running, out);
            self.snapshot("response.in_progress", Progress::Running, out);
        }
    }

    /// The events of these tokens.
    fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>) {
        let answer = Arc::clone(&self.answer);
        if tokens.start == 0 && answer.terms.background {
            self.snapshot("response.in_progress", Progress::Running, out);
        }
        let mut k = tokens.start;
        while k < tokens.end {
            let end = answer.choice.run(k, tokens.end);
            if k < answer.choice.thinking {
                self.think(k, out);
            } else {
                self.step(answer.choice.step(k), end - k, out);
            }
            k = end;
        }
    }

    /// The events that close the last item and the response.
    fn closing(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        let kind = format!("response.{}", self.answer.final_status());
        self.snapshot(&kind, Progress::Final, out);
    }
}
