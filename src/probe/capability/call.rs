//! The calls by which features are seen: built by the encoders of the workload, with what each feature wants besides.

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::attempt::exchange::Question;
use crate::units::Api;
use crate::wire::api;
use crate::wire::form::BodyForm;
use crate::workload::call::{Call, Prompt};

/// The limit on an answer of which a few tokens are enough; the least that Responses take.
const FEW: u32 = 16;
/// The limit on a streamed answer: so much is told apart from a stream that was held back.
const STREAMED: u32 = 64;
/// The limit on an answer of a given form, thoughts included.
const FORMED: u32 = 512;

/// The tool that has to be called.
pub(super) const TOOL: &str = "report_city";

/// Whom and how to ask.
pub(super) struct Asker<'a> {
    /// The model or deployment.
    pub(super) model: &'a str,
    /// What the path puts into every body.
    pub(super) form: &'a BodyForm,
    /// What makes the prompts differ from those of other times, so that no cache answers them.
    pub(super) nonce: &'a str,
}

impl Asker<'_> {
    /// An answer of a few tokens.
    pub(super) fn plain(&self, api: Api) -> Map<String, Value> {
        self.body((api, false), "Say OK.", FEW)
    }

    /// A stream of some tokens.
    pub(super) fn streamed(&self, api: Api) -> Map<String, Value> {
        self.body((api, true), "Count from one to sixty in words, without anything else.", STREAMED)
    }

    /// A call of a tool that has to be called.
    pub(super) fn tools(&self, api: Api) -> Map<String, Value> {
        let mut body = self.body((api, false), "Report the city of Lisbon.", FORMED);
        let schema = json!({
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": false,
        });
        let about = "Reports a city.";
        let (tool, choice) = match api {
            Api::Chat => (
                json!({"type": "function", "function": {"name": TOOL, "description": about, "parameters": schema, "strict": true}}),
                json!({"type": "function", "function": {"name": TOOL}}),
            ),
            Api::Responses => (
                json!({"type": "function", "name": TOOL, "description": about, "parameters": schema, "strict": true}),
                json!({"type": "function", "name": TOOL}),
            ),
            Api::Messages => (
                json!({"name": TOOL, "description": about, "input_schema": schema}),
                json!({"type": "tool", "name": TOOL}),
            ),
        };
        body.insert("tools".to_owned(), json!([tool]));
        body.insert("tool_choice".to_owned(), choice);
        body
    }

    /// An answer under a strict schema.
    pub(super) fn structured(&self, api: Api) -> Map<String, Value> {
        let mut body = self.body((api, false), "Is Lisbon a city, and how many letters has its name?", FORMED);
        let schema = json!({
            "type": "object",
            "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}, "letters": {"type": "integer"}},
            "required": ["verdict", "letters"],
            "additionalProperties": false,
        });
        let (key, value) = match api {
            Api::Chat => (
                "response_format",
                json!({"type": "json_schema", "json_schema": {"name": "reply", "strict": true, "schema": schema}}),
            ),
            Api::Responses => {
                ("text", json!({"format": {"type": "json_schema", "name": "reply", "strict": true, "schema": schema}}))
            }
            Api::Messages => ("output_config", json!({"format": {"type": "json_schema", "schema": schema}})),
        };
        body.insert(key.to_owned(), value);
        body
    }

    /// A response that is kept, so that others can follow it.
    pub(super) fn kept(&self) -> Map<String, Value> {
        let mut body = self.plain(Api::Responses);
        body.insert("store".to_owned(), true.into());
        body
    }

    /// A response that follows another.
    pub(super) fn following(&self, id: &str) -> Map<String, Value> {
        let mut body = self.kept();
        body.insert("previous_response_id".to_owned(), id.into());
        body
    }

    /// A response that is made in the background.
    pub(super) fn background(&self) -> Map<String, Value> {
        let mut body = self.kept();
        body.insert("background".to_owned(), true.into());
        body
    }

    fn body(&self, (api, stream): (Api, bool), prompt: &str, limit: u32) -> Map<String, Value> {
        let call = Call {
            api,
            stream,
            model: self.model.into(),
            prompt: Prompt::Text(format!("[{}] {prompt}", self.nonce)),
            max_output_tokens: Some(limit),
            input_tokens: None,
        };
        serde_json::from_slice(&api::encode(&call, self.form)).unwrap_or_default()
    }
}

/// The question that sends this body to `resource`.
pub(super) fn post(api: Api, stream: bool, resource: String, body: &Map<String, Value>, id: String) -> Question {
    // A map of JSON can be written.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Question { method: Method::POST, resource, api, stream, body, header: None, id }
}

/// The question that reads `resource`.
pub(super) fn get(api: Api, resource: String, id: String) -> Question {
    Question { method: Method::GET, resource, api, stream: false, body: Vec::new(), header: None, id }
}
