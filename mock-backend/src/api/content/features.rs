//! What a request asks for beyond plain text: tools, a shape, an end, a refusal. Read from either API.

use serde::Deserialize;
use serde_json::Value;

use super::strict_schema;
use crate::api::error::ApiError;
use crate::api::measure::Voice;

/// What a request asks for that asks for more than text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Features {
    pub(crate) tools: Vec<Tool>,
    /// Whether tools are called now.
    pub(crate) calls: Calls,
    /// Whether the model may do without calling them.
    pub(crate) may_decline: bool,
    pub(crate) format: Format,
    pub(crate) stop: Vec<String>,
    /// Whether the model refuses.
    pub(crate) refuses: bool,
    /// The same seed and number of the choice give the same text.
    pub(crate) seed: Option<i64>,
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) takes: Takes,
}

/// What a tool is called with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Takes {
    /// A function: arguments of this schema.
    Arguments(Value),
    /// A custom tool: text, of this regular expression if there is one.
    Text(Option<String>),
}

/// Which tools are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Calls {
    #[default]
    None,
    /// So many, taken in turn from the first.
    First(usize),
    /// The one of this name.
    Named(String),
}

/// The shape of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Format {
    #[default]
    Text,
    /// Any JSON object.
    Object,
    /// JSON that is valid against this schema.
    Schema(Value),
}

/// How a request lists a tool: flat as in the Responses API, or under `function` as in chat completions.
#[derive(Debug, Deserialize)]
pub(crate) struct RawTool {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    parameters: Option<Value>,
    format: Option<Value>,
    strict: Option<bool>,
    function: Option<RawFunction>,
    custom: Option<RawFunction>,
}

/// What is nested under `function` or `custom`; also an item of the deprecated `functions`.
#[derive(Debug, Deserialize)]
pub(crate) struct RawFunction {
    name: Option<String>,
    parameters: Option<Value>,
    format: Option<Value>,
    strict: Option<bool>,
}

/// The deprecated `function_call`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum RawFunctionCall {
    Mode(String),
    Named { name: String },
}

/// `tool_choice` of both APIs.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum RawChoice {
    Mode(String),
    /// Some tools, flat as in the Responses API.
    Allowed(Allowed),
    /// The same, nested as in chat completions.
    NestedAllowed {
        allowed_tools: Allowed,
    },
    Function(Box<RawTool>),
}

/// The tools that may be called, and whether one must be.
#[derive(Debug, Deserialize)]
pub(crate) struct Allowed {
    mode: String,
    tools: Vec<RawTool>,
}

/// `stop`: one or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Stop {
    One(String),
    Any(Vec<String>),
}

impl Stop {
    /// As a list.
    pub(crate) fn list(self) -> Vec<String> {
        let list = match self {
            Self::One(one) => vec![one],
            Self::Any(list) => list,
        };
        list.into_iter().filter(|stop| !stop.is_empty()).collect()
    }
}

impl RawTool {
    /// A tool of the deprecated `functions`.
    pub(crate) fn of(function: RawFunction) -> Self {
        let kind = Some("function".to_owned());
        Self { kind, name: None, parameters: None, format: None, strict: None, function: Some(function), custom: None }
    }
}

impl RawChoice {
    /// The tool of this name.
    pub(crate) fn named(name: String) -> Self {
        Self::of(RawFunctionCall::Named { name })
    }

    /// A choice of the deprecated `function_call`.
    pub(crate) fn of(call: RawFunctionCall) -> Self {
        match call {
            RawFunctionCall::Mode(mode) => Self::Mode(mode),
            RawFunctionCall::Named { name } => {
                let function = RawFunction { name: Some(name), parameters: None, format: None, strict: None };
                Self::Function(Box::new(RawTool::of(function)))
            }
        }
    }
}

/// The regular expression that a custom tool's text has to match, nested or flat. What a grammar in another syntax says
/// is not heeded.
fn regex(format: Option<&Value>) -> Option<String> {
    let format = format?;
    let grammar = format.get("grammar").unwrap_or(format);
    (grammar["syntax"] == "regex").then(|| grammar["definition"].as_str().map(str::to_owned))?
}

impl RawTool {
    /// The name in it, wherever it stands.
    fn into_name(self) -> Option<String> {
        self.function.or(self.custom).and_then(|inner| inner.name).or(self.name)
    }
}

/// The functions and custom tools among the tools; those that run on the server's side are accepted and never used. In
/// chat completions they are nested, in the Responses API they are flat.
pub(crate) fn tools(tools: Vec<RawTool>, voice: Voice) -> Result<Vec<Tool>, ApiError> {
    let mut found = Vec::new();
    for (i, tool) in tools.into_iter().enumerate() {
        let (kind, custom) = match tool.kind.as_deref() {
            Some("function") => ("function", false),
            Some("custom") => ("custom", true),
            Some(_) => continue,
            None => return Err(ApiError::missing(&format!("tools[{i}].type"))),
        };
        let flat =
            RawFunction { name: tool.name, parameters: tool.parameters, format: tool.format, strict: tool.strict };
        let (inner, place) = match voice {
            Voice::Responses | Voice::Messages => (Some(flat), format!("tools[{i}]")),
            Voice::Chat => (if custom { tool.custom } else { tool.function }, format!("tools[{i}].{kind}")),
        };
        let inner = inner.ok_or_else(|| ApiError::missing(&place))?;
        let name = inner.name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ApiError::missing(&format!("{place}.name")))?;
        if name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            let message = format!(
                "Invalid '{place}.name': string does not match pattern. Expected a string that matches the pattern \
                 '^[a-zA-Z0-9_-]+$'."
            );
            return Err(ApiError::coded("invalid_value", message, &format!("{place}.name")));
        }
        let parameters = inner.parameters.filter(|schema| !schema.is_null());
        if let Some(schema) = parameters.as_ref().filter(|_| inner.strict == Some(true)) {
            let refuse = |why| {
                let message = format!("Invalid schema for function '{name}': {why}");
                ApiError::coded("invalid_function_parameters", message, &format!("{place}.parameters"))
            };
            strict_schema::check(schema).map_err(refuse)?;
        }
        let takes = if custom {
            Takes::Text(regex(inner.format.as_ref()))
        } else {
            Takes::Arguments(parameters.unwrap_or(Value::Bool(true)))
        };
        found.push(Tool { name, takes });
    }
    Ok(found)
}

/// What decides whether tools are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion {
    /// `parallel_tool_calls`.
    pub(crate) parallel: bool,
    /// Whether the last thing said is the result of a tool.
    pub(crate) answered: bool,
    /// The number of calls that the caller asks the simulator for.
    pub(crate) requested: Option<usize>,
}

/// Which tools are called: without a word, each of the first two once, until a result has come. Those that must not be
/// called are taken out. Also says whether the model may do without.
pub(crate) fn calls(
    tools: &mut Vec<Tool>,
    choice: Option<RawChoice>,
    occasion: Occasion,
) -> Result<(Calls, bool), ApiError> {
    let some = |tools: &[Tool]| {
        let most = if occasion.parallel { occasion.requested.unwrap_or(2.min(tools.len())).min(64) } else { 1 };
        Calls::First(most)
    };
    let wrong = |message: &str| Err(ApiError::invalid(message, "tool_choice"));
    let mode = match choice {
        None if tools.is_empty() => return Ok((Calls::None, false)),
        Some(RawChoice::Mode(mode)) if mode == "none" || (mode == "auto" && tools.is_empty()) => {
            return Ok((Calls::None, false));
        }
        Some(_) if tools.is_empty() => {
            return wrong("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.");
        }
        None => "auto".to_owned(),
        Some(RawChoice::Mode(mode)) => mode,
        Some(RawChoice::Allowed(allowed) | RawChoice::NestedAllowed { allowed_tools: allowed }) => {
            let names: Vec<String> = allowed.tools.into_iter().filter_map(RawTool::into_name).collect();
            if names.iter().any(|name| !tools.iter().any(|tool| tool.name == *name)) {
                return wrong("Tool choice names a tool that is not in 'tools'.");
            }
            tools.retain(|tool| names.contains(&tool.name));
            allowed.mode
        }
        Some(RawChoice::Function(tool)) => {
            return match tool.into_name().filter(|name| tools.iter().any(|tool| tool.name == *name)) {
                Some(name) => Ok((Calls::Named(name), false)),
                None => wrong("Tool choice names a tool that is not in 'tools'."),
            };
        }
    };
    match mode.as_str() {
        "auto" if occasion.answered || tools.is_empty() => Ok((Calls::None, false)),
        "auto" => Ok((some(tools), true)),
        "required" => Ok((some(tools), false)),
        _ => Err(ApiError::no_such_word(&mode, &["none", "auto", "required"], "tool_choice")),
    }
}

/// `response_format` of chat completions or `text.format` of the Responses API.
pub(crate) fn format(format: Option<&Value>, voice: Voice) -> Result<Format, ApiError> {
    let param = match voice {
        Voice::Chat => "response_format",
        Voice::Responses => "text.format",
        Voice::Messages => "output_config.format",
    };
    let Some(format) = format.filter(|format| !format.is_null()) else { return Ok(Format::Text) };
    let missing = |what: &str| Err(ApiError::missing(&format!("{param}.{what}")));
    match format["type"].as_str() {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::Object),
        Some("json_schema") => {
            let (spec, place) = format.get("json_schema").map_or((format, ""), |spec| (spec, "json_schema."));
            if spec["name"].as_str().is_none_or(str::is_empty) {
                return missing(&format!("{place}name"));
            }
            let Some(schema) = spec.get("schema").filter(|schema| schema.is_object()) else {
                return missing(&format!("{place}schema"));
            };
            if spec["strict"] == true {
                strict_schema::check(schema).map_err(|why| {
                    let message =
                        format!("Invalid schema for response_format {}: {why}", spec["name"]).replace('"', "'");
                    match voice {
                        Voice::Chat | Voice::Messages => ApiError::invalid(message, param),
                        Voice::Responses => ApiError::coded("invalid_json_schema", message, "text.format.schema"),
                    }
                })?;
            }
            Ok(Format::Schema(schema.clone()))
        }
        Some(other) => {
            Err(ApiError::no_such_word(other, &["json_object", "json_schema", "text"], &format!("{param}.type")))
        }
        None => missing("type"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn called(tools: usize, choice: Option<Value>, parallel: bool, answered: bool) -> Option<Calls> {
        let mut tools: Vec<Tool> =
            (0..tools).map(|i| Tool { name: format!("f{i}"), takes: Takes::Text(None) }).collect();
        let choice = choice.map(|choice| serde_json::from_value(choice).unwrap());
        calls(&mut tools, choice, Occasion { parallel, answered, requested: None }).ok().map(|(calls, _)| calls)
    }

    #[test]
    fn tools_are_called_when_they_may_be() {
        let named = json!({"type": "function", "function": {"name": "f1"}});
        let flat = json!({"type": "function", "name": "f1"});
        let custom = json!({"type": "custom", "custom": {"name": "f1"}});
        let one = json!({"type": "function", "name": "f1"});
        let first = Some(Calls::First(1));
        let table = [
            (0, None, true, false, Some(Calls::None)),
            (1, None, true, false, Some(Calls::First(1))),
            (3, None, true, false, Some(Calls::First(2))),
            (3, None, false, false, Some(Calls::First(1))),
            (3, Some(json!("auto")), true, true, Some(Calls::None)),
            (3, Some(json!("required")), true, true, Some(Calls::First(2))),
            (3, Some(json!("none")), true, false, Some(Calls::None)),
            (3, Some(named.clone()), true, false, Some(Calls::Named("f1".to_owned()))),
            (3, Some(flat), true, false, Some(Calls::Named("f1".to_owned()))),
            (3, Some(custom), true, false, Some(Calls::Named("f1".to_owned()))),
            (1, Some(named.clone()), true, false, None),
            (0, Some(json!("required")), true, false, None),
            (1, Some(json!("sometimes")), true, false, None),
            (3, Some(json!({"type": "allowed_tools", "mode": "auto", "tools": [one]})), true, false, first),
            (3, Some(json!({"type": "allowed_tools", "mode": "auto", "tools": [one]})), true, true, Some(Calls::None)),
            (
                3,
                Some(json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}})),
                true,
                true,
                Some(Calls::First(1)),
            ),
            (1, Some(json!({"type": "allowed_tools", "mode": "auto", "tools": [one]})), true, false, None),
        ];
        for (tools, choice, parallel, answered, expected) in table {
            assert_eq!(called(tools, choice.clone(), parallel, answered), expected, "{tools} {choice:?}");
        }
    }

    #[test]
    fn tools_of_both_apis_are_read_and_grammars_are_regular_expressions_or_nothing() {
        let read = |tool: Value| {
            let voice =
                if tool.get("custom").or(tool.get("function")).is_some() { Voice::Chat } else { Voice::Responses };
            tools(vec![serde_json::from_value(tool).unwrap()], voice).map(|mut tools| tools.remove(0).takes)
        };
        let text = |regex: Option<&str>| Ok(Takes::Text(regex.map(str::to_owned)));
        let grammar = json!({"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}});
        let flat = json!({"type": "grammar", "syntax": "regex", "definition": "a+"});
        let lark = json!({"type": "grammar", "syntax": "lark", "definition": "start: \"a\""});
        assert_eq!(read(json!({"type": "custom", "custom": {"name": "c", "format": grammar}})), text(Some("a+")));
        assert_eq!(read(json!({"type": "custom", "name": "c", "format": flat})), text(Some("a+")));
        assert_eq!(read(json!({"type": "custom", "name": "c", "format": lark})), text(None));
        assert_eq!(read(json!({"type": "custom", "name": "c"})), text(None));
        let function = json!({"type": "function", "function": {"name": "f", "parameters": {}}});
        assert_eq!(read(function), Ok(Takes::Arguments(json!({}))));
        let nameless = read(json!({"type": "custom", "custom": {}})).unwrap_err();
        assert!(format!("{nameless:?}").contains("tools[0].custom.name"), "{nameless:?}");
    }

    #[test]
    fn formats_of_both_apis_are_read_and_wrong_ones_named() {
        let read = |value: Value| format(Some(&value), Voice::Chat);
        let schema = json!({"type": "object"});
        assert_eq!(read(json!({"type": "text"})), Ok(Format::Text));
        assert_eq!(read(json!({"type": "json_object"})), Ok(Format::Object));
        let nested = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
        assert_eq!(read(nested), Ok(Format::Schema(schema.clone())));
        assert_eq!(read(json!({"type": "json_schema", "name": "n", "schema": schema})), Ok(Format::Schema(schema)));
        for wrong in [
            json!({}),
            json!({"type": "xml"}),
            json!({"type": "json_schema"}),
            json!({"type": "json_schema", "name": "x"}),
        ] {
            assert!(read(wrong).is_err());
        }
    }
}
