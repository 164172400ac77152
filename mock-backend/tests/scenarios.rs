//! The built-in scenarios, each started and asked.
#![allow(clippy::unwrap_used)]

mod common;

use common::{CHAT, Client, KEY, chat, ledger};
use mock_backend::config::SCENARIOS;
use mock_backend::{Config, Simulator};

const AZURE: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

fn start(name: &str) -> Simulator {
    Simulator::start(Config::scenario(name).unwrap()).unwrap()
}

fn client(simulator: &Simulator, listener: &str) -> Client {
    Client::new(&simulator.url(listener).unwrap())
}

#[test]
fn every_scenario_starts_and_tells_of_itself() {
    for (name, _) in SCENARIOS {
        let simulator = start(name);
        let (first, _) = &simulator.listeners()[0];
        let truth = client(&simulator, first).get("/_sim/describe").json();
        let listeners: Vec<&str> =
            truth["listeners"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        let names: Vec<String> = simulator.listeners().into_iter().map(|(name, _)| name).collect();
        assert_eq!(listeners, names, "{name}");
    }
}

#[test]
fn the_throttled_deployment_refuses_and_the_provisioned_one_spills_over() {
    let simulator = start("throttled");
    let mut client = client(&simulator, "standard");
    let answer = client.post(AZURE, KEY, &chat(r#","max_tokens":100000"#));
    assert_eq!((answer.status, answer.header("x-ratelimit-limit-requests")), (429, Some("600")));
    let mut client = self::client(&simulator, "provisioned");
    // Together 8 + 4 x 3,000 of 10,000 weighted tokens: the first is taken, for the second there is no room until the
    // first has been corrected, which it never is since it produces what it asked for.
    let big = chat(r#","max_tokens":3000,"stream":true"#);
    let mut first = self::client(&simulator, "provisioned");
    let head = format!("POST {AZURE} HTTP/1.1\r\nhost: s\r\n{KEY}content-length: {}\r\n\r\n", big.len());
    std::io::Write::write_all(first.stream(), &[head.as_bytes(), big.as_bytes()].concat()).unwrap();
    let mut text = String::new();
    while !text.contains("\"role\"") {
        let mut room = [0; 4096];
        let n = std::io::Read::read(first.stream(), &mut room).unwrap();
        text.push_str(&String::from_utf8_lossy(&room[..n]));
    }
    assert!(text.contains("azure-openai-deployment-utilization: 120.1%"), "{text}");
    let spilled = client.post(AZURE, KEY, &chat(r#","max_tokens":1"#));
    assert_eq!((spilled.status, spilled.header("x-ms-deployment-name")), (200, Some("overflow")));
    assert_eq!(spilled.header("x-ms-spillover-from-deployment"), Some("provisioned"));
}

#[test]
fn the_flaky_service_fails_as_it_says() {
    let simulator = start("flaky");
    let mut recovering = client(&simulator, "recovering");
    let statuses: Vec<u16> = (0..5).map(|_| recovering.post(CHAT, KEY, &chat(r#","max_tokens":1"#)).status).collect();
    assert_eq!(statuses, [503, 503, 503, 200, 200]);
    let ends: Vec<bool> = (0..10)
        .map(|_| {
            let mut client = client(&simulator, "bad-line");
            client.stream().set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
            let error = std::io::Read::read(client.stream(), &mut [0; 16]).unwrap_err();
            error.kind() == std::io::ErrorKind::ConnectionReset
        })
        .collect();
    assert_eq!(ends, [false, false, false, false, true, false, false, false, false, true]);
    assert_eq!(ledger(&simulator, "bad-line", 2)[0].fault, Some("reset-connection"));
}

#[test]
fn the_gateway_takes_turns_between_its_regions_and_buffers() {
    let simulator = start("two-regions-buffering-gateway");
    let mut client = client(&simulator, "gateway");
    let body = chat(r#","max_tokens":40,"stream":true"#);
    for region in ["swedencentral", "francecentral", "swedencentral"] {
        let answer = client.post(AZURE, KEY, &body);
        assert_eq!(answer.header("x-ms-region"), Some(region));
        assert!(answer.body.len() > 8192 && answer.text().ends_with("data: [DONE]\n\n"));
    }
    for record in ledger(&simulator, "gateway", 3) {
        // The first block holds most of the tokens, which are 10 ms apart.
        assert!(record.first_ns.unwrap() >= record.recv_ns + 300_000_000, "{record:?}");
    }
}
