//! A worker's heartbeat: a task that wants to run every 5 ms and notes how late it did.
//!
//! What keeps it from running keeps every stamp of the worker from being taken: a blocking call, a processor that
//! somebody else has, a process that was stopped. So a stall is seen whatever its cause, for 200 wake-ups a second and
//! worker. It is seen up to one beat shorter than it was.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::units::Nanos;

/// From one beat to the next.
pub(crate) const BEAT: Duration = Duration::from_millis(5);

/// What a heartbeat felt in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct BeatStats {
    /// How late the latest beat came.
    pub late: Duration,
    /// Calls under way, mean over the beats; `None` without a beat.
    pub in_flight: Option<f64>,
}

/// The heartbeat of one worker, which the worker lets beat and another thread listens to.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    origin: Nanos,
    felt: Mutex<Felt>,
}

#[derive(Debug)]
struct Felt {
    seconds: BTreeMap<u64, Sum>,
    /// When the next beat should come; `None` once the worker has ended.
    due: Option<Nanos>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    late: Duration,
    in_flight: u64,
    beats: u64,
}

impl Heartbeat {
    /// A heartbeat whose first beat is due when the run starts, at `origin`.
    #[must_use]
    pub(crate) fn new(origin: Nanos) -> Arc<Self> {
        Arc::new(Self { origin, felt: Mutex::new(Felt { seconds: BTreeMap::new(), due: Some(origin + BEAT) }) })
    }

    /// Beats until the future is dropped; `under_way` tells how many calls are.
    pub(crate) async fn beat(&self, under_way: impl Fn() -> usize) {
        tokio::time::sleep(self.origin.since(Nanos::now())).await;
        loop {
            let due = Nanos::now() + BEAT;
            self.felt().due = Some(due);
            tokio::time::sleep(BEAT).await;
            self.note(due, Nanos::now(), under_way() as u64);
        }
    }

    /// The worker has ended: silence is no hiccup from now on.
    pub(crate) fn rest(&self) {
        self.felt().due = None;
    }

    /// What was felt in a second of the run; asked once, after that second, and in order. A beat that was due in it and
    /// has not come yet is as late as it is now.
    #[must_use]
    pub(crate) fn take(&self, second: u64) -> BeatStats {
        let mut felt = self.felt();
        let later = felt.seconds.split_off(&(second + 1));
        let sum = std::mem::replace(&mut felt.seconds, later).remove(&second).unwrap_or_default();
        let overdue =
            felt.due.filter(|due| self.second(*due) <= second).map_or(Duration::ZERO, |d| Nanos::now().since(d));
        BeatStats {
            late: sum.late.max(overdue),
            in_flight: (sum.beats > 0).then(|| sum.in_flight as f64 / sum.beats as f64),
        }
    }

    /// A beat that was due at one instant and came at another: every second between them was a late one.
    fn note(&self, due: Nanos, came: Nanos, under_way: u64) {
        let late = came.since(due);
        let mut felt = self.felt();
        for second in self.second(due)..=self.second(came) {
            let sum = felt.seconds.entry(second).or_default();
            sum.late = sum.late.max(late);
        }
        let sum = felt.seconds.entry(self.second(came)).or_default();
        sum.in_flight += under_way;
        sum.beats += 1;
    }

    fn second(&self, at: Nanos) -> u64 {
        at.since(self.origin).as_secs()
    }

    fn felt(&self) -> MutexGuard<'_, Felt> {
        self.felt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::sync::watch;

    use super::*;
    use crate::analysis::analyse;
    use crate::analysis::validity::ValidityVerdict;
    use crate::driver::in_flight::{CompletionSink, InFlight, Unsent};
    use crate::driver::open::Open;
    use crate::driver::worker::{self, Stop};
    use crate::measure::health::Second;
    use crate::measure::sample::Sample;
    use crate::run::Run;
    use crate::run::fixture::{self, World};
    use crate::schedule::pacer::Pacer;
    use crate::schedule::tickets::Ticket;
    use crate::units::{PathId, Phase, Seq, Span};

    const ORIGIN: Nanos = Nanos(1_000_000_000_000);

    fn at(ms: u64) -> Nanos {
        ORIGIN + Duration::from_millis(ms)
    }

    #[test]
    fn a_late_beat_marks_every_second_that_it_missed() {
        let heartbeat = Heartbeat::new(ORIGIN);
        heartbeat.note(at(100), at(101), 4);
        heartbeat.note(at(106), at(107), 6);
        heartbeat.note(at(1_980), at(4_010), 8);
        heartbeat.rest();
        let pulses: Vec<_> =
            (0..6).map(|second| heartbeat.take(second)).map(|p| (p.late.as_millis(), p.in_flight)).collect();
        assert_eq!(
            pulses,
            [(1, Some(5.0)), (2_030, None), (2_030, None), (2_030, None), (2_030, Some(8.0)), (0, None)]
        );
    }

    #[test]
    fn a_beat_that_never_came_is_late_and_one_of_a_resting_heart_is_not() {
        let heartbeat = Heartbeat::new(Nanos(Nanos::now().0 - 3_000_000_000));
        assert!(heartbeat.take(0).late >= Duration::from_millis(2_990));
        heartbeat.rest();
        assert_eq!(heartbeat.take(1).late, Duration::ZERO);
    }

    #[tokio::test]
    async fn a_heart_beats_and_is_late_behind_what_blocks_it() {
        let heartbeat = Heartbeat::new(Nanos::now());
        let stalled = Duration::from_millis(80);
        tokio::select! {
            () = heartbeat.beat(|| 3) => {}
            () = async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                std::thread::sleep(stalled);
                tokio::time::sleep(Duration::from_millis(30)).await;
            } => {}
        }
        heartbeat.rest();
        let stats = heartbeat.take(0);
        assert!(stats.late >= stalled - BEAT - Duration::from_millis(1), "{stats:?}");
        assert_eq!(stats.in_flight, Some(3.0));
    }

    /// Ended calls of a worker on another thread.
    struct Completed(Arc<Mutex<Vec<Sample>>>);

    impl CompletionSink<Sample> for Completed {
        fn completed(&self, sample: Sample) {
            self.0.lock().expect("samples").push(sample);
        }
        fn unsent(&self, ticket: Ticket, why: Unsent) {
            panic!("{ticket:?} was lost: {why:?}");
        }
    }

    const SECONDS: u64 = 4;
    /// Calls a second.
    const RATE: u64 = 50;
    const STALL: Duration = Duration::from_millis(50);

    /// A run of one worker whose attempt closure blocks for [`STALL`] in the middle of each of these seconds.
    fn stalled_in(seconds: &'static [u64]) -> Run {
        let mut run = World { shifts_ms: vec![0.0], seconds: SECONDS as f64, ..World::default() }.run();
        run.manifest.plan.load.warmup = Span::default();
        run.manifest.origin = Nanos::now() + STALL;
        let (origin, plan) = (run.manifest.origin, run.manifest.plan.clone());
        let (heartbeat, samples) = (Heartbeat::new(origin), Arc::default());
        let (beating, completed) = (Arc::clone(&heartbeat), Completed(Arc::clone(&samples)));
        let ticket = |seq: u64| Ticket {
            seq: Seq(seq),
            round: seq,
            path: PathId(0),
            phase: Phase::Measure,
            intended: Duration::from_millis(seq * 1_000 / RATE),
        };
        let worker = worker::spawn(0, move || async move {
            let in_flight = InFlight::new(1, Arc::default(), Box::new(completed));
            let (counted, heartbeat) = (Rc::clone(&in_flight), Arc::clone(&beating));
            tokio::task::spawn_local(async move { heartbeat.beat(|| counted.under_way()).await });
            let (_speak, stop) = watch::channel(Stop::Run);
            let open = Open { origin, max_in_flight: 100, in_flight: Rc::clone(&in_flight), stop };
            let mut pacer = Pacer::new().expect("a timer");
            open.carry_out(&mut pacer, (0..SECONDS * RATE).map(ticket), |ticket| {
                let mut sample = fixture::sample(&plan, ticket.seq.0, ticket.round, 0, origin + ticket.intended);
                move |dequeued| async move {
                    if ticket.seq.0 % RATE == RATE / 2 && seconds.contains(&(ticket.seq.0 / RATE)) {
                        std::thread::sleep(STALL);
                    }
                    let begun = Some(Nanos::now());
                    let stamps = &mut sample.stamps;
                    (stamps.dequeued, stamps.begun, stamps.conn_ready, stamps.sent) =
                        (Some(dequeued), begun, begun, begun);
                    sample
                }
            })
            .await;
            in_flight.emptied().await;
            beating.rest();
        });
        worker.expect("a thread").join().expect("no panic").expect("a runtime");
        run.samples = std::mem::take(&mut samples.lock().expect("samples"));
        run.manifest.ending.as_mut().expect("an ending").planned = vec![SECONDS * RATE];
        let row =
            |second| Second { second, hiccup_ms: heartbeat.take(second).late.as_secs_f64() * 1e3, ..Second::default() };
        run.health = (0..SECONDS).map(row).collect();
        run
    }

    #[test]
    fn a_worker_that_is_stalled_each_second_makes_the_run_invalid() {
        let validity = analyse(&stalled_in(&[0, 1, 2, 3])).validity;
        let hiccups = validity.reasons.iter().find(|reason| reason.code() == "hiccups").expect("hiccups");
        assert_eq!((validity.verdict, hiccups.weight()), (ValidityVerdict::Invalid, ValidityVerdict::Invalid));
        assert!(hiccups.message().starts_with("in 4 of 4 seconds"), "{}", hiccups.message());
        assert!(validity.vitals.hiccup_ms.is_some_and(|ms| ms >= 44.0), "{:?}", validity.vitals);
    }

    #[test]
    fn a_stall_in_one_second_is_found_in_that_second() {
        let run = stalled_in(&[1]);
        assert!(run.health[1].hiccup_ms >= 44.0 && run.bad_seconds().seconds.contains(&1), "{:?}", run.health);
        let validity = analyse(&run).validity;
        assert!(validity.reasons.iter().any(|reason| reason.code() == "hiccups"), "{:?}", validity.reasons);
        // Unless this machine stalled the worker too: then more seconds are bad, and nothing is left out.
        let alone = run.bad_seconds().seconds.len() == 1;
        assert_eq!((validity.verdict == ValidityVerdict::Degraded, validity.left_out == RATE), (alone, alone));
    }
}
