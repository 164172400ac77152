//! `selftest.json` where later runs find it: in the user's state directory, the newest one alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::limits::Limit;
use crate::measure::selftest::{Machine, OwnError, Selftest};
use crate::store::file::{self, StoreError};

/// The file's name.
pub(crate) const SELFTEST: &str = "selftest.json";

/// Where the newest selftest is kept: `$XDG_STATE_HOME/hopmark`, or `$HOME/.local/state/hopmark` without the first;
/// `None` where neither variable names an absolute folder.
#[must_use]
pub(crate) fn place(xdg_state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: Option<OsString>| name.map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute(xdg_state_home).or_else(|| Some(absolute(home)?.join(".local/state")))?;
    Some(state.join("hopmark").join(SELFTEST))
}

/// Writes a selftest whole.
///
/// # Errors
/// When the folder cannot be made or written.
pub(crate) fn write(path: &Path, selftest: &Selftest) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::unwritable(folder, error))?;
    }
    file::write_whole(path, &bytes(path, selftest)?)
}

/// A selftest as its file holds it.
///
/// # Errors
/// None that can happen: every figure in it is finite.
pub(crate) fn bytes(path: &Path, selftest: &Selftest) -> Result<Vec<u8>, StoreError> {
    let mut text = serde_json::to_vec_pretty(selftest).map_err(|error| StoreError::unwritable(path, error.into()))?;
    text.push(b'\n');
    Ok(text)
}

/// What a run on this machine may quote. A file that is not there, not readable or not a selftest of this version
/// quotes nothing: it is never the reason why a run fails.
#[must_use]
pub(crate) fn newest(path: &Path, machine: &Machine) -> Option<OwnError> {
    let selftest: Selftest = serde_json::from_slice(&file::read_whole(path, Limit::RunDocument.most()).ok()?).ok()?;
    selftest.quote(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::selftest::{Faithful, fixture};

    #[test]
    fn the_state_directory_is_the_users() {
        let place = |xdg: Option<&str>, home: Option<&str>| place(xdg.map(OsString::from), home.map(OsString::from));
        let name = |path: &str| Some(PathBuf::from(path));
        assert_eq!(place(Some("/s"), Some("/h")), name("/s/hopmark/selftest.json"));
        assert_eq!(place(None, Some("/h")), name("/h/.local/state/hopmark/selftest.json"));
        assert_eq!(place(Some("relative"), Some("/h")), name("/h/.local/state/hopmark/selftest.json"));
        assert_eq!(place(Some(""), Some("")), None);
        assert_eq!(place(None, None), None);
    }

    #[test]
    fn a_run_quotes_the_same_machine_and_build_only() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("not/yet/there").join(SELFTEST);
        let own = fixture::machine();
        assert_eq!(newest(&path, &own), None, "there is none");
        write(&path, &fixture::selftest()).expect("written");
        let quote = newest(&path, &own).expect("the same machine");
        assert_eq!(quote.faithful, Faithful { streams: 100, events_per_s: 4384.0 });
        assert_eq!(quote.error_ms.ttft.map(|spread| spread.p99), Some(0.9), "the errors of the faithful level");
        for other in [
            Machine { id: "another".to_owned(), ..own.clone() },
            Machine { cpus: 3, ..own.clone() },
            Machine { tool_version: "9.9.9".to_owned(), ..own.clone() },
            Machine { build: "debug".to_owned(), ..own.clone() },
        ] {
            assert_eq!(newest(&path, &other), None, "{other:?}");
        }
        std::fs::write(&path, b"{\"schema_version\": 1").expect("written");
        assert_eq!(newest(&path, &own), None, "no selftest");
    }

    #[test]
    fn a_folder_that_refuses_is_said() {
        let folder = tempfile::tempdir().expect("folder");
        let taken = folder.path().join("file");
        std::fs::write(&taken, b"").expect("written");
        let error = write(&taken.join("hopmark").join(SELFTEST), &fixture::selftest()).expect_err("no folder");
        assert!(error.to_string().contains("cannot write"), "{error}");
    }
}
