//! What answers say of themselves, over all good answers of a path: what is missing in each is lost on the way, what is
//! missing in some is broken.

use hyper::header::HeaderMap;
use serde_json::Value;

use super::answer::Answer;
use super::row::Observed;
use super::stream;
use crate::units::Api;

/// The headers that name a request.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "apim-request-id", "request-id", "x-ms-request-id"];
/// The header that names a region.
const REGION: &str = "x-ms-region";
/// The headers of a trace of API Management: that of today, and the retired one.
const TRACES: [&str; 2] = ["apim-trace-id", "ocp-apim-trace-location"];

/// What of an answer stands for the whole of it: the answer itself, the last response of a stream, or its events.
fn texts(answer: &Answer) -> Vec<Value> {
    if !answer.stream {
        return answer.json().into_iter().collect();
    }
    let events = answer.events().unwrap_or_default();
    let inner = |event: super::answer::Event| match answer.api {
        Api::Chat => event.data,
        Api::Responses => event.data["response"].clone(),
        Api::Messages if event.data["message"].is_object() => event.data["message"].clone(),
        Api::Messages => event.data,
    };
    events.into_iter().map(inner).filter(Value::is_object).collect()
}

/// Whether an answer can be read at all. What else is wrong with one has a row of its own.
fn is_readable(answer: &&Answer) -> bool {
    if answer.stream { answer.events().is_ok() } else { answer.json().is_ok() }
}

/// Where something is missing that answers should say: in none, in some or in all of those that are asked.
fn judge<'a>(
    what: &str,
    answers: impl Iterator<Item = &'a Answer>,
    shows: impl Fn(&'a Answer) -> bool,
    told: impl Fn() -> String,
) -> Observed {
    let (there, missing): (Vec<&Answer>, Vec<&Answer>) = answers.filter(is_readable).partition(|answer| shows(answer));
    let names = |answers: &[&Answer]| answers.iter().map(|answer| answer.name()).collect::<Vec<_>>().join("; ");
    match (there.is_empty(), missing.is_empty()) {
        (true, true) => Observed::not_asked("no call was answered that could show it"),
        (false, true) => Observed::supported(told()),
        (true, false) => Observed::unsupported(format!("no answer has {what}")),
        (false, false) => Observed::broken(format!("there is no {what} on: {}", names(&missing))),
    }
}

/// Whether answers name the model that was asked.
pub(super) fn judge_model(answers: &[Answer], asked: &str) -> Observed {
    let named = |answer: &Answer| -> Option<String> {
        let texts = texts(answer);
        texts.iter().filter_map(|text| text["model"].as_str()).find(|name| !name.is_empty()).map(str::to_owned)
    };
    let names: Vec<(String, &Answer)> = answers.iter().filter_map(|answer| Some((named(answer)?, answer))).collect();
    if let Some((name, answer)) = names.iter().find(|(name, _)| is_other(asked, name)) {
        let (asked, name) = (answer.clean(asked), answer.clean(name));
        return Observed::broken(format!("the answer names the model {name}, but {asked} was asked"));
    }
    let mut all: Vec<String> = names.iter().map(|(name, answer)| answer.clean(name)).collect();
    all.sort_unstable();
    all.dedup();
    judge("model", answers.iter(), |answer| named(answer).is_some(), || format!("answers name {}", all.join(", ")))
}

/// What the names of models begin with, by which a deployment that is called otherwise is known as one.
const FAMILIES: [&str; 14] = [
    "gpt-",
    "o1",
    "o3",
    "o4",
    "chatgpt-",
    "claude-",
    "text-embedding-",
    "model-router",
    "deepseek-",
    "llama-",
    "mistral-",
    "phi-",
    "grok-",
    "codex-",
];

/// Whether an answer names a model that cannot be the one that was asked. A deployment may be called anything, so that
/// the name of an answer tells something only where the one that was asked is the name of a model itself.
fn is_other(asked: &str, named: &str) -> bool {
    let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let (asked, named) = (plain(asked), plain(named));
    let is_model = FAMILIES.iter().any(|family| asked.starts_with(family)) && asked != "model-router";
    is_model && !named.starts_with(&asked) && !asked.starts_with(&named)
}

/// Whether chat completions have a fingerprint.
pub(super) fn judge_fingerprint(answers: &[Answer]) -> Observed {
    let shows = |answer: &Answer| texts(answer).iter().any(|text| text["system_fingerprint"].is_string());
    let chats = answers.iter().filter(|answer| answer.api == Api::Chat);
    judge("system_fingerprint (missing or null)", chats, shows, || "every chat completion has one".to_owned())
}

/// Whether answers say what their tokens are made of. A streamed chat completion has no usage unless it is asked for.
pub(super) fn judge_usage(answers: &[Answer], asks_usage: bool) -> Observed {
    // The usage of a stream stands at its end.
    let has_end = |answer: &&Answer| !answer.stream || stream::has_end(answer);
    let asked = answers.iter().filter(|answer| asks_usage || !(answer.api == Api::Chat && answer.stream));
    let counted: Vec<&Answer> = asked.filter(has_end).collect();
    let usage = |answer: &Answer| -> Vec<Value> {
        texts(answer).into_iter().map(|text| text["usage"].clone()).filter(Value::is_object).collect()
    };
    let has_usage = judge("usage", counted.iter().copied(), |answer| !usage(answer).is_empty(), String::new);
    if !has_usage.is_supported() {
        return has_usage;
    }
    let detailed = |answer: &Answer| usage(answer).iter().any(|usage| is_detailed(answer.api, usage));
    let what = "details of its usage (cached and reasoning tokens)";
    judge(what, counted.iter().copied(), detailed, || "every usage tells cached and reasoning tokens".to_owned())
}

/// Whether a usage tells what its tokens are made of. Claude tells thoughts only where there are some.
fn is_detailed(api: Api, usage: &Value) -> bool {
    match api {
        Api::Chat => {
            usage["prompt_tokens_details"]["cached_tokens"].is_u64()
                && usage["completion_tokens_details"]["reasoning_tokens"].is_u64()
        }
        Api::Responses => {
            usage["input_tokens_details"]["cached_tokens"].is_u64()
                && usage["output_tokens_details"]["reasoning_tokens"].is_u64()
        }
        Api::Messages => usage["cache_read_input_tokens"].is_u64() && usage["cache_creation_input_tokens"].is_u64(),
    }
}

/// Whether answers name their requests.
pub(super) fn judge_request_id(answers: &[Answer]) -> Observed {
    let name = |headers: &HeaderMap| REQUEST_IDS.into_iter().find(|name| has(headers, name));
    let shows = |answer: &Answer| answer.headers().and_then(name).is_some();
    let seen = answers.iter().find_map(|answer| answer.headers().and_then(name)).unwrap_or_default();
    judge("request id in its head", answers.iter(), shows, || format!("{seen} on every answer"))
}

/// Whether answers name their region.
pub(super) fn judge_region(answers: &[Answer]) -> Observed {
    let region = |answer: &Answer| {
        let value = answer.headers()?.get(REGION)?.to_str().ok().filter(|text| !text.is_empty())?;
        Some(answer.clean(value))
    };
    let mut seen: Vec<String> = answers.iter().filter_map(region).collect();
    seen.sort_unstable();
    seen.dedup();
    judge(REGION, answers.iter(), |answer| region(answer).is_some(), || format!("served in {}", seen.join(", ")))
}

/// Whether a trace comes where it was asked for, and nowhere else; `traced` is the answer to the call with a token.
pub(super) fn judge_trace(answers: &[Answer], traced: Option<&Answer>) -> Observed {
    let has_trace =
        |answer: &&Answer| answer.headers().is_some_and(|headers| TRACES.iter().any(|name| has(headers, name)));
    if let Some(answer) = answers.iter().find(has_trace) {
        let name = answer.name();
        return Observed::broken(format!(
            "a trace came although none was requested, on: {name}; traces slow calls down"
        ));
    }
    let Some(answer) = traced else {
        return Observed::not_asked(
            "there is no debug token: get one with API Management's listDebugCredentials, and name the variable that \
             holds it with --debug-token-env",
        );
    };
    if let Err(refused) = answer.accepted() {
        return refused;
    }
    let refused = answer
        .headers()
        .and_then(|headers| headers.keys().find(|name| name.as_str().starts_with("apim-debug-authorization-")));
    match (has_trace(&answer), refused) {
        (true, _) => Observed::supported("the call with a debug token got a trace id, and no other did"),
        (false, Some(header)) => Observed::failed(format!("the debug token was refused ({header})")),
        (false, None) => Observed::unsupported("the call with a debug token got no trace id"),
    }
}

fn has(headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_another_only_where_that_can_be_known() {
        for (asked, named, expected) in [
            ("gpt-4o", "gpt-4o-2024-08-06", false),
            ("gpt-4o", "gpt-4o", false),
            ("openai/gpt-4o", "gpt-4o-2024-08-06", false),
            ("gpt-4o-2024-08-06", "gpt-4o", false),
            ("gpt-4o", "gpt-4.1-2025-04-14", true),
            ("gpt-5.1", "gpt-4o", true),
            ("claude-opus-5", "gpt-4o", true),
            ("prod-chat", "gpt-4o-2024-08-06", false),
            ("model-router", "gpt-5-mini-2025-08-07", false),
            ("o3-mini", "o3-mini-2025-01-31", false),
            ("GPT-4o", "gpt-4o-2024-08-06", false),
        ] {
            assert_eq!(is_other(asked, named), expected, "{asked}: {named}");
        }
    }
}
