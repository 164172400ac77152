//! The house has floors: an import points only to a lower one, siblings on one floor do not know each other, a room
//! never imports its own face, a verb no other verb, and no files import each other in a circle. Checked on the parsed sources of both crates,
//! so inline paths count like `use` lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::Visit;

/// From the lowest floor to the highest; names on one line are siblings.
const FLOORS: [&[&str]; 9] = [
    &[
        "units",
        "random",
        "spelling",
        "schema",
        "limits",
        "visible",
        "screen",
        "console",
        "text_file",
        "workload",
        "host",
    ],
    &["path", "schedule", "wire", "measure"],
    &["profile", "transport", "objective", "evidence"],
    &["plan", "attempt"],
    &["run", "driver", "probe"],
    &["analysis", "store", "progress", "lint"],
    &["report"],
    &["runner", "cli"],
    &["command"],
];

/// Imports between siblings that are agreed: the lowest floor's own order, units before everything.
const AGREED: [(&str, &str); 12] = [
    ("random", "units"),
    ("host", "units"),
    ("workload", "units"),
    ("workload", "random"),
    ("workload", "text_file"),
    ("workload", "limits"),
    ("text_file", "limits"),
    ("schema", "limits"),
    ("visible", "limits"),
    ("console", "visible"),
    ("console", "screen"),
    ("profile", "objective"),
];

/// The floors inside `analysis`: numbers, what of a run a figure is made of, each path by itself, paths beside each other
/// and objectives, whether the run may be judged; then what puts them together.
const ANALYSIS_FLOORS: [&[&str]; 7] = [
    &["stats"],
    &["input"],
    &["summary"],
    &["compare", "slo"],
    &["validity"],
    &["selftest", "conclusion"],
    &["runs", "trend", "sizing", "early_stop"],
];

/// The simulator's floors. `config` stands above the rooms whose settings it reads, so that only `state`, `server` and
/// `cli` can import it.
const SIMULATOR_FLOORS: [&[&str]; 9] = [
    &["units"],
    &["model", "observe", "limits"],
    &["net"],
    &["fault"],
    &["gateway", "api"],
    &["config"],
    &["state"],
    &["server"],
    &["cli"],
];

/// The most entries at the top of the simulator's sources and of `analysis`, lines of a file without its tests, and lines
/// of a function.
const MOST: [usize; 3] = [14, 400, 60];

/// A crate, or a folder of it: where its sources are, and its floors.
#[derive(Clone, Copy)]
struct House {
    sources: &'static str,
    /// The folder whose own entries stand on the floors; empty for the crate itself.
    inside: &'static str,
    floors: &'static [&'static [&'static str]],
    agreed: &'static [(&'static str, &'static str)],
}

const DRIVER: House = House { sources: "src", inside: "", floors: &FLOORS, agreed: &AGREED };
const ANALYSIS: House = House { sources: "src", inside: "analysis", floors: &ANALYSIS_FLOORS, agreed: &[] };
const SIMULATOR: House = House { sources: "mock-backend/src", inside: "", floors: &SIMULATOR_FLOORS, agreed: &[] };

impl House {
    fn floor(self, room: &str) -> Option<usize> {
        self.floors.iter().position(|floor| floor.contains(&room))
    }

    /// The entry in which a path ends; `None` if it is none of this house, or its face.
    fn room(self, segments: &[String]) -> Option<&String> {
        let is_inside = self.inside.is_empty() || segments.first().is_some_and(|first| first == self.inside);
        segments.get(usize::from(!self.inside.is_empty())).filter(|_| is_inside)
    }

    fn root(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.sources)
    }

    /// Its files, without the two that stand outside and what is compiled for tests only.
    fn files(self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        sources(&self.root().join(self.inside), &mut files);
        assert!(files.len() > 30, "the sources were found");
        files.sort();
        files
    }
}

/// Whether a file stands outside the floors: the crate's roots, and what is compiled for tests only.
fn is_outside(module: &[String]) -> bool {
    let last = module.last().map_or("lib", String::as_str);
    module == ["main"] || module == ["lib"] || ["fixture", "fuzz", "sampled"].contains(&last) || last.ends_with("tests")
}

/// One path in a source that begins at the crate's root.
struct Import {
    segments: Vec<String>,
    line: usize,
}

/// Collects every path of a file that begins with `crate`, `super` or the name of the simulator's crate.
struct Collector {
    module: Vec<String>,
    /// Modules that the file declares, of which a path may begin with the bare name.
    rooms: Vec<String>,
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
            Some("self") => self.module.iter().chain(&segments[1..]).cloned().collect(),
            Some(room) if self.rooms.iter().any(|declared| declared == room) => {
                self.module.iter().chain(segments).cloned().collect()
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
        if module.ident != "tests" && module.content.is_some() {
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

fn parse(file: &Path) -> syn::File {
    syn::parse_file(&fs::read_to_string(file).expect("a source")).expect("Rust")
}

/// The modules that a file declares and that stand in files of their own.
fn declared(parsed: &syn::File) -> Vec<String> {
    let room = |item: &syn::Item| match item {
        syn::Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
        _ => None,
    };
    parsed.items.iter().filter_map(room).collect()
}

fn collect(module: &[String], parsed: &syn::File) -> Vec<Import> {
    let mut collector = Collector { module: module.to_vec(), rooms: declared(parsed), imports: Vec::new() };
    collector.visit_file(parsed);
    collector.imports
}

fn imports_of(root: &Path, file: &Path) -> (Vec<String>, Vec<Import>) {
    let module = module_of(root, file);
    let imports = collect(&module, &parse(file));
    (module, imports)
}

/// Whether a verb imports another. What all verbs share is no verb.
fn is_other_verb(module: &[String], import: &Import) -> bool {
    let (Some(mine), Some(theirs)) = (module.get(1), import.segments.get(1)) else { return false };
    module[0] == "command" && mine != theirs && !["exit", "test_support"].contains(&theirs.as_str())
}

/// What is wrong with an import, if anything is.
fn fault(house: House, module: &[String], import: &Import, modules: &BTreeSet<Vec<String>>) -> Option<String> {
    let (here, there) = (house.room(module)?, house.room(&import.segments)?);
    if there == "mock_backend" {
        return (here != "command").then(|| "only command may know the simulator".to_owned());
    }
    if here == there {
        let file = file_of(modules, &import.segments);
        let face = file.is_some_and(|file| file.len() < module.len() && module.starts_with(&file));
        if face {
            return Some("a room imports its own face".to_owned());
        }
        return is_other_verb(module, import).then(|| "a verb imports another verb".to_owned());
    }
    let (Some(mine), Some(theirs)) = (house.floor(here), house.floor(there)) else {
        return Some(format!("{here} or {there} stands on no floor"));
    };
    let agreed = house.agreed.contains(&(here.as_str(), there.as_str()));
    (mine <= theirs && !agreed).then(|| format!("{here} (floor {}) imports {there} (floor {})", mine + 1, theirs + 1))
}

/// Every import of a house that does not point down.
fn faults_of(house: House) -> Vec<String> {
    let (root, files) = (house.root(), house.files());
    let modules: BTreeSet<Vec<String>> = files.iter().map(|file| module_of(&root, file)).collect();
    let mut faults = Vec::new();
    for file in &files {
        let (module, imports) = imports_of(&root, file);
        if is_outside(&module) {
            continue;
        }
        for import in &imports {
            if let Some(fault) = fault(house, &module, import, &modules) {
                faults.push(format!("{}:{}: {fault}: {}", file.display(), import.line, import.segments.join("::")));
            }
        }
    }
    faults
}

#[test]
fn every_import_points_down() {
    let faults = [faults_of(DRIVER), faults_of(ANALYSIS), faults_of(SIMULATOR)].concat();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Which file imports which, and in which line; a face counts as a file of its own.
type Graph = BTreeMap<Vec<String>, BTreeMap<Vec<String>, usize>>;

/// The file in which a path ends: that of its longest beginning.
fn file_of(modules: &BTreeSet<Vec<String>>, segments: &[String]) -> Option<Vec<String>> {
    (0..=segments.len()).rev().map(|n| segments[..n].to_vec()).find(|module| modules.contains(module))
}

/// The imports of some parsed files from each other.
fn graph_of(files: &[(Vec<String>, Vec<Import>)]) -> Graph {
    let modules: BTreeSet<Vec<String>> = files.iter().map(|(module, _)| module.clone()).collect();
    let mut graph = Graph::new();
    for (module, imports) in files {
        let found = imports.iter().filter_map(|import| Some((file_of(&modules, &import.segments)?, import.line)));
        graph.insert(module.clone(), found.filter(|(there, _)| there != module).collect());
    }
    graph
}

/// All that can be reached from `from`.
fn reach(graph: &Graph, from: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut open = vec![from.to_vec()];
    while let Some(module) = open.pop() {
        for there in graph.get(&module).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(there.clone()) {
                open.push(there.clone());
            }
        }
    }
    found
}

/// Every import by which a file reaches itself again.
fn circles_of(graph: &Graph) -> Vec<String> {
    let reached: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> =
        graph.keys().map(|module| (module, reach(graph, module))).collect();
    let edges = graph.iter().flat_map(|(here, imports)| imports.iter().map(move |(there, line)| (here, there, line)));
    edges
        .filter(|(here, there, _)| reached.get(there).is_some_and(|reached| reached.contains(*here)))
        .map(|(here, there, line)| format!("{}:{line} imports {} in a circle", here.join("/"), there.join("/")))
        .collect()
}

/// Every import of a house that is part of a circle of files.
fn circles_in(house: House) -> Vec<String> {
    let root = house.root();
    let files: Vec<_> = house.files().iter().map(|file| imports_of(&root, file)).collect();
    let inside: Vec<_> = files.into_iter().filter(|(module, _)| !is_outside(module)).collect();
    circles_of(&graph_of(&inside))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = [circles_in(DRIVER), circles_in(SIMULATOR)].concat();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

/// The functions of a file that are too long.
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, whole: Span) {
        let lines = whole.end().line - whole.start().line + 1;
        if lines > MOST[2] {
            self.0.push((signature.ident.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, function.block.span());
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, function.block.span());
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// The lines of a file up to its tests.
fn length_of(parsed: &syn::File, text: &str) -> usize {
    let tests = parsed.items.iter().find_map(|item| match item {
        syn::Item::Mod(module) if module.ident == "tests" => Some(module.span().start().line - 1),
        _ => None,
    });
    tests.unwrap_or_else(|| text.lines().count())
}

#[test]
fn rooms_files_and_functions_are_small() {
    let mut faults = Vec::new();
    for folder in [SIMULATOR.root(), DRIVER.root().join("analysis")] {
        let entries = fs::read_dir(&folder).expect("a folder of sources").count();
        if entries > MOST[0] {
            faults.push(format!("{}: {entries} entries", folder.display()));
        }
    }
    let is_held = |file: &PathBuf| {
        let module = module_of(&DRIVER.root(), file);
        !is_outside(&module)
    };
    let driver = DRIVER.files().into_iter().filter(is_held);
    let files = driver.chain(SIMULATOR.files()).filter(|file| !file.ends_with("tests.rs"));
    for file in &files.collect::<Vec<_>>() {
        let (parsed, text) = (parse(file), fs::read_to_string(file).expect("a source"));
        let lines = length_of(&parsed, &text);
        if lines > MOST[1] {
            faults.push(format!("{}: {lines} lines", file.display()));
        }
        let mut functions = Functions(Vec::new());
        functions.visit_file(&parsed);
        faults.extend(functions.0.iter().map(|(name, lines)| format!("{}: {name}: {lines} lines", file.display())));
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
    let modules = ["measure", "measure/metric", "measure/sample", "measure/sample/room"];
    let modules = modules.iter().map(|module| module.split('/').map(str::to_owned).collect()).collect();
    let imports = collect(&module, &parsed);
    let faults: Vec<bool> = imports.iter().map(|import| fault(DRIVER, &module, import, &modules).is_some()).collect();
    assert_eq!(faults, [true, true, true, true, true, true, true, false]);
    // The face of a folder within a room is a face too.
    let module: Vec<String> = ["measure", "sample", "room"].map(str::to_owned).to_vec();
    let parsed = syn::parse_file("use super::Sample; use crate::measure::metric::M;").expect("Rust");
    let imports = collect(&module, &parsed);
    let faults: Vec<bool> = imports.iter().map(|import| fault(DRIVER, &module, import, &modules).is_some()).collect();
    assert_eq!(faults, [true, false]);
    // A verb may import what all share and its own rooms, but no other verb.
    let module: Vec<String> = ["command", "run"].map(str::to_owned).to_vec();
    let parsed = syn::parse_file("use crate::command::{exit::Exit, run::dry::size, report::glance};").expect("Rust");
    let imports = collect(&module, &parsed);
    let faults: Vec<bool> = imports.iter().map(|import| fault(DRIVER, &module, import, &modules).is_some()).collect();
    assert_eq!(faults, [false, false, true]);
    // The entries of a folder stand on floors of their own.
    let module: Vec<String> = ["analysis", "slo", "figures"].map(str::to_owned).to_vec();
    let parsed = syn::parse_file(
        "use crate::analysis::input::V; use crate::analysis::compare::C; use crate::analysis::A; use crate::run::Run;",
    )
    .expect("Rust");
    let imports = collect(&module, &parsed);
    let faults: Vec<bool> = imports.iter().map(|import| fault(ANALYSIS, &module, import, &modules).is_some()).collect();
    assert_eq!(faults, [false, true, true, false]);
}

#[test]
fn the_test_sees_circles_also_through_faces() {
    let file = |module: &str, text: &str| {
        let module: Vec<String> = module.split('/').map(str::to_owned).collect();
        let imports = collect(&module, &syn::parse_file(text).expect("Rust"));
        (module, imports)
    };
    let circles = |files: &[(&str, &str)]| {
        circles_of(&graph_of(&files.iter().map(|(module, text)| file(module, text)).collect::<Vec<_>>())).len()
    };
    let table: [(&[(&str, &str)], usize); 6] = [
        (&[("a", "use crate::b::f;"), ("b", "fn f() {}")], 0),
        (&[("a", "use crate::b::f;"), ("b", "fn f() { crate::a::g() }")], 2),
        (
            &[
                ("a", "use crate::b::f;"),
                ("b", "use crate::c::f;"),
                ("c", "use crate::a::x;"),
                ("d", "use crate::a::x;"),
            ],
            3,
        ),
        // A room takes from its own face what comes from its neighbour, and another what only the face declares.
        (&[("a", "mod x; mod y; pub use y::Y;"), ("a/x", "use super::y::Y;"), ("a/y", "")], 0),
        (&[("a", "mod x; mod y; pub use y::Y;"), ("a/x", ""), ("a/y", "use super::Z;")], 2),
        (&[("a", "mod tests { use crate::b::f; }"), ("b", "use crate::a::g;")], 0),
    ];
    for (files, expected) in table {
        assert_eq!(circles(files), expected, "{files:?}");
    }
}
