//! `manifest.json`: plan, environment and ending of a run. It holds no secret, because a plan holds none.

use std::path::Path;

use serde::Deserialize;

use crate::limits::Limit;
use crate::run::Manifest;
use crate::store::bounds::{self, Broken};
use crate::store::file::{self, StoreError};

/// What every version of a manifest has.
#[derive(Deserialize)]
struct Versioned {
    schema_version: u64,
}

/// Writes the manifest whole into a run directory: once when the run starts, once more when it has ended.
///
/// # Errors
/// When the disk or the folder refuses.
pub fn write(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let path = dir.join(file::MANIFEST);
    let mut text = serde_json::to_vec_pretty(manifest).map_err(|error| StoreError::unwritable(&path, error.into()))?;
    text.push(b'\n');
    file::write_whole(&path, &text)
}

/// Reads the manifest of a run directory.
///
/// # Errors
/// When it is not there, not readable or not a manifest of this version.
pub(crate) fn read(dir: &Path) -> Result<Manifest, StoreError> {
    let path = dir.join(file::MANIFEST);
    let bytes = file::read_whole(&path, Limit::RunDocument.most())?;
    let no_manifest = |error: serde_json::Error| {
        StoreError::broken(&path, error.line() as u64, format!("a run's manifest, but: {error}"))
    };
    // What a newer version calls its keys is not known, so its number is read first.
    let Versioned { schema_version } = serde_json::from_slice(&bytes).map_err(no_manifest)?;
    if schema_version != 1 {
        let expected = format!("schema_version 1, found {schema_version}; use a newer hopmark");
        return Err(StoreError::broken(&path, 1, expected));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(no_manifest)?;
    match bounds::check(&manifest) {
        Ok(()) => Ok(manifest),
        Err(Broken { key, takes }) => Err(StoreError::OutOfRange { path, key, takes }),
    }
}
