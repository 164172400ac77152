//! Fields that the interface does not have, refused as the services do.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::error::ApiError;
use crate::model::prompt::Str;

/// Refuses the first field of `body` that is not among `fields`.
pub(crate) fn check(body: &[u8], fields: &[&str]) -> Result<(), ApiError> {
    match Fields(fields).deserialize(&mut serde_json::Deserializer::from_slice(body)) {
        Ok(Some(unknown)) => Err(ApiError::Unrecognized(unknown)),
        // What is not JSON was refused before.
        Ok(None) | Err(_) => Ok(()),
    }
}

struct Fields<'f>(&'f [&'f str]);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut unknown = None;
        while let Some(Str(key)) = map.next_key()? {
            if unknown.is_none() && !self.0.contains(&&*key) {
                unknown = Some(key.into_owned());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unknown_field_is_named() {
        assert_eq!(check(br#"{"a":1,"b":{"zz":2}}"#, &["a", "b"]), Ok(()));
        assert_eq!(check(br#"{"a":1,"y":2,"z":3}"#, &["a"]), Err(ApiError::Unrecognized("y".to_owned())));
    }
}
