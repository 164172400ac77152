//! What the simulator means: what prompts cost, what is refused and how, conversations, tiers of service, lengths.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, responses, scenario, single, url};
use serde_json::{Value, json};

const AZURE: &str = "/openai/v1/responses";
const AZURE_CHAT: &str = "/openai/v1/chat/completions";

/// A scenario of one backend with these keys.
fn with(keys: &str) -> mock_backend::Simulator {
    scenario(&format!(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"0\" }}\n{keys}\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n"
    ))
}

fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    client.post(path, KEY, &body.to_string())
}

fn input_tokens(client: &mut Client, body: Value) -> f64 {
    let answer = post(client, RESPONSES, &body);
    answer.json()["usage"]["input_tokens"].as_f64().unwrap_or_else(|| panic!("{}", answer.text()))
}

fn weather() -> Value {
    json!({
        "type": "function", "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location", "unit"],
        },
    })
}

#[test]
fn the_official_examples_cost_what_the_official_document_says() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let image = "https://upload.wikimedia.org/wikipedia/commons/thumb/d/dd/boardwalk.jpg/2560px-boardwalk.jpg";
    let part =
        |text: &str, part: Value| json!([{"role": "user", "content": [{"type": "input_text", "text": text}, part]}]);
    let story = "Tell me a three sentence bedtime story about a unicorn.";
    let table = [
        ("a text", json!({"input": story}), 36.0),
        ("a message", json!({"input": [{"role": "user", "content": story}]}), 36.0),
        ("instructions", json!({"instructions": "You are a helpful assistant.", "input": "Hello!"}), 37.0),
        ("a tool", json!({"tools": [weather()], "input": "What is the weather like in Boston today?"}), 291.0),
        (
            "an image",
            json!({"input": part("what is in this image?", json!({"type": "input_image", "image_url": image}))}),
            328.0,
        ),
        (
            "a file",
            json!({"input": part("what is in this file?", json!({"type": "input_file", "file_url": "https://x/2024ltr.pdf"}))}),
            8438.0,
        ),
    ];
    for (what, mut body, official) in table {
        body["model"] = json!("gpt-4.1");
        body["max_output_tokens"] = json!(16);
        let found = input_tokens(&mut client, body);
        assert!((found / official - 1.0).abs() <= 0.2, "{what}: {found}, not {official}");
    }
    let mut nested = weather();
    let inner = nested.as_object_mut().unwrap();
    inner.remove("type");
    let messages = |system: &str, user: Value| match system {
        "" => json!([{"role": "user", "content": user}]),
        system => json!([{"role": "developer", "content": system}, {"role": "user", "content": user}]),
    };
    let image =
        json!([{"type": "text", "text": "What is in this image?"}, {"type": "image_url", "image_url": {"url": image}}]);
    let table = [
        ("two messages", json!({"messages": messages("You are a helpful assistant.", json!("Hello!"))}), 19.0),
        ("an image", json!({"messages": messages("", image)}), 1117.0),
        (
            "a tool",
            json!({
                "messages": messages("", json!("What's the weather like in Boston today?")),
                "tools": [{"type": "function", "function": nested}],
            }),
            82.0,
        ),
    ];
    for (what, mut body, official) in table {
        body["model"] = json!("gpt-4.1");
        let answer = post(&mut client, CHAT, &body).json();
        let found = answer["usage"]["prompt_tokens"].as_f64().unwrap_or_else(|| panic!("{answer}"));
        assert!((found / official - 1.0).abs() <= 0.2, "{what}: {found}, not {official}");
    }
}

#[test]
fn what_a_prompt_costs_is_felt_by_limits() {
    let simulator = with("limits = { tpm = 1000 }");
    let mut client = Client::new(&url(&simulator));
    let left = |answer: &Answer| answer.header("x-ratelimit-remaining-tokens").unwrap().parse::<u64>().unwrap();
    let body = responses(r#","max_output_tokens":16,"instructions":"Be brief.""#);
    let first = client.post(RESPONSES, KEY, &body);
    let cost = first.json()["usage"]["input_tokens"].as_u64().unwrap();
    assert_eq!(left(&first), 1000 - cost - 16);
    // What was said before is paid for again.
    let more = format!(r#","max_output_tokens":16,"previous_response_id":{}"#, first.json()["id"]);
    let second = client.post(RESPONSES, KEY, &responses(&more));
    let again = second.json()["usage"]["input_tokens"].as_u64().unwrap();
    assert!(again > cost, "{again} after {cost}");
    assert_eq!(left(&second), left(&first) - again - 16);
}

/// A refusal: path, body, code and parameter.
type Refusal = (&'static str, Value, &'static str, &'static str);

/// What both services refuse of a response, with the code and the parameter that they name.
fn refusals_of_responses() -> Vec<Refusal> {
    let of = |more: Value, code, param| {
        let mut body = json!({"model": "gpt-4o", "input": "hi"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (AZURE, body, code, param)
    };
    let chat_shaped = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let format =
        |schema: &Value| json!({"format": {"type": "json_schema", "name": "n", "strict": true, "schema": schema}});
    let call = json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "c2", "output": "x"});
    vec![
        of(json!({"n": 2}), "unknown_parameter", "n"),
        of(json!({"stop": "x"}), "unknown_parameter", "stop"),
        of(json!({"seed": 1}), "unknown_parameter", "seed"),
        of(json!({"messages": []}), "unknown_parameter", "messages"),
        of(json!({"max_tokens": 16}), "unknown_parameter", "max_tokens"),
        of(json!({"stream_options": {"include_usage": true}}), "unknown_parameter", "stream_options.include_usage"),
        of(json!({"reasoning": {"depth": 1}}), "unknown_parameter", "reasoning.depth"),
        of(json!({"input": 7}), "invalid_type", "input"),
        of(json!({"input": ["hi"]}), "invalid_type", "input[0]"),
        of(json!({"temperature": "hot"}), "invalid_type", "temperature"),
        of(json!({"stream": "yes"}), "invalid_type", "stream"),
        of(json!({"max_output_tokens": 16.5}), "invalid_type", "max_output_tokens"),
        of(json!({"text": {"verbosity": 1}}), "invalid_type", "text.verbosity"),
        of(json!({"max_output_tokens": 15}), "integer_below_min_value", "max_output_tokens"),
        of(json!({"top_logprobs": 21}), "integer_above_max_value", "top_logprobs"),
        of(json!({"temperature": 2.5}), "decimal_above_max_value", "temperature"),
        of(json!({"top_p": -0.1}), "decimal_below_min_value", "top_p"),
        of(json!({"input": []}), "empty_array", "input"),
        of(json!({"safety_identifier": "x".repeat(65)}), "string_above_max_length", "safety_identifier"),
        of(json!({"truncation": "never"}), "invalid_value", "truncation"),
        of(json!({"service_tier": "gold"}), "invalid_value", "service_tier"),
        of(json!({"model": "o3", "reasoning": {"effort": "extreme"}}), "invalid_value", "reasoning.effort"),
        of(json!({"reasoning": {"effort": "low"}}), "unsupported_parameter", "reasoning.effort"),
        of(json!({"input": [{"role": "boss", "content": "hi"}]}), "invalid_value", "input[0].role"),
        of(json!({"tools": chat_shaped}), "missing_required_parameter", "tools[0].name"),
        of(json!({"tools": [{"name": "f"}]}), "missing_required_parameter", "tools[0].type"),
        of(
            json!({"tools": [{"type": "function", "name": "f", "strict": true, "parameters": open}]}),
            "invalid_function_parameters",
            "tools[0].parameters",
        ),
        of(json!({"text": format(&open)}), "invalid_json_schema", "text.format.schema"),
        of(json!({"text": {"format": {"type": "xml"}}}), "invalid_value", "text.format.type"),
        of(json!({"input": null}), "missing_required_parameter", "input"),
        of(json!({"input": [{"role": "user", "content": "x"}, output]}), "", "input"),
        of(json!({"input": [{"role": "user", "content": "x"}, call]}), "", "input"),
        of(json!({"previous_response_id": "resp_0"}), "previous_response_not_found", "previous_response_id"),
        (AZURE, json!({"input": "hi"}), "missing_required_parameter", "model"),
    ]
}

/// The same of a chat completion.
fn refusals_of_chats() -> Vec<Refusal> {
    let of = |more: Value, code, param| {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (AZURE_CHAT, body, code, param)
    };
    let called = json!({"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let open = json!({"type": "object", "properties": {}});
    vec![
        of(json!({"max_output_tokens": 16}), "", ""),
        of(json!({"zzz": 1}), "", ""),
        of(json!({"stream": true, "stream_options": {"zzz": 1}}), "unknown_parameter", "stream_options.zzz"),
        of(json!({"messages": "hi"}), "invalid_type", "messages"),
        of(json!({"messages": [7]}), "invalid_type", "messages[0]"),
        of(json!({"messages": []}), "empty_array", "messages"),
        of(json!({"messages": null}), "missing_required_parameter", "messages"),
        of(json!({"messages": [{"content": "hi"}]}), "missing_required_parameter", "messages[0].role"),
        of(json!({"messages": [{"role": "boss", "content": "hi"}]}), "invalid_value", "messages[0].role"),
        of(json!({"n": 0}), "integer_below_min_value", "n"),
        of(json!({"n": 129}), "integer_above_max_value", "n"),
        of(json!({"max_tokens": 0}), "integer_below_min_value", "max_tokens"),
        of(json!({"max_tokens": "many"}), "invalid_type", "max_tokens"),
        of(json!({"stop": ["a", "b", "c", "d", "e"]}), "array_above_max_length", "stop"),
        of(json!({"verbosity": "loud"}), "invalid_value", "verbosity"),
        of(
            json!({"tool_choice": "sometimes", "tools": [{"type": "function", "function": {"name": "f"}}]}),
            "invalid_value",
            "tool_choice",
        ),
        of(json!({"tools": [{"type": "function", "name": "f"}]}), "missing_required_parameter", "tools[0].function"),
        of(
            json!({"tools": [{"type": "function", "function": {}}]}),
            "missing_required_parameter",
            "tools[0].function.name",
        ),
        of(
            json!({"tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": open}}]}),
            "invalid_function_parameters",
            "tools[0].function.parameters",
        ),
        of(
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": open}}}),
            "",
            "response_format",
        ),
        of(json!({"messages": [{"role": "user", "content": "x"}, called]}), "", "messages"),
        of(json!({"messages": [{"role": "tool", "tool_call_id": "c1", "content": "x"}]}), "", "messages"),
    ]
}

#[test]
fn what_the_services_refuse_is_refused_with_its_status_code_and_parameter() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    for (path, body, code, param) in refusals_of_responses().into_iter().chain(refusals_of_chats()) {
        let answer = post(&mut client, path, &body);
        let error = answer.json()["error"].clone();
        let found = (answer.status, error["code"].as_str().unwrap_or(""), error["param"].as_str().unwrap_or(""));
        assert_eq!(found, (400, code, param), "{body}: {error}");
        assert_eq!(error["type"], "invalid_request_error", "{error}");
    }
}

#[test]
fn unknown_parameters_are_refused_where_the_service_does_and_where_the_scenario_says_so() {
    for (strict, openai, azure) in [("", 200, 400), ("strict = true", 400, 400), ("strict = false", 200, 200)] {
        let simulator = scenario(&format!(
            "name = \"x\"\n{strict}\n[[backend]]\nname = \"b\"\nmodel = {{ first = \"0\", gap = \"0\" }}\n\
             [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n"
        ));
        let mut client = Client::new(&url(&simulator));
        let mut status = |path: &str, body: String| client.post(path, KEY, &body).status;
        assert_eq!(status(CHAT, chat(r#","zzz":1"#)), openai, "{strict}");
        assert_eq!(status(RESPONSES, responses(r#","zzz":1"#)), openai, "{strict}");
        assert_eq!(status(AZURE_CHAT, chat(r#","zzz":1"#)), azure, "{strict}");
        assert_eq!(status(AZURE, responses(r#","zzz":1"#)), azure, "{strict}");
        // What is known is held to its kind everywhere.
        assert_eq!(status(CHAT, chat(r#","n":"two""#)), 400, "{strict}");
    }
}

#[test]
fn an_answer_that_reaches_its_limit_says_so() {
    let simulator = with("output_tokens = 20");
    let mut client = Client::new(&url(&simulator));
    for (limit, finish, status) in
        [(16, "length", "incomplete"), (20, "length", "incomplete"), (21, "stop", "completed")]
    {
        let whole = client.post(CHAT, KEY, &chat(&format!(r#","max_tokens":{limit}"#))).json();
        assert_eq!(whole["choices"][0]["finish_reason"], finish, "{limit}");
        let whole = client.post(RESPONSES, KEY, &responses(&format!(r#","max_output_tokens":{limit}"#))).json();
        let reason = if status == "incomplete" { json!({"reason": "max_output_tokens"}) } else { Value::Null };
        assert_eq!((&whole["status"], &whole["incomplete_details"]), (&json!(status), &reason), "{limit}");
        let stream = client.post(RESPONSES, KEY, &responses(&format!(r#","max_output_tokens":{limit},"stream":true"#)));
        assert_eq!(stream.events().last().unwrap()["type"], format!("response.{status}"), "{limit}");
    }
    // As long as the limit, where the model has no length of its own.
    let simulator = single(0.0, 0.0);
    let whole = Client::new(&url(&simulator)).post(CHAT, KEY, &chat(r#","max_tokens":7"#)).json();
    assert_eq!(
        (&whole["choices"][0]["finish_reason"], &whole["usage"]["completion_tokens"]),
        (&json!("length"), &json!(7))
    );
}

#[test]
fn cached_tokens_follow_the_rule_also_over_turns() {
    let simulator = with("prefix_cache = \"5m\"");
    let mut client = Client::new(&url(&simulator));
    let long = "word ".repeat(1500);
    let mut ask = |more: Value| {
        let mut body = json!({"model": "gpt-4o", "max_output_tokens": 16});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = post(&mut client, RESPONSES, &body).json();
        let usage = &answer["usage"];
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{answer}"));
        let details = &usage["input_tokens_details"];
        assert_eq!(details["cache_write_tokens"], 0);
        (number(&usage["input_tokens"]), number(&details["cached_tokens"]), answer["id"].as_str().unwrap().to_owned())
    };
    let rule = |tokens: u64| if tokens < 1024 { 0 } else { 1024 + (tokens - 1024) / 128 * 128 };
    let (tokens, cached, id) = ask(json!({"input": long}));
    assert_eq!(cached, 0);
    let (again, cached, _) = ask(json!({"input": [{"role": "user", "content": long}]}));
    assert_eq!((again, cached), (tokens, rule(tokens)));
    // A turn that goes on from another has all of it in its prompt.
    let (more, cached, next) = ask(json!({"input": "And then?", "previous_response_id": id}));
    assert!(more > tokens + 16, "{more} after {tokens}");
    assert_eq!(cached, rule(tokens));
    let (_, cached, _) = ask(json!({"input": "And then?", "previous_response_id": next}));
    assert_eq!(cached, rule(more));
    // Other keys are other caches, and images are told apart by more than their size.
    assert_eq!(ask(json!({"input": long, "prompt_cache_key": "mine"})).1, 0);
    assert_eq!(ask(json!({"input": long, "prompt_cache_key": "mine"})).1, rule(tokens));
    let image = |fill: &str| {
        let url = format!("data:image/png;base64,{}", fill.repeat(40_000));
        json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]})
    };
    let (tokens, _, _) = ask(image("A"));
    assert!(tokens < 400, "{tokens}");
    assert_eq!(ask(image("A")).1, 0);
}

#[test]
fn a_tier_of_service_is_told_back_and_has_its_speed() {
    let simulator = scenario(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"100ms\", gap = \"10ms\" }\n\
         service_tiers = { priority = 0.5, flex = 2.0 }\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
    );
    let mut client = Client::new(&url(&simulator));
    for (asked, told) in [("auto", "default"), ("priority", "priority"), ("flex", "flex"), ("default", "default")] {
        let more = format!(r#","max_tokens":16,"service_tier":"{asked}""#);
        assert_eq!(client.post(CHAT, KEY, &chat(&more)).json()["service_tier"], told);
        let more = format!(r#","max_output_tokens":16,"service_tier":"{asked}""#);
        assert_eq!(client.post(RESPONSES, KEY, &responses(&more)).json()["service_tier"], told);
    }
    let planned: Vec<f64> =
        common::ledger(&simulator, "direct", 8).iter().map(|record| record.planned.unwrap().end_ms.round()).collect();
    assert_eq!(planned, [250.0, 250.0, 125.0, 125.0, 500.0, 500.0, 250.0, 250.0]);
}

#[test]
fn too_long_a_prompt_is_cut_from_its_beginning_if_the_caller_lets_it() {
    let simulator = with("limits = { context_tokens = 200 }");
    let mut client = Client::new(&url(&simulator));
    let long = "word ".repeat(400);
    let mut ask = |truncation: &str| {
        let body = json!({"model": "gpt-4o", "input": long, "truncation": truncation, "max_output_tokens": 20});
        post(&mut client, RESPONSES, &body)
    };
    let refused = ask("disabled");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    let cut = ask("auto");
    assert_eq!((cut.status, &cut.json()["usage"]["input_tokens"]), (200, &json!(180)), "{}", cut.text());
}

#[test]
fn the_effort_that_is_used_is_told_and_deployments_have_models_of_their_own() {
    let simulator = with("deployments = { quick = \"gpt-5.1\", slow = \"o3\", plain = \"gpt-4o\" }");
    let mut client = Client::new(&url(&simulator));
    let mut ask = |model: &str, more: Value| {
        let mut body = json!({"model": model, "input": "hi"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = post(&mut client, AZURE, &body).json();
        (answer["reasoning"]["effort"].clone(), answer["usage"]["output_tokens_details"]["reasoning_tokens"].as_u64())
    };
    assert_eq!(ask("gpt-5", json!({})), (json!("medium"), Some(64)));
    assert_eq!(ask("quick", json!({})), (json!("none"), Some(0)));
    assert_eq!(ask("quick", json!({"reasoning": {"effort": "low"}})), (json!("low"), Some(32)));
    assert_eq!(ask("slow", json!({})), (json!("medium"), Some(64)));
    assert_eq!(ask("plain", json!({})), (Value::Null, Some(0)));
    assert_eq!(ask("gpt-5.6-luna", json!({})), (json!("medium"), Some(64)));
    let chat = client.post("/openai/deployments/quick/chat/completions?api-version=2024-10-21", KEY, &chat("")).json();
    assert_eq!(chat["model"], "gpt-5.1-2025-11-13");
    let shown = client.get("/openai/deployments/quick?api-version=2022-12-01").json();
    assert_eq!((&shown["id"], &shown["model"]), (&json!("quick"), &json!("gpt-5.1-2025-11-13")));
    let wrong = mock_backend::Config::parse(
        "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"0\", gap = \"0\" }\ndeployments = { a = \"gpt-4p\" }\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n",
        "test",
    );
    let wrong = wrong.unwrap_err().to_string();
    assert!(wrong.contains("deployments names the model \"gpt-4p\"") && wrong.contains("did you mean"), "{wrong}");
}

#[test]
fn only_allowed_tools_are_called_and_a_share_of_answers_calls_none() {
    let simulator = with("tool_calls = 0.25");
    let mut client = Client::new(&url(&simulator));
    let flat = |name: &str| json!({"type": "function", "name": name, "parameters": {}});
    let tools = json!([flat("a"), flat("b"), flat("c")]);
    let mut ask = |choice: Value| {
        let body = json!({"model": "gpt-4o", "input": "hi", "tools": tools, "tool_choice": choice});
        let output = post(&mut client, RESPONSES, &body).json()["output"].clone();
        let names = output.as_array().unwrap().iter().filter_map(|item| item["name"].as_str().map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    let allowed =
        |mode: &str| json!({"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": "c"}]});
    for _ in 0..5 {
        assert_eq!(ask(allowed("required")), ["c"]);
    }
    let called: Vec<Vec<String>> = (0..200).map(|_| ask(allowed("auto"))).collect();
    assert!(called.iter().all(|names| names.is_empty() || *names == ["c"]));
    let share = called.iter().filter(|names| !names.is_empty()).count();
    assert!((25..80).contains(&share), "{share} of 200");
    assert_eq!(ask(json!("required")), ["a", "b"]);
    let nested = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "b"}}]}});
    let function = |name: &str| json!({"type": "function", "function": {"name": name}});
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}],
        "tools": [function("a"), function("b")], "tool_choice": nested});
    let answer = post(&mut client, CHAT, &body).json();
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "b", "{answer}");
}

#[test]
fn results_of_tools_go_on_from_a_response_that_called_them() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let tool = json!({"type": "function", "name": "f", "parameters": {}});
    let first = post(&mut client, RESPONSES, &json!({"model": "gpt-4o", "input": "hi", "tools": [tool]})).json();
    let call = first["output"][0]["call_id"].clone();
    let mut follow = |input: Value| {
        post(&mut client, RESPONSES, &json!({"model": "gpt-4o", "input": input, "previous_response_id": first["id"]}))
    };
    let output = |id: &Value| json!([{"type": "function_call_output", "call_id": id, "output": "fine"}]);
    assert_eq!(follow(output(&call)).status, 200);
    let refused = follow(json!("never mind"));
    let message = format!("No tool output found for function call {}.", call.as_str().unwrap());
    assert_eq!((refused.status, &refused.json()["error"]["message"]), (400, &json!(message)));
    let refused = follow(output(&json!("call_other")));
    assert_eq!(
        refused.json()["error"]["message"],
        "No tool call found for function call output with call_id call_other."
    );
}

#[test]
fn conversations_keep_what_was_said() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    let opened = post(
        &mut client,
        "/v1/conversations",
        &json!({"metadata": {"a": "b"}, "items": [{"role": "user", "content": "hello world"}]}),
    );
    let opened = opened.json();
    let id = opened["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("conv_") && opened["object"] == "conversation" && opened["created_at"].is_u64(), "{opened}");
    let path = format!("/v1/conversations/{id}");
    assert_eq!(client.get(&path).json(), opened);
    let before = input_tokens(&mut client, json!({"model": "gpt-4o", "input": "hello world"}));
    let said =
        post(&mut client, RESPONSES, &json!({"model": "gpt-4o", "input": "hello world", "conversation": id})).json();
    assert_eq!(said["conversation"], json!({"id": id}));
    // The message that was there costs 2 tokens and 4 of its own.
    assert_eq!(said["usage"]["input_tokens"].as_f64(), Some(before + 6.0));
    let items = client.get(&format!("{path}/items?order=asc")).json();
    let roles: Vec<&str> =
        items["data"].as_array().unwrap().iter().map(|item| item["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "user", "assistant"]);
    let again =
        post(&mut client, RESPONSES, &json!({"model": "gpt-4o", "input": "hello world", "conversation": {"id": id}}));
    let answer = said["usage"]["output_tokens"].as_f64().unwrap();
    assert_eq!(again.json()["usage"]["input_tokens"].as_f64(), Some(before + 6.0 + 6.0 + 4.0 + answer));
    let added =
        post(&mut client, &format!("{path}/items"), &json!({"items": [{"role": "user", "content": "more"}]})).json();
    let item = added["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("{path}/items/{item}")).json()["content"][0]["text"], "more");
    let delete = |client: &mut Client, path: &str| {
        client.send(format!("DELETE {path} HTTP/1.1\r\nhost: sim\r\n{KEY}\r\n").as_bytes())
    };
    assert_eq!(delete(&mut client, &format!("{path}/items/{item}")).json()["id"], id);
    assert_eq!(client.get(&format!("{path}/items/{item}")).status, 404);
    let changed = post(&mut client, &path, &json!({"metadata": {"c": "d"}})).json();
    assert_eq!(changed["metadata"], json!({"c": "d"}));
    assert_eq!(delete(&mut client, &path).json(), json!({"id": id, "object": "conversation.deleted", "deleted": true}));
    for answer in [
        client.get(&path),
        post(&mut client, RESPONSES, &json!({"model": "gpt-4o", "input": "hi", "conversation": id})),
    ] {
        let message = format!("Conversation with id '{id}' not found.");
        assert_eq!((answer.status, &answer.json()["error"]["message"]), (404, &json!(message)));
    }
    let both = json!({"model": "gpt-4o", "input": "hi", "conversation": id, "previous_response_id": "resp_1"});
    assert_eq!(post(&mut client, RESPONSES, &both).json()["error"]["param"], "previous_response_id");
}

#[test]
fn what_load_tools_and_credentials_ask_first_is_there() {
    let simulator = single(0.0, 0.0);
    let mut client = Client::new(&url(&simulator));
    assert_eq!(client.get("/health").status, 200);
    let found = client.get("/some-tenant/v2.0/.well-known/openid-configuration").json();
    assert!(found["token_endpoint"].as_str().unwrap().ends_with("/some-tenant/oauth2/v2.0/token"), "{found}");
    assert!(found["issuer"].is_string() && found["jwks_uri"].is_string(), "{found}");
    let models = |version: &str| format!("/models/chat/completions?api-version={version}");
    assert_eq!(client.post(&models("2024-05-01-preview"), KEY, &chat("")).status, 200);
    assert_eq!(client.post(&models("2024-10-21"), KEY, &chat("")).status, 404);
}
