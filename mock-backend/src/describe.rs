//! The planned truth of a scenario.
