//! From a base URL to an open stream, each step timed: name, TCP, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::measure::outcome::ErrorClass;
use crate::path::{Http, NetPath};
use crate::transport::credential::secret::SecretError;
use crate::transport::fixed_headers::FixedHeaders;
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
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
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
}

/// How long each step of opening took; `None` means that the step was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Name resolution.
    pub dns: Option<Duration>,
    /// The TCP handshake.
    pub tcp: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// The address reached.
    pub peer: Option<SocketAddr>,
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

/// A connection that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    /// Its class.
    pub class: ErrorClass,
    /// What happened, for a person.
    pub message: String,
}

/// Opens a connection to the target.
///
/// # Errors
/// [`ConnectError`] with the step that failed.
pub async fn open(target: &Target) -> Result<Opened, ConnectError> {
    let mut handshake = Handshake::default();
    let addresses = resolve(target, &mut handshake).await?;
    let tcp = connect_tcp(&addresses, &mut handshake).await?;
    let stamps = Rc::new(IoStamps::default());
    let tcp = TimedTcp::new(tcp, Rc::clone(&stamps));
    let stream = match &target.tls {
        None => Stream::Plain(tcp),
        Some(config) => handshake_tls(target, config, tcp, &mut handshake).await?,
    };
    Ok(Opened { stream, stamps, handshake })
}

async fn resolve(target: &Target, handshake: &mut Handshake) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let start = Nanos::now();
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let why = found.as_ref().err().map(|error| format!(" ({error})")).unwrap_or_default();
    let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    handshake.dns = Some(Nanos::now().since(start));
    if addresses.is_empty() {
        let message = format!("the name '{}' does not resolve{why}", target.host);
        return Err(ConnectError { class: ErrorClass::Dns, message });
    }
    Ok(addresses)
}

/// Tries the addresses in the resolver's order; the time of the one that answered counts.
async fn connect_tcp(addresses: &[SocketAddr], handshake: &mut Handshake) -> Result<TcpStream, ConnectError> {
    let mut last = None;
    for address in addresses {
        let start = Nanos::now();
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                handshake.tcp = Some(Nanos::now().since(start));
                handshake.peer = Some(*address);
                tcp.set_nodelay(true).map_err(|error| refused(*address, &error))?;
                return Ok(tcp);
            }
            Err(error) => last = Some(refused(*address, &error)),
        }
    }
    Err(last.unwrap_or(ConnectError { class: ErrorClass::Dns, message: "no address".to_owned() }))
}

fn refused(address: SocketAddr, error: &io::Error) -> ConnectError {
    // EMFILE, ENFILE and EADDRNOTAVAIL are this machine's own limits.
    const OWN_LIMITS: [i32; 3] = [24, 23, 99];
    let (class, what) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (ErrorClass::ConnectRefused, "connection refused by".to_owned()),
        _ if error.raw_os_error().is_some_and(|code| OWN_LIMITS.contains(&code)) => {
            (ErrorClass::NoDescriptor, format!("this machine has no descriptor or port left ({error}) for"))
        }
        _ => (ErrorClass::Connect, format!("cannot connect ({error}) to")),
    };
    ConnectError { class, message: format!("{what} {address}") }
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
