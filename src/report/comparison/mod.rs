//! The forms of a comparison of two runs, or of two paths of one.

pub(crate) mod document;
pub(crate) mod json;
mod junit;
mod overview;

/// The comparison for machines.
pub(crate) const JSON: &str = "comparison.json";
/// The comparison for people.
pub(crate) const PAGE: &str = "comparison.html";
/// The comparison for pull requests.
pub(crate) const MARKDOWN: &str = "comparison.md";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::document::{Compared, WEAKER};
    use crate::analysis::runs::{RunSide, compare_runs};
    use crate::report::fixture::golden;
    use crate::report::terminal::{Look, render};
    use crate::report::tests::well_formed;
    use crate::report::{html, markdown};
    use crate::run::Run;
    use crate::run::fixture::World;

    fn run_of(seed: u64, shift: f64, failing: f64) -> Run {
        let world = World { shifts_ms: vec![shift], failing: vec![failing], seed, ..World::default() };
        let mut run = world.run();
        run.manifest.id = format!("run-{seed}");
        run.manifest.started_at = format!("2026-10-0{seed}T01:00:00Z");
        run
    }

    /// What is said of two runs, and whether terminal, JSON and Markdown say the same.
    #[test]
    fn a_comparison_stays_as_it_is_in_every_form() {
        let (base, mut candidate) = (run_of(1, 0.0, 0.0), run_of(2, 40.0, 0.03));
        candidate.manifest.tool_version = "0.2.0".to_owned();
        let margins = ["5%".parse().expect("margin"), "ttft.p99=200ms".parse().expect("margin")];
        let side = |run| RunSide { run, path: None };
        let found = compare_runs(side(&base), side(&candidate), &margins).expect("alike");
        let compared =
            Compared { comparison: &found, runs: [&base, &candidate], names: ["runs/base", "runs/candidate"] };
        let text = render(&compared.document(), Look { width: Some(100), colour: false }, &[]);
        assert_eq!(text, golden("comparison.txt", text.as_bytes()));
        let md = String::from_utf8(markdown::render(&compared.document())).expect("text");
        assert_eq!(md, golden("comparison.md", md.as_bytes()));
        let page = String::from_utf8(html::render(&compared.document(), &[])).expect("text");
        well_formed(&page).expect("well formed");
        for part in ["id=\"paths\"", "class=\"forest", "worse by more than the margin", "differ in tool version"] {
            assert!(page.contains(part), "{part}");
        }
        let document: Value = serde_json::from_slice(&compared.json()).expect("JSON");
        assert_eq!(document["differences"][0]["what"], "tool version");
        assert_eq!((&document["verdict"], &document["weakness"]), (&Value::from("worse"), &Value::from(WEAKER)));
        assert_eq!(document["failed_shares"][0]["gate"], "failed");
        for text in [&text, &md] {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in ["differ in tool version", "weaker than one paired run", "Worse: a change"] {
                assert!(words.contains(part), "{part}");
            }
        }
    }
}
