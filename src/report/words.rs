//! The names of metrics and instants in a report.

use crate::measure::metric::{Basis, Metric};

/// A metric's name in a sentence.
pub(crate) fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttfb => "time to first byte",
        Metric::Ttft => "time to first token",
        Metric::Ttfo => "time to first output",
        Metric::E2e => "end-to-end time",
        Metric::Tpot => "time per output token",
        Metric::ChunkGap => "gap between chunks",
        Metric::SendLag => "send lag",
        Metric::Dns => "name resolution",
        Metric::Tcp => "TCP handshake",
        Metric::Tls => "TLS handshake",
        Metric::Server => "server's own time",
        Metric::Overhead => "time to first byte less the server's reported time",
    }
}

/// A metric's name on an axis or a head.
pub(crate) fn short(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttfb => "TTFB",
        Metric::Ttft => "TTFT",
        Metric::Ttfo => "TTFO",
        Metric::E2e => "end to end",
        Metric::Tpot => "TPOT",
        Metric::ChunkGap => "chunk gap",
        Metric::SendLag => "send lag",
        Metric::Dns => "DNS",
        Metric::Tcp => "TCP",
        Metric::Tls => "TLS",
        Metric::Server => "server",
        Metric::Overhead => "TTFB less reported",
    }
}

/// From which instant latencies count, in a sentence.
pub(crate) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Response => "response time, counted from the moment a call was due",
        Basis::Service => "service time, counted from the moment a call was sent",
    }
}
