//! A connection as a path of a profile: what it says is laid under the path's own keys before those are read, so that every
//! rule over keys holds for it too, and a key of the path stands over what the connection says.

use std::path::Path;

use crate::path::zones::HostKind;
use crate::profile::error::{Origin, Wrong};
use crate::profile::foundry::address::Parts;
use crate::profile::foundry::connection::{Category, Connection, Setting};
use crate::profile::foundry::discovery::Discovery;
use crate::profile::foundry::file::{ConnectionError, open};
use crate::profile::foundry::located;
use crate::profile::tree::{Node, Table, Value};

/// The key that names the file.
const KEY: &str = "connection";
/// Headers whose key has a kind of its own, in small letters, with what stands before the key.
const KINDS: [(&str, &str, &str); 3] = [
    ("api-key", "", "api-key"),
    ("authorization", "Bearer ", "bearer"),
    ("ocp-apim-subscription-key", "", "subscription-key"),
];

/// Lays what connections say under the keys of the paths that name one. Files count from `folder`.
///
/// # Errors
/// When a file cannot be read, has several connections, or says what no path can be.
pub(crate) fn lay(tree: &mut Node, folder: &Path) -> Result<(), Wrong> {
    let Value::Table(top) = &mut tree.value else { return Ok(()) };
    let asked = match top.get("workload").map(|workload| &workload.value) {
        Some(Value::Table(workload)) => text_of(workload, "model").map(str::to_owned),
        _ => None,
    };
    let Some(Node { value: Value::List(paths), .. }) = top.get_mut("path") else { return Ok(()) };
    for path in paths {
        let Value::Table(table) = &mut path.value else { continue };
        let Some(Node { origin, value: Value::Text(file) }) = table.get(KEY).cloned() else { continue };
        let named = Named { origin, file: folder.join(file) };
        let connection = named.open()?;
        named.lay(table, &connection, asked.as_deref())?;
    }
    Ok(())
}

fn text_of<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    match &table.get(key)?.value {
        Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    }
}

/// A file that a path names, and where it does.
struct Named {
    origin: Origin,
    file: std::path::PathBuf,
}

impl Named {
    /// What is wrong in the profile.
    fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong::rule(&self.origin, message)
    }

    /// What is wrong in the file.
    fn wrong_at(&self, place: located::Place, message: impl Into<String>) -> Wrong {
        Wrong::rule(&Origin::File(Box::new((self.file.clone(), place.line))), message)
    }

    fn open(&self) -> Result<Connection, Wrong> {
        let mut read = open(&self.file).map_err(|error| match error {
            ConnectionError::Wrong { place, message, .. } => self.wrong_at(place, message),
            ConnectionError::Read { .. } => self.wrong(error.to_string()),
        })?;
        match (read.connections.pop(), read.connections.len()) {
            (Some(connection), 0) => Ok(connection),
            (_, more) => {
                let rule = format!("there are {} connections in it; a path takes a file with one", more + 1);
                Err(self.wrong_at(located::Place::START, rule))
            }
        }
    }

    fn node(&self, value: Value) -> Node {
        Node { origin: self.origin.clone(), value }
    }

    fn text(&self, text: &str) -> Node {
        Node::text(self.origin.clone(), text)
    }

    fn lay(&self, table: &mut Table, connection: &Connection, asked: Option<&str>) -> Result<(), Wrong> {
        if table.contains_key("base_url") {
            return Err(self.wrong("'base_url' and 'connection' both say where the path leads; keep one of them"));
        }
        let Some(target) = connection.target() else {
            let rule = "its target is known only to Terraform or Azure; write the address itself, or 'base_url' in the profile";
            return Err(self.wrong_at(connection.place_of_property("target"), rule));
        };
        let Some(parts) = Parts::of(target) else {
            return Err(self.wrong_at(connection.place_of_property("target"), "its target is not an address"));
        };
        let name = text_of(table, "deployment").or(text_of(table, "model")).or(asked).map(str::to_owned);
        self.check_model(connection, name.as_deref())?;
        let mut put = |key: &str, node: Node| _ = table.entry(key.to_owned()).or_insert(node);
        put("base_url", self.text(target));
        put("kind", self.text(if is_gateway(connection, &parts) { "gateway" } else { "direct" }));
        if let Some(dialect) = dialect_of(connection, &parts) {
            put("dialect", self.text(dialect));
        }
        if let (Some(true), Some(name)) = (connection.deployment_in_path(), &name) {
            put("deployment", self.text(name));
        }
        if let Some(version) = connection.setting_text("inferenceAPIVersion").known() {
            let query = Table::from([("api-version".to_owned(), self.text(version))]);
            put("query", self.node(Value::Table(query)));
        }
        self.lay_headers(table, connection)?;
        self.lay_auth(table, connection, &parts)
    }

    /// A list of models names all that can be asked.
    fn check_model(&self, connection: &Connection, name: Option<&str>) -> Result<(), Wrong> {
        let (Discovery::Static(models), Some(name)) = (Discovery::of(connection), name) else { return Ok(()) };
        if models.is_empty() || models.iter().any(|model| model.deployment == name) {
            return Ok(());
        }
        let known: Vec<&str> = models.iter().map(|model| model.deployment.as_str()).take(8).collect();
        Err(self.wrong(format!(
            "the connection has no model '{name}'; set 'model' of this path to one that it lists: {}",
            known.join(", ")
        )))
    }

    /// Its headers, under those of the path.
    fn lay_headers(&self, table: &mut Table, connection: &Connection) -> Result<(), Wrong> {
        let Some(said) = connection.embedded("customHeaders").meaning() else { return Ok(()) };
        let headers = table.entry("headers".to_owned()).or_insert_with(|| Node::table(self.origin.clone()));
        let Value::Table(headers) = &mut headers.value else { return Ok(()) };
        for member in said.members() {
            let Some(value) = member.value.text() else {
                let rule = format!("the header '{}' of 'customHeaders' is not a text", member.key);
                return Err(self.wrong_at(connection.place_of("customHeaders"), rule));
            };
            if !headers.keys().any(|own| own.eq_ignore_ascii_case(&member.key)) {
                headers.insert(member.key.clone(), self.text(value));
            }
        }
        Ok(())
    }

    /// How the key is sent; where it stands is said by the path alone.
    fn lay_auth(&self, table: &mut Table, connection: &Connection, parts: &Parts<'_>) -> Result<(), Wrong> {
        let said = connection.property_text("authType");
        let Some(auth) = table.get_mut("auth") else {
            let says = said.known().filter(|_| parts.scheme != "sim");
            let Some(says) = says else { return Ok(()) };
            let how = match says {
                "ApiKey" => "auth = { env = \"VARIABLE\" }, the variable that holds the key",
                "OAuth2" => "auth = { kind = \"oauth2\", ... }",
                _ => "auth, such as { kind = \"managed-identity\" }",
            };
            return Err(self.wrong(format!("the connection signs in by {says}; say how with {how}")));
        };
        let Value::Table(auth) = &mut auth.value else { return Ok(()) };
        if auth.contains_key("kind") || said != Setting::Is("ApiKey") {
            return Ok(());
        }
        let config = connection.embedded("authConfig").meaning();
        let part = |key: &str| config.as_ref().and_then(|config| config.get(key)).and_then(located::Node::text);
        let (header, format) = (part("name").unwrap_or("api-key"), part("format").unwrap_or("{api_key}"));
        let small = header.to_ascii_lowercase();
        let known = KINDS.iter().find(|(name, before, _)| *name == small && format == format!("{before}{{api_key}}"));
        match known {
            Some((_, _, kind)) => auth.insert("kind".to_owned(), self.text(kind)),
            None if format == "{api_key}" => {
                auth.insert("header".to_owned(), self.text(header));
                auth.insert("kind".to_owned(), self.text("api-key"))
            }
            None => {
                let rule = "its 'authConfig' sends the key in a form that no path has; set auth.kind of the path";
                return Err(self.wrong_at(connection.place_of("authConfig"), rule));
            }
        };
        Ok(())
    }
}

/// Whether a gateway stands between: a connection to an Azure resource itself has none.
fn is_gateway(connection: &Connection, parts: &Parts<'_>) -> bool {
    connection.category == Category::ApiManagement || HostKind::of(parts.scheme, parts.host) != HostKind::Resource
}

/// The dialect, where the address alone could be taken for another.
fn dialect_of(connection: &Connection, parts: &Parts<'_>) -> Option<&'static str> {
    if connection.deployment_in_path() == Some(true) {
        return Some("azure-classic");
    }
    let path = parts.path.trim_end_matches('/');
    let certain = path.ends_with("/openai/v1") || path.ends_with("/models");
    (!certain).then_some("openai")
}
