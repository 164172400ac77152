//! Whether the files of a run belong together: each tells something that another tells too. A file of another run beside
//! the rows would give figures that look right.
//!
//! What was under way when a run was killed stands in some of its files and not in others, and so does what was lost: only
//! a run that wrote all it had is held to the same numbers.

use std::path::Path;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::measure::counts::Counts;
use crate::run::{Run, SpanCounts};
use crate::store::file::{self, StoreError};
use crate::store::histograms::started_at;
use crate::store::totals::Logged;
use crate::units::Phase;

/// By how much the two stamps of a run's start may be rounded, seconds.
const ROUNDED_S: f64 = 0.01;

fn wrote_everything(run: &Run) -> bool {
    run.manifest.ending.as_ref().is_some_and(|ending| ending.rows_lost == 0)
}

/// The calls that were counted while the run went on are those that have rows.
pub(crate) fn counts(path: &Path, run: &Run, spans: Option<&[SpanCounts]>) -> Result<(), StoreError> {
    let Some(spans) = spans.filter(|_| wrote_everything(run)) else { return Ok(()) };
    for phase in [Phase::Warmup, Phase::Measure, Phase::Drain] {
        for (net_path, rows) in run.manifest.plan.paths.iter().zip(run.counted(phase)) {
            let mut counted = Counts::default();
            let own = spans.iter().filter(|span| span.phase == phase && span.path == net_path.id);
            own.for_each(|span| counted.add(&span.calls));
            let facts = |calls: &Counts| [calls.calls(), calls.ok, calls.opened, calls.input.sum, calls.output.sum];
            if facts(&rows) != facts(&counted) || rows.errors != counted.errors {
                return Err(another(
                    path,
                    format!(
                        "of path '{}' it counts {} calls of the {phase} phase, {} of them whole, with {} tokens; the rows of \
                     {} are {}, {} of them whole, with {} tokens",
                        net_path.name,
                        counted.calls(),
                        counted.ok,
                        counted.output.sum,
                        file::REQUESTS,
                        rows.calls(),
                        rows.ok,
                        rows.output.sum
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Where not every call has a row, the manifest says how many have.
pub(crate) fn rows(dir: &Path, run: &Run) -> Result<(), StoreError> {
    let stated = run.manifest.rows.as_ref().filter(|_| wrote_everything(run));
    let (Some(stated), Some(totals)) = (stated, &run.totals) else { return Ok(()) };
    let rows = run.samples.len() as u64;
    if rows != stated.kept {
        let why = format!("it holds {rows} rows of the sample, the manifest says {}", stated.kept);
        return Err(another(&dir.join(file::REQUESTS), why));
    }
    let counted: u64 = totals.spans.iter().map(|span| span.calls.calls()).sum();
    if counted == stated.calls {
        return Ok(());
    }
    let why = format!("it counts {counted} calls, the manifest says {}", stated.calls);
    Err(another(&dir.join(file::COUNTS), why))
}

/// As many errors of each class are told as there are.
pub(crate) fn errors(dir: &Path, run: &Run) -> Result<(), StoreError> {
    if !wrote_everything(run) {
        return Ok(());
    }
    let counts = run.counted(Phase::Measure);
    for seen in &run.errors_seen {
        let counted = counts[seen.path.index()].with_class(|class| class == seen.class);
        if counted != seen.count {
            let name = &run.manifest.plan.path(seen.path).name;
            let why = format!("it tells {} errors '{}' of path '{name}', there are {counted}", seen.count, seen.class);
            return Err(another(&dir.join(file::ERRORS), why));
        }
    }
    Ok(())
}

/// The log began when the run did, and holds a value for every whole call.
pub(crate) fn histograms(dir: &Path, run: &Run, logged: &Logged) -> Result<(), StoreError> {
    let Some(whole_calls) = &logged.whole_calls else { return Ok(()) };
    let (path, started) = (dir.join(file::HISTOGRAMS), &run.manifest.started_at);
    let began = OffsetDateTime::parse(started, &Rfc3339).ok().map(|at| at.unix_timestamp_nanos() as f64 / 1e9);
    let apart = started_at(&path)?.zip(began).map(|(log, run)| (log - run).abs());
    if apart.is_some_and(|apart| apart > ROUNDED_S) {
        let why =
            format!("it was begun {:.2} s before or after the run's start ({started})", apart.unwrap_or_default());
        return Err(another(&path, why));
    }
    if !wrote_everything(run) {
        return Ok(());
    }
    let counts = run.counted(Phase::Measure);
    for (net_path, (counts, logged)) in run.manifest.plan.paths.iter().zip(counts.iter().zip(whole_calls)) {
        if counts.ok != *logged {
            let why = format!("it holds {logged} whole calls of path '{}', there are {}", net_path.name, counts.ok);
            return Err(another(&path, why));
        }
    }
    Ok(())
}

fn another(path: &Path, why: String) -> StoreError {
    StoreError::OfAnotherRun { path: path.to_owned(), why }
}
