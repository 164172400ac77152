//! Lengths and arrival times of a production trace, in the forms in which such traces are published. No trace holds a text.
//!
//! Which columns or keys hold what is told by `FORMS`. What a run does not use may be missing: times where it has
//! arrivals of its own, lengths where the profile sets them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::limits::Limit;
use crate::workload::body::Members;
use crate::workload::error::WorkloadError;
use crate::workload::rows::{self, json_reason};
use crate::workload::spec::{MOST_TOKENS, TimeUnit};
use crate::workload::table::Table;
use crate::workload::times::{self, Stamp};

const EXPECTED: &str = r#"the columns TIMESTAMP,ContextTokens,GeneratedTokens (CSV) or {"timestamp": milliseconds, "input_length": tokens, "output_length": tokens} (JSONL)"#;
const TOKENS_EXPECTED: &str = "a whole number of tokens up to 2000000";

/// A form in which traces are published: the names of its columns or keys, whatever their case.
struct Form {
    time: &'static str,
    /// What its times are counted in, where they are numbers.
    unit: Option<TimeUnit>,
    input: &'static str,
    output: &'static str,
}

const fn form(time: &'static str, unit: Option<TimeUnit>, input: &'static str, output: &'static str) -> Form {
    Form { time, unit, input, output }
}

/// The forms that are known: of Azure, Mooncake, BurstGPT, Vidur, Splitwise; then those that tools write.
const FORMS: [Form; 8] = [
    form("timestamp", None, "contexttokens", "generatedtokens"),
    form("timestamp", Some(TimeUnit::Milliseconds), "input_length", "output_length"),
    form("timestamp", Some(TimeUnit::Seconds), "request tokens", "response tokens"),
    form("arrived_at", Some(TimeUnit::Seconds), "num_prefill_tokens", "num_decode_tokens"),
    form("arrival_timestamp", None, "prompt_size", "token_size"),
    form("timestamp", None, "input_tokens", "output_tokens"),
    form("timestamp", None, "prompt_tokens", "completion_tokens"),
    form("timestamp", None, "prompt_len", "output_len"),
];

/// Endings of a time's name that say its unit, whatever the form.
const UNIT_ENDINGS: [(&str, TimeUnit); 5] = [
    ("_ms", TimeUnit::Milliseconds),
    ("_us", TimeUnit::Microseconds),
    ("_ns", TimeUnit::Nanoseconds),
    ("_s", TimeUnit::Seconds),
    ("_seconds", TimeUnit::Seconds),
];

/// The lengths of one recorded request, as far as it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// Prompt tokens.
    pub input: Option<u32>,
    /// Output tokens.
    pub output: Option<u32>,
}

/// A recorded trace.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// What was asked.
    pub rows: Vec<Lengths>,
    /// When, from the first row, at the recorded speed, an entry for each row; or why that cannot be known.
    pub times: Result<Vec<Duration>, Arc<WorkloadError>>,
    /// The first row without prompt tokens, and the first without output tokens.
    missing: [Option<Arc<WorkloadError>>; 2],
}

impl Trace {
    /// Holds every row to the lengths that a run needs of it.
    ///
    /// # Errors
    /// When a row lacks one.
    pub(crate) fn check(&self, needs_input: bool, needs_output: bool) -> Result<(), Arc<WorkloadError>> {
        let missing = self
            .missing
            .iter()
            .zip([needs_input, needs_output])
            .find_map(|(row, needed)| row.as_ref().filter(|_| needed));
        missing.map_or(Ok(()), |row| Err(Arc::clone(row)))
    }
}

/// Reads a trace in any form. `unit` is what its times are counted in, if that was said.
///
/// # Errors
/// When a line is not what it should be, or there is none.
pub(crate) fn parse(text: &str, file: &Path, unit: Option<TimeUnit>) -> Result<Trace, WorkloadError> {
    let gathered = match text.trim_start().starts_with(['{', '[']) {
        true => read_json(text, file)?,
        false => read_table(text, file)?,
    };
    if gathered.rows.is_empty() {
        return Err(WorkloadError::Empty { file: file.to_owned(), expected: EXPECTED });
    }
    Ok(gathered.trace(file, unit))
}

/// What was read of a trace so far.
struct Gathered {
    form: &'static Form,
    /// The name of the times as it is written, if there is one.
    time: Option<String>,
    rows: Vec<Lengths>,
    times: Result<Vec<(u64, Stamp)>, Arc<WorkloadError>>,
    missing: [Option<Arc<WorkloadError>>; 2],
}

impl Gathered {
    fn new(form: &'static Form) -> Self {
        Self { form, time: None, rows: Vec::new(), times: Ok(Vec::new()), missing: [None, None] }
    }

    /// Takes a row; `fields` are its time and its lengths, as they are written.
    fn add(&mut self, file: &Path, line: u64, fields: [Option<&str>; 3]) -> Result<(), WorkloadError> {
        let [time, input, output] = fields.map(|field| field.filter(|text| !text.is_empty()));
        let wrong = |found: String| WorkloadError::line(file, line, found, EXPECTED);
        Limit::DataRows.check(self.rows.len() + 1).map_err(wrong)?;
        let lengths = Lengths { input: tokens(input, file, line)?, output: tokens(output, file, line)? };
        for (place, (count, name)) in
            [(lengths.input, self.form.input), (lengths.output, self.form.output)].into_iter().enumerate()
        {
            if count.is_none() && self.missing[place].is_none() {
                self.missing[place] = Some(Arc::new(wrong(format!("missing field `{name}`"))));
            }
        }
        self.rows.push(lengths);
        if let Ok(times) = &mut self.times {
            let stamp = match time {
                Some(text) => {
                    times::read(text).map_err(|found| WorkloadError::line(file, line, found, times::EXPECTED))
                }
                None => Err(wrong(format!("missing field `{}`", self.form.time))),
            };
            match stamp {
                Ok(stamp) => times.push((line, stamp)),
                Err(why) => self.times = Err(Arc::new(why)),
            }
        }
        Ok(())
    }

    fn trace(self, file: &Path, said: Option<TimeUnit>) -> Trace {
        let name = self.time.as_deref().unwrap_or(self.form.time).to_lowercase();
        let by_name = UNIT_ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, unit)| *unit);
        let known = times::Known { said, by_name, by_form: self.form.unit, name: &name };
        let times = self.times.and_then(|stamps| times::since_first(&stamps, known, file).map_err(Arc::new));
        Trace { rows: self.rows, times, missing: self.missing }
    }
}

/// The form with these names, as far as they stand there.
fn form_of(has: impl Fn(&str) -> bool) -> Option<&'static Form> {
    let both = FORMS.iter().find(|form| has(form.input) && has(form.output));
    both.or_else(|| FORMS.iter().find(|form| has(form.input) || has(form.output)))
}

/// Whether a name is that of a form's times, with or without a unit behind it.
fn is_time(form: &Form, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain = UNIT_ENDINGS.iter().find_map(|(ending, _)| name.strip_suffix(ending));
    [Some(name.as_str()), plain].into_iter().flatten().any(|name| name == form.time || name == "arrival_time")
}

fn read_table(text: &str, file: &Path) -> Result<Gathered, WorkloadError> {
    let table = Table::parse(text, file, EXPECTED)?;
    let form = form_of(|name| table.column(name).is_some()).ok_or_else(|| {
        let columns = table.columns.join(", ");
        WorkloadError::line(file, 1, format!("there are no lengths in the columns '{columns}'"), EXPECTED)
    })?;
    let time = table.columns.iter().position(|name| is_time(form, name));
    let places = [time, table.column(form.input), table.column(form.output)];
    let mut gathered = Gathered::new(form);
    gathered.time = time.map(|place| table.columns[place].clone());
    for row in table.rows() {
        let (line, row) = row?;
        gathered.add(file, line, places.map(|place| row.get(place?)))?;
    }
    Ok(gathered)
}

fn read_json(text: &str, file: &Path) -> Result<Gathered, WorkloadError> {
    let mut gathered: Option<Gathered> = None;
    for row in rows::find(text, file, is_row, EXPECTED)? {
        let wrong = |found| WorkloadError::line(file, row.line, found, EXPECTED);
        row.check().map_err(wrong)?;
        let fields: Map<String, Value> = serde_json::from_str(row.text).map_err(|error| wrong(json_reason(&error)))?;
        let has = |name: &str| fields.keys().any(|key| key.eq_ignore_ascii_case(name));
        let gathered = match &mut gathered {
            Some(gathered) => gathered,
            none => none.insert(Gathered::new(form_of(has).ok_or_else(|| wrong(no_lengths(&fields)))?)),
        };
        let form = gathered.form;
        let time = fields.iter().find(|(key, _)| is_time(form, key));
        if let (None, Some((key, _))) = (&gathered.time, time) {
            gathered.time = Some(key.clone());
        }
        let named = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let texts = [time.map(|(_, value)| value), named(form.input), named(form.output)].map(|value| value.map(plain));
        gathered.add(file, row.line, texts.each_ref().map(Option::as_deref))?;
    }
    Ok(gathered.unwrap_or_else(|| Gathered::new(&FORMS[0])))
}

/// Whether a JSON value is one row: an object that names lengths.
fn is_row(text: &str) -> bool {
    let row = serde_json::from_str::<Members<'_>>(text);
    row.is_ok_and(|row| form_of(|name| row.0.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))).is_some())
}

fn no_lengths(fields: &Map<String, Value>) -> String {
    let is_text = ["messages", "body", "conversations", "conversation", "prompt", "instruction", "text_input"];
    if is_text.iter().any(|key| fields.contains_key(*key)) {
        return "this is a data set of texts, not a trace of lengths; set workload.kind = \"dataset\"".to_owned();
    }
    let keys: Vec<&str> = fields.keys().take(8).map(String::as_str).collect();
    format!("there are no lengths in the keys '{}'", keys.join(", "))
}

/// A value as it would stand in a table; nothing for null.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// A whole number, also as spreadsheets and data frames write it (`374.0`).
fn tokens(text: Option<&str>, file: &Path, line: u64) -> Result<Option<u32>, WorkloadError> {
    let Some(text) = text else { return Ok(None) };
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(MOST_TOKENS)).contains(number);
    let tokens = text
        .parse()
        .ok()
        .filter(|tokens| *tokens <= MOST_TOKENS)
        .or_else(|| text.parse::<f64>().ok().filter(whole).map(|number| number as u32));
    let wrong = || WorkloadError::line(file, line, format!("'{text}' is not a number of tokens"), TOKENS_EXPECTED);
    tokens.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trace of which everything is used.
    fn parse_text(text: &str) -> Result<(Vec<Lengths>, Vec<Duration>), String> {
        let trace = parse(text, Path::new("t.file"), None).map_err(|error| error.to_string())?;
        trace.check(true, true).map_err(|error| error.to_string())?;
        Ok((trace.rows, trace.times.map_err(|error| error.to_string())?))
    }

    fn lengths(input: u32, output: u32) -> Lengths {
        Lengths { input: Some(input), output: Some(output) }
    }

    #[test]
    fn both_forms_are_read() {
        let csv = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
                   2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47,396,109\n2024-05-10 00:00:00.5+00:00,5,6";
        let (rows, times) = parse_text(csv).expect("Azure");
        assert_eq!(rows[1], lengths(396, 109));
        assert_eq!(times[..2], [Duration::ZERO, Duration::from_nanos(319_410_000)]);

        let jsonl = "{\"timestamp\": 3000, \"input_length\": 7, \"output_length\": 8, \"hash_ids\": [1]}\n\n\
                     {\"timestamp\": 3500, \"input_length\": 9, \"output_length\": 10}\n";
        let (rows, times) = parse_text(jsonl).expect("Mooncake");
        assert_eq!(rows, [lengths(7, 8), lengths(9, 10)]);
        assert_eq!(times, [Duration::ZERO, Duration::from_millis(500)]);
    }

    #[test]
    fn every_form_gives_the_same_two_requests() {
        let json = |time: [&str; 2]| {
            format!(
                "{{\"timestamp\":{},\"input_length\":7,\"output_length\":8}}\n\
                 {{\"timestamp\":{},\"input_length\":9,\"output_length\":10}}\n",
                time[0], time[1]
            )
        };
        for (word, text) in [
            ("Mooncake", json(["0", "1500"])),
            ("CRLF and blank lines", json(["0", "1500"]).replace('\n', "\r\n\r\n \r\n")),
            ("an array", format!("[{}]", json(["0", "1500"]).trim().replace('\n', ",\n"))),
            ("an object with an array", format!("{{\"data\":[{}]}}", json(["0", "1500"]).trim().replace('\n', ","))),
            ("numbers as texts", json(["\"0\"", "\"1500\""])),
            ("epoch in seconds", json(["1700000000.25", "1700000001.75"])),
            ("epoch in milliseconds", json(["1700000000250", "1700000001750"])),
            ("epoch in microseconds", json(["1700000000250000", "1700000001750000"])),
            ("epoch in nanoseconds", json(["1700000000250000000", "1700000001750000000"])),
            ("dates", json(["\"2023-11-16T18:15:46.5Z\"", "\"2023-11-16T20:15:48+02:00\""])),
            ("before its beginning", json(["-1500", "0"])),
            ("a unit in the name", json(["0.5", "2"]).replace("timestamp", "timestamp_s")),
            ("another unit in the name", json(["0", "1500000"]).replace("timestamp", "arrival_time_us")),
            ("BurstGPT", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,GPT-4,7,8,15,API\n6.5,GPT-4,9,10,19,API\n".to_owned()),
            ("Vidur", "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,7,8\n1.5,9,10\n".to_owned()),
            ("data frames", "timestamp_ms,input_tokens,output_tokens\n0.0,7.0,8.0\n1500.0,9.0,10.0\n".to_owned()),
            ("semicolons", "TIMESTAMP;ContextTokens;GeneratedTokens\n2023-11-16 18:15:46;7;8\n2023-11-16 18:15:47.5;9;10\n".to_owned()),
            ("other columns between", "x,GeneratedTokens,TIMESTAMP,y,ContextTokens\n1,8,2023-11-16 18:15:46,2,7\n\n1,10,2023-11-16 18:15:47.5,2,9\n".to_owned()),
        ] {
            let (rows, times) = parse_text(&text).unwrap_or_else(|error| panic!("{word}: {error}"));
            assert_eq!(rows, [lengths(7, 8), lengths(9, 10)], "{word}");
            let gap = times[1].as_secs_f64();
            assert!(times[0].is_zero() && (gap - 1.5).abs() < 1e-6, "{word}: {times:?}");
        }
    }

    #[test]
    fn what_is_not_used_may_be_missing() {
        let trace = |text: &str| parse(text, Path::new("t.file"), None).expect(text);
        let without_times =
            trace("{\"input_length\":7,\"output_length\":8}\n{\"input_length\":9,\"output_length\":10}\n");
        without_times.check(true, true).expect("both lengths");
        let why = without_times.times.expect_err("none").to_string();
        assert!(why.starts_with("t.file:1: missing field `timestamp`"), "{why}");
        let spoilt = trace("TIMESTAMP,ContextTokens\nyesterday,7\n");
        assert!(spoilt.check(true, false).is_ok() && spoilt.times.is_err());
        assert!(spoilt.check(true, true).expect_err("no output").to_string().contains("`generatedtokens`"));
        let backwards = trace("{\"timestamp\":9,\"output_length\":8}\n{\"timestamp\":5,\"output_length\":8}\n");
        assert!(backwards.check(false, true).is_ok() && backwards.check(true, true).is_err());
        assert!(backwards.times.expect_err("backwards").to_string().contains("order of time"));
        let partly = trace("{\"timestamp\":0,\"input_length\":7}\n{\"timestamp\":null,\"input_length\":7}\n");
        assert!(partly.times.expect_err("one is missing").to_string().starts_with("t.file:2: "));
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
            ("a fraction", format!("{header}2023-11-16 18:15:47,3.5,4\n"), ["t.file:2:", "'3.5'"]),
            ("too many", format!("{header}2023-11-16 18:15:47,4294967296,4\n"), ["t.file:2:", "'4294967296'"]),
            ("no time", format!("{header}yesterday,3,4\n"), ["t.file:2:", "'yesterday'"]),
            ("not a number", format!("{header}NaN,3,4\n"), ["t.file:2:", "'NaN'"]),
            ("no end", format!("{header}inf,3,4\n"), ["t.file:2:", "'inf'"]),
            ("backwards", format!("{header}{row}2023-11-16 18:15:46.0,3,4\n"), ["t.file:3:", "order of time"]),
            ("empty", header.to_owned(), ["t.file holds no requests", "TIMESTAMP"]),
            ("nothing", String::new(), ["t.file:1:", "TIMESTAMP"]),
            ("broken JSON", "{\"timestamp\": 1,\n".to_owned(), ["t.file:1:", "input_length"]),
            ("texts", "{\"prompt\":\"Hi\"}\n".to_owned(), ["t.file:1:", "kind = \"dataset\""]),
            (
                "a key is missing",
                "{\"timestamp\":0,\"input_length\":1,\"output_length\":2}\n{\"timestamp\":1,\"input_length\":1}\n"
                    .to_owned(),
                ["t.file:2:", "missing field `output_length`"],
            ),
        ] {
            let error = parse_text(&text).expect_err(word);
            assert!(parts.iter().all(|part| error.contains(part)), "{word}: {error}");
        }
    }
}
