//! What is decided about each candidate.

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Candidate, Open, ShiftRow, Verdict};
use crate::measure::metric::Metric;
use crate::report::document::Decision;
use crate::report::figure;
use crate::report::planned::Planned;
use crate::report::shift::{describe_failures, describe_headline, describe_rounds_needed, describe_shift, is_withheld};
use crate::report::table::Tone;
use crate::run::Run;

/// How many times as wide another interval is for whose narrowness a reason is given.
const NARROWER: f64 = 2.0;

/// One decision for each candidate.
pub(super) fn decisions(run: &Run, analysis: &Analysis, planned: Option<Planned>) -> Vec<Decision> {
    let Some(comparison) = &analysis.comparison else { return Vec::new() };
    comparison.candidates.iter().map(|candidate| decision(run, comparison, candidate, planned)).collect()
}

fn decision(run: &Run, comparison: &Comparison, candidate: &Candidate, planned: Option<Planned>) -> Decision {
    let path = |id| run.manifest.plan.path(id).name.as_str();
    let (subject, baseline) = (path(candidate.path), path(comparison.baseline));
    let Some(row) = candidate.headline(comparison.headline) else {
        let sentence = format!("{subject} was not compared with {baseline}");
        return Decision { tone: Tone::Warn, sentence, details: Vec::new() };
    };
    let (mut tone, mut sentence) = describe_headline(row, &candidate.failures, subject, baseline);
    if comparison.twin == Some(candidate.path) {
        if !is_withheld(row) {
            (tone, sentence) = describe_noise_floor(row, baseline);
        }
    } else if let Some(known) = outside_model(candidate, row, subject, baseline) {
        sentence = format!("{known}; no difference in {} was shown", row.metric.name());
    }
    let shares = &candidate.failures;
    if tone == Tone::Good && [shares.candidate, shares.baseline].into_iter().flatten().any(|share| share > 0.0) {
        // Nothing looks all good beside failed calls.
        tone = Tone::Plain;
    }
    let mut details = vec![describe_shift(row, comparison.connections)];
    details.extend(planned.and_then(|planned| planned_shift(planned, comparison, candidate)));
    details.extend(describe_rounds_needed(row, comparison.blocks.rate));
    details.extend(detectable_shift(row));
    details.extend(margins_kept(candidate));
    details.extend(less_reported(candidate, row));
    details.extend(describe_failures(candidate, subject, baseline));
    Decision { tone, sentence, details }
}

fn planned_shift(planned: Planned, comparison: &Comparison, candidate: &Candidate) -> Option<String> {
    if comparison.headline != Metric::Ttft {
        return None;
    }
    let shift = planned.ttft_shift_ms(candidate.path, comparison.baseline, 0.5)?;
    Some(format!("planned by the simulator: {}", figure::shift(shift)))
}

/// What the shift of a path against itself says of this machine.
fn describe_noise_floor(row: &ShiftRow, baseline: &str) -> (Tone, String) {
    let floor = row.resolves_ms().map_or_else(|| "not known".to_owned(), figure::ms);
    match row.verdict {
        Verdict::Inconclusive | Verdict::Equivalent => (
            Tone::Plain,
            format!("{baseline} against itself: no difference; the noise floor of this machine is ±{floor}"),
        ),
        Verdict::Faster | Verdict::Slower | Verdict::SlowerWithinMargin => {
            (Tone::Warn, format!("{baseline} differs from itself: this machine cannot compare paths in this run"))
        }
    }
}

/// The smallest shift that could have been detected.
fn detectable_shift(row: &ShiftRow) -> Option<String> {
    let resolves = row.resolves_ms().filter(|_| row.open == Some(Open::HoldsZero))?;
    Some(format!("this run could have detected a shift of about {}", figure::ms(resolves)))
}

/// What a path costs by itself, where the headline shows no difference: the model's spread hides a shift there that the
/// first byte minus the reported time resolves.
pub(super) fn outside_model(
    candidate: &Candidate,
    headline: &ShiftRow,
    subject: &str,
    baseline: &str,
) -> Option<String> {
    if headline.open != Some(Open::HoldsZero) {
        return None;
    }
    let row = candidate.headline(Metric::Overhead)?;
    let by = figure::ms(row.shift_ms?.abs());
    let more = match row.verdict {
        Verdict::Slower | Verdict::SlowerWithinMargin => "more",
        Verdict::Faster => "less",
        Verdict::Equivalent | Verdict::Inconclusive => return None,
    };
    Some(format!("{subject} takes {by} {more} than {baseline} outside the model"))
}

/// What is left of the median shift without the time that servers report.
fn less_reported(candidate: &Candidate, headline: &ShiftRow) -> Option<String> {
    let row = candidate.headline(Metric::Overhead)?;
    let (shift, ci) = row.shift_ms.zip(row.ci_ms)?;
    let width = |(low, high): (f64, f64)| high - low;
    let is_narrower = headline.ci_ms.is_some_and(|whole| width(ci) < width(whole) / NARROWER);
    let why = if is_narrower {
        "; it is narrower because the model's own time, which differs from call to call, is not in it"
    } else {
        ""
    };
    let verdict = match row.verdict {
        Verdict::Slower => ", slower",
        Verdict::Faster => ", faster",
        Verdict::SlowerWithinMargin => ", slower, perhaps within the margin",
        Verdict::Equivalent => ", within the margin",
        Verdict::Inconclusive => "",
    };
    let (shift, ci) = (figure::shift(shift), figure::interval(ci));
    Some(format!(
        "first byte minus the time that servers report (reported, not measured): {shift}, 95% interval {ci}{verdict}{why}"
    ))
}

/// How declared margins stand.
fn margins_kept(candidate: &Candidate) -> Option<String> {
    let named = |gate: Gate| -> Vec<String> {
        let of_rows = candidate.rows.iter().filter(|row| row.margin.is_some() && row.gate == gate);
        let mut names: Vec<String> = of_rows.map(|row| format!("{} {}", row.metric.short(), row.quantile)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::measure::metric::Basis;
    use crate::report::run::document;
    use crate::run::fixture::World;
    use crate::units::PathId;

    /// Two paths of which the second takes so much longer; all of the rest is the model's time, as servers report it.
    fn run_with(shift_ms: f64) -> Run {
        let mut run = World { shifts_ms: vec![100.0, 100.0 + shift_ms], ..World::default() }.run();
        for sample in &mut run.samples {
            let own = if sample.path == PathId(0) { 100.0 } else { 100.0 + shift_ms };
            let first_byte = Metric::Ttfb.of(sample, Basis::Response).map(|ns| ns as f64 / 1e6);
            sample.server_ms = first_byte.map(|ms| ms - own);
        }
        run
    }

    #[test]
    fn what_a_path_costs_outside_the_model_is_told_where_its_whole_time_shows_nothing() {
        for (shift_ms, known) in [
            (2.0, Some("private takes 2.00 ms more than direct outside the model")),
            (-2.0, Some("private takes 2.00 ms less than direct outside the model")),
            (0.0, None),
            (60.0, None),
        ] {
            let run = run_with(shift_ms);
            let document = document(&run, &analyse(&run));
            let (sentence, recommended) = (&document.decisions[0].sentence, &document.lead.recommendation);
            let Some(known) = known else {
                assert!(!sentence.contains("outside") && !recommended.contains("outside"), "{sentence} {recommended}");
                continue;
            };
            assert_eq!(*sentence, format!("{known}; no difference in time to first token was shown"));
            assert!(recommended.ends_with(&format!(" Known already: {known}.")), "{recommended}");
        }
    }

    #[test]
    fn the_noise_floor_of_a_path_against_itself_is_told_whatever_its_reported_time_shows() {
        let mut run = run_with(2.0);
        run.manifest.plan.control_path = Some(PathId(1));
        let document = document(&run, &analyse(&run));
        let sentence = &document.decisions[0].sentence;
        assert!(sentence.contains("against itself"), "{sentence}");
        assert!(!document.lead.recommendation.contains("outside the model"), "{}", document.lead.recommendation);
    }
}
