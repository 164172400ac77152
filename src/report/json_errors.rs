//! `paths.*.errors_seen` of `summary.json`: what was said of each class of errors, and when.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::analysis::summary::errors_seen;
use crate::analysis::summary::errors_seen::told;
use crate::measure::errors_seen::ErrorSeen;
use crate::run::Run;
use crate::units::PathId;

/// The errors of a path by class.
pub(super) fn errors_seen(run: &Run, path: PathId) -> BTreeMap<String, Value> {
    let errors = errors_seen::of_path(run, path);
    errors.into_iter().map(|(class, seen)| (class, one(run, &seen))).collect()
}

/// Times are milliseconds from the run's start, as in `requests.csv`.
fn one(run: &Run, seen: &ErrorSeen) -> Value {
    let ms = |at: crate::units::Nanos| (at.ms_since(run.manifest.origin) * 1e3).round() / 1e3;
    let mut fields = json!({
        "count": seen.count,
        "message": told(seen),
        "remedy": seen.class.remedy(),
        "first_ms": seen.between.map(|(first, _)| ms(first)),
        "last_ms": seen.between.map(|(_, last)| ms(last)),
    });
    if seen.between.is_none() {
        fields["times_reason"] = json!("its rows are a sample, and no errors.jsonl lies beside them");
    }
    fields
}
