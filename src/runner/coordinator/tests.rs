//! Each way a run ends: events in order, what is commanded, and what the end is called.

use super::*;
use crate::measure::prices::Prices;
use crate::run::fixture;

const START: Nanos = Nanos(1_000_000_000);

/// 5 s of warmup and 60 s of measuring over two paths, with every limit that counts calls.
fn plan() -> Plan {
    let mut plan = fixture::plan(&["direct", "gateway"]);
    plan.limits.tokens = Some(1_000);
    plan.limits.cost = Some(2.0);
    plan.limits.auth_failures = 3;
    plan.limits.failures_in_a_row = 4;
    plan.limits.requests = Some(500);
    plan.prices = Some(Prices { input: 1e6, output: 1e6, currency: "EUR".to_owned() });
    plan
}

fn tally(change: impl FnOnce(&mut Tally)) -> Tally {
    let mut tally = Tally::new(2);
    change(&mut tally);
    tally
}

fn aborted() -> Aborted {
    Aborted {
        path: "gateway".to_owned(),
        expression: "ttft.p95 < 1s".to_owned(),
        at_s: 15.0,
        observed: None,
        ci: (None, None),
    }
}

/// A cut in words: its kind and what it says.
fn described(cut: &Cut) -> String {
    match cut {
        Cut::Signal(Interrupt) => "interrupted".to_owned(),
        Cut::Signal(Terminate) => "terminated".to_owned(),
        Cut::Signal(HangUp) => "hung up".to_owned(),
        Cut::Limit(why) => why.clone(),
        Cut::Aborted(aborted) => format!("aborted by {}", aborted.expression),
        Cut::Enough(why) => format!("enough: {why}"),
        Cut::Failing(count) => format!("failing {count}"),
        Cut::SimulatorDied(how) => format!("simulator: {how}"),
        Cut::Refused(why) => format!("refused: {why}"),
        Cut::Broken(error) => format!("broken: {error}"),
    }
}

/// Commands in words, each with the second in which it was given.
fn noted(at: u64, command: Command) -> String {
    match command {
        Command::Drain => format!("{at} drain"),
        Command::GraceUntil(instant) => format!("{at} grace until {}", instant.since(START).as_secs()),
        Command::Abort => format!("{at} abort"),
        Command::End => format!("{at} end"),
    }
}

/// Carries the events out, each at its second. Returns the commands, and how the run ended in its last second.
fn run(events: Vec<(u64, Event<'_>)>, limited: Option<u64>) -> (String, RunEnd) {
    let mut coordinator = Coordinator::new(Arc::new(plan()), START, 2);
    let after = |seconds: u64| START + Duration::from_secs(seconds);
    let (mut commands, mut last) = (Vec::new(), 0);
    for (at, event) in events {
        commands.extend(coordinator.handle(after(at), event).into_iter().map(|command| noted(at, command)));
        last = at;
    }
    (commands.join(", "), coordinator.conclude(after(last), limited.map(Duration::from_secs)))
}

/// A word, the events, the commands, why the run ended early, and the seconds measured and drained.
type Row<'a> = (&'a str, Vec<(u64, Event<'a>)>, &'a str, Option<&'a str>, (u64, u64));

fn check(rows: Vec<Row<'_>>) {
    for (word, events, commands, cut, seconds) in rows {
        let (given, end) = run(events, None);
        assert_eq!(given, commands, "{word}");
        assert_eq!(end.cut.as_ref().map(described).as_deref(), cut, "{word}");
        assert_eq!((end.measured.as_secs(), end.drain.as_secs()), seconds, "{word}");
    }
}

use Event::{Counted, Decided, GraceOver, Signal, SimulatorEnded, WorkerBroke, WorkerEnded, WorkersLost, WriterBroke};
use StopSignal::{HangUp, Interrupt, Terminate};

#[test]
fn the_plan_and_signals_end_a_run() {
    let ended = |at| (at, WorkerEnded);
    check(vec![
        ("plan done", vec![ended(65), ended(65)], "65 end", None, (60, 0)),
        ("drain over", vec![ended(66), ended(90)], "90 end", None, (60, 25)),
        ("a worker is left", vec![ended(66)], "", None, (60, 1)),
        (
            "interrupt once",
            vec![(15, Signal(Interrupt)), ended(17), ended(18)],
            "15 drain, 15 grace until 20, 18 end",
            Some("interrupted"),
            (10, 3),
        ),
        (
            "interrupt once, calls outlast the grace",
            vec![(15, Signal(Interrupt)), (20, GraceOver), ended(20), ended(20)],
            "15 drain, 15 grace until 20, 20 abort, 20 end",
            Some("interrupted"),
            (10, 5),
        ),
        (
            "interrupt twice",
            vec![(15, Signal(Interrupt)), (16, Signal(Interrupt)), ended(16), ended(16), (20, GraceOver)],
            "15 drain, 15 grace until 20, 16 abort, 16 end",
            Some("interrupted"),
            (10, 5),
        ),
        (
            "interrupt, then terminate",
            vec![(15, Signal(Interrupt)), (16, Signal(Terminate)), ended(16), ended(16)],
            "15 drain, 15 grace until 20, 16 abort, 16 end",
            Some("interrupted"),
            (10, 1),
        ),
        (
            "terminate",
            vec![(15, Signal(Terminate)), ended(16), ended(16)],
            "15 drain, 15 grace until 20, 16 end",
            Some("terminated"),
            (10, 1),
        ),
        (
            "a terminal closes and says so twice",
            vec![(15, Signal(HangUp)), (15, Signal(HangUp)), ended(16), ended(16)],
            "15 drain, 15 grace until 20, 16 end",
            Some("hung up"),
            (10, 1),
        ),
        (
            "interrupt in the warmup",
            vec![(2, Signal(Interrupt)), ended(3), ended(3)],
            "2 drain, 2 grace until 7, 3 end",
            Some("interrupted"),
            (0, 1),
        ),
        (
            "interrupt in the drain",
            vec![(70, Signal(Interrupt)), ended(71), ended(71)],
            "70 drain, 70 grace until 75, 71 end",
            Some("interrupted"),
            (60, 6),
        ),
    ]);
}

#[test]
fn limits_and_failures_end_a_run() {
    let ended = |at| (at, WorkerEnded);
    let nothing = tally(|_| {});
    let tokens = tally(|tally| (tally.input.reported, tally.output.planned, tally.unreported) = (990, 10, 1));
    let cost = tally(|tally| (tally.input.reported, tally.output.reported) = (1, 1));
    let refused = tally(|tally| tally.paths[1].refused_in_a_row = 3);
    let failing = tally(|tally| tally.paths.iter_mut().for_each(|path| path.failed_in_a_row = 4));
    let commands = "15 drain, 15 grace until 20, 17 end";
    let counted = |tally| vec![(15, Counted(tally)), ended(16), ended(17)];
    check(vec![
        ("below every limit", vec![(15, Counted(&nothing)), ended(65), ended(65)], "65 end", None, (60, 0)),
        (
            "limit: tokens",
            counted(&tokens),
            commands,
            Some(
                "limits.tokens: 1000 tokens were spent, 10 of them as planned, because the server did not report all \
                 tokens of 1 calls",
            ),
            (10, 2),
        ),
        ("limit: cost", counted(&cost), commands, Some("limits.cost: 2.0000 EUR were spent"), (10, 2)),
        (
            "auth failures",
            counted(&refused),
            commands,
            Some(
                "refused: path 'gateway' answered 401 or 403, or had no valid token, 3 times in a row; check its credential (limits.auth_failures)",
            ),
            (10, 2),
        ),
        ("failing", counted(&failing), commands, Some("failing 4"), (10, 2)),
        ("failing in the drain", vec![(66, Counted(&failing)), ended(66), ended(66)], "66 end", None, (60, 1)),
    ]);
    let (commands, end) = run(vec![(30, WorkerEnded), (31, WorkerEnded)], Some(25));
    assert_eq!(commands, "31 end", "limit: requests");
    assert_eq!(end.cut.as_ref().map(described).as_deref(), Some("limits.requests: 500 requests were made"));
    assert_eq!((end.measured.as_secs(), end.drain.as_secs()), (20, 6), "limit: requests");
}

#[test]
fn decisions_and_what_breaks_end_a_run() {
    let ended = |at| (at, WorkerEnded);
    let enough = || Decided(Decision::Enough("ttft is known to 5%".to_owned()));
    let died = || SimulatorEnded("exit status: 9".to_owned());
    let commands = "15 drain, 15 grace until 20, 17 end";
    check(vec![
        (
            "early stop: every call may end",
            vec![(15, enough()), ended(40), ended(41)],
            "15 drain, 41 end",
            Some("enough: ttft is known to 5%"),
            (10, 26),
        ),
        (
            "early stop, then interrupt",
            vec![(15, enough()), (18, Signal(Interrupt)), (23, GraceOver), ended(23), ended(23)],
            "15 drain, 18 grace until 23, 23 abort, 23 end",
            Some("interrupted"),
            (13, 5),
        ),
        (
            "abort by an objective",
            vec![(15, Decided(Decision::Abort(aborted()))), ended(16), ended(17)],
            commands,
            Some("aborted by ttft.p95 < 1s"),
            (10, 2),
        ),
        (
            "simulator lost",
            vec![(15, died()), ended(16), ended(17)],
            commands,
            Some("simulator: exit status: 9"),
            (10, 2),
        ),
        (
            "writer broken",
            vec![(15, WriterBroke), (16, WriterBroke), ended(16), ended(17)],
            commands,
            Some("broken: the results can no longer be written"),
            (10, 2),
        ),
        (
            "a worker breaks",
            vec![(15, WorkerBroke(anyhow!("no timer"))), ended(17)],
            commands,
            Some("broken: no timer"),
            (10, 2),
        ),
        (
            "every worker breaks",
            vec![(15, WorkerBroke(anyhow!("no timer"))), (15, WorkerBroke(anyhow!("no socket")))],
            "15 drain, 15 grace until 20, 15 end",
            Some("broken: no timer"),
            (10, 0),
        ),
        (
            "workers that cannot say how they ended",
            vec![(15, WorkersLost)],
            "15 drain, 15 grace until 20, 15 end",
            Some("broken: a worker thread could not start or failed; is the limit on open files reached (ulimit -n)?"),
            (10, 0),
        ),
    ]);
}

#[test]
fn the_first_cut_wins() {
    let refused = tally(|tally| tally.paths[0].refused_in_a_row = 3);
    let first: Vec<Row<'_>> = vec![
        ("of signals", vec![(15, Signal(Terminate)), (16, WriterBroke)], "", Some("terminated"), (10, 1)),
        ("of limits", vec![(15, Counted(&refused)), (16, WriterBroke)], "", Some("refused"), (10, 1)),
        ("limit, then interrupt", vec![(15, WriterBroke), (16, Signal(Interrupt))], "", Some("broken"), (10, 1)),
    ];
    for (word, events, _, cut, seconds) in first {
        let (commands, end) = run(events, Some(14));
        assert_eq!(commands, "15 drain, 15 grace until 20", "{word}");
        let described = end.cut.as_ref().map(described).unwrap_or_default();
        assert!(described.starts_with(cut.unwrap_or_default()), "{word}: {described}");
        assert_eq!((end.measured.as_secs(), end.drain.as_secs()), seconds, "{word}");
    }
    let died = || SimulatorEnded("exit status: 9".to_owned());
    for (word, events, cut) in [
        ("simulator after an interrupt", vec![(15, Signal(Interrupt)), (16, died())], "interrupted"),
        ("simulator first", vec![(15, died()), (16, Signal(Interrupt))], "simulator: exit status: 9"),
    ] {
        let (_, end) = run(events, None);
        assert_eq!(end.cut.as_ref().map(described).as_deref(), Some(cut), "{word}");
        assert_eq!(end.simulator_died.as_deref(), Some("exit status: 9"), "{word}");
    }
}

#[test]
fn the_phase_follows_the_clock_until_the_run_is_cut() {
    let mut coordinator = Coordinator::new(Arc::new(plan()), START, 1);
    let after = |seconds: u64| START + Duration::from_secs(seconds);
    for (at, phase) in [(0, Phase::Warmup), (5, Phase::Measure), (64, Phase::Measure), (65, Phase::Drain)] {
        assert_eq!(coordinator.phase(after(at)), phase, "{at} s");
    }
    coordinator.handle(after(6), Signal(Interrupt));
    assert_eq!(coordinator.phase(after(6)), Phase::Drain);
}
