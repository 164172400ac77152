//! What is open at this moment: connections to each listener, streams on them, and connections to upstreams.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The counters of a whole simulator.
pub(crate) struct Gauges {
    /// Connections to each listener, by its place.
    connections: Box<[AtomicU64]>,
    streams: AtomicU64,
    upstreams: AtomicU64,
    /// Requests for a token that were refused, and that got one.
    tokens: [AtomicU64; 2],
    /// Bytes of the bodies of requests that are on their way in.
    pub(crate) receiving: AtomicUsize,
}

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Gauge {
    /// A connection to the listener at this place.
    Connection(usize),
    /// A stream of HTTP/2.
    Stream,
    /// A connection of a gateway to its upstream.
    Upstream,
}

/// One that is counted as long as this lives.
pub(crate) struct Counted {
    gauges: Arc<Gauges>,
    gauge: Gauge,
}

impl Gauges {
    pub(crate) fn new(listeners: usize) -> Arc<Self> {
        let connections = (0..listeners).map(|_| AtomicU64::new(0)).collect();
        let (streams, upstreams, tokens, receiving) = Default::default();
        Arc::new(Self { connections, streams, upstreams, tokens, receiving })
    }

    /// Counts one more, as long as what is given back lives.
    pub(crate) fn enter(self: &Arc<Self>, gauge: Gauge) -> Counted {
        self.counter(gauge).fetch_add(1, Ordering::Relaxed);
        Counted { gauges: Arc::clone(self), gauge }
    }

    /// Counts one request for a token.
    pub(crate) fn count_token(&self, given: bool) {
        self.tokens[usize::from(given)].fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, gauge: Gauge) -> &AtomicU64 {
        match gauge {
            Gauge::Connection(place) => &self.connections[place],
            Gauge::Stream => &self.streams,
            Gauge::Upstream => &self.upstreams,
        }
    }

    /// As text for Prometheus; `listeners` are the names of the listeners.
    pub(crate) fn text<'a>(&self, listeners: impl Iterator<Item = &'a str>) -> String {
        let count = |gauge| self.counter(gauge).load(Ordering::Relaxed);
        let mut out =
            String::from("# HELP sim_connections Open connections to a listener.\n# TYPE sim_connections gauge\n");
        for (place, name) in listeners.enumerate().take(self.connections.len()) {
            let (name, open) = (crate::observe::metrics::escape(name), count(Gauge::Connection(place)));
            // Writing to a String cannot fail.
            let _ = writeln!(out, "sim_connections{{listener=\"{name}\"}} {open}");
        }
        let _ = writeln!(
            out,
            "# HELP sim_streams Open streams of HTTP/2.\n# TYPE sim_streams gauge\nsim_streams {}\n\
             # HELP sim_upstream_connections Open connections of gateways to upstreams, also idle ones.\n\
             # TYPE sim_upstream_connections gauge\nsim_upstream_connections {}\n\
             # HELP sim_token_requests_total Requests to token endpoints.\n# TYPE sim_token_requests_total counter\n\
             sim_token_requests_total{{given=\"true\"}} {}\nsim_token_requests_total{{given=\"false\"}} {}",
            count(Gauge::Stream),
            count(Gauge::Upstream),
            self.tokens[1].load(Ordering::Relaxed),
            self.tokens[0].load(Ordering::Relaxed)
        );
        out
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauges.counter(self.gauge).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_not_counted() {
        let gauges = Gauges::new(2);
        let (first, second) = (gauges.enter(Gauge::Connection(1)), gauges.enter(Gauge::Connection(1)));
        let _stream = gauges.enter(Gauge::Stream);
        drop(first);
        let text = gauges.text(["a", "b\"c"].into_iter());
        for line in [
            "sim_connections{listener=\"a\"} 0\n",
            "sim_connections{listener=\"b\\\"c\"} 1\n",
            "\nsim_streams 1\n",
            "\nsim_upstream_connections 0\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        drop(second);
        assert!(gauges.text(["a", "b"].into_iter()).contains("sim_connections{listener=\"b\"} 0\n"));
    }
}
