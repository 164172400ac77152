//! The prompt of a request in the order in which the model reads it: handed on while it is parsed, and not kept.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::text::{count, encode};

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
}

/// Chat completions.
pub(crate) const CHAT: Layout = Layout {
    base: 3,
    item: 4,
    tools: 0,
    image: 1105,
    needs_role: true,
    roles: &["system", "assistant", "user", "function", "tool", "developer"],
};

/// The Responses API.
pub(crate) const RESPONSES: Layout = Layout {
    base: 21,
    item: 4,
    tools: 190,
    image: 297,
    needs_role: false,
    roles: &["assistant", "system", "developer", "user"],
};

/// An image in low detail.
const LOW_IMAGE: usize = 85;
/// A file that is named and not sent.
const FILE: usize = 8400;
/// Bytes of a file that is sent, for each token.
const FILE_BYTES: usize = 4;

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

/// Tokens, kept.
impl Reading for Vec<u32> {
    fn text(&mut self, text: &str) {
        self.extend(encode(text));
    }

    fn lump(&mut self, tokens: usize, what: u64) {
        self.extend(std::iter::repeat_n(what as u32 | 1 << 31, tokens));
    }
}

/// What is not right in a list of messages or items, which has this number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is no object, but this.
    Kind(usize, &'static str),
    NoRole(usize),
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

/// Reads a text, or a list of messages or items.
///
/// # Errors
/// The first item that is not right.
pub(crate) fn read<R: Reading>(raw: &str, layout: &Layout, reading: &mut R) -> Result<Facts, Wrong> {
    let mut walk = Walk { reading, layout, facts: Facts::default(), wrong: None };
    let node = Node { walk: &mut walk, place: Place::List };
    let done = node.deserialize(&mut serde_json::Deserializer::from_str(raw));
    match (walk.wrong, done) {
        (Some(wrong), _) => Err(wrong),
        (None, Ok(())) => Ok(walk.facts),
        (None, Err(error)) => Err(Wrong::Unreadable(error.to_string())),
    }
}

/// Reads tools, each of which costs its name, its description and its parameters; false if there are none.
pub(crate) fn read_tools<R: Reading>(raw: &str, layout: &Layout, reading: &mut R) -> bool {
    let tools: Vec<Value> = serde_json::from_str(raw).unwrap_or_default();
    for tool in &tools {
        let tool = ["function", "custom"].iter().find_map(|key| tool.get(key)).unwrap_or(tool);
        match tool["name"].as_str() {
            Some(name) => {
                reading.text(name);
                reading.text(tool["description"].as_str().unwrap_or_default());
                let shape = tool.get("parameters").or(tool.get("format")).filter(|shape| !shape.is_null());
                shape.iter().for_each(|shape| reading.text(&shape.to_string()));
            }
            None => reading.text(&tool.to_string()),
        }
    }
    if !tools.is_empty() {
        reading.lump(layout.tools, 1);
    }
    !tools.is_empty()
}

/// The tokens of a prompt, in either API, as a gateway estimates them: those of its text; 0 for what is none.
pub(crate) fn prompt_tokens(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Prompt<'a> {
        #[serde(borrow)]
        messages: Option<&'a RawValue>,
        #[serde(borrow)]
        input: Option<&'a RawValue>,
    }
    const TEXT: Layout = Layout { base: 0, item: 0, tools: 0, image: 0, needs_role: false, roles: &[] };
    let prompt: Option<Prompt<'_>> = serde_json::from_slice(body).ok();
    let mut tokens = 0usize;
    let list = prompt.and_then(|prompt| prompt.messages.or(prompt.input));
    match list.map(|list| read(list.get(), &TEXT, &mut tokens)) {
        Some(Ok(_) | Err(Wrong::Role(..))) => tokens as u64,
        Some(Err(_)) | None => 0,
    }
}

/// What stands before the number of tokens in a compaction item of ours.
pub(crate) const COMPACTION: &str = "gAAAAABzaW11bGF0ZWQtY29tcGFjdGlvbg";

/// The tokens for which a compaction item of ours stands; 0 for what is none.
fn compacted(text: &str) -> usize {
    text.strip_prefix(COMPACTION).and_then(|hex| usize::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

struct Walk<'r, R> {
    reading: &'r mut R,
    layout: &'r Layout,
    facts: Facts,
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
                "content" | "text" | "refusal" | "arguments" | "output" | "summary" | "input" | "name" | "function"
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
                "file_data" => told.file = text_of(map.next_value()?).map(|data| sent_file(&data)),
                "file_url" | "file_id" => told.named = text_of(map.next_value()?).map(|name| hash_of(&*name)),
                "role" => told.role = text_of(map.next_value()?),
                "type" => told.kind = text_of(map.next_value()?),
                "call_id" | "tool_call_id" => told.answers = text_of(map.next_value()?),
                "id" if place == Place::Call => told.id = text_of(map.next_value()?),
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

/// A text, if the value is one.
fn text_of(value: Loose) -> Option<String> {
    match value {
        Loose::Text(text) => Some(text),
        Loose::Other(IgnoredAny) => None,
    }
}

/// A text, or anything else, which does not matter.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Text(String),
    Other(IgnoredAny),
}

fn hash_of(what: impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    what.hash(&mut hash);
    hash.finish()
}

/// What a file costs that is sent as base64, and its hash.
fn sent_file(data: &str) -> (usize, u64) {
    let bytes = data.rsplit(',').next().map_or(0, str::len) / 4 * 3;
    (bytes.div_ceil(FILE_BYTES), hash_of(data))
}

/// An image, as its address or as an object with it.
struct Image {
    hash: u64,
    low: bool,
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Way {
            Address(String),
            Object { url: Option<String>, detail: Option<String> },
            Other(IgnoredAny),
        }
        Ok(match Way::deserialize(deserializer)? {
            Way::Address(url) => Self { hash: hash_of(url), low: false },
            Way::Object { url, detail } => Self { hash: hash_of(url), low: detail.as_deref() == Some("low") },
            Way::Other(IgnoredAny) => Self { hash: 0, low: false },
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
        }
        match place {
            Place::Call => self.facts.open.extend(told.id),
            Place::Item => self.end_item(kind, told.role, told.answers)?,
            Place::List | Place::Part => {}
        }
        Ok(())
    }

    fn end_item(&mut self, kind: &str, role: Option<String>, answers: Option<String>) -> Result<(), Wrong> {
        let (at, layout) = (self.facts.items, self.layout);
        self.facts.references |= kind == "item_reference";
        let message = layout.needs_role || kind == "message";
        match &role {
            Some(role) if !layout.roles.is_empty() && !layout.roles.contains(&role.as_str()) => {
                return Err(Wrong::Role(at, role.clone()));
            }
            None if message => return Err(Wrong::NoRole(at)),
            _ => {}
        }
        let result = kind.ends_with("_call_output") || role.as_deref() == Some("tool");
        self.facts.answered = result || role.as_deref() == Some("function");
        if result {
            let id = answers.unwrap_or_default();
            if !self.facts.open.remove(&id) {
                self.facts.strays.insert(id);
            }
        } else if CALLS.contains(&kind) {
            self.facts.open.extend(answers);
        }
        Ok(())
    }
}

impl Image {
    fn of(hash: u64) -> Self {
        Self { hash, low: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(json: &str) -> (usize, Facts) {
        let layout = Layout { base: 0, item: 0, needs_role: false, ..RESPONSES };
        let mut tokens = 0usize;
        let facts = read(json, &layout, &mut tokens).unwrap();
        (tokens, facts)
    }

    #[test]
    fn text_is_counted_wherever_it_stands() {
        let table = [
            (r#""hello world""#, 2),
            (
                r#"[{"role":"system","content":"hello"},{"role":"user","content":[{"type":"text","text":"hello world"}]}]"#,
                3,
            ),
            (r#"[{"role":"assistant","content":null}]"#, 0),
            (r#"[{"role":"assistant","tool_calls":[{"custom":{"name":"hello","input":"hello world"}}]}]"#, 3),
            (r#"[{"role":"assistant","function_call":{"name":"hello","arguments":"hello world"}}]"#, 3),
            (r#"[{"type":"custom_tool_call_output","call_id":"c","output":"hello"}]"#, 1),
            (r#"[{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"hello"}]}]"#, 1),
        ];
        for (json, tokens) in table {
            assert_eq!(counted(json).0, tokens, "{json}");
        }
    }

    #[test]
    fn images_and_files_cost_the_same_however_many_bytes_they_are_sent_in() {
        let image = |url: &str| {
            counted(&format!(r#"[{{"role":"user","content":[{{"type":"input_image","image_url":"{url}"}}]}}]"#)).0
        };
        let data = format!("data:image/png;base64,{}", "A".repeat(100_000));
        assert_eq!((image("https://example.com/a.png"), image(&data)), (297, 297));
        let part = |part: &str| counted(&format!(r#"[{{"role":"user","content":[{part}]}}]"#)).0;
        assert_eq!(part(r#"{"type":"image_url","image_url":{"url":"x","detail":"low"}}"#), 85);
        assert_eq!(part(r#"{"type":"input_image","file_id":"file-1","detail":"low"}"#), 85);
        assert_eq!(part(r#"{"type":"input_file","file_id":"file-1"}"#), FILE);
        assert_eq!(
            part(
                r#"{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,AAAAAAAAAAAAAAAA"}}"#
            ),
            3
        );
    }

    #[test]
    fn calls_and_their_results_find_each_other() {
        let facts = |json: &str| counted(json).1;
        let called = r#"[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}"#;
        let open = facts(&format!("{called}]"));
        assert_eq!((open.open.len(), open.strays.len(), open.answered), (1, 0, false));
        let layout = Layout { needs_role: true, ..CHAT };
        let told =
            read(&format!(r#"{called},{{"role":"tool","tool_call_id":"c","content":"x"}}]"#), &layout, &mut 0usize);
        let told = told.unwrap();
        assert_eq!((told.open.len(), told.strays.len(), told.answered, told.items), (0, 0, true, 2));
        let stray = facts(r#"[{"type":"function_call_output","call_id":"d","output":"x"}]"#);
        assert_eq!(stray.strays, BTreeSet::from(["d".to_owned()]));
    }

    #[test]
    fn what_is_no_message_is_named_by_its_number() {
        let wrong = |json: &str| read(json, &CHAT, &mut 0usize).unwrap_err();
        assert_eq!(wrong(r#"["hello"]"#), Wrong::Kind(0, "a string"));
        assert_eq!(wrong(r#"[{"role":"user"},7]"#), Wrong::Kind(1, "an integer"));
        assert_eq!(wrong(r#"[{"content":"x"}]"#), Wrong::NoRole(0));
        assert_eq!(wrong(r#"[{"role":"boss","content":"x"}]"#), Wrong::Role(0, "boss".to_owned()));
    }

    #[test]
    fn tokens_are_kept_as_many_as_are_counted() {
        let json = r#"[{"role":"user","content":"hello world"},{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]"#;
        let (mut kept, mut tokens) = (Vec::new(), 0usize);
        read(json, &CHAT, &mut kept).unwrap();
        read(json, &CHAT, &mut tokens).unwrap();
        assert_eq!((kept.len(), tokens), (2 + 4 + 4 + 1105, 2 + 4 + 4 + 1105));
    }
}
