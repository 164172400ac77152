//! The parameters of a request's body: read once, and held against those that an interface has.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::ApiError;
use crate::model::prompt::Str;

/// One parameter of an interface.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// What it may be, besides null.
    pub(crate) kinds: &'static [Kind],
}

/// What a parameter may be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Boolean,
    /// From the first to the second.
    Integer(i64, i64),
    /// The same.
    Number(f64, f64),
    /// Of at most so many characters.
    Text(usize),
    /// One of these.
    Word(&'static [&'static str]),
    /// Of so many items, from the first to the second.
    List(usize, usize),
    /// With these members, or with any if there are none.
    Object(&'static [Parameter]),
}

/// How an interface refuses a parameter that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// As chat completions and the older interfaces do.
    Unrecognized,
    /// As the Responses API does.
    Parameter,
    /// Not at all.
    Accepted,
}

/// The members of an object, as they stand there.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some((Str(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

impl<'a> Members<'a> {
    /// The value of this name, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// Holds them against those of an interface; `place` stands before the name of each.
    ///
    /// # Errors
    /// The first that the interface does not have, has in another kind, or misses.
    pub(crate) fn check<'p>(
        &self,
        place: &str,
        mut known: impl Iterator<Item = &'p Parameter> + Clone,
        unknown: Unknown,
    ) -> Result<(), ApiError> {
        for (name, value) in &self.0 {
            let param = format!("{place}{name}");
            match known.clone().find(|parameter| parameter.name == name) {
                Some(parameter) if value.get() != "null" => parameter.check(&param, value, unknown)?,
                Some(_) => {}
                None if unknown == Unknown::Accepted => {}
                None if unknown == Unknown::Unrecognized && place.is_empty() => {
                    return Err(ApiError::invalid(format!("Unrecognized request argument supplied: {name}"), None));
                }
                None => {
                    let message = format!("Unknown parameter: '{param}'.");
                    return Err(ApiError::coded("unknown_parameter", message, &param));
                }
            }
        }
        match known.find(|parameter| parameter.required && self.get(parameter.name).is_none()) {
            Some(parameter) => Err(ApiError::missing(&format!("{place}{}", parameter.name))),
            None => Ok(()),
        }
    }
}

impl Parameter {
    /// The same, which must be there.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn check(&self, param: &str, value: &RawValue, unknown: Unknown) -> Result<(), ApiError> {
        let found = Found::of(value.get());
        match self.kinds.iter().find(|kind| found.is(**kind)) {
            Some(kind) => kind.check(param, value, unknown),
            None => {
                let (some, got) = (self.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>(), found.name());
                let expected =
                    if let [one] = some[..] { one.to_owned() } else { format!("one of {}", some.join(" or ")) };
                let message = format!("Invalid type for '{param}': expected {expected}, but got {got} instead.");
                Err(ApiError::coded("invalid_type", message, param))
            }
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Integer(..) => "an integer",
            Self::Number(..) => "a decimal",
            Self::Text(_) | Self::Word(_) => "a string",
            Self::List(..) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Whether a value of this kind is within its bounds.
    fn check(self, param: &str, value: &RawValue, unknown: Unknown) -> Result<(), ApiError> {
        let text = value.get();
        match self {
            Self::Boolean => Ok(()),
            // Beyond 64 bits it is beyond every bound too.
            Self::Integer(low, high) => within(param, "integer", text, (low as f64, high as f64)),
            Self::Number(low, high) => within(param, "decimal", text, (low, high)),
            Self::Text(most) if text.len() <= most => Ok(()),
            Self::Text(most) => {
                let length = read::<Str<'_>>(text).map_or(0, |Str(text)| text.chars().count());
                long(param, ("string", "string_above_max_length", "a string"), length, most)
            }
            Self::Word(words) => match read::<Str<'_>>(text) {
                Some(Str(word)) if !words.contains(&&*word) => Err(ApiError::no_such_word(&word, words, param)),
                _ => Ok(()),
            },
            Self::List(0, usize::MAX) => Ok(()),
            Self::List(least, most) => {
                let length = read::<Vec<IgnoredAny>>(text).map_or(0, |items| items.len());
                if length < least {
                    let message = format!(
                        "Invalid '{param}': empty array. Expected an array with minimum length {least}, but got an \
                         empty array instead."
                    );
                    return Err(ApiError::coded("empty_array", message, param));
                }
                long(param, ("array", "array_above_max_length", "an array"), length, most)
            }
            Self::Object(&[]) => Ok(()),
            Self::Object(members) => match read::<Members<'_>>(text) {
                Some(found) => found.check(&format!("{param}."), members.iter(), unknown),
                None => Ok(()),
            },
        }
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn within(param: &str, what: &str, text: &str, (low, high): (f64, f64)) -> Result<(), ApiError> {
    let value: f64 = text.parse().unwrap_or(f64::INFINITY);
    let refuse = |code, way, sign, bound| {
        let message =
            format!("Invalid '{param}': {what} {way} value. Expected a value {sign} {bound}, but got {text} instead.");
        Err(ApiError::coded(code, message, param))
    };
    let integer = what == "integer";
    if value < low {
        let code = if integer { "integer_below_min_value" } else { "decimal_below_min_value" };
        return refuse(code, "below minimum", ">=", low);
    }
    if value > high {
        let code = if integer { "integer_above_max_value" } else { "decimal_above_max_value" };
        return refuse(code, "above maximum", "<=", high);
    }
    Ok(())
}

fn long(
    param: &str,
    (what, code, article): (&str, &'static str, &str),
    length: usize,
    most: usize,
) -> Result<(), ApiError> {
    if length <= most {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': {what} too long. Expected {article} with maximum length {most}, but got {article} with \
         length {length} instead."
    );
    Err(ApiError::coded(code, message, param))
}

/// What a value is, as its first characters tell.
#[derive(Clone, Copy)]
enum Found {
    Null,
    Boolean,
    Integer,
    Decimal,
    Text,
    List,
    Object,
}

impl Found {
    fn of(text: &str) -> Self {
        match text.bytes().next() {
            Some(b'"') => Self::Text,
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') | None => Self::Null,
            Some(_) if text.contains(['.', 'e', 'E']) => Self::Decimal,
            Some(_) => Self::Integer,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Decimal => "a decimal",
            Self::Text => "a string",
            Self::List => "an array",
            Self::Object => "an object",
        }
    }

    fn is(self, kind: Kind) -> bool {
        match kind {
            Kind::Number(..) => matches!(self, Self::Integer | Self::Decimal),
            Kind::Boolean | Kind::Integer(..) | Kind::Text(_) | Kind::Word(_) | Kind::List(..) | Kind::Object(_) => {
                self.name() == kind.name()
            }
        }
    }
}
