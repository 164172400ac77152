//! Statistics of plain numbers. Knows no run.

pub(crate) mod basic;
pub(crate) mod bootstrap;
pub(crate) mod change_point;
pub(crate) mod interval;
pub(crate) mod needed;
pub(crate) mod pooled;
pub(crate) mod power;
pub(crate) mod successive;
