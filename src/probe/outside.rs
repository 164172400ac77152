//! The negative control: what `hopmark probe --json` found from another place, where the same calls should be refused. The
//! file may come from anybody.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::evidence::fingerprint::{FINGERPRINTS, Fingerprint, Meaning};
use crate::evidence::ladder::{Outside, Privacy};
use crate::limits::Limit;
use crate::path::NetPath;
use crate::probe::document::{DOCUMENT, VERSION};
use crate::text_file;

/// A file that cannot be the negative control.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// It cannot be read.
    #[error("--outside: cannot read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It is something else.
    #[error("--outside: {0} is not the output of `hopmark probe --json`: {1}; write it again at the other place")]
    Foreign(PathBuf, String),
    /// It is of another version.
    #[error(
        "--outside: {0} has schema_version {1}, and this hopmark reads {VERSION}; use the same hopmark at both places"
    )]
    Version(PathBuf, u64),
    /// It says nothing of a path.
    #[error("--outside: {0} does not contain path '{1}'; probe the same profile at the other place")]
    Lacks(PathBuf, String),
    /// The path leads elsewhere there.
    #[error("--outside: path '{path}' of {file} is {there} there and {here} here; both must be the same service")]
    Elsewhere {
        /// The file.
        file: PathBuf,
        /// The path.
        path: String,
        /// Its base URL in the file.
        there: String,
        /// Its base URL here.
        here: String,
    },
    /// It was private there too.
    #[error(
        "--outside: path '{1}' was private in {0} too, so that place is not outside; probe it from another network"
    )]
    Inside(PathBuf, String),
    /// No path of this profile could be held against it.
    #[error("--outside is the negative control for private paths, but no probed path has [path.private]")]
    Useless,
}

#[derive(Deserialize)]
struct Head {
    document: String,
    schema_version: u64,
}

#[derive(Deserialize)]
struct Body {
    paths: Vec<Seen>,
}

#[derive(Deserialize)]
struct Seen {
    path: String,
    base_url: String,
    calls: Calls,
    private: Option<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    verdict: String,
}

#[derive(Deserialize)]
struct Calls {
    sent: u64,
    answered: u64,
    refusals: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
}

/// What another place found.
#[derive(Debug)]
pub struct OutsideFile {
    file: PathBuf,
    paths: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    path: String,
    base_url: String,
    outside: Option<Outside>,
    was_private: bool,
}

impl OutsideFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`OutsideError`] when it is none that a probe wrote.
    pub fn read(file: &Path) -> Result<Self, OutsideError> {
        let text = text_file::read(file, Limit::OutsideFile);
        let text = text.map_err(|error| OutsideError::Read(file.to_owned(), error))?;
        let foreign = |why: String| OutsideError::Foreign(file.to_owned(), Limit::ShownText.cut(&why));
        let of_json = |error: serde_json::Error| foreign(error.to_string());
        let head: Head = serde_json::from_str(&text).map_err(of_json)?;
        if head.document != DOCUMENT {
            return Err(foreign(format!("it is a document '{}'", head.document)));
        }
        if head.schema_version != VERSION {
            return Err(OutsideError::Version(file.to_owned(), head.schema_version));
        }
        let body: Body = serde_json::from_str(&text).map_err(of_json)?;
        Limit::RunPaths.check(body.paths.len()).map_err(foreign)?;
        let paths = body.paths.into_iter().map(found).collect::<Result<Vec<_>, _>>().map_err(foreign)?;
        let twice = paths.iter().enumerate().find(|(at, found)| paths[..*at].iter().any(|it| it.path == found.path));
        if let Some((_, found)) = twice {
            return Err(foreign(format!("it has path '{}' twice", found.path)));
        }
        Ok(Self { file: file.to_owned(), paths })
    }

    /// What the calls of each path got there, for those that are declared private.
    ///
    /// # Errors
    /// When it says nothing of one, or of another service.
    pub fn of_paths(&self, paths: &[&NetPath]) -> Result<Vec<Option<Outside>>, OutsideError> {
        if paths.iter().all(|path| path.control.private.is_none()) {
            return Err(OutsideError::Useless);
        }
        let of = |path: &&NetPath| if path.control.private.is_some() { self.of_path(path) } else { Ok(None) };
        paths.iter().map(of).collect()
    }

    fn of_path(&self, path: &NetPath) -> Result<Option<Outside>, OutsideError> {
        let found = self.paths.iter().find(|found| found.path == path.name);
        let found = found.ok_or_else(|| OutsideError::Lacks(self.file.clone(), path.name.clone()))?;
        if found.base_url != path.base_url {
            return Err(OutsideError::Elsewhere {
                file: self.file.clone(),
                path: path.name.clone(),
                there: Limit::ShownText.cut(&found.base_url),
                here: path.base_url.clone(),
            });
        }
        if found.was_private {
            return Err(OutsideError::Inside(self.file.clone(), path.name.clone()));
        }
        Ok(found.outside)
    }
}

/// What a path's calls got. One answer is enough to show that the service is public; a refusal shows something only where
/// its words are known to be those of the network.
fn found(seen: Seen) -> Result<Found, String> {
    let Seen { path, base_url, calls: Calls { sent, answered, refusals }, private } = seen;
    Limit::RunText.check(path.len())?;
    if answered > sent {
        return Err(format!("{answered} of {sent} calls of path '{path}' were answered"));
    }
    let mut known = refusals.iter().filter_map(|refusal| of_network(&refusal.code));
    let outside = if answered > 0 { Some(Outside::Answered) } else { known.next().map(Outside::Refused) };
    let was_private = private.is_some_and(|private| private.verdict == Privacy::Private.to_string());
    Ok(Found { path, base_url, outside, was_private })
}

/// The fingerprint of this code, where it says that the network refused.
fn of_network(code: &str) -> Option<&'static Fingerprint> {
    let print = FINGERPRINTS.iter().find(|print| print.code == code)?;
    match print.meaning {
        Meaning::PublicRoute | Meaning::Denied => Some(print),
        Meaning::Name | Meaning::Beyond | Meaning::Closed | Meaning::Caller => None,
    }
}
