//! What the simulator says: on standard output what was asked for, on standard error the rest. Names of a scenario stand in
//! both, and may hold anything.

use std::fmt::Display;
use std::io::Write;

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
    // Nobody is left to hear of a refusal.
    let _ = std::io::stderr().lock().write_all(harmless(&format!("{message}\n")).as_bytes());
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
