//! What runs beside the answers: the levers, the counters, tokens, and an end that cuts nobody off.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::process::Command;

use common::child::Running;
use common::{Answer, CHAT, Client, KEY, chat, ledger, request, scenario, url};
use mock_backend::Simulator;
use serde_json::json;

fn start(more: &str) -> Simulator {
    scenario(&format!(
        "name = \"test\"\n{more}\n[[backend]]\nname = \"b\"\nmodel = {{ first = {{ dist = \"normal\", mean = \"5ms\", \
         sd = \"1ms\" }}, gap = \"1ms\" }}\n[[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n"
    ))
}

fn send(client: &mut Client, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    client.send(request(method, path, headers, body).as_bytes())
}

#[test]
fn a_patch_changes_the_next_request_on_an_open_connection() {
    let simulator = start("");
    let mut client = Client::new(&url(&simulator));
    assert_eq!(client.post(CHAT, KEY, &chat("")).json()["usage"]["completion_tokens"], 64);
    let patch = json!({"backend": [{"name": "b", "output_tokens": 3, "region": "westeurope"}]}).to_string();
    let changed = send(&mut client, "PATCH", "/_sim/config", "", &patch);
    assert_eq!((changed.status, &changed.json()["backend"][0]["region"]), (200, &json!("westeurope")));
    assert_eq!(client.get("/_sim/config").json(), simulator.config());
    assert_eq!(client.post(CHAT, KEY, &chat("")).json()["usage"]["completion_tokens"], 3);
    // A wrong one changes nothing, not even what is right in it.
    let wrong = json!({"backend": [{"name": "b", "output_tokens": 9, "regoin": "x"}]}).to_string();
    let refused = send(&mut client, "PATCH", "/_sim/config", "", &wrong);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(refused.status == 400 && message.contains("did you mean \"region\"?"), "{message}");
    assert_eq!(send(&mut client, "PATCH", "/_sim/config", "", "{").status, 400);
    assert_eq!(client.post(CHAT, KEY, &chat("")).json()["usage"]["completion_tokens"], 3);
    simulator.patch(&json!({"backend": [{"name": "b", "output_tokens": null}]})).unwrap();
    assert_eq!(client.post(CHAT, KEY, &chat("")).json()["usage"]["completion_tokens"], 64);
}

#[test]
fn a_reset_begins_the_same_draws_again() {
    let simulator = start("");
    let mut client = Client::new(&url(&simulator));
    let mut run = || {
        (0..5).for_each(|_| assert_eq!(client.post(CHAT, KEY, &chat("")).status, 200));
        let planned: Vec<_> = ledger(&simulator, "direct", 5).iter().map(|record| record.planned.unwrap()).collect();
        let reset = send(&mut client, "POST", "/_sim/reset", "", "");
        assert_eq!((reset.status, simulator.ledger().len()), (200, 0));
        planned
    };
    let first = run();
    assert_eq!(first, run());
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn requests_are_counted_with_their_lateness() {
    let simulator = start("");
    let mut client = Client::new(&url(&simulator));
    (0..3).for_each(|_| assert_eq!(client.post(CHAT, KEY, &chat(",\"max_tokens\":2")).status, 200));
    assert_eq!(client.post(CHAT, "", &chat("")).status, 401);
    ledger(&simulator, "direct", 4);
    let metrics = client.get("/_sim/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for expected in [
        "sim_requests_total{listener=\"direct\",status=\"200\",fault=\"\"} 3\n",
        "sim_requests_total{listener=\"direct\",status=\"401\",fault=\"\"} 1\n",
        "sim_output_tokens_total{listener=\"direct\"} 6\n",
        "sim_in_flight 0\n",
        "sim_lateness_seconds_count{of=\"end\"} 3\n",
    ] {
        assert!(metrics.text().contains(expected), "{expected} is not in\n{}", metrics.text());
    }
}

#[test]
fn health_waits_until_the_simulator_is_ready() {
    let starting = start("ready_after = \"1m\"");
    let answer = Client::new(&url(&starting)).get("/_sim/health");
    assert_eq!((answer.status, &answer.json()["status"]), (503, &json!("starting")));
    starting.patch(&json!({"ready_after": "0"})).unwrap();
    assert_eq!(Client::new(&url(&starting)).get("/_sim/health").status, 200);
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[test]
fn tokens_of_the_endpoint_and_of_the_machine_pass_and_those_for_others_do_not() {
    let simulator = start("");
    let mut client = Client::new(&url(&simulator));
    let mut ask = |form: &str| send(&mut client, "POST", "/tenant-1/oauth2/v2.0/token", "", form);
    let form = |scope: &str| {
        format!("grant_type=client_credentials&client_id=c&client_secret=s&scope=https%3A%2F%2F{scope}%2F.default")
    };
    let token = |answer: &Answer| answer.json()["access_token"].as_str().unwrap().to_owned();
    let good = ask(&form("cognitiveservices.azure.com"));
    assert_eq!(
        (good.status, &good.json()["expires_in"], &good.json()["token_type"]),
        (200, &json!(3599), &json!("Bearer"))
    );
    let other = ask(&form("graph.microsoft.com"));
    let table = [
        ("grant_type=password&client_id=c", 400, "unsupported_grant_type"),
        ("client_id=c", 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=c&scope=x/.default", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=c&client_secret=s&scope=x", 400, "invalid_scope"),
    ];
    for (form, status, error) in table {
        let answer = ask(form);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{form}");
    }
    let machine =
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com%2F";
    assert_eq!(send(&mut client, "GET", machine, "", "").status, 400);
    let from_machine = send(&mut client, "GET", machine, "Metadata: true\r\n", "");
    assert_eq!((from_machine.status, &from_machine.json()["expires_in"]), (200, &json!("86399")));
    for (answer, status) in [(&good, 200), (&from_machine, 200), (&other, 401)] {
        assert_eq!(client.post(CHAT, &bearer(&token(answer)), &chat("")).status, status);
    }
    let path = "/openai/v1/chat/completions";
    let refused = client.post(path, &bearer(&token(&other)), &chat("")).json();
    assert!(refused["error"]["message"].as_str().unwrap().contains("audience is incorrect"));
    assert_eq!(client.post(CHAT, &bearer("sk-any"), &chat("")).status, 200);
}

#[test]
fn a_stop_lets_requests_end_and_a_drop_does_not() {
    for (gentle, ends) in [(true, true), (false, false)] {
        let simulator = start("");
        let mut client = Client::new(&url(&simulator));
        let mut idle = Client::new(&url(&simulator));
        assert_eq!(idle.get("/_sim/health").status, 200);
        let body = chat(",\"stream\":true,\"max_tokens\":200");
        client.stream().write_all(request("POST", CHAT, KEY, &body).as_bytes()).unwrap();
        client.stream().read_exact(&mut [0; 16]).unwrap();
        let end = std::thread::spawn(move || if gentle { simulator.stop() } else { drop(simulator) });
        let mut text = String::new();
        let _ = client.stream().read_to_string(&mut text);
        assert_eq!(text.contains("data: [DONE]"), ends);
        assert!(idle.is_closed());
        end.join().unwrap();
    }
}

#[test]
fn the_program_drains_when_it_is_told_to_terminate() {
    let mut program = Running::start(&["--ready-json", "--ttft", "300ms", "--itl", "1ms"], None);
    let mut client = Client::new(&program.listeners()[0].1);
    let body = chat(",\"stream\":true,\"max_tokens\":5");
    client.stream().write_all(request("POST", CHAT, KEY, &body).as_bytes()).unwrap();
    client.stream().read_exact(&mut [0; 16]).unwrap();
    let pid = program.pid().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut text = String::new();
    client.stream().read_to_string(&mut text).unwrap();
    assert!(text.contains("data: [DONE]"));
    assert_eq!(program.wait().0.code(), Some(0));
}
