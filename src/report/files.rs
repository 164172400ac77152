//! The files of a report, each written whole or not at all.

use std::path::{Path, PathBuf};

use crate::report::chart::ChartError;
use crate::store::file::{self, StoreError};

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] StoreError),
}

/// Writes files by their names below `dir` and returns where they are. One that cannot be written keeps none of the
/// others away.
///
/// # Errors
/// When the disk or the folder refuses one.
pub(crate) fn write_all(files: Vec<(PathBuf, Vec<u8>)>, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let written: Vec<_> = files.into_iter().map(|(name, bytes)| file::write_inside(dir, &name, &bytes)).collect();
    written.into_iter().map(|one| one.map_err(ReportError::from)).collect()
}
