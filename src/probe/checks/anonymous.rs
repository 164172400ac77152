//! Whether a call without the credential is refused: the first of the run's shapes, once. Where the path declares no
//! credential nothing is sent, since every call of the run is such a call.

use crate::evidence::fingerprint::Meaning;
use crate::limits::Limit;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::path::{AuthKind, NetPath};
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::subject::Subject;
use crate::probe::code::OwnCode;
use crate::probe::judge::{Judged, Trouble};
use crate::probe::preflight::{Answers, ask_all};
use crate::transport::credential::Credential;
use crate::units::Nanos;
use crate::wire::words;

/// Asks once without the credential; `None` where the path has none.
pub(super) async fn check(subject: &Subject) -> Option<Check> {
    let (path, target) = subject.anonymous.as_ref()?;
    let begun = Nanos::now();
    let call = &subject.calls[..subject.calls.len().min(1)];
    let name = format!("{}-anonymous", subject.name);
    let answers = ask_all(path, target.clone(), (Credential::None, subject.filter.clone()), call, &name).await;
    let shows_certificate = subject.path.auth.all().iter().any(|auth| auth.kind() == AuthKind::Mtls);
    Some(judge(subject, path, &answers, shows_certificate).took(Nanos::now().since(begun)))
}

/// What the calls of a path without a credential show of it.
pub(super) fn of_open_path(answers: &Answers) -> Check {
    if answers.samples.iter().any(|(_, sample)| sample.outcome.is_ok()) {
        let seen = "the path declares no credential, and its calls are answered: anyone can call";
        return Check::own(CheckName::Anonymous, Standing::Warning, OwnCode::AnsweredAnonymously, seen).with_remedy(
            "declare auth, and let the service or a gateway ask for it, unless only this network can reach it",
        );
    }
    let seen = "the path declares no credential, so no other call was sent without one";
    Check::own(CheckName::Anonymous, Standing::Info, OwnCode::NoCredential, seen)
}

fn judge(subject: &Subject, path: &NetPath, answers: &Answers, shows_certificate: bool) -> Check {
    let judged = answers.judged(path);
    let (Some((_, sample)), Some((_, judged))) = (answers.samples.first(), judged.first()) else {
        return undecided("no call was sent without the credential".to_owned());
    };
    match judged {
        Judged::Fine => answered(sample),
        Judged::Odd(trouble) | Judged::Refused(trouble) => {
            not_answered(sample, (trouble, &said(subject, sample, trouble)), shows_certificate)
        }
    }
}

fn answered(sample: &Sample) -> Check {
    let status = sample.status.map_or(String::new(), |status| format!(" (status {status})"));
    let seen = format!("a call without the credential was answered{status}");
    let check = Check::own(CheckName::Anonymous, Standing::Failed, OwnCode::AnsweredAnonymously, seen).with_remedy(
        "look for a gateway or proxy on the way that adds a credential of its own, and close it to others",
    );
    Check { cause: Some("anyone who can reach this path can call, whatever key the profile names".to_owned()), ..check }
}

/// What the server said, without what it would mean of a credential that was sent.
fn said(subject: &Subject, sample: &Sample, trouble: &Trouble) -> String {
    let words = sample.heard.as_ref().map(|heard| subject.filter.line(&words::said(&heard.said), Limit::ErrorText));
    match (sample.status, words.filter(|words| !words.is_empty())) {
        (Some(status), Some(words)) => format!("status {status}: {words}"),
        (Some(_), None) | (None, _) => trouble.told.clone(),
    }
}

fn not_answered(sample: &Sample, (trouble, said): (&Trouble, &str), shows_certificate: bool) -> Check {
    let by_network = trouble.print.is_some_and(|print| match print.meaning {
        Meaning::PublicRoute | Meaning::Denied => true,
        Meaning::Name | Meaning::Beyond | Meaning::Closed | Meaning::Caller => false,
    });
    let refused = |seen: String| Check::own(CheckName::Anonymous, Standing::Passed, OwnCode::RefusedAnonymously, seen);
    match trouble.class {
        None => answered(sample),
        Some(_) if by_network => undecided(format!("the network refused the call before the service could: {said}")),
        Some(ErrorClass::Http(401 | 403)) => refused(format!("a call without the credential was refused: {said}")),
        Some(
            // A server may say so only when the first request comes.
            ErrorClass::Tls | ErrorClass::ConnectionClosed | ErrorClass::ConnectionReset | ErrorClass::Protocol,
        ) if shows_certificate && sample.status.is_none() => {
            refused(format!("a connection without the certificate was refused: {said}"))
        }
        // Part of an answer came.
        Some(_) if sample.has_success() => answered(sample),
        Some(_) => undecided(format!("a call without the credential got {said}")),
    }
}

fn undecided(seen: String) -> Check {
    let check = Check::own(CheckName::Anonymous, Standing::Info, OwnCode::Undecided, seen);
    Check { cause: Some("that does not show whether a credential is required".to_owned()), ..check }
}
