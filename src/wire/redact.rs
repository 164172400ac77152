//! Takes secrets out of what servers say: some repeat the key that they refuse, whole or in part, in any encoding.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands where a secret stood.
pub(crate) const HIDDEN: &str = "***";

/// A secret shorter than this is hidden only where it is a word of its own: it may be part of any other word.
const SHORT: usize = 4;
/// The beginning of a secret is hidden too if it has this length and a quarter of the whole.
const BEGINNING: usize = 8;

/// With these begins a letter that is not written as itself.
const CODED: [u8; 4] = [b'%', b'\\', b'&', b'+'];

/// Hides secrets in texts, in whatever spelling they come: any case, base64, hexadecimal, percent-encoded, with the
/// escapes of JSON or HTML.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    forms: Vec<Vec<u8>>,
    beginnings: Option<Box<Beginnings>>,
}

impl Redactor {
    /// Hides these secrets.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<Vec<u8>> = secrets.into_iter().filter(|secret| !secret.is_empty()).flat_map(forms).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        let beginnings = (!forms.is_empty()).then(|| Box::new(Beginnings::of(&forms)));
        Self { forms, beginnings }
    }

    /// The text without the secrets.
    #[must_use]
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(beginnings) = &self.beginnings else { return Cow::Borrowed(text) };
        let bytes = text.as_bytes();
        let (mut shown, mut from, mut at) = (String::new(), 0, 0);
        while at < bytes.len() {
            let may = beginnings.may_be(bytes[at], bytes.get(at + 1).copied().unwrap_or(0));
            let found = if may { self.length_at(bytes, at) } else { None };
            let Some(length) = found else {
                at += 1;
                continue;
            };
            shown.push_str(&text[from..at]);
            shown.push_str(HIDDEN);
            at += length;
            from = at;
        }
        if from == 0 { Cow::Borrowed(text) } else { Cow::Owned(shown + &text[from..]) }
    }

    /// The longest secret that stands here.
    fn length_at(&self, text: &[u8], at: usize) -> Option<usize> {
        let found = self.forms.iter().filter_map(|form| form_at(text, at, form));
        found.max()
    }
}

/// The forms in which a secret is looked for; how their letters are spelled is another matter.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.as_bytes().to_vec()];
    if secret.len() >= SHORT {
        forms.push(hex.into_bytes());
        forms.extend((0..3).flat_map(|before| base64_within(secret, before)));
    }
    forms
}

/// What a secret looks like inside the base64 of a longer text, with `before` bytes too many in front: the letters that
/// depend on the secret alone.
fn base64_within(secret: &str, before: usize) -> [Vec<u8>; 2] {
    let text: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
    let own = (before * 8).div_ceil(6)..text.len() * 8 / 6;
    [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)].map(|coded| coded.as_bytes()[own.clone()].to_vec())
}

/// Which two letters a secret may begin with, as a small filter: every name that a server gives a call passes it.
#[derive(Clone)]
struct Beginnings([u64; 16]);

impl Beginnings {
    fn of(forms: &[Vec<u8>]) -> Self {
        let mut pairs = Self([0; 16]);
        let any = |second: u8| CODED.into_iter().chain([second]);
        for form in forms {
            match form[..] {
                [first] => (0..=u8::MAX).for_each(|second| pairs.add(first, second)),
                [first, second, ..] => any(second).for_each(|second| pairs.add(first, second)),
                [] => {}
            }
        }
        pairs
    }

    /// The place of a pair; letters that differ in their case have one place.
    fn place(first: u8, second: u8) -> (usize, u32) {
        let hash = usize::from(first | 0x20) * 37 + usize::from(second | 0x20);
        (hash / 64 % 16, hash as u32 % 64)
    }

    fn add(&mut self, first: u8, second: u8) {
        let (word, bit) = Self::place(first, second);
        self.0[word] |= 1 << bit;
    }

    /// Whether a secret may begin so; a letter that is coded may be any.
    fn may_be(&self, first: u8, second: u8) -> bool {
        let (word, bit) = Self::place(first, second);
        self.0[word] >> bit & 1 == 1 || CODED.contains(&first)
    }
}

/// How long the form is that stands here, or enough of its beginning.
fn form_at(text: &[u8], at: usize, form: &[u8]) -> Option<usize> {
    if !may_begin(&text[at..], form) {
        return None;
    }
    let enough = if form.len() < BEGINNING { form.len() } else { BEGINNING.max(form.len() / 4) };
    let spelled = |spell: fn(&[u8], u8) -> Option<usize>| {
        let (mut letters, mut end) = (0, at);
        while let Some(length) = form.get(letters).and_then(|letter| spell(&text[end..], *letter)) {
            letters += 1;
            end += length;
        }
        (letters >= enough && (form.len() >= SHORT || stands_alone(text, at, end))).then_some(end - at)
    };
    spelled(coded).max(spelled(plain))
}

/// Whether the first two letters are those of the form, or coded: nearly everywhere they are not.
fn may_begin(text: &[u8], form: &[u8]) -> bool {
    let may_be = |place: usize| match (text.get(place), form.get(place)) {
        (Some(letter), Some(own)) => letter.eq_ignore_ascii_case(own) || CODED.contains(letter),
        (None, _) | (_, None) => true,
    };
    may_be(0) && (may_be(1) || CODED.contains(&text[0]))
}

fn stands_alone(text: &[u8], from: usize, until: usize) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !is_word(from.checked_sub(1).and_then(|before| text.get(before))) && !is_word(text.get(until))
}

/// How long the letter is here, as itself.
fn plain(text: &[u8], letter: u8) -> Option<usize> {
    text.first().filter(|first| first.eq_ignore_ascii_case(&letter)).map(|_| 1)
}

/// How long the letter is here, in any encoding of a single letter.
fn coded(text: &[u8], letter: u8) -> Option<usize> {
    let escaped = match text.first()? {
        b'%' => hex_after(text, &[b"%25", b"%"], letter),
        b'\\' => hex_after(text, &[b"\\u00", b"\\x"], letter)
            .or_else(|| (text.get(1) == Some(&letter) && !letter.is_ascii_alphanumeric()).then_some(2)),
        b'&' => entity(text, letter),
        b'+' if letter == b' ' => Some(1),
        _ => None,
    };
    escaped.or_else(|| plain(text, letter))
}

fn hex_after(text: &[u8], marks: &[&[u8]], letter: u8) -> Option<usize> {
    marks.iter().find_map(|mark| {
        let digits = text.strip_prefix(*mark)?.get(..2)?;
        let value = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        value.eq_ignore_ascii_case(&letter).then_some(mark.len() + 2)
    })
}

/// `&amp;`, `&#43;` or `&#x2b;`.
fn entity(text: &[u8], letter: u8) -> Option<usize> {
    const NAMED: [(&str, u8); 5] = [("amp", b'&'), ("lt", b'<'), ("gt", b'>'), ("quot", b'"'), ("apos", b'\'')];
    let end = text.iter().take(8).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let number = || match name.strip_prefix('#')? {
        hex if hex.starts_with(['x', 'X']) => u8::from_str_radix(&hex[1..], 16).ok(),
        decimal => decimal.parse().ok(),
    };
    let value = NAMED.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).or_else(number)?;
    value.eq_ignore_ascii_case(&letter).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    fn percent(text: &str, all: bool, upper: bool) -> String {
        let coded = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        let one = |byte: u8| {
            if all || !byte.is_ascii_alphanumeric() { coded(byte) } else { char::from(byte).to_string() }
        };
        text.bytes().map(one).collect()
    }

    /// Every spelling in which a server or a proxy may repeat a key.
    fn spellings(key: &str) -> Vec<(&'static str, String)> {
        let once = percent(key, false, true);
        vec![
            ("itself", key.to_owned()),
            ("upper case", key.to_ascii_uppercase()),
            ("lower case", key.to_ascii_lowercase()),
            ("percent", once.clone()),
            ("percent, small digits", percent(key, false, false)),
            ("percent, every letter", percent(key, true, true)),
            ("percent twice", once.replace('%', "%25")),
            ("JSON", key.bytes().map(|byte| format!("\\u{byte:04x}")).collect()),
            ("a string's escapes", key.bytes().map(|byte| format!("\\x{byte:02X}")).collect()),
            ("escaped slashes", key.replace('/', "\\/")),
            ("HTML", key.replace('&', "&amp;").replace('<', "&lt;").replace('+', "&#43;").replace('/', "&#x2F;")),
            ("hexadecimal", key.bytes().map(|byte| format!("{byte:02x}")).collect()),
            ("base64", STANDARD.encode(key)),
            ("base64 for addresses", URL_SAFE.encode(key)),
            ("base64 of a header", STANDARD.encode(format!("Bearer {key}"))),
            ("base64 of a login", STANDARD.encode(format!("api:{key}"))),
            ("base64 of another login", STANDARD.encode(format!("key:{key}:x"))),
            ("base64 in an address", percent(&STANDARD.encode(key), false, true)),
            ("its first half", key[..key.len() / 2].to_owned()),
        ]
    }

    #[test]
    fn a_secret_is_hidden_in_every_spelling() {
        for key in ["sk-proj-A+b/C=d&e<f 9%41z-0123456789", "0123456789abcdef0123456789ABCDEF", "geheim/geheim+wort"] {
            let redactor = Redactor::of([key]);
            for (word, spelled) in spellings(key) {
                let text = format!("wrong key '{spelled}', given");
                let shown = redactor.hide(&text);
                assert!(shown.contains(HIDDEN) && !shown.contains(&spelled), "{word} of {key}: {shown}");
                assert!(shown.starts_with("wrong key '") && shown.ends_with("given"), "{word}: {shown}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let redactor = Redactor::of(["abcd-secret-key-1234", "x", ""]);
        for text in ["Incorrect API key provided: abcd***1234", "exactly six boxes", "50% off & more \\ and + %", ""] {
            assert!(matches!(redactor.hide(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(redactor.hide("key x, key=x."), "key ***, key=***.");
        assert_eq!(Redactor::default().hide("x"), "x");
    }

    #[test]
    fn the_longest_of_several_secrets_is_hidden() {
        let redactor = Redactor::of(["secret-of-one", "secret-of-one-and-two"]);
        assert_eq!(redactor.hide("secret-of-one-and-two/secret-of-one"), "***/***");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_and_nothing_breaks(key in "[!-~]{4,40}", before in ".{0,30}", after in ".{0,30}") {
            let redactor = Redactor::of([key.as_str()]);
            let shown = redactor.hide(&format!("{before}{key}{after}")).into_owned();
            prop_assert!(!shown.contains(&key) || HIDDEN.contains(&key), "{}", shown);
        }

        #[test]
        fn base64_hides_at_every_place(key in "[a-zA-Z0-9]{12,40}", before in "[a-z:]{0,7}", after in "[a-z:]{0,7}") {
            let coded = STANDARD.encode(format!("{before}{key}{after}"));
            prop_assert!(Redactor::of([key.as_str()]).hide(&coded).contains(HIDDEN));
        }
    }
}
