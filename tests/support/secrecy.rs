//! Everything that a program writes, collected, and every form in which a secret may stand in it.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// So many letters of a secret in a row tell it.
const PIECE: usize = 12;

/// A secret's forms, in lower case: parts of it as it stands, within base64 of both alphabets wherever it begins, and encoded
/// for an address, in whole and where it must be.
pub(crate) fn forms(secret: &str) -> BTreeSet<String> {
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let encoded = url_encoded(secret);
    let mut forms: BTreeSet<String> = pieces(secret, PIECE).into_iter().chain(pieces(&percent, 3 * PIECE)).collect();
    forms.extend(pieces(&encoded, 2 * PIECE));
    for (text, before) in [secret, &encoded].iter().flat_map(|text| (0..3).map(move |before| (text, before))) {
        forms.extend(pieces(&within_base64(text, before, &STANDARD), PIECE + 4));
        forms.extend(pieces(&within_base64(text, before, &URL_SAFE), PIECE + 4));
    }
    forms.into_iter().map(|form| form.to_lowercase()).collect()
}

/// The beginning, the middle and the end of a text, or all of a short one.
fn pieces(text: &str, long: usize) -> Vec<String> {
    let Some(last) = text.len().checked_sub(long) else { return vec![text.to_owned()] };
    [0, last / 2, last].iter().map(|at| text[*at..at + long].to_owned()).collect()
}

/// As forms and addresses have it.
pub(crate) fn url_encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// The letters of base64 that depend on a text alone, with so many bytes in front of it.
fn within_base64(text: &str, before: usize, alphabet: &impl base64::Engine) -> String {
    let coded = alphabet.encode([vec![0; before], text.as_bytes().to_vec()].concat());
    coded[(before * 8).div_ceil(6)..(before + text.len()) * 8 / 6].to_owned()
}

/// What was written, by its place.
#[derive(Default)]
pub(crate) struct Collected(Mutex<Vec<(String, Vec<u8>)>>);

impl Collected {
    fn add(&self, place: String, bytes: Vec<u8>) {
        self.0.lock().expect("no panic").push((place, bytes));
    }

    /// Runs a program to its end and keeps what it prints, and its line and those of its children in the list of processes.
    pub(crate) fn run(&self, command: &mut Command) -> Output {
        let line = format!("{command:?}");
        let name = line.rsplit("hopmark\"").next().unwrap_or(&line).to_owned();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let (mut out, mut told) = (child.stdout.take().expect("an output"), child.stderr.take().expect("an output"));
        let read = |from: &mut dyn Read| {
            let mut all = Vec::new();
            from.read_to_end(&mut all).expect("an output is read");
            all
        };
        let output = std::thread::scope(|scope| {
            let (out, told) = (scope.spawn(|| read(&mut out)), scope.spawn(|| read(&mut told)));
            let mut lines = BTreeSet::new();
            let status = loop {
                lines.extend(lines_of_family(child.id()));
                match child.try_wait().expect("a child") {
                    Some(status) => break status,
                    None => std::thread::sleep(Duration::from_millis(20)),
                }
            };
            lines.into_iter().for_each(|line| self.add(format!("list of processes of {name}"), line));
            Output { status, stdout: out.join().expect("read"), stderr: told.join().expect("read") }
        });
        self.add(format!("output of {name}"), output.stdout.clone());
        self.add(format!("messages of {name}"), output.stderr.clone());
        output
    }

    /// Keeps every file below a folder.
    pub(crate) fn files(&self, dir: &Path) {
        for path in files(dir) {
            self.add(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }

    /// How many bytes were kept, and in how many places.
    pub(crate) fn size(&self) -> (usize, usize) {
        let all = self.0.lock().expect("no panic");
        (all.iter().map(|(_, bytes)| bytes.len()).sum(), all.len())
    }

    /// Every place in which one of these secrets, given by name, stands in one of its forms.
    pub(crate) fn tellers(&self, secrets: &[(String, String)]) -> Vec<String> {
        let forms: Vec<(&str, BTreeSet<String>)> =
            secrets.iter().map(|(name, secret)| (name.as_str(), forms(secret))).collect();
        let mut found = Vec::new();
        for (place, bytes) in self.0.lock().expect("no panic").iter() {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            for (name, forms) in &forms {
                let told = forms.iter().find(|form| text.contains(*form));
                found.extend(told.map(|form| format!("{place} tells {name} as {form}")));
            }
        }
        found
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The arguments of a process and of those below it.
fn lines_of_family(root: u32) -> Vec<Vec<u8>> {
    let parent = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let is_below = |id: u32| {
        let mut at = Some(id);
        while let Some(id) = at.filter(|id| *id > 1) {
            if id == root {
                return true;
            }
            at = parent(id);
        }
        false
    };
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| is_below(*id)).filter_map(|id| std::fs::read(format!("/proc/{id}/cmdline")).ok()).collect()
}
