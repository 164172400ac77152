//! How long a plan must measure: so that its objectives can be decided, or so that it shows a shift of a given size.
//!
//! Arrivals are those that the plan will send, so what is counted here is what will come. Nothing is sent.

use std::time::Duration;

use anyhow::anyhow;

use crate::analysis::sizing::Spread;
use crate::analysis::sizing::needs::{self, Need};
use crate::plan::Plan;
use crate::report::figure;
use crate::runner::failure::{Failure, RunResult};
use crate::units::{Phase, Quantile, Span};
use crate::workload::Workload;

/// The longest time that a plan is lengthened to by itself.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The least that a plan measures for a shift, so that its intervals stand on blocks enough.
const LEAST: Duration = Duration::from_secs(30);

/// A shift beyond it is none that a way to a model adds.
const LARGEST_SHIFT: Duration = Duration::from_secs(60);

/// More calls than this are estimated by the rate, not counted one by one.
const COUNTED: f64 = 3e6;

/// For which shift a plan was sized, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SizedFor {
    /// The shift of the median time to first token, ms.
    pub(crate) shift_ms: f64,
    /// Rounds, or calls on each path, that it takes.
    pub(crate) calls_a_path: u64,
}

/// Measured calls of each path; `None` where nobody knows before.
pub(crate) fn measured_calls(plan: &Plan, workload: &Workload) -> Option<Vec<u64>> {
    if plan.concurrency() > 0 {
        return None;
    }
    if let Some(calls) = plan.expected_calls().filter(|calls| *calls > COUNTED) {
        let measured = plan.load.duration.0.as_secs_f64() / plan.measure_until().as_secs_f64();
        return Some(vec![(calls * measured / plan.paths.len() as f64) as u64; plan.paths.len()]);
    }
    let allowed = plan.limits.requests.unwrap_or(u64::MAX);
    let mut measured = vec![0u64; plan.paths.len()];
    for ticket in plan.tickets(workload.arrivals(), 0, 1).take_while(|ticket| ticket.seq.0 < allowed) {
        measured[ticket.path.index()] += u64::from(ticket.phase == Phase::Measure);
    }
    Some(measured)
}

/// What the plan's objectives need, beside what is planned.
pub(crate) fn needs_of(plan: &Plan, workload: &Workload) -> Vec<Need> {
    needs::of_plan(plan, measured_calls(plan, workload).as_deref())
}

/// The same, and what helps where too few are planned.
pub(crate) fn needs_with_remedies(plan: &Plan, workload: &Workload) -> Vec<(Need, Option<String>)> {
    let remedied = |need: Need| {
        let remedy = (need.is_short() && need.needs.is_some()).then(|| remedy(plan, workload, &need));
        (need, remedy)
    };
    needs_of(plan, workload).into_iter().map(remedied).collect()
}

/// What decides an objective of which too few calls, windows or seconds are planned: a flag, or what must change.
fn remedy(plan: &Plan, workload: &Workload, need: &Need) -> String {
    let Some(duration) = duration_for(plan, workload, std::iter::once(need)) else {
        let no_rate = plan.load.model.rate().is_none();
        let trace = "a longer trace or a larger workload.time_scale decides it";
        return if no_rate { trace } else { "that takes more than a day at this rate; a higher --rate decides it" }
            .to_owned();
    };
    let duration = duration.max(plan.load.duration.0);
    let calls = calls_with(plan, duration).zip(plan.limits.requests).filter(|(calls, limit)| calls > limit);
    let requests = calls.map(|(calls, _)| format!("--requests {calls}"));
    match (duration > plan.load.duration.0, requests) {
        (true, Some(requests)) => format!("--duration {} with {requests} decides it", Span(duration)),
        (false, Some(requests)) => format!("{requests} decides it"),
        (_, None) => format!("--duration {} decides it", Span(duration)),
    }
}

/// The measured time with which the plan brings what all of `needs` ask for that any number decides, without the limit on
/// calls; `None` where a longer time does not help or takes more than a day.
pub(crate) fn duration_for<'a>(
    plan: &Plan,
    workload: &Workload,
    needs: impl Iterator<Item = &'a Need>,
) -> Option<Duration> {
    let (mut calls, mut seconds) = (0, 0.0f64);
    for need in needs {
        calls = need.calls_in_all().max(calls);
        seconds = need.seconds().max(seconds);
    }
    duration_of(plan, workload, calls, seconds)
}

/// The measured time, at least so many seconds, in which each path gets so many calls.
fn duration_of(plan: &Plan, workload: &Workload, calls: u64, seconds: f64) -> Option<Duration> {
    if calls == 0 {
        return Some(round_up(seconds)).filter(|time| *time <= LONGEST);
    }
    let rate = plan.load.model.rate()?.0;
    let a_path = if plan.load.design == crate::plan::Design::Paired { rate } else { rate / plan.paths.len() as f64 };
    let mut longer = plan.clone();
    longer.limits.requests = None;
    let mut wanted = (calls as f64 / a_path).max(seconds);
    while wanted <= LONGEST.as_secs_f64() {
        longer.load.duration = Span(round_up(wanted));
        let fewest = measured_calls(&longer, workload)?.into_iter().min()?;
        if fewest >= calls {
            return Some(longer.load.duration.0);
        }
        wanted = longer.load.duration.0.as_secs_f64() + ((calls - fewest) as f64 / a_path).max(1.0);
    }
    None
}

/// A time that people would write: whole 5 seconds, from two minutes on whole half minutes, from an hour on ten minutes.
fn round_up(seconds: f64) -> Duration {
    let step = match seconds {
        s if s <= 120.0 => 5.0,
        s if s <= 3_600.0 => 30.0,
        _ => 600.0,
    };
    Duration::from_secs_f64((seconds / step - 1e-9).ceil().clamp(1.0, 1e7) * step)
}

/// Calls in all, warmup included, of a plan that measures so long; `None` where nobody knows before.
pub(crate) fn calls_with(plan: &Plan, duration: Duration) -> Option<u64> {
    let mut longer = plan.clone();
    (longer.load.duration, longer.limits.requests) = (Span(duration), None);
    // Arrivals are random: three standard deviations more.
    longer.expected_calls().map(|calls| (calls + 3.0 * (calls * plan.paths.len() as f64).sqrt()).ceil() as u64)
}

/// Lengthens a plan until its objectives can be decided; never shortens it, and leaves it where that does not help.
pub(crate) fn for_objectives(plan: &mut Plan, workload: &Workload) {
    let needs = needs_of(plan, workload);
    let decidable = needs.iter().filter(|need| need.needs.is_some());
    if let Some(duration) = duration_for(plan, workload, decidable) {
        plan.load.duration = plan.load.duration.max(Span(duration));
    }
}

/// Gives a plan the time in which it shows a shift of the median time to first token, and decides its objectives.
///
/// # Errors
/// [`Failure::Usage`], in a sentence, when no reasonable run shows such a shift, or the limits end it before.
pub(crate) fn for_shift(plan: &mut Plan, workload: &Workload, spread: &Spread, shift: Span) -> RunResult<SizedFor> {
    let refused = |why: String| Failure::Usage(anyhow!("--for {shift}: {why}"));
    if shift == Span::default() || shift.0 > LARGEST_SHIFT {
        return Err(refused("it takes the shift to be shown, above 0 and at most 60s, such as --for 6ms".to_owned()));
    }
    if plan.paths.len() < 2 {
        return Err(refused("a single path has nothing to compare with; add a second path".to_owned()));
    }
    if plan.load.model.rate().is_none() {
        let why = "only a load with a rate can be sized: how many calls callers or a trace make is not a matter of time \
                   alone; give the load a rate, or say --duration";
        return Err(refused(why.to_owned()));
    }
    let shift_ms = shift.0.as_secs_f64() * 1e3;
    let calls = spread.calls_to_show(shift_ms, Quantile::MEDIAN, plan.paths.len() - 1);
    let mut needs = needs::of_plan(plan, None);
    needs.retain(|need| need.needs.is_some());
    let most = needs.iter().map(Need::calls_in_all).max().unwrap_or(0).max(calls);
    let seconds = needs.iter().map(Need::seconds).fold(LEAST.as_secs_f64(), f64::max);
    let duration = duration_of(plan, workload, most, seconds).ok_or_else(|| {
        let rate = plan.load.model.rate().map_or(0.0, |rate| rate.0);
        let takes = figure::seconds(most as f64 / rate.max(1e-9));
        refused(format!(
            "that takes {} calls on each path, {takes} at {rate}/s, and a run is sized to a day at most; ask for a larger \
             shift or raise the rate",
            figure::count(most)
        ))
    })?;
    check_limits(plan, duration).map_err(refused)?;
    plan.load.duration = Span(duration);
    Ok(SizedFor { shift_ms, calls_a_path: calls })
}

/// That the limit on calls leaves room for so long a run.
fn check_limits(plan: &Plan, duration: Duration) -> Result<(), String> {
    let (Some(limit), Some(calls)) = (plan.limits.requests, calls_with(plan, duration)) else { return Ok(()) };
    if calls <= limit {
        return Ok(());
    }
    let calls = figure::count(calls);
    Err(format!(
        "that takes about {calls} calls in {}, and limits.requests = {limit} ends the run earlier; raise the limit \
         (--requests) or ask for a larger shift",
        Span(duration)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::objective::Objective;
    use crate::run::fixture;
    use crate::units::Rate;

    fn plan_with(objectives: &[&str], rate: f64) -> (Plan, Workload) {
        let mut plan = fixture::plan(&["direct", "gateway"]);
        let objective = |expr: &&str| Objective::new("gateway", expr.parse().expect(expr));
        plan.objectives = objectives.iter().map(objective).collect();
        if let crate::plan::LoadModel::Open { rate: own, .. } = &mut plan.load.model {
            *own = Some(Rate(rate));
        }
        let workload = Workload::load(&plan.workload, plan.seed).expect("a workload");
        (plan, workload)
    }

    fn spread() -> Spread {
        Spread::assumed(Some(0.45), Some(200.0))
    }

    #[test]
    fn a_plan_is_as_long_as_its_objectives_need_and_no_longer() {
        for (exprs, rate, seconds) in [
            (&["error_rate < 1%"][..], 5.0, 60..=90),
            (&["error_rate < 1%", "ttft.p95 < 3s"], 50.0, 60..=60),
            (&["ttft.p99.9 < 3s"], 20.0, 150..=180),
            (&["ttft.p95 over 1m < 3s in 90%"], 5.0, 1_740..=1_740),
            (&["error_rate <= 0%"], 5.0, 60..=60),
            (&[], 5.0, 60..=60),
        ] {
            let (mut plan, workload) = plan_with(exprs, rate);
            for_objectives(&mut plan, &workload);
            let measured = plan.load.duration.0.as_secs();
            assert!(seconds.contains(&measured), "{exprs:?}: {measured} s");
            let open: Vec<Need> =
                needs_of(&plan, &workload).into_iter().filter(|need| need.is_short() && need.needs.is_some()).collect();
            assert!(open.is_empty(), "{open:?}");
        }
    }

    #[test]
    fn a_plan_for_a_shift_grows_with_the_square_of_its_smallness() {
        let calls = |shift: Span| {
            let (mut plan, workload) = plan_with(&[], 5.0);
            let sized = for_shift(&mut plan, &workload, &spread(), shift).expect("a size");
            let measured = measured_calls(&plan, &workload).expect("an open load");
            assert!(measured.iter().all(|calls| *calls >= sized.calls_a_path), "{measured:?} {sized:?}");
            (sized.calls_a_path as f64, plan.load.duration)
        };
        let (large, small) = (calls(Span::from_millis(20)), calls(Span::from_millis(5)));
        assert!((10.0..20.0).contains(&(small.0 / large.0)), "{large:?} {small:?}");
        assert_eq!(calls(Span::from_secs(30)).1, Span::from_secs(30), "blocks enough");
    }

    #[test]
    fn an_objective_counts_beside_the_shift() {
        let (mut plan, workload) = plan_with(&["ttft.p99.9 < 3s"], 20.0);
        for_shift(&mut plan, &workload, &spread(), Span::from_millis(500)).expect("a size");
        assert!(needs_of(&plan, &workload).iter().all(|need| !need.is_short()), "{:?}", plan.load.duration);
    }

    #[test]
    fn what_no_reasonable_run_shows_is_refused_in_a_sentence() {
        let refusal = |change: fn(&mut Plan), shift: Span| {
            let (mut plan, workload) = plan_with(&[], 5.0);
            change(&mut plan);
            let before = plan.clone();
            let failure = for_shift(&mut plan, &workload, &spread(), shift).expect_err("refused");
            assert_eq!(plan, before, "a refused plan is as it was");
            failure.error().to_string()
        };
        let closed = |plan: &mut Plan| {
            plan.load.model = crate::plan::LoadModel::Closed { concurrency: 4, think_time: Span::default() };
        };
        let table: [(String, &str); 6] = [
            (refusal(|_| (), Span::default()), "above 0"),
            (refusal(|_| (), Span::from_secs(3_600)), "at most 60s"),
            (refusal(|_| (), Span(Duration::from_nanos(1))), "a day at most"),
            (refusal(|plan| plan.paths.truncate(1), Span::from_millis(6)), "second path"),
            (refusal(closed, Span::from_millis(6)), "load with a rate"),
            (refusal(|plan| plan.limits.requests = Some(300), Span::from_millis(6)), "limits.requests = 300"),
        ];
        for (said, part) in table {
            assert!(said.starts_with("--for ") && said.contains(part), "'{part}' in '{said}'");
        }
    }
}
