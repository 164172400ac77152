//! The threads of a simulator: one that accepts, and workers that each serve their own connections to the end.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::clock::Clock;
use crate::config::{ANY_PORT, Config, ConfigError, Door, ListenerConfig};
use crate::generate;
use crate::ledger::{Query, Record};
use crate::serve::serve;
use crate::stage::{Desk, Stage};
use crate::tls::{Authority, Identity};
use crate::visit::{Worker, World};

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
    /// Whether the scenario is at fault, not the world around it.
    #[must_use]
    pub fn is_of_scenario(&self) -> bool {
        matches!(self, Self::Certificate { .. })
    }
}

/// What to do when an address cannot be had.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; end who listens there, or choose another port (0 is any free one)",
        io::ErrorKind::AddrNotAvailable => "; choose an address of this machine",
        io::ErrorKind::PermissionDenied => "; choose a port from 1024 on",
        _ => "",
    }
}

/// A running simulator with threads of its own; it ends when it is stopped, and is cut off when it is dropped.
pub struct Simulator {
    stage: Arc<Stage>,
    urls: Vec<(String, String)>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// What fills the queues of listeners that are not to be reached.
    _knocking: Vec<TcpStream>,
}

type Handover = (TcpStream, usize);

impl Simulator {
    /// Starts what `config` describes. All listeners accept when this returns.
    ///
    /// # Errors
    /// If an address is in use, or the system refuses threads or timers.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if config.threads == 0 { cores } else { config.threads };
        let identities = identities(&config)?;
        let (mut sockets, urls) = bind_all(&config)?;
        let inner = config.inner().map(|_| bind(ANY_PORT, Door::Open)).collect::<io::Result<Vec<_>>>()?;
        let places = inner.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        sockets.extend(inner);
        let closed: Vec<bool> = config.listeners.iter().map(|one| one.door() != Door::Open).collect();
        let knocking = config.listeners.iter().zip(&sockets).map(|(listener, socket)| fill(listener, socket));
        let knocking: Vec<TcpStream> = knocking.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect();
        let stage = Stage::new(World::new(config, identities, workers, &places)?);
        let (stop, stopped) = watch::channel(false);
        generate::warm_up();
        let mut threads = Vec::new();
        let mut senders = Vec::new();
        for place in 0..workers {
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            let stage = Arc::clone(&stage);
            threads.push(spawn(format!("sim-{place}"), move || worker(stage, place, receiver))?);
        }
        threads.push(spawn("sim-accept".to_owned(), move || accept_all(sockets, &closed, senders, stopped))?);
        Ok(Self { stage, urls, stop, threads, _knocking: knocking })
    }

    /// The address of a listener, as in `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<String> {
        self.urls.iter().find(|(known, _)| known == name).map(|(_, url)| url.clone())
    }

    /// Names and addresses of all listeners, in the order of the scenario.
    #[must_use]
    pub fn listeners(&self) -> Vec<(String, String)> {
        self.urls.clone()
    }

    /// What the callers of a listener with TLS have to trust, in PEM: the authority of its certificate if that is our
    /// own, else the certificate.
    #[must_use]
    pub fn ca_pem(&self, name: &str) -> Option<String> {
        let world = self.stage.world();
        let listener = world.listeners.iter().find(|listener| *listener.name == *name)?;
        listener.tls.as_ref().map(|identity| identity.trust.to_string())
    }

    /// What was sent so far, in the order in which requests were received.
    #[must_use]
    pub fn ledger(&self) -> Vec<Record> {
        self.stage.world().ledger.read(&Query::default())
    }

    /// The scenario as it is now, as JSON.
    #[must_use]
    pub fn config(&self) -> serde_json::Value {
        self.stage.world().config.source.clone()
    }

    /// Changes the running scenario by a JSON merge patch, in which backends and listeners are found by their names:
    /// whole or, if anything is wrong with it, not at all.
    ///
    /// # Errors
    /// If the result is no scenario, or if what is changed cannot change in a running simulator.
    pub fn patch(&self, patch: &serde_json::Value) -> Result<(), ConfigError> {
        self.stage.patch(patch)
    }

    /// Begins anew: the time of the backends, draws, queues, ledger and counters. Connections stay.
    pub fn reset(&self) {
        self.stage.reset();
    }

    /// The counters, in the text form of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.stage.world().metrics()
    }

    /// Ends it: no connection is accepted any more, and requests under way have the scenario's `drain` to end.
    pub fn stop(self) {
        self.stage.be_gentle();
        drop(self);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

fn spawn(name: String, run: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.clone()).spawn(move || {
        if let Err(error) = run() {
            crate::console::tell(format_args!("error: simulator thread {name}: {error}"));
        }
    })
}

/// What each listener shows of itself.
fn identities(config: &Config) -> Result<Vec<Option<Identity>>, StartError> {
    let mut authority = Authority::default();
    let identity = |listener: &ListenerConfig| {
        let wrong = |error| StartError::Certificate { name: listener.name.clone(), error };
        listener.tls.as_ref().map(|tls| authority.identity(tls)).transpose().map_err(wrong)
    };
    config.listeners.iter().map(identity).collect()
}

type Sockets = (Vec<TcpListener>, Vec<(String, String)>);

fn bind_all(config: &Config) -> Result<Sockets, StartError> {
    let mut sockets = Vec::new();
    let mut urls = Vec::new();
    for listener in &config.listeners {
        let wrong = |error| StartError::Bind { name: listener.name.clone(), address: listener.bind, error };
        let socket = bind(listener.bind, listener.door()).map_err(wrong)?;
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        urls.push((listener.name.clone(), format!("{scheme}://{}", socket.local_addr()?)));
        sockets.push(socket);
    }
    Ok((sockets, urls))
}

/// Fills the queue of a listener that is not to be reached: who comes after that is not heard. None is needed otherwise.
fn fill(listener: &ListenerConfig, socket: &TcpListener) -> io::Result<Option<TcpStream>> {
    if listener.door() != Door::Unreachable {
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
fn bind(address: SocketAddr, door: Door) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    match door {
        Door::Open => listen(&socket, BACKLOG)?,
        Door::Unreachable => listen(&socket, 0)?,
        Door::Refuses => {}
    }
    Ok(TcpListener::from(socket))
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Accepts for all listeners and hands connections to the workers in turn.
fn accept_all(
    sockets: Vec<TcpListener>,
    closed: &[bool],
    workers: Vec<mpsc::UnboundedSender<Handover>>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let workers = Rc::new(RefCell::new(Turns { workers, next: 0 }));
    LocalSet::new().block_on(&runtime()?, async move {
        let mut shut = Vec::new();
        for (place, socket) in sockets.into_iter().enumerate() {
            if closed.get(place) == Some(&true) {
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

/// One worker: serves the connections handed to it until no more can come, and then, for so long as the scenario allows,
/// what is still under way.
fn worker(stage: Arc<Stage>, place: usize, mut connections: mpsc::UnboundedReceiver<Handover>) -> io::Result<()> {
    LocalSet::new().block_on(&runtime()?, async move {
        let worker = Worker::new(Arc::clone(&stage), Clock::start()?, place);
        let watch = Rc::clone(&worker.watch);
        let sweeping = Rc::clone(&watch);
        let now = Arc::clone(&stage);
        tokio::task::spawn_local(async move { sweeping.run(|| now.world().config.waits).await });
        let desk = Desk::new(Arc::clone(&stage), worker);
        while let Some((stream, place)) = connections.recv().await {
            if let Ok(stream) = adopt(stream) {
                tokio::task::spawn_local(serve(Rc::clone(&desk), place, stream));
            }
        }
        // What is not over by then is cut.
        let _ = tokio::time::timeout(stage.drain(), watch.leave()).await;
        Ok(())
    })
}

fn adopt(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    tokio::net::TcpStream::from_std(stream)
}
