//! The forms of a history of runs. One manager writes the files.

use std::path::{Path, PathBuf};

use crate::report::chart::{self, Chart};
use crate::report::files::{ReportError, write_all};
use crate::report::html;
use crate::report::trend::document::History;
use crate::store::file;

pub(crate) mod document;
pub(crate) mod json;
mod junit;

/// The history for machines.
pub(crate) const JSON: &str = "trend.json";
/// The history for people.
pub(crate) const PAGE: &str = "trend.html";

/// Writes `trend.json`, `junit.xml`, `trend.html` and `charts/trend-*.svg` into `dir`, which is made if it is not there, and returns
/// what was written. Every file comes whole or not at all.
///
/// # Errors
/// When a chart cannot be drawn, or the disk or the folder refuses.
pub(crate) fn write(history: &History, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let charts = chart::of_history(history.trend)?;
    let mut files = vec![(PathBuf::from(JSON), json::render(history))];
    files.push((PathBuf::from(file::JUNIT), junit::render(history)));
    files.push((PathBuf::from(PAGE), html::render(&history.document(), &charts)));
    files.extend(charts.iter().map(Chart::file));
    write_all(files, dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::trend::tests::{question, runs};
    use crate::analysis::trend::trend;
    use crate::report::fixture::golden;
    use crate::report::terminal::{Look, render};
    use crate::report::tests::{asks_for_nothing, well_formed};
    use crate::run::historical::Eligibility;

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
        assert_eq!(written.len(), 4);
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
