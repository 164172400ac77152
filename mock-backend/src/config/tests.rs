use super::*;
use crate::model::batching::Batching;
use crate::model::dist::Dist;
use crate::net::distance::Distance;
use crate::units::{parse_duration, parse_rate};

#[test]
fn every_built_in_scenario_parses_under_its_own_name() {
    for (name, _) in SCENARIOS {
        assert_eq!(Config::scenario(name).unwrap().scenario, name);
    }
}

#[test]
fn every_scenario_in_the_folder_is_built_in() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap();
    let mut files: Vec<String> =
        folder.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    files.sort();
    let mut names: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn three_paths_is_what_it_says() {
    let config = Config::scenario("three-paths").unwrap();
    let [direct, private, gateway] = &config.listeners[..] else { panic!("not three") };
    assert_eq!(direct.link, Distance { rtt: Dist::Fixed(1e6), bandwidth: None });
    assert_eq!(private.link.rtt, Dist::through(28e6, 34e6));
    assert_eq!((direct.backend, private.backend, gateway.backend), (Some(0), Some(1), Some(0)));
    assert_eq!(config.backends[0].model.latency, config.backends[1].model.latency);
    let own = gateway.gateway.as_ref().unwrap();
    assert_eq!((own.own, own.link.rtt), (Dist::Fixed(5e6), Dist::Fixed(1e6)));
}

#[test]
fn a_batch_of_one_is_shared_by_two_paths() {
    let config = Config::scenario("shared-batch-1").unwrap();
    assert_eq!(config.backends[0].model.batching, Batching::Serial { stage: Dist::Fixed(10e6) });
    assert!(config.listeners.iter().all(|listener| listener.backend == Some(0)));
}

const BACKEND: &str = "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = { first = \"1ms\", gap = \"1ms\" }\n";

#[test]
fn what_is_wrong_is_named_with_its_place_and_its_remedy() {
    let listener =
        |rest: &str| format!("{BACKEND}[[listener]]\nname = \"l\"\nkind = \"direct\"\nbackend = \"b\"\n{rest}");
    let table = [
        ("name = 1".to_owned(), "test line 1"),
        ("nmae = \"x\"".to_owned(), "line 1: unknown key \"nmae\", did you mean \"name\"?"),
        (BACKEND.to_owned(), "there must be at least one [[listener]]"),
        (format!("{BACKEND}load = {{ kind = \"btach\" }}"), "did you mean \"batch\"?"),
        (
            format!("{BACKEND}load = {{ kind = \"batch\", size = 4, step = \"10ms\" }}"),
            "backend \"b\" makes a token a step, so its model has no gap",
        ),
        (format!("{BACKEND}stream = {{ haed = \"at-once\" }}"), "line 5: unknown key \"haed\", did you mean \"head\"?"),
        (
            format!("{BACKEND}stream = {{ head = \"at-onec\" }}"),
            "line 5: unknown value \"at-onec\", did you mean \"at-once\"?",
        ),
        (format!("{BACKEND}stream = {{ tokens_per_event = 0 }}"), "tokens_per_event = 0, which must be from 1 to 64"),
        (
            format!("{BACKEND}changes = [{{ kind = \"spike\", at = \"1s\", fro = \"1s\", factor = 2 }}]"),
            "line 5: unknown key \"fro\", did you mean \"for\"?",
        ),
        (
            format!("{BACKEND}changes = [{{ kind = \"ramp\", from = \"2s\", to = \"1s\", factor = 2 }}]"),
            "a ramp that ends before it begins",
        ),
        (
            format!("{BACKEND}changes = [{{ kind = \"sine\", period = \"2s\", amplitude = 1.5 }}]"),
            "an amplitude from 0 to below 1",
        ),
        (BACKEND.replace("gap = \"1ms\"", "trace = \"none.jsonl\""), "has a trace, which has its own first"),
        (BACKEND.replace("first = \"1ms\", gap = \"1ms\"", "trace = \"none.jsonl\""), "none.jsonl cannot be read"),
        (BACKEND.replace(", gap = \"1ms\"", ""), "backend \"b\" needs model = { ..., gap = ... }"),
        (listener("lnik = 1"), "line 9: unknown key \"lnik\", did you mean \"link\"?"),
        (listener("link = { rtt = \"1 parsec\" }"), "\"1 parsec\" is not a duration"),
        (listener("link = { rtt = { p50 = \"5ms\", p95 = \"4ms\" } }"), "p95 must not be less than p50"),
        (
            listener("link = { from = \"gwc\", to = \"swedncentral\" }"),
            "line 9: unknown region \"swedncentral\", did you mean \"swedencentral\"?",
        ),
        (listener("link = { from = \"gwc\" }"), "line 9: a link between regions needs both from and to"),
        (listener("link = { from = \"gwc\", to = \"swc\", rtt = \"1ms\" }"), "either a rtt, or from and to"),
        (listener("link = { bandwidth = \"0Mbit/s\" }"), "must be more than 0"),
        (listener("").replace("\"direct\"", "\"dircet\""), "unknown value \"dircet\", did you mean \"direct\"?"),
        (listener("").replace("backend = \"b\"", "backend = \"bb\""), "did you mean \"b\"?"),
        (listener("").replace("backend = \"b\"", ""), "listener \"l\" needs a backend"),
        (listener("gateway = { own = \"1ms\" }"), "so its kind must be \"gateway\""),
        (listener("gateway = { own = \"0\", url = \"ftp://x\" }"), "url \"ftp://x\" must begin with http://"),
        (listener("gateway = { own = \"0\", url = \"http://x\" }").replace("direct", "gateway"), "both a backend and"),
        (listener("").replace("\"direct\"", "\"gateway\""), "needs gateway = { own = ... }"),
        (listener(&listener("")[BACKEND.len()..]), "two listeners have the name \"l\""),
        (
            listener("").replace("\"1ms\", gap", "{ dist = \"normall\", mean = \"1ms\", sd = \"1ms\" }, gap"),
            "did you mean \"normal\"?",
        ),
        (
            listener("").replace(
                "\"1ms\", gap",
                "{ dist = \"quantiles\", p50 = \"2ms\", p90 = \"1ms\", p95 = \"3ms\", p99 = \"4ms\" }, gap",
            ),
            "quantiles must not fall from p50 to p99",
        ),
        (
            listener("").replace("name = \"x\"", "name = \"x\"\nthreads = 2000"),
            "threads must be from 0 (one for each core) to 1024",
        ),
        (listener("").replace("name = \"x\"", "name = \"x\"\nledger = 0"), "ledger must be from 1 to 10000000"),
        (
            listener("").replace("gap = \"1ms\" }", "gap = \"1ms\" }\nlimits = { rmp = 600 }"),
            "test line 5: unknown key \"rmp\", did you mean \"rpm\"?",
        ),
        (
            listener("").replace("gap = \"1ms\" }", "gap = \"1ms\" }\nlimits = { rpm = 0 }"),
            "backend \"b\": limits must be more than 0",
        ),
        (
            listener("").replace("gap = \"1ms\" }", "gap = \"1ms\" }\nlimits = { spillover = \"bb\" }"),
            "spills over to \"bb\"",
        ),
        (
            listener("").replace("gap = \"1ms\" }", "gap = \"1ms\" }\nlimits = { rpm = 1, ptu = { units = 1 } }"),
            "either ptu or rpm and tpm",
        ),
        (listener("").replace("\"1ms\", gap", "\"-1ms\", gap"), "is not a time from 0 to an hour"),
    ];
    for (text, expected) in table {
        let error = Config::parse(&text, "test").unwrap_err().0;
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn durations_and_bandwidths_have_units() {
    for (text, ns) in [("200ms", 200e6), ("1.5s", 1.5e9), ("20us", 20e3), ("0", 0.0), ("2m", 120e9), (" 5 ms ", 5e6)] {
        assert_eq!(parse_duration(text), Ok(ns));
    }
    for text in ["", "5", "ms", "-1ms", "1h", "NaNms", "infs", "61m"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
    assert_eq!(parse_rate("100Mbit/s"), Ok(0.0125));
    assert_eq!(parse_rate("1GB/s"), Ok(1.0));
    for text in ["", "100", "Mbit/s", "0Mbit/s", "-1MB/s", "1 parsec"] {
        assert!(parse_rate(text).is_err(), "{text}");
    }
}

#[test]
fn listeners_take_the_ports_after_the_first() {
    let mut config = Config::scenario("three-paths").unwrap();
    config.listen("127.0.0.1:9000".parse().unwrap());
    let ports: Vec<u16> = config.listeners.iter().map(|listener| listener.bind.port()).collect();
    assert_eq!(ports, [9000, 9001, 9002]);
}
