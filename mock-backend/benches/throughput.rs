//! How much one core answers: small chats in one piece, and streams of 64 tokens without delay.
//!
//! The simulator has core 0, this client core 1, if `taskset` is there to say so. The ledger is on, every body differs,
//! every answer is parsed. With `BENCH_PEER=host:port` the same is asked of another server, in turn with the simulator.
#![allow(clippy::print_stdout, missing_docs)]

mod support;

use std::io;
use std::time::{Duration, Instant};

use serde::Deserialize;
use support::{Connection, Server, request};

const CONNECTIONS: usize = 64;
const TAKES: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

#[derive(Deserialize)]
struct Answer {
    usage: Usage,
}

#[derive(Deserialize)]
struct Usage {
    completion_tokens: u64,
}

fn open(address: &str) -> io::Result<Vec<Connection>> {
    (0..CONNECTIONS).map(|_| Connection::open(address)).collect()
}

/// Runs `exchange` over all connections in two halves, so that neither side waits for the other, and says how much
/// came a second.
fn rate(address: &str, more: &str, mut read: impl FnMut(&mut Connection) -> io::Result<usize>) -> io::Result<f64> {
    let mut connections = open(address)?;
    let mut number = 0;
    let mut next = || {
        number += 1;
        request(number, more)
    };
    for connection in &mut connections {
        connection.send(&next())?;
    }
    let (begin, mut came) = (Instant::now(), 0);
    while begin.elapsed() < TAKES {
        for half in connections.chunks_mut(CONNECTIONS / 2) {
            for connection in half {
                came += read(connection)?;
                connection.send(&next())?;
            }
        }
    }
    let took = begin.elapsed();
    for connection in &mut connections {
        read(connection)?;
    }
    Ok(came as f64 / took.as_secs_f64())
}

fn whole(address: &str) -> io::Result<f64> {
    rate(address, ",\"max_tokens\":10", |connection| {
        connection.answer(|body| {
            let answer: Answer = serde_json::from_slice(body)?;
            if answer.usage.completion_tokens == 0 { Err(io::Error::other("no tokens")) } else { Ok(()) }
        })?;
        Ok(1)
    })
}

fn streams(address: &str) -> io::Result<f64> {
    rate(address, ",\"max_tokens\":64,\"stream\":true", Connection::events)
}

type Measure = fn(&str) -> io::Result<f64>;

/// The middle of several rounds, ours and the peer's in turn.
fn compare(what: &str, measure: Measure, ours: &str, peer: Option<&str>) -> io::Result<()> {
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        mine.push(measure(ours)?);
        match peer.map(measure) {
            Some(Ok(rate)) => theirs.push(rate),
            Some(Err(error)) => println!("{what:<34} the peer's answers cannot be read: {error}"),
            None => {}
        }
    }
    let middle = |rates: &mut Vec<f64>| {
        rates.sort_unstable_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    };
    match (middle(&mut mine), middle(&mut theirs)) {
        (Some(mine), Some(theirs)) => {
            println!("{what:<34} {mine:>10.0}   peer {theirs:>10.0}   ratio {:.2}", mine / theirs);
        }
        (Some(mine), None) => println!("{what:<34} {mine:>10.0}"),
        (None, _) => {}
    }
    Ok(())
}

fn main() -> io::Result<()> {
    if let Some(code) = support::pinned() {
        std::process::exit(code);
    }
    let peer = std::env::var("BENCH_PEER").ok();
    let server = Server::simulator("0", "0")?;
    println!("{:<34} {:>10}   (median of {ROUNDS})", "one core each, 64 connections", "a second");
    compare("non-stream chats of 10 tokens", whole, &server.address, peer.as_deref())?;
    compare("events with content, 64 a stream", streams, &server.address, peer.as_deref())?;
    Ok(())
}
