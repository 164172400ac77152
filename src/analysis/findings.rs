//! What a path did wrong beyond being slow, where the evidence is plain.

use std::collections::BTreeMap;

use crate::measure::counts::Counts;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::units::PathId;

/// Output tokens from which on an answer must come in more than one piece to count as a stream.
const MANY_TOKENS: u64 = 16;

/// Streams that must be seen before a path is said to hold them back.
const ENOUGH_STREAMS: usize = 20;

/// The share of streams that must have come in one piece.
const NEARLY_ALL: f64 = 0.9;

/// The share of a call's time into which an answer must be pressed to count as one piece.
const AT_ONCE: f64 = 0.02;

/// One thing that a path did wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable, for machines: `stream_truncated`, `stream_buffered`.
    pub code: &'static str,
    /// What was seen.
    pub message: String,
    /// What helps.
    pub remedy: String,
    /// The figures behind it.
    pub evidence: BTreeMap<&'static str, f64>,
}

/// What the measured attempts show of one path: those that have rows, and all of them counted.
#[must_use]
pub fn find(measured: &[&Sample], counts: &Counts, path: PathId) -> Vec<Finding> {
    let own: Vec<&Sample> = measured.iter().filter(|sample| sample.path == path).copied().collect();
    truncated(counts).into_iter().chain(buffered(&own)).collect()
}

fn truncated(counts: &Counts) -> Option<Finding> {
    let cut = counts.with_class(|class| class == ErrorClass::StreamTruncated);
    let streams = counts.streams;
    (cut > 0).then(|| Finding {
        code: "stream_truncated",
        message: format!("{cut} of {streams} streams ended without their terminal event"),
        remedy: "look for a time limit or a size limit of the gateway or proxy on this path".to_owned(),
        evidence: BTreeMap::from([("truncated", cut as f64), ("streams", streams as f64)]),
    })
}

/// A path that holds a stream back and hands it over at once: the tokens are many, but the last comes with the first.
fn buffered(own: &[&Sample]) -> Option<Finding> {
    let shares: Vec<f64> = own.iter().filter_map(|sample| streaming_share(sample)).collect();
    let at_once = shares.iter().filter(|share| **share <= AT_ONCE).count();
    let enough = shares.len() >= ENOUGH_STREAMS && at_once as f64 >= NEARLY_ALL * shares.len() as f64;
    enough.then(|| Finding {
        code: "stream_buffered",
        message: format!(
            "{at_once} of {} streams with {MANY_TOKENS} tokens or more came all at once, within {:.0}% of the call's time",
            shares.len(),
            100.0 * AT_ONCE
        ),
        remedy: "switch off response buffering for this route in the gateway or proxy; for Azure API Management set \
                 buffer-response=\"false\" on forward-request"
            .to_owned(),
        evidence: BTreeMap::from([("at_once", at_once as f64), ("streams", shares.len() as f64)]),
    })
}

/// The share of a call's time in which its content came, for streams of many tokens.
fn streaming_share(sample: &Sample) -> Option<f64> {
    let stamps = &sample.stamps;
    if !sample.outcome.is_ok() || !sample.stream || sample.output_tokens? < MANY_TOKENS {
        return None;
    }
    let first = stamps.first_reasoning.into_iter().chain(stamps.first_content).min()?;
    let whole = stamps.done?.ms_since(stamps.sent?);
    (whole > 0.0).then(|| stamps.last_content.unwrap_or(first).ms_since(first) / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::run::fixture::World;

    fn found_in(run: &crate::run::Run, path: PathId) -> Vec<Finding> {
        let counts = run.counted(crate::units::Phase::Measure);
        find(&run.measured().collect::<Vec<_>>(), &counts[path.index()], path)
    }

    #[test]
    fn a_path_that_streams_is_not_blamed() {
        let run = World::default().run();
        assert!(found_in(&run, PathId(0)).is_empty());
    }

    #[test]
    fn held_back_and_cut_streams_are_found() {
        let mut run = World::default().run();
        for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2)) {
            sample.stamps.first_content = sample.stamps.last_content;
            if sample.round % 10 == 0 {
                sample.outcome = Outcome::Incomplete(ErrorClass::StreamTruncated);
            }
        }
        let found = found_in(&run, PathId(2));
        assert_eq!(
            found.iter().map(|finding| finding.code).collect::<Vec<_>>(),
            ["stream_truncated", "stream_buffered"]
        );
        assert_eq!(found[1].evidence["at_once"], found[1].evidence["streams"]);
    }
}
