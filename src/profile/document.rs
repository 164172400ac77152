//! The whole file as it is written: its sections, and the schema that they make.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::measure::prices::Prices;
use crate::objective::margin::Margin;
use crate::profile::load::Load;
use crate::profile::objectives::{ExpectationSection, Files, ObjectiveSection};
use crate::profile::paths::{Name, PathSection};
use crate::profile::workload::Workload;
use crate::schedule::load::Limits;
use crate::schema;
use crate::units::Span;

/// The most paths that one profile may have.
pub(crate) const MOST_PATHS: usize = 64;

/// What `hopmark run PROFILE` reads, as TOML. Values that do not go together in other ways, files and variables are
/// checked by `hopmark run PROFILE --dry-run`.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "A profile of hopmark", extend(
    "if" = {"properties": {"limits": {"required": ["cost"]}}, "required": ["limits"]},
    "then" = {"required": ["prices"]}
))]
pub(crate) struct Document {
    /// Names the run directory; default: the file's name.
    pub name: Option<Name>,
    /// Decides every random choice; default: 42.
    pub seed: Option<u64>,
    /// The path against which the others are compared; default: the first.
    pub baseline: Option<String>,
    /// Threads that send; default: the cores this process may use.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<usize>,
    /// Files of [[objective]] tables, counted from the profile's folder, or builtin:operating.
    #[serde(default)]
    pub rules: Files,
    /// Files of [[expectation]] tables, counted from the profile's folder, or builtin:cross-region.
    #[serde(default)]
    pub expectations: Files,
    /// The bundled simulator as a child of the run.
    pub simulator: Option<Simulator>,
    /// The ways to the model.
    #[schemars(length(min = 1, max = MOST_PATHS))]
    pub path: Vec<PathSection>,
    /// What is asked.
    pub workload: Workload,
    /// When.
    pub load: Load,
    /// How the paths are compared.
    #[serde(default)]
    pub compare: Compare,
    /// Where to stop before it hurts.
    #[serde(default)]
    pub limits: Limits,
    /// What tokens cost.
    pub prices: Option<Prices>,
    /// What a dry run assumes of the times.
    pub sizing: Option<Assumed>,
    /// What must hold.
    #[serde(default)]
    pub objective: Vec<ObjectiveSection>,
    /// What was claimed, to be held against what was seen.
    #[serde(default)]
    pub expectation: Vec<ExpectationSection>,
}

/// The bundled simulator as a child of the run.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Simulator {
    /// A bundled scenario's name, or a file.
    pub scenario: String,
}

/// How the paths are compared.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Compare {
    /// How much slower a path may be than the baseline; the narrowest word counts.
    #[schemars(example = ["ttft.p50=5%", "e2e=10ms", "5%", "error_rate=0.5%"])]
    pub margins: Vec<Margin>,
    /// Measure the baseline's path twice, to see the noise floor of the whole setup.
    pub noise_floor: bool,
}

/// What is assumed of the times when a run is sized.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct Assumed {
    /// The standard deviation of the logarithm of the time to first token; default: 0.45.
    #[schemars(range(min = 0.001, max = 5))]
    pub sigma: Option<f64>,
    /// The median time to first token.
    pub ttft: Option<Span>,
}

/// The schema of a profile, as JSON; a profile itself is TOML.
#[must_use]
pub(crate) fn document_schema() -> Schema {
    schema::read::<Document>()
}
