//! The banner of a report: what the whole run comes to, in a line.

use crate::analysis::slo::ObjectiveVerdict;
use crate::analysis::validity::{Reason, Validity, ValidityVerdict};
use crate::analysis::{Analysis, Conclusion, FailedPath};
use crate::measure::outcome::ErrorClass;
use crate::objective::objective::Severity;
use crate::report::figure;
use crate::report::run::failures;
use crate::report::table::Tone;
use crate::run::{EndedBy, Ending, Run};

/// How many failed paths are told one by one.
const TOLD: usize = 3;

/// What the run comes to; empty when nothing was asked of it and every call succeeded.
pub(crate) fn banner(run: &Run, analysis: &Analysis) -> (Tone, String) {
    let told = |tone, text: &str| (tone, text.to_owned());
    match analysis.conclusion {
        Conclusion::Invalid => {
            (Tone::Bad, format!("INVALID: {}. Do not use these figures.", why_invalid(run, &analysis.validity)))
        }
        Conclusion::Failed => (Tone::Bad, failed(run, &analysis.failing)),
        Conclusion::Incomplete => told(Tone::Warn, "INCOMPLETE: the figures are shown, but they decide nothing."),
        Conclusion::Missed if has(analysis, ObjectiveVerdict::Missed, Severity::Critical) => {
            told(Tone::Bad, "An objective was missed.")
        }
        Conclusion::Missed => told(Tone::Bad, "A path is worse than the baseline by more than its margin."),
        Conclusion::Inconclusive | Conclusion::Met => beside_failures(of_objectives(analysis), analysis),
    }
}

/// Nothing looks all good beside calls that did not succeed, and none of them goes without a word.
fn beside_failures((tone, text): (Tone, String), analysis: &Analysis) -> (Tone, String) {
    let Some(failed) = failures::in_short(analysis) else { return (tone, text) };
    let tone = match tone {
        Tone::Good => Tone::Plain,
        Tone::Plain | Tone::Quiet | Tone::Warn | Tone::Bad => tone,
    };
    let told = match text.strip_suffix('.') {
        Some(text) => format!("{text}; {failed}."),
        None => format!("{}.", figure::capitalized(&failed)),
    };
    (tone, told)
}

/// Why a run is invalid: what was the limit instead of the paths.
pub(crate) fn why_invalid(run: &Run, validity: &Validity) -> String {
    let reasons = || validity.reasons.iter();
    if reasons().any(|reason| matches!(reason, Reason::SimulatorDied(_))) {
        return "the bundled simulator died in the middle of the run".to_owned();
    }
    let is_public = |reason: &&Reason| matches!(reason, Reason::NotPrivate { .. });
    if let Some(public) = reasons().find(is_public) {
        return public.message();
    }
    // Whatever else this machine was busy with, the limit of the plan kept these from being sent.
    let is_capped = |reason: &&Reason| {
        matches!(reason, Reason::Dropped { classes, weight: ValidityVerdict::Invalid, .. }
            if classes.contains_key(&ErrorClass::InFlightCap))
    };
    if let Some(capped) = reasons().find(is_capped) {
        return capped.message();
    }
    let cpus = run.manifest.environment.cpus;
    validity.busy_others(cpus).map_or_else(
        || "this tool, not the paths, was the limit".to_owned(),
        |used| format!("this machine was too busy to measure: other programs used {used:.1} of its {cpus} processors"),
    )
}

/// Why the run failed, path by path.
fn failed(run: &Run, failing: &[FailedPath]) -> String {
    let ending = run.manifest.ending.as_ref();
    let gave_up = match ending.and_then(|ending| ending.ended_by.as_ref()) {
        Some(EndedBy::FailuresInARow(count)) => {
            format!(" The run ended early: {count} calls in a row failed on every path, and none ever succeeded.")
        }
        Some(EndedBy::Signal | EndedBy::SimulatorDied(_)) | None => String::new(),
    };
    let complete = run.is_complete() || ending.is_some_and(Ending::ended_by_failures);
    let head = if complete { "FAILED" } else { "INCOMPLETE, and failed" };
    let mut told: Vec<String> = failing.iter().take(TOLD).map(FailedPath::message).collect();
    if failing.len() > TOLD {
        told.push(format!("{} more paths failed", failing.len() - TOLD));
    }
    format!("{head}: {}.{gave_up}", told.join("; "))
}

fn has(analysis: &Analysis, verdict: ObjectiveVerdict, severity: Severity) -> bool {
    analysis.objectives.iter().any(|result| result.verdict == verdict && result.objective.severity == severity)
}

/// What the objectives come to when none of the critical ones was missed.
fn of_objectives(analysis: &Analysis) -> (Tone, String) {
    let open = |severity| has(analysis, ObjectiveVerdict::Inconclusive, severity);
    let (tone, text) = if analysis.objectives.is_empty() {
        (Tone::Plain, "")
    } else if open(Severity::Critical) {
        (Tone::Warn, "An objective could not be decided.")
    } else if has(analysis, ObjectiveVerdict::Missed, Severity::Warning) {
        (Tone::Warn, "Every critical objective was met; a warning was missed.")
    } else if open(Severity::Warning) {
        (Tone::Good, "Every critical objective was met; a warning could not be decided.")
    } else {
        (Tone::Good, "Every objective was met.")
    };
    (tone, text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::report::markdown;
    use crate::report::run::document;
    use crate::report::run::junit;
    use crate::report::terminal::{self, Look};
    use crate::report::{html, json};
    use crate::run::fixture::World;

    /// What spoils a run after it was made up.
    type Spoil = fn(&mut Run);

    fn keep(_: &mut Run) {}

    fn lose_rows(run: &mut Run) {
        run.manifest.ending.as_mut().expect("ending").rows_lost = 1;
    }

    fn interrupt(run: &mut Run) {
        let ending = run.manifest.ending.as_mut().expect("ending");
        (ending.complete, ending.ended_by) = (false, Some(EndedBy::Signal));
    }

    fn kill_simulator(run: &mut Run) {
        let ending = run.manifest.ending.as_mut().expect("ending");
        (ending.complete, ending.ended_by) = (false, Some(EndedBy::SimulatorDied("signal: 9 (SIGKILL)".to_owned())));
    }

    /// Two paths that are as fast, or of which the second is faster, and what is wrong with them.
    fn made(failing: [f64; 2], shift: f64, margins: &[&str], spoil: Spoil) -> Run {
        let world = World { shifts_ms: vec![0.0, shift], failing: failing.to_vec(), ..World::default() };
        let mut run = world.run();
        run.manifest.plan.margins = margins.iter().map(|margin| margin.parse().expect("margin")).collect();
        let objective = |path| Objective::new(path, "ttft.p50 < 9s".parse().expect("expression"));
        run.manifest.plan.objectives = vec![objective("direct"), objective("private")];
        spoil(&mut run);
        run
    }

    /// The page without its glossary and style, the terminal's text, the Markdown.
    fn forms(run: &Run, analysis: &Analysis) -> [String; 3] {
        let document = document(run, analysis);
        let page = String::from_utf8(html::render(&document, &[])).expect("text");
        let page =
            page[page.find("<main>").expect("a body")..page.find("<section id=\"words\">").expect("words")].to_owned();
        let look = Look { width: Some(500), colour: true };
        let text = terminal::render(&document, look, &[]);
        [page, text, String::from_utf8(markdown::render(&document)).expect("text")]
    }

    #[test]
    fn nothing_good_is_said_where_failures_differ_a_path_failed_or_the_run_is_invalid() {
        let bad: [(&str, [f64; 2], Spoil, u8); 8] = [
            ("the candidate is dead", [0.0, 1.0], keep, 3),
            ("the baseline is dead", [1.0, 0.0], keep, 3),
            ("both are dead", [1.0, 1.0], keep, 3),
            ("the candidate fails above the share", [0.0, 0.7], keep, 3),
            ("the candidate fails more often", [0.0, 0.1], keep, 0),
            ("the baseline fails more often", [0.1, 0.0], keep, 0),
            ("rows were lost", [0.0, 0.0], lose_rows, 4),
            ("the simulator died", [0.0, 0.0], kill_simulator, 4),
        ];
        for (word, failing, spoil, code) in bad {
            for (shift, margins) in [(0.0, &[][..]), (-60.0, &[]), (0.0, &["50%"]), (20.0, &["50%"]), (-60.0, &["50%"])]
            {
                let run = made(failing, shift, margins, spoil);
                let analysis = analyse(&run);
                let word = format!("{word}, {shift} ms, {margins:?}");
                assert_eq!(analysis.conclusion.exit_code(false), code, "{word}");
                for text in forms(&run, &analysis) {
                    for good in ["no difference", "within the margin", "within its margin", "less than the margin"] {
                        assert!(!text.contains(good), "{word}: '{good}' in {text}");
                    }
                    for good in ["faster than", "▼ −", ">▼ faster", "≈ ", "card good", "✓ within"] {
                        assert!(!text.contains(good), "{word}: '{good}' in {text}");
                    }
                }
                let document: serde_json::Value = serde_json::from_slice(&json::render(&run, &analysis)).expect("JSON");
                for row in document["comparisons"].as_array().expect("rows") {
                    let verdict = row["verdict"].as_str().expect("a verdict");
                    let worse_anyway = code == 0 && verdict == "slower";
                    assert!(verdict == "inconclusive" || worse_anyway, "{word}: {row}");
                    assert!(row["gate"] != "passed", "{word}: {row}");
                }
            }
        }
    }

    #[test]
    fn under_an_invalid_banner_or_a_failed_path_no_card_is_loud() {
        for (failing, spoil, head) in [
            ([0.0, 0.0], lose_rows as Spoil, "INVALID: this tool, not the paths, was the limit."),
            ([0.0, 0.0], kill_simulator, "INVALID: the bundled simulator died in the middle of the run."),
            ([0.0, 0.7], keep, "FAILED: path 'private': "),
        ] {
            let run = made(failing, -60.0, &[], spoil);
            let analysis = analyse(&run);
            let [page, text, markdown] = forms(&run, &analysis);
            let card = "private is not compared with direct: ";
            for form in [&page, &text, &markdown] {
                assert!(form.replace("&#39;", "'").contains(head), "{head} in {form}");
                assert!(form.contains(card), "{form}");
            }
            assert!(page.contains("card quiet") && !page.contains("card bad") && !page.contains("card warn"), "{page}");
            assert!(!text.contains(&format!("\u{1b}[1m{card}")) && !markdown.contains(&format!("**{card}")), "{text}");
            let invalid = analysis.conclusion == Conclusion::Invalid;
            assert_eq!(page.contains("not judged"), invalid, "objectives of an invalid run");
            assert_eq!(page.contains("good\">✓ met"), !invalid, "the path that lives keeps its objective");
            assert_eq!(page.contains("quiet\">✓ met"), !invalid, "that of the failed path is quiet");
        }
    }

    #[test]
    fn a_busy_machine_is_named_and_not_this_tool() {
        use crate::measure::health::Second;
        // Processors used by this tool and by others, and what the banner says.
        for (own, others, part) in [
            (0.2, 1.4, "this machine was too busy to measure: other programs used 1.4 of its 2 processors"),
            (1.4, 0.2, "this tool, not the paths, was the limit"),
            (0.1, 0.3, "this tool, not the paths, was the limit"),
        ] {
            let mut run = made([0.0, 0.0], 0.0, &[], keep);
            run.manifest.environment.cpus = 2;
            let stall = |second: &mut Second| {
                (second.hiccup_ms, second.cpu, second.others, second.sim_cpu) = (90.0, Some(own), Some(others), None);
            };
            run.health.iter_mut().for_each(stall);
            let analysis = analyse(&run);
            assert_eq!(analysis.conclusion, Conclusion::Invalid, "{:?}", analysis.validity.reasons);
            let (_, text) = banner(&run, &analysis);
            assert!(text.contains(part), "{own} and {others}: {text}");
        }
    }

    #[test]
    fn failed_calls_stand_beside_objectives_that_were_met() {
        let run = made([0.02, 0.02], 0.0, &["50%"], keep);
        let (tone, text) = banner(&run, &analyse(&run));
        assert!(tone == Tone::Plain && text.starts_with("Every objective was met; "), "{tone:?} {text}");
        assert!(text.ends_with(" calls failed (throttled)."), "{text}");
        let run = made([0.0, 0.0], 0.0, &["50%"], keep);
        assert_eq!(banner(&run, &analyse(&run)), (Tone::Good, "Every objective was met.".to_owned()));
    }

    #[test]
    fn equal_failures_and_declared_tolerance_keep_their_verdicts() {
        for (failing, margins) in [([0.1, 0.1], &["50%"][..]), ([0.0, 0.1], &["50%", "error_rate=20%"])] {
            let run = made(failing, 0.0, margins, keep);
            let analysis = analyse(&run);
            let [page, ..] = forms(&run, &analysis);
            assert!(page.contains("private differs from direct by less than the margin"), "{failing:?} {page}");
        }
    }

    #[test]
    fn junit_fails_where_the_run_does() {
        for (word, failing, shift, margins, spoil) in [
            ("dead", [0.0, 1.0], 0.0, &[][..], keep as Spoil),
            ("above the share", [0.7, 0.0], 0.0, &[], keep),
            ("beyond the margin", [0.0, 0.0], 60.0, &["ttft.p50=5%"], keep),
            ("more errors than declared", [0.0, 0.2], 0.0, &["error_rate=1%"], keep),
            ("invalid", [0.0, 0.0], 0.0, &[], lose_rows),
            ("invalid, dead and beyond its margin", [0.0, 1.0], 60.0, &["ttft.p50=5%"], lose_rows),
            ("a dead simulator", [0.0, 0.3], 0.0, &[], kill_simulator),
            ("well", [0.0, 0.0], 0.0, &["50%"], keep),
            ("interrupted", [0.0, 0.0], 0.0, &[], interrupt),
            ("interrupted and dead", [0.0, 1.0], 0.0, &[], interrupt),
        ] {
            for objectives in [true, false] {
                let mut run = made(failing, shift, margins, spoil);
                if !objectives {
                    run.manifest.plan.objectives.clear();
                }
                let analysis = analyse(&run);
                let code = analysis.conclusion.exit_code(false);
                let junit = junit::render(&run, &analysis).map(|bytes| String::from_utf8(bytes).expect("text"));
                let has = |part: &str| junit.as_ref().is_some_and(|junit| junit.contains(part));
                assert_eq!((has("<failure"), has("<error")), (code == 3, code == 4), "{word}: {junit:?}");
                assert!(junit.is_some() == (objectives || code != 0), "{word}");
            }
        }
    }

    #[test]
    fn a_run_that_was_cut_off_says_so_before_it_says_what_failed() {
        let run = made([0.0, 1.0], 0.0, &[], interrupt);
        let (tone, text) = banner(&run, &analyse(&run));
        assert_eq!(tone, Tone::Bad);
        assert!(text.starts_with("INCOMPLETE, and failed: path 'private': every call failed ("), "{text}");
    }
}
