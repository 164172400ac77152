//! What the TLS handshakes of a path showed.

use serde::{Deserialize, Serialize};

/// One kind of handshake: its version and who issued the certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CertificateSeen {
    /// `TLS 1.3`.
    pub version: String,
    /// The issuer's name, as the certificate has it.
    pub issuer: String,
    /// On how many connections it was shown.
    pub connections: u64,
}
