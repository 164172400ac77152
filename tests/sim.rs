//! The simulator inside the tool: what people get wrong is told as the simulator itself tells it.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../mock-backend/tests/common/mistakes.rs"]
mod mistakes;

use std::process::Command;

#[test]
fn what_is_wrong_is_one_sentence_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let sim = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hopmark"));
        command.arg("sim");
        command
    };
    mistakes::are_told(&sim, folder.path());
}
