//! What one event of a stream says, read from its JSON and from nothing else.
//!
//! Only what a measurement needs is kept: whether there was content, of what kind, token counts, ends and errors.
//! Text is looked at, never copied.

use crate::wire::error::ApiError;
use crate::wire::usage::Usage;

/// What an event brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Text or a refusal: what a person would see.
    pub visible: bool,
    /// Tool names or arguments.
    pub tool: bool,
    /// Reasoning text.
    pub reasoning: bool,
    /// Whether it only repeats as a whole what other events brought in pieces, if there were any.
    pub repeats: bool,
    /// The choices of which it speaks, of an API that answers in several.
    pub choices: Choices,
    /// Those of them that are finished, in whatever way the model chose.
    pub finished: Choices,
    /// The event that ends the answer.
    pub end: Option<End<'a>>,
    /// Token counts.
    pub usage: Option<Usage>,
}

impl Delta<'_> {
    /// Whether there was output that a caller receives: text, refusal or tool arguments.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.visible || self.tool
    }
}

/// How an event ends an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// The answer is whole: what the caller asked for has come.
    Complete,
    /// The mark behind which nothing comes. It proves nothing: servers also send it after a failure.
    Done,
    /// An error in the stream.
    Error(ApiError<'a>),
}

/// Some of the choices of an answer, by their number; from the highest that is told apart on, all are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices(u128);

impl Choices {
    /// How many are told apart; OpenAI's own limit.
    pub const MOST: u32 = u128::BITS;

    /// This one.
    #[must_use]
    pub fn one(index: u32) -> Self {
        Self(1 << index.min(Self::MOST - 1))
    }

    /// Adds others.
    pub fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether every one of the others is among them.
    #[must_use]
    pub fn hold(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }
}

/// How many of the requested choices have come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    requested: u32,
    begun: Choices,
    finished: Choices,
    whole: bool,
}

impl Completion {
    /// Nothing yet of so many choices.
    #[must_use]
    pub(crate) fn of(choices: u32) -> Self {
        Self {
            requested: choices.clamp(1, Choices::MOST),
            begun: Choices::default(),
            finished: Choices::default(),
            whole: false,
        }
    }

    /// Takes in what an event says; whether all that was requested has come, and all that has begun is finished.
    pub(crate) fn note(&mut self, delta: &Delta<'_>) -> bool {
        self.begun.add(delta.choices);
        self.finished.add(delta.finished);
        self.whole |= delta.end == Some(End::Complete);
        self.whole || (self.finished.count() >= self.requested && self.finished.hold(self.begun))
    }
}

/// What a finish reason says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Not finished yet.
    Open,
    /// In a way that the model chose.
    Reached,
    /// The server gave it up.
    GivenUp,
}

impl Finish {
    /// The reasons of servers that gave up: those of OpenRouter, vLLM, SGLang, DeepSeek and GLM among them.
    const GIVEN_UP_WORDS: [&'static [u8]; 12] = [
        b"error",
        b"failed",
        b"failure",
        b"abort",
        b"aborted",
        b"cancelled",
        b"canceled",
        b"interrupted",
        b"timeout",
        b"network_error",
        b"server_error",
        b"insufficient_system_resource",
    ];

    /// Reads the value that stands for the reason, in its quotes.
    pub(crate) fn read(reason: &[u8]) -> Self {
        let word = reason.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(reason);
        match word {
            b"" | b"null" | b"false" => Self::Open,
            b"stop" | b"length" | b"tool_calls" => Self::Reached,
            word if Self::GIVEN_UP_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) => Self::GivenUp,
            _ => Self::Reached,
        }
    }
}

/// What a whole answer that is not a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole<'a> {
    /// All that was asked, with its token counts, if it has them.
    Answer(Option<Usage>),
    /// An error in its place.
    Error(ApiError<'a>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_every_choice_has_finished() {
        let says = |seen: &[u32], finished: &[u32]| {
            let mut delta = Delta::default();
            seen.iter().for_each(|index| delta.choices.add(Choices::one(*index)));
            finished.iter().for_each(|index| delta.finished.add(Choices::one(*index)));
            delta
        };
        type Case = (&'static str, u32, &'static [(&'static [u32], &'static [u32])], bool);
        let table: [Case; 9] = [
            ("nothing", 1, &[], false),
            ("begun", 1, &[(&[0], &[])], false),
            ("finished", 1, &[(&[0], &[]), (&[0], &[0])], true),
            ("one of two", 2, &[(&[0, 1], &[]), (&[0], &[0])], false),
            ("both", 2, &[(&[0, 1], &[]), (&[1], &[1]), (&[0], &[0])], true),
            ("a second was asked and never came", 2, &[(&[0], &[0])], false),
            ("a second that was not asked began", 1, &[(&[0], &[0]), (&[1], &[])], false),
            ("the last that is told apart", 1, &[(&[400], &[]), (&[127], &[127])], true),
            ("none is asked, one is meant", 0, &[], false),
        ];
        for (what, choices, events, complete) in table {
            let mut completion = Completion::of(choices);
            let noted = events.iter().fold(false, |_, (seen, finished)| completion.note(&says(seen, finished)));
            assert_eq!(noted, complete, "{what}");
        }
        assert!(Completion::of(1).note(&Delta { end: Some(End::Complete), ..Delta::default() }));
        assert!(!Completion::of(1).note(&Delta { end: Some(End::Done), ..Delta::default() }));
    }
}
