//! The clients: this driver, and those peers that are installed. Each runs as a process of its own on core 1 and says how
//! many calls succeeded and failed; the kernel says what it cost.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Connections of every client.
pub const CONNECTIONS: usize = 64;
/// The same question of every client but this driver, whose prompts all differ.
const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Say hello to caller number seven and to all the others"}],"max_tokens":10,"stream":false}"#;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// An answer in one piece.
    Whole,
    /// A stream of 64 tokens without delay.
    Stream,
}

impl Load {
    fn body(self) -> String {
        match self {
            Self::Whole => BODY.to_owned(),
            Self::Stream => BODY.replace("false", "true").replace("10", "64"),
        }
    }
}

/// What a client did in one go.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Successful calls a second.
    pub rate: f64,
    /// Processor time a successful call, in microseconds.
    pub cpu_us: f64,
    /// Calls that failed.
    pub failed: u64,
}

/// A client.
#[derive(Clone, Debug)]
pub enum Client {
    /// This driver, as it was built for this benchmark.
    Hopmark(PathBuf),
    /// wrk, in C.
    Wrk,
    /// oha, in Rust.
    Oha,
}

impl Client {
    /// This driver and all peers that are here.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Hopmark(PathBuf::from(env!("CARGO_BIN_EXE_hopmark")))];
        all.extend([Self::Wrk, Self::Oha].into_iter().filter(|peer| peer.version().is_some()));
        all
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hopmark(_) => "hopmark",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
        }
    }

    fn program(&self) -> &Path {
        match self {
            Self::Hopmark(path) => path,
            Self::Wrk | Self::Oha => Path::new(self.name()),
        }
    }

    /// Its version in its own words; none if it is not installed.
    pub fn version(&self) -> Option<String> {
        let flag = if let Self::Wrk = self { "-v" } else { "--version" };
        let output = Command::new(self.program()).arg(flag).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let line = String::from_utf8_lossy(&text).lines().next()?.to_owned();
        Some(line.split(" Copyright").next()?.trim().to_owned())
    }

    /// Asks the server at `port` for `seconds` seconds.
    pub fn run(&self, load: Load, port: &str, seconds: u64, dir: &Path) -> io::Result<Took> {
        match self {
            Self::Hopmark(program) => hopmark(program, load, port, seconds, dir),
            Self::Wrk => wrk(load, port, seconds, dir),
            Self::Oha => oha(load, port, seconds),
        }
    }
}

pub fn on_core_1(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(program).stdin(Stdio::null());
    command
}

/// Runs a command; what it printed, and the processor time that it and its own took, in seconds.
pub fn timed(command: &mut Command) -> io::Result<(String, f64)> {
    let before = children_cpu_s()?;
    let output = command.stderr(Stdio::inherit()).output()?;
    // This driver ends with 4 when it was itself the limit, which is what such a load is for.
    if !matches!(output.status.code(), Some(0 | 4)) {
        return Err(io::Error::other(format!("{command:?} ended with {}", output.status)));
    }
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), children_cpu_s()? - before))
}

/// The processor time of all children that have ended, in seconds (proc_pid_stat(5), fields 16 and 17, in ticks of
/// 10 ms).
fn children_cpu_s() -> io::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / 100.0)
}

fn hopmark(program: &Path, load: Load, port: &str, seconds: u64, dir: &Path) -> io::Result<Took> {
    let profile = dir.join("profile.toml");
    let (stream, tokens) = match load {
        Load::Whole => (false, 10),
        Load::Stream => (true, 64),
    };
    std::fs::write(
        &profile,
        format!(
            "name = \"peers\"\n[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\napi = \"chat\"\nstream = {stream}\n\
             input_tokens = {{ dist = \"fixed\", value = 16 }}\noutput_tokens = {{ dist = \"fixed\", value = {tokens} }}\n\
             [load]\nkind = \"closed\"\nconcurrency = {CONNECTIONS}\nwarmup = \"1s\"\nduration = \"{seconds}s\"\n\
             [[path]]\nname = \"here\"\nkind = \"direct\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n"
        ),
    )?;
    let out = dir.join(format!("run-{}", std::fs::read_dir(dir)?.count()));
    let mut command = on_core_1(program);
    // The run may be invalid, for its processor is full by intention; what counts is that no call fails.
    timed(command.args(["run", "--quiet", "--skip-preflight"]).arg(&profile).arg("--out").arg(&out))?;
    let read = |file: &str| -> io::Result<Value> { Ok(serde_json::from_slice(&std::fs::read(out.join(file))?)?) };
    let (summary, manifest) = (read("summary.json")?, read("manifest.json")?);
    let requests = &summary["paths"]["here"]["requests"];
    let ok = requests["ok"].as_f64().unwrap_or(0.0);
    let failed = ["failed", "incomplete"].iter().filter_map(|key| requests[key].as_u64()).sum();
    let cpu_s = find(&manifest, "cpu_s").ok_or_else(|| io::Error::other("the manifest does not say cpu_s"))?;
    Ok(Took { rate: ok / seconds as f64, cpu_us: cpu_s * 1e6 / ok, failed })
}

pub fn find(value: &Value, key: &str) -> Option<f64> {
    match value {
        Value::Object(map) => map.get(key).and_then(Value::as_f64).or_else(|| map.values().find_map(|v| find(v, key))),
        Value::Array(all) => all.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}

fn wrk(load: Load, port: &str, seconds: u64, dir: &Path) -> io::Result<Took> {
    let script = dir.join("post.lua");
    std::fs::write(
        &script,
        format!(
            "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\nwrk.body = '{}'\n\
             function done(s)\n  local e = s.errors\n  print(string.format(\"RESULT %d %d %d\", s.requests, \
             e.connect + e.read + e.write + e.status + e.timeout, s.duration))\nend\n",
            load.body()
        ),
    )?;
    let mut command = on_core_1(Path::new("wrk"));
    command.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "-s"]).arg(&script);
    let (text, cpu_s) = timed(command.arg(format!("http://127.0.0.1:{port}/v1/chat/completions")))?;
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap_or_default();
    let numbers: Vec<f64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [requests, failed, micros] => {
            Ok(Took { rate: requests / (micros / 1e6), cpu_us: cpu_s * 1e6 / requests, failed: failed as u64 })
        }
        _ => Err(io::Error::other(format!("wrk printed: {text}"))),
    }
}

fn oha(load: Load, port: &str, seconds: u64) -> io::Result<Took> {
    let mut command = on_core_1(Path::new("oha"));
    command.args(["--no-tui", "--output-format", "json", "-m", "POST", "-T", "application/json"]);
    command.args(["-z", &format!("{seconds}s"), "-c", &CONNECTIONS.to_string(), "-d", &load.body()]);
    let (text, cpu_s) = timed(command.arg(format!("http://127.0.0.1:{port}/v1/chat/completions")))?;
    let result: Value = serde_json::from_str(&text)?;
    let codes = result["statusCodeDistribution"].as_object();
    let count = |ok: bool| -> f64 {
        let codes = codes.into_iter().flatten().filter(|(code, _)| (*code == "200") == ok);
        codes.filter_map(|(_, count)| count.as_f64()).sum()
    };
    let errors = result["errorDistribution"].as_object().into_iter().flatten();
    // Calls under way at the end are cut by it and counted so; they are no failures.
    let broken: f64 =
        errors.filter(|(what, _)| !what.contains("deadline")).filter_map(|(_, count)| count.as_f64()).sum();
    let took = result["summary"]["total"].as_f64().unwrap_or(seconds as f64);
    Ok(Took { rate: count(true) / took, cpu_us: cpu_s * 1e6 / count(true), failed: (count(false) + broken) as u64 })
}
