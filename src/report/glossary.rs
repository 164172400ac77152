//! The terms of this tool, each once: the page of a report and `docs/glossary.md` are made of one table. What a metric
//! means stands in its own row, in `measure/metric.rs`.

use crate::measure::metric::Metric;

/// The terms and their meaning, by what they are about.
const TERMS: [(&str, &[(&str, &str)]); 5] = [
    (
        "A run",
        &[
            ("path", "a way to the model: direct, over a private endpoint, or through a gateway"),
            ("baseline", "the path that the others are compared with; a candidate is each of the others"),
            ("profile", "a run as written: a TOML file and flags"),
            ("plan", "a run as resolved: validated, with its seed, without secrets; run --dry-run prints it"),
            (
                "preflight",
                "one call over each path before the run; a run over a path that cannot work is refused before it begins",
            ),
            ("run directory", "everything that one run left: manifest.json, requests.csv, summary.json and the others"),
            (
                "simulator",
                "the bundled server that speaks the API, with the network delays and faults that a scenario plans",
            ),
            ("scenario", "the TOML file that says which listeners the simulator has, and how each behaves"),
            ("ledger", "the simulator's own record of each call: what it sent, and when"),
            (
                "control path",
                "a second path with the configuration of the baseline; its shift shows the noise floor of the setup",
            ),
        ],
    ),
    (
        "Load",
        &[
            ("arrival", "the moment at which the plan wants a call, or a round, to start"),
            ("open load", "calls arrive at a planned rate, whether or not earlier ones have ended"),
            ("closed load", "a fixed number of callers; each sends its next call after its last one has ended"),
            (
                "phase",
                "warmup (not counted), measure, then drain: nothing new is sent until every call has ended or timed out",
            ),
            (
                "design",
                "which path an arrival takes: all of them (paired: every arrival is a round), one of them in balanced random order (interleaved), or path after path (sequential)",
            ),
            (
                "dropped",
                "an arrival that was not sent because max_in_flight calls were already under way; it is counted",
            ),
        ],
    ),
    (
        "Calls",
        &[
            (
                "ok, failed, incomplete",
                "a whole answer; an error or a timeout; an answer cut off by the server or by the end of the run",
            ),
            ("sample", "the timestamps and the outcome of one call: a row of requests.csv"),
            ("chunk", "one event of a stream; it may hold one token, several, or none"),
            (
                "failed share",
                "calls that failed or whose answer the server cut off, as a share of the calls that ended by themselves; those dropped or cut off by the end of the run are left out",
            ),
            ("timeout", "a call given up at a time limit; in quantiles it counts as longer than every call that ended"),
            (
                "goodput",
                "calls that met every per-call condition of the objectives, failures counted as misses; a rate in reports, a share in objectives",
            ),
        ],
    ),
    (
        "Figures",
        &[
            (
                "response time",
                "counted from the moment the plan wanted the call to start, any wait inside this tool included: what a user would see",
            ),
            ("service time", "counted from the moment the request was sent"),
            (
                "shift",
                "a quantile of a candidate minus the same quantile of the baseline; not the quantile of the differences",
            ),
            (
                "round",
                "one prompt sent once over every path, in random order within round_spread (default 500 ms); the unit of pairing",
            ),
            (
                "block",
                "consecutive whole rounds that are resampled as one, because calls close in time are not independent",
            ),
            ("95% interval", "a range computed so that it contains the true value in 95 of 100 such runs"),
            (
                "warm connection",
                "a connection that has carried a call before; a call on a new one also waits for DNS, TCP and TLS",
            ),
            (
                "bad second",
                "a second in which this tool stalled for more than 20 ms or the hypervisor took more than 10% of the processors; calls due in it are left out on all paths",
            ),
        ],
    ),
    (
        "Judgement",
        &[
            ("objective", "what must hold for a path, such as ttft.p95 < 800ms: met, missed or inconclusive"),
            ("expectation", "a claim about a path that is checked against a run; it never decides the exit code"),
            ("margin", "how much worse than the baseline is still acceptable"),
            ("gate", "the check of a figure against its margin: passed, failed or open (not decided)"),
            ("validity", "whether this tool measured faithfully: valid, degraded or invalid"),
            ("selftest", "a measurement of this tool's own error on this machine, against the simulator's ledger"),
            ("history", "the runs of one profile in the order of time; a change is where the level of a figure moved"),
        ],
    ),
];

/// The terms of a report and their meaning, the metrics first.
pub(crate) fn glossary() -> Vec<(String, &'static str)> {
    metrics().chain(TERMS.iter().flat_map(|(_, terms)| entries(terms))).collect()
}

fn entries(terms: &'static [(&str, &str)]) -> impl Iterator<Item = (String, &'static str)> {
    terms.iter().map(|(term, meaning)| ((*term).to_owned(), *meaning))
}

fn metrics() -> impl Iterator<Item = (String, &'static str)> {
    Metric::ALL.into_iter().map(|metric| (format!("{} ({})", metric.short(), metric.key()), metric.definition()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::fixture::published;

    const HEAD: &str = "# Glossary\n\nEach term once. This file is made of the table in `src/report/glossary.rs`; \
                        `HOPMARK_BLESS=1 cargo test --lib glossary` writes it again.\n";

    fn section(title: &str, terms: impl Iterator<Item = (String, &'static str)>) -> String {
        let line = |(term, meaning): (String, &str)| format!("- **{term}**: {meaning}.\n");
        format!("\n## {title}\n\n{}", terms.map(line).collect::<String>())
    }

    #[test]
    fn the_file_is_made_of_the_table() {
        let terms = TERMS.iter().map(|(title, terms)| section(title, entries(terms)));
        let text = format!("{HEAD}{}{}", section("Metrics", metrics()), terms.collect::<String>());
        assert_eq!(published("docs/glossary.md", text.as_bytes()), text, "HOPMARK_BLESS=1 writes it again");
    }

    #[test]
    fn each_term_stands_once() {
        let terms: BTreeSet<String> = glossary().into_iter().map(|(term, _)| term).collect();
        assert_eq!(terms.len(), glossary().len());
    }
}
