//! The sockets on which the simulator listens: bound, filled or closed as the scenario says, and accepted from in turn.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::config::{ANY_PORT, Config, ListenState, ListenerSettings};
use crate::net::tls::{Authority, Identity};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be had.
    #[error("listener \"{name}\" cannot listen on {address}: {error}{}", remedy(.error))]
    Bind {
        /// The listener's name.
        name: String,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A listener's certificate or its key cannot be used.
    #[error("listener \"{name}\": {error}; make the file, correct its name, or write tls = \"self-signed\"")]
    Certificate {
        /// The listener's name.
        name: String,
        /// Which file, and what is wrong with it.
        error: io::Error,
    },
    /// The system gives no threads, timers or the like.
    #[error("the simulator cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// Whether the scenario is at fault, not the system around it.
    #[must_use]
    pub fn is_of_scenario(&self) -> bool {
        matches!(self, Self::Certificate { .. })
    }
}

/// What to do when an address cannot be had.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; stop the program that listens there, or choose another port (0 is any free one)",
        io::ErrorKind::AddrNotAvailable => "; choose an address of this machine",
        io::ErrorKind::PermissionDenied => "; choose a port from 1024 on",
        _ => "",
    }
}

/// A connection, and the place of the listener that accepted it.
pub(super) type Handover = (TcpStream, usize);

/// The sockets of all listeners, those behind gateways too.
pub(super) struct Sockets {
    listening: Vec<TcpListener>,
    /// Names and addresses of the scenario's own.
    pub(super) urls: Vec<(String, String)>,
    /// Where those behind gateways are.
    pub(super) inner: Vec<SocketAddr>,
    /// Which are not accepted from.
    closed: Vec<bool>,
    /// What fills the queues of listeners that are not to be reached.
    pub(super) knocking: Vec<TcpStream>,
}

impl Sockets {
    /// Binds all that `config` describes.
    pub(super) fn bind(config: &Config) -> Result<Self, StartError> {
        let (mut listening, urls) = bind_all(config)?;
        let inner = config.inner().map(|_| bind(ANY_PORT, ListenState::Open)).collect::<io::Result<Vec<_>>>()?;
        let places = inner.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        listening.extend(inner);
        let closed = config.listeners.iter().map(|one| one.listen_state() != ListenState::Open).collect();
        let knocking = config.listeners.iter().zip(&listening).map(|(listener, socket)| fill(listener, socket));
        let knocking = knocking.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(Self { listening, urls, inner: places, closed, knocking })
    }
}

/// What each listener shows of itself.
pub(super) fn identities(config: &Config) -> Result<Vec<Option<Identity>>, StartError> {
    let mut authority = Authority::default();
    let identity = |listener: &ListenerSettings| {
        let wrong = |error| StartError::Certificate { name: listener.name.clone(), error };
        listener.tls.as_ref().map(|tls| authority.identity(tls)).transpose().map_err(wrong)
    };
    config.listeners.iter().map(identity).collect()
}

type Bound = (Vec<TcpListener>, Vec<(String, String)>);

fn bind_all(config: &Config) -> Result<Bound, StartError> {
    let mut sockets = Vec::new();
    let mut urls = Vec::new();
    for listener in &config.listeners {
        let wrong = |error| StartError::Bind { name: listener.name.clone(), address: listener.bind, error };
        let socket = bind(listener.bind, listener.listen_state()).map_err(wrong)?;
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        urls.push((listener.name.clone(), format!("{scheme}://{}", socket.local_addr()?)));
        sockets.push(socket);
    }
    Ok((sockets, urls))
}

/// Fills the queue of a listener that is not to be reached: who comes after that is not heard. None is needed otherwise.
fn fill(listener: &ListenerSettings, socket: &TcpListener) -> io::Result<Option<TcpStream>> {
    if listener.listen_state() != ListenState::Unreachable {
        return Ok(None);
    }
    let mut address = socket.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    TcpStream::connect(address).map(Some)
}

/// A listening socket with a long queue: the standard library's is 128, which a burst of new connections overflows. One
/// that does not listen keeps its address and refuses; one that is not to be reached has the shortest queue there is.
fn bind(address: SocketAddr, state: ListenState) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    match state {
        ListenState::Open => listen(&socket, BACKLOG)?,
        ListenState::Unreachable => listen(&socket, 0)?,
        ListenState::Refuses => {}
    }
    Ok(TcpListener::from(socket))
}

/// The runtime of one thread.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Accepts for all listeners and hands connections to the workers in turn.
pub(super) fn accept_all(
    sockets: Sockets,
    workers: Vec<mpsc::UnboundedSender<Handover>>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let workers = Rc::new(RefCell::new(Turns { workers, next: 0 }));
    LocalSet::new().block_on(&runtime()?, async move {
        let mut shut = Vec::new();
        for (place, socket) in sockets.listening.into_iter().enumerate() {
            if sockets.closed.get(place) == Some(&true) {
                shut.push(socket);
                continue;
            }
            let socket = tokio::net::TcpListener::from_std(socket)?;
            let workers = Rc::clone(&workers);
            tokio::task::spawn_local(async move {
                loop {
                    match socket.accept().await.and_then(|(stream, _)| stream.into_std()) {
                        Ok(stream) => workers.borrow_mut().hand((stream, place)),
                        // Out of files, or a caller that has gone again.
                        Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            });
        }
        // Fails only if the simulator is gone, which means the same.
        let _ = stopped.wait_for(|stop| *stop).await;
        Ok(())
    })
}

/// The workers, taken in turn.
struct Turns {
    workers: Vec<mpsc::UnboundedSender<Handover>>,
    next: usize,
}

impl Turns {
    fn hand(&mut self, connection: Handover) {
        self.next = (self.next + 1) % self.workers.len();
        // A worker that has ended has been told to.
        let _ = self.workers[self.next].send(connection);
    }
}
