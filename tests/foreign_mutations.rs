//! Whatever a run directory holds, nothing panics, hangs, or takes more memory than an honest one.

#![cfg(target_os = "linux")]

#[path = "support/foreign.rs"]
mod foreign;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use foreign::{PARTS, copy_of, example, other, told};
use hopmark::store;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rustix::time::{ClockId, clock_gettime};

/// Numbers that programs stumble over.
const EXTREMES: [&str; 16] = [
    "-1",
    "0",
    "1e-320",
    "1e308",
    "-1e308",
    "NaN",
    "inf",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "0.0000000000000000000000001",
    "",
];

/// Changes a file of a run in one of many ways.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Xoshiro256PlusPlus) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..8) {
        0 => (0..rng.random_range(1..8)).for_each(|_| {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..(at + rng.random_range(1..200)).min(bytes.len()))),
        3 => {
            let piece = bytes[at..(at + rng.random_range(1..2_000)).min(bytes.len())].to_vec();
            let to = rng.random_range(0..bytes.len());
            drop(bytes.splice(to..to, piece));
        }
        4 => {
            let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            let (a, b) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
            lines.swap(a, b);
            *bytes = lines.concat();
        }
        _ => {
            // The number that stands there or behind.
            let is_digit = |byte: &u8| byte.is_ascii_digit();
            let Some(from) = bytes[at..].iter().position(is_digit).map(|from| at + from) else { return };
            let until = bytes[from..].iter().position(|byte| !is_digit(byte) && *byte != b'.');
            let until = until.map_or(bytes.len(), |until| from + until);
            let extreme = EXTREMES[rng.random_range(0..EXTREMES.len())];
            drop(bytes.splice(from..until, extreme.bytes()));
        }
    }
}

/// What something took: processor seconds, and the peak of resident memory above what was resident before, MiB.
fn cost<T>(of: impl FnOnce() -> T) -> (T, f64, f64) {
    let cpu = || {
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
    };
    let memory = |line: &str| -> f64 {
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let line = status.lines().find_map(|own| own.strip_prefix(line)).expect("memory");
        line.trim().trim_end_matches("kB").trim().parse::<f64>().expect("a number") / 1_024.0
    };
    fs::write("/proc/self/clear_refs", "5").expect("the peak starts anew");
    let (cpu_before, before) = (cpu(), memory("VmRSS:"));
    let done = of();
    (done, cpu() - cpu_before, memory("VmHWM:") - before)
}

/// Whatever is done to the files of a run: it is read or refused in a sentence, in bounded time and memory. Seeds from
/// `HOPMARK_MUTATIONS_FROM` on, so many as `HOPMARK_MUTATIONS`. Alone in its file, because it looks at the memory of its
/// process.
#[test]
fn no_directory_breaks_the_reader() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (from, many) = (number("HOPMARK_MUTATIONS_FROM", 0), number("HOPMARK_MUTATIONS", 60));
    let runs = [example(), other()];
    let honest: Vec<(f64, f64)> = runs
        .iter()
        .zip([other(), example()])
        .map(|(run, beside)| {
            let (told, seconds, mib) = cost(|| told(run, &beside));
            assert!(told.iter().all(Result::is_ok), "{told:?}");
            (seconds, mib.max(0.0))
        })
        .collect();
    let (mut refused, mut most) = (0, (0.0_f64, 0.0_f64));
    for seed in from..from + many {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let which = rng.random_range(0..runs.len());
        let dir = copy_of(&runs[which]);
        let parts: Vec<&str> = PARTS.into_iter().filter(|part| dir.path().join(part).exists()).collect();
        for _ in 0..rng.random_range(1..3) {
            let part = parts[rng.random_range(0..parts.len())];
            let path = dir.path().join(part);
            if rng.random_range(0..12) == 0 {
                let other = runs[1 - which].join(part);
                let _ = fs::copy(other, &path);
                continue;
            }
            let mut bytes = fs::read(&path).expect("bytes");
            mutate(&mut bytes, &mut rng);
            fs::write(&path, bytes).expect("written");
        }
        let (done, seconds, mib) = cost(|| catch_unwind(AssertUnwindSafe(|| told(dir.path(), &runs[1 - which]))));
        let Ok(told) = done else { panic!("seed {seed}: it panicked") };
        for error in told.into_iter().filter_map(Result::err) {
            refused += 1;
            let is_sentence = error.len() < 1_500 && !error.contains(|c: char| c.is_control());
            assert!(is_sentence, "seed {seed}: {error:?}");
        }
        most = (most.0.max(seconds - honest[which].0), most.1.max(mib - honest[which].1));
        assert!(seconds - honest[which].0 < 2.0, "seed {seed}: {seconds:.1} s, honest {:.1}", honest[which].0);
        assert!(mib - honest[which].1 < 64.0, "seed {seed}: {mib:.0} MiB, honest {:.0}", honest[which].1);
    }
    eprintln!(
        "{many} directories, {refused} refusals, at most {:.2} s and {:.1} MiB more than honest ones",
        most.0, most.1
    );
    assert!(refused > 0 && store::load(&example()).is_ok());
}
