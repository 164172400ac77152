//! What people get wrong when they start the simulator, and the one sentence that each mistake gets: what, where, and
//! what to do; for the program and for the tool that has it inside.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const BACKEND: &str = "name = \"x\"\n\n[[backend]]\nname = \"sweden\"\nmodel = { first = \"1ms\", gap = \"1ms\" }\n";
const LISTENER: &str = "\n[[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"sweden\"\n";

/// A scenario with one mistake, and what the sentence says of it; it begins with the file.
fn scenarios() -> Vec<(String, &'static str)> {
    let good = format!("{BACKEND}{LISTENER}");
    let with = |from: &str, to: &str| {
        assert!(good.contains(from));
        good.replacen(from, to, 1)
    };
    vec![
        (with("gap =", "gpa ="), " line 5: unknown key \"gpa\", did you mean \"gap\"?"),
        (with("kind = \"direct\"", "kind = \"dierct\""), " line 9: unknown value \"dierct\", did you mean \"direct\"?"),
        (
            with("backend = \"sweden\"", "backend = \"swedne\""),
            " line 10: listener \"direct\" names the backend \"swedne\", did you mean \"sweden\"?",
        ),
        (
            with("first = \"1ms\"", "first = \"1sm\""),
            " line 5: \"1sm\" is not a duration: write a number and ns, us, ms, s or m, as in 200ms",
        ),
        (
            with("first = \"1ms\"", "first = 1"),
            " line 5: invalid type: integer `1`, expected a duration as in \"10ms\"",
        ),
        (with("first = \"1ms\", ", ""), " line 3: backend \"sweden\" needs model = { first = ... } or { trace = ... }"),
        (with("[[listener]]", "[[listener]"), " line 7: "),
        (format!("{good}{LISTENER}"), " line 12: two listeners have the name \"direct\""),
        (
            with("name = \"x\"\n", "name = \"x\"\nthreads = 9999\n"),
            " line 2: threads must be from 0 (one for each core) to 1024",
        ),
        (BACKEND.to_owned(), ": there must be at least one [[listener]]"),
        (
            format!("{good}fault = [{{ kind = \"rset\", rate = 0.5 }}]\n"),
            " line 11: unknown fault \"rset\", did you mean \"reset\"?",
        ),
        (format!("{good}link = {{ rtt = \"1 parsec\" }}\n"), " line 11: \"1 parsec\" is not a duration"),
        (
            with("gap = \"1ms\" }\n", "gap = \"1ms\" }\nlimits = { rpm = 1, spillover = \"norway\" }\n"),
            " line 6: backend \"sweden\": spills over to \"norway\", which is not there",
        ),
        (
            with("gap = \"1ms\" }\n", "gap = \"1ms\" }\nload = { kind = \"serial\", stage = \"9h\" }\n"),
            " line 6: \"9h\" is not a duration",
        ),
    ]
}

/// Starts a program with these arguments; its exit code and what it complains of.
fn end(program: &dyn Fn() -> Command, args: &[&str]) -> (Option<i32>, String) {
    let output = program().args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Asserts that what a person gets wrong is told as it should be.
pub fn are_told(program: &dyn Fn() -> Command, folder: &Path) {
    let file = folder.join("scenario.toml");
    let name = file.to_str().unwrap();
    let tell = |text: &str| {
        std::fs::write(&file, text).unwrap();
        end(program, &["--scenario", name])
    };
    for (text, sentence) in scenarios() {
        let (code, complaint) = tell(&text);
        assert!(complaint.starts_with(&format!("error: {name}{sentence}")), "{sentence}: {complaint}");
        assert_eq!((code, complaint.matches('\n').count()), (Some(2), 1), "{complaint}");
    }
    for (tls, sentence) in [
        ("{ names = [\"a b\"] }", "tls has the name \"a b\", which is neither a host name nor an address"),
        ("{ names = [\"*.*.x\"] }", "which is neither a host name nor an address"),
        ("{ names = [\"x\"], cert = \"c.pem\", key = \"k.pem\" }", "leave out names, or cert and key"),
        ("{ cert = \"c.pem\" }", "tls has a cert without its key"),
        ("{}", "tls needs cert and key, names, or \"self-signed\""),
    ] {
        let (code, complaint) = tell(&format!("{BACKEND}{LISTENER}tls = {tls}\n"));
        assert_eq!((code, complaint.matches('\n').count()), (Some(2), 1), "{complaint}");
        assert!(complaint.contains(sentence), "{tls}: {complaint}");
    }
    // A certificate that is not there, and one that is none.
    std::fs::write(folder.join("none.key"), "nothing").unwrap();
    for (cert, sentence) in [
        ("none.pem", "none.pem cannot be read: No such file or directory"),
        ("none.key", "are not a certificate and its key"),
    ] {
        let (code, complaint) =
            tell(&format!("{BACKEND}{LISTENER}tls = {{ cert = \"{cert}\", key = \"none.key\" }}\n"));
        assert!(complaint.starts_with("error: listener \"direct\": ") && complaint.contains(sentence), "{complaint}");
        assert!(complaint.contains("write tls = \"self-signed\""), "{complaint}");
        assert_eq!((code, complaint.matches('\n').count()), (Some(2), 1), "{complaint}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    for (args, code, sentence) in [
        (
            ["--scenario", "thre-paths"],
            2,
            "there is no scenario and no file \"thre-paths\"; did you mean \"three-paths\"?",
        ),
        (["--listen", port.as_str()], 1, "listener \"direct\" cannot listen on 127.0.0.1:"),
        (
            ["--listen", port.as_str()],
            1,
            "(os error 98); stop the program that listens there, or choose another port (0 is any free one)",
        ),
        (["--listen", "192.0.2.1:0"], 1, "choose an address of this machine"),
    ] {
        let (found, complaint) = end(program, &args);
        // It may be warned of its address first.
        let complaint = complaint.lines().filter(|line| !line.starts_with("warning: ")).collect::<Vec<_>>();
        let [complaint] = complaint[..] else { panic!("not one sentence: {complaint:?}") };
        assert!(complaint.starts_with("error: ") && complaint.contains(sentence), "{complaint}");
        assert_eq!(found, Some(code), "{complaint}");
    }
    for (args, sentence) in [
        (["--ttft", "fast"], "is not a duration"),
        (["--listen", "here"], "invalid value 'here' for '--listen"),
        (["--output-tokens", "0"], "0 is not in"),
    ] {
        let (found, complaint) = end(program, &args);
        assert!(found == Some(2) && complaint.contains(sentence), "{complaint}");
    }
}
