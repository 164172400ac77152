//! The promises of `docs/reliability.md`: each test and each kind of the campaign that it names exists.

use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What stands between backquotes.
fn quoted(page: &str) -> Vec<&str> {
    page.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_test_that_the_page_names_exists() {
    let page = read("docs/reliability.md");
    let named: Vec<(&str, &str)> = quoted(&page).into_iter().filter_map(|word| word.split_once("::")).collect();
    assert!(named.len() >= 10, "{named:?}");
    for (file, test) in named {
        assert!(read(file).contains(&format!("fn {test}(")), "{file} has no {test}");
    }
}

#[test]
fn every_kind_of_the_campaign_stands_on_the_page() {
    let page = read("docs/reliability.md");
    let kinds: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/campaign/kinds"))
        .expect("kinds")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "py"))
        .flat_map(|path| names(&fs::read_to_string(path).expect("a kind")))
        .collect();
    assert!(kinds.len() >= 10, "{kinds:?}");
    for kind in kinds {
        assert!(page.contains(&format!("**{kind}**")), "the page does not say what {kind} is");
    }
}

/// The names of the kinds in a file: the lines `name = "..."` and `name, size, ... = "...", ...` of its classes.
fn names(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with("    name"));
    lines.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}
