//! What a person probably meant by a word that is not known, and the words that there are.

/// The word most like another, if any is like it.
#[must_use]
pub(crate) fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let distance = |other: &str| strsim::damerau_levenshtein(&word.to_lowercase(), other);
    let (near, edits) = known.iter().map(|other| (*other, distance(other))).min_by_key(|(_, edits)| *edits)?;
    let part = |other: &&&str| word.len() >= 3 && (other.contains(word) || word.contains(**other));
    if edits <= 1 + word.len() / 4 { Some(near) } else { known.iter().find(part).copied() }
}

/// Words in quotes as alternatives: `"a", "b" or "c"`.
#[must_use]
pub(crate) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some(_) | None => quoted.concat(),
    }
}
