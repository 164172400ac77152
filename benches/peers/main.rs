//! This driver beside its peers: one fixed server on core 0, each client in turn on core 1, several times over.
//!
//! `cargo bench --bench peers` prints a table; with `-- --write` it also puts it into `docs/performance.md`. Peers that
//! are not installed are left out: wrk is a Debian package, oha comes with `cargo install oha`, aiperf and guidellm come from
//! the Python registry.
#![allow(clippy::print_stdout, missing_docs, unreachable_pub)]

mod client;
mod paced;
mod server;

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use client::{CONNECTIONS, Client, Load, Took};

const ROUNDS: usize = 5;
const SECONDS: u64 = 6;
const DOCUMENT: &str = "docs/performance.md";
const BEGIN: &str = "<!-- peers: begin -->";
const END: &str = "<!-- peers: end -->";

/// Says one line, at once.
fn tell(line: &str) {
    println!("{line}");
    // Whoever reads is gone, if this fails; the server then ends by itself.
    let _ = io::stdout().flush();
}

struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(std::env::current_exe()?).arg("serve");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut port = String::new();
        if let Some(out) = child.stdout.as_mut() {
            BufReader::new(out).read_line(&mut port)?;
        }
        Ok(Self { child, port: port.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One line a client: the middle of all rounds, and the middle of the ratios within each round to this driver.
fn compare(load: Load, clients: &[Client]) -> io::Result<String> {
    let dir = tempfile::tempdir()?;
    let server = Server::start()?;
    let mut all: Vec<Vec<Took>> = vec![Vec::new(); clients.len()];
    for _ in 0..ROUNDS {
        for (client, took) in clients.iter().zip(&mut all) {
            took.push(client.run(load, &server.port, SECONDS, dir.path())?);
        }
    }
    let mut table = match load {
        Load::Whole => "| client | calls a second | hopmark / client | CPU a call, us | failed |\n".to_owned(),
        Load::Stream => "| client | events a second | hopmark / client | CPU an event, us | failed |\n".to_owned(),
    };
    table.push_str("|---|---|---|---|---|\n");
    let events = if load == Load::Stream { server::EVENTS as f64 } else { 1.0 };
    for (client, took) in clients.iter().zip(&all) {
        let of = |figure: fn(&Took) -> f64| middle(took.iter().map(figure).collect());
        let ratio = match load {
            Load::Whole => middle(all[0].iter().zip(took).map(|(ours, its)| ours.rate / its.rate).collect()),
            Load::Stream => middle(all[0].iter().zip(took).map(|(ours, its)| ours.cpu_us / its.cpu_us).collect()),
        };
        let failed: u64 = took.iter().map(|took| took.failed).sum();
        let _ = writeln!(
            table,
            "| {} | {:.0} | {ratio:.2} | {:.2} | {failed} |",
            client.name(),
            of(|took| took.rate) * events,
            of(|took| took.cpu_us) / events,
        );
    }
    Ok(table)
}

/// Replaces what stands between the marks of the document.
fn write(text: &str) -> io::Result<()> {
    let document = std::fs::read_to_string(DOCUMENT)?;
    let (Some(begin), Some(end)) = (document.find(BEGIN), document.find(END)) else {
        return Err(io::Error::other(format!("{DOCUMENT} has no place for the table")));
    };
    std::fs::write(DOCUMENT, format!("{}{BEGIN}\n{text}{}", &document[..begin], &document[end..]))
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "serve") {
        return server::serve();
    }
    let clients = Client::all();
    let mut text = String::new();
    let versions: Vec<String> = clients.iter().filter_map(Client::version).collect();
    let _ = writeln!(text, "{}. Medians of {ROUNDS} rounds of {SECONDS} s, in turn.\n", versions.join("; "));
    let _ = writeln!(text, "Calls without streams, {CONNECTIONS} connections; the ratio is that of the rates:\n");
    let _ = writeln!(text, "{}", compare(Load::Whole, &clients)?);
    let _ = writeln!(text, "Streams of 64 tokens without delay; the ratio is that of the CPU an event:\n");
    let _ = writeln!(text, "{}", compare(Load::Stream, &clients)?);
    let _ = writeln!(text, "{}", paced::compare()?);
    tell(&text);
    if args.iter().any(|arg| arg == "--write") {
        write(&text)?;
    }
    Ok(())
}
