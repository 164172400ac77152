//! Never green on failure: what a person, a build server and a reader of the report are told when a path fails, the
//! simulator dies, a plan measures nothing or a run is worse. All forms and the exit code say the same.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;
#[path = "support/scripted.rs"]
mod scripted;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hopmark::measure::outcome::Outcome;
use hopmark::measure::sample::Sample;
use hopmark::plan::{Arrivals, LoadModel};
use hopmark::run::{Manifest, Run};
use hopmark::store::{self, RowWriter};
use hopmark::units::{Nanos, Phase, Rate, Seq, Span};
use process::{hopmark, was_only_late};
use scripted::{Do, Scripted, good, whole};
use serde_json::{Value, json};

const WORKLOAD: &str = r#"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = "chat"
input_tokens = { dist = "fixed", value = 20 }
output_tokens = { dist = "fixed", value = 4 }
"#;

/// A run that has ended, and everything that it printed.
struct EndedRun {
    code: i32,
    /// Standard output and standard error, in one line each so that wrapping hides nothing.
    said: String,
    dir: PathBuf,
}

impl EndedRun {
    fn of(output: &Output, dir: PathBuf) -> Self {
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        eprintln!("{}", said.concat());
        let said = said.concat().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { code: output.status.code().expect("no signal"), said, dir }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn summary(&self) -> Value {
        let summary: Value = serde_json::from_str(&self.file("summary.json")).expect("JSON");
        let schema = serde_json::from_str(&hopmark::command::schema::summary()).expect("JSON");
        jsonschema::validate(&schema, &summary).unwrap_or_else(|error| panic!("{}: {error}", error.instance_path()));
        summary
    }

    /// Whether a busy machine made the driver late, which is graver than anything looked at here.
    fn was_late(&self) -> bool {
        self.code == 4 && was_only_late(&self.summary())
    }

    /// What is said in every form, and said again of the files alone, ends with this code.
    fn says_everywhere(&self, code: i32, sentence: &str) {
        let page = self.file("report.html").replace("&#39;", "'").replace("&quot;", "\"");
        let summary = self.summary();
        assert_eq!((self.code, &summary["conclusion"]["exit_code"]), (code, &json!(code)), "{}", self.said);
        assert!(self.said.contains(sentence), "'{sentence}' in {}", self.said);
        assert!(page.contains(sentence), "'{sentence}' in report.html");
        let message = summary["conclusion"]["message"].as_str().expect("a message");
        assert!(message.contains(sentence), "'{sentence}' in {message}");
        let markdown = render_again(&self.dir, "md");
        assert_eq!(markdown.0, code);
        let written = std::fs::read_to_string(self.dir.join("again/summary.md")).expect("Markdown");
        assert!(written.replace('\\', "").contains(sentence), "'{sentence}' in {written}");
        let (repeated, text) = render_again(&self.dir, "terminal");
        assert!(repeated == code && text.contains(sentence), "{repeated} {text}");
        let junit = self.file("junit.xml");
        assert_eq!(junit.contains("<failure"), code == 3, "{junit}");
        assert_eq!(junit.contains("<error"), code == 4, "{junit}");
    }

    /// Nothing good is said of a comparison.
    fn compares_nothing(&self) {
        let page = self.file("report.html");
        let page = &page[..page.find("<h2>Words</h2>").expect("a glossary")];
        for text in [self.said.as_str(), page] {
            for word in ["no difference", "within the margin", "within its margin", "equivalent", "▼ +", "▼ −", "≈ "]
            {
                assert!(!text.contains(word), "'{word}' in {text}");
            }
        }
        assert!(!page.contains("card good"), "a green card");
        let summary = self.summary();
        let rows = summary["comparisons"].as_array().expect("rows");
        for row in rows {
            assert_eq!(row["verdict"], "inconclusive", "{row}");
            assert!(row["reason"].is_string(), "{row}");
        }
        assert!(!rows.is_empty());
    }
}

/// A service whose call `n`, from 0, gets a whole answer if `succeeds(n)`, otherwise 503.
fn by_number(succeeds: fn(u64) -> bool) -> Scripted {
    let calls = AtomicU64::new(0);
    Scripted::start(move |asked| {
        let bytes = match succeeds(calls.fetch_add(1, Ordering::Relaxed)) {
            true => good(asked),
            false => whole(503, "text/plain", "", "upstream connect error"),
        };
        Do::Answer(bytes)
    })
}

/// Renders a run again from its files: the exit code, and the words.
fn render_again(dir: &Path, format: &str) -> (i32, String) {
    let out = dir.join("again");
    let args = ["report", dir.to_str().expect("a path"), "--format", format, "--out", out.to_str().expect("a path")];
    let output = hopmark(&args).env("COLUMNS", "500").output().expect("it runs");
    (output.status.code().expect("no signal"), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn path(name: &str, url: &str) -> String {
    format!("[[path]]\nname = \"{name}\"\nbase_url = \"{url}\"\n")
}

fn load(text: &str) -> String {
    format!("name = \"never-green\"\n{WORKLOAD}[load]\n{text}\n")
}

/// Two seconds of measuring without a warmup.
fn short() -> String {
    load("rate = \"30/s\"\nwarmup = \"0s\"\nduration = \"2s\"\narrivals = \"constant\"")
}

fn command(folder: &Path, name: &str, profile: &str) -> (Command, PathBuf) {
    let (file, dir) = (folder.join(format!("{name}.toml")), folder.join(name));
    std::fs::write(&file, profile).expect("a profile");
    let mut command = hopmark(&["run", file.to_str().expect("a path"), "--quiet", "--skip-preflight", "--out"]);
    command.arg(&dir).env("COLUMNS", "500");
    (command, dir)
}

/// Runs a profile; once more, a few times at most, where a busy machine made the driver late.
fn run_to_end(folder: &Path, name: &str, profile: &dyn Fn() -> String) -> EndedRun {
    let run = |turn: usize| {
        let (mut command, dir) = command(folder, &format!("{name}-{turn}"), &profile());
        EndedRun::of(&command.output().expect("it runs"), dir)
    };
    (0..8).map(run).find(|ended_run| !ended_run.was_late()).unwrap_or_else(|| panic!("this machine is too busy"))
}

#[test]
fn a_path_whose_every_call_fails_fails_the_run_without_any_objective() {
    let folder = tempfile::tempdir().expect("folder");
    let dead = by_number(|_| false);
    let profile = || short() + "[limits]\nfailures_in_a_row = 0\n" + &path("direct", &dead.url());
    let ended_run = run_to_end(folder.path(), "dead", &profile);
    ended_run.says_everywhere(3, "FAILED: path 'direct': every call failed (60 of 60, http_503).");
    let summary = ended_run.summary();
    assert_eq!(summary["conclusion"]["verdict"], "failed");
    assert_eq!(summary["paths"]["direct"]["failure"]["code"], "no_success");
    assert_eq!((&summary["run"]["complete"], dead.received().len() >= 60), (&json!(true), true));
    assert!(ended_run.file("junit.xml").contains("classname=\"direct\" name=\"the path answers\"><failure"));
}

#[test]
fn a_dead_path_beside_a_good_one_fails_the_run_and_is_not_compared() {
    let folder = tempfile::tempdir().expect("folder");
    let (good, dead) = (by_number(|_| true), by_number(|_| false));
    for (name, first, second, sentence) in [
        ("candidate", &good, &dead, "FAILED: path 'gateway': every call failed (60 of 60, http_503)."),
        ("baseline", &dead, &good, "FAILED: path 'direct': every call failed (60 of 60, http_503)."),
    ] {
        let objective = "[[objective]]\nexpr = \"e2e.p50 < 60s\"\npath = \"direct\"\n";
        let paths = || path("direct", &first.url()) + &path("gateway", &second.url());
        let ended_run = run_to_end(folder.path(), name, &|| short() + &paths() + objective);
        ended_run.says_everywhere(3, sentence);
        ended_run.compares_nothing();
        assert!(ended_run.said.contains("gateway is not compared with direct: a path failed"), "{}", ended_run.said);
        // Far more than 20 failures in a row: a dead path beside a live one goes on.
        assert_eq!(ended_run.summary()["run"]["complete"], true);
    }
}

#[test]
fn more_failures_than_the_share_fail_the_run_whatever_its_objectives_say() {
    let folder = tempfile::tempdir().expect("folder");
    let met = "[[objective]]\nexpr = \"e2e.p50 < 60s\"\npath = \"direct\"\n";
    let six: fn(u64) -> bool = |n| n % 10 >= 6;
    let four: fn(u64) -> bool = |n| n % 10 >= 4;
    for (name, succeeds, more, code) in [
        ("sixty", six, "", 3),
        ("sixty-met", six, met, 3),
        ("sixty-allowed", six, "[limits]\nfailure_share = 1.0\n", 0),
        ("forty", four, "", 0),
        ("forty-met", four, met, 0),
        ("forty-not-allowed", four, "[limits]\nfailure_share = \"30%\"\n", 3),
    ] {
        let ended_run = run_to_end(folder.path(), name, &|| {
            // Each try counts from 0.
            let service = Box::leak(Box::new(by_number(succeeds)));
            short() + more + &path("direct", &service.url())
        });
        assert_eq!(ended_run.code, code, "{name}");
        match code {
            0 => {
                assert!(
                    !ended_run.dir.join("junit.xml").exists() || !ended_run.file("junit.xml").contains("<failure"),
                    "{name}"
                )
            }
            _ if name.starts_with("sixty") => ended_run.says_everywhere(
                3,
                "FAILED: path 'direct': 60% of its calls failed (36 of 60, http_503), limits.failure_share allows 50%.",
            ),
            _ => ended_run.says_everywhere(3, "(24 of 60, http_503), limits.failure_share allows 30%."),
        }
        if more == met {
            assert_eq!(ended_run.summary()["objectives"][0]["verdict"], "met", "{name}");
        }
    }
}

#[test]
fn a_run_that_keeps_failing_ends_early_wherever_it_is() {
    let folder = tempfile::tempdir().expect("folder");
    let dead = by_number(|_| false);
    for (name, times) in [
        ("measuring", "warmup = \"0s\"\nduration = \"300s\""),
        ("warming-up", "warmup = \"200s\"\nduration = \"100s\""),
    ] {
        let begun = Instant::now();
        let paths = path("direct", &dead.url()) + &path("gateway", &dead.url());
        let ended_run = run_to_end(folder.path(), name, &|| load(&format!("rate = \"30/s\"\n{times}")) + &paths);
        assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
        ended_run.says_everywhere(3, "20 calls in a row failed on every path, and none ever succeeded.");
        let summary = ended_run.summary();
        assert_eq!(summary["run"]["complete"], false);
        let reason = summary["run"]["incomplete_reason"].as_str().expect("a reason");
        assert!(reason.contains("limits.failures_in_a_row"), "{reason}");
        let rows = ended_run.file("requests.csv").lines().count();
        assert!((41..2_000).contains(&rows), "{rows} rows");
    }
}

#[test]
fn an_outage_after_successes_is_data() {
    let folder = tempfile::tempdir().expect("folder");
    let ended_run = run_to_end(folder.path(), "outage", &|| {
        let outage = Box::leak(Box::new(by_number(|n| n < 20)));
        short() + &path("direct", &outage.url())
    });
    ended_run.says_everywhere(3, "(40 of 60, http_503)");
    assert_eq!(ended_run.summary()["run"]["complete"], true);
}

/// The processes whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let stat = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let parent_of = |stat: String| stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok();
    let entries = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| stat(*pid).and_then(parent_of) == Some(parent)).collect()
}

/// Waits until this holds; panics when it takes too long or the run ends before.
fn wait_for(run: &mut Child, what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        assert!(run.try_wait().expect("a child").is_none(), "{what}: the run has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A run on the bundled simulator, which is killed once calls have been answered.
fn with_a_dying_simulator(folder: &Path, name: &str, more: &str) -> EndedRun {
    let profile = load("rate = \"30/s\"\nwarmup = \"500ms\"\nduration = \"300s\"")
        + "[simulator]\nscenario = \"three-paths\"\n"
        + more
        + "[[path]]\nname = \"direct\"\nbase_url = \"sim://direct/openai/v1\"\n"
        + "[[path]]\nname = \"gateway\"\nbase_url = \"sim://gateway/openai/v1\"\n";
    let (mut command, dir) = command(folder, name, &profile);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let rows = dir.join("requests.csv");
    let answered = || std::fs::read_to_string(&rows).is_ok_and(|text| text.matches(",measure,").count() > 60);
    wait_for(&mut run, "measured calls", answered);
    let simulator = children(run.id());
    assert_eq!(simulator.len(), 1, "one child, the simulator");
    let killed = Command::new("kill").args(["-KILL", &simulator[0].to_string()]).status().expect("kill");
    assert!(killed.success());
    let begun = Instant::now();
    let output = run.wait_with_output().expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(60), "it went on for {:?}", begun.elapsed());
    EndedRun::of(&output, dir)
}

#[test]
fn a_simulator_that_dies_makes_the_run_invalid_with_that_cause() {
    let folder = tempfile::tempdir().expect("folder");
    let met = "[[objective]]\nexpr = \"ttft.p50 < 60s\"\npath = \"direct\"\n";
    let margin = "[compare]\nmargins = [\"90%\"]\n";
    for (name, more) in [("bare", ""), ("met", met), ("margin", margin)] {
        let ended_run = with_a_dying_simulator(folder.path(), name, more);
        ended_run.says_everywhere(
            4,
            "INVALID: the bundled simulator died in the middle of the run. Do not use these figures.",
        );
        ended_run.compares_nothing();
        let summary = ended_run.summary();
        let reasons = summary["validity"]["reasons"].as_array().expect("reasons");
        let died = reasons.iter().find(|reason| reason["code"] == "simulator_died").expect("the cause");
        assert!(died["message"].as_str().expect("text").contains("signal: 9"), "{died}");
        assert_eq!((&died["weight"], &summary["run"]["complete"]), (&json!("invalid"), &json!(false)));
        assert!(!ended_run.said.contains("✓ met"), "{}", ended_run.said);
        assert!(!ended_run.file("report.html").contains("✓ met"));
    }
}

#[test]
fn a_plan_that_measures_nothing_on_a_path_is_refused_before_a_packet_is_sent() {
    let folder = tempfile::tempdir().expect("folder");
    let service = by_number(|_| true);
    let trace = folder.path().join("trace.csv");
    // Nothing between the third and the ninetieth second.
    let rows = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:00:00.0000000,20,4\n\
                2023-11-16 18:00:02.0000000,20,4\n2023-11-16 18:01:30.0000000,20,4\n";
    std::fs::write(&trace, rows).expect("a trace");
    let traced = WORKLOAD.replace("synthetic", "trace").replace("model =", "file = \"trace.csv\"\nmodel =");
    let open = |text: &str| load(text);
    for (name, profile, paths, parts) in [
        ("paired", open("rate = \"1/h\"\nwarmup = \"0s\"\nduration = \"2s\""), 1, ["'direct'", "1/h", "2s"]),
        (
            "paired-two",
            open("rate = \"1/h\"\nwarmup = \"0s\"\nduration = \"2s\"\ndesign = \"paired\""),
            2,
            ["'direct'", "1/h", "2s"],
        ),
        (
            "constant-in-the-warmup",
            open("rate = \"1/m\"\nwarmup = \"1s\"\nduration = \"3s\"\narrivals = \"constant\""),
            1,
            ["'direct'", "1/m", "3s"],
        ),
        (
            "interleaved",
            open(
                "rate = \"1/s\"\nwarmup = \"0s\"\nduration = \"1s\"\narrivals = \"constant\"\ndesign = \"interleaved\"",
            ),
            2,
            ["interleaved", "1/s", "1s"],
        ),
        (
            "sequential",
            open(
                "rate = \"15/m\"\nwarmup = \"0s\"\nduration = \"6s\"\narrivals = \"constant\"\ndesign = \"sequential\"",
            ),
            3,
            ["'gateway'", "15/m", "sequential"],
        ),
        (
            "limit",
            open("rate = \"20/s\"\nwarmup = \"2s\"\nduration = \"2s\"\narrivals = \"constant\"")
                + "[limits]\nrequests = 40\n",
            1,
            ["'direct'", "limits.requests = 40", "warmup"],
        ),
        (
            "limit-of-one-path",
            open("rate = \"20/s\"\nwarmup = \"0s\"\nduration = \"2s\"\ndesign = \"sequential\"")
                + "[limits]\nrequests = 10\n",
            2,
            ["'gateway'", "limits.requests = 10", "raise the limit"],
        ),
        (
            "trace",
            format!("name = \"t\"\n{traced}[load]\narrivals = \"trace\"\nwarmup = \"3s\"\nduration = \"20s\"\n"),
            1,
            ["'direct'", "trace", "20s"],
        ),
    ] {
        let names = ["direct", "gateway", "third"];
        let paths: String = names[..paths].iter().map(|name| path(name, &service.url())).collect();
        let (mut command, dir) = command(folder.path(), name, &(profile + &paths));
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        for part in ["no call would be measured on path"].into_iter().chain(parts) {
            assert!(said.contains(part), "{name}: '{part}' in {said}");
        }
        assert!(!dir.exists(), "{name}: nothing is left");
    }
    assert_eq!(service.received().len(), 0, "nothing was sent");
}

/// A folder of runs, made of one summary: each with its own name, day and figures.
fn runs(folder: &Path, summary: &Value, factors: &[f64]) {
    for (day, factor) in (1..).zip(factors) {
        let mut run = summary.clone();
        run["run"]["id"] = json!(format!("run-{day:02}"));
        run["run"]["started_at"] = json!(format!("2026-10-{day:02}T01:00:00Z"));
        // A run is whole and sound; what becomes of others is looked at apart.
        (run["run"]["complete"], run["validity"]["verdict"]) = (json!(true), json!("valid"));
        for metric in ["ttft", "e2e"] {
            for quantile in ["p50", "p95"] {
                run["paths"]["direct"]["metrics"][metric][quantile] = json!(150.0 * factor);
            }
        }
        let dir = folder.join(format!("run-{day:02}"));
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join("summary.json"), run.to_string()).expect("a summary");
    }
}

/// The exit code of a trend, its words, its JSON and its page.
fn trend(folder: &Path) -> (i32, String) {
    let out = folder.parent().expect("a folder").join("trend-out");
    let dir = folder.to_str().expect("a path");
    let output = hopmark(&["trend", dir, "--out", out.to_str().expect("a path")]).env("COLUMNS", "500").output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let page = std::fs::read_to_string(out.join("trend.html")).expect("a page");
    let head = said.lines().nth(2).expect("a verdict");
    assert!(page.replace("&#39;", "'").contains(head), "'{head}' in the page");
    let document: Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("trend.json")).expect("JSON")).expect("JSON");
    let code = output.status.code().expect("no signal");
    assert_eq!(document["verdict"] == "worse", code == 3, "{document}");
    let junit = std::fs::read_to_string(out.join("junit.xml")).expect("JUnit");
    assert_eq!(junit.contains("<failure"), code == 3, "{junit}");
    (code, said)
}

/// Nine runs that vary by one or two percent.
const RUNS: [f64; 9] = [1.0, 1.012, 0.991, 1.004, 0.985, 1.017, 0.996, 1.008, 0.99];

#[test]
fn a_trend_whose_newest_run_is_worse_ends_with_3() {
    let folder = tempfile::tempdir().expect("folder");
    let (good, dead) = (by_number(|_| true), by_number(|_| false));
    // Whether a busy machine made them late does not matter: a run says itself whether it is sound.
    let once = |name: &str, service: &Scripted| {
        let (mut run, dir) = command(folder.path(), name, &(short() + &path("direct", &service.url())));
        EndedRun::of(&run.output().expect("it runs"), dir).summary()
    };
    let (sound, failed) = (once("good", &good), once("dead", &dead));
    for (name, newest, code, sentence) in [
        ("slower", 1.13, 3, "Worse: the newest run is slower than those before by more than the margin."),
        ("equal", 1.01, 0, "There are too few runs to tell."),
        ("faster", 0.8, 0, "There are too few runs to tell."),
        ("within-the-margin", 1.045, 0, "There are too few runs to tell."),
    ] {
        let dir = folder.path().join(name).join("runs");
        runs(&dir, &sound, &[&RUNS[..], &[newest]].concat());
        let (ended, said) = trend(&dir);
        assert!(ended == code && said.contains(sentence), "{name}: {ended} {said}");
        assert_eq!(said.contains("slower than the 9 before it"), code == 3, "{said}");
    }
    let dir = folder.path().join("dead-run").join("runs");
    runs(&dir, &sound, &RUNS);
    let newest = dir.join("newest");
    std::fs::create_dir_all(&newest).expect("a folder");
    std::fs::write(newest.join("summary.json"), failed.to_string()).expect("a summary");
    let (ended, said) = trend(&dir);
    assert!(ended == 3 && said.contains("Worse: in the newest run direct failed."), "{ended} {said}");
}

fn compare(base: &Path, candidate: &Path) -> (i32, String) {
    let [base, candidate] = [base, candidate].map(|dir| dir.to_str().expect("a path"));
    let output = hopmark(&["compare", base, candidate]).env("COLUMNS", "500").output().expect("it runs");
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    eprintln!("{said}");
    let code = output.status.code().expect("no signal");
    let junit = hopmark(&["compare", base, candidate, "--format", "junit"]).output().expect("it runs");
    assert_eq!(junit.status.code(), Some(code));
    let junit = String::from_utf8_lossy(&junit.stdout).into_owned();
    assert_eq!((junit.contains("<failure"), junit.contains("<error")), (code == 3, code == 4), "{junit}");
    (code, said)
}

/// A minute of calls made of one of a short run's, at this address and with this time to the first token: what a real
/// minute would leave, without the chance of a busy machine.
fn minute(short: &Run, dir: &Path, address: &str, first_ms: f64) {
    let Run { manifest, samples, .. } = short;
    let template = samples.iter().find(|sample| sample.outcome == Outcome::Ok).expect("a success");
    let mut manifest: Manifest = manifest.clone();
    manifest.id = address.to_owned();
    manifest.plan.paths[0].base_url = address.to_owned();
    manifest.plan.load.duration = Span::from_secs(60);
    manifest.plan.load.model = LoadModel::Open { arrivals: Arrivals::Constant, rate: Some(Rate(10.0)) };
    let ending = manifest.ending.as_mut().expect("an ending");
    (ending.planned, ending.measured_s, ending.complete, ending.rows_lost) = (vec![600], 60.0, true, 0);
    std::fs::create_dir_all(dir).expect("a folder");
    store::manifest::write(dir, &manifest).expect("a manifest");
    let mut rows =
        RowWriter::create(&dir.join("requests.csv"), &manifest.plan, manifest.origin).expect("a file of rows");
    for seq in 0..600 {
        // Spread over a fifth either way, without an order that blocks could see.
        let spread = 0.8 + 0.4 * ((seq * 7_919 % 600) as f64 / 600.0);
        rows.append(&call(template, manifest.origin, seq, first_ms * spread)).expect("a row");
    }
    rows.finish().expect("rows");
}

/// Call `seq` of a minute: the same as the template, at its own time.
fn call(template: &Sample, origin: Nanos, seq: u64, first_ms: f64) -> Sample {
    let intended = origin + Duration::from_millis(100 * seq);
    let at = |ms: f64| Some(intended + Duration::from_nanos((1e6 * ms) as u64));
    let mut sample = Sample { seq: Seq(seq), round: seq, phase: Phase::Measure, ..template.clone() };
    let stamps = &mut sample.stamps;
    stamps.intended = intended;
    (stamps.dequeued, stamps.begun, stamps.conn_ready, stamps.sent) = (at(0.01), at(0.02), at(0.03), at(0.05));
    (stamps.head, stamps.first_byte, stamps.first_event) = (at(first_ms - 1.0), at(first_ms - 1.0), at(first_ms - 1.0));
    (stamps.first_content, stamps.first_visible) = (at(first_ms), at(first_ms));
    (stamps.last_content, stamps.usage) = (at(first_ms + 20.0), at(first_ms + 20.0));
    (stamps.done, stamps.end) = (at(first_ms + 21.0), at(first_ms + 21.0));
    sample.conn.iter_mut().for_each(|conn| {
        conn.uses = 2;
        (conn.dns, conn.tcp, conn.tls) = (None, None, None);
    });
    sample
}

#[test]
fn a_comparison_of_two_addresses_names_them_and_ends_as_its_gate_does() {
    let folder = tempfile::tempdir().expect("folder");
    let service = by_number(|_| true);
    let (mut run, dir) = command(folder.path(), "short", &(short() + &path("direct", &service.url())));
    run.output().expect("it runs");
    let seen = store::load(&dir).expect("a run");
    let addresses = ["https://one.example.com/v1", "https://two.example.com/v1", "https://three.example.com/v1"];
    let runs = ["base", "slower", "equal"].map(|name| folder.path().join(name));
    for ((dir, address), first_ms) in runs.iter().zip(addresses).zip([100.0, 140.0, 100.0]) {
        minute(&seen, dir, address, first_ms);
    }
    for (candidate, code) in [(1, 3), (2, 0)] {
        let (ended, said) = compare(&runs[0], &runs[candidate]);
        assert_eq!(ended, code, "{said}");
        assert!(said.contains("The runs differ in address"), "{said}");
        assert!(said.contains(addresses[0]) && said.contains(addresses[candidate]), "{said}");
    }
    let dead = by_number(|_| false);
    let failed = run_to_end(folder.path(), "dead", &|| short() + &path("direct", &dead.url())).dir;
    for (base, candidate, side) in [(&runs[0], &failed, "candidate"), (&failed, &runs[0], "base")] {
        let (ended, said) = compare(base, candidate);
        assert!(
            ended == 3 && said.contains(&format!("FAILED: the {side}'s path 'direct': every call failed")),
            "{said}"
        );
        assert!(!said.contains("no difference") && !said.contains("faster"), "{said}");
    }
}
