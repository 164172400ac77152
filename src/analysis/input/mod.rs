//! What of a run a figure is made of.

pub mod blocks;
pub(crate) mod call_figure;
pub(crate) mod lengths;
pub mod population;
pub(crate) mod rounds;
pub(crate) mod view;
