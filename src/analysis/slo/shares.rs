//! Shares of calls: failures, statuses, connections, goodput; each with Wilson's interval.
//!
//! A share is of the calls that were sent and ended. Arrivals that were dropped and calls that the end of the run cut
//! off are nobody's failure.

use crate::analysis::input::population::failed;
use crate::analysis::slo::figures::{figure, seconds};
use crate::analysis::slo::seen::Seen;
use crate::analysis::stats::basic::{design_effect, normal_quantile, wilson};
use crate::measure::counts::Counts;
use crate::measure::metric::Basis;
use crate::measure::sample::Sample;
use crate::objective::indicator::{Share, is_of_connecting};
use crate::objective::objective::CallCondition;

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
        condition.comparator.holds(bounds.least, condition.limit)
            && condition.comparator.holds(bounds.most, condition.limit)
    }

    /// The condition that no successful call has the figure for, if there is one.
    fn without_data(&self, own: &[&Sample]) -> Option<&CallCondition> {
        let mut ok = own.iter().filter(|sample| failed(sample) == Some(false)).peekable();
        ok.peek()?;
        let ok: Vec<_> = ok.collect();
        let none = |condition: &&CallCondition| {
            ok.iter().all(|sample| figure(sample, condition.quantity, self.basis).is_none())
        };
        self.per_call.iter().find(none)
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

    /// The share of these calls, which are in the order of time; or of `all`, hits and calls, if not every one has a row:
    /// then rows tell only how much they hang together.
    pub(crate) fn seen(&self, own: &[&Sample], all: Option<(u64, u64)>) -> Seen {
        if let Some(condition) = self.without_data(own) {
            return Seen::nothing(format!("no call has what '{}' looks at", condition.text));
        }
        let hits: Vec<(f64, f64)> =
            own.iter().filter_map(|s| Some((seconds(s), f64::from(u8::from(self.hit(s)?))))).collect();
        let (many, n) = match all {
            Some((many, n)) => (many as f64, n as f64),
            None => (hits.iter().map(|(_, hit)| hit).sum(), hits.len() as f64),
        };
        let effect = design_effect(&hits);
        let ci = wilson(many / effect, n / effect);
        Seen::of(n as usize, (n > 0.0).then(|| many / n), (ci.map(|ci| ci.0), ci.map(|ci| ci.1)))
            .because((n == 0.0).then(|| "no call was made".to_owned()))
    }
}

/// The difference of two independent shares with the interval of Newcombe (1998), made of Wilson's; for calls that
/// fail together on both paths it is too wide rather than too narrow.
pub(crate) fn difference(own: &Seen, other: &Seen) -> Seen {
    let n = own.n.min(other.n);
    let (Some(p1), Some(p2)) = (own.observed, other.observed) else {
        return Seen::nothing("one of the two paths has no call");
    };
    let ((Some(l1), Some(u1)), (Some(l2), Some(u2))) = (own.ci, other.ci) else {
        return Seen::nothing("one of the two paths has no interval");
    };
    let shift = p1 - p2;
    let low = shift - ((p1 - l1).powi(2) + (u2 - p2).powi(2)).sqrt();
    let high = shift + ((u1 - p1).powi(2) + (p2 - l2).powi(2)).sqrt();
    let reason = own.reason.clone().or_else(|| other.reason.clone());
    Seen::of(n, Some(shift), (Some(low), Some(high))).because(reason)
}

/// The fewest trials, all of them good, whose Wilson interval begins at `share` or above.
pub(crate) fn trials_for(share: f64) -> u64 {
    let z2 = normal_quantile(0.975).powi(2);
    (share * z2 / (1.0 - share).max(1e-9)).ceil() as u64
}
