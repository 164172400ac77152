//! `hlog/*.hlog`: a HdrHistogram V2 interval log for every path and metric, for tools that do not know the tags of the
//! run's own `histograms.hlog`. Nanoseconds of successful calls, by the second in which a call ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::analysis::Analysis;
use crate::measure::histogram;
use crate::measure::metric::Metric;
use crate::measure::sample::Sample;
use crate::report::export::values::{Series, kept, series};
use crate::run::Run;
use crate::store::StoreError;
use crate::store::histograms::{Interval, untagged};

/// A file for every metric of every path that has values.
///
/// # Errors
/// When a histogram cannot be encoded.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Result<Vec<(PathBuf, Vec<u8>)>, StoreError> {
    let kept = kept(run);
    let started = OffsetDateTime::parse(&run.manifest.started_at, &Rfc3339).ok().map(SystemTime::from);
    let one = |series: Series<'_>| {
        let file = series.file(run, "hlog");
        let bytes = untagged(&file, started, &intervals(run, series, &kept))?;
        Ok((file, bytes))
    };
    series(analysis).map(one).collect()
}

/// The seconds of a metric. Of the gaps between chunks only the whole is known, and of any metric where not every call
/// has a row: one interval as long as the phase.
fn intervals(run: &Run, series: Series<'_>, kept: &[&Sample]) -> Vec<Interval> {
    if series.summary.metric == Metric::ChunkGap || run.totals.is_some() {
        let from = run.manifest.plan.measure_from().as_secs();
        let length = Duration::from_secs_f64(run.measured_s().max(0.001));
        return vec![Interval { second: from, length, values: series.histogram(run, kept) }];
    }
    let mut seconds: BTreeMap<u64, Histogram<u64>> = BTreeMap::new();
    for (second, ns) in series.of_calls(run, kept) {
        seconds.entry(second).or_insert_with(histogram::empty).saturating_record(ns);
    }
    let length = Duration::from_secs(1);
    seconds.into_iter().map(|(second, values)| Interval { second, length, values }).collect()
}
