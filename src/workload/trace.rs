//! Lengths and arrival times of a production trace: Azure's CSV or Mooncake's JSONL. No trace holds a text.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use time::PrimitiveDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

use crate::workload::error::WorkloadError;

const CSV_EXPECTED: &str = "the columns TIMESTAMP,ContextTokens,GeneratedTokens";
const TIME_EXPECTED: &str = "a TIMESTAMP such as 2023-11-16 18:15:46.6805900";
const TOKENS_EXPECTED: &str = "a whole number of tokens";
const JSONL_EXPECTED: &str = r#"{"timestamp": milliseconds, "input_length": tokens, "output_length": tokens}"#;
const ORDER_EXPECTED: &str = "rows in order of time";

const TIME_FORMAT: StaticFormatDescription =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]]");

/// The lengths of one recorded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Prompt tokens.
    pub input: u32,
    /// Output tokens.
    pub output: u32,
}

/// A recorded trace; both lists have an entry for each row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// What was asked.
    pub rows: Vec<Lengths>,
    /// When, from the first row, at the recorded speed.
    pub times: Vec<Duration>,
}

/// Reads a trace in either form.
///
/// # Errors
/// When a line is not what it should be, the rows are not in order of time, or there is none.
pub fn parse(text: &str, file: &Path) -> Result<Trace, WorkloadError> {
    let json = text.trim_start().starts_with('{');
    let (trace, expected) =
        if json { (parse_jsonl(text, file)?, JSONL_EXPECTED) } else { (parse_csv(text, file)?, CSV_EXPECTED) };
    if trace.rows.is_empty() {
        return Err(WorkloadError::Empty { file: file.to_owned(), expected });
    }
    Ok(trace)
}

/// Gathers rows and checks that time does not run backwards.
struct Gathering<'file> {
    file: &'file Path,
    first_ns: Option<i128>,
    trace: Trace,
}

impl<'file> Gathering<'file> {
    fn new(file: &'file Path) -> Self {
        Self { file, first_ns: None, trace: Trace::default() }
    }

    fn add(&mut self, line: u64, at_ns: i128, lengths: Lengths) -> Result<(), WorkloadError> {
        let since_first = u64::try_from(at_ns - *self.first_ns.get_or_insert(at_ns)).ok().map(Duration::from_nanos);
        let latest = self.trace.times.last().copied().unwrap_or_default();
        let Some(time) = since_first.filter(|time| *time >= latest) else {
            return Err(WorkloadError::line(self.file, line, "its time lies before the row above", ORDER_EXPECTED));
        };
        self.trace.times.push(time);
        self.trace.rows.push(lengths);
        Ok(())
    }
}

fn parse_csv(text: &str, file: &Path) -> Result<Trace, WorkloadError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = find_columns(&mut reader, file)?;
    let mut gathering = Gathering::new(file);
    for record in reader.records() {
        let record = record.map_err(|error| csv_error(&error, file))?;
        let line = record.position().map_or(0, csv::Position::line);
        let [time, input, output] = columns.map(|column| record.get(column).unwrap_or_default());
        let lengths = Lengths { input: tokens(input, file, line)?, output: tokens(output, file, line)? };
        gathering.add(line, parse_time(time, file, line)?, lengths)?;
    }
    Ok(gathering.trace)
}

fn find_columns(reader: &mut csv::Reader<&[u8]>, file: &Path) -> Result<[usize; 3], WorkloadError> {
    let headers = reader.headers().map_err(|error| csv_error(&error, file))?;
    let find = |name: &str| {
        let place = headers.iter().position(|header| header.eq_ignore_ascii_case(name));
        place.ok_or_else(|| WorkloadError::line(file, 1, format!("there is no column {name}"), CSV_EXPECTED))
    };
    Ok([find("TIMESTAMP")?, find("ContextTokens")?, find("GeneratedTokens")?])
}

fn csv_error(error: &csv::Error, file: &Path) -> WorkloadError {
    let line = error.position().map_or(1, csv::Position::line);
    let found = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} fields and the header {expected_len}")
        }
        _ => error.to_string(),
    };
    WorkloadError::line(file, line, found, CSV_EXPECTED)
}

fn parse_time(text: &str, file: &Path, line: u64) -> Result<i128, WorkloadError> {
    let local = text.strip_suffix("+00:00").unwrap_or(text);
    let time = PrimitiveDateTime::parse(local, TIME_FORMAT);
    let time = time.map_err(|_| WorkloadError::line(file, line, format!("'{text}' is no time"), TIME_EXPECTED))?;
    Ok(time.assume_utc().unix_timestamp_nanos())
}

fn tokens(text: &str, file: &Path, line: u64) -> Result<u32, WorkloadError> {
    text.parse().map_err(|_| WorkloadError::line(file, line, format!("'{text}' is no token count"), TOKENS_EXPECTED))
}

/// A row of a Mooncake trace; `hash_ids` and whatever else stands there is not used.
#[derive(Deserialize)]
struct MooncakeRow {
    timestamp: f64,
    input_length: u32,
    output_length: u32,
}

fn parse_jsonl(text: &str, file: &Path) -> Result<Trace, WorkloadError> {
    let mut gathering = Gathering::new(file);
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let row: MooncakeRow = serde_json::from_str(row)
            .map_err(|error| WorkloadError::line(file, line, json_reason(&error), JSONL_EXPECTED))?;
        let lengths = Lengths { input: row.input_length, output: row.output_length };
        gathering.add(line, (row.timestamp * 1e6).round() as i128, lengths)?;
    }
    Ok(gathering.trace)
}

/// What is wrong with a line of JSON, without serde's own count of lines, which is always 1.
#[must_use]
pub fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Trace, WorkloadError> {
        parse(text, Path::new("t.file"))
    }

    #[test]
    fn both_forms_are_read() {
        let csv = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
                   2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47,396,109\n2024-05-10 00:00:00.5+00:00,5,6";
        let trace = parse_text(csv).expect("Azure");
        assert_eq!(trace.rows[1], Lengths { input: 396, output: 109 });
        assert_eq!(trace.times[..2], [Duration::ZERO, Duration::from_nanos(319_410_000)]);

        let jsonl = "{\"timestamp\": 3000, \"input_length\": 7, \"output_length\": 8, \"hash_ids\": [1]}\n\n\
                     {\"timestamp\": 3500, \"input_length\": 9, \"output_length\": 10}\n";
        let trace = parse_text(jsonl).expect("Mooncake");
        assert_eq!(trace.rows, [Lengths { input: 7, output: 8 }, Lengths { input: 9, output: 10 }]);
        assert_eq!(trace.times, [Duration::ZERO, Duration::from_millis(500)]);
    }

    #[test]
    fn a_broken_row_is_named_with_its_line() {
        let header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
        let row = "2023-11-16 18:15:46.1,374,44\n";
        for (word, text, parts) in [
            ("no column", "TIMESTAMP,Tokens\n".to_owned(), ["t.file:1:", "ContextTokens"]),
            ("a short row", format!("{header}{row}2023-11-16 18:15:47,1\n"), ["t.file:3:", "2 fields"]),
            ("no number", format!("{header}{row}2023-11-16 18:15:47,many,4\n"), ["t.file:3:", "'many'"]),
            ("negative", format!("{header}2023-11-16 18:15:47,-3,4\n"), ["t.file:2:", "'-3'"]),
            ("no time", format!("{header}yesterday,3,4\n"), ["t.file:2:", "'yesterday'"]),
            ("backwards", format!("{header}{row}2023-11-16 18:15:46.0,3,4\n"), ["t.file:3:", "order of time"]),
            ("empty", header.to_owned(), ["t.file holds no requests", "TIMESTAMP"]),
            ("nothing", String::new(), ["t.file:1:", "TIMESTAMP"]),
            ("broken JSON", "{\"timestamp\": 1,\n".to_owned(), ["t.file:1:", "input_length"]),
            (
                "a key is missing",
                "{\"timestamp\":0,\"input_length\":1,\"output_length\":2}\n{\"timestamp\":1,\"input_length\":1}\n"
                    .to_owned(),
                ["t.file:2:", "missing field `output_length`"],
            ),
        ] {
            let error = parse_text(&text).expect_err(word).to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{word}: {error}");
        }
    }
}
