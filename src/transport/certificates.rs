//! Who issued the certificates that a path's connections were shown: noted when a connection opens, for the evidence of
//! who really answered.

use rustls::pki_types::CertificateDer;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::limits::Limit;
use crate::measure::certificate::CertificateSeen;
use crate::transport::timed_io::{Stream, TimedTcp};
use crate::wire::filter::line;

/// Kinds of handshakes that are told apart; what a server shows beyond them is counted with the last.
const KINDS: usize = 32;

/// What the connections of one worker to one path were shown.
#[derive(Debug, Default)]
pub(crate) struct CertificateLog {
    seen: Vec<CertificateSeen>,
    /// The certificate that was shown last, and where it counts: most connections are shown the same.
    last: Option<(CertificateDer<'static>, usize)>,
}

impl CertificateLog {
    /// Notes an open connection; one without TLS shows nothing.
    pub(crate) fn note(&mut self, stream: &Stream) {
        let Stream::Tls(tls) = stream else { return };
        let Some(shown) = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first()) else { return };
        let place = match &self.last {
            Some((known, place)) if known == shown => *place,
            Some(_) | None => {
                let place = self.place_of(issuer(shown), version(tls));
                self.last = Some((shown.clone().into_owned(), place));
                place
            }
        };
        self.seen[place].connections += 1;
    }

    /// Where a kind of handshake counts.
    fn place_of(&mut self, issuer: String, version: &str) -> usize {
        let known = self.seen.iter().position(|seen| seen.issuer == issuer && seen.version == version);
        known.unwrap_or_else(|| {
            if self.seen.len() < KINDS {
                self.seen.push(CertificateSeen { version: version.to_owned(), issuer, connections: 0 });
            }
            self.seen.len() - 1
        })
    }

    /// What was seen.
    #[must_use]
    pub(crate) fn seen(&self) -> Vec<CertificateSeen> {
        self.seen.clone()
    }
}

pub(super) fn version(tls: &TlsStream<TimedTcp>) -> &'static str {
    match tls.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(_) | None => "TLS",
    }
}

pub(super) fn issuer(shown: &CertificateDer<'_>) -> String {
    match X509Certificate::from_der(shown) {
        Ok((_, certificate)) => line(&certificate.issuer().to_string(), Limit::HeaderText),
        Err(_) => "an issuer that cannot be read".to_owned(),
    }
}

/// The certificates of several workers together.
#[must_use]
pub(crate) fn together(all: impl IntoIterator<Item = CertificateSeen>) -> Vec<CertificateSeen> {
    let mut sum: Vec<CertificateSeen> = Vec::new();
    for one in all {
        match sum.iter_mut().find(|known| (&known.issuer, &known.version) == (&one.issuer, &one.version)) {
            Some(known) => known.connections += one.connections,
            None => sum.push(one),
        }
    }
    sum.sort_by(|a, b| b.connections.cmp(&a.connections).then_with(|| a.cmp(b)));
    sum
}
