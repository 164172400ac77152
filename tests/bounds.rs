//! Whatever size and shape of text comes as a profile or a file of data: it takes little memory beyond a few times its own
//! length and little of the processor, and a refusal is short. One test alone, because memory is that of the process.

use std::time::Duration;

use hopmark::fuzz::{self, Taken};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What a text may take beyond [`COPIES`] of itself.
const MEMORY: u64 = 64 << 20;
const COPIES: u64 = 4;
/// Builds without optimization take about ten times as much.
const PROCESSOR: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// A word, and a text of about so many bytes.
type Shape = (&'static str, fn(usize) -> String);

fn repeated(before: &str, part: &str, behind: &str, size: usize) -> String {
    format!("{before}{}{behind}", part.repeat(size / part.len()))
}

const DATA: [Shape; 18] = [
    ("blank lines", |size| repeated("", "\n", "", size)),
    ("lines of a digit", |size| repeated("", "7\n", "", size)),
    ("one long line", |size| repeated("", "x", "", size)),
    ("a list of numbers", |size| repeated("[", "0,", "0]", size)),
    ("a list of lists", |size| repeated("[", "[],", "[]]", size)),
    ("nested lists", |size| "[".repeat(size / 2) + &"]".repeat(size / 2)),
    ("nested objects", |size| repeated("", "{\"a\":", "1", size)),
    ("a list that breaks off", |size| repeated("", "[", "", size)),
    ("members of one name", |size| repeated("{", "\"a\":0,", "\"prompt\":\"x\"}", size)),
    ("rows in an object", |size| repeated("{\"rows\":[", "{\"prompt\":\"x\"},", "{\"prompt\":\"x\"}]}", size)),
    ("a long prompt", |size| repeated("{\"prompt\":\"", "x", "\"}", size)),
    ("many messages", |size| {
        repeated(
            "{\"messages\":[",
            "{\"role\":\"user\",\"content\":\"\"},",
            "{\"role\":\"user\",\"content\":\"\"}]}",
            size,
        )
    }),
    ("a long role", |size| repeated("[{\"role\":\"", "x", "\",\"content\":\"\"}]", size)),
    ("commas", |size| repeated("", ",", "", size)),
    ("columns", |size| repeated("prompt", ",a", "\nx", size)),
    ("a quote that stays open", |size| repeated("prompt,id\n\"", "x,\n", "", size)),
    ("rows of a trace", |size| repeated("TIMESTAMP,ContextTokens,GeneratedTokens\n", "0,7,8\n", "", size)),
    ("a long number", |size| repeated("TIMESTAMP,ContextTokens,GeneratedTokens\n0,", "9", ",8\n", size)),
];

const PROFILES: [Shape; 12] = [
    ("comments", |size| repeated("", "#\n", "", size)),
    ("a list of numbers", |size| repeated("a = [", "0,", "]", size)),
    ("a list of lists", |size| repeated("a = [", "[],", "]", size)),
    ("nested lists", |size| format!("a = {}{}", "[".repeat(size / 2), "]".repeat(size / 2))),
    ("nested tables", |size| repeated("a = ", "{a=", "1", size)),
    ("a dotted key", |size| repeated("", "a.", "a = 1", size)),
    ("a long key", |size| repeated("", "a", " = 1", size)),
    ("keys", |size| (0..size / 10).map(|key| format!("a{key} = 1\n")).collect()),
    ("paths", |size| repeated("", "[[path]]\nname=\"a\"\nbase_url=\"http://h/v1\"\n", "", size)),
    ("objectives", |size| repeated("", "[[objective]]\nexpr=\"ttft.p95 < 1s\"\n", "", size)),
    ("a long text", |size| repeated("name = \"", "x", "\"", size)),
    ("a long number", |size| repeated("seed = ", "9", "", size)),
];

/// A figure of the process in bytes, such as `VmRSS`.
fn memory(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).map_or(0, |kb| kb << 10)
}

fn check(word: &str, text: &str, read: fn(&str) -> Taken) {
    let before = memory("VmRSS");
    // This makes the present use the highest one; where it cannot be done, earlier texts count too.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let taken = read(text);
    let grown = memory("VmHWM").saturating_sub(before);
    let size = text.len() as u64;
    assert!(grown <= MEMORY + COPIES * size, "{word}: {size} bytes took {} MiB", grown >> 20);
    assert!(taken.processor <= PROCESSOR, "{word}: {size} bytes took {:?} of the processor", taken.processor);
    for why in taken.refused.into_iter().flatten() {
        assert!(why.len() < 2_048 && !why.contains('\n'), "{word}: {} bytes of {why:.300}", why.len());
    }
}

/// The texts of a folder.
fn texts(folder: &str) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let texts: Vec<String> = files.filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    assert!(texts.len() > 3);
    texts
}

/// A text with a stretch of it taken away, and another put in so many times over.
fn mutated(text: &str, [from, length, at, size]: [usize; 4], times: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    let part: Vec<u8> = bytes[at..(at + 1 + size % 40).min(bytes.len())].repeat(times);
    let from = from % bytes.len();
    bytes.splice(from..(from + length % 9).min(bytes.len()), part);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn no_text_takes_more_than_its_bounds() {
    for (shapes, read, most) in
        [(&DATA[..], fuzz::data as fn(&str) -> Taken, 8_usize << 20), (&PROFILES[..], fuzz::profile, 256 << 10)]
    {
        for (word, shape) in shapes {
            check(word, &shape(most), read);
        }
        let sizes = (0..shapes.len(), 1..20_u32, any::<u32>());
        let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
        let cases = runner.run(&sizes, |(shape, magnitude, more)| {
            let (word, text) = shapes[shape];
            let size = (1_usize << magnitude) + more as usize % (1 << magnitude);
            check(word, &text(size.min(most)), read);
            Ok(())
        });
        cases.expect("every size");
    }
    for (folder, read) in [("fuzz/seeds/data", fuzz::data as fn(&str) -> Taken), ("profiles", fuzz::profile)] {
        let texts = texts(folder);
        let mutations = (0..texts.len(), any::<[usize; 4]>(), 0..3_usize);
        let mut runner = TestRunner::new(Config { cases: 512, failure_persistence: None, ..Config::default() });
        let cases = runner.run(&mutations, |(text, places, times)| {
            check(folder, &mutated(&texts[text], places, times), read);
            Ok(())
        });
        cases.expect("every mutation");
    }
}
