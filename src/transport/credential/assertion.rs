//! The assertion of an application with a certificate: a JWT that its key signs, in place of a client secret.
//!
//! As Entra wants it: signed by PS256, with the certificate's SHA-256 in the head
//! (<https://learn.microsoft.com/entra/identity-platform/certificate-credentials>).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use serde_json::{Value, json};

use crate::path::auth::CertificateRef;
use crate::transport::tls::{self, TlsError};

/// How long an assertion is good.
const LIFE: Duration = Duration::from_secs(300);

/// What signs assertions.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    key: Arc<dyn SigningKey>,
    /// SHA-256 of the certificate.
    thumbprint: String,
}

impl Signer {
    /// With the key of this certificate.
    ///
    /// # Errors
    /// When a file holds none, the two do not belong together, or the key is not an RSA key.
    pub(super) fn of(files: &CertificateRef) -> Result<Self, TlsError> {
        let (chain, key) = tls::read_certificate(files)?;
        let unfit = |why: String| TlsError::Certificate { file: files.cert_file.clone(), why };
        let signing = any_supported_type(&key).map_err(|error| unfit(error.to_string()))?;
        if signing.algorithm() != SignatureAlgorithm::RSA {
            return Err(unfit("Entra ID accepts only RSA keys, and this is another kind".to_owned()));
        }
        let certificate = chain.first().ok_or_else(|| unfit("it holds no certificate".to_owned()))?;
        let hash = ring::digest::digest(&ring::digest::SHA256, certificate);
        Ok(Self { key: signing, thumbprint: URL_SAFE_NO_PAD.encode(hash) })
    }

    /// An assertion of this client for this token endpoint; `number` makes it unlike every other.
    ///
    /// # Errors
    /// When the key does not sign.
    pub(super) fn assertion(&self, client: &str, audience: &str, number: u128) -> Result<String, rustls::Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let head = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience, "iss": client, "sub": client, "jti": format!("{number:032x}"),
            "nbf": now.as_secs(), "iat": now.as_secs(), "exp": (now + LIFE).as_secs(),
        });
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(head), encode(claims));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]);
        let signer = signer.ok_or_else(|| rustls::Error::General("the key does not sign by PS256".to_owned()))?;
        let signature = signer.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
