//! What an API writes into the stream of one answer.

use std::ops::Range;

/// The events of one answer, in whichever API.
pub(crate) trait Script {
    /// Room for one step.
    fn size(&self) -> usize;
    /// Whether token `k` sends something.
    fn is_loud(&self, k: usize) -> bool;
    /// The first token that sends something of the answer.
    fn first(&self) -> Option<usize>;
    /// Writes what opens the stream.
    fn opening(&mut self, out: &mut Vec<u8>);
    /// Writes the events of these tokens.
    fn tokens(&mut self, tokens: Range<usize>, out: &mut Vec<u8>);
    /// Writes what ends the stream.
    fn closing(&mut self, out: &mut Vec<u8>);
}
