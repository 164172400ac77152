//! Preflight: does each path answer what the run will ask? Before anything is measured, one call for every shape of
//! call that the workload has, sent and read exactly as the run does it.
//!
//! Refuses only what will not get better by itself. Anything else is data, and becomes a warning.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::attempt::{Caller, Route};
use crate::limits::Limit;
use crate::measure::certificate::CertificateSeen;
use crate::measure::sample::Sample;
use crate::path::NetPath;
use crate::probe::judge::{Judged, Rules, judge, other_http};
use crate::schedule::tickets::Ticket;
use crate::transport::connect::{self, Target};
use crate::transport::credential::Credential;
use crate::transport::http2;
use crate::units::{Nanos, PathId, Phase, Seq, Span};
use crate::wire::filter::Filter;
use crate::workload::Workload;
use crate::workload::call::Call;

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
    let answers = ask_all(&path, target, (credential, filter), calls, run_id).await;
    findings(&path, answers.judged(&path))
}

/// What a path answered to calls of its run.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Each with its shape.
    pub(crate) samples: Vec<(String, Sample)>,
    /// The certificates that the connections of these calls were shown.
    pub(crate) certificates: Vec<CertificateSeen>,
    was_hurried: bool,
}

impl Answers {
    /// Each with what it means.
    pub(crate) fn judged(&self, path: &NetPath) -> Vec<(String, Judged)> {
        let rules = Rules { was_hurried: self.was_hurried, ..Rules::of(path) };
        self.samples.iter().map(|(shape, sample)| (shape.clone(), judge(sample, rules))).collect()
    }
}

/// Sends each of `calls` over a path, all at once, and follows each to its end, or until it is clear that its answer is on
/// its way.
pub(crate) async fn ask_all(
    path: &NetPath,
    target: Target,
    (credential, filter): (Credential, Filter),
    calls: &[Call],
    run_id: &str,
) -> Answers {
    let own_total = path.timeouts.total;
    let mut hurried = path.clone();
    hurried.timeouts.total = own_total.min(Span(path.timeouts.first_byte.0 + BEYOND_FIRST_BYTE));
    let was_hurried = hurried.timeouts.total < own_total;
    let route = Route::new(NetPath { id: PathId(0), ..hurried }, target, credential);
    let caller = Caller::new(vec![route], run_id.to_owned(), Nanos::now(), 0, 1);
    let caller = Rc::new(caller.filtering(filter).telling_all());
    // Whoever cuts this cuts the calls.
    let mut asked = JoinSet::new();
    for (call, seq) in calls.iter().zip(0..) {
        let answer = ask(&caller, call, seq);
        asked.spawn_local(async move { (seq, answer.await) });
    }
    let mut answers: Vec<(u64, Sample)> = Vec::new();
    while let Some(answer) = asked.join_next().await {
        // A task that broke has said so.
        answers.extend(answer);
    }
    answers.sort_by_key(|(seq, _)| *seq);
    let of_call = |(seq, sample): (u64, Sample)| Some((shape(calls.get(usize::try_from(seq).ok()?)?), sample));
    let samples = answers.into_iter().filter_map(of_call).collect();
    Answers { samples, certificates: caller.certificates().into_iter().flatten().collect(), was_hurried }
}

/// Sends a call now, as the run would.
fn ask(caller: &Rc<Caller>, call: &Call, seq: u64) -> impl Future<Output = Sample> + use<> {
    let ticket = Ticket { seq: Seq(seq), round: seq, path: PathId(0), phase: Phase::Warmup, intended: Duration::ZERO };
    let prepared = caller.prepare(ticket, call);
    Rc::clone(caller).send(prepared, Nanos::now())
}

/// Whether those who listen speak HTTP/2, where the path does; everything else a call finds out by itself.
pub(crate) async fn reach(path: &NetPath, target: &Target) -> Result<(), (String, &'static str)> {
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
            Judged::Refused(what) => {
                findings.refused.push(refused(path, format!("{shapes}: {what}"), what.remedy_of_any()));
            }
        }
    }
    findings
}

fn refused(path: &NetPath, why: String, remedy: &'static str) -> Refused {
    Refused { path: path.name.clone(), url: path.base_url.clone(), why, remedy }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
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
}
