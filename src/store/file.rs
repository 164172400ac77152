//! Files of a run directory: their names, how they are written whole or not at all, and what to do when a disk refuses.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::visible;

/// Plan, environment and ending.
pub const MANIFEST: &str = "manifest.json";
/// One row an attempt.
pub const REQUESTS: &str = "requests.csv";
/// HdrHistogram V2 interval log.
pub const HISTOGRAMS: &str = "histograms.hlog";
/// Calls counted by interval, path and phase, exact however many they are.
pub const COUNTS: &str = "counts.csv";
/// The errors by path and class: how many, when, and what was said.
pub const ERRORS: &str = "errors.jsonl";
/// Counts and quantiles by second and path.
pub(crate) const SERIES: &str = "series.csv";
/// The health of the host by second.
pub const HEALTH: &str = "health.csv";
/// The judgement, for machines.
pub const SUMMARY: &str = "summary.json";
/// The judgement, for people.
pub(crate) const REPORT: &str = "report.html";
/// The charts of the report, one file each.
pub(crate) const CHARTS: &str = "charts";
/// The objectives as test cases.
pub(crate) const JUNIT: &str = "junit.xml";

/// A file of a run that cannot be written, read or understood.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the folder refuses.
    #[error("cannot write {}: {source}; {}", path.display(), remedy(source))]
    Unwritable {
        /// What was to be written.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The file is not there or not readable.
    #[error("cannot read {}: {source}; {}", path.display(), remedy(source))]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The file is there but is not what it should be.
    #[error("{}:{line}: expected {expected}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What should stand there, and what does.
        expected: String,
    },
    /// A value is none that a run can have.
    #[error("{}: '{key}' takes {takes}", path.display())]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// The key, from the top of the document.
        key: String,
        /// What it takes.
        takes: String,
    },
    /// The files of a run do not belong together.
    #[error("{} does not belong to this run: {why}; put the run's own file back, or remove it", path.display())]
    OfAnotherRun {
        /// The file.
        path: PathBuf,
        /// What tells it.
        why: String,
    },
    /// A folder, a pipe or a device stands where a file should be.
    #[error("{} is not a file; remove it, or put the run's own file there", path.display())]
    NoFile {
        /// What stands there.
        path: PathBuf,
    },
    /// The file is longer than any of its kind.
    #[error("{} is longer than the limit of {most} bytes for such a file, so it is not from a run", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        most: usize,
    },
    /// The folder holds more than any history.
    #[error("{} holds more than {most} files and folders; name a folder that holds only runs", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The most that are looked at.
        most: usize,
    },
    /// A link leads out of the folder that is written to.
    #[error("{} leads out of its folder; remove it, or name another folder with --out", path.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
    },
    /// The folder is in use.
    #[error("{} is not empty; name a new folder with --out, or empty this one", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Another run has the folder.
    #[error("{} belongs to another run that is starting; name another folder with --out", path.display())]
    Claimed {
        /// The folder.
        path: PathBuf,
    },
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or name another disk with --out",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "check the rights of this folder, or name another with --out"
        }
        io::ErrorKind::NotFound => "check the name; a run directory holds manifest.json and requests.csv",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "a file stands where a folder should be",
        _ => "check the disk and the folder",
    }
}

impl StoreError {
    /// An error while writing `path`.
    #[must_use]
    pub(crate) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable { path: path.to_owned(), source }
    }

    /// An error while reading `path`.
    #[must_use]
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }

    /// Whether nothing is wrong but that this machine has no descriptor left at the moment.
    #[must_use]
    pub(crate) fn wants_descriptors(&self) -> bool {
        // EMFILE and ENFILE.
        let (Self::Unwritable { source, .. } | Self::Unreadable { source, .. }) = self else { return false };
        matches!(source.raw_os_error(), Some(24 | 23))
    }

    /// Whether a person named what is not there, or no history: another name helps, and nothing was damaged.
    #[must_use]
    pub(crate) fn is_wrong_name(&self) -> bool {
        match self {
            Self::Unreadable { source, .. } => names_nothing(source),
            Self::TooMany { .. } => true,
            Self::Unwritable { .. }
            | Self::Broken { .. }
            | Self::OutOfRange { .. }
            | Self::OfAnotherRun { .. }
            | Self::NoFile { .. }
            | Self::TooLong { .. }
            | Self::LeadsOut { .. }
            | Self::NotEmpty { .. }
            | Self::Claimed { .. } => false,
        }
    }

    /// A line of `path` that is not what it should be.
    #[must_use]
    pub fn broken(path: &Path, line: u64, expected: impl Into<String>) -> Self {
        Self::Broken { path: path.to_owned(), line, expected: expected.into() }
    }
}

/// Whether the system says that nothing has this name, or that it can be none.
fn names_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

/// Whether a folder is that of a run, whole or damaged: a file that every run has from its start has a name in it, or
/// nobody may look.
#[must_use]
pub(crate) fn is_of_a_run(dir: &Path) -> bool {
    let is_there = |name: &&str| match fs::symlink_metadata(dir.join(name)) {
        Ok(_) => true,
        Err(error) => !names_nothing(&error),
    };
    [MANIFEST, REQUESTS].iter().any(is_there)
}

/// Writes a file whole or not at all: under a name that nobody else has first, then renamed. The disk has it afterwards.
///
/// # Errors
/// When the disk or the folder refuses.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    put(path, bytes, true)
}

/// The name under which a file is written before it takes its own.
#[must_use]
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Writes a file into a folder that may come from anybody: no link in it leads to another file, and nothing waits for a
/// pipe. Folders between are made.
///
/// # Errors
/// When a link leads out of the folder, or the disk or the folder refuses.
pub(crate) fn write_inside(dir: &Path, name: &Path, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    let path = dir.join(name);
    let folder = path.parent().unwrap_or(dir);
    fs::create_dir_all(folder).map_err(|error| StoreError::unwritable(folder, error))?;
    let own = fs::canonicalize(dir).map_err(|error| StoreError::unwritable(dir, error))?;
    for place in [folder, path.as_path()] {
        // What is not there yet leads nowhere.
        let Ok(real) = fs::canonicalize(place) else { continue };
        if !real.starts_with(&own) {
            return Err(StoreError::LeadsOut { path: place.to_owned() });
        }
    }
    if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(StoreError::NoFile { path });
    }
    write_whole(&path, bytes)?;
    Ok(path)
}

/// A text as a field of CSV shows it: on one line, so that a line of a file is always a row, and never a formula, so that
/// a spreadsheet runs nothing: what begins like one gets a `'` in front, and so does what begins with `'` and then like
/// one. [`unguarded`] takes it away.
#[must_use]
pub(crate) fn printable(text: &str) -> String {
    let line = visible::line(text);
    if is_formula(line.trim_start_matches('\'')) { format!("'{line}") } else { line }
}

/// A text as it was before [`printable`] kept it from being a formula.
#[must_use]
pub(crate) fn unguarded(field: &str) -> &str {
    field.strip_prefix('\'').filter(|text| is_formula(text.trim_start_matches('\''))).unwrap_or(field)
}

/// Whether a spreadsheet may take a text for a formula: by its first letter, also in the width of Chinese letters, and
/// spaces before it do not count.
fn is_formula(text: &str) -> bool {
    text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

/// A field of CSV (RFC 4180).
#[must_use]
pub fn field(text: &str) -> String {
    let text = printable(text);
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// [`write_whole`] that waits for the disk only if it is to be `to_disk`: for a file that is written anew every few seconds.
///
/// # Errors
/// When the disk or the folder refuses.
pub(crate) fn put(path: &Path, bytes: &[u8], to_disk: bool) -> Result<(), StoreError> {
    // A link keeps leading where it does, and what is no file, such as /dev/stdout, is not replaced by one.
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, bytes).map_err(|error| StoreError::unwritable(path, error));
    }
    let (part, mut file) = create_part(path).map_err(|error| StoreError::unwritable(path, error))?;
    let written = file.write_all(bytes).and_then(|()| if to_disk { file.sync_all() } else { Ok(()) });
    written.and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        StoreError::unwritable(path, error)
    })
}

/// A new file beside `path` that no other process writes at the same time.
fn create_part(path: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:08x}", RandomState::new().hash_one(std::process::id()) as u32));
        let part = part_of(&path.with_file_name(name));
        match File::create_new(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return Ok((part, file?)),
        }
    }
}

/// The mark with which some editors begin a file; it is no part of what the file says.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Opens a file for reading. What is no file, such as a pipe that nobody writes to, would keep a reader waiting.
///
/// # Errors
/// When it is not there, not readable, or no file.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    let unreadable = |error| StoreError::unreadable(path, error);
    if fs::metadata(path).map_err(unreadable)?.is_file() {
        File::open(path).map_err(unreadable)
    } else {
        Err(StoreError::NoFile { path: path.to_owned() })
    }
}

/// Reads a file of at most so many bytes whole, without a byte order mark.
///
/// # Errors
/// When it is not there, not readable, no file, or longer.
pub(crate) fn read_whole(path: &Path, most: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| StoreError::unreadable(path, error))?;
    if bytes.len() > most {
        return Err(StoreError::TooLong { path: path.to_owned(), most });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// The lines of a file that was written line by line, without a last one that was cut by the death of its writer.
#[must_use]
pub(crate) fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_field_is_no_formula_and_is_read_as_it_was(text in "['=+@a\\- \u{ff1d}\t\u{202e},\"]{0,6}") {
            let (line, shown) = (visible::line(&text), printable(&text));
            prop_assert!(!is_formula(&shown), "{shown}");
            prop_assert_eq!(unguarded(&shown), line);
        }
    }

    #[test]
    fn a_refusal_names_the_file_and_the_remedy() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("no/such/summary.json");
        let error = write_whole(&path, b"{}").expect_err("no folder").to_string();
        assert!(error.contains("summary.json") && error.contains("; "), "{error}");
        let full = StoreError::unwritable(&path, io::Error::from(io::ErrorKind::StorageFull)).to_string();
        assert!(full.contains("--out"), "{full}");
    }

    #[test]
    fn files_come_whole() {
        let dir = tempfile::tempdir().expect("dir");
        let run = dir.path().join("a/b");
        fs::create_dir_all(&run).expect("made");
        write_whole(&run.join(SUMMARY), b"{}").expect("written");
        assert_eq!(fs::read_dir(&run).expect("listed").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let dir = tempfile::tempdir().expect("dir");
        let (link, file) = (dir.path().join("link"), dir.path().join("file"));
        fs::write(&file, b"old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        write_whole(&link, b"new").expect("written");
        assert!(link.is_symlink() && fs::read(&file).expect("read") == b"new");
        write_whole(Path::new("/dev/null"), b"gone").expect("taken");
        assert!(write_whole(Path::new("/dev/full"), b"no").expect_err("full").to_string().contains("free some space"));
        assert!(!Path::new("/dev/null").is_file() && write_whole(dir.path(), b"no").is_err());
    }

    #[test]
    fn a_file_that_many_write_is_always_that_of_one() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(SUMMARY);
        std::thread::scope(|scope| {
            for byte in [b'a', b'b', b'c', b'd'] {
                let path = &path;
                scope.spawn(move || (0..50).for_each(|_| put(path, &[byte; 100_000], false).expect("written")));
            }
            for _ in 0..200 {
                let Ok(bytes) = fs::read(&path) else { continue };
                assert!(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == bytes[0]));
            }
        });
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_cut_last_line_is_left_out() {
        assert_eq!(whole_lines(b"a\nb\ncu"), b"a\nb\n");
        assert_eq!(whole_lines(b"cu"), b"");
    }
}
