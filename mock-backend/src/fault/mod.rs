//! What goes wrong: with a connection, with a request, or with the answer on its way.
//!
//! A fault is chosen once, before anything is answered; everything it does is fixed then.

mod broken;
mod choice;
mod defect;
mod error_kind;
mod failed_event;
mod gzip;
mod kind;
mod retry;
mod rewrite;
mod script;
mod settings;
mod spoil;
mod strike;

pub(crate) use choice::{FaultSource, Faults, SUFFIX};
pub use defect::table as defects;
pub(crate) use defect::{Defect, Defects, Passed, receive_with, spoil_with};
pub(crate) use error_kind::{ErrorKind, SORRY};
pub(crate) use kind::Fault;
pub(crate) use script::Script;
pub(crate) use settings::FaultSettings;
pub(crate) use spoil::{answer_instead, spoil_response};
pub(crate) use strike::strike_connection;
