//! Limits as a caller meets them: statuses, texts, headers, and the deployment that takes what another refuses.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, CHAT, Client, KEY, RESPONSES, chat, ledger, responses, scenario};
use mock_backend::Simulator;

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// One backend with these limits, and one without.
fn limited(limits: &str) -> Simulator {
    scenario(&format!(
        r#"
        name = "limited"
        [[backend]]
        name = "small"
        region = "swedencentral"
        model = {{ first = "0", gap = "0" }}
        output_tokens = 10
        limits = {{ {limits} }}
        [[backend]]
        name = "large"
        region = "westeurope"
        model = {{ first = "0", gap = "0" }}
        [[backend]]
        name = "closed"
        model = {{ first = "0", gap = "0" }}
        limits = {{ context_tokens = 1 }}
        [[listener]]
        name = "l"
        kind = "direct"
        backend = "small"
        "#
    ))
}

fn client(simulator: &Simulator) -> Client {
    Client::new(&simulator.url("l").unwrap())
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn too_many_calls_are_refused_in_the_words_of_each_service() {
    // Over an hour, so that the test may be as slow as it likes.
    let simulator = limited(r#"rpm = 1, rpm_windows = ["60m"], tpm = 1000"#);
    let mut client = client(&simulator);
    let body = chat(r#","max_tokens":2"#);
    for _ in 0..60 {
        assert_eq!(client.post(CHAT, KEY, &body).status, 200);
    }
    let openai = client.post(CHAT, KEY, &body);
    assert_eq!(openai.status, 429);
    assert_eq!(openai.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(openai.json()["error"]["type"], "requests");
    assert!(
        message(&openai).starts_with("Rate limit reached for gpt-4o-2024-08-06 in organization"),
        "{}",
        openai.text()
    );
    assert!(message(&openai).contains("on requests per min (RPM): Limit 1,"), "{}", openai.text());
    assert!(openai.header("retry-after").is_some() && openai.header("retry-after-ms").is_none());
    assert_eq!(openai.header("x-ratelimit-remaining-requests"), Some("0"));
    assert!(openai.header("x-ratelimit-reset-requests").unwrap().starts_with("59m"));
    let azure = client.post(AZURE, KEY, &body);
    assert_eq!((azure.status, azure.json()["error"]["code"].as_str()), (429, Some("429")));
    assert!(
        message(&azure).starts_with(
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded \
             call rate limit"
        ),
        "{}",
        azure.text()
    );
    let seconds: u64 = azure.header("retry-after").unwrap().parse().unwrap();
    let ms: u64 = azure.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&seconds) && ms.div_ceil(1000) == seconds, "{seconds} {ms}");
    let reset: u64 = azure.header("x-ratelimit-reset-requests").unwrap().parse().unwrap();
    assert_eq!(reset, seconds);
    let records = ledger(&simulator, "l", 62);
    assert!(records.iter().filter(|record| record.status == 429).all(|record| record.planned.is_none()));
}

#[test]
fn too_many_tokens_are_refused_by_their_estimate() {
    let simulator = limited("tpm = 1000");
    let mut client = client(&simulator);
    // The prompt is 9 tokens in the chat API.
    let first = client.post(CHAT, KEY, &chat(r#","max_tokens":491"#));
    assert_eq!((first.status, first.header("x-ratelimit-remaining-tokens")), (200, Some("500")));
    assert_eq!(first.header("x-ratelimit-limit-tokens"), Some("1000"));
    let second = client.post(CHAT, KEY, &chat(r#","max_tokens":492"#));
    assert_eq!((second.status, second.json()["error"]["type"].as_str()), (429, Some("tokens")));
    assert!(
        message(&second).contains("tokens per min (TPM): Limit 1000, Used 500, Requested 501."),
        "{}",
        second.text()
    );
    let azure = client.post(AZURE, KEY, &chat(r#","max_tokens":492"#));
    assert!(message(&azure).contains("have exceeded token rate limit"), "{}", azure.text());
    let never = client.post(CHAT, KEY, &chat(r#","max_tokens":2000"#));
    assert!(message(&never).starts_with("Request too large for"), "{}", never.text());
    assert_eq!((never.status, never.header("retry-after")), (429, None));
    // Without a limit of its own a request counts as 16.
    let default = client.post(CHAT, KEY, &chat(""));
    assert_eq!(default.header("x-ratelimit-remaining-tokens"), Some("475"));
}

#[test]
fn embeddings_cost_their_text_and_nothing_else() {
    let simulator = limited("tpm = 3");
    let mut client = client(&simulator);
    let mut ask = || {
        let body = r#"{"model":"text-embedding-3-small","input":"hello world"}"#;
        client.post("/v1/embeddings", KEY, body)
    };
    let first = ask();
    assert_eq!((first.status, first.header("x-ratelimit-remaining-tokens")), (200, Some("1")), "{}", first.text());
    let second = ask();
    assert_eq!((second.status, second.json()["error"]["type"].as_str()), (429, Some("tokens")));
    assert!(second.header("retry-after").is_some());
}

#[test]
fn a_provisioned_deployment_says_how_full_it_is_and_is_corrected_at_the_end() {
    let simulator = limited("ptu = { capacity = 1e6, output_weight = 4 }");
    let mut client = client(&simulator);
    // 9 + 4 x 100,000 of 1,000,000.
    let first = client.post(AZURE, KEY, &chat(r#","max_tokens":100000"#));
    assert_eq!(first.header("azure-openai-deployment-utilization"), Some("40.0%"));
    assert!(first.header("x-ratelimit-limit-requests").is_none());
    // It produced 10 tokens, so that its 48 are nothing beside the next one's 200,009.
    ledger(&simulator, "l", 1);
    let second = client.post(AZURE, KEY, &chat(r#","max_tokens":50000"#));
    assert_eq!(second.header("azure-openai-deployment-utilization"), Some("20.0%"));

    let simulator = limited("ptu = { capacity = 20, output_weight = 4 }");
    let mut client = self::client(&simulator);
    // 9 + 4 x 100 is more than twenty times of it; below the brim it passes.
    assert_eq!(
        client.post(AZURE, KEY, &chat(r#","max_tokens":100"#)).header("azure-openai-deployment-utilization"),
        Some("2045.0%")
    );
    ledger(&simulator, "l", 1);
    let refused = client.post(AZURE, KEY, &chat(r#","max_tokens":1"#));
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (429, Some("429")));
    assert!(message(&refused).contains("provisioned throughput"), "{}", refused.text());
    let ms: u64 = refused.header("retry-after-ms").unwrap().parse().unwrap();
    // 9 + 4 x 10 are 245 %: 145 % of a minute, less what has drained since.
    assert!((50_000..=87_001).contains(&ms), "{ms}");
    assert!(refused.header("azure-openai-deployment-utilization").unwrap().ends_with('%'));
}

#[test]
fn spillover_takes_exactly_what_is_refused() {
    // 1 a minute over an hour: 60 pass.
    let simulator = limited(r#"rpm = 1, rpm_windows = ["60m"], spillover = "large""#);
    let mut client = client(&simulator);
    let mut served = Vec::new();
    for _ in 0..80 {
        let answer = client.post(AZURE, KEY, &chat(r#","max_tokens":1"#));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let of = |name| answer.header(name).map(str::to_owned);
        served.push((of("x-ms-spillover-from-deployment"), of("x-ms-deployment-name"), of("x-ms-region")));
    }
    let text = |text: &str| Some(text.to_owned());
    assert!(served[..60].iter().all(|one| *one == (None, text("small"), text("swedencentral"))));
    // 20 of 80: a share of 25 %.
    assert!(served[60..].iter().all(|one| *one == (text("small"), text("large"), text("westeurope"))));
    // The Responses API does not spill over.
    assert_eq!(client.post("/openai/v1/responses", KEY, &responses("")).status, 429);
}

#[test]
fn a_caller_may_name_the_deployment_and_learns_why_it_did_not_help() {
    let simulator = limited("context_tokens = 20");
    let mut client = client(&simulator);
    let body = chat(r#","max_tokens":13"#);
    let refused = client.post(AZURE, KEY, &body);
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (400, Some("context_length_exceeded")),
        "{}",
        refused.text()
    );
    let to = |name: &str| format!("{KEY}x-ms-spillover-deployment: {name}\r\n");
    let spilled = client.post(AZURE, &to("large"), &body);
    assert_eq!((spilled.status, spilled.header("x-ms-deployment-name")), (200, Some("large")));
    assert_eq!(spilled.header("x-ms-spillover-from-deployment"), Some("small"));
    let failed = client.post(AZURE, &to("closed"), &body);
    assert_eq!((failed.status, failed.header("x-ms-spillover-error")), (400, Some("400")));
    assert_eq!(failed.header("x-ms-spillover-from-deployment"), None);
    // An error of the deployment is as good a reason as its limits, if it is one of the right kind.
    for (fault, status) in [("429", 200), ("500", 200), ("503", 200), ("400", 400), ("502", 502)] {
        let headers = format!("{}x-sim-fault: {fault}\r\n", to("large"));
        let answer = client.post(AZURE, &headers, &chat(r#","max_tokens":1"#));
        assert_eq!(answer.status, status, "{fault}");
        assert_eq!(answer.header("x-ms-deployment-name"), (status == 200).then_some("large"));
    }
    let nowhere = client.post(AZURE, &to("lagre"), &body);
    assert_eq!((nowhere.status, nowhere.header("x-ms-spillover-error")), (400, None));
}

#[test]
fn azure_may_refuse_a_stream_of_responses_under_status_200() {
    let simulator = limited(r#"rpm = 1, rpm_windows = ["60s"], in_stream = true, headers = "unknown""#);
    let mut client = client(&simulator);
    let body = responses(r#","stream":true,"max_output_tokens":16"#);
    let first = client.post("/openai/v1/responses", KEY, &body);
    assert_eq!((first.status, first.header("x-ratelimit-limit-tokens")), (200, Some("-1")));
    assert_eq!(first.header("x-ratelimit-remaining-tokens"), Some("-1"));
    assert_eq!(first.header("x-ratelimit-reset-tokens"), Some("0"));
    let second = client.post("/openai/v1/responses", KEY, &body);
    let events = second.events();
    assert_eq!((second.status, events.len()), (200, 2));
    assert_eq!(second.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(second.header("retry-after").is_some());
    assert_eq!((&events[0]["type"], &events[0]["sequence_number"]), (&"response.failed".into(), &1.into()));
    assert!(events[0]["response"]["error"].is_null() && events[0]["response"]["status"] == "failed");
    assert_eq!((&events[1]["type"], &events[1]["error"]["code"]), (&"error".into(), &"rate_limit_exceeded".into()));
    // Without a stream the status says it.
    assert_eq!(client.post(RESPONSES, KEY, &responses("")).status, 429);
}
