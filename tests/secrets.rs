//! A secret stands in no output of any verb, wherever it was given and whoever repeats it, and in no list of processes.

#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/process.rs"]
mod process;
#[allow(dead_code, reason = "the other half of the module serves other tests")]
#[path = "support/scripted.rs"]
mod scripted;

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use process::{hopmark, long_run, pid, printed};
use scripted::{Do, Scripted, whole};

const SECRET: &str = "Zq7/Xv9+Kw3=Rb5-Tn8_Jd2.Hf6~Lm4";
const VARIABLE: &str = "HOPMARK_SECRETS_TEST";

/// Fails when a text holds the secret, or eight letters of it in a row, in any letter case, or its base64.
fn tells_nothing(text: &str, place: &str) {
    let text = text.to_lowercase();
    let coded = STANDARD.encode(SECRET);
    let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for (whole, part) in [(SECRET, 8), (&coded, 12), (&percent, 24)] {
        let whole = whole.to_lowercase();
        let found = (0..=whole.len() - part).map(|at| &whole[at..at + part]).find(|part| text.contains(part));
        assert_eq!(found, None, "{place}: {text}");
    }
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn nothing_tells(output: &Output, dir: &Path) {
    tells_nothing(&printed(output), "what is printed");
    for file in walk(dir) {
        let bytes = std::fs::read(&file).expect("a file");
        tells_nothing(&String::from_utf8_lossy(&bytes), &file.display().to_string());
    }
}

#[test]
fn no_message_about_flags_repeats_a_secret() {
    let rest = ["--model", "m", "--rate", "1/s", "--duration", "1s", "--dry-run"];
    let run = |path: &str| [&["run", "--path", path][..], &rest].concat().iter().map(|arg| (*arg).to_owned()).collect();
    let flags = |line: &str| -> Vec<String> { line.split(' ').map(|arg| arg.replace("SECRET", SECRET)).collect() };
    let mut lines: Vec<Vec<String>> = [
        "run --key SECRET",
        "run --key=SECRET",
        "run SECRET.toml --path a=http://h/v1 --key=SECRET",
        "run --set path.a.auth.key=SECRET",
        "run --set path.direct.auth.env=SECRET",
        "run --set path.direct.base_url=https://user:SECRET@host/v1",
        "run --set path.direct.base_url=https://host/v1?api-key=SECRET",
        "run --path https://user:SECRET@host/v1",
        "sim --key SECRET --nonsense",
        "sim --key SECRET SECRET",
        "sim --key SECRET --listen nowhere",
        "sim --key SECRET --scenario no-such-scenario",
        "sim --key SECRET --describe",
        "sim --key=SECRET --key=SECRET",
        "compare https://user:SECRET@host/run other",
        "compare --key SECRET a b",
        "report --key SECRET a",
        "trend --token SECRET a",
        "trend . --margin https://user:SECRET@host/",
        "init --key=SECRET",
        "schema SECRET --key SECRET",
        "selftest --key SECRET",
        "--key SECRET",
    ]
    .into_iter()
    .map(flags)
    .collect();
    for url in ["https://SECRET@host/v1", "https://user:SECRET@host/v1", "https://host/v1?key=SECRET", "SECRET://host"]
    {
        lines.push(run(&format!("a={}", url.replace("SECRET", SECRET))));
    }
    for line in lines {
        let args: Vec<&str> = line.iter().map(String::as_str).collect();
        // Also what a variable of the shell holds is given by mistake.
        let output = hopmark(&args).env("SECRETS_API_KEY", SECRET).output().expect("it runs");
        tells_nothing(&printed(&output), &line.join(" "));
    }
}

#[test]
fn no_message_about_a_profile_repeats_a_secret() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.toml");
    let path = |more: &str| format!("[[path]]\nname = \"a\"\n{}\n", more.replace("SECRET", SECRET));
    for more in [
        "base_url = \"https://user:SECRET@host/v1\"",
        "base_url = \"https://SECRET@host/v1\"",
        "base_url = \"https://host/v1?api-key=SECRET\"",
        "base_url = \"https://host/v1#SECRET\"",
        "base_url = \"http://host/v1\"\nkey = \"SECRET\"",
        "base_url = \"http://host/v1\"\nauth = \"SECRET\"",
        "base_url = \"http://host/v1\"\nauth = { kind = \"SECRET\" }",
        "base_url = \"http://host/v1\"\nauth = { kind = \"api-key\", env = \"SECRET\" }",
        "base_url = \"http://host/v1\"\nauth = { kind = \"api-key\", key = \"SECRET\" }",
    ] {
        let profile = format!(
            "name = \"s\"\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\ninput_tokens = 20\noutput_tokens = 4\n\
             [load]\nrate = \"1/s\"\nduration = \"1s\"\n{}",
            path(more)
        );
        std::fs::write(&file, profile).expect("a profile");
        let output = hopmark(&["run", "--dry-run"]).arg(&file).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{more}: {}", printed(&output));
        tells_nothing(&printed(&output), more);
    }
}

#[test]
fn a_plan_names_the_place_of_a_secret_alone() {
    let args = ["run", "--dry-run", "--path", "a=http://127.0.0.1:1/v1", "--model", "m", "--rate", "20/s"];
    for (form, names) in [(&["--json"][..], true), (&[], false)] {
        let mut command = hopmark(&args);
        let output =
            command.args(["--duration", "3s", "--key-env", VARIABLE]).args(form).env(VARIABLE, SECRET).output();
        let told = printed(&output.expect("it runs"));
        assert_eq!(told.contains(VARIABLE), names, "{told}");
        tells_nothing(&told, "the plan");
    }
}

/// The secret in a text, in pieces of HTTP that cut it anywhere.
fn in_pieces(head: &str, text: &str) -> Vec<u8> {
    let mut answer = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for piece in text.as_bytes().chunks(5) {
        answer.extend(format!("{:x}\r\n", piece.len()).bytes().chain(piece.iter().copied()).chain(*b"\r\n"));
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

#[test]
fn what_a_server_repeats_of_a_secret_is_nowhere() {
    let json = "content-type: application/json\r\n";
    let parts = (0..=SECRET.len() - 8).step_by(4).map(|at| &SECRET[at..SECRET.len().min(at + 11)]);
    let mut answers: Vec<Vec<u8>> =
        parts.zip(430..).map(|(part, status)| whole(status, "text/plain", "", part)).collect();
    answers.extend([
        in_pieces(&format!("HTTP/1.1 500 {SECRET}\r\n{json}"), &format!("{{\"error\":\"bad key {SECRET}\"}}")),
        in_pieces("HTTP/1.1 501 No\r\n", &format!("<title>{}</title>", STANDARD.encode(format!("x:{SECRET}")))),
        in_pieces("HTTP/1.1 502 No\r\n", &SECRET.chars().map(|c| format!("{c}\u{200b}")).collect::<String>()),
        in_pieces(&format!("HTTP/1.1 302 No\r\nlocation: http://h/{SECRET}/x\r\n"), ""),
        in_pieces(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n",
            &format!("data: {{\"error\":\"{SECRET}\"}}\n\n"),
        ),
        whole(200, "application/json", &format!("x-ms-region: {}\r\nx-request-id: {SECRET}\r\n", &SECRET[3..20]), "{}"),
        format!("HTTP/1.1 {SECRET}\r\n\r\n").into_bytes(),
        SECRET.as_bytes().to_vec(),
    ]);
    let (count, next) = (answers.len(), AtomicUsize::new(0));
    let server = Scripted::start(move |_| Do::Cut(answers[next.fetch_add(1, Ordering::SeqCst) % count].clone()));
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out");
    for preflight in [true, false] {
        let mut run = hopmark(&["run", "--model", "m", "--rate", "20/s", "--duration", "2s", "--warmup", "0s"]);
        run.env(VARIABLE, SECRET).args(["--key-env", VARIABLE, "--set", "limits.failures_in_a_row=1000"]);
        run.arg("--path").arg(format!("a={}", server.url())).arg("--out").arg(&out);
        if !preflight {
            run.arg("--skip-preflight");
        }
        nothing_tells(&run.output().expect("it runs"), folder.path());
    }
    assert!(std::fs::read_to_string(out.join("errors.jsonl")).expect("errors").contains("***"));
    let formats = "terminal,json,csv,html,svg,md,junit,hlog,hgrm,k6,vllm,github-benchmark,bencher,otava,prometheus";
    let shown = hopmark(&["report", "--format", formats]).arg(&out).output().expect("it runs");
    assert_eq!(shown.status.code(), Some(3), "{}", printed(&shown));
    nothing_tells(&shown, folder.path());
}

#[test]
fn the_key_of_the_bundled_simulator_is_in_no_list_of_processes() {
    let folder = tempfile::tempdir().expect("folder");
    let mut child = long_run(&folder.path().join("out"), &["--quiet"]);
    let of_run = |entry: &Path| {
        let stat = std::fs::read_to_string(entry.join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()?;
        (parent == child.id()).then(|| std::fs::read(entry.join("cmdline")).unwrap_or_default())
    };
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let lines: Vec<String> = processes
        .filter_map(|entry| of_run(&entry.path()))
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect();
    rustix::process::kill_process(pid(&child), rustix::process::Signal::KILL).expect("killed");
    child.wait().expect("its end");
    let [line] = &lines[..] else { panic!("one simulator: {lines:?}") };
    assert!(line.contains(" sim ") && line.contains(" --key-env ") && !line.contains(" --key "), "{line}");
    assert!(!line.contains("sim-"), "{line}");
}
