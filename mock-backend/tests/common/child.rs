//! The program as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// The program with these arguments, not yet started.
pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-backend"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it to its end: exit code, what it printed, what it complained of.
pub fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// One that runs; it ends with its standard input, at the latest when this is dropped.
pub struct Running {
    child: Child,
    /// The first line that it printed.
    pub line: String,
}

impl Running {
    /// Starts it and waits for its first line; it trusts `ca` if there is one.
    pub fn start(args: &[&str], ca: Option<&Path>) -> Self {
        let mut command = program(&["--parent"]);
        command.args(args);
        if let Some(ca) = ca {
            command.env("SSL_CERT_FILE", ca);
        }
        Self::of(&mut command)
    }

    /// Starts this program, which ends with its standard input, and waits for its first line.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, line }
    }

    /// The names and addresses of its listeners, if it was told to print them as JSON.
    pub fn listeners(&self) -> Vec<(String, String)> {
        let ready: Value = serde_json::from_str(&self.line).unwrap();
        let text = |listener: &Value, key: &str| listener[key].as_str().unwrap().to_owned();
        ready["listeners"].as_array().unwrap().iter().map(|one| (text(one, "name"), text(one, "url"))).collect()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ends by itself, and what it complained of.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        let mut complaint = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut complaint).unwrap();
        }
        (status, complaint)
    }

    /// Ends its standard input, and waits.
    pub fn end(&mut self) -> (ExitStatus, String) {
        drop(self.child.stdin.take());
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
