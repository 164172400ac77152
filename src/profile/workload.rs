//! The `[workload]` section: what is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::profile::error::Wrong;
use crate::profile::fields::{Fields, MOST_TOKENS};
use crate::profile::tree::Value;
use crate::units::Api;
use crate::workload::source::is_builtin;
use crate::workload::spec::{TimeUnit, TokenDist, WorkloadPlan, WorkloadSource};

const DIST_EXPECTED: &str = r#"a number of tokens, or { dist = "fixed", value }, { dist = "uniform", min, max }, { dist = "normal", mean, sd } or { dist = "lognormal", p50, p99 }"#;
const STREAM_EXPECTED: &str = "true, false or a share from 0 to 1";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Synthetic,
    Dataset,
    Trace,
}

/// Reads the section.
///
/// # Errors
/// When a key is missing, impossible or does not belong to the kind.
pub(crate) fn read(fields: &Fields<'_>) -> Result<WorkloadPlan, Wrong> {
    let kinds = [("synthetic", Kind::Synthetic), ("dataset", Kind::Dataset), ("trace", Kind::Trace)];
    let kind = fields.choice("kind", &kinds)?;
    let kind = kind.ok_or_else(|| fields.missing("kind", "it is \"synthetic\", \"dataset\" or \"trace\""))?;
    refuse_foreign_keys(fields, kind)?;
    let model = fields.text("model")?;
    let model = model.ok_or_else(|| fields.missing("model", "name the model or deployment, such as \"gpt-4o\""))?;
    Ok(WorkloadPlan {
        source: read_source(fields, kind)?,
        api: read_api(fields)?,
        stream: read_stream(fields)?,
        model: model.to_owned(),
        max_output_tokens: fields.tokens("max_output_tokens")?,
        max_input_tokens: fields.tokens("max_input_tokens")?,
    })
}

fn refuse_foreign_keys(fields: &Fields<'_>, kind: Kind) -> Result<(), Wrong> {
    let (word, foreign, remedy): (_, &[&'static str], _) = match kind {
        Kind::Synthetic => ("synthetic", &["file", "time_scale", "time_unit"], "a synthetic workload reads no file"),
        Kind::Dataset => (
            "dataset",
            &["input_tokens", "max_input_tokens", "time_scale", "time_unit"],
            "conversations are sent as they stand in the file",
        ),
        Kind::Trace => return Ok(()),
    };
    match fields.first_of(foreign) {
        Some(key) => Err(fields.rule(key, format!("'{key}' does not go with kind = \"{word}\": {remedy}"))),
        None => Ok(()),
    }
}

fn read_source(fields: &Fields<'_>, kind: Kind) -> Result<WorkloadSource, Wrong> {
    let output_tokens = read_dist(fields, "output_tokens")?;
    match kind {
        Kind::Synthetic => {
            let missing = |key| fields.missing(key, "such as { dist = \"lognormal\", p50 = 1020, p99 = 4142 } or 256");
            Ok(WorkloadSource::Synthetic {
                input_tokens: read_dist(fields, "input_tokens")?.ok_or_else(|| missing("input_tokens"))?,
                output_tokens: output_tokens.ok_or_else(|| missing("output_tokens"))?,
            })
        }
        Kind::Dataset => {
            let file = read_file(fields, "a JSONL file of conversations")?;
            Ok(WorkloadSource::Dataset { file, output_tokens })
        }
        Kind::Trace => {
            let file = read_file(fields, "a trace, such as \"builtin:azure-conv\" or a CSV or JSONL file")?;
            let time_scale = fields.number("time_scale")?.unwrap_or(1.0);
            if !(1e-3..=1e4).contains(&time_scale) {
                return Err(fields.wrong("time_scale", "a number from 0.001 to 10000; 2 is twice as fast as recorded"));
            }
            let input_tokens = read_dist(fields, "input_tokens")?;
            let time_unit = fields.choice("time_unit", &TimeUnit::ALL.map(|unit| (unit.as_str(), unit)))?;
            Ok(WorkloadSource::Trace { file, time_scale, time_unit, input_tokens, output_tokens })
        }
    }
}

fn read_file(fields: &Fields<'_>, what: &str) -> Result<PathBuf, Wrong> {
    match fields.text("file")? {
        Some(name) if is_builtin(name.as_ref()) => Ok(name.into()),
        Some(_) => Ok(fields.file("file")?.unwrap_or_default()),
        None => Err(fields.missing("file", format!("name {what}"))),
    }
}

fn read_api(fields: &Fields<'_>) -> Result<BTreeMap<Api, f64>, Wrong> {
    match fields.get("api").map(|node| &node.value) {
        None => Ok(BTreeMap::from([(Api::Chat, 1.0)])),
        Some(Value::Text(_)) => {
            let api: Option<Api> = fields.parsed("api", &expected_api())?;
            Ok(api.into_iter().map(|api| (api, 1.0)).collect())
        }
        Some(Value::Table(_)) => read_weights(fields),
        Some(_) => Err(fields.wrong("api", &expected_api())),
    }
}

fn expected_api() -> String {
    let words = Api::ALL.map(|api| format!("\"{api}\""));
    format!("{} or weights such as {{ chat = 1, responses = 1 }}", words.join(", "))
}

fn read_weights(fields: &Fields<'_>) -> Result<BTreeMap<Api, f64>, Wrong> {
    let mut weights = BTreeMap::new();
    if let Some(table) = fields.table("api", "workload.api")? {
        for api in Api::ALL {
            match table.number(api.into())? {
                Some(weight) if weight < 0.0 => return Err(table.wrong(api.into(), "a weight of 0 or more")),
                Some(weight) if weight > 0.0 => _ = weights.insert(api, weight),
                Some(_) | None => {}
            }
        }
    }
    let sum: f64 = weights.values().sum();
    if weights.is_empty() {
        let rule = format!("'workload.api' gives no API a weight above 0; it takes {}", expected_api());
        return Err(fields.rule("api", rule));
    }
    weights.values_mut().for_each(|weight| *weight /= sum);
    Ok(weights)
}

fn read_stream(fields: &Fields<'_>) -> Result<f64, Wrong> {
    match fields.get("stream").map(|node| &node.value) {
        None => Ok(1.0),
        Some(Value::Bool(all)) => Ok(if *all { 1.0 } else { 0.0 }),
        Some(_) => {
            let share = fields.number("stream").ok().flatten().filter(|share| (0.0..=1.0).contains(share));
            share.ok_or_else(|| fields.wrong("stream", STREAM_EXPECTED))
        }
    }
}

fn read_dist(fields: &Fields<'_>, key: &str) -> Result<Option<TokenDist>, Wrong> {
    let Some(node) = fields.get(key) else { return Ok(None) };
    let dist = match &node.value {
        Value::Integer(_) => TokenDist::Fixed { value: fields.tokens(key)?.unwrap_or_default() },
        Value::Table(table) => {
            let plain = toml::Value::try_from(plain_table(table)).ok();
            let dist = plain.and_then(|plain| plain.try_into::<TokenDist>().ok());
            dist.ok_or_else(|| fields.rule(key, format!("'{}' takes {DIST_EXPECTED}", fields.key(key))))?
        }
        _ => return Err(fields.wrong(key, DIST_EXPECTED)),
    };
    check_dist(dist).map_err(|why| fields.rule(key, format!("'{}': {why}", fields.key(key))))?;
    Ok(Some(dist))
}

/// The table of a distribution without its places; what is no number or text is left out and so found missing.
fn plain_table(table: &crate::profile::tree::Table) -> toml::Table {
    let plain = table.iter().filter_map(|(key, node)| {
        let value = match &node.value {
            Value::Text(text) => toml::Value::String(text.clone()),
            Value::Integer(number) => toml::Value::Integer(i64::try_from(*number).ok()?),
            Value::Float(number) => toml::Value::Float(*number),
            Value::Bool(_) | Value::List(_) | Value::Table(_) => return None,
        };
        Some((key.clone(), value))
    });
    plain.collect()
}

/// Whether a distribution can be drawn from.
fn check_dist(dist: TokenDist) -> Result<(), String> {
    let most = f64::from(MOST_TOKENS);
    let inside = |key: &str, value: f64, least: f64| {
        if value >= least && value <= most {
            Ok(())
        } else {
            Err(format!("{key} is {value}; it takes {least} to {most}"))
        }
    };
    match dist {
        TokenDist::Fixed { value } => inside("value", f64::from(value), 1.0),
        TokenDist::Uniform { min, max } if min > max => Err(format!("min is {min} and above max, {max}")),
        TokenDist::Uniform { min, max } => inside("min", f64::from(min), 1.0).and(inside("max", f64::from(max), 1.0)),
        TokenDist::Normal { mean, sd } => inside("mean", mean, 1.0).and(inside("sd", sd, 0.0)),
        TokenDist::Lognormal { p50, p99 } if p99 < p50 => Err(format!("p99 is {p99} and below p50, {p50}")),
        TokenDist::Lognormal { p50, p99 } => inside("p50", p50, 1.0).and(inside("p99", p99, 1.0)),
    }
}
