//! The simulator as a process: how it says that it is ready, how it refuses, how it ends.
#![allow(clippy::unwrap_used)]

mod common;

use common::Client;
use common::child::{Running, program, run};
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
