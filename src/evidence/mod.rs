//! What shows that a path is private, or that it is not: what a name led to, what a refusal says of the way, how far it is,
//! and the rungs that these make. Pure: the judgement of a run and the probe ask it.

pub mod fingerprint;
pub mod ladder;
pub mod name;
pub mod rtt;
