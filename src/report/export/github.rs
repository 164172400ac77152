//! `github-benchmark.json`: what github-action-benchmark reads with `tool: customSmallerIsBetter`.
//!
//! Shifts are not in it: it alerts on the ratio to the run before, which has no meaning for figures of either sign.

use serde_json::{Value, json};

use crate::analysis::Analysis;
use crate::report::export::tracked::{Tracked, levels};
use crate::report::json;
use crate::run::Run;

/// The bytes of `github-benchmark.json`.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<u8> {
    let verdict = analysis.validity.verdict;
    let entry = |level: Tracked| {
        let name = format!("{} {} {}", run.manifest.plan.name, level.path, level.name);
        json!({"name": name, "unit": level.unit, "value": level.value, "extra": format!("n = {}\nrun is {verdict}", level.n)})
    };
    let entries: Vec<Value> = levels(run, analysis).into_iter().map(entry).collect();
    json::bytes(&entries)
}
