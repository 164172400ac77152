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
        let not = |check| {
            let check = Check::own(check, Standing::Info, OwnCode::NotDeclared, "the path has no [path.private]");
            let remedy = subject.is_private().then(|| "declare it to check whether the path is private".to_owned());
            Check { remedy, ..check }
        };
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
        return own(Standing::Info, OwnCode::DistanceUnknown, "the distance is not known");
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::measure::sample::{ConnUse, Sample};
    use crate::probe::checks::subject::tests::subject_of;
    use crate::probe::code::Code;
    use crate::units::{Api, Nanos, PathId, Phase, Seq};

    fn subject(private: Option<Private>) -> Subject {
        subject_of(|path| path.control.private = private)
    }

    /// A call that was answered over a socket to this address.
    fn answered(address: &str) -> Answers {
        let call = (Api::Chat, false);
        let mut sample = Sample::begun((Seq(0), 0), PathId(0), Phase::Warmup, call, Nanos(0), Outcome::Ok);
        let peer = Some(address.parse().expect("an address"));
        sample.conn =
            Some(ConnUse { id: 0, uses: 1, peer, tcp: Some(Duration::from_millis(28)), ..ConnUse::default() });
        let mut answers = Answers::default();
        answers.samples.push(("chat".to_owned(), sample));
        answers
    }

    fn connections(median: f64) -> Connections {
        let ms = Some(median);
        Connections { opened: 5, failed: 0, median_ms: ms, min_ms: ms, max_ms: ms, addresses: Vec::new() }
    }

    #[test]
    fn the_distance_and_the_verdict_are_those_of_the_rungs() {
        let region = |from: &str| Private {
            region: Some("swedencentral".to_owned()),
            caller_region: Some(from.to_owned()),
            ..Private::default()
        };
        let far = "germanywestcentral";
        for (word, from, ms, distance, verdict) in [
            ("plausible", far, 28.0, (Standing::Passed, None), OwnCode::PrivatePath),
            ("too fast", far, 0.2, (Standing::Warning, Some(OwnCode::TooFast)), OwnCode::PrivateDoubtful),
            ("too slow", far, 95.0, (Standing::Warning, Some(OwnCode::TooSlow)), OwnCode::PrivateDoubtful),
            ("its own region", "swedencentral", 0.9, (Standing::Passed, None), OwnCode::PrivatePath),
            (
                "not its own region",
                "swedencentral",
                28.0,
                (Standing::Warning, Some(OwnCode::TooSlow)),
                OwnCode::PrivateDoubtful,
            ),
            ("unpublished", "mars", 28.0, (Standing::Info, Some(OwnCode::DistanceUnknown)), OwnCode::PrivatePath),
        ] {
            let (connections, answers) = (connections(ms), answered("10.0.2.5:80"));
            let evidence = Evidence { resolution: None, connections: Some(&connections), answers: &answers };
            let found = checks(&subject(Some(region(from))), &evidence, (None, None));
            let code = distance.1.map(Code::Own);
            assert_eq!((found.distance.standing, found.distance.code), (distance.0, code), "{word}");
            assert_eq!(found.verdict.code, Some(Code::Own(verdict)), "{word}: {:?}", found.verdict);
            assert!(found.distance.standing != Standing::Warning || found.distance.remedy.is_some(), "{word}");
        }
    }

    #[test]
    fn what_was_not_seen_passes_nothing() {
        let private = || subject(Some(Private::default()));
        let (connections, none) = (connections(1.0), Answers::default());
        let evidence = |answers| Evidence { resolution: None, connections: Some(&connections), answers };
        let public = answered("20.1.2.3:80");
        for (word, found, standing, code) in [
            (
                "a public socket",
                checks(&private(), &evidence(&public), (None, None)),
                Standing::Failed,
                OwnCode::NotPrivate,
            ),
            (
                "no socket",
                checks(&private(), &evidence(&none), (None, None)),
                Standing::Failed,
                OwnCode::PrivateUnproven,
            ),
            (
                "no call",
                checks(&private(), &evidence(&none), (None, Some(CheckName::Tls))),
                Standing::Skipped,
                OwnCode::EarlierFailed,
            ),
            (
                "not declared",
                checks(&subject(None), &evidence(&public), (None, None)),
                Standing::Info,
                OwnCode::NotDeclared,
            ),
        ] {
            let own = Some(Code::Own(code));
            assert_eq!((found.verdict.standing, found.verdict.code), (standing, own), "{word}: {:?}", found.verdict);
            assert_eq!(found.private.is_some(), standing == Standing::Failed, "{word}");
        }
    }
}
