//! The rows of a file of JSON, whatever holds them: a row a line, one array, or an object with an array in it.

use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::limits::Limit;
use crate::text_file;
use crate::workload::body::Members;
use crate::workload::error::WorkloadError;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its text.
    pub text: &'a str,
}

/// The keys under which an object that is a whole file holds its rows.
const HOLDERS: [&str; 8] = ["data", "rows", "requests", "items", "examples", "instances", "train", "test"];

/// Finds the rows. A row that is no JSON is given too, for its reader to say so; `is_row` tells a row that is an array,
/// or an object with a key of `HOLDERS`, from what holds rows.
///
/// # Errors
/// When a file that is no row a line breaks off or is no JSON.
pub(crate) fn find<'a>(
    text: &'a str,
    file: &Path,
    is_row: fn(&str) -> bool,
    expected: &'static str,
) -> Result<Vec<Row<'a>>, WorkloadError> {
    let wrong = |line, found| WorkloadError::line(file, line, found, expected);
    let mut lines = text_file::lines(text).map(|(line, text)| Row { line, text });
    let Some(first) = lines.clone().next() else { return Ok(Vec::new()) };
    let whole = if goes_on(first.text) { documents(text, file, expected)? } else { None };
    let rows = whole.unwrap_or_else(|| lines.by_ref().take(Limit::DataRows.most() + 1).collect());
    if let Some(beyond) = rows.get(Limit::DataRows.most()) {
        Limit::DataRows.check(rows.len()).map_err(|found| wrong(beyond.line, found))?;
    }
    let [only] = rows.as_slice() else { return Ok(rows) };
    let most = if only.text.starts_with('{') { Limit::JsonValues } else { Limit::DataRows };
    most.check(sizes(only.text).items).map_err(|found| wrong(only.line, found))?;
    let held = if is_row(only.text) { None } else { rows_in(*only).map_err(|found| wrong(only.line, found))? };
    Ok(held.unwrap_or(rows))
}

impl Row<'_> {
    /// Holds it to the limits of a row.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        Limit::JsonRow.check(self.text.len()).and_then(|()| Limit::JsonValues.check(sizes(self.text).values))
    }
}

/// How much a text of JSON holds, counted by what separates values outside of its texts.
struct Sizes {
    /// All values.
    values: usize,
    /// Those of the outermost list or object.
    items: usize,
}

fn sizes(json: &str) -> Sizes {
    let mut sizes = Sizes { values: 1, items: 1 };
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' if !in_text => {
                sizes.values += 1;
                sizes.items += usize::from(depth == 1);
            }
            b'[' | b'{' if !in_text => {
                sizes.values += 1;
                depth += 1;
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    sizes
}

/// Whether a line is the beginning of something longer.
fn goes_on(line: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// The values of a text, each of which may go over many lines; `None` when the last one breaks off, or the first line is
/// rather a row that does.
fn documents<'a>(text: &'a str, file: &Path, expected: &'static str) -> Result<Option<Vec<Row<'a>>>, WorkloadError> {
    let mut lines = Lines::of(text);
    let mut rows = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        match value {
            Ok(_) if rows.len() > Limit::DataRows.most() => break,
            Ok(value) => rows.push(lines.row(value.get())),
            Err(error) if error.is_eof() || !is_opening(text) => return Ok(None),
            Err(error) => {
                return Err(WorkloadError::line(file, error.line() as u64, json_reason(&error), expected));
            }
        }
    }
    Ok(Some(rows))
}

/// Whether a text begins with a line that nobody writes as a row.
fn is_opening(text: &str) -> bool {
    text_file::lines(text).next().is_some_and(|(_, line)| line.ends_with(['[', '{', ',', ':']))
}

/// The rows that one value holds; `None` when it holds none.
///
/// # Errors
/// When they are more than a file may have.
fn rows_in(holder: Row<'_>) -> Result<Option<Vec<Row<'_>>>, String> {
    let list = match serde_json::from_str::<Members<'_>>(holder.text) {
        Ok(members) => HOLDERS.iter().find_map(|key| members.get(key).filter(|value| value.starts_with('['))),
        Err(_) => Some(holder.text),
    };
    let Some(list) = list else { return Ok(None) };
    Limit::DataRows.check(sizes(list).items)?;
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(list) else { return Ok(None) };
    let mut lines = Lines { text: holder.text, at: 0, line: holder.line };
    Ok(Some(items.into_iter().map(|item| lines.row(item.get())).collect()))
}

/// Counts lines while it goes through a text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The row of a slice of the text that lies behind those before.
    fn row(&mut self, slice: &'a str) -> Row<'a> {
        let begin = slice.as_ptr() as usize - self.text.as_ptr() as usize;
        let passed = &self.text.as_bytes()[self.at..begin];
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at = begin;
        Row { line: self.line, text: slice }
    }
}

/// What is wrong with a line of JSON, without serde's own count of lines, which is always 1.
#[must_use]
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split(" at line ").next().unwrap_or_default() {
        "recursion limit exceeded" => format!("it is nested deeper than {}", Limit::JsonDepth.row()),
        reason => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, &str)> {
        let is_row = |row: &str| row.contains("role");
        let found = find(text, Path::new("f.json"), is_row, "rows").expect(text);
        found.into_iter().map(|row| (row.line, row.text)).collect()
    }

    #[test]
    fn rows_are_found_in_whatever_holds_them() {
        for (text, expected) in [
            ("{\"a\":1}\n\n{\"a\":2}\n", vec![(1, "{\"a\":1}"), (3, "{\"a\":2}")]),
            ("[{\"a\":1},{\"a\":2}]", vec![(1, "{\"a\":1}"), (1, "{\"a\":2}")]),
            ("[\n  {\"a\":1},\n  {\"a\":2}\n]\n", vec![(2, "{\"a\":1}"), (3, "{\"a\":2}")]),
            ("\n[{\n\"a\":1}\n,\n{\"a\":2}]", vec![(2, "{\n\"a\":1}"), (5, "{\"a\":2}")]),
            ("{\"data\":[{\"a\":1}]}", vec![(1, "{\"a\":1}")]),
            ("{\n\"version\": 1,\n\"rows\": [\n{\"a\":1}]}", vec![(4, "{\"a\":1}")]),
            ("{\n\"a\": 1\n}\n{\n\"a\": 2\n}\n", vec![(1, "{\n\"a\": 1\n}"), (4, "{\n\"a\": 2\n}")]),
            ("[{\"a\":1}\n,{\"a\":2}]", vec![(1, "{\"a\":1}"), (2, "{\"a\":2}")]),
            ("{\"a\":1\n{\"a\":2}\n", vec![(1, "{\"a\":1"), (2, "{\"a\":2}")]),
            ("[{\"role\":1},{\"role\":2}]", vec![(1, "[{\"role\":1},{\"role\":2}]")]),
            ("[{\"a\":1}]\n[{\"a\":2}]", vec![(1, "[{\"a\":1}]"), (2, "[{\"a\":2}]")]),
            ("[]", vec![]),
            (" \n", vec![]),
            ("{\"a\":1}", vec![(1, "{\"a\":1}")]),
            ("{\"data\":7}", vec![(1, "{\"data\":7}")]),
            ("hello\n", vec![(1, "hello")]),
            // A line that breaks off is a broken line.
            ("{\"a\":1,\n", vec![(1, "{\"a\":1,")]),
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mistake_in_an_array_over_many_lines_has_its_line() {
        let error = find("[\n{\"a\":1},\n{\"a\":x}\n]", Path::new("f.json"), |_| false, "rows").expect_err("x");
        assert_eq!(error.to_string(), "f.json:3: expected value; expected rows");
    }
}
