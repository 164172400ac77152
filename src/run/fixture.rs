//! Runs made up from seeded draws, with known shifts between their paths: what the tests of the judgement stand on.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::measure::counts::Counts;
use crate::measure::health::Second;
use crate::measure::histogram;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::measure::recorder::Recorder;
use crate::measure::sample::{ConnUse, Sample, Stamps};
use crate::path::fixture::path_to;
use crate::path::{NetPath, PathKind};
use crate::plan::{Arrivals, Design, Limits, LoadModel, LoadPlan, Plan, TokenDist, WorkloadPlan, WorkloadSource};
use crate::run::{Ending, Environment, Lost, Manifest, RowSample, Run, SpanCounts, Totals};
use crate::units::{Api, Nanos, PathId, Phase, Rate, Seq, Span};

pub(crate) const ORIGIN: Nanos = Nanos(9_000_000_000_000);

/// A plan over paths with these names: 10 rounds a second for 60 s after 5 s of warmup.
pub(crate) fn plan(names: &[&str]) -> Plan {
    let kinds = [PathKind::Direct, PathKind::PrivateEndpoint, PathKind::Gateway];
    let paths = names.iter().zip(0..).map(|(name, id)| NetPath {
        id: PathId(id),
        name: (*name).to_owned(),
        kind: kinds[usize::from(id) % 3],
        ..path_to(&format!("http://127.0.0.1:{}/openai/v1", 9000 + id))
    });
    Plan {
        name: "made-up".to_owned(),
        seed: 42,
        workers: 1,
        baseline: PathId(0),
        paths: paths.collect(),
        workload: WorkloadPlan {
            source: WorkloadSource::Synthetic {
                input_tokens: TokenDist::Fixed { value: 100 },
                output_tokens: TokenDist::Fixed { value: 30 },
            },
            api: BTreeMap::from([(Api::Chat, 1.0)]),
            stream: 1.0,
            model: "gpt-4o".to_owned(),
            max_output_tokens: None,
            max_input_tokens: None,
        },
        load: LoadPlan {
            model: LoadModel::Open { arrivals: Arrivals::Poisson, rate: Some(Rate(10.0)) },
            warmup: Span::from_secs(5),
            duration: Span::from_secs(60),
            design: Design::Paired,
            round_spread: Span::from_millis(500),
            max_in_flight: 10_000,
        },
        objectives: Vec::new(),
        margins: Vec::new(),
        control_path: None,
        expectations: Vec::new(),
        limits: Limits::default(),
        prices: None,
        precision: None,
        simulator: None,
    }
}

/// A stream of 30 tokens: first token after 110 ms, the end after 401 ms, on a connection used before.
pub(crate) fn sample(plan: &Plan, seq: u64, round: u64, path: u16, intended: Nanos) -> Sample {
    let after = |us: u64| Some(intended + Duration::from_micros(us));
    assert!(usize::from(path) < plan.paths.len());
    Sample {
        seq: Seq(seq),
        round,
        path: PathId(path),
        phase: Phase::Measure,
        api: Api::Chat,
        stream: true,
        stamps: Stamps {
            intended,
            dequeued: after(10),
            begun: after(12),
            conn_ready: after(20),
            sent: after(50),
            head: after(100_000),
            first_byte: after(100_000),
            first_event: after(100_000),
            first_reasoning: None,
            last_reasoning: None,
            first_content: after(110_000),
            first_visible: after(110_000),
            last_content: after(400_000),
            usage: None,
            done: after(401_000),
            end: after(401_000),
        },
        outcome: Outcome::Ok,
        status: Some(200),
        input_tokens: Some(100),
        output_tokens: Some(30),
        reasoning_tokens: None,
        total_tokens: None,
        apart_tokens: None,
        planned_tokens: None,
        conn: Some(ConnUse {
            id: 1,
            uses: 2,
            dns: None,
            tcp: None,
            tls: None,
            proxy: None,
            peer: Some(([127, 0, 0, 1], 80).into()),
        }),
        request_id: None,
        server_ms: None,
        gateway_ms: None,
        upstream_ms: None,
        retry_after_ms: None,
        region: None,
        heard: None,
        message: None,
    }
}

/// The world in which a made-up run takes place.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Milliseconds that each path adds to every call.
    pub(crate) shifts_ms: Vec<f64>,
    /// Share of calls that fail, by path.
    pub(crate) failing: Vec<f64>,
    /// Rounds a second.
    pub(crate) rate: f64,
    /// Seconds measured.
    pub(crate) seconds: f64,
    /// Standard deviation of the logarithm of the model's own time, median 150 ms.
    pub(crate) sigma: f64,
    /// Factors by which each path is slower than it would be, of everything; 1 where there are none.
    pub(crate) factors: Vec<f64>,
    /// Share by which a common drift moves everything.
    pub(crate) drift: f64,
    /// How long drifts remember themselves, seconds.
    pub(crate) memory_s: f64,
    /// Share by which a drift of each path's own, with the same memory, moves it.
    pub(crate) own_drift: f64,
    /// Whether everything takes 2.5 times as long for 4 seconds now and then.
    pub(crate) bursts: bool,
    /// How many seconds lie between two such times in the mean.
    pub(crate) burst_every_s: f64,
    /// How arrivals meet paths.
    pub(crate) design: Design,
    /// Callers of a closed load, each a little slower than the one before; `None` under open load.
    pub(crate) callers: Option<usize>,
    /// Calls of the warmup before the first that is measured; those of callers are their own.
    pub(crate) warmup_calls: u64,
    /// The seed.
    pub(crate) seed: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            shifts_ms: vec![0.0, 5.0, 6.0],
            failing: vec![0.0; 3],
            rate: 10.0,
            seconds: 60.0,
            sigma: 0.3,
            factors: Vec::new(),
            drift: 0.0,
            memory_s: 20.0,
            own_drift: 0.0,
            bursts: false,
            burst_every_s: 30.0,
            design: Design::Paired,
            callers: None,
            warmup_calls: 0,
            seed: 1,
        }
    }
}

impl World {
    /// The run that takes place in it, complete, with paths `direct`, `private` and `gateway` (as many as shifts).
    pub(crate) fn run(&self) -> Run {
        let names: Vec<_> = ["direct", "private", "gateway"][..self.shifts_ms.len()].to_vec();
        let mut plan = plan(&names);
        plan.load.design = self.design;
        plan.load.duration = Span(Duration::from_secs_f64(self.seconds));
        if let Some(concurrency) = self.callers {
            plan.load.model = LoadModel::Closed { concurrency, think_time: Span::default() };
        }
        let samples = match self.callers {
            None => self.samples(&plan),
            Some(callers) => self.samples_of_callers(&plan, callers as u64),
        };
        let planned =
            (0..plan.paths.len()).map(|id| measured(&samples).filter(|s| s.path.index() == id).count() as u64);
        let ending = Ending {
            complete: true,
            reason: None,
            reached: None,
            aborted_by: None,
            ended_by: None,
            measured_s: self.seconds,
            drain_s: 0.8,
            planned: planned.collect(),
            rows_lost: 0,
            peak_rss_mib: Some(20.0),
            cpu_s: Some(1.0),
        };
        Run {
            errors_seen: Vec::new(),
            chunk_gaps: vec![gaps(); plan.paths.len()],
            health: health(&plan, &samples),
            lost: Lost { by_path: vec![0; plan.paths.len()], unattributed: 0 },
            manifest: manifest(plan, Some(ending)),
            totals: None,
            samples,
        }
    }

    fn samples(&self, plan: &Plan) -> Vec<Sample> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let k = self.shifts_ms.len();
        let start = ORIGIN + plan.measure_from();
        let (mut samples, mut seq) = (self.warmup(plan), self.warmup_calls);
        let (mut at, mut level, mut burst_until) = (0.0, 0.0f64, 0.0);
        let mut own_levels = vec![0.0f64; k];
        for arrival in 0.. {
            let gap = -(1.0 - rng.random::<f64>()).ln() / self.rate;
            at += gap;
            if at >= self.seconds {
                break;
            }
            let memory = f64::exp(-gap / self.memory_s);
            let step: f64 = rng.sample(StandardNormal);
            level = level * memory + step * self.drift * (1.0 - memory * memory).sqrt();
            if self.own_drift > 0.0 {
                for own in &mut own_levels {
                    let step: f64 = rng.sample(StandardNormal);
                    *own = *own * memory + step * self.own_drift * (1.0 - memory * memory).sqrt();
                }
            }
            if self.bursts && rng.random::<f64>() < gap / self.burst_every_s {
                burst_until = at + 4.0;
            }
            let slow = if at < burst_until { 2.5 } else { 1.0 };
            let members = match self.design {
                Design::Paired => (0..k).collect(),
                Design::Interleaved => vec![arrival % k],
                Design::Sequential => vec![((at / self.seconds * k as f64) as usize).min(k - 1)],
            };
            for path in members {
                let offset = rng.random::<f64>() * 0.5;
                let intended = start + Duration::from_secs_f64(at + if k > 1 { offset } else { 0.0 });
                samples.push(self.one(
                    plan,
                    &mut rng,
                    (seq, self.warmup_calls + arrival as u64, path as u16),
                    intended,
                    slow * level.exp(),
                ));
                seq += 1;
            }
        }
        samples
    }

    /// Permuted groups of warmup are counted apart: the last may be cut short by the measured phase.
    fn warmup(&self, plan: &Plan) -> Vec<Sample> {
        let paths = self.shifts_ms.len() as u64;
        let call = |seq: u64| {
            let at = ORIGIN + Duration::from_millis(100 + seq);
            Sample { phase: Phase::Warmup, ..sample(plan, seq, seq, (seq % paths) as u16, at) }
        };
        (0..self.warmup_calls).map(call).collect()
    }

    /// Callers start spread over the warmup; each asks again when it has its answer.
    fn samples_of_callers(&self, plan: &Plan, callers: u64) -> Vec<Sample> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let paths = self.shifts_ms.len() as u64;
        let from = plan.measure_from();
        let mut samples = Vec::new();
        for slot in 0..callers {
            let mut at = from.mul_f64(slot as f64 / callers as f64);
            for k in 0.. {
                if at >= from + plan.load.duration.0 {
                    break;
                }
                let (seq, path) = (k * callers + slot, (k + slot) % paths);
                let slow = 1.0 + 0.3 * slot as f64;
                let mut call = self.one(plan, &mut rng, (seq, seq, path as u16), ORIGIN + at, slow);
                call.phase = if at < from { Phase::Warmup } else { Phase::Measure };
                at += call.stamps.end.map_or(Duration::ZERO, |end| end.since(ORIGIN + at));
                samples.push(call);
            }
        }
        samples.sort_by_key(|sample| sample.stamps.end);
        samples
    }

    fn one(
        &self,
        plan: &Plan,
        rng: &mut Xoshiro256PlusPlus,
        (seq, round, path): (u64, u64, u16),
        intended: Nanos,
        slow: f64,
    ) -> Sample {
        let noise: f64 = rng.sample(StandardNormal);
        let factor = self.factors.get(usize::from(path)).copied().unwrap_or(1.0);
        let first_ms = 150.0 * (self.sigma * noise).exp() * slow * factor + self.shifts_ms[usize::from(path)];
        let mut sample = sample(plan, seq, round, path, intended);
        let after = |ms: f64| Some(intended + Duration::from_nanos((ms * 1e6) as u64));
        sample.stamps.head = after(first_ms - 1.0);
        sample.stamps.first_byte = after(first_ms - 1.0);
        sample.stamps.first_event = after(first_ms - 1.0);
        sample.stamps.first_content = after(first_ms);
        sample.stamps.first_visible = after(first_ms);
        sample.stamps.last_content = after(first_ms + 290.0);
        sample.stamps.done = after(first_ms + 291.0);
        sample.stamps.end = after(first_ms + 291.0);
        if rng.random::<f64>() < self.failing[usize::from(path)] {
            fail(&mut sample, ErrorClass::Http(429));
        } else if seq < 2 * self.shifts_ms.len() as u64 {
            open(&mut sample);
        }
        sample
    }
}

fn measured(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(|sample| sample.phase == Phase::Measure)
}

/// The same run with the rows of one round in `each` and a totals of all its calls.
pub(crate) fn sampled(mut run: Run, each: u64) -> Run {
    let mut totals = Totals::default();
    let mut recorder = Recorder::new(run.manifest.plan.paths.len());
    for sample in &run.samples {
        recorder.record(sample);
        let mut calls = Counts::default();
        calls.count(sample);
        let second = sample.stamps.intended.since(run.manifest.origin).as_secs();
        let (path, phase) = (sample.path, sample.phase);
        totals.spans.push(SpanCounts { second, length: 1, path, phase, calls, begun: 1, over: 1 });
    }
    for (series, values) in recorder.take() {
        let mut sum = histogram::empty();
        values
            .iter_recorded()
            .for_each(|value| sum.saturating_record_n(value.value_iterated_to(), value.count_at_value().into()));
        totals.values.insert(series, sum);
    }
    let calls = run.samples.len() as u64;
    run.samples.retain(|sample| sample.round % each == 0);
    run.manifest.rows = Some(RowSample {
        calls,
        kept: run.samples.len() as u64,
        share: 1.0 / each as f64,
        below: (1 << 32) / each,
        from: 0,
        rule: "one round in so many".to_owned(),
    });
    run.totals = Some(totals);
    run
}

/// Makes the call one that had to open its connection.
pub(crate) fn open(sample: &mut Sample) {
    if let Some(conn) = &mut sample.conn {
        conn.uses = 1;
        conn.dns = Some(Duration::from_micros(300));
        conn.tcp = Some(Duration::from_micros(2_000));
        conn.tls = Some(Duration::from_micros(6_000));
    }
}

/// Makes the call one that failed at its head.
pub(crate) fn fail(sample: &mut Sample, class: ErrorClass) {
    sample.outcome = Outcome::Failed(class);
    sample.status = if let ErrorClass::Http(status) = class { Some(status) } else { None };
    sample.output_tokens = None;
    let stamps = &mut sample.stamps;
    stamps.end = stamps.head;
    (stamps.first_event, stamps.first_content, stamps.first_visible) = (None, None, None);
    (stamps.last_content, stamps.done) = (None, None);
}

/// A host that had nothing else to do: a row for every second from the run's start to the end of its last call.
fn health(plan: &Plan, samples: &[Sample]) -> Vec<Second> {
    let measured = plan.measure_until().as_secs_f64().ceil() as u64;
    let last = samples.iter().filter_map(|sample| sample.stamps.end).max().unwrap_or(ORIGIN);
    let length = measured.max(last.since(ORIGIN).as_secs() + 1);
    let mut under_way = vec![0.0; length as usize];
    for sample in samples {
        let (from, to) =
            (sample.stamps.intended.since(ORIGIN), sample.stamps.end.map_or(Duration::ZERO, |end| end.since(ORIGIN)));
        for second in from.as_secs()..=to.as_secs() {
            let within = |at: Duration| at.as_secs_f64().clamp(second as f64, second as f64 + 1.0);
            under_way[second as usize] += within(to) - within(from);
        }
    }
    let row = |(second, in_flight): (usize, f64)| Second {
        second: second as u64,
        hiccup_ms: 1.2,
        in_flight: Some((in_flight * 1e3).round() / 1e3),
        cpu: Some(0.05),
        others: Some(0.02),
        steal: Some(0.0),
        throttled_ms: Some(0.0),
        files: Some(40),
        ports: Some(40),
        ..Second::default()
    };
    under_way.into_iter().enumerate().map(row).collect()
}

fn gaps() -> Histogram<u64> {
    let mut gaps = Histogram::new_with_bounds(1_000, 300_000_000_000, 3).expect("bounds");
    for i in 0..2_000u64 {
        gaps.record(9_000_000 + i * 1_000).expect("recorded");
    }
    gaps
}

/// When every run that is made up started, as its manifest says it.
pub(crate) fn started() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_856_000)
}

/// A manifest of that plan.
pub(crate) fn manifest(plan: Plan, ending: Option<Ending>) -> Manifest {
    Manifest {
        schema_version: 1,
        id: "made-up-20261001T120000Z".to_owned(),
        tool_version: "0.1.0".to_owned(),
        started_at: "2026-10-01T12:00:00Z".to_owned(),
        origin: ORIGIN,
        plan,
        environment: Environment {
            os: "Linux 6.1".to_owned(),
            cpus: 2,
            cpu_model: "a processor".to_owned(),
            open_files: 1024,
            local_ports: Some(28_232),
        },
        simulator: None,
        own_error: None,
        network: Default::default(),
        notes: Vec::new(),
        sign_in: Vec::new(),
        rows: None,
        ending,
    }
}
