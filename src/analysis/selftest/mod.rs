//! The judgement of a selftest: what each level comes to, up to where the machine measures faithfully, which bars hold.

#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod truth;

use crate::analysis::selftest::truth::Truth;
use crate::analysis::summary::paths::PathSummary;
use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::measure::ledger::LedgerLine;
use crate::measure::metric::{Basis, Metric};
use crate::measure::quantile::quantile;
use crate::measure::sample::Gap;
use crate::measure::selftest::{ArrivalLevel, Bar, Errors, FAITHFUL_MS, Faithful, Level, Parts, Spread, Unmatched};
use crate::run::Run;
use crate::units::CallCounts;

/// The streams and the pace of the level whose bar is that it completes.
pub(crate) const MANY_STREAMS: (u32, u32) = (10_000, 5);

/// The level at which the memory of a stream is judged whatever else its run comes to.
const MEMORY_STREAMS: u32 = 5000;

/// The pace to which the bars of the error belong, tokens a second.
pub(crate) const PACE: u32 = 50;

/// One run of a selftest and everything that is known of it.
pub(crate) struct Evidence<'a> {
    /// What was measured.
    pub run: &'a Run,
    /// What each path of it did.
    pub paths: &'a [PathSummary],
    /// Whether it may be judged.
    pub validity: &'a Validity,
    /// Every gap between chunks of the measured phase.
    pub gaps: Vec<Gap>,
    /// What was true.
    pub ledger: &'a [LedgerLine],
}

/// What a run with so many streams at once, each at this pace, comes to.
#[must_use]
pub(crate) fn level(streams: u32, tokens_per_s: u32, evidence: Evidence<'_>) -> Level {
    let Evidence { run, validity, .. } = evidence;
    let RunFigures { truth, calls, send_lag_ms, cpu_cores } = RunFigures::of(evidence);
    let ending = run.manifest.ending.as_ref();
    let cpu_s = ending.and_then(|ending| ending.cpu_s);
    let error_ms = Errors { ttft: spread(&truth.ttft), chunk_gap: spread(&truth.chunk_gap), e2e: spread(&truth.e2e) };
    let why_not = why_not(&error_ms, &calls, &truth.unmatched, validity);
    Level {
        streams,
        tokens_per_s,
        events_per_s: rounded(truth.events as f64 / run.measured_s().max(1e-9)),
        samples: truth.ttft.len() as u64,
        error_ms,
        ttft_parts_ms: Parts { request: spread(&truth.request), answer: spread(&truth.answer) },
        simulator_late_ms: spread(&truth.simulator_late),
        send_lag_ms,
        rss_mb: ending.and_then(|ending| ending.peak_rss_mib).map(|mib| rounded(mib * 1.048_576)),
        cpu_us_per_event: cpu_s.filter(|_| truth.events > 0).map(|s| rounded(s * 1e6 / truth.events as f64)),
        cpu_cores,
        calls,
        unmatched: truth.unmatched,
        validity: validity.verdict.to_string(),
        is_faithful: why_not.is_empty(),
        why_not,
    }
}

/// What a run with so many Poisson arrivals a second comes to, and what pacing them alone costs.
#[must_use]
pub(crate) fn arrivals(rate: f64, pacing_cores: Option<f64>, evidence: Evidence<'_>) -> ArrivalLevel {
    let validity = evidence.validity.verdict.to_string();
    let seen = RunFigures::of(evidence);
    ArrivalLevel {
        rate,
        send_lag_ms: seen.send_lag_ms,
        cpu_cores: seen.cpu_cores,
        pacing_cores: pacing_cores.map(rounded),
        calls: seen.calls,
        unmatched: seen.truth.unmatched,
        validity,
    }
}

/// The largest level, going up from the smallest, before the first at the pace of the bars that does not hold.
#[must_use]
pub(crate) fn faithful(levels: &[Level]) -> Faithful {
    let paced = levels.iter().filter(|level| level.tokens_per_s == PACE);
    let last = paced.take_while(|level| level.is_faithful).last();
    last.map_or_else(Faithful::default, |level| Faithful { streams: level.streams, events_per_s: level.events_per_s })
}

/// Every bar to which a level belongs.
#[must_use]
pub(crate) fn bars(levels: &[Level], arrivals: Option<&ArrivalLevel>) -> Vec<Bar> {
    let mut bars = Vec::new();
    for level in levels {
        let streams = level.streams;
        let limits = [(100, 0.2, 2.0), (1000, 1.0, 10.0)].into_iter().find(|(at, ..)| *at == streams);
        if let (Some((_, p50, p99)), PACE) = (limits, level.tokens_per_s) {
            let error = level.error_ms.ttft;
            bars.push(bar(format!("TTFT error p50 at {streams} streams"), "ms", p50, error.map(|error| error.p50)));
            bars.push(bar(format!("TTFT error p99 at {streams} streams"), "ms", p99, error.map(|error| error.p99)));
        }
        let invalid = level.validity == ValidityVerdict::Invalid.to_string();
        // A run that could not follow has more streams open than its level says: there is no memory of one stream.
        if !invalid || streams == MEMORY_STREAMS {
            let memory = 40.0 + 0.032 * f64::from(streams);
            bars.push(bar(format!("memory at {streams} streams"), "MB", memory, level.rss_mb));
        }
        if (streams, level.tokens_per_s) == MANY_STREAMS {
            let name = format!("calls that were not ok or not sent at {streams} streams");
            bars.push(bar(name, "calls", 0.0, Some((level.calls.planned - level.calls.ok) as f64)));
            bars.push(bar(
                format!("invalid runs at {streams} streams"),
                "runs",
                0.0,
                Some(f64::from(u8::from(invalid))),
            ));
        }
    }
    if let Some(arrivals) = arrivals {
        let (lag, rate) = (arrivals.send_lag_ms, arrivals.rate);
        bars.push(bar(format!("send lag p50 at {rate} arrivals a second"), "ms", 0.1, lag.map(|lag| lag.p50)));
        bars.push(bar(format!("send lag p99 at {rate} arrivals a second"), "ms", 1.0, lag.map(|lag| lag.p99)));
        bars.push(bar(format!("pacing {rate} arrivals a second"), "of a core", 0.1, arrivals.pacing_cores));
    }
    bars
}

fn bar(name: String, unit: &str, limit: f64, observed: Option<f64>) -> Bar {
    Bar {
        name,
        unit: unit.to_owned(),
        limit: rounded(limit),
        observed,
        met: observed.is_some_and(|seen| seen <= limit),
    }
}

/// What is seen of any run of a selftest.
struct RunFigures {
    truth: Truth,
    calls: CallCounts,
    send_lag_ms: Option<Spread>,
    cpu_cores: Option<f64>,
}

impl RunFigures {
    fn of(evidence: Evidence<'_>) -> Self {
        let Evidence { run, paths, validity, gaps, ledger } = evidence;
        let mut calls = CallCounts::default();
        paths.iter().for_each(|path| calls += path.requests);
        calls.planned = validity.planned;
        let lag = |sample| Metric::SendLag.of(sample, Basis::Response).map(|ns| ns as f64 / 1e6);
        let lags: Vec<f64> = run.measured().filter_map(lag).collect();
        let cpu_s = run.manifest.ending.as_ref().and_then(|ending| ending.cpu_s);
        let cpu_cores = cpu_s.map(|s| rounded(s / run.measured_s().max(1e-9)));
        Self { truth: truth::join(run, gaps, ledger), calls, send_lag_ms: spread(&lags), cpu_cores }
    }
}

/// What speaks against a level, in sentences.
fn why_not(errors: &Errors, calls: &CallCounts, unmatched: &Unmatched, validity: &Validity) -> Vec<String> {
    let mut why = Vec::new();
    for (name, error) in [("TTFT", errors.ttft), ("chunk gap", errors.chunk_gap), ("end to end", errors.e2e)] {
        match error {
            Some(error) if error.p99 < FAITHFUL_MS => {}
            Some(error) => why.push(format!("the error of {name} is {:.1} ms at p99", error.p99)),
            None => why.push(format!("the error of {name} is not known: no stream was measured")),
        }
    }
    let CallCounts { planned, ok, failed, incomplete, dropped } = *calls;
    if ok < planned {
        why.push(format!("{failed} of {planned} calls failed, {incomplete} were cut off, {dropped} were never sent"));
    }
    let Unmatched { samples, ledger_lines, stamps, chunks, negative, rows_lost } = *unmatched;
    for (count, what) in [
        (samples, "calls have no line in the ledger"),
        (ledger_lines, "lines of the ledger have no call"),
        (stamps, "streams lack a stamp"),
        (chunks, "streams have another number of chunks than the ledger"),
        (negative, "times were measured shorter than in the ledger"),
        (rows_lost, "rows were lost"),
    ] {
        if count > 0 {
            why.push(format!("{count} {what}"));
        }
    }
    if validity.verdict == ValidityVerdict::Invalid {
        let reasons = validity.reasons.iter().filter(|reason| reason.weight() == ValidityVerdict::Invalid);
        why.extend(reasons.map(|reason| format!("the run is invalid: {}", reason.message())));
    }
    why
}

/// Three figures of a distribution; `None` without values.
fn spread(values: &[f64]) -> Option<Spread> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |q| quantile(&sorted, q).map(rounded);
    Some(Spread { p50: at(0.5)?, p99: at(0.99)?, max: at(1.0)? })
}

/// To the third decimal: a microsecond where the unit is ms.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::selftest::fixture::{MS, World};
    use crate::analysis::{Analysis, analyse};
    use crate::measure::selftest::fixture::level as made_up;

    fn with_evidence<T>(world: &World, ledger: &[LedgerLine], judge: impl FnOnce(Evidence<'_>) -> T) -> T {
        let run = world.run();
        let Analysis { paths, validity, .. } = analyse(&run);
        judge(Evidence { run: &run, paths: &paths, validity: &validity, gaps: world.gaps(), ledger })
    }

    fn judged(world: &World, streams: u32) -> Level {
        with_evidence(world, &world.ledger(), |evidence| level(streams, PACE, evidence))
    }

    #[test]
    fn quantiles_are_those_of_the_known_errors() {
        // 0, 1, ... 100 ms: the interpolated quantiles are whole numbers.
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(spread(&values), Some(Spread { p50: 50.0, p99: 99.0, max: 100.0 }));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[0.0004]), Some(Spread { p50: 0.0, p99: 0.0, max: 0.0 }));
    }

    #[test]
    fn a_level_tells_its_errors_rates_and_costs() {
        let world = World { request: 250_000, chunks: vec![MS, 3 * MS, 2 * MS], end: 500_000, ..World::default() };
        let level = judged(&world, 20);
        let same = |value| Some(Spread { p50: value, p99: value, max: value });
        assert_eq!((level.error_ms.ttft, level.error_ms.e2e), (same(1.25), same(0.75)));
        assert_eq!(level.error_ms.chunk_gap, Some(Spread { p50: 1.5, p99: 2.0, max: 2.0 }));
        assert_eq!((level.samples, level.calls.ok), (world.calls as u64, world.calls as u64));
        // 3 chunks of 40 calls in 4 s; half a second of processor time and 20 MiB.
        assert_eq!((level.events_per_s, level.cpu_us_per_event), (30.0, Some(4166.667)));
        assert_eq!((level.rss_mb, level.cpu_cores), (Some(20.972), Some(0.125)));
        assert!(level.is_faithful && level.why_not.is_empty(), "{:?}", level.why_not);
    }

    #[test]
    fn a_level_that_does_not_hold_says_why() {
        let slow = judged(&World { chunks: vec![6 * MS; 3], ..World::default() }, 20);
        assert!(!slow.is_faithful && slow.why_not[0].contains("TTFT"), "{:?}", slow.why_not);

        let world = World::default();
        let mut ledger = world.ledger();
        ledger.pop();
        let level = with_evidence(&world, &ledger, |evidence| level(20, PACE, evidence));
        assert_eq!(level.why_not, ["1 calls have no line in the ledger"]);

        let nothing = judged(&World { calls: 0, ..World::default() }, 20);
        assert_eq!((nothing.error_ms.clone(), nothing.cpu_us_per_event), (Errors::default(), None));
        assert!(!nothing.is_faithful && nothing.why_not.len() >= 3, "{:?}", nothing.why_not);
    }

    #[test]
    fn faithful_is_the_last_level_before_the_first_that_fails() {
        let up_to = |p99: &[f64]| {
            let levels = p99.iter().zip([10, 100, 1000, 2000]).map(|(p99, streams)| made_up(streams, *p99));
            faithful(&levels.collect::<Vec<_>>()).streams
        };
        for (p99, streams) in
            [(&[0.3, 0.9, 4.9, 5.0][..], 1000), (&[0.3, 5.1, 1.0, 1.0], 10), (&[9.0, 1.0], 0), (&[], 0), (&[1.0], 10)]
        {
            assert_eq!(up_to(p99), streams, "{p99:?}");
        }
        let many = Level { tokens_per_s: 5, ..made_up(10_000, 1.0) };
        assert_eq!(faithful(&[made_up(10, 1.0), many]).streams, 10, "another pace is another question");
    }

    #[test]
    fn bars_belong_to_their_levels() {
        let names =
            |levels: &[Level]| bars(levels, None).into_iter().map(|bar| (bar.name, bar.met)).collect::<Vec<_>>();
        assert_eq!(names(&[made_up(20, 9.0)]), [("memory at 20 streams".to_owned(), true)]);
        let hundred = names(&[made_up(100, 1.9)]);
        assert_eq!(hundred.iter().map(|(_, met)| *met).collect::<Vec<_>>(), [true, true, true], "{hundred:?}");
        let missed = names(&[made_up(1000, 10.1)]);
        assert_eq!(missed.iter().map(|(_, met)| *met).collect::<Vec<_>>(), [false, false, true], "{missed:?}");
        let heavy = bars(&[Level { rss_mb: Some(41.0), ..made_up(10, 0.1) }], None);
        assert_eq!((heavy[0].met, heavy[0].limit), (false, 40.32));
        let unknown = bars(&[Level { rss_mb: None, ..made_up(10, 0.1) }], None);
        assert!(!unknown[0].met, "what was not seen is not met");
        let invalid = |streams| Level { validity: "invalid".to_owned(), rss_mb: Some(1e4), ..made_up(streams, 90.0) };
        assert!(bars(&[invalid(2000)], None).is_empty(), "it had more streams open than 2,000");
        assert!(!bars(&[invalid(5000)], None)[0].met, "here is its bar");
    }

    #[test]
    fn ten_thousand_streams_must_all_end_well() {
        let many = Level { tokens_per_s: 5, ..made_up(10_000, 1.0) };
        assert!(bars(std::slice::from_ref(&many), None).iter().all(|bar| bar.met));
        let mut failed = many.clone();
        failed.calls.ok -= 1;
        assert_eq!(bars(&[failed], None).iter().filter(|bar| !bar.met).count(), 1);
        let invalid = Level { validity: "invalid".to_owned(), ..many };
        assert_eq!(bars(&[invalid], None).iter().filter(|bar| !bar.met).count(), 1);
    }

    #[test]
    fn arrivals_have_their_bars() {
        let world = World { lag: 90_000, ..World::default() };
        let arrivals = with_evidence(&world, &world.ledger(), |evidence| arrivals(1000.0, Some(0.04), evidence));
        assert_eq!(arrivals.send_lag_ms.map(|lag| lag.p50), Some(0.09));
        assert!(bars(&[], Some(&arrivals)).iter().all(|bar| bar.met));
        let late = ArrivalLevel { send_lag_ms: Some(Spread { p50: 0.11, p99: 0.9, max: 3.0 }), ..arrivals };
        assert_eq!(bars(&[], Some(&late)).iter().map(|bar| bar.met).collect::<Vec<_>>(), [false, true, true]);
        let dear = ArrivalLevel {
            send_lag_ms: Some(Spread { p50: 0.1, p99: 0.9, max: 3.0 }),
            pacing_cores: Some(0.11),
            ..late
        };
        assert_eq!(bars(&[], Some(&dear)).iter().map(|bar| bar.met).collect::<Vec<_>>(), [true, true, false]);
    }
}
