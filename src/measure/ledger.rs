//! The simulator's ledger as read back: what was really sent, and when. The truth that samples are held against.

use serde::Deserialize;

use crate::units::{Api, Nanos};

/// One line of the ledger: one request as one listener saw it.
///
/// Reads are stamped after, writes before the system call, on the clock of [`Nanos`]: no time measured by a client can
/// be shorter than the difference of two of these.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct LedgerLine {
    /// The name that the client gave the request, or the simulator's own.
    pub request_id: String,
    /// Which listener.
    pub listener: String,
    /// The API; `None` for other routes.
    #[serde(default)]
    pub api: Option<Api>,
    /// Whether a stream was asked for.
    #[serde(default)]
    pub stream: bool,
    /// What was to happen.
    pub planned: Option<PlannedTimes>,
    /// After the read that brought the request's last byte.
    pub recv_ns: Option<Nanos>,
    /// Before the write that carried the head.
    pub head_ns: Option<Nanos>,
    /// Before the write that carried the first content.
    pub first_ns: Option<Nanos>,
    /// Before the write that carried the last content.
    pub last_ns: Option<Nanos>,
    /// Before the write that carried the last byte.
    pub end_ns: Option<Nanos>,
    /// Before each write that carried content of a stream, in order; empty when the simulator was not asked for it.
    #[serde(default)]
    pub chunks_ns: Vec<Nanos>,
    /// Write system calls.
    #[serde(default)]
    pub writes: u64,
    /// Output tokens.
    pub tokens: Option<u64>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// What was done to the request on purpose.
    #[serde(default)]
    pub fault: Option<String>,
}

/// Times fixed before the first byte, in milliseconds from the request's arrival.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct PlannedTimes {
    /// To the first content.
    pub first_ms: Option<f64>,
    /// To the last byte.
    pub end_ms: Option<f64>,
}

/// Reads a ledger, one JSON object a line.
///
/// # Errors
/// The first line that is no ledger line.
pub fn parse(text: &str) -> Result<Vec<LedgerLine>, serde_json::Error> {
    text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_contract_is_read() {
        let line = r#"{"request_id":"r-1","listener":"direct","api":"chat","stream":true,"planned":{"first_ms":150.5,"end_ms":800},"recv_ns":1,"head_ns":2,"first_ns":3,"last_ns":4,"end_ns":5,"writes":66,"tokens":64,"status":200,"fault":null}"#;
        let read = parse(&format!("{line}\n\n{line}\n")).expect("a ledger");
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].first_ns, read[0].tokens), (Some(Nanos(3)), Some(64)));
        assert!(parse("{}").is_err());
    }
}
