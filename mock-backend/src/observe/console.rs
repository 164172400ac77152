//! What the simulator says: on standard output what was asked for, on standard error the rest. Names of a scenario stand in
//! both, and may hold anything.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;

/// The columns of a terminal that does not tell its width.
const UNKNOWN: usize = 80;
/// No text is laid out for less.
const LEAST: usize = 40;

/// Prints what was asked for and a line end, at once, also into a pipe.
///
/// # Errors
/// When standard output does not take it.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(harmless(&format!("{text}\n")).as_bytes())?;
    out.flush()
}

/// Writes a message and a line end to standard error, if it can take it. Nobody need listen: a terminal that is gone, or a
/// full disk behind it, never ends the simulator, as the macros that panic then would.
pub(crate) fn tell(message: impl Display) {
    let text = harmless(&format!("{message}\n"));
    let text = width(&std::io::stderr()).map_or(text.clone(), |width| wrapped(&text, width));
    // Nobody is left to hear of a refusal.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A text for people in lines that fit the terminal at standard output. In a pipe a line stays a line.
pub(crate) fn fit(text: &str) -> String {
    width(&std::io::stdout()).map_or_else(|| text.to_owned(), |width| wrapped(text, width))
}

/// The columns of a terminal; `None` elsewhere.
fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let told = || rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
    let told = || told().filter(|columns| *columns > 0).unwrap_or(UNKNOWN);
    stream.is_terminal().then(|| told().max(LEAST))
}

/// Every line of a text in lines of this width, broken between words alone; the second and later ones stand two columns
/// further in.
fn wrapped(text: &str, width: usize) -> String {
    let mut all = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim_end().chars().count() <= width {
            all.push_str(line);
            continue;
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut used = 0;
        for word in line[indent..].trim_end().split(' ') {
            let wide = word.chars().count();
            let margin = match used {
                0 => indent,
                used if used + 1 + wide <= width => 1,
                _ => {
                    all.push('\n');
                    used = 0;
                    indent + 2
                }
            };
            all.extend(std::iter::repeat_n(' ', margin));
            all.push_str(word);
            used += margin + wide;
        }
        if line.ends_with('\n') {
            all.push('\n');
        }
    }
    all
}

/// A message in which nothing commands a terminal or turns the text around it: control characters but line ends and tabs,
/// and letters without a form of their own, are written as `\u001b`, which is the same text inside JSON.
fn harmless(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for letter in message.chars() {
        if (letter.is_control() && !matches!(letter, '\n' | '\t')) || is_invisible(letter) {
            text.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(letter);
        }
    }
    text
}

/// Letters that are not seen, some of which turn the text around them, and what is no letter.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(letter) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_alone() {
        for (text, width, fitted) in [
            ("one two three\n", 20, "one two three\n"),
            ("one two three\n", 8, "one two\n  three\n"),
            ("  one two three\nfour", 9, "  one two\n    three\nfour"),
            ("at http://127.0.0.1:41234/v1 it is", 12, "at\n  http://127.0.0.1:41234/v1\n  it is"),
            ("a   b", 40, "a   b"),
            ("", 40, ""),
        ] {
            assert_eq!(wrapped(text, width), fitted, "{text:?} in {width}");
        }
    }

    #[test]
    fn nothing_that_is_said_commands_a_terminal() {
        for (message, said) in [
            ("error: plain \u{e9}\n\tmore", "error: plain \u{e9}\n\tmore"),
            ("key '\u{1b}[2J\0\u{7f}\u{9b}31m'", "key '\\u001b[2J\\u0000\\u007f\\u009b31m'"),
            ("a\u{202e}b\u{2066}\u{feff}\r", "a\\u202eb\\u2066\\ufeff\\u000d"),
            ("\u{ad}\u{e0041}\u{1fffe}\u{1f642}", "\\u00ad\\udb40\\udc41\\ud83f\\udffe\u{1f642}"),
        ] {
            assert_eq!(harmless(message), said);
        }
    }
}
