//! Finds secrets in texts: some servers repeat the key that they refuse, whole or in part, in any encoding.
//!
//! A secret is cut into windows of eight letters, as it is written and as base64 and hexadecimal digits hold it. A text is
//! looked through as it stands and with its escapes undone, layer by layer: what is covered by a window is hidden.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::wire::secret_index::{PART, SecretIndex, folded};

/// What stands where a secret stood.
const HIDDEN: &str = "***";
/// A secret shorter than this is hidden only where it is a word of its own: it may be part of any other word.
const SHORT: usize = 4;
/// In how many ways encodings are undone, one around the other.
const VIEWS: usize = 24;

/// Secrets, in every form in which they are looked for.
#[derive(Default)]
pub(super) struct Secrets(SecretIndex);

impl Secrets {
    /// Hides one more. One that is added several times is hidden until it is removed as often.
    pub(super) fn add(&self, secret: &str) {
        self.0.add(&forms(secret).collect::<Vec<_>>());
    }

    /// Hides one no longer. What it has in common with others stays hidden.
    pub(super) fn remove(&self, secret: &str) {
        self.0.remove(&forms(secret).collect::<Vec<_>>());
    }

    /// The text without the secrets; `None` where it has none.
    pub(super) fn hide(&self, text: &str) -> Option<String> {
        if !self.may_stand_in(text.as_bytes()) {
            return None;
        }
        let mut hidden = vec![false; text.len()];
        let mut views = VecDeque::from([View::of(text)]);
        for _ in 0..VIEWS {
            let Some(view) = views.pop_front() else { break };
            self.mark(&view, &mut hidden);
            views.extend(CODED.iter().filter_map(|begin| view.decoded(*begin)));
        }
        hidden.contains(&true).then(|| without(text, &hidden))
    }

    fn may_stand_in(&self, text: &[u8]) -> bool {
        self.0.may_stand_in(text, |byte| CODED.contains(byte) || byte.is_ascii_whitespace())
    }

    /// How much is kept of them: different parts, the room for these, and marked grams.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize, u32) {
        let (room, grams) = self.0.room();
        (self.0.size(), room, grams)
    }

    fn mark(&self, view: &View, hidden: &mut [bool]) {
        let all: Vec<usize> = (0..view.bytes.len()).collect();
        self.mark_parts(view, &all, hidden);
        // A secret may be wrapped over lines.
        let dense: Vec<usize> = all.into_iter().filter(|at| !view.bytes[*at].is_ascii_whitespace()).collect();
        if dense.len() < view.bytes.len() {
            self.mark_parts(view, &dense, hidden);
        }
        self.0.for_each_short(|form| {
            for (at, letters) in view.bytes.windows(form.len()).enumerate() {
                let is_here = letters.iter().zip(form).all(|(letter, own)| folded(*letter) == *own);
                if is_here && (form.len() >= SHORT || view.stands_alone(at, at + form.len())) {
                    view.mark(at, at + form.len() - 1, hidden);
                }
            }
        });
    }

    /// Marks every part of a secret among the letters at these places.
    fn mark_parts(&self, view: &View, places: &[usize], hidden: &mut [bool]) {
        for places in places.windows(PART) {
            let part: [u8; PART] = std::array::from_fn(|letter| folded(view.bytes[places[letter]]));
            if self.0.has_part(&part) {
                view.mark(places[0], places[PART - 1], hidden);
            }
        }
    }
}

/// The forms in which a secret is looked for: as it is, with its spaces in other forms or left out, in hexadecimal
/// digits, and within base64.
fn forms(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let spaced = |space: &str| secret.replace(' ', space).bytes().map(folded).collect::<Vec<u8>>();
    let plain = [" ", "+", ""].into_iter().take(if secret.contains(' ') { 3 } else { 1 }).map(spaced);
    let hex = || secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
    let within = |text: &String| (0..3).map(|before| base64_within(text, before)).collect::<Vec<_>>();
    let coded = (secret.len() >= SHORT).then(|| within_forms(secret).iter().flat_map(within).chain([hex()]).collect());
    let coded: Vec<Vec<u8>> = coded.unwrap_or_default();
    plain.collect::<Vec<_>>().into_iter().chain(coded)
}

/// A secret as it stands in texts that base64 holds: as it is, and as forms have it, with digits of either case.
fn within_forms(secret: &str) -> Vec<String> {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let upper = utf8_percent_encode(secret, &KEPT).to_string();
    if upper == secret {
        return vec![upper];
    }
    let lower = utf8_percent_encode(secret, &KEPT).map(|piece| match piece.strip_prefix('%') {
        Some(digits) => format!("%{}", digits.to_ascii_lowercase()),
        None => piece.to_owned(),
    });
    let lower = lower.collect();
    vec![secret.to_owned(), upper, lower]
}

/// What a secret looks like inside the base64 of a longer text, with `before` bytes too many in front: the letters that
/// depend on the secret alone.
fn base64_within(secret: &str, before: usize) -> Vec<u8> {
    let text: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
    let own = (before * 8).div_ceil(6)..text.len() * 8 / 6;
    STANDARD_NO_PAD.encode(&text)[own].bytes().map(folded).collect()
}

/// A text with some of its encodings undone, and where each of its letters stands in the text itself.
struct View {
    bytes: Vec<u8>,
    spans: Vec<(usize, usize)>,
}

/// With these begins a letter that is not written as itself.
const CODED: [u8; 3] = [b'%', b'\\', b'&'];

impl View {
    fn of(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), spans: (0..text.len()).map(|at| (at, at + 1)).collect() }
    }

    /// With the encoding undone whose letters begin so; `None` if there are none.
    fn decoded(&self, begin: u8) -> Option<Self> {
        let mut next = Self { bytes: Vec::new(), spans: Vec::new() };
        let mut at = 0;
        while at < self.bytes.len() {
            let coded = letter(&self.bytes[at..]).filter(|_| self.bytes[at] == begin);
            let (byte, length) = coded.unwrap_or((self.bytes[at], 1));
            next.bytes.push(byte);
            next.spans.push((self.spans[at].0, self.spans[at + length - 1].1));
            at += length;
        }
        (next.bytes.len() < self.bytes.len()).then_some(next)
    }

    fn mark(&self, first: usize, last: usize, hidden: &mut [bool]) {
        hidden[self.spans[first].0..self.spans[last].1].fill(true);
    }

    fn stands_alone(&self, from: usize, until: usize) -> bool {
        let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        !is_word(from.checked_sub(1).and_then(|before| self.bytes.get(before))) && !is_word(self.bytes.get(until))
    }
}

/// The letter that is written here in an encoding of its own, and how long that is.
fn letter(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'%', digits @ ..] => hex(digits, 2).map(|byte| (byte, 3)),
        [b'\\', b'u', b'{', ..] => None,
        [b'\\', b'u', digits @ ..] => hex(digits, 4).map(|byte| (byte, 6)),
        [b'\\', b'x', digits @ ..] => hex(digits, 2).map(|byte| (byte, 4)),
        [b'\\', b'n' | b'r' | b't', ..] => Some((b' ', 2)),
        [b'\\', letter, ..] if letter.is_ascii_punctuation() => Some((*letter, 2)),
        [b'&', ..] => entity(text),
        _ => None,
    }
}

/// What so many hexadecimal digits stand for; a letter that no secret has, if that is more than ASCII.
fn hex(digits: &[u8], count: usize) -> Option<u8> {
    let digits = digits.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    let value = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some(u8::try_from(value).unwrap_or(u8::MAX))
}

/// `&amp;`, `&#43;` or `&#x2b;`.
fn entity(text: &[u8]) -> Option<(u8, usize)> {
    const NAMED: [(&str, u8); 5] = [("amp", b'&'), ("lt", b'<'), ("gt", b'>'), ("quot", b'"'), ("apos", b'\'')];
    let end = text.iter().take(10).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let number = || match name.strip_prefix('#')? {
        hex if hex.starts_with(['x', 'X']) => u8::from_str_radix(&hex[1..], 16).ok(),
        decimal => decimal.parse().ok(),
    };
    let value = NAMED.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).or_else(number)?;
    Some((value, end + 1))
}

/// The text with one mark for every stretch that is hidden. Secrets are ASCII, so stretches end between letters.
fn without(text: &str, hidden: &[bool]) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        match (hidden[at], at > 0 && hidden[at - 1]) {
            (false, _) => shown.push(letter),
            (true, false) => shown.push_str(HIDDEN),
            (true, true) => {}
        }
    }
    shown
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

    /// As forms have it: letters, digits and `-._~` are written as themselves.
    fn form(text: &str, upper: bool) -> String {
        let one = |letter: char| {
            let kept = letter.is_ascii_alphanumeric() || "-._~".contains(letter);
            if kept { letter.to_string() } else { percent(&letter.to_string(), true, upper) }
        };
        text.chars().map(one).collect()
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
            ("escaped slashes", key.replace('\\', "\\\\").replace('/', "\\/")),
            ("HTML", key.replace('&', "&amp;").replace('<', "&lt;").replace('+', "&#43;").replace('/', "&#x2F;")),
            ("hexadecimal", key.bytes().map(|byte| format!("{byte:02x}")).collect()),
            ("base64", STANDARD.encode(key)),
            ("base64 for addresses", URL_SAFE.encode(key)),
            ("base64 of a header", STANDARD.encode(format!("Bearer {key}"))),
            ("base64 of a login", STANDARD.encode(format!("api:{key}"))),
            ("base64 of another login", STANDARD.encode(format!("key:{key}:x"))),
            ("base64 of a form", STANDARD.encode(format!("id=a&client_secret={}&x", form(key, true)))),
            ("base64 of a form, small digits", STANDARD.encode(format!("secret={}&x", form(key, false)))),
            ("base64 in an address", percent(&STANDARD.encode(key), false, true)),
            ("its first half", key[..key.len() / 2].to_owned()),
        ]
    }

    fn known<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Secrets {
        let known = Secrets::default();
        secrets.into_iter().for_each(|secret| known.add(secret));
        known
    }

    #[test]
    fn a_secret_is_hidden_in_every_spelling() {
        for key in ["sk-proj-A+b/C=d&e<f 9%41z-0123456789", "0123456789abcdef0123456789ABCDEF", "geheim/geheim+wort"] {
            let secrets = known([key]);
            for (word, spelled) in spellings(key) {
                let text = format!("wrong key '{spelled}', given");
                let shown = secrets.hide(&text).unwrap_or_default();
                assert!(shown.contains(HIDDEN) && !shown.contains(&spelled), "{word} of {key}: {shown}");
                assert!(shown.starts_with("wrong key '") && shown.ends_with("given"), "{word}: {shown}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let secrets = known(["abcd-secret-key-1234", "x", ""]);
        for text in ["Incorrect API key provided: abcd***1234", "exactly six boxes", "50% off & more \\ and + %", ""] {
            assert_eq!(secrets.hide(text), None, "{text}");
        }
        assert_eq!(secrets.hide("key x, key=x.").as_deref(), Some("key ***, key=***."));
        assert_eq!(Secrets::default().hide("x"), None);
    }

    #[test]
    fn all_of_several_secrets_are_hidden() {
        let secrets = known(["secret-of-one", "secret-of-one-and-two", "seven77", "föö-kept-apart"]);
        let shown = secrets.hide("ä secret-of-one-and-two/secret-of-one ö SEVEN77 -kept-apart").unwrap_or_default();
        assert_eq!(shown, "ä ***/*** ö *** ***");
    }

    fn hashed(at: u64, seed: u64) -> u64 {
        (at ^ seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
    }

    #[test]
    fn a_name_that_a_server_gives_a_call_is_seldom_looked_at_twice() {
        let key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0-and-more-of-a-key-that-is-long-enough";
        // A token of Entra ID, and those before it.
        let letters = |seed: u64| (0..400).map(move |at| format!("{:06x}", hashed(at, seed) & 0xff_ffff));
        let token = |seed| STANDARD.encode(letters(seed).collect::<String>());
        let tokens: Vec<String> = (0..4).map(token).collect();
        let name = |number: u64| {
            let digits = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) * 0xf58f_d2b5_4d5a_3c11;
            format!("req_{digits:032x}")
        };
        for secrets in [known([key]), known(tokens.iter().map(String::as_str).chain([key]))] {
            let looked_at = (0..1_000).filter(|number| secrets.may_stand_in(name(*number).as_bytes())).count();
            assert!(looked_at < 300, "{looked_at} of 1000");
        }
    }

    proptest! {
        #[test]
        fn no_part_of_eight_letters_is_left_in_any_spelling(
            key in "[!-~]([ -~]{6,38})[!-~]", before in "[a-z:, ]{0,9}", after in "[a-z:, ]{0,9}",
            from in any::<prop::sample::Index>(), more in any::<prop::sample::Index>(), layers in 0..3,
        ) {
            let from = from.index(key.len() - PART + 1);
            let part = &key[from..from + PART + more.index(key.len() - from - PART + 1)];
            // Spaces at its ends are those of the text.
            prop_assume!(part.trim().len() >= PART);
            for (word, spelled) in spellings(part) {
                if word == "its first half" {
                    continue;
                }
                let spelled = (0..layers).fold(format!("{before}{spelled}{after}"), |text, _| percent(&text, false, true));
                let shown = known([key.as_str()]).hide(&spelled);
                prop_assert!(shown.is_some_and(|shown| shown.contains(HIDDEN)), "{} {}", word, spelled);
            }
        }

        #[test]
        fn nothing_breaks_and_nothing_of_a_secret_is_left(key in "[!-~]{1,40}", before in ".{0,30}", after in ".{0,30}") {
            let secrets = known([key.as_str()]);
            let text = format!("{before} {key} {after}");
            let shown = secrets.hide(&text).unwrap_or(text);
            let left = key.as_bytes().windows(PART.min(key.len())).filter_map(|part| std::str::from_utf8(part).ok());
            let is_word = |part: &str| part.len() >= SHORT && !HIDDEN.contains(part);
            prop_assert!(left.into_iter().filter(|part| is_word(part)).all(|part| !shown.contains(part)), "{}", shown);
        }

        #[test]
        fn base64_hides_at_every_place(key in "[a-zA-Z0-9]{12,40}", before in "[a-z:]{0,7}", after in "[a-z:]{0,7}") {
            let coded = STANDARD.encode(format!("{before}{key}{after}"));
            prop_assert!(known([key.as_str()]).hide(&coded).is_some());
        }
    }
}
