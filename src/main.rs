//! The `hopmark` binary.
fn main() {}
