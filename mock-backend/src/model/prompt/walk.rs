//! A walk through a prompt while it is parsed.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::parts::{FILE, Image, Loose, Source, hash_of, sent_file, text_of};
use super::reading::{Facts, Layout, Reading, Str, Wrong};

/// An image in low detail.
const LOW_IMAGE: usize = 85;

/// What stands before the number of tokens in a compaction item of ours.
pub(crate) const COMPACTION: &str = "gAAAAABzaW11bGF0ZWQtY29tcGFjdGlvbg";

/// The tokens for which a compaction item of ours stands; 0 for what is none.
fn compacted(text: &str) -> usize {
    text.strip_prefix(COMPACTION).and_then(|hex| usize::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

/// Reads a text, or a list of messages or items.
///
/// # Errors
/// The first item that is not right.
pub(crate) fn read<R: Reading>(raw: &str, layout: &Layout, reading: &mut R) -> Result<Facts, Wrong> {
    let mut walk = Walk { reading, layout, facts: Facts::default(), has_results: false, wrong: None };
    let node = Node { walk: &mut walk, place: Place::List };
    let done = node.deserialize(&mut serde_json::Deserializer::from_str(raw));
    match (walk.wrong, done) {
        (Some(wrong), _) => Err(wrong),
        (None, Ok(())) => Ok(walk.facts),
        (None, Err(error)) => Err(Wrong::Unreadable(error.to_string())),
    }
}

/// A walk through a prompt.
struct Walk<'r, R> {
    reading: &'r mut R,
    layout: &'r Layout,
    facts: Facts,
    /// Whether the message under way holds the result of a tool.
    has_results: bool,
    wrong: Option<Wrong>,
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The prompt itself.
    List,
    /// A message or an item.
    Item,
    /// A call in a message.
    Call,
    /// Anything within them.
    Part,
}

/// A value of the prompt, to be read.
struct Node<'w, 'r, R> {
    walk: &'w mut Walk<'r, R>,
    place: Place,
}

impl<'de, R: Reading> DeserializeSeed<'de> for Node<'_, '_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<R: Reading> Node<'_, '_, R> {
    /// A value that is neither text, nor a list, nor an object.
    fn other<E: Error>(self, what: &'static str) -> Result<(), E> {
        if self.place == Place::Item {
            self.walk.wrong = Some(Wrong::Kind(self.walk.facts.items, what));
            return Err(E::custom("no object"));
        }
        Ok(())
    }
}

impl<'de, R: Reading> Visitor<'de> for Node<'_, '_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a prompt")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.place {
            Place::Item => return self.other("a string"),
            Place::List => {
                self.walk.facts.items = 1;
                self.walk.reading.lump(self.walk.layout.item, 0);
            }
            Place::Call | Place::Part => {}
        }
        self.walk.reading.text(text);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.other("null")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.other("a boolean")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.other("an integer")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.other("an integer")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.other("a decimal")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { walk, place } = self;
        let within = match place {
            Place::List => Place::Item,
            Place::Item => return Node { walk, place }.other("an array"),
            Place::Call => Place::Call,
            Place::Part => Place::Part,
        };
        while items.next_element_seed(Node { walk: &mut *walk, place: within })?.is_some() {
            walk.facts.items += usize::from(within == Place::Item);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { walk, place } = self;
        if place == Place::Item {
            walk.reading.lump(walk.layout.item, 0);
        }
        let mut told = Told::default();
        while let Some(Str(key)) = map.next_key()? {
            match &*key {
                "input" => walk.input(map.next_value()?),
                "content" | "text" | "refusal" | "arguments" | "output" | "summary" | "name" | "function"
                | "custom" | "function_call" | "file" => {
                    map.next_value_seed(Node { walk: &mut *walk, place: Place::Part })?;
                }
                "tool_calls" => map.next_value_seed(Node { walk: &mut *walk, place: Place::Call })?,
                "encrypted_content" => {
                    let text: Option<Str<'_>> = map.next_value()?;
                    walk.reading.lump(text.map_or(0, |Str(text)| compacted(&text)), 2);
                }
                "image_url" => told.image = Some(map.next_value::<Image>()?),
                "detail" => told.low = text_of(map.next_value()?).as_deref() == Some("low"),
                "file_data" => told.file = map.next_value::<Loose<'_>>()?.into_text().map(|data| sent_file(&data)),
                "file_url" | "file_id" => told.named = text_of(map.next_value()?).map(|name| hash_of(&*name)),
                "role" => told.role = text_of(map.next_value()?),
                "type" => told.kind = text_of(map.next_value()?),
                "source" => told.source = map.next_value::<Source>()?.what,
                "call_id" | "tool_call_id" | "tool_use_id" => told.answers = text_of(map.next_value()?),
                "id" if matches!(place, Place::Call | Place::Part) => told.id = text_of(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        walk.end(place, told).map_err(|wrong| {
            walk.wrong = Some(wrong);
            A::Error::custom("a wrong item")
        })
    }
}

/// What the members of an object told of it.
#[derive(Default)]
struct Told {
    kind: Option<String>,
    role: Option<String>,
    id: Option<String>,
    /// The call that it belongs to.
    answers: Option<String>,
    image: Option<Image>,
    low: bool,
    file: Option<(usize, u64)>,
    /// What an image or a document of Anthropic's API is made of.
    source: Option<(usize, u64)>,
    /// A file or an image that is named and not sent.
    named: Option<u64>,
}

/// Types of calls that need a result.
const CALLS: [&str; 6] =
    ["function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"];

impl<R: Reading> Walk<'_, R> {
    /// Takes in what an object told.
    fn end(&mut self, place: Place, told: Told) -> Result<(), Wrong> {
        let kind = told.kind.as_deref().unwrap_or_default();
        if let Some(image) = told.image.or(told.named.filter(|_| kind == "input_image").map(Image::of)) {
            let low = image.low || told.low;
            self.reading.lump(if low { LOW_IMAGE.min(self.layout.image) } else { self.layout.image }, image.hash);
        } else if let Some((tokens, hash)) = told.file.or(told.named.map(|hash| (FILE, hash))) {
            self.reading.lump(tokens, hash);
        } else if let Some((tokens, hash)) = told.source {
            self.reading.lump(if kind == "image" { self.layout.image } else { tokens }, hash);
        }
        match place {
            Place::Call => self.facts.open.extend(told.id),
            Place::Item => self.end_item(kind, told.role, told.answers)?,
            Place::Part if kind == "tool_use" => self.facts.open.extend(told.id),
            Place::Part if kind == "tool_result" => {
                self.has_results = true;
                self.close_call(told.answers);
            }
            Place::List | Place::Part => {}
        }
        Ok(())
    }

    /// What a tool is called with: a text, or an object as it stands there.
    fn input(&mut self, input: &RawValue) {
        match serde_json::from_str::<Str<'_>>(input.get()) {
            Ok(Str(text)) => self.reading.text(&text),
            Err(_) => self.reading.text(input.get()),
        }
    }

    /// A result that belongs to this call.
    fn close_call(&mut self, id: Option<String>) {
        let id = id.unwrap_or_default();
        if !self.facts.open.remove(&id) {
            self.facts.strays.insert(id);
        }
    }

    fn end_item(&mut self, kind: &str, role: Option<String>, answers: Option<String>) -> Result<(), Wrong> {
        let (at, layout) = (self.facts.items, self.layout);
        self.facts.references |= kind == "item_reference";
        let message = layout.needs_role || kind == "message";
        match &role {
            Some(role) if at == 0 && layout.first.is_some_and(|first| first != role) => {
                return Err(Wrong::First(layout.first.unwrap_or_default()));
            }
            Some(role) if !layout.roles.is_empty() && !layout.roles.contains(&role.as_str()) => {
                return Err(Wrong::Role(at, role.clone()));
            }
            None if message => return Err(Wrong::NoRole(at)),
            _ => {}
        }
        let result = kind.ends_with("_call_output") || role.as_deref() == Some("tool");
        let has_results = std::mem::take(&mut self.has_results);
        self.facts.answered = result || has_results || role.as_deref() == Some("function");
        if result {
            self.close_call(answers);
        } else if CALLS.contains(&kind) {
            self.facts.open.extend(answers);
        }
        Ok(())
    }
}
