//! What is asked: a workload is a pure function from a number to a call.

pub mod call;
