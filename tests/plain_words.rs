//! Plain technical English, one term for one thing: pages, help texts and messages hold no phrase that reads translated, and
//! no second name for what the glossary names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// A phrase that is refused.
struct Refused {
    /// Its words, small letters.
    phrase: &'static str,
    /// Words after which it is English.
    unless_after: &'static [&'static str],
    /// Words before which it is English.
    unless_before: &'static [&'static str],
    /// What to write; a term in `[brackets]` is one of the glossary.
    instead: &'static str,
}

/// "There is no answer", "it is no longer".
const THERE: &[&str] = &["there"];
const COMPARED: &[&str] = &[
    "longer", "more", "less", "fewer", "slower", "faster", "better", "worse", "later", "earlier", "larger", "smaller",
    "wider",
];

const fn refused(phrase: &'static str, instead: &'static str) -> Refused {
    Refused { phrase, unless_after: &[], unless_before: &[], instead }
}

const fn is_no(phrase: &'static str) -> Refused {
    Refused { phrase, unless_after: THERE, unless_before: COMPARED, instead: "is not, is not a" }
}

/// Phrases that were found in messages, help texts or pages, each with its plain form.
const REFUSED: [Refused; 33] = [
    is_no("is no"),
    is_no("are no"),
    is_no("was no"),
    is_no("were no"),
    refused("of several the", "if several apply, the ..."),
    refused("stood still", "stalled"),
    refused("stand still", "stall"),
    refused("came to an end", "ended"),
    refused("all the same", "anyway"),
    refused("not heeded", "ignored"),
    refused("was surely", "was certain to be"),
    refused("no interval knows of", "no interval includes"),
    refused("nothing is known of", "nothing is known about"),
    refused("says nothing of", "says nothing about"),
    refused("may be given several times", "repeatable"),
    refused("the world refused", "name what refused"),
    refused("itself broke", "failed"),
    refused("and not a", ", not a"),
    refused("and not an", ", not an"),
    refused("of one's own", "your own"),
    refused("anybody", "anyone"),
    refused("so slow a", "a ... this slow"),
    refused("so large a", "a ... this large"),
    refused("so long a", "a ... this long"),
    refused("had they", "with"),
    refused("told the", "reported the"),
    refused("of none of", "for none of"),
    refused("beside a profile", "with a profile"),
    refused("whole answer", "complete answer"),
    refused("results folder", "[run directory]"),
    refused("output folder", "[run directory]"),
    refused("run folder", "[run directory]"),
    refused("warm-up", "warmup, a [phase]"),
];

/// A text in which people read, and where it is.
struct Text {
    place: String,
    words: Vec<String>,
}

impl Text {
    fn new(place: String, text: &str) -> Self {
        Self { place, words: words(text) }
    }

    /// The refused phrases in it.
    fn faults(&self) -> Vec<String> {
        REFUSED.iter().flat_map(|refused| self.faults_by(refused)).collect()
    }

    fn faults_by(&self, refused: &Refused) -> Vec<String> {
        let phrase: Vec<&str> = refused.phrase.split(' ').collect();
        let is_hit = |at: &usize| {
            let (before, from) = self.words.split_at(*at);
            let is_phrase = from.len() >= phrase.len() && phrase.iter().zip(from).all(|(a, b)| *a == bare(b));
            let is = |word: Option<&String>, known: &[&str]| word.is_some_and(|word| known.contains(&bare(word)));
            // Two phrases that a stop separates are not one.
            let is_cut = || from[..phrase.len() - 1].iter().any(|word| word.ends_with(['.', ';', ':', ',']));
            is_phrase
                && !is_cut()
                && !is(before.last(), refused.unless_after)
                && !is(from.get(phrase.len()), refused.unless_before)
        };
        let hits = (0..self.words.len()).filter(is_hit);
        hits.map(|at| {
            let around = &self.words[at.saturating_sub(4)..(at + phrase.len() + 4).min(self.words.len())];
            format!("{}: \"{}\": not \"{}\" but: {}", self.place, around.join(" "), refused.phrase, refused.instead)
        })
        .collect()
    }
}

/// The words of a text, small letters, with the stops behind them.
fn words(text: &str) -> Vec<String> {
    let comment = |line: &str| line.trim_start().trim_start_matches(['#', '>', '/']).to_owned();
    let lines: Vec<String> = text.lines().map(comment).collect();
    lines.join(" ").to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// A word without what stands around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric())
}

/// A page without its code, where a profile or a program is quoted.
fn prose(page: &str) -> String {
    let parts = page.split("```").enumerate();
    parts.filter(|(place, _)| place % 2 == 0).map(|(_, part)| part).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under a folder with one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root().join(folder)];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                left.push(path);
            } else if endings.contains(&ending.as_str()) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path.strip_prefix(root()).unwrap_or(path).display().to_string(), text)
}

fn pages() -> Vec<Text> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "action.yml"].map(|name| root().join(name)).into();
    paths.extend(files("docs", &["md", "yml", "sh"]));
    paths.extend(files("profiles", &["md", "toml"]));
    paths.extend(files("mock-backend/scenarios", &["toml"]));
    let page = |path: &PathBuf| {
        let (place, text) = read(path);
        let text = if place.ends_with(".md") { prose(&text) } else { text };
        Text::new(place, &text)
    };
    paths.iter().map(page).collect()
}

/// The texts in quotes of a source file, without those of its tests.
#[derive(Default)]
struct Literals {
    found: Vec<String>,
}

impl Literals {
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.found.push(text.value());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

fn is_of_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || matches!(&attribute.meta, syn::Meta::List(list)
                if list.path.is_ident("cfg") && list.tokens.to_string().split(' ').any(|word| word == "test"))
    })
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_of_tests(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_of_tests(&function.attrs) {
            syn::visit::visit_item_fn(self, function);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // The texts of errors; comments are no texts in quotes.
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(called.tokens.clone());
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.found.push(text.value());
    }
}

fn literals_of(source: &str) -> Vec<String> {
    let mut literals = Literals::default();
    literals.visit_file(&syn::parse_file(source).expect("a source file"));
    literals.found
}

fn messages() -> Vec<Text> {
    let sources = ["src", "mock-backend/src"].into_iter().flat_map(|folder| files(folder, &["rs"]));
    let of_tests = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        ["tests", "fixture", "hostile", "sentences"].contains(&stem) || stem.ends_with("_tests")
    };
    sources
        .filter(|path| !of_tests(path))
        .flat_map(|path| {
            let (place, source) = read(&path);
            literals_of(&source).into_iter().map(move |text| Text::new(place.clone(), &text))
        })
        .collect()
}

fn help(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_hopmark")).args(args).output().expect("it runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The help of the program and of every command that it lists.
fn helps() -> Vec<Text> {
    let top = help(&["--help"]);
    let listed = top.split("Commands:").nth(1).expect("commands").split("Options:").next().expect("a list");
    let verbs = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<&str> =
        verbs.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").collect();
    assert!(verbs.len() > 10, "{verbs:?}");
    let of_verb = |verb: &&str| Text::new(format!("hopmark {verb} --help"), &help(&[verb, "--help"]));
    std::iter::once(Text::new("hopmark --help".to_owned(), &top)).chain(verbs.iter().map(of_verb)).collect()
}

fn held(texts: &[Text]) {
    assert!(texts.len() > 10, "too few texts were read");
    let faults: Vec<String> = texts.iter().flat_map(Text::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pages_are_plain() {
    held(&pages());
}

#[test]
fn help_texts_are_plain() {
    held(&helps());
}

#[test]
fn messages_are_plain() {
    let messages = messages();
    assert!(messages.len() > 2_000, "only {} texts were found", messages.len());
    held(&messages);
}

#[test]
fn every_phrase_is_found_where_it_stands_and_its_plain_form_is_not() {
    for refused in &REFUSED {
        let found = |text: &str| Text::new("here".to_owned(), text).faults_by(refused).len();
        let sentence = format!("Then {}\n# thing, it said.", refused.phrase);
        assert_eq!(found(&sentence), 1, "{sentence}");
        assert_eq!(
            found(&refused.phrase.replacen(' ', ". ", 1)),
            usize::from(!refused.phrase.contains(' ')),
            "{}",
            refused.phrase
        );
        for word in refused.unless_after {
            assert_eq!(found(&format!("{word} {} thing", refused.phrase)), 0, "{}", refused.phrase);
        }
        for word in refused.unless_before {
            assert_eq!(found(&format!("it {} {word}", refused.phrase)), 0, "{}", refused.phrase);
        }
        assert_eq!(found(refused.instead), 0, "{}", refused.instead);
    }
    let source = "const A: &str = \"first of several the\"; #[error(\"second {0} is no number\")] struct B; \
                  fn c() { say!(\"third\", &[\"fourth\"]); } #[cfg(test)] mod tests { const D: &str = \"hidden\"; }";
    assert_eq!(literals_of(source), ["first of several the", "second {0} is no number", "third", "fourth"]);
}

#[test]
fn terms_are_those_of_the_glossary() {
    let (_, glossary) = read(&root().join("docs/glossary.md"));
    let terms: Vec<&str> = glossary
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**:"))
        .map(|(term, _)| term)
        .collect();
    assert_eq!(terms.iter().collect::<BTreeSet<_>>().len(), terms.len(), "a term has two lines: {terms:?}");
    for refused in &REFUSED {
        let Some((_, term)) = refused.instead.split_once('[') else { continue };
        let term = term.split_once(']').expect("a closing bracket").0;
        assert!(terms.contains(&term), "{term} is not in the glossary");
    }
}
