//! The `[workload]` section: what is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::profile::at::At;
use crate::profile::error::Wrong;
use crate::schema::{has_any, is};
use crate::units::{Api, Fraction};
use crate::workload::source::is_builtin;
use crate::workload::spec::{MOST_TOKENS, TimeUnit, TokenDist, WorkloadPlan, WorkloadSource};

/// What is asked.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("allOf" = rules()))]
pub(crate) struct Workload {
    /// Where prompts and lengths come from.
    kind: Kind,
    /// A trace or dataset, counted from the profile's folder, or builtin:azure-conv.
    file: Option<PathBuf>,
    /// What is spoken: one API, or weights; default: chat.
    #[serde(default)]
    api: ApiMix,
    /// All, none, or the share of calls that ask for a stream; default: true.
    stream: Option<Stream>,
    /// The model or deployment name.
    model: String,
    /// Tokens of the prompt.
    input_tokens: Option<Tokens>,
    /// Tokens asked for, sent as the API's limit.
    output_tokens: Option<Tokens>,
    /// An upper limit on the prompt.
    #[schemars(range(min = 1, max = MOST_TOKENS))]
    max_input_tokens: Option<u32>,
    /// An upper limit on the answer.
    #[schemars(range(min = 1, max = MOST_TOKENS))]
    max_output_tokens: Option<u32>,
    /// How much faster than recorded a trace is replayed; default: 1, and 2 is twice as fast.
    #[schemars(range(min = 0.001, max = 10_000))]
    time_scale: Option<f64>,
    /// What the times of a trace are counted in, where they are numbers and nothing else tells.
    time_unit: Option<TimeUnit>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Synthetic,
    Dataset,
    Trace,
}

/// The keys that do not go with a kind, and why; those that it needs.
type Rule = (Kind, &'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const RULES: [Rule; 3] = [
    (
        Kind::Synthetic,
        "synthetic",
        &["file", "time_scale", "time_unit"],
        "a synthetic workload reads no file",
        &["input_tokens", "output_tokens"],
    ),
    (
        Kind::Dataset,
        "dataset",
        &["input_tokens", "max_input_tokens", "time_scale", "time_unit"],
        "conversations are sent as they are in the file",
        &["file"],
    ),
    (Kind::Trace, "trace", &[], "", &["file"]),
];

fn rules() -> Vec<Value> {
    let rule = |(_, word, foreign, _, needed): Rule| {
        let mut then = json!({"required": needed});
        if !foreign.is_empty() {
            then["not"] = has_any(foreign);
        }
        json!({"if": is("kind", word), "then": then})
    };
    RULES.map(rule).to_vec()
}

/// Holds the section to the rules between its keys.
///
/// # Errors
/// When a key is missing or does not belong to the kind.
pub(crate) fn resolve(at: &At<'_>, section: Workload) -> Result<WorkloadPlan, Wrong> {
    for (_, word, foreign, why, _) in RULES.iter().filter(|(kind, ..)| *kind == section.kind) {
        if let Some(key) = at.first_of(foreign) {
            return Err(at.rule(key, format!("'{key}' does not go with kind = \"{word}\": {why}")));
        }
    }
    let file = |what: &str| match &section.file {
        Some(name) if is_builtin(name) => Ok(name.clone()),
        Some(name) => at.file("file", name),
        None => Err(at.missing("file", format!("name {what}"))),
    };
    let tokens = |tokens: Option<Tokens>| tokens.map(|Tokens(dist)| dist);
    let needed = |key, dist: Option<Tokens>| {
        tokens(dist).ok_or_else(|| at.missing(key, "such as { dist = \"lognormal\", p50 = 1020, p99 = 4142 } or 256"))
    };
    let source = match section.kind {
        Kind::Synthetic => WorkloadSource::Synthetic {
            input_tokens: needed("input_tokens", section.input_tokens)?,
            output_tokens: needed("output_tokens", section.output_tokens)?,
        },
        Kind::Dataset => WorkloadSource::Dataset {
            file: file("a JSONL file of conversations")?,
            output_tokens: tokens(section.output_tokens),
        },
        Kind::Trace => WorkloadSource::Trace {
            file: file("a trace, such as \"builtin:azure-conv\" or a CSV or JSONL file")?,
            time_scale: section.time_scale.unwrap_or(1.0),
            time_unit: section.time_unit,
            input_tokens: tokens(section.input_tokens),
            output_tokens: tokens(section.output_tokens),
        },
    };
    Ok(WorkloadPlan {
        source,
        api: section.api.0,
        stream: section.stream.map_or(1.0, Stream::share),
        model: section.model,
        max_output_tokens: section.max_output_tokens,
        max_input_tokens: section.max_input_tokens,
    })
}

/// All, none, or a share of the calls.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "it takes true, false or a share from 0 to 1")]
enum Stream {
    All(bool),
    Share(Fraction),
}

impl Stream {
    fn share(self) -> f64 {
        match self {
            Self::All(all) => f64::from(u8::from(all)),
            Self::Share(Fraction(share)) => share,
        }
    }
}

/// A number of tokens, or a distribution of it.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenTokens")]
struct Tokens(TokenDist);

#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = r#"it takes a number of tokens from 1 to 2000000, or { dist = "fixed", value }, { dist = "uniform", min, max }, { dist = "normal", mean, sd } or { dist = "lognormal", p50, p99 }"#
)]
enum WrittenTokens {
    Fixed(#[schemars(range(min = 1, max = MOST_TOKENS))] u32),
    Dist(TokenDist),
}

impl TryFrom<WrittenTokens> for Tokens {
    type Error = String;
    fn try_from(written: WrittenTokens) -> Result<Self, String> {
        let dist = match written {
            WrittenTokens::Fixed(value) if !(1..=MOST_TOKENS).contains(&value) => {
                return Err(format!("it takes a whole number from 1 to {MOST_TOKENS}"));
            }
            WrittenTokens::Fixed(value) => TokenDist::Fixed { value },
            WrittenTokens::Dist(dist) => dist,
        };
        dist.check().map(|()| Self(dist))
    }
}

/// The weight of each API; they add up to 1.
struct ApiMix(BTreeMap<Api, f64>);

impl Default for ApiMix {
    fn default() -> Self {
        Self(BTreeMap::from([(Api::Chat, 1.0)]))
    }
}

impl JsonSchema for ApiMix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ApiMix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let weights: BTreeMap<&str, Value> =
            Api::WORDS.iter().map(|word| (*word, json!({"type": "number", "minimum": 0}))).collect();
        json_schema!({"oneOf": [{"enum": Api::WORDS}, {"type": "object", "properties": weights, "minProperties": 1}]})
    }
}

impl<'de> Deserialize<'de> for ApiMix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Mix;
        impl<'de> Visitor<'de> for Mix {
            type Value = ApiMix;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let words = Api::ALL.map(|api| format!("\"{api}\"")).join(", ");
                write!(f, "{words} or weights such as {{ chat = 1, responses = 1 }}")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<ApiMix, E> {
                let api = word.parse::<Api>().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(word), &self))?;
                Ok(ApiMix(BTreeMap::from([(api, 1.0)])))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ApiMix, A::Error> {
                let mut weights = BTreeMap::<Api, f64>::deserialize(MapAccessDeserializer::new(map))?;
                weights.retain(|_, weight| *weight > 0.0);
                let sum: f64 = weights.values().sum();
                weights.values_mut().for_each(|weight| *weight /= sum);
                let none = || A::Error::custom("no API has a weight above 0, such as in { chat = 1, responses = 1 }");
                if weights.is_empty() { Err(none()) } else { Ok(ApiMix(weights)) }
            }
        }
        deserializer.deserialize_any(Mix)
    }
}
