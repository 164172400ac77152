//! Embeddings: unit vectors that depend on nothing but the model and the text.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::completions::count_tokens;
use super::content::json::quoted;
use super::error::ApiError;
use super::interfaces::EMBEDDINGS;
use super::models::{self, Purpose};
use super::reader::{Opened, Reader};
use super::route::Route;
use crate::model::prompt::Str;
use crate::model::rng::seeded_rng;
use crate::units::bounds::Bound;

/// The most tokens of one text.
const TOKENS: usize = 8192;

/// The fields of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct EmbeddingsRequest<'a> {
    input: Option<Value>,
    dimensions: Option<usize>,
    #[serde(borrow)]
    encoding_format: Option<Str<'a>>,
}

/// The vectors to answer with.
pub(crate) struct Vectors {
    /// The name that was asked for.
    pub(crate) name: String,
    /// The model that answers, as a JSON string.
    model: String,
    inputs: Vec<Value>,
    pub(crate) prompt_tokens: usize,
    dimensions: usize,
    base64: bool,
}

impl EmbeddingsRequest<'_> {
    /// What is asked for, of the model `snapshot`.
    pub(crate) fn vectors(self, name: String, snapshot: String) -> Result<Vectors, ApiError> {
        let base64 = self.encoding_format.is_some_and(|Str(format)| format == "base64");
        let natural = models::dimensions(&snapshot);
        let dimensions = self.dimensions.unwrap_or(natural);
        if dimensions > natural {
            return Err(ApiError::invalid(format!("'dimensions' must be from 1 to {natural}."), "dimensions"));
        }
        if self.dimensions.is_some() && snapshot.contains("ada") {
            return Err(ApiError::invalid("This model does not support specifying dimensions.", "dimensions"));
        }
        let inputs = inputs(self.input)?;
        let tokens: Vec<usize> = inputs.iter().map(count_tokens).collect();
        if let Some(long) = tokens.iter().find(|tokens| **tokens > TOKENS) {
            let message = format!(
                "This model's maximum context length is {TOKENS} tokens, however you requested {long} tokens. Please \
                 reduce your prompt."
            );
            return Err(ApiError::coded("context_length_exceeded", message, "input"));
        }
        let prompt_tokens = tokens.iter().sum();
        let vectors = Vectors { name, model: quoted(&snapshot), inputs, prompt_tokens, dimensions, base64 };
        if vectors.size() > Bound::Answer.most() {
            let message =
                format!("The vectors would take more than {}; ask for fewer, or as base64.", Bound::Answer.row());
            return Err(ApiError::invalid(message, "input"));
        }
        Ok(vectors)
    }
}

/// A text, texts, tokens, or lists of tokens, as a list of what gets a vector each.
fn inputs(input: Option<Value>) -> Result<Vec<Value>, ApiError> {
    let list = match input {
        Some(Value::Array(list)) if list.iter().all(Value::is_u64) && !list.is_empty() => vec![Value::Array(list)],
        Some(Value::Array(list)) => list,
        text => text.into_iter().collect(),
    };
    let is_tokens = |list: &Vec<Value>| !list.is_empty() && list.iter().all(Value::is_u64);
    let good = |one: &Value| match one {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => is_tokens(list),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    if list.is_empty() || !list.iter().all(good) {
        return Err(ApiError::invalid("'input' must be text or tokens, and not empty.", "input"));
    }
    Ok(list)
}

impl Reader<'_> {
    /// A request for embeddings.
    pub(crate) fn read_embeddings(&self, route: &Route<'_>, body: &[u8]) -> Result<Vectors, ApiError> {
        let Opened { request, name, snapshot, .. }: Opened<EmbeddingsRequest<'_>> =
            self.open(route, body, EMBEDDINGS, Purpose::Embedding)?;
        request.vectors(name, snapshot)
    }
}

impl Vectors {
    /// The answer.
    pub(crate) fn whole(&self) -> Vec<u8> {
        let tokens = self.prompt_tokens;
        let mut out = Vec::with_capacity(self.size());
        out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
        for (i, input) in self.inputs.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b"," } else { b"" });
            out.extend_from_slice(self.entry(i, input).as_bytes());
        }
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "],\"model\":{},\"usage\":{{\"prompt_tokens\":{tokens},\"total_tokens\":{tokens}}}}}",
            self.model
        );
        out
    }

    /// About how many bytes the answer has.
    fn size(&self) -> usize {
        self.inputs.len() * (64 + self.dimensions * if self.base64 { 16 } else { 39 } / 3)
    }

    fn entry(&self, i: usize, input: &Value) -> String {
        let vector = vector(&self.model, input, self.dimensions);
        let embedding = if self.base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            format!("\"{}\"", STANDARD.encode(bytes))
        } else {
            let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
            format!("[{}]", numbers.join(","))
        };
        format!("{{\"object\":\"embedding\",\"index\":{i},\"embedding\":{embedding}}}")
    }
}

/// The unit vector of a text.
fn vector(model: &str, input: &Value, dimensions: usize) -> Vec<f32> {
    use rand::RngExt;
    let mut rng = seeded_rng(0, &format!("{model}{input}"), dimensions as u64);
    let raw: Vec<f32> = (0..dimensions).map(|_| rng.random::<f32>() - 0.5).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_differ_by_text_only() {
        let of = |text: &str| vector("m", &Value::from(text), 256);
        assert!((of("a").iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn texts_and_tokens_come_in_four_forms() {
        let number = |input: &str| inputs(Some(serde_json::from_str(input).unwrap())).map(|list| list.len()).ok();
        let table = [
            ("\"a\"", Some(1)),
            ("[\"a\",\"b\"]", Some(2)),
            ("[1,2,3]", Some(1)),
            ("[[1,2],[3]]", Some(2)),
            ("\"\"", None),
            ("[]", None),
            ("[[]]", None),
            ("{}", None),
            ("[\"a\",1.5]", None),
        ];
        for (input, expected) in table {
            assert_eq!(number(input), expected, "{input}");
        }
    }
}
