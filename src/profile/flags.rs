//! The one-line form: paths, model and load from flags, laid out as the profile that says the same.

use crate::path::address::HostKind;
use crate::profile::error::Origin;
use crate::profile::source::{NamedUrl, OneLine};
use crate::profile::tree::{Node, Table, Value};

const INPUT_TOKENS: i128 = 256;
const OUTPUT_TOKENS: i128 = 64;

/// The tree of the profile that says the same; the load comes from the flags that every run has.
#[must_use]
pub(crate) fn tree(line: &OneLine) -> Node {
    let flag = |name: &str| Origin::Flag(name.to_owned());
    let text = |name: &str, text: &str| Node::text(flag(name), text);
    let tokens = |count| Node { origin: flag("--path"), value: Value::Integer(count) };
    let workload = Table::from([
        ("kind".to_owned(), text("--path", "synthetic")),
        ("model".to_owned(), text("--model", &line.model)),
        ("api".to_owned(), text("--api", &line.api)),
        ("input_tokens".to_owned(), tokens(INPUT_TOKENS)),
        ("output_tokens".to_owned(), tokens(OUTPUT_TOKENS)),
    ]);
    let paths = line.paths.iter().map(|path| path_tree(path, line.key_env.as_deref())).collect();
    let root = Table::from([
        ("name".to_owned(), text("--path", "paths")),
        ("workload".to_owned(), Node { origin: flag("--path"), value: Value::Table(workload) }),
        ("load".to_owned(), Node::table(flag("--path"))),
        ("path".to_owned(), Node { origin: flag("--path"), value: Value::List(paths) }),
    ]);
    Node { origin: flag("--path"), value: Value::Table(root) }
}

fn path_tree(path: &NamedUrl, key_env: Option<&str>) -> Node {
    let origin = || Origin::Flag(format!("--path {}", path.name));
    let host = host_of(&path.url);
    let mut table = Table::from([
        ("name".to_owned(), Node::text(origin(), &path.name)),
        ("base_url".to_owned(), Node::text(origin(), &path.url)),
    ]);
    if host == HostKind::ApiManagement {
        table.insert("kind".to_owned(), Node::text(origin(), "gateway"));
    }
    if let Some(variable) = key_env {
        let kind = if host.is_azure() { "api-key" } else { "bearer" };
        let auth = Table::from([
            ("kind".to_owned(), Node::text(origin(), kind)),
            ("env".to_owned(), Node::text(Origin::Flag("--key-env".to_owned()), variable)),
        ]);
        table.insert("auth".to_owned(), Node { origin: origin(), value: Value::Table(auth) });
    }
    Node { origin: origin(), value: Value::Table(table) }
}

/// Whose host an address has.
fn host_of(url: &str) -> HostKind {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    HostKind::of(scheme, rest.split(['/', '?']).next().unwrap_or_default())
}
