//! Every pair of paths of a comparison on the first screen of its page.

use crate::analysis::compare::gate::Gate;
use crate::analysis::runs::{PathPair, RunComparison};
use crate::report::figure;
use crate::report::overview::{Overview, PathLine, Shift};
use crate::report::shift;
use crate::report::table::{Cell, Tone, figures};

/// The least that the scale of shifts reaches to either side, ms, and as a share of the base's median.
const LEAST_REACH: (f64, f64) = (1.0, 0.01);

/// The median of the headline metric of every pair.
pub(super) fn overview(comparison: &RunComparison) -> Overview {
    let headline = comparison.headline;
    let base = |pair: &PathPair| pair.headline(headline).and_then(|row| row.baseline_ms);
    let median = comparison.pairs.iter().filter_map(base).fold(0.0, f64::max);
    let heads = vec![figures("p50 ms, base"), figures("failed calls, base"), figures("failed calls")];
    let mut paths: Vec<PathLine> =
        comparison.pairs.iter().enumerate().map(|(place, pair)| line(comparison, place, pair)).collect();
    // Nothing looks all good beside calls that failed.
    if comparison.pairs.iter().any(has_failures) {
        let cells = paths.iter_mut().flat_map(|path| [&mut path.verdict, &mut path.figures]);
        cells.filter(|cell| cell.tone == Tone::Good).for_each(|cell| cell.tone = Tone::Plain);
    }
    Overview {
        title: format!("Median {} of each path against the base", headline.name()),
        heads,
        paths,
        least_reach_ms: LEAST_REACH.0.max(LEAST_REACH.1 * median),
        note: "Bars are 95% intervals; further right is slower than the base. Shaded: the margin.".to_owned(),
    }
}

fn has_failures(pair: &PathPair) -> bool {
    let shares = &pair.judged.failures;
    [shares.baseline, shares.candidate].into_iter().flatten().any(|share| share > 0.0)
}

fn line(comparison: &RunComparison, place: usize, pair: &PathPair) -> PathLine {
    let row = pair.headline(comparison.headline);
    let [base, candidate] = &comparison.failing;
    let failed = base.iter().any(|failed| failed.name == pair.base)
        || candidate.iter().any(|failed| failed.name == pair.candidate);
    let shares = &pair.judged.failures;
    let share = |share: Option<f64>| Cell::maybe(share.map(figure::share));
    let drawn = row.filter(|_| !failed).and_then(|row| {
        let margin_ms = row.gate_ms.filter(|_| row.gate != Gate::Ungated);
        Some(Shift { ms: row.shift_ms?, ci_ms: row.ci_ms, margin_ms })
    });
    let told = row.filter(|_| !failed).and_then(|row| {
        let (tone, glyph, word) = shift::verdict_mark(row.verdict);
        let (tone, glyph, word) =
            if shift::is_withheld(row) { (Tone::Quiet, "", "not judged") } else { (tone, glyph, word) };
        let tone = if tone == Tone::Bad && row.gate != Gate::Failed { Tone::Warn } else { tone };
        let text = format!("{glyph} {} ms, {word}", shift::shift_figures(row.shift_ms, row.ci_ms)?);
        Some(Cell::toned(text.trim_start(), tone))
    });
    let verdict = worst(pair);
    let verdict = if failed { Cell::toned("✗ a path failed", Tone::Bad) } else { gate_cell(verdict) };
    let name = if pair.base == pair.candidate {
        pair.candidate.clone()
    } else {
        format!("{} ({})", pair.candidate, pair.base)
    };
    PathLine {
        place,
        name,
        way: Vec::new(),
        shift: drawn,
        figures: told.unwrap_or_else(Cell::missing),
        verdict,
        budget: Cell::from(""),
        facts: vec![
            Cell::figure(row.and_then(|row| row.baseline_ms)),
            share(shares.baseline),
            match pair.error_gate {
                Gate::Failed => Cell { tone: Tone::Bad, ..share(shares.candidate) },
                Gate::Passed | Gate::Open | Gate::Ungated => share(shares.candidate),
            },
        ],
    }
}

/// What all gates of a pair come to.
fn worst(pair: &PathPair) -> Gate {
    let gates = || pair.rows.iter().map(|row| row.gate).chain([pair.error_gate]);
    let any = |wanted: Gate| gates().any(|gate| gate == wanted);
    [Gate::Failed, Gate::Open, Gate::Passed].into_iter().find(|gate| any(*gate)).unwrap_or(Gate::Ungated)
}

fn gate_cell(gate: Gate) -> Cell {
    let text = match gate {
        Gate::Failed => "worse by more than the margin",
        Gate::Open => "not decided for every figure",
        Gate::Passed => "no more than the margin worse",
        Gate::Ungated => "nothing is gated",
    };
    shift::gate_mark(gate)
        .map_or_else(|| Cell::toned(text, Tone::Quiet), |(tone, glyph)| Cell::toned(format!("{glyph} {text}"), tone))
}
