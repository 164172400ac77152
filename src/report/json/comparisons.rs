//! What JSON says of a candidate beside its baseline, of one run and of two.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Candidate, Curve, Dominance, FailedShares, MeanShift, ShiftRow, State, Verdict};
use crate::analysis::input::population::Connections;
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::stats::needed::Needed;
use crate::measure::metric::{Basis, Metric};
use crate::report::json::interference::{InterferenceFacts, interference};
use crate::report::json::number::{ms, pair, rounded};
use crate::report::json::schema::Explained;
use crate::run::Run;

/// A candidate against the baseline in one metric at one quantile.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["shift_ms", "ci_ms"]))]
struct ShiftFacts<'a> {
    baseline: &'a str,
    candidate: &'a str,
    metric: Metric,
    /// 0 to 1.
    quantile: f64,
    basis: Basis,
    connections: Connections,
    n_baseline: usize,
    n_candidate: usize,
    shift_ms: Option<f64>,
    /// The 95% interval of `shift_ms`.
    ci_ms: Option<[f64; 2]>,
    /// An interval that holds for all rows at once.
    joint_ci_ms: Option<[f64; 2]>,
    shift_pct: Option<f64>,
    #[schemars(extend("const" = CONFIDENCE))]
    confidence: f64,
    blocks: usize,
    /// As declared in the profile, such as 5% or 10ms.
    margin: Option<String>,
    /// The margin in milliseconds.
    gate_ms: Option<f64>,
    /// Whether the margin is kept; null where none was declared.
    gate: Option<Gate>,
    /// The 95% interval of `shift_pct`.
    ci_pct: Option<[f64; 2]>,
    /// The smallest shift that this run could have detected.
    resolves_ms: Option<f64>,
    /// How many rounds a verdict needs in all, if more would help.
    needed_rounds: Option<u64>,
    /// How many seconds of measuring `needed_rounds` take at this run's rate.
    needed_s: Option<f64>,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// A shift of means.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MeanFacts<'a> {
    baseline: &'a str,
    candidate: &'a str,
    ci_ms: Option<[f64; 2]>,
    metric: Metric,
    shift_ms: Option<f64>,
}

/// Shares of calls that failed, of 1.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FailedFacts<'a> {
    baseline: &'a str,
    baseline_share: Option<f64>,
    candidate: &'a str,
    candidate_share: Option<f64>,
    ci: Option<[f64; 2]>,
    gate: Option<Gate>,
    /// Points of 1, if declared.
    margin: Option<f64>,
}

/// Calls a second that were answered as asked and kept what goodput objectives ask of each call.
#[derive(Serialize, JsonSchema)]
struct GoodputFacts<'a> {
    baseline: &'a str,
    baseline_per_s: Option<f64>,
    candidate: &'a str,
    candidate_per_s: Option<f64>,
    ci: Option<[f64; 2]>,
}

/// Cliff's delta: how much likelier a call of the candidate is slower than one of the baseline than faster, -1 to 1.
#[derive(Serialize, JsonSchema)]
struct DominanceFacts<'a> {
    baseline: &'a str,
    candidate: &'a str,
    ci: Option<[f64; 2]>,
    cliffs_delta: Option<f64>,
    metric: Metric,
    #[schemars(extend("enum" = ["negligible", "small", "medium", "large", null]))]
    size: Option<&'static str>,
}

/// The shift of every quantile, with a band that holds the whole curve at once with 95%.
#[derive(Serialize, JsonSchema)]
struct CurveFacts<'a> {
    baseline: &'a str,
    candidate: &'a str,
    metric: Metric,
    points: Vec<CurvePointFacts>,
}

/// One point of a curve.
#[derive(Serialize, JsonSchema)]
struct CurvePointFacts {
    band_ms: [f64; 2],
    quantile: f64,
    shift_ms: f64,
}

/// The shift of the headline's median over calls whose connections were in one state.
#[derive(Serialize, JsonSchema)]
struct ConnectionStateFacts<'a> {
    baseline: &'a str,
    candidate: &'a str,
    ci_ms: Option<[f64; 2]>,
    metric: Metric,
    n_baseline: usize,
    n_candidate: usize,
    shift_ms: Option<f64>,
    state: State,
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
#[derive(Serialize, JsonSchema)]
pub(super) struct ComparisonFacts<'a> {
    /// Every candidate against the baseline, by metric and quantile.
    comparisons: Vec<ShiftFacts<'a>>,
    mean_shifts: Vec<MeanFacts<'a>>,
    failed_shares: Vec<FailedFacts<'a>>,
    goodput: Vec<GoodputFacts<'a>>,
    dominance: Vec<DominanceFacts<'a>>,
    curves: Vec<CurveFacts<'a>>,
    interference: Vec<InterferenceFacts<'a>>,
    connection_states: Vec<ConnectionStateFacts<'a>>,
}

/// A candidate with its comparison and both names.
struct Named<'a> {
    baseline: &'a str,
    name: &'a str,
    comparison: &'a Comparison,
    candidate: &'a Candidate,
}

/// What a run says of its candidates.
pub(super) fn comparisons<'a>(run: &'a Run, analysis: &'a Analysis) -> ComparisonFacts<'a> {
    let name = |path| run.manifest.plan.path(path).name.as_str();
    let of_comparison = |comparison: &'a Comparison| {
        let named = move |candidate: &'a Candidate| Named {
            baseline: name(comparison.baseline),
            name: name(candidate.path),
            comparison,
            candidate,
        };
        comparison.candidates.iter().map(named)
    };
    let candidates: Vec<Named<'a>> = analysis.comparison.iter().flat_map(of_comparison).collect();
    let all = candidates.as_slice();
    ComparisonFacts {
        comparisons: all.iter().flat_map(Named::shifts).collect(),
        mean_shifts: all.iter().flat_map(|one| means(one.baseline, one.name, &one.candidate.means)).collect(),
        failed_shares: all.iter().map(|one| failed(one.baseline, one.name, &one.candidate.failures)).collect(),
        goodput: all.iter().map(Named::goodput).collect(),
        dominance: all.iter().flat_map(Named::dominance).collect(),
        curves: all.iter().flat_map(Named::curves).collect(),
        interference: all.iter().filter_map(|one| interference(one.baseline, one.name, one.candidate)).collect(),
        connection_states: all.iter().flat_map(Named::connection_states).collect(),
    }
}

/// The shifts of means of a candidate.
pub(crate) fn means<'a>(
    baseline: &'a str,
    candidate: &'a str,
    means: &'a [MeanShift],
) -> impl Iterator<Item = MeanFacts<'a>> {
    means.iter().map(move |mean| MeanFacts {
        baseline,
        candidate,
        ci_ms: pair(mean.ci_ms),
        metric: mean.metric,
        shift_ms: ms(mean.shift_ms),
    })
}

/// How many calls failed on either side.
pub(crate) fn failed<'a>(baseline: &'a str, candidate: &'a str, shares: &FailedShares) -> FailedFacts<'a> {
    FailedFacts {
        baseline,
        baseline_share: ms(shares.baseline),
        candidate,
        candidate_share: ms(shares.candidate),
        ci: pair(shares.ci),
        gate: held_gate(shares.gate),
        margin: ms(shares.margin),
    }
}

impl FailedFacts<'_> {
    /// The same with the margin of a comparison of two runs.
    pub(crate) fn with_margin(self, margin: f64, gate: Gate) -> Self {
        Self { margin: Some(rounded(margin)), gate: held_gate(gate), ..self }
    }
}

/// The gate, or none where nothing is gated.
pub(crate) fn held_gate(gate: Gate) -> Option<Gate> {
    Some(gate).filter(|gate| *gate != Gate::Ungated)
}

/// The blocks of a comparison.
pub(super) fn blocks(comparison: &Comparison) -> BlockFacts {
    let blocks = &comparison.blocks;
    BlockFacts {
        count: comparison.filled(),
        first_level: rounded(comparison.levels.first),
        joint_level: rounded(comparison.levels.others),
        length_s: rounded(blocks.length_s),
        memory_s: rounded(blocks.memory_s),
        rounds: blocks.rounds,
        shared: blocks.shared,
    }
}

impl<'a> Named<'a> {
    fn shifts(&self) -> impl Iterator<Item = ShiftFacts<'a>> {
        let Self { baseline, name, comparison, candidate } = *self;
        candidate.rows.iter().map(move |row| shift(baseline, name, comparison, row))
    }

    fn goodput(&self) -> GoodputFacts<'a> {
        let goodput = &self.candidate.goodput;
        GoodputFacts {
            baseline: self.baseline,
            baseline_per_s: ms(goodput.baseline),
            candidate: self.name,
            candidate_per_s: ms(goodput.candidate),
            ci: pair(goodput.ci),
        }
    }

    fn dominance(&self) -> impl Iterator<Item = DominanceFacts<'a>> {
        let (baseline, candidate) = (self.baseline, self.name);
        self.candidate.dominances.iter().map(move |dominance| DominanceFacts {
            baseline,
            candidate,
            ci: pair(dominance.ci),
            cliffs_delta: ms(dominance.delta),
            metric: dominance.metric,
            size: dominance.delta.map(Dominance::word),
        })
    }

    fn curves(&self) -> impl Iterator<Item = CurveFacts<'a>> {
        let (baseline, candidate) = (self.baseline, self.name);
        let points = |curve: &Curve| {
            let points = curve.points.iter().map(|point| CurvePointFacts {
                band_ms: [rounded(point.low_ms), rounded(point.high_ms)],
                quantile: point.quantile,
                shift_ms: rounded(point.shift_ms),
            });
            points.collect()
        };
        self.candidate.curves.iter().map(move |curve| CurveFacts {
            baseline,
            candidate,
            metric: curve.metric,
            points: points(curve),
        })
    }

    fn connection_states(&self) -> impl Iterator<Item = ConnectionStateFacts<'a>> {
        let (baseline, candidate) = (self.baseline, self.name);
        self.candidate.connections.iter().map(move |shift| ConnectionStateFacts {
            baseline,
            candidate,
            ci_ms: pair(shift.ci_ms),
            metric: shift.metric,
            n_baseline: shift.n_baseline,
            n_candidate: shift.n_candidate,
            shift_ms: ms(shift.shift_ms),
            state: shift.state,
        })
    }
}

fn shift<'a>(baseline: &'a str, candidate: &'a str, comparison: &Comparison, row: &'a ShiftRow) -> ShiftFacts<'a> {
    ShiftFacts {
        baseline,
        candidate,
        metric: row.metric,
        quantile: row.quantile,
        basis: comparison.basis,
        connections: comparison.connections,
        n_baseline: row.n_baseline,
        n_candidate: row.n_candidate,
        shift_ms: ms(row.shift_ms),
        ci_ms: pair(row.ci_ms),
        joint_ci_ms: pair(row.joint_ci_ms),
        shift_pct: ms(row.shift_pct),
        confidence: CONFIDENCE,
        blocks: row.blocks,
        margin: row.margin.map(|size| size.to_string()),
        gate_ms: ms(row.gate_ms),
        gate: held_gate(row.gate),
        ci_pct: pair(row.ci_pct),
        resolves_ms: ms(row.resolves_ms()),
        needed_rounds: row.needed_rounds.map(Needed::total),
        needed_s: ms(row.needed_rounds.map(|needed| needed.total() as f64 / comparison.blocks.rate.max(1e-9))),
        verdict: row.verdict,
        reason: row.reason.as_deref(),
    }
}
