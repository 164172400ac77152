//! What the kernel counts of this process and of its machine, read once a second. A figure that this system does not
//! give is `None`.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

use crate::units::Nanos;

/// What happened between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    /// Processors that this process used.
    pub(crate) cpu: Option<f64>,
    /// Processors that all others used, the simulator not among them.
    pub(crate) others: Option<f64>,
    /// The share of this machine's processor time that its hypervisor gave to others.
    pub(crate) steal: Option<f64>,
    /// How long a second the control group was held back, ms.
    pub(crate) throttled_ms: Option<f64>,
    /// Processors that the simulator used.
    pub(crate) sim_cpu: Option<f64>,
}

/// Reads counters and tells what they did since the last time.
pub(crate) struct Meter {
    simulator: Option<u32>,
    throttle: Option<String>,
    last: Counters,
}

/// Counters at one instant, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    at: Nanos,
    cpu: f64,
    machine: Option<Machine>,
    throttled: Option<f64>,
    simulator: Option<f64>,
}

/// The processor time of a machine, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Machine {
    busy: f64,
    stolen: f64,
    all: f64,
}

impl Meter {
    /// Begins to count; with the process of the simulator, if there is one.
    pub(crate) fn new(simulator: Option<u32>) -> Self {
        let throttle = throttle_file();
        let mut meter = Self { simulator, throttle, last: Counters::default() };
        meter.last = meter.read();
        meter
    }

    /// What happened since the last time, at least some milliseconds ago.
    pub(crate) fn rates(&mut self) -> Rates {
        let (before, now) = (self.last, self.read());
        self.last = now;
        let seconds = now.at.since(before.at).max(Duration::from_millis(1)).as_secs_f64();
        let rate = |before: Option<f64>, now: Option<f64>| Some((now? - before?).max(0.0) / seconds);
        let cpu = (now.cpu - before.cpu) / seconds;
        let sim_cpu = rate(before.simulator, now.simulator);
        let machine = before.machine.zip(now.machine);
        let all_busy = machine.map(|(before, now)| (now.busy - before.busy) / seconds);
        let steal = machine.map(|(before, now)| (now.stolen - before.stolen) / (now.all - before.all).max(1e-9));
        Rates {
            cpu: Some(cpu),
            // The kernel counts processes in finer steps than the machine.
            others: all_busy.map(|busy| (busy - cpu - sim_cpu.unwrap_or(0.0)).max(0.0)),
            steal: steal.map(|share| share.clamp(0.0, 1.0)),
            throttled_ms: rate(before.throttled, now.throttled).map(|seconds| seconds * 1e3),
            sim_cpu,
        }
    }

    fn read(&self) -> Counters {
        Counters {
            at: Nanos::now(),
            cpu: cpu_s(),
            machine: fs::read_to_string("/proc/stat").ok().and_then(|text| machine(&text)),
            throttled: self.throttle.as_ref().and_then(|file| throttled_s(&fs::read_to_string(file).ok()?)),
            simulator: self.simulator.and_then(process_s),
        }
    }
}

/// The processor seconds of this process, all threads.
pub(crate) fn cpu_s() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// How many descriptors are open.
pub(crate) fn open_files() -> Option<u64> {
    // Since Linux 6.2 the size of this folder is the number of its entries; before, it is 0 and they are counted.
    let size = fs::metadata("/proc/self/fd").ok()?.len();
    if size > 0 { Some(size) } else { Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64) }
}

/// How many TCP connections of this machine are closed but still keep their local port.
pub(crate) fn waiting_ports() -> Option<u64> {
    waiting(&fs::read_to_string("/proc/net/sockstat").ok()?)
}

fn waiting(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}

fn ticks_s(ticks: u64) -> f64 {
    ticks as f64 / clock_ticks_per_second() as f64
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. What guests used is in user.
fn machine(stat: &str) -> Option<Machine> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks[..] else { return None };
    let busy = user + nice + system + irq + softirq;
    Some(Machine { busy: ticks_s(busy), stolen: ticks_s(steal), all: ticks_s(busy + idle + iowait + steal) })
}

/// The processor seconds of another process.
fn process_s(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; user and system time are the 12th and 13th word after it.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<u64>().ok();
    Some(ticks_s(ticks()? + ticks()?))
}

/// The `cpu.stat` of this process's control group, of either version; `None` where none tells of throttling.
fn throttle_file() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let tells = |file: &String| fs::read_to_string(file).is_ok_and(|text| throttled_s(&text).is_some());
    throttle_files(&groups).into_iter().find(tells)
}

/// Where it may be: below the group's own name, or, inside a container, where its name is that of the host, at the top.
fn throttle_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let group = group.trim_end_matches('/');
        let mount = match controllers {
            "" => String::new(),
            list if list.split(',').any(|controller| controller == "cpu") => format!("/{list}"),
            _ => continue,
        };
        files.push(format!("/sys/fs/cgroup{mount}{group}/cpu.stat"));
        files.push(format!("/sys/fs/cgroup{mount}/cpu.stat"));
    }
    files
}

/// The seconds for which a group was held back: microseconds in version 2, nanoseconds in version 1.
fn throttled_s(stat: &str) -> Option<f64> {
    let value = |key: &str| stat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<f64>().ok());
    value("throttled_usec ").map(|us| us / 1e6).or_else(|| value("throttled_time ").map(|ns| ns / 1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let second = clock_ticks_per_second();
        let line = |busy: u64, idle: u64, steal: u64| format!("cpu  {busy} 0 0 {idle} 0 0 0 {steal} 0 0\ncpu0 1 2 3\n");
        let seen = machine(&line(second, 2 * second, second / 2)).expect("a line");
        assert_eq!((seen.busy, seen.stolen, seen.all), (1.0, 0.5, 3.5));
        assert_eq!(machine("cpu 1 2"), None);
        assert_eq!(waiting("sockets: used 208\nTCP: inuse 189 orphan 0 tw 566 alloc 189 mem 266\n"), Some(566));
        assert_eq!(throttled_s("nr_periods 3\nthrottled_time 2500000000\n"), Some(2.5));
        assert_eq!(throttled_s("usage_usec 7\nnr_throttled 1\nthrottled_usec 2500000\n"), Some(2.5));
        assert_eq!(throttled_s("usage_usec 7\n"), None);
    }

    #[test]
    fn control_groups_are_found_in_both_versions() {
        assert_eq!(
            throttle_files("5:memory:/a\n4:cpu,cpuacct:/b/c\n0::/d\n"),
            [
                "/sys/fs/cgroup/cpu,cpuacct/b/c/cpu.stat",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
                "/sys/fs/cgroup/d/cpu.stat",
                "/sys/fs/cgroup/cpu.stat"
            ]
        );
        assert_eq!(throttle_files("1:cpu:/\n")[0], "/sys/fs/cgroup/cpu/cpu.stat");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn work_is_seen_and_told_from_that_of_others() {
        let mut meter = Meter::new(Some(std::process::id()));
        let begun = Nanos::now();
        let mut sum = 0u64;
        while Nanos::now().since(begun) < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let rates = meter.rates();
        assert!(rates.cpu.is_some_and(|cpu| cpu > 0.0) && rates.sim_cpu.is_some(), "{rates:?}");
        assert!(rates.others.is_some_and(|others| others >= 0.0), "{rates:?}");
        assert!(rates.steal.is_some_and(|share| (0.0..=1.0).contains(&share)), "{rates:?}");
        assert!(open_files().is_some_and(|files| files >= 3));
    }
}
