//! The run that the repository holds, and copies of it to damage.

use std::fs;
use std::path::{Path, PathBuf};

/// A run that can be read.
pub(crate) fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example")
}

/// The files of a run, in a new folder; its charts are left out.
pub(crate) fn copy(run: &Path, to: &Path) {
    fs::create_dir(to).expect("made");
    for entry in fs::read_dir(run).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
}
