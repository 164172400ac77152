//! Record mode: a gateway in front of an endpoint over TLS keeps the times of its answers, and a backend plays them.
#![allow(clippy::unwrap_used)]

mod common;

use common::child::Running;
use common::{CHAT, Client, chat, ledger, scenario, url};
use mock_backend::{Config, Simulator};
use serde_json::Value;

#[test]
fn what_an_endpoint_did_is_recorded_and_played_again() {
    let real = scenario(
        "name = \"real\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"100ms\", gap = \"20ms\" }\n\
         [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\ntls = \"self-signed\"\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let (ca, file) = (folder.path().join("ca.pem"), folder.path().join("record.toml"));
    std::fs::write(&ca, real.ca_pem("direct").unwrap()).unwrap();
    let upstream = url(&real).replace("127.0.0.1", "localhost");
    let text = format!(
        "name = \"record\"\n[[listener]]\nname = \"record\"\nkind = \"gateway\"\n\
         gateway = {{ own = \"0\", url = \"{upstream}\", record = \"real.jsonl\" }}\n"
    );
    std::fs::write(&file, text).unwrap();
    {
        let recording = Running::start(&["--ready-json", "--scenario", file.to_str().unwrap()], Some(&ca));
        let mut client = Client::new(&recording.listeners()[0].1);
        let path = format!("{CHAT}?key=hidden");
        let answer = client.post(&path, "api-key: sk-secret\r\n", &chat(",\"stream\":true,\"max_tokens\":6"));
        assert_eq!((answer.status, answer.events().len()), (200, 8));
    }
    let recorded = std::fs::read_to_string(folder.path().join("real.jsonl")).unwrap();
    let line: Value = serde_json::from_str(recorded.trim_end()).unwrap();
    assert!(!recorded.contains("sk-secret") && !recorded.contains("hidden"), "{recorded}");
    assert_eq!((&line["status"], &line["stream"]), (&200.into(), &true.into()));
    let text: String = line["chunks"].as_array().unwrap().iter().map(|chunk| chunk["text"].as_str().unwrap()).collect();
    assert!(text.ends_with("data: [DONE]\n\n"));
    let offsets: Vec<f64> = line["offsets_ms"].as_array().unwrap().iter().map(|ms| ms.as_f64().unwrap()).collect();
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    // A busy machine may bring two pieces in one read, but none before its time.
    assert!(offsets.len() <= 6 && first >= 100.0 && last >= 200.0, "{offsets:?}");

    let replay = folder.path().join("replay.toml");
    let text = "name = \"replay\"\n[[backend]]\nname = \"b\"\nmodel = { trace = \"real.jsonl\", speed = 4.0 }\n\
                [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"b\"\n";
    std::fs::write(&replay, text).unwrap();
    let replay = Simulator::start(Config::scenario(replay.to_str().unwrap()).unwrap()).unwrap();
    Client::new(&url(&replay)).post(CHAT, "api-key: k\r\n", &chat(",\"stream\":true"));
    let record = &ledger(&replay, "direct", 1)[0];
    let planned = record.planned.unwrap();
    assert_eq!(record.tokens, Some(offsets.len() as u32));
    assert!((planned.first_ms - first / 4.0).abs() < 0.01 && (planned.end_ms - last / 4.0).abs() < 0.01, "{planned:?}");
}
