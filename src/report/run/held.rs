//! What was held, in words: "0 of 358 calls above 3 s", "2 of 2 windows within 800 ms".

use crate::analysis::ObjectiveResult;
use crate::analysis::slo::Exceedances;
use crate::measure::metric::Metric;
use crate::objective::expression::{Comparator, Subject};
use crate::objective::indicator::{Indicator, Quantity, Share, Unit};
use crate::report::figure;

/// How many calls or windows kept the limit of an objective, or did not; `None` where none were counted.
pub(crate) fn describe_count(result: &ObjectiveResult) -> Option<String> {
    let seen = result.exceedances.filter(|seen| seen.of > 0)?;
    let expr = &result.objective.expr;
    match &expr.subject {
        Subject::Level(Indicator::Figure(..)) => {
            let beyond = if expr.comparator.is_upper() { "above" } else { "below" };
            let noun = if is_of_gaps(expr.indicator()) { "gaps" } else { "calls" };
            Some(format!("{} {noun} {beyond} {}", part(seen.beyond, &seen), limit(expr.unit(), expr.limit)))
        }
        Subject::Level(Indicator::Share(share)) => {
            let hits = if expr.comparator.is_upper() { seen.beyond } else { seen.of - seen.beyond };
            Some(format!("{} calls {}", part(hits, &seen), what_happened(*share)))
        }
        Subject::Windows { indicator, comparator, limit: within, .. } => {
            let side = match comparator {
                Comparator::Less | Comparator::LessOrEqual => "within",
                Comparator::Greater | Comparator::GreaterOrEqual => "above",
            };
            let kept = part(seen.of - seen.beyond, &seen);
            Some(format!("{kept} windows {side} {}", limit(indicator.unit(), *within)))
        }
        Subject::Ratio(..) | Subject::Difference(..) => None,
    }
}

fn part(count: u64, seen: &Exceedances) -> String {
    format!("{} of {}", figure::count(count), figure::count(seen.of))
}

fn is_of_gaps(indicator: Indicator) -> bool {
    matches!(indicator, Indicator::Figure(Quantity::Time(Metric::ChunkGap), _))
}

fn what_happened(share: Share) -> String {
    match share {
        Share::Errors => "failed".to_owned(),
        Share::Status(status) => format!("answered {status}"),
        Share::StatusClass(class) => format!("answered {class}xx"),
        Share::ConnectFailures => "got no connection".to_owned(),
        Share::Unanswered => "got no answer".to_owned(),
        Share::Goodput => "kept every condition".to_owned(),
    }
}

/// A limit as people write it: `3 s` rather than `3,000 ms`.
fn limit(unit: Unit, value: f64) -> String {
    // Without the dust of binary fractions.
    let bare = |value: f64| format!("{}", (value * 1e6).round() / 1e6);
    match unit {
        Unit::Ms if value >= 1e3 => format!("{} s", bare(value / 1e3)),
        Unit::Ms => format!("{} ms", bare(value)),
        Unit::Share => format!("{}%", bare(1e2 * value)),
        Unit::TokensPerSecond => format!("{} tokens/s", bare(value)),
        Unit::Ratio => bare(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyse;
    use crate::objective::objective::Objective;
    use crate::run::fixture::World;

    #[test]
    fn every_kind_of_objective_says_what_was_counted() {
        let mut run = World { seconds: 120.0, ..World::default() }.run();
        let calls = run.samples.iter().filter(|sample| sample.path.0 == 2).count();
        let of = format!("of {}", figure::count(calls as u64));
        let table = [
            ("ttft.p95 < 3s", format!("0 {of} calls above 3 s")),
            ("ttft.p99 <= 1500ms", format!("0 {of} calls above 1.5 s")),
            ("ttft.p50 > 20ms", format!("0 {of} calls below 20 ms")),
            ("tokens_per_second.p5 > 50", format!("0 {of} calls below 50 tokens/s")),
            ("error_rate < 1%", format!("0 {of} calls failed")),
            ("rate_429 < 1%", format!("0 {of} calls answered 429")),
            ("rate_5xx < 1%", format!("0 {of} calls answered 5xx")),
            ("connect_failure_rate < 1%", format!("0 {of} calls got no connection")),
            ("unanswered_rate < 1%", format!("0 {of} calls got no answer")),
            ("goodput >= 99%", format!("{} {of} calls kept every condition", figure::count(calls as u64))),
            ("ttft.p50 over 1m < 3s in 100%", "2 of 2 windows within 3 s".to_owned()),
            ("error_rate over 1m < 5% in 90%", "2 of 2 windows within 5%".to_owned()),
            ("tokens_per_second.p50 over 1m > 50 in 90%", "2 of 2 windows above 50 tokens/s".to_owned()),
        ];
        let objective = |expr: &str| {
            let mut objective = Objective::new("gateway", expr.parse().expect(expr));
            if expr.starts_with("goodput") {
                objective.per_call = vec!["ttft < 10s".parse().expect("a condition")];
            }
            objective
        };
        run.manifest.plan.objectives = table.iter().map(|(expr, _)| objective(expr)).collect();
        for (result, (expr, expected)) in analyse(&run).objectives.iter().zip(&table) {
            assert_eq!(describe_count(result).as_ref(), Some(expected), "{expr}");
        }
        let uncounted = ["ttft.mean < 3s", "e2e.max < 9s", "ttft.p50 < 2 * direct.ttft.p50"];
        run.manifest.plan.objectives = uncounted.map(objective).to_vec();
        assert!(analyse(&run).objectives.iter().all(|result| describe_count(result).is_none()));
    }
}
