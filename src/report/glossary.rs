//! The terms of a report.

use crate::measure::metric::Metric;
use crate::report::words;

/// The terms and their meaning.
pub(crate) fn glossary() -> Vec<(String, &'static str)> {
    let metric = |metric: Metric| (format!("{} ({})", words::short(metric), metric.key()), metric.definition());
    let mut entries: Vec<_> = Metric::ALL.into_iter().map(metric).collect();
    entries.extend([
        (
            "response time".to_owned(),
            "counted from the moment the plan wanted the call to start: what a user would see",
        ),
        ("service time".to_owned(), "counted from the moment the request was sent"),
        (
            "shift".to_owned(),
            "a quantile of one path minus the same quantile of the baseline; not the quantile of a difference",
        ),
        ("round".to_owned(), "one prompt sent once over every path, in random order within a short time"),
        (
            "block".to_owned(),
            "consecutive whole rounds, drawn again as one to see how much chance there is in a figure",
        ),
        ("95% interval".to_owned(), "made so that it holds the true value in 95 of 100 such runs"),
        ("warm connection".to_owned(), "one that had carried a call before"),
        (
            "bad second".to_owned(),
            "one in which this tool stood still for more than 20 ms or the hypervisor took more than 10% of the \
             processors; calls due in it are left out on all paths",
        ),
    ]);
    entries
}
