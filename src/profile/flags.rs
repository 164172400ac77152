//! The one-line form: paths, model and load from flags, laid out as the profile that says the same.

use crate::path::zones::HostKind;
use crate::profile::error::{Origin, Wrong};
use crate::profile::source::{NamedUrl, OneLine, PATH_OPTIONS};
use crate::profile::tree::{self, Node, Table, Value};

const INPUT_TOKENS: i128 = 256;
const OUTPUT_TOKENS: i128 = 64;

/// The tree of the profile that says the same; the load comes from the flags that every run has.
///
/// # Errors
/// When an option of a path lies over something that has no keys.
pub(crate) fn tree(line: &OneLine) -> Result<Node, Wrong> {
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
    let paths: Result<Vec<Node>, Wrong> =
        line.paths.iter().map(|path| path_tree(path, line.key_env.as_deref())).collect();
    let root = Table::from([
        ("name".to_owned(), text("--path", "paths")),
        ("workload".to_owned(), Node { origin: flag("--path"), value: Value::Table(workload) }),
        ("load".to_owned(), Node::table(flag("--path"))),
        ("path".to_owned(), Node { origin: flag("--path"), value: Value::List(paths?) }),
    ]);
    Ok(Node { origin: flag("--path"), value: Value::Table(root) })
}

fn path_tree(path: &NamedUrl, key_env: Option<&str>) -> Result<Node, Wrong> {
    let flag = format!("--path {}", path.name);
    let origin = Origin::Flag(flag.clone());
    let host = host_of(&path.url);
    let mut node = Node::table(origin);
    let mut set = |key: &str, value: &str, flag: &str| tree::set(&mut node, key, &in_quotes(value), flag);
    set("name", &path.name, &flag)?;
    set("base_url", &path.url, &flag)?;
    if host == HostKind::ApiManagement {
        set("kind", "gateway", &flag)?;
    }
    let own = |name: &str| path.options.iter().any(|(option, _)| *option == name);
    let own_key = own("key-env") || own("key-file");
    if own_key || key_env.is_some() {
        set("auth.kind", if host.is_azure() { "api-key" } else { "bearer" }, &flag)?;
    }
    if let Some(variable) = key_env.filter(|_| !own_key) {
        set("auth.env", variable, "--key-env")?;
    }
    for (name, value) in &path.options {
        let Some((_, key)) = PATH_OPTIONS.iter().find(|(option, _)| option == name) else { continue };
        // `stream_options` alone takes no text.
        match *key {
            "stream_options" => tree::set(&mut node, key, value, &flag)?,
            key => tree::set(&mut node, key, &in_quotes(value), &flag)?,
        }
    }
    Ok(node)
}

/// A value that is a text, whatever it looks like.
fn in_quotes(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whose host an address has.
fn host_of(url: &str) -> HostKind {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    HostKind::of(scheme, rest.split(['/', '?']).next().unwrap_or_default())
}
