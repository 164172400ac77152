//! Calls that did not succeed, by kind: a path on which there are any is nowhere called fit without a word about them.

use std::ops::AddAssign;

use crate::analysis::Analysis;
use crate::analysis::summary::paths::PathSummary;
use crate::report::figure;
use crate::run::Run;
use crate::units::PathId;

/// How many paths are told one by one.
const TOLD: usize = 3;

/// The calls of a path, or of several, that did not succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures {
    /// Calls that failed.
    pub(super) failed: u64,
    /// Those of them that were refused for a limit on requests, tokens or load.
    pub(super) throttled: u64,
    /// Calls whose answer was cut off.
    pub(super) incomplete: u64,
    /// Calls that came due and were never sent.
    pub(super) unsent: u64,
}

impl AddAssign for Failures {
    fn add_assign(&mut self, other: Self) {
        self.failed += other.failed;
        self.throttled += other.throttled;
        self.incomplete += other.incomplete;
        self.unsent += other.unsent;
    }
}

impl Failures {
    /// Of one path.
    pub(super) fn of(summary: &PathSummary) -> Self {
        let throttled = summary.errors.values().filter(|seen| seen.class.is_throttled());
        Self {
            failed: summary.requests.failed,
            throttled: throttled.map(|seen| seen.count).sum(),
            incomplete: summary.requests.incomplete,
            unsent: summary.requests.dropped,
        }
    }

    /// Of all paths together.
    pub(super) fn of_all(analysis: &Analysis) -> Self {
        let mut all = Self::default();
        analysis.paths.iter().for_each(|summary| all += Self::of(summary));
        all
    }

    /// Whether every call succeeded.
    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// How many of each kind: "24 calls failed (20 throttled), 3 were cut off, 2 were never sent", or "24 of 1 200
    /// calls failed" where it is said of how many.
    fn describe(self, planned: Option<u64>) -> String {
        let throttled = match self.throttled {
            0 => String::new(),
            throttled if throttled == self.failed => " (throttled)".to_owned(),
            throttled => format!(" ({} throttled)", figure::count(throttled)),
        };
        let were = |count: u64| if count == 1 { "was" } else { "were" };
        let kinds = [
            (self.failed, format!("failed{throttled}")),
            (self.incomplete, format!("{} cut off", were(self.incomplete))),
            (self.unsent, format!("{} never sent", were(self.unsent))),
        ];
        // The first of them says what is counted.
        let counted = |place: usize, count: u64| match (place, planned) {
            (0, Some(planned)) => format!("{} of {} calls", figure::count(count), figure::count(planned)),
            (0, None) if count == 1 => "1 call".to_owned(),
            (0, None) => format!("{} calls", figure::count(count)),
            _ => figure::count(count),
        };
        let seen = kinds.into_iter().filter(|(count, _)| *count > 0).enumerate();
        seen.map(|(place, (count, what))| format!("{} {what}", counted(place, count))).collect::<Vec<_>>().join(", ")
    }
}

/// What a banner says of them; `None` where every call succeeded.
pub(super) fn in_short(analysis: &Analysis) -> Option<String> {
    let all = Failures::of_all(analysis);
    (!all.is_none()).then(|| all.describe(None))
}

/// What became of the calls that did not succeed on these paths, path by path; `None` where all did.
pub(super) fn by_path(run: &Run, analysis: &Analysis, of: impl Fn(PathId) -> bool) -> Option<String> {
    let own = analysis.paths.iter().filter(|summary| of(summary.path));
    let broken: Vec<&PathSummary> = own.filter(|summary| !Failures::of(summary).is_none()).collect();
    let told = |summary: &&PathSummary| {
        let name = &run.manifest.plan.path(summary.path).name;
        format!("on {name} {}", Failures::of(summary).describe(Some(summary.requests.planned)))
    };
    let mut parts: Vec<String> = broken.iter().take(TOLD).map(told).collect();
    if broken.len() > TOLD {
        parts.push(format!("and others on {} more paths", broken.len() - TOLD));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Conclusion, analyse};
    use crate::measure::outcome::{ErrorClass, Outcome};
    use crate::objective::objective::Objective;
    use crate::report::run::document;
    use crate::report::table::Tone;
    use crate::report::terminal::{self, Look};
    use crate::report::{html, markdown};
    use crate::run::fixture::{World, fail};
    use crate::units::PathId;

    /// Every way in which a call does not succeed, with the word for its kind.
    fn kinds() -> Vec<(Outcome, &'static str)> {
        let http = [400, 401, 404, 408, 429, 500, 503, 529].map(ErrorClass::Http);
        let classes: Vec<ErrorClass> = ErrorClass::plain().chain(http).collect();
        let failed = |class: &ErrorClass| {
            (Outcome::Failed(*class), if class.is_throttled() { "failed (throttled)" } else { "failed" })
        };
        let cut = |class: &ErrorClass| (Outcome::Incomplete(*class), "cut off");
        let unsent = |class: &ErrorClass| (Outcome::Dropped(*class), "never sent");
        let all = classes.iter().map(failed).chain(classes.iter().map(cut));
        all.chain(classes.iter().map(unsent)).collect()
    }

    /// Two paths that are asked for their latency alone, and calls of the second that ended like this.
    fn run_with(outcome: Outcome, calls: usize, asked: bool) -> Run {
        let mut run = World { shifts_ms: vec![0.0, 40.0], ..World::default() }.run();
        let of_second = run.samples.iter_mut().filter(|sample| sample.path == PathId(1)).skip(20).step_by(20);
        for sample in of_second.take(calls) {
            fail(sample, outcome.error().expect("a class"));
            sample.outcome = outcome;
        }
        let objective = |path| Objective::new(path, "ttft.p50 < 9s".parse().expect("expression"));
        run.manifest.plan.objectives = if asked { vec![objective("direct"), objective("private")] } else { Vec::new() };
        run
    }

    #[test]
    fn no_kind_of_call_that_did_not_succeed_goes_without_a_word() {
        let look = Look { width: None, colour: false };
        let mut judged = 0;
        for (outcome, word) in kinds() {
            for (calls, asked) in [(1, true), (4, true), (4, false)] {
                let run = run_with(outcome, calls, asked);
                let analysis = analyse(&run);
                if analysis.conclusion == Conclusion::Invalid {
                    continue;
                }
                judged += 1;
                let document = document(&run, &analysis);
                let page = String::from_utf8(html::render(&document, &[])).expect("text");
                let first = &page[page.find("<main>").expect("a body")..page.find("<nav").expect("contents")];
                let text = terminal::render(&document, look, &[]);
                let head = text.split("\n\n").next().expect("a head");
                let markdown = String::from_utf8(markdown::render(&document)).expect("text");
                let bold = markdown.lines().find(|line| line.contains("**")).expect("a conclusion");
                for form in [first, head, bold] {
                    assert!(form.contains(word), "{outcome:?}, {calls}, {asked}: '{word}' in {form}");
                }
                let planned = figure::count(analysis.paths[1].requests.planned);
                let recommended = &document.lead.recommendation;
                let part = format!("not every call succeeded: on private {calls} of {planned} calls ");
                assert!(recommended.contains(&part) && recommended.contains(word), "{outcome:?}: {recommended}");
                assert!(!first.contains(" fit for what was asked") && !first.contains("banner good"), "{first}");
                assert!(document.conclusion.0 != Tone::Good && !first.contains("<strong class=\"good\">"), "{first}");
                assert!(!bold.contains('✅'), "{bold}");
            }
        }
        assert!(judged > 2 * kinds().len(), "{judged} of {} runs could be judged", 3 * kinds().len());
    }

    #[test]
    fn kinds_stand_beside_each_other_and_the_first_says_what_is_counted() {
        let told = |failed, throttled, incomplete, unsent, planned| {
            Failures { failed, throttled, incomplete, unsent }.describe(planned).replace('\u{202f}', " ")
        };
        for (text, expected) in [
            (told(1, 0, 0, 0, None), "1 call failed"),
            (told(1200, 20, 3, 1, None), "1 200 calls failed (20 throttled), 3 were cut off, 1 was never sent"),
            (told(12, 12, 0, 0, Some(3600)), "12 of 3 600 calls failed (throttled)"),
            (told(0, 0, 1, 2, Some(600)), "1 of 600 calls was cut off, 2 were never sent"),
        ] {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn the_paths_that_keep_what_was_asked_beside_one_that_does_not_are_told_with_their_failures() {
        let mut run = run_with(Outcome::Failed(ErrorClass::Http(500)), 4, false);
        let objective = Objective::new("direct", "ttft.p50 < 9ms".parse().expect("expression"));
        run.manifest.plan.objectives = vec![objective];
        let told = document(&run, &analyse(&run)).lead.recommendation;
        assert!(told.contains("was kept by private, but not every call succeeded: on private 4 of "), "{told}");
    }

    #[test]
    fn many_paths_are_not_told_one_by_one() {
        let world = World { shifts_ms: vec![0.0; 3], failing: vec![0.02; 3], ..World::default() };
        let run = world.run();
        let analysis = analyse(&run);
        assert_eq!(by_path(&run, &analysis, |_| true).expect("failures").matches("; on ").count(), 2);
        assert_eq!(by_path(&run, &analysis, |_| false), None);
        let mut without = analysis.clone();
        without.paths.extend(analysis.paths.clone());
        let told = by_path(&run, &without, |_| true).expect("failures");
        assert!(told.ends_with("; and others on 3 more paths"), "{told}");
    }
}
