//! What JSON says of a candidate beside its baseline, of one run and of two.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::shift::{
    Candidate, ConnectionShift, Curve, Dominance, FailedShares, Goodput, MeanShift, ShiftRow,
};
use crate::analysis::input::population::Connections;
use crate::analysis::stats::basic::CONFIDENCE;
use crate::measure::metric::Basis;
use crate::report::json::interference::{InterferenceFacts, interference};
use crate::report::json::schema::Explained;
use crate::run::Run;

/// What was found of a candidate beside its baseline.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Between<'a, T> {
    baseline: &'a str,
    candidate: &'a str,
    #[serde(flatten)]
    found: T,
}

impl<'a> Between<'a, ()> {
    /// Each of the things that were found of one candidate.
    pub(crate) fn each<T>(
        baseline: &'a str,
        candidate: &'a str,
        found: impl IntoIterator<Item = T>,
    ) -> impl Iterator<Item = Between<'a, T>> {
        found.into_iter().map(move |found| Between { baseline, candidate, found })
    }
}

/// One quantile of one metric.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["shift_ms", "ci_ms"]))]
pub(crate) struct ShiftFacts<'a> {
    basis: Basis,
    connections: Connections,
    #[schemars(extend("const" = CONFIDENCE))]
    confidence: f64,
    #[serde(flatten)]
    row: &'a ShiftRow,
    /// The smallest shift that this run could have detected.
    resolves_ms: Option<f64>,
    /// How many seconds of measuring `needed_rounds` take at this run's rate.
    needed_s: Option<f64>,
}

impl<'a> ShiftFacts<'a> {
    /// Of a run with so many rounds a second.
    pub(crate) fn of(row: &'a ShiftRow, basis: Basis, connections: Connections, rate: f64) -> Self {
        let needed_s = row.needed_rounds.map(|needed| needed.total() as f64 / rate.max(1e-9));
        Self { basis, connections, confidence: CONFIDENCE, row, resolves_ms: row.resolves_ms(), needed_s }
    }
}

/// The blocks of time that were drawn again.
#[derive(Serialize, JsonSchema)]
pub(super) struct BlockFacts {
    count: usize,
    /// The confidence at which rows named in advance are judged: those with a margin, or the headline's median.
    first_level: f64,
    joint_level: f64,
    length_s: f64,
    /// How long calls of the run hang together.
    memory_s: f64,
    rounds: usize,
    shared: bool,
}

/// Everything that `summary.json` says of the paths beside each other.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct ComparisonFacts<'a> {
    /// Every candidate against the baseline, by metric and quantile.
    comparisons: Vec<Between<'a, ShiftFacts<'a>>>,
    /// Shifts of means.
    mean_shifts: Vec<Between<'a, &'a MeanShift>>,
    /// Shares of calls that failed, of 1.
    failed_shares: Vec<Between<'a, &'a FailedShares>>,
    /// Calls a second that were answered as asked and kept what goodput objectives ask of each call.
    goodput: Vec<Between<'a, &'a Goodput>>,
    /// Cliff's delta: how much likelier a call of the candidate is slower than one of the baseline than faster, -1 to 1.
    dominance: Vec<Between<'a, &'a Dominance>>,
    /// The shift of every quantile, with a band that holds the whole curve at once with 95%.
    curves: Vec<Between<'a, &'a Curve>>,
    /// Whether the calls of a paired run were in each other's way.
    interference: Vec<Between<'a, InterferenceFacts<'a>>>,
    /// The shift of the headline's median over calls whose connections were in one state.
    connection_states: Vec<Between<'a, &'a ConnectionShift>>,
}

/// What a run says of its candidates.
pub(super) fn comparisons<'a>(run: &'a Run, analysis: &'a Analysis) -> ComparisonFacts<'a> {
    let name = |path| run.manifest.plan.path(path).name.as_str();
    let mut facts = ComparisonFacts::default();
    let Some(comparison) = &analysis.comparison else { return facts };
    let base = name(comparison.baseline);
    for candidate in &comparison.candidates {
        let own = name(candidate.path);
        let Candidate { rows, means, failures, goodput, dominances, curves, connections, .. } = candidate;
        let row = |row| ShiftFacts::of(row, comparison.basis, comparison.connections, comparison.blocks.rate);
        facts.comparisons.extend(Between::each(base, own, rows.iter().map(row)));
        facts.mean_shifts.extend(Between::each(base, own, means));
        facts.failed_shares.extend(Between::each(base, own, [failures]));
        facts.goodput.extend(Between::each(base, own, [goodput]));
        facts.dominance.extend(Between::each(base, own, dominances));
        facts.curves.extend(Between::each(base, own, curves));
        facts.interference.extend(Between::each(base, own, candidate.interference.as_ref().map(interference)));
        facts.connection_states.extend(Between::each(base, own, connections));
    }
    facts
}

/// The blocks of a comparison.
pub(super) fn blocks(comparison: &Comparison) -> BlockFacts {
    let blocks = &comparison.blocks;
    BlockFacts {
        count: comparison.filled(),
        first_level: comparison.levels.first,
        joint_level: comparison.levels.others,
        length_s: blocks.length_s,
        memory_s: blocks.memory_s,
        rounds: blocks.rounds,
        shared: blocks.shared,
    }
}
