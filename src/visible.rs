//! Which letters of a text from outside can be shown: none that commands a terminal, hides, or turns the text around it.

use crate::limits::Limit;

/// The most letters of one text that a form shows.
pub(crate) const MOST: usize = Limit::FormText.most();

/// The letters of a text that can be shown, at most [`MOST`]. A line break is `\n`; other control characters are spaces.
pub(crate) fn visible(text: &str) -> impl Iterator<Item = char> {
    let end = text.char_indices().nth(MOST).map_or(text.len(), |(at, _)| at);
    let more = (end < text.len()).then_some('…');
    text[..end].chars().filter(|letter| !is_hidden(*letter)).map(shown).chain(more)
}

/// The same on one line.
pub(crate) fn line(text: &str) -> String {
    visible(text).map(|letter| if letter == '\n' { ' ' } else { letter }).collect()
}

fn shown(letter: char) -> char {
    if letter != '\n' && is_command(letter) { ' ' } else { letter }
}

/// Letters that stand for something to do: to a terminal, or to break the line.
fn is_command(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Letters that are written as their numbers where a text must stay what it is.
pub(crate) fn is_unfit(letter: char) -> bool {
    is_command(letter) || is_hidden(letter)
}

/// Letters without a form of their own, some of which turn the text around them, and what is no letter.
pub(crate) fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(letter) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_commands_is_not_shown() {
        for (text, shown) in [
            ("a\u{1b}[31mb\u{7}\0c\u{9b}d", "a [31mb  c d"),
            ("\u{202e}gnp.exe\u{2066} \u{200b}x\u{feff}", "gnp.exe x"),
            ("a\nb\rc\td\u{2028}e", "a b c d e"),
            ("\u{ffff}\u{1fffe}\u{fdd0}ä漢🙂", "ä漢🙂"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert_eq!(visible("a\nb").collect::<String>(), "a\nb");
        let long = line(&"ä".repeat(1 << 20));
        assert!(long.chars().count() == MOST + 1 && long.ends_with('…'));
        assert_eq!(line(&"ä".repeat(MOST)).chars().count(), MOST);
    }
}
