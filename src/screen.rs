//! What a screen can show: how wide it is, whether it takes colours and lines that are drawn again, and text in lines that
//! fit it. A word is never broken: one that is wider than the screen has a line of its own, so that an address or a file
//! can be copied.

use std::io::{IsTerminal, stderr, stdout};

use unicode_width::UnicodeWidthChar;

/// The columns of a terminal that does not tell its width.
const UNKNOWN: u16 = 80;
/// The columns of tables that go into a pipe or a file, unless `COLUMNS` says otherwise.
const PIPED: u16 = 120;
/// No text is laid out for less.
const LEAST: u16 = 40;
/// How far the second and later lines of a text stand in.
const HANGING: usize = 2;

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// The columns of a terminal; `None` in a pipe or a file.
    width: Option<u16>,
    /// The columns that `COLUMNS` asks for.
    asked: Option<u16>,
    /// Whether the terminal shows colours and lets lines be drawn again.
    is_capable: bool,
}

impl Screen {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        let out = stdout();
        let is_terminal = out.is_terminal();
        Self::of(is_terminal, columns(out).filter(|_| is_terminal), |name| std::env::var(name).ok())
    }

    /// Standard error.
    pub(crate) fn stderr() -> Self {
        let out = stderr();
        let is_terminal = out.is_terminal();
        Self::of(is_terminal, columns(out).filter(|_| is_terminal), |name| std::env::var(name).ok())
    }

    /// A terminal that tells its columns, or anything else, with the variables of the environment.
    fn of(is_terminal: bool, columns: Option<u16>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let asked = set("COLUMNS").and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
        let told = columns.filter(|columns| *columns > 0).or(asked).unwrap_or(UNKNOWN);
        let is_dumb = set("TERM").is_none_or(|term| term == "dumb");
        Self {
            width: is_terminal.then_some(told.max(LEAST)),
            asked: asked.map(|columns| columns.max(LEAST)),
            is_capable: is_terminal && !is_dumb && set("NO_COLOR").is_none(),
        }
    }

    /// Whether colours and lines that are drawn again are wanted: not in a pipe, with `TERM=dumb` or with `NO_COLOR`.
    pub(crate) fn is_capable(self) -> bool {
        self.is_capable
    }

    /// The columns of tables.
    pub(crate) fn table_width(self) -> u16 {
        self.width.or(self.asked).unwrap_or(PIPED)
    }

    /// A text as it fits a terminal. In a pipe a line stays a line, whoever reads it.
    pub(crate) fn fit(self, text: &str) -> String {
        self.width.map_or_else(|| text.to_owned(), |width| fit(text, width.into()))
    }
}

#[cfg(unix)]
fn columns(of: impl std::os::fd::AsFd) -> Option<u16> {
    rustix::termios::tcgetwinsize(of).ok().map(|size| size.ws_col)
}

#[cfg(not(unix))]
fn columns<T>(_: T) -> Option<u16> {
    None
}

/// How much room a line takes: escapes that colour a text take none, some letters two columns.
pub(crate) fn visible_width(line: &str) -> usize {
    let mut escaped = false;
    line.chars().fold(0, |width, letter| {
        let seen = !escaped && letter != '\u{1b}';
        escaped = letter == '\u{1b}' || (escaped && letter != 'm');
        width + if seen { letter.width().unwrap_or(0) } else { 0 }
    })
}

/// Every line of a text in lines of at most this width, the second and later ones of each two columns further in.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let fitted = text.lines().flat_map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if visible_width(line) <= width { vec![line.to_owned()] } else { wrap(&line[indent..], indent, width) }
    });
    let mut fitted = fitted.collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') {
        fitted.push('\n');
    }
    fitted
}

/// Words in lines of at most this width that stand in by `indent`, the second and later ones by two more.
pub(crate) fn wrap(text: &str, indent: usize, width: usize) -> Vec<String> {
    let first = text.split(' ').next().map_or(0, visible_width);
    let mut lines = vec![margin(indent, first, width)];
    let (mut used, mut is_empty) = (lines[0].len(), true);
    for word in text.split(' ') {
        let wide = visible_width(word);
        if !is_empty && used + 1 + wide > width {
            lines.push(margin(indent + HANGING, wide, width));
            used = lines.last().map_or(0, String::len);
        } else if !is_empty {
            lines.last_mut().into_iter().for_each(|line| line.push(' '));
            used += 1;
        }
        lines.last_mut().into_iter().for_each(|line| line.push_str(word));
        used += wide;
        is_empty = false;
    }
    lines
}

/// The space before a word: less than wanted where that lets it fit.
pub(crate) fn margin(wanted: usize, word: usize, width: usize) -> String {
    " ".repeat(if word <= width { wanted.min(width - word) } else { wanted.min(HANGING) })
}

/// What is wrong with a text that was laid out for a width, beside the same text laid out for no width: lines that are too
/// wide though they could be broken, and words that were torn.
#[cfg(test)]
pub(crate) fn faults(text: &str, width: usize, whole: &str) -> Vec<String> {
    let words = |text: &str| {
        // Lines and dots of this program's own stand between words.
        let words = text.split([' ', '\u{a0}', '\n']).filter(|word| !word.trim_matches(['─', '·']).is_empty());
        words.map(|word| word.trim_end_matches(':').to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let known = words(whole);
    let is_one = |line: &str| !line.trim().contains(' ');
    let wide = text.lines().filter(|line| visible_width(line) > width && !is_one(line));
    let wide = wide.map(|line| format!("{width}: too wide: {line}"));
    wide.chain(words(text).difference(&known).map(|word| format!("{width}: torn: {word}"))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_screen_is_as_wide_as_it_says_and_as_capable() {
        let capable = &[("TERM", "xterm")][..];
        for (terminal, columns, variables, table, capacity) in [
            (true, Some(60), capable, 60, true),
            (true, Some(60), &[("TERM", "xterm"), ("COLUMNS", "200")], 60, true),
            (true, None, &[("TERM", "xterm"), ("COLUMNS", "100")], 100, true),
            (true, Some(0), capable, 80, true),
            (true, Some(10), capable, 40, true),
            (true, Some(80), &[("TERM", "dumb")], 80, false),
            (true, Some(80), &[], 80, false),
            (true, Some(80), &[("TERM", "xterm"), ("NO_COLOR", "1")], 80, false),
            (true, Some(80), &[("TERM", "xterm"), ("NO_COLOR", "")], 80, true),
            (false, None, capable, 120, false),
            (false, None, &[("COLUMNS", "72"), ("TERM", "xterm")], 72, false),
            (false, None, &[("COLUMNS", "wide")], 120, false),
        ] {
            let of = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let screen = Screen::of(terminal, columns, of);
            assert_eq!(
                (screen.table_width(), screen.is_capable()),
                (table, capacity),
                "{terminal} {columns:?} {variables:?}"
            );
            let long = "word ".repeat(100);
            assert_eq!(screen.fit(&long) == long, !terminal, "in a pipe a line stays a line");
        }
    }

    #[test]
    fn words_stay_whole_and_a_long_one_has_a_line_of_its_own() {
        let url = "https://a-resource-in-sweden.openai.azure.com/openai/v1/chat";
        for (text, width, fitted) in [
            ("one two three", 20, "one two three".to_owned()),
            ("one two three", 8, "one two\n  three".to_owned()),
            ("  one two three", 9, "  one two\n    three".to_owned()),
            ("error: a\nerror: b c d", 9, "error: a\nerror: b\n  c d".to_owned()),
            (&format!("see {url} for more"), 40, format!("see\n  {url}\n  for more")),
            (&format!("see {url} for more"), 61, format!("see\n {url}\n  for more")),
            ("a  b", 40, "a  b".to_owned()),
            ("漢字 漢字", 5, "漢字\n 漢字".to_owned()),
            ("\u{1b}[31mred\u{1b}[0m one", 7, "\u{1b}[31mred\u{1b}[0m one".to_owned()),
            ("", 40, String::new()),
            ("ends with a line\n", 40, "ends with a line\n".to_owned()),
        ] {
            assert_eq!(fit(text, width), fitted, "{text:?} in {width}");
        }
    }

    proptest! {
        #[test]
        fn any_text_fits_with_its_words_whole(text in "( {0,4}[a-z0-9:/.漢-]{0,70}( [a-z]{1,20}){0,20}\n){1,4}", width in 40usize..160) {
            prop_assert_eq!(faults(&fit(&text, width), width, &text), [] as [&str; 0]);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&fit(&text, width)), words(&text));
        }
    }
}
