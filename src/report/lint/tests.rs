//! The table of rules in words, and SARIF held against its schema.

use crate::lint::{Level, rules};
use crate::report::fixture::published;
use crate::report::lint::linted::LEVELS;

const HEAD: &str = include_str!("lint.md");

#[test]
fn the_document_has_every_rule() {
    let section = |level: Level| {
        let rows = rules().filter(|rule| rule.level == level).map(|rule| {
            format!(
                "| `{}` | {} | {} | {} | {} | {} |\n",
                rule.id, rule.what, rule.why, rule.remedy, rule.as_of, rule.source
            )
        });
        let title = match level {
            Level::Error => "Errors",
            Level::Warning => "Warnings",
            Level::Note => "Notes",
        };
        format!(
            "\n## {title}\n\n| rule | what must hold | why | what to do | as of | source |\n|---|---|---|---|---|---|\n{}",
            rows.collect::<String>()
        )
    };
    let text = format!("{HEAD}{}", LEVELS.map(section).concat());
    assert_eq!(published("docs/lint.md", text.as_bytes()), text, "HOPMARK_BLESS=1 writes it again");
}

#[test]
fn rules_are_dated_and_named_apart() {
    let mut ids = std::collections::BTreeSet::new();
    for rule in rules() {
        assert!(ids.insert(rule.id), "{} twice", rule.id);
        let date: Vec<&str> = rule.as_of.split('-').collect();
        assert!((2..=3).contains(&date.len()) && date.iter().all(|part| part.parse::<u16>().is_ok()), "{}", rule.id);
        assert!(!rule.source.is_empty() && !rule.remedy.ends_with('.') && !rule.what.ends_with('.'), "{}", rule.id);
        assert!(
            rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            rule.id
        );
    }
}
