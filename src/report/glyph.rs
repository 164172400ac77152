//! The glyphs of verdicts.

/// Slower than what it is held against.
pub(crate) const SLOWER: &str = "▲";
/// Slower, perhaps or certainly within the margin.
pub(crate) const PERHAPS_SLOWER: &str = "△";
/// Faster.
pub(crate) const FASTER: &str = "▼";
/// Different by less than the margin.
pub(crate) const EQUIVALENT: &str = "≈";
/// What was asked holds.
pub(crate) const KEPT: &str = "✓";
/// It does not hold.
pub(crate) const BROKEN: &str = "✗";
/// It could not be decided.
pub(crate) const UNDECIDED: &str = "?";
/// It works, and should be looked at.
pub(crate) const DOUBTFUL: &str = "!";
/// Nothing was looked at.
pub(crate) const NOT_LOOKED_AT: &str = "-";
/// It is said and not judged.
pub(crate) const SAID: &str = "·";
