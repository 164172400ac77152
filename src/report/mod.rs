//! Bytes from a judgement: decides glyphs, never numbers. One manager writes the files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::analysis::Analysis;
use crate::run::Run;
use crate::store::file::{self, StoreError};

pub mod between;
pub mod chart;
pub mod csv;
pub mod export;
pub mod figure;
pub mod format;
pub mod html;
pub mod json;
mod json_validity;
pub mod markdown;
pub mod model;
pub mod planned;
mod rig;
pub mod selftest;
pub mod sheet;
pub mod table;
pub mod terminal;
pub mod trend;
pub mod words;

pub use format::Format;
pub use model::Model;
pub use terminal::Look;

/// The summary as a table for spreadsheets.
pub const SUMMARY_CSV: &str = "summary.csv";

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] chart::ChartError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] StoreError),
}

/// Writes the formats that are files into `dir`, which is made if it is not there, and returns what was written.
/// Every file comes whole or not at all. [`Format::Terminal`] is no file: see [`terminal::render`].
///
/// # Errors
/// When a chart cannot be drawn, or the disk or the folder refuses.
pub fn write(run: &Run, analysis: &Analysis, formats: &[Format], dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let has = |format| formats.contains(&format);
    let charts = if has(Format::Svg) || has(Format::Html) { chart::charts(run, analysis)? } else { Vec::new() };
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    if has(Format::Json) {
        files.push((dir.join(file::SUMMARY), json::render(run, analysis)));
    }
    if has(Format::Csv) {
        files.push((dir.join(SUMMARY_CSV), csv::render(run, analysis)));
    }
    if has(Format::Svg) {
        let folder = dir.join(file::CHARTS);
        files.extend(charts.iter().map(|c| (folder.join(format!("{}.svg", c.id)), c.wide.clone().into_bytes())));
    }
    if has(Format::Html) {
        files.push((dir.join(file::REPORT), html::render(&Model::of(run, analysis), &charts)));
    }
    if has(Format::Junit) {
        files.extend(export::junit::render(run, analysis).map(|bytes| (dir.join(file::JUNIT), bytes)));
    }
    files.into_iter().map(|(path, bytes)| write_one(path, &bytes)).collect()
}

fn write_one(path: PathBuf, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| StoreError::unwritable(folder, error))?;
    }
    file::write_whole(&path, bytes)?;
    Ok(path)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::analysis::analyse;
    use crate::measure::objective::Objective;
    use crate::measure::selftest;
    use crate::run::fixture::World;

    /// One run and its judgement for all tests of forms.
    fn judged() -> &'static (Run, Analysis) {
        static JUDGED: OnceLock<(Run, Analysis)> = OnceLock::new();
        JUDGED.get_or_init(|| {
            let world = World { shifts_ms: vec![0.0, 30.0, 6.0], failing: vec![0.0, 0.0, 0.02], ..World::default() };
            let mut run = world.run();
            let objective =
                |path: &str, expr: &str| Objective { path: path.to_owned(), expr: expr.parse().expect("expression") };
            run.manifest.plan.objectives = vec![
                objective("gateway", "ttft.p95 < 800ms"),
                objective("private", "ttft.p50 < 120ms"),
                objective("direct", "ttft.p99.9 < 5s"),
            ];
            run.manifest.plan.name = "a <b>\"bold\"</b> & plain profile".to_owned();
            run.manifest.notes = vec!["`tcp` on the simulator is that of the loopback <i>only</i>".to_owned()];
            run.manifest.own_error = selftest::fixture::selftest().quote(&selftest::fixture::machine());
            run.manifest.simulator = Some(serde_json::json!({"listeners": [
                {"name": "direct", "ttft_ms": {"p50": 150.0, "p90": 220.0, "p95": 246.0, "p99": 301.0}},
                {"name": "private", "ttft_ms": {"p50": 180.0, "p90": 250.0, "p95": 276.0, "p99": 331.0}},
                {"name": "gateway", "ttft_ms": {"p50": 156.0, "p90": 226.0, "p95": 252.0, "p99": 307.0}},
            ]}));
            let analysis = analyse(&run);
            (run, analysis)
        })
    }

    /// What a form is on disk, or the form itself when `HOPMARK_BLESS` is set, which then becomes it.
    pub(crate) fn golden(name: &str, bytes: &[u8]) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/golden").join(name);
        if std::env::var_os("HOPMARK_BLESS").is_some() {
            fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            fs::write(&path, bytes).expect("blessed");
        }
        fs::read_to_string(&path).expect("golden file")
    }

    /// Whether every tag is closed in its order, as XML wants it.
    pub(crate) fn well_formed(text: &str) -> Result<(), String> {
        let mut open = Vec::new();
        let mut rest = text;
        while let Some(from) = rest.find('<') {
            let until = rest[from..].find('>').ok_or("a tag without an end")? + from;
            let tag = &rest[from + 1..until];
            rest = &rest[until + 1..];
            if tag.starts_with(['!', '?']) || tag.ends_with('/') {
                continue;
            }
            let name = tag.trim_start_matches('/').split_whitespace().next().unwrap_or_default();
            if !tag.starts_with('/') {
                open.push(name);
            } else if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing, open are {open:?}"));
            }
        }
        if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
    }

    #[test]
    fn terminal_csv_and_junit_stay_as_they_are() {
        let (run, analysis) = judged();
        let look = Look { width: Some(100), colour: false };
        let text = terminal::render(&Model::of(run, analysis), look, Some("report.html"));
        let junit = export::junit::render(run, analysis).expect("objectives");
        for (name, bytes) in
            [("terminal.txt", text.into_bytes()), ("summary.csv", csv::render(run, analysis)), ("junit.xml", junit)]
        {
            let expected = golden(name, &bytes);
            assert_eq!(String::from_utf8(bytes).expect("text"), expected, "{name}");
        }
    }

    #[test]
    fn the_page_stands_alone_and_holds_every_chart() {
        let (run, analysis) = judged();
        let charts = chart::charts(run, analysis).expect("charts");
        let page = String::from_utf8(html::render(&Model::of(run, analysis), &charts)).expect("text");
        for id in ["latency-ttft", "latency-e2e", "shift-ttft", "shift-e2e", "timeline", "breakdown"] {
            assert!(page.contains(&format!("<section class=\"chart\" id=\"{id}\">")), "{id}");
        }
        for outside in ["src=", "href=", "@import", "url(", "<script", "<link"] {
            assert!(!page.contains(outside), "the page asks for {outside}");
        }
        for part in [
            "private is ",
            "Planned by the simulator: +30.0 ms",
            "prefers-color-scheme: dark",
            "var(--path-1)",
            "This machine&#39;s own error: under 5 ms (p99) up to 100 streams",
        ] {
            assert!(page.contains(part), "{part}");
        }
        well_formed(&page).expect("well formed");
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let (run, analysis) = judged();
        let charts = chart::charts(run, analysis).expect("charts");
        let page = String::from_utf8(html::render(&Model::of(run, analysis), &charts)).expect("text");
        assert!(!page.contains("<b>") && !page.contains("<i>"));
        assert!(page.contains("a &lt;b&gt;&quot;bold&quot;&lt;/b&gt; &amp; plain profile"));
        let mut named = run.clone();
        named.manifest.plan.paths[1].name = "<script>alert('x')</script>".to_owned();
        let charts = chart::charts(&named, analysis).expect("charts");
        let page = String::from_utf8(html::render(&Model::of(&named, analysis), &charts)).expect("text");
        assert!(!page.contains("<script"), "in a table or in a chart");
        well_formed(&page).expect("well formed");
    }

    #[test]
    fn bad_seconds_are_shaded_and_said() {
        let (run, analysis) = judged();
        let shade = chart::palette::SHADE.light_hex();
        let timeline = |run: &Run, analysis: &Analysis| {
            let charts = chart::charts(run, analysis).expect("charts");
            charts.into_iter().find(|chart| chart.id == "timeline").expect("a timeline")
        };
        let whole = timeline(run, analysis);
        assert!(!whole.wide.contains(&shade) && !whole.caption.contains("Shaded"));
        let mut spoilt = run.clone();
        spoilt.health[20].hiccup_ms = 35.0;
        spoilt.health[21].steal = Some(0.4);
        let analysis = analyse(&spoilt);
        let shaded = timeline(&spoilt, &analysis);
        assert!(shaded.caption.contains("calls due there are in no other figure"), "{}", shaded.caption);
        // One stretch in each of the two panels.
        assert_eq!(shaded.wide.matches(&shade).count(), 2);
        let text = terminal::render(&Model::of(&spoilt, &analysis), Look { width: None, colour: false }, None);
        assert!(text.contains("degraded: ") && text.contains("calls of 2 bad seconds left out"), "{text}");
    }

    #[test]
    fn every_chart_and_junit_are_xml() {
        let (run, analysis) = judged();
        for chart in chart::charts(run, analysis).expect("charts") {
            well_formed(&chart.wide).expect("wide");
            well_formed(&chart.narrow).expect("narrow");
            assert!(chart.wide.contains("width=\"960\"") && chart.wide.contains("viewBox=\"0 0 3840 "), "{}", chart.id);
        }
        let junit = export::junit::render(run, analysis).expect("objectives");
        well_formed(&String::from_utf8(junit).expect("text")).expect("junit");
    }

    #[test]
    fn all_files_are_written_and_nothing_else_is_left() {
        let (run, analysis) = judged();
        let dir = tempfile::tempdir().expect("dir");
        let written = write(run, analysis, &Format::OF_A_RUN, dir.path()).expect("written");
        assert_eq!(written.len(), 1 + 1 + 6 + 1 + 1);
        assert!(written.iter().all(|path| path.exists()));
        let names: Vec<_> = fs::read_dir(dir.path()).expect("dir").map(|e| e.expect("entry").file_name()).collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }

    #[test]
    #[ignore = "writes the forms to HOPMARK_LOOK, to be looked at"]
    fn forms_to_look_at() {
        let dir = std::env::var("HOPMARK_LOOK").expect("HOPMARK_LOOK names a folder");
        let (run, analysis) = judged();
        write(run, analysis, &Format::OF_A_RUN, Path::new(&dir)).expect("written");
    }
}
