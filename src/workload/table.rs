//! Tables of comma-separated text, also those of spreadsheets that separate by semicolons or tabs.

use std::path::Path;

use csv::{StringRecord, StringRecordsIntoIter};

use crate::limits::Limit;
use crate::text_file;
use crate::workload::error::WorkloadError;

/// What separates fields; of those that stand in a header the most frequent.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A table, of which the header was read.
pub(crate) struct Table<'t> {
    /// The names of the columns, in small letters.
    pub columns: Vec<String>,
    text: &'t str,
    file: &'t Path,
    expected: &'static str,
    records: StringRecordsIntoIter<&'t [u8]>,
}

impl<'t> Table<'t> {
    /// Reads a text as a table if it looks like one: it has a header of several columns and is no JSON.
    ///
    /// # Errors
    /// When its header is no row of a table.
    pub(crate) fn find(text: &'t str, file: &'t Path, expected: &'static str) -> Result<Option<Self>, WorkloadError> {
        let header = text_file::lines(text).next().map_or("", |(_, line)| line);
        let is_table = !header.starts_with(['{', '[']) && separator(header).is_some();
        if is_table || header.eq_ignore_ascii_case("prompt") {
            Self::parse(text, file, expected).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads a text as a table.
    ///
    /// # Errors
    /// When its header is no row of a table, or a line is too long.
    pub(crate) fn parse(text: &'t str, file: &'t Path, expected: &'static str) -> Result<Self, WorkloadError> {
        for (line, row) in (1..).zip(text.lines()) {
            Limit::TableLine.check(row.len()).map_err(|found| WorkloadError::line(file, line, found, expected))?;
        }
        let header = text_file::lines(text).next().map_or("", |(_, line)| line);
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(separator(header).unwrap_or(b','))
            .from_reader(text.as_bytes());
        let mut table = Self { columns: Vec::new(), text, file, expected, records: reader.into_records() };
        if let Some(header) = table.next_record() {
            let (line, header) = header?;
            Limit::TableColumns.check(header.len()).map_err(|found| table.wrong(line, found))?;
            table.columns = header.iter().map(str::to_lowercase).collect();
        }
        Ok(table)
    }

    /// The rows that say something, each with its line.
    pub(crate) fn rows(mut self) -> impl Iterator<Item = Result<(u64, StringRecord), WorkloadError>> + use<'t> {
        std::iter::from_fn(move || {
            let (fields, columns) = (self.next_record()?, self.columns.len());
            Some(fields.and_then(|(line, record)| match record.len() {
                fields if fields == columns => Ok((line, record)),
                fields => Err(self.wrong(line, format!("the row has {fields} fields and the header {columns}"))),
            }))
        })
    }

    fn next_record(&mut self) -> Option<Result<(u64, StringRecord), WorkloadError>> {
        loop {
            match self.records.next()? {
                Ok(record) if record.iter().all(str::is_empty) => {}
                Ok(record) => return Some(Ok((line_of(record.position(), self.text), record))),
                Err(error) => return Some(Err(self.wrong(line_of(error.position(), self.text), error.to_string()))),
            }
        }
    }

    fn wrong(&self, line: u64, found: String) -> WorkloadError {
        WorkloadError::line(self.file, line, found, self.expected)
    }

    /// The place of a column.
    #[must_use]
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

/// The line of a record; its position is that of the blank lines before it.
fn line_of(position: Option<&csv::Position>, text: &str) -> u64 {
    let Some(position) = position else { return 1 };
    let blank = text.as_bytes().iter().skip(position.byte() as usize).take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

fn separator(header: &str) -> Option<u8> {
    let count = |separator: &u8| header.bytes().filter(|byte| byte == separator).count();
    // Of equals the first: a comma.
    SEPARATORS.into_iter().rev().filter(|separator| count(separator) > 0).max_by_key(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(u64, StringRecord)>;

    fn table(text: &str) -> Result<(Vec<String>, Option<usize>, Rows), String> {
        let table = Table::parse(text, Path::new("t.csv"), "a table").map_err(|error| error.to_string())?;
        let (columns, place) = (table.columns.clone(), table.column("BC"));
        Ok((columns, place, table.rows().collect::<Result<_, _>>().map_err(|error| error.to_string())?))
    }

    #[test]
    fn tables_of_every_spreadsheet_are_read() {
        for text in [
            "A,Bc\n1,2\n3,4\n",
            "A,Bc\r\n1,2\r\n3,4\r\n",
            "A;Bc\n1;2\n3;4",
            "A\tBc\n1\t2\n3\t4\n",
            "\nA,Bc\n\n1,2\n \n3,4\n,\n\n",
            "\"A\",\"Bc\"\n\"1\",\"2\"\n 3 , 4 \n",
        ] {
            let (columns, place, rows) = table(text).expect(text);
            assert_eq!((columns.as_slice(), place), (&["a".to_owned(), "bc".to_owned()][..], Some(1)));
            let rows: Vec<Vec<&str>> = rows.iter().map(|(_, row)| row.iter().collect()).collect();
            assert_eq!(rows, [["1", "2"], ["3", "4"]], "{text:?}");
        }
        let lines: Vec<u64> =
            table("a,b\n\n\"x\ny\",2\n3,4\n").expect("read").2.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 5], "a field may go over lines");
    }

    #[test]
    fn a_row_of_another_length_is_named() {
        assert_eq!(
            table("a,b\n1,2\n1\n").expect_err("short"),
            "t.csv:3: the row has 1 fields and the header 2; expected a table"
        );
        assert!(table("a,b\n1,2,3\n").expect_err("long").contains("3 fields"));
    }

    #[test]
    fn what_is_no_table_is_left_alone() {
        let is_table = |text| Table::find(text, Path::new("t"), "a table").expect(text).is_some();
        assert!(is_table("a,b\n1,2\n") && is_table("prompt\nHi\n") && is_table("\"prompt\",\"id\"\n"));
        assert!(!is_table("{\"a\":1,\"b\":2}\n") && !is_table("[1,2]") && !is_table("hello\n") && !is_table(""));
    }
}
