//! What this program says to whoever started it: the only place that writes to standard output and standard error.
//!
//! Either may be gone or full at any time (a pipe whose reader has ended, `/dev/full`, a terminal that was closed). That
//! never ends the program: a message that nobody can take is dropped, and a document that could not be handed over is an
//! error of the caller to decide about. The macros `println!` and `eprintln!` panic instead, so a lint forbids them.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::screen::Screen;
use crate::visible::is_unfit;

/// A text that standard output did not take.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Whoever read it has ended. There is nobody to tell, so the text is empty.
    #[error("")]
    ReaderGone,
    /// It refused.
    #[error("cannot write to standard output: {0}; free some space, or send it elsewhere")]
    Refused(io::Error),
}

impl From<io::Error> for Undelivered {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Refused(error) }
    }
}

/// Writes what can be had again at any time to standard output: a text for people, a plan, a schema. A reader who has
/// left has seen enough.
///
/// # Errors
/// [`Undelivered::Refused`] when it refuses.
pub fn show(text: &str) -> Result<(), Undelivered> {
    match deliver(text) {
        Err(Undelivered::ReaderGone) => Ok(()),
        done => done,
    }
}

/// Writes the result of a measurement to standard output, at once and whole: what the command was asked for.
///
/// # Errors
/// When not all of it was taken. A reader who left before its end did not get it, but is not there to be told.
pub(crate) fn deliver(document: &str) -> Result<(), Undelivered> {
    print_to(&mut io::stdout().lock(), document)
}

/// Writes sentences for people to standard output, in lines that fit a terminal.
///
/// # Errors
/// As of [`show`].
pub(crate) fn say(sentences: &str) -> Result<(), Undelivered> {
    show(&Screen::stdout().fit(sentences))
}

/// Writes a message and a line end to standard error, if it can take it, in lines that fit a terminal.
pub fn tell(message: impl Display) {
    let text = Screen::stderr().fit(&harmless(&format!("{message}\n")));
    // In one piece, so that lines of several threads do not mix. Nobody is left to hear of a refusal.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A message in which nothing commands a terminal or turns the text around it: control characters but line ends and tabs,
/// and letters without a form of their own, are written as `\u001b`, which is the same text inside JSON.
#[must_use]
pub(crate) fn harmless(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for letter in message.chars() {
        if is_unfit(letter) && !matches!(letter, '\n' | '\t') {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        } else {
            text.push(letter);
        }
    }
    text
}

fn print_to(out: &mut impl Write, text: &str) -> Result<(), Undelivered> {
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_commands_a_terminal() {
        for (message, said) in [
            ("error: plain \u{e9}\n\tmore", "error: plain \u{e9}\n\tmore"),
            ("key '\u{1b}[2J\0\u{7f}\u{9b}31m'", "key '\\u001b[2J\\u0000\\u007f\\u009b31m'"),
            ("a\u{202e}b\u{2066}\u{feff}\r", "a\\u202eb\\u2066\\ufeff\\u000d"),
            ("\u{3164}\u{fe0f}\u{e0041}", "\\u3164\\ufe0f\\udb40\\udc41"),
        ] {
            assert_eq!(harmless(message), said);
        }
    }

    /// A stream that refuses, at once or only when it is flushed.
    struct Refusing(ErrorKind, bool);

    impl Write for Refusing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 { Ok(bytes.len()) } else { Err(self.0.into()) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_refusal_is_told_and_a_reader_who_left_is_told_apart() {
        for late in [false, true] {
            let print = |kind| print_to(&mut Refusing(kind, late), "text");
            assert!(matches!(print(ErrorKind::BrokenPipe), Err(Undelivered::ReaderGone)));
            let full = print(ErrorKind::StorageFull).expect_err("full");
            assert!(full.to_string().starts_with("cannot write to standard output: "), "{full}");
        }
        assert_eq!(Undelivered::ReaderGone.to_string(), "");
    }

    #[test]
    fn a_text_ends_with_one_line_end() {
        let mut out = Vec::new();
        print_to(&mut out, "text\n\n").expect("taken");
        assert_eq!(out, b"text\n");
    }
}
