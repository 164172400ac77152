//! The sentence of a shift: what is said of a candidate beside its baseline, or why nothing is.

use crate::analysis::compare::shift::{FailedShares, Open, ShiftRow, Verdict};
use crate::report::figure;
use crate::report::table::Tone;

/// What a shift says, in a sentence.
#[must_use]
pub(super) fn headline(row: &ShiftRow, shares: &FailedShares, subject: &str, baseline: &str) -> (Tone, String) {
    if let Some(open) = row.open.filter(|_| is_withheld(row)) {
        return withheld(open, shares, subject, baseline);
    }
    let Some(shift) = row.shift_ms else {
        return (Tone::Warn, format!("{subject} cannot be compared with {baseline}"));
    };
    let by = figure::ms(shift.abs());
    match row.verdict {
        Verdict::Slower => (Tone::Bad, format!("{subject} is {by} slower than {baseline}")),
        Verdict::Faster => (Tone::Good, format!("{subject} is {by} faster than {baseline}")),
        Verdict::SlowerWithinMargin => {
            (Tone::Warn, format!("{subject} is {by} slower than {baseline}, perhaps within the margin"))
        }
        Verdict::Equivalent => (Tone::Good, format!("{subject} differs from {baseline} by less than the margin")),
        Verdict::Inconclusive if row.open == Some(Open::HoldsZero) => {
            (Tone::Plain, format!("{subject}: no difference from {baseline} was shown"))
        }
        Verdict::Inconclusive if row.open == Some(Open::BeyondTimeout) => {
            (Tone::Warn, format!("{subject} and {baseline}: too many calls timed out to tell"))
        }
        Verdict::Inconclusive => (Tone::Warn, format!("{subject} and {baseline}: the run is too short to tell")),
    }
}

/// Whether nothing is said of a shift for a reason that lies outside of it.
pub(crate) fn is_withheld(row: &ShiftRow) -> bool {
    match row.open {
        Some(Open::PathFailed | Open::FailuresDiffer | Open::Invalid | Open::Incomplete) => true,
        Some(Open::FewCalls | Open::FewBlocks | Open::HoldsZero | Open::HoldsMargin | Open::BeyondTimeout) | None => {
            false
        }
    }
}

/// What is said instead of a shift. Quiet where the banner above says why.
fn withheld(open: Open, shares: &FailedShares, subject: &str, baseline: &str) -> (Tone, String) {
    let share = |share: Option<f64>| share.map_or_else(|| "unknown".to_owned(), figure::share);
    let (own, base) = (share(shares.candidate), share(shares.baseline));
    match open {
        Open::PathFailed => (Tone::Quiet, format!("{subject} is not compared with {baseline}: a path failed")),
        Open::Invalid => (Tone::Quiet, format!("{subject} is not compared with {baseline}: the run is invalid")),
        Open::FailuresDiffer if shares.candidate > shares.baseline => {
            (Tone::Warn, format!("{subject} fails more often than {baseline}: {own} of calls, {base} on {baseline}"))
        }
        Open::FailuresDiffer => {
            (Tone::Warn, format!("{subject} fails less often than {baseline}: {own} of calls, {base} on {baseline}"))
        }
        Open::FewCalls
        | Open::FewBlocks
        | Open::HoldsZero
        | Open::HoldsMargin
        | Open::BeyondTimeout
        | Open::Incomplete => {
            (Tone::Warn, format!("{subject} and {baseline}: the run is incomplete, nothing is decided"))
        }
    }
}
