//! One run and its judgement, on which the tests of all forms stand, and the files that they are held against.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::analysis::runs::{RunSide, compare_runs};
use crate::analysis::trend::pool::pool;
use crate::analysis::trend::pool::tests::repetitions;
use crate::analysis::trend::tests::{question, runs};
use crate::analysis::trend::trend;
use crate::analysis::{Analysis, analyse};
use crate::measure::errors_seen::ErrorSeen;
use crate::measure::metric::Metric;
use crate::measure::outcome::ErrorClass;
use crate::measure::selftest;
use crate::objective::objective::Objective;
use crate::report::comparison::document::Compared;
use crate::report::document::Document;
use crate::report::trend::document::History;
use crate::report::trend::pooled::Pooling;
use crate::run::Run;
use crate::run::fixture::World;
use crate::run::historical::Eligibility;
use crate::units::{PathId, Quantile};

/// One run and its judgement for all tests of forms.
pub(crate) fn judged() -> &'static (Run, Analysis) {
    static JUDGED: OnceLock<(Run, Analysis)> = OnceLock::new();
    JUDGED.get_or_init(|| {
        let world = World { shifts_ms: vec![0.0, 30.0, 6.0], failing: vec![0.0, 0.0, 0.02], ..World::default() };
        let mut run = world.run();
        let objective = |path: &str, expr: &str| Objective::new(path, expr.parse().expect("expression"));
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
        run.errors_seen = vec![ErrorSeen {
            message: Some("Rate limit <b>reached</b> | for `requests`; Retry-After: 2 s".into()),
            ..ErrorSeen::none(PathId(2), ErrorClass::Http(429))
        }];
        let analysis = analyse(&run);
        (run, analysis)
    })
}

/// What a form is on disk, or the form itself when `HOPMARK_BLESS` is set, which then becomes it.
pub(crate) fn golden(name: &str, bytes: &[u8]) -> String {
    published(&format!("src/report/golden/{name}"), bytes)
}

/// The same of a file by its place in the repository.
pub(crate) fn published(place: &str, bytes: &[u8]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
    if std::env::var_os("HOPMARK_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        fs::write(&path, bytes).expect("blessed");
    }
    fs::read_to_string(&path).expect("golden file")
}

/// Two runs at different times, of which the second is slower and fails more often, and what is said of both.
pub(crate) fn comparison() -> Document {
    let run_of = |seed: u64, shift: f64, failing: f64| {
        let world = World { shifts_ms: vec![shift], failing: vec![failing], seed, ..World::default() };
        let mut run = world.run();
        run.manifest.id = format!("run-{seed}");
        run
    };
    let (base, mut candidate) = (run_of(1, 0.0, 0.0), run_of(2, 40.0, 0.03));
    candidate.manifest.tool_version = "0.2.0".to_owned();
    let side = |run| RunSide { run, path: None };
    let found = compare_runs(side(&base), side(&candidate), &[]).expect("comparable");
    Compared { comparison: &found, runs: [&base, &candidate], names: ["base", "candidate"] }.document()
}

/// A history with a change and a run that is not judged.
pub(crate) fn history() -> Document {
    let mut runs = runs(1, 16, 0.012, 9, 1.08);
    runs[3].eligibility = Eligibility::Invalid;
    let judged = trend(runs, &question());
    let notes = ["a file was not read".to_owned()];
    History { folder: "runs", profile: "nightly", trend: &judged, notes: &notes }.document()
}

/// Runs of one plan, pooled.
pub(crate) fn pooled() -> Document {
    let margins = ["30%".parse().expect("margin")];
    let judged = pool(repetitions(1, 10, 6.0, 3.0), &[Metric::Ttft], &[Quantile::MEDIAN], &margins);
    let notes = ["2 runs are left out: invalid.".to_owned()];
    Pooling { folder: "runs", profile: "nightly", plan: "0123456789abcdef", pool: &judged, notes: &notes }.document()
}

/// What a real reader of XML says of a text: the elements that it found.
pub(crate) fn elements(text: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut names = Vec::new();
    let mut open = 0;
    loop {
        let element = match reader.read_event().unwrap_or_else(|error| panic!("{error} in {text}")) {
            quick_xml::events::Event::Start(element) => {
                open += 1;
                element
            }
            quick_xml::events::Event::Empty(element) => element,
            quick_xml::events::Event::End(_) => {
                open -= 1;
                continue;
            }
            quick_xml::events::Event::Eof => break,
            _ => continue,
        };
        element.attributes().for_each(|attribute| _ = attribute.expect("an attribute"));
        names.push(element.name().as_ref().to_owned());
    }
    assert_eq!(open, 0, "something is never closed");
    names
}
