//! One exchange as the ledger holds it.

use std::sync::Arc;

use serde::Serialize;

/// The planned times of one exchange, in milliseconds from `recv_ns`: the way in, queueing, the model, and the way out.
/// A stall of the backend is not planned. What was sent can be later than planned, never earlier.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// To the first token leaving the socket.
    pub first_ms: f64,
    /// To the last byte leaving the socket.
    pub end_ms: f64,
}

/// One exchange as it happened. Stamps that were not reached are `None`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    /// The caller's `x-ms-client-request-id`, else its `x-request-id`, else a name of our own.
    pub request_id: String,
    /// The listener that answered.
    #[serde(serialize_with = "as_text")]
    pub listener: Arc<str>,
    /// `chat`, `completions`, `responses`, `embeddings`, `models` or `other`.
    pub api: &'static str,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// What was meant to happen; none for errors and for foreign servers behind a gateway.
    pub planned: Option<Planned>,
    /// After the read that brought the last byte of the request.
    pub recv_ns: u64,
    /// Before the write that carries the head of the answer.
    pub head_ns: Option<u64>,
    /// Before the write that carries the first token.
    pub first_ns: Option<u64>,
    /// Before the write that carries the last token.
    pub last_ns: Option<u64>,
    /// Before the write that carries the last byte.
    pub end_ns: Option<u64>,
    /// Before each write that carries content of a stream, in order; empty unless the scenario says `ledger_chunks`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chunks_ns: Vec<u64>,
    /// System calls that wrote the answer.
    pub writes: u32,
    /// Output tokens, those of hidden reasoning included; none where they are not known.
    pub tokens: Option<u32>,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong: `client_closed`, `cancelled`, `upstream_failed`, or nothing.
    pub fault: Option<&'static str>,
}

impl Record {
    /// What it takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.request_id.len() + self.chunks_ns.len() * size_of::<u64>()
    }
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
