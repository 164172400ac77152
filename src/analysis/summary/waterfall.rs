//! Where a difference comes from: the parts of a call, each against the same part on the baseline.
//!
//! Means, because means of parts add up to the mean of the whole; medians do not.

use crate::analysis::input::view::View;
use crate::measure::metric::{Basis, Metric};
use crate::measure::sample::Sample;
use crate::units::{Nanos, PathId};

/// The least share of calls that must tell the server's own time, before it is told apart.
const REPORTED: f64 = 0.99;

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// From intended to sent: waiting for a connection, or for this tool.
    UntilSent,
    /// From sent to the first byte, without the time that the server reports: the network and gateways.
    OnTheWay,
    /// What the server itself reports; not measured.
    Reported,
    /// From sent to the first byte, where no server reports its time.
    ToFirstByte,
    /// From there to the first token.
    ToFirstToken,
    /// From there to the end of the answer.
    Rest,
}

/// One part of a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// Which part.
    pub part: Part,
    /// The mean on the candidate less the mean on the baseline, ms.
    pub ms: f64,
}

/// What the difference of one path against the baseline is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waterfall {
    /// The path.
    pub path: PathId,
    /// Calls behind it: on the path and on the baseline.
    pub n: [usize; 2],
    /// The parts in the order in which they happen; they add up to the difference of the mean of the whole call.
    pub steps: Vec<Step>,
}

/// The waterfall of every candidate, from successful calls on the connections that the comparison looks at: streams if
/// there are any, other calls if not. None for a path that has no such calls, or whose baseline has none.
pub(crate) fn waterfalls(view: &View<'_>) -> Vec<Waterfall> {
    let (connections, baseline) = (view.connections(), view.baseline);
    let ok = || view.kept.iter().filter(|sample| sample.outcome.is_ok() && connections.contains(sample));
    let streams = ok().any(|sample| sample.stream);
    let of = |path: PathId| -> Vec<Parts> {
        ok().filter(|s| s.path == path && s.stream == streams).filter_map(|sample| Parts::of(sample)).collect()
    };
    let base = of(baseline);
    let candidates = view.paths.iter().map(|path| path.id).filter(|path| *path != baseline);
    candidates.filter_map(|path| waterfall(path, &of(path), &base, streams)).collect()
}

/// The parts of one call, ms.
#[derive(Clone, Copy, Debug)]
struct Parts {
    until_sent: f64,
    to_first_byte: f64,
    reported: Option<f64>,
    to_first_token: f64,
    rest: f64,
}

impl Parts {
    fn of(sample: &Sample) -> Option<Self> {
        let stamps = &sample.stamps;
        let (sent, byte, done) = (stamps.sent?, stamps.first_byte?, stamps.done?);
        let token = if sample.stream {
            stamps.intended + std::time::Duration::from_nanos(Metric::Ttft.of(sample, Basis::Response)?)
        } else {
            byte
        };
        let between = |from: Nanos, to: Nanos| to.0 as f64 / 1e6 - from.0 as f64 / 1e6;
        Some(Self {
            until_sent: between(stamps.intended, sent),
            to_first_byte: between(sent, byte),
            reported: sample.believable_server_ms(),
            to_first_token: between(byte, token),
            rest: between(token, done),
        })
    }
}

fn waterfall(path: PathId, own: &[Parts], base: &[Parts], streams: bool) -> Option<Waterfall> {
    if own.is_empty() || base.is_empty() {
        return None;
    }
    let mean = |parts: &[Parts], of: &dyn Fn(&Parts) -> f64| parts.iter().map(of).sum::<f64>() / parts.len() as f64;
    let step = |part, of: &dyn Fn(&Parts) -> f64| Step { part, ms: mean(own, of) - mean(base, of) };
    let reports = |parts: &[Parts]| {
        parts.iter().filter(|part| part.reported.is_some()).count() as f64 >= REPORTED * parts.len() as f64
    };
    let mut steps = vec![step(Part::UntilSent, &|part| part.until_sent)];
    if reports(own) && reports(base) {
        let of_those = |of: &dyn Fn(&Parts, f64) -> f64| {
            let mean = |parts: &[Parts]| {
                let those: Vec<f64> = parts.iter().filter_map(|part| Some(of(part, part.reported?))).collect();
                those.iter().sum::<f64>() / those.len() as f64
            };
            mean(own) - mean(base)
        };
        let whole = mean(own, &|part| part.to_first_byte) - mean(base, &|part| part.to_first_byte);
        let reported = of_those(&|_, reported| reported);
        // Few calls may lack the header; the parts still add up.
        steps.push(Step { part: Part::OnTheWay, ms: whole - reported });
        steps.push(Step { part: Part::Reported, ms: reported });
    } else {
        steps.push(step(Part::ToFirstByte, &|part| part.to_first_byte));
    }
    if streams {
        steps.push(step(Part::ToFirstToken, &|part| part.to_first_token));
    }
    steps.push(step(Part::Rest, &|part| part.rest));
    Some(Waterfall { path, n: [own.len(), base.len()], steps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::World;

    fn of(world: &World, report: impl Fn(&Sample) -> Option<f64>) -> Vec<Waterfall> {
        let mut run = world.run();
        for sample in &mut run.samples {
            sample.server_ms = report(sample);
        }
        waterfalls(&View::of(&run))
    }

    fn total_ms(waterfall: &Waterfall) -> f64 {
        waterfall.steps.iter().map(|step| step.ms).sum()
    }

    fn world() -> World {
        World { shifts_ms: vec![0.0, 30.0, 6.0], ..World::default() }
    }

    #[test]
    fn the_parts_add_up_to_the_difference_of_the_means() {
        let run = world().run();
        let kept: Vec<&Sample> = run.measured().collect();
        let found = waterfalls(&View::of(&run));
        assert_eq!(found.iter().map(|waterfall| waterfall.path).collect::<Vec<_>>(), [PathId(1), PathId(2)]);
        for waterfall in found {
            let mean = |path| {
                let own = kept.iter().filter(|s| s.path == path && s.stream && s.outcome.is_ok());
                let warm = own.filter(|s| s.conn.as_ref().is_some_and(|conn| conn.uses > 1));
                let times: Vec<f64> =
                    warm.filter_map(|s| Metric::E2e.of(s, Basis::Response)).map(|ns| ns as f64 / 1e6).collect();
                times.iter().sum::<f64>() / times.len() as f64
            };
            let difference = mean(waterfall.path) - mean(PathId(0));
            assert!((total_ms(&waterfall) - difference).abs() < 1e-6, "{waterfall:?} {difference}");
        }
    }

    #[test]
    fn a_shift_shows_in_its_part() {
        let found = of(&world(), |_| None);
        let (first, others): (Vec<&Step>, Vec<&Step>) =
            found[0].steps.iter().partition(|step| step.part == Part::ToFirstByte);
        assert!(first[0].ms > 20.0, "{found:?}");
        assert!(others.iter().all(|step| step.ms.abs() < 10.0), "{found:?}");
    }

    #[test]
    fn the_time_that_servers_report_is_told_apart_only_if_nearly_all_report_it() {
        let told = of(&world(), |sample| Some(if sample.path == PathId(1) { 42.0 } else { 40.0 }));
        let reported = told[0].steps.iter().find(|step| step.part == Part::Reported).expect("reported");
        assert!((reported.ms - 2.0).abs() < 1e-9);
        assert!((total_ms(&told[0]) - total_ms(&of(&world(), |_| None)[0])).abs() < 1e-9);
        let half = of(&world(), |sample| (sample.seq.0 % 2 == 0).then_some(40.0));
        assert!(half[0].steps.iter().all(|step| step.part != Part::Reported));
    }
}
