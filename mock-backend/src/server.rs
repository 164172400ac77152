//! The threads of a simulator: one that accepts, and workers that each serve their own connections to the end.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::clock::Clock;
use crate::config::{ANY_PORT, Config};
use crate::generate;
use crate::ledger::{Query, Record};
use crate::serve::serve;
use crate::visit::{Listener, Worker, World};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be had.
    #[error("listener \"{name}\" cannot listen on {address}: {error}")]
    Bind {
        /// The listener's name.
        name: String,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The system gives no threads, timers or the like.
    #[error("the simulator cannot start: {0}")]
    System(#[from] io::Error),
}

/// A running simulator with threads of its own; it ends when it is stopped or dropped.
pub struct Simulator {
    world: Arc<World>,
    addresses: Vec<(String, SocketAddr)>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

type Handover = (TcpStream, Arc<Listener>);

impl Simulator {
    /// Starts what `config` describes. All listeners accept when this returns.
    ///
    /// # Errors
    /// If an address is in use, or the system refuses threads or timers.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if config.threads == 0 { cores } else { config.threads };
        let (mut sockets, addresses) = bind_all(&config)?;
        let inner = config.inner().map(|_| bind(ANY_PORT, true)).collect::<io::Result<Vec<_>>>()?;
        let places = inner.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        sockets.extend(inner);
        let world = World::new(config, workers, &places);
        let (stop, stopped) = watch::channel(false);
        generate::warm_up();
        let mut threads = Vec::new();
        let mut senders = Vec::new();
        for place in 0..workers {
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            let world = Arc::clone(&world);
            threads.push(spawn(format!("sim-{place}"), move || worker(world, place, receiver))?);
        }
        let sockets = sockets.into_iter().zip(world.listeners.clone()).collect();
        threads.push(spawn("sim-accept".to_owned(), move || accept_all(sockets, senders, stopped))?);
        Ok(Self { world, addresses, stop, threads })
    }

    /// The address of a listener, as in `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<String> {
        let (_, address) = self.addresses.iter().find(|(known, _)| known == name)?;
        Some(format!("http://{address}"))
    }

    /// Names and addresses of all listeners, in the order of the scenario.
    #[must_use]
    pub fn listeners(&self) -> Vec<(String, String)> {
        self.addresses.iter().map(|(name, address)| (name.clone(), format!("http://{address}"))).collect()
    }

    /// What was sent so far, in the order in which requests were received.
    #[must_use]
    pub fn ledger(&self) -> Vec<Record> {
        self.world.ledger.read(&Query::default())
    }

    /// Ends it, with all connections.
    pub fn stop(self) {
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
            eprintln!("error: simulator thread {name}: {error}");
        }
    })
}

type Sockets = (Vec<TcpListener>, Vec<(String, SocketAddr)>);

fn bind_all(config: &Config) -> Result<Sockets, StartError> {
    let mut sockets = Vec::new();
    let mut addresses = Vec::new();
    for listener in &config.listeners {
        let wrong = |error| StartError::Bind { name: listener.name.clone(), address: listener.bind, error };
        let socket = bind(listener.bind, !listener.refuses()).map_err(wrong)?;
        addresses.push((listener.name.clone(), socket.local_addr()?));
        sockets.push(socket);
    }
    Ok((sockets, addresses))
}

/// A listening socket with a long queue: the standard library's is 128, which a burst of new connections overflows. One
/// that does not listen keeps its address and refuses.
fn bind(address: SocketAddr, listens: bool) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    if listens {
        listen(&socket, BACKLOG)?;
    }
    Ok(TcpListener::from(socket))
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Accepts for all listeners and hands connections to the workers in turn.
fn accept_all(
    sockets: Vec<(TcpListener, Arc<Listener>)>,
    workers: Vec<mpsc::UnboundedSender<Handover>>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let workers = Rc::new(RefCell::new(Turns { workers, next: 0 }));
    LocalSet::new().block_on(&runtime()?, async move {
        let mut refusing = Vec::new();
        for (socket, listener) in sockets {
            if listener.refuses {
                refusing.push(socket);
                continue;
            }
            let socket = tokio::net::TcpListener::from_std(socket)?;
            let workers = Rc::clone(&workers);
            tokio::task::spawn_local(async move {
                loop {
                    match socket.accept().await.and_then(|(stream, _)| stream.into_std()) {
                        Ok(stream) => workers.borrow_mut().hand((stream, Arc::clone(&listener))),
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

/// One worker: serves the connections handed to it until no more can come.
fn worker(world: Arc<World>, place: usize, mut connections: mpsc::UnboundedReceiver<Handover>) -> io::Result<()> {
    LocalSet::new().block_on(&runtime()?, async move {
        let worker = Worker::new(world, Clock::start()?, place);
        let watching = Rc::clone(&worker);
        tokio::task::spawn_local(async move { watching.watch.run().await });
        while let Some((stream, listener)) = connections.recv().await {
            if let Ok(stream) = adopt(stream) {
                tokio::task::spawn_local(serve(Rc::clone(&worker), listener, stream));
            }
        }
        Ok(())
    })
}

fn adopt(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    tokio::net::TcpStream::from_std(stream)
}
