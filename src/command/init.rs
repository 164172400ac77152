//! `hopmark init`: writes a commented profile to start from.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::anyhow;

use crate::cli::InitArgs;
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::profile::{OWN_AZURE, OWN_ENDPOINTS};
use crate::store::file::{StoreError, write_whole};

/// The word of the profile that stands for its own file.
const FILE_WORD: &str = "THIS-FILE";

/// Carries out `hopmark init`: writes the profile and says in a sentence what to do with it.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure): 2 when the file exists and `--force` was not given, 1 when it cannot be
/// written.
pub fn init(args: &InitArgs) -> CommandResult {
    let name = args.file.display().to_string();
    let profile = if args.azure { OWN_AZURE } else { OWN_ENDPOINTS };
    match write(&args.file, profile.replace(FILE_WORD, &name).as_bytes(), args.force) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let exists = anyhow!("{name} exists already; name another file, or write over it with --force");
            return Err(exists).or_usage();
        }
        Err(error) => return Err(anyhow!("cannot write {name}: {error}")).or_world(),
    }
    console::say(&format!(
        "wrote {name}: put your own addresses, model and names into it, export the two variables it names, then \
         `hopmark run {name}`"
    ))
    .or_world()?;
    Ok(Exit::Met)
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
    use std::path::PathBuf;

    use super::*;
    use crate::profile::Profile;

    fn args(file: PathBuf, force: bool) -> InitArgs {
        InitArgs { file, azure: false, force }
    }

    #[test]
    fn what_is_written_is_a_profile_that_names_its_file() {
        let folder = tempfile::tempdir().expect("folder");
        for (azure, paths) in [(false, ["direct", "gateway"].as_slice()), (true, &["public", "private", "gateway"])] {
            let file = folder.path().join(format!("{azure}.toml"));
            assert_eq!(init(&InitArgs { azure, ..args(file.clone(), false) }).expect("written"), Exit::Met);
            let text = std::fs::read_to_string(&file).expect("there");
            assert!(!text.contains(FILE_WORD) && text.contains(&file.display().to_string()));
            let profile = Profile::parse(&text, &file).expect("parses");
            assert_eq!(profile.paths.iter().map(|path| &*path.name).collect::<Vec<_>>(), paths);
        }
    }

    #[test]
    fn a_file_that_exists_is_kept_without_force() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, "mine").expect("written");
        let error = init(&args(file.clone(), false)).expect_err("exists");
        assert_eq!(Exit::from(&error), Exit::Usage);
        assert!(error.error().to_string().contains("--force"), "{:#}", error.error());
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "mine");
        init(&args(file.clone(), true)).expect("forced");
        assert!(std::fs::read_to_string(&file).expect("there").contains("[workload]"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_the_worlds_refusal() {
        let folder = tempfile::tempdir().expect("folder");
        let error = init(&args(folder.path().join("no/mine.toml"), false)).expect_err("no folder");
        assert_eq!(Exit::from(&error), Exit::World);
    }
}
