//! What JSON says of calls of a paired run that were in each other's way.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::compare::shift::{Candidate, Contrast, Half};
use crate::report::json::number::rounded;

/// Whether the calls of a paired run were in each other's way.
#[derive(Serialize, JsonSchema)]
pub(super) struct InterferenceFacts<'a> {
    baseline: &'a str,
    by_distance: Option<ByDistance>,
    by_order: ByOrder,
    candidate: &'a str,
    close_within_ms: f64,
    material: bool,
}

/// The shift apart for rounds in which the two were close in time or not.
#[derive(Serialize, JsonSchema)]
struct ByDistance {
    apart: HalfFacts,
    ci_ms: [f64; 2],
    close: HalfFacts,
    difference_ms: f64,
    material: bool,
}

/// The shift apart for rounds in which the candidate went first or last.
#[derive(Serialize, JsonSchema)]
struct ByOrder {
    candidate_first: HalfFacts,
    candidate_last: HalfFacts,
    ci_ms: [f64; 2],
    difference_ms: f64,
    material: bool,
}

/// One half of the rounds.
#[derive(Serialize, JsonSchema)]
struct HalfFacts {
    rounds: usize,
    shift_ms: f64,
}

/// Whether calls to the candidate and to its baseline were in each other's way, where that was looked at.
pub(super) fn interference<'a>(
    baseline: &'a str,
    name: &'a str,
    candidate: &Candidate,
) -> Option<InterferenceFacts<'a>> {
    let found = candidate.interference?;
    let half = |half: Half| HalfFacts { rounds: half.rounds, shift_ms: rounded(half.shift_ms) };
    let ends = |contrast: &Contrast| [rounded(contrast.ci_ms.0), rounded(contrast.ci_ms.1)];
    Some(InterferenceFacts {
        baseline,
        by_distance: found.by_distance.map(|contrast| ByDistance {
            apart: half(contrast.not),
            ci_ms: ends(&contrast),
            close: half(contrast.so),
            difference_ms: rounded(contrast.ms),
            material: contrast.material,
        }),
        by_order: ByOrder {
            candidate_first: half(found.by_order.not),
            candidate_last: half(found.by_order.so),
            ci_ms: ends(&found.by_order),
            difference_ms: rounded(found.by_order.ms),
            material: found.by_order.material,
        },
        candidate: name,
        close_within_ms: rounded(found.middle_ms),
        material: found.is_material(),
    })
}
