//! What the simulator says on standard error. Nobody need listen: a terminal that is gone, or a full disk behind it, never
//! ends the simulator, as the macros that panic then would.

use std::fmt::Display;
use std::io::Write;

/// Writes a message and a line end to standard error, if it can take it.
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
            text.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            text.push(letter);
        }
    }
    text
}

/// Letters that are not seen, some of which turn the text around them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
        ] {
            assert_eq!(harmless(message), said);
        }
    }
}
