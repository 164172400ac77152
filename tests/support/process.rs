//! The two programs side by side: the simulator and the driver, each in its own process, as a user would start them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use hopmark::measure::ledger::{self, LedgerLine};
use hopmark::run::Run;
use rustix::process::Pid;

const HOPMARK: &str = env!("CARGO_BIN_EXE_hopmark");

/// The key that the simulator of a test accepts.
pub(crate) const KEY: &str = "truth-key";

/// A simulator in its own process, which ends with this.
pub(crate) struct Sim {
    child: Child,
    listeners: Vec<(String, String)>,
}

impl Sim {
    /// Starts it with these flags and waits until it listens.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(HOPMARK)
            .args(["sim", "--ready-json", "--parent", "--key", KEY])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let listeners = ready["listeners"].as_array().expect("listeners").iter();
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let listeners = listeners.map(|one| (text(&one["name"]), text(&one["url"]))).collect();
        Self { child, listeners }
    }

    /// The names of its listeners, the first of the scenario first.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.listeners.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The base address of a listener.
    pub(crate) fn url(&self, name: &str) -> &str {
        let found = self.listeners.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no listener {name}")).1
    }

    /// Asks one of its own routes.
    pub(crate) fn control(&self, method: reqwest::Method, route: &str) -> String {
        let url = format!("{}{route}", self.listeners[0].1);
        let asked = async {
            let client = hopmark::probe::control_client().expect("a client");
            let answer = client.request(method, url).header("api-key", KEY).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{route}: {}", answer.status());
            answer.text().await.expect("a body")
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(asked)
    }

    /// What it really sent over a listener.
    pub(crate) fn ledger(&self, listener: &str) -> Vec<LedgerLine> {
        let text = self.control(reqwest::Method::GET, &format!("/_sim/ledger?listener={listener}"));
        ledger::parse(&text).expect("a ledger")
    }

    /// What it plans to do.
    pub(crate) fn describe(&self) -> serde_json::Value {
        serde_json::from_str(&self.control(reqwest::Method::GET, "/_sim/describe")).expect("JSON")
    }

    /// A `[[path]]` of a profile for each of these listeners.
    pub(crate) fn paths(&self, names: &[&str]) -> String {
        let path = |name: &&str| {
            format!(
                "[[path]]\nname = \"{name}\"\nbase_url = \"{}/openai/v1\"\n\
                 auth = {{ kind = \"api-key\", env = \"HOPMARK_TRUTH_KEY\" }}\n",
                self.url(name)
            )
        };
        names.iter().map(path).collect()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The driver in its own process, not yet started: `hopmark ARGS`, with the simulator's key in its environment.
pub(crate) fn hopmark(args: &[&str]) -> Command {
    let mut command = Command::new(HOPMARK);
    command.args(args).env("HOPMARK_TRUTH_KEY", KEY).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

/// A simulator that answers quickly.
pub(crate) fn fast_sim() -> Sim {
    Sim::start(&["--ttft", "20ms", "--itl", "1ms"])
}

/// Begins a long run of the quickstart's paths against the bundled simulator, and waits until it has written rows.
pub(crate) fn long_run(out: &Path, more: &[&str]) -> Child {
    let args = ["run", "--duration", "120s", "--warmup", "500ms", "--set", "workload.time_scale=20", "--out"];
    let mut command = hopmark(&args);
    let child = command.arg(out).args(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    wait_until("rows", || rows(out) > 50);
    child
}

/// The rows that a run has written so far, with their head.
pub(crate) fn rows(dir: &Path) -> usize {
    let text = std::fs::read(dir.join("requests.csv")).unwrap_or_default();
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The process, for signals.
pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32).expect("a process")
}

/// All that a program printed.
pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A run of the driver that has ended.
pub(crate) struct Ended {
    /// Its run directory.
    pub(crate) dir: PathBuf,
    /// Its exit code.
    pub(crate) code: i32,
    /// What it measured.
    pub(crate) run: Run,
    /// `summary.json`.
    pub(crate) summary: serde_json::Value,
}

impl Ended {
    /// Ends with this exit code, or, because a busy machine made the driver late and nothing else is wrong, with 4.
    pub(crate) fn assert_code(&self, expected: i32) {
        let verdict = if self.code == 4 && was_only_late(&self.summary) { expected } else { self.code };
        assert_eq!(verdict, expected, "{}", self.summary["validity"]);
    }
}

/// Whether all that is wrong with a run is that the driver was late: a matter of the machine, not of the program.
pub(crate) fn was_only_late(summary: &serde_json::Value) -> bool {
    let reasons = summary["validity"]["reasons"].as_array().expect("reasons");
    let of_the_machine = [
        "send_lag",
        "behind_plan",
        "bunched_arrivals",
        "littles_law",
        "hiccups",
        "steal",
        "throttled",
        "cpu",
        "simulator_ceiling",
        "simulator_silent",
        "incomplete_run",
    ];
    reasons.iter().all(|reason| of_the_machine.contains(&reason["code"].as_str().unwrap_or_default()))
}

/// Runs a profile to its end.
pub(crate) fn run_profile(folder: &Path, name: &str, profile: &str) -> Ended {
    let (file, dir) = (folder.join(format!("{name}.toml")), folder.join(name));
    std::fs::write(&file, profile).expect("a profile");
    let out = dir.to_str().expect("a path");
    let output = hopmark(&["run", file.to_str().expect("a path"), "--out", out, "--quiet"]).output().expect("it runs");
    ended(&output, dir)
}

/// What a run left in its directory, held to the schema of summaries.
pub(crate) fn ended(output: &Output, dir: PathBuf) -> Ended {
    eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().expect("no signal");
    let run = hopmark::store::load(&dir).expect("a run directory");
    let summary = std::fs::read_to_string(dir.join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    let schema = serde_json::from_str(&hopmark::command::schema::summary()).expect("JSON");
    jsonschema::validate(&schema, &summary).unwrap_or_else(|error| panic!("{}: {error}", error.instance_path()));
    Ended { summary, run, code, dir }
}

/// A quantile of some figures, the nearest rank.
pub(crate) fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    assert!(!values.is_empty(), "no figures");
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}
