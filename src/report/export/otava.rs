//! `otava.csv`: a head and one row, for the history that Apache Otava (once Hunter) looks for changes in.
//!
//! Otava takes no empty field, so a figure that was not measured has no column.

use crate::analysis::Analysis;
use crate::report::export::tracked::{levels, shifts};
use crate::run::Run;
use crate::store::file;

/// The bytes of `otava.csv`.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let manifest = &run.manifest;
    let mut fields = vec![
        ("time".to_owned(), file::printable(&manifest.started_at)),
        ("run".to_owned(), file::printable(&manifest.id)),
        ("version".to_owned(), file::printable(&manifest.tool_version)),
        ("validity".to_owned(), analysis.validity.verdict.to_string()),
    ];
    let figures = levels(run, analysis).into_iter().map(|level| (level.path, level.name, level.value));
    let shifts = shifts(run, analysis).into_iter().map(|shift| (shift.path, shift.name, shift.value));
    fields.extend(figures.chain(shifts).map(|(path, name, value)| (format!("{path}.{name}"), format!("{value:.6}"))));
    let mut out = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = out.write_record(fields.iter().map(|(head, _)| file::printable(head)));
    let _ = out.write_record(fields.iter().map(|(_, value)| value));
    out.into_inner().unwrap_or_default()
}
