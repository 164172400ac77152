//! How figures and texts stand in JSON: to the nanosecond, and without letters that hide or turn the text around them.

use std::io::{self, Write};

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};
use serde_json::value::to_raw_value;

use crate::visible::{MOST, is_unfit};

/// Six decimals: a nanosecond, in milliseconds.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// A number with all its decimals, such as a small probability.
pub(crate) fn exact<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    to_raw_value(number).map_err(S::Error::custom)?.serialize(serializer)
}

/// Lines and indents; numbers with no more than six decimals, texts with no more than [`MOST`] letters, of which those that
/// hide are written as their numbers.
#[derive(Default)]
pub(super) struct Rounded {
    layout: PrettyFormatter<'static>,
    /// Letters of the present text.
    letters: usize,
}

impl Rounded {
    /// Whether one more letter of the present text is written.
    fn has_room<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<bool> {
        self.letters += 1;
        if self.letters == MOST + 1 {
            writer.write_all("…".as_bytes())?;
        }
        Ok(self.letters <= MOST)
    }
}

impl Formatter for Rounded {
    fn begin_string<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.letters = 0;
        self.layout.begin_string(writer)
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for letter in fragment.chars() {
            if !self.has_room(writer)? {
                break;
            } else if is_unfit(letter) {
                letter.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            } else {
                writer.write_all(letter.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: Write + ?Sized>(&mut self, writer: &mut W, letter: CharEscape) -> io::Result<()> {
        if self.has_room(writer)? { self.layout.write_char_escape(writer, letter) } else { Ok(()) }
    }

    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.layout.write_f64(writer, rounded(value))
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.layout.begin_array_value(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.layout.begin_object_key(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.layout.end_object_value(writer)
    }
}
