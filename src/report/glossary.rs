//! The terms of this tool, as `docs/glossary.md` has them, for the page of a report. What a metric means stands in its own
//! row, in `measure/metric.rs`.

const PAGE: &str = include_str!("../../docs/glossary.md");

/// The terms of a report and their meaning, the metrics first.
pub(crate) fn glossary() -> Vec<(String, &'static str)> {
    PAGE.lines().filter_map(entry).collect()
}

fn entry(line: &'static str) -> Option<(String, &'static str)> {
    let (term, meaning) = line.strip_prefix("- **")?.split_once("**: ")?;
    Some((term.to_owned(), meaning.strip_suffix('.')?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::measure::metric::Metric;
    use crate::report::fixture::published;

    #[test]
    fn the_metrics_are_those_of_their_table() {
        let (head, rest) = PAGE.split_once("## Metrics\n\n").expect("a section");
        let (_, others) = rest.split_once("\n\n## ").expect("another section");
        let line = |metric: Metric| format!("- **{} ({})**: {}.\n", metric.short(), metric.key(), metric.definition());
        let metrics: String = Metric::ALL.into_iter().map(line).collect();
        let text = format!("{head}## Metrics\n\n{metrics}\n## {others}");
        assert_eq!(published("docs/glossary.md", text.as_bytes()), text, "HOPMARK_BLESS=1 writes it again");
    }

    #[test]
    fn each_line_is_a_term_and_each_term_stands_once() {
        let terms: BTreeSet<String> = glossary().into_iter().map(|(term, _)| term).collect();
        assert_eq!(terms.len(), PAGE.lines().filter(|line| line.starts_with('-')).count());
        assert!(terms.len() > Metric::ALL.len() + 30, "{terms:?}");
    }
}
