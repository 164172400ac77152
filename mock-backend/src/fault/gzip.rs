//! A body that is compressed piece by piece, so that each piece can be read when it comes.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// What compresses one body.
pub(super) struct Gzip(Option<GzEncoder<Vec<u8>>>);

impl Default for Gzip {
    fn default() -> Self {
        Self(Some(GzEncoder::new(Vec::new(), Compression::fast())))
    }
}

impl Gzip {
    /// The next piece compressed, to its last byte; after the `last` one nothing more can come.
    pub(super) fn write(&mut self, piece: &[u8], last: bool) -> io::Result<Bytes> {
        let Some(mut encoder) = self.0.take() else { return Ok(Bytes::new()) };
        encoder.write_all(piece)?;
        if last {
            return encoder.finish().map(Bytes::from);
        }
        encoder.flush()?;
        let out = std::mem::take(encoder.get_mut());
        self.0 = Some(encoder);
        Ok(Bytes::from(out))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn every_piece_can_be_read_when_it_comes() {
        let mut gzip = Gzip::default();
        let mut sent = Vec::new();
        let mut said = String::new();
        for (piece, last) in [("data: a\n\n", false), ("data: b\n\n", false), ("data: [DONE]\n\n", true)] {
            sent.extend_from_slice(&gzip.write(piece.as_bytes(), last).unwrap());
            said.push_str(piece);
            let mut read = vec![0; said.len()];
            flate2::read::GzDecoder::new(&sent[..]).read_exact(&mut read).unwrap();
            assert_eq!(read, said.as_bytes());
        }
        let mut all = String::new();
        flate2::read::GzDecoder::new(&sent[..]).read_to_string(&mut all).unwrap();
        assert_eq!(all, said);
        assert!(gzip.write(b"more", false).unwrap().is_empty());
    }
}
