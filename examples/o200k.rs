//! Prints the vocabulary o200k_base in the form in which Python's tiktoken keeps it: a token in base64 and its rank a
//! line. For checks that run foreign tools without a network: `cargo run --example o200k > FILE`.

use std::io::{BufWriter, Write, stdout};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn main() -> std::io::Result<()> {
    let vocabulary = tiktoken::encoding::o200k_base();
    let mut out = BufWriter::new(stdout().lock());
    for rank in 0..vocabulary.vocab_size() as u32 {
        writeln!(out, "{} {rank}", STANDARD.encode(vocabulary.decode(&[rank])))?;
    }
    out.flush()
}
