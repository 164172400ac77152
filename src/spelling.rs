//! What a person probably meant by a word that is not known.

/// The word most like another, if any is like it.
#[must_use]
pub(crate) fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    if word.len() > 64 {
        return None;
    }
    let distance = |other: &str| strsim::damerau_levenshtein(&word.to_lowercase(), other);
    let (near, edits) = known.iter().map(|other| (*other, distance(other))).min_by_key(|(_, edits)| *edits)?;
    let part = |other: &&&str| word.len() >= 3 && (other.contains(word) || word.contains(**other));
    if edits <= 1 + word.len() / 4 { Some(near) } else { known.iter().find(part).copied() }
}

/// "; did you mean 'ttft'?", or nothing where no known word is like it.
#[must_use]
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or(String::new(), |near| format!("; did you mean '{near}'?"))
}
