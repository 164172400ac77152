//! How paths signed in: a row for each credential whose tokens are got.

use crate::report::figure;
use crate::report::table::{Cell, Table, figures, words};
use crate::run::Run;

/// The table; without rows where no token was got.
pub(super) fn table(run: &Run) -> Table {
    let rows = run.manifest.sign_in.iter().map(|sign_in| -> Vec<Cell> {
        let figures = sign_in.figures();
        let name = run.manifest.plan.paths.get(sign_in.path.index()).map_or("", |path| path.name.as_str());
        vec![
            name.into(),
            figures.kind.into(),
            figure::count(figures.acquired).into(),
            Cell::maybe(figures.p50_ms.map(figure::ms)),
            Cell::maybe(figures.max_ms.map(figure::ms)),
            figure::count(figures.failed).into(),
            Cell::maybe(figures.last_failure),
        ]
    });
    Table {
        title: "Signing in".to_owned(),
        columns: vec![
            words("path"),
            words("credential"),
            figures("tokens"),
            figures("p50 ms"),
            figures("max ms"),
            figures("failed"),
            words("last failure"),
        ],
        rows: rows.collect(),
        note: Some(
            "Tokens are requested in the background, before they expire; no call waited for these times.".to_owned(),
        ),
    }
}
