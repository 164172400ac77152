//! The commands: one file a verb, glue only.

pub mod init;
