//! Made-up runs on disk, as `hopmark run` leaves them: for the tests of the verbs that read them.

use std::path::Path;

use crate::analysis::analyse;
use crate::report::{self, Format};
use crate::run::Run;
use crate::store::{HealthWriter, RowWriter, file, manifest};

/// Writes manifest and rows.
pub(crate) fn put(run: &Run, dir: &Path) {
    std::fs::create_dir_all(dir).expect("folder");
    manifest::write(dir, &run.manifest).expect("manifest");
    let mut rows = RowWriter::create(&dir.join(file::REQUESTS), &run.manifest.plan, run.manifest.origin).expect("rows");
    run.samples.iter().for_each(|sample| rows.append(sample).expect("row"));
    rows.finish().expect("rows");
    let mut health = HealthWriter::create(&dir.join(file::HEALTH)).expect("health");
    run.health.iter().for_each(|row| health.append(row).expect("a row"));
}

/// Writes `summary.json`, as a history keeps it.
pub(crate) fn put_summary(run: &Run, dir: &Path) {
    report::write(run, &analyse(run), &[Format::Json], dir).expect("summary");
}
