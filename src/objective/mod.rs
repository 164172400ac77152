//! What must hold: expressions, margins and wanted precision, as they are written and as they are read.

pub(crate) mod expression;
pub(crate) mod indicator;
pub(crate) mod margin;
#[allow(
    clippy::module_inception,
    reason = "an objective is one of the things that must hold, and its folder is named by all"
)]
pub mod objective;
pub(crate) mod precision;
