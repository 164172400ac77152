//! What a prompt costs: its tools, its instructions, the shape of its answer, and what is said; and the conversation that
//! it goes on from.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::content::choice::Body;
use super::error::ApiError;
use super::interfaces::{CHAT, COUNTED, MESSAGES, RESPONSES};
use super::parameters::Members;
use crate::model::prompt::{self, Facts, KEPT, Kept, Layout, Reading, Str, Wrong};

/// Whose prompt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Chat,
    Responses,
    Messages,
}

impl Voice {
    /// That of an interface whose prompts are read item by item.
    pub(crate) fn of(interface: u8) -> Option<Self> {
        match interface {
            CHAT => Some(Self::Chat),
            RESPONSES => Some(Self::Responses),
            MESSAGES | COUNTED => Some(Self::Messages),
            _ => None,
        }
    }

    fn layout(self) -> &'static Layout {
        match self {
            Self::Chat => &prompt::CHAT,
            Self::Responses => &prompt::RESPONSES,
            Self::Messages => &prompt::MESSAGES,
        }
    }

    /// The parameter with what is said.
    fn list(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages => "messages",
            Self::Responses => "input",
        }
    }
}

/// What a prompt costs, in tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// What a following response does not inherit: tools, instructions, the shape of the answer.
    pub(crate) own: usize,
    /// What is said.
    pub(crate) said: usize,
    /// The tokens of both, in the order in which the model reads them, if they are kept.
    pub(crate) own_ids: Vec<u32>,
    pub(crate) said_ids: Vec<u32>,
    pub(crate) facts: Facts,
}

/// What was said in a conversation so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) tokens: usize,
    /// The tokens themselves, if the backend has a prefix cache.
    pub(crate) ids: Vec<u32>,
    /// The calls of tools that have no result yet.
    pub(crate) open: BTreeSet<String>,
}

impl History {
    /// Adds the tokens of what a request says.
    pub(crate) fn add_ids(&mut self, said: Vec<u32>) {
        if self.ids.is_empty() {
            self.ids = said;
        } else {
            self.ids.extend(said);
            self.ids.truncate(KEPT);
        }
    }

    /// Adds an answer, with its tokens if `ids`.
    pub(crate) fn add_answer(&mut self, body: &Body, ids: bool) {
        let item = prompt::RESPONSES.item;
        let mut add = |text: &dyn Fn() -> String, tokens: usize| {
            self.tokens += item + tokens;
            if ids {
                let mut kept = Kept::default();
                kept.lump(item, 0);
                kept.text(&text());
                self.ids.extend(kept.ids);
                self.ids.truncate(KEPT);
            }
        };
        match body {
            Body::Text(words) | Body::Refusal(words) => add(&|| words.text(), words.tokens()),
            Body::Calls(calls) => {
                for call in calls {
                    add(&|| format!("{}{}", call.name, call.arguments.text()), call.tokens());
                    self.open.insert(format!("call_{:016x}", call.id));
                }
            }
        }
    }

    /// What it costs, in bytes.
    pub(crate) fn size(&self) -> usize {
        4 * self.ids.len() + self.open.iter().map(|id| id.len() + 48).sum::<usize>()
    }
}

/// Measures the prompt of a request; `keeps` is whether its tokens are kept.
///
/// # Errors
/// The first message or item that is not right.
pub(crate) fn measure(members: &Members<'_>, voice: Voice, keeps: bool) -> Result<Measured, ApiError> {
    let mut measured = Measured::default();
    if keeps {
        let (mut own, mut said) = (Kept::default(), Kept::default());
        measured.facts = read(members, voice, &mut own, &mut said)?;
        (measured.own, measured.said) = (own.tokens, said.tokens);
        (measured.own_ids, measured.said_ids) = (own.ids, said.ids);
    } else {
        measured.facts = read(members, voice, &mut measured.own, &mut measured.said)?;
    }
    Ok(measured)
}

fn read<R: Reading>(members: &Members<'_>, voice: Voice, own: &mut R, said: &mut R) -> Result<Facts, ApiError> {
    let layout = voice.layout();
    own.lump(layout.base, 3);
    for key in ["tools", "functions"] {
        if let Some(tools) = members.get(key) {
            prompt::read_tools(tools.get(), layout, own);
        }
    }
    let instructions = members.get("instructions").and_then(|raw| serde_json::from_str(raw.get()).ok());
    if let Some(Str(text)) = instructions {
        own.lump(layout.item, 4);
        own.text(&text);
    }
    if let Some(system) = members.get("system").filter(|_| voice == Voice::Messages) {
        own.lump(layout.item, 4);
        prompt::read(system.get(), &prompt::TEXT, own).map_err(|wrong| refuse(wrong, voice))?;
    }
    if let Some(shape) = shape(members) {
        own.text(shape);
    }
    match members.get(voice.list()) {
        Some(list) => prompt::read(list.get(), layout, said).map_err(|wrong| refuse(wrong, voice)),
        None => Ok(Facts::default()),
    }
}

/// The schema that the answer has to have, as it stands there, if it has one.
fn shape<'a>(members: &Members<'a>) -> Option<&'a str> {
    let within = |members: &Members<'a>, key: &str| serde_json::from_str::<Members<'a>>(members.get(key)?.get()).ok();
    let format = match within(members, "response_format") {
        Some(format) => within(&format, "json_schema")?,
        None => within(&within(members, "text").or_else(|| within(members, "output_config"))?, "format")?,
    };
    format.get("schema").map(RawValue::get)
}

fn refuse(wrong: Wrong, voice: Voice) -> ApiError {
    let (list, layout) = (voice.list(), voice.layout());
    match wrong {
        Wrong::Kind(at, what) => {
            let param = format!("{list}[{at}]");
            let message = format!("Invalid type for '{param}': expected an object, but got {what} instead.");
            ApiError::coded("invalid_type", message, &param)
        }
        Wrong::First(role) => ApiError::invalid(format!("first message must use the \"{role}\" role"), list),
        Wrong::NoRole(at) => ApiError::missing(&format!("{list}[{at}].role")),
        Wrong::Role(at, role) => ApiError::no_such_word(&role, layout.roles, &format!("{list}[{at}].role")),
        Wrong::Unreadable(why) => ApiError::invalid(format!("Invalid value in '{list}': {why}."), list),
    }
}

impl Facts {
    /// Whether each call has its result, and each result its call, also in what was said before; `before` is none if
    /// that is not known.
    ///
    /// # Errors
    /// The first that has not.
    pub(crate) fn check(&self, voice: Voice, before: Option<&History>) -> Result<(), ApiError> {
        if self.references {
            return Ok(());
        }
        let earlier = before.map(|history| &history.open);
        let known = |id: &String| earlier.is_some_and(|open| open.contains(id));
        let stray = self.strays.iter().find(|id| !known(id));
        let open = earlier.into_iter().flatten().find(|id| !self.strays.contains(*id)).or(self.open.first());
        let message = match (voice, stray, open) {
            (_, None, None) => return Ok(()),
            (Voice::Responses, Some(id), _) => {
                format!("No tool call found for function call output with call_id {id}.")
            }
            (Voice::Responses, None, Some(id)) => format!("No tool output found for function call {id}."),
            (Voice::Messages, Some(id), _) => format!(
                "unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a \
                 corresponding `tool_use` block in the previous message."
            ),
            (Voice::Messages, None, Some(id)) => format!(
                "`tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each `tool_use` block \
                 must have a corresponding `tool_result` block in the next message."
            ),
            (Voice::Chat, Some(_), _) => "Invalid parameter: messages with role 'tool' must be a response to a \
                                          preceeding message with 'tool_calls'."
                .to_owned(),
            (Voice::Chat, None, Some(id)) => format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                 'tool_call_id'. The following tool_call_ids did not have response messages: {id}"
            ),
        };
        Err(ApiError::invalid(message, voice.list()))
    }
}
