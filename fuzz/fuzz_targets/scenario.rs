//! Any text as a scenario: it is understood, described and planned in, or refused with one sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = mock_backend::fuzz::scenario(text);
});
