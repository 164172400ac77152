//! A response that a backend remembers: for later reading, and for responses that follow it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::api::ResponsesAnswer;
use crate::backend::Plan;
use crate::store::Keepsake;

/// What one response costs beyond its texts, about.
const EACH: usize = 2048;

/// One response that is kept.
pub(crate) struct Stored {
    pub(crate) answer: Arc<ResponsesAnswer>,
    /// The body of the request.
    pub(crate) body: Bytes,
    /// When it is made, if that goes on in the background.
    pub(crate) background: Option<Plan>,
    /// Whether it was asked for as a stream.
    pub(crate) streamed: bool,
    cancelled: AtomicBool,
}

impl Stored {
    pub(crate) fn new(answer: Arc<ResponsesAnswer>, body: Bytes, background: Option<Plan>, streamed: bool) -> Self {
        Self { answer, body, background, streamed, cancelled: AtomicBool::new(false) }
    }

    /// Ends it before its time.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Keepsake for Stored {
    fn name(&self) -> u64 {
        self.answer.name
    }

    fn size(&self) -> usize {
        EACH + self.body.len() + 8 * self.answer.choice.tokens()
    }
}

/// The number in the id of a response of ours.
pub(crate) fn response_name(id: &str) -> Option<u64> {
    let hex = id.strip_prefix("resp_").filter(|hex| hex.len() == 32)?;
    u128::from_str_radix(hex, 16).ok().and_then(|name| u64::try_from(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_ours_have_numbers() {
        assert_eq!(response_name(&format!("resp_{:032x}", 7)), Some(7));
        for id in ["resp_7", "x", "resp_ffffffffffffffffffffffffffffffff", "resp_zz000000000000000000000000000000"] {
            assert_eq!(response_name(id), None, "{id}");
        }
    }
}
