//! What the measured phase cost this process: peak memory and CPU time, from the kernel's own counters.

use crate::host::counters::cpu_s;

/// Counters at the beginning of the measured phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources {
    cpu_s: f64,
}

/// Begins to watch: the kernel's peak of resident memory starts anew.
pub(crate) fn begin() -> Resources {
    // Linux: writing 5 resets the peak; elsewhere there is no such file, and no figure.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    Resources { cpu_s: cpu_s() }
}

impl Resources {
    /// The most memory that was resident since, in MiB.
    pub(crate) fn peak_rss_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib / 1024.0)
    }

    /// The CPU seconds spent since, by all threads.
    pub(crate) fn cpu_s(&self) -> f64 {
        cpu_s() - self.cpu_s
    }
}
