//! The page about the simulator: every scenario in it starts, every fault in it exists, and so does every test it names.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::scenario;
use mock_backend::{Config, Simulator};

const PAGE: &str = include_str!("../../docs/simulator.md");

/// The fenced blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let parts = PAGE.split("\n```");
    parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// A block as a whole scenario: what it lacks is put there.
fn completed(block: &str) -> String {
    let name = if block.starts_with("name =") { "" } else { "name = \"page\"\n" };
    let region =
        |name: &str| format!("\n[[backend]]\nname = \"{name}\"\nmodel = {{ first = \"1ms\", gap = \"1ms\" }}\n");
    let backends = if block.contains("[[backend]]") { String::new() } else { region("sweden") + &region("france") };
    let first = block.split("[[backend]]").nth(1).and_then(|rest| rest.split('"').nth(1)).unwrap_or("sweden");
    let listener = format!("\n[[listener]]\nname = \"page\"\nkind = \"direct\"\nbackend = \"{first}\"\n");
    let listeners = if block.contains("[[listener]]") { "" } else { &listener };
    format!("{name}{block}\n{backends}{listeners}")
}

#[test]
fn every_scenario_of_the_page_starts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("times.jsonl"), "{\"offsets_ms\":[40, 50, 90]}\n").unwrap();
    let secure = scenario(&completed(
        "[[listener]]\nname = \"s\"\nkind = \"direct\"\nbackend = \"sweden\"\ntls = \"self-signed\"\n",
    ));
    for file in ["ca.pem", "app.pem"] {
        std::fs::write(folder.path().join(file), secure.ca_pem("s").unwrap()).unwrap();
    }
    let blocks = blocks("toml");
    assert!(blocks.len() >= 12, "{} blocks", blocks.len());
    let file = folder.path().join("page.toml");
    for block in blocks {
        let text = completed(block);
        let config = Config::parse(&text, file.to_str().unwrap()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let simulator = Simulator::start(config).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(!simulator.listeners().is_empty());
    }
}

#[test]
fn every_fault_of_the_page_is_one_and_none_is_missing() {
    let rows = PAGE.split("| what | kinds |").nth(1).unwrap().split("\n\n").next().unwrap();
    let kinds = |text: &str| {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let rest = rest.replace('N', "3");
        if rest.is_empty() { kind.to_owned() } else { format!("{kind}:{rest}") }
    };
    let named: Vec<String> = rows.split('`').skip(1).step_by(2).map(kinds).collect();
    assert!(named.len() > 70, "{named:?}");
    for kind in &named {
        let text = completed(&format!(
            "[[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"sweden\"\nfault = [{{ kind = \"{kind}\" }}]\n"
        ));
        assert_eq!(Config::parse(&text, "page").err(), None);
    }
    let unknown =
        completed("[[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"sweden\"\nfault = [{ kind = \"?\" }]\n");
    let known = Config::parse(&unknown, "page").unwrap_err().0;
    let (_, known) = known.split_once("known are ").unwrap();
    for kind in known.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).split(", ") {
        let here = named.iter().any(|named| named.split(':').next() == Some(kind));
        assert!(here, "the page does not name {kind}");
    }
}

#[test]
fn the_page_says_of_every_defect_what_the_simulator_says() {
    let rows =
        PAGE.split("| defect | what the listener does |\n|---|---|\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let told: Vec<String> = mock_backend::defects().map(|(name, about)| format!("| `{name}` | {about} |")).collect();
    assert_eq!(rows.lines().collect::<Vec<_>>(), told);
}

#[test]
fn every_test_that_the_page_names_exists() {
    let table = PAGE.split("## What is covered").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut tests = 0;
    for named in table.split('`').skip(1).step_by(2).filter(|named| named.contains(".rs: ")) {
        let (file, test) = named.split_once(": ").unwrap();
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{file} has no test {test}");
        tests += 1;
    }
    assert!(tests > 60, "{tests}");
    for item in ["S1", "S5", "T8", "L7", "F4", "O1", "O2", "O3", "O4", "O5", "O6"] {
        assert!(table.contains(item), "{item}");
    }
}
