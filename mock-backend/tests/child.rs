//! The simulator as a process: how it says that it is ready, how it refuses, how it ends.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;

use common::child::{Running, program, run};
use common::{Client, request};
use serde_json::Value;

#[test]
fn it_says_where_it_listens_and_ends_with_its_standard_input() {
    let mut running = Running::start(&["--ready-json", "--scenario", "three-paths"], None);
    let listeners = running.listeners();
    let names: Vec<_> = listeners.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["direct", "private-endpoint", "gateway"]);
    for (_, url) in &listeners {
        assert_eq!(Client::new(url).get("/_sim/health").status, 200);
    }
    assert_eq!(running.end().0.code(), Some(0));
}

#[test]
fn it_describes_the_truth_and_ends() {
    let (code, out, _) = run(&["--scenario", "three-paths", "--describe"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("own time 5 ms"), "{out}");
    let (code, out, _) = run(&["--ttft", "100ms", "--describe", "--ready-json"]);
    let truth: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &truth["listeners"][0]["ttft_ms"]["p99"]), (Some(0), &100.0.into()));
}

#[test]
fn what_is_wrong_is_one_sentence_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    common::mistakes::are_told(&|| program(&[]), folder.path());
    let (code, _, complaint) = run(&["--scenario", "three-paths", "--itl", "1ms"]);
    assert!(code == Some(2) && complaint.contains("cannot be used with"), "{complaint}");
}

#[test]
fn it_warns_when_others_can_reach_it() {
    let mut running = Running::start(&["--listen", "0.0.0.0:0"], None);
    assert!(running.line.starts_with("direct  http://0.0.0.0:"), "{}", running.line);
    assert!(running.end().1.contains("open to other machines"));
}

/// The program with a key in its environment, and these arguments.
fn keyed(args: &[&str]) -> Running {
    let mut command = program(&["--parent", "--ready-json"]);
    Running::of(command.args(args).env("SIM_BOUNDS_KEY", "the-key").env("SIM_BOUNDS_ADMIN", "the-admin"))
}

#[test]
fn keys_come_from_the_environment_and_nobody_sees_them() {
    let running = keyed(&["--key-env", "SIM_BOUNDS_KEY", "--admin-key-env", "SIM_BOUNDS_ADMIN"]);
    let line = std::fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains("the-"));
    let mut client = Client::new(&running.listeners()[0].1);
    let status = |client: &mut Client, path: &str, key: &str| {
        client.send(request("GET", path, &format!("api-key: {key}\r\n"), "").as_bytes()).status
    };
    let table = [("/v1/models", [200, 401, 401]), ("/_sim/config", [401, 200, 401])];
    for (path, expected) in table {
        assert_eq!(["the-key", "the-admin", "other"].map(|key| status(&mut client, path, key)), expected, "{path}");
    }
    // Without a key of its own `/_sim/` has that of the calls.
    let running = keyed(&["--key-env", "SIM_BOUNDS_KEY"]);
    let mut client = Client::new(&running.listeners()[0].1);
    assert_eq!(["the-key", "other"].map(|key| status(&mut client, "/_sim/ledger", key)), [200, 401]);
    let (code, _, complaint) = run(&["--key-env", "SIM_BOUNDS_NONE"]);
    assert!(code == Some(2) && complaint.contains("SIM_BOUNDS_NONE of --key-env is not set to a key"), "{complaint}");
}

#[test]
fn it_ends_with_its_parent_though_every_worker_is_busy() {
    let mut running = Running::start(&["--ready-json"], None);
    let address = running.listeners()[0].1.clone();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // Each takes long to count, and there are more of them than can be answered in the time that is left to them.
    let body = common::chat(&format!(",\"user\":\"{}\"", "x".repeat(1000)));
    let body = body.replace("hello world", &"hello world ".repeat(300_000));
    let all = request("POST", common::CHAT, common::KEY, &body).repeat(20);
    let busy: Vec<_> = (0..4 * workers)
        .map(|_| {
            let (address, all) = (address.clone(), all.clone());
            std::thread::spawn(move || {
                let mut client = Client::new(&address);
                // It is cut off in the middle.
                let _ = client.stream().write_all(all.as_bytes());
            })
        })
        .collect();
    let mut first = Client::new(&address);
    let _ = first.stream().write_all(request("POST", common::CHAT, common::KEY, &body).as_bytes());
    assert_eq!(running.end().0.code(), Some(0));
    busy.into_iter().for_each(|caller| caller.join().unwrap());
}
