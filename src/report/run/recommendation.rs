//! What to do after a run, in a sentence or two: nothing is recommended that the run does not show.

use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{Candidate, Open, ShiftRow, Verdict};
use crate::analysis::slo::ObjectiveVerdict;
use crate::analysis::{Analysis, Conclusion};
use crate::objective::objective::Severity;
use crate::report::figure;
use crate::report::overview::Lead;
use crate::report::run::decisions::outside_model;
use crate::report::run::failures;
use crate::report::run::overview::overview;
use crate::report::shift;
use crate::run::Run;
use crate::units::PathId;

/// The first screen of a run.
pub(super) fn lead(run: &Run, analysis: &Analysis) -> Lead {
    Lead {
        recommendation: recommendation(run, analysis),
        overview: Some(overview(run, analysis)),
        scope: scope(run, analysis),
    }
}

/// How sure it is, and what it speaks of.
fn scope(run: &Run, analysis: &Analysis) -> Vec<String> {
    let has_verdicts = match analysis.conclusion {
        Conclusion::Invalid | Conclusion::Incomplete => false,
        Conclusion::Failed | Conclusion::Missed | Conclusion::Inconclusive | Conclusion::Met => true,
    };
    let sure = analysis.comparison.as_ref().filter(|one| has_verdicts && one.filled() > 0).map(|comparison| {
        format!(
            "Verdicts hold together with 95% confidence; intervals come from {} blocks of {}.",
            comparison.filled(),
            figure::seconds(comparison.blocks.length_s)
        )
    });
    let lasted = figure::seconds(run.measured_s());
    let own = format!("This run speaks only of its own {lasted}; repeat it at other hours before you generalize.");
    sure.into_iter().chain([own]).collect()
}

fn recommendation(run: &Run, analysis: &Analysis) -> String {
    match analysis.conclusion {
        Conclusion::Invalid => {
            let remedy = analysis.validity.reasons.first().map(|reason| figure::capitalized(reason.remedy()));
            let remedy = remedy.map_or(String::new(), |remedy| format!("{remedy}; then repeat the run."));
            if remedy.is_empty() { "Repeat the run.".to_owned() } else { remedy }
        }
        Conclusion::Failed => {
            let names = named(run, analysis.failing.iter().map(|failed| failed.path));
            format!("Do not use {names} before the failures are mended, then repeat the run.")
        }
        Conclusion::Incomplete => "Repeat the run and let it finish.".to_owned(),
        Conclusion::Missed => missed(run, analysis),
        Conclusion::Inconclusive => undecided(run, analysis),
        Conclusion::Met => met(run, analysis),
    }
}

/// Names in a row: "a", "a and b", "a, b and c".
fn named(run: &Run, paths: impl Iterator<Item = PathId>) -> String {
    let names: Vec<&str> = paths.map(|path| run.manifest.plan.path(path).name.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The paths for which an objective or a margin stands so.
fn standing<'a>(
    run: &'a Run,
    analysis: &'a Analysis,
    verdict: ObjectiveVerdict,
    gate: Gate,
) -> impl Iterator<Item = PathId> + 'a {
    let holds = move |path: PathId| {
        let name = &run.manifest.plan.path(path).name;
        let mut objectives = analysis.objectives.iter().filter(|result| result.objective.path == *name);
        let of_objective =
            objectives.any(|held| held.verdict == verdict && held.objective.severity == Severity::Critical);
        let mut candidates = analysis.comparison.iter().flat_map(Comparison::others);
        of_objective || candidates.any(|candidate| candidate.path == path && candidate.has(gate))
    };
    analysis.paths.iter().map(|summary| summary.path).filter(move |path| holds(*path))
}

fn missed(run: &Run, analysis: &Analysis) -> String {
    let missed: Vec<PathId> = standing(run, analysis, ObjectiveVerdict::Missed, Gate::Failed).collect();
    let open: Vec<PathId> = standing(run, analysis, ObjectiveVerdict::Inconclusive, Gate::Open).collect();
    let is_kept = |path: &PathId| !missed.contains(path) && !open.contains(path);
    let kept: Vec<PathId> = analysis.paths.iter().map(|summary| summary.path).filter(is_kept).collect();
    let rest = match kept.as_slice() {
        [] => " No path kept everything that was asked.".to_owned(),
        kept => {
            let failed = failures::by_path(run, analysis, |path| kept.contains(&path));
            let failed = failed.map_or(String::new(), |failed| format!(", but not every call succeeded: {failed}"));
            format!(" Everything that was asked was kept by {}{failed}.", named(run, kept.iter().copied()))
        }
    };
    let rest = if missed.len() == analysis.paths.len() || analysis.paths.len() == 1 { String::new() } else { rest };
    format!("Do not choose {} for this workload.{rest}", named(run, missed.into_iter()))
}

fn undecided(run: &Run, analysis: &Analysis) -> String {
    let rows = || {
        let comparison = analysis.comparison.as_ref();
        let others = comparison.into_iter().flat_map(Comparison::others);
        others.filter_map(|candidate| Some((candidate.path, candidate.headline(analysis.headline)?)))
    };
    let longest = |(_, row): (PathId, &ShiftRow)| row.needed_rounds.map(|needed| needed.total());
    let rate = analysis.comparison.as_ref().map_or(0.0, |comparison| comparison.blocks.rate);
    let needed = rows().filter_map(longest).max().filter(|_| rate > 0.0);
    let holds_zero = |(_, row): &(PathId, &ShiftRow)| row.open == Some(Open::HoldsZero);
    let same = named(run, rows().filter(holds_zero).map(|(path, _)| path));
    let mut open: Vec<PathId> = standing(run, analysis, ObjectiveVerdict::Inconclusive, Gate::Open).collect();
    open.extend(rows().filter(|(_, row)| row.verdict == Verdict::Inconclusive).map(|(path, _)| path));
    open.sort();
    open.dedup();
    let mut told = match open.as_slice() {
        [] => "Do not decide by this run.".to_owned(),
        open => format!("Do not decide about {} by this run.", named(run, open.iter().copied())),
    };
    if let Some(rounds) = needed {
        told.push_str(&format!(" Repeat it for about {}.", figure::seconds(rounds as f64 / rate)));
    } else if !same.is_empty() && run.manifest.plan.margins.is_empty() {
        told.push_str(&format!(" Declare a margin to learn whether {same} is close enough to the baseline."));
    }
    let known = outside_the_model(run, analysis);
    if !known.is_empty() {
        told.push_str(&format!(" Known already: {}.", known.join("; ")));
    }
    told
}

/// What paths cost by themselves, where their whole time shows no difference.
fn outside_the_model(run: &Run, analysis: &Analysis) -> Vec<String> {
    let Some(comparison) = &analysis.comparison else { return Vec::new() };
    let name = |path: PathId| run.manifest.plan.path(path).name.as_str();
    let of = |candidate: &Candidate| {
        let row = candidate.headline(comparison.headline)?;
        outside_model(candidate, row, name(candidate.path), name(comparison.baseline))
    };
    comparison.others().filter_map(of).collect()
}

fn met(run: &Run, analysis: &Analysis) -> String {
    let asked = !(analysis.objectives.is_empty() && run.manifest.plan.margins.is_empty());
    let fit = match (failures::by_path(run, analysis, |_| true), asked, &analysis.comparison) {
        (None, false, _) => "Nothing was asked of the paths, so nothing was missed.".to_owned(),
        (None, true, None) => "The path is fit for what was asked of it.".to_owned(),
        (None, true, Some(_)) => "Every path is fit for what was asked.".to_owned(),
        // No path is called fit where calls did not succeed, whether an objective speaks of them or not.
        (Some(failed), false, _) => format!("Nothing was asked of the paths, but not every call succeeded: {failed}."),
        (Some(failed), true, _) => format!("What was asked was kept, but not every call succeeded: {failed}."),
    };
    match &analysis.comparison {
        Some(comparison) => format!("{fit} {}", ranking(run, comparison)),
        None => fit,
    }
}

/// Which path is the fastest, and what the others cost beside it.
fn ranking(run: &Run, comparison: &Comparison) -> String {
    let name = |path: PathId| run.manifest.plan.path(path).name.as_str();
    let row = |candidate: &'_ Candidate| candidate.headline(comparison.headline).cloned();
    let mut shifts: Vec<(PathId, ShiftRow)> =
        comparison.others().filter_map(|candidate| Some((candidate.path, row(candidate)?))).collect();
    shifts.retain(|(_, row)| row.shift_ms.is_some() && !shift::is_withheld(row));
    shifts.sort_by(|(_, a), (_, b)| a.shift_ms.unwrap_or(0.0).total_cmp(&b.shift_ms.unwrap_or(0.0)));
    let by = |row: &ShiftRow| figure::ms(row.shift_ms.unwrap_or(0.0).abs());
    let told = |(path, row): &(PathId, ShiftRow)| match row.verdict {
        Verdict::Slower | Verdict::SlowerWithinMargin => format!("{} adds {}", name(*path), by(row)),
        Verdict::Faster => format!("{} saves {}", name(*path), by(row)),
        Verdict::Equivalent => format!("{} is within its margin", name(*path)),
        Verdict::Inconclusive => format!("no difference of {} was shown", name(*path)),
    };
    let told: Vec<String> = shifts.iter().map(told).collect();
    if told.is_empty() {
        return format!("No shift against {} was measured.", name(comparison.baseline));
    }
    let metric = comparison.headline.name();
    format!("Median {metric} against {}: {}.", name(comparison.baseline), told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::report::table::Tone;
    use crate::run::fixture::World;

    fn run_of(failing: Vec<f64>, shifts_ms: Vec<f64>, exprs: &[(&str, &str)], margins: &[&str]) -> Run {
        let mut run = World { shifts_ms, failing, ..World::default() }.run();
        let objective = |(path, expr): &(&str, &str)| Objective::new(path, expr.parse().expect("expression"));
        run.manifest.plan.objectives = exprs.iter().map(objective).collect();
        run.manifest.plan.margins = margins.iter().map(|margin| margin.parse().expect("margin")).collect();
        run
    }

    fn told(run: &Run) -> String {
        lead(run, &analyse(run)).recommendation.replace('\u{202f}', " ")
    }

    #[test]
    fn what_to_do_follows_from_what_the_run_shows() {
        let none: &[(&str, &str)] = &[];
        for (failing, shifts, exprs, margins, part) in [
            (vec![0.0; 3], vec![0.0, 60.0, 30.0], none, &[][..], "against direct: gateway adds "),
            (vec![0.0; 3], vec![0.0, -30.0, 30.0], none, &[], "against direct: private saves "),
            (vec![0.0; 2], vec![0.0, 0.0], &[("direct", "ttft.p50 < 9s")], &["50%"], "private is within its margin"),
            (
                vec![0.0; 2],
                vec![0.0, 60.0],
                none,
                &["ttft.p50=5%"],
                "Do not choose private for this workload. Everything that was asked was kept by direct.",
            ),
            (vec![0.0; 3], vec![0.0, 30.0, 6.0], &[("gateway", "ttft.p50 < 9ms")], &[], "Do not choose gateway"),
            (vec![0.0, 1.0], vec![0.0, 0.0], none, &[], "Do not use private before the failures are mended"),
            (vec![0.0; 3], vec![0.0, 0.0, 60.0], none, &[], "Do not decide about private by this run."),
            (vec![0.0], vec![0.0], &[("direct", "ttft.p50 < 9s")], &[], "The path is fit for what was asked of it."),
            (vec![0.0], vec![0.0], none, &[], "Nothing was asked of the paths, so nothing was missed."),
        ] {
            let told = told(&run_of(failing, shifts, exprs, margins));
            assert!(told.contains(part), "{part} in {told}");
        }
    }

    #[test]
    fn an_invalid_run_recommends_nothing_but_its_remedy_and_ranks_nothing() {
        let mut run = run_of(vec![0.0; 3], vec![0.0, 30.0, -60.0], &[], &[]);
        run.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        let lead = lead(&run, &analyse(&run));
        assert!(lead.recommendation.ends_with("then repeat the run."), "{}", lead.recommendation);
        let overview = lead.overview.expect("paths");
        let names: Vec<&str> = overview.paths.iter().map(|path| path.name.as_str()).collect();
        assert_eq!(names, ["direct", "private", "gateway"], "the plan's order");
        for path in &overview.paths {
            assert!(path.figures.tone == Tone::Quiet && path.verdict.tone == Tone::Bad, "{path:?}");
        }
    }

    #[test]
    fn paths_are_ranked_and_nothing_is_green_beside_failed_calls() {
        let asked = ["direct", "private", "gateway"].map(|path| (path, "ttft.p50 < 9s"));
        let run = run_of(vec![0.0, 0.0, 0.01], vec![0.0, 30.0, 6.0], &asked, &[]);
        let paths = lead(&run, &analyse(&run)).overview.expect("paths").paths;
        assert_eq!(paths.iter().map(|path| path.place).collect::<Vec<_>>(), [0, 2, 1]);
        let cells = |path: &crate::report::overview::PathLine| [path.verdict.clone(), path.figures.clone()];
        assert!(paths.iter().flat_map(cells).all(|cell| cell.tone != Tone::Good), "{paths:?}");
        assert!(paths[1].facts[1].tone == Tone::Bad && paths[1].facts[1].text.contains('%'), "{:?}", paths[1]);
        let run = run_of(vec![0.0; 3], vec![0.0, 30.0, 6.0], &asked, &[]);
        let paths = lead(&run, &analyse(&run)).overview.expect("paths").paths;
        assert!(paths.iter().all(|path| path.verdict.tone == Tone::Good), "{paths:?}");
    }

    #[test]
    fn a_ranking_of_nothing_says_so() {
        let run = run_of(vec![0.0; 3], vec![0.0, 6.0, 20.0], &[], &[]);
        let mut comparison = analyse(&run).comparison.expect("two paths");
        comparison.candidates.iter_mut().flat_map(|one| &mut one.rows).for_each(|row| row.shift_ms = None);
        assert_eq!(ranking(&run, &comparison), "No shift against direct was measured.");
    }
}
