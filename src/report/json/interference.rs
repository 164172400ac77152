//! What JSON says of calls of a paired run that were in each other's way.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::compare::shift::{Contrast, Half, Interference};

/// Whether the calls of a paired run were in each other's way.
#[derive(Serialize, JsonSchema)]
pub(super) struct InterferenceFacts<'a> {
    by_distance: Option<ByDistance<'a>>,
    by_order: ByOrder<'a>,
    close_within_ms: f64,
    material: bool,
}

/// The shift apart for rounds in which the two were close in time or not.
#[derive(Serialize, JsonSchema)]
struct ByDistance<'a> {
    apart: Half,
    close: Half,
    #[serde(flatten)]
    contrast: &'a Contrast,
}

/// The shift apart for rounds in which the candidate went first or last.
#[derive(Serialize, JsonSchema)]
struct ByOrder<'a> {
    candidate_first: Half,
    candidate_last: Half,
    #[serde(flatten)]
    contrast: &'a Contrast,
}

/// Whether calls to a candidate and to its baseline were in each other's way.
pub(super) fn interference(found: &Interference) -> InterferenceFacts<'_> {
    let by_order = &found.by_order;
    InterferenceFacts {
        by_distance: found.by_distance.as_ref().map(|contrast| ByDistance {
            apart: contrast.not,
            close: contrast.so,
            contrast,
        }),
        by_order: ByOrder { candidate_first: by_order.not, candidate_last: by_order.so, contrast: by_order },
        close_within_ms: found.middle_ms,
        material: found.is_material(),
    }
}
