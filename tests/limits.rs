//! Every limit on what is read, gone beyond: what comes within it is taken, what comes beyond it is not.

#[allow(dead_code, reason = "each binary of tests takes what it needs")]
#[path = "support/call.rs"]
mod call;
#[path = "support/files.rs"]
mod files;
#[allow(dead_code, reason = "each binary of tests takes what it needs")]
#[path = "support/foreign.rs"]
mod foreign;
mod support;

use std::fs;
use std::io::Write;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use call::{hello, path_to, prepared};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hopmark::attempt::Caller;
use hopmark::limits::{Beyond, Limit};
use hopmark::lint::lint_text;
use hopmark::measure::outcome::{ErrorClass, Outcome};
use hopmark::measure::sample::Sample;
use hopmark::path::Http;
use hopmark::probe;
use hopmark::probe::capability::row::{Finding, Observed};
use hopmark::probe::capability::{self, Options};
use hopmark::probe::discovery::{Checked, Questions};
use hopmark::profile::foundry;
use hopmark::store::{self, file};
use hopmark::transport::connect::Target;
use hopmark::transport::credential::Credential;
use hopmark::units::{Api, Nanos};
use hopmark::wire::api;
use hopmark::wire::filter::Filter;
use hopmark::wire::sse::SseDecoder;
use serde_json::Value;
use strum::VariantArray;
use support::{RawServer, Step, answer, chunk, stream_head};

/// Goes beyond a limit and looks what becomes of it.
async fn probe(limit: Limit) {
    let most = limit.most();
    match limit {
        Limit::SseLine => {
            assert_eq!(fed(&["data: ", &"x".repeat(most - 6)]), Ok(0));
            assert_eq!(fed(&["data: ", &"x".repeat(most - 5)]), Err(Beyond(limit)));
        }
        Limit::SseEvent => {
            let line = format!("data: {}\n", "x".repeat(most / 2 - 1));
            assert_eq!(fed(&[&line, &line, "\n"]), Ok(1));
            assert_eq!(fed(&[&line, &line, "data: xx\n"]), Err(Beyond(limit)));
        }
        Limit::SseStray => {
            let json = |length: usize| format!("{{\"a\":\"{}\"}}\n", "x".repeat(length - 8));
            assert_eq!(fed(&[&json(most)]), Ok(1));
            assert_eq!(fed(&[&json(most + 2)]), Ok(0));
        }
        Limit::SseStrays => {
            let json = format!("{{\"a\":\"{}\"}}\n\n", "x".repeat(1_000));
            let events = fed(&vec![&*json; 2 * most / json.len()]).expect("short lines");
            assert!((most / json.len()..most / 1_000).contains(&events), "{events}");
        }
        Limit::Events => ends_at(limit, flood(&"data:\n\n".repeat(1 << 13), most >> 13)).await,
        Limit::Answer => ends_at(limit, flood(&": a comment that says nothing\n".repeat(1 << 15), most >> 19)).await,
        Limit::Pieces => ends_at(limit, vec![Step::Flood(chunk("\n").repeat(1 << 10), 1 + (most >> 10))]).await,
        Limit::WholeBody => {
            let body = |length: usize| GOOD_BODY.replace("Hello", &"x".repeat(length + 5 - GOOD_BODY.len()));
            assert_eq!(outcome(&asked(json(&body(most)), false).await), Outcome::Ok);
            let beyond = asked(json(&body(most + 1)), false).await;
            assert_eq!(outcome(&beyond), Outcome::Failed(ErrorClass::TooLarge));
        }
        Limit::Refusal => {
            let head = b"HTTP/1.1 400 No\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            let flood = Step::Flood(chunk(&"no ".repeat(1 << 10)), 2 * most / 3_000);
            let sample = asked(vec![Step::Write(head), flood, Step::Hold], false).await;
            assert_eq!(outcome(&sample), Outcome::Failed(ErrorClass::Http(400)));
            assert_told(&sample, limit);
        }
        Limit::ErrorJson => {
            let failed = |length: usize| format!("{{\"message\":\"{}\",\"code\":429}}", "x".repeat(length - 25));
            let error = |length| api::decode_body(Api::Chat, failed(length).into_bytes().leak(), 1).is_ok();
            assert_eq!((failed(most).len(), error(most), error(most + 1)), (most, true, false));
        }
        Limit::ErrorTexts => {
            let texts = |before: usize| "{\"a\":1}\n".repeat(before) + "{\"error\":\"no\"}\n";
            let failed = |error| Outcome::Failed(error);
            assert_eq!(outcome(&asked(json(&texts(most - 1)), false).await), failed(ErrorClass::StreamError));
            assert_eq!(outcome(&asked(json(&texts(most)), false).await), failed(ErrorClass::BadBody));
        }
        Limit::JsonDepth => {
            // The object that holds it is one level too.
            let body = |deep: usize| {
                format!(
                    "{},\"a\":{}{}}}",
                    &GOOD_BODY[..GOOD_BODY.len() - 1],
                    "[".repeat(deep - 1),
                    "]".repeat(deep - 1)
                )
            };
            assert!(api::decode_body(Api::Chat, body(most).as_bytes(), 1).is_ok());
            assert!(api::decode_body(Api::Chat, body(most + 1).as_bytes(), 1).is_err());
        }
        Limit::HeadBytes => {
            let head = |length: usize| {
                format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: {}\r\n\r\n", "y".repeat(length), GOOD_BODY.len())
            };
            let asked =
                async |length| outcome(&asked(vec![Step::Write((head(length) + GOOD_BODY).into())], false).await);
            assert_eq!(asked(most - 1_000).await, Outcome::Ok);
            // It ends with the read that goes beyond.
            assert_eq!(asked(2 * most).await, Outcome::Failed(ErrorClass::TooLarge));
        }
        Limit::InterimHeads => {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
            let sample = asked(vec![Step::Flood(interim.clone(), 1 + most / interim.len()), Step::Hold], false).await;
            assert_eq!(outcome(&sample), Outcome::Failed(ErrorClass::TooLarge));
            assert_told(&sample, limit);
            let some = Step::Flood(interim, most / 30);
            assert_eq!(outcome(&asked([vec![some], json(GOOD_BODY)].concat(), false).await), Outcome::Ok);
        }
        // Zeros in front of the length of a chunk: bytes of HTTP that never become a piece.
        Limit::Framing => ends_at(limit, vec![Step::Flood(vec![b'0'; 1 << 20], 1 + (most >> 20))]).await,
        // So many take minutes over a socket; the tests of `transport::timed_io` count them without one.
        Limit::Reads => {}
        // The tests of `transport::credential` go beyond it, with an endpoint and with a program.
        Limit::TokenAnswer => {}
        Limit::HeadLines => {
            // The answer has two of its own.
            let lines = |more: usize| (0..more - 2).map(|line| format!("x-{line}: y\r\n")).collect::<String>();
            let head = |more: usize| vec![Step::Write(answer(200, "application/json", &lines(more), GOOD_BODY))];
            assert_eq!(outcome(&asked(head(most), false).await), Outcome::Ok);
            assert_eq!(outcome(&asked(head(most + 1), false).await), Outcome::Failed(ErrorClass::TooLarge));
        }
        Limit::OwnAnswer => {
            let client = probe::control_client().expect("a client");
            let asked = async |length: usize| {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nno more");
                let server = RawServer::start(vec![Step::Write(head.into()), Step::Close], None).await;
                probe::ask_simulator(client.get(format!("http://{}/", server.address))).await
            };
            assert!(asked(7).await.is_ok_and(|body| body == "no more"));
            assert!(matches!(asked(most + 1).await, Err(probe::Untold::TooMuch(beyond)) if beyond == Beyond(limit)));
        }
        Limit::HeaderText => {
            let named = format!("x-request-id: {}\r\nx-ms-region: {0}\r\n", "x".repeat(most + 1));
            let sample = asked(vec![Step::Write(answer(200, "application/json", &named, GOOD_BODY))], false).await;
            let kept = [sample.request_id, sample.region].map(|text| text.map(|text| text.len()));
            assert_eq!(kept, [Some(most), Some(most)]);
        }
        Limit::ErrorBody => {
            let refusal = |before: usize| format!("{{\"a\":\"{}\",\"message\":\"said at last\"}}", "x".repeat(before));
            let message = |before: usize| async move {
                let refusal = vec![Step::Write(answer(400, "application/json", "", &refusal(before)))];
                asked(refusal, false).await.message.unwrap_or_default()
            };
            assert_eq!(&*message(most - 50).await, "said at last");
            assert!(!message(most).await.contains("said at last"));
        }
        Limit::Messages => {
            let refusal = |status| vec![Step::Write(answer(status, "text/plain", "", "no"))];
            let server = RawServer::scripted((400..=400 + most as u16).map(refusal).collect(), None).await;
            let caller = caller_of(&server);
            for number in 0..=most {
                let call = prepared(&caller, number as u64, &hello(Api::Chat, false));
                let sample = Rc::clone(&caller).send(call, Nanos::now()).await;
                assert_eq!(sample.message.is_some(), number < most, "{number}: {:?}", sample.outcome);
            }
        }
        Limit::ErrorText => {
            let refusal = format!("{{\"message\":\"{}\"}}", "ä".repeat(most + 1));
            let sample = asked(vec![Step::Write(answer(400, "application/json", "", &refusal))], false).await;
            let message = sample.message.unwrap_or_default();
            assert!(message.chars().count() == most && message.ends_with("..."), "{message}");
        }
        Limit::RunDocument => {
            let pad = |length: usize| move |text: String| format!("{text}{}", " ".repeat(length - text.len()));
            read_or_refused(file::MANIFEST, pad(most), pad(most + 1), "manifest.json is longer than");
        }
        Limit::RunLine => {
            let comment = |length: usize| move |text: String| format!("{text}#{}\n", "x".repeat(length - 1));
            read_or_refused(file::HISTOGRAMS, comment(most), comment(most + 1), "a line of at most");
        }
        Limit::RunRows => {
            let pad = |lines: usize| move |text: String| text.clone() + &"\n".repeat(lines - text.lines().count());
            read_or_refused(file::REQUESTS, pad(most), pad(most + 1), "at most 4000000 rows");
        }
        Limit::RunPaths => {
            let paths = |many: usize| move |text: String| with_paths(&text, many);
            read_or_refused(file::MANIFEST, paths(most), paths(most + 1), "'plan.paths' takes a list of 1 to");
        }
        Limit::RunText => {
            // Rows of the path are taken out with its name.
            let named =
                |length: usize| move |text: String| text.replace("\"p3\"", &format!("\"{}\"", "x".repeat(length)));
            let fourth = |length: usize| move |text: String| named(length)(with_paths(&text, 4));
            read_or_refused(file::MANIFEST, fourth(most), fourth(most + 1), "'plan.paths[3].name' takes a name");
        }
        Limit::RunHistogram => {
            let log =
                |length: usize| move |text: String| format!("{text}Tag=direct;e2e,0,1,1,{}\n", empty_histogram(length));
            read_or_refused(file::HISTOGRAMS, log(40), log(most + 1), "a histogram of at most");
        }
        Limit::HistoryFiles => {
            let dir = tempfile::tempdir().expect("folder");
            let trend = || foreign::hopmark(&["trend", &dir.path().display().to_string()]).expect_err("no run");
            (0..most).for_each(|place| fs::write(dir.path().join(place.to_string()), "").expect("written"));
            assert!(trend().contains("holds no run"));
            fs::write(dir.path().join("more"), "").expect("written");
            assert!(trend().contains("holds more than 20000 files and folders"));
        }
        Limit::SmallFile
        | Limit::DataFile
        | Limit::DataRows
        | Limit::JsonRow
        | Limit::JsonValues
        | Limit::TableLine
        | Limit::TableColumns
        | Limit::Tokens
        | Limit::ProfileText
        | Limit::ProfileList
        | Limit::KeyParts
        | Limit::PlannedCalls
        | Limit::OutsideFile
        | Limit::ShownText => files::probe(limit),
        Limit::ConnectionDepth => {
            let nested = |levels: usize, file: &str| {
                let deep = "[".repeat(levels) + &"]".repeat(levels);
                let json = format!("{{\"properties\": {{\"category\": \"ModelGateway\", \"x\": {deep}}}}}");
                let tf = format!(
                    "resource \"azapi_resource\" \"a\" {{\n body = {{ properties = {{ category = \"ModelGateway\", x = {deep} }} }}\n}}"
                );
                lint_text(if file == "a.tf" { &tf } else { &json }, file.as_ref())
                    .map(drop)
                    .map_err(|error| error.to_string())
            };
            // The list stands two levels deep in JSON, three below the attribute of Terraform.
            for (file, above) in [("a.json", 1), ("a.tf", 2)] {
                assert_eq!(nested(most - above, file), Ok(()), "{file}");
                let told = nested(most - above + 1, file).expect_err("beyond");
                assert!(told.contains(&limit.row().to_string()), "{told}");
            }
        }
        Limit::DiscoveryAnswer => {
            let list = |length: usize| {
                let body = "{\"data\":[{\"id\":\"m\"}],\"more\":\"\"}";
                body.replace("\"more\":\"", &format!("\"more\":\"{}", "x".repeat(length - body.len())))
            };
            assert!(discovered(list(most)).await[0].good);
            let beyond = discovered(list(most + 1)).await;
            assert!(!beyond[0].good && beyond[0].said.contains(&limit.row().to_string()), "{:?}", beyond[0].said);
        }
        Limit::DiscoveryModels => {
            let models: Vec<String> = (0..=most).map(|number| format!("{{\"id\":\"m{number}\"}}")).collect();
            let asked = discovered(format!("{{\"data\":[{}]}}", models.join(","))).await;
            assert_eq!((asked[0].good, asked.len()), (true, 1 + most));
        }
        Limit::CheckedAnswer => {
            let body = |length: usize| {
                let body = "{\"choices\":[{\"message\":{}}],\"more\":\"\"}";
                body.replace("\"more\":\"", &format!("\"more\":\"{}", "x".repeat(length - body.len())))
            };
            let within = checked(body(most)).await;
            assert_eq!(within, Observed { finding: Finding::Supported, said: "answered".to_owned() });
            let beyond = checked(body(most + 1)).await;
            let told = beyond.said.contains(&limit.row().to_string());
            assert!(beyond.finding == Finding::Failed && told, "{beyond:?}");
        }
        Limit::Connections => {
            let list = |of: usize| {
                let items = vec!["{\"properties\": {\"category\": \"ModelGateway\"}}"; of].join(",");
                lint_text(&format!("[{items}]"), "a.json".as_ref()).map(|report| report.connections.len())
            };
            assert_eq!(list(most).expect("within"), most);
            let told = list(most + 1).expect_err("beyond").to_string();
            assert!(told.contains(&limit.row().to_string()), "{told}");
        }
        Limit::Findings => {
            let with = |keys: usize| {
                let keys: Vec<String> = (0..keys).map(|number| format!("\"k{number}\": \"\"")).collect();
                let text = format!(
                    "{{\"properties\": {{\"category\": \"ModelGateway\", \"metadata\": {{{}}}}}}}",
                    keys.join(",")
                );
                lint_text(&text, "a.json".as_ref()).expect("read")
            };
            let few = with(0).findings.len();
            assert_eq!((with(most - few).findings.len(), with(most - few).unlisted), (most, 0));
            assert_eq!((with(most).findings.len(), with(most).unlisted), (most, few));
        }
        Limit::FormText => {
            assert_eq!(file::field(&"ä".repeat(most)), "ä".repeat(most));
            assert_eq!(file::field(&"ä".repeat(most + 1)), "ä".repeat(most) + "…");
        }
    }
}

/// What a check of chat completions makes of this answer; what else is asked is refused.
async fn checked(body: String) -> Observed {
    let answers = |status: &str, body: &str| {
        let length = body.len();
        vec![Step::Write(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes())]
    };
    let server = RawServer::scripted(vec![answers("200 OK", &body), answers("404 Not Found", "{}")], None).await;
    let path = path_to(format!("http://{}/v1", server.address), Http::One, [2_000, 30_000, 30_000, 30_000]);
    let target = Target::of(&path).expect("a target");
    let options = Options { model: "m".to_owned(), embedding_model: None, debug_token: None, id: "checked".to_owned() };
    let rows = capability::matrix(&path, target, (Credential::None, Filter::default()), &options).await;
    rows.into_iter().next().expect("a row").observed
}

/// What comes of asking a gateway for its models that has this list and no model by name.
async fn discovered(list: String) -> Vec<Checked> {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4096];
            let read = stream.read(&mut head).expect("a request");
            let wants_list = head[..read].starts_with(b"GET /v1/models HTTP");
            let (status, body) = if wants_list { ("200 OK", list.as_str()) } else { ("404 Not Found", "{}") };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            // Who has read enough leaves.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    let discovery = "{\\\"listModelsEndpoint\\\":\\\"/models\\\",\\\"getModelEndpoint\\\":\\\"/models/{deploymentName}\\\",\\\"deploymentProvider\\\":\\\"OpenAI\\\"}";
    let text = format!(
        "{{\"properties\": {{\"category\": \"ModelGateway\", \"target\": \"http://{address}/v1\", \"authType\": \"ApiKey\", \
         \"credentials\": {{\"key\": \"a-key-of-tests\"}}, \"metadata\": {{\"modelDiscovery\": \"{discovery}\"}}}}}}"
    );
    let read = foundry::parse(&text, "a.json".as_ref()).expect("a connection");
    Questions::of(&read.connections[0], None).expect("ready").ask().await
}

/// The example run, of which one file is changed: the first change is within a limit, the second beyond.
fn read_or_refused(
    name: &str,
    within: impl FnOnce(String) -> String,
    beyond: impl FnOnce(String) -> String,
    refusal: &str,
) {
    let example = foreign::example();
    let text = fs::read_to_string(example.join(name)).expect("text");
    let loaded = |text: String| {
        let dir = tempfile::tempdir().expect("folder");
        for part in [file::MANIFEST, file::REQUESTS, file::COUNTS, file::HEALTH, file::HISTOGRAMS] {
            fs::copy(example.join(part), dir.path().join(part)).expect("copied");
        }
        fs::write(dir.path().join(name), text).expect("written");
        store::load(dir.path()).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(loaded(within(text.clone())), Ok(()), "{name}");
    let error = loaded(beyond(text)).expect_err(refusal);
    assert!(error.contains(refusal), "{error}");
}

/// A manifest whose plan has so many paths.
fn with_paths(manifest: &str, many: usize) -> String {
    let mut manifest: Value = serde_json::from_str(manifest).expect("JSON");
    let paths = manifest["plan"]["paths"].as_array_mut().expect("paths");
    for place in paths.len()..many {
        let mut path = paths[0].clone();
        (path["id"], path["name"]) = (place.into(), format!("p{place}").into());
        paths.push(path);
    }
    manifest["ending"]["planned"].as_array_mut().expect("counts").resize(many, 0.into());
    manifest.to_string()
}

/// A histogram without values that is so many bytes long when it is unpacked.
fn empty_histogram(length: usize) -> String {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let head = words(&[0x1c84_9313, length as u32 - 40, 0, 3, 0, 1_000, 0, 1 << 30, 0x3ff0_0000, 0]);
    let mut packed = ZlibEncoder::new(words(&[0x1c84_9314, 0]), Compression::fast());
    packed.write_all(&head).and_then(|()| packed.write_all(&vec![0; length - 40])).expect("packed");
    STANDARD.encode(packed.finish().expect("packed"))
}

#[tokio::test]
async fn every_limit_holds_and_what_is_within_it_is_read() {
    for limit in Limit::VARIANTS {
        probe(*limit).await;
    }
}

#[test]
fn what_is_no_file_with_an_end_is_refused_at_once() {
    files::name_no_file();
    files::name_rules_in_rules();
}

#[tokio::test]
async fn what_is_beyond_its_limit_in_a_stream_ends_the_call_at_once() {
    let half = "x".repeat(1 << 20);
    for (limit, begin, more) in [
        (Limit::SseLine, "data: ", half.clone()),
        (Limit::SseLine, "no field", half.clone()),
        (Limit::SseLine, ": ", half.clone()),
        (Limit::SseLine, "event: ", half.clone()),
        (Limit::SseEvent, "data: {}", format!("\ndata: {half}")),
    ] {
        ends_at(limit, [vec![Step::Write(chunk(begin))], flood(&more, limit.most() >> 20)].concat()).await;
    }
}

/// Sends these steps behind the head of a stream, then nothing more: the call must end at its limit and not at a time.
async fn ends_at(limit: Limit, steps: Vec<Step>) {
    let steps = [vec![Step::Write(stream_head())], steps, vec![Step::Hold]].concat();
    let sample = asked(steps, true).await;
    assert_eq!(outcome(&sample), Outcome::Failed(ErrorClass::TooLarge), "{limit:?}");
    assert_told(&sample, limit);
}

/// Whether the message of a call says which limit ended it.
fn assert_told(sample: &Sample, limit: Limit) {
    let message = sample.message.as_deref().unwrap_or_default();
    assert!(message.contains(&Beyond(limit).to_string()), "{limit:?}: {message}");
}

/// A chunk so many times, and once more.
fn flood(text: &str, times: usize) -> Vec<Step> {
    vec![Step::Flood(chunk(text), times + 1)]
}

const GOOD_BODY: &str = r#"{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}"#;

fn json(body: &str) -> Vec<Step> {
    vec![Step::Write(answer(200, "application/json", "", body))]
}

/// How many events these pieces hold.
fn fed(pieces: &[&str]) -> Result<usize, Beyond> {
    let (mut decoder, mut events) = (SseDecoder::new(), 0);
    pieces.iter().try_for_each(|piece| decoder.feed(piece.as_bytes(), |_| events += 1))?;
    Ok(events)
}

fn caller_of(server: &RawServer) -> Rc<Caller> {
    let base = format!("http://{}/v1", server.address);
    call::caller(path_to(base, Http::One, [5_000, 20_000, 20_000, 30_000]), Credential::None)
}

/// What becomes of a call of a server that does this.
async fn asked(steps: Vec<Step>, stream: bool) -> Sample {
    let server = RawServer::start(steps, None).await;
    let caller = caller_of(&server);
    Rc::clone(&caller).send(prepared(&caller, 0, &hello(Api::Chat, stream)), Nanos::now()).await
}

fn outcome(sample: &Sample) -> Outcome {
    sample.outcome
}
