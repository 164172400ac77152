//! The threads of a simulator: one that accepts, and workers that each serve their own connections to the end.

use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use super::connection::serve;
pub use super::listener::StartError;
use super::listener::{Handover, Sockets, accept_all, identities, runtime};
use crate::config::{Config, ConfigError};
use crate::model::text;
use crate::net::clock::Clock;
use crate::observe::ledger::Query;
use crate::observe::record::Record;
use crate::state::current::Current;
use crate::state::snapshot::State;
use crate::state::worker::Worker;

/// A running simulator with threads of its own; it ends when it is stopped, and is cut off when it is dropped.
pub struct Simulator {
    pub(super) current: Arc<Current>,
    urls: Vec<(String, String)>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// What fills the queues of listeners that are not to be reached.
    _knocking: Vec<TcpStream>,
}

impl Simulator {
    /// Starts what `config` describes. All listeners accept when this returns.
    ///
    /// # Errors
    /// If an address is in use, or the system refuses threads or timers.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if config.threads == 0 { cores } else { config.threads };
        let identities = identities(&config)?;
        let mut sockets = Sockets::bind(&config)?;
        let (urls, knocking) = (std::mem::take(&mut sockets.urls), std::mem::take(&mut sockets.knocking));
        let current = Current::new(State::new(config, identities, workers, &sockets.inner)?);
        let (stop, stopped) = watch::channel(false);
        text::warm_up();
        let mut threads = Vec::new();
        let mut senders = Vec::new();
        for place in 0..workers {
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            let current = Arc::clone(&current);
            threads.push(spawn(format!("sim-{place}"), move || serve_thread(current, place, receiver))?);
        }
        threads.push(spawn("sim-accept".to_owned(), move || accept_all(sockets, senders, stopped))?);
        Ok(Self { current, urls, stop, threads, _knocking: knocking })
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
        let state = self.current.state();
        let listener = state.listeners.iter().find(|listener| *listener.name == *name)?;
        listener.tls.as_ref().map(|identity| identity.trust.to_string())
    }

    /// What was sent so far, in the order in which requests were received.
    #[must_use]
    pub fn ledger(&self) -> Vec<Record> {
        self.current.state().ground.ledger.read(&Query::default())
    }

    /// The scenario as it is now, as JSON.
    #[must_use]
    pub fn config(&self) -> serde_json::Value {
        self.current.state().config.source.clone()
    }

    /// Changes the running scenario by a JSON merge patch, in which backends and listeners are found by their names:
    /// whole or, if anything is wrong with it, not at all.
    ///
    /// # Errors
    /// If the result is no scenario, or if what is changed cannot change in a running simulator.
    pub fn patch(&self, patch: &serde_json::Value) -> Result<(), ConfigError> {
        self.current.patch(patch)
    }

    /// Begins anew: the time of the backends, draws, queues, ledger and counters. Connections stay.
    pub fn reset(&self) {
        self.current.reset();
    }

    /// The counters, in the text form of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.current.state().metrics()
    }

    /// How long requests under way may take when it ends.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.current.state().config.drain
    }

    /// Ends it: no connection is accepted any more, and requests under way have the scenario's `drain` to end.
    pub fn stop(self) {
        self.current.let_drain();
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
            crate::observe::console::tell(format_args!("error: simulator thread {name}: {error}"));
        }
    })
}

/// One worker: serves the connections handed to it until no more can come, and then, for so long as the scenario allows,
/// what is still under way.
fn serve_thread(
    current: Arc<Current>,
    thread: usize,
    mut connections: mpsc::UnboundedReceiver<Handover>,
) -> io::Result<()> {
    LocalSet::new().block_on(&runtime()?, async move {
        let worker = Worker::new(Arc::clone(&current), Clock::start()?, thread);
        let idle = Rc::clone(&worker.idle);
        let (sweeping, now) = (Rc::clone(&idle), Arc::clone(&current));
        tokio::task::spawn_local(async move { sweeping.run(|| now.state().config.waits).await });
        while let Some((stream, place)) = connections.recv().await {
            if let Ok(stream) = adopt(stream) {
                tokio::task::spawn_local(serve(Rc::clone(&worker), place, stream));
            }
        }
        // What is not over by then is cut.
        let _ = tokio::time::timeout(current.drain(), idle.leave()).await;
        Ok(())
    })
}

fn adopt(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    tokio::net::TcpStream::from_std(stream)
}
