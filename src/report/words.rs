//! The sentences of a report.

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Candidate, Open, ShiftRow, Verdict};
use crate::analysis::input::population::Connections;
use crate::analysis::slo::{ObjectiveResult, ObjectiveVerdict};
use crate::analysis::summary::calls::Tokens;
use crate::analysis::summary::cost::Cost;
use crate::analysis::validity::{Lag, Validity, ValidityVerdict};
use crate::measure::counts::TokenCount;
use crate::measure::metric::{Basis, Metric};
use crate::measure::selftest::{FAITHFUL_MS, OwnError};
use crate::objective::expression::Subject;
use crate::objective::indicator::Unit;
use crate::objective::objective::Severity;
use crate::report::figure;
use crate::report::headline::{headline, is_withheld};
use crate::report::planned::Planned;
use crate::report::table::Tone;
use crate::run::Run;

/// What is decided about one thing: a short sentence, and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What it is about.
    pub subject: String,
    /// How it is meant.
    pub tone: Tone,
    /// The sentence.
    pub sentence: String,
    /// What stands behind it, sentence by sentence.
    pub details: Vec<String>,
}

/// From which instant latencies count, in a sentence.
#[must_use]
pub fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Response => "response time, counted from the moment a call was due",
        Basis::Service => "service time, counted from the moment a call was sent",
    }
}

/// What a reader must know of a run of which not every call has a row.
#[must_use]
pub fn sampled(run: &Run) -> Option<String> {
    let rows = run.manifest.rows.as_ref()?;
    let mut told = format!(
        "Rows are a seeded sample: those of {} of the rounds, {} of {} calls. Counts, costs, shares of the calls of a path, \
         the quantiles of metrics and the charts by percentile are of all calls; comparisons, intervals, objectives on \
         latencies, by window, by API or stream or with conditions on each call, latencies over time, the breakdown and \
         how late calls were sent stand on the calls that have rows.",
        figure::share(rows.share),
        figure::count(rows.kept),
        figure::count(rows.seen)
    );
    let bad = run.bad_seconds();
    if run.manifest.plan.interval_s() > 1 && bad.seconds.iter().any(|second| bad.leave_out(*second)) {
        told += " Bad seconds are left out of what stands on rows; histograms, whose intervals are longer, hold them.";
    }
    Some(told)
}

/// One decision for each candidate.
#[must_use]
pub fn decisions(run: &Run, analysis: &Analysis, planned: Option<Planned>) -> Vec<Decision> {
    let Some(comparison) = &analysis.comparison else { return Vec::new() };
    comparison.candidates.iter().map(|candidate| decision(run, comparison, candidate, planned)).collect()
}

fn decision(run: &Run, comparison: &Comparison, candidate: &Candidate, planned: Option<Planned>) -> Decision {
    let path = |id| run.manifest.plan.path(id).name.as_str();
    let (subject, baseline) = (path(candidate.path), path(comparison.baseline));
    let Some(row) = candidate.headline(comparison.headline) else {
        let sentence = format!("{subject} was not compared with {baseline}");
        return Decision { subject: subject.to_owned(), tone: Tone::Warn, sentence, details: Vec::new() };
    };
    let (mut tone, mut sentence) = headline(row, &candidate.failures, subject, baseline);
    if comparison.twin == Some(candidate.path) && !is_withheld(row) {
        (tone, sentence) = noise_floor(row, baseline);
    }
    let mut details = vec![behind(row, comparison.connections)];
    details.extend(planned.and_then(|planned| plan_of(planned, comparison, candidate)));
    details.extend(wanted(row, comparison.blocks.rate));
    details.extend(resolves(row));
    details.extend(gates(candidate));
    details.extend(less_reported(candidate));
    details.extend(failures(candidate, subject, baseline));
    Decision { subject: subject.to_owned(), tone, sentence, details }
}

/// The figures behind a shift.
#[must_use]
pub fn behind(row: &ShiftRow, connections: Connections) -> String {
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

fn plan_of(planned: Planned, comparison: &Comparison, candidate: &Candidate) -> Option<String> {
    if comparison.headline != Metric::Ttft {
        return None;
    }
    let shift = planned.ttft_shift_ms(candidate.path, comparison.baseline, 0.5)?;
    Some(format!("planned by the simulator: {}", figure::shift(shift)))
}

/// What a path against itself says of the rig.
fn noise_floor(row: &ShiftRow, baseline: &str) -> (Tone, String) {
    let floor = row.resolves_ms().map_or_else(|| "not known".to_owned(), figure::ms);
    match row.verdict {
        Verdict::Inconclusive | Verdict::Equivalent => {
            (Tone::Plain, format!("{baseline} against itself: no difference; the noise floor of this rig is ±{floor}"))
        }
        Verdict::Faster | Verdict::Slower | Verdict::SlowerWithinMargin => {
            (Tone::Warn, format!("{baseline} against itself is called different: this rig deceives itself"))
        }
    }
}

/// The smallest shift that would have been seen.
fn resolves(row: &ShiftRow) -> Option<String> {
    let resolves = row.resolves_ms().filter(|_| row.open == Some(Open::HoldsZero))?;
    Some(format!("this run would have told a shift of about {} from none", figure::ms(resolves)))
}

/// What is left of the median shift without the time that servers report.
fn less_reported(candidate: &Candidate) -> Option<String> {
    let row = candidate.headline(Metric::Overhead)?;
    let (shift, ci) = row.shift_ms.zip(row.ci_ms)?;
    let verdict = match row.verdict {
        Verdict::Slower => ", slower",
        Verdict::Faster => ", faster",
        Verdict::SlowerWithinMargin => ", slower, perhaps within the margin",
        Verdict::Equivalent => ", within the margin",
        Verdict::Inconclusive => "",
    };
    let (shift, ci) = (figure::shift(shift), figure::interval(ci));
    Some(format!(
        "first byte less the time that servers report (reported, not measured): {shift}, 95% interval {ci}{verdict}"
    ))
}

/// How declared margins stand.
fn gates(candidate: &Candidate) -> Option<String> {
    let named = |gate: Gate| -> Vec<String> {
        let of_rows = candidate.rows.iter().filter(|row| row.margin.is_some() && row.gate == gate);
        let mut names: Vec<String> =
            of_rows.map(|row| format!("{} {}", row.metric.short(), figure::quantile(row.quantile))).collect();
        names.extend((candidate.failures.gate == gate).then(|| "failed calls".to_owned()));
        names
    };
    let said = [(Gate::Failed, "beyond its margin"), (Gate::Open, "not decided"), (Gate::Passed, "within its margin")]
        .map(|(gate, word)| (named(gate), word));
    let said: Vec<String> = said
        .into_iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, word)| format!("{}: {}", word, names.join(", ")))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// How much longer a run of so many rounds a second would have to be, if more would help.
#[must_use]
pub fn wanted(row: &ShiftRow, rate: f64) -> Option<String> {
    let needed = row.needed_rounds?;
    let seconds = |rounds: u64| figure::seconds(rounds as f64 / rate.max(1e-9));
    let for_what = match row.open {
        Some(Open::HoldsZero) => "to tell a shift of this size from none",
        Some(Open::HoldsMargin) => "to tell on which side of the margin it lies",
        Some(
            Open::FewCalls
            | Open::FewBlocks
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
#[must_use]
pub fn failures(candidate: &Candidate, subject: &str, baseline: &str) -> Option<String> {
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

/// The sentence of an objective.
#[must_use]
pub fn objective(result: &ObjectiveResult) -> (Tone, String) {
    let (tone, seen) = objective_seen(result);
    let why = result.reason.as_ref().map_or(String::new(), |reason| format!("; {reason}"));
    (tone, format!("{seen}{why}"))
}

/// The figure of an objective with its interval.
#[must_use]
pub fn objective_seen(result: &ObjectiveResult) -> (Tone, String) {
    let figure = |value: f64| in_unit(result, value);
    let tone = match result.verdict {
        ObjectiveVerdict::Met => Tone::Good,
        ObjectiveVerdict::Missed if result.objective.severity == Severity::Warning => Tone::Warn,
        ObjectiveVerdict::Missed => Tone::Bad,
        ObjectiveVerdict::Inconclusive => Tone::Warn,
    };
    let side = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), figure);
    let seen = result.estimate.value.map_or_else(
        || "not measured".to_owned(),
        |observed| format!("{} [{}, {}]", figure(observed), side(result.estimate.low), side(result.estimate.high)),
    );
    (tone, seen)
}

/// A figure of an objective in its unit.
fn in_unit(result: &ObjectiveResult, value: f64) -> String {
    let is_difference = matches!(result.objective.expr.subject, Subject::Difference(..));
    match result.objective.expr.unit() {
        Unit::Ms if is_difference => figure::shift(value),
        Unit::Ms => figure::ms(value),
        Unit::Share if is_difference => figure::change(value),
        Unit::Share => figure::share(value),
        Unit::TokensPerSecond => format!("{} tokens/s", figure::bare(value)),
        Unit::Ratio => format!("{value:.3}\u{d7}"),
    }
}

/// The verdict on an objective, for a cell.
#[must_use]
pub fn mark(result: &ObjectiveResult) -> &'static str {
    match result.verdict {
        ObjectiveVerdict::Met => "✓ met",
        ObjectiveVerdict::Missed if result.objective.severity == Severity::Warning => "⚠ missed (warning)",
        ObjectiveVerdict::Missed => "✗ missed",
        ObjectiveVerdict::Inconclusive => "? inconclusive",
    }
}

/// What a run cost, in a sentence.
#[must_use]
pub fn cost(cost: &Cost) -> String {
    let Some(total) = cost.total else {
        return format!("not known: {}", cost.why_none().unwrap_or_default());
    };
    let least = if cost.calls_without_tokens > 0 {
        format!(
            "; the tokens of {} calls are not or not all known and not in it",
            figure::count(cost.calls_without_tokens)
        )
    } else {
        String::new()
    };
    format!(
        "{} for {} input and {} output tokens, warmup included{least}",
        money(total, &cost.currency),
        figure::count(cost.input_tokens.unwrap_or(0)),
        figure::count(cost.output_tokens.unwrap_or(0))
    )
}

/// The tokens of a path, in a sentence.
#[must_use]
pub fn tokens(tokens: &Tokens) -> String {
    let side = |count: TokenCount, what: &str| match count.told() {
        None => format!("{what} tokens not known"),
        Some(sum) if count.calls < tokens.calls => {
            let (told, calls) = (figure::count(count.calls), figure::count(tokens.calls));
            format!("{} {what} tokens (counted for {told} of {calls} calls)", figure::count(sum))
        }
        Some(sum) => format!("{} {what} tokens", figure::count(sum)),
    };
    match (tokens.input.told(), tokens.output.told()) {
        (None, None) if tokens.calls == 0 => "no tokens, because no call was answered".to_owned(),
        (None, None) => "the server told no token counts".to_owned(),
        (_, _) => format!("{}, {}", side(tokens.input, "input"), side(tokens.output, "output")),
    }
}

/// An amount: "1.25 EUR", "0.0031 EUR".
#[must_use]
pub fn money(amount: f64, currency: &str) -> String {
    let digits = if amount >= 0.1 || amount == 0.0 { 2 } else { 4 };
    format!("{amount:.digits$} {currency}")
}

/// "1 bad second", "3 bad seconds".
#[must_use]
pub fn bad_seconds(validity: &Validity) -> String {
    let many = validity.bad.seconds.len();
    format!("{many} bad second{}", if many == 1 { "" } else { "s" })
}

/// How far the run can be trusted, in a line.
#[must_use]
pub fn validity(validity: &Validity) -> (Tone, String) {
    let lags = &validity.lags;
    let lag = |lag: &Lag| figure::maybe_ms(lag.p99);
    let left_out = match validity.left_out {
        0 => String::new(),
        calls => format!("; {} calls of {} left out", figure::count(calls), bad_seconds(validity)),
    };
    let counts = format!(
        "{} of {} arrivals sent, 99% of them within {} of their time (timer {}, dispatch {}){left_out}",
        figure::count(validity.sent),
        figure::count(validity.planned),
        lag(&lags.own),
        lag(&lags.timer),
        lag(&lags.dispatch),
    );
    match validity.verdict {
        ValidityVerdict::Valid => (Tone::Good, format!("valid: {counts}")),
        ValidityVerdict::Degraded => (Tone::Warn, format!("degraded: {counts}")),
        ValidityVerdict::Invalid => (Tone::Bad, format!("invalid: {counts}")),
    }
}

/// How wrong this tool itself is on the machine of a run, in a line.
#[must_use]
pub fn own_error(quoted: Option<&OwnError>) -> (Tone, String) {
    let Some(OwnError { measured_at, faithful, error_ms }) = quoted else {
        let none =
            "this machine's own error: not known, there was no selftest of it with this version (hopmark selftest)";
        return (Tone::Quiet, none.to_owned());
    };
    let bound = format!("{FAITHFUL_MS} ms");
    let made = format!("(selftest of {})", moment(measured_at));
    if faithful.streams == 0 {
        return (
            Tone::Warn,
            format!("this machine's own error: not under {bound} (p99) even at the smallest load tried {made}"),
        );
    }
    let up_to = format!(
        "under {bound} (p99) up to {} streams and {} events a second",
        figure::count(faithful.streams.into()),
        figure::count(faithful.events_per_s as u64)
    );
    let there = error_ms.ttft.map_or(String::new(), |error| {
        format!("; there TTFT is read {} (p50) and {} (p99) too long", figure::ms(error.p50), figure::ms(error.p99))
    });
    (Tone::Plain, format!("this machine's own error: {up_to}{there} {made}"))
}

/// "2026-10-01 12:00:00 UTC" of an instant as files hold it.
#[must_use]
pub fn moment(rfc3339: &str) -> String {
    match rfc3339.split_once('T') {
        Some((date, time)) => {
            let clock = time.trim_end_matches('Z').split(['.', '+']).next().unwrap_or(time);
            format!("{date} {clock} UTC")
        }
        None => rfc3339.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::selftest::{Faithful, fixture};

    #[test]
    fn a_selftest_is_quoted_in_a_line_and_its_absence_is_said() {
        let quote = fixture::selftest().quote(&fixture::machine()).expect("the same machine");
        let (tone, text) = own_error(Some(&quote));
        assert_eq!(
            (tone, text.replace('\u{202f}', " ").as_str()),
            (
                Tone::Plain,
                "this machine's own error: under 5 ms (p99) up to 100 streams and 4 384 events a second; there TTFT \
                 is read 0.090 ms (p50) and 0.900 ms (p99) too long (selftest of 2026-09-30 08:15:00 UTC)"
            )
        );
        let (tone, text) = own_error(Some(&OwnError { faithful: Faithful::default(), ..quote }));
        assert!(tone == Tone::Warn && text.contains("not under 5 ms"), "{text}");
        let (tone, text) = own_error(None);
        assert!(tone == Tone::Quiet && text.contains("not known") && text.contains("hopmark selftest"), "{text}");
    }
}
