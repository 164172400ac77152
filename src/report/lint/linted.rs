//! What is rendered: all files that were looked at.

use crate::lint::{FileReport, Level, LintError};

/// All files that were looked at.
pub(crate) struct Linted<'l> {
    /// Those that could be read.
    pub files: &'l [FileReport],
    /// Those that could not.
    pub unread: &'l [LintError],
}

/// The levels, the worst first.
pub(crate) const LEVELS: [Level; 3] = [Level::Error, Level::Warning, Level::Note];

impl Linted<'_> {
    /// How many findings of a level there are.
    #[must_use]
    pub(crate) fn count(&self, level: Level) -> usize {
        self.files.iter().map(|file| file.count(level)).sum()
    }
}
