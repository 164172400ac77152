//! Faults of the host, made on purpose: each is found, named, and makes the run degraded or invalid; and without one no
//! run is.

#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hopmark::measure::health::Second;
use hopmark::run::Manifest;
use hopmark::store::{file, health};
use process::{Ended, KEY, Sim, hopmark, run_profile, was_only_late};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROFILE: &str = r#"
name = "health"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = "chat"
stream = true
input_tokens = { dist = "fixed", value = 40 }
output_tokens = { dist = "fixed", value = 8 }
[load]
rate = "40/s"
warmup = "1s"
duration = "3s"
"#;

const SIMULATED: &str = r#"
[simulator]
scenario = "three-paths"
[[path]]
name = "direct"
base_url = "sim://direct/openai/v1"
"#;

/// Runs of this file go one at a time: they would be each other's noisy neighbour.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run under way; it is killed if the test ends before it does.
struct Running {
    child: Child,
    dir: PathBuf,
}

impl Running {
    fn start(folder: &Path, profile: &str) -> Self {
        let (file, dir) = (folder.join("p.toml"), folder.join("out"));
        fs::write(&file, profile).expect("a profile");
        let mut command = hopmark(&["run", "--quiet", "--out"]);
        command.arg(&dir).arg(&file).stdout(Stdio::null());
        Self { child: command.spawn().expect("it runs"), dir }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("a state").is_some()
    }

    /// The seconds that have been written; none as long as there is no manifest.
    fn health(&self) -> Vec<Second> {
        let Ok(manifest) = fs::read(self.dir.join(file::MANIFEST)) else { return Vec::new() };
        let manifest: Manifest = serde_json::from_slice(&manifest).expect("a manifest");
        health::read(&self.dir.join(file::HEALTH), &manifest.plan).expect("rows")
    }

    /// Waits until so many seconds have been written.
    fn wait_for_seconds(&mut self, count: usize) {
        let since = Instant::now();
        while self.health().len() < count {
            assert!(!self.is_over(), "the run has ended");
            assert!(since.elapsed() < Duration::from_secs(60), "{:?}", self.health());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end and reads what it says of itself.
    fn end(mut self) -> (i32, Value) {
        let code = self.child.wait().expect("its end").code().expect("no signal");
        (code, summary(&self.dir))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn summary(dir: &Path) -> Value {
    let text = fs::read_to_string(dir.join("summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("JSON")
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process")).expect("a process");
    // It may have ended on its own.
    let _ = kill_process(pid, signal);
}

/// Stops a process, for this long, and lets it go on.
fn hold(pid: u32, lasts: Duration) {
    send(pid, Signal::STOP);
    std::thread::sleep(lasts);
    send(pid, Signal::CONT);
}

fn reason<'a>(summary: &'a Value, code: &str) -> Option<&'a Value> {
    let reasons = summary["validity"]["reasons"].as_array().expect("reasons");
    reasons.iter().find(|reason| reason["code"] == code)
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent_of = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

#[test]
fn a_run_that_is_stopped_each_second_is_invalid() {
    let _alone = alone();
    let sim = Sim::start(&["--ttft", "20ms", "--itl", "1ms"]);
    let folder = tempfile::tempdir().expect("folder");
    let mut running = Running::start(folder.path(), &(PROFILE.to_owned() + &sim.paths(&["direct"])));
    for second in 1..=3 {
        running.wait_for_seconds(second);
        hold(running.pid(), Duration::from_millis(200));
    }
    let (code, summary) = running.end();
    let hiccups = reason(&summary, "hiccups").expect("hiccups");
    assert_eq!((code, &summary["validity"]["verdict"]), (4, &"invalid".into()), "{}", summary["validity"]);
    assert_eq!(hiccups["weight"], "invalid");
    assert!(summary["validity"]["health"]["hiccup_ms"]["max"].as_f64().is_some_and(|ms| ms >= 190.0), "{summary}");
    assert_eq!(summary["validity"]["left_out"]["calls"], 0);
}

#[test]
fn one_bad_second_is_left_out_and_a_killed_run_is_judged_by_it() {
    let _alone = alone();
    let sim = Sim::start(&["--ttft", "20ms", "--itl", "1ms"]);
    let folder = tempfile::tempdir().expect("folder");
    let profile = PROFILE.replace("duration = \"3s\"", "duration = \"60s\"") + &sim.paths(&["direct"]);
    let mut running = Running::start(folder.path(), &profile);
    running.wait_for_seconds(2);
    hold(running.pid(), Duration::from_millis(300));
    running.wait_for_seconds(5);
    running.child.kill().expect("killed");
    running.child.wait().expect("its end");
    let output = hopmark(&["report"]).arg(&running.dir).args(["--format", "json,html"]).output().expect("it runs");
    let summary = summary(&running.dir);
    let validity = &summary["validity"];
    assert!(reason(&summary, "hiccups").is_some() && reason(&summary, "incomplete_run").is_some(), "{validity}");
    assert!(validity["health"]["hiccup_ms"]["max"].as_f64().is_some_and(|ms| ms >= 290.0), "{validity}");
    let bad = validity["health"]["bad_seconds"]["count"].as_u64().expect("a count");
    if bad == 1 {
        // Nobody else stalled the workers, and the stop lay within one second.
        assert_eq!((output.status.code(), &validity["verdict"]), (Some(0), &"degraded".into()), "{validity}");
        assert!(validity["left_out"]["calls"].as_u64().is_some_and(|calls| calls >= 20), "{validity}");
        let page = fs::read_to_string(running.dir.join("report.html")).expect("a page");
        assert!(page.contains("var(--shade)") && page.contains("left out"));
    } else {
        assert_eq!((output.status.code(), &validity["verdict"]), (Some(4), &"invalid".into()), "{validity}");
    }
}

/// A control group that may use a fifth of a processor; none where this system does not let a test make one.
struct Fifth(PathBuf);

impl Fifth {
    fn make() -> Option<Self> {
        let name = format!("hopmark-test-{}", std::process::id());
        let one = Path::new("/sys/fs/cgroup/cpu").join(&name);
        let two = Path::new("/sys/fs/cgroup").join(&name);
        let limited = |group: &Path, limits: &[(&str, &str)]| {
            fs::create_dir(group).is_ok()
                && limits
                    .iter()
                    .all(|(limit, value)| group.join(limit).exists() && fs::write(group.join(limit), value).is_ok())
        };
        for (group, limits) in [
            (one, &[("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "20000")][..]),
            (two, &[("cpu.max", "20000 100000")][..]),
        ] {
            let made = Self(group);
            if limited(&made.0, limits) {
                return Some(made);
            }
        }
        None
    }
}

impl Drop for Fifth {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_run_on_a_fifth_of_a_processor_is_found_out() {
    let _alone = alone();
    let sim = Sim::start(&["--ttft", "20ms", "--itl", "1ms"]);
    let folder = tempfile::tempdir().expect("folder");
    let profile = PROFILE.replace("40/s", "300/s") + &sim.paths(&["direct"]);
    let fifth = Fifth::make();
    let mut running = Running::start(folder.path(), &profile);
    let pid = running.pid();
    match &fifth {
        Some(group) => fs::write(group.0.join("cgroup.procs"), pid.to_string()).expect("in the group"),
        None => {
            eprintln!("no control group can be made here: the process is stopped and continued instead");
            while !running.is_over() {
                hold(pid, Duration::from_millis(80));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    let (code, summary) = running.end();
    assert!(reason(&summary, "hiccups").is_some(), "{}", summary["validity"]);
    assert_eq!((code, &summary["validity"]["verdict"]), (4, &"invalid".into()), "{}", summary["validity"]);
    if fifth.is_some() {
        assert!(reason(&summary, "throttled").is_some(), "{}", summary["validity"]);
        assert!(summary["validity"]["health"]["cpu_cores"]["mean"].as_f64().is_some_and(|cpu| cpu < 0.3), "{summary}");
    }
}

/// A run of calls that last two seconds, a hundred a second, under limits of the shell.
fn under(limits: &str) -> (String, Ended) {
    let sim = Sim::start(&["--ttft", "2s", "--itl", "1ms"]);
    let folder = tempfile::tempdir().expect("folder").keep();
    let (file, dir) = (folder.join("p.toml"), folder.join("out"));
    fs::write(&file, PROFILE.replace("40/s", "100/s") + &sim.paths(&["direct"])).expect("a profile");
    let program = env!("CARGO_BIN_EXE_hopmark");
    let script = format!("{limits}; exec '{program}' run '{}' --out '{}'", file.display(), dir.display());
    let output = Command::new("sh").args(["-c", &script]).env("HOPMARK_TRUTH_KEY", KEY).output().expect("it runs");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let run = hopmark::store::load(&dir).unwrap_or_else(|error| panic!("{error}: {told}"));
    let code = output.status.code().expect("no signal");
    let ended = Ended { summary: summary(&dir), run, code, dir };
    fs::remove_dir_all(&folder).expect("removed");
    (told, ended)
}

#[test]
fn a_soft_limit_on_open_files_is_raised() {
    let _alone = alone();
    let (told, ended) = under("ulimit -S -n 64");
    assert!(reason(&ended.summary, "descriptors").is_none(), "{}", ended.summary["validity"]);
    assert!(ended.run.manifest.environment.open_files > 64, "{told}");
    assert_eq!(ended.summary["paths"]["direct"]["requests"]["failed"], 0);
    assert!(ended.summary["validity"]["health"]["files"]["max"].as_u64().is_some_and(|files| files > 64), "{told}");
}

#[test]
fn a_hard_limit_on_open_files_that_is_too_low_is_said_before_and_after() {
    let _alone = alone();
    let (told, ended) = under("ulimit -n 64");
    assert!(told.contains("this process may open 64 files") && told.contains("ulimit -Hn"), "{told}");
    let descriptors = reason(&ended.summary, "descriptors").expect("the reason");
    assert_eq!((ended.code, &descriptors["weight"]), (4, &"invalid".into()), "{}", ended.summary["validity"]);
    assert!(descriptors["remedy"].as_str().is_some_and(|remedy| remedy.contains("ulimit -Hn")));
    assert_eq!(ended.summary["validity"]["health"]["files"]["limit"], 64);
}

#[test]
fn a_simulator_that_cannot_keep_its_plan_is_found_out() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("folder");
    let mut running = Running::start(folder.path(), &(PROFILE.to_owned() + SIMULATED));
    running.wait_for_seconds(1);
    let simulators = children_of(running.pid());
    assert_eq!(simulators.len(), 1, "the simulator is its child");
    while !running.is_over() {
        hold(simulators[0], Duration::from_millis(150));
        std::thread::sleep(Duration::from_millis(150));
    }
    let (_, summary) = running.end();
    let ceiling = reason(&summary, "simulator_ceiling").unwrap_or_else(|| panic!("{}", summary["validity"]));
    assert_eq!(ceiling["weight"], "degraded");
    let simulator = &summary["validity"]["health"]["simulator"];
    assert!(simulator["late"].as_u64().is_some_and(|late| late > 10), "{simulator}");
}

/// Runs without a fault: none is invalid, unless this machine was busy with something else, which the run then says.
fn healthy(runs: usize) {
    let _alone = alone();
    let sim = Sim::start(&["--ttft", "20ms", "--itl", "1ms"]);
    let folder = tempfile::tempdir().expect("folder");
    for turn in 0..runs {
        let ended =
            run_profile(folder.path(), &format!("healthy-{turn}"), &(PROFILE.to_owned() + &sim.paths(&["direct"])));
        let validity = &ended.summary["validity"];
        eprintln!("run {turn}: {} {}", validity["verdict"], validity["reasons"]);
        assert_eq!((validity["health"]["seconds"].as_u64(), ended.run.health.len() >= 4), (Some(3), true));
        let little = &validity["littles_law"];
        let counted = little["in_flight"].as_f64().is_some_and(|calls| calls > 0.3);
        assert!(counted || little["reason"].is_string(), "{validity}");
        let others = validity["health"]["others_cores"]["max"].as_f64().unwrap_or(0.0);
        let busy = others > 0.5 * ended.run.manifest.environment.cpus as f64;
        let excused = ended.code == 4 && busy && was_only_late(&ended.summary);
        assert!(ended.code == 0 || excused, "run {turn}: {validity}");
    }
}

#[test]
fn three_healthy_runs_are_not_invalid() {
    healthy(3);
}

#[test]
#[ignore = "takes a minute and wants a quiet machine: .ci/nightly"]
fn twenty_healthy_runs_are_not_invalid() {
    healthy(20);
}
