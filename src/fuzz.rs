//! Entries through which any text may come, for the fuzz targets and for the tests over sizes: each says what the text took.

use std::path::Path;
use std::time::Duration;

use crate::plan::Plan;
use crate::profile::Profile;
use crate::workload::{dataset, trace};

/// What one input took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Of the processor, by this thread.
    pub processor: Duration,
    /// Each way of reading it: refused with this sentence, or read.
    pub refused: Vec<Option<String>>,
}

/// Reads a text as a profile and plans it.
#[must_use]
pub fn profile(text: &str) -> Taken {
    taken(|| {
        let read = Profile::parse(text, Path::new("fuzzed.toml"));
        let planned = read.map(|profile| Plan::resolve(profile, 2).tickets(None, 0, 2).take(1000).count());
        vec![planned.err().map(|error| error.to_string())]
    })
}

/// Reads a text as a data set, whose tokens are not counted, and as a trace.
#[must_use]
pub fn data(text: &str) -> Taken {
    taken(|| {
        let file = Path::new("fuzzed.data");
        let read = [dataset::parse(text, file).map(|_| ()), trace::parse(text, file, None).map(|_| ())];
        read.into_iter().map(|read| read.err().map(|error| error.to_string())).collect()
    })
}

fn taken(read: impl FnOnce() -> Vec<Option<String>>) -> Taken {
    let used = || {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
    };
    let before = used();
    let refused = read();
    Taken { processor: used().saturating_sub(before), refused }
}
