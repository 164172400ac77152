//! The words for what speaks against a run: what was seen, and what helps.

use std::collections::BTreeMap;

use crate::analysis::compare::shift::Interference;
use crate::analysis::validity::reason::{Dispersion, LagPart, Reason};
use crate::evidence::ladder::Rung;
use crate::measure::health::{HICCUP_ALLOWED_MS, STEAL_ALLOWED};
use crate::measure::outcome::ErrorClass;

impl Reason {
    /// What was seen, in a sentence without its stop.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::SendLag { path, p99_ms, allowed_ms, part, .. } => format!(
                "1 call in 100 on path '{path}' was sent {p99_ms:.1} ms late or later, most of it {}; {allowed_ms:.0} \
                 ms are allowed",
                part.when()
            ),
            Self::Dropped { classes, planned, .. } => dropped_message(classes, *planned),
            Self::BehindPlan { behind, planned } => {
                format!("{behind} of {planned} planned arrivals were not reached before the measured phase ended")
            }
            Self::Bunched(Dispersion { planned, achieved, bin_s }) => format!(
                "calls were not sent as evenly as planned: the index of dispersion over {bin_s:.1} s is {achieved:.2}, \
                 that of the plan {planned:.2}"
            ),
            Self::LittlesLaw { counted, expected } => format!(
                "{counted:.1} calls were in flight on average, but the rows add up to {expected:.1} (rate times mean \
                 duration)"
            ),
            Self::Accounting(wrong) => format!("arrivals are not accounted for: {}", wrong.join("; ")),
            Self::RowsLost(lost) => format!("{lost} rows were lost because the disk could not keep up"),
            Self::Clock(count) => format!("the stamps of {count} calls run backwards"),
            Self::OwnFailures { count, .. } => format!("{count} calls failed inside this tool"),
            Self::Descriptors { failed: 0, peak, limit, .. } => {
                format!("{} of {limit} files that this process may open were open", peak.unwrap_or(*limit))
            }
            Self::Descriptors { failed, limit, .. } => {
                format!("{failed} calls found no descriptor left: this process may open {limit} files")
            }
            Self::Ports { failed: 0, peak, range, .. } => format!("{peak} of {range} local ports were taken"),
            Self::Ports { failed, peak, range, .. } => {
                format!("{failed} calls found no local port left: {peak} of {range} were taken")
            }
            Self::Cpu { used, of } => {
                format!("this tool used {used:.1} of the {of:.0} processors of its workers")
            }
            Self::Hiccups { seconds, of, longest_ms, others, cpus, .. } => format!(
                "in {seconds} of {of} seconds a worker stalled for more than {HICCUP_ALLOWED_MS:.0} ms, up to \
                 {longest_ms:.0} ms{}",
                and_used("other programs", *others, &format!(" of {cpus} processors then"))
            ),
            Self::Steal { seconds, of, highest, .. } => steal_message(*seconds, *of, *highest),
            Self::Throttled { seconds, sum_ms } => format!(
                "the limit on processor time of this control group held this tool back in {seconds} seconds, for \
                 {sum_ms:.0} ms in all"
            ),
            Self::SimulatorCeiling { late, answers, used } => format!(
                "the simulator began {late} of {answers} answers more than 10 ms later than planned{}",
                and_used("it", *used, " processors")
            ),
            Self::SimulatorSilent { seconds, of, .. } => {
                format!("in {seconds} of {of} seconds the bundled simulator did not answer a health check")
            }
            Self::SelfInterference { path, baseline, found } => interference_message(path, baseline, found),
            Self::Unwatched => "this machine's health was not recorded, so stalls would not be seen".to_owned(),
            Self::SimulatorDied(how) => format!("the bundled simulator died in the middle of the run ({how})"),
            Self::NotPrivate { path, rung, evidence, .. } => not_private_message(path, *rung, evidence),
            Self::IncompleteRun(why) => format!("the run did not carry out its whole plan: {why}"),
        }
    }

    /// What helps, in a sentence without its stop.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::SendLag { part: LagPart::Timer, .. } => {
                "lower the rate, free this machine's processors, or use a machine with more of them"
            }
            Self::SendLag { part: LagPart::Dispatch, .. } => {
                "raise workers up to the number of processors, lower the rate, or use a larger machine"
            }
            Self::Dropped { .. } => "raise max_in_flight, lower the rate, or find out why calls take so long",
            Self::BehindPlan { .. } => "lower the rate, or use a larger machine: this one cannot keep up",
            Self::Bunched(_) => "free this machine's processors, or lower the rate",
            Self::LittlesLaw { .. } => {
                "look for calls that are missing from requests.csv; if there are none, report this"
            }
            Self::Accounting(_) => {
                "if rows were lost, use a faster disk or a lower rate; if not, this is a fault of hopmark: report it"
            }
            Self::RowsLost(_) => "write to a faster disk with --out, or lower the rate",
            Self::Clock(_) => "check this machine's clock source, and report this",
            Self::OwnFailures { .. } => "this is a fault of hopmark: report it with what it printed",
            Self::Descriptors { .. } => {
                "raise the hard limit on open files (ulimit -Hn, LimitNOFILE of a service), or lower the rate"
            }
            Self::Ports { .. } => {
                "widen net.ipv4.ip_local_port_range, keep connections (connections.policy), or lower the rate"
            }
            Self::Cpu { .. } => "lower the rate or use a larger machine",
            Self::Hiccups { .. } => {
                "end other programs on this machine, lower the rate, or measure from a machine that does nothing else"
            }
            Self::Steal { .. } => "measure from a machine whose processors are not shared, or at another hour",
            Self::Throttled { .. } => "raise the limit on processor time of the container or service (cpu.max)",
            Self::SimulatorCeiling { .. } => {
                "lower the rate: above it the figures show the simulator's own limit, not that of its paths"
            }
            Self::SimulatorSilent { .. } => {
                "find out what stopped or delayed its process, free this machine's processors, then run it again"
            }
            Self::SelfInterference { .. } => {
                "the paths share something that serves one call after the other: raise round_spread, lower the rate, or \
                 use design = \"interleaved\""
            }
            Self::Unwatched => "run it again with this version",
            Self::SimulatorDied(_) => {
                "look at what it last printed and at this machine's memory (dmesg tells what the kernel killed), then \
                 run it again"
            }
            Self::NotPrivate { remedy, .. } => remedy.unwrap_or("check where the calls of this path went"),
            Self::IncompleteRun(_) => "run it again; the figures until then are kept, but they decide nothing",
        }
    }
}

fn dropped_message(classes: &BTreeMap<ErrorClass, u64>, planned: u64) -> String {
    let count: u64 = classes.values().sum();
    let classes: Vec<String> = classes.iter().map(|(class, count)| format!("{class}: {count}")).collect();
    format!("{count} of {planned} arrivals were never sent ({})", classes.join(", "))
}

fn not_private_message(path: &str, rung: Rung, evidence: &str) -> String {
    format!("path '{path}' is declared private but was not: rung '{rung}' shows: {evidence}")
}

fn steal_message(seconds: u64, of: u64, highest: f64) -> String {
    let (allowed, highest) = (100.0 * STEAL_ALLOWED, 100.0 * highest);
    format!(
        "in {seconds} of {of} seconds the hypervisor gave more than {allowed:.0}% of this machine's processors to others, \
         up to {highest:.0}%"
    )
}

/// "; it used 1.9 processors", where that is known.
fn and_used(who: &str, used: Option<f64>, of_what: &str) -> String {
    used.map_or(String::new(), |used| format!("; {who} used {used:.1}{of_what}"))
}

fn interference_message(path: &str, baseline: &str, found: &Interference) -> String {
    let (order, distance) = (found.by_order, found.by_distance.filter(|contrast| contrast.material));
    match distance {
        Some(near) if !order.material => format!(
            "the shift of '{path}' depends on how close its calls were to those of '{baseline}': {:+.2} ms within \
             {:.0} ms, {:+.2} ms beyond",
            near.so.shift_ms, found.middle_ms, near.not.shift_ms
        ),
        Some(_) | None => format!(
            "the shift of '{path}' depends on which call went first: {:+.2} ms where it went after '{baseline}', \
             {:+.2} ms where it went before",
            order.so.shift_ms, order.not.shift_ms
        ),
    }
}
