//! Connection objects of Foundry: files that say how its agents reach a gateway. They are read here, their addresses are
//! built here, and one becomes a path; whether they are right is the business of `lint`.

pub(crate) mod address;
pub(crate) mod as_path;
pub(crate) mod connection;
pub(crate) mod discovery;
pub(crate) mod file;
pub(crate) mod form;
pub(crate) mod hcl;
pub(crate) mod json;
pub(crate) mod located;

pub use connection::{Category, Connection, Form};
pub use file::{ConnectionError, ConnectionFile, open, parse};
