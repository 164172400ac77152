//! The part of `summary.json` that says whether the run may be judged, and how this machine was.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::validity::reason::Dispersion;
use crate::analysis::validity::{Arrivals, Lag, Little, Validity, ValidityVerdict, Vitals};
use crate::measure::selftest::OwnError;
use crate::report::json::schema::Explained;
use crate::run::Run;

/// Stretches of bad seconds that are listed; the file is bounded, however long the run.
const STRETCHES: usize = 1_000;

/// Whether the run may be judged.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["own_error"]))]
pub(crate) struct ValidityFacts {
    verdict: ValidityVerdict,
    reasons: Vec<ReasonFacts>,
    planned: u64,
    sent: u64,
    dropped: u64,
    /// Calls that nobody knows the path of, because the run was killed.
    unattributed: u64,
    send_lag_ms: LagFacts,
    own_lag_ms: LagFacts,
    lag_parts_ms: LagParts,
    arrivals: ArrivalFacts,
    littles_law: LittleFacts,
    health: HealthFacts,
    left_out: LeftOut,
    /// This tool's own error, of the newest selftest on this machine.
    own_error: Option<OwnError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own_error_reason: Option<&'static str>,
}

/// What speaks against the run.
#[derive(Serialize, JsonSchema)]
struct ReasonFacts {
    code: &'static str,
    message: String,
    remedy: &'static str,
    weight: ValidityVerdict,
}

/// How late calls were sent.
#[derive(Serialize, JsonSchema)]
#[schemars(transform = Explained(&["max"]))]
struct LagFacts {
    #[serde(flatten)]
    lag: Lag,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// How late calls were sent, by part.
#[derive(Serialize, JsonSchema)]
struct LagParts {
    connection: LagFacts,
    dispatch: LagFacts,
    in_flight_limit: InFlightLimit,
    timer: LagFacts,
}

/// What the limit on calls in flight cost.
#[derive(Serialize, JsonSchema)]
struct InFlightLimit {
    dropped: u64,
    reason: &'static str,
}

/// Arrivals as planned and as achieved.
#[derive(Serialize, JsonSchema)]
struct ArrivalFacts {
    achieved: u64,
    dispersion: DispersionFacts,
    planned: u64,
    share: f64,
}

/// The index of dispersion of arrivals.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(transform = Explained(&["achieved"]))]
struct DispersionFacts {
    achieved: Option<f64>,
    bin_s: Option<f64>,
    planned: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Calls in flight, counted and by rate times mean duration.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(transform = Explained(&["in_flight"]))]
struct LittleFacts {
    expected: Option<f64>,
    in_flight: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    residual: Option<f64>,
}

/// How this machine was in the measured phase; null is what the system does not tell.
#[derive(Serialize, JsonSchema)]
struct HealthFacts {
    bad_seconds: BadSeconds,
    cpu_cores: MeanAndMax,
    files: Files,
    hiccup_ms: Longest,
    others_cores: MeanAndMax,
    ports: Ports,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    seconds: u64,
    simulator: Option<SimulatorFacts>,
    steal_share: MeanAndMax,
    throttled_ms: Option<f64>,
}

/// Seconds in which this tool could not measure faithfully.
#[derive(Serialize, JsonSchema)]
struct BadSeconds {
    count: usize,
    /// Whether all stretches are listed.
    listed: bool,
    of: u64,
    /// From the first second to the one after the last.
    stretches: Vec<[u64; 2]>,
}

/// The mean and the largest of the seconds.
#[derive(Serialize, JsonSchema)]
struct MeanAndMax {
    max: Option<f64>,
    mean: Option<f64>,
}

/// The longest time for which this tool stood still.
#[derive(Serialize, JsonSchema)]
struct Longest {
    max: Option<f64>,
}

/// Open files.
#[derive(Serialize, JsonSchema)]
struct Files {
    limit: u64,
    max: Option<u64>,
}

/// Local ports in use.
#[derive(Serialize, JsonSchema)]
struct Ports {
    max: Option<u64>,
    range: Option<u64>,
}

/// The bundled simulator; null where it was not used.
#[derive(Serialize, JsonSchema)]
struct SimulatorFacts {
    answers: u64,
    cpu_cores: MeanAndMax,
    /// Answers that began more than 10 ms late.
    late: u64,
}

/// What no figure is made of, because this tool could not measure faithfully then.
#[derive(Serialize, JsonSchema)]
struct LeftOut {
    calls: u64,
    seconds: usize,
}

/// Whether the run may be judged.
pub(crate) fn validity(run: &Run, validity: &Validity) -> ValidityFacts {
    let (lags, own_error) = (&validity.lags, run.manifest.own_error.as_ref());
    ValidityFacts {
        verdict: validity.verdict,
        reasons: reasons(validity),
        planned: validity.planned,
        sent: validity.sent,
        dropped: validity.dropped,
        unattributed: validity.unattributed,
        send_lag_ms: lag(lags.whole),
        own_lag_ms: lag(lags.own),
        lag_parts_ms: LagParts {
            connection: lag(lags.connection),
            dispatch: lag(lags.dispatch),
            in_flight_limit: InFlightLimit {
                dropped: validity.dropped,
                reason: "a call beyond max_in_flight is dropped and counted; it does not wait",
            },
            timer: lag(lags.timer),
        },
        arrivals: arrivals(&validity.arrivals),
        littles_law: littles_law(validity.little),
        health: health(run, validity),
        left_out: LeftOut { calls: validity.left_out, seconds: left_out_seconds(validity) },
        own_error: own_error.cloned(),
        own_error_reason: own_error.is_none().then_some("no selftest of this machine and version was found"),
    }
}

fn reasons(validity: &Validity) -> Vec<ReasonFacts> {
    let reasons = validity.reasons.iter().map(|reason| ReasonFacts {
        code: reason.code(),
        message: reason.message(),
        remedy: reason.remedy(),
        weight: reason.weight(),
    });
    reasons.collect()
}

fn lag(lag: Lag) -> LagFacts {
    LagFacts { lag, reason: lag.max.is_none().then_some("no call was sent") }
}

fn arrivals(arrivals: &Arrivals) -> ArrivalFacts {
    let dispersion = match arrivals.dispersion {
        Ok(Dispersion { planned, achieved, bin_s }) => {
            DispersionFacts { achieved: Some(achieved), bin_s: Some(bin_s), planned: Some(planned), reason: None }
        }
        Err(why) => DispersionFacts { reason: Some(why), ..DispersionFacts::default() },
    };
    ArrivalFacts { achieved: arrivals.achieved, dispersion, planned: arrivals.planned, share: arrivals.share() }
}

fn littles_law(little: Result<Little, &'static str>) -> LittleFacts {
    match little {
        Ok(little) => LittleFacts {
            expected: Some(little.expected),
            in_flight: Some(little.counted),
            reason: None,
            residual: Some(little.residual()),
        },
        Err(why) => LittleFacts { reason: Some(why), ..LittleFacts::default() },
    }
}

fn health(run: &Run, validity: &Validity) -> HealthFacts {
    let Vitals { seconds, hiccup_ms, cpu, others, steal, throttled_ms, files, ports, sim_cpu, sim_answers } =
        validity.vitals;
    let environment = &run.manifest.environment;
    let spread = |values: Option<(f64, f64)>| {
        let (mean, max) = values.unzip();
        MeanAndMax { max, mean }
    };
    let stretches = validity.bad.stretches();
    HealthFacts {
        bad_seconds: BadSeconds {
            count: validity.bad.seconds.len(),
            listed: stretches.len() <= STRETCHES,
            of: validity.bad.of,
            stretches: stretches.iter().take(STRETCHES).map(|stretch| [stretch.start, stretch.end]).collect(),
        },
        cpu_cores: spread(cpu),
        files: Files { limit: environment.open_files, max: files },
        hiccup_ms: Longest { max: hiccup_ms },
        others_cores: spread(others),
        ports: Ports { max: ports, range: environment.local_ports },
        reason: (seconds == 0).then_some("this machine's health was not recorded"),
        seconds,
        simulator: sim_answers.map(|(answers, late)| SimulatorFacts { answers, cpu_cores: spread(sim_cpu), late }),
        steal_share: spread(steal),
        throttled_ms,
    }
}

fn left_out_seconds(validity: &Validity) -> usize {
    if validity.bad.are_too_many() { 0 } else { validity.bad.seconds.len() }
}
