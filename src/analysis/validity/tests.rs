use std::time::Duration;

use super::*;
use crate::analysis::summary::calls::requests;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::run::fixture::{self, World};

fn examined(run: &Run) -> Validity {
    let view = View::of(run);
    examine(&view, &requests(&view))
}

fn codes(validity: &Validity) -> Vec<(&'static str, ValidityVerdict)> {
    validity.reasons.iter().map(|reason| (reason.code(), reason.weight())).collect()
}

fn invalid(code: &'static str) -> Vec<(&'static str, ValidityVerdict)> {
    vec![(code, ValidityVerdict::Invalid)]
}

fn degraded(code: &'static str) -> Vec<(&'static str, ValidityVerdict)> {
    vec![(code, ValidityVerdict::Degraded)]
}

fn with(spoil: impl Fn(&mut Run)) -> Vec<(&'static str, ValidityVerdict)> {
    let mut run = World::default().run();
    spoil(&mut run);
    codes(&examined(&run))
}

fn delay(run: &mut Run, ms: u64) {
    for sample in &mut run.samples {
        let late = Duration::from_millis(ms);
        sample.stamps.sent = sample.stamps.sent.map(|sent| sent + late);
    }
}

#[test]
fn a_good_run_is_valid_and_adds_up() {
    let validity = examined(&World::default().run());
    assert_eq!(validity.verdict, ValidityVerdict::Valid, "{:?}", validity.reasons);
    assert_eq!((validity.planned, validity.dropped), (validity.sent, 0));
    assert!((validity.lags.whole.p99.expect("lag") - 0.05).abs() < 1e-9);
    assert_eq!((validity.vitals.seconds, validity.left_out, validity.arrivals.share()), (60, 0, 1.0));
}

#[test]
fn lateness_degrades_then_invalidates() {
    for (ms, verdict) in [(1, ValidityVerdict::Valid), (5, ValidityVerdict::Degraded), (12, ValidityVerdict::Invalid)] {
        let mut run = World::default().run();
        delay(&mut run, ms);
        assert_eq!(examined(&run).verdict, verdict, "{ms} ms");
    }
}

#[test]
fn a_slow_path_may_be_asked_a_little_later() {
    let mut run = World { shifts_ms: vec![300.0], ..World::default() }.run();
    delay(&mut run, 20);
    // 5% of 450 ms are 22 ms.
    assert_eq!(codes(&examined(&run)), degraded("send_lag"));
}

#[test]
fn opening_a_connection_is_not_this_tools_lateness() {
    let mut run = World::default().run();
    delay(&mut run, 40);
    for sample in &mut run.samples {
        fixture::open(sample);
        sample.stamps.conn_ready = sample.stamps.dequeued.map(|at| at + Duration::from_millis(40));
    }
    let validity = examined(&run);
    assert_eq!(validity.verdict, ValidityVerdict::Valid, "{:?}", validity.reasons);
    assert!(validity.lags.whole.p99.expect("lag") > 40.0 && validity.lags.own.p99.expect("lag") < 1.0);
}

#[test]
fn what_is_wrong_in_the_books_is_named() {
    assert_eq!(with(|run| run.manifest.ending.as_mut().expect("ending").planned[0] += 1), invalid("accounting"));
    assert_eq!(with(|run| run.manifest.ending.as_mut().expect("ending").rows_lost = 3), invalid("rows_lost"));
    assert_eq!(with(|run| run.samples[0].stamps.end = Some(fixture::ORIGIN)), invalid("clock"));
    assert_eq!(with(|run| run.manifest.ending.as_mut().expect("ending").complete = false), degraded("incomplete_run"));
    assert_eq!(with(|run| run.manifest.ending = None), degraded("incomplete_run"));
    assert_eq!(with(|run| run.health.iter_mut().for_each(|row| row.in_flight = Some(90.0))), degraded("littles_law"));
}

#[test]
fn arrivals_that_were_not_sent_are_named() {
    for (many, class, expected) in
        [(5, ErrorClass::InFlightCap, degraded("dropped")), (50, ErrorClass::InFlightCap, invalid("dropped"))]
    {
        let spoil =
            |run: &mut Run| run.samples[..many].iter_mut().for_each(|sample| sample.outcome = Outcome::Dropped(class));
        assert_eq!(with(spoil), expected, "{many} {class}");
    }
    let failed = |run: &mut Run, many: usize, class| {
        run.samples[..many].iter_mut().for_each(|sample| sample.outcome = Outcome::Failed(class));
    };
    assert_eq!(with(|run| failed(run, 5, ErrorClass::NoDescriptor)), degraded("descriptors"));
    assert_eq!(with(|run| failed(run, 50, ErrorClass::NoDescriptor)), invalid("descriptors"));
    assert_eq!(with(|run| failed(run, 50, ErrorClass::Internal)), invalid("own_failures"));
    let without_ports = |run: &mut Run| {
        failed(run, 50, ErrorClass::NoDescriptor);
        run.health[30].ports = Some(28_000);
    };
    assert_eq!(with(without_ports), invalid("ports"));
}

#[test]
fn what_the_machine_did_is_named() {
    type Spoil = fn(&mut crate::measure::health::Second);
    let all = |spoil: Spoil| with(move |run| run.health.iter_mut().for_each(spoil));
    assert_eq!(all(|row| row.cpu = Some(0.9)), degraded("cpu"));
    assert_eq!(all(|row| row.throttled_ms = Some(3.0)), degraded("throttled"));
    assert_eq!(all(|row| row.files = Some(1_000)), degraded("descriptors"));
    assert_eq!(all(|row| row.ports = Some(27_000)), degraded("ports"));
    assert_eq!(all(|row| row.sim_cpu = Some(1.9)), degraded("simulator_ceiling"));
    assert_eq!(all(|row| (row.sim_answers, row.sim_late) = (Some(100), Some(2))), degraded("simulator_ceiling"));
    assert_eq!(all(|row| (row.sim_answers, row.sim_late) = (Some(100), Some(1))), vec![]);
    let silent = |seconds: std::ops::Range<usize>| {
        with(move |run| {
            run.health.iter_mut().for_each(|row| (row.sim_answers, row.sim_late) = (Some(100), Some(0)));
            run.health[seconds.clone()].iter_mut().for_each(|row| (row.sim_answers, row.sim_late) = (None, None));
        })
    };
    assert_eq!(silent(30..31), degraded("simulator_silent"));
    assert_eq!(silent(30..36), invalid("simulator_silent"));
    assert_eq!(all(|row| (row.sim_answers, row.sim_late) = (None, None)), vec![], "no simulator");
    assert_eq!(all(|row| row.hiccup_ms = 48.0), invalid("hiccups"));
    assert_eq!(all(|row| row.steal = Some(0.2)), invalid("steal"));
    assert_eq!(with(|run| run.health.clear()), degraded("unwatched"));
    assert_eq!(
        with(|run| {
            run.health.clear();
            run.manifest.ending.as_mut().expect("ending").cpu_s = Some(110.0);
        }),
        [("cpu", ValidityVerdict::Degraded), ("unwatched", ValidityVerdict::Degraded)]
    );
}

#[test]
fn few_bad_seconds_are_left_out_and_the_rest_is_judged() {
    let spoil = |run: &mut Run, seconds: std::ops::Range<u64>| {
        for second in seconds.clone() {
            run.health[second as usize].hiccup_ms = 900.0;
        }
        let origin = run.manifest.origin;
        for sample in run.samples.iter_mut() {
            if seconds.contains(&sample.stamps.intended.since(origin).as_secs()) {
                sample.stamps.sent = sample.stamps.sent.map(|sent| sent + Duration::from_millis(40));
            }
        }
    };
    let mut run = World::default().run();
    spoil(&mut run, 20..23);
    let validity = examined(&run);
    // Three calls in sixty were sent 40 ms late: without leaving them out their p99 would be too large.
    assert_eq!(codes(&validity), degraded("hiccups"));
    assert!(validity.left_out > 60 && validity.lags.own.p99.is_some_and(|p99| p99 > 30.0));
    assert!(validity.reasons[0].message().contains("in 3 of 60 seconds"), "{}", validity.reasons[0].message());
    let analysis = crate::analysis::analyse(&run);
    let path = &analysis.paths[0];
    assert!(path.requests.adds_up() && path.metrics[0].n + validity.left_out / 3 == path.requests.ok);
    assert_eq!(analysis.conclusion.exit_code(false), 0);

    spoil(&mut run, 30..31);
    let validity = examined(&run);
    assert_eq!(validity.verdict, ValidityVerdict::Invalid);
    assert_eq!((validity.left_out, validity.reasons[0].weight()), (0, ValidityVerdict::Invalid));
    assert_eq!(crate::analysis::analyse(&run).conclusion.exit_code(false), 4);
}

#[test]
fn an_invalid_run_wins_over_objectives_that_were_met() {
    let mut run = World::default().run();
    let expr = "ttft.p50 < 10s".parse().expect("expression");
    run.manifest.plan.objectives = vec![crate::objective::objective::Objective::new("direct", expr)];
    assert_eq!(crate::analysis::analyse(&run).conclusion.exit_code(false), 0);
    run.health.iter_mut().for_each(|row| row.steal = Some(0.5));
    assert_eq!(crate::analysis::analyse(&run).conclusion.exit_code(false), 4);
}

#[test]
fn what_a_killed_run_lost_is_counted() {
    let mut run = World::default().run();
    run.manifest.ending = None;
    run.lost.by_path = vec![1, 0, 2];
    run.lost.unattributed = 4;
    let validity = examined(&run);
    assert_eq!(codes(&validity), [("incomplete_run", ValidityVerdict::Degraded)]);
    assert_eq!(validity.planned, run.samples.len() as u64 + 7);
    assert_eq!((validity.sent, validity.unattributed), (validity.planned, 4));
}

#[test]
fn every_reason_says_cause_and_remedy_under_a_code_of_its_own() {
    let dispersion = reason::Dispersion { planned: 1.0, achieved: 3.0, bin_s: 0.5 };
    let weight = ValidityVerdict::Degraded;
    let all = [
        Reason::SendLag {
            path: "direct".to_owned(),
            p99_ms: 3.0,
            allowed_ms: 10.0,
            part: reason::LagPart::Timer,
            weight,
        },
        Reason::Dropped { classes: [(ErrorClass::InFlightCap, 3)].into(), planned: 10, weight },
        Reason::BehindPlan { behind: 3, planned: 10 },
        Reason::Bunched(dispersion),
        Reason::LittlesLaw { counted: 3.0, expected: 4.0 },
        Reason::Accounting(vec!["direct".to_owned()]),
        Reason::RowsLost(1),
        Reason::Clock(1),
        Reason::OwnFailures { count: 1, weight },
        Reason::Descriptors { failed: 0, peak: Some(60), limit: 64, weight },
        Reason::Ports { failed: 0, peak: 60, range: 64, weight },
        Reason::Cpu { used: 1.9, of: 2.0 },
        Reason::Hiccups { seconds: 1, of: 60, longest_ms: 48.0, others: Some(1.5), cpus: 2, weight },
        Reason::Steal { seconds: 1, of: 60, highest: 0.4, weight },
        Reason::Throttled { seconds: 1, sum_ms: 80.0 },
        Reason::SimulatorCeiling { late: 1, answers: 10, used: Some(1.9) },
        Reason::SimulatorSilent { seconds: 1, of: 60, weight },
        Reason::Unwatched,
        Reason::IncompleteRun("it was killed".to_owned()),
    ];
    let mut codes: Vec<_> = all.iter().map(Reason::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
    let documented = include_str!("../../../docs/005-a-run-judges-its-own-host.md");
    for reason in &all {
        assert!(reason.message().len() > 20 && reason.remedy().len() > 20, "{}", reason.code());
        assert!(documented.contains(&format!("`{}`", reason.code())), "{} is not documented", reason.code());
    }
}
