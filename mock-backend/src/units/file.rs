//! Files that a scenario names: read only if they are files, and not too large.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::bounds::Bound;

/// What a file holds.
///
/// # Errors
/// A sentence that names the file: it cannot be read, is no plain file (a pipe would make its reader wait), or is too
/// large.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let name = path.display();
    let wrong = |error: std::io::Error| format!("{name} cannot be read: {error}");
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(wrong)?;
    if !file.metadata().map_err(wrong)?.is_file() {
        return Err(format!("{name} cannot be read: it is not a plain file"));
    }
    let most = Bound::File.most();
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() > most {
        return Err(format!("{name} cannot be read: it is larger than {}", Bound::File.row()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_a_folder_and_nothing_are_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/null"), &folder.path().join("none")] {
            let error = read_file(path).unwrap_err();
            assert!(error.starts_with(&format!("{} cannot be read: ", path.display())), "{error}");
        }
        let file = folder.path().join("file");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(read_file(&file), Ok(b"text".to_vec()));
    }
}
