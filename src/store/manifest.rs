//! `manifest.json`: plan, environment and ending of a run. It holds no secret, because a plan holds none.

use std::path::Path;

use crate::limits::Limit;
use crate::run::Manifest;
use crate::store::bounds::{self, Broken};
use crate::store::file::{self, StoreError};

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
    let manifest: Manifest = serde_json::from_slice(&file::read_whole(&path, Limit::RunDocument.most())?)
        .map_err(|error| StoreError::broken(&path, error.line() as u64, format!("a run's manifest, but: {error}")))?;
    if manifest.schema_version != 1 {
        let expected = format!("schema_version 1, found {}; use a newer hopmark", manifest.schema_version);
        return Err(StoreError::broken(&path, 1, expected));
    }
    match bounds::check(&manifest) {
        Ok(()) => Ok(manifest),
        Err(Broken { key, takes }) => Err(StoreError::OutOfRange { path, key, takes }),
    }
}
