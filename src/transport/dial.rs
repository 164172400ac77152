//! How the TCP connection of a path comes about: which name is looked up and where, from which address, and through which
//! proxy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::limits::Limit;
use crate::measure::outcome::ErrorClass;
use crate::path::control::{Control, Proxy};
use crate::transport::credential::secret::{BadSecret, Secret};
use crate::transport::dns;
use crate::transport::handshake::{ConnectError, Handshake};
use crate::units::Nanos;

/// Where TCP leads, resolved once before the run.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The name or address that is connected to: the path's host, or its proxy's.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its addresses, where the profile names them.
    pub pinned: Option<Vec<SocketAddr>>,
    /// The DNS server that is asked, where the profile names one.
    pub dns: Option<SocketAddr>,
    source: Option<IpAddr>,
    /// The proxy that stands there.
    pub(crate) proxy: Option<ProxyWay>,
}

/// How a proxy is asked.
#[derive(Clone, Debug)]
pub(crate) struct ProxyWay {
    /// `http://host:port`.
    shown: String,
    /// `user:password`.
    pub(crate) login: Option<Secret>,
}

/// A proxy's login that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set; export it with user:password for the proxy, or change proxy_env")]
    Unset(String),
    /// The variable holds something else.
    #[error("the environment variable {0} {1}; proxy_env needs user:password for the proxy")]
    Bad(String, BadSecret),
    /// The variable holds something without a colon.
    #[error("the environment variable {0} holds no colon; proxy_env needs user:password for the proxy")]
    NoColon(String),
}

impl Dial {
    /// How this host is connected to under a control.
    ///
    /// # Errors
    /// When the login of the proxy cannot be had.
    pub(crate) fn of(control: &Control, host: &str, port: u16) -> Result<Self, LoginError> {
        let (host, port) = control.proxy.as_ref().map_or((host, port), |proxy| (proxy.host.as_str(), proxy.port));
        let proxy = control.proxy.as_ref().map(ProxyWay::of).transpose()?;
        Ok(Self {
            pinned: control.pinned(host, port),
            host: host.to_owned(),
            port,
            dns: control.dns,
            source: control.source_address,
            proxy,
        })
    }

    /// Where it leads, if that may not be this machine.
    #[must_use]
    pub(crate) fn beyond_this_machine(&self) -> Option<String> {
        let is_here = |address: IpAddr| address.to_canonical().is_loopback();
        match &self.pinned {
            Some(pinned) => pinned.iter().map(SocketAddr::ip).find(|to| !is_here(*to)).map(|to| to.to_string()),
            None if self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(is_here) => None,
            None => Some(self.host.clone()),
        }
    }

    /// Opens TCP, each step timed.
    ///
    /// # Errors
    /// [`ConnectError`] with the step that failed.
    pub(crate) async fn open(&self, handshake: &mut Handshake) -> Result<TcpStream, ConnectError> {
        let addresses = self.resolve(handshake).await?;
        let mut last = None;
        // In the resolver's order; the time of the one that answered counts.
        for address in self.reachable(addresses)? {
            let start = Nanos::now();
            match self.connect(address).await {
                Ok(tcp) => {
                    handshake.tcp = Some(Nanos::now().since(start));
                    handshake.peer = Some(address);
                    tcp.set_nodelay(true).map_err(|error| refused(address, &error))?;
                    return Ok(tcp);
                }
                Err(error) => last = Some(refused(address, &error)),
            }
        }
        Err(last.unwrap_or(ConnectError { class: ErrorClass::Dns, message: "no address".to_owned() }))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let Some(source) = self.source else { return TcpStream::connect(address).await };
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(address).await
    }

    /// The addresses to which a connection from the source address can go.
    fn reachable(&self, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ConnectError> {
        let Some(source) = self.source else { return Ok(addresses) };
        addresses.retain(|to| to.is_ipv4() == source.is_ipv4());
        if addresses.is_empty() {
            let message = format!("no address of '{}' can be reached from source_address {source}", self.host);
            return Err(ConnectError { class: ErrorClass::Connect, message });
        }
        Ok(addresses)
    }

    async fn resolve(&self, handshake: &mut Handshake) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Some(pinned) = &self.pinned {
            return Ok(pinned.clone());
        }
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let start = Nanos::now();
        let found = match self.dns {
            Some(server) => self.ask(server).await,
            None => self.ask_system().await,
        };
        handshake.dns = Some(Nanos::now().since(start));
        let why = match found {
            Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
            Ok(_) => String::new(),
            Err(why) => format!(" ({why})"),
        };
        let message = format!("the name '{}' does not resolve{why}", self.host);
        Err(ConnectError { class: ErrorClass::Dns, message })
    }

    async fn ask(&self, server: SocketAddr) -> Result<Vec<SocketAddr>, String> {
        let found = dns::look_up(server, &self.host).await;
        match found.failure {
            Some(why) => Err(format!("{}: {why}", found.resolver)),
            None => Ok(found.addresses.into_iter().map(|address| SocketAddr::new(address, self.port)).collect()),
        }
    }

    async fn ask_system(&self) -> Result<Vec<SocketAddr>, String> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        found.map(Iterator::collect).map_err(|error| error.to_string())
    }
}

impl ProxyWay {
    fn of(proxy: &Proxy) -> Result<Self, LoginError> {
        let login = proxy.login_env.as_deref().map(login).transpose()?;
        Ok(Self { shown: proxy.to_string(), login })
    }

    /// What a header says of who calls, `Basic ...`.
    #[must_use]
    pub(crate) fn authorization(&self) -> Option<String> {
        self.login.as_ref().map(|login| format!("Basic {}", STANDARD.encode(login.reveal())))
    }

    /// Asks the proxy for a way to `authority` (CONNECT). Behind it, bytes pass as they are.
    ///
    /// # Errors
    /// When the proxy does not open one.
    pub(crate) async fn tunnel(&self, tcp: &mut TcpStream, authority: &str) -> Result<Duration, ConnectError> {
        let failed = |why: String| {
            let message = format!("the proxy {} opened no way to {authority}: {why}", self.shown);
            ConnectError { class: ErrorClass::Proxy, message }
        };
        let start = Nanos::now();
        let login = self.authorization().map_or(String::new(), |value| format!("proxy-authorization: {value}\r\n"));
        let request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{login}\r\n");
        tcp.write_all(request.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
        let head = read_head(tcp).await.map_err(|error| failed(error.to_string()))?;
        let line = head.lines().next().unwrap_or_default();
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
        match status.parse::<u16>() {
            Ok(200..=299) => Ok(Nanos::now().since(start)),
            Ok(status) => Err(failed(format!("status {status}"))),
            Err(_) => Err(failed("its answer is not HTTP/1".to_owned())),
        }
    }
}

/// The head of an answer to CONNECT; a proxy sends nothing behind it until it is spoken to.
async fn read_head(tcp: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        Limit::HeadBytes.allow(head.len())?;
        if tcp.read_buf(&mut head).await? == 0 {
            return Err(io::Error::other("it closed the connection"));
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn login(variable: &str) -> Result<Secret, LoginError> {
    let text = std::env::var(variable).map_err(|_| LoginError::Unset(variable.to_owned()))?;
    if !text.contains(':') {
        return Err(LoginError::NoColon(variable.to_owned()));
    }
    Secret::new(text).map_err(|why| LoginError::Bad(variable.to_owned(), why))
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
