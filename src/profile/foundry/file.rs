//! A file with connection objects.

use std::path::{Path, PathBuf};

use crate::limits::Limit;
use crate::profile::foundry::connection::Connection;
use crate::profile::foundry::form::Found;
use crate::profile::foundry::located::{Place, Syntax};
use crate::profile::foundry::{hcl, json};
use crate::text_file;

/// A file with connection objects.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionFile {
    /// Its connections to gateways, at least one.
    pub connections: Vec<Connection>,
    /// Connections to other things: what, and where.
    pub others: Vec<(String, Place)>,
    /// The first place that is no JSON in the strict sense.
    pub loose: Option<Place>,
}

/// A file whose connections cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The file cannot be read.
    #[error("cannot read the connection file {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it cannot be read.
    #[error("{}:{}: {message}", file.display(), place.line)]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Where.
        place: Place,
        /// What, and what to do.
        message: String,
    },
}

/// Reads a file of JSON, or of Terraform where its name ends in `.tf`.
///
/// # Errors
/// When it cannot be read, or holds no connection to a gateway.
pub fn open(file: &Path) -> Result<ConnectionFile, ConnectionError> {
    let text = text_file::read(file, Limit::SmallFile);
    let text = text.map_err(|source| ConnectionError::Read { file: file.to_owned(), source })?;
    parse(&text, file)
}

/// Reads the text of such a file.
///
/// # Errors
/// When it holds no connection to a gateway.
pub fn parse(text: &str, file: &Path) -> Result<ConnectionFile, ConnectionError> {
    let wrong = |place, message| ConnectionError::Wrong { file: file.to_owned(), place, message };
    let syntax = |what: &str, syntax: Syntax| wrong(syntax.place, format!("this is not {what}: {}", syntax.message));
    let (found, loose) = if file.extension().is_some_and(|ending| ending == "tf") {
        let resources = hcl::resources(text).map_err(|why| syntax("Terraform's language", why))?;
        (Found::in_terraform(&resources), None)
    } else {
        let document = json::document(text).map_err(|why| syntax("JSON", why))?;
        (Found::in_json(&document.top), document.loose)
    };
    if let Err(beyond) = Limit::Connections.allow(found.connections.len()) {
        return Err(wrong(Place::START, beyond.to_string()));
    }
    match nothing_found(&found) {
        Some((place, message)) => Err(wrong(place, message)),
        None => Ok(ConnectionFile { connections: found.connections, others: found.others, loose }),
    }
}

/// Why a file is of no use, and where.
fn nothing_found(found: &Found) -> Option<(Place, String)> {
    let kinds = "ApiManagement or ModelGateway";
    if let Some((why, place)) = found.unreadable.first() {
        return Some((*place, format!("this connection cannot be read: {why}; write its category as {kinds}")));
    }
    if !found.connections.is_empty() {
        return None;
    }
    Some(match found.others.first() {
        Some((kind, place)) => {
            let kind = Limit::ShownText.cut(kind);
            (
                *place,
                format!("a connection of category \"{kind}\" does not lead to a gateway; only {kinds} can be read"),
            )
        }
        None => {
            let forms =
                "an object with properties, a template, the parameters of an official template, or an azapi_resource";
            (Place::START, format!("there is no connection in it; it takes {forms}, of category {kinds}"))
        }
    })
}
