//! The files of a run: written while it happens, read back any time later. Knows nothing of judgement.

use std::path::Path;

use crate::run::Run;

mod bounds;
mod cell;
pub(crate) mod claim;
mod columns;
pub mod counts;
pub(crate) mod errors;
mod fields;
pub mod file;
pub(crate) mod followed;
pub mod health;
pub mod histograms;
pub(crate) mod history;
pub(crate) mod intervals;
pub(crate) mod journal;
pub(crate) mod kept;
pub(crate) mod row_sampler;
pub(crate) mod totals;
#[cfg(test)]
mod large {
    mod tests;
}
mod lines;
mod lost;
pub mod manifest;
pub(crate) mod reference;
pub(crate) mod rows;
pub(crate) mod rows_read;
pub(crate) mod selftest;
mod table;
pub(crate) mod tally;
mod tied;

pub use crate::store::row_sampler::RowSampler;
pub use file::StoreError;
pub use health::HealthWriter;
pub use rows::RowWriter;
pub use rows_read::read_rows;

/// Reads a run directory, also that of a run that was killed: then `requests.csv` may end in half a line,
/// `histograms.hlog` may be missing, and what was under way is known from the holes in the numbers of the rows.
///
/// # Errors
/// When the manifest or the rows are not there, or a file is not what it should be.
pub fn load(dir: &Path) -> Result<Run, StoreError> {
    let manifest = manifest::read(dir)?;
    let sampler = match &manifest.rows {
        Some(rows) => RowSampler::stated(&manifest.plan, rows),
        None => RowSampler::open(&manifest.plan),
    };
    let samples = read_rows(&dir.join(file::REQUESTS), &manifest.plan, manifest.origin, &sampler)?;
    let health = health::read(&dir.join(file::HEALTH), &manifest.plan)?;
    let lost = lost::lost(&manifest, &samples);
    let errors_seen = errors::read(&dir.join(file::ERRORS), &manifest)?;
    let mut run = Run { manifest, samples, totals: None, chunk_gaps: Vec::new(), health, errors_seen, lost };
    let counts = dir.join(file::COUNTS);
    let logged = if sampler.is_open() {
        let spans = if counts.exists() { Some(counts::read(&counts, &run.manifest.plan)?) } else { None };
        tied::counts(&counts, &run, spans.as_deref())?;
        totals::gaps(dir, &run)?
    } else {
        let (totals, logged) = totals::read(dir, &run, counts::read(&counts, &run.manifest.plan)?)?;
        run.totals = Some(totals);
        logged
    };
    tied::rows(dir, &run)?;
    tied::errors(dir, &run)?;
    tied::histograms(dir, &run, &logged)?;
    if logged.whole_calls.is_none() && run.manifest.ending.is_some() {
        run.manifest.notes.push(format!("{} is missing: gaps between chunks are not known.", file::HISTOGRAMS));
    }
    run.chunk_gaps = logged.chunk_gaps;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::measure::recorder::Recorder;
    use crate::run::fixture::{self, World};

    fn written(run: &Run, dir: &Path) {
        manifest::write(dir, &run.manifest).expect("manifest");
        let mut rows =
            RowWriter::create(&dir.join(file::REQUESTS), &run.manifest.plan, run.manifest.origin).expect("rows");
        for sample in &run.samples {
            rows.append(sample).expect("row");
        }
        rows.finish().expect("rows");
        let mut health = HealthWriter::create(&dir.join(file::HEALTH)).expect("health");
        run.health.iter().for_each(|row| health.append(row).expect("a row"));
        let path = dir.join(file::HISTOGRAMS);
        let mut log = histograms::HistogramWriter::create(&path, fixture::started()).expect("log");
        let mut recorder = Recorder::new(run.manifest.plan.paths.len());
        run.samples.iter().for_each(|sample| recorder.record(sample));
        for (series, values) in recorder.take() {
            let name = &run.manifest.plan.path(series.path).name;
            log.append((5, 1), name, &histograms::metric_key(series), &values).expect("values");
        }
        for (path, gaps) in run.manifest.plan.paths.iter().zip(&run.chunk_gaps) {
            log.append((5, 1), &path.name, "chunk_gap", gaps).expect("gaps");
            log.append((6, 1), &path.name, "chunk_gap", gaps).expect("gaps");
        }
        log.finish().expect("log");
    }

    #[test]
    fn a_run_comes_back_from_its_files() {
        let dir = tempfile::tempdir().expect("dir");
        let run = World { seconds: 5.0, ..World::default() }.run();
        written(&run, dir.path());
        let back = load(dir.path()).expect("loaded");
        assert_eq!(back.manifest, run.manifest);
        assert_eq!(back.samples, run.samples);
        assert_eq!(back.chunk_gaps[1].len(), 2 * run.chunk_gaps[1].len());
        assert_eq!((back.planned(), back.health), (run.planned(), run.health));
    }

    /// Spreadsheets and editors save files in their own way; a run directory may have gone through one.
    #[test]
    fn a_run_that_was_saved_by_an_editor_comes_back_too() {
        let dir = tempfile::tempdir().expect("dir");
        let run = World { seconds: 5.0, ..World::default() }.run();
        written(&run, dir.path());
        for name in [file::MANIFEST, file::REQUESTS, file::HEALTH, file::HISTOGRAMS] {
            let text = fs::read_to_string(dir.path().join(name)).expect(name);
            fs::write(dir.path().join(name), format!("\u{feff}{}\r\n \r\n", text.replace('\n', "\r\n"))).expect(name);
        }
        let back = load(dir.path()).expect("loaded");
        assert_eq!((back.manifest.clone(), back.samples.len()), (run.manifest.clone(), run.samples.len()));
        assert_eq!((back.samples, back.health), (run.samples, run.health));
        assert_eq!(back.chunk_gaps[1].len(), 2 * run.chunk_gaps[1].len());
    }

    #[test]
    fn gaps_of_a_second_that_is_left_out_are_left_out() {
        let dir = tempfile::tempdir().expect("dir");
        let mut run = World::default().run();
        // Gaps stand in the seconds 5 and 6, of which the measured phase is the second 5 and the 59 after it.
        run.health[6].hiccup_ms = 31.0;
        written(&run, dir.path());
        assert_eq!(load(dir.path()).expect("loaded").chunk_gaps[1].len(), run.chunk_gaps[1].len());
    }

    #[test]
    fn a_killed_run_keeps_what_it_measured() {
        let dir = tempfile::tempdir().expect("dir");
        let mut run = World { seconds: 5.0, ..World::default() }.run();
        run.manifest.ending = None;
        let all = run.samples.len() as u64;
        run.samples.remove(7);
        written(&run, dir.path());
        fs::remove_file(dir.path().join(file::HISTOGRAMS)).expect("never written");
        let rows = fs::read(dir.path().join(file::REQUESTS)).expect("rows");
        fs::write(dir.path().join(file::REQUESTS), &rows[..rows.len() - 40]).expect("cut");
        let back = load(dir.path()).expect("loaded");
        assert_eq!(back.samples.len() as u64, all - 2);
        assert_eq!(back.lost.by_path.iter().sum::<u64>(), 1);
        assert_eq!(back.planned().iter().sum::<u64>(), all - 1);
        assert!(!back.is_complete() && back.measured_s() > 4.0);
        let health = fs::read(dir.path().join(file::HEALTH)).expect("health");
        fs::write(dir.path().join(file::HEALTH), &health[..health.len() - 7]).expect("cut");
        assert_eq!(load(dir.path()).expect("loaded").health, run.health[..run.health.len() - 1]);
    }

    #[test]
    fn what_is_no_run_is_named() {
        let dir = tempfile::tempdir().expect("dir");
        let error = load(dir.path()).expect_err("empty").to_string();
        assert!(error.contains("manifest.json") && error.contains("run directory"), "{error}");
        let mut manifest = fixture::manifest(fixture::plan(&["direct"]), None);
        manifest.schema_version = 9;
        manifest::write(dir.path(), &manifest).expect("written");
        assert!(load(dir.path()).expect_err("newer").to_string().contains("schema_version 1, found 9"));
    }
}
