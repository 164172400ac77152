//! The claim on a run directory: of all runs that want one folder, also at the same instant, one alone gets it.
//!
//! Whoever holds the lock of the folder's claim file, and finds nothing else there, has the folder. The system lets go of
//! the lock when its holder dies, so a claim is never stale. It is given up when the manifest is there: from then on the
//! folder is not empty, which keeps others away for good.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::store::file::StoreError;

/// The claim's file.
const CLAIM: &str = ".claim";

/// How many folders of one name are tried: one run more, and something is wrong with the folder above.
const MOST_OF_A_NAME: u32 = 10_000;

/// A folder that belongs to this run until the claim is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    dir: PathBuf,
    /// The folders that were made for this claim, the deepest first; those that are empty go with it.
    made: Vec<PathBuf>,
    /// Holds the lock.
    _lock: File,
}

impl Claim {
    /// Claims a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, holds something, or another run has claimed it.
    pub(crate) fn of(dir: &Path) -> Result<Self, StoreError> {
        let made = make(dir).map_err(|error| StoreError::unwritable(dir, error))?;
        Self::take(dir, made)
    }

    /// Makes and claims a new folder in `parent`: `name`, or `name-2` and so on where that is taken.
    ///
    /// # Errors
    /// When none can be made.
    pub(crate) fn of_new(parent: &Path, name: &str) -> Result<Self, StoreError> {
        let above = make(parent).map_err(|error| StoreError::unwritable(parent, error))?;
        let names = (2..=MOST_OF_A_NAME).map(|number| format!("{name}-{number}"));
        for name in std::iter::once(name.to_owned()).chain(names) {
            let dir = parent.join(name);
            let made = match fs::create_dir(&dir) {
                // Another run has just taken away the folder that it had made for itself.
                Err(error) if error.kind() == ErrorKind::NotFound => make(&dir).map(drop),
                made => made,
            };
            match made {
                Ok(()) => return Self::take(&dir, std::iter::once(dir.clone()).chain(above).collect()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::unwritable(&dir, error)),
            }
        }
        Err(StoreError::unwritable(&parent.join(name), ErrorKind::AlreadyExists.into()))
    }

    /// The folder.
    #[must_use]
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn take(dir: &Path, made: Vec<PathBuf>) -> Result<Self, StoreError> {
        let unwritable = |error| StoreError::unwritable(dir, error);
        let lock = loop {
            let lock = lock(dir).map_err(unwritable)?.ok_or_else(|| StoreError::Claimed { path: dir.to_owned() })?;
            // Its last holder may have taken the file away between its opening and its locking.
            if is_at(&lock, &dir.join(CLAIM)).map_err(unwritable)? {
                break lock;
            }
        };
        // From here on its file goes with it.
        let claim = Self { dir: dir.to_owned(), made, _lock: lock };
        let entries = fs::read_dir(dir).map_err(|error| StoreError::unreadable(dir, error))?;
        let mut others = entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name() != CLAIM));
        if others.next().is_some() { Err(StoreError::NotEmpty { path: dir.to_owned() }) } else { Ok(claim) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Before the lock is let go. Whoever finds the file nevertheless can lock it.
        let _ = fs::remove_file(self.dir.join(CLAIM));
        // Refused where a folder holds something by now.
        self.made.iter().for_each(|dir| drop(fs::remove_dir(dir)));
    }
}

/// Makes a folder with all that are above it; returns those that were not there, the deepest first.
fn make(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let named = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty());
    let missing = named.take_while(|dir| !dir.exists()).map(Path::to_owned).collect();
    fs::create_dir_all(dir)?;
    Ok(missing)
}

/// The claim's file, locked; `None` when somebody else has the lock.
fn lock(dir: &Path) -> io::Result<Option<File>> {
    let path = dir.join(CLAIM);
    let new = OpenOptions::new().write(true).create_new(true).open(&path);
    let is_new = new.is_ok();
    let file = match new {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).create(true).truncate(false).open(&path)?
        }
        new => new?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        // Where the disk knows no locks, who made the file has it.
        Err(TryLockError::Error(_)) if is_new => Ok(Some(file)),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => Ok(None),
    }
}

/// Whether an open file is still the one that has this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((own.dev(), own.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere an open file cannot be taken away.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn of_many_at_once_one_alone_gets_a_folder() {
        let ground = tempfile::tempdir().expect("folder");
        for turn in 0..30 {
            let dir = ground.path().join(format!("{turn}/deep/out"));
            let begin = Barrier::new(8);
            let claims = std::thread::scope(|scope| {
                let claim = || {
                    begin.wait();
                    Claim::of(&dir)
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
            });
            assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
            for refused in claims.iter().filter_map(|claim| claim.as_ref().err()) {
                assert!(matches!(refused, StoreError::Claimed { .. }), "{refused}");
            }
            fs::write(dir.join("manifest.json"), b"{}").expect("written");
            drop(claims);
            assert!(matches!(Claim::of(&dir), Err(StoreError::NotEmpty { .. })));
            assert_eq!(fs::read_dir(&dir).expect("listed").count(), 1, "no claim is left");
        }
    }

    #[test]
    fn runs_of_one_second_have_folders_of_their_own() {
        let ground = tempfile::tempdir().expect("folder");
        let parent = ground.path().join("results");
        let begin = Barrier::new(6);
        let mut claims = std::thread::scope(|scope| {
            let claim = || {
                begin.wait();
                Claim::of_new(&parent, "night-1").expect("claimed")
            };
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
        });
        claims.sort_by_key(|claim| claim.dir().to_owned());
        let names: Vec<_> = claims.iter().map(|claim| claim.dir().file_name().expect("a name").to_owned()).collect();
        assert_eq!(names, ["night-1", "night-1-2", "night-1-3", "night-1-4", "night-1-5", "night-1-6"]);
        fs::write(claims[2].dir().join("manifest.json"), b"{}").expect("written");
        drop(claims);
        let left: Vec<_> =
            fs::read_dir(&parent).expect("listed").map(|entry| entry.expect("entry").file_name()).collect();
        assert_eq!(left, ["night-1-3"], "an empty folder that was made for a claim goes with it");
    }

    #[test]
    fn folders_that_were_made_for_nothing_go_with_the_claim() {
        let ground = tempfile::tempdir().expect("folder");
        let (parent, mine) = (ground.path().join("results"), ground.path().join("mine"));
        drop(Claim::of_new(&parent, "night").expect("claimed"));
        drop(Claim::of(&ground.path().join("a/b/c")).expect("claimed"));
        assert_eq!(fs::read_dir(ground.path()).expect("listed").count(), 0);
        fs::create_dir(&mine).expect("made");
        drop(Claim::of(&mine).expect("claimed"));
        assert!(mine.is_dir(), "what was there before stays");
        let (first, second) = (Claim::of_new(&parent, "a").expect("one"), Claim::of_new(&parent, "b").expect("two"));
        fs::write(second.dir().join("manifest.json"), b"{}").expect("written");
        drop((first, second));
        assert!(parent.join("b/manifest.json").is_file() && !parent.join("a").exists());
    }

    #[test]
    fn a_claim_whose_holder_died_is_none() {
        let dir = tempfile::tempdir().expect("folder");
        fs::write(dir.path().join(CLAIM), b"").expect("left behind");
        let claim = Claim::of(dir.path()).expect("nobody holds it");
        assert!(matches!(Claim::of(dir.path()), Err(StoreError::Claimed { .. })));
        drop(claim);
        drop(Claim::of(dir.path()).expect("free again"));
    }

    #[test]
    fn a_folder_that_cannot_be_is_said_in_a_sentence() {
        let ground = tempfile::tempdir().expect("folder");
        let file = ground.path().join("file");
        fs::write(&file, b"").expect("written");
        for dir in [file.clone(), file.join("below")] {
            let error = Claim::of(&dir).expect_err("a file is in the way").to_string();
            assert!(error.contains("a file stands where a folder should be"), "{error}");
            let error = Claim::of_new(&dir, "night").expect_err("a file is in the way").to_string();
            assert!(error.contains("a file stands where a folder should be"), "{error}");
        }
    }
}
