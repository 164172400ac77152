//! Where the calls of each path went, and whether a path that was declared private was.

use crate::analysis::Analysis;
use crate::analysis::summary::way::Way;
use crate::evidence::ladder::{Privacy, Standing};
use crate::report::document::Decision;
use crate::report::table::{Cell, Table, Tone, words};
use crate::run::Run;

/// Addresses and regions that are named one by one.
const TOLD: usize = 3;

/// Where the calls of each path went, a row a path.
pub(super) fn table(run: &Run, analysis: &Analysis) -> Table {
    let any_private = analysis.ways.iter().any(|way| way.private.is_some());
    let mut columns = vec![words("path"), words("address reached"), words("region")];
    columns.extend(any_private.then_some(words("declared private")));
    let row = |way: &Way| {
        let mut cells: Vec<Cell> = vec![
            run.manifest.plan.path(way.path).name.as_str().into(),
            several(way.peers.iter().map(|peer| peer.address.to_string())),
            several(way.regions.iter().map(|(region, _)| region.clone())),
        ];
        cells.extend(any_private.then(|| privacy(way)));
        cells
    };
    Table::new("Where calls went", columns, analysis.ways.iter().map(row)).noted(
        "The addresses of the sockets that carried the measured calls, the most frequent first; the region as the service \
         names it.",
    )
}

/// The same of one path in a few words: address, region, and whether it was private where it was declared so.
pub(super) fn in_short(way: &Way) -> Vec<Cell> {
    let address = several(way.peers.iter().map(|peer| peer.address.to_string()));
    let region = several(way.regions.iter().map(|(region, _)| region.clone()));
    let mut cells: Vec<Cell> = [address, region].into_iter().filter(|cell| *cell != Cell::missing()).collect();
    cells.extend(way.private.is_some().then(|| privacy(way)));
    cells
}

fn several(all: impl Iterator<Item = String>) -> Cell {
    let all: Vec<String> = all.collect();
    match all.len() {
        0 => Cell::missing(),
        1..=TOLD => all.join(", ").into(),
        more => format!("{}, {} more", all[..TOLD].join(", "), more - TOLD).into(),
    }
}

fn privacy(way: &Way) -> Cell {
    let Some(private) = &way.private else { return Cell::toned("no", Tone::Quiet) };
    let of = format!("{} of {} rungs", private.reached(), private.steps.len());
    match (private.privacy, way.failed_rung()) {
        (Privacy::NotPrivate, Some(step)) => Cell::toned(format!("NOT PRIVATE: {}", step.rung), Tone::Bad),
        (Privacy::NotPrivate, None) => Cell::toned("NOT PRIVATE", Tone::Bad),
        (Privacy::Private, _) => Cell::toned(format!("private, {of}"), Tone::Good),
        (Privacy::Unproven, _) => Cell::toned(format!("unproven, {of}"), Tone::Warn),
    }
}

/// The rungs of each path that was declared private.
pub(super) fn rungs(run: &Run, analysis: &Analysis) -> Table {
    let of_way = |way: &Way| {
        let name = run.manifest.plan.path(way.path).name.clone();
        let steps = way.private.iter().flat_map(|private| &private.steps).cloned().collect::<Vec<_>>();
        steps.into_iter().map(move |step| -> Vec<Cell> {
            let tone = match step.standing {
                Standing::Reached => Tone::Good,
                Standing::Failed => Tone::Bad,
                Standing::Doubtful => Tone::Warn,
                Standing::Unknown => Tone::Quiet,
            };
            let standing = Cell::toned(step.standing.to_string(), tone);
            vec![name.as_str().into(), step.rung.to_string().into(), standing, step.evidence.into()]
        })
    };
    let columns = vec![words("path"), words("rung"), words("standing"), words("evidence")];
    Table::new("Private path", columns, analysis.ways.iter().flat_map(of_way)).noted(
        "A rung that failed makes the run invalid; an unknown one says nothing. docs/private-paths.md says what each shows.",
    )
}

/// What stands at the head of the report: whose certificate nobody checked.
pub(super) fn decisions(run: &Run) -> Vec<Decision> {
    let unverified = run.manifest.plan.paths.iter().filter(|path| !path.tls.verify);
    let sentence = |name: &str| {
        format!("The certificate of '{name}' was not verified (tls.verify = false): anyone may have answered")
    };
    unverified.map(|path| Decision { tone: Tone::Warn, sentence: sentence(&path.name), details: Vec::new() }).collect()
}
