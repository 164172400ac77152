//! How a stream is packed: when its head leaves, which tokens leave together, and where a write is cut in two.

use std::time::Duration;

use bytes::Bytes;

use crate::units::{Nanos, nanos, read_span};

/// The form of a stream on the wire.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Packing {
    /// When the head leaves.
    pub(crate) head: HeadAt,
    /// Tokens in each event.
    pub(crate) tokens_per_event: usize,
    /// Events that leave in one write, when the last of them is due.
    pub(crate) events_per_write: usize,
    /// The window, from the first token, at whose end everything in it is released, as by a content
    /// filter; 0 is none.
    #[serde(deserialize_with = "read_span")]
    pub(crate) burst: Duration,
    /// Where writes are cut in two.
    pub(crate) split: Split,
    /// A comment is sent when nothing else was for so long; 0 is never.
    #[serde(deserialize_with = "read_span")]
    pub(crate) keepalive: Duration,
}

/// When the head of a stream leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HeadAt {
    /// When the request has come.
    AtOnce,
    /// When the model has read the prompt.
    AfterPrefill,
    /// With the first token.
    AtFirstToken,
}

/// Where writes are cut in two; the second half follows 1 ms after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Split {
    /// Nowhere.
    None,
    /// In the middle of an event.
    Event,
    /// Inside a character of several bytes, where there is one, else in the middle.
    Utf8,
    /// Between CR and LF; lines then end with both.
    Crlf,
}

/// Between the two halves of a write that is cut.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);

impl Default for Packing {
    fn default() -> Self {
        Self {
            head: HeadAt::AtOnce,
            tokens_per_event: 1,
            events_per_write: 1,
            burst: Duration::ZERO,
            split: Split::None,
            keepalive: Duration::ZERO,
        }
    }
}

impl Packing {
    /// The last token that must be there before token `k` of `tokens` can leave.
    pub(crate) fn last_of_group(&self, k: usize, tokens: usize) -> usize {
        let group = self.tokens_per_event * self.events_per_write;
        (k - k % group + group - 1).min(tokens.saturating_sub(1))
    }

    /// When something that is ready at `ready` leaves, if the first token was ready at `first` and the last is at
    /// `last`.
    pub(crate) fn release(&self, ready: Nanos, first: Nanos, last: Nanos) -> Nanos {
        let burst = nanos(self.burst);
        match nanos(ready.since(first)).checked_div(burst) {
            None => ready,
            Some(windows) => Nanos(first.0 + (windows + 1) * burst).min(last),
        }
    }

    /// By how much the second half of the last write is later than the first.
    pub(crate) fn tail(&self) -> Duration {
        match self.split {
            Split::None => Duration::ZERO,
            Split::Event | Split::Utf8 | Split::Crlf => PAUSE,
        }
    }

    /// What is written, and what follows after a pause.
    pub(crate) fn cut(&self, frame: Bytes) -> (Bytes, Option<Bytes>) {
        let mut frame = if self.split == Split::Crlf { with_crlf(&frame) } else { frame };
        match place(self.split, &frame) {
            Some(at) if at > 0 && at < frame.len() => {
                let first = frame.split_to(at);
                (first, Some(frame))
            }
            _ => (frame, None),
        }
    }
}

/// Where to cut.
fn place(split: Split, frame: &[u8]) -> Option<usize> {
    let middle = frame.len() / 2;
    match split {
        Split::None => None,
        Split::Event => Some(middle),
        Split::Utf8 => Some(frame.iter().position(|byte| *byte >= 0x80).map_or(middle, |at| at + 1)),
        Split::Crlf => frame.iter().position(|byte| *byte == b'\r').map(|at| at + 1),
    }
}

/// Line feeds stand in events only at the ends of lines: JSON escapes its own.
fn with_crlf(frame: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(frame.len() + 16);
    for line in frame.split_inclusive(|byte| *byte == b'\n') {
        match line.split_last() {
            Some((b'\n', rest)) => {
                out.extend_from_slice(rest);
                out.extend_from_slice(b"\r\n");
            }
            _ => out.extend_from_slice(line),
        }
    }
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(split: Split, text: &'static str) -> (Bytes, Option<Bytes>) {
        Packing { split, ..Packing::default() }.cut(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn writes_are_cut_where_it_hurts() {
        let (first, rest) = cut(Split::Utf8, "data: a \u{2013} b\n\n");
        assert_eq!((&first[..], &rest.unwrap()[..]), (&b"data: a \xe2"[..], &b"\x80\x93 b\n\n"[..]));
        let (first, rest) = cut(Split::Crlf, "data: a\n\n");
        assert_eq!((&first[..], &rest.unwrap()[..]), (&b"data: a\r"[..], &b"\n\r\n"[..]));
        let (first, rest) = cut(Split::Event, "data: a\n\n");
        assert_eq!((&first[..], &rest.unwrap()[..]), (&b"data"[..], &b": a\n\n"[..]));
        assert_eq!(cut(Split::None, "data: a\n\n").1, None);
    }

    #[test]
    fn groups_and_bursts_hold_tokens_back_and_never_past_the_last() {
        let packing = Packing { tokens_per_event: 2, events_per_write: 2, ..Packing::default() };
        let last: Vec<usize> = (0..10).map(|k| packing.last_of_group(k, 10)).collect();
        assert_eq!(last, [3, 3, 3, 3, 7, 7, 7, 7, 9, 9]);
        let burst = Packing { burst: Duration::from_nanos(100), ..Packing::default() };
        let due = [1000, 1099, 1100, 1250].map(|at| burst.release(Nanos(at), Nanos(1000), Nanos(1250)));
        assert_eq!(due, [1100, 1100, 1200, 1250].map(Nanos));
    }
}
