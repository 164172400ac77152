//! The machine a run happens on: what the manifest says of it, and its limit on open files, raised as far as allowed.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::run::Environment;

/// Descriptors that are kept for files, timers and the system.
const SPARE_FILES: u64 = 64;

/// The machine as the manifest tells it.
pub(super) fn describe() -> Environment {
    Environment {
        os: format!("{} {}", std::env::consts::OS, kernel()),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_model: cpu_model(),
        open_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        local_ports: local_ports(),
    }
}

/// Raises the soft limit on open files to the hard one. Says so when even that is too low for so many.
pub(super) fn raise_open_files(files: usize) -> Option<String> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Refused or not, what counts is the limit that is then in force.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let wanted = files as u64 + SPARE_FILES;
    (allowed < wanted).then(|| {
        format!(
            "this process may open {allowed} files, but the calls under way may need {wanted}; raise the hard limit \
             (ulimit -Hn), or lower load.max_in_flight"
        )
    })
}

/// How many local ports a connection may choose from.
fn local_ports() -> Option<u64> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let (first, last) = (ends.next()?, ends.next()?);
    last.checked_sub(first).map(|more| more + 1)
}

fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_owned()
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).and_then(|line| line.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
