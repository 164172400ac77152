//! What one call counts as: its figure, as far as it is known, and whether a share counts it.

use crate::analysis::input::population::{Value, failed, observed_ms, value_ms};
use crate::measure::counts::Counts;
use crate::measure::metric::{Basis, Metric};
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::objective::indicator::{Quantity, Share, is_of_connecting};
use crate::objective::objective::CallCondition;
use crate::units::Nanos;

/// When a call was due, in seconds of the clock.
pub(crate) fn seconds(sample: &Sample) -> f64 {
    sample.stamps.intended.since(Nanos(0)).as_secs_f64()
}

/// What is known of a figure of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// The least that it can be.
    pub(crate) least: f64,
    /// The most; infinite where it is only known to be longer than the call was waited for.
    pub(crate) most: f64,
}

/// The figure of a call; `None` if it has none.
///
/// The rate of a stream that was given up after it began to bring content is not known at all, and stands among the
/// others with anything from nothing up: left out it would make the rest look faster.
pub(crate) fn figure(sample: &Sample, quantity: Quantity, basis: Basis) -> Option<Bounds> {
    match quantity {
        Quantity::Time(metric) => Some(match observed_ms(sample, metric, basis)? {
            Value::Known(ms) => Bounds { least: ms, most: ms },
            Value::Beyond(ms) => Bounds { least: ms, most: f64::INFINITY },
        }),
        Quantity::TokensPerSecond => match value_ms(sample, Metric::Tpot, basis) {
            Some(ms) if ms > 0.0 => Some(Bounds { least: 1e3 / ms, most: 1e3 / ms }),
            Some(_) => None,
            None => stalled(sample).then_some(Bounds { least: 0.0, most: f64::INFINITY }),
        },
    }
}

fn stalled(sample: &Sample) -> bool {
    let given_up = matches!(sample.outcome.error(), Some(ErrorClass::TimeoutGap | ErrorClass::TimeoutTotal));
    given_up && sample.stream && sample.stamps.first_content.is_some()
}

/// Which calls a share counts.
pub(crate) struct Counting<'a> {
    /// The share.
    pub(crate) share: Share,
    /// What a call must keep, for goodput.
    pub(crate) per_call: &'a [CallCondition],
    /// From which instant times count.
    pub(crate) basis: Basis,
}

impl Counting<'_> {
    /// Whether the call counts at all, and whether it is one of those.
    pub(crate) fn hit(&self, sample: &Sample) -> Option<bool> {
        let failed = failed(sample)?;
        Some(match self.share {
            Share::Errors => failed,
            Share::Status(status) => sample.status == Some(status),
            Share::StatusClass(class) => sample.status.is_some_and(|status| status / 100 == class),
            Share::ConnectFailures => sample.outcome.error().is_some_and(is_of_connecting),
            Share::Unanswered => failed && sample.status.is_none(),
            Share::Goodput => !failed && self.per_call.iter().all(|condition| self.keeps(sample, condition)),
        })
    }

    /// Whether a call keeps a condition; one that does not have the figure has nothing to keep.
    fn keeps(&self, sample: &Sample, condition: &CallCondition) -> bool {
        let Some(bounds) = figure(sample, condition.quantity, self.basis) else { return true };
        condition.comparator.is_met(bounds.least, condition.limit)
            && condition.comparator.is_met(bounds.most, condition.limit)
    }

    /// How many of all calls counted are hits, and how many there are; `None` where single calls must be looked at.
    pub(crate) fn of_all(&self, all: &Counts) -> Option<(u64, u64)> {
        let (bad, tried) = all.failures();
        let hits = match self.share {
            Share::Errors => bad,
            Share::Status(status) => all.with_status(|own| own == status),
            Share::StatusClass(class) => all.with_status(|own| own / 100 == class),
            Share::ConnectFailures => all.ended(|outcome| {
                outcome.counts_as_failed() == Some(true) && outcome.error().is_some_and(is_of_connecting)
            }),
            Share::Unanswered => all.unanswered,
            Share::Goodput if self.per_call.is_empty() => tried - bad,
            Share::Goodput => return None,
        };
        Some((hits, tried))
    }
}
