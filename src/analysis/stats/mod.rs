//! Statistics of plain numbers. Knows no run.

pub(crate) mod basic;
pub(crate) mod bootstrap;
pub mod change_point;
pub(crate) mod interval;
pub mod needed;
pub(crate) mod power;
pub(crate) mod successive;
