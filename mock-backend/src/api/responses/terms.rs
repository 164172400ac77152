//! What the answer has to know of its request.

/// What the answer needs to know of its request.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// What the answer repeats of the request, as members of its object.
    pub(crate) echo: String,
    pub(crate) store: bool,
    pub(crate) background: bool,
    /// Whether a summary of the reasoning is wanted.
    pub(crate) summary: bool,
    /// Whether the reasoning itself is wanted, encrypted.
    pub(crate) encrypted: bool,
    /// Alternatives that each token names, if likelihoods are wanted.
    pub(crate) logprobs: Option<usize>,
}
