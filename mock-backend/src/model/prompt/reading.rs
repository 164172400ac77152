//! What a prompt is made of, who is told of it, and what it turned out to hold.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use crate::model::text::{count, encode};

/// A string that borrows from the request where it can.
#[derive(Debug, Deserialize)]
pub(crate) struct Str<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// What an interface adds to the text of a prompt, in tokens, as the official examples have it; and which roles it knows.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Before anything is said.
    pub(crate) base: usize,
    /// Each message or item.
    pub(crate) item: usize,
    /// Tools, whichever they are.
    pub(crate) tools: usize,
    /// An image in full detail, whose size is not known.
    pub(crate) image: usize,
    /// Whether every item needs a role.
    pub(crate) needs_role: bool,
    pub(crate) roles: &'static [&'static str],
    /// The role of the first, where it is not free.
    pub(crate) first: Option<&'static str>,
}

/// Nothing but text.
pub(crate) const TEXT: Layout =
    Layout { base: 0, item: 0, tools: 0, image: 0, needs_role: false, roles: &[], first: None };

/// Chat completions.
pub(crate) const CHAT: Layout = Layout {
    base: 3,
    item: 4,
    tools: 0,
    image: 1105,
    needs_role: true,
    roles: &["system", "assistant", "user", "function", "tool", "developer"],
    first: None,
};

/// The Responses API.
pub(crate) const RESPONSES: Layout = Layout {
    base: 21,
    item: 4,
    tools: 190,
    image: 297,
    needs_role: false,
    roles: &["assistant", "system", "developer", "user"],
    first: None,
};

/// Anthropic's messages: tools cost what is documented for the prompt that explains their use, images what one of 1092
/// by 1092 pixels does.
pub(crate) const MESSAGES: Layout = Layout {
    base: 3,
    item: 4,
    tools: 346,
    image: 1590,
    needs_role: true,
    roles: &["user", "assistant", "system"],
    first: Some("user"),
};

/// Who is told what the model reads.
pub(crate) trait Reading {
    fn text(&mut self, text: &str);
    /// Something of so many tokens that is no text; `what` tells it from others.
    fn lump(&mut self, tokens: usize, what: u64);
}

/// Tokens, counted.
impl Reading for usize {
    fn text(&mut self, text: &str) {
        *self += count(text);
    }

    fn lump(&mut self, tokens: usize, _: u64) {
        *self += tokens;
    }
}

/// Tokens, counted, of which the first are kept: as many as the largest models read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) tokens: usize,
    pub(crate) ids: Vec<u32>,
}

/// How many tokens are kept of one prompt.
pub(crate) const KEPT: usize = 1 << 20;

impl Reading for Kept {
    fn text(&mut self, text: &str) {
        let (ids, (more, what)) = encode(text);
        self.tokens += ids.len();
        let room = KEPT.saturating_sub(self.ids.len());
        self.ids.extend(ids.into_iter().take(room));
        self.lump(more, what);
    }

    fn lump(&mut self, tokens: usize, what: u64) {
        self.tokens += tokens;
        let room = KEPT.saturating_sub(self.ids.len());
        self.ids.extend(std::iter::repeat_n(what as u32 | 1 << 31, tokens.min(room)));
    }
}

/// What is not right in a list of messages or items, which has this number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is no object, but this.
    Kind(usize, &'static str),
    NoRole(usize),
    /// The first has another role than this, which it must have.
    First(&'static str),
    /// There is no such role.
    Role(usize, String),
    /// What it is made of cannot be read.
    Unreadable(String),
}

/// What a list of messages or items says of tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Items in the list; 1 for a string.
    pub(crate) items: usize,
    /// Whether the last item is the result of a tool.
    pub(crate) answered: bool,
    /// The ids of calls without a result.
    pub(crate) open: BTreeSet<String>,
    /// The ids of results without a call before them.
    pub(crate) strays: BTreeSet<String>,
    /// Whether some items are only named, so that nobody knows what they are.
    pub(crate) references: bool,
}
