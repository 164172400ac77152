//! Hostile text in every place that comes from outside, through every form: each stays what it is, shows nothing of the
//! text that commands, hides or runs, and has an end.

use std::path::{Component, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use crate::analysis::runs::{RunSide, compare_runs};
use crate::analysis::trend::tests::{question, runs};
use crate::analysis::trend::trend;
use crate::analysis::{Analysis, analyse};
use crate::measure::errors_seen::ErrorSeen;
use crate::measure::outcome::ErrorClass;
use crate::measure::prices::Prices;
use crate::measure::selftest;
use crate::objective::objective::{Expectation, Objective};
use crate::report::comparison::document::Compared;
use crate::report::document::Document;
use crate::report::export::{self, Format};
use crate::report::fixture::elements;
use crate::report::terminal::{self, Look};
use crate::report::trend::document::History;
use crate::report::{chart, html, markdown, run as report_of_run, series, trend as report_of_trend};
use crate::run::fixture::{World, fail};
use crate::run::{EndedBy, RowSample, Run};
use crate::screen::faults;
use crate::units::PathId;

const HOSTILE: [&str; 24] = [
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "@everyone @octo/team #1 GH-2 http://evil.example/?a=b",
    "](http://evil.example)[x](y) ![](z)",
    "\u{1b}[31;5mred\u{1b}]0;title\u{7}\u{9b}2J",
    "\u{202e}gnp.\u{2066}\u{200b}\u{feff}exe",
    "a\0b\u{1}\u{7f}\u{85}c",
    "]]><![CDATA[<!--",
    "\"'`\\\\\"",
    "a\nb\r\nc\u{2028}d\n",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r@1",
    "  =1",
    "'=1",
    "\u{ff1d}1\u{ff0b}1",
    "\u{ffff}\u{fffe}\u{fdd0}\u{10ffff}",
    "&amp;&#0;&#x1b;&bogus;",
    "a,b;c\"d\",\"e",
    "x\"} 1\n# TYPE hopmark_requests counter\nhopmark_requests{path=\"y",
    "\u{6f22}\u{5b57} \u{1f642}e\u{301} | b | $x$ *y* _z_ ~w~",
];

/// The letters of each line that Markdown reads as signs: a mention or a reference is none behind a space without width.
pub(crate) fn signs(text: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let mut letters = line.chars();
        let mut signs = String::new();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => _ = letters.next(),
                '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '@' | '<' | '>' | '$' => signs.push(letter),
                _ => {}
            }
        }
        signs
    };
    text.replace("@&#8203;", "").replace("&#8203;", "").split('\n').map(of_line).collect()
}

/// A name: a profile or a manifest with a longer one is refused.
fn short(text: &str) -> String {
    text.chars().take(250).collect()
}

/// A run in which every text that comes from outside begins with `text`.
fn poisoned(text: &str, spoil: fn(&mut Run, &str)) -> Run {
    let world = World { shifts_ms: vec![0.0, 30.0], failing: vec![0.0, 0.1], seconds: 6.0, ..World::default() };
    let mut run = world.run();
    let (outside, some) = (|| text.to_owned(), || Some(text.to_owned()));
    let plan = &mut run.manifest.plan;
    plan.name = short(text);
    plan.workload.model = outside();
    plan.prices = Some(Prices { input: 1.0, output: 2.0, currency: outside() });
    for path in &mut plan.paths {
        path.name = format!("{}{}", short(text), path.id.index());
        path.base_url = outside();
    }
    let name = plan.paths[1].name.clone();
    let objective = |expr: &str| Objective::new(&name, expr.parse().expect("expression"));
    plan.objectives = vec![
        Objective { name: some(), source: some(), ..objective("ttft.p50 < 20ms") },
        objective("ttft.p95 < 9s"),
        objective("ttft.p99.9 < 9s"),
    ];
    plan.expectations = vec![Expectation { claim: outside(), reference: some(), slo: objective("ttft.p50 < 9s") }];
    plan.margins = vec!["5%".parse().expect("margin")];
    let manifest = &mut run.manifest;
    (manifest.id, manifest.tool_version, manifest.started_at) = (outside(), outside(), outside());
    (manifest.environment.os, manifest.environment.cpu_model) = (outside(), outside());
    manifest.notes = vec![outside()];
    manifest.simulator = Some(serde_json::json!({"listeners": [{"name": text, "url": text, "ttft_ms": {"p50": 1.0}}]}));
    manifest.rows = Some(RowSample { calls: 9, kept: 3, share: 0.5, below: 1 << 31, from: 0, rule: outside() });
    manifest.own_error = selftest::fixture::selftest().quote(&selftest::fixture::machine());
    manifest.own_error.as_mut().expect("a selftest").measured_at = outside();
    manifest.ending.as_mut().expect("ending").reached = some();
    run.errors_seen =
        vec![ErrorSeen { message: Some(text.into()), ..ErrorSeen::none(PathId(1), ErrorClass::Http(429)) }];
    for sample in &mut run.samples {
        (sample.request_id, sample.region, sample.message) = (Some(text.into()), Some(text.into()), Some(text.into()));
    }
    spoil(&mut run, text);
    run
}

fn keep(_: &mut Run, _: &str) {}

fn kill_simulator(run: &mut Run, text: &str) {
    let ending = run.manifest.ending.as_mut().expect("ending");
    (ending.complete, ending.reason) = (false, Some(text.to_owned()));
    ending.ended_by = Some(EndedBy::SimulatorDied(text.to_owned()));
}

fn fail_all(run: &mut Run, _: &str) {
    run.samples.iter_mut().for_each(|sample| fail(sample, ErrorClass::Http(429)));
}

type Files = Vec<(PathBuf, Vec<u8>)>;

fn files_of_run(run: &Run, analysis: &Analysis) -> Files {
    let charts = chart::charts(run, analysis).expect("charts");
    let formats = Format::value_variants().iter();
    let mut files: Files =
        formats.flat_map(|format| export::render(run, analysis, &charts, *format).expect("rendered")).collect();
    files.push(("series.csv".into(), series::render(run).into_bytes()));
    files.extend(files_of_document(&report_of_run::document(run, analysis)));
    files
}

fn files_of_document(document: &Document) -> Files {
    let text = terminal::render(document, Look { width: Some(80), colour: false }, &[]);
    vec![
        ("80.txt".into(), text.into_bytes()),
        ("page.html".into(), html::render(document, &[])),
        ("page.md".into(), markdown::render(document)),
    ]
}

fn files_of_comparison(text: &str) -> Files {
    let (base, mut candidate) = (poisoned(text, keep), poisoned(text, keep));
    candidate.manifest.id.push('2');
    let side = |run| RunSide { run, path: None };
    let found = compare_runs(side(&base), side(&candidate), &[]).expect("comparable");
    let compared = Compared { comparison: &found, runs: [&base, &candidate], names: [text, text] };
    let mut files = files_of_document(&compared.document());
    files.extend([("comparison.json".into(), compared.json()), ("junit.xml".into(), compared.junit())]);
    files
}

fn files_of_history(text: &str) -> Files {
    let mut runs = runs(1, 16, 0.012, 9, 1.08);
    for run in &mut runs {
        (run.source, run.id, run.tool_version) = (text.to_owned(), text.to_owned(), text.to_owned());
        (run.profile, run.failed, run.paths) = (text.to_owned(), vec![text.to_owned()], vec![text.to_owned()]);
        run.figures.iter_mut().for_each(|figure| figure.path = text.to_owned());
    }
    let (judged, notes) = (trend(runs, &question()), [text.to_owned()]);
    let history = History { folder: text, profile: text, trend: &judged, notes: &notes };
    let dir = tempfile::tempdir().expect("dir");
    let written = report_of_trend::write(&history, dir.path()).expect("written");
    let read = |path: PathBuf| (PathBuf::from(path.file_name().expect("a name")), std::fs::read(&path).expect("bytes"));
    written.into_iter().map(read).chain(files_of_document(&history.document())).collect()
}

/// How deep and how wide a document is, whatever its texts say.
fn shape(value: &Value) -> Vec<usize> {
    match value {
        Value::Object(map) => [map.len()].into_iter().chain(map.values().flat_map(shape)).collect(),
        Value::Array(items) => [items.len()].into_iter().chain(items.iter().flat_map(shape)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![usize::MAX],
    }
}

/// The cells of a table, as wide in every line.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.expect("as wide as the head").iter().map(str::to_owned).collect());
    rows.collect()
}

/// The name of a line of a scrape, and the names of its labels.
fn scraped(line: &str) -> (String, Vec<String>) {
    let Some((name, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) else {
        assert!(line.starts_with("# "), "{line}");
        return (line.to_owned(), Vec::new());
    };
    let (mut rest, mut labels) = (rest, Vec::new());
    while let Some((label, value)) = rest.split_once("=\"").filter(|_| !rest.starts_with('}')) {
        labels.push(label.trim_start_matches(',').to_owned());
        let mut escaped = false;
        let end = value.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        rest = &value[end.expect("a label ends") + 1..];
    }
    let value = rest.strip_prefix("} ").unwrap_or_else(|| panic!("{line}"));
    assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
    (name.to_owned(), labels)
}

/// The elements of a page: how many strokes a picture has depends on the room that names leave to it.
fn outside_pictures(text: &str) -> Vec<String> {
    let names = elements(text);
    let strokes = ["circle", "line", "polygon", "polyline", "rect", "text"];
    names.into_iter().filter(|name| !strokes.contains(&name.as_str())).collect()
}

/// Holds a file against that of a tame run: the same but for its texts.
fn hold(name: &str, wild: &str, tame: &str) {
    // Some of those that are taken out, told apart from the table that takes them out.
    let hides = |letter: char| {
        matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fdd0}' | '\u{feff}')
            || matches!(letter, '\u{fffe}' | '\u{ffff}' | '\u{10ffff}')
    };
    let shows = |letter: char| (letter.is_control() && letter != '\n') || hides(letter);
    assert_eq!(wild.chars().find(|letter| shows(*letter)), None, "{name}");
    assert!(wild.len() < 16 << 20, "{name}: {} bytes", wild.len());
    match name.rsplit('.').next().expect("an extension") {
        "html" | "svg" | "xml" => {
            let (wild, tame) = (outside_pictures(wild), outside_pictures(tame));
            let differ = wild.iter().zip(&tame).position(|(wild, tame)| wild != tame);
            let differ = differ.unwrap_or(wild.len().min(tame.len()));
            let near = |names: &[String]| names[differ.saturating_sub(8)..(differ + 8).min(names.len())].join(" ");
            assert!(wild == tame, "{name}: {} in place of {}", near(&wild), near(&tame));
        }
        "json" => {
            let read = |text| serde_json::from_str::<Value>(text).expect("JSON");
            assert_eq!(shape(&read(wild)), shape(&read(tame)), "{name}");
        }
        "csv" => {
            let (wild, tame) = (cells(wild), cells(tame));
            assert_eq!(wild.len(), tame.len(), "{name}");
            for cell in wild.iter().flatten().filter(|cell| cell.parse::<f64>().is_err()) {
                let first = cell.trim_start().chars().next().unwrap_or('x');
                assert!(!"=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(first), "{name}: {cell}");
            }
        }
        "md" => assert_eq!(signs(wild), signs(tame), "{name}"),
        "prom" => {
            let lines = |text: &str| text.lines().map(scraped).collect::<Vec<_>>();
            assert_eq!(lines(wild), lines(tame), "{name}");
        }
        "txt" => assert_eq!(faults(wild, 80, wild), [] as [&str; 0], "{name}: {wild}"),
        "hgrm" | "hlog" => assert_eq!(wild.lines().count(), tame.lines().count(), "{name}"),
        other => panic!("{other} is held against nothing"),
    }
}

fn hold_all(word: &str, wild: &Files, tame: &Files) {
    assert_eq!(wild.len(), tame.len(), "{word}");
    for ((path, bytes), (_, calm)) in wild.iter().zip(tame) {
        let plain = |part| matches!(part, Component::Normal(name) if name.len() < 256);
        assert!(path.components().count() <= 2 && path.components().all(plain), "{word}: {}", path.display());
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
        hold(&format!("{word}: {}", path.display()), &text(bytes), &text(calm));
    }
}

fn all_hold(texts: &[&str]) {
    let files = |text: &str, spoil| {
        let run = poisoned(text, spoil);
        files_of_run(&run, &analyse(&run))
    };
    let spoils: [fn(&mut Run, &str); 3] = [keep, kill_simulator, fail_all];
    let tame = spoils.map(|spoil| files("w", spoil));
    let (comparison, history) = (files_of_comparison("w"), files_of_history("w"));
    for (place, text) in texts.iter().enumerate() {
        let word: String = text.chars().take(40).flat_map(char::escape_default).collect();
        let at = place % spoils.len();
        hold_all(&word, &files(text, spoils[at]), &tame[at]);
        hold_all(&word, &files_of_comparison(text), &comparison);
        hold_all(&word, &files_of_history(text), &history);
    }
}

#[test]
fn hostile_text_breaks_no_form() {
    let long = "x".repeat(1 << 20);
    let wide = "\u{6f22}<".repeat(1 << 19);
    let all: String = HOSTILE.concat();
    let texts: Vec<&str> = HOSTILE.into_iter().chain([long.as_str(), &wide, &all]).collect();
    all_hold(&texts);
}

#[test]
fn a_mention_or_an_address_is_text() {
    let run = poisoned("@octo #1 https://evil.example", keep);
    let page = String::from_utf8(markdown::render(&report_of_run::document(&run, &analyse(&run)))).expect("text");
    assert!(page.contains("@&#8203;octo \\#&#8203;1 https:&#8203;//evil.example"), "{page}");
    assert!(!page.contains("@octo") && !page.contains("#1") && !page.contains("://"), "{page}");
}
