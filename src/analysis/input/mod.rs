//! What of a run a figure is made of.

pub(crate) mod alone;
pub mod blocks;
pub(crate) mod lengths;
pub mod population;
pub mod rounds;
