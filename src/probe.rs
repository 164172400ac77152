//! Preflight: does each path answer what the run will ask? Before anything is measured, one call for every shape of
//! call that the workload has, sent and read exactly as the run does it.
//!
//! Refuses only what will not get better by itself. Anything else is data, and becomes a warning.

pub mod capability;
pub mod discovery;
mod unsupported;

use std::rc::Rc;
use std::time::Duration;

use crate::attempt::{Caller, Route};
use crate::evidence::fingerprint;
use crate::limits::{Beyond, Limit};
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::path::{Http, NetPath, PathKind};
use crate::schedule::tickets::Ticket;
use crate::transport::connect::{self, Target};
use crate::transport::credential::Credential;
use crate::transport::{http2, tls};
use crate::units::{Nanos, PathId, Phase, Seq, Span};
use crate::wire::filter::Filter;
use crate::workload::Workload;
use crate::workload::call::Call;

/// The most that is waited for an answer of the simulator's own routes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an answer may go on after the time for its first byte: that it is on its way is enough.
const BEYOND_FIRST_BYTE: Duration = Duration::from_secs(10);
/// How many rounds are looked through for every shape of call.
const ROUNDS: u64 = 10_000;
/// Of so many calls of a shape the one with the shortest answer is asked.
const FIRST_OF_A_SHAPE: usize = 16;

/// A path that cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path '{path}' ({url}): {why}; {remedy}")]
pub struct Refused {
    /// The path's name.
    pub path: String,
    /// Where it leads.
    pub url: String,
    /// What happened.
    pub why: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What the preflight found on one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Why it cannot be measured.
    pub refused: Vec<Refused>,
    /// What is data, but should be known.
    pub warnings: Vec<String>,
}

/// A call of every shape that the workload has: API and streaming. They are calls of the run itself, but for the first
/// characters of their prompts, so that no cache of a server gets to know those.
#[must_use]
pub fn calls(workload: &Workload) -> Vec<Call> {
    let mut shapes: Vec<((crate::units::Api, bool), Vec<u64>)> = Vec::new();
    for round in 0..ROUNDS {
        let shape = workload.shape(round);
        match shapes.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, rounds)) if rounds.len() < FIRST_OF_A_SHAPE => rounds.push(round),
            Some(_) => {}
            None => shapes.push((shape, vec![round])),
        }
    }
    shapes.sort_unstable_by_key(|((api, stream), _)| (*api, !*stream));
    let shortest = |rounds: Vec<u64>| {
        let calls = rounds.into_iter().map(|round| workload.call(round, u64::MAX - round));
        calls.min_by_key(|call| call.max_output_tokens.unwrap_or(u32::MAX))
    };
    shapes.into_iter().filter_map(|(_, rounds)| shortest(rounds)).collect()
}

/// "chat, streamed".
#[must_use]
pub fn shape(call: &Call) -> String {
    format!("{}, {}", call.api, if call.stream { "streamed" } else { "not streamed" })
}

/// Asks one path each of `calls`, all at once; what its server says passes the filter. It is to be called within a [`LocalSet`](tokio::task::LocalSet);
/// `run_id` is the first part of the calls' names.
pub async fn preflight(
    path: NetPath,
    target: Target,
    (credential, filter): (Credential, Filter),
    calls: &[Call],
    run_id: &str,
) -> Findings {
    if let Err((why, remedy)) = reach(&path, &target).await {
        let why = filter.line(&why, Limit::ErrorText);
        return Findings { refused: vec![refused(&path, why, remedy)], warnings: Vec::new() };
    }
    let own_total = path.timeouts.total;
    let mut hurried = path.clone();
    hurried.timeouts.total = own_total.min(Span(path.timeouts.first_byte.0 + BEYOND_FIRST_BYTE));
    let was_hurried = hurried.timeouts.total < own_total;
    let route = Route::new(NetPath { id: PathId(0), ..hurried }, target, credential);
    let caller = Caller::new(vec![route], run_id.to_owned(), Nanos::now(), 0, 1);
    let caller = Rc::new(caller.filtering(filter).telling_all());
    let asked: Vec<_> =
        calls.iter().zip(0..).map(|(call, seq)| (call, tokio::task::spawn_local(ask(&caller, call, seq)))).collect();
    let mut answers = Vec::new();
    for (call, answer) in asked {
        // A task that broke has said so.
        if let Ok(sample) = answer.await {
            answers.push((shape(call), judge(&sample, (path.http, is_private(&path)), was_hurried)));
        }
    }
    findings(&path, answers)
}

/// Sends a call now, as the run would.
fn ask(caller: &Rc<Caller>, call: &Call, seq: u64) -> impl Future<Output = Sample> + use<> {
    let ticket = Ticket { seq: Seq(seq), round: seq, path: PathId(0), phase: Phase::Warmup, intended: Duration::ZERO };
    let prepared = caller.prepare(ticket, call);
    Rc::clone(caller).send(prepared, Nanos::now())
}

/// Whether those who listen speak HTTP/2, where the path does; everything else a call finds out by itself.
async fn reach(path: &NetPath, target: &Target) -> Result<(), (String, &'static str)> {
    if path.http.is_one() {
        return Ok(());
    }
    let wait = path.timeouts.connect;
    let opened = match tokio::time::timeout(wait.0, connect::open(target)).await {
        Ok(Ok(opened)) => opened,
        // The calls tell it.
        Ok(Err(_)) | Err(_) => return Ok(()),
    };
    match tokio::time::timeout(wait.0, http2::greet(opened, &target.authority)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err((error.message, other_http(path.http))),
        Err(_) => Err((format!("{} did not answer in HTTP/2 within {wait}", target.authority), other_http(path.http))),
    }
}

/// What to do about a server that speaks another HTTP than its path.
fn other_http(http: Http) -> &'static str {
    match http {
        Http::One => "set connections.http = \"2\", or name a server that speaks HTTP/1.1",
        Http::Two { .. } => "set connections.http = \"1.1\", or name a server that speaks HTTP/2",
    }
}

/// Whether a path is meant to be private.
fn is_private(path: &NetPath) -> bool {
    path.control.private.is_some() || path.kind == PathKind::PrivateEndpoint
}

/// What an answer means for the run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Judged {
    Fine,
    Odd(String),
    Refused(String, &'static str),
}

fn judge(sample: &Sample, (http, is_private): (Http, bool), was_hurried: bool) -> Judged {
    let Some(class) = sample.outcome.error() else {
        let whole = sample.stream && sample.stamps.first_event.is_none();
        return if whole { Judged::Odd("one whole answer, not the stream asked for".to_owned()) } else { Judged::Fine };
    };
    if class == ErrorClass::TimeoutTotal && was_hurried && is_success(sample) {
        return Judged::Fine;
    }
    let said = sample.message.as_deref().unwrap_or(class.meaning());
    let told = match class {
        ErrorClass::Http(status) => format!("status {status}: {said}"),
        _ if is_success(sample) => format!("{class}: {said}"),
        _ => said.to_owned(),
    };
    if let Some(print) =
        fingerprint::of(class, said, is_private).filter(|_| is_permanent(class, sample.status.is_some()))
    {
        return Judged::Refused(format!("{told} ({})", print.cause), print.remedy);
    }
    match (is_permanent(class, sample.status.is_some()), class) {
        (false, _) => Judged::Odd(told),
        (true, ErrorClass::Alpn) => Judged::Refused(told, other_http(http)),
        (true, _) => {
            let of_field = unsupported::remedy(said).filter(|_| matches!(class, ErrorClass::Http(400 | 404 | 422)));
            let remedy = of_field.or(class.remedy()).unwrap_or(ANY_SERVER);
            Judged::Refused(told, remedy)
        }
    }
}

const ANY_SERVER: &str = "check that an OpenAI-compatible server listens there";

fn is_success(sample: &Sample) -> bool {
    sample.status.is_some_and(|status| (200..300).contains(&status))
}

/// Whether an error is one that will not get better by itself; `answered` says that the head of an answer had come.
fn is_permanent(class: ErrorClass, answered: bool) -> bool {
    match class {
        ErrorClass::Http(status) => matches!(status, 300..=399 | 400 | 401 | 403 | 404 | 405 | 413 | 415 | 422),
        ErrorClass::Credential
        | ErrorClass::Dns
        | ErrorClass::ConnectRefused
        | ErrorClass::ConnectTimeout
        | ErrorClass::Connect
        | ErrorClass::Proxy
        | ErrorClass::Tls
        | ErrorClass::Alpn
        | ErrorClass::NoDescriptor
        | ErrorClass::Html
        | ErrorClass::TimeoutFirstByte => true,
        // Not a word of HTTP, or not a word in time.
        ErrorClass::Protocol | ErrorClass::TimeoutTotal => !answered,
        ErrorClass::ConnectionClosed
        | ErrorClass::ConnectionReset
        | ErrorClass::StaleConnection
        | ErrorClass::Compressed
        | ErrorClass::StreamRefused
        | ErrorClass::StreamReset
        | ErrorClass::TimeoutGap
        | ErrorClass::BadBody
        | ErrorClass::TooLarge
        | ErrorClass::StreamError
        | ErrorClass::StreamThrottled
        | ErrorClass::StreamTruncated
        | ErrorClass::BodyTruncated
        | ErrorClass::Interrupted
        | ErrorClass::InFlightCap
        | ErrorClass::Internal => false,
    }
}

/// What was found, shapes that got the same answer together.
fn findings(path: &NetPath, answers: Vec<(String, Judged)>) -> Findings {
    let mut told: Vec<(String, Judged)> = Vec::new();
    for (shape, judged) in answers {
        match told.iter_mut().find(|(_, known)| *known == judged) {
            Some((shapes, _)) => *shapes = format!("{shapes}; {shape}"),
            None => told.push((shape, judged)),
        }
    }
    let mut findings = Findings::default();
    for (shapes, judged) in told {
        match judged {
            Judged::Fine => {}
            Judged::Odd(what) => {
                findings.warnings.push(format!("path '{}': preflight of {shapes} got {what}", path.name));
            }
            Judged::Refused(what, remedy) => findings.refused.push(refused(path, format!("{shapes}: {what}"), remedy)),
        }
    }
    findings
}

fn refused(path: &NetPath, why: String, remedy: &'static str) -> Refused {
    Refused { path: path.name.clone(), url: path.base_url.clone(), why, remedy }
}

/// A client for calls to the simulator's own routes.
///
/// # Errors
/// When it cannot be set up, in a sentence.
pub fn control_client() -> Result<reqwest::Client, String> {
    let config = tls::trusting_nobody().map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.tls_backend_preconfigured(config).timeout(PATIENCE).build().map_err(|error| error.to_string())
}

/// What the simulator's own routes do not tell.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// No answer, or none of success.
    #[error(transparent)]
    Answer(#[from] reqwest::Error),
    /// More than is read.
    #[error(transparent)]
    TooMuch(#[from] Beyond),
}

/// Asks one of the simulator's own routes.
///
/// # Errors
/// When it does not answer, or says more than is read.
pub async fn ask_simulator(asked: reqwest::RequestBuilder) -> Result<String, Untold> {
    whole(asked.send().await?.error_for_status()?).await
}

/// The body of an answer of the simulator's own routes; what is no text in UTF-8 is replaced.
///
/// # Errors
/// When it ends early, or is more than is read.
pub(crate) async fn whole(mut answer: reqwest::Response) -> Result<String, Untold> {
    Limit::OwnAnswer.allow(answer.content_length().unwrap_or_default() as usize)?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        Limit::OwnAnswer.allow(body.len() + piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::measure::heard::Heard;
    use crate::measure::outcome::Outcome;
    use crate::units::Api;
    use crate::workload::spec::{WorkloadPlan, WorkloadSource};

    fn workload(stream: f64) -> Workload {
        let plan = WorkloadPlan {
            source: WorkloadSource::Trace {
                file: "builtin:azure-conv".into(),
                time_scale: 1.0,
                time_unit: None,
                input_tokens: None,
                output_tokens: None,
            },
            api: BTreeMap::from([(Api::Chat, 0.99), (Api::Responses, 0.01)]),
            stream,
            model: "m".to_owned(),
            max_output_tokens: None,
            max_input_tokens: None,
        };
        Workload::load(&plan, 3).expect("loads")
    }

    #[test]
    fn each_shape_of_a_workload_is_asked_with_a_call_of_its_own() {
        let shapes = |stream| calls(&workload(stream)).iter().map(shape).collect::<Vec<_>>().join("; ");
        assert_eq!(shapes(1.0), "chat, streamed; responses, streamed");
        assert_eq!(shapes(0.0), "chat, not streamed; responses, not streamed");
        let all = "chat, streamed; chat, not streamed; responses, streamed; responses, not streamed";
        assert_eq!(shapes(0.02), all);
        let (workload, asked) = (workload(1.0), calls(&workload(1.0)).remove(0));
        let first = (0..FIRST_OF_A_SHAPE as u64 + 5).map(|round| workload.call(round, 0));
        let limits: Vec<_> = first.filter(|call| call.api == Api::Chat).map(|call| call.max_output_tokens).collect();
        assert_eq!(Some(&asked.max_output_tokens), limits[..FIRST_OF_A_SHAPE].iter().min());
    }

    fn failed(class: ErrorClass, status: Option<u16>, said: &str) -> Sample {
        let outcome = Outcome::Failed(class);
        let call = (Api::Chat, true);
        let mut sample = Sample::begun((Seq(0), 0), PathId(0), Phase::Warmup, call, Nanos(0), outcome);
        sample.status = status;
        sample.heard = Some(Box::new(Heard { said: said.as_bytes().to_vec(), ..Heard::default() }));
        sample
    }

    #[test]
    fn what_lasts_is_refused_and_the_rest_is_data() {
        let refused = [300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 413, 415, 422];
        for status in 300..600 {
            let judged = judge(&failed(ErrorClass::Http(status), Some(status), "<html>"), (Http::One, false), false);
            let expected = status < 400 || refused.contains(&status);
            assert_eq!(matches!(judged, Judged::Refused(..)), expected, "{status}: {judged:?}");
        }
        use ErrorClass as E;
        for (class, status, said, expected) in [
            (E::Dns, None, "", true),
            (E::Tls, None, "", true),
            (E::Protocol, None, "", true),
            (E::Protocol, Some(200), "", false),
            (E::TimeoutFirstByte, None, "", true),
            (E::TimeoutTotal, None, "", true),
            (E::TimeoutTotal, Some(200), "", false),
            (E::TimeoutGap, Some(200), "", false),
            (E::ConnectionReset, None, "", false),
            (E::Html, Some(200), " <!doctype html>", true),
            (E::Compressed, Some(200), "", false),
            (E::StaleConnection, None, "", false),
            (E::BadBody, Some(200), "{}", false),
            (E::StreamThrottled, Some(200), "{}", false),
        ] {
            let judged = judge(&failed(class, status, said), (Http::One, false), false);
            assert_eq!(matches!(judged, Judged::Refused(..)), expected, "{class}: {judged:?}");
        }
        assert_eq!(judge(&failed(E::TimeoutTotal, Some(200), ""), (Http::One, false), true), Judged::Fine);
        let two = Http::Two { max: 1, streams: 1 };
        let Judged::Refused(_, remedy) = judge(&failed(E::Alpn, None, ""), (two, false), false) else {
            panic!("refused")
        };
        assert!(remedy.contains("\"1.1\""));
    }
}
