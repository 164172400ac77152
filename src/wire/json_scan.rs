//! Reads JSON in place: what is wanted is looked at where it lies, the rest is checked and passed over.
//!
//! Called for every event of every stream, so nothing is copied and nothing allocated. It accepts the grammar of RFC
//! 8259 and nothing else; texts are looked at with their escapes, so a member whose name is written with escapes is not
//! found. What is rare (token counts, errors) is handed on to serde as the bytes of its value.

use crate::limits::Limit;

const DEPTH: u8 = Limit::JsonDepth.most() as u8;

/// The data of an event is not the JSON that the API promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is not the JSON that the API promises")]
pub struct BadEvent;

/// A place in a JSON text.
pub(crate) struct JsonScan<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> JsonScan<'a> {
    /// The beginning of a text.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, depth: 0 }
    }

    /// Reads an object. `each` is told every name and has to read or to skip the value behind it.
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a [u8]) -> Result<(), BadEvent>,
    ) -> Result<(), BadEvent> {
        self.enter(b'{')?;
        if !self.next_is(b'}') {
            loop {
                let name = self.name()?;
                each(self, name)?;
                if !self.next_is(b',') {
                    break;
                }
            }
            self.expect(b'}')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array. `each` has to read or to skip one element.
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), BadEvent>) -> Result<(), BadEvent> {
        self.enter(b'[')?;
        if !self.next_is(b']') {
            loop {
                each(self)?;
                if !self.next_is(b',') {
                    break;
                }
            }
            self.expect(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads the name of a member and the colon behind it.
    fn name(&mut self) -> Result<&'a [u8], BadEvent> {
        let name = self.text()?;
        match self.rest {
            [b':', rest @ ..] => self.rest = rest,
            _ => self.expect(b':')?,
        }
        Ok(name)
    }

    /// Reads a text; its bytes as they stand between the quotes.
    pub(crate) fn text(&mut self) -> Result<&'a [u8], BadEvent> {
        self.expect(b'"')?;
        let text = self.rest;
        // Most are short and plain.
        let end = plain(text);
        if let Some((text, [b'"', rest @ ..])) = text.split_at_checked(end) {
            self.rest = rest;
            return Ok(text);
        }
        self.rest = &text[end..];
        self.escaped_text(text)
    }

    #[cold]
    fn escaped_text(&mut self, text: &'a [u8]) -> Result<&'a [u8], BadEvent> {
        loop {
            let (found, after) = self.rest.split_first().ok_or(BadEvent)?;
            self.rest = after;
            match found {
                b'"' => return Ok(&text[..text.len() - after.len() - 1]),
                b'\\' => self.escape()?,
                _ => return Err(BadEvent),
            }
            self.rest = &self.rest[plain(self.rest)..];
        }
    }

    /// Passes over any value; its bytes.
    pub(crate) fn skip(&mut self) -> Result<&'a [u8], BadEvent> {
        self.space();
        let from = self.rest;
        match from.first() {
            Some(b'"') => self.text().map(drop)?,
            Some(b'{') => self.object(|value, _| value.skip().map(drop))?,
            Some(b'[') => self.array(|value| value.skip().map(drop))?,
            Some(b'n') => self.word(b"null")?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            _ => self.number()?,
        }
        Ok(&from[..from.len() - self.rest.len()])
    }

    /// Passes over any value; whether it carries something to read: a text that is not empty, anywhere in it but in the
    /// members that only label what they stand beside.
    pub(crate) fn carries(&mut self) -> Result<bool, BadEvent> {
        const LABELS: [&[u8]; 7] = [b"type", b"id", b"index", b"role", b"format", b"signature", b"call_id"];
        let mut any = false;
        match self.peek() {
            Some(b'"') => any = !self.text()?.is_empty(),
            Some(b'[') => self.array(|value| value.carries().map(|yes| any |= yes))?,
            Some(b'{') => self.object(|value, name| {
                any |= value.carries()? && !LABELS.contains(&name);
                Ok(())
            })?,
            _ => self.skip().map(drop)?,
        }
        Ok(any)
    }

    /// The first byte of the value here.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.rest.first().copied()
    }

    /// Passes over any value; its bytes, if it holds something.
    pub(crate) fn filled(&mut self) -> Result<Option<&'a [u8]>, BadEvent> {
        let value = self.skip()?;
        Ok(is_filled(value).then_some(value))
    }

    /// Passes over any value; its bytes, unless it is null.
    pub(crate) fn maybe(&mut self) -> Result<Option<&'a [u8]>, BadEvent> {
        let value = self.skip()?;
        Ok((value != b"null").then_some(value))
    }

    /// Whether the value here is null, which is then passed over.
    pub(crate) fn null(&mut self) -> bool {
        self.space();
        self.word(b"null").is_ok()
    }

    /// The text ends here.
    pub(crate) fn end(&mut self) -> Result<(), BadEvent> {
        self.space();
        if self.rest.is_empty() { Ok(()) } else { Err(BadEvent) }
    }

    fn enter(&mut self, byte: u8) -> Result<(), BadEvent> {
        self.expect(byte)?;
        self.depth += 1;
        if self.depth > DEPTH { Err(BadEvent) } else { Ok(()) }
    }

    fn expect(&mut self, byte: u8) -> Result<(), BadEvent> {
        if self.next_is(byte) { Ok(()) } else { Err(BadEvent) }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn space(&mut self) {
        // Servers write without spaces.
        if self.rest.first().is_some_and(|first| *first <= b' ') {
            self.long_space();
        }
    }

    #[cold]
    fn long_space(&mut self) {
        while let [first, rest @ ..] = self.rest
            && is_space(*first)
        {
            self.rest = rest;
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), BadEvent> {
        self.rest = self.rest.strip_prefix(word).ok_or(BadEvent)?;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), BadEvent> {
        match self.rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => self.rest = rest,
            [b'u', a, b, c, d, rest @ ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => {
                self.rest = rest;
            }
            _ => return Err(BadEvent),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), BadEvent> {
        self.rest = self.rest.strip_prefix(b"-").unwrap_or(self.rest);
        match self.rest {
            [b'0', rest @ ..] => self.rest = rest,
            _ => self.digits()?,
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                _ => rest,
            };
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), BadEvent> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[count..];
        if count > 0 { Ok(()) } else { Err(BadEvent) }
    }
}

/// Whether a value holds something: a text that is not empty, an array or object with members, true, or a number that
/// is not nought, with which some say that there was no error.
fn is_filled(value: &[u8]) -> bool {
    match value {
        b"null" | b"false" | b"\"\"" | b"0" => false,
        [b'{' | b'[', inner @ .., _] => inner.iter().any(|byte| !is_space(*byte)),
        _ => true,
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How many bytes from the beginning are neither a quote, nor a backslash, nor a control character. Eight are looked at
/// together.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        // With one bit turned the quote, 0x22, follows the control characters, which stay below 0x20: one comparison
        // finds both. A borrow can mark bytes behind the first that is really meant, never before it.
        let turned = word ^ (ONES * 0x02);
        let quote_or_control = turned.wrapping_sub(ONES * 0x21) & !turned & HIGH;
        let found = quote_or_control | is_zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
    at + tail.unwrap_or(bytes.len() - at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;

    fn accepts(text: &[u8]) -> bool {
        let mut scan = JsonScan::new(text);
        scan.skip().is_ok() && scan.end().is_ok()
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}|[\"\\\\\n\t\u{1}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[a-z\"é]{0,9}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Another reading of the grammar says the same, of JSON and of what is nearly JSON.
        #[test]
        fn accepts_what_serde_accepts(
            value in value(), pretty in any::<bool>(), at in any::<prop::sample::Index>(),
            new in proptest::option::of("[ \\[\\]{}:,\"\\\\0-9eE+.ntfu-]{0,2}"), cut in 0..3usize,
        ) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let mut text = text.expect("a text");
            if let Some(new) = new {
                let mut at = at.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                let mut until = (at + cut).min(text.len());
                while !text.is_char_boundary(until) {
                    until += 1;
                }
                text.replace_range(at..until, &new);
            }
            let serde = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(accepts(text.as_bytes()), serde, "{}", text);
        }

        #[test]
        fn finds_the_first_byte_that_is_not_plain(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)).unwrap_or(bytes.len());
            prop_assert_eq!(plain(&bytes), slow);
        }
    }

    #[test]
    fn tells_what_holds_something() {
        let table = [
            ("null", false),
            ("false", false),
            ("true", true),
            ("\"\"", false),
            ("\"a\"", true),
            ("[ ]", false),
            ("[null]", true),
            ("{}", false),
            (r#"{"a":0}"#, true),
            ("0", false),
            ("1", true),
        ];
        for (text, filled) in table {
            assert_eq!(JsonScan::new(text.as_bytes()).filled().map(|value| value.is_some()), Ok(filled), "{text}");
        }
    }

    #[test]
    fn tells_what_carries_something_to_read() {
        let table = [
            ("null", false),
            ("7", false),
            ("true", false),
            ("\"\"", false),
            ("\" \"", true),
            ("[]", false),
            ("[null,{}]", false),
            (r#"[{"index":0,"id":"call_1","type":"function","function":{"name":null,"arguments":""}}]"#, false),
            (r#"[{"index":0,"function":{"arguments":"{"}}]"#, true),
            (r#"[{"id":"call_1","function":{"name":"f","arguments":""}}]"#, true),
            (r#"[{"type":"thinking","thinking":[{"type":"text","text":""}]}]"#, false),
            (r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],"signature":""}]"#, true),
            (r#"{"type":"thinking","signature":"abc"}"#, false),
        ];
        for (text, carries) in table {
            let mut scan = JsonScan::new(text.as_bytes());
            assert_eq!((scan.carries(), scan.end()), (Ok(carries), Ok(())), "{text}");
        }
    }

    #[test]
    fn the_deepest_nesting_is_refused_and_costs_nothing() {
        let deep = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(accepts(&deep(128)) && !accepts(&deep(129)) && !accepts(&vec![b'['; 1 << 20]));
    }
}
