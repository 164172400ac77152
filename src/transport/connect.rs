//! From a base URL to an open stream, each step timed: name, TCP, TLS.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::measure::outcome::ErrorClass;
use crate::path::{Http, NetPath};
use crate::transport::credential::secret::{Secret, SecretError};
use crate::transport::dial::{Dial, LoginError};
use crate::transport::fixed_headers::FixedHeaders;
pub use crate::transport::handshake::{ConnectError, Handshake};
use crate::transport::timed_io::{IoStamps, Stream, TimedTcp};
use crate::transport::tls::{self, TlsError};
use crate::units::Nanos;

/// Where a path leads, resolved once before the run.
#[derive(Clone, Debug)]
pub struct Target {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the `host` header says.
    pub authority: String,
    /// The base URL's path without a final slash.
    pub prefix: String,
    /// TLS, for https.
    pub tls: Option<Arc<ClientConfig>>,
    /// Which HTTP is spoken there.
    pub http: Http,
    /// The headers that the profile gives every call.
    pub headers: FixedHeaders,
    /// How TCP gets there.
    pub dial: Dial,
}

/// A base URL that leads nowhere, or TLS that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is no URL of the form `http(s)://host[:port]/prefix`.
    #[error("path '{path}': base_url '{url}' is not of the form http(s)://host[:port]/prefix: {why}")]
    Url {
        /// The path's name.
        path: String,
        /// Its base URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A secret header cannot be had.
    #[error(transparent)]
    Header(#[from] SecretError),
    /// The login of its proxy cannot be had.
    #[error("path '{path}': {source}")]
    Login {
        /// The path's name.
        path: String,
        /// Why.
        source: LoginError,
    },
    /// TLS cannot be set up.
    #[error("path '{path}': {source}")]
    Tls {
        /// The path's name.
        path: String,
        /// Why.
        source: TlsError,
    },
}

impl Target {
    /// Where this path leads.
    ///
    /// # Errors
    /// [`TargetError`] when its base URL, its roots of trust or its headers are unusable.
    pub fn of(path: &NetPath) -> Result<Self, TargetError> {
        let wrong =
            |why: &str| TargetError::Url { path: path.name.clone(), url: path.base_url.clone(), why: why.to_owned() };
        let uri: hyper::Uri =
            path.base_url.parse().map_err(|error: hyper::http::uri::InvalidUri| wrong(&error.to_string()))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(wrong("it begins with neither http:// nor https://")),
        };
        if uri.query().is_some() {
            return Err(wrong("a query is not supported here"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it has no host"))?;
        let tls = if secure {
            let config = tls::client_config(&path.tls, path.http)
                .map_err(|source| TargetError::Tls { path: path.name.clone(), source })?;
            Some(config)
        } else {
            None
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let dial = Dial::of(&path.control, &host, port)
            .map_err(|source| TargetError::Login { path: path.name.clone(), source })?;
        Ok(Self {
            host,
            port,
            dial,
            authority: uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            tls,
            http: path.http,
            headers: FixedHeaders::of(path)?,
        })
    }
}

impl Target {
    /// The base URL as the beginning of a whole address.
    #[must_use]
    pub fn whole(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.prefix)
    }

    /// `host:port`, also where the port is the usual one.
    fn whole_authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// What a proxy is to be told of who calls with each request: where it passes requests on, not bytes.
    #[must_use]
    pub(crate) fn proxy_authorization(&self) -> Option<String> {
        self.passes_through_proxy().then(|| self.dial.proxy.as_ref()?.authorization()).flatten()
    }

    /// Whether a proxy reads the requests: then they name the whole address.
    #[must_use]
    pub(crate) fn passes_through_proxy(&self) -> bool {
        self.dial.proxy.is_some() && self.tls.is_none()
    }

    /// Its own secrets, to be taken out of what is shown: the login of its proxy, and secret headers.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let login = self.dial.proxy.as_ref().and_then(|proxy| proxy.login.as_ref());
        login.into_iter().chain(self.headers.secrets())
    }
}

/// An open stream with its stamps.
#[derive(Debug)]
pub struct Opened {
    /// What HTTP reads and writes.
    pub stream: Stream,
    /// What passes on it.
    pub stamps: Rc<IoStamps>,
    /// How it was opened.
    pub handshake: Handshake,
}

/// Opens a connection to the target.
///
/// # Errors
/// [`ConnectError`] with the step that failed.
pub async fn open(target: &Target) -> Result<Opened, ConnectError> {
    let mut handshake = Handshake::default();
    let mut tcp = target.dial.open(&mut handshake).await?;
    if let (Some(proxy), Some(_)) = (&target.dial.proxy, &target.tls) {
        handshake.proxy = Some(proxy.tunnel(&mut tcp, &target.whole_authority()).await?);
    }
    let stamps = Rc::new(IoStamps::default());
    let tcp = TimedTcp::new(tcp, Rc::clone(&stamps));
    let stream = match &target.tls {
        None => Stream::Plain(tcp),
        Some(config) => handshake_tls(target, config, tcp, &mut handshake).await?,
    };
    Ok(Opened { stream, stamps, handshake })
}

async fn handshake_tls(
    target: &Target,
    config: &Arc<ClientConfig>,
    tcp: TimedTcp,
    handshake: &mut Handshake,
) -> Result<Stream, ConnectError> {
    let failed = |why: String| ConnectError {
        class: ErrorClass::Tls,
        message: format!("TLS with {}:{} failed: {why}", target.host, target.port),
    };
    let name = ServerName::try_from(target.host.clone()).map_err(|error| failed(error.to_string()))?;
    let start = Nanos::now();
    let tls = TlsConnector::from(Arc::clone(config))
        .connect(name, tcp)
        .await
        .map_err(|error| if refuses_http(&error) { disagrees(target) } else { failed(error.to_string()) })?;
    handshake.tls = Some(Nanos::now().since(start));
    let agreed = tls.get_ref().1.alpn_protocol();
    match target.http {
        Http::Two { .. } if agreed != Some(tls::alpn(target.http)) => Err(disagrees(target)),
        // A server that knows nothing of the choice speaks HTTP/1.1.
        Http::Two { .. } | Http::One => Ok(Stream::Tls(Box::new(tls))),
    }
}

/// Whether a server ended the handshake because it speaks none of the HTTP offered.
fn refuses_http(error: &io::Error) -> bool {
    let alert = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(alert, Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)))
}

fn disagrees(target: &Target) -> ConnectError {
    let wanted = match target.http {
        Http::One => "HTTP/1.1",
        Http::Two { .. } => "HTTP/2",
    };
    let message = format!("{}:{} does not agree to {wanted} over TLS (ALPN)", target.host, target.port);
    ConnectError { class: ErrorClass::Alpn, message }
}
