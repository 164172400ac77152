//! From which instant latencies count, in words.

use crate::measure::metric::Basis;

/// From which instant latencies count, in a sentence.
pub(crate) fn describe_basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Response => "response time, counted from the moment a call was due",
        Basis::Service => "service time, counted from the moment a call was sent",
    }
}
