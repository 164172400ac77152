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
            ("preflight", "one call over each path before the run, so that what cannot work is refused early"),
            ("run directory", "everything that one run left: manifest.json, requests.csv, summary.json and the others"),
            ("simulator", "the bundled server that speaks the API, with network distance and faults as planned"),
            ("ledger", "the simulator's own account of what it sent, and when"),
            ("control path", "the baseline once more: what it differs by is the noise floor of the machine"),
        ],
    ),
    (
        "Load",
        &[
            ("open load", "calls arrive at a rate, whether or not earlier ones have ended"),
            ("closed load", "a fixed number of callers; each sends its next call when its last has ended"),
            ("phase", "warmup, then measuring, then drain until every call has ended or timed out"),
            ("design", "which path an arrival takes: paired (every arrival is a round), interleaved or sequential"),
            ("dropped", "an arrival that could not be sent, because too many calls were in flight; it is counted"),
        ],
    ),
    (
        "Calls",
        &[
            (
                "ok, failed, incomplete",
                "a whole answer; an error or a timeout; cut off by the server or the end of the run",
            ),
            ("chunk", "one event of a stream; it may hold more than one token, or none"),
            (
                "failed share",
                "failed calls among those that ended by themselves: neither dropped nor cut off by the run's end",
            ),
            ("timeout", "a call given up at a time limit: in quantiles it counts as longer than any"),
            (
                "goodput",
                "calls that met every condition on single calls: as a figure a second, in objectives a share; failures are misses",
            ),
        ],
    ),
    (
        "Figures",
        &[
            ("response time", "counted from the moment the plan wanted the call to start: what a user would see"),
            ("service time", "counted from the moment the request was sent"),
            (
                "shift",
                "a quantile of one path minus the same quantile of the baseline; not the quantile of a difference",
            ),
            ("round", "one prompt sent once over every path, in random order within a short time"),
            ("block", "consecutive whole rounds, drawn again as one to see how much chance there is in a figure"),
            ("95% interval", "made so that it holds the true value in 95 of 100 such runs"),
            ("warm connection", "one that had carried a call before"),
            (
                "bad second",
                "one in which this tool stood still for more than 20 ms or the hypervisor took more than 10% of the \
                 processors; calls due in it are left out on all paths",
            ),
        ],
    ),
    (
        "Judgement",
        &[
            ("objective", "what must hold for a path, such as ttft.p95 < 800ms: met, missed or inconclusive"),
            ("expectation", "a claim that is held against a run and never decides how the run ends"),
            ("margin", "how much worse than the baseline is no matter"),
            ("gate", "whether a row keeps its margin: passed, failed or open"),
            ("validity", "whether this tool measured faithfully: valid, degraded or invalid"),
            ("selftest", "this tool's own error on this machine, measured against the ledger"),
            ("history", "many runs of one profile; a change is where the level of a figure moved"),
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
