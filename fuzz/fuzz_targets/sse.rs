//! Any bytes, split anywhere: the decoder neither breaks nor lets the split show, and what it hands out can be read,
//! within bounds of memory and of time.
#![no_main]

mod bounded;

use hopmark::limits::Limit;
use hopmark::units::Api;
use hopmark::wire::api;
use hopmark::wire::filter::Filter;
use hopmark::wire::sse::{Event, SseDecoder};
use libfuzzer_sys::fuzz_target;

const APIS: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut decoder = SseDecoder::new();
    let mut events = Vec::new();
    for piece in pieces {
        let fed = decoder.feed(piece, |event| events.push((event.name.to_vec(), event.data.to_vec())));
        assert!(fed.is_ok(), "no input here has a line of eight megabytes");
    }
    events
}

fn decode_all(bytes: &[u8], step: u8) {
    let whole = decode([bytes]);
    assert_eq!(whole, decode(bytes.chunks(usize::from(step).max(1))));
    for (name, data) in &whole {
        for spoken in APIS {
            let _ = api::decode(spoken, Event { name, data });
        }
    }
    for spoken in APIS {
        let _ = api::decode_body(spoken, bytes, 1);
    }
}

/// What a server says passes the filter: a secret in it does not.
fn filter(bytes: &[u8]) {
    const SECRET: &str = "Zq7/Xv9+Kw3=Rb5-Tn8_Jd2";
    let filter = Filter::of([SECRET]);
    let line = filter.line(&format!("{SECRET} {}", String::from_utf8_lossy(bytes)), Limit::ErrorText);
    assert!(line.chars().count() <= Limit::ErrorText.most() && !line.chars().any(char::is_control), "{line}");
    assert!(!line.contains(SECRET), "{line}");
}

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, step) = input;
    let began = std::time::Instant::now();
    bounded::run(|| {
        decode_all(&bytes, step);
        filter(&bytes);
    });
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
});
