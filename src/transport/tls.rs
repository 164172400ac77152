//! How https is verified: the system's roots, a file of roots, or, on explicit wish, nothing.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::path::{Http, TlsPolicy};
use crate::transport::trust::Named;

/// The roots of trust could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of roots is missing, unreadable or holds no certificate.
    #[error("cannot read certificates from {file}: {why}; tls.ca_file wants a PEM file with at least one CERTIFICATE")]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has no roots.
    #[error("this system has no trusted root certificates; install its ca-certificates package or name tls.ca_file")]
    NoRoots,
    /// The cryptography cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The client's side of TLS under this policy, offering the one HTTP that the path speaks.
///
/// # Errors
/// [`TlsError`] when the roots of trust cannot be had.
pub(crate) fn client_config(policy: &TlsPolicy, http: Http) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier: Arc<dyn ServerCertVerifier> =
        if policy.verify { Arc::new(verifier(policy, provider)?) } else { Arc::new(Unverified(provider)) };
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![alpn(http).to_vec()];
    // Every handshake is a whole one, so `tls` means the same on every path; and workers share no store of tickets.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The name of an HTTP in the handshake.
#[must_use]
pub(crate) fn alpn(http: Http) -> &'static [u8] {
    match http {
        Http::One => b"http/1.1",
        Http::Two { .. } => b"h2",
    }
}

/// A client's side of TLS that trusts nobody, for clients that only speak http.
///
/// # Errors
/// [`TlsError::Setup`] when the cryptography cannot be set up.
pub(crate) fn trusting_nobody() -> Result<ClientConfig, TlsError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// Trusts the system's roots, or what a file names.
fn verifier(policy: &TlsPolicy, provider: Arc<CryptoProvider>) -> Result<Named, TlsError> {
    let (roots, named) = roots(policy)?;
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    Ok(Named::new(authorities.map_err(|error| TlsError::Setup(rustls::Error::General(error.to_string())))?, named))
}

/// The authorities, and the certificates of the file that names them.
fn roots(policy: &TlsPolicy) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TlsError> {
    let mut roots = RootCertStore::empty();
    let mut named = Vec::new();
    match &policy.ca_file {
        Some(file) => {
            let wrong = |why: String| TlsError::CaFile { file: file.clone(), why };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
                named.push(certificate);
            }
            if roots.is_empty() { Err(wrong("it holds no certificate".to_owned())) } else { Ok((roots, named)) }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok((roots, named)) }
        }
    }
}

/// `verify = false`: every certificate passes; signatures are still checked against it.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
