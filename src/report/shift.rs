//! The words and glyphs of a shift: what is said of a candidate beside its baseline, or why nothing is.

use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Candidate, FailedShares, Open, ShiftRow, Verdict};
use crate::analysis::input::population::Connections;
use crate::report::figure;
use crate::report::glyph::{BROKEN, EQUIVALENT, FASTER, KEPT, PERHAPS_SLOWER, SLOWER, UNDECIDED};
use crate::report::table::Tone;

/// What a shift says, in a sentence.
pub(crate) fn describe_headline(
    row: &ShiftRow,
    shares: &FailedShares,
    subject: &str,
    baseline: &str,
) -> (Tone, String) {
    if let Some(open) = row.open.filter(|_| is_withheld(row)) {
        return describe_withheld(open, shares, subject, baseline);
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
        Verdict::Inconclusive if row.gate == Gate::Passed => {
            (Tone::Plain, format!("{subject}: it is not slower than {baseline} by more than the margin"))
        }
        Verdict::Inconclusive if row.open == Some(Open::BeyondTimeout) => {
            (Tone::Warn, format!("{subject} and {baseline}: too many calls timed out to decide"))
        }
        Verdict::Inconclusive => (Tone::Warn, format!("{subject} and {baseline}: the run is too short to decide")),
    }
}

/// Whether nothing is said of a shift for a reason that lies outside of it.
pub(crate) fn is_withheld(row: &ShiftRow) -> bool {
    match row.open {
        Some(Open::PathFailed | Open::FailuresDiffer | Open::Invalid | Open::Incomplete) => true,
        Some(
            Open::FewCalls
            | Open::FewBlocks
            | Open::LongMemory
            | Open::HoldsZero
            | Open::HoldsMargin
            | Open::BeyondTimeout,
        )
        | None => false,
    }
}

/// What is said instead of a shift. Quiet where the banner above says why.
fn describe_withheld(open: Open, shares: &FailedShares, subject: &str, baseline: &str) -> (Tone, String) {
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
        | Open::LongMemory
        | Open::HoldsZero
        | Open::HoldsMargin
        | Open::BeyondTimeout
        | Open::Incomplete => {
            (Tone::Warn, format!("{subject} and {baseline}: the run is incomplete, nothing is decided"))
        }
    }
}

/// The figures behind a shift.
pub(crate) fn describe_shift(row: &ShiftRow, connections: Connections) -> String {
    let what = format!("median {}", row.metric.name());
    match (row.shift_ms, row.ci_ms) {
        (Some(shift), Some(ci)) => {
            let percent = row.shift_pct.map_or(String::new(), |pct| format!(" ({pct:+.1}%)").replace('-', "−"));
            let connections = match connections {
                Connections::Reused => "on warm connections",
                Connections::New => "on new connections",
            };
            format!("{what} {connections}: {}{percent}, 95% interval {}", figure::shift(shift), figure::interval(ci))
        }
        (shift, _) => {
            let shift = shift.map_or(String::new(), |shift| format!(" {}", figure::shift(shift)));
            format!("{what}:{shift} without an interval, because {}", row.reason.as_deref().unwrap_or("of few calls"))
        }
    }
}

/// How much longer a run of so many rounds a second would have to be, if more would help.
pub(crate) fn describe_rounds_needed(row: &ShiftRow, rate: f64) -> Option<String> {
    let needed = row.needed_rounds?;
    let seconds = |rounds: u64| figure::seconds(rounds as f64 / rate.max(1e-9));
    let for_what = match row.open {
        Some(Open::HoldsZero) => "to detect a shift of this size",
        Some(Open::HoldsMargin) => "to decide on which side of the margin it is",
        Some(
            Open::FewCalls
            | Open::FewBlocks
            | Open::LongMemory
            | Open::BeyondTimeout
            | Open::Incomplete
            | Open::PathFailed
            | Open::FailuresDiffer
            | Open::Invalid,
        )
        | None => "for a verdict",
    };
    Some(format!(
        "about {} rounds ({}) are needed {for_what}: {} more ({})",
        figure::count(needed.total()),
        seconds(needed.total()),
        figure::count(needed.more()),
        seconds(needed.more())
    ))
}

/// How many calls failed on either side.
pub(crate) fn describe_failures(candidate: &Candidate, subject: &str, baseline: &str) -> Option<String> {
    let shares = &candidate.failures;
    let (own, base) = (shares.candidate?, shares.baseline?);
    if own == 0.0 && base == 0.0 {
        return Some("no call failed on either".to_owned());
    }
    let ci = shares.ci.map_or(String::new(), |(low, high)| {
        format!(", difference {:+.2} to {:+.2} points with 95%", 100.0 * low, 100.0 * high).replace('-', "−")
    });
    Some(format!("failed: {} of calls on {subject}, {} on {baseline}{ci}", figure::share(own), figure::share(base)))
}

/// A shift with its interval, for a column that says its unit in its head.
pub(crate) fn shift_figures(shift_ms: Option<f64>, ci_ms: Option<(f64, f64)>) -> Option<String> {
    let shift = shift_ms?;
    Some(ci_ms.map_or_else(|| figure::bare_shift(shift), |ci| figure::bare_shift_within(shift, ci)))
}

/// How a verdict is meant, its glyph and its word.
pub(crate) fn verdict_mark(verdict: Verdict) -> (Tone, &'static str, &'static str) {
    match verdict {
        Verdict::Slower => (Tone::Bad, SLOWER, "slower"),
        Verdict::Faster => (Tone::Good, FASTER, "faster"),
        Verdict::SlowerWithinMargin => (Tone::Warn, PERHAPS_SLOWER, "slower, perhaps within the margin"),
        Verdict::Equivalent => (Tone::Good, EQUIVALENT, "equivalent"),
        Verdict::Inconclusive => (Tone::Plain, UNDECIDED, "inconclusive"),
    }
}

/// How a margin that stands so is meant, and its glyph; `None` where none is held.
pub(crate) fn gate_mark(gate: Gate) -> Option<(Tone, &'static str)> {
    match gate {
        Gate::Passed => Some((Tone::Good, KEPT)),
        Gate::Failed => Some((Tone::Bad, BROKEN)),
        Gate::Open => Some((Tone::Warn, UNDECIDED)),
        Gate::Ungated => None,
    }
}
