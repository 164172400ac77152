//! The running simulator: its threads, its listeners, and each connection from its first byte to its last.

mod access;
mod admin;
mod body;
#[cfg(test)]
mod bounds_tests;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http2_stream;
mod listener;
mod protocol;
pub(crate) mod simulator;
