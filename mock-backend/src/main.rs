//! The mock-backend binary.
fn main() {}
