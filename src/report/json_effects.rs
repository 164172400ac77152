//! The parts of `summary.json` that say of each candidate what its quantiles do not.

use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::{
    Candidate, ConnectionShift, Contrast, Curve, CurvePoint, Dominance, Half, Interference,
};
use crate::analysis::summary::paths::PathSummary;
use crate::analysis::summary::reported::Reported;
use crate::report::json_number::{ms, pair, rounded};
use crate::run::Run;

/// What `of` says of each candidate, with the names of baseline and candidate in front.
pub(crate) fn of_candidates(run: &Run, analysis: &Analysis, of: fn(&Candidate) -> Vec<Value>) -> Vec<Value> {
    let name = |path| run.manifest.plan.path(path).name.clone();
    let named = |comparison: &Comparison, candidate: &Candidate| -> Vec<Value> {
        let mut values = of(candidate);
        for value in values.iter_mut().filter_map(Value::as_object_mut) {
            value.insert("baseline".to_owned(), json!(name(comparison.baseline)));
            value.insert("candidate".to_owned(), json!(name(candidate.path)));
        }
        values
    };
    let comparison = analysis.comparison.iter();
    comparison.flat_map(|c| c.candidates.iter().flat_map(move |candidate| named(c, candidate))).collect()
}

/// Good calls a second.
pub(crate) fn goodput(candidate: &Candidate) -> Vec<Value> {
    let goodput = &candidate.goodput;
    vec![json!({
        "baseline_per_s": ms(goodput.baseline), "candidate_per_s": ms(goodput.candidate), "ci": pair(goodput.ci),
    })]
}

/// Cliff's delta by metric.
pub(crate) fn dominance(candidate: &Candidate) -> Vec<Value> {
    let one = |dominance: &Dominance| {
        json!({
            "metric": dominance.metric.key(), "cliffs_delta": ms(dominance.delta), "ci": pair(dominance.ci),
            "size": dominance.delta.map(Dominance::word),
        })
    };
    candidate.dominances.iter().map(one).collect()
}

/// The curves with their bands.
pub(crate) fn curves(candidate: &Candidate) -> Vec<Value> {
    let point = |point: &CurvePoint| {
        json!({
            "quantile": point.quantile, "shift_ms": rounded(point.shift_ms),
            "band_ms": pair(Some((point.low_ms, point.high_ms))),
        })
    };
    let one = |curve: &Curve| json!({"metric": curve.metric.key(), "points": curve.points.iter().map(point).collect::<Vec<_>>()});
    candidate.curves.iter().map(one).collect()
}

/// The check for calls in each other's way.
pub(crate) fn interference(candidate: &Candidate) -> Vec<Value> {
    let half = |half: Half| json!({"rounds": half.rounds, "shift_ms": rounded(half.shift_ms)});
    let contrast = |contrast: Contrast, so: &str, not: &str| {
        json!({
            so: half(contrast.so), not: half(contrast.not), "difference_ms": rounded(contrast.ms),
            "ci_ms": pair(Some(contrast.ci_ms)), "material": contrast.material,
        })
    };
    let one = |found: Interference| {
        json!({
            "by_order": contrast(found.by_order, "candidate_last", "candidate_first"),
            "by_distance": found.by_distance.map(|found| contrast(found, "close", "apart")),
            "close_within_ms": rounded(found.middle_ms), "material": found.is_material(),
        })
    };
    candidate.interference.into_iter().map(one).collect()
}

/// The shift by the state of the connection.
pub(crate) fn connection_states(candidate: &Candidate) -> Vec<Value> {
    let one = |shift: &ConnectionShift| {
        json!({
            "state": shift.state.as_str(), "metric": shift.metric.key(), "n_baseline": shift.n_baseline,
            "n_candidate": shift.n_candidate, "shift_ms": ms(shift.shift_ms), "ci_ms": pair(shift.ci_ms),
        })
    };
    candidate.connections.iter().map(one).collect()
}

/// How services split the time to the first byte.
pub(crate) fn reported(run: &Run, analysis: &Analysis) -> Vec<Value> {
    let one = |(path, reported): (&PathSummary, &Option<Reported>)| {
        let reported = (*reported)?;
        Some(json!({
            "path": run.manifest.plan.path(path.path).name, "source": "reported by the services, not measured",
            "calls": reported.calls, "network_ms": rounded(reported.network_ms),
            "gateway_ms": ms(reported.gateway_ms), "model_ms": ms(reported.model_ms),
        }))
    };
    analysis.paths.iter().zip(&analysis.reported).filter_map(one).collect()
}

/// The word for a gate; null where nothing is gated.
pub(crate) fn gate(gate: Gate) -> Value {
    match gate {
        Gate::Ungated => Value::Null,
        Gate::Passed | Gate::Failed | Gate::Open => json!(gate.as_str()),
    }
}
