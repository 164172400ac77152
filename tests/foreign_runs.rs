//! Run directories are input: they may come from anybody. What no run can hold is refused in one sentence that names the
//! file.

#![cfg(target_os = "linux")]

#[path = "support/foreign.rs"]
mod foreign;

use std::fs;
use std::path::Path;
use std::process::Command;

use foreign::{PARTS, copy_of, example, hopmark, other, told};
use hopmark::store::file;
use regex::{NoExpand, Regex};

/// Puts `to` in the place of the first `from` in a file of a run. `<figure>` in `from` stands for any figure: what is
/// measured differs each time the example is made.
fn replace(dir: &Path, part: &str, from: &str, to: &str) {
    let path = dir.join(part);
    let text = fs::read_to_string(&path).expect("text");
    let pattern = Regex::new(&regex::escape(from).replace("<figure>", "[0-9a-f.]+")).expect("a pattern");
    assert!(pattern.is_match(&text), "{part} has no {from}");
    fs::write(path, pattern.replace(&text, NoExpand(to)).as_ref()).expect("written");
}

/// File, what stands there, what is put in its place, and a part of what is said.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    // Plans.
    (file::MANIFEST, "\"schema_version\": 1", "\"schema_version\": 4294967295", "schema_version 1, found 4294967295"),
    (file::MANIFEST, "\"schema_version\": 1", "\"schema_version\": -1", "manifest.json:2: expected"),
    (file::MANIFEST, "\"seed\": 42", "\"seed\": 1e400", "manifest.json:9: expected"),
    (file::MANIFEST, "\"origin\": <figure>", "\"origin\": 18446744073709551615", "'origin' takes"),
    (file::MANIFEST, "\"baseline\": 0", "\"baseline\": 3", "'plan.baseline' takes the place of a path, from 0 to 2"),
    (file::MANIFEST, "\"twin\": null", "\"twin\": 65535", "'plan.twin' takes"),
    (file::MANIFEST, "\"id\": 1,", "\"id\": 2,", "'plan.paths[1].id' takes 1"),
    (
        file::MANIFEST,
        "\"name\": \"gateway\"",
        "\"name\": \"direct\"",
        "'plan.paths[2].name' takes a name that no other",
    ),
    (file::MANIFEST, "\"name\": \"gateway\"", "\"name\": \" \"", "'plan.paths[2].name' takes a name"),
    (file::MANIFEST, "\"warmup\": \"3s\"", "\"warmup\": \"584942417355y\"", "manifest.json:"),
    (file::MANIFEST, "\"warmup\": \"3s\"", "\"warmup\": \"9999999999h\"", "at most 30 days"),
    (file::MANIFEST, "\"duration\": \"28s\"", "\"duration\": \"18446744073709551615s\"", "manifest.json"),
    (file::MANIFEST, "\"design\": \"paired\"", "\"design\": \"tripled\"", "tripled"),
    (file::MANIFEST, "\"rate\": null", "\"rate\": \"1e300/s\"", "1e300/s"),
    (file::MANIFEST, "ttft.p95 < 800ms", "ttft.p95 over 0s < 800ms in 99%", "a window lasts at least 1s"),
    (file::MANIFEST, "ttft.p95 < 800ms", "ttft.p101 < 800ms", "p101"),
    // Endings.
    (file::MANIFEST, "\"measured_s\": 28.0", "\"measured_s\": -1.0", "'ending.measured_s' takes"),
    (file::MANIFEST, "\"measured_s\": 28.0", "\"measured_s\": 1e300", "'ending.measured_s' takes"),
    (file::MANIFEST, "\"drain_s\": <figure>", "\"drain_s\": -0.1", "'ending.drain_s' takes"),
    (file::MANIFEST, "\"rows_lost\": 0", "\"rows_lost\": 18446744073709551615", "'ending.rows_lost' takes"),
    (file::MANIFEST, "803,", "9223372036854775807,", "'ending.planned' takes"),
    (file::MANIFEST, "803,", "", "'ending.planned' takes a count for each of the 3 paths"),
    (file::MANIFEST, "\"cpu_s\": <figure>", "\"cpu_s\": NaN", "manifest.json:"),
    // Rows.
    (file::REQUESTS, "\n<figure>,0,", "\n18446744073709551616,0,", "requests.csv:2: expected a whole number"),
    (file::REQUESTS, "\n<figure>,0,", "\n0,18446744073709551615,", "2^53 in column 'round'"),
    (file::REQUESTS, ",103.393793,", ",1e308,", "a time in ms in column 'intended'"),
    (file::REQUESTS, ",103.393793,", ",18446744073709.551615,", "a time in ms within the run in column 'intended'"),
    (file::REQUESTS, ",103.393793,", ",-99999999999,", "a time in ms within the run in column 'intended'"),
    (file::REQUESTS, ",<figure>,ok", ",99999999999,ok", "a time in ms within the run in column 'end'"),
    (file::REQUESTS, ",warmup,", ",warmdown,", "warmup, measure or drain in column 'phase'"),
    (file::REQUESTS, ",ok,,200,<figure>,", ",ok,,20,374,", "a status from 100 to 999"),
    (file::REQUESTS, ",ok,,200,<figure>,", ",ok,,200,-374,", "a whole number up to 2^53 in column 'input_tokens'"),
    (file::REQUESTS, ",ok,,200,<figure>,", ",ok,,200,18446744073709551615,", "column 'input_tokens'"),
    (file::REQUESTS, ",0,1,,<figure>,", ",0,1,,99999999999,", "a span in ms shorter than a day in column 'tcp_ms'"),
    (file::REQUESTS, "-<figure>-0,<figure>,", "-0-0,NaN,", "a number from 0 to 10^12 in column 'server_ms'"),
    (file::REQUESTS, "-<figure>-0,<figure>,", "-0-0,-1,", "a number from 0 to 10^12 in column 'server_ms'"),
    // Counts.
    (file::COUNTS, "\n0,1,direct", "\n18446744073709551615,1,direct", "a second up to"),
    (file::COUNTS, "\n0,1,direct", "\n0,0,direct", "counts.csv:2: expected a second up to"),
    (file::COUNTS, "\n0,1,direct,warmup,2,", "\n0,1,direct,warmup,18446744073709551615,", "counts up to"),
    (file::COUNTS, "\n0,1,direct,warmup,2,0,", "\n0,1,direct,warmup,2,7,", "as many errors as their classes"),
    (file::COUNTS, "\n0,1,private-endpoint,", "\n0,1,direct,", "one line for each second, path and phase"),
    (file::COUNTS, ",measure,19,", ",measuring,19,", "warmup, measure or drain, found 'measuring'"),
    (file::COUNTS, "\n0,1,direct,warmup,2,", "\n0,1,direct,warmup,3,", "does not belong to this run"),
    // Health.
    (file::HEALTH, "\n6,<figure>,", "\n6,-1.920,", "in column 'hiccup_ms', found '-1.92'"),
    (file::HEALTH, "\n6,<figure>,", "\n6,inf,", "a finite number in column 'hiccup_ms'"),
    (file::HEALTH, "\n6,<figure>,", "\n5,1.920,", "a second from 6 to"),
    (file::HEALTH, "\n6,<figure>,", "\n600000000,1.920,", "in column 'second', found '600000000'"),
    (
        file::HEALTH,
        "\n6,<figure>,<figure>,<figure>,<figure>,<figure>,",
        "\n6,1,1,0.1,0.1,1.5,",
        "a number from 0 to 1 in column 'steal'",
    ),
    // Histograms.
    (file::HISTOGRAMS, "Tag=direct;e2e,", "Tag=gateway;e2e,", "does not belong to this run"),
    (file::HISTOGRAMS, "Tag=direct;ttft,", "Tag=direct;ttft,-", "in column 'StartTimestamp', found '-"),
    (file::HISTOGRAMS, "Tag=direct;ttft,", "Tag=direct;ttft,NaN,", "5"),
    (file::HISTOGRAMS, "#[StartTime: <figure> ", "#[StartTime: 1234567890.000 ", "s before or after"),
];

#[test]
fn what_no_run_can_hold_is_refused_in_a_sentence() {
    for (part, from, to, says) in REFUSED {
        let dir = copy_of(&example());
        replace(dir.path(), part, from, to);
        for told in told(dir.path(), &other()) {
            let error = told.expect_err(to);
            assert!(error.contains(part) && error.contains(says) && !error.contains('\n'), "{from} -> {to}: {error}");
        }
    }
}

#[test]
fn what_is_no_file_and_what_has_no_end_is_refused() {
    for part in PARTS {
        for (make, says) in [
            ((|path| fs::create_dir(path).expect("a folder")) as fn(&Path), "is not a file"),
            (
                |path| assert!(Command::new("mkfifo").arg(path).status().is_ok_and(|made| made.success())),
                "is not a file",
            ),
            (|path| std::os::unix::fs::symlink("/dev/zero", path).expect("linked"), "is not a file"),
            (|path| fs::write(path, vec![b' '; 2 << 20]).expect("written"), "e"),
        ] {
            let dir = copy_of(&example());
            let path = dir.path().join(part);
            fs::remove_file(&path).expect("removed");
            make(&path);
            for told in told(dir.path(), &other()) {
                let error = told.expect_err(part);
                assert!(error.contains(part) && error.contains(says), "{part}: {error}");
            }
        }
    }
}

#[test]
fn parts_of_another_run_are_noticed() {
    // The example with another start and other rows: what a second run of the same profile is.
    for part in [file::REQUESTS, file::COUNTS, file::HISTOGRAMS] {
        let dir = copy_of(&example());
        let text = fs::read_to_string(example().join(part)).expect("text");
        // Without its last line that says of a whole call.
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.iter().rposition(|line| match part {
            file::HISTOGRAMS => line.starts_with("Tag=gateway;e2e,"),
            file::COUNTS => line.contains(",gateway,measure,") && !line.contains(",measure,0,"),
            _ => line.contains(",gateway,measure,") && line.contains(",ok,"),
        });
        let kept = lines.iter().enumerate().filter(|(place, _)| Some(*place) != last);
        fs::write(dir.path().join(part), kept.map(|(_, line)| format!("{line}\n")).collect::<String>())
            .expect("written");
        for told in told(dir.path(), &other()) {
            assert!(told.expect_err(part).contains("does not belong to this run"), "{part}");
        }
    }
    let dir = copy_of(&example());
    fs::copy(other().join(file::MANIFEST), dir.path().join(file::MANIFEST)).expect("swapped");
    assert!(told(dir.path(), &other()).into_iter().all(|told| told.is_err()));
}

#[test]
fn a_history_names_what_it_cannot_read_and_waits_for_no_pipe() {
    let history = tempfile::tempdir().expect("folder");
    let night = |name: &str| history.path().join(name);
    fs::create_dir(night("good")).expect("folder");
    fs::copy(example().join(file::SUMMARY), night("good").join(file::SUMMARY)).expect("copied");
    let text = fs::read_to_string(example().join(file::SUMMARY)).expect("text");
    for (name, text) in [
        ("deep", format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("half", text[..text.len() / 2].to_owned()),
        ("newer", text.replacen("\"schema_version\": 1", "\"schema_version\": 99999", 1)),
        ("never", text.replacen("\"started_at\": \"2026", "\"started_at\": \"99999", 1)),
    ] {
        fs::create_dir(night(name)).expect("folder");
        fs::write(night(name).join(file::SUMMARY), text).expect("written");
    }
    assert!(Command::new("mkfifo").arg(night("pipe.json")).status().is_ok_and(|made| made.success()));
    let out = history.path().join("out");
    let (dir, out) = (history.path().display().to_string(), out.display().to_string());
    assert_eq!(hopmark(&["trend", &dir, "--out", &out]), Ok(()));
    let told = fs::read_to_string(Path::new(&out).join("trend.json")).expect("a trend");
    for name in ["deep", "half", "newer", "never"] {
        assert!(told.contains(&format!("{name} was not read")), "{name}: {told}");
    }
}
