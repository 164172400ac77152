//! What an answer means: whether the path can be measured, and if not, why and what helps. The one judgement of the
//! preflight of a run and of the checks of a probe.

use std::fmt;

use crate::evidence::fingerprint::{self, Fingerprint};
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::path::{Http, NetPath, PathKind};
use crate::probe::code::{Code, OwnCode};
use crate::probe::unsupported;

/// What to do about a server that speaks another HTTP than its path.
pub(crate) fn other_http(http: Http) -> &'static str {
    match http {
        Http::One => "set connections.http = \"2\", or name a server that speaks HTTP/1.1",
        Http::Two { .. } => "set connections.http = \"1.1\", or name a server that speaks HTTP/2",
    }
}

/// Whether a path is meant to be private.
pub(crate) fn is_private(path: &NetPath) -> bool {
    path.control.private.is_some() || path.kind == PathKind::PrivateEndpoint
}

/// What decides beside the answer itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The HTTP that the path speaks.
    pub(crate) http: Http,
    /// Whether the path is meant to be private.
    pub(crate) is_private: bool,
    /// Whether the call had less time than calls of the run have.
    pub(crate) was_hurried: bool,
}

impl Rules {
    /// Those of a path.
    pub(crate) fn of(path: &NetPath) -> Self {
        Self { http: path.http, is_private: is_private(path), was_hurried: false }
    }
}

/// What an answer means for the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// As it should be.
    Fine,
    /// Data, but to be known.
    Odd(Trouble),
    /// It will not get better by itself.
    Refused(Trouble),
}

/// What is wrong with an answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What was seen, in a sentence without its stop.
    pub(crate) told: String,
    /// Its class; `None` for an answer that is whole and no stream.
    pub(crate) class: Option<ErrorClass>,
    /// What its words tell of the network.
    pub(crate) print: Option<&'static Fingerprint>,
    /// What helps.
    pub(crate) remedy: Option<&'static str>,
}

impl Trouble {
    /// A connection that did not come about, or an answer of this class.
    pub(crate) fn new(class: ErrorClass, told: String, rules: Rules) -> Self {
        let print = fingerprint::of(class, &told, rules.is_private);
        let remedy = match (print, class) {
            (Some(print), _) => Some(print.remedy),
            (None, ErrorClass::Alpn) => Some(other_http(rules.http)),
            (None, ErrorClass::Http(400 | 404 | 422)) => unsupported::remedy(&told).or(class.remedy()),
            (None, _) => class.remedy(),
        };
        Self { told, class: Some(class), print, remedy }
    }

    /// Its stable word.
    pub(crate) fn code(&self) -> Code {
        match (self.print, self.class) {
            (Some(print), _) => Code::Print(print.code),
            (None, Some(class)) => Code::Class(class),
            (None, None) => Code::Own(OwnCode::NotAStream),
        }
    }

    /// What helps, or what always does.
    pub(crate) fn remedy_of_any(&self) -> &'static str {
        self.remedy.unwrap_or(ANY_SERVER)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.print {
            Some(print) => write!(f, "{} ({})", self.told, print.cause),
            None => f.write_str(&self.told),
        }
    }
}

/// What an answer means.
pub(crate) fn judge(sample: &Sample, rules: Rules) -> Judged {
    let Some(class) = sample.outcome.error() else {
        let whole = sample.stream && sample.stamps.first_event.is_none();
        if !whole {
            return Judged::Fine;
        }
        let told = "one complete answer, not the stream that was asked for".to_owned();
        return Judged::Odd(Trouble { told, class: None, print: None, remedy: None });
    };
    if class == ErrorClass::TimeoutTotal && rules.was_hurried && is_on_its_way(sample) {
        return Judged::Fine;
    }
    let said = sample.message.as_deref().unwrap_or(class.meaning());
    let told = match class {
        ErrorClass::Http(status) => format!("status {status}: {said}"),
        _ if sample.has_success() => format!("{class}: {said}"),
        _ => said.to_owned(),
    };
    let trouble = Trouble::new(class, told, rules);
    if is_permanent(class, sample.status.is_some()) { Judged::Refused(trouble) } else { Judged::Odd(trouble) }
}

const ANY_SERVER: &str = "check that an OpenAI-compatible server listens there";

/// Whether something of the answer itself has come: a head without more, or with comments that keep it alive, is none.
fn is_on_its_way(sample: &Sample) -> bool {
    sample.has_success() && (sample.stamps.first_content.is_some() || sample.stamps.first_reasoning.is_some())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::heard::Heard;
    use crate::measure::outcome::Outcome;
    use crate::units::{Api, Nanos, PathId, Phase, Seq};

    fn failed(class: ErrorClass, status: Option<u16>, said: &str) -> Sample {
        let outcome = Outcome::Failed(class);
        let call = (Api::Chat, true);
        let mut sample = Sample::begun((Seq(0), 0), PathId(0), Phase::Warmup, call, Nanos(0), outcome);
        sample.status = status;
        sample.heard = Some(Box::new(Heard { said: said.as_bytes().to_vec(), ..Heard::default() }));
        sample
    }

    fn rules(http: Http, was_hurried: bool) -> Rules {
        Rules { http, is_private: false, was_hurried }
    }

    #[test]
    fn only_an_answer_of_which_something_has_come_is_on_its_way() {
        for (content, reasoning, hurried, fine) in [
            (true, false, true, true),
            (false, true, true, true),
            // A head, and then nothing or comments.
            (false, false, true, false),
            // The run itself would end it then.
            (true, false, false, false),
        ] {
            let mut sample = failed(ErrorClass::TimeoutTotal, Some(200), "");
            sample.stamps.first_event = Some(Nanos(1));
            sample.stamps.first_content = content.then_some(Nanos(2));
            sample.stamps.first_reasoning = reasoning.then_some(Nanos(2));
            let judged = judge(&sample, rules(Http::One, hurried));
            assert_eq!(matches!(judged, Judged::Fine), fine, "{content} {reasoning} {hurried}: {judged:?}");
        }
    }

    #[test]
    fn what_lasts_is_refused_and_the_rest_is_data() {
        let refused = [300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 413, 415, 422];
        for status in 300..600 {
            let judged = judge(&failed(ErrorClass::Http(status), Some(status), "<html>"), rules(Http::One, false));
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
            let judged = judge(&failed(class, status, said), rules(Http::One, false));
            assert_eq!(matches!(judged, Judged::Refused(..)), expected, "{class}: {judged:?}");
        }
        let two = Http::Two { max: 1, streams: 1 };
        let Judged::Refused(trouble) = judge(&failed(E::Alpn, None, ""), rules(two, false)) else { panic!("refused") };
        assert!(trouble.remedy.is_some_and(|remedy| remedy.contains("\"1.1\"")));
    }
}
