//! Defects of a listener: what it lacks, drops or changes of every request and answer, as gateways do that were set up for
//! something else. None is there by default.

mod answer;
mod kind;
mod request;

pub(crate) use answer::spoil_with;
pub use kind::table;
pub(crate) use kind::{Defect, Defects};
pub(crate) use request::{Passed, receive_with};
