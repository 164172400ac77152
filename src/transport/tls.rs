//! How https is verified: the system's roots, a file of roots, or, on explicit wish, nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::path::auth::CertificateRef;
use crate::path::{Http, TlsPolicy};
use crate::transport::tickets::TicketStore;
use crate::transport::trust::Named;

/// The roots of trust could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of roots is missing, unreadable or holds no certificate.
    #[error(
        "cannot read certificates from {file}: {why}; tls.ca_file must be a PEM file with at least one CERTIFICATE"
    )]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The caller's own certificate, or its key, cannot be used.
    #[error(
        "cannot use the certificate of {file}: {why}; cert_file and key_file must be PEM files of a certificate and its private key"
    )]
    Certificate {
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

/// The client's side of TLS under this policy, offering the one HTTP that the path speaks, and showing the certificate of
/// the caller where there is one.
///
/// # Errors
/// [`TlsError`] when the roots of trust or the certificate cannot be had.
pub(crate) fn client_config(
    policy: &TlsPolicy,
    http: Http,
    shown: Option<&CertificateRef>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier: Arc<dyn ServerCertVerifier> =
        if policy.verify { Arc::new(verifier(policy, provider)?) } else { Arc::new(Unverified(provider)) };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = read_certificate(files)?;
            let unfit = |error: rustls::Error| unusable(&files.cert_file, &error);
            builder.with_client_auth_cert(chain, key).map_err(unfit)?
        }
    };
    config.alpn_protocols = vec![alpn(http).to_vec()];
    // Every handshake is a whole one, so `tls` means the same on every path; and workers share no store of tickets.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The same, but it keeps what a session can be resumed with in `store`.
#[must_use]
pub(crate) fn resuming(config: &ClientConfig, store: Arc<TicketStore>) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.resumption = Resumption::store(store);
    Arc::new(config)
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
    trusting_only(None)
}

/// A client's side of TLS that trusts these authorities alone, in PEM.
///
/// # Errors
/// [`TlsError::Setup`] when they are none, or the cryptography cannot be set up.
pub(crate) fn trusting_only(ca: Option<&str>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(ca.map(simulated).transpose()?.unwrap_or_default());
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// What the bundled simulator is certified by.
fn simulated(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error: pem::Error| TlsError::Setup(rustls::Error::General(error.to_string()));
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(wrong)
}

/// A client's side of TLS towards what stands beside a path, such as a token endpoint: it trusts the system's roots, and
/// those of the path's `ca_file` beside them, and verifies whatever the path does.
///
/// # Errors
/// [`TlsError`] when the file of roots cannot be used.
pub(crate) fn aside_config(policy: &TlsPolicy) -> Result<ClientConfig, TlsError> {
    let own = policy.ca_file.is_some() || policy.simulator_ca.is_some();
    let mut trusted = if own { roots(policy)?.0 } else { RootCertStore::empty() };
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth())
}

/// A certificate with those between it and its root, and its private key; the two are checked to belong together.
///
/// # Errors
/// [`TlsError::Certificate`] when a file cannot be read, holds none, or they do not.
pub(crate) fn read_certificate(
    files: &CertificateRef,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let key_file = files.key_file.as_ref().unwrap_or(&files.cert_file);
    let chain = CertificateDer::pem_file_iter(&files.cert_file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| unusable(&files.cert_file, &error))?;
    if chain.is_empty() {
        return Err(unusable(&files.cert_file, &"it holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| match error {
        pem::Error::NoItemsFound => unusable(key_file, &"it holds no private key, or one behind a passphrase"),
        other => unusable(key_file, &other),
    })?;
    CertifiedKey::from_der(chain.clone(), key.clone_key(), &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            unusable(&files.cert_file, &format!("the key in {} belongs to another certificate", key_file.display()))
        }
        other => unusable(key_file, &other),
    })?;
    Ok((chain, key))
}

fn unusable(file: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Certificate { file: file.to_owned(), why: why.to_string() }
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
    match (&policy.ca_file, &policy.simulator_ca) {
        (Some(file), _) => {
            let wrong = |why: String| TlsError::CaFile { file: file.clone(), why };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
                named.push(certificate);
            }
            if roots.is_empty() { Err(wrong("it holds no certificate".to_owned())) } else { Ok((roots, named)) }
        }
        (None, Some(pem)) => {
            named = simulated(pem)?;
            roots.add_parsable_certificates(named.iter().cloned());
            Ok((roots, named))
        }
        (None, None) => {
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
