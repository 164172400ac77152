//! The machine a run happens on: what the manifest says of it, and its limit on open files, raised as far as allowed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::measure::selftest::Machine;
use crate::run::Environment;
use crate::store;

/// Descriptors that are kept for files, timers and the system.
const SPARE_FILES: u64 = 64;

/// The machine as the manifest tells it.
pub(crate) fn describe() -> Environment {
    Environment {
        os: format!("{} {}", std::env::consts::OS, kernel()),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_model: cpu_model(),
        open_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        local_ports: local_ports(),
    }
}

/// The machine and the build, as far as a selftest depends on them.
pub(crate) fn identity() -> Machine {
    let Environment { os, cpus, cpu_model, .. } = describe();
    Machine {
        id: own_name(),
        os,
        cpus,
        cpu_model,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
    }
}

/// Where this user's newest selftest is kept, if there is such a place.
pub(crate) fn selftest_file() -> Option<PathBuf> {
    store::selftest::place(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
}

/// The limit on open files that this process may have.
pub(crate) fn most_open_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// The variables of the environment that name a proxy, without what they say, which may hold a password.
pub(crate) fn proxy_variables() -> Vec<String> {
    const NAMES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    let both = NAMES.iter().flat_map(|name| [(*name).to_owned(), name.to_ascii_lowercase()]);
    both.filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())).collect()
}

/// A hash of the machine's own name, which a report that is passed on must not tell. Hashed alike by the same build.
fn own_name() -> String {
    let read = |file| std::fs::read_to_string(file).ok().filter(|text: &String| !text.trim().is_empty());
    let name = read("/etc/machine-id").or_else(|| read("/proc/sys/kernel/hostname")).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    name.trim().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Raises the soft limit on open files to the hard one. Says so when even that is too low for so many.
pub(crate) fn raise_open_files(files: usize) -> Option<String> {
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
            "this process may open {allowed} files, but the calls in flight may need {wanted}; raise the hard limit \
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
