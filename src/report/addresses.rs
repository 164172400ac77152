//! Where a plan's calls go: the exact URL of each path and API. As JSON for scripts, as lines for people.

use serde_json::{Value, json};

use crate::path::NetPath;
use crate::plan::Plan;
use crate::units::Api;

/// The APIs that a plan calls.
fn apis(plan: &Plan) -> impl Iterator<Item = Api> {
    plan.workload.api.iter().filter(|(_, weight)| **weight > 0.0).map(|(api, _)| *api)
}

/// For scripts: by path, the URL of each API.
pub(crate) fn json(plan: &Plan) -> Value {
    let urls = |path: &NetPath| apis(plan).map(|api| (api.to_string(), json!(path.url(api)))).collect();
    Value::Object(plan.paths.iter().map(|path| (path.name.clone(), Value::Object(urls(path)))).collect())
}

/// For people: a line a path and API.
pub(crate) fn text(plan: &Plan) -> String {
    let line = |path: &NetPath, api| format!("{}: {api} to {} ({})", path.name, path.url(api), path.address.dialect);
    plan.paths.iter().flat_map(|path| apis(plan).map(move |api| line(path, api))).collect::<Vec<_>>().join("\n")
}
