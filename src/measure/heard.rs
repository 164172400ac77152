//! What is heard of a failure while a call is under way: raw, and no more of it than can be shown.

use crate::limits::Limit;

const KEPT: usize = Limit::ErrorBody.most();

/// What was heard of a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The beginning of a refusal's body, of an error in a stream, or of a body that is not what the API promises.
    pub said: Vec<u8>,
    /// Where a redirect leads.
    pub location: Option<Box<str>>,
    /// `Retry-After`, as it stands.
    pub retry_after: Option<Box<str>>,
    /// What went wrong on the way, in the words of this machine.
    pub cause: Option<Box<str>>,
}

impl Heard {
    /// Keeps what still has room of a piece.
    pub fn keep(&mut self, piece: &[u8]) {
        let room = KEPT - self.said.len().min(KEPT);
        self.said.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_is_kept() {
        let mut heard = Heard::default();
        (0..10).for_each(|_| heard.keep(&[b'x'; 1000]));
        assert_eq!(heard.said.len(), KEPT);
    }
}
