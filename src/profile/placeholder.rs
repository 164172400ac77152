//! Placeholders of the bundled profiles, such as `YOUR-RESOURCE`, that nobody has replaced: such a profile can be read, shown
//! and linted, but nothing can be sent by it.

use crate::path::control::SIMULATED;
use crate::profile::at::At;
use crate::profile::error::{Origin, Wrong};
use crate::profile::tree::Value;

/// With this begins each of them.
const BEGINS: &str = "YOUR-";

/// The first placeholder that was left in a profile, by its line.
#[must_use]
pub(crate) fn first(top: &At<'_>) -> Option<Wrong> {
    let mut found = Vec::new();
    collect(top, &mut found);
    let more = found.len().saturating_sub(1);
    let (key, word, origin) = found.into_iter().min_by_key(|(_, _, origin)| match origin {
        Origin::Line(line) => *line,
        Origin::Flag(_) | Origin::File(_) => 0,
    })?;
    let others = if more > 0 { format!(" ({more} more in the profile)") } else { String::new() };
    let rule = format!("'{key}' still has the placeholder {word}; write your own value in its place{others}");
    Some(Wrong::rule(&origin, rule))
}

fn collect(at: &At<'_>, found: &mut Vec<(String, String, Origin)>) {
    match &at.node.value {
        // The simulator takes any name: nothing goes to the address with the placeholder.
        Value::Table(table) if table.get("connect_to").is_some_and(|node| is_of_simulator(&node.value)) => {}
        Value::Table(table) => table.iter().for_each(|(key, node)| collect(&at.child(key, node), found)),
        Value::List(items) => (1..).zip(items).for_each(|(number, item)| collect(&at.item(number, item), found)),
        Value::Text(text) => {
            found.extend(placeholder(text).map(|word| (at.own_key().to_owned(), word, at.node.origin.clone())));
        }
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) => {}
    }
}

fn is_of_simulator(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.starts_with(SIMULATED))
}

/// The placeholder in a text, as a word of its own.
fn placeholder(text: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '-';
    text.match_indices(BEGINS).find_map(|(at, _)| {
        let word: String = text[at..].chars().take_while(|letter| is_part(*letter)).collect();
        let word = word.trim_end_matches('-');
        let begins = !text[..at].ends_with(|letter: char| letter.is_ascii_alphanumeric());
        let ends = !text[at + word.len()..].starts_with(|letter: char| letter.is_ascii_lowercase());
        (begins && ends && word.len() > BEGINS.len()).then(|| word.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_names_of_ones_own_are_not() {
        for (text, found) in [
            ("https://YOUR-RESOURCE.openai.azure.com/openai/v1", Some("YOUR-RESOURCE")),
            ("https://g.azure-api.net/YOUR-API/openai/deployments/YOUR-MODEL", Some("YOUR-API")),
            ("YOUR-LOCAL-RESOURCE", Some("YOUR-LOCAL-RESOURCE")),
            ("https://your-resource.openai.azure.com", None),
            ("https://DO-IT-YOURSELF.example.com", None),
            ("YOUR-Own-Gateway", None),
            ("OF-YOUR-", None),
            ("NOTYOUR-RESOURCE", None),
        ] {
            assert_eq!(placeholder(text).as_deref(), found, "{text}");
        }
    }
}
