//! What is open at this moment: connections to each listener, streams on them, and connections to upstreams.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of a whole simulator.
pub(crate) struct Census {
    /// Connections to each listener, by its place.
    connections: Box<[AtomicU64]>,
    streams: AtomicU64,
    upstreams: AtomicU64,
}

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// A connection to the listener at this place.
    Connection(usize),
    /// A stream of HTTP/2.
    Stream,
    /// A connection of a gateway to its upstream.
    Upstream,
}

/// One that is counted as long as this lives.
pub(crate) struct Present {
    census: Arc<Census>,
    of: Of,
}

impl Census {
    pub(crate) fn new(listeners: usize) -> Arc<Self> {
        let connections = (0..listeners).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { connections, streams: AtomicU64::new(0), upstreams: AtomicU64::new(0) })
    }

    /// Counts one more, as long as what is given back lives.
    pub(crate) fn enter(self: &Arc<Self>, of: Of) -> Present {
        self.counter(of).fetch_add(1, Ordering::Relaxed);
        Present { census: Arc::clone(self), of }
    }

    fn counter(&self, of: Of) -> &AtomicU64 {
        match of {
            Of::Connection(place) => &self.connections[place],
            Of::Stream => &self.streams,
            Of::Upstream => &self.upstreams,
        }
    }

    /// As text for Prometheus; `listeners` are the names of the listeners.
    pub(crate) fn text<'a>(&self, listeners: impl Iterator<Item = &'a str>) -> String {
        let count = |of| self.counter(of).load(Ordering::Relaxed);
        let mut out =
            String::from("# HELP sim_connections Open connections to a listener.\n# TYPE sim_connections gauge\n");
        for (place, name) in listeners.enumerate().take(self.connections.len()) {
            let (name, open) = (crate::metrics::escape(name), count(Of::Connection(place)));
            // Writing to a String cannot fail.
            let _ = writeln!(out, "sim_connections{{listener=\"{name}\"}} {open}");
        }
        let _ = writeln!(
            out,
            "# HELP sim_streams Open streams of HTTP/2.\n# TYPE sim_streams gauge\nsim_streams {}\n\
             # HELP sim_upstream_connections Open connections of gateways to upstreams, also idle ones.\n\
             # TYPE sim_upstream_connections gauge\nsim_upstream_connections {}",
            count(Of::Stream),
            count(Of::Upstream)
        );
        out
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.census.counter(self.of).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_not_counted() {
        let census = Census::new(2);
        let (first, second) = (census.enter(Of::Connection(1)), census.enter(Of::Connection(1)));
        let _stream = census.enter(Of::Stream);
        drop(first);
        let text = census.text(["a", "b\"c"].into_iter());
        for line in [
            "sim_connections{listener=\"a\"} 0\n",
            "sim_connections{listener=\"b\\\"c\"} 1\n",
            "\nsim_streams 1\n",
            "\nsim_upstream_connections 0\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        drop(second);
        assert!(census.text(["a", "b"].into_iter()).contains("sim_connections{listener=\"b\"} 0\n"));
    }
}
