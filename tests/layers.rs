//! The house has floors: an import points only to a lower one, siblings on one floor do not know each other, and a
//! room never imports its own face. Checked on the parsed sources, so inline paths count like `use` lines.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::Visit;

/// From the lowest floor to the highest; names on one line are siblings.
const FLOORS: [&[&str]; 8] = [
    &["units", "random", "spelling", "cli", "console", "text_file", "workload"],
    &["path", "schedule", "wire", "measure"],
    &["profile", "transport"],
    &["plan", "attempt"],
    &["run", "driver", "probe"],
    &["analysis", "store", "progress", "lint"],
    &["report"],
    &["command"],
];

/// Imports between siblings that are agreed: the lowest floor's own order, units before everything.
const AGREED: [(&str, &str); 5] =
    [("random", "units"), ("cli", "units"), ("workload", "units"), ("workload", "random"), ("workload", "text_file")];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// One path in a source that begins at the crate's root.
struct Import {
    segments: Vec<String>,
    line: usize,
}

/// Collects every path of a file that begins with `crate`, `super` or the name of the simulator's crate.
struct Collector {
    module: Vec<String>,
    imports: Vec<Import>,
}

impl Collector {
    fn add(&mut self, segments: &[String], span: Span) {
        let absolute = match segments.first().map(String::as_str) {
            Some("crate") => segments[1..].to_vec(),
            Some("mock_backend") => segments.to_vec(),
            Some("super") => {
                let up = segments.iter().take_while(|segment| *segment == "super").count();
                let Some(base) = self.module.len().checked_sub(up) else { return };
                self.module[..base].iter().chain(&segments[up..]).cloned().collect()
            }
            _ => return,
        };
        self.imports.push(Import { segments: absolute, line: span.start().line });
    }

    fn add_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: String| prefix.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(path.ident.to_string()), &path.tree),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(prefix, tree)),
            syn::UseTree::Name(name) if name.ident == "self" => self.add(prefix, name.span()),
            syn::UseTree::Name(name) => self.add(&with(name.ident.to_string()), name.span()),
            syn::UseTree::Rename(rename) => self.add(&with(rename.ident.to_string()), rename.span()),
            syn::UseTree::Glob(glob) => self.add(prefix, glob.span()),
        }
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&segments, path.span());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // Tests may look at anything.
        if module.ident != "tests" {
            self.module.push(module.ident.to_string());
            syn::visit::visit_item_mod(self, module);
            self.module.pop();
        }
    }

    /// `pub(super)` is no import.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// `src/measure/metric.rs` is `[measure, metric]`, `src/measure/mod.rs` is `[measure]`.
fn module_of(root: &Path, file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root).expect("below src").with_extension("");
    let mut names: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

fn imports_of(root: &Path, file: &Path) -> (Vec<String>, Vec<Import>) {
    let module = module_of(root, file);
    let text = fs::read_to_string(file).expect("a source");
    let parsed = syn::parse_file(&text).expect("Rust");
    let mut collector = Collector { module: module.clone(), imports: Vec::new() };
    collector.visit_file(&parsed);
    let imports = collector.imports;
    (module, imports)
}

/// What is wrong with an import, if anything is.
fn fault(module: &[String], import: &Import, rooms: &dyn Fn(&[String]) -> bool) -> Option<String> {
    let (here, there) = (module.first()?, import.segments.first()?);
    if there == "mock_backend" {
        return (here != "command").then(|| "only command may know the simulator".to_owned());
    }
    if here == there {
        let face = module.len() > 1 && !rooms(&import.segments[..import.segments.len().min(2)]);
        return face.then(|| "a room imports its own face".to_owned());
    }
    let (Some(mine), Some(theirs)) = (floor(here), floor(there)) else {
        return Some(format!("{here} or {there} stands on no floor"));
    };
    let agreed = AGREED.contains(&(here.as_str(), there.as_str()));
    (mine <= theirs && !agreed).then(|| format!("{here} (floor {}) imports {there} (floor {})", mine + 1, theirs + 1))
}

#[test]
fn every_import_points_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 30, "the sources were found");
    let modules: Vec<Vec<String>> = files.iter().map(|file| module_of(&root, file)).collect();
    let rooms = |segments: &[String]| segments.len() > 1 && modules.iter().any(|module| module.starts_with(segments));
    let mut faults = Vec::new();
    for file in &files {
        let (module, imports) = imports_of(&root, file);
        // The two that stand outside, and what is compiled for tests only.
        if module == ["main"]
            || module == ["lib"]
            || module.last().is_some_and(|name| ["fixture", "tests"].contains(&name.as_str()))
        {
            continue;
        }
        for import in &imports {
            if let Some(fault) = fault(&module, import, &rooms) {
                faults.push(format!("{}:{}: {fault}: {}", file.display(), import.line, import.segments.join("::")));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_test_sees_what_it_forbids() {
    let module = vec!["measure".to_owned(), "metric".to_owned()];
    let parsed = syn::parse_file(
        "use crate::analysis::{stats, slo::{self, A}}; fn f() { crate::report::g(); super::super::store::x(); mock_backend::y(); }
         use super::Face; use super::sample::Sample;",
    )
    .expect("Rust");
    let mut collector = Collector { module: module.clone(), imports: Vec::new() };
    collector.visit_file(&parsed);
    let rooms = |segments: &[String]| segments == ["measure", "sample"];
    let faults: Vec<bool> = collector.imports.iter().map(|import| fault(&module, import, &rooms).is_some()).collect();
    assert_eq!(faults, [true, true, true, true, true, true, true, false]);
}
