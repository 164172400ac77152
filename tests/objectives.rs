//! Objectives, rules, claims, sizes and limits as a person meets them: every exit code, and what a run leaves.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;

use std::process::Output;
use std::time::{Duration, Instant};

use process::{Ended, Sim, hopmark, run_profile};
use serde_json::Value;

const PROFILE: &str = r#"
name = "objectives"
[workload]
kind = "synthetic"
model = "gpt-4o"
api = { chat = 1, responses = 1 }
input_tokens = { dist = "fixed", value = 40 }
output_tokens = { dist = "fixed", value = 16 }
[load]
rate = "50/s"
warmup = "500ms"
duration = "3s"
"#;

/// First token after 20 ms, the whole answer a few milliseconds later.
fn fast_sim() -> Sim {
    Sim::start(&["--ttft", "20ms", "--itl", "1ms"])
}

/// A run over one path of the simulator, and the folder that holds it as long as this lives.
fn ran(sim: &Sim, more: &str) -> (tempfile::TempDir, Ended) {
    let folder = tempfile::tempdir().expect("folder");
    let ended = run_profile(folder.path(), "out", &(PROFILE.to_owned() + &sim.paths(&["direct"]) + more));
    (folder, ended)
}

fn objective(expr: &str, more: &str) -> String {
    format!("[[objective]]\nexpr = \"{expr}\"\n{more}\n")
}

/// The verdicts of a run, in the order of its objectives.
fn verdicts(summary: &Value) -> Vec<&str> {
    let rows = summary["objectives"].as_array().expect("objectives").iter();
    rows.map(|row| row["verdict"].as_str().expect("a verdict")).collect()
}

/// Whether what other tools are told of the run can be looked at: of an invalid one nothing passes or fails.
fn is_judged(ended: &Ended) -> bool {
    ended.code != 4
}

fn file(ended: &Ended, name: &str) -> String {
    std::fs::read_to_string(ended.dir.join(name)).expect(name)
}

#[test]
fn every_form_is_met_and_ends_with_0() {
    let sim = fast_sim();
    let forms = [
        objective("ttft.p95 < 10s", ""),
        objective("ttft.p50 >= 15ms", ""),
        objective("e2e.mean <= 10s", "api = \"chat\""),
        objective("error_rate < 20%", "stream = true"),
        objective("rate_429 < 20%", ""),
        objective("connect_failure_rate < 20%", ""),
        objective("goodput >= 0.5", "per_call = [\"ttft < 10s\", \"e2e < 20s\"]"),
        objective("tokens_per_second.p50 > 0.1", ""),
        objective("ttft.p50 over 1s < 10s in 10%", ""),
        objective("unanswered_rate over 1s < 100% in 100%", ""),
    ];
    let (_folder, ended) = ran(&sim, &forms.concat());
    ended.assert_code(0);
    assert_eq!(verdicts(&ended.summary), ["met"; 10], "{:#}", ended.summary["objectives"]);
    let units: Vec<&str> = ended.summary["objectives"].as_array().expect("rows")[..8]
        .iter()
        .map(|row| row["unit"].as_str().expect("a unit"))
        .collect();
    assert_eq!(units, ["ms", "ms", "ms", "share", "share", "share", "share", "tokens/s"]);
    let junit = file(&ended, "junit.xml");
    assert!(!is_judged(&ended) || junit.contains("failures=\"0\" errors=\"0\" skipped=\"0\""), "{junit}");
    assert!(junit.contains("goodput &gt;= 0.5 (ttft &lt; 10s, e2e &lt; 20s)"), "{junit}");
}

#[test]
fn every_form_is_missed_and_ends_with_3() {
    let sim = fast_sim();
    for (expr, more) in [
        ("ttft.p50 < 5ms", ""),
        ("tokens_per_second.p50 > 1000000", ""),
        ("goodput >= 0.99", "per_call = [\"ttft < 5ms\"]"),
        ("ttft.p50 over 1s < 5ms in 100%", ""),
    ] {
        let (_folder, ended) = ran(&sim, &objective(expr, more));
        ended.assert_code(3);
        assert_eq!(verdicts(&ended.summary), ["missed"], "{expr}");
        assert!(!is_judged(&ended) || file(&ended, "junit.xml").contains("failures=\"1\""), "{expr}");
    }
    let folder = tempfile::tempdir().expect("folder");
    let scenario = folder.path().join("failing.toml");
    let text = "name = \"failing\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"5ms\", gap = \"1ms\" }\n\
                fault = [{ kind = \"429\", rate = 0.5 }]\n\
                [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n";
    std::fs::write(&scenario, text).expect("a scenario");
    let failing = Sim::start(&["--scenario", scenario.to_str().expect("a path")]);
    let (_folder, ended) =
        ran(&failing, &[objective("error_rate < 1%", ""), objective("rate_429 < 0.5%", "")].concat());
    ended.assert_code(3);
    assert_eq!(verdicts(&ended.summary), ["missed", "missed"]);
}

#[test]
fn what_cannot_be_told_ends_with_0_or_under_strict_with_5() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    let forms =
        [objective("ttft.p99 < 10s", ""), objective("tls.p50 < 10s", ""), objective("p95 over 1m < 9s in 99%", "")];
    std::fs::write(&file, PROFILE.to_owned() + &sim.paths(&["direct"]) + &forms.concat()).expect("a profile");
    for (strict, code) in [(false, 0), (true, 5)] {
        let out = folder.path().join(format!("out-{code}"));
        let mut command = hopmark(&["run", file.to_str().expect("a path"), "--quiet", "--out"]);
        command.arg(&out).args(strict.then_some("--strict"));
        let Output { status, stdout, .. } = command.output().expect("it runs");
        let summary: Value =
            serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).expect("a summary")).expect("JSON");
        assert_eq!(verdicts(&summary), ["inconclusive"; 3], "no data and few calls are no pass");
        let late = status.code() == Some(4) && process::was_only_late(&summary);
        assert!(late || status.code() == Some(code), "{status} {}", String::from_utf8_lossy(&stdout));
        assert!(summary["objectives"][0]["reason"].as_str().expect("why").contains("about 299 calls"), "{summary:#}");
    }
}

#[test]
fn two_paths_are_held_against_each_other() {
    let sim = Sim::start(&["--scenario", "three-paths"]);
    let folder = tempfile::tempdir().expect("folder");
    let forms = [
        objective("ttft.p50 < 10 * direct.ttft.p50", "path = \"gateway\""),
        objective("ttft.p50 - baseline.ttft.p50 < 500ms", "path = \"gateway\""),
        objective("ttft.p50 - direct.ttft.p50 < 0ms", "path = \"private-endpoint\""),
        objective("error_rate - direct.error_rate < 50%", "path = \"gateway\""),
    ];
    let profile = PROFILE.replace("duration = \"3s\"", "duration = \"24s\"").replace("50/s", "15/s");
    let paths = sim.paths(&["direct", "private-endpoint", "gateway"]);
    let ended = run_profile(folder.path(), "out", &(profile + &paths + &forms.concat()));
    ended.assert_code(3);
    assert_eq!(verdicts(&ended.summary), ["met", "met", "missed", "met"], "{:#}", ended.summary["objectives"]);
    assert_eq!(ended.summary["objectives"][0]["unit"], "ratio");
    let shift = &ended.summary["comparisons"].as_array().expect("rows").iter().find(|row| {
        (&row["candidate"], &row["metric"], &row["quantile"])
            == (&"private-endpoint".into(), &"ttft".into(), &0.5.into())
    });
    let shift = shift.expect("the row")["shift_ms"].as_f64().expect("a shift");
    let observed = ended.summary["objectives"][2]["observed"].as_f64().expect("a shift");
    assert!((shift - observed).abs() < 1e-6, "{shift} {observed}: the comparison and the objective tell the same");
}

#[test]
fn a_missed_warning_is_told_and_does_not_fail_the_run() {
    let sim = fast_sim();
    let forms =
        [objective("ttft.p50 < 5ms", "severity = \"warning\"\nname = \"slow\""), objective("ttft.p50 < 9s", "")];
    let (_folder, ended) = ran(&sim, &forms.concat());
    ended.assert_code(0);
    assert_eq!(verdicts(&ended.summary), ["missed", "met"]);
    let row = &ended.summary["objectives"][0];
    assert_eq!((&row["severity"], &row["name"]), (&"warning".into(), &"slow".into()));
    let junit = file(&ended, "junit.xml");
    if is_judged(&ended) {
        assert!(junit.contains("failures=\"0\"") && junit.contains("missed, a warning only"), "{junit}");
        assert!(file(&ended, "report.html").contains("a warning was missed"));
    }
}

#[test]
fn an_objective_with_abort_ends_the_run_after_its_delay() {
    let sim = fast_sim();
    let long = |more: &str| {
        let folder = tempfile::tempdir().expect("folder");
        let profile = PROFILE.replace("duration = \"3s\"", "duration = \"300s\"") + &sim.paths(&["direct"]) + more;
        let begun = Instant::now();
        (run_profile(folder.path(), "out", &profile), begun.elapsed(), folder)
    };
    let forms = [
        objective("ttft.p50 < 5ms", "abort = true\nabort_after = \"2s\""),
        objective("error_rate < 50%", ""),
        objective("ttft.p50 < 9s", "abort = true\nabort_after = \"1s\""),
    ];
    let (ended, took, _folder) = long(&forms.concat());
    ended.assert_code(3);
    assert!(took >= Duration::from_millis(2_500) && took < Duration::from_secs(100), "{took:?}");
    let run = &ended.summary["run"];
    assert_eq!((&run["complete"], &run["aborted_by"]["expression"]), (&false.into(), &"ttft.p50 < 5ms".into()));
    assert!(run["aborted_by"]["at_s"].as_f64().expect("seconds") >= 2.0, "{run:#}");
    assert!(run["incomplete_reason"].as_str().expect("why").contains("stopped by the objective"), "{run:#}");
    assert_eq!(verdicts(&ended.summary), ["missed", "inconclusive", "inconclusive"], "half a run proves nothing else");
    for name in ["report.html", "junit.xml", "requests.csv", "series.csv", "histograms.hlog"] {
        assert!(ended.dir.join(name).is_file(), "{name}");
    }
    let due = ended.summary["paths"]["direct"]["requests"]["planned"].as_u64().expect("a count");
    assert_eq!(due, ended.run.measured().count() as u64, "every arrival due until then is accounted for");
}

#[test]
fn a_run_stops_when_its_intervals_are_narrow_enough() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let load = "duration = \"300s\"\nprecision = \"p50 40%\"";
    let profile =
        PROFILE.replace("duration = \"3s\"", load) + &sim.paths(&["direct"]) + &objective("ttft.p50 < 5s", "");
    let begun = Instant::now();
    let ended = run_profile(folder.path(), "out", &profile);
    ended.assert_code(0);
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
    let run = &ended.summary["run"];
    assert_eq!(run["complete"], true, "what was asked for was carried out");
    assert!(run["ended_early"].as_str().expect("why").contains("p50 40%"), "{run:#}");
    assert!(run["duration_s"].as_f64().expect("seconds") < 200.0);
    assert_eq!(verdicts(&ended.summary), ["met"], "and it is judged");
    assert!(ended.run.samples.iter().all(|sample| sample.outcome.is_ok()), "calls under way were let end");
}

#[test]
fn rules_and_claims_come_from_files() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("mine.toml", "[[objective]]\nname = \"mine\"\nexpr = \"ttft.p50 < 9s\"\nseverity = \"warning\"\n");
    write(
        "claims.toml",
        "[[expectation]]\nclaim = \"fast\"\nreference = \"page 3\"\nslo = \"ttft.p50 < 9s\"\n\
         [[expectation]]\nclaim = \"faster than light\"\nslo = \"ttft.p50 < 1ms\"\n\
         [[expectation]]\nclaim = \"far\"\ntag = \"far\"\nslo = \"tcp.p50 < 1s\"\n",
    );
    let head = "rules = [\"builtin:operating\", \"mine.toml\"]\nexpectations = \"claims.toml\"\n";
    let profile = head.to_owned() + PROFILE + &sim.paths(&["direct"]);
    let ended = run_profile(folder.path(), "out", &profile);
    ended.assert_code(0);
    let rules = ended.summary["objectives"].as_array().expect("rules");
    let names: Vec<&str> = rules.iter().map(|rule| rule["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["latency over 3 seconds", "connection failures over 5%", "path down", "mine"]);
    assert!(rules[3]["source"].as_str().expect("a file").ends_with("mine.toml"));
    let claims = ended.summary["expectations"].as_array().expect("claims").iter();
    let held: Vec<&str> = claims.map(|claim| claim["verdict"].as_str().expect("a verdict")).collect();
    assert_eq!(held, ["holds", "fails", "unproven"], "and none of them ends the run");
    assert_eq!(ended.summary["expectations"][0]["reference"], "page 3");
    assert!(file(&ended, "report.html").contains("faster than light"));

    write("mine.toml", "\n[[objective]]\nexpr = \"ttftt.p50 < 9s\"\n");
    std::fs::write(folder.path().join("wrong.toml"), profile).expect("a profile");
    let output = hopmark(&["run"]).arg(folder.path().join("wrong.toml")).arg("--dry-run").output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("mine.toml:3: ") && told.contains("did you mean 'ttft'"), "{told}");
}

/// What a dry run prints, and tells people.
fn dry(profile: &str, args: &[&str]) -> (Value, String) {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    std::fs::write(&file, profile).expect("a profile");
    let printed = |more: &[&str]| {
        let mut command = hopmark(&["run", file.to_str().expect("a path"), "--dry-run"]);
        let output = command.args(args).args(more).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    (serde_json::from_str(&printed(&["--json"])).expect("JSON"), printed(&[]))
}

const NOWHERE: &str = "[[path]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
                       [[path]]\nname = \"b\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";

#[test]
fn a_dry_run_sizes_the_plan_before_anything_is_spent() {
    let prices = "[prices]\ninput = 2.5\noutput = 10\ncurrency = \"EUR\"\n[sizing]\nsigma = 0.3\nttft = \"200ms\"\n";
    let constant = PROFILE.replace("rate = \"50/s\"", "rate = \"50/s\"\narrivals = \"constant\"") + prices + NOWHERE;
    let (plan, told) = dry(&constant, &[]);
    let sizing = &plan["sizing"];
    assert_eq!((&plan["paths"][1]["name"], &sizing["requests"]), (&"b".into(), &350.into()));
    assert_eq!((&sizing["input_tokens"], &sizing["output_tokens"]), (&(350 * 40).into(), &(350 * 16).into()));
    let cost = sizing["cost"].as_f64().expect("a cost");
    assert!((cost - (350.0 * 40.0 * 2.5 + 350.0 * 16.0 * 10.0) / 1e6).abs() < 1e-9, "{cost}");
    assert_eq!((&sizing["currency"], &sizing["calls_a_path"]), (&"EUR".into(), &150.into()));
    let [p50, p95, p99] = &sizing["resolves"].as_array().expect("quantiles")[..] else { panic!("{sizing}") };
    assert!(p50["shift_ms"].as_f64() < p95["shift_ms"].as_f64(), "{sizing:#}");
    assert!(p99["shift_pct"].is_null() && p99["reason"].as_str().expect("why").contains("needs 368"), "{sizing:#}");
    for part in ["350", "0.1, and the drain", "14", "at most 5", "EUR", "4 of 5", "p99    nothing", "sigma 0.30"] {
        assert!(told.contains(part), "'{part}' in {told}");
    }
    let (plan, told) = dry(&(PROFILE.to_owned() + NOWHERE), &[]);
    assert!(plan["sizing"]["cost"].is_null() && told.contains("[prices]"), "{told}");
    assert!(told.contains("assumed: sigma 0.45"), "an assumption is told as one: {told}");
    let closed = PROFILE.replace("rate = \"50/s\"", "kind = \"closed\"\nconcurrency = 4") + NOWHERE;
    let (plan, told) = dry(&closed, &[]);
    assert!(plan["sizing"]["requests"].is_null() && told.contains("how fast these come"), "{told}");
}

#[test]
fn a_dry_run_learns_from_a_run_before() {
    let sim = fast_sim();
    let (_folder, ended) = ran(&sim, "");
    let dir = ended.dir.to_str().expect("a path");
    let (plan, told) = dry(&(PROFILE.to_owned() + NOWHERE), &["--size-from", dir]);
    let assumed = &plan["sizing"]["assumptions"];
    assert!(assumed["ttft_p50_ms"].as_f64().is_some_and(|ms| ms >= 20.0), "{assumed}");
    assert!(told.contains(ended.summary["run"]["id"].as_str().expect("an id")), "{told}");
    let output = hopmark(&["run", "--dry-run", "--size-from", "/no/such/run"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let sized = |shift: &str| {
        let (plan, told) = dry(&(PROFILE.to_owned() + NOWHERE), &["--for", shift, "--size-from", dir]);
        assert!(told.contains(ended.summary["run"]["id"].as_str().expect("an id")), "{told}");
        plan["load"]["duration"].as_str().expect("a time").trim_end_matches('s').parse::<f64>().expect("seconds")
    };
    assert!(sized("1ms") >= sized("5ms"), "a smaller shift takes longer");
    let alone = hopmark(&["run", "--size-from", dir]).output().expect("it runs");
    let told = String::from_utf8_lossy(&alone.stderr);
    assert!(alone.status.code() == Some(2) && told.contains("--for SHIFT or --dry-run"), "{told}");
}

#[test]
fn a_plan_says_first_what_it_cannot_decide() {
    let objectives = [
        ("ttft.p95 < 3s", None),
        ("error_rate < 1%", Some("needs 299 calls a path, 150 are planned: --duration ")),
        ("p95 over 1m < 9s in 90%", Some("needs 29 windows of 60s, 0 are planned")),
        ("error_rate <= 0%", Some("cannot be shown by any number of calls")),
    ];
    let constant = PROFILE.replace("rate = \"50/s\"", "rate = \"50/s\"\narrivals = \"constant\"");
    let forms: String = objectives.iter().map(|(expr, _)| objective(expr, "path = \"a\"")).collect();
    let (plan, told) = dry(&(constant.clone() + NOWHERE + &forms), &[]);
    let first = "This plan can decide 1 of 4 objectives. But objective 2 (error_rate < 1%) needs 299 calls a path, 150 are planned";
    assert!(told.starts_with(first), "{told}");
    let needs = plan["sizing"]["needs"].as_array().expect("needs");
    for ((expr, short), need) in objectives.iter().zip(needs) {
        assert_eq!((need["expression"].as_str(), need["enough"].as_bool()), (Some(*expr), Some(short.is_none())));
        // A line an objective, which says once what it is about.
        let lines: Vec<&str> = told.lines().skip(1).filter(|line| line.contains(expr)).collect();
        let [line] = lines.as_slice() else { panic!("{expr}: {lines:?}") };
        assert_eq!(line.matches("objective").count() + line.matches(expr).count(), 2, "{line}");
        let short = short.map(|short| format!("{expr} on a {short}"));
        assert!(short.is_none_or(|short| line.contains(&short)), "{line}");
    }
    // What it names as the remedy is one.
    let remedy = needs[1]["remedy"].as_str().expect("a remedy").split(' ').nth(1).expect("a time").to_owned();
    let (plan, _) =
        dry(&(constant.clone() + NOWHERE + &objective("error_rate < 1%", "path = \"a\"")), &["--duration", &remedy]);
    assert_eq!(plan["sizing"]["needs"][0]["enough"], true, "{:#}", plan["sizing"]);

    let one = "[[path]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    let (_, told) = dry(&(constant.clone() + one), &[]);
    assert!(told.starts_with("This plan can decide nothing: it has only one path"), "{told}");
    let (_, told) = dry(&(constant + NOWHERE), &[]);
    let first = "This plan can decide nothing: the comparison of 2 paths needs 20 s of measuring, 3 are planned: --duration 20s";
    assert!(told.starts_with(first), "{told}");
}

#[test]
fn a_run_says_before_it_sends_what_it_cannot_decide() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    let forms = objective("error_rate < 1%", "");
    std::fs::write(&file, PROFILE.to_owned() + &sim.paths(&["direct"]) + &forms).expect("a profile");
    let out = folder.path().join("out");
    let output = hopmark(&["run", "--out"]).arg(&out).arg(&file).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    let short = "note: objective 1 (error_rate < 1%) needs 299 calls a path, ";
    let (at, sent) = (told.find(short).expect(&told), told.find("direct:").unwrap_or(usize::MAX));
    assert!(at < sent, "{told}");
}

#[test]
fn paths_without_a_profile_get_the_time_that_their_objectives_need() {
    let paths = ["--path", "a=http://127.0.0.1:9/v1", "--path", "b=http://127.0.0.1:9/v1", "--model", "m"];
    let planned = |more: &[&str]| -> Result<Value, String> {
        let output = hopmark(&["run", "--dry-run", "--json"]).args(paths).args(more).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(serde_json::from_slice(&output.stdout).expect("JSON")) } else { Err(told) }
    };
    let seconds = |more: &[&str]| {
        let plan = planned(more).expect("a plan");
        assert!(
            plan["sizing"]["needs"].as_array().expect("needs").iter().all(|need| need["enough"] == true),
            "{plan:#}"
        );
        plan["load"]["duration"].as_str().expect("a time").trim_end_matches('s').parse::<f64>().expect("seconds")
    };
    assert_eq!(seconds(&[]), 60.0);
    let for_errors = seconds(&["--objective", "error_rate < 1%"]);
    assert!((60.0..=75.0).contains(&for_errors), "{for_errors}");
    assert!(seconds(&["--objective", "ttft.p99.9 < 3s", "--rate", "20/s"]) >= 140.0);
    assert!(seconds(&["--for", "6ms"]) > 4.0 * seconds(&["--for", "20ms"]));
    assert_eq!(planned(&["--duration", "7s"]).expect("a plan")["load"]["duration"], "7s", "what is said is done");
    for (wrong, part) in [
        (&["--for", "6"][..], "a time with its unit"),
        (&["--for", "0ms"], "above 0"),
        (&["--for", "2m"], "at most 60s"),
        (&["--for", "1us"], "a day at most"),
        (&["--for", "6ms", "--requests", "100"], "limits.requests = 100"),
        (&["--for", "6ms", "--duration", "9s"], "cannot be used with"),
        (&["--for", "6ms", "--concurrency", "4"], "load with a rate"),
    ] {
        let told = planned(wrong).expect_err("refused");
        assert!(told.contains(part), "{wrong:?}: {told}");
    }
}

#[test]
fn the_cost_has_a_limit_and_is_told() {
    let sim = fast_sim();
    let folder = tempfile::tempdir().expect("folder");
    let limits = "[prices]\ninput = 100\noutput = 1000\n[limits]\ncost = 0.2\n";
    let profile = PROFILE.replace("duration = \"3s\"", "duration = \"300s\"") + limits + &sim.paths(&["direct"]);
    let ended = run_profile(folder.path(), "out", &profile);
    ended.assert_code(0);
    let run = &ended.summary["run"];
    assert!(run["incomplete_reason"].as_str().expect("why").contains("limits.cost"), "{run:#}");
    let total = run["cost"]["total"].as_f64().expect("a cost");
    assert!((0.2..4.0).contains(&total), "{total}");
    let tokens = |of: fn(&hopmark::measure::sample::Sample) -> Option<u64>| -> u64 {
        ended.run.samples.iter().filter_map(of).sum()
    };
    let (input, output) = (tokens(|sample| sample.input_tokens), tokens(|sample| sample.output_tokens));
    assert!((total - (100.0 * input as f64 + 1000.0 * output as f64) / 1e6).abs() < 1e-6);
    assert_eq!(run["cost"]["currency"], "USD");
    assert!(file(&ended, "report.html").contains("USD"));
}

#[test]
fn a_wrong_objective_is_one_sentence_with_its_line() {
    let paths = "[[path]]\nname = \"direct\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    let lines = PROFILE.matches('\n').count() + paths.matches('\n').count();
    for (expr, more, line, parts) in [
        ("ttftt.p95 < 1s", "", 2, vec!["did you mean 'ttft'"]),
        ("eror_rate < 1%", "", 2, vec!["did you mean 'error_rate'"]),
        ("ttft.p95 < 800", "", 2, vec!["unit"]),
        ("ttft.p95 < 1.1 * dirct.ttft.p95", "", 2, vec!["'dirct'", "did you mean 'direct'"]),
        ("ttft.p95 < 1.1 * direct.ttft.p95", "", 2, vec!["applies to no path"]),
        ("ttft.p95 over 1m < 800ms", "", 2, vec!["'over' needs 'in'"]),
        ("goodput >= 0.9", "", 2, vec!["needs per_call"]),
        ("goodput >= 0.9", "per_call = [\"ttft.p95 < 1s\"]", 3, vec!["name the metric alone"]),
        ("ttft.p95 < 1s", "severty = \"warning\"", 3, vec!["did you mean 'severity'"]),
        ("ttft.p95 < 1s", "severity = \"warn\"", 3, vec!["did you mean \"warning\""]),
        ("ttft.p95 < 1s", "abort = true\nseverity = \"warning\"", 2, vec!["a warning does not end a run"]),
        ("ttft.p95 < 1s", "abort_after = \"3s\"", 3, vec!["belongs to abort = true"]),
        ("ttft.p95 < 1s", "path = \"dirct\"", 3, vec!["did you mean 'direct'"]),
        ("ttft.p95 < 1s", "tag = \"far\"", 2, vec!["applies to no path", "tag far"]),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("p.toml");
        std::fs::write(&file, PROFILE.to_owned() + paths + &objective(expr, more)).expect("a profile");
        let output = hopmark(&["run", "--dry-run"]).arg(&file).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.trim_end().lines().count()), (Some(2), 1), "{told}");
        assert!(told.contains(&format!("p.toml:{}: ", lines + line)), "{expr} {more}: {told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{expr} {more}: {told}");
    }
}
