//! What of a run a figure is made of.

pub(crate) mod blocks;
pub(crate) mod call_figure;
pub(crate) mod lengths;
pub(crate) mod population;
pub(crate) mod rounds;
pub(crate) mod view;
