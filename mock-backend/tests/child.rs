//! The program: what it prints, and how it ends.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use common::Client;
use serde_json::Value;

fn sim(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-backend"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sim(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn it_says_where_it_listens_and_ends_with_its_standard_input() {
    let mut child = sim(&["--parent", "--ready-json", "--scenario", "three-paths"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let names: Vec<_> = ready["listeners"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["direct", "private-endpoint", "gateway"]);
    for listener in ready["listeners"].as_array().unwrap() {
        assert_eq!(Client::new(listener["url"].as_str().unwrap()).get("/_sim/health").status, 200);
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
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
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, "name = \"x\"\n[[backend]]\nname = \"b\"\nmodle = 1\n").unwrap();
    let bad = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let table: [(&[&str], i32, &str); 6] = [
        (&["--scenario", "thre-paths"], 2, "did you mean \"three-paths\"?"),
        (&["--scenario", bad], 2, "line 4: unknown key \"modle\", did you mean \"model\"?"),
        (&["--ttft", "fast"], 2, "is not a duration"),
        (&["--scenario", "three-paths", "--itl", "1ms"], 2, "cannot be used with"),
        (&["--output-tokens", "0"], 2, "0 is not in"),
        (&["--listen", &port], 1, "cannot listen on"),
    ];
    for (args, code, expected) in table {
        let (found, out, err) = run(args);
        assert_eq!(found, Some(code), "{args:?}: {err}");
        assert!(err.contains(expected) && out.is_empty(), "{args:?}: {err}");
    }
}

#[test]
fn it_warns_when_others_can_reach_it() {
    let mut child = sim(&["--parent", "--listen", "0.0.0.0:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("direct  http://0.0.0.0:"), "{line}");
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("open to other machines"));
}
