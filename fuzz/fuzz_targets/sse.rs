//! Any bytes, split anywhere: the decoder neither breaks nor lets the split show, and what it hands out can be read.
#![no_main]

use hopmark::units::Api;
use hopmark::wire::api;
use hopmark::wire::sse::{Event, SseDecoder};
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
    for (name, data) in &whole {
        for spoken in [Api::Chat, Api::Responses] {
            let _ = api::decode(spoken, Event { name, data });
        }
    }
    for spoken in [Api::Chat, Api::Responses] {
        let _ = api::decode_body(spoken, &bytes, 1);
    }
});
