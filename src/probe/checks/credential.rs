//! Whether the credential can be had, and whether the service takes it. Tokens are asked for once, each of its own place;
//! whether they are accepted is what the calls of the run are told.

use std::sync::Arc;
use std::time::Duration;

use crate::evidence::fingerprint::Meaning;
use crate::measure::outcome::ErrorClass;
use crate::path::AuthRef;
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::subject::Subject;
use crate::probe::code::{Code, OwnCode};
use crate::probe::judge::{Judged, Trouble};
use crate::probe::preflight::Answers;
use crate::transport::credential::Credential;
use crate::transport::credential::keeper::Keeper;
use crate::units::Nanos;

/// A path that has signed in; its tokens are good for as long as this lives.
pub(super) struct SignedIn {
    /// How long that took; `None` where there is no token to be had.
    took: Option<Duration>,
    _keeper: Option<Keeper>,
}

/// Gets the tokens of a path.
///
/// # Errors
/// The failed check, when one cannot be had.
pub(super) async fn sign_in(subject: &Subject) -> Result<SignedIn, Check> {
    let slots: Vec<Arc<_>> = subject.credential.slots().cloned().collect();
    if slots.is_empty() {
        return Ok(SignedIn { took: None, _keeper: None });
    }
    let begun = Nanos::now();
    let started = Keeper::start(slots, &subject.filter).await;
    let took = Nanos::now().since(begun);
    let why = match started {
        Ok(keeper) => return Ok(SignedIn { took: Some(took), _keeper: Some(keeper) }),
        Err(refused) => refused.iter().map(|refused| refused.why().to_owned()).collect::<Vec<_>>().join("; "),
    };
    let seen = format!("cannot sign in ({}): {why}", kinds(subject));
    let remedy = ErrorClass::Credential.remedy().unwrap_or_default();
    Err(Check::own(CheckName::Credential, Standing::Failed, OwnCode::NoToken, seen).with_remedy(remedy).took(took))
}

/// What the calls were told of the credential.
pub(super) fn check(subject: &Subject, signed_in: &SignedIn, answers: &Answers) -> Check {
    let judged = answers.judged(&subject.path);
    let troubles: Vec<&Trouble> = judged.iter().filter_map(|(_, judged)| trouble(judged)).collect();
    let check = match troubles.iter().find(|trouble| is_of_credential(trouble)) {
        Some(trouble) => Check::of_trouble(CheckName::Credential, Standing::Failed, trouble),
        None => accepted(subject, signed_in, (judged.len() > troubles.len()).then_some(()), &troubles),
    };
    match signed_in.took {
        Some(took) => check.took(took),
        None => check,
    }
}

fn accepted(subject: &Subject, signed_in: &SignedIn, answered: Option<()>, troubles: &[&Trouble]) -> Check {
    if matches!(subject.credential, Credential::None) && subject.path.auth.all().is_empty() {
        let seen = "the path declares no credential";
        return Check::own(CheckName::Credential, Standing::Info, OwnCode::NoCredential, seen);
    }
    let had = match signed_in.took {
        Some(took) => format!("{}: a token came within {:.0} ms", kinds(subject), took.as_secs_f64() * 1e3),
        None => kinds(subject),
    };
    match (answered, troubles.first()) {
        (Some(()), _) => Check::passed(CheckName::Credential, format!("{had}; a call with it was answered")),
        (None, Some(trouble)) => {
            let seen = format!("{had}; whether it is accepted is not known: {}", trouble.told);
            Check::new(CheckName::Credential, Standing::Info, Code::Own(OwnCode::Undecided), seen)
        }
        (None, None) => Check::own(CheckName::Credential, Standing::Failed, OwnCode::NoAnswer, "no call was answered"),
    }
}

fn trouble(judged: &Judged) -> Option<&Trouble> {
    match judged {
        Judged::Fine => None,
        Judged::Odd(trouble) | Judged::Refused(trouble) => Some(trouble).filter(|trouble| trouble.class.is_some()),
    }
}

/// Whether an answer refuses who calls, and not from where.
fn is_of_credential(trouble: &Trouble) -> bool {
    let by_network = trouble.print.is_some_and(|print| match print.meaning {
        Meaning::PublicRoute | Meaning::Denied => true,
        Meaning::Name | Meaning::Beyond | Meaning::Closed | Meaning::Caller => false,
    });
    !by_network && matches!(trouble.class, Some(ErrorClass::Http(401 | 403) | ErrorClass::Credential))
}

/// `api-key and mtls`.
fn kinds(subject: &Subject) -> String {
    let kinds: Vec<String> = subject.path.auth.all().iter().map(AuthRef::kind).map(|kind| kind.to_string()).collect();
    match kinds.as_slice() {
        [] => "secret headers".to_owned(),
        kinds => kinds.join(" and "),
    }
}
