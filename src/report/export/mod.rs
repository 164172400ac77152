//! Files for other tools.

pub mod junit;
