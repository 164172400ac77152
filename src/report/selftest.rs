//! A selftest for the terminal: a row a level, the sentence that it comes to, and every bar that was missed.

use crate::measure::selftest::{Bar, FAITHFUL_MS, Level, Selftest, Spread};
use crate::report::figure;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::report::terminal::{self, Look};

/// The text.
pub(crate) fn render(selftest: &Selftest, look: Look) -> String {
    let mut lines = levels_that_fail(&selftest.levels);
    lines.extend(arrivals(selftest));
    lines.extend(selftest.bars.iter().filter(|bar| !bar.met).map(missed));
    lines.extend(selftest.notes.iter().map(|note| (Tone::Quiet, format!("note: {note}"))));
    lines.push(conclusion(selftest));
    terminal::table(&table(&selftest.levels), &lines, look)
}

/// What it comes to, in a sentence.
pub(crate) fn conclusion(selftest: &Selftest) -> (Tone, String) {
    let (streams, events) = (selftest.faithful.streams, selftest.faithful.events_per_s);
    if streams == 0 {
        let smallest = selftest.levels.first().map_or(0, |level| level.streams);
        return (Tone::Bad, format!("this machine does not measure faithfully, not even {smallest} streams"));
    }
    let sentence = format!(
        "this machine measures faithfully up to {streams} streams and {events:.0} events a second (p99 error under \
         {FAITHFUL_MS} ms)"
    );
    (Tone::Good, sentence)
}

fn table(levels: &[Level]) -> Table {
    let mut columns = vec![figures("streams"), figures("events/s").yielding(), word_column("error, ms")];
    columns.extend(["p50", "p99", "max"].map(figures));
    columns.extend([figures("send lag p50 ms").spare(), figures("p99 ms").spare()]);
    columns.extend([figures("memory MB").yielding(), figures("CPU µs/event").yielding()]);
    Table::new("This tool's own error: measured minus true", columns, levels.iter().flat_map(rows))
}

/// Three rows, one for each kind of time; what belongs to the level stands in the first.
fn rows(level: &Level) -> [Vec<Cell>; 3] {
    let errors = &level.error_ms;
    let kinds = [("TTFT", errors.ttft), ("chunk gap", errors.chunk_gap), ("end to end", errors.e2e)];
    kinds.map(|(kind, error)| {
        let first = kind == "TTFT";
        let of_level = |cell: Cell| if first { cell } else { Cell::from("") };
        let lag = |pick: fn(Spread) -> f64| of_level(Cell::figure(level.send_lag_ms.map(pick)));
        let mut cells = vec![
            of_level(figure::count(level.streams.into()).into()),
            of_level(figure::count(level.events_per_s as u64).into()),
            kind.into(),
        ];
        cells.extend([error.map(|e| e.p50), error.map(|e| e.p99), error.map(|e| e.max)].map(error_cell));
        cells.extend([lag(|lag| lag.p50), lag(|lag| lag.p99)]);
        cells.extend([level.rss_mb, level.cpu_us_per_event].map(|figure| of_level(Cell::figure(figure))));
        cells
    })
}

fn error_cell(ms: Option<f64>) -> Cell {
    let tone = if ms.is_none_or(|ms| ms >= FAITHFUL_MS) { Tone::Warn } else { Tone::Plain };
    Cell { tone, ..Cell::figure(ms) }
}

fn levels_that_fail(levels: &[Level]) -> Vec<(Tone, String)> {
    let failing = levels.iter().filter(|level| !level.is_faithful);
    failing
        .map(|level| (Tone::Warn, format!("{} streams do not hold: {}", level.streams, level.why_not.join("; "))))
        .collect()
}

fn arrivals(selftest: &Selftest) -> Option<(Tone, String)> {
    let level = selftest.arrivals.as_ref()?;
    let lag = level.send_lag_ms?;
    let share = |cpu: Option<f64>, what: &str| {
        cpu.map_or(String::new(), |cpu| format!(", {} of a core for {what}", figure::share(cpu)))
    };
    let cpu = share(level.pacing_cores, "pacing") + &share(level.cpu_cores, "everything");
    let text = format!(
        "{} arrivals a second: send lag {} (p50), {} (p99), {} (max){cpu}",
        level.rate,
        figure::ms(lag.p50),
        figure::ms(lag.p99),
        figure::ms(lag.max)
    );
    Some((Tone::Plain, text))
}

fn missed(bar: &Bar) -> (Tone, String) {
    let seen = bar.observed.map_or_else(|| "not measured".to_owned(), |seen| format!("{seen} {}", bar.unit));
    (Tone::Bad, format!("missed: {} is {seen}, the bar is {} {}", bar.name, bar.limit, bar.unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::selftest::{Faithful, fixture};
    use crate::screen::faults;

    #[test]
    fn the_table_and_the_sentence() {
        let mut selftest = fixture::selftest();
        selftest.levels[2].why_not = vec!["the error of TTFT is 8.0 ms at p99".to_owned()];
        let name = "TTFT error p99 at 1000 streams".to_owned();
        selftest.bars.push(Bar { name, unit: "ms".to_owned(), limit: 10.0, observed: Some(12.5), met: false });
        let text = render(&selftest, Look { width: Some(120), colour: false });
        for part in [
            "1 000",
            "43 840",
            "chunk gap",
            "1000 streams do not hold: the error of TTFT is 8.0 ms at p99",
            "missed: TTFT error p99 at 1000 streams is 12.5 ms, the bar is 10 ms",
            "this machine measures faithfully up to 100 streams and 4384 events a second (p99 error under 5 ms)",
        ] {
            assert!(text.replace('\u{202f}', " ").contains(part), "'{part}' in\n{text}");
        }
        let at = |width| render(&selftest, Look { width: Some(width), colour: false });
        for width in 40..=200 {
            assert_eq!(faults(&at(width), width.into(), &at(u16::MAX)), [] as [&str; 0]);
        }
        selftest.faithful = Faithful::default();
        assert!(conclusion(&selftest).1.contains("not even 10 streams"));
    }
}
