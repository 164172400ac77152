//! A JSON object as it was written: keys in their order, values letter by letter.
//!
//! A request that is passed on must not change on its way: models read tools and schemas in the order in which they stand,
//! and answer in it. So values are kept as text; only the members that a call sets are replaced where they stand, or
//! appended.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(Vec<(String, String)>);

impl Body {
    /// Reads an object.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let Members(members) = serde_json::from_str(text)?;
        Ok(Self(members.into_iter().map(|(key, value)| (key.into_owned(), value.to_owned())).collect()))
    }

    /// An object of one member, whose value is JSON.
    #[must_use]
    pub fn of(key: &str, value: String) -> Self {
        Self(vec![(key.to_owned(), value)])
    }

    /// A member's value as it is written; of several with one name the last, as those who read it do.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The same to be changed.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut String> {
        self.0.iter_mut().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Gives a member a value, which is JSON: where it stands, or at the end.
    pub fn set(&mut self, key: &str, value: String) {
        self.replace(&[key], key, value);
    }

    /// Puts a member where the first of `names` stands, or at the end; none of `names` is left beside it.
    pub fn replace(&mut self, names: &[&str], key: &str, value: String) {
        let is_old = |name: &str| name == key || names.contains(&name);
        let place = self.0.iter().position(|(name, _)| is_old(name)).unwrap_or(self.0.len());
        self.0.retain(|(name, _)| !is_old(name));
        self.0.insert(place, (key.to_owned(), value));
    }

    /// Takes a member away.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// The object as it is sent.
    #[must_use]
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let size: usize = self.0.iter().map(|(key, value)| key.len() + value.len() + 4).sum();
        let mut bytes = Vec::with_capacity(size + 2);
        for (place, (key, value)) in self.0.iter().enumerate() {
            bytes.push(if place == 0 { b'{' } else { b',' });
            bytes.extend_from_slice(json_text(key).as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value.as_bytes());
        }
        if self.0.is_empty() {
            bytes.push(b'{');
        }
        bytes.push(b'}');
        bytes
    }
}

/// A text as JSON writes it.
#[must_use]
pub(crate) fn json_text(text: &str) -> String {
    // A text is always JSON.
    serde_json::to_string(text).unwrap_or_default()
}

/// The members of an object, in their order, as slices of the text they were read from.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// The last member of this name.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((Cow::Owned(key), value.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn sent(body: &Body) -> String {
        String::from_utf8(body.to_bytes()).expect("text")
    }

    #[test]
    fn what_is_passed_on_stays_letter_by_letter() {
        for text in [
            "{}",
            r#"{"z":1,"a":2,"m":{"z":1,"a":[{"y":1,"b":2}]}}"#,
            r#"{"temperature":1.0,"top_p":1e0,"seed":123456789012345678901234567890,"x":-0.0,"y":1E+2}"#,
            r#"{"a":"\u00e9 \/ é \ud83d\ude00","b":null}"#,
            r#"{"a":1,"b":2,"a":3}"#,
            r#"{"schema":{"b": 1 , "a":	2}}"#,
        ] {
            assert_eq!(sent(&Body::parse(text).expect(text)), text);
        }
        assert!(Body::parse("[1]").is_err() && Body::parse("{\"a\":}").is_err() && Body::parse("{} x").is_err());
    }

    #[test]
    fn what_a_call_sets_takes_the_place_of_the_old() {
        let text = r#"{"max_tokens":9,"tools":[1.0],"model":"x","max_completion_tokens":8,"stream":true,"model":"y"}"#;
        let mut body = Body::parse(text).expect("an object");
        assert_eq!(body.get("model"), Some("\"y\""));
        body.set("model", json_text("m \"1\""));
        body.replace(&["max_tokens", "max_completion_tokens"], "max_completion_tokens", "7".to_owned());
        body.set("store", "false".to_owned());
        body.remove("stream");
        assert_eq!(sent(&body), r#"{"max_completion_tokens":7,"tools":[1.0],"model":"m \"1\"","store":false}"#);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_object_in_any_order_comes_out_in_it(members in prop::collection::vec((".{0,6}", json()), 0..8)) {
            let written: Vec<String> =
                members.iter().map(|(key, value)| format!("{}:{value}", json_text(key))).collect();
            let text = format!("{{{}}}", written.join(","));
            let mut body = Body::parse(&text).expect("an object");
            prop_assert_eq!(sent(&body), text);
            body.set("model", "1".to_owned());
            let after: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
            prop_assert_eq!(&after["model"], &Value::from(1));
            for (key, value) in members.iter().rev().filter(|(key, _)| key != "model") {
                let last = members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value);
                prop_assert!(last != Some(value) || &after[key.as_str()] == value);
            }
        }
    }
}
