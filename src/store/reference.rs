//! How a run is named: `RUN_DIR`, or `RUN_DIR:PATH` for one of its paths.

use std::fs;
use std::path::{Path, PathBuf};

/// A run directory, and one of its paths if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunRef {
    /// The run directory.
    pub(crate) dir: PathBuf,
    /// The path's name.
    pub(crate) path: Option<String>,
}

impl RunRef {
    /// Reads what was written; a folder whose own name holds a colon is taken as it is.
    pub(crate) fn of(written: &Path) -> Self {
        let text = written.to_string_lossy();
        match text.rsplit_once(':') {
            Some((dir, path)) if !written.exists() && !dir.is_empty() && !path.is_empty() => {
                Self { dir: PathBuf::from(dir), path: Some(path.to_owned()) }
            }
            _ => Self { dir: written.to_owned(), path: None },
        }
    }

    /// Whether both lie in one folder, so that it is read once.
    pub(crate) fn is_same_run(&self, other: &Self) -> bool {
        let real = |dir: &Path| fs::canonicalize(dir).ok();
        real(&self.dir).is_some_and(|dir| real(&other.dir) == Some(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_colon_in_its_name_is_a_folder() {
        let dir = tempfile::tempdir().expect("dir");
        let odd = dir.path().join("2026-10-01T01:00");
        fs::create_dir_all(&odd).expect("folder");
        let run = |dir: &Path, path: Option<&str>| RunRef { dir: dir.to_owned(), path: path.map(str::to_owned) };
        assert_eq!(RunRef::of(&odd), run(&odd, None));
        let mut named = odd.clone().into_os_string();
        named.push(":gateway");
        assert_eq!(RunRef::of(Path::new(&named)), run(&odd, Some("gateway")));
        assert_eq!(RunRef::of(Path::new("nowhere")), run(Path::new("nowhere"), None));
    }
}
