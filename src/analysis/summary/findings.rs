//! What a path did wrong beyond being slow, where the evidence is plain.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::analysis::input::view::View;
use crate::analysis::summary::finding::Finding;
use crate::analysis::summary::way::Way;
use crate::measure::counts::Counts;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::path::NetPath;
use crate::units::PathId;

/// Output tokens from which on an answer must come in more than one piece to count as a stream.
const MANY_TOKENS: u64 = 16;

/// Streams that must be seen before a path is said to hold them back.
const ENOUGH_STREAMS: usize = 20;

/// The share of streams that must have come in one piece.
const NEARLY_ALL: f64 = 0.9;

/// The share of a call's time into which an answer must be pressed to count as one piece.
const AT_ONCE: f64 = 0.02;

/// Two events of a stream that are closer than this, in nanoseconds, came in one burst.
const BURST_NS: u64 = 1_000_000;

/// The share of gaps within bursts from which on a stream counts as coalesced: bursts of two events have one half.
const MOSTLY_BURSTS: f64 = 0.4;

/// How long the pauses between bursts are on average, in milliseconds, where something holds events back. A model that is
/// merely fast has shorter ones: of gaps with mean m, spread as those of arrivals at random, the share of [`MOSTLY_BURSTS`]
/// lies below a millisecond only if m is below 2 ms, and then the others are 3 ms long on average.
const PAUSE_MS: f64 = 5.0;

/// What the measured attempts show of one path: those that have rows, and all of them counted.
pub(crate) fn find(view: &View<'_>, path: &NetPath, way: &Way) -> Vec<Finding> {
    let of_way = way.findings(path);
    let path = path.id;
    let counts = &view.counted()[path.index()];
    let own: Vec<&Sample> = view.measured.iter().filter(|sample| sample.path == path).copied().collect();
    let classes = CLASSES.iter().filter_map(|kind| of_class(kind, counts));
    let forms = FORMS.iter().filter_map(|kind| of_form(kind, &own));
    let of_calls = truncated(counts).into_iter().chain(held_back(view, path, &own)).chain(classes).chain(forms);
    of_way.into_iter().chain(of_calls).collect()
}

/// A class of error whose cause lies in how the path is set up.
struct ClassFinding {
    class: ErrorClass,
    code: &'static str,
    observation: &'static str,
    remedy: &'static str,
}

const CLASSES: [ClassFinding; 4] = [
    ClassFinding {
        class: ErrorClass::Html,
        code: "html_answer",
        observation: "were answered with an HTML or XML page under a status of success",
        remedy: "check that base_url leads to the API (often it ends in /v1), not to a web page, and that no login \
         page, proxy or firewall answers in its place",
    },
    ClassFinding {
        class: ErrorClass::Compressed,
        code: "compressed_answer",
        observation: "were answered compressed (gzip or another content encoding), although accept-encoding: identity was sent",
        remedy: "switch off compression for this route in the gateway or proxy: it also holds back a stream",
    },
    ClassFinding {
        class: ErrorClass::TooLarge,
        code: "answer_too_large",
        observation: "were ended because the answer was larger than a limit",
        remedy: "find out what sends so much on this path: a stream that repeats itself, a proxy that never ends a line, \
                 a web page instead of the API; docs/limits.md lists the limits",
    },
    ClassFinding {
        class: ErrorClass::StaleConnection,
        code: "stale_connection",
        observation: "failed on a connection that the server had closed while it was idle",
        remedy: "raise the keep-alive (idle) timeout of the server or gateway, or set connections.policy = \"fresh\"",
    },
];

fn of_class(kind: &ClassFinding, counts: &Counts) -> Option<Finding> {
    let (seen, calls) = (counts.with_class(|class| class == kind.class), counts.calls() - counts.dropped());
    (seen > 0).then(|| Finding {
        code: kind.code,
        message: format!("{seen} of {calls} calls {}", kind.observation),
        remedy: kind.remedy.to_owned(),
        evidence: BTreeMap::from([("calls", calls as f64), ("seen", seen as f64)]),
    })
}

/// A form of successful answers that no caller expects.
struct FormFinding {
    code: &'static str,
    /// Whether a call is one of those that could have it.
    among: fn(&Sample) -> bool,
    has: fn(&Sample) -> bool,
    observation: &'static str,
    remedy: &'static str,
}

const FORMS: [FormFinding; 3] = [
    FormFinding {
        code: "not_streamed",
        among: |sample| sample.stream,
        has: |sample| sample.stamps.first_event.is_none(),
        observation: "calls that asked for a stream were answered with one JSON body; they have no time to first token",
        remedy: "check that the model and every gateway on this path support streaming",
    },
    FormFinding {
        code: "streamed_unasked",
        among: |sample| !sample.stream,
        has: |sample| sample.stamps.first_event.is_some(),
        observation: "calls that asked for one JSON body were answered with a stream",
        remedy: "check whether the server or a gateway on this path ignores \"stream\": false",
    },
    FormFinding {
        code: "empty_answer",
        among: |sample| sample.stream && sample.stamps.first_event.is_some(),
        has: |sample| sample.stamps.first_token().is_none(),
        observation: "streams ended normally without any content; they have no time to first token",
        remedy: "raise the limit on output tokens if the model spends them on hidden reasoning; otherwise look in the \
                 server's log for why it generates nothing",
    },
];

fn of_form(kind: &FormFinding, own: &[&Sample]) -> Option<Finding> {
    let among: Vec<&&Sample> = own.iter().filter(|sample| sample.outcome.is_ok() && (kind.among)(sample)).collect();
    let seen = among.iter().filter(|sample| (kind.has)(sample)).count();
    (seen > 0).then(|| Finding {
        code: kind.code,
        message: format!("{seen} of {} {}", among.len(), kind.observation),
        remedy: kind.remedy.to_owned(),
        evidence: BTreeMap::from([("calls", among.len() as f64), ("seen", seen as f64)]),
    })
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

/// A path that does not hand over the events of a stream as they are made: the whole at once, or in bursts.
fn held_back(view: &View<'_>, path: PathId, own: &[&Sample]) -> Option<Finding> {
    let shares: Vec<f64> = own.iter().filter_map(|sample| streaming_share(sample)).collect();
    buffered(&shares).or_else(|| coalesced(view.run.chunk_gaps.get(path.index())?, shares.len()))
}

/// Streams of many tokens whose last comes with the first.
fn buffered(shares: &[f64]) -> Option<Finding> {
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

/// Streams of many tokens whose events come in bursts with pauses between them.
fn coalesced(gaps: &Histogram<u64>, streams: usize) -> Option<Finding> {
    let within = gaps.iter_recorded().filter(|step| step.value_iterated_to() < BURST_NS);
    let within: u64 = within.map(|step| step.count_since_last_iteration()).sum();
    let pauses = gaps.iter_recorded().filter(|step| step.value_iterated_to() >= BURST_NS);
    let paused_ms: f64 =
        pauses.map(|step| step.value_iterated_to() as f64 / 1e6 * step.count_since_last_iteration() as f64).sum();
    let pause_ms = paused_ms / (gaps.len() - within).max(1) as f64;
    let share = within as f64 / gaps.len().max(1) as f64;
    let events = 1.0 / (1.0 - share).max(f64::EPSILON);
    (streams >= ENOUGH_STREAMS && share >= MOSTLY_BURSTS && pause_ms >= PAUSE_MS).then(|| Finding {
        code: "stream_coalesced",
        message: format!(
            "streams came in bursts of about {events:.0} events, {pause_ms:.0} ms apart: {:.0}% of {} gaps are under a \
             millisecond",
            100.0 * share,
            gaps.len()
        ),
        remedy: "look at the path without gateway first: if it shows the same, the service itself releases text in \
                 portions, as content filters do; otherwise switch off response buffering for this route in the gateway \
                 or proxy (nginx: proxy_buffering off; Azure API Management: buffer-response=\"false\" on \
                 forward-request)"
            .to_owned(),
        evidence: BTreeMap::from([
            ("burst_share", share),
            ("gaps", gaps.len() as f64),
            ("pause_ms", pause_ms),
            ("streams", streams as f64),
        ]),
    })
}

/// The share of a call's time in which its content came, for streams of many tokens.
fn streaming_share(sample: &Sample) -> Option<f64> {
    let stamps = &sample.stamps;
    if !sample.outcome.is_ok() || !sample.stream || sample.output_tokens? < MANY_TOKENS {
        return None;
    }
    let first = stamps.first_token()?;
    let whole = stamps.done?.ms_since(stamps.sent?);
    (whole > 0.0).then(|| stamps.last_content.unwrap_or(first).ms_since(first) / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::Outcome;
    use crate::run::fixture::{self, World};
    use crate::units::PathId;

    fn found_in(run: &crate::run::Run, path: PathId) -> Vec<Finding> {
        let (view, path) = (View::of(run), run.manifest.plan.path(path));
        find(&view, path, &Way::of(&view, path))
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

    /// Gaps of streams in nanoseconds, by how a path hands events over, and whether that is found.
    #[test]
    fn streams_in_bursts_are_found_and_fast_or_uneven_ones_are_not() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
        let mut random = |mean_ms: f64| -> Vec<u64> {
            (0..20_000).map(|_| (-(1.0 - rng.random::<f64>()).ln() * mean_ms * 1e6) as u64).collect()
        };
        let bursts = |events: usize, pause_ms: u64| -> Vec<u64> {
            let burst = std::iter::repeat_n(0, events - 1).chain([pause_ms * 1_000_000]);
            burst.cycle().take(events * 1_000).collect()
        };
        let mut table = vec![("one by one", bursts(1, 10), false), ("a fast model's pairs", bursts(2, 4), false)];
        table.extend([2, 5, 16, 33].map(|events| ("bursts", bursts(events, 10 * events as u64), true)));
        table.push(("a thousandth of pauses", bursts(1_000, 900), true));
        table.extend([0.3, 1.0, 1.9, 2.5, 10.0, 50.0].map(|mean| ("at random", random(mean), false)));
        for (what, gaps, is_found) in table {
            for streams in [ENOUGH_STREAMS - 1, ENOUGH_STREAMS] {
                let mut histogram = crate::measure::histogram::empty::<u64>();
                gaps.iter().for_each(|gap| histogram.record(*gap).expect("recorded"));
                let found = coalesced(&histogram, streams);
                assert_eq!(
                    found.is_some(),
                    is_found && streams == ENOUGH_STREAMS,
                    "{what} {:?}: {found:?}",
                    gaps.len()
                );
            }
        }
        assert_eq!(coalesced(&crate::measure::histogram::empty::<u64>(), 100), None);
    }

    #[test]
    fn answers_of_another_form_are_found() {
        type Change = fn(&mut Sample);
        let table: [(&str, Change); 7] = [
            ("html_answer", |sample| fixture::fail(sample, ErrorClass::Html)),
            ("compressed_answer", |sample| fixture::fail(sample, ErrorClass::Compressed)),
            ("answer_too_large", |sample| fixture::fail(sample, ErrorClass::TooLarge)),
            ("stale_connection", |sample| fixture::fail(sample, ErrorClass::StaleConnection)),
            ("not_streamed", |sample| sample.stamps.first_event = None),
            ("streamed_unasked", |sample| sample.stream = false),
            ("empty_answer", |sample| (sample.stamps.first_content, sample.stamps.first_reasoning) = (None, None)),
        ];
        for (code, change) in table {
            let mut run = World::default().run();
            let own =
                || |sample: &&mut Sample| sample.path == PathId(2) && sample.phase == crate::units::Phase::Measure;
            run.samples
                .iter_mut()
                .filter(own())
                .for_each(|sample| sample.stamps.first_event = sample.stamps.first_content);
            assert!(found_in(&run, PathId(2)).is_empty(), "{code}");
            run.samples.iter_mut().filter(own()).take(3).for_each(change);
            let found = found_in(&run, PathId(2));
            assert_eq!(
                found.iter().map(|finding| (finding.code, finding.evidence["seen"])).collect::<Vec<_>>(),
                [(code, 3.0)]
            );
            assert!(found_in(&run, PathId(0)).iter().all(|finding| finding.code != code), "{code}");
        }
    }
}
