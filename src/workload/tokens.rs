//! Token counts by the real tokenizer (o200k_base), before the run only.
//!
//! The vocabulary takes tens of megabytes, and a thread that counts keeps a cache of its own. So counting is done in
//! a thread that ends at once: nothing of either is left when measuring begins.

use crate::workload::error::WorkloadError;

/// Each text with its number of tokens.
///
/// # Errors
/// When the tokenizer fails.
pub(crate) fn count(texts: Vec<String>) -> Result<Vec<(String, usize)>, WorkloadError> {
    let counting = move || {
        let tokenizer = tiktoken::encoding::o200k_base();
        texts.into_iter().map(|text| (tokenizer.count(&text), text)).map(|(tokens, text)| (text, tokens)).collect()
    };
    let thread = std::thread::Builder::new().name("tokenizer".to_owned()).spawn(counting);
    thread.map_err(|_| WorkloadError::Tokenizer)?.join().map_err(|_| WorkloadError::Tokenizer)
}
