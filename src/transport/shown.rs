//! What one TLS handshake showed, for whoever looks at a single connection: version, agreed HTTP, and the certificate.

use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::limits::Limit;
use crate::transport::certificates::{issuer, version};
use crate::transport::timed_io::Stream;
use crate::wire::filter::line;

/// So many names of a certificate are read.
const NAMES: usize = 100;

/// What a handshake showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `TLS 1.3`.
    pub(crate) version: &'static str,
    /// The HTTP that both agreed to.
    pub(crate) alpn: Option<String>,
    /// Whether the session was resumed.
    pub(crate) resumed: bool,
    /// The server's own certificate.
    pub(crate) certificate: Certificate,
}

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// Who issued it.
    pub(crate) issuer: String,
    /// For whom.
    pub(crate) subject: String,
    /// The names and addresses for which it is good.
    pub(crate) names: Vec<String>,
    /// From when it is good.
    pub(crate) not_before: Option<OffsetDateTime>,
    /// Until when.
    pub(crate) not_after: Option<OffsetDateTime>,
}

impl Shown {
    /// What the handshake of an open stream showed; `None` without TLS.
    #[must_use]
    pub(crate) fn of(stream: &Stream) -> Option<Self> {
        let Stream::Tls(tls) = stream else { return None };
        let session = tls.get_ref().1;
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        Some(Self {
            version: version(tls),
            alpn: session.alpn_protocol().map(|name| line(&String::from_utf8_lossy(name), Limit::HeaderText)),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            certificate: shown.map(Certificate::of).unwrap_or_default(),
        })
    }
}

impl Certificate {
    fn of(shown: &CertificateDer<'_>) -> Self {
        let issuer = issuer(shown);
        let Ok((_, parsed)) = X509Certificate::from_der(shown) else { return Self { issuer, ..Self::default() } };
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names).filter_map(name).take(NAMES);
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
        Self {
            issuer,
            subject: line(&parsed.subject().to_string(), Limit::HeaderText),
            names: names.collect(),
            not_before: at(parsed.validity().not_before.timestamp()),
            not_after: at(parsed.validity().not_after.timestamp()),
        }
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(line(name, Limit::HeaderText)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}
