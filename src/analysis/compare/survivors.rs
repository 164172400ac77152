//! Whether the times of the calls that succeeded may speak for their paths.
//!
//! Calls that fail have no time. Where more of them fail on one path than on the other, those that are left are another
//! selection, and a path may look as fast as the other, or faster, because it fails exactly when it would be slow. So
//! nothing good is said of such a pair: neither faster, nor equal, nor within a margin. That a path is slower in spite
//! of its failures stays said. Of a path that failed as a whole nothing is said at all.

use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::resampled::{Arm, Pair};
use crate::analysis::compare::shift::{FailedShares, Open, ShiftRow, Verdict};
use crate::units::PathId;

/// From how many standard errors on two shares of calls differ, whatever their blocks say: an outage in one block of
/// twenty is missing in a third of all draws, and its failures are many all the same.
const STANDARD_ERRORS: f64 = 3.0;

/// What keeps the times of a pair from being compared, if anything does.
pub(crate) fn against(pair: &Pair, shares: &FailedShares, failing: &[PathId]) -> Option<Open> {
    let failed = |arm: &Arm| failing.contains(&arm.path);
    if failed(pair.baseline) || failed(pair.candidate) {
        return Some(Open::PathFailed);
    }
    let apart = shares.ci.is_some_and(|(low, high)| low > 0.0 || high < 0.0) || are_apart(pair);
    // What was declared to be tolerated is no difference.
    let tolerated = shares.gate == Gate::Passed;
    (apart && !tolerated).then_some(Open::FailuresDiffer)
}

/// Whether the failed shares of single calls differ by more than chance: the test of two proportions.
fn are_apart(pair: &Pair) -> bool {
    let count = |arm: &Arm| (arm.failures.iter().sum::<f64>(), arm.tries.iter().sum::<f64>());
    let ((failed_a, a), (failed_b, b)) = (count(pair.baseline), count(pair.candidate));
    let all = (failed_a + failed_b) / (a + b);
    let error = (all * (1.0 - all) * (1.0 / a + 1.0 / b)).sqrt();
    // Not a number where nothing was tried, and then nothing is apart.
    (failed_b / b - failed_a / a).abs() > STANDARD_ERRORS * error
}

/// Takes back what a row says too much, for this reason.
pub(crate) fn withhold(row: &mut ShiftRow, open: Open, shares: &FailedShares) {
    let worse_anyway = open == Open::FailuresDiffer && row.verdict == Verdict::Slower && candidate_fails_more(shares);
    let is_open_already = row.joint_ci_ms.is_none() && open == Open::FailuresDiffer;
    if worse_anyway || is_open_already {
        return;
    }
    row.verdict = Verdict::Inconclusive;
    row.needed_rounds = None;
    row.open = Some(open);
    row.reason = Some(reason(open).to_owned());
    row.gate = match row.gate {
        Gate::Passed | Gate::Failed | Gate::Open => Gate::Open,
        Gate::Ungated => Gate::Ungated,
    };
}

fn candidate_fails_more(shares: &FailedShares) -> bool {
    shares.candidate.zip(shares.baseline).is_some_and(|(candidate, baseline)| candidate > baseline)
}

fn reason(open: Open) -> &'static str {
    match open {
        Open::PathFailed => "a path failed, so its times are not compared",
        Open::Invalid => "the run is invalid",
        Open::FailuresDiffer => {
            "the paths do not fail equally often, so the times of their successful calls cannot be compared"
        }
        Open::FewCalls
        | Open::FewBlocks
        | Open::LongMemory
        | Open::HoldsZero
        | Open::HoldsMargin
        | Open::BeyondTimeout
        | Open::Incomplete => "it is open",
    }
}
