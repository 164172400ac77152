//! The lines of a file of a run, one after the other: whatever the file holds, no more than one line of it is in memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::limits::Limit;
use crate::store::file::{self, StoreError};

/// The longest line.
pub(crate) const LONGEST: usize = Limit::RunLine.most();

/// Reads line after line.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    path: PathBuf,
    number: u64,
    line: Vec<u8>,
    /// Whether a last line without its end counts too.
    takes_cut: bool,
}

impl Lines<File> {
    /// Of a file that was written line by line: a last line that was cut by the death of its writer is left out.
    ///
    /// # Errors
    /// When it is not there, not readable, or no file.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(path, file::open(path)?))
    }
}

impl<R: Read> Lines<R> {
    /// Of what a reader brings; `path` is named in errors.
    pub(crate) fn of(path: &Path, reader: R) -> Self {
        let reader = BufReader::with_capacity(1 << 16, reader);
        Self { reader, path: path.to_owned(), number: 0, line: Vec::new(), takes_cut: false }
    }

    /// The same of a file that is written whole: what stands behind the last end of a line counts too.
    pub(crate) fn of_whole_file(self) -> Self {
        Self { takes_cut: true, ..self }
    }

    /// An error on the line that was read last.
    pub(crate) fn broken(&self, expected: impl Into<String>) -> StoreError {
        StoreError::broken(&self.path, self.number, expected)
    }

    /// The next line that says anything, without its end; `None` after the last.
    ///
    /// # Errors
    /// When the disk refuses, or a line is longer than any line of a run.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, StoreError> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.reader).take(LONGEST as u64 + 1).read_until(b'\n', &mut self.line);
            read.map_err(|error| StoreError::unreadable(&self.path, error))?;
            let is_whole = self.line.last() == Some(&b'\n');
            if !is_whole && self.line.len() > LONGEST {
                return Err(self.broken(too_long()));
            }
            if self.line.is_empty() || !(is_whole || self.takes_cut) {
                return Ok(None);
            }
            if self.number == 1 && self.line.starts_with(file::BYTE_ORDER_MARK) {
                self.line.drain(..file::BYTE_ORDER_MARK.len());
            }
            while self.line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                self.line.pop();
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some(&self.line))
    }
}

/// What is said of a line that is longer than any.
pub(crate) fn too_long() -> String {
    format!("a line of at most {LONGEST} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: Lines<&[u8]>) -> Result<Vec<String>, String> {
        let (mut lines, mut found) = (lines, Vec::new());
        while let Some(line) = lines.next().map_err(|error| error.to_string())? {
            found.push(String::from_utf8_lossy(line).into_owned());
        }
        Ok(found)
    }

    #[test]
    fn whole_lines_are_read_and_a_cut_one_only_where_the_file_is_whole() {
        let of = |text: &'static str| Lines::of(Path::new("x"), text.as_bytes());
        for (text, lines, more) in [
            ("", vec![], None),
            ("a\nb\n", vec!["a", "b"], None),
            ("\u{feff}a\r\n \r\n\nb\ncu", vec!["a", "b"], Some("cu")),
            ("cu", vec![], Some("cu")),
        ] {
            assert_eq!(all(of(text)), Ok(lines.iter().map(|line| (*line).to_owned()).collect()), "{text:?}");
            let whole = lines.into_iter().chain(more).map(str::to_owned).collect();
            assert_eq!(all(of(text).of_whole_file()), Ok(whole), "{text:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_is_read() {
        let endless = std::io::repeat(b'x');
        let error = Lines::of(Path::new("x"), endless).next().expect_err("endless").to_string();
        assert!(error.contains("x:1: expected a line of at most"), "{error}");
        let longest = [vec![b'x'; LONGEST], b"\n".to_vec()].concat();
        assert!(Lines::of(Path::new("x"), longest.as_slice()).next().is_ok_and(|line| line.is_some()));
    }
}
