//! Files of CSV whose rows are structs: the columns are the fields, by name and in their order.
//!
//! An empty cell is `None`. Columns that are not known are ignored; one that is missing is `None` where the field can be
//! that, and otherwise an error. Numbers are finite: what was measured is.

use std::io::{self, Read};

use csv::{DeserializeErrorKind, ErrorKind, StringRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::file::StoreError;
use crate::store::lines::Lines;

/// The head line.
///
/// # Errors
/// When the struct is not flat.
pub(crate) fn head<T: Default + Serialize>() -> io::Result<Vec<u8>> {
    let mut text = text(true, [T::default()])?;
    let end = memchr::memchr(b'\n', &text).map_or(0, |newline| newline + 1);
    text.truncate(end);
    Ok(text)
}

/// The lines of these rows.
///
/// # Errors
/// When the struct is not flat.
pub(crate) fn lines<T: Serialize>(rows: impl IntoIterator<Item = T>) -> io::Result<Vec<u8>> {
    text(false, rows)
}

fn text<T: Serialize>(head: bool, rows: impl IntoIterator<Item = T>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(head).from_writer(Vec::new());
    rows.into_iter().try_for_each(|row| writer.serialize(row))?;
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// Reads rows, each as `understand` understands it; `None` where not even a head line is.
///
/// # Errors
/// When a column is missing or a line is not a row: file, line and what was expected.
pub(crate) fn read<T: DeserializeOwned, R>(
    mut lines: Lines<impl Read>,
    mut understand: impl FnMut(T) -> Result<R, String>,
) -> Result<Option<Vec<R>>, StoreError> {
    let row = |lines: &mut Lines<_>| -> Result<Option<StringRecord>, StoreError> {
        let Some(line) = lines.next()? else { return Ok(None) };
        let record = record(line);
        record.map(Some).map_err(|what| lines.broken(what))
    };
    let Some(head) = row(&mut lines)? else { return Ok(None) };
    check_head::<T>(&head).map_err(|what| lines.broken(what))?;
    let decimals = decimals::<T>(&head);
    let mut rows = Vec::new();
    while let Some(record) = row(&mut lines)? {
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let checked = check_width(&head, &record).and_then(|()| check_finite(&decimals, &head, &record));
        let row =
            checked.and_then(|()| record.deserialize(Some(&head)).map_err(|error| expected(&error, &head, &record)));
        rows.push(row.and_then(&mut understand).map_err(|what| lines.broken(what))?);
    }
    Ok(Some(rows))
}

/// The fields of a line.
fn record(line: &[u8]) -> Result<StringRecord, String> {
    let mut record = StringRecord::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).buffer_capacity(line.len() + 1).from_reader(line);
    let read = reader.read_record(&mut record);
    read.map(|_| record).map_err(|error| format!("a row of comma-separated text, but: {error}"))
}

/// A row of zeros is a row of any such file that has its columns.
fn check_head<T: DeserializeOwned>(head: &StringRecord) -> Result<(), String> {
    let zeros = StringRecord::from(vec!["0"; head.len()]);
    zeros.deserialize::<T>(Some(head)).map(drop).map_err(|error| match error.kind() {
        ErrorKind::Deserialize { err, .. } => format!("a head line with every column once, but: {}", err.kind()),
        _ => format!("a head line, but: {error}"),
    })
}

/// The places of the columns that hold numbers with decimals: a row of zeros with a word there is refused for it.
fn decimals<T: DeserializeOwned>(head: &StringRecord) -> Vec<usize> {
    let is_decimal = |place: &usize| {
        let cells = (0..head.len()).map(|other| if other == *place { "a word" } else { "0" });
        let refused = StringRecord::from_iter(cells).deserialize::<T>(Some(head)).map(drop);
        let kind = refused.as_ref().map_err(csv::Error::kind);
        matches!(kind, Err(ErrorKind::Deserialize { err, .. }) if matches!(err.kind(), DeserializeErrorKind::ParseFloat(_)))
    };
    (0..head.len()).filter(is_decimal).collect()
}

fn check_finite(decimals: &[usize], head: &StringRecord, record: &StringRecord) -> Result<(), String> {
    let is_finite = |text: &str| text.parse::<f64>().map_or(true, f64::is_finite);
    let cell = |place: &usize| Some((record.get(*place)?, head.get(*place)?));
    match decimals.iter().filter_map(cell).find(|(text, _)| !is_finite(text)) {
        Some((text, column)) => Err(format!("a finite number in column '{column}', found '{text}'")),
        None => Ok(()),
    }
}

fn check_width(head: &StringRecord, record: &StringRecord) -> Result<(), String> {
    let (expected, found) = (head.len(), record.len());
    if found == expected { Ok(()) } else { Err(format!("{expected} fields, found {found}")) }
}

/// What a line should have been.
fn expected(error: &csv::Error, head: &StringRecord, record: &StringRecord) -> String {
    match error.kind() {
        ErrorKind::Deserialize { err, .. } => {
            let cell = |record: &StringRecord| {
                let place = err.field().and_then(|place| usize::try_from(place).ok());
                place.and_then(|place| record.get(place)).unwrap_or_default().to_owned()
            };
            format!("{} in column '{}', found '{}'", kind(err.kind()), cell(head), cell(record))
        }
        _ => format!("a row of comma-separated text, but: {error}"),
    }
}

/// What a cell should have been.
fn kind(kind: &DeserializeErrorKind) -> &'static str {
    match kind {
        DeserializeErrorKind::ParseInt(_) => "a count (a whole number)",
        DeserializeErrorKind::ParseFloat(_) => "a number",
        DeserializeErrorKind::ParseBool(_) => "true or false",
        DeserializeErrorKind::InvalidUtf8(_) => "text in UTF-8",
        DeserializeErrorKind::Message(_)
        | DeserializeErrorKind::Unsupported(_)
        | DeserializeErrorKind::UnexpectedEndOfRow => "another value",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::store::file;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Row {
        name: String,
        count: u64,
        share: Option<f64>,
    }

    fn back(text: &str) -> Result<Vec<Row>, String> {
        let lines = Lines::of(Path::new("x.csv"), text.as_bytes());
        read(lines, Ok).map(Option::unwrap_or_default).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name() {
        let row = |name: &str, count, share| Row { name: name.to_owned(), count, share };
        for (word, text, rows) in [
            ("as written", "name,count,share\na,1,0.5\nb,2,\n", vec![row("a", 1, Some(0.5)), row("b", 2, None)]),
            ("another order and one more", "share,more,count,name\n0.5,x,1,a\n", vec![row("a", 1, Some(0.5))]),
            ("one that may be empty is missing", "count,name\n1,a\n", vec![row("a", 1, None)]),
            ("no rows", "name,count,share\n", vec![]),
            ("nothing", "", vec![]),
            ("a name is no number", "name,count,share,more\nNaN,1,,inf\n", vec![row("NaN", 1, None)]),
            ("blank in a spreadsheet", "name,count,share\na,1,\n,,\n", vec![row("a", 1, None)]),
            ("saved by an editor", "\u{feff}name,count,share\r\na,1,\r\n\r\n \r\n", vec![row("a", 1, None)]),
        ] {
            assert_eq!(back(text), Ok(rows), "{word}");
        }
    }

    #[test]
    fn what_is_not_a_row_is_named() {
        for (text, line, part) in [
            ("name,share\na,0.5\n", 1, "a head line with every column once, but: missing field `count`"),
            ("name,share\n", 1, "missing field `count`"),
            ("name,count,share,count\n", 1, "duplicate field `count`"),
            ("name,count,share\na,1,\nb,x,\n", 3, "a count (a whole number) in column 'count', found 'x'"),
            ("name,count,share\na,,\n", 2, "a count (a whole number) in column 'count', found ''"),
            ("name,count,share\na,-1,\n", 2, "a count (a whole number) in column 'count', found '-1'"),
            ("more,name,count,share\n1,a,1,slow\n", 2, "a number in column 'share', found 'slow'"),
            ("name,count,share\na,1,\na,1,NaN\n", 3, "a finite number in column 'share', found 'NaN'"),
            ("name,count,share\na,1,-inf\n", 2, "a finite number in column 'share', found '-inf'"),
            ("share,name,count\n1e999,a,1\n", 2, "a finite number in column 'share', found '1e999'"),
            ("name,count,share\na,1\n", 2, "3 fields, found 2"),
            ("name,count,share\na,1,2,3\n", 2, "3 fields, found 4"),
        ] {
            let error = back(text).expect_err(text);
            assert!(error.contains(&format!("x.csv:{line}: expected")) && error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_everywhere_in_a_run_directory(name in "[a-z,\"' #é;]{0,9}", count in any::<u64>()) {
            let row = Row { name: file::printable(&name), count, share: None };
            let text = [head::<Row>().expect("a head"), lines([&row]).expect("a line")].concat();
            let text = String::from_utf8(text).expect("text");
            prop_assert_eq!(&text, &format!("name,count,share\n{},{count},\n", file::field(&name)));
            prop_assert_eq!(back(&text), Ok(vec![row]));
        }
    }
}
