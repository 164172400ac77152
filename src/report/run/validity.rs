//! How far a run can be trusted, in sentences.

use crate::analysis::validity::{Validity, ValidityVerdict};
use crate::measure::selftest::{FAITHFUL_MS, OwnError};
use crate::report::figure;
use crate::report::table::Tone;
use crate::run::Run;

/// What a reader must know of a run of which not every call has a row.
pub(crate) fn describe_sample(run: &Run) -> Option<String> {
    let rows = run.manifest.rows.as_ref()?;
    let mut told = format!(
        "Rows are a seeded sample: those of {} of the rounds, {} of {} calls. Counts, costs, shares of the calls of a \
         path, the quantiles of metrics and the charts by percentile are of all calls; comparisons, intervals, \
         objectives on latencies, by window, by API or stream or with conditions on each call, latencies over time, \
         the breakdown and how late calls were sent use only the calls that have rows.",
        figure::share(rows.share),
        figure::count(rows.kept),
        figure::count(rows.calls)
    );
    let bad = run.bad_seconds();
    if run.manifest.plan.interval_s() > 1 && bad.seconds.iter().any(|second| bad.leave_out(*second)) {
        told += " Bad seconds are left out of figures made from rows; histograms, whose intervals are longer, include them.";
    }
    Some(told)
}

/// "1 bad second", "3 bad seconds".
pub(crate) fn count_bad_seconds(validity: &Validity) -> String {
    let many = validity.bad.seconds.len();
    format!("{many} bad second{}", if many == 1 { "" } else { "s" })
}

/// How far the run can be trusted, in a line.
pub(crate) fn describe_validity(validity: &Validity) -> (Tone, String) {
    let left_out = match validity.left_out {
        0 => String::new(),
        calls => format!("; {} calls of {} left out", figure::count(calls), count_bad_seconds(validity)),
    };
    let counts = format!(
        "{} of {} arrivals sent{}{left_out}",
        figure::count(validity.sent),
        figure::count(validity.planned),
        describe_lateness(validity)
    );
    let tone = if validity.verdict == ValidityVerdict::Valid { Tone::Good } else { tone_of(validity.verdict) };
    (tone, format!("{}: {counts}", validity.verdict))
}

/// How late the calls of a run were sent, in words also where no call tells it.
fn describe_lateness(validity: &Validity) -> String {
    let lags = &validity.lags;
    let Some(own) = lags.own.p99 else {
        return if validity.sent == 0 { String::new() } else { ", how late is not known".to_owned() };
    };
    let parts = [("timer", lags.timer.p99), ("dispatch", lags.dispatch.p99)];
    let parts = parts.iter().filter_map(|(part, lag)| Some(format!("{part} {}", figure::ms((*lag)?))));
    let parts = parts.collect::<Vec<_>>().join(", ");
    let parts = if parts.is_empty() { parts } else { format!(" ({parts})") };
    format!(", 99% of them within {} of their planned time{parts}", figure::ms(own))
}

/// How a reason of that weight is meant.
pub(crate) fn tone_of(weight: ValidityVerdict) -> Tone {
    match weight {
        ValidityVerdict::Valid => Tone::Plain,
        ValidityVerdict::Degraded => Tone::Warn,
        ValidityVerdict::Invalid => Tone::Bad,
    }
}

/// How wrong this tool itself is on the machine of a run, in a line.
pub(crate) fn describe_own_error(quoted: Option<&OwnError>) -> (Tone, String) {
    let Some(OwnError { measured_at, faithful, error_ms }) = quoted else {
        let none =
            "this machine's own error: not known, there was no selftest of it with this version (hopmark selftest)";
        return (Tone::Quiet, none.to_owned());
    };
    let bound = format!("{FAITHFUL_MS} ms");
    let made = format!("(selftest of {})", figure::moment(measured_at));
    if faithful.streams == 0 {
        return (
            Tone::Warn,
            format!("this machine's own error: not under {bound} (p99) even at the smallest load tried {made}"),
        );
    }
    let up_to = format!(
        "under {bound} (p99) up to {} streams and {} events a second",
        figure::count(faithful.streams.into()),
        figure::count(faithful.events_per_s as u64)
    );
    let there = error_ms.ttft.map_or(String::new(), |error| {
        format!("; there TTFT is read {} (p50) and {} (p99) too long", figure::ms(error.p50), figure::ms(error.p99))
    });
    (Tone::Plain, format!("this machine's own error: {up_to}{there} {made}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::selftest::{Faithful, fixture};

    #[test]
    fn a_selftest_is_quoted_in_a_line_and_its_absence_is_said() {
        let quote = fixture::selftest().quote(&fixture::machine()).expect("the same machine");
        let (tone, text) = describe_own_error(Some(&quote));
        assert_eq!(
            (tone, text.replace('\u{202f}', " ").as_str()),
            (
                Tone::Plain,
                "this machine's own error: under 5 ms (p99) up to 100 streams and 4 384 events a second; there TTFT \
                 is read 0.090 ms (p50) and 0.900 ms (p99) too long (selftest of 2026-09-30 08:15:00 UTC)"
            )
        );
        let (tone, text) = describe_own_error(Some(&OwnError { faithful: Faithful::default(), ..quote }));
        assert!(tone == Tone::Warn && text.contains("not under 5 ms"), "{text}");
        let (tone, text) = describe_own_error(None);
        assert!(tone == Tone::Quiet && text.contains("not known") && text.contains("hopmark selftest"), "{text}");
    }
}
