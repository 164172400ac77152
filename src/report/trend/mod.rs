//! The forms of a history of runs. One manager writes the files.

use std::path::{Path, PathBuf};

use crate::report::chart::{self, Chart};
use crate::report::files::{ReportError, write_all};
use crate::report::trend::document::History;
use crate::report::trend::pooled::Pooling;
use crate::report::{html, markdown};
use crate::store::file;

pub(crate) mod document;
pub(crate) mod json;
mod junit;
mod overview;
pub(crate) mod pooled;
pub(crate) mod pooled_json;
mod words;

/// The history for machines.
pub(crate) const JSON: &str = "trend.json";
/// The history for people.
pub(crate) const PAGE: &str = "trend.html";
/// The history for pull requests.
pub(crate) const MARKDOWN: &str = "trend.md";
/// Pooled runs for machines.
const POOLED_JSON: &str = "pooled.json";
/// Pooled runs for people.
const POOLED_PAGE: &str = "pooled.html";
/// Pooled runs for pull requests.
const POOLED_MARKDOWN: &str = "pooled.md";

/// Writes `trend.json`, `junit.xml`, `trend.md`, `trend.html` and `charts/trend-*.svg` into `dir`, which is made if it is not there, and returns
/// what was written. Every file comes whole or not at all.
///
/// # Errors
/// When a chart cannot be drawn, or the disk or the folder refuses.
pub(crate) fn write(history: &History, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let charts = chart::of_history(history.trend)?;
    let mut files = vec![(PathBuf::from(JSON), json::render(history))];
    files.push((PathBuf::from(file::JUNIT), junit::render(history)));
    files.push((PathBuf::from(MARKDOWN), markdown::render(&history.document())));
    files.push((PathBuf::from(PAGE), html::render(&history.document(), &charts)));
    files.extend(charts.iter().map(Chart::file));
    write_all(files, dir)
}

/// Writes `pooled.json`, `junit.xml`, `pooled.md`, `pooled.html` and `charts/pool-hours-*.svg` into `dir`, as [`write`] does;
/// `json` are the bytes of the first.
///
/// # Errors
/// When a chart cannot be drawn, or the disk or the folder refuses.
pub(crate) fn write_pooled(pooling: &Pooling, json: Vec<u8>, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let (charts, document) = (chart::of_pool(pooling.pool)?, pooling.document());
    let mut files = vec![(PathBuf::from(POOLED_JSON), json)];
    files.push((PathBuf::from(file::JUNIT), junit::render_pooled(pooling)));
    files.push((PathBuf::from(POOLED_MARKDOWN), markdown::render(&document)));
    files.push((PathBuf::from(POOLED_PAGE), html::render(&document, &charts)));
    files.extend(charts.iter().map(Chart::file));
    write_all(files, dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::trend::pool::pool;
    use crate::analysis::trend::pool::tests::repetitions;
    use crate::analysis::trend::tests::{question, runs};
    use crate::analysis::trend::trend;
    use crate::measure::metric::Metric;
    use crate::report::fixture::golden;
    use crate::report::terminal::{Look, render};
    use crate::report::tests::{asks_for_nothing, well_formed};
    use crate::run::historical::Eligibility;
    use crate::units::Quantile;

    #[test]
    fn a_history_stays_as_it_is_in_every_form() {
        let mut runs = runs(1, 16, 0.01, 8, 1.08);
        runs[3].eligibility = Eligibility::Invalid;
        runs[11].eligibility = Eligibility::Incomplete;
        runs[11].figures.clear();
        let judged = trend(runs, &question());
        let notes = ["a <b> was not read".to_owned()];
        let history = History { folder: "runs", profile: "nightly <i>", trend: &judged, notes: &notes };
        let text = render(&history.document(), Look { width: Some(110), colour: false }, &[]);
        assert_eq!(text, golden("trend.txt", text.as_bytes()));
        let dir = tempfile::tempdir().expect("dir");
        let written = write(&history, dir.path()).expect("written");
        assert_eq!(written.len(), 5);
        let page = std::fs::read_to_string(dir.path().join(PAGE)).expect("page");
        well_formed(&page).expect("well formed");
        for part in ["prefers-color-scheme: dark", "var(--path-0)", "2026-10-09", "nightly &lt;i&gt;", "hopmark trend"]
        {
            assert!(page.contains(part), "{part}");
        }
        asks_for_nothing(&page);
        assert!(!page.contains("<b>"), "from outside");
        let picture = std::fs::read_to_string(dir.path().join("charts/trend-ttft-p50.svg")).expect("chart");
        well_formed(&picture).expect("chart");
        // Fourteen judged runs and the legend; a ring for the invalid one is two discs.
        assert_eq!(picture.matches("<circle").count(), 14 + 1 + 2);
        assert!(picture.contains(&crate::report::figure::change(judged.series[0].changes[0].share)));
    }

    #[test]
    fn pooled_runs_stay_as_they_are_in_every_form() {
        let margins = ["30%".parse().expect("margin")];
        let mut runs = repetitions(1, 10, 6.0, 3.0);
        runs[2].failed = vec!["gateway".to_owned()];
        let judged = pool(runs, &[Metric::Ttft], &[Quantile::MEDIAN], &margins);
        let notes = ["2 runs are left out: invalid <b>.".to_owned()];
        let pooling =
            Pooling { folder: "runs", profile: "nightly <i>", plan: "0123456789abcdef", pool: &judged, notes: &notes };
        let text = render(&pooling.document(), Look { width: Some(100), colour: false }, &[]);
        assert_eq!(text, golden("pooled.txt", text.as_bytes()));
        let dir = tempfile::tempdir().expect("dir");
        let json = pooled_json::render(&pooling, std::collections::BTreeMap::from([("invalid", 2)]));
        let written = write_pooled(&pooling, json, dir.path()).expect("written");
        assert_eq!(written.len(), 5);
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect(name);
        let page = read(POOLED_PAGE);
        well_formed(&page).expect("well formed");
        assert!(page.contains("nightly &lt;i&gt;") && page.contains("pool-hours-ttft-p50") && !page.contains("<b>"));
        let picture = read("charts/pool-hours-ttft-p50.svg");
        well_formed(&picture).expect("chart");
        let facts: serde_json::Value = serde_json::from_str(&read(POOLED_JSON)).expect("JSON");
        let shift = &facts["shifts"][0];
        let own = judged.shifts[0].pooled.expect("nine runs");
        assert_eq!((shift["points"].as_array().expect("points").len(), &facts["left_out"]["invalid"]), (9, &2.into()));
        assert!((shift["tau_ms"].as_f64().expect("tau") - own.tau).abs() < 1e-5);
        assert!((shift["ci_ms"][1].as_f64().expect("end") - own.interval(0.95).1).abs() < 1e-5);
        assert!(read(POOLED_MARKDOWN).contains("from run to run it varies by"));
        let junit = read(file::JUNIT);
        well_formed(&junit).expect("well formed");
        // Two paths answer, one failed earlier and not in the newest run; one shift is gated and keeps its margin.
        assert!(junit.contains("tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"0\""), "{junit}");
        assert!(
            junit.contains("classname=\"gateway\" name=\"TTFT p50 no more than 45.0 ms slower than direct"),
            "{junit}"
        );
    }

    #[test]
    fn the_test_cases_of_pooled_runs_fail_where_the_command_does() {
        for (shift, margins, newest_failed, counts) in [
            (6.0, &["30%"][..], false, (3, 0, 0)),
            (60.0, &["30%"], false, (3, 1, 0)),
            (45.0, &["30%"], false, (3, 0, 1)),
            (60.0, &[], false, (2, 0, 0)),
            (60.0, &[], true, (2, 1, 0)),
            (6.0, &["30%", "e2e=5%"], false, (3, 0, 0)),
        ] {
            let margins: Vec<_> = margins.iter().map(|text| text.parse().expect("margin")).collect();
            let mut runs = repetitions(1, 10, shift, 1.0);
            if newest_failed {
                runs[9].failed = vec!["gateway".to_owned()];
            }
            let judged = pool(runs, &[Metric::Ttft], &[Quantile::MEDIAN], &margins);
            let pooling = Pooling { folder: "runs", profile: "nightly", plan: "0", pool: &judged, notes: &[] };
            let text = String::from_utf8(junit::render_pooled(&pooling)).expect("text");
            let (tests, failures, skipped) = counts;
            let expected = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
            assert!(text.contains(&expected), "{shift} {margins:?}: {text}");
            assert_eq!(failures > 0, judged.conclusion().exit_code(false) == 3, "{shift} {margins:?}");
        }
    }

    #[test]
    fn one_run_says_that_it_cannot_speak_of_others() {
        let judged = pool(repetitions(1, 1, 6.0, 0.0), &[Metric::Ttft], &[Quantile::MEDIAN], &[]);
        let pooling = Pooling { folder: "runs", profile: "nightly", plan: "0", pool: &judged, notes: &[] };
        let text = render(&pooling.document(), Look { width: None, colour: false }, &[]);
        assert!(text.contains("one run cannot tell how runs vary") && text.contains("its own minutes only"), "{text}");
        assert!(!text.contains("slower"), "{text}");
    }

    #[test]
    #[ignore = "writes the forms to HOPMARK_LOOK, to be looked at"]
    fn forms_to_look_at() {
        let dir = std::env::var("HOPMARK_LOOK").expect("HOPMARK_LOOK names a folder");
        let mut runs = runs(1, 30, 0.012, 18, 1.08);
        runs[3].eligibility = Eligibility::Invalid;
        runs[3].figures[0].ms *= 1.3;
        runs[11].eligibility = Eligibility::Incomplete;
        runs[11].figures.clear();
        runs.drain(22..24);
        for run in &mut runs {
            run.paths.push("gateway".to_owned());
            let mut other = run.figures.clone();
            other.iter_mut().for_each(|figure| {
                figure.path = "gateway".to_owned();
                figure.ms += 6.0;
            });
            run.figures.extend(other);
        }
        let judged = trend(runs, &question());
        let history = History { folder: "runs", profile: "nightly", trend: &judged, notes: &[] };
        write(&history, Path::new(&dir)).expect("written");
    }
}
