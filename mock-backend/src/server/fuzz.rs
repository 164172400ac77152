//! The entries through which anything may come, for the fuzz targets and for the tests of what they found: a request as
//! text, and a scenario as text. Neither opens a socket.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::connection::respond;
use crate::config::{ANY_PORT, Config, describe};
use crate::model::deployment::{Deployment, Length, Plan, Prompt};
use crate::model::rng::seeded_rng;
use crate::model::text;
use crate::net::clock::Clock;
use crate::net::exchange::Arrival;
use crate::state::context::ConnState;
use crate::state::current::Current;
use crate::state::snapshot::State;
use crate::state::worker::Worker;
use crate::units::Nanos;
use crate::units::budget::processor_time;

/// What a simulator needs to answer without a socket.
///
/// The runtime stands last, so that no task is left for it to wake when a thread ends.
struct Bench {
    worker: Rc<Worker>,
    tasks: LocalSet,
    runtime: Runtime,
    served: Cell<u64>,
}

/// The second one refuses more, and answers in batches.
const SCENARIOS: [&str; 2] = [
    "name = \"a\"\nledger = 1\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\nrefusals = 0.1\n\
     [[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\n",
    "name = \"a\"\nledger = 1\nstrict = true\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\" }\n\
     load = { kind = \"batch\", size = 1000, step = \"1us\" }\noutput_tokens = { p50 = 20, p95 = 90 }\n\
     prefix_cache = \"1s\"\nlimits = { rpm = 4000000000, tpm = 4000000000, context_tokens = 100000 }\n\
     stream = { tokens_per_event = 3, events_per_write = 2, burst = \"1us\", split = \"utf8\" }\n\
     [[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\n",
];
/// So many requests are asked of one simulator, which keeps responses and can be changed by requests.
const LIVES: u64 = 256;
/// How much of an answer is looked at.
const ENOUGH: usize = 4 << 20;
/// How long an answer may wait for its time; some faults wait for ever.
const WAIT: Duration = Duration::from_millis(5);

/// How much of the processor one input may take; a build that is not optimized takes several times as long. Its time by
/// the clock says nothing: a crowded machine stands still.
const PROCESSOR: Duration = Duration::from_secs(if cfg!(fuzzing) { 2 } else { 10 });

/// Runs what one input sets off, within its bound.
fn run_bounded<T>(run: impl FnOnce() -> T) -> T {
    let before = processor_time();
    let done = run();
    let took = processor_time().saturating_sub(before);
    assert!(took < PROCESSOR, "one input took {took:?} of the processor");
    done
}

thread_local! {
    static BENCHES: RefCell<Vec<Rc<Bench>>> = const { RefCell::new(Vec::new()) };
}

impl Bench {
    fn new(scenario: &str) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tasks = LocalSet::new();
        let config = Config::parse(scenario, "bench").map_err(io::Error::other)?;
        let current = Current::new(State::new(config, vec![None], 1, &[])?);
        let worker = tasks.block_on(&runtime, async { io::Result::Ok(Worker::new(current, Clock::start()?, 0)) })?;
        Ok(Self { runtime, tasks, worker, served: Cell::new(0) })
    }

    /// All of them, made anew from time to time for each thread.
    fn all() -> io::Result<Vec<Rc<Self>>> {
        BENCHES.with_borrow_mut(|benches| {
            text::warm_up();
            if benches.first().is_none_or(|bench| bench.served.get() >= LIVES) {
                *benches = SCENARIOS.iter().map(|text| Self::new(text).map(Rc::new)).collect::<io::Result<_>>()?;
            }
            Ok(benches.clone())
        })
    }

    /// The status of the answer to a request, and how many bytes of it came in time.
    fn ask(&self, request: Request<Bytes>) -> (u16, usize) {
        self.served.set(self.served.get() + 1);
        let (head, body) = request.into_parts();
        self.tasks.block_on(&self.runtime, async {
            let conn = ConnState::new(Rc::clone(&self.worker), 0);
            let now = Nanos::now();
            conn.context().connection.exchange.note_arrival(Arrival { recv: now, ideal: now });
            let answer = respond(conn.stream_context(), head, Ok(body));
            let Ok(response) = tokio::time::timeout(WAIT, answer).await else { return (0, 0) };
            let status = response.status().as_u16();
            let mut body = response.into_body();
            let mut size = 0;
            while size < ENOUGH {
                let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
                let Ok(Some(Ok(frame))) = tokio::time::timeout(WAIT, pin!(frame)).await else { break };
                size += frame.data_ref().map_or(0, Bytes::len);
            }
            (status, size)
        })
    }
}

/// Answers a request that stands as text: a line with the method and the address, lines with headers, an empty line, and
/// the body. The statuses of the answers are given back, one for each kind of simulator; none for what is no request.
///
/// # Errors
/// If the system gives no timers.
///
/// # Panics
/// If that takes too much of the processor.
pub fn request(bytes: &[u8]) -> io::Result<Vec<u16>> {
    let mut statuses = Vec::new();
    for bench in Bench::all()? {
        if let Some(request) = read(bytes) {
            statuses.push(run_bounded(|| bench.ask(request).0));
        }
    }
    Ok(statuses)
}

fn read(bytes: &[u8]) -> Option<Request<Bytes>> {
    let end = bytes.windows(2).position(|two| two == b"\n\n")?;
    let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
    let (method, address) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(address);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(Bytes::copy_from_slice(&bytes[end + 2..])).ok()
}

/// Reads a scenario, and if it is one, plans some answers in it; gives back the sentence that refuses it.
///
/// # Panics
/// If that is not one sentence that begins with the scenario's name, or takes too much of the processor.
#[must_use]
pub fn scenario(text: &str) -> Option<String> {
    run_bounded(|| check_scenario(text))
}

fn check_scenario(text: &str) -> Option<String> {
    let mut config = match Config::parse(text, "fuzzed.toml") {
        Ok(config) => config,
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("fuzzed.toml") && !sentence.contains('\n'), "{sentence}");
            return Some(sentence);
        }
    };
    let _ = (describe::as_json(&config).to_string(), describe::as_text(&config));
    // Nothing is to be written anywhere.
    config.listeners.iter_mut().filter_map(|listener| listener.gateway.as_mut()).for_each(|it| it.record = None);
    let inner: Vec<SocketAddr> = config.inner().map(|_| ANY_PORT).collect();
    let identities = vec![None; config.listeners.len()];
    if let Ok(state) = State::new(config, identities, 1, &inner) {
        state.backends.iter().for_each(|backend| plan(&backend.model));
        let _ = (state.metrics(), state.changed(state.config.clone()).ready_at());
    }
    None
}

/// Plans answers of several lengths, at several times, on top of one another.
fn plan(model: &Deployment) {
    let begins = Nanos::now();
    for (i, later) in [0, 1, 1_000_000_000, 3_600_000_000_000].into_iter().enumerate() {
        let arrival = begins + Duration::from_nanos(later);
        for length in [Length::Free { limit: None, thinking: 10 }, Length::Free { limit: Some(1000), thinking: 0 }] {
            let prompt = Prompt { tokens: 100_000 * i, cached: 100 * i, pace: 1.0 };
            let plan = model.admit(arrival, &mut seeded_rng(1, "fuzz", i as u64), prompt, length);
            if let Some(plan) = plan {
                check(&plan, arrival);
            }
        }
    }
}

fn check(plan: &Plan, arrival: Nanos) {
    let last = plan.tokens.saturating_sub(1);
    let dues = [plan.due(0), plan.due(last / 2), plan.due(last)];
    assert!(dues.is_sorted() && dues[0] >= arrival && plan.opens_at() >= arrival, "{dues:?}");
    assert!(plan.end() >= arrival && plan.stream_end() >= plan.end());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts that the targets begin with.
    fn seeds(folder: &str) -> Vec<(String, Vec<u8>)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut seeds: Vec<_> = files.map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect();
        seeds.sort();
        assert!(!seeds.is_empty());
        seeds
    }

    #[test]
    fn the_requests_that_fuzzing_begins_with_are_answered() {
        for (name, bytes) in seeds("../fuzz/seeds/request") {
            let statuses = request(&bytes).unwrap();
            let wrong = name.contains("wrong");
            assert_eq!(statuses.len(), 2, "{name}");
            assert!(wrong || statuses[0] == 200, "{name}: {statuses:?}");
        }
        assert!(request(b"GET\n\n").unwrap().is_empty());
    }

    #[test]
    fn the_scenarios_that_fuzzing_begins_with_are_understood() {
        for (name, bytes) in seeds("scenarios") {
            assert_eq!(scenario(std::str::from_utf8(&bytes).unwrap()), None, "{name}");
        }
    }

    const HEAD: &str = "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"60m\", gap = \"60m\" }\n";
    const TAIL: &str = "[[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\n";

    #[test]
    fn the_largest_numbers_that_scenarios_may_hold_do_not_overflow() {
        for middle in [
            "limits = { rpm = 4294967295, rpm_windows = [\"60m\"] }\n",
            "load = { kind = \"serial\", stage = \"60m\" }\nchanges = [{ kind = \"step\", at = \"0\", factor = 1000000.0 }, \
             { kind = \"step\", at = \"0\", factor = 1000000.0 }]\n",
            "output_tokens = 4294967295\n",
            "output_tokens = { p50 = 1e300, p95 = 1e308 }\n",
            "stream = { burst = \"60m\", keepalive = \"60m\" }\n",
            "reasoning_tokens = 100000\nprefix_cache = \"60m\"\nkeep_responses = \"60m\"\n",
        ] {
            assert_eq!(scenario(&format!("{HEAD}{middle}{TAIL}")), None, "{middle}");
        }
    }
}
