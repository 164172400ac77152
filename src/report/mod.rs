//! Bytes from a judgement: decides glyphs, never numbers. One manager writes the files.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::analysis::Analysis;
use crate::run::Run;

pub(crate) mod addresses;
mod amounts;
mod basis;
pub(crate) mod chart;
pub(crate) mod comparison;
pub(crate) mod csv;
mod document;
pub(crate) mod export;
pub(crate) mod figure;
pub(crate) mod files;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod glance;
mod glossary;
mod glyph;
#[cfg(test)]
mod hostile;
pub(crate) mod html;
pub(crate) mod json;
mod junit;
mod layout;
pub(crate) mod lint;
pub(crate) mod markdown;
mod overview;
mod planned;
pub(crate) mod probe;
pub(crate) mod run;
pub(crate) mod selftest;
#[cfg(test)]
mod sentences;
pub(crate) mod series;
pub(crate) mod shift;
pub(crate) mod sizing;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod trend;

pub(crate) use export::Format;
use files::{ReportError, write_all};

/// Writes the formats that are files into `dir`, which is made if it is not there, and returns what was written.
/// Every file comes whole or not at all. [`Format::Terminal`] is no file: see [`terminal::render`].
///
/// # Errors
/// When a chart cannot be drawn, or the disk or the folder refuses.
pub(crate) fn write(
    run: &Run,
    analysis: &Analysis,
    formats: &[Format],
    dir: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let drawn = formats.iter().any(|format| matches!(format, Format::Svg | Format::Html));
    let charts = if drawn { chart::charts(run, analysis)? } else { Vec::new() };
    let mut files = Vec::new();
    for format in Format::value_variants().iter().filter(|format| formats.contains(format)) {
        files.extend(export::render(run, analysis, &charts, *format)?);
    }
    write_all(files, dir)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::*;
    use crate::analysis::analyse;
    use crate::report::fixture::{elements, golden, judged};
    use crate::report::terminal::Look;
    use crate::store::file;

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

    /// Whether a page needs nothing but itself: its links lead to its own sections, its script stands in it.
    pub(crate) fn asks_for_nothing(page: &str) {
        for outside in ["src=", "@import", "url(", "<link", "<script ", "fetch", "import("] {
            assert!(!page.contains(outside), "the page asks for {outside}");
        }
        assert_eq!(page.matches("href=").count(), page.matches("href=\"#").count(), "a link leads out of the page");
        assert_eq!(page.matches("<script").count(), 1, "a script that is not the page's own");
    }

    #[test]
    fn terminal_csv_and_junit_stay_as_they_are() {
        let (run, analysis) = judged();
        let of_width = |width| {
            let look = Look { width: Some(width), colour: false };
            terminal::render(&run::document(run, analysis), look, &["report: report.html".to_owned()]).into_bytes()
        };
        let junit = run::junit::render(run, analysis).expect("objectives");
        for (name, bytes) in [
            ("terminal.txt", of_width(120)),
            ("terminal-80.txt", of_width(80)),
            ("terminal-60.txt", of_width(60)),
            ("summary.csv", csv::render(run, analysis)),
            ("junit.xml", junit),
        ] {
            let expected = golden(name, &bytes);
            assert_eq!(String::from_utf8(bytes).expect("text"), expected, "{name}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_keeps_no_other_away() {
        let (run, analysis) = judged();
        let dir = tempfile::tempdir().expect("dir");
        fs::write(dir.path().join(file::CHARTS), b"in the way").expect("written");
        let error = write(run, analysis, &Format::OF_A_RUN, dir.path()).expect_err("no charts").to_string();
        assert!(error.contains("charts"), "{error}");
        for name in [file::SUMMARY, "summary.csv", file::REPORT, file::JUNIT] {
            assert!(dir.path().join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn the_page_stands_alone_and_holds_every_chart() {
        let (run, analysis) = judged();
        let charts = chart::charts(run, analysis).expect("charts");
        let page = String::from_utf8(html::render(&run::document(run, analysis), &charts)).expect("text");
        for id in ["latency-ttft", "latency-e2e", "shift-ttft", "shift-e2e", "timeline", "breakdown"] {
            assert!(page.contains(&format!("<section class=\"chart\" id=\"{id}\">")), "{id}");
        }
        asks_for_nothing(&page);
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
        let page = String::from_utf8(html::render(&run::document(run, analysis), &charts)).expect("text");
        assert!(!page.contains("<b>") && !page.contains("<i>"));
        assert!(page.contains("a &lt;b&gt;&quot;bold&quot;&lt;/b&gt; &amp; plain profile"));
        let mut named = run.clone();
        named.manifest.plan.paths[1].name = "<script>alert('x')</script>".to_owned();
        let charts = chart::charts(&named, analysis).expect("charts");
        let page = String::from_utf8(html::render(&run::document(&named, analysis), &charts)).expect("text");
        assert_eq!(page.matches("<script").count(), 1, "in a table or in a chart");
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
        let text = terminal::render(&run::document(&spoilt, &analysis), Look { width: None, colour: false }, &[]);
        assert!(text.contains("degraded: ") && text.contains("calls of 2 bad seconds left out"), "{text}");
    }

    #[test]
    fn every_chart_and_junit_are_xml() {
        let (run, analysis) = judged();
        for chart in chart::charts(run, analysis).expect("charts") {
            assert!(elements(&chart.wide).len() > 10 && elements(&chart.narrow).len() > 10, "{}", chart.id);
            assert!(chart.wide.contains("width=\"960\"") && chart.wide.contains("viewBox=\"0 0 3840 "), "{}", chart.id);
        }
        let mut run = run.clone();
        run.manifest.id = "a\u{b}b\u{0} & \"c\"".to_owned();
        let junit = run::junit::render(&run, analysis).expect("objectives");
        let names = elements(&String::from_utf8(junit).expect("text"));
        assert_eq!(names.iter().filter(|name| *name == "testcase").count(), 7, "{names:?}");
    }

    #[test]
    fn all_files_are_written_and_nothing_else_is_left() {
        let (run, analysis) = judged();
        let dir = tempfile::tempdir().expect("dir");
        let written = write(run, analysis, &Format::OF_A_RUN, dir.path()).expect("written");
        assert_eq!(written.len(), 1 + 1 + 7 + 1 + 1);
        assert!(written.iter().all(|path| path.exists()));
        let names: Vec<_> = fs::read_dir(dir.path()).expect("dir").map(|e| e.expect("entry").file_name()).collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }

    #[test]
    fn warnings_and_claims_are_told_in_every_form() {
        use crate::objective::objective::{Expectation, Objective, Severity};
        let objective = |expr: &str| Objective::new("private", expr.parse().expect("expression"));
        let mut run = crate::run::fixture::World::default().run();
        let plan = &mut run.manifest.plan;
        let name = Some("<slow>".to_owned());
        plan.objectives = vec![
            Objective { severity: Severity::Warning, name, ..objective("ttft.p50 < 20ms") },
            objective("rate_429 < 5%"),
        ];
        let claim = |slo: &str| Expectation { claim: "it's <fast>".to_owned(), reference: None, slo: objective(slo) };
        plan.expectations = ["ttft.p50 < 9s", "ttft.p50 < 9ms", "tls.p50 < 9s"].map(claim).to_vec();
        let analysis = analyse(&run);
        assert_eq!(analysis.conclusion.exit_code(false), 0, "a warning and a claim end no run");
        let document = run::document(&run, &analysis);
        let text = terminal::render(&document, Look { width: Some(160), colour: false }, &[]);
        let markdown = String::from_utf8(markdown::render(&document)).expect("text");
        let page = String::from_utf8(html::render(&document, &[])).expect("text");
        for part in ["missed (warning)", "holds", "fails", "unproven", "a warning was missed"] {
            assert!(text.contains(part) && markdown.contains(part) && page.contains(part), "{part}: {text}");
        }
        assert!(!page.contains("<fast>") && !page.contains("<slow>"));
        well_formed(&page).expect("well formed");
        let junit = String::from_utf8(run::junit::render(&run, &analysis).expect("objectives")).expect("text");
        assert!(junit.contains("failures=\"0\"") && junit.contains("missed, a warning only"), "{junit}");
        let scrape = String::from_utf8(export::prometheus::render(&run, &analysis)).expect("text");
        let missed = "objective=\"ttft.p50 < 20ms\",verdict=\"missed\",name=\"<slow>\",severity=\"warning\"} 1\n";
        assert!(
            scrape.contains(missed) && scrape.contains("slo=\"ttft.p50 < 9ms\",verdict=\"fails\"} 1\n"),
            "{scrape}"
        );
        let k6: serde_json::Value = serde_json::from_slice(&export::k6::render(&run, &analysis)).expect("JSON");
        assert_eq!(k6["metrics"]["rate_429{path:private}"]["thresholds"]["rate_429 < 5%"]["ok"], true);
    }

    #[test]
    #[ignore = "writes the forms to HOPMARK_LOOK, to be looked at"]
    fn forms_to_look_at() {
        let dir = std::env::var("HOPMARK_LOOK").expect("HOPMARK_LOOK names a folder");
        let (run, analysis) = judged();
        write(run, analysis, &Format::OF_A_RUN, Path::new(&dir)).expect("written");
    }
}
