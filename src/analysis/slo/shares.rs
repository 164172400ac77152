//! Shares of calls: failures, statuses, connections, goodput; each with Wilson's interval.
//!
//! A share is of the calls that were sent and ended. Arrivals that were dropped and calls that the end of the run cut
//! off are nobody's failure.

use crate::analysis::input::call_figure::{Counting, figure, seconds};
use crate::analysis::input::population::failed;
use crate::analysis::slo::exceedance::Exceedances;
use crate::analysis::slo::observation::{Limit, Observation};
use crate::analysis::stats::basic::{design_effect, wilson};
use crate::measure::sample::Sample;
use crate::objective::objective::CallCondition;

impl Counting<'_> {
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

    /// The share of these calls, which are in the order of time; or of `all`, hits and calls, if not every one has a row:
    /// then rows tell only how much they hang together.
    pub(crate) fn observe(&self, own: &[&Sample], all: Option<(u64, u64)>, limit: Limit) -> Observation {
        if let Some(condition) = self.without_data(own) {
            return Observation::nothing(format!("no call has the figure that '{}' needs", condition.text));
        }
        let hits: Vec<(f64, f64)> =
            own.iter().filter_map(|s| Some((seconds(s), f64::from(u8::from(self.hit(s)?))))).collect();
        let (many, n) = match all {
            Some((many, n)) => (many as f64, n as f64),
            None => (hits.iter().map(|(_, hit)| hit).sum(), hits.len() as f64),
        };
        let effect = design_effect(&hits);
        let ci = wilson(many / effect, n / effect);
        Observation::of(n as usize, (n > 0.0).then(|| many / n), (ci.map(|ci| ci.0), ci.map(|ci| ci.1)))
            .because((n == 0.0).then(|| "no call was made".to_owned()))
            .counting(exceedances(many as u64, n as u64, effect, limit))
    }
}

/// Of `hits` among `of` trials those that speak against a share on this side of the limit.
fn exceedances(hits: u64, of: u64, effect: f64, limit: Limit) -> Exceedances {
    let (beyond, allowed) =
        if limit.comparator.is_upper() { (hits, limit.value) } else { (of - hits, 1.0 - limit.value) };
    Exceedances { beyond, of, allowed, effect }
}

/// The difference of two independent shares with the interval of Newcombe (1998), made of Wilson's; for calls that
/// fail together on both paths it is too wide rather than too narrow.
pub(crate) fn difference(own: &Observation, other: &Observation) -> Observation {
    let n = own.n.min(other.n);
    let (Some(p1), Some(p2)) = (own.estimate.value, other.estimate.value) else {
        return Observation::nothing("one of the two paths has no call");
    };
    let (Some((l1, u1)), Some((l2, u2))) = (own.estimate.interval(), other.estimate.interval()) else {
        return Observation::nothing("one of the two paths has no interval");
    };
    let shift = p1 - p2;
    let low = shift - ((p1 - l1).powi(2) + (u2 - p2).powi(2)).sqrt();
    let high = shift + ((u1 - p1).powi(2) + (p2 - l2).powi(2)).sqrt();
    let reason = own.reason.clone().or_else(|| other.reason.clone());
    Observation::of(n, Some(shift), (Some(low), Some(high))).because(reason)
}
