//! How wide the columns of a table become where there is little room: cells are broken between words and nowhere else, so
//! that a name stays a name and a number a number. A head is never broken.

use crate::screen::visible_width;

/// The most words of an interval, from its bracket to the end of it: `[237 ms, 266 ms];`.
const INTERVAL_WORDS: usize = 4;

/// Where a cell may be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaks {
    /// Between words, but not within an interval in brackets.
    AroundIntervals,
    /// Between words.
    BetweenWords,
}

/// The pieces of a text that stay whole.
fn pieces(text: &str, breaks: Breaks) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let mut pieces = Vec::new();
    let mut rest = &words[..];
    while let [first, ..] = rest {
        let opens = breaks == Breaks::AroundIntervals && first.starts_with('[');
        let closes = rest.iter().take(INTERVAL_WORDS).position(|word| word.contains(']'));
        let taken = closes.filter(|_| opens).map_or(1, |last| last + 1);
        pieces.push(rest[..taken].join(" "));
        rest = &rest[taken..];
    }
    pieces
}

/// The text in lines of this width; a piece that is wider has a line of its own.
pub(crate) fn wrap(text: &str, width: usize, breaks: Breaks) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces(text, breaks) {
        match lines.last_mut() {
            Some(line) if visible_width(line) + 1 + visible_width(&piece) <= width => {
                line.push(' ');
                line.push_str(&piece);
            }
            Some(_) | None => lines.push(piece),
        }
    }
    lines
}

/// What a column holds: its head and its cells.
pub(crate) type Texts = Vec<String>;

/// The room that columns take together when nothing is broken.
pub(crate) fn natural(columns: &[Texts]) -> usize {
    columns.iter().map(|column| bounds(column, Breaks::BetweenWords).0).sum()
}

/// The width of a column that is not broken, and the least that it can have.
fn bounds(column: &Texts, breaks: Breaks) -> (usize, usize) {
    let whole = column.iter().map(|text| visible_width(text)).max().unwrap_or(0);
    let head = column.first().map_or(0, |head| visible_width(head));
    let least = column.iter().skip(1).flat_map(|text| pieces(text, breaks)).map(|piece| visible_width(&piece)).max();
    (whole, least.unwrap_or(0).max(head))
}

/// The widths of columns that have this much room together: each as wide as its texts if it can be, and the widest are the
/// first that are broken. `None` where a word or a number would have to be.
pub(crate) fn widths(columns: &[Texts], room: usize, breaks: Breaks) -> Option<Vec<usize>> {
    let bounds: Vec<(usize, usize)> = columns.iter().map(|column| bounds(column, breaks)).collect();
    let at = |level: usize| bounds.iter().map(move |(whole, least)| level.clamp(*least, *whole)).collect::<Vec<_>>();
    let used = |level: usize| at(level).iter().sum::<usize>();
    let widest = bounds.iter().map(|(whole, _)| *whole).max().unwrap_or(0);
    // The widest level that fits: what is used grows with the level.
    let levels: Vec<usize> = (0..=widest).collect();
    let fitting = levels.partition_point(|level| used(*level) <= room);
    Some(at(fitting.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_break_between_words_and_intervals_stay_whole_where_they_can() {
        for (text, width, breaks, lines) in [
            ("a private-endpoint here", 16, Breaks::BetweenWords, vec!["a", "private-endpoint", "here"]),
            ("a private-endpoint", 9, Breaks::BetweenWords, vec!["a", "private-endpoint"]),
            ("+27.3 [27.03, 27.61]", 14, Breaks::AroundIntervals, vec!["+27.3", "[27.03, 27.61]"]),
            ("+27.3 [27.03, 27.61]", 8, Breaks::BetweenWords, vec!["+27.3", "[27.03,", "27.61]"]),
            ("395 ms [347 ms, ?]; 591 calls", 20, Breaks::AroundIntervals, vec!["395 ms [347 ms, ?];", "591 calls"]),
            ("[ no interval at all here", 8, Breaks::AroundIntervals, vec!["[ no", "interval", "at all", "here"]),
            ("漢字 漢字", 5, Breaks::BetweenWords, vec!["漢字", "漢字"]),
            ("", 5, Breaks::BetweenWords, vec![""]),
        ] {
            assert_eq!(wrap(text, width, breaks), lines, "{text}");
        }
    }

    #[test]
    fn the_widest_columns_are_the_first_that_are_broken() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Texts>();
        let columns = [texts(&["path", "direct"]), texts(&["said", "one two three four five"]), texts(&["42"])];
        let of = |room| widths(&columns, room, Breaks::BetweenWords);
        assert_eq!(of(100), Some(vec![6, 23, 2]));
        assert_eq!(of(20), Some(vec![6, 12, 2]));
        assert_eq!(of(13), Some(vec![6, 5, 2]));
        assert_eq!(of(12), None);
        let heads = [texts(&["path", "direct"]), texts(&["what was said", "one two"])];
        assert_eq!(
            (widths(&heads, 19, Breaks::BetweenWords), widths(&heads, 18, Breaks::BetweenWords)),
            (Some(vec![6, 13]), None)
        );
    }
}
