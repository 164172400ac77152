//! How this machine was, for people: in which part of a call's way out time went, and how busy the machine was.

use crate::analysis::validity::{Lag, Validity};
use crate::report::figure;
use crate::report::run::validity::count_bad_seconds;
use crate::report::table::{Cell, Table, figures, words};
use crate::run::Run;

/// How late calls were sent, by part.
pub(super) fn send_lag(validity: &Validity) -> Table {
    let lags = &validity.lags;
    let row = |what: &str, lag: &Lag, whose: &str| -> Vec<Cell> {
        let [p50, p99, max] = [lag.p50, lag.p99, lag.max].map(Cell::figure);
        vec![what.into(), p50, p99, max, whose.into()]
    };
    Table::new(
        "How late calls were sent",
        vec![words("milliseconds"), figures("p50"), figures("p99"), figures("max"), words("from when to when")],
        vec![
            row("timer", &lags.timer, "planned moment to taken up by a worker"),
            row("connection wait", &lags.connection, "begun to connection open, of new ones; the path's own"),
            row("dispatch", &lags.dispatch, "taken up to sent, without that wait"),
            row("all", &lags.whole, "planned moment to sent"),
        ],
    )
    .noted(format!(
        "Over all calls of the measured phase. A call beyond the limit on calls in flight does not wait, it is \
             dropped and counted: {}.",
        figure::count(validity.dropped)
    ))
}

/// How this machine was: label and value.
pub(super) fn vitals(run: &Run, validity: &Validity) -> Vec<(&'static str, String)> {
    let (vitals, environment) = (&validity.vitals, &run.manifest.environment);
    if vitals.seconds == 0 {
        return vec![("health", "not recorded".to_owned())];
    }
    let share = figure::share(validity.arrivals.share());
    let arrivals = match validity.arrivals.dispersion {
        Ok(seen) => format!(
            "{share} of the plan in its time; index of dispersion {:.2}, planned {:.2}",
            seen.achieved, seen.planned
        ),
        Err(_) => format!("{share} of the plan in its time"),
    };
    let little = match &validity.little {
        Ok(little) => format!(
            "{:.1} counted, {:.1} by rate times mean duration ({:+.1}%)",
            little.counted,
            little.expected,
            100.0 * little.residual()
        ),
        Err(why) => format!("not compared: {why}"),
    };
    let cores = |value: (f64, f64)| format!("{:.2} processors on average, {:.2} at most", value.0, value.1);
    let many = |most: u64, of: Option<u64>| match of {
        Some(of) => format!("{} of {} at most", figure::count(most), figure::count(of)),
        None => format!("{} at most", figure::count(most)),
    };
    let percent =
        |value: (f64, f64)| format!("{} on average, {} at most", figure::share(value.0), figure::share(value.1));
    let simulator = vitals.sim_answers.map(|(answers, late)| {
        let cpu = vitals.sim_cpu.map_or(String::new(), |cpu| format!("; {}", cores(cpu)));
        format!("{} of {} answers begun more than 10 ms late{cpu}", figure::count(late), figure::count(answers))
    });
    let longest = vitals.hiccup_ms.map_or(String::new(), |ms| format!("; the longest hiccup {}", figure::ms(ms)));
    let hiccup = format!("{} in {} s{longest}", count_bad_seconds(validity), figure::count(vitals.seconds));
    let facts = [
        ("arrivals", Some(arrivals)),
        ("calls in flight", Some(little)),
        ("stalls", Some(hiccup)),
        ("processors used by this tool", vitals.cpu.map(cores)),
        ("processors used by others", vitals.others.map(cores)),
        ("steal time of the hypervisor", vitals.steal.map(percent)),
        ("throttled by its control group", vitals.throttled_ms.map(figure::ms)),
        ("open files", vitals.files.map(|most| many(most, Some(environment.open_files)))),
        ("local ports", vitals.ports.map(|most| many(most, environment.local_ports))),
        ("simulator", simulator),
    ];
    facts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}
