//! Any text as a profile: it is read, or refused with a sentence that names the file.
#![no_main]

use std::path::Path;

use hopmark::plan::Plan;
use hopmark::profile::Profile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Profile::parse(text, Path::new("fuzzed.toml")) {
        Ok(profile) => {
            let plan = Plan::resolve(profile, 2);
            let _ = plan.tickets(None, 0, 2).take(1000).count();
        }
        Err(error) => assert!(error.to_string().contains("fuzzed.toml"), "{error}"),
    }
});
