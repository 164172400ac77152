//! The filter of every text from outside: what servers say, what files and run directories of others hold. It passes
//! before it is stored and before it is shown, as one line without secrets and without letters that do harm there.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::Limit;
use crate::visible::is_hidden;
use crate::wire::secrets::Secrets;

/// The filter, with the secrets that it knows. Clones share them: what one learns, all know.
#[derive(Clone, Default)]
pub struct Filter {
    known: Arc<Known>,
    /// What this clone knows; read anew only when there is more, so that a call waits for nobody.
    own: RefCell<(usize, Arc<Secrets>)>,
}

#[derive(Default)]
struct Known {
    /// How often something was learnt.
    version: AtomicUsize,
    secrets: Mutex<Arc<Secrets>>,
    /// Each of them, so that one can be forgotten.
    all: Mutex<Vec<Box<str>>>,
}

impl Filter {
    /// A filter that knows these secrets.
    #[must_use]
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let filter = Self::default();
        secrets.into_iter().for_each(|secret| filter.learn(secret));
        filter
    }

    /// Hides one more secret from now on, in every clone.
    pub fn learn(&self, secret: &str) {
        let mut all = self.known.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.iter().any(|known| **known == *secret) {
            return;
        }
        all.push(secret.into());
        let known = Arc::clone(&self.known.secrets.lock().unwrap_or_else(PoisonError::into_inner));
        self.replace(known.with(secret));
    }

    /// Hides these no longer, in every clone: tokens that have long expired.
    pub(crate) fn forget(&self, gone: &[&str]) {
        let mut all = self.known.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| !gone.contains(&&**known));
        self.replace(all.iter().fold(Secrets::default(), |secrets, secret| secrets.and(secret)));
    }

    /// Puts others in place of the secrets that are known. They are made before, so that nobody waits for that.
    fn replace(&self, secrets: Secrets) {
        *self.known.secrets.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(secrets);
        self.known.version.fetch_add(1, Ordering::Release);
    }

    fn secrets(&self) -> Arc<Secrets> {
        let version = self.known.version.load(Ordering::Acquire);
        let mut own = self.own.borrow_mut();
        if own.0 != version {
            *own = (version, Arc::clone(&self.known.secrets.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        Arc::clone(&own.1)
    }

    /// The text without secrets; `None` where it has none and may stay.
    #[must_use]
    pub fn hidden(&self, text: &str) -> Option<String> {
        self.secrets().hide(text)
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
        let filter = Filter::of(["the-first-secret", "a-later-secret", "a-last-secret"]);
        let clone = filter.clone();
        filter.forget(&["a-later-secret"]);
        let all = "the-first-secret, an older token, a-last-secret";
        assert_eq!(clone.hidden(all).as_deref(), Some("***, an older token, ***"));
        assert_eq!(clone.hidden("kept-apart"), None);
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
