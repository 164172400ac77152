//! One file a verb: glue between the rooms, and nothing else.

pub mod report;
