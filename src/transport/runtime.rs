//! A runtime for what asks the network, whose end waits for nobody.
//!
//! The system's resolver looks names up on threads that nothing can stop: a name server that is silent holds one for as long
//! as the system likes, half a minute and more. A runtime that is dropped waits for these threads, and with it whoever was
//! interrupted or has found everything out. This one leaves them behind; they end with the process.

use std::io;
use std::ops::Deref;

use tokio::runtime::{Builder, Runtime};

/// A runtime of one thread that is left at its end, not waited for.
pub(crate) struct NetRuntime(Option<Runtime>);

impl NetRuntime {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        Builder::new_current_thread().enable_all().build().map(|runtime| Self(Some(runtime)))
    }
}

impl Deref for NetRuntime {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        match &self.0 {
            Some(runtime) => runtime,
            None => unreachable!("it is taken when it is dropped, and only then"),
        }
    }
}

impl Drop for NetRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_end_waits_for_no_look_up_of_a_name() {
        let (answer, never) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let runtime = NetRuntime::new().expect("a runtime");
        runtime.block_on(async move {
            // As the system's resolver does it, on a thread that nobody can stop.
            tokio::task::spawn_blocking(move || {
                let _ = begin.send(());
                let _ = never.recv();
            });
        });
        begun.recv().expect("it began");
        drop(runtime);
        // It was under way, and is over only now.
        drop(answer);
    }
}
