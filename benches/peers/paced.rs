//! Streams at a pace: how far each tool's time to the first token lies from what the bundled simulator really did.
//!
//! The simulator runs on core 0 and keeps its ledger; each tool keeps 100 streams open from core 1. The tools in Python say
//! quantiles only, so quantiles of what they read are held against the same quantiles of the truth.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::{find, on_core_1, timed};
use crate::middle;

const STREAMS: u64 = 100;
const CALLS: u64 = 400;
const TOKENS: u64 = 64;
const ROUNDS: usize = 3;
const KEY: &str = "peers";
/// Under this name a tokenizer in Python looks for o200k_base in its cache: the SHA-1 of where it would fetch it.
const VOCABULARY: &str = "fb374d419588a4632f3f557e76b4b70aebbca790";

/// The driver's own build, which is the simulator's too.
fn hopmark() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_hopmark"))
}

/// A tool that reads times to the first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Hopmark,
    Aiperf,
    Guidellm,
}

/// Quantiles of the time to the first token, ms, and what they cost.
#[derive(Clone, Copy, Debug)]
struct Reading {
    p50: f64,
    p99: f64,
    cpu_s: f64,
}

struct Simulator {
    child: Child,
    address: String,
}

impl Simulator {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(hopmark()).args(["sim", "--ttft", "200ms", "--itl", "20ms", "--parent"]);
        command.args(["--output-tokens", &TOKENS.to_string(), "--key", KEY, "--ready-json"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.as_mut() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let ready: Value = serde_json::from_str(&line)?;
        let url = ready["listeners"][0]["url"].as_str().unwrap_or_default();
        Ok(Self { child, address: url.trim_start_matches("http://").to_owned() })
    }

    /// The true times to the first token of all chat calls, ms, the shortest first.
    fn truth(&self) -> io::Result<Vec<f64>> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(b"GET /_sim/ledger HTTP/1.0\r\nhost: simulator\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let lines = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).lines();
        let mut times = Vec::new();
        for line in lines {
            let line: Value = serde_json::from_str(line)?;
            let (received, first) = (line["recv_ns"].as_f64(), line["first_ns"].as_f64());
            if let (Some("chat"), Some(received), Some(first)) = (line["api"].as_str(), received, first) {
                times.push((first - received) / 1e6);
            }
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tool {
    /// This driver and the tools that are here.
    fn all() -> Vec<Self> {
        [Self::Hopmark, Self::Aiperf, Self::Guidellm].into_iter().filter(|tool| tool.version().is_some()).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hopmark => "hopmark",
            Self::Aiperf => "aiperf",
            Self::Guidellm => "guidellm",
        }
    }

    fn program(self) -> PathBuf {
        match self {
            Self::Hopmark => hopmark(),
            Self::Aiperf | Self::Guidellm => PathBuf::from(self.name()),
        }
    }

    fn version(self) -> Option<String> {
        let output = Command::new(self.program()).arg("--version").stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Some(format!("{} {}", self.name(), text.split_whitespace().last()?))
    }

    fn read(self, address: &str, dir: &Path) -> io::Result<Reading> {
        match self {
            Self::Hopmark => by_hopmark(address, dir),
            Self::Aiperf => by_aiperf(address, dir),
            Self::Guidellm => by_guidellm(address, dir),
        }
    }
}

fn json(path: &Path) -> io::Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

fn figure(value: &Value, what: &str) -> io::Result<f64> {
    value.as_f64().ok_or_else(|| io::Error::other(format!("there is no {what}")))
}

fn by_hopmark(address: &str, dir: &Path) -> io::Result<Reading> {
    let profile = dir.join("paced.toml");
    let seconds = CALLS / STREAMS * 3 / 2;
    std::fs::write(
        &profile,
        format!(
            "name = \"paced\"\n[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\napi = \"chat\"\nstream = true\n\
             input_tokens = {{ dist = \"fixed\", value = 100 }}\noutput_tokens = {{ dist = \"fixed\", value = {TOKENS} }}\n\
             [load]\nkind = \"closed\"\nconcurrency = {STREAMS}\nwarmup = \"0s\"\nduration = \"{seconds}s\"\n\
             [[path]]\nname = \"here\"\nkind = \"direct\"\nbase_url = \"http://{address}/v1\"\n\
             auth = {{ kind = \"api-key\", env = \"PEERS_KEY\" }}\n"
        ),
    )?;
    let out = dir.join("paced");
    let mut command = on_core_1(&hopmark());
    command.args(["run", "--quiet", "--skip-preflight"]).arg(&profile).arg("--out").arg(&out).env("PEERS_KEY", KEY);
    timed(&mut command)?;
    let (summary, manifest) = (json(&out.join("summary.json"))?, json(&out.join("manifest.json"))?);
    std::fs::remove_dir_all(&out)?;
    let ttft = &summary["paths"]["here"]["metrics"]["ttft"];
    let cpu_s = find(&manifest, "cpu_s").ok_or_else(|| io::Error::other("the manifest does not say cpu_s"))?;
    Ok(Reading { p50: figure(&ttft["p50"], "median")?, p99: figure(&ttft["p99"], "p99")?, cpu_s })
}

fn by_aiperf(address: &str, dir: &Path) -> io::Result<Reading> {
    let cache = dir.join("vocabulary");
    if !cache.exists() {
        std::fs::create_dir(&cache)?;
        let vocabulary =
            Command::new(env!("CARGO")).args(["run", "--quiet", "--locked", "--example", "o200k"]).output()?;
        std::fs::write(cache.join(VOCABULARY), vocabulary.stdout)?;
    }
    let work = tempfile::tempdir_in(dir)?;
    let mut command = on_core_1(Path::new("aiperf"));
    command.args(["profile", "--model", "gpt-4o", "--endpoint-type", "chat", "--streaming", "--tokenizer", "builtin"]);
    command.args(["--url", &format!("http://{address}"), "--api-key", KEY, "--concurrency", &STREAMS.to_string()]);
    command.args(["--request-count", &CALLS.to_string(), "--synthetic-input-tokens-mean", "100"]);
    command.args(["--output-tokens-mean", &TOKENS.to_string(), "--ui", "none", "--no-server-metrics"]);
    command.arg("--no-gpu-telemetry").current_dir(work.path()).stderr(Stdio::null());
    let (_, cpu_s) = timed(command.env("TIKTOKEN_CACHE_DIR", &cache).env("HF_HUB_OFFLINE", "1"))?;
    let runs = std::fs::read_dir(work.path().join("artifacts"))?;
    let export = runs.flatten().map(|run| run.path().join("profile_export_aiperf.json")).find(|file| file.is_file());
    let ttft = json(&export.ok_or_else(|| io::Error::other("aiperf left no export"))?)?["time_to_first_token"].take();
    Ok(Reading { p50: figure(&ttft["p50"], "median")?, p99: figure(&ttft["p99"], "p99")?, cpu_s })
}

fn by_guidellm(address: &str, dir: &Path) -> io::Result<Reading> {
    let (data, out) = (dir.join("prompts.jsonl"), dir.join("guidellm.json"));
    let prompts = (0..CALLS).map(|number| {
        format!("{{\"prompt\": \"Say hello to caller number {number}\", \"output_tokens_count\": {TOKENS}}}\n")
    });
    std::fs::write(&data, prompts.collect::<String>())?;
    let mut command = on_core_1(Path::new("guidellm"));
    let backend = format!(
        "kind=openai_http,target=http://{address},model=gpt-4o,api_key={KEY},\
         request_format=/v1/chat/completions,validate_backend=false"
    );
    command.args(["run", "--backend", &backend, "--profile", &format!("kind=concurrent,streams={STREAMS}")]);
    command.args(["--constraint", &format!("kind=max_requests,count={CALLS}")]);
    command.args(["--data", &format!("kind=json_file,path={}", data.display())]);
    command.args(["--output", &format!("kind=json,path={}", out.display()), "--disable-console"]);
    let (_, cpu_s) = timed(command.stderr(Stdio::null()).env("HF_HUB_OFFLINE", "1"))?;
    let ttft = json(&out)?["benchmarks"][0]["metrics"]["time_to_first_token_ms"]["successful"]["percentiles"].take();
    Ok(Reading { p50: figure(&ttft["p50"], "median")?, p99: figure(&ttft["p99"], "p99")?, cpu_s })
}

/// Each tool in turn, several times over: the middle of its errors.
pub fn compare() -> io::Result<String> {
    let (dir, tools) = (tempfile::tempdir()?, Tool::all());
    let mut errors: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new(); tools.len()];
    for _ in 0..ROUNDS {
        for (tool, errors) in tools.iter().zip(&mut errors) {
            let simulator = Simulator::start()?;
            let reading = tool.read(&simulator.address, dir.path())?;
            let truth = simulator.truth()?;
            let at = |q: f64| truth.get((q * (truth.len() - 1) as f64).round() as usize).copied().unwrap_or(f64::NAN);
            errors.push((reading.p50 - at(0.5), reading.p99 - at(0.99), reading.cpu_s * 1e3 / truth.len() as f64));
        }
    }
    let versions: Vec<String> = tools.iter().filter_map(|tool| tool.version()).collect();
    let mut table = format!(
        "{}. {STREAMS} streams at once of {TOKENS} tokens, 200 ms to the first and 20 ms from one to the next, {CALLS} \
         calls; medians of {ROUNDS} rounds, in turn. The error is a quantile of what the tool read minus the same \
         quantile of the truth; what a tool costs includes its start:\n\n",
        versions.join("; ")
    );
    table.push_str("| tool | TTFT error p50, ms | p99, ms | CPU a call, ms |\n|---|---|---|---|\n");
    for (tool, errors) in tools.iter().zip(&errors) {
        let of = |pick: fn(&(f64, f64, f64)) -> f64| middle(errors.iter().map(pick).collect());
        let (p50, p99, cpu) = (of(|error| error.0), of(|error| error.1), of(|error| error.2));
        let _ = writeln!(table, "| {} | {p50:+.2} | {p99:+.2} | {cpu:.2} |", tool.name());
    }
    Ok(table)
}
