//! Any bytes as a request, of whichever API: it is answered or refused, within bounds, and never breaks the simulator.
#![no_main]

mod bounded;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for status in bounded::run(|| mock_backend::fuzz::request(bytes)).expect("timers") {
        assert!(status == 0 || (200..600).contains(&status), "{status}");
    }
});
