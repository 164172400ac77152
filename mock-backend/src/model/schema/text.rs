//! Strings: of a length, of a format, of a pattern.

use rand::RngExt;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value};

use crate::model::rng::{SeededRng, pick};
use crate::model::text::Text;
use crate::units::bounds::Bound;

/// The longest string that is made unless a longer one is asked for.
const LONG: usize = 40;
/// What is written at most for one pattern: characters, and repetitions of nothing.
const ROOM: usize = 1 << 16;
/// How often a pattern is tried before its length is given up.
const TRIES: usize = 64;

/// A string that fits all parts, and what it cost to find: characters and repetitions, at most about `most_cost`.
pub(super) fn string(parts: &[&Map<String, Value>], rng: &mut SeededRng, most_cost: usize) -> (Option<Value>, usize) {
    let mut left = most_cost;
    let found = fitting(parts, rng, &mut left);
    let length = found.as_ref().and_then(Value::as_str).map_or(0, str::len);
    (found, most_cost - left + length)
}

fn fitting(parts: &[&Map<String, Value>], rng: &mut SeededRng, left: &mut usize) -> Option<Value> {
    let number = |key: &'static str| parts.iter().filter_map(|part| part.get(key)?.as_u64()).map(|n| n as usize);
    let least = number("minLength").max().unwrap_or(0);
    let most = number("maxLength").min();
    if most.is_some_and(|most| most < least) || least > 1 << 20 {
        return None;
    }
    let word = |key: &str| parts.iter().find_map(|part| part.get(key)?.as_str());
    if let Some(pattern) = word("pattern")
        && let Some(text) = matching(pattern, least, most, rng, left)
    {
        return Some(Value::from(text));
    }
    if let Some(text) = word("format").and_then(|format| formatted(format, rng)) {
        return Some(Value::from(text));
    }
    Some(Value::from(prose(least, most.unwrap_or(usize::MAX), rng)))
}

/// Words of `least` to `most` characters.
fn prose(least: usize, most: usize, rng: &mut SeededRng) -> String {
    let text = Text::new(pick(rng, 8));
    let from = 1 + pick(rng, 60);
    let words = 1 + pick(rng, 4);
    let mut out = text.piece(0).to_owned();
    let mut k = 0;
    let mut length = out.chars().count();
    while k < words && length < LONG.min(most) || length < least {
        let piece = text.piece(from + k);
        out.push_str(piece);
        length += piece.chars().count();
        k += 1;
    }
    if let Some((end, _)) = out.char_indices().nth(most) {
        out.truncate(end);
        length = most;
    }
    if out.ends_with(' ') && length > least {
        out.pop();
    }
    out
}

/// A string of a format of JSON Schema.
fn formatted(format: &str, rng: &mut SeededRng) -> Option<String> {
    let mut number = |low: u32, high: u32| rng.random_range(low..=high);
    Some(match format {
        "date" => format!("20{:02}-{:02}-{:02}", number(20, 30), number(1, 12), number(1, 28)),
        "time" => format!("{:02}:{:02}:{:02}Z", number(0, 23), number(0, 59), number(0, 59)),
        "date-time" => format!(
            "20{:02}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            number(20, 30),
            number(1, 12),
            number(1, 28),
            number(0, 23),
            number(0, 59),
            number(0, 59)
        ),
        "duration" => format!("P{}DT{}H", number(1, 9), number(1, 23)),
        "email" | "idn-email" => format!("user{}@example.com", number(1, 9999)),
        "hostname" | "idn-hostname" => format!("host{}.example.com", number(1, 9999)),
        "ipv4" => format!("192.0.2.{}", number(1, 254)),
        "ipv6" => format!("2001:db8::{:x}", number(1, 0xffff)),
        "uri" | "iri" | "uri-reference" | "iri-reference" => format!("https://example.com/{}", number(1, 9999)),
        "uuid" => {
            let (a, b) = (rng.random::<u64>(), rng.random::<u64>());
            let (high, low) = ((a >> 32) as u32, (a >> 16) as u16);
            format!("{high:08x}-{low:04x}-4{:03x}-8{:03x}-{:012x}", a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
        }
        "json-pointer" => format!("/{}", number(0, 99)),
        "regex" => format!("^a{{{}}}$", number(1, 9)),
        _ => return None,
    })
}

/// A string of `least` to `most` characters that matches `pattern`; none if the pattern is beyond us, or what is `left`
/// is spent on it.
fn matching(pattern: &str, least: usize, most: Option<usize>, rng: &mut SeededRng, left: &mut usize) -> Option<String> {
    *left = left.checked_sub(pattern.len()).filter(|_| pattern.len() <= Bound::Pattern.most())?;
    let hir = regex_syntax::parse(pattern).ok()?;
    let fits = |text: &String| {
        let length = text.chars().count();
        length >= least && most.is_none_or(|most| length <= most)
    };
    let mut tries = (0..TRIES).map_while(|i| {
        let stretch = if i < 8 { 3 } else { (least + i).min(1 << 12) };
        let (most, mut out) = (ROOM.min(*left), String::new());
        let mut room = most;
        write(&hir, stretch, rng, &mut room, &mut out);
        *left -= most - room;
        (most > 0).then_some(out)
    });
    tries.find(fits)
}

/// Appends a string that matches `hir`; repetitions go up to `stretch` beyond their least number, as long as there is
/// room.
fn write(hir: &Hir, stretch: usize, rng: &mut SeededRng, room: &mut usize, out: &mut String) {
    let Some(left) = room.checked_sub(1) else { return };
    *room = left;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            *room = room.saturating_sub(literal.0.len());
            if *room > 0 {
                out.push_str(&String::from_utf8_lossy(&literal.0));
            }
        }
        HirKind::Class(class) => out.extend(one_of(class, rng)),
        HirKind::Capture(capture) => write(&capture.sub, stretch, rng, room, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, stretch, rng, room, out)),
        HirKind::Alternation(ways) => write(&ways[pick(rng, ways.len())], stretch, rng, room, out),
        HirKind::Repetition(repetition) => {
            let least = repetition.min as usize;
            let most = repetition.max.map_or(least + stretch, |max| (max as usize).min(least + stretch));
            for _ in 0..rng.random_range(least..=most.max(least)) {
                if *room == 0 {
                    break;
                }
                write(&repetition.sub, stretch, rng, room, out);
            }
        }
    }
}

/// A character of the class: a letter or a digit if it has one, else another that can be printed, else any.
fn one_of(class: &Class, rng: &mut SeededRng) -> Option<char> {
    match class {
        Class::Unicode(class) => preferred(class.ranges().iter().map(|range| (range.start(), range.end())), rng),
        Class::Bytes(class) => {
            preferred(class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))), rng)
        }
    }
}

/// The same of sorted ranges, of which there may be hundreds, though few of characters that are preferred.
fn preferred(mut ranges: impl Iterator<Item = (char, char)> + Clone, rng: &mut SeededRng) -> Option<char> {
    let plain: Vec<(char, char)> = ranges.clone().take_while(|(from, _)| *from <= '~').collect();
    let has = |c: char| plain.iter().any(|(from, to)| (*from..=*to).contains(&c));
    let mut found: Vec<char> = ('0'..='z').filter(|c| c.is_ascii_alphanumeric() && has(*c)).collect();
    if found.is_empty() {
        found = (' '..='~').filter(|c| has(*c)).collect();
    }
    if found.is_empty() {
        return ranges.next().map(|(from, _)| from);
    }
    Some(found[pick(rng, found.len())])
}
