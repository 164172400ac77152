//! Any text as a profile: it is read, or refused with a short sentence that names the file, within its bounds.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let taken = hopmark::fuzz::profile(text);
    for error in taken.refused.into_iter().flatten() {
        assert!(error.contains("fuzzed.toml") && error.len() < 8_192, "{error}");
    }
    assert!(taken.processor < Duration::from_secs(2), "{:?} of the processor", taken.processor);
});
