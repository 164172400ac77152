//! The formats of a run's report. A format is a variant of [`Format`], which the command line reads, and a line in
//! [`render`]; what is its own stands in a file here.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::analysis::Analysis;
use crate::report::chart::Chart;
use crate::report::run::{document, junit};
use crate::report::{csv, html, json, markdown};
use crate::run::Run;
use crate::store::file::{self, StoreError};

mod bencher;
mod github;
mod hgrm;
mod hlog;
pub(super) mod k6;
mod otava;
pub(super) mod prometheus;
mod tracked;
mod values;
mod vllm;

/// A format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables on standard output
    Terminal,
    /// report.html, self-contained
    Html,
    /// charts/*.svg
    Svg,
    /// summary.csv
    Csv,
    /// summary.json
    Json,
    /// junit.xml, when the profile has objectives
    Junit,
    /// summary.md, for pull requests and job summaries
    #[value(name = "md")]
    Markdown,
    /// hlog/*.hlog, HdrHistogram interval logs, one for each path and metric
    Hlog,
    /// hgrm/*.hgrm, HdrHistogram percentile distributions, one for each path and metric
    Hgrm,
    /// k6-summary.json, in the shape of k6's handleSummary
    K6,
    /// vllm/*.json, with the field names of vLLM's serving benchmark, one for each path
    Vllm,
    /// github-benchmark.json, for github-action-benchmark (customSmallerIsBetter)
    GithubBenchmark,
    /// bencher.json, Bencher Metric Format
    Bencher,
    /// otava.csv, one row for Apache Otava
    Otava,
    /// hopmark.prom, for Prometheus' textfile collector
    Prometheus,
}

impl Format {
    /// What a run writes by itself.
    pub(crate) const OF_A_RUN: [Self; 5] = [Self::Json, Self::Csv, Self::Svg, Self::Html, Self::Junit];
}

/// The files of a format: their names in the folder, and their bytes. [`Format::Terminal`] is no file.
///
/// # Errors
/// When a histogram cannot be encoded.
pub(crate) fn render(
    run: &Run,
    analysis: &Analysis,
    charts: &[Chart],
    format: Format,
) -> Result<Vec<(PathBuf, Vec<u8>)>, StoreError> {
    let one = |name: &str, bytes: Vec<u8>| vec![(PathBuf::from(name), bytes)];
    Ok(match format {
        Format::Terminal => Vec::new(),
        Format::Json => one(file::SUMMARY, json::render(run, analysis)),
        Format::Csv => one("summary.csv", csv::render(run, analysis)),
        Format::Svg => charts.iter().map(Chart::file).collect(),
        Format::Html => one(file::REPORT, html::render(&document(run, analysis), charts)),
        Format::Junit => junit::render(run, analysis).map_or(Vec::new(), |bytes| one(file::JUNIT, bytes)),
        Format::Markdown => one("summary.md", markdown::render(&document(run, analysis))),
        Format::Hlog => hlog::render(run, analysis)?,
        Format::Hgrm => hgrm::render(run, analysis),
        Format::K6 => one("k6-summary.json", k6::render(run, analysis)),
        Format::Vllm => vllm::render(run, analysis),
        Format::GithubBenchmark => one("github-benchmark.json", github::render(run, analysis)),
        Format::Bencher => one("bencher.json", bencher::render(run, analysis)),
        Format::Otava => one("otava.csv", otava::render(run, analysis)),
        Format::Prometheus => one("hopmark.prom", prometheus::render(run, analysis)),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use serde_json::Value;

    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::report::fixture::{golden, judged};
    use crate::run::fixture::{World, sampled};
    use crate::units::Quantile;

    /// A small run with one candidate, and what is said of it.
    fn small() -> (Run, &'static Analysis) {
        static SMALL: OnceLock<(Run, Analysis)> = OnceLock::new();
        let (run, analysis) = SMALL.get_or_init(made);
        (run.clone(), analysis)
    }

    fn made() -> (Run, Analysis) {
        let world = World { shifts_ms: vec![0.0, 30.0], failing: vec![0.0, 0.02], seconds: 40.0, ..World::default() };
        let mut run = world.run();
        let objective = |expr: &str| Objective::new("private", expr.parse().expect("expression"));
        run.manifest.plan.objectives =
            ["ttft.p95 < 800ms", "ttft.p50 < 120ms", "ttft.p99.9 < 5s", "error_rate < 50%"].map(objective).to_vec();
        let analysis = analyse(&run);
        (run, analysis)
    }

    fn json(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).expect("JSON")
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("text")
    }

    fn held(name: &str, bytes: Vec<u8>) {
        let expected = golden(name, &bytes);
        assert_eq!(text(bytes), expected, "{name}");
    }

    fn file_of(files: Vec<(std::path::PathBuf, Vec<u8>)>, name: &str) -> Vec<u8> {
        let names: Vec<_> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        let found = files.into_iter().find(|(path, _)| path.to_str() == Some(name));
        found.unwrap_or_else(|| panic!("{name} is none of {names:?}")).1
    }

    /// The lines of a page that speak of one series, or of everything.
    fn lines_of(page: &str, part: &str) -> Vec<u8> {
        let lines =
            page.lines().filter(|line| line.starts_with('#') || !line.contains("metric=") || line.contains(part));
        lines.map(|line| format!("{line}\n")).collect::<String>().into_bytes()
    }

    #[test]
    fn every_file_for_others_stays_as_it_is() {
        let (run, analysis) = small();
        held("bencher.json", bencher::render(&run, analysis));
        held("github-benchmark.json", github::render(&run, analysis));
        held("otava.csv", otava::render(&run, analysis));
        held("private.vllm.json", file_of(vllm::render(&run, analysis), "vllm/private.json"));
        held("private.ttft.hgrm", file_of(hgrm::render(&run, analysis), "hgrm/private.ttft.hgrm"));
        let page = text(prometheus::render(&run, analysis));
        held("hopmark.prom", lines_of(&page, "metric=\"ttft\""));
        let mut summary = json(&k6::render(&run, analysis));
        let metrics = summary["metrics"].as_object_mut().expect("metrics");
        metrics
            .retain(|name, _| ["ttft{path:p", "calls_failed", "http_reqs"].iter().any(|part| name.starts_with(part)));
        held("k6-summary.json", format!("{summary:#}\n").into_bytes());
        let (run, analysis) = judged();
        held("summary.md", markdown::render(&document(run, analysis)));
    }

    #[test]
    fn all_files_tell_the_figure_of_the_summary() {
        let (run, analysis) = small();
        let metric = |beside| {
            analysis.paths[1].metrics.iter().find(move |m| m.key() == if beside { "ttft_service" } else { "ttft" })
        };
        let (p95, service) =
            [metric(false), metric(true)].map(|m| m.expect("metric").quantile(Quantile(0.95)).expect("p95")).into();
        let near = |found: f64, name: &str| assert!((found - p95).abs() < 1e-5, "{name}: {found} for {p95}");
        near(
            json(&bencher::render(&run, analysis))["made-up/private"]["ttft-p95"]["value"].as_f64().expect("bmf"),
            "bmf",
        );
        let entries = json(&github::render(&run, analysis));
        let entry = entries.as_array().expect("entries").iter().find(|e| e["name"] == "made-up private ttft_p95");
        near(entry.expect("entry")["value"].as_f64().expect("a number"), "github");
        let metrics = &json(&k6::render(&run, analysis))["metrics"];
        near(metrics["ttft{path:private}"]["values"]["p(95)"].as_f64().expect("a number"), "k6");
        let vllm = json(&file_of(vllm::render(&run, analysis), "vllm/private.json"));
        near(vllm["p95_ttft_ms"].as_f64().expect("a number") + p95 - service, "vllm");
        let page = text(prometheus::render(&run, analysis));
        let labels = "path=\"private\",metric=\"ttft\",basis=\"response\",quantile=\"0.95\"} ";
        let line = page.lines().find_map(|line| line.split_once(labels)).expect("a line");
        near(1e3 * line.1.parse::<f64>().expect("a number"), "prometheus");
        let otava = text(otava::render(&run, analysis));
        let (head, row) = otava.trim_end().split_once('\n').expect("two lines");
        let column = head.split(',').position(|column| column == "private.ttft_p95").expect("a column");
        near(row.split(',').nth(column).expect("a field").parse().expect("a number"), "otava");
    }

    #[test]
    fn what_was_not_measured_stands_nowhere() {
        // 30 calls a path: no p99; no server time at all.
        let run = World { seconds: 3.0, ..World::default() }.run();
        let analysis = analyse(&run);
        let vllm = text(file_of(vllm::render(&run, &analysis), "vllm/direct.json"));
        let page = text(prometheus::render(&run, &analysis));
        // Gaps are many even where calls are few.
        let page: String = page.lines().filter(|line| !line.contains("\"chunk_gap\"")).collect();
        let texts = [
            vllm,
            page,
            text(bencher::render(&run, &analysis)),
            text(github::render(&run, &analysis)),
            text(otava::render(&run, &analysis)),
        ];
        for text in &texts {
            assert!(!text.contains("p99") && !text.contains("quantile=\"0.99\"") && !text.contains("NaN"), "{text}");
            assert!(!text.contains("server"), "{text}");
        }
        let summary = json(&k6::render(&run, &analysis));
        let trend = &summary["metrics"]["ttft{path:direct}"]["values"];
        assert!(trend["med"].is_number() && trend.get("p(99)").is_none(), "{trend}");
        assert!(summary["metrics"].get("server{path:direct}").is_none());
        let names = |files: Vec<(std::path::PathBuf, Vec<u8>)>| {
            assert!(files.iter().all(|(path, _)| !path.to_string_lossy().contains("server")));
            files.len()
        };
        assert_eq!(names(hgrm::render(&run, &analysis)), 3 * 14);
        assert_eq!(names(hlog::render(&run, &analysis).expect("encoded")), 3 * 14);
    }

    #[test]
    fn a_run_without_a_call_gives_files_without_figures() {
        let mut run = World { seconds: 3.0, ..World::default() }.run();
        run.samples.clear();
        run.chunk_gaps.iter_mut().for_each(hdrhistogram::Histogram::reset);
        run.manifest.ending.as_mut().expect("ending").planned = vec![0; 3];
        let analysis = analyse(&run);
        assert_eq!(json(&github::render(&run, &analysis)), Value::Array(Vec::new()));
        assert_eq!(json(&bencher::render(&run, &analysis)), Value::Object(serde_json::Map::new()));
        assert!(hgrm::render(&run, &analysis).is_empty());
        let vllm = json(&file_of(vllm::render(&run, &analysis), "vllm/direct.json"));
        assert!(vllm["completed"] == 0 && vllm.get("mean_ttft_ms").is_none(), "{vllm}");
        assert!(vllm.get("output_throughput").is_none() && vllm.get("total_input_tokens").is_none(), "{vllm}");
        assert!(!text(prometheus::render(&run, &analysis)).contains("hopmark_latency_seconds{"));
        assert!(!text(otava::render(&run, &analysis)).contains("failed_share"));
    }

    #[test]
    fn what_could_not_be_decided_passes_nowhere() {
        let (run, analysis) = small();
        let metrics = &json(&k6::render(&run, analysis))["metrics"];
        let thresholds = &metrics["ttft{path:private}"]["thresholds"];
        assert_eq!(thresholds["ttft.p95 < 800ms"]["ok"], true);
        assert_eq!(thresholds["ttft.p50 < 120ms"]["ok"], false);
        assert_eq!(thresholds["ttft.p99.9 < 5s"]["ok"], Value::Null);
        assert_eq!(metrics["calls_failed{path:private}"]["thresholds"]["error_rate < 50%"]["ok"], true);
        let page = text(prometheus::render(&run, analysis));
        assert!(page.contains("objective=\"ttft.p99.9 < 5s\",verdict=\"inconclusive\"} 1\n"), "{page}");
        assert!(page.contains("objective=\"ttft.p99.9 < 5s\",verdict=\"met\"} 0\n"), "{page}");
    }

    #[test]
    fn the_name_of_an_objective_is_told_where_it_is_judged() {
        let (mut run, _) = small();
        run.manifest.plan.objectives[0].name = Some("interactive \"chat\"".to_owned());
        let analysis = analyse(&run);
        let xml = text(junit::render(&run, &analysis).expect("objectives"));
        assert!(xml.contains("name=\"interactive &quot;chat&quot;: ttft.p95 &lt; 800ms\""), "{xml}");
        let page = text(prometheus::render(&run, &analysis));
        let line = "objective=\"ttft.p95 < 800ms\",verdict=\"met\",name=\"interactive \\\"chat\\\"\"} 1\n";
        assert!(page.contains(line), "{page}");
        assert_eq!(page.matches(",name=").count(), 3, "an objective without a name has no such label: {page}");
    }

    #[test]
    fn an_invalid_run_passes_and_fails_nothing() {
        let (mut run, _) = small();
        run.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        let xml = text(junit::render(&run, &analyse(&run)).expect("objectives"));
        assert!(xml.contains("tests=\"7\" failures=\"0\" errors=\"1\" skipped=\"6\""), "{xml}");
        assert!(xml.contains("<error type=\"invalid\" message=\"invalid: "), "{xml}");
    }

    #[test]
    fn the_page_for_prometheus_is_in_its_format() {
        let (mut run, _) = small();
        run.manifest.plan.name = "a \"b\" \\ c\nd".to_owned();
        let page = text(prometheus::render(&run, &analyse(&run)));
        assert!(page.ends_with('\n') && page.contains("profile=\"a \\\"b\\\" \\\\ c\\nd\""), "{page}");
        let (mut family, mut seen) = (String::new(), Vec::new());
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().expect("a name").to_owned();
                assert!(!seen.contains(&family), "{family} comes twice");
                seen.push(family.clone());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a kind");
                assert!(name == family && ["gauge", "summary"].contains(&kind), "{line}");
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().expect("a name");
                let of_family = [String::new(), "_sum".to_owned(), "_count".to_owned()];
                assert!(of_family.iter().any(|end| name == format!("{family}{end}")), "{line}");
                assert!(value.parse::<f64>().is_ok_and(f64::is_finite) && series.ends_with('}'), "{line}");
            }
        }
        let mut series: Vec<_> =
            page.lines().filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series)).collect();
        let count = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(count, series.len(), "a series comes twice");
    }

    #[test]
    fn a_log_of_its_own_holds_what_the_summary_counted() {
        let (run, whole) = small();
        logs_hold(&run, whole);
        let mut spoilt = run.clone();
        spoilt.health[20].hiccup_ms = 35.0;
        let analysis = analyse(&spoilt);
        assert!(analysis.paths[0].metrics[0].n < whole.paths[0].metrics[0].n, "a second is left out");
        logs_hold(&spoilt, &analysis);
        let few = sampled(run, 4);
        let analysis = analyse(&few);
        assert_eq!(analysis.paths[1].metrics[0].n, whole.paths[1].metrics[0].n, "counted whole");
        logs_hold(&few, &analysis);
    }

    #[test]
    fn where_rows_are_a_sample_counts_are_of_all_calls() {
        let (run, whole) = small();
        let few = sampled(run.clone(), 4);
        let analysis = analyse(&few);
        let shares = |run: &Run, analysis: &Analysis| {
            let levels = tracked::levels(run, analysis).into_iter();
            levels.filter(|level| level.name == "failed_share").map(|level| (level.value, level.n)).collect::<Vec<_>>()
        };
        assert_eq!(shares(&few, &analysis), shares(&run, whole));
        assert!(shares(&run, whole)[1].0 > 0.0);
        let counted = |run: &Run, analysis: &Analysis| {
            let k6 = json(&k6::render(run, analysis));
            let vllm = json(&file_of(vllm::render(run, analysis), "vllm/private.json"));
            let page = text(prometheus::render(run, analysis));
            let requests =
                page.lines().filter(|line| line.starts_with("hopmark_requests{") || line.contains("_count{"));
            (
                ["http_reqs{path:private}", "calls_failed{path:private}"]
                    .map(|name| k6["metrics"][name]["values"].clone()),
                ["completed", "failed", "total_output_tokens"].map(|key| vllm[key].clone()),
                requests.map(str::to_owned).collect::<Vec<_>>(),
            )
        };
        assert_eq!(counted(&few, &analysis), counted(&run, whole));
        let distribution = text(file_of(hgrm::render(&few, &analysis), "hgrm/private.ttft.hgrm"));
        let total = whole.paths[1].metrics.iter().find(|metric| metric.key() == "ttft").expect("ttft").n;
        assert!(distribution.contains(&format!("Total count    = {total:>12}]")), "{distribution}");
    }

    fn logs_hold(run: &Run, analysis: &Analysis) {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("a.hlog");
        let files = hlog::render(run, analysis).expect("encoded");
        assert_eq!(files.len(), values::series(analysis).count());
        for (series, (name, bytes)) in values::series(analysis).zip(files) {
            assert_eq!(series.file(run, "hlog"), name);
            let name = name.display();
            std::fs::write(&file, bytes).expect("written");
            let (mut log, summary) = (crate::measure::histogram::empty::<u64>(), series.summary);
            let no_tag = [String::new()];
            let parts = crate::store::histograms::read(&file, &no_tag, Vec::new, |parts, part| {
                parts.push(part.values);
                Ok(())
            });
            parts.expect("read").into_iter().for_each(|values| log.add(values).expect("in range"));
            assert_eq!(log.len(), summary.n, "{name}");
            let p50 = summary.quantile(Quantile::MEDIAN).unwrap_or_default();
            let kept = log.value_at_quantile(0.5) as f64 / 1e6;
            assert!(summary.metric.has_basis() || (kept - p50).abs() <= 0.02 * p50 + 0.01, "{name}: {kept} for {p50}");
        }
    }

    #[test]
    fn a_hostile_name_stays_in_its_folder_and_its_cell() {
        let (mut run, _) = small();
        run.manifest.plan.paths[1].name = "../../etc/x|y<script>".to_owned();
        let analysis = analyse(&run);
        let files = hgrm::render(&run, &analysis).into_iter().chain(vllm::render(&run, &analysis));
        for (path, _) in files {
            assert_eq!(path.components().count(), 2, "{}", path.display());
            assert!(
                path.components().all(|part| matches!(part, std::path::Component::Normal(_))),
                "{}",
                path.display()
            );
        }
        let page = text(markdown::render(&document(&run, &analysis)));
        assert!(page.contains("x\\|y&lt;script&gt;") && !page.contains("<script>"), "{page}");
    }
}
