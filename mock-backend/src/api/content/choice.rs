//! What an answer says, token by token: text, a refusal, or calls of tools, after any hidden reasoning.

use std::ops::Range;
use std::sync::Arc;

use super::json::escape;
use crate::model::text::{Text, count, token_ends};

/// A text, divided into its tokens.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    /// Of the fixed passage, whose pieces need no escaping.
    Passage { text: Text, tokens: usize },
    /// Any other.
    Split(Arc<Split>),
}

/// A text and where its tokens end.
#[derive(Debug)]
pub(crate) struct Split {
    text: String,
    ends: Vec<usize>,
}

impl Words {
    /// The text, divided by the tokenizer.
    pub(crate) fn of(text: String) -> Self {
        let ends = token_ends(&text);
        Self::Split(Arc::new(Split { text, ends }))
    }

    pub(crate) fn tokens(&self) -> usize {
        match self {
            Self::Passage { tokens, .. } => *tokens,
            Self::Split(split) => split.ends.len(),
        }
    }

    /// What token `k` adds; nothing if it ends within a character.
    pub(crate) fn piece(&self, k: usize) -> &str {
        match self {
            Self::Passage { text, .. } => text.piece(k),
            Self::Split(split) => {
                let start = if k == 0 { 0 } else { split.ends[k - 1] };
                &split.text[start..split.ends[k]]
            }
        }
    }

    /// The first `tokens` of it. What an unfinished character at the end would have cost is not billed.
    pub(crate) fn cut(self, tokens: usize) -> Self {
        match self {
            Self::Passage { text, tokens: all } => Self::Passage { text, tokens: all.min(tokens) },
            Self::Split(split) if tokens >= split.ends.len() => Self::Split(split),
            Self::Split(_) if tokens == 0 => Self::Split(Arc::new(Split { text: String::new(), ends: Vec::new() })),
            Self::Split(split) => Self::of(split.text[..split.ends[tokens - 1]].to_owned()),
        }
    }

    /// Appends it as it stands in a JSON string.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Passage { text, tokens } => text.append(*tokens, out),
            Self::Split(split) => escape(&split.text, out),
        }
    }

    /// Appends some pieces as they stand in a JSON string.
    pub(crate) fn write_pieces(&self, pieces: Range<usize>, out: &mut Vec<u8>) {
        match self {
            Self::Passage { text, .. } => pieces.for_each(|k| out.extend_from_slice(text.piece(k).as_bytes())),
            Self::Split(_) => pieces.for_each(|k| escape(self.piece(k), out)),
        }
    }

    /// The characters of some pieces.
    pub(crate) fn length(&self, pieces: Range<usize>) -> usize {
        pieces.map(|k| self.piece(k).chars().count()).sum()
    }

    /// As it stands in a JSON string.
    pub(crate) fn escaped(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// The text itself.
    pub(crate) fn text(&self) -> String {
        (0..self.tokens()).map(|k| self.piece(k)).collect()
    }
}

/// The call of a tool.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What follows `call_` in its id.
    pub(crate) id: u64,
    pub(crate) name: String,
    /// The tokens of the name; the last of them brings it.
    named: usize,
    /// The arguments of a function, or what a custom tool is told.
    pub(crate) arguments: Words,
    /// Whether the tool is a custom one.
    pub(crate) custom: bool,
}

impl Call {
    pub(crate) fn new(id: u64, name: String, arguments: String) -> Self {
        Self { id, named: count(&name).max(1), name, arguments: Words::of(arguments), custom: false }
    }

    /// The same call of a custom tool.
    pub(crate) fn of_custom(self) -> Self {
        Self { custom: true, ..self }
    }

    pub(crate) fn tokens(&self) -> usize {
        self.named + self.arguments.tokens()
    }
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Text(Words),
    Refusal(Words),
    Calls(Vec<Call>),
}

impl Body {
    pub(crate) fn tokens(&self) -> usize {
        match self {
            Self::Text(words) | Self::Refusal(words) => words.tokens(),
            Self::Calls(calls) => calls.iter().map(Call::tokens).sum(),
        }
    }

    /// The first `tokens` of it; a call whose name does not fit is not made.
    fn cut(self, tokens: usize) -> Self {
        match self {
            Self::Text(words) => Self::Text(words.cut(tokens)),
            Self::Refusal(words) => Self::Refusal(words.cut(tokens)),
            Self::Calls(calls) => {
                let mut left = tokens;
                let mut kept = Vec::new();
                for mut call in calls {
                    if call.named > left {
                        break;
                    }
                    call.arguments = call.arguments.cut(left - call.named);
                    left -= call.tokens();
                    kept.push(call);
                }
                Self::Calls(kept)
            }
        }
    }
}

/// What one token brings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// Nothing that is sent.
    Silent,
    /// Piece `k` of the text.
    Text(&'a Words, usize),
    /// Piece `k` of the refusal.
    Refusal(&'a Words, usize),
    /// The name of call number `i`.
    Name(usize, &'a Call),
    /// Piece `k` of the arguments of call number `i`.
    Arguments(usize, &'a Call, usize),
}

impl Step<'_> {
    /// Whether something is sent.
    pub(crate) fn is_loud(&self) -> bool {
        !matches!(self, Self::Silent)
    }

    /// Whether `next` may stand in the event of this one.
    fn continues(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Text(..), Self::Text(..)) | (Self::Refusal(..), Self::Refusal(..)) => true,
            (Self::Arguments(i, ..), Self::Arguments(next, ..)) => i == next,
            _ => false,
        }
    }
}

/// One answer to the prompt.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Tokens of reasoning, which come first and are not sent.
    pub(crate) thinking: usize,
    /// Tokens between the reasoning and the answer, which are billed as neither and not sent.
    pub(crate) format: usize,
    pub(crate) body: Body,
    /// Whether the caller's limit cut it.
    pub(crate) cut: bool,
    /// Whether the content filter ended it in its middle.
    pub(crate) filtered: bool,
    /// The stop sequence before which it ended.
    pub(crate) stop: Option<String>,
}

impl Choice {
    /// Plain text, whose length is decided already.
    pub(crate) fn prose(thinking: usize, words: Words, cut: bool) -> Self {
        Self { thinking, format: 0, body: Body::Text(words), cut, filtered: false, stop: None }
    }

    /// An answer without a word.
    pub(crate) fn empty() -> Self {
        Self { thinking: 0, format: 0, body: Body::Calls(Vec::new()), cut: false, filtered: false, stop: None }
    }

    /// The answer within `limit` tokens.
    pub(crate) fn limited_to(limit: Option<usize>, thinking: usize, body: Body) -> Self {
        match limit.filter(|limit| *limit <= thinking + body.tokens()) {
            None => Self { thinking, format: 0, body, cut: false, filtered: false, stop: None },
            Some(limit) => {
                let thinking = thinking.min(limit);
                Self { thinking, format: 0, body: body.cut(limit - thinking), cut: true, filtered: false, stop: None }
            }
        }
    }

    /// Takes what it thinks beyond `reasoning` tokens for such as are billed as neither.
    pub(crate) fn hide_format_tokens(&mut self, reasoning: usize) {
        self.format = self.thinking.saturating_sub(reasoning);
        self.thinking -= self.format;
    }

    /// Has the content filter end it in its middle.
    pub(crate) fn filter(&mut self) {
        let half = self.body.tokens() / 2;
        self.body = std::mem::replace(&mut self.body, Body::Calls(Vec::new())).cut(half);
        (self.filtered, self.cut) = (true, false);
    }

    /// Whether it is less than the model would have said.
    pub(crate) fn is_short(&self) -> bool {
        self.cut || self.filtered
    }

    /// All tokens of it, the hidden ones included.
    pub(crate) fn tokens(&self) -> usize {
        self.thinking + self.format + self.body.tokens()
    }

    /// What token `k` brings.
    pub(crate) fn step(&self, k: usize) -> Step<'_> {
        let Some(k) = k.checked_sub(self.thinking + self.format) else { return Step::Silent };
        match &self.body {
            Body::Text(words) if k < words.tokens() && !words.piece(k).is_empty() => Step::Text(words, k),
            Body::Refusal(words) if k < words.tokens() && !words.piece(k).is_empty() => Step::Refusal(words, k),
            Body::Text(_) | Body::Refusal(_) => Step::Silent,
            Body::Calls(calls) => step_of_calls(calls, k),
        }
    }

    /// Where the run of tokens that begins with `k` ends, at `end` at the latest: tokens whose pieces can stand in one
    /// event.
    pub(crate) fn run(&self, k: usize, end: usize) -> usize {
        let first = self.step(k);
        (k + 1..end).find(|next| !first.continues(&self.step(*next))).unwrap_or(end)
    }

    /// The first token that brings something; none if there is no such token.
    pub(crate) fn first(&self) -> Option<usize> {
        (self.thinking..self.tokens()).find(|k| self.step(*k).is_loud())
    }
}

fn step_of_calls(calls: &[Call], mut k: usize) -> Step<'_> {
    for (i, call) in calls.iter().enumerate() {
        if k < call.named {
            return if k + 1 == call.named { Step::Name(i, call) } else { Step::Silent };
        }
        k -= call.named;
        if k < call.arguments.tokens() {
            return if call.arguments.piece(k).is_empty() { Step::Silent } else { Step::Arguments(i, call, k) };
        }
        k -= call.arguments.tokens();
    }
    Step::Silent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(choice: &Choice) -> String {
        let mut out = Vec::new();
        for k in 0..choice.tokens() {
            match choice.step(k) {
                Step::Silent => out.push(b'_'),
                Step::Text(words, k) | Step::Refusal(words, k) => words.write_pieces(k..k + 1, &mut out),
                Step::Name(_, call) => out.extend_from_slice(format!("<{}>", call.name).as_bytes()),
                Step::Arguments(_, call, k) => call.arguments.write_pieces(k..k + 1, &mut out),
            }
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_steps_are_the_whole_and_a_limit_cuts_it() {
        let text = || Body::Text(Words::of("hello \"world\"".to_owned()));
        assert_eq!(said(&Choice::limited_to(None, 2, text())), "__hello \\\"world\\\"");
        assert_eq!(said(&Choice::limited_to(Some(3), 2, text())), "__hello");
        let thinking_only = Choice::limited_to(Some(2), 5, text());
        assert_eq!((said(&thinking_only).as_str(), thinking_only.cut, thinking_only.first()), ("__", true, None));
        let calls = || {
            let call = |name: &str, arguments: &str| Call::new(1, name.to_owned(), arguments.to_owned());
            Body::Calls(vec![call("add", "{\"a\":1}"), call("look_up_weather", "{}")])
        };
        let whole = Choice::limited_to(None, 0, calls());
        assert_eq!(said(&whole).replace('_', ""), "<add>{\\\"a\\\":1}<lookupweather>{}");
        assert_eq!(whole.tokens(), count("add") + count("{\"a\":1}") + count("look_up_weather") + count("{}"));
        let cut = Choice::limited_to(Some(count("add") + 1), 0, calls());
        assert_eq!((cut.tokens(), cut.cut, said(&cut).as_str()), (2, true, "<add>{\\\""));
    }

    #[test]
    fn hidden_tokens_are_said_by_nobody_and_a_filter_ends_in_the_middle() {
        let mut choice = Choice::limited_to(None, 5, Body::Text(Words::of("hello world, hello".to_owned())));
        let all = choice.tokens();
        choice.hide_format_tokens(2);
        assert_eq!((choice.thinking, choice.format, choice.tokens()), (2, 3, all));
        assert_eq!((said(&choice).as_str(), choice.first()), ("_____hello world, hello", Some(5)));
        choice.filter();
        assert_eq!((said(&choice).as_str(), choice.filtered, choice.cut), ("_____hello world", true, false));
        let mut short = Choice::limited_to(Some(1), 5, Body::Text(Words::of("hello".to_owned())));
        short.hide_format_tokens(2);
        assert_eq!((short.thinking, short.format), (1, 0));
    }

    #[test]
    fn tokens_of_one_kind_run_together() {
        let call = |name: &str| Call::new(1, name.to_owned(), "{\"a\":1}".to_owned());
        let calls = Choice::limited_to(None, 2, Body::Calls(vec![call("f"), call("g")]));
        let arguments = count("{\"a\":1}");
        let all = calls.tokens();
        // Two thoughts, a name, its arguments, a name, its arguments.
        let mut ends = Vec::new();
        while ends.last() != Some(&all) {
            ends.push(calls.run(ends.last().copied().unwrap_or(0), all));
        }
        assert_eq!(ends, [1, 2, 3, 3 + arguments, 4 + arguments, all]);
        assert_eq!(calls.run(3, 5), 5);
    }

    #[test]
    fn characters_of_several_tokens_are_held_back_until_they_are_whole() {
        let text = "\u{1f9d1}\u{200d}\u{1f680} \u{10348}\u{10349}";
        let words = Words::of(text.to_owned());
        assert!((0..words.tokens()).any(|k| words.piece(k).is_empty()));
        assert_eq!(words.text(), text);
        for n in 0..=words.tokens() {
            let cut = words.clone().cut(n);
            assert_eq!(cut.tokens(), count(&cut.text()), "{n}");
        }
    }
}
