//! The surface of the APIs: what the sheet of the wire says of each shape, and what a client can rely on.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::LazyLock;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario, single, url};
use mock_backend::Simulator;
use serde_json::{Value, json};

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
static TOKENIZER: LazyLock<&tiktoken::CoreBpe> = LazyLock::new(|| tiktoken::get_encoding("o200k_base").unwrap());

const WEATHER: &str = r#"{"type":"object","properties":{"city":{"type":"string","minLength":3},
    "days":{"type":"array","items":{"type":"integer","minimum":1,"maximum":7},"minItems":1}},
    "required":["city","days"],"additionalProperties":false}"#;

fn tools(names: &[&str]) -> String {
    let one = |name: &&str| format!(r#"{{"type":"function","function":{{"name":"{name}","parameters":{WEATHER}}}}}"#);
    names.iter().map(one).collect::<Vec<_>>().join(",")
}

fn flat_tools(names: &[&str]) -> String {
    let one = |name: &&str| format!(r#"{{"type":"function","name":"{name}","parameters":{WEATHER}}}"#);
    names.iter().map(one).collect::<Vec<_>>().join(",")
}

fn quick() -> (Simulator, Client) {
    let simulator = single(0.0, 0.0);
    let client = Client::new(&url(&simulator));
    (simulator, client)
}

/// The joined pieces of a stream of chat chunks, as `read` finds them in each choice.
fn join(answer: &Answer, choice: u64, read: impl Fn(&Value) -> Option<&str>) -> String {
    let events = answer.events();
    let choices = events.iter().flat_map(|event| event["choices"].as_array().into_iter().flatten());
    choices.filter(|one| one["index"] == choice).filter_map(|one| read(&one["delta"])).collect()
}

fn is_valid(schema: &Value, text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert!(jsonschema::is_valid(schema, &value), "{value} against {schema}");
}

#[test]
fn an_azure_stream_begins_with_the_verdict_on_the_prompt_and_annotates_every_piece() {
    let (_simulator, mut client) = quick();
    let answer = client.post(AZURE, KEY, &chat(r#","stream":true,"max_tokens":4"#));
    let events = answer.events();
    assert_eq!(
        (&events[0]["choices"], &events[0]["id"], &events[0]["created"], &events[0]["object"]),
        (&json!([]), &json!(""), &json!(0), &json!(""))
    );
    assert_eq!(
        events[0]["prompt_filter_results"][0]["content_filter_results"]["jailbreak"],
        json!({"detected": false, "filtered": false})
    );
    assert_eq!(events[1]["choices"][0]["content_filter_results"], json!({}));
    assert_eq!(events[1]["obfuscation"].as_str().unwrap().len(), 9);
    for event in &events[2..6] {
        let text = event["choices"][0]["delta"]["content"].as_str().unwrap();
        assert_eq!(text.len() + event["obfuscation"].as_str().unwrap().len(), 11);
        assert_eq!(event["choices"][0]["content_filter_results"]["hate"]["severity"], "safe");
        assert_eq!(event["id"], events[1]["id"]);
    }
    assert_eq!(events[6]["choices"][0]["finish_reason"], "length");
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    // The size of an event of one token in the capture.
    let one = answer.text().split("\n\n").nth(3).unwrap().len();
    assert!((420..570).contains(&one), "{one}");

    let whole = client.post(AZURE, KEY, &chat("")).json();
    assert!(whole["prompt_filter_results"][0]["content_filter_results"]["hate"].is_object());
    assert!(whole["choices"][0]["content_filter_results"]["protected_material_text"].is_object());
    let openai = client.post(CHAT, KEY, &chat(r#","stream":true"#));
    assert!(!openai.text().contains("filter"));
}

#[test]
fn headers_are_those_of_the_dialect() {
    let (_simulator, mut client) = quick();
    let azure = client.post(AZURE, KEY, &chat(r#","stream":true"#));
    for name in ["apim-request-id", "x-ms-region", "azureml-model-session", "x-ms-rai-invoked", "x-accel-buffering"] {
        assert!(azure.header(name).is_some(), "{name}");
    }
    assert_eq!(azure.header("x-ms-deployment-name"), Some("gpt-4o"));
    assert_eq!(azure.header("openai-organization"), None);
    let openai = client.post(CHAT, KEY, &chat(""));
    for name in ["openai-processing-ms", "openai-organization", "openai-project"] {
        assert!(openai.header(name).is_some(), "{name}");
    }
    assert_eq!(openai.header("openai-version"), Some("2020-10-01"));
    assert!(openai.header("x-request-id").unwrap().starts_with("req_"));
    assert_eq!((openai.header("x-ms-region"), openai.header("apim-request-id")), (None, None));
}

#[test]
fn versions_know_what_they_know() {
    let (_simulator, mut client) = quick();
    let dated = |version: &str| format!("/openai/deployments/gpt-4o/chat/completions?api-version={version}");
    let usage = chat(r#","stream":true,"stream_options":{"include_usage":true}"#);
    let old = client.post(&dated("2024-06-01"), KEY, &usage);
    assert_eq!(old.json()["error"]["message"], "Unrecognized request argument supplied: stream_options");
    assert_eq!(client.post(&dated("2024-10-21"), KEY, &usage).status, 200);
    let shaped = chat(r#","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}"#);
    assert_eq!(client.post(&dated("2024-06-01"), KEY, &shaped).status, 400);
    assert_eq!(client.post(&dated("2024-10-21"), KEY, &shaped).status, 200);
    let foundry = "/models/chat/completions?api-version=2024-05-01-preview";
    assert_eq!(client.post(foundry, KEY, &chat("")).status, 200);
    assert_eq!(client.post("/api/projects/p/openai/v1/responses", KEY, &responses("")).status, 200);
    let deployments = client.get("/openai/deployments?api-version=2022-12-01").json();
    assert!(deployments["data"].as_array().unwrap().iter().any(|one| one["id"] == "gpt-4o"));
    assert_eq!(
        client.get("/openai/deployments/zz?api-version=2022-12-01").json()["error"]["code"],
        "DeploymentNotFound"
    );
}

#[test]
fn streamed_calls_are_the_whole_ones_and_valid() {
    let (_simulator, mut client) = quick();
    let schema: Value = serde_json::from_str(WEATHER).unwrap();
    let body =
        |stream: bool| chat(&format!(r#","stream":{stream},"tools":[{}],"seed":3"#, tools(&["first", "second"])));
    let whole = client.post(CHAT, KEY, &body(false)).json();
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &whole["choices"][0]["finish_reason"]), (&Value::Null, &json!("tool_calls")));
    let stream = client.post(CHAT, KEY, &body(true));
    let mut tokens = 0;
    for (i, name) in ["first", "second"].iter().enumerate() {
        let call = &message["tool_calls"][i];
        assert_eq!(call["function"]["name"], *name);
        assert!(call["id"].as_str().unwrap().starts_with("call_"));
        let of = |delta: &Value| delta["tool_calls"][0]["index"] == i;
        let arguments =
            join(
                &stream,
                0,
                |delta| if of(delta) { delta["tool_calls"][0]["function"]["arguments"].as_str() } else { None },
            );
        assert_eq!(call["function"]["arguments"], *arguments);
        assert_eq!(
            join(&stream, 0, |delta| if of(delta) { delta["tool_calls"][0]["id"].as_str() } else { None }),
            call["id"]
        );
        is_valid(&schema, &arguments);
        tokens += TOKENIZER.count(name) + TOKENIZER.count(&arguments);
    }
    assert_eq!(whole["usage"]["completion_tokens"], tokens);
    let one =
        client.post(CHAT, KEY, &chat(&format!(r#","parallel_tool_calls":false,"tools":[{}]"#, tools(&["a", "b"]))));
    assert_eq!(one.json()["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 1);
    let five = client.post(CHAT, &format!("{KEY}x-sim-tool-calls: 5\r\n"), &body(false)).json();
    assert_eq!(five["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 5);
    let wrong = client.post(CHAT, KEY, &chat(r#","tool_choice":"required""#));
    assert_eq!((wrong.status, &wrong.json()["error"]["param"]), (400, &json!("tool_choice")));
}

#[test]
fn structured_answers_are_valid_and_counted_and_a_limit_cuts_them() {
    let (_simulator, mut client) = quick();
    let schema: Value = json!({"type": "object", "properties": {"name": {"type": "string"}, "next": {"anyOf":
        [{"$ref": "#"}, {"type": "null"}]}}, "required": ["name", "next"], "additionalProperties": false});
    let format = |stream: bool| {
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}});
        chat(&format!(
            r#","stream":{stream},"stream_options":{},"response_format":{format}"#,
            if stream { r#"{"include_usage":true}"# } else { "null" }
        ))
    };
    for _ in 0..5 {
        let whole = client.post(CHAT, KEY, &format(false)).json();
        let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
        is_valid(&schema, text);
        assert_eq!(whole["usage"]["completion_tokens"], TOKENIZER.count(text));
        let stream = client.post(CHAT, KEY, &format(true));
        let text = join(&stream, 0, |delta| delta["content"].as_str());
        is_valid(&schema, &text);
        assert_eq!(stream.events().last().unwrap()["usage"]["completion_tokens"], TOKENIZER.count(&text));
    }
    let free = client.post(CHAT, KEY, &chat(r#","response_format":{"type":"json_object"}"#)).json();
    is_valid(&json!({"type": "object"}), free["choices"][0]["message"]["content"].as_str().unwrap());
    let cut = client
        .post(
            CHAT,
            KEY,
            &chat(&format!(
                r#","max_tokens":5,"response_format":{}"#,
                json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
            )),
        )
        .json();
    let text = cut["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!((&cut["choices"][0]["finish_reason"], TOKENIZER.count(text)), (&json!("length"), 5));
    assert_eq!(cut["usage"]["completion_tokens"], 5);
}

#[test]
fn choices_interleave_by_their_index() {
    let (_simulator, mut client) = quick();
    let answer =
        client.post(CHAT, KEY, &chat(r#","n":3,"stream":true,"max_tokens":4,"stream_options":{"include_usage":true}"#));
    let events = answer.events();
    let order: Vec<u64> = events.iter().filter_map(|event| event["choices"][0]["index"].as_u64()).collect();
    assert_eq!(order, [0, 1, 2].repeat(6));
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 12);
    let texts: Vec<String> = (0..3).map(|i| join(&answer, i, |delta| delta["content"].as_str())).collect();
    assert!(texts.iter().all(|text| TOKENIZER.count(text) == 4));
    assert_eq!(client.post(CHAT, KEY, &chat(r#","n":129"#)).status, 400);
}

#[test]
fn a_stop_sequence_ends_a_choice_and_its_time() {
    let (_simulator, mut client) = quick();
    let answer = client.post(CHAT, KEY, &chat(r#","max_tokens":60,"stop":["zebra"," network"],"stream":true"#));
    let text = join(&answer, 0, |delta| delta["content"].as_str());
    assert!(text.ends_with(" over a"), "{text}");
    let finish: Vec<Value> = answer.events().iter().map(|event| event["choices"][0]["finish_reason"].clone()).collect();
    assert_eq!(finish.last().unwrap(), "stop");
    let whole = client.post(CHAT, KEY, &chat(r#","max_tokens":60,"stop":" network""#)).json();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(whole["usage"]["completion_tokens"], TOKENIZER.count(text));
    // A text that ends before it begins: no content, yet a proper end.
    let nothing = ["The", "A", "This", "Every", "When", "If", "Some", "Most"];
    for part in nothing.chunks(4) {
        let answer = client.post(CHAT, KEY, &chat(&format!(r#","stream":true,"seed":5,"stop":{}"#, json!(part))));
        assert!(answer.text().ends_with("data: [DONE]\n\n"));
        assert!(answer.text().contains(r#""finish_reason":"stop""#));
    }
}

#[test]
fn reasoning_takes_time_and_tokens_but_no_text() {
    let simulator = single(20.0, 1.0);
    let mut client = Client::new(&url(&simulator));
    let body = r#"{"model":"o3","messages":[{"role":"user","content":"x"}],"stream":true,
        "stream_options":{"include_usage":true}}"#;
    let answer = client.post(CHAT, KEY, body);
    let usage = answer.events().pop().unwrap()["usage"].clone();
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 64);
    let text = join(&answer, 0, |delta| delta["content"].as_str());
    assert_eq!(usage["completion_tokens"], 64 + TOKENIZER.count(&text));
    let record = ledger(&simulator, "direct", 1).remove(0);
    // 64 tokens of 1 ms each are thought before the first one is said.
    assert!((record.planned.unwrap().first_ms - 84.0).abs() < 1.0, "{record:?}");
    assert!(record.first_ns.unwrap() - record.recv_ns >= 84_000_000);
    assert_eq!(record.tokens, Some(69));
    let refused = client.post(CHAT, KEY, &body.replace("\"stream_options\"", "\"max_tokens\":5,\"stream_options\""));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("unsupported_parameter")));
    let warm = client.post(CHAT, KEY, &body.replace("\"stream_options\"", "\"temperature\":0.2,\"stream_options\""));
    assert_eq!(warm.json()["error"]["code"], "unsupported_value");
}

#[test]
fn a_limit_within_the_reasoning_leaves_no_text_and_no_first_token() {
    let simulator = scenario(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\noutput_tokens = 20\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&simulator));
    let body = r#"{"model":"o3","messages":[{"role":"user","content":"x"}],"stream":true,"max_completion_tokens":10}"#;
    let answer = client.post(CHAT, KEY, body);
    assert_eq!(join(&answer, 0, |delta| delta["content"].as_str()), "");
    assert!(answer.text().contains(r#""finish_reason":"length""#));
    assert_eq!(ledger(&simulator, "direct", 1)[0].first_ns, None);
    let body = r#"{"model":"o3","input":"x","stream":true,"max_output_tokens":16}"#;
    let last = client.post(RESPONSES, KEY, body).events().pop().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["output"].as_array().unwrap().len(), 1);
    assert_eq!(last["response"]["output"][0]["type"], "reasoning");
}

#[test]
fn refusals_come_by_header_and_by_share() {
    let (_simulator, mut client) = quick();
    let asks = format!("{KEY}x-sim-refusal: 1\r\n");
    let whole = client.post(CHAT, &asks, &chat("")).json();
    let message = &whole["choices"][0]["message"];
    let text = message["refusal"].as_str().unwrap();
    assert_eq!(
        (&message["content"], TOKENIZER.count(text)),
        (&Value::Null, whole["usage"]["completion_tokens"].as_u64().unwrap() as usize)
    );
    let stream = client.post(CHAT, &asks, &chat(r#","stream":true"#));
    assert_eq!(join(&stream, 0, |delta| delta["refusal"].as_str()), text);
    let share = scenario(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\nrefusals = 0.25\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&share));
    let refused = (0..400).filter(|_| client.post(CHAT, KEY, &chat("")).text().contains("\"content\":null")).count();
    assert!((60..140).contains(&refused), "{refused}");
}

#[test]
fn unknown_fields_are_refused_by_a_strict_simulator_only() {
    let odd = chat(r#","zzz":1"#);
    let (_simulator, mut client) = quick();
    assert_eq!(client.post(CHAT, KEY, &odd).status, 200);
    let strict = scenario(
        "name = \"x\"\nstrict = true\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&strict));
    for (path, body, message) in [
        (CHAT, odd, "Unrecognized request argument supplied: zzz"),
        (RESPONSES, responses(r#","zzz":1"#), "Unknown parameter: 'zzz'."),
    ] {
        assert_eq!(client.post(path, KEY, &body).json()["error"]["message"], message);
    }
    assert_eq!(client.post(CHAT, KEY, &chat(r#","store":true,"metadata":{},"seed":1"#)).status, 200);
}

#[test]
fn likelihoods_name_every_token() {
    let (_simulator, mut client) = quick();
    let whole = client.post(CHAT, KEY, &chat(r#","logprobs":true,"top_logprobs":2"#)).json();
    let tokens = whole["choices"][0]["logprobs"]["content"].as_array().unwrap().clone();
    let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], *text);
    assert!(tokens.iter().all(|token| token["top_logprobs"].as_array().unwrap().len() == 2));
    assert_eq!(client.post(CHAT, KEY, &chat(r#","top_logprobs":2"#)).status, 400);
}

#[test]
fn calls_of_responses_have_their_events_in_order() {
    let (_simulator, mut client) = quick();
    let body = responses(&format!(r#","stream":true,"tools":[{}]"#, flat_tools(&["first", "second"])));
    let events = client.post(RESPONSES, KEY, &body).events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let mut order = kinds.clone();
    order.dedup();
    let call = [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ];
    let ends = (["response.created", "response.in_progress"], ["response.completed"]);
    assert_eq!(order, [&ends.0[..], &call, &call, &ends.1].concat());
    let schema: Value = serde_json::from_str(WEATHER).unwrap();
    for i in 0..2 {
        let of = |kind: &str| -> Vec<Value> {
            events.iter().filter(|event| event["type"] == kind && event["output_index"] == i).cloned().collect()
        };
        let deltas = of("response.function_call_arguments.delta");
        let joined: String = deltas.iter().map(|event| event["delta"].as_str().unwrap()).collect();
        assert!(deltas.iter().all(|event| {
            let length = event["delta"].as_str().unwrap().len();
            length + event["obfuscation"].as_str().unwrap().len() == 16.max(length)
        }));
        is_valid(&schema, &joined);
        assert_eq!(of("response.function_call_arguments.done")[0]["arguments"], *joined);
        let last = &events.last().unwrap()["response"]["output"][i];
        assert_eq!((&last["arguments"], &last["status"]), (&json!(joined), &json!("completed")));
        assert_eq!(last, &of("response.output_item.done")[0]["item"]);
    }
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
}

#[test]
fn reasoning_items_come_before_the_message() {
    let (_simulator, mut client) = quick();
    let body = r#"{"model":"gpt-5","input":"x","stream":true,"reasoning":{"effort":"low","summary":"auto"},
        "include":["reasoning.encrypted_content"]}"#;
    let events = client.post(RESPONSES, KEY, body).events();
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    let expected = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds, expected.map(|kind| format!("response.{kind}")));
    let last = &events.last().unwrap()["response"];
    assert_eq!(last["output"][0]["type"], "reasoning");
    assert!(last["output"][0]["encrypted_content"].is_string());
    assert_eq!(last["usage"]["output_tokens_details"]["reasoning_tokens"], 32);
    let delta = events.iter().find(|event| event["type"] == "response.output_text.delta").unwrap();
    assert_eq!(delta["output_index"], 1);
    let silent = client.post(RESPONSES, KEY, r#"{"model":"gpt-5","input":"x"}"#).json();
    assert_eq!(silent["output"][0]["summary"], json!([]));
}

#[test]
fn completions_of_the_older_kind() {
    let (_simulator, mut client) = quick();
    let body = r#"{"model":"gpt-3.5-turbo-instruct","prompt":"hello world","max_tokens":3,"echo":true,"n":2}"#;
    let whole = client.post("/v1/completions", KEY, body).json();
    assert_eq!(whole["object"], "text_completion");
    assert!(whole["choices"][1]["text"].as_str().unwrap().starts_with("hello world"));
    assert_eq!((&whole["usage"]["prompt_tokens"], &whole["usage"]["completion_tokens"]), (&json!(2), &json!(6)));
    let stream = client.post("/v1/completions", KEY, &body.replace("\"n\":2", "\"stream\":true"));
    let text: String =
        stream.events().iter().filter_map(|event| event["choices"][0]["text"].as_str().map(str::to_owned)).collect();
    assert_eq!(TOKENIZER.count(text.strip_prefix("hello world").unwrap()), 3);
    let wrong = client.post("/v1/completions", KEY, r#"{"model":"gpt-4o","prompt":"x"}"#);
    assert_eq!(wrong.status, 400);
}

#[test]
fn completions_of_the_older_kind_have_likelihoods_in_their_own_shape() {
    let (_simulator, mut client) = quick();
    let body = r#"{"model":"gpt-3.5-turbo-instruct","prompt":"hello","max_tokens":4,"logprobs":2,"echo":true}"#;
    let whole = client.post("/v1/completions", KEY, body).json();
    let check = |choice: &Value, before: usize| {
        let logprobs = &choice["logprobs"];
        let list = |key: &str| logprobs[key].as_array().unwrap().clone();
        let mut at = before;
        for ((token, offset), top) in list("tokens").iter().zip(list("text_offset")).zip(list("top_logprobs")) {
            assert_eq!((offset.as_u64(), top.as_object().unwrap().len()), (Some(at as u64), 2));
            at += token.as_str().unwrap().chars().count();
        }
        assert_eq!(list("token_logprobs").len(), list("tokens").len());
        (list("tokens").iter().map(|token| token.as_str().unwrap()).collect::<String>(), at)
    };
    let (text, _) = check(&whole["choices"][0], 5);
    assert_eq!(whole["choices"][0]["text"], format!("hello{text}"));
    let stream = client.post("/v1/completions", KEY, &body.replace("\"echo\":true", "\"stream\":true"));
    let mut at = 0;
    for event in stream.events().iter().filter(|event| event["choices"][0]["text"] != "") {
        let (text, end) = check(&event["choices"][0], at);
        assert_eq!(event["choices"][0]["text"], text);
        at = end;
    }
    assert!(at > 4);
    assert_eq!(client.post("/v1/completions", KEY, &body.replace(":2,", ":6,")).status, 400);
    let plain = client.post("/v1/completions", KEY, &body.replace("\"logprobs\":2,", "")).json();
    assert!(plain["choices"][0]["logprobs"].is_null());
}

#[test]
fn embeddings_in_both_encodings() {
    use base64::Engine;
    let (simulator, mut client) = quick();
    let ask = |more: &str| {
        format!(r#"{{"model":"text-embedding-3-small","input":["hello world","b"],"dimensions":16{more}}}"#)
    };
    let floats = client.post("/v1/embeddings", KEY, &ask("")).json();
    let packed = client.post("/v1/embeddings", KEY, &ask(r#","encoding_format":"base64""#)).json();
    assert_eq!(floats["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    for i in 0..2 {
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(packed["data"][i]["embedding"].as_str().unwrap()).unwrap();
        let packed: Vec<f32> = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        let plain: Vec<f32> =
            floats["data"][i]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
        assert_eq!(packed, plain);
        assert!((plain.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    assert_eq!(client.post("/v1/embeddings", KEY, r#"{"model":"text-embedding-3-small","input":""}"#).status, 400);
    assert_eq!(client.post("/v1/embeddings", KEY, r#"{"model":"gpt-4o","input":"x"}"#).status, 400);
    let azure = "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21";
    assert_eq!(client.post(azure, KEY, r#"{"input":[[1,2],[3]]}"#).json()["usage"]["prompt_tokens"], 3);
    assert!(simulator.ledger().iter().any(|record| record.api == "embeddings"));
}
