//! What the TLS handshake shows: two connections, the second of which tries to resume the session of the first, and one
//! more that verifies nothing, to see who answers, where the first was not trusted. No request is sent on any.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncReadExt;

use crate::measure::outcome::ErrorClass;
use crate::path::TlsPolicy;
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::subject::Subject;
use crate::probe::code::{Code, OwnCode};
use crate::probe::document::Handshake;
use crate::probe::judge::Trouble;
use crate::transport::connect::{self, ConnectError, Opened, Target};
use crate::transport::shown::Shown;
use crate::transport::tickets::TicketStore;
use crate::transport::tls;
use crate::units::{Nanos, Span};

/// A certificate that is good for less is worth a warning.
const SOON: time::Duration = time::Duration::days(30);
/// How long is waited for what a session can be resumed with.
const TICKET: Duration = Duration::from_secs(1);
/// What helps against one that has ended.
const RENEW: &str = "renew the certificate";
/// How many names of a certificate are told in a sentence.
const NAMES: usize = 4;

/// Looks at the handshake; `None` where nothing of it was seen.
pub(super) async fn check(subject: &Subject) -> (Check, Option<Handshake>) {
    let begun = Nanos::now();
    let Some(config) = &subject.target.tls else {
        return (Check::own(CheckName::Tls, Standing::Info, OwnCode::NoTls, "the path is http, without TLS"), None);
    };
    let store = Arc::new(TicketStore::new());
    let target = Target { tls: Some(tls::resuming(config, Arc::clone(&store))), ..subject.target.clone() };
    let wait = subject.path.timeouts.connect;
    let (check, handshake) = match open(&target, wait).await {
        Err(error) => distrusted(subject, error).await,
        Ok(opened) => {
            let shown = Shown::of(&opened.stream);
            let resumes = resumes(&target, opened, (&store, wait)).await;
            let now = OffsetDateTime::now_utc();
            match shown {
                Some(shown) => (judge(&shown, (subject.path.tls.verify, resumes), now), Some((shown, resumes))),
                None => (Check::passed(CheckName::Tls, "the handshake succeeded"), None),
            }
        }
    };
    let verified = subject.path.tls.verify && !check.has_failed();
    let handshake = handshake.map(|(shown, resumes)| facts(shown, verified, resumes));
    (check.took(Nanos::now().since(begun)), handshake)
}

async fn open(target: &Target, wait: Span) -> Result<Opened, ConnectError> {
    match tokio::time::timeout(wait.0, connect::open(target)).await {
        Ok(opened) => opened,
        Err(_) => {
            let class = ErrorClass::ConnectTimeout;
            Err(ConnectError { class, message: format!("{} (timeouts.connect is {wait})", class.meaning()) })
        }
    }
}

/// Whether a second connection can resume the session of the first; `None` where there was no second.
async fn resumes(target: &Target, mut first: Opened, (store, wait): (&TicketStore, Span)) -> Option<bool> {
    let came = async {
        let mut heard = [0; 1024];
        loop {
            tokio::select! {
                biased;
                () = store.came() => return,
                read = first.stream.read(&mut heard) => if !matches!(read, Ok(1..)) {
                    return;
                },
            }
        }
    };
    // Without a ticket the second handshake is a whole one, and says so.
    let _ = tokio::time::timeout(TICKET.min(wait.0), came).await;
    let second = open(target, wait).await.ok()?;
    Shown::of(&second.stream).map(|shown| shown.resumed)
}

/// A handshake that failed, and who answered.
async fn distrusted(subject: &Subject, error: ConnectError) -> (Check, Option<(Shown, Option<bool>)>) {
    let class = error.class;
    let check =
        Check::of_trouble(CheckName::Tls, Standing::Failed, &Trouble::new(class, error.message, subject.rules()));
    let unverified = TlsPolicy { verify: false, ..TlsPolicy::default() };
    let config = tls::client_config(&unverified, subject.path.http, None).ok().filter(|_| class == ErrorClass::Tls);
    let Some(config) = config else { return (check, None) };
    let target = Target { tls: Some(config), ..subject.target.clone() };
    let shown = open(&target, subject.path.timeouts.connect).await.ok();
    match shown.and_then(|opened| Shown::of(&opened.stream)) {
        None => (check, None),
        Some(shown) => {
            let seen = format!("{}; the server shows {}", check.seen, certificate(&shown));
            let check = Check { seen, ..check };
            (out_of_date(check, &shown, OffsetDateTime::now_utc()), Some((shown, None)))
        }
    }
}

/// The same check; where the certificate is out of date and nothing else is known, that is the cause.
fn out_of_date(check: Check, shown: &Shown, now: OffsetDateTime) -> Check {
    let ended = shown.certificate.not_after.filter(|end| *end < now && check.cause.is_none());
    let Some(end) = ended else { return check };
    let cause = Some(format!("the certificate ended on {}", end.date()));
    Check { code: Some(Code::Own(OwnCode::Expired)), cause, remedy: Some(RENEW.to_owned()), ..check }
}

fn judge(shown: &Shown, (verified, resumes): (bool, Option<bool>), now: OffsetDateTime) -> Check {
    let alpn = shown.alpn.as_deref().unwrap_or("no ALPN");
    let resumption = match resumes {
        Some(true) => "a second connection resumed the session",
        Some(false) => "a second connection did not resume the session",
        None => "no second connection was opened",
    };
    let seen = format!("{}, {alpn}, {}; {resumption}", shown.version, certificate(shown));
    let left = shown.certificate.not_after.map(|end| end - now);
    let warn = |code| Check::own(CheckName::Tls, Standing::Warning, code, seen.clone());
    match left {
        Some(left) if left.is_negative() => warn(OwnCode::Expired).with_remedy(RENEW),
        Some(left) if left < SOON => {
            let days = left.whole_days();
            let check = warn(OwnCode::ExpiresSoon).with_remedy("renew the certificate before it ends");
            Check { cause: Some(format!("the certificate is good for {days} more days")), ..check }
        }
        Some(_) | None if !verified => {
            let remedy = "name its authority, or the certificate itself, with tls.ca_file";
            let check = warn(OwnCode::Unverified).with_remedy(remedy);
            Check { cause: Some("the certificate was not verified: anyone may have answered".to_owned()), ..check }
        }
        Some(_) | None => Check::passed(CheckName::Tls, seen),
    }
}

/// `a certificate of CN=ca for a.test, b.test, good until 2027-01-31`.
fn certificate(shown: &Shown) -> String {
    let certificate = &shown.certificate;
    let names = &certificate.names;
    let whom = match names.as_slice() {
        [] => certificate.subject.clone(),
        names if names.len() <= NAMES => names.join(", "),
        names => format!("{} and {} more", names[..NAMES].join(", "), names.len() - NAMES),
    };
    let until = certificate.not_after.map_or("an unknown day".to_owned(), |end| end.date().to_string());
    format!("a certificate of {} for {whom}, good until {until}", certificate.issuer)
}

fn facts(shown: Shown, verified: bool, resumes: Option<bool>) -> Handshake {
    let Shown { version, alpn, resumed: _, certificate } = shown;
    let at = |at: Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok());
    Handshake {
        version: version.to_owned(),
        alpn,
        verified,
        issuer: certificate.issuer,
        subject: certificate.subject,
        names: certificate.names,
        not_before: at(certificate.not_before),
        not_after: at(certificate.not_after),
        resumes,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::transport::shown::Certificate;

    #[test]
    fn a_certificate_is_worth_a_warning_before_it_ends() {
        let now = datetime!(2026-11-30 12:00 UTC);
        let shown = |not_after| Shown {
            version: "TLS 1.3",
            alpn: Some("http/1.1".to_owned()),
            resumed: false,
            certificate: Certificate {
                issuer: "CN=ca".to_owned(),
                names: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
                not_after: Some(not_after),
                ..Certificate::default()
            },
        };
        for (not_after, verified, standing, code) in [
            (datetime!(2027-11-30 12:00 UTC), true, Standing::Passed, None),
            (datetime!(2027-11-30 12:00 UTC), false, Standing::Warning, Some(OwnCode::Unverified)),
            (datetime!(2026-12-30 12:00 UTC), true, Standing::Passed, None),
            (datetime!(2026-12-30 11:59 UTC), true, Standing::Warning, Some(OwnCode::ExpiresSoon)),
            (datetime!(2026-11-30 11:59 UTC), false, Standing::Warning, Some(OwnCode::Expired)),
        ] {
            let check = judge(&shown(not_after), (verified, Some(true)), now);
            assert_eq!((check.standing, check.code), (standing, code.map(Code::Own)), "{not_after}");
            assert!(check.seen.contains("a, b, c, d and 1 more") && check.seen.contains("resumed"), "{}", check.seen);
        }
    }
}
