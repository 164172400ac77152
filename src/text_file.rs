//! Text files that people hand in: one reader for all, whoever saved them.
//!
//! Editors and spreadsheets put a byte order mark in front, end lines in other ways and leave blank lines behind; none of
//! that is part of what a file says. What is no text at all is named, with what to do about it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::limits::Limit;

/// The byte order mark as a character.
const BOM: char = '\u{feff}';

/// What old systems put behind the end of a text.
const PADDING: [char; 2] = ['\u{1a}', '\0'];

/// What files that are no text in UTF-8 begin with, and what they are. Longer beginnings stand before shorter ones.
const FOREIGN: [(&[u8], &str); 16] = [
    (b"\x1f\x8b", "a gzip file; unpack it first (gzip -d)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file; unpack it first (zstd -d)"),
    (b"BZh", "a bzip2 file; unpack it first (bzip2 -d)"),
    (b"\xfd7zXZ\0", "an xz file; unpack it first (xz -d)"),
    (b"PK\x03\x04", "a ZIP archive or a workbook; unpack it, or save it as CSV or JSONL"),
    (b"PAR1", "a Parquet file; convert it to JSONL, for instance with pandas or DuckDB"),
    (b"ARROW1", "an Arrow file; convert it to JSONL, for instance with pandas or DuckDB"),
    (b"Obj\x01", "an Avro file; convert it to JSONL"),
    (b"SQLite format 3\0", "an SQLite database; export the table as CSV"),
    (b"%PDF-", "a PDF document; save its data as CSV or JSONL"),
    (b"\xff\xfe\0\0", "text in UTF-32; save it as UTF-8"),
    (b"\xff\xfe", "text in UTF-16, as Notepad and PowerShell write it; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
    (b"version https://git-lfs.github.com/", "a Git LFS pointer, not the file itself; fetch the file (git lfs pull)"),
    (b"<!", "a web page, not the file itself; download the raw file"),
    (b"<html", "a web page, not the file itself; download the raw file"),
];

/// Reads a text file: without a byte order mark, and with `\n` where lines end by a lone carriage return.
///
/// # Errors
/// When it cannot be read, is longer than the limit, or is no text in UTF-8: then the message says what it is instead.
pub(crate) fn read(path: &Path, limit: Limit) -> io::Result<String> {
    is_regular(path)?;
    let size = usize::try_from(std::fs::metadata(path)?.len()).unwrap_or(usize::MAX);
    limit.check(size).map_err(invalid)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.most() as u64 + 1).read_to_end(&mut bytes)?;
    limit.check(bytes.len()).and_then(|()| text(bytes).map_err(|what| format!("it is {what}"))).map_err(invalid)
}

/// Refuses what is no file that has an end: a folder, a pipe, a device.
///
/// # Errors
/// When it is not there, or none.
pub(crate) fn is_regular(path: &Path) -> io::Result<()> {
    let kind = std::fs::metadata(path)?;
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => Err(invalid("it is a folder, not a file".to_owned())),
        (false, false) => Err(invalid("it is a pipe or a device; write what comes from it to a file first".to_owned())),
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

/// The bytes of a file as text; otherwise what they are instead.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    if let Some((_, what)) = FOREIGN.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Err((*what).to_owned());
    }
    if bytes.iter().take(64).filter(|byte| **byte == 0).count() > 8 {
        return Err("no text, or text in UTF-16; save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("not in UTF-8 (line {line}); save it as UTF-8")
    })?;
    let plain = text.trim_start_matches(BOM).trim_end_matches(PADDING);
    if plain.contains('\r') && !plain.contains('\n') {
        return Ok(plain.replace('\r', "\n"));
    }
    Ok(if plain.len() < text.len() { plain.to_owned() } else { text })
}

/// The lines of a text that say something, each with its number from 1 and without what surrounds it. Files that were put
/// together have byte order marks in the middle, and those of DOS end with a character of their own.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> + Clone {
    let around = |c: char| c.is_whitespace() || c == BOM || PADDING.contains(&c);
    (1..).zip(text.lines().map(move |line| line.trim_matches(around))).filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_add_is_no_part_of_the_text() {
        let expected = [(1, "a b"), (3, "c")];
        for (word, bytes) in [
            ("plain", "a b\n\nc\n"),
            ("a byte order mark", "\u{feff}a b\n\nc\n"),
            ("two of them", "\u{feff}\u{feff}a b\n\nc\n"),
            ("one in the middle", "a b\n\n\u{feff}c\n"),
            ("CRLF", "a b\r\n\r\nc\r\n"),
            ("lone CR", "a b\r\rc\r"),
            ("blanks", "  a b \t\n \t \nc"),
            ("blank lines at the end", "a b\n\nc\n\n \n\u{feff}\n"),
            ("the end of a file in DOS", "a b\r\n\r\nc\r\n\u{1a}"),
            ("padding", "a b\n\nc\n\0\0"),
            ("no-break and ideographic space", "\u{a0}a b\n\u{3000}\nc\n"),
        ] {
            let text = text(bytes.as_bytes().to_vec()).expect(word);
            assert_eq!(lines(&text).collect::<Vec<_>>(), expected, "{word}");
        }
        assert_eq!(lines(&text(b"\xef\xbb\xbf\r\n".to_vec()).expect("text")).count(), 0);
        assert_eq!(text("{\"a\":\"\\r\"}\r\n".into()).expect("text"), "{\"a\":\"\\r\"}\r\n", "nothing else is touched");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let utf16 =
            |order: fn(u16) -> [u8; 2]| "{\"messages\": []}".encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
        for (bytes, part) in [
            (marked(b"\xff\xfe", utf16(u16::to_le_bytes)), "UTF-16"),
            (marked(b"\xfe\xff", utf16(u16::to_be_bytes)), "UTF-16"),
            (utf16(u16::to_le_bytes), "UTF-16"),
            (utf16(u16::to_be_bytes), "UTF-16"),
            (b"PAR1\x15\x04".to_vec(), "Parquet"),
            (b"\x1f\x8b\x08\0".to_vec(), "gzip -d"),
            (b"<!DOCTYPE html>\n<html>".to_vec(), "web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n".to_vec(), "Git LFS pointer"),
            (b"caf\xc3\xa9\ncaf\xe9\n".to_vec(), "line 2"),
        ] {
            let what = text(bytes).expect_err(part);
            assert!(what.contains(part) && !what.contains('\n'), "{part}: {what}");
        }
        for (beginning, _) in FOREIGN {
            assert!(text(beginning.to_vec()).is_err(), "{beginning:?} is hidden by another");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_of_the_system() {
        assert_eq!(read(Path::new("/nowhere/at/all"), Limit::SmallFile).expect_err("none").kind(), ErrorKind::NotFound);
    }
}
