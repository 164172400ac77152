//! Each form of an objective over made-up runs: met, missed, too close to tell, and without data.

use super::*;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::plan::Design;
use crate::run::Run;
use crate::run::fixture::{self, World};

pub(crate) fn judge_run(run: &Run) -> Vec<ObjectiveResult> {
    judge(&BlockedView::of(&View::of(run)))
}

fn judged(mut run: Run, path: &str, expr: &str) -> ObjectiveResult {
    run.manifest.plan.objectives = vec![Objective::new(path, expr.parse().expect("expression"))];
    judge_run(&run).remove(0)
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
    assert_eq!((result.verdict, result.estimate.value), (ObjectiveVerdict::Missed, Some(60_000.0)), "{result:?}");
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

const MET: ObjectiveVerdict = ObjectiveVerdict::Met;
const MISSED: ObjectiveVerdict = ObjectiveVerdict::Missed;
const OPEN: ObjectiveVerdict = ObjectiveVerdict::Inconclusive;

/// Each expression on the gateway of a run, with what must come of it.
fn all_are(run: &Run, table: &[(&str, ObjectiveVerdict)]) {
    for (expr, verdict) in table {
        let result = judged(run.clone(), "gateway", expr);
        assert_eq!(result.verdict, *verdict, "{expr}: {result:?}");
    }
}

/// A long run: 6,000 calls on each path, the gateway 40 ms slower than direct.
fn long() -> World {
    World { seconds: 600.0, shifts_ms: vec![0.0, 5.0, 40.0], ..World::default() }
}

#[test]
fn a_quantile_needs_its_calls_and_no_weak_verdict_stands_in() {
    // p99 needs 299 calls of which none is beyond its limit; the point estimate alone never decides.
    let few = World { seconds: 25.0, ..World::default() }.run();
    let result = judged(few, "gateway", "ttft.p99 < 100s");
    assert!(result.n < 299 && result.estimate.value.is_some_and(|seen| seen < 1e3), "{result:?}");
    assert_eq!((result.verdict, result.estimate.high), (OPEN, None));
    assert!(result.reason.expect("why").contains("about 299 calls are needed"));
    assert_eq!(judged(World::default().run(), "gateway", "ttft.p99 < 100s").verdict, MET);
}

#[test]
fn a_limit_that_no_call_came_near_is_decided_by_counting() {
    // About 360 calls: an interval of p99 has no upper end below 368, and none of the calls takes even a second.
    let run = World { seconds: 120.0, rate: 2.9, ..World::default() }.run();
    let result = judged(run.clone(), "gateway", "ttft.p99 < 3s");
    assert!((299..368).contains(&result.n) && result.estimate.high.is_none(), "{result:?}");
    assert_eq!((result.verdict, &result.reason), (MET, &None), "{result:?}");
    // A service that is slow for eight seconds: calls hang together so much that the interval of p95 has no upper end.
    let mut slow_once = World { seconds: 120.0, rate: 6.0, sigma: 0.02, ..World::default() }.run();
    let start = slow_once.manifest.origin + slow_once.manifest.plan.measure_from();
    for sample in &mut slow_once.samples {
        let slow = (20..28).contains(&sample.stamps.intended.since(start).as_secs());
        let more = std::time::Duration::from_millis(if slow { 80 } else { 0 });
        sample.stamps.first_content = sample.stamps.first_content.map(|at| at + more);
    }
    let p95 = judged(slow_once.clone(), "gateway", "ttft.p95 < 3s");
    assert_eq!((p95.estimate.high, p95.verdict), (None, MET), "{p95:?}");
    all_are(&slow_once, &[("ttft.p99.9 < 3s", OPEN), ("ttft.p95 < 230ms", OPEN), ("ttft.p95 < 100ms", MISSED)]);
    all_are(&run, &[("error_rate < 1%", MET), ("tokens_per_second.p1 > 50", MET), ("error_rate < 0.5%", OPEN)]);
}

#[test]
fn a_call_that_nobody_waited_for_long_enough_is_beyond_every_limit() {
    let mut run = World { seconds: 120.0, rate: 2.9, ..World::default() }.run();
    let one = run.samples.iter_mut().find(|sample| sample.path == PathId(2)).expect("a call");
    fixture::fail(one, ErrorClass::TimeoutTotal);
    let result = judged(run, "gateway", "ttft.p99 < 3000s");
    let seen = result.exceedances.expect("counted");
    assert_eq!((seen.beyond, result.verdict), (1, OPEN), "{result:?}");
}

#[test]
fn a_lower_limit_is_kept_by_the_lower_end() {
    // 29 gaps of 10 ms between 30 tokens: 100 tokens a second on every stream.
    all_are(
        &World::default().run(),
        &[
            ("tokens_per_second.p50 > 50", MET),
            ("tokens_per_second.p50 >= 200", MISSED),
            ("tokens_per_second.mean > 50", MET),
            ("tokens_per_second.p0.1 > 50", OPEN),
            ("ttft.p50 > 100ms", MET),
            ("ttft.p50 > 300ms", MISSED),
            ("ttft.p50 >= 156ms", OPEN),
        ],
    );
    let mut whole = World::default().run();
    whole.samples.iter_mut().for_each(|sample| sample.stream = false);
    all_are(&whole, &[("tokens_per_second.p50 > 50", OPEN)]);
}

#[test]
fn a_stalled_stream_is_no_fast_one() {
    let mut run = World::default().run();
    for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2) && sample.round % 2 == 0) {
        sample.outcome = Outcome::Failed(ErrorClass::TimeoutGap);
        sample.stamps.done = None;
    }
    all_are(&run, &[("tokens_per_second.p25 > 50", OPEN), ("tokens_per_second.p75 > 50", MET)]);
}

#[test]
fn shares_count_what_they_name() {
    let mut run = World { failing: vec![0.0, 0.0, 0.1], ..World::default() }.run();
    all_are(
        &run,
        &[
            ("rate_429 < 0.5%", MISSED),
            ("rate_429 < 20%", MET),
            ("rate_429 < 10%", OPEN),
            ("rate_4xx < 0.5%", MISSED),
            ("rate_5xx < 5%", MET),
            ("connect_failure_rate < 5%", MET),
            ("unanswered_rate < 5%", MET),
            ("error_rate < 5%", MISSED),
        ],
    );
    for sample in run.samples.iter_mut().filter(|sample| !sample.outcome.is_ok()) {
        sample.outcome = Outcome::Failed(ErrorClass::ConnectRefused);
        sample.status = None;
    }
    all_are(
        &run,
        &[
            ("rate_429 < 5%", MET),
            ("connect_failure_rate < 5%", MISSED),
            ("connect_failure_rate < 20%", MET),
            ("unanswered_rate < 5%", MISSED),
        ],
    );
    run.samples.retain(|sample| sample.path != PathId(2));
    let none = ["rate_429 < 99%", "connect_failure_rate < 99%", "unanswered_rate < 99%", "rate_5xx < 99%"];
    none.iter().for_each(|expr| all_are(&run, &[(expr, OPEN)]));
}

/// The goodput of the gateway with these conditions on each call.
fn goodput(run: &Run, expr: &str, per_call: &[&str]) -> ObjectiveResult {
    let mut run = run.clone();
    let mut objective = Objective::new("gateway", expr.parse().expect("expression"));
    objective.per_call = per_call.iter().map(|text| text.parse().expect("a condition")).collect();
    run.manifest.plan.objectives = vec![objective];
    judge_run(&run).remove(0)
}

#[test]
fn goodput_is_the_share_of_calls_that_kept_every_condition() {
    let run = World { failing: vec![0.0, 0.0, 0.05], ..World::default() }.run();
    for (expr, conditions, verdict) in [
        ("goodput >= 0.9", vec!["ttft < 2s"], MET),
        ("goodput >= 0.9", vec!["ttft < 2s", "e2e < 300ms"], MISSED),
        ("goodput >= 0.95", vec!["ttft < 2s"], OPEN),
        ("goodput >= 99%", vec!["ttft < 2s"], MISSED),
        ("goodput >= 0.9", vec!["tokens_per_second > 50"], MET),
        ("goodput > 0.1", vec!["server < 2s"], OPEN),
    ] {
        let result = goodput(&run, expr, &conditions);
        assert_eq!(result.verdict, verdict, "{expr} {conditions:?}: {result:?}");
    }
    assert!(goodput(&run, "goodput > 0.1", &["server < 2s"]).reason.expect("why").contains("server < 2s"));
    let observed = goodput(&run, "goodput >= 0.9", &["ttft < 2s"]).estimate.value.expect("a share");
    assert!((0.92..0.98).contains(&observed), "{observed}: failures are misses");
    let mut failed = World { failing: vec![0.0, 0.0, 1.0], ..World::default() }.run();
    assert_eq!(goodput(&failed, "goodput >= 0.9", &["ttft < 2s"]).verdict, MISSED);
    failed.samples.clear();
    assert_eq!(goodput(&failed, "goodput >= 0.9", &["ttft < 2s"]).verdict, OPEN);
}

#[test]
fn two_paths_are_held_against_each_other() {
    // Medians 150 and 190 ms, 95% quantiles about 246 and 286 ms.
    let run = long().run();
    all_are(
        &run,
        &[
            ("ttft.p50 < 1.50 * direct.ttft.p50", MET),
            ("ttft.p50 < 1.10 * direct.ttft.p50", MISSED),
            ("ttft.p50 < 1.26 * direct.ttft.p50", OPEN),
            ("ttft.mean < 1.50 * direct.ttft.mean", MET),
            ("ttft.p50 > direct.ttft.p50", MET),
            ("ttft.p50 - direct.ttft.p50 < 60ms", MET),
            ("ttft.p50 - direct.ttft.p50 < 15ms", MISSED),
            ("ttft.p50 - direct.ttft.p50 < 38ms", OPEN),
            ("ttft.p95 - direct.ttft.p50 < 60ms", MISSED),
            ("server.p50 < 2 * direct.server.p50", OPEN),
            ("error_rate - direct.error_rate < 1%", MET),
            ("ttft.p50 - nowhere.ttft.p50 < 1s", OPEN),
        ],
    );
    let result = judged(run.clone(), "gateway", "ttft.p50 - direct.ttft.p50 < 60ms");
    let (low, high) = (result.estimate.low.expect("low"), result.estimate.high.expect("high"));
    assert!((34.0..40.0).contains(&low) && (39.0..46.0).contains(&high), "{result:?}");
    let ratio = judged(run, "gateway", "ttft.p50 < 1.50 * direct.ttft.p50");
    assert!(ratio.estimate.value.is_some_and(|ratio| (1.2..1.33).contains(&ratio)), "{ratio:?}");
}

#[test]
fn a_pair_says_more_than_two_runs() {
    // A drift that both paths share is far larger than the shift; without pairs nothing could be said.
    let run = World { drift: 0.3, bursts: true, sigma: 0.1, ..long() }.run();
    all_are(&run, &[("ttft.p50 - direct.ttft.p50 < 60ms", MET), ("ttft.p50 - direct.ttft.p50 < 20ms", MISSED)]);
}

#[test]
fn failures_of_two_paths_are_compared_by_their_difference() {
    let run = World { failing: vec![0.01, 0.0, 0.2], ..long() }.run();
    all_are(
        &run,
        &[
            ("error_rate - direct.error_rate < 5%", MISSED),
            ("error_rate - direct.error_rate < 30%", MET),
            ("error_rate - direct.error_rate < 19%", OPEN),
        ],
    );
    let few = World { seconds: 3.0, ..World::default() }.run();
    // No failure on either of two dozen calls is no proof of a difference under 1%.
    all_are(&few, &[("error_rate - direct.error_rate < 1%", OPEN)]);
}

#[test]
fn a_comparison_with_too_little_to_go_on_is_open_and_says_why() {
    let table = [
        (World { seconds: 4.0, ..World::default() }, "ttft.p50 < 100 * direct.ttft.p50", "blocks; an interval needs"),
        (World { seconds: 12.0, ..World::default() }, "ttft.p50 < 100 * direct.ttft.p50", "blocks; a verdict needs"),
        (World { seconds: 30.0, ..World::default() }, "ttft.p99 < 100 * direct.ttft.p99", "needs 368 on both"),
    ];
    for (world, expr, part) in table {
        let result = judged(world.run(), "gateway", expr);
        assert!(result.verdict == OPEN && result.estimate.value.is_some(), "{result:?}");
        assert!(result.reason.as_ref().is_some_and(|why| why.contains(part)), "{result:?}");
    }
    let sequential = World { design: Design::Sequential, rate: 30.0, ..World::default() }.run();
    let result = judged(sequential, "gateway", "ttft.p50 < 3 * direct.ttft.p50");
    assert!(result.verdict == MET && result.reason.expect("why").contains("one after the other"));
}

#[test]
fn windows_are_judged_one_by_one() {
    let run = World { seconds: 600.0, ..World::default() }.run();
    all_are(
        &run,
        &[
            ("ttft.p50 over 1s < 800ms in 99%", MET),
            ("p50 over 1s < 800ms in 99%", MET),
            ("ttft.p50 over 1s < 150ms in 90%", MISSED),
            ("ttft.p50 over 1m < 800ms in 99%", OPEN),
            ("ttft.p50 over 1m < 800ms in 50%", MET),
            ("ttft.p50 over 1m < 800ms in 100%", MET),
            ("ttft.p50 over 1m < 100ms in 100%", MISSED),
            ("ttft.p99 over 1s < 800ms in 50%", OPEN),
            ("error_rate over 5s < 5% in 90%", MET),
            ("tokens_per_second.p50 over 10s > 50 in 90%", MET),
            ("server.p50 over 10s < 800ms in 90%", OPEN),
            ("ttft.p50 over 1h < 800ms in 90%", OPEN),
        ],
    );
    let short = judged(run.clone(), "gateway", "ttft.p50 over 1m < 800ms in 99%");
    assert!(short.n == 10 && short.estimate.value == Some(1.0), "{short:?}");
    assert!(short.reason.expect("why").contains("about 299 windows are needed"));
    assert!(
        judged(run, "gateway", "ttft.p50 over 1h < 1s in 90%").reason.expect("why").contains("less than one window")
    );
}

#[test]
fn a_path_is_down_when_nobody_answers_for_a_while() {
    let rule = "unanswered_rate over 10s < 100% in 100%";
    let mut run = World::default().run();
    all_are(&run, &[(rule, MET)]);
    let from = run.manifest.origin + run.manifest.plan.measure_from() + std::time::Duration::from_secs(20);
    for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(2)) {
        let after = sample.stamps.intended.ms_since(from);
        if (0.0..10_000.0).contains(&after) {
            sample.outcome = Outcome::Failed(ErrorClass::ConnectTimeout);
            sample.status = None;
        }
    }
    all_are(&run, &[(rule, MISSED), ("connect_failure_rate <= 1%", MISSED)]);
    assert_eq!(judged(run, "direct", rule).verdict, MET);
}

#[test]
fn an_objective_may_look_at_one_api_or_at_streams_alone() {
    let mut run = World::default().run();
    for sample in run.samples.iter_mut().filter(|sample| sample.round % 2 == 0) {
        sample.api = crate::units::Api::Responses;
        sample.stamps.first_content = sample.stamps.first_content.map(|at| at + std::time::Duration::from_secs(1));
    }
    let of = |api: &str| {
        let mut run = run.clone();
        let mut objective = Objective::new("gateway", "ttft.p50 < 500ms".parse().expect("expression"));
        objective.calls.api = api.parse().ok();
        run.manifest.plan.objectives = vec![objective];
        judge_run(&run).remove(0)
    };
    let (chat, responses, all) = (of("chat"), of("responses"), of(""));
    assert_eq!((chat.verdict, responses.verdict), (MET, MISSED));
    assert_eq!(chat.n + responses.n, all.n);
    let mut objective = Objective::new("gateway", "ttft.p50 < 9s".parse().expect("expression"));
    objective.calls.stream = Some(false);
    run.manifest.plan.objectives = vec![objective];
    assert_eq!(judge_run(&run)[0].verdict, OPEN, "there is no call without a stream");
}

#[test]
fn a_claim_holds_fails_or_stays_unproven() {
    let mut run = long().run();
    let claim = |path: &str, slo: &str| Expectation {
        claim: "it was said".to_owned(),
        reference: None,
        slo: Objective::new(path, slo.parse().expect("expression")),
    };
    run.manifest.plan.expectations = vec![
        claim("gateway", "ttft.p50 - direct.ttft.p50 < 60ms"),
        claim("gateway", "ttft.p50 - direct.ttft.p50 < 15ms"),
        claim("gateway", "ttft.p50 - direct.ttft.p50 < 38ms"),
        claim("any path of tag far", "tcp.p50 < 5ms"),
    ];
    let held = judge_claims(&BlockedView::of(&View::of(&run)));
    let words: Vec<&str> = held.iter().map(|held| held.result.verdict.of_claim()).collect();
    assert_eq!(words, ["holds", "fails", "unproven", "unproven"]);
    assert!(held[3].result.reason.as_ref().is_some_and(|why| why.contains("no such path")));
}

#[test]
fn the_objective_that_ended_a_run_is_missed_and_the_others_are_open() {
    let mut run = World::default().run();
    let mut ender = Objective::new("gateway", "ttft.p50 < 100ms".parse().expect("expression"));
    ender.abort_after = Some(crate::units::Span::from_secs(1));
    run.manifest.plan.objectives =
        vec![ender.clone(), Objective::new("gateway", "ttft.p50 < 1s".parse().expect("expr"))];
    let ending = run.manifest.ending.as_mut().expect("ending");
    ending.complete = false;
    ending.aborted_by = Some(crate::run::Aborted {
        path: "gateway".to_owned(),
        expression: ender.label(),
        at_s: 12.0,
        observed: Some(150.0),
        ci: (Some(140.0), Some(160.0)),
    });
    let results = judge_run(&run);
    assert_eq!((results[0].verdict, results[1].verdict), (MISSED, OPEN));
    assert!(results[0].reason.as_ref().is_some_and(|why| why.contains("after 12 s")));
}

#[test]
fn the_baseline_may_be_named_by_its_part() {
    let run = long().run();
    all_are(&run, &[("ttft.p50 - baseline.ttft.p50 < 60ms", MET), ("ttft.p50 < 1.1 * baseline.ttft.p50", MISSED)]);
}
