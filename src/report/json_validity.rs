//! The part of `summary.json` that says whether the run may be judged, and how the rig was.

use serde::Serialize;
use serde_json::{Value, json};

use crate::analysis::validity::reason::Dispersion;
use crate::analysis::validity::{Lag, Reason, Validity, Vitals};
use crate::measure::selftest::OwnError;
use crate::report::json_number::{ms, rounded};
use crate::run::Run;

/// Stretches of bad seconds that are listed; the file is bounded, however long the run.
const STRETCHES: usize = 1_000;

#[derive(Serialize)]
pub(crate) struct ValidityFacts {
    verdict: &'static str,
    reasons: Vec<Value>,
    planned: u64,
    sent: u64,
    dropped: u64,
    unattributed: u64,
    send_lag_ms: Value,
    own_lag_ms: Value,
    lag_parts_ms: Value,
    arrivals: Value,
    littles_law: Value,
    health: Value,
    left_out: Value,
    own_error: Option<OwnError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own_error_reason: Option<&'static str>,
}

/// Whether the run may be judged.
pub(crate) fn validity(run: &Run, validity: &Validity) -> ValidityFacts {
    let (lags, own_error) = (&validity.lags, run.manifest.own_error.as_ref());
    ValidityFacts {
        verdict: validity.verdict.as_str(),
        reasons: validity.reasons.iter().map(reason).collect(),
        planned: validity.planned,
        sent: validity.sent,
        dropped: validity.dropped,
        unattributed: validity.unattributed,
        send_lag_ms: lag(&lags.whole),
        own_lag_ms: lag(&lags.own),
        lag_parts_ms: json!({
            "timer": lag(&lags.timer), "dispatch": lag(&lags.dispatch), "connection": lag(&lags.connection),
            "in_flight_limit": {
                "dropped": validity.dropped,
                "reason": "a call beyond max_in_flight is dropped and counted; it does not wait",
            },
        }),
        arrivals: arrivals(validity),
        littles_law: littles_law(validity),
        health: health(run, validity),
        left_out: json!({"calls": validity.left_out, "seconds": left_out_seconds(validity)}),
        own_error: own_error.cloned(),
        own_error_reason: own_error.is_none().then_some("no selftest of this machine and version was found"),
    }
}

fn reason(reason: &Reason) -> Value {
    json!({
        "code": reason.code(), "weight": reason.weight().as_str(), "message": reason.message(),
        "remedy": reason.remedy(),
    })
}

fn lag(lag: &Lag) -> Value {
    let mut facts = json!({"p50": ms(lag.p50), "p99": ms(lag.p99), "max": ms(lag.max)});
    if lag.max.is_none() {
        facts["reason"] = json!("no call was sent");
    }
    facts
}

fn arrivals(validity: &Validity) -> Value {
    let arrivals = &validity.arrivals;
    let dispersion = match arrivals.dispersion {
        Ok(Dispersion { planned, achieved, bin_s }) => {
            json!({"planned": rounded(planned), "achieved": rounded(achieved), "bin_s": rounded(bin_s)})
        }
        Err(why) => json!({"planned": null, "achieved": null, "bin_s": null, "reason": why}),
    };
    json!({
        "planned": arrivals.planned, "achieved": arrivals.achieved, "share": rounded(arrivals.share()),
        "dispersion": dispersion,
    })
}

fn littles_law(validity: &Validity) -> Value {
    match &validity.little {
        Ok(little) => json!({
            "in_flight": rounded(little.seen), "expected": rounded(little.expected),
            "residual": rounded(little.residual()),
        }),
        Err(why) => json!({"in_flight": null, "expected": null, "residual": null, "reason": why}),
    }
}

fn health(run: &Run, validity: &Validity) -> Value {
    let Vitals { seconds, hiccup_ms, cpu, others, steal, throttled_ms, files, ports, sim_cpu, sim_answers } =
        validity.vitals;
    let environment = &run.manifest.environment;
    let spread = |values: Option<(f64, f64)>| json!({"mean": ms(values.map(|(mean, _)| mean)), "max": ms(values.map(|(_, most)| most))});
    let stretches = validity.bad.stretches();
    let listed = stretches.iter().take(STRETCHES).map(|stretch| json!([stretch.start, stretch.end]));
    let mut facts = json!({
        "seconds": seconds,
        "bad_seconds": {
            "count": validity.bad.seconds.len(), "of": validity.bad.of, "stretches": listed.collect::<Vec<_>>(),
            "listed": stretches.len() <= STRETCHES,
        },
        "hiccup_ms": {"max": ms(hiccup_ms)},
        "cpu_cores": spread(cpu),
        "others_cores": spread(others),
        "steal_share": spread(steal),
        "throttled_ms": ms(throttled_ms),
        "files": {"max": files, "limit": environment.open_files},
        "ports": {"max": ports, "range": environment.local_ports},
        "simulator": sim_answers.map(|(answers, late)| {
            json!({"cpu_cores": spread(sim_cpu), "answers": answers, "late": late})
        }),
    });
    if seconds == 0 {
        facts["reason"] = json!("this machine's health was not recorded");
    }
    facts
}

fn left_out_seconds(validity: &Validity) -> usize {
    if validity.bad.are_too_many() { 0 } else { validity.bad.seconds.len() }
}
