//! Whether the path is private, and whether its distance is plausible: the rungs of a run, climbed with what the checks
//! before saw. Sends nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::evidence::fingerprint::{self, Fingerprint};
use crate::evidence::ladder::{PeerSeen, Privacy, Rung, Seen, Standing as RungStanding, Step, climb, failed, privacy};
use crate::evidence::rtt::{self, Plausible};
use crate::measure::resolution::Resolution;
use crate::path::control::Private;
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::model;
use crate::probe::checks::subject::Subject;
use crate::probe::code::OwnCode;
use crate::probe::document::{Connections, PrivatePath};
use crate::probe::preflight::Answers;

/// What the checks before saw.
pub(super) struct Evidence<'a> {
    pub(super) resolution: Option<&'a Resolution>,
    pub(super) connections: Option<&'a Connections>,
    pub(super) answers: &'a Answers,
}

/// The two checks, and the rungs of the second.
pub(super) struct WayChecks {
    pub(super) distance: Check,
    pub(super) verdict: Check,
    pub(super) private: Option<PrivatePath>,
}

/// Climbs; what failed before leaves nothing to look at: without a connection nothing of the distance, without a call
/// nothing of the sockets that carry calls.
pub(super) fn checks(
    subject: &Subject,
    evidence: &Evidence<'_>,
    (unopened, uncalled): (Option<CheckName>, Option<CheckName>),
) -> WayChecks {
    let Some(declared) = &subject.path.control.private else {
        let seen = "the path has no [path.private]";
        let not = |check| Check::own(check, Standing::Info, OwnCode::NotDeclared, seen);
        return WayChecks { distance: not(CheckName::Distance), verdict: not(CheckName::Private), private: None };
    };
    let steps = climb(&seen(subject, declared, evidence));
    let distance = match unopened {
        Some(failed) => Check::skipped(CheckName::Distance, failed),
        None => distance(subject, declared, evidence, &steps),
    };
    // A call that was refused has shown a socket; one that was never sent has not.
    let uncalled = uncalled.filter(|_| evidence.answers.samples.is_empty());
    match uncalled {
        Some(failed) => WayChecks { distance, verdict: Check::skipped(CheckName::Private, failed), private: None },
        None => {
            let private = PrivatePath { verdict: privacy(&steps), rungs: steps };
            WayChecks { distance, verdict: verdict(&private), private: Some(private) }
        }
    }
}

fn seen<'a>(subject: &'a Subject, private: &'a Private, evidence: &Evidence<'a>) -> Seen<'a> {
    let path = &subject.path;
    Seen {
        host: &subject.target.host,
        private,
        resolution: evidence.resolution,
        proxy: path.control.proxy.as_ref().map(ToString::to_string),
        proxy_variables: &subject.proxy_variables,
        peers: peers(evidence.answers),
        answered: model::answered(subject, evidence.answers),
        refusals: refusals(subject, evidence.answers),
        secure: subject.target.tls.is_some(),
        verified: path.tls.verify,
        certificates: evidence.answers.certificates.iter().collect(),
        connect_ms: evidence.connections.and_then(|connections| connections.median_ms),
        outside: subject.outside,
    }
}

/// The addresses that calls reached, the most often reached first.
fn peers(answers: &Answers) -> Vec<PeerSeen> {
    let mut counts: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    let reached = answers.samples.iter().filter_map(|(_, sample)| sample.conn?.peer);
    reached.for_each(|address| *counts.entry(address).or_insert(0) += 1);
    let mut peers: Vec<PeerSeen> = counts.into_iter().map(|(address, calls)| PeerSeen { address, calls }).collect();
    peers.sort_by_key(|peer| std::cmp::Reverse(peer.calls));
    peers
}

/// What refusals tell of the network, with their number.
pub(super) fn refusals(subject: &Subject, answers: &Answers) -> Vec<(&'static Fingerprint, u64)> {
    let mut found: Vec<(&'static Fingerprint, u64)> = Vec::new();
    for (_, sample) in &answers.samples {
        let Some(class) = sample.outcome.error() else { continue };
        let said = sample.message.as_deref().unwrap_or_default();
        let Some(print) = fingerprint::of(class, said, subject.is_private()) else { continue };
        match found.iter_mut().find(|(known, _)| *known == print) {
            Some((_, calls)) => *calls += 1,
            None => found.push((print, 1)),
        }
    }
    found
}

fn distance(subject: &Subject, private: &Private, evidence: &Evidence<'_>, steps: &[Step]) -> Check {
    let own = |standing, code, seen: &str| Check::own(CheckName::Distance, standing, code, seen);
    if subject.path.control.proxy.is_some() {
        return own(
            Standing::Info,
            OwnCode::DistanceUnknown,
            "connections end at the proxy, so their time is not the path's",
        );
    }
    let Some(step) = steps.iter().find(|step| step.rung == Rung::Rtt) else {
        return own(Standing::Info, OwnCode::DistanceUnknown, "nothing is known of the distance");
    };
    let judged = || {
        let way = rtt::published(private.caller_region.as_deref()?, private.region.as_deref()?)?;
        Some(way.judge(evidence.connections?.median_ms?))
    };
    let check = match judged() {
        None => own(Standing::Info, OwnCode::DistanceUnknown, &step.evidence),
        Some(Plausible::Yes) => Check::passed(CheckName::Distance, &step.evidence),
        Some(Plausible::TooFast) => own(Standing::Warning, OwnCode::TooFast, &step.evidence),
        Some(Plausible::TooSlow) => own(Standing::Warning, OwnCode::TooSlow, &step.evidence),
    };
    Check { remedy: step.remedy.map(str::to_owned), ..check }
}

fn verdict(private: &PrivatePath) -> Check {
    let of = |standing: RungStanding| private.rungs.iter().filter(move |step| step.standing == standing);
    let reached = of(RungStanding::Reached).count();
    let seen = format!("{reached} of {} rungs reached", private.rungs.len());
    let check = |standing, code, step: Option<&Step>| {
        let check = Check::own(CheckName::Private, standing, code, seen.clone());
        let cause = step.map(|step| format!("rung '{}': {}", step.rung, step.evidence));
        Check { cause, remedy: step.and_then(|step| step.remedy).map(str::to_owned), ..check }
    };
    match private.verdict {
        Privacy::NotPrivate => check(Standing::Failed, OwnCode::NotPrivate, failed(&private.rungs)),
        Privacy::Unproven => {
            let socket = private.rungs.iter().find(|step| step.rung == Rung::Socket);
            check(Standing::Failed, OwnCode::PrivateUnproven, socket)
        }
        Privacy::Private => match of(RungStanding::Doubtful).next() {
            Some(doubtful) => check(Standing::Warning, OwnCode::PrivateDoubtful, Some(doubtful)),
            None => check(Standing::Passed, OwnCode::PrivatePath, None),
        },
    }
}
