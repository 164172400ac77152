//! `bencher.json`: Bencher Metric Format, a benchmark a path and a measure a figure.

use serde_json::{Map, Value, json};

use crate::analysis::Analysis;
use crate::report::export::tracked::{levels, shifts};
use crate::report::json;
use crate::run::Run;

/// The bytes of `bencher.json`. Times are milliseconds; shifts have their 95% interval as lower and upper value.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let mut benchmarks = Map::new();
    let mut put = |path: &str, name: &str, metric: Value| {
        let benchmark = benchmarks.entry(format!("{}/{path}", run.manifest.plan.name)).or_insert_with(|| json!({}));
        benchmark[name.replace('_', "-")] = metric;
    };
    for level in levels(run, analysis) {
        put(&level.path, &level.name, json!({"value": level.value}));
    }
    for shift in shifts(run, analysis) {
        let (low, high) = shift.ci;
        put(&shift.path, &shift.name, json!({"value": shift.value, "lower_value": low, "upper_value": high}));
    }
    json::bytes(&benchmarks)
}
