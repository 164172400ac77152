//! async-openai, whose types are strict, against the simulator. Run by `tests/clients/libraries`, which says where the
//! listeners are.
#![cfg(test)]

use async_openai::Client;
use async_openai::config::{AzureConfig, Config, OpenAIConfig};
use async_openai::error::OpenAIError;
use async_openai::types::chat::{ChatCompletionMessageToolCalls, FinishReason};
use async_openai::types::responses::{OutputItem, ResponseStreamEvent, Status};
use futures::TryStreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

type Done = Result<(), OpenAIError>;
type Any = Client<Box<dyn Config>>;

const KEY: &str = "key";

/// A request as its JSON, which must be one that the library's types know.
fn ask<T: DeserializeOwned>(request: Value) -> T {
    serde_json::from_value(request).expect("a request that the types know")
}

fn url(listener: &str) -> String {
    let listeners = std::env::var("SIM_LISTENERS").expect("tests/clients/libraries says where the listeners are");
    let listeners: Value = serde_json::from_str(&listeners).expect("JSON");
    let all = listeners["listeners"].as_array().expect("a list of listeners");
    let found = all.iter().find(|one| one["name"] == listener).expect("a listener of that name");
    found["url"].as_str().expect("its address").to_owned()
}

fn open_ai(base: String, key: &str) -> Any {
    Client::with_config(Box::new(OpenAIConfig::new().with_api_base(base).with_api_key(key)))
}

fn azure(base: String, deployment: &str, key: &str) -> Any {
    let config = AzureConfig::new().with_api_base(base).with_api_version("2025-04-01-preview");
    Client::with_config(Box::new(config.with_deployment_id(deployment).with_api_key(key)))
}

/// Every way in which people point the library at a listener for Responses.
fn for_responses(listener: &str, key: &str) -> Vec<Any> {
    vec![open_ai(url(listener) + "/v1", key), open_ai(url(listener) + "/openai/v1", key)]
}

/// And for what is asked of a deployment.
fn for_deployments(listener: &str, deployment: &str, key: &str) -> Vec<Any> {
    let mut all = for_responses(listener, key);
    all.push(azure(url(listener), deployment, key));
    all
}

fn everywhere(deployment: &str) -> Vec<Any> {
    ["one", "gateway"].iter().flat_map(|listener| for_deployments(listener, deployment, KEY)).collect()
}

fn everywhere_for_responses() -> Vec<Any> {
    ["one", "gateway"].iter().flat_map(|listener| for_responses(listener, KEY)).collect()
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    json!({"name": "get_weather", "description": "The weather of a city", "strict": true, "parameters": parameters})
}

fn hello() -> Value {
    json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello world"}])
}

#[tokio::test]
async fn chat_and_usage() -> Done {
    for client in everywhere("gpt-4o") {
        let answer = client.chat().create(ask(json!({"model": "gpt-4o", "messages": hello()}))).await?;
        assert!(answer.choices[0].message.content.as_ref().is_some_and(|text| !text.is_empty()));
        assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
        let usage = answer.usage.expect("usage");
        assert_eq!(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
        let cut = json!({"model": "gpt-4o", "messages": hello(), "max_completion_tokens": 3, "n": 2});
        let cut = client.chat().create(ask(cut)).await?;
        assert!(cut.choices.iter().all(|choice| choice.finish_reason == Some(FinishReason::Length)));
        assert_eq!((cut.choices.len(), cut.usage.map(|usage| usage.completion_tokens)), (2, Some(6)));
    }
    Ok(())
}

#[tokio::test]
async fn chat_as_a_stream() -> Done {
    for client in everywhere("gpt-4o") {
        let request = json!({"model": "gpt-4o", "messages": hello(), "logprobs": true, "top_logprobs": 2,
            "stream": true, "stream_options": {"include_usage": true}});
        let chunks: Vec<_> = client.chat().create_stream(ask(request)).await?.try_collect().await?;
        let choices = || chunks.iter().flat_map(|chunk| &chunk.choices);
        let text: String = choices().filter_map(|choice| choice.delta.content.clone()).collect();
        let tokens =
            choices().filter_map(|choice| choice.logprobs.as_ref()).flat_map(|likely| likely.content.iter().flatten());
        assert_eq!(tokens.map(|token| token.token.as_str()).collect::<String>(), text);
        assert_eq!(choices().filter_map(|choice| choice.finish_reason).collect::<Vec<_>>(), [FinishReason::Stop]);
        assert_eq!(chunks.last().and_then(|chunk| chunk.usage.as_ref()).map(|usage| usage.completion_tokens), Some(24));
    }
    Ok(())
}

#[tokio::test]
async fn tools_and_their_results() -> Done {
    for client in everywhere("gpt-4o") {
        let tools = json!([{"type": "function", "function": weather()}]);
        let request = json!({"model": "gpt-4o", "messages": hello(), "tools": tools});
        let asked = client.chat().create(ask(request)).await?.choices.remove(0);
        assert_eq!(asked.finish_reason, Some(FinishReason::ToolCalls));
        let calls = asked.message.tool_calls.expect("a call");
        let ChatCompletionMessageToolCalls::Function(call) = &calls[0] else { panic!("a function is called") };
        let arguments: Value = serde_json::from_str(&call.function.arguments).expect("arguments in JSON");
        assert!(arguments["city"].is_string());
        let mut said = hello();
        let list = said.as_array_mut().expect("a list");
        list.push(json!({"role": "assistant", "tool_calls": calls}));
        list.push(json!({"role": "tool", "tool_call_id": call.id, "content": "fine"}));
        let after = client.chat().create(ask(json!({"model": "gpt-4o", "messages": said, "tools": tools}))).await?;
        assert!(after.choices[0].message.content.is_some());

        let request =
            json!({"model": "gpt-4o", "messages": hello(), "tools": tools, "tool_choice": "required", "stream": true});
        let chunks: Vec<_> = client.chat().create_stream(ask(request)).await?.try_collect().await?;
        let calls =
            chunks.iter().flat_map(|chunk| &chunk.choices).flat_map(|choice| choice.delta.tool_calls.iter().flatten());
        let text: String = calls.filter_map(|call| call.function.as_ref()?.arguments.clone()).collect();
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|arguments| arguments["city"].is_string()));
    }
    Ok(())
}

// Custom tools are asked for through Responses alone, and nothing is compacted: async-openai 0.43 calls the former
// `custom_tool` in chat and wants the latter to hold answers only, where the official description says otherwise.

#[tokio::test]
async fn deprecated_functions() -> Done {
    for client in everywhere("gpt-4o") {
        let functions = json!([{"name": "get_time", "parameters": {"type": "object", "properties": {}}}]);
        let asked =
            client.chat().create(ask(json!({"model": "gpt-4o", "messages": hello(), "functions": functions}))).await?;
        assert_eq!(asked.choices[0].finish_reason, Some(FinishReason::FunctionCall));
    }
    Ok(())
}

#[tokio::test]
async fn structured_output() -> Done {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}, "stops": {"type": "array",
        "items": {"type": "string"}}}, "required": ["title", "stops"], "additionalProperties": false});
    for client in everywhere("gpt-4o") {
        let format = json!({"type": "json_schema", "json_schema": {"name": "trip", "strict": true, "schema": schema}});
        let request = json!({"model": "gpt-4o", "messages": hello(), "response_format": format});
        let answer = client.chat().create(ask(request)).await?;
        let text = answer.choices[0].message.content.clone().unwrap_or_default();
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|trip| trip["stops"].is_array()));
    }
    for client in everywhere_for_responses() {
        let text = json!({"format": {"type": "json_schema", "name": "trip", "strict": true, "schema": schema}});
        let answer = client.responses().create(ask(json!({"model": "gpt-4o", "input": "hello", "text": text}))).await?;
        let text = answer.output_text().unwrap_or_default();
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|trip| trip["stops"].is_array()));
    }
    Ok(())
}

#[tokio::test]
async fn embeddings() -> Done {
    for client in everywhere("text-embedding-3-small") {
        let request = json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 8});
        let floats = client.embeddings().create(ask(request.clone())).await?;
        assert_eq!((floats.data.len(), floats.data[0].embedding.len(), floats.usage.prompt_tokens), (2, 8, 2));
        let mut request = request;
        request["encoding_format"] = json!("base64");
        let encoded = client.embeddings().create_base64(ask(request)).await?;
        assert_eq!(encoded.data.len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn models_and_legacy_completions() -> Done {
    for client in everywhere_for_responses() {
        let models = client.models().list().await?;
        assert!(models.data.iter().any(|model| model.id == "gpt-4o"));
        assert_eq!(client.models().retrieve("gpt-4o").await?.id, "gpt-4o");
    }
    for client in everywhere("gpt-3.5-turbo-instruct") {
        let request = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "hello", "max_tokens": 4});
        let answer = client.completions().create(ask(request.clone())).await?;
        assert_eq!(answer.usage.map(|usage| usage.completion_tokens), Some(4));
        let mut request = request;
        request["stream"] = json!(true);
        let chunks: Vec<_> = client.completions().create_stream(ask(request)).await?.try_collect().await?;
        assert!(chunks.iter().flat_map(|chunk| &chunk.choices).any(|choice| !choice.text.is_empty()));
    }
    Ok(())
}

#[tokio::test]
async fn stored_completions() -> Done {
    for client in everywhere_for_responses() {
        let request = json!({"model": "gpt-4o", "messages": hello(), "store": true, "metadata": {"a": "1"}});
        let made = client.chat().create(ask(request)).await?;
        assert_eq!(client.chat().retrieve(&made.id).await?.id, made.id);
        client.chat().update(&made.id, ask(json!({"metadata": {"a": "2"}}))).await?;
        assert!(client.chat().delete(&made.id).await?.deleted);
    }
    Ok(())
}

#[tokio::test]
async fn responses_are_kept_followed_and_deleted() -> Done {
    for client in everywhere_for_responses() {
        let first = client.responses().create(ask(json!({"model": "gpt-4o", "input": "hello world"}))).await?;
        assert_eq!(first.status, Status::Completed);
        assert_eq!(client.responses().retrieve(&first.id).await?.output_text(), first.output_text());
        let request = json!({"model": "gpt-4o", "input": "go on", "previous_response_id": first.id});
        let second = client.responses().create(ask(request.clone())).await?;
        let tokens = |usage: Option<async_openai::types::responses::ResponseUsage>| {
            usage.map(|usage| (usage.input_tokens, usage.output_tokens)).expect("usage")
        };
        assert!(tokens(second.usage).0 > tokens(first.usage).1);
        assert_eq!(client.responses().list_input_items(&first.id).await?.data.len(), 1);
        let counted =
            client.responses().get_input_token_counts(ask(json!({"model": "gpt-4o", "input": "hello world"}))).await?;
        assert!(counted.input_tokens > 0);
        assert!(client.responses().delete(&first.id).await?.deleted);
        let error = client.responses().create(ask(request)).await.expect_err("what is deleted cannot be followed");
        assert_eq!(of_api(error), (400, Some("previous_response_not_found".to_owned())));
    }
    Ok(())
}

#[tokio::test]
async fn responses_as_a_stream() -> Done {
    for client in everywhere_for_responses() {
        let request = json!({"model": "gpt-5", "input": "hello", "stream": true, "reasoning": {"effort": "medium", "summary": "auto"}});
        let events: Vec<_> = client.responses().create_stream(ask(request)).await?.try_collect().await?;
        let mut text = String::new();
        let mut summary = String::new();
        for event in &events {
            match event {
                ResponseStreamEvent::ResponseOutputTextDelta(delta) => text += &delta.delta,
                ResponseStreamEvent::ResponseReasoningSummaryTextDelta(delta) => summary += &delta.delta,
                _ => {}
            }
        }
        let Some(ResponseStreamEvent::ResponseCompleted(last)) = events.last() else {
            panic!("the response is completed")
        };
        assert_eq!(last.response.output_text(), Some(text));
        assert!(!summary.is_empty());
        let request = json!({"model": "gpt-4o", "input": "hello", "stream": true, "max_output_tokens": 16});
        let events: Vec<_> = client.responses().create_stream(ask(request)).await?.try_collect().await?;
        assert!(matches!(events.last(), Some(ResponseStreamEvent::ResponseIncomplete(_))));
    }
    Ok(())
}

#[tokio::test]
async fn tools_of_responses() -> Done {
    for client in everywhere_for_responses() {
        let mut tool = weather();
        tool["type"] = json!("function");
        let tools = json!([tool, {"type": "custom", "name": "shell", "description": "d", "format": {"type": "text"}}]);
        let first =
            client.responses().create(ask(json!({"model": "gpt-4o", "input": "hello", "tools": tools}))).await?;
        let outputs: Vec<Value> = first
            .output
            .iter()
            .map(|item| match item {
                OutputItem::FunctionCall(call) => {
                    json!({"type": "function_call_output", "call_id": call.call_id, "output": "fine"})
                }
                OutputItem::CustomToolCall(call) => {
                    json!({"type": "custom_tool_call_output", "call_id": call.call_id, "output": "fine"})
                }
                other => panic!("only calls are expected, and there is {other:?}"),
            })
            .collect();
        assert_eq!(outputs.len(), 2);
        let request = json!({"model": "gpt-4o", "input": outputs, "tools": tools, "previous_response_id": first.id});
        assert!(client.responses().create(ask(request)).await?.output_text().is_some());
        let request = json!({"model": "gpt-4o", "input": "hello", "tools": tools, "stream": true});
        let events: Vec<_> = client.responses().create_stream(ask(request)).await?.try_collect().await?;
        let done = |event: &&ResponseStreamEvent| {
            matches!(
                event,
                ResponseStreamEvent::ResponseFunctionCallArgumentsDone(_)
                    | ResponseStreamEvent::ResponseCustomToolCallInputDone(_)
            )
        };
        assert_eq!(events.iter().filter(done).count(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn responses_in_the_background() -> Done {
    for client in everywhere_for_responses() {
        let request = json!({"model": "gpt-5", "input": "hello", "background": true, "reasoning": {"effort": "high"}});
        let made = client.responses().create(ask(request)).await?;
        assert_eq!(made.status, Status::Queued);
        assert_eq!(client.responses().cancel(&made.id).await?.status, Status::Cancelled);
        let mut made =
            client.responses().create(ask(json!({"model": "gpt-4o", "input": "hello", "background": true}))).await?;
        while matches!(made.status, Status::Queued | Status::InProgress) {
            made = client.responses().retrieve(&made.id).await?;
        }
        assert_eq!(made.status, Status::Completed);
    }
    Ok(())
}

#[tokio::test]
async fn conversations() -> Done {
    for client in everywhere_for_responses() {
        let items = json!([{"type": "message", "role": "user", "content": "hello world"}]);
        let made = client.conversations().create(ask(json!({"metadata": {"a": "1"}, "items": items}))).await?;
        client.conversations().update(&made.id, ask(json!({"metadata": {"b": "2"}}))).await?;
        assert_eq!(client.conversations().retrieve(&made.id).await?.id, made.id);
        let request = json!({"model": "gpt-4o", "input": "go on", "conversation": made.id});
        let answer = client.responses().create(ask(request)).await?;
        assert_eq!(answer.conversation.map(|conversation| conversation.id), Some(made.id.clone()));
        let listed = client.conversations().items(&made.id).list().await?;
        assert_eq!(listed.data.len(), 3);
        let first = listed.first_id.expect("the identifier of the first item");
        client.conversations().items(&made.id).retrieve(&first).await?;
        client.conversations().items(&made.id).delete(&first).await?;
        assert!(client.conversations().delete(&made.id).await?.deleted);
    }
    Ok(())
}

/// Status and code of a refusal that the library could read.
fn of_api(error: OpenAIError) -> (u16, Option<String>) {
    match error {
        OpenAIError::ApiError(refusal) => (refusal.status_code.as_u16(), refusal.api_error.code),
        other => panic!("a refusal is expected, and there is {other}"),
    }
}

#[tokio::test]
async fn refusals_are_read() {
    let cases = [
        ("gpt-4o", "wrong", 401),
        ("no-such-model", KEY, 404),
        ("gpt-4o:sim-429-retry-none", KEY, 429),
        ("gpt-4o:sim-400-filter", KEY, 400),
        ("gpt-4o:sim-400-context", KEY, 400),
        ("gpt-4o:sim-500", KEY, 500),
    ];
    for (model, key, status) in cases {
        for client in for_deployments("one", model, key) {
            let error = client.chat().create(ask(json!({"model": model, "messages": hello()}))).await;
            assert_eq!(of_api(error.expect_err("a refusal")).0, status, "chat of {model}");
        }
        for client in for_responses("one", key) {
            let error = client.responses().create(ask(json!({"model": model, "input": "hello"}))).await;
            assert_eq!(of_api(error.expect_err("a refusal")).0, status, "a response of {model}");
        }
    }
}

/// What the busy listener really answered, oldest first.
async fn statuses() -> Vec<u64> {
    let address = url("busy") + "/_sim/ledger?listener=busy";
    let asked = reqwest::Client::new().get(address).header("api-key", KEY).send();
    let answer = asked.await.expect("an answer").text().await.expect("the ledger");
    let status = |line: &str| serde_json::from_str::<Value>(line).ok()?["status"].as_u64();
    answer.lines().filter_map(status).collect()
}

#[tokio::test]
async fn a_429_is_retried() -> Done {
    for client in for_deployments("busy", "gpt-4o", KEY) {
        let before = statuses().await.len();
        client.chat().create(ask(json!({"model": "gpt-4o", "messages": hello()}))).await?;
        assert_eq!(statuses().await[before..], [429, 200]);
    }
    for client in for_responses("busy", KEY) {
        let before = statuses().await.len();
        client.responses().create(ask(json!({"model": "gpt-4o", "input": "hello"}))).await?;
        assert_eq!(statuses().await[before..], [429, 200]);
    }
    Ok(())
}
