//! Any bytes, split anywhere: the decoder neither breaks nor lets the split show, and what it hands out can be read.
#![no_main]

use hopmark::wire::sse::SseDecoder;
use hopmark::wire::{chat, responses};
use libfuzzer_sys::fuzz_target;

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut decoder = SseDecoder::new();
    let mut events = Vec::new();
    for piece in pieces {
        let fed = decoder.feed(piece, |event| events.push((event.name.to_vec(), event.data.to_vec())));
        assert!(fed.is_ok(), "no input here has a line of eight megabytes");
    }
    events
}

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, step) = input;
    let whole = decode([&bytes[..]]);
    assert_eq!(whole, decode(bytes.chunks(usize::from(step).max(1))));
    for (_, data) in &whole {
        let _ = chat::decode(data);
        let _ = responses::decode(data);
    }
});
