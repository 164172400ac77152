//! One file a verb, glue only: what a person asks becomes calls into the floors below.

pub mod compare;
pub mod completions;
pub mod exit;
pub mod init;
pub mod lint;
pub mod man;
pub mod probe;
pub mod report;
pub mod run;
pub mod schema;
pub mod selftest;
#[cfg(test)]
pub(crate) mod test_support;
pub mod trend;
