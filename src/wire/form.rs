//! What a path puts into the body of every request of its own, written as JSON once before the run.

use serde_json::{Map, Value};

use crate::wire::text::push_text;
use crate::workload::body::{Body, json_text};
use crate::workload::call::Call;

/// The field by which a caller says what a stream is to bring along.
const STREAM_OPTIONS: &str = "stream_options";
/// What a chat completion asks of its stream: how many tokens it counted.
const INCLUDE_USAGE: &str = r#"{"include_usage":true}"#;

/// What a path puts into the body of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyForm {
    /// The model in place of the call's own, as JSON.
    model: Option<String>,
    /// The field of a chat completion that limits the tokens of its answer.
    limit_field: &'static str,
    /// What a streamed chat completion asks of its stream, as JSON; `None` where nothing is to be asked.
    stream_options: Option<String>,
    /// Whether the path itself says so.
    own_options: bool,
    /// The path's fields, their values as JSON.
    fields: Vec<(String, String)>,
    /// The same behind the fields of a call: `,"a":1,"b":2`.
    tail: Vec<u8>,
}

impl Default for BodyForm {
    fn default() -> Self {
        Self::new(None, "max_tokens", true, &Map::new())
    }
}

impl BodyForm {
    /// The form of a path: its model in place of the call's, the name of the limit on tokens, whether streamed chat
    /// completions ask for their usage, and more fields, which stand over those of a data file.
    #[must_use]
    pub fn new(model: Option<&str>, limit_field: &'static str, asks_usage: bool, body: &Map<String, Value>) -> Self {
        let own = body.get(STREAM_OPTIONS).map(Value::to_string);
        let mut fields: Vec<(String, String)> =
            body.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
        fields.retain(|(key, _)| key != STREAM_OPTIONS);
        let tail = fields.iter().map(|(key, value)| format!(",{}:{value}", json_text(key))).collect::<String>();
        Self {
            model: model.map(json_text),
            limit_field,
            own_options: own.is_some(),
            stream_options: own.or_else(|| asks_usage.then(|| INCLUDE_USAGE.to_owned())),
            fields,
            tail: tail.into_bytes(),
        }
    }

    /// The name of the limit on the tokens of a chat completion.
    #[must_use]
    pub(crate) fn limit_field(&self) -> &'static str {
        self.limit_field
    }

    /// One of the path's fields, as JSON.
    #[must_use]
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// What a streamed chat completion asks of its stream.
    #[must_use]
    pub(crate) fn stream_options(&self) -> Option<&str> {
        self.stream_options.as_deref()
    }

    /// What the path itself asks of every stream, whatever the API.
    #[must_use]
    pub(crate) fn own_options(&self) -> Option<&str> {
        self.stream_options().filter(|_| self.own_options)
    }

    /// Bytes that the path adds to a call at most, and the model.
    #[must_use]
    pub(crate) fn size(&self, call: &Call) -> usize {
        let model = self.model.as_ref().map_or(call.model.len() + 2, String::len);
        model + self.tail.len() + self.stream_options.as_ref().map_or(0, String::len)
    }

    /// Appends the model, as JSON.
    pub(crate) fn push_model(&self, body: &mut Vec<u8>, call: &Call) {
        match &self.model {
            Some(model) => body.extend_from_slice(model.as_bytes()),
            None => push_text(body, &call.model),
        }
    }

    /// Appends `,"stream":...`, what is asked of the stream, and the path's fields.
    pub(crate) fn push_rest(&self, body: &mut Vec<u8>, stream: bool, options: Option<&str>) {
        match (stream, options) {
            (true, Some(options)) => {
                body.extend_from_slice(b",\"stream\":true,\"stream_options\":");
                body.extend_from_slice(options.as_bytes());
            }
            (true, None) => body.extend_from_slice(b",\"stream\":true"),
            (false, _) => body.extend_from_slice(b",\"stream\":false"),
        }
        body.extend_from_slice(&self.tail);
        body.push(b'}');
    }

    /// Sets the same in a body that is passed on as it is written.
    pub(crate) fn set(&self, body: &mut Body, call: &Call, options: Option<&str>) {
        body.set("model", self.model.clone().unwrap_or_else(|| json_text(&call.model)));
        body.set("stream", call.stream.to_string());
        match options.filter(|_| call.stream) {
            Some(options) => body.set(STREAM_OPTIONS, options.to_owned()),
            None => body.remove(STREAM_OPTIONS),
        }
        self.fields.iter().for_each(|(key, value)| body.set(key, value.clone()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::units::Api;
    use crate::wire::api;
    use crate::workload::call::Prompt;

    /// One prompt in the three forms in which it comes.
    fn prompts(api: Api) -> [Prompt; 3] {
        let (key, text) = match api {
            Api::Chat | Api::Messages => ("messages", r#"[{"role":"user","content":"hi"}]"#),
            Api::Responses => ("input", r#"[{"role":"user","content":"hi"}]"#),
        };
        let body = format!(r#"{{"temperature":1,"stream_options":{{"x":1}},"{key}":{text},"seed":7}}"#);
        [
            Prompt::Text("hi".to_owned()),
            Prompt::Messages(text.to_owned()),
            Prompt::Body(Body::parse(&body).expect("an object")),
        ]
    }

    #[test]
    fn a_path_puts_its_own_into_every_form_of_a_body() {
        let body = json!({"temperature": 0, "metadata": {"a": ["b", null]}, "é\"": true});
        let options = json!({"temperature": 0, "stream_options": {"include_obfuscation": false}});
        // The path's body, whether usage is asked for, and the options of a streamed chat and of streamed Responses.
        let usage = json!({"include_usage": true});
        let own = json!({"include_obfuscation": false});
        let table = [
            (&body, true, usage, Value::Null),
            (&body, false, Value::Null, Value::Null),
            (&options, true, own.clone(), own),
        ];
        for (fields, asks_usage, of_chat, of_responses) in table {
            let fields = fields.as_object().expect("an object");
            let form = BodyForm::new(Some("dep"), "max_completion_tokens", asks_usage, fields);
            for (api, limit, options) in [
                (Api::Chat, "max_completion_tokens", &of_chat),
                (Api::Responses, "max_output_tokens", &of_responses),
                (Api::Messages, "max_tokens", &of_responses),
            ] {
                for (form_number, prompt) in prompts(api).into_iter().enumerate() {
                    for stream in [true, false] {
                        let passed_on = form_number == 2;
                        let call = Call {
                            api,
                            stream,
                            model: "m".into(),
                            prompt: prompt.clone(),
                            max_output_tokens: Some(7),
                            input_tokens: None,
                        };
                        let sent: Value = serde_json::from_slice(&api::encode(&call, &form)).expect("JSON");
                        assert_eq!(
                            (&sent["model"], &sent["stream"], &sent[limit]),
                            (&json!("dep"), &json!(stream), &json!(7))
                        );
                        for (key, value) in fields.iter().filter(|(key, _)| *key != STREAM_OPTIONS) {
                            assert_eq!(&sent[key], value, "{sent}");
                        }
                        // A data file's own options stand where the API has no others.
                        let own = if passed_on && api == Api::Responses && options.is_null() {
                            &json!({"x": 1})
                        } else {
                            options
                        };
                        assert_eq!(&sent[STREAM_OPTIONS], if stream { own } else { &Value::Null }, "{api} {sent}");
                        assert_eq!(sent.get("store"), (api == Api::Responses).then_some(&json!(false)), "{sent}");
                        assert_eq!(sent.get("max_tokens").is_some(), api == Api::Messages, "{sent}");
                        assert_eq!(sent["seed"], if passed_on { json!(7) } else { Value::Null }, "{sent}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_path_may_say_that_responses_are_stored() {
        let fields = json!({"store": true});
        let form = BodyForm::new(None, "max_tokens", true, fields.as_object().expect("an object"));
        for prompt in prompts(Api::Responses) {
            let call = Call {
                api: Api::Responses,
                stream: true,
                model: "m".into(),
                prompt,
                max_output_tokens: None,
                input_tokens: None,
            };
            let sent = String::from_utf8(api::encode(&call, &form)).expect("text");
            assert_eq!((sent.matches("\"store\"").count(), sent.contains("\"store\":true")), (1, true), "{sent}");
        }
    }
}
