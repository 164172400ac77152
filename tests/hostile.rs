//! Whatever a server sends, one call stays small: in memory, in processor time, and it ends.

#![allow(clippy::print_stdout, reason = "what each call took is the result")]

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
#[path = "support/call.rs"]
mod call;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use call::{hello, path_to, prepared};
use hopmark::path::Http;
use hopmark::transport::credential::Credential;
use hopmark::units::{Api, Nanos};
use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

/// What one call may take.
const MOST_MIB: u64 = 64;
const MOST_CPU: Duration = if cfg!(debug_assertions) { Duration::from_secs(40) } else { Duration::from_secs(2) };
/// What a server sends at most.
const SENT: usize = if cfg!(debug_assertions) { 32 << 20 } else { 200 << 20 };

/// A server on a thread of its own that answers one call with a beginning, and then with the same piece over and over.
fn serve(begin: Vec<u8>, piece: Vec<u8>, sent: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().expect("a caller");
        if !read_request(&mut tcp) {
            return;
        }
        // Whoever has gone away is no fault of this server.
        let _ = flood(&mut tcp, &begin, &piece, sent);
    });
    address
}

/// Reads one request, which ends with the brace of its body; false when the caller goes away before.
fn read_request(tcp: &mut TcpStream) -> bool {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while !seen.ends_with(b"}") {
        match tcp.read(&mut piece) {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&piece[..count]),
        }
    }
    true
}

fn flood(tcp: &mut TcpStream, begin: &[u8], piece: &[u8], sent: usize) -> std::io::Result<()> {
    tcp.set_write_timeout(Some(Duration::from_secs(60)))?;
    tcp.write_all(begin)?;
    let many = piece.repeat((64 << 10) / piece.len().min(64 << 10));
    for _ in 0..sent / many.len() {
        tcp.write_all(&many)?;
    }
    tcp.shutdown(std::net::Shutdown::Write)?;
    tcp.read(&mut [0]).map(drop)
}

/// A figure of `/proc/self/status`, in MiB.
fn memory(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("a figure");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().expect("a number") / 1024
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// One call in a process of its own, whose peak of memory is that of the call. The address, the version of HTTP and
/// whether a stream is asked for stand in variables; what it took is printed.
#[test]
#[ignore = "each call of the test below is this one, in a process of its own"]
fn one_call() {
    let [address, http, stream] =
        ["HOSTILE_ADDRESS", "HOSTILE_HTTP", "HOSTILE_STREAM"].map(|name| std::env::var(name).expect(name));
    let http = if http == "2" { Http::Two { max: 1, streams: 1 } } else { Http::One };
    let (before, began) = (memory("VmRSS:"), cpu());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sample = tokio::task::LocalSet::new().block_on(&runtime, async {
        let path = path_to(format!("http://{address}/v1"), http, [5_000, 5_000, 5_000, 120_000]);
        let caller = call::caller(path, Credential::None);
        let prepared = prepared(&caller, 0, &hello(Api::Chat, stream == "true"));
        Rc::clone(&caller).send(prepared, Nanos::now()).await
    });
    let took = memory("VmHWM:").saturating_sub(before);
    println!(
        "\ntook {took} {} {}",
        (cpu() - began).as_millis(),
        sample.outcome.error().map_or_else(|| "none".to_owned(), |class| class.to_string())
    );
}

/// Lets a call be made to a server that sends this; fails when it took too much, or succeeded.
fn check(kind: &Kind, sent: usize, stream: bool) {
    let what = kind.what;
    let address = serve(kind.begin.clone(), kind.piece.clone(), sent);
    let mut call = Command::new(std::env::current_exe().expect("this program"));
    call.args(["--ignored", "--exact", "one_call", "--nocapture"]).env("HOSTILE_ADDRESS", address.to_string());
    call.env("HOSTILE_HTTP", if kind.http.is_one() { "1" } else { "2" }).env("HOSTILE_STREAM", stream.to_string());
    let output = call.output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let took = printed.lines().find_map(|line| line.strip_prefix("took "));
    let took: Vec<&str> = took.unwrap_or_else(|| panic!("{what}: {output:?}")).split(' ').collect();
    let [mib, ms, class] = took[..] else { panic!("{what}: {took:?}") };
    println!("{what}, {} MiB sent, stream {stream}: {mib} MiB, {ms} ms, {class}", sent >> 20);
    assert!(mib.parse::<u64>().expect("a number") <= MOST_MIB, "{what}: {mib} MiB");
    assert!(ms.parse::<u128>().expect("a number") <= MOST_CPU.as_millis(), "{what}: {ms} ms");
    assert_ne!(class, "none", "{what}: an answer");
}

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What a server may send without an end: what stands in front, and what comes over and over.
struct Kind {
    what: &'static str,
    http: Http,
    begin: Vec<u8>,
    piece: Vec<u8>,
}

/// A frame of HTTP/2: its type, its flags, its stream, and what it carries.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [.., high, middle, low] = payload.len().to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// What a server of HTTP/2 may send without an end.
fn endless_frames() -> Vec<Kind> {
    const SETTINGS: u8 = 4;
    let settings = frame(SETTINGS, 0, 0, &[]);
    // `:status: 200` and `:status: 204` stand in the table of HPACK; 100 is written out.
    let (ok, interim) = (frame(1, 4, 1, &[0x88]), frame(1, 4, 1, b"\x08\x03100"));
    let of = |what, begin: &[Vec<u8>], piece: Vec<u8>| Kind {
        what,
        http: Http::Two { max: 1, streams: 1 },
        begin: [&settings[..], &begin.concat()].concat(),
        piece,
    };
    let begun = frame(1, 0, 1, &[0x88]);
    vec![
        of("pings", &[], frame(6, 0, 0, &[7; 8])),
        of("settings", &[], settings.clone()),
        of("unknown frames", &[], frame(0x20, 0, 0, &[7; 8])),
        of("window updates", &[], frame(8, 0, 0, &[0, 0, 0, 1])),
        of("continuations", &[begun], frame(9, 0, 1, b"\x00\x01x\x01y")),
        of("announcements in frames", &[], interim),
        of("empty data", std::slice::from_ref(&ok), frame(0, 0, 1, &[])),
        of("data beyond its window", std::slice::from_ref(&ok), frame(0, 0, 1, b"data: {}\n\n")),
        of("padding", &[ok], frame(0, 8, 1, &[&[250][..], &[0; 250]].concat())),
    ]
}

/// What a server of HTTP/1.1 may send without an end.
fn endless() -> Vec<Kind> {
    let of =
        |what, begin: &str, piece: &[u8]| Kind { what, http: Http::One, begin: begin.into(), piece: piece.to_vec() };
    let behind = |head: &str, begin: &str| head.to_owned() + begin;
    let array = format!("data: {{\"a\":[{}0]}}\n\n", "0,".repeat(32_000));
    vec![
        of("a line", EVENTS, b"x"),
        of("a line of data", &behind(EVENTS, "data: "), b"x"),
        of("data in many lines", &behind(EVENTS, "data: {}\n"), b"data: x\n"),
        of("blank lines", EVENTS, b"\n"),
        of("comments", EVENTS, b":\n"),
        of("long comments", EVENTS, b": a comment of some length, as gateways send to keep calls open\n"),
        of("empty events", EVENTS, b"data:\n\n"),
        of("events that say nothing", EVENTS, b"data: {}\n\n"),
        of("names of events", EVENTS, b"event: x\n"),
        of("errors in a field", EVENTS, b"error:{}\n"),
        of("JSON in no field", &behind(EVENTS, "data: {}\n\n"), b"{}\n"),
        of("JSON that grows in no field", &behind(EVENTS, "data: {}\n\n{\"a\":[\n{}\n"), b",{}\n"),
        of("events of large JSON", EVENTS, array.as_bytes()),
        of("content", EVENTS, b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"),
        of("choices", EVENTS, b"data: {\"choices\":[{\"index\":4000000000,\"delta\":{\"content\":\"a\"}}]}\n\n"),
        of("one object", &behind(JSON, "{\"a\":\""), b"x"),
        of("one array", &behind(JSON, "["), b"0,"),
        of("nested arrays", JSON, b"["),
        of("objects", JSON, b"{}"),
        of("blanks before a body", JSON, b" "),
        of("a page", JSON, b"<html>"),
        of("a body of zeros", JSON, b"\0"),
        of("gzip", JSON, b"\x1f\x8b\x08\0"),
        of("a refusal", "HTTP/1.1 500 No\r\n\r\n", b"no "),
        of("a redirect", "HTTP/1.1 302 No\r\nlocation: /\r\n\r\n", b"no "),
        of("a head", "HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        of("a line of a head", "HTTP/1.1 200 OK\r\nx: ", b"y"),
        of("a status line", "HTTP/1.1 200 ", b"O"),
        of("no HTTP", "", b"x"),
        of("nothing but line ends", "", b"\r\n"),
        of("announcements", "", b"HTTP/1.1 100 Continue\r\n\r\n"),
        of("an announcement", "HTTP/1.1 103 Early Hints\r\n", b"link: x\r\n"),
        of("the length of a chunk", CHUNKED, b"0"),
        of("an extension of a chunk", &behind(CHUNKED, "1;"), b"x"),
        of("chunks of one byte", CHUNKED, b"1\r\n:\r\n"),
        of("trailers", &behind(CHUNKED, "0\r\n"), b"x: y\r\n"),
    ]
}

#[test]
fn no_call_takes_much_whatever_is_sent() {
    let kinds: Vec<Kind> = endless().into_iter().chain(endless_frames()).collect();
    for kind in &kinds {
        check(kind, SENT, true);
        check(kind, SENT, false);
    }
    // Small and large alike: as many of each order of magnitude.
    let sizes = (0.0..(SENT as f64).log2()).prop_map(|power: f64| power.exp2() as usize);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(12));
    let ran = runner.run(&(0..kinds.len(), sizes, any::<bool>()), |(kind, size, stream)| {
        check(&kinds[kind], size, stream);
        Ok(())
    });
    ran.expect("every size");
}
