//! How late the simulator itself is: planned to real writes from its ledger, for 1, 100 and 1,000 streams of 50 tokens a
//! second, and the memory of 5,000 streams that wait.
//!
//! The simulator has core 0 and this client core 1, if `taskset` is there to say so.
#![allow(clippy::print_stdout, missing_docs)]

mod support;

use std::io;
use std::time::{Duration, Instant};

use serde::Deserialize;
use support::{Connection, Server, request};

const TOKENS: usize = 100;

#[derive(Deserialize)]
struct Record {
    stream: bool,
    planned: Option<Planned>,
    recv_ns: u64,
    first_ns: Option<u64>,
    end_ns: Option<u64>,
}

#[derive(Deserialize)]
struct Planned {
    first_ms: f64,
    end_ms: f64,
}

/// Opens `streams` streams spread over a second and reads all of them to their end.
fn run(address: &str, streams: usize) -> io::Result<()> {
    let more = format!(",\"max_tokens\":{TOKENS},\"stream\":true");
    let begin = Instant::now();
    let mut open = Vec::with_capacity(streams);
    for i in 0..streams {
        let due = Duration::from_secs_f64(i as f64 / streams as f64);
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
        let mut connection = Connection::open(address)?;
        connection.send(&request(i as u64, &more))?;
        open.push(connection);
    }
    for connection in &mut open {
        if connection.events()? != TOKENS {
            return Err(io::Error::other("a stream was short"));
        }
    }
    Ok(())
}

/// How late each first token and each end was, in milliseconds, sorted.
fn errors(address: &str) -> io::Result<Vec<f64>> {
    let mut connection = Connection::open(address)?;
    connection.send(b"GET /_sim/ledger HTTP/1.1\r\nhost: sim\r\n\r\n")?;
    let mut errors = Vec::new();
    connection.answer_large(|body| {
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record: Record = serde_json::from_slice(line)?;
            let late = |at: u64, planned: f64| at.saturating_sub(record.recv_ns) as f64 / 1e6 - planned;
            if let (true, Some(planned), Some(first), Some(end)) =
                (record.stream, &record.planned, record.first_ns, record.end_ns)
            {
                errors.extend([late(first, planned.first_ms), late(end, planned.end_ms)]);
            }
        }
        Ok(())
    })?;
    errors.sort_unstable_by(f64::total_cmp);
    Ok(errors)
}

fn main() -> io::Result<()> {
    if let Some(code) = support::pinned() {
        std::process::exit(code);
    }
    println!("{:>8} {:>10} {:>10} {:>10} {:>8}", "streams", "p50 ms", "p99 ms", "max ms", "RSS MB");
    for streams in [1, 100, 1000] {
        let server = Server::simulator("200ms", "20ms")?;
        run(&server.address, streams)?;
        let errors = errors(&server.address)?;
        if errors.len() != 2 * streams {
            return Err(io::Error::other(format!("the ledger has {} of {} times", errors.len(), 2 * streams)));
        }
        let at = |q: f64| errors[((q * errors.len() as f64) as usize).min(errors.len() - 1)];
        let memory = server.rss_mb().unwrap_or(f64::NAN);
        println!("{streams:>8} {:>10.3} {:>10.3} {:>10.3} {memory:>8.0}", at(0.5), at(0.99), at(1.0));
    }
    idle()
}

/// The memory of 5,000 streams that wait for their next token.
fn idle() -> io::Result<()> {
    let server = Server::simulator("100ms", "10s")?;
    let before = server.rss_mb().unwrap_or(f64::NAN);
    let mut open = Vec::new();
    for i in 0..5000 {
        let mut connection = Connection::open_small(&server.address)?;
        connection.send(&request(i, ",\"max_tokens\":64,\"stream\":true"))?;
        open.push(connection);
    }
    for connection in &mut open {
        connection.until_content()?;
    }
    let after = server.rss_mb().unwrap_or(f64::NAN);
    println!("5,000 idle-paced streams: {after:.0} MB, {before:.0} MB before them");
    Ok(())
}
