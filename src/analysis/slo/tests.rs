//! Each form of an objective over made-up runs: met, missed, too close to tell, and without data.

use super::*;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::run::fixture::{self, World};

fn judged(mut run: Run, path: &str, expr: &str) -> ObjectiveResult {
    run.manifest.plan.objectives =
        vec![Objective::new(path, expr.parse().expect("expression"))];
    judge(&run, &run.measured().collect::<Vec<_>>()).remove(0)
}

fn verdict_of(world: &World, expr: &str) -> ObjectiveVerdict {
    judged(world.run(), "gateway", expr).verdict
}

#[test]
fn a_limit_is_met_missed_or_too_close_to_tell() {
    // Median 156 ms, p95 about 251 ms, 600 calls.
    let world = World::default();
    for (expr, verdict) in [
        ("ttft.p50 < 200ms", ObjectiveVerdict::Met),
        ("ttft.p50 < 130ms", ObjectiveVerdict::Missed),
        ("ttft.p95 < 252ms", ObjectiveVerdict::Inconclusive),
        ("ttft.p99.9 < 10s", ObjectiveVerdict::Inconclusive),
        ("ttft.mean < 170ms", ObjectiveVerdict::Met),
        ("e2e.max < 10s", ObjectiveVerdict::Met),
        ("e2e.max < 400ms", ObjectiveVerdict::Missed),
        ("error_rate < 1%", ObjectiveVerdict::Met),
        ("chunk_gap.p95 < 50ms", ObjectiveVerdict::Met),
        ("chunk_gap.mean < 5ms", ObjectiveVerdict::Missed),
        ("chunk_gap.max < 50ms", ObjectiveVerdict::Met),
        ("server.p50 < 1s", ObjectiveVerdict::Inconclusive),
    ] {
        assert_eq!(verdict_of(&world, expr), verdict, "{expr}");
    }
}

#[test]
fn failures_are_weighed_with_their_interval() {
    let failing = |share| World { failing: vec![0.0, 0.0, share], ..World::default() };
    assert_eq!(verdict_of(&failing(0.1), "error_rate < 1%"), ObjectiveVerdict::Missed);
    assert_eq!(verdict_of(&failing(0.1), "error_rate < 20%"), ObjectiveVerdict::Met);
    assert_eq!(verdict_of(&failing(0.1), "error_rate < 10%"), ObjectiveVerdict::Inconclusive);
}

#[test]
fn a_timeout_is_longer_than_any_limit_below_it() {
    let mut run = World::default().run();
    for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 8 == 0) {
        fixture::fail(sample, ErrorClass::TimeoutTotal);
        sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(300));
        assert_eq!(sample.outcome, Outcome::Failed(ErrorClass::TimeoutTotal));
    }
    let result = judged(run.clone(), "gateway", "ttft.p95 < 400ms");
    assert_eq!(result.verdict, ObjectiveVerdict::Missed, "{result:?}");
    assert!(result.reason.expect("why").contains("timed out"));
    assert_eq!(judged(run.clone(), "gateway", "ttft.p50 < 400ms").verdict, ObjectiveVerdict::Met);
    assert_eq!(judged(run, "gateway", "ttft.max < 400s").verdict, ObjectiveVerdict::Inconclusive);
}

#[test]
fn a_stream_that_stalls_after_its_first_token_has_a_first_token() {
    let mut run = World::default().run();
    for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 8 == 0) {
        sample.outcome = Outcome::Failed(ErrorClass::TimeoutGap);
        sample.stamps.done = None;
        sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(60));
    }
    for (expr, verdict) in [
        ("ttft.p95 < 400ms", ObjectiveVerdict::Met),
        ("ttfb.max < 10s", ObjectiveVerdict::Met),
        ("ttft.mean < 400ms", ObjectiveVerdict::Met),
        ("e2e.p95 < 2s", ObjectiveVerdict::Missed),
        ("e2e.max < 100s", ObjectiveVerdict::Inconclusive),
    ] {
        let result = judged(run.clone(), "gateway", expr);
        assert_eq!(result.verdict, verdict, "{expr}: {result:?}");
    }
    assert_eq!(judged(run, "gateway", "ttft.p95 < 400ms").reason, None);
}

#[test]
fn half_a_body_is_no_end() {
    let mut run = World::default().run();
    for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 8 == 0) {
        sample.stream = false;
        sample.outcome = Outcome::Failed(ErrorClass::TimeoutTotal);
        // The read that brought the first half.
        sample.stamps.done = sample.stamps.first_byte;
        sample.stamps.end = Some(sample.stamps.intended + std::time::Duration::from_secs(60));
    }
    let result = judged(run, "gateway", "e2e.p95 < 2s");
    assert_eq!((result.verdict, result.observed), (ObjectiveVerdict::Missed, Some(60_000.0)), "{result:?}");
}

#[test]
fn a_stalled_stream_is_a_gap_longer_than_the_wait() {
    let mut run = World::default().run();
    let stalls = |run: &mut Run, share: u64| {
        for sample in run.samples.iter_mut().filter(|s| s.path == PathId(2) && s.round.is_multiple_of(share)) {
            sample.outcome = Outcome::Failed(ErrorClass::TimeoutGap);
            sample.stamps.done = None;
            sample.stamps.end = sample.stamps.last_content.map(|last| last + std::time::Duration::from_secs(60));
        }
    };
    stalls(&mut run, 50);
    for (expr, verdict) in [
        ("chunk_gap.p50 < 50ms", ObjectiveVerdict::Met),
        ("chunk_gap.p95 < 50ms", ObjectiveVerdict::Met),
        ("chunk_gap.p99 < 50ms", ObjectiveVerdict::Inconclusive),
        ("chunk_gap.max < 50ms", ObjectiveVerdict::Missed),
        ("chunk_gap.max < 100s", ObjectiveVerdict::Inconclusive),
        ("chunk_gap.mean < 50ms", ObjectiveVerdict::Inconclusive),
    ] {
        let result = judged(run.clone(), "gateway", expr);
        assert_eq!(result.verdict, verdict, "{expr}: {result:?}");
        assert!(result.reason.expect("why").contains("ended in a timeout"), "{expr}");
    }
    assert_eq!(judged(run.clone(), "direct", "chunk_gap.max < 50ms").verdict, ObjectiveVerdict::Met);
    // Before the first chunk no gap had begun: how long the gaps would have been is not known at all.
    run.samples.iter_mut().for_each(|sample| sample.stamps.last_content = None);
    assert_eq!(judged(run, "gateway", "chunk_gap.max < 50ms").verdict, ObjectiveVerdict::Inconclusive);
}

#[test]
fn nothing_and_half_a_run_pass_nothing() {
    let mut run = World::default().run();
    run.samples.retain(|sample| sample.path != PathId(2));
    for expr in ["ttft.p50 < 10s", "error_rate < 50%", "e2e.max < 10s", "e2e.mean < 10s"] {
        assert_eq!(judged(run.clone(), "gateway", expr).verdict, ObjectiveVerdict::Inconclusive, "{expr}");
    }
    let mut run = World::default().run();
    run.manifest.ending = None;
    let result = judged(run, "gateway", "ttft.p50 < 10s");
    assert_eq!(result.verdict, ObjectiveVerdict::Inconclusive);
    assert!(result.reason.expect("why").contains("incomplete"));
}
