//! `series.csv`: what happened over time on every path. `bad` is 1 where an interval holds a second of the measured phase
//! in which this tool could not measure faithfully.

use std::fmt::Write;

use crate::analysis::summary::series::series;
use crate::run::Run;
use crate::store::file;

/// The bytes of `series.csv`.
pub(crate) fn render(run: &Run) -> String {
    let mut text =
        "second,path,planned,sent,ok,failed,incomplete,dropped,in_flight,ttft_p50,ttft_p99,e2e_p50,e2e_p99,bad\n"
            .to_owned();
    let (bad, width) = (run.bad_seconds(), run.manifest.plan.interval_s());
    let ms = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
    for row in series(run) {
        let name = run.manifest.plan.paths[row.path].name.as_str();
        let name = file::field(name);
        // Writing into a String does not fail.
        let _ = writeln!(
            text,
            "{},{name},{},{},{},{},{},{},{},{},{},{},{},{}",
            row.second,
            row.calls.planned,
            row.calls.planned - row.calls.dropped,
            row.calls.ok,
            row.calls.failed,
            row.calls.incomplete,
            row.calls.dropped,
            row.in_flight,
            ms(row.ttft_p50),
            ms(row.ttft_p99),
            ms(row.e2e_p50),
            ms(row.e2e_p99),
            u8::from(bad.seconds.range(row.second..row.second + width).next().is_some())
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::outcome::{ErrorClass, Outcome};
    use crate::run::fixture::{self, ORIGIN, World};
    use crate::units::CallCounts;

    #[test]
    fn a_second_counts_what_was_intended_in_it() {
        let mut run = World { seconds: 3.0, ..World::default() }.run();
        let plan = run.manifest.plan.clone();
        let at = |ms| ORIGIN + Duration::from_millis(ms);
        let mut dropped = fixture::sample(&plan, 3, 3, 1, at(1_900));
        dropped.outcome = Outcome::Dropped(ErrorClass::InFlightCap);
        (dropped.stamps.dequeued, dropped.stamps.sent) = (None, None);
        let mut failed = fixture::sample(&plan, 2, 2, 0, at(1_300));
        fixture::fail(&mut failed, ErrorClass::Http(500));
        run.samples =
            vec![fixture::sample(&plan, 0, 0, 0, at(100)), fixture::sample(&plan, 1, 1, 0, at(1_800)), failed, dropped];
        let table: Vec<_> = series(&run)
            .iter()
            .filter(|r| r.calls.planned > 0 || r.in_flight > 0)
            .map(|r| (r.second, r.path, r.calls, r.in_flight))
            .collect();
        let calls = |planned, ok, failed, dropped| CallCounts { planned, ok, failed, incomplete: 0, dropped };
        assert_eq!(table, [(0, 0, calls(1, 1, 0, 0), 0), (1, 0, calls(2, 1, 1, 0), 1), (1, 1, calls(1, 0, 0, 1), 0)]);
        let text = render(&run);
        assert!(text.contains("\n0,direct,1,1,1,0,0,0,0,110.000,110.000,401.000,401.000,0\n"), "{text}");
        assert!(text.contains("\n1,private,1,0,0,0,0,1,0,,,,,0\n"), "{text}");
    }

    #[test]
    fn a_bad_second_is_marked_on_every_path() {
        let mut run = World::default().run();
        run.health[6].hiccup_ms = 40.0;
        // A second of the warmup is not judged.
        run.health[2].hiccup_ms = 40.0;
        let text = render(&run);
        let marked = text.lines().filter_map(|line| line.strip_suffix(",1")).map(|line| line.split(',').next());
        assert_eq!(marked.collect::<Vec<_>>(), [Some("6"); 3]);
    }

    #[test]
    fn a_quantile_that_is_one_of_a_timeout_is_empty_as_in_the_chart() {
        let mut run = World { seconds: 3.0, ..World::default() }.run();
        let plan = run.manifest.plan.clone();
        let call = |seq: u64, ms| fixture::sample(&plan, seq, seq, 0, ORIGIN + Duration::from_millis(ms));
        let mut timed_out = call(3, 1_900);
        fixture::fail(&mut timed_out, ErrorClass::TimeoutTotal);
        timed_out.stamps.first_content = None;
        run.samples = vec![call(0, 1_100), call(1, 1_200), call(2, 1_300), timed_out];
        let rows = series(&run);
        let row = rows.iter().find(|row| row.calls.planned == 4).expect("a row");
        assert!(row.ttft_p50.is_some() && row.e2e_p50.is_some(), "{row:?}");
        assert_eq!((row.ttft_p99, row.e2e_p99), (None, None));
    }
}
