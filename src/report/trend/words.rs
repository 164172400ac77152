//! The words of a series: what it is called, and what its verdict is.

use crate::analysis::trend::{Change, FEWEST, Series, TrendVerdict};
use crate::objective::margin::Size;
use crate::report::figure;
use crate::report::glyph::{FASTER, PERHAPS_SLOWER, SLOWER};
use crate::report::table::Tone;

/// Its figure: "TTFT p50".
pub(super) fn figure_name(series: &Series) -> String {
    format!("{} {}", series.metric.short(), series.quantile)
}

/// Its path and its figure.
pub(super) fn name(series: &Series) -> String {
    format!("{} {}", series.path, figure_name(series))
}

/// A margin.
pub(super) fn size(size: Size) -> String {
    match size {
        Size::Ms(ms) => figure::ms(ms),
        Size::Share(share) => figure::share(share),
    }
}

/// The interval of a change.
pub(super) fn interval(change: &Change) -> String {
    format!("[{}, {}]", figure::change(change.interval.0), figure::change(change.interval.1))
}

/// The verdict on it, and how that is meant.
pub(super) fn verdict(series: &Series) -> (Tone, String) {
    match series.verdict {
        TrendVerdict::Slower => (Tone::Bad, format!("{SLOWER} slower")),
        TrendVerdict::NewestSlower => (Tone::Bad, format!("{SLOWER} newest run slower")),
        TrendVerdict::SlowerWithinMargin => (Tone::Warn, format!("{PERHAPS_SLOWER} slower, within the margin")),
        TrendVerdict::Faster => (Tone::Good, format!("{FASTER} faster")),
        TrendVerdict::Steady => (Tone::Plain, "steady".to_owned()),
        TrendVerdict::Inconclusive => {
            let judged = series.points.iter().filter(|point| point.judged).count();
            match FEWEST.saturating_sub(judged) {
                0 => (Tone::Quiet, "not decided".to_owned()),
                more => (Tone::Quiet, format!("{more} more runs are needed")),
            }
        }
    }
}
