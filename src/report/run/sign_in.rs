//! How paths signed in: a row for each credential whose tokens are got.

use crate::report::figure::{self, MISSING};
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
            figure::maybe_ms(figures.p50_ms).into(),
            figure::maybe_ms(figures.max_ms).into(),
            figure::count(figures.failed).into(),
            figures.last_failure.unwrap_or_else(|| MISSING.to_owned()).into(),
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
        note: Some("Tokens are got aside and ahead of their end; no call waited for these times.".to_owned()),
    }
}
