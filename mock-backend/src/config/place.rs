//! Where in a scenario's text the thing stands of which a sentence says that it is wrong.

use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::parse::line_of;

/// A scenario's text, taken apart.
pub(super) struct Places<'a> {
    text: &'a str,
    tables: Option<Spanned<DeTable<'a>>>,
}

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, tables: DeTable::parse(text).ok() }
    }

    /// The line of what `sentence` quotes in item `place` of the list `kind`, else that of the item; as it is written
    /// after the name of a file.
    pub(super) fn item(&self, kind: &str, place: usize, sentence: &str) -> String {
        let items = self.top(kind).and_then(|value| value.get_ref().as_array());
        let Some(item) = items.and_then(|items| items.get(place)) else { return String::new() };
        let quoted: Vec<&str> = sentence.split('"').skip(1).step_by(2).collect();
        let found = quoted.iter().find_map(|word| quotes(item, word)).unwrap_or_else(|| item.span().start);
        self.line(found)
    }

    /// The line of the key at the top with which `sentence` begins.
    pub(super) fn key(&self, sentence: &str) -> String {
        let key = sentence.split(' ').next().and_then(|word| self.top(word));
        key.map_or_else(String::new, |value| self.line(value.span().start))
    }

    fn top(&self, key: &str) -> Option<&Spanned<DeValue<'a>>> {
        self.tables.as_ref()?.get_ref().get(key)
    }

    fn line(&self, at: usize) -> String {
        format!(" line {}", line_of(self.text, at))
    }
}

/// Where the text `word` stands in a value, except as a name.
fn quotes(value: &Spanned<DeValue<'_>>, word: &str) -> Option<usize> {
    match value.get_ref() {
        DeValue::String(text) => (**text == *word).then(|| value.span().start),
        DeValue::Array(items) => items.iter().find_map(|item| quotes(item, word)),
        DeValue::Table(table) => {
            let named = |key: &dyn Display| key.to_string() != "name";
            table.iter().filter(|(key, _)| named(key.get_ref())).find_map(|(_, value)| quotes(value, word))
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_found_in_its_item_and_nowhere_else() {
        let text = "name = \"x\"\nthreads = 3\n[[backend]]\nname = \"b\"\nregion = \"b\"\n\n[[backend]]\nname = \"c\"\n\
                    limits = { rpm = 1, spillover = \"bb\" }\n";
        let places = Places::of(text);
        let table = [
            (places.item("backend", 1, "spills over to \"bb\", did you mean \"b\"?"), " line 9"),
            (places.item("backend", 1, "spills over to \"b\""), " line 7"),
            (places.item("backend", 0, "spills over to \"b\""), " line 5"),
            (places.item("listener", 0, "needs a backend"), ""),
            (places.key("threads must be less"), " line 2"),
            (places.key("ledger must be less"), ""),
        ];
        for (found, expected) in table {
            assert_eq!(found, expected);
        }
        assert_eq!(Places::of("= ").key("threads"), "");
    }
}
