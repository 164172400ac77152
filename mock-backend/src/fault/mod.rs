//! What goes wrong: with a connection, with a request, or with the answer on its way.
//!
//! A fault is chosen once, before anything is answered; everything it does is fixed then.

mod broken;
mod choice;
mod gzip;
mod kind;
mod retry;
mod rewrite;
mod script;
mod spoil;
mod strike;

pub(crate) use broken::Broken;
pub(crate) use choice::{Faults, SUFFIX, of_request};
pub(crate) use kind::Fault;
pub(crate) use script::Script;
pub(crate) use spoil::{instead, spoil};
pub(crate) use strike::strike;
