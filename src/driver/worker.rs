//! One worker: a thread with a runtime of its own, on which everything it starts stays.

use std::future::Future;
use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;
use tokio::task::LocalSet;

/// What all workers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Go on.
    Run,
    /// Start nothing more; let the calls under way end.
    Drain,
    /// Cut the calls under way.
    Abort,
}

/// Returns when at least `stop` has been said; for ever pending if the speaker is gone.
pub(crate) async fn wait_for_stop(heard: &mut watch::Receiver<Stop>, stop: Stop) {
    if heard.wait_for(|said| *said >= stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Starts a worker thread that runs `body` to its end.
///
/// # Errors
/// The system's, when it has no thread or descriptor left.
pub(crate) fn spawn<T, F>(
    shard: u64,
    body: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<io::Result<T>>>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    Builder::new().name(format!("worker-{shard}")).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(LocalSet::new().block_on(&runtime, async { body().await }))
    })
}
