//! The limits of files that people hand in: profiles, and the data that they name.

use std::path::Path;

use hopmark::limits::Limit;
use hopmark::plan::{WorkloadPlan, WorkloadSource};
use hopmark::probe::outside::OutsideFile;
use hopmark::profile::Profile;
use hopmark::profile::source::{Override, ProfileSource};
use hopmark::units::Api;
use hopmark::workload::Workload;

const PROFILE: &str = "[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 9\noutput_tokens = 9\n[load]\n\
                       rate = \"5/s\"\nduration = \"60s\"\n[[path]]\nname = \"a\"\nbase_url = \"http://h/v1\"\n";

const TABLE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens,more\n";

/// A limit, and what goes beyond it.
type Probe = (Limit, fn(usize));

const PROBES: [Probe; 14] = [
    (Limit::OutsideFile, outside_file),
    (Limit::SmallFile, small_file),
    (Limit::DataFile, data_file),
    (Limit::DataRows, data_rows),
    (Limit::JsonRow, json_row),
    (Limit::JsonValues, json_values),
    (Limit::TableLine, table_line),
    (Limit::TableColumns, table_columns),
    (Limit::Tokens, tokens),
    (Limit::ProfileText, profile_text),
    (Limit::ProfileList, profile_list),
    (Limit::KeyParts, key_parts),
    (Limit::PlannedCalls, planned_calls),
    (Limit::ShownText, shown_text),
];

/// Goes beyond the limit of a file.
pub(crate) fn probe(limit: Limit) {
    let (_, probe) = PROBES.iter().find(|(of, _)| *of == limit).expect("a probe");
    probe(limit.most());
}

/// Names what is no file in every place where a profile names one: a folder, a device, a pipe that nobody writes to.
pub(crate) fn name_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for (path, what) in [(folder.path(), "a folder"), (Path::new("/dev/zero"), "a device"), (&pipe, "a pipe")] {
        let name = path.display().to_string();
        let open = Profile::open(&ProfileSource::File(path.into()), &[]).map(|_| ()).map_err(|error| error.to_string());
        refused(open, what);
        refused(OutsideFile::read(path).map(|_| ()).map_err(|error| error.to_string()), what);
        refused(load(trace(path)), what);
        refused(load(WorkloadSource::Dataset { file: path.into(), output_tokens: None }), what);
        for (key, value) in [
            ("rules", name.clone()),
            ("expectations", name.clone()),
            ("workload", format!("{{ kind = \"trace\", model = \"m\", file = \"{name}\" }}")),
            ("path.a.auth", format!("{{ kind = \"bearer\", file = \"{name}\" }}")),
            ("simulator", format!("{{ scenario = \"{name}/\" }}")),
        ] {
            let why = set(key, &value).expect_err(key);
            assert!(why.starts_with(&format!("--set {key}")) && (why.contains(what) || key == "simulator"), "{why}");
        }
    }
}

/// Names a file of rules that names itself: such a file names no others.
pub(crate) fn name_rules_in_rules() {
    let file = written(b"rules = \"self.toml\"\n[[objective]]\nexpr = \"error_rate < 1%\"\n", ".toml");
    refused(set("rules", &file.path().display().to_string()), ":1: unknown key 'rules'");
}

fn outside_file(most: usize) {
    let read = |size: usize| {
        let text = "{\"document\":\"probe\",\"schema_version\":1,\"paths\":[]}";
        let file = written(format!("{text}{}", " ".repeat(size - text.len())).as_bytes(), ".json");
        OutsideFile::read(file.path()).map(|_| ()).map_err(|error| error.to_string())
    };
    holds(read(most), read(most + 1));
}

fn small_file(most: usize) {
    let open = |size: usize| {
        let text = format!("{PROFILE}#{}", "x".repeat(size - PROFILE.len() - 1));
        let file = written(text.as_bytes(), ".toml");
        Profile::open(&ProfileSource::File(file.path().into()), &[]).map(|_| ()).map_err(|error| error.to_string())
    };
    holds(open(most), open(most + 1));
}

fn data_file(most: usize) {
    // A file with a hole: its length alone is looked at.
    let file = written(b"", ".csv");
    file.as_file().set_len(most as u64 + 1).expect("a hole");
    refused(load(trace(file.path())), "1024 MiB");
}

fn data_rows(most: usize) {
    let rows = |count: usize| dataset(&"7\n".repeat(count));
    refused(rows(most), ":1: the line is a number");
    refused(rows(most + 1), ":2000001: there are more than 2000000 rows");
}

fn json_row(most: usize) {
    let row = |size: usize| dataset(&message(&"x".repeat(size - message("").len())));
    holds(row(most), row(most + 1));
}

fn json_values(most: usize) {
    let row = |values: usize| dataset(&message("").replace("[7]", &format!("[{}7]", "7,".repeat(values - 7))));
    holds(row(most), row(most + 1));
}

fn table_line(most: usize) {
    let row = |size: usize| table(&format!("0,7,8,{}\n", "x".repeat(size - 6)));
    holds(row(most), row(most + 1));
}

fn table_columns(most: usize) {
    let columns = |more: usize| {
        let header = TABLE.trim().to_owned() + &",x".repeat(more - 4);
        trace_of(&format!("{header}\n0,7,8{}\n", ",".repeat(more - 3)))
    };
    holds(columns(most), columns(most + 1));
}

fn tokens(most: usize) {
    holds(table(&format!("0,{most},8,\n")), table(&format!("0,8,8,\n0,{},8,\n", most + 1)));
    holds(set("workload.input_tokens", &most.to_string()), set("workload.input_tokens", &(most + 1).to_string()));
}

fn profile_text(most: usize) {
    let model = |length: usize| set("workload.model", &"x".repeat(length));
    holds(model(most), model(most + 1));
}

fn profile_list(most: usize) {
    let margins = |count: usize| set("compare.margins", &format!("[{}]", "\"5%\",".repeat(count)));
    holds(margins(most), margins(most + 1));
}

fn key_parts(most: usize) {
    let key = |parts: usize| set(&vec!["a"; parts].join("."), "1");
    refused(key(most), "unknown key");
    refused(key(most + 1), "more than 16 parts");
}

fn planned_calls(most: usize) {
    // Warmup takes five of a thousand seconds.
    let rate = |calls: usize| {
        let text = PROFILE.replace("60s", "995s").replace("5/s", &format!("{}/s", calls as f64 / 1_000.0));
        parse(&text, &[])
    };
    holds(rate(most), rate(most + 1_000));
}

fn shown_text(most: usize) {
    let why = dataset(&format!("{{\"messages\":[{{\"role\":\"{}\"}}]}}", "x".repeat(most))).expect_err("no role");
    let shown = why.split("; expected").next().unwrap_or_default().split(":1: ").nth(1).unwrap_or_default();
    assert!(shown.chars().count() == most + 3 && shown.ends_with("..."), "{why}");
}

/// What is within its limit is read, and what is beyond it is refused in a short sentence that says so.
fn holds(within: Result<(), String>, beyond: Result<(), String>) {
    within.expect("within the limit");
    let why = beyond.expect_err("beyond the limit");
    let says = ["there are more than", "2000000"].iter().any(|part| why.contains(part));
    assert!(says && why.len() < 1_000 && !why.contains('\n'), "{why}");
}

fn refused(read: Result<(), String>, part: &str) {
    let why = read.expect_err(part);
    assert!(why.contains(part) && why.len() < 1_000 && !why.contains('\n'), "{why}");
}

/// A row whose tokens are not counted.
fn message(text: &str) -> String {
    format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}],\"tools\":[7]}}")
}

fn set(key: &str, value: &str) -> Result<(), String> {
    parse(PROFILE, &[Override { key: key.to_owned(), value: value.to_owned(), flag: format!("--set {key}") }])
}

fn parse(text: &str, overrides: &[Override]) -> Result<(), String> {
    Profile::parse_with(text, Path::new("p.toml"), overrides).map(|_| ()).map_err(|error| error.to_string())
}

fn table(rows: &str) -> Result<(), String> {
    trace_of(&format!("{TABLE}{rows}"))
}

fn trace_of(text: &str) -> Result<(), String> {
    let file = written(text.as_bytes(), ".csv");
    load(trace(file.path()))
}

fn trace(file: &Path) -> WorkloadSource {
    WorkloadSource::Trace {
        file: file.into(),
        time_scale: 1.0,
        time_unit: None,
        input_tokens: None,
        output_tokens: None,
    }
}

fn dataset(text: &str) -> Result<(), String> {
    let file = written(text.as_bytes(), ".jsonl");
    load(WorkloadSource::Dataset { file: file.path().into(), output_tokens: None })
}

fn load(source: WorkloadSource) -> Result<(), String> {
    let plan = WorkloadPlan {
        source,
        api: [(Api::Chat, 1.0)].into(),
        stream: 1.0,
        model: "m".to_owned(),
        max_output_tokens: None,
        max_input_tokens: None,
    };
    Workload::load(&plan, 1).map(|_| ()).map_err(|error| error.to_string())
}

fn written(bytes: &[u8], ending: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(ending).tempfile().expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    file
}
