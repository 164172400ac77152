//! Where the time of a call goes: medians of its parts, so that a part can be seen, not so that they add up.

use std::time::Duration;

use crate::analysis::input::view::View;
use crate::measure::metric::{Basis, Metric};
use crate::measure::quantile::median;
use crate::measure::sample::{ConnUse, Sample};
use crate::run::Run;
use crate::units::{Nanos, PathId};

/// Medians of the parts of successful calls, milliseconds. The parts of a connection come from every connection that
/// the run opened, warmup included, because only the call that opens one pays them; the others from calls on the
/// connections that the comparison looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Breakdown {
    /// Connections opened.
    pub n_connections: usize,
    /// Name resolution.
    pub dns: Option<f64>,
    /// TCP handshake.
    pub tcp: Option<f64>,
    /// TLS handshake.
    pub tls: Option<f64>,
    /// Successful calls.
    pub n_calls: usize,
    /// From sent to the first byte of the answer.
    pub first_byte: Option<f64>,
    /// From there to the first token; `None` without streams.
    pub first_token: Option<f64>,
    /// From there to the end.
    pub rest: Option<f64>,
}

impl Breakdown {
    /// Of one path, whose measured attempts are `own`. Streams if there are any, other calls if not.
    pub(crate) fn of(view: &View<'_>, own: &[&Sample], path: PathId) -> Self {
        let (run, connections) = (view.run, view.connections());
        let ok = || own.iter().filter(|sample| sample.outcome.is_ok() && connections.contains(sample));
        let streams = ok().any(|sample| sample.stream);
        let calls: Vec<&Sample> = ok().filter(|sample| sample.stream == streams).copied().collect();
        let opened: Vec<&ConnUse> = opened(run, path).collect();
        let part = |of: fn(&ConnUse) -> Option<Duration>| {
            median(opened.iter().filter_map(|conn| of(conn)).map(|span| span.as_secs_f64() * 1e3))
        };
        let between = |of: fn(&Sample) -> Option<(Nanos, Nanos)>| {
            median(calls.iter().filter_map(|sample| of(sample)).map(|(from, to)| to.ms_since(from)))
        };
        Self {
            n_connections: opened.len(),
            dns: part(|conn| conn.dns),
            tcp: part(|conn| conn.tcp),
            tls: part(|conn| conn.tls),
            n_calls: calls.len(),
            first_byte: between(|sample| sample.stamps.sent.zip(sample.stamps.first_byte)),
            first_token: between(|sample| sample.stamps.first_byte.zip(first_token(sample))),
            rest: between(|sample| first_token(sample).or(sample.stamps.first_byte).zip(sample.stamps.done)),
        }
    }
}

fn opened(run: &Run, path: PathId) -> impl Iterator<Item = &ConnUse> {
    let of_path = run.samples.iter().filter(move |sample| sample.path == path);
    of_path.filter_map(|sample| sample.conn.as_ref()).filter(|conn| conn.is_new())
}

fn first_token(sample: &Sample) -> Option<Nanos> {
    let sent = sample.stamps.sent?;
    let after = Metric::Ttft.of(sample, Basis::Service).filter(|_| sample.stream)?;
    Some(sent + Duration::from_nanos(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::World;

    #[test]
    fn the_parts_of_a_call_are_told_apart() {
        let run = World::default().run();
        let own: Vec<_> = run.measured().filter(|sample| sample.path == PathId(0)).collect();
        let parts = Breakdown::of(&View::of(&run), &own, PathId(0));
        assert_eq!((parts.n_connections, parts.n_calls), (2, own.len() - 2));
        assert_eq!((parts.dns, parts.tcp, parts.tls), (Some(0.3), Some(2.0), Some(6.0)));
        assert!((parts.first_token.expect("streams") - 1.0).abs() < 1e-6);
        assert!((parts.rest.expect("rest") - 291.0).abs() < 1e-6);
        assert!((120.0..180.0).contains(&parts.first_byte.expect("byte")));
    }
}
