//! TLS of the listeners: certificates from files, or from an authority that lives as long as the simulator.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::units::read_file;

/// What a listener shows, and what it wants to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    /// Where its own certificate comes from.
    pub(crate) shown: Shown,
    /// Who must have signed the certificates of callers, a file in PEM; none asks for no certificate.
    pub(crate) client_ca: Option<PathBuf>,
}

/// Where a listener's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// From an authority of the simulator's own, which `/_sim/ca.pem` shows: for this machine, and for these names.
    SelfSigned {
        /// Names of hosts, `*` for a first label, and addresses.
        names: Vec<String>,
    },
    /// From files in PEM.
    Files {
        /// The certificate, and those between it and its root.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
}

/// What a listener shows, and what its callers have to trust.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority of a certificate of our own, else the certificate itself.
    pub(crate) trust: Arc<str>,
}

/// What goes wrong with certificates.
fn wrong(what: impl fmt::Display) -> io::Error {
    io::Error::other(what.to_string())
}

/// Makes the identities of one simulator.
#[derive(Default)]
pub(crate) struct Authority {
    own: Option<Own>,
}

/// An authority of our own.
struct Own {
    /// Its certificate in PEM.
    pem: String,
    /// What signs by it.
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The identity for `config`; all that are self-signed have the same authority.
    pub(crate) fn identity(&mut self, config: &TlsSettings) -> io::Result<Identity> {
        let clients = config.client_ca.as_deref();
        match &config.shown {
            Shown::SelfSigned { names } => {
                let own = match self.own.take() {
                    Some(own) => own,
                    None => own()?,
                };
                let own = self.own.insert(own);
                let (chain, key) = own.certify(names)?;
                identity((chain.as_bytes(), key.as_bytes()), Some(&own.pem), clients)
            }
            Shown::Files { cert, key } => {
                let (chain, secret) = (read_file(cert).map_err(wrong)?, read_file(key).map_err(wrong)?);
                let unfit = |error| {
                    wrong(format!(
                        "{} and {} are not a certificate and its key: {error}",
                        cert.display(),
                        key.display()
                    ))
                };
                identity((&chain, &secret), None, clients).map_err(unfit)
            }
        }
    }
}

/// An authority of our own.
fn own() -> io::Result<Own> {
    let mut root = CertificateParams::new(Vec::new()).map_err(wrong)?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "hopmark simulator");
    let root_key = KeyPair::generate().map_err(wrong)?;
    let pem = root.self_signed(&root_key).map_err(wrong)?.pem();
    Ok(Own { pem, issuer: Issuer::new(root, root_key) })
}

impl Own {
    /// A certificate for this machine and for `names`, and its key, in PEM.
    fn certify(&self, names: &[String]) -> io::Result<(String, String)> {
        let here = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut leaf = CertificateParams::new([&here, names].concat()).map_err(wrong)?;
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(wrong)?;
        let chain = leaf.signed_by(&key, &self.issuer).map_err(wrong)?.pem();
        Ok((chain, key.serialize_pem()))
    }
}

fn identity((chain, key): (&[u8], &[u8]), authority: Option<&str>, clients: Option<&Path>) -> io::Result<Identity> {
    let certificates = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(wrong)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(wrong)?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(Authorities::load(file).map_err(wrong)?.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().map_err(wrong)?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(certificates, key).map_err(wrong)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let trust = authority.map_or_else(|| String::from_utf8_lossy(chain), Into::into);
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), trust: Arc::from(&*trust) })
}

/// What gateways trust in front of foreign servers: certificates from a file, or else the roots of the system (those that
/// `SSL_CERT_FILE` names).
#[derive(Clone, Default)]
pub(crate) struct Authorities {
    own: Vec<CertificateDer<'static>>,
    client: OnceLock<Arc<ClientConfig>>,
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.own.len())
    }
}

impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.own == other.own
    }
}

impl Authorities {
    /// Those in a file in PEM.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let wrong = |what: &dyn fmt::Display| format!("has ca = \"{}\", which cannot be used: {what}", file.display());
        let pem = read_file(file).map_err(|error| wrong(&error))?;
        let own = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| wrong(&error))?;
        let mut roots = RootCertStore::empty();
        own.iter().try_for_each(|one| roots.add(one.clone())).map_err(|error| wrong(&error))?;
        if roots.is_empty() {
            return Err(wrong(&"it holds no certificate"));
        }
        Ok(Self { own, client: OnceLock::new() })
    }

    /// Those that were loaded.
    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.own.iter().cloned());
        roots
    }

    /// A client that trusts them.
    pub(crate) fn client(&self) -> io::Result<Arc<ClientConfig>> {
        static SYSTEM: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        let client = if self.own.is_empty() { &SYSTEM } else { &self.client };
        if let Some(client) = client.get() {
            return Ok(Arc::clone(client));
        }
        let mut roots = RootCertStore::empty();
        if self.own.is_empty() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        } else {
            roots.add_parsable_certificates(self.own.iter().cloned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(wrong)?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Arc::clone(client.get_or_init(|| Arc::new(config))))
    }
}
