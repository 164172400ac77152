//! The filter of every text from outside: what servers say, what files and run directories of others hold. It passes
//! before it is stored and before it is shown, as one line without secrets and without letters that do harm there.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::Limit;
use crate::visible::is_hidden;
use crate::wire::secrets::Secrets;

/// The filter, with the secrets that it knows. Clones share them: what one learns, all know.
#[derive(Clone, Default)]
pub struct Filter(Arc<Known>);

#[derive(Default)]
struct Known {
    secrets: Secrets,
    /// How many want each of them hidden.
    holders: Mutex<HashMap<Arc<str>, usize>>,
}

/// Keeps a secret hidden, in every clone of the filter that gave this, for as long as this lives. Several may keep the
/// same one: it is forgotten with the last.
#[must_use = "the secret is forgotten when this is dropped"]
pub struct Hold {
    known: Arc<Known>,
    secret: Arc<str>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold(***)")
    }
}

impl Hold {
    /// Whether both are of the same secret.
    #[must_use]
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        self.secret == other.secret
    }

    /// Keeps the secret hidden for good.
    pub(crate) fn keep_for_good(&self) {
        let _ = self.known.take(&self.secret);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.known.release(&self.secret);
    }
}

impl Known {
    /// Counts one more who wants this hidden.
    fn take(&self, secret: &str) -> Arc<str> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, _)) = holders.get_key_value(secret) {
            let known = Arc::clone(known);
            holders.entry(Arc::clone(&known)).and_modify(|count| *count += 1);
            return known;
        }
        let known: Arc<str> = secret.into();
        // Under the lock: whoever finds it counted may rely on it being hidden.
        self.secrets.add(secret);
        holders.insert(Arc::clone(&known), 1);
        known
    }

    /// Counts one less; the last one's end forgets it.
    fn release(&self, secret: &str) {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = holders.get_mut(secret) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        holders.remove(secret);
        if holders.len() < holders.capacity() / 8 {
            let room = 2 * holders.len();
            holders.shrink_to(room);
        }
        self.secrets.remove(secret);
    }
}

impl Filter {
    /// A filter that knows these secrets for good.
    #[must_use]
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let filter = Self::default();
        secrets.into_iter().for_each(|secret| filter.learn(secret));
        filter
    }

    /// Hides one more secret for good, in every clone: one that does not change, or one of a few.
    pub fn learn(&self, secret: &str) {
        let _ = self.0.take(secret);
    }

    /// Hides one more secret, in every clone, for as long as what this gives lives: one of many that follow each other.
    pub fn hold(&self, secret: &str) -> Hold {
        Hold { secret: self.0.take(secret), known: Arc::clone(&self.0) }
    }

    /// How many different secrets are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The text without secrets; `None` where it has none and may stay.
    #[must_use]
    pub fn hidden(&self, text: &str) -> Option<String> {
        self.0.secrets.hide(text)
    }

    /// The text as one line that can do no harm where it is stored or shown: no secret, no control character, nothing
    /// that turns the text around it or is not seen, and no more characters than `most` allows.
    #[must_use]
    pub fn line(&self, text: &str, most: Limit) -> String {
        let line = one_line(beginning(text, most));
        shortened(self.hidden(&line).unwrap_or(line), most.most())
    }
}

/// The text of a file as one line that can do no harm where it is shown, where no secrets are known.
#[must_use]
pub fn line(text: &str, most: Limit) -> String {
    shortened(one_line(beginning(text, most)), most.most())
}

/// As much of a text as may be shown of it, with room for what is taken out.
fn beginning(text: &str, most: Limit) -> &str {
    &text[..text.floor_char_boundary(16 * most.most())]
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' && letters.next_if_eq(&'[').is_some() {
            // The command of a terminal ends with a letter.
            let _ = letters.find(|c| ('@'..='~').contains(c));
        } else if letter.is_control() || letter.is_whitespace() {
            if !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_hidden(letter) {
            line.push(letter);
        }
    }
    line.truncate(line.trim_end().len());
    if line.starts_with(' ') { line.trim_start().to_owned() } else { line }
}

/// The first characters, with a mark where more came.
fn shortened(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => text.chars().take(most - 3).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_a_line() {
        for (text, shown) in [
            ("a\r\n\tb\u{2028}c\u{85}d", "a b c d"),
            ("\u{202e}evil\u{2066} \u{200b}x\u{feff}", "evil x"),
            ("\u{1b}[31;1mred\u{1b}[0m\u{7}", "red"),
            ("  spaces   within ", "spaces within"),
            ("äöü 漢字 🙂", "äöü 漢字 🙂"),
            ("a\u{3164}\u{e0101}b", "ab"),
            ("", ""),
        ] {
            assert_eq!(line(text, Limit::ErrorText), shown);
        }
        let long = line(&"ä".repeat(400), Limit::ErrorText);
        assert!(long.chars().count() == Limit::ErrorText.most() && long.ends_with("ä..."), "{long}");
    }

    #[test]
    fn a_secret_that_is_split_by_what_is_not_seen_is_hidden() {
        let filter = Filter::of(["sk-1234567890"]);
        assert_eq!(filter.line("key sk-12\u{200b}345\u{202e}67890!", Limit::ErrorText), "key ***!");
        assert_eq!(filter.line("key sk-12345\r\n 67890!", Limit::ErrorText), "key ***!");
    }

    #[test]
    fn a_secret_learnt_later_is_hidden_by_every_clone() {
        let filter = Filter::of(["the-first-secret"]);
        let clone = filter.clone();
        assert_eq!(clone.hidden("a-later-secret"), None);
        filter.learn("a-later-secret");
        let both = "a-later-secret, the-first-secret";
        assert_eq!(
            [clone.hidden(both), filter.hidden(both)],
            [Some("***, ***".to_owned()), Some("***, ***".to_owned())]
        );
    }

    #[test]
    fn a_secret_that_is_forgotten_leaves_the_others_hidden() {
        let filter = Filter::of(["the-first-secret", "a-last-secret"]);
        let clone = filter.clone();
        let all = "the-first-secret, an older token, a-later-secret";
        let hold = filter.hold("a-later-secret");
        assert_eq!(clone.hidden(all).as_deref(), Some("***, an older token, ***"));
        drop(hold);
        assert_eq!(clone.hidden(all).as_deref(), Some("***, an older token, a-later-secret"));
        assert_eq!((clone.hidden("kept-apart"), clone.known()), (None, 2));
    }

    #[test]
    fn what_is_learnt_for_good_outlives_every_hold() {
        let filter = Filter::of(["a-secret-of-two"]);
        drop((filter.hold("a-secret-of-two"), filter.hold("a-secret-of-two")));
        assert_eq!(filter.hidden("a-secret-of-two").as_deref(), Some("***"));
    }

    #[test]
    fn a_hold_says_nothing_of_what_it_holds() {
        let filter = Filter::default();
        assert_eq!(format!("{:?}", filter.hold("a-later-secret")), "Hold(***)");
    }

    #[test]
    fn the_room_of_forgotten_secrets_is_given_back() {
        let filter = Filter::of(["a-key-that-stays-for-good"]);
        let most = {
            let held: Vec<Hold> =
                (0..1_000).map(|number| filter.hold(&format!("session-{number:08}-{}", number * 7919))).collect();
            assert_eq!(filter.known(), held.len() + 1);
            filter.0.secrets.size().1
        };
        let left = filter.0.secrets.size();
        assert!(left.1 * 20 < most, "room for {} parts of {most}", left.1);
        assert_eq!(left.0, Filter::of(["a-key-that-stays-for-good"]).0.secrets.size().0);
        // And one after the other, as a cookie that changes with every answer.
        let mut last = None;
        for number in 0..2_000 {
            last = Some(filter.hold(&format!("session-{number:08}-{}", number * 7919)));
        }
        assert!(filter.0.secrets.size().1 * 20 < most && filter.known() == 2 && last.is_some());
    }

    #[test]
    fn what_a_forgotten_secret_has_in_common_with_another_stays_hidden() {
        let filter = Filter::of(["session-of-the-gateway"]);
        let hold = filter.hold("another-session-of-mine");
        assert_eq!(filter.hidden("<another-session-of-mine>").as_deref(), Some("<***>"));
        drop(hold);
        assert_eq!(filter.hidden("<another-session-of-mine>").as_deref(), Some("<another-***mine>"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_held_is_hidden_and_what_is_not_leaves_nothing_behind(
            // Those of two letters have parts in common.
            secrets in proptest::collection::vec("[a-zA-Z0-9+/=%. -]{0,40}|[ab]{0,14}", 1..8),
            steps in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..30),
        ) {
            let filter = Filter::default();
            let clone = filter.clone();
            let mut held: Vec<(usize, Hold)> = Vec::new();
            for (index, more) in steps {
                if more || held.is_empty() {
                    let at = index.index(secrets.len());
                    held.push((at, filter.hold(&secrets[at])));
                } else {
                    let gone = index.index(held.len());
                    drop(held.swap_remove(gone));
                }
                // As if nobody had ever held another.
                let only = Filter::of(held.iter().map(|(at, _)| secrets[*at].as_str()));
                for secret in &secrets {
                    let text = format!("<{secret}> {secret}");
                    prop_assert_eq!(clone.hidden(&text), only.hidden(&text));
                }
                prop_assert_eq!(clone.known(), only.known());
                prop_assert_eq!(clone.0.secrets.size().0, only.0.secrets.size().0);
                prop_assert_eq!(clone.0.secrets.size().2, only.0.secrets.size().2);
            }
            drop(held);
            prop_assert_eq!((clone.known(), clone.0.secrets.size().0, clone.0.secrets.size().2), (0, 0, 0));
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_short_line(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
                let line = line(&text, Limit::ErrorText);
                prop_assert!(line.chars().count() <= Limit::ErrorText.most());
                prop_assert!(!line.chars().any(|c| c.is_control() || is_hidden(c) || (c.is_whitespace() && c != ' ')));
            }
        }
    }
}
