//! The Responses API: reading a request, the shapes of its answer, and what is kept of it.

pub(crate) mod answer;
pub(crate) mod compact;
pub(crate) mod conversations;
pub(crate) mod events;
mod input_items;
pub(crate) mod refused;
pub(crate) mod request;
pub(crate) mod stored;
pub(crate) mod terms;
