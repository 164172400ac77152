//! `hgrm/*.hgrm`: percentile distributions as text, in the form of HdrHistogram's `outputPercentileDistribution`, which
//! its plotting page opens. Milliseconds of successful calls.

use std::fmt::Write;
use std::path::PathBuf;

use hdrhistogram::Histogram;

use crate::analysis::Analysis;
use crate::report::export::values::{Series, kept, series};
use crate::run::Run;

/// Steps for each halving of the distance to the end, as HdrHistogram's own default.
const STEPS_A_HALF: u32 = 5;
const NS_PER_MS: f64 = 1e6;

/// A file for every metric of every path that has values.
pub(crate) fn render(run: &Run, analysis: &Analysis) -> Vec<(PathBuf, Vec<u8>)> {
    let kept = kept(run);
    let one = |series: Series<'_>| {
        let beyond = series.summary.why_beyond();
        (series.file(run, "hgrm"), distribution(&series.histogram(run, &kept), beyond.as_deref()).into_bytes())
    };
    series(analysis).map(one).collect()
}

fn distribution(values: &Histogram<u64>, beyond: Option<&str>) -> String {
    let ms = |ns: u64| ns as f64 / NS_PER_MS;
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut count = 0;
    for step in values.iter_quantiles(STEPS_A_HALF) {
        count += step.count_since_last_iteration();
        let (value, q) = (ms(step.value_iterated_to()), step.quantile_iterated_to());
        // Writing into memory does not fail.
        let _ = if q < 1.0 {
            writeln!(text, "{value:>12.3} {q:>14.12} {count:>10} {:>14.2}", 1.0 / (1.0 - q))
        } else {
            writeln!(text, "{value:>12.3} {q:>14.12} {count:>10}")
        };
    }
    let (mean, deviation) = (values.mean() / NS_PER_MS, values.stdev() / NS_PER_MS);
    let _ = writeln!(text, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]");
    let _ = writeln!(text, "#[Max     = {:>12.3}, Total count    = {:>12}]", ms(values.max()), values.len());
    let sub_buckets = 2 * 10u32.pow(values.sigfig().into());
    let _ = writeln!(
        text,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        values.buckets(),
        sub_buckets.next_power_of_two()
    );
    if let Some(beyond) = beyond {
        let _ = writeln!(text, "#[Not in this file: {beyond}]");
    }
    text
}
