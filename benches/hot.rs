//! The hot path in pieces: what a worker does for every call and for every event, without a socket.
//!
//! `cargo bench --bench hot`. What the pieces cost together stands in `cargo bench --bench peers`.
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hopmark::attempt::{Caller, Route};
use hopmark::measure::outcome::Outcome;
use hopmark::measure::recorder::Recorder;
use hopmark::measure::sample::{ConnUse, Sample, Stamps};
use hopmark::path::address::Address;
use hopmark::path::request::RequestForm;
use hopmark::path::{Auth, ConnectionPolicy, Http, NetPath, PathKind, Timeouts, TlsPolicy};
use hopmark::plan::{Design, Ticket, TokenDist, WorkloadPlan, WorkloadSource};
use hopmark::schedule::arrivals::ArrivalTimes;
use hopmark::schedule::design::Phases;
use hopmark::schedule::tickets::{Layout, Share, Tickets};
use hopmark::store::{self, RowSampler, RowWriter};
use hopmark::transport::connect::Target;
use hopmark::transport::credential::Credential;
use hopmark::units::{Api, Nanos, PathId, Phase, Seq};
use hopmark::wire::api;
use hopmark::wire::filter::Filter;
use hopmark::wire::sse::{Event, SseDecoder};
use hopmark::workload::Workload;

/// What one read of a socket brings at most.
const PIECE: usize = 16 << 10;

/// A stream of 64 words as Azure OpenAI sends it, often enough to be no guest of the cache.
fn chat_stream() -> Vec<u8> {
    let mut stream = String::new();
    for answer in 0..400 {
        for word in 0..64 {
            stream.push_str(&format!(
                "data: {{\"choices\":[{{\"content_filter_results\":{{\"hate\":{{\"filtered\":false,\"severity\":\"safe\"}}}},\
                 \"delta\":{{\"content\":\" word{word}\"}},\"finish_reason\":null,\"index\":0,\"logprobs\":null}}],\
                 \"created\":1751234567,\"id\":\"chatcmpl-{answer:028}\",\"model\":\"gpt-4o-2024-11-20\",\
                 \"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_ee1d74bde0\"}}\n\n"
            ));
        }
        stream.push_str("data: [DONE]\n\n");
    }
    stream.into_bytes()
}

/// The same as Responses.
fn responses_stream() -> Vec<u8> {
    let mut stream = String::new();
    for answer in 0..400 {
        for word in 0..64 {
            stream.push_str(&format!(
                "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
                 \"sequence_number\":{word},\"item_id\":\"msg_{answer:048}\",\"output_index\":0,\"content_index\":0,\
                 \"delta\":\" word{word}\",\"logprobs\":[],\"obfuscation\":\"h8Kq2ZrT5w\"}}\n\n"
            ));
        }
    }
    stream.into_bytes()
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    let (chat_bytes, responses_bytes) = (chat_stream(), responses_stream());
    let feed = |bytes: &[u8], each: &dyn Fn(Event<'_>) -> bool| {
        let (mut decoder, mut content) = (SseDecoder::new(), 0u32);
        for piece in bytes.chunks(PIECE) {
            let fed = decoder.feed(piece, |event| content += u32::from(each(event)));
            assert!(fed.is_ok());
        }
        content
    };
    let is_chat = |event: Event<'_>| api::decode(Api::Chat, event).is_ok_and(|delta| delta.is_content());
    let is_response = |event: Event<'_>| api::decode(Api::Responses, event).is_ok_and(|delta| delta.is_content());
    assert_eq!((feed(&chat_bytes, &is_chat), feed(&responses_bytes, &is_response)), (25_600, 25_600));
    group.throughput(Throughput::Bytes(chat_bytes.len() as u64));
    group.bench_function("sse framing", |b| b.iter(|| feed(black_box(&chat_bytes), &|event| event.data.len() > 8)));
    group.bench_function("chat deltas", |b| b.iter(|| feed(black_box(&chat_bytes), &is_chat)));
    group.throughput(Throughput::Bytes(responses_bytes.len() as u64));
    group.bench_function("responses deltas", |b| b.iter(|| feed(black_box(&responses_bytes), &is_response)));
    group.finish();
}

fn sample() -> Sample {
    let at = |us: u64| Some(Nanos(5_000_000_000) + Duration::from_micros(us));
    let mut sample =
        Sample::begun((Seq(7), 7), PathId(0), Phase::Measure, (Api::Chat, true), Nanos(5_000_000_000), Outcome::Ok);
    sample.stamps = Stamps {
        dequeued: at(10),
        conn_ready: at(20),
        sent: at(50),
        head: at(100_000),
        first_byte: at(100_000),
        first_event: at(100_000),
        first_content: at(110_000),
        first_visible: at(110_000),
        last_content: at(400_000),
        usage: at(401_000),
        done: at(401_000),
        end: at(401_000),
        ..sample.stamps
    };
    sample.output_tokens = Some(30);
    sample.conn = Some(ConnUse { id: 1, uses: 2, ..ConnUse::default() });
    sample
}

fn record(c: &mut Criterion) {
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    let mut recorder = Recorder::new(1);
    let sample = sample();
    group.bench_function("a call", |b| b.iter(|| recorder.record(black_box(&sample))));
    let mut gap = 0u64;
    group.bench_function("a gap", |b| {
        b.iter(|| {
            gap = (gap + 77_777) % 50_000_000;
            recorder.record_gap(PathId(0), black_box(gap));
        });
    });
    group.finish();
}

fn plan(c: &mut Criterion) {
    let mut group = c.benchmark_group("plan");
    group.throughput(Throughput::Elements(1));
    for (name, design) in [("a paired ticket", Design::Paired), ("an interleaved ticket", Design::Interleaved)] {
        let layout = Layout {
            seed: 42,
            paths: 3,
            design,
            spread: 500_000_000,
            phases: Phases { measure_from: 0, until: u64::MAX / 4 },
        };
        let arrivals = ArrivalTimes::poisson(42, 1000.0, u64::MAX / 4);
        let mut tickets = Tickets::new(arrivals, layout, Share { shard: 0, of: 1 });
        group.bench_function(name, |b| b.iter(|| tickets.next()));
    }
    group.finish();
}

fn workload(tokens: u32) -> Workload {
    let plan = WorkloadPlan {
        source: WorkloadSource::Synthetic {
            input_tokens: TokenDist::Fixed { value: tokens },
            output_tokens: TokenDist::Fixed { value: 10 },
        },
        api: BTreeMap::from([(Api::Chat, 1.0)]),
        stream: 1.0,
        model: "gpt-4o".to_owned(),
        max_output_tokens: None,
        max_input_tokens: None,
    };
    Workload::load(&plan, 42).expect("a workload")
}

fn caller() -> Caller {
    let path = NetPath {
        id: PathId(0),
        name: "direct".to_owned(),
        kind: PathKind::Direct,
        base_url: "http://127.0.0.1:9000/openai/v1".to_owned(),
        address: Address::default(),
        request: RequestForm::default(),
        auth: Auth::default(),
        backend: None,
        connections: ConnectionPolicy::Keep,
        http: Http::One,
        tls: TlsPolicy::default(),
        timeouts: Timeouts::default(),
        tags: Vec::new(),
        control: Default::default(),
    };
    let target = Target::of(&path).expect("a target");
    Caller::new(vec![Route::new(path, target, Credential::None)], "20261121T120000Z-abcd".to_owned(), Nanos(0), 0, 1)
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(1));
    let caller = caller();
    for tokens in [16, 1000] {
        let workload = workload(tokens);
        let mut seq = 0;
        group.bench_function(format!("a call of {tokens} tokens"), |b| {
            b.iter(|| {
                seq += 1;
                let ticket = Ticket {
                    seq: Seq(seq),
                    round: seq,
                    path: PathId(0),
                    phase: Phase::Measure,
                    intended: Duration::ZERO,
                };
                caller.prepare(ticket, &workload.call(seq, seq))
            });
        });
    }
    group.finish();
}

/// The rows of the stored example run, written anew and read back.
/// A cookie or a token, as gateways give it.
fn session(number: u64) -> String {
    let word =
        |salt: u64| (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ salt).rotate_left(31).wrapping_mul(salt | 1);
    [0x1d, 0x3b5, 0x71f9, 0x9_43ab].map(|salt| format!("{:016x}", word(salt))).concat()
}

fn filter(c: &mut Criterion) {
    let mut group = c.benchmark_group("filter");
    for known in [1, 1_000] {
        let secrets: Vec<String> = (0..known).map(session).collect();
        let filter = Filter::of(secrets.iter().map(String::as_str));
        let mut number = known;
        group.bench_function(format!("hide one more and forget it, {known} known"), |b| {
            b.iter(|| {
                number += 1;
                drop(filter.hold(&session(number)));
            })
        });
        let name = "req_7c9e6679-7425-40de-944b-e07fc1f90ae7";
        group.bench_function(format!("the name of a call, {known} known"), |b| {
            b.iter(|| filter.hidden(black_box(name)).is_none())
        });
    }
    group.finish();
}

fn rows(c: &mut Criterion) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example");
    let run = store::load(&example).expect("the example run");
    let (plan, origin) = (&run.manifest.plan, run.manifest.origin);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("requests.csv");
    let write = || {
        let mut writer = RowWriter::create(&path, plan, origin).expect("a file");
        run.samples.iter().for_each(|sample| writer.append(black_box(sample)).expect("a row"));
        writer.flush().expect("rows");
    };
    let read = || store::read_rows(&path, plan, origin, &RowSampler::open(plan)).expect("rows");
    write();
    assert_eq!(read(), run.samples);
    let mut group = c.benchmark_group("rows");
    group.throughput(Throughput::Elements(run.samples.len() as u64));
    group.bench_function("write", |b| b.iter(write));
    group.bench_function("read", |b| b.iter(read));
    group.finish();
}

criterion_group! {
    name = hot;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = decode, record, plan, encode, filter, rows
}
criterion_main!(hot);
