//! What the answer has to know of its request.

/// What the answer needs to know of its request.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) echo: Echo,
    pub(crate) store: bool,
    pub(crate) background: bool,
    /// Whether a summary of the reasoning is wanted.
    pub(crate) summary: bool,
    /// Whether the reasoning itself is wanted, encrypted.
    pub(crate) encrypted: bool,
    /// Alternatives that each token names, if likelihoods are wanted.
    pub(crate) logprobs: Option<usize>,
    /// Tokens of the instructions, which a following response does not inherit.
    pub(crate) instructions: usize,
}

/// What an answer repeats of its request, as members of its object, in three runs.
#[derive(Clone, Debug)]
pub(crate) struct Echo {
    /// `instructions` to `max_tool_calls`.
    pub(crate) limits: String,
    /// `parallel_tool_calls` to `safety_identifier`.
    pub(crate) ways: String,
    /// `store` to `metadata`.
    pub(crate) rest: String,
}
