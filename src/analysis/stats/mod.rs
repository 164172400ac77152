//! Statistics of plain numbers. Knows no run.

pub mod basic;
pub mod bootstrap;
pub mod change_point;
pub mod interval;
pub mod needed;
pub mod power;
pub(crate) mod successive;
