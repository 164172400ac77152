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

/// Where files were written, a line each; those of a folder below `dir`, such as charts, in one line.
#[must_use]
pub(crate) fn named(written: &[PathBuf], dir: &Path) -> Vec<String> {
    let mut places: Vec<(PathBuf, usize)> = Vec::new();
    for path in written {
        let folder = path.parent().filter(|folder| *folder != dir);
        let place = folder.map_or_else(|| path.clone(), |folder| folder.join(""));
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, files)) => *files += 1,
            None => places.push((place, 1)),
        }
    }
    let line = |(place, files): (PathBuf, usize)| match files {
        1 => format!("written: {}", place.display()),
        files => format!("written: {} ({files} files)", place.display()),
    };
    places.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_one_by_one_and_those_of_a_folder_together() {
        let files = ["report.html", "charts/a.svg", "charts/b.svg", "hlog/a.ttft.hlog"];
        let written: Vec<PathBuf> = files.iter().map(|name| Path::new("out").join(name)).collect();
        let expected = ["written: out/report.html", "written: out/charts/ (2 files)", "written: out/hlog/"];
        assert_eq!(named(&written, Path::new("out")), expected);
        assert!(named(&[], Path::new("out")).is_empty());
    }
}
