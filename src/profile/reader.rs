//! Reads a value of the tree by serde into the type of a section. Every mistake gets its place here; unknown keys are
//! refused, and numbers keep the bounds of the schema.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::limits::Limit;
use crate::profile::at::At;
use crate::profile::error::Fault;
use crate::profile::tree::{Node, Value};

/// What to write where a key is missing, by the type that reads its section.
const REMEDIES: [(&str, &str, &str); 13] = [
    ("Document", "path", "a run needs at least one [[path]] with name and base_url"),
    ("Document", "workload", "add the section [workload], which says what to send"),
    ("Document", "load", "add the section [load], which says when calls start"),
    ("Simulator", "scenario", "such as \"three-paths\" or a file"),
    ("Workload", "model", "name the model or deployment, such as \"gpt-4o\""),
    ("Load", "duration", "say how long to measure, such as \"60s\""),
    ("Prices", "input", "give the price of a million tokens, such as 2.5"),
    ("Prices", "output", "give the price of a million tokens, such as 2.5"),
    ("PathSection", "name", "every path needs its own name"),
    ("PathSection", "base_url", "such as \"https://host/openai/v1\", or 'connection' with a file of Foundry"),
    ("ObjectiveSection", "expr", "such as \"ttft.p95 < 800ms\" or \"error_rate < 1%\""),
    ("ExpectationSection", "claim", "say what was claimed, in its own words"),
    ("ExpectationSection", "slo", "such as \"ttft.p95 < 800ms\" or \"error_rate < 1%\""),
];

impl<'de> Deserializer<'de> for At<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) => {
                Limit::ProfileText.check(text.chars().count()).map_err(Fault::Other)?;
                visitor.visit_str(text)
            }
            Value::Integer(number) if !self.keeps_bounds(*number as f64) => Err(Fault::Kind("a number".to_owned())),
            Value::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(_), Ok(number)) => visitor.visit_u64(number),
                (Ok(number), Err(_)) => visitor.visit_i64(number),
                (Err(_), _) => Err(Fault::Kind("a number".to_owned())),
            },
            Value::Float(number) if !self.keeps_bounds(*number) => Err(Fault::Kind("a number".to_owned())),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::List(items) => {
                Limit::ProfileList.check(items.len()).map_err(Fault::Other)?;
                visitor.visit_seq(Items { list: &self, items: (1..).zip(items) })
            }
            Value::Table(table) => visitor.visit_map(Members { table: &self, members: table.iter(), value: None }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(text) if text.trim().is_empty() => Err(Fault::Kind("a text in quotes".to_owned())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::Table(table) = &self.node.value else {
            let secret = r#"a table such as { kind = "api-key", env = "AZURE_OPENAI_API_KEY" }; the secret itself does not belong here"#;
            return Err(Fault::Kind(if name == "Auth" { secret } else { "a table" }.to_owned()));
        };
        if let Some(key) = table.keys().find(|key| !keys.contains(&key.as_str())) {
            return Err(Fault::Placed(self.unknown(key, keys)));
        }
        let at = self.clone();
        self.deserialize_any(visitor).map_err(|fault| match fault {
            Fault::Missing(key) => {
                let remedy = REMEDIES.iter().find(|(section, field, _)| (*section, *field) == (name, key));
                let remedy = remedy.map(|(_, _, remedy)| (*remedy).to_owned()).or_else(|| at.words_of(key));
                Fault::Placed(at.missing(key, remedy.unwrap_or_else(|| "add it".to_owned())))
            }
            other => other,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let word = self.word().ok_or(Fault::Choice(words))?;
        visitor.visit_enum(StrDeserializer::<Fault>::new(&word))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}

/// The items of a list.
struct Items<'l, 'de, I> {
    list: &'l At<'de>,
    items: I,
}

impl<'de, I: Iterator<Item = (usize, &'de Node)>> SeqAccess<'de> for Items<'_, 'de, I> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((number, node)) = self.items.next() else { return Ok(None) };
        let item = self.list.item(number, node);
        seed.deserialize(item.clone()).map(Some).map_err(|fault| Fault::Placed(item.place(fault)))
    }
}

/// The keys of a table with their values.
struct Members<'l, 'de, I> {
    table: &'l At<'de>,
    members: I,
    value: Option<At<'de>>,
}

impl<'de, I: Iterator<Item = (&'de String, &'de Node)>> MapAccess<'de> for Members<'_, 'de, I> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.members.next() else { return Ok(None) };
        self.value = Some(self.table.child(key, node));
        seed.deserialize(StrDeserializer::new(key)).map(Some).map_err(|fault| match fault {
            Fault::Choice(words) => Fault::Placed(self.table.unknown(key, words)),
            other => other,
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.value.take().ok_or_else(|| Fault::custom("a value without its key"))?;
        seed.deserialize(value.clone()).map_err(|fault| Fault::Placed(value.place(fault)))
    }
}
