//! Messages: the answer as events.

use std::io::Write;
use std::ops::Range;

use super::answer::{MessagesAnswer, write_call};
use crate::api::content::choice::{Step, Words};
use crate::api::script::Script;

/// The block that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    None,
    Thoughts,
    Text,
    Call,
}

/// The events of one answer.
pub(crate) struct MessagesEvents {
    answer: MessagesAnswer,
    open: Open,
    /// The number of the block that is open, or of the next.
    index: usize,
}

impl MessagesEvents {
    pub(crate) fn new(answer: MessagesAnswer) -> Self {
        Self { answer, open: Open::None, index: 0 }
    }

    /// Whether the thoughts are sent.
    fn shows(&self) -> bool {
        self.answer.thoughts.is_some()
    }

    /// Begins a block, which `block` writes.
    fn begin(&mut self, open: Open, block: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        self.close(out);
        self.open = open;
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":{},\"content_block\":",
            self.index
        );
        block(out);
        out.extend_from_slice(b"}\n\n");
    }

    /// A piece of the open block: the members of its delta up to its text, and the text.
    fn delta(&self, members: &str, (words, pieces): (&Words, Range<usize>), out: &mut Vec<u8>) {
        let _ = write!(
            out,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{},\"delta\":{{{members}:\"",
            self.index
        );
        words.write_pieces(pieces, out);
        out.extend_from_slice(b"\"}}\n\n");
    }

    /// Ends the open block.
    fn close(&mut self, out: &mut Vec<u8>) {
        let index = self.index;
        if self.open == Open::Thoughts {
            let _ = write!(
                out,
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\
                 \"delta\":{{\"type\":\"signature_delta\",\"signature\":\"{}\"}}}}\n\n",
                self.answer.signature()
            );
        }
        if self.open != Open::None {
            let _ = write!(
                out,
                "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n"
            );
            self.index += 1;
        }
        self.open = Open::None;
    }

    fn think(&mut self, k: usize, out: &mut Vec<u8>) {
        if k == 0 {
            let block = b"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}";
            self.begin(Open::Thoughts, |out| out.extend_from_slice(block), out);
        }
        if let Some(words) = self.answer.thoughts.as_ref().filter(|words| k < words.tokens()) {
            self.delta("\"type\":\"thinking_delta\",\"thinking\"", (words, k..k + 1), out);
        }
    }

    /// The events of a run of `more` tokens, of which the first is `step`.
    fn step(&mut self, step: Step<'_>, more: usize, out: &mut Vec<u8>) {
        match step {
            Step::Silent => {}
            Step::Text(words, piece) | Step::Refusal(words, piece) => {
                if self.open != Open::Text {
                    self.begin(Open::Text, |out| out.extend_from_slice(b"{\"type\":\"text\",\"text\":\"\"}"), out);
                }
                self.delta("\"type\":\"text_delta\",\"text\"", (words, piece..piece + more), out);
            }
            Step::Name(_, call) => self.begin(Open::Call, |out| write_call(call, "{}", out), out),
            Step::Arguments(_, call, piece) => {
                let pieces = (&call.arguments, piece..piece + more);
                self.delta("\"type\":\"input_json_delta\",\"partial_json\"", pieces, out);
            }
        }
    }
}

impl Script for MessagesEvents {
    fn size(&self) -> usize {
        160
    }

    /// Whether token `k` sends something: of thoughts that are not shown the first, which begins their block.
    fn is_loud(&self, k: usize) -> bool {
        let thinks = k < self.answer.choice.thinking;
        (thinks && (k == 0 || self.shows())) || self.answer.choice.step(k).is_loud()
    }

    fn first(&self) -> Option<usize> {
        if self.shows() && self.answer.choice.thinking > 0 { Some(0) } else { self.answer.choice.first() }
    }

    /// The message without content, and a ping.
    fn opening(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
        self.answer.write_head(out);
        out.extend_from_slice(b"],\"stop_reason\":null,\"stop_sequence\":null,");
        self.answer.write_usage(usize::from(self.answer.choice.tokens() > 0), out);
        out.extend_from_slice(b"}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n");
    }

    fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>) {
        let choice = self.answer.choice.clone();
        let mut k = tokens.start;
        while k < tokens.end {
            let end = choice.run(k, tokens.end);
            if k < choice.thinking {
                self.think(k, out);
            } else {
                self.step(choice.step(k), end - k, out);
            }
            k = end;
        }
    }

    /// The end of the last block, why the answer ended with its tokens, and the end.
    fn closing(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        out.extend_from_slice(b"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
        self.answer.write_stop(out);
        out.extend_from_slice(b"},");
        self.answer.write_usage(self.answer.choice.tokens(), out);
        out.extend_from_slice(b"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}
