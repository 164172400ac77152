//! `hopmark init`: writes the commented profile to start from.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::cli::InitArgs;
use crate::profile::OWN_ENDPOINTS;
use crate::store::file::{StoreError, write_whole};

/// The word of the profile that stands for its own file.
const FILE_WORD: &str = "THIS-FILE";

/// A profile that was not written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file is there already.
    #[error("{} exists already; name another file, or write over it with --force", .0.display())]
    Exists(PathBuf),
    /// The disk refused.
    #[error("cannot write {}: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl InitError {
    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Write { .. } => 1,
            Self::Exists(_) => 2,
        }
    }
}

/// Writes the profile and says in a sentence what to do with it.
///
/// # Errors
/// When the file exists and `--force` was not given, or it cannot be written.
pub fn init(args: &InitArgs) -> Result<String, InitError> {
    let name = args.file.display().to_string();
    match write(&args.file, OWN_ENDPOINTS.replace(FILE_WORD, &name).as_bytes(), args.force) {
        Ok(()) => Ok(format!(
            "wrote {name}: change its addresses and model, export the two variables it names, then `hopmark run {name}`"
        )),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(InitError::Exists(args.file.clone())),
        Err(source) => Err(InitError::Write { file: args.file.clone(), source }),
    }
}

/// Writes the file whole or not at all.
fn write(file: &Path, text: &[u8], force: bool) -> io::Result<()> {
    if !force {
        // Nobody else makes a file of this name from here on.
        drop(File::create_new(file)?);
    }
    match write_whole(file, text) {
        Ok(()) => Ok(()),
        Err(StoreError::Unwritable { source, .. }) => {
            if !force {
                let _ = std::fs::remove_file(file);
            }
            Err(source)
        }
        Err(other) => Err(io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn args(file: PathBuf, force: bool) -> InitArgs {
        InitArgs { file, force }
    }

    #[test]
    fn what_is_written_is_a_profile_that_names_its_file() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("mine.toml");
        let message = init(&args(file.clone(), false)).expect("written");
        assert!(message.contains("mine.toml") && !message.contains('\n'), "{message}");
        let text = std::fs::read_to_string(&file).expect("there");
        assert!(!text.contains(FILE_WORD));
        assert_eq!(Profile::parse(&text, &file).expect("parses").paths.len(), 2);
    }

    #[test]
    fn a_file_that_exists_is_kept_without_force() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, "mine").expect("written");
        let error = init(&args(file.clone(), false)).expect_err("exists");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "mine");
        init(&args(file.clone(), true)).expect("forced");
        assert!(std::fs::read_to_string(&file).expect("there").contains("[workload]"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_the_worlds_refusal() {
        let folder = tempfile::tempdir().expect("folder");
        let error = init(&args(folder.path().join("no/mine.toml"), false)).expect_err("no folder");
        assert_eq!(error.exit_code(), 1);
    }
}
