//! What both benchmarks need: a server in a process and on a core of its own, and a client without weight.
#![allow(dead_code, unreachable_pub)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

/// Whether processes can be pinned to cores.
pub fn has_taskset() -> bool {
    Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs this benchmark again on core 1 if it is not there yet; the result is then its exit code.
pub fn pinned() -> Option<i32> {
    if std::env::var_os("BENCH_PINNED").is_some() || !has_taskset() {
        return None;
    }
    let this = std::env::current_exe().ok()?;
    let status = Command::new("taskset").args(["-c", "1"]).arg(this).env("BENCH_PINNED", "1").status().ok()?;
    Some(status.code().unwrap_or(1))
}

/// A server in a process of its own, on core 0.
pub struct Server {
    child: Child,
    pub address: String,
}

#[derive(Deserialize)]
struct Ready {
    listeners: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    url: String,
}

impl Server {
    /// The simulator with one thread and these times.
    pub fn simulator(first: &str, gap: &str) -> io::Result<Self> {
        let file = scenario(first, gap)?;
        let (program, mut args) = on_core_0(env!("CARGO_BIN_EXE_mock-backend"));
        args.extend(["--ready-json", "--parent", "--scenario"].map(str::to_owned));
        args.push(file.display().to_string());
        let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(out) = child.stdout.as_mut() {
            BufReader::new(out).read_line(&mut line)?;
        }
        std::fs::remove_file(file)?;
        let ready: Ready = serde_json::from_str(&line)?;
        let url = ready.listeners.first().map(|place| place.url.clone()).unwrap_or_default();
        Ok(Self { child, address: url.replace("http://", "") })
    }

    /// The memory that it holds, in MB.
    pub fn rss_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scenario(first: &str, gap: &str) -> io::Result<PathBuf> {
    let file = std::env::temp_dir().join(format!("sim-bench-{}-{first}.toml", std::process::id()));
    let text = format!(
        "name = \"bench\"\nthreads = 1\nledger = 400000\n[[backend]]\nname = \"b\"\n\
         model = {{ first = \"{first}\", gap = \"{gap}\" }}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n"
    );
    std::fs::write(&file, text)?;
    Ok(file)
}

fn on_core_0(program: &str) -> (String, Vec<String>) {
    if has_taskset() {
        ("taskset".to_owned(), ["-c", "0", program].map(str::to_owned).to_vec())
    } else {
        (program.to_owned(), Vec::new())
    }
}

/// Connections that are written to and read from in turn.
pub struct Connection {
    stream: TcpStream,
    room: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, room: vec![0; 64 << 10], filled: 0 })
    }

    /// A connection with little room, for many of them.
    pub fn open_small(address: &str) -> io::Result<Self> {
        Ok(Self { room: vec![0; 4 << 10], ..Self::open(address)? })
    }

    /// Reads until there is content.
    pub fn until_content(&mut self) -> io::Result<()> {
        while find(&self.room[..self.filled], b"\"delta\":{\"content\"").is_none() {
            self.fill()?;
        }
        Ok(())
    }

    /// Reads one answer with a length that may be larger than the room.
    pub fn answer_large(&mut self, look: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        while head(&self.room[..self.filled])?.is_none_or(|(start, length)| self.filled < start + length) {
            if self.filled == self.room.len() {
                self.room.resize(2 * self.room.len(), 0);
            }
            self.fill()?;
        }
        self.answer(look)
    }

    pub fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)
    }

    fn fill(&mut self) -> io::Result<()> {
        let n = self.stream.read(&mut self.room[self.filled..])?;
        self.filled += n;
        if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Reads one answer with a length, and gives its body to `look`.
    pub fn answer(&mut self, look: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        loop {
            if let Some((start, length)) = head(&self.room[..self.filled])?
                && self.filled >= start + length
            {
                look(&self.room[start..start + length])?;
                self.room.copy_within(start + length..self.filled, 0);
                self.filled -= start + length;
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Reads one stream, undoes its chunks, parses each of its events, and says how many had content.
    pub fn events(&mut self) -> io::Result<usize> {
        while find(&self.room[..self.filled], b"\r\n\r\n").is_none() {
            self.fill()?;
        }
        let mut at = find(&self.room[..self.filled], b"\r\n\r\n").unwrap_or(0) + 4;
        if !self.room.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other("not 200"));
        }
        let (mut text, mut contents) = (Vec::with_capacity(32 << 10), 0);
        loop {
            let rest = &self.room[at..self.filled];
            let line = find(rest, b"\r\n").and_then(|end| {
                Some((usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?, at + end + 2))
            });
            match line {
                Some((size, start)) if self.filled >= start + size + 2 => {
                    text.extend_from_slice(&self.room[start..start + size]);
                    at = start + size + 2;
                    contents += decode(&mut text)?;
                    if size == 0 {
                        self.room.copy_within(at..self.filled, 0);
                        self.filled -= at;
                        return Ok(contents);
                    }
                }
                _ => {
                    self.room.copy_within(at..self.filled, 0);
                    self.filled -= at;
                    at = 0;
                    self.fill()?;
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a str>,
}

/// Takes the complete events out of `text`; how many of them had content.
fn decode(text: &mut Vec<u8>) -> io::Result<usize> {
    let (mut at, mut contents) = (0, 0);
    while let Some(end) = find(&text[at..], b"\n\n") {
        let event = &text[at..at + end];
        at += end + 2;
        let Some(data) = event.strip_prefix(b"data: ") else { return Err(io::Error::other("no data")) };
        if data != b"[DONE]" {
            let chunk: Chunk<'_> = serde_json::from_slice(data)?;
            let has_content = |choice: &Choice<'_>| choice.delta.content.is_some_and(|text| !text.is_empty());
            contents += usize::from(chunk.choices.iter().any(has_content));
        }
    }
    text.drain(..at);
    Ok(contents)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

/// Where the body begins and how long it is, once the head is complete.
fn head(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    if !bytes.starts_with(b"HTTP/1.1 200") {
        return Err(io::Error::other(String::from_utf8_lossy(&bytes[..end]).into_owned()));
    }
    let length = find(&bytes[..end], b"ontent-length: ").map(|at| {
        let digits = bytes[at + 15..end].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
    });
    length.map(|length| Some((end + 4, length))).ok_or_else(|| io::Error::other("no length"))
}

/// Request number `number`; no two bodies are the same.
pub fn request(number: u64, more: &str) -> Vec<u8> {
    let body = format!(
        "{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":\"Say hello to caller {number}\"}}]{more}}}"
    );
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\napi-key: k\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
