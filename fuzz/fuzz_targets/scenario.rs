//! Any text as a scenario: it is understood, described and planned in, or refused with one sentence, within its bounds.
#![no_main]

mod bounded;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = bounded::run(|| mock_backend::fuzz::scenario(text));
});
