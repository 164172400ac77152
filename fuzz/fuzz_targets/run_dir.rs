//! Any bytes as one file of a run directory, beside the honest others: the run is read, or refused with a sentence that
//! names the file, within two seconds of processor time. Memory is bounded by the fuzzer: `-malloc_limit_mb=64`.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use hopmark::store::{self, file};
use libfuzzer_sys::fuzz_target;

/// The files of a run that are read.
const PARTS: [&str; 6] =
    [file::MANIFEST, file::REQUESTS, file::COUNTS, file::HEALTH, file::HISTOGRAMS, file::ERRORS];

/// A folder of this process, and an honest run.
static FOLDERS: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("hopmark-run-dir-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    [folder, Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/example")]
});

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    let [folder, honest] = &*FOLDERS;
    let part = PARTS[usize::from(*which) % PARTS.len()];
    for other in PARTS {
        // The example run has no errors, and so no file of them.
        let _ = fs::copy(honest.join(other), folder.join(other)).or_else(|_| fs::write(folder.join(other), b"").map(|()| 0));
    }
    fs::write(folder.join(part), bytes).expect("written");
    let began = Instant::now();
    if let Err(error) = store::load(folder) {
        let error = error.to_string();
        assert!(error.contains(&*folder.to_string_lossy()) && !error.contains('\n'), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(2));
});
