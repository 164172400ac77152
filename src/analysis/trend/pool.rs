//! Runs of one plan at different hours, joined into one shift for each path.
//!
//! A single run knows how sure it is of its own minutes. How the shift varies from run to run only several runs can tell; the
//! interval here holds both (see [`crate::analysis::stats::pooled`]). Verdicts and gates use intervals that hold for all rows at
//! once with 95% (Bonferroni).

use serde::Serialize;

use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::Verdict;
use crate::analysis::conclusion::Conclusion;
use crate::analysis::stats::basic::{CONFIDENCE, student_quantile};
use crate::analysis::stats::pooled::{Estimate, Pooled, pool as join};
use crate::measure::metric::Metric;
use crate::objective::margin::{Margin, declared};
use crate::run::historical::{HistoricalRun, HistoricalShift};
use crate::units::Quantile;

/// The shifts of several runs, joined.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pool {
    /// The runs, in the order of time.
    pub runs: Vec<HistoricalRun>,
    /// One for each path, metric and quantile.
    pub shifts: Vec<PooledShift>,
}

/// One quantile of one metric of a path against the baseline, over all runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PooledShift {
    /// The path against which it stands.
    pub baseline: String,
    /// The path.
    pub candidate: String,
    /// The metric.
    pub metric: Metric,
    /// The quantile.
    pub quantile: Quantile,
    /// What each run measured.
    pub points: Vec<PoolPoint>,
    /// The mean over the runs of the baseline's own figure, milliseconds.
    pub baseline_ms: Option<f64>,
    /// All of them together; `None` with fewer than two.
    pub pooled: Option<Pooled>,
    /// The interval that holds for all rows at once with 95%.
    pub joint_ci_ms: Option<(f64, f64)>,
    /// The declared margin, in milliseconds.
    pub margin_ms: Option<f64>,
    /// Whether it is kept.
    pub gate: Gate,
    /// What can be said.
    pub verdict: Verdict,
}

/// What one run measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct PoolPoint {
    /// The run's place in [`Pool::runs`].
    pub run: usize,
    /// The shift, milliseconds.
    pub shift_ms: f64,
    /// Its 95% interval within the run.
    pub ci_ms: (f64, f64),
    /// Its standard error within the run.
    #[serde(skip)]
    pub error_ms: f64,
}

impl Pool {
    /// The paths that failed in the newest run.
    #[must_use]
    pub(crate) fn failed(&self) -> &[String] {
        self.runs.last().map_or(&[], |run| &run.failed)
    }

    /// What it comes to: missed if a gate failed or a path failed in the newest run.
    #[must_use]
    pub(crate) fn conclusion(&self) -> Conclusion {
        let mut shifts = self.shifts.iter();
        if !self.failed().is_empty() || self.shifts.iter().any(|shift| shift.gate == Gate::Failed) {
            Conclusion::Missed
        } else if self.shifts.is_empty()
            || shifts.any(|shift| shift.verdict == Verdict::Inconclusive || shift.gate == Gate::Open)
        {
            Conclusion::Inconclusive
        } else {
            Conclusion::Met
        }
    }
}

/// Joins runs of one plan, which must be in the order of time.
#[must_use]
pub(crate) fn pool(runs: Vec<HistoricalRun>, metrics: &[Metric], quantiles: &[Quantile], margins: &[Margin]) -> Pool {
    let mut asked: Vec<(String, String, Metric, Quantile)> = Vec::new();
    for metric in metrics {
        for quantile in quantiles {
            for shift in runs.iter().flat_map(|run| &run.shifts) {
                let key = (shift.baseline.clone(), shift.candidate.clone(), *metric, *quantile);
                if is_of(shift, &key) && !asked.contains(&key) {
                    asked.push(key);
                }
            }
        }
    }
    let level = 1.0 - (1.0 - CONFIDENCE) / asked.len().max(1) as f64;
    let shifts = asked.into_iter().map(|key| joined(&runs, key, level, margins)).collect();
    Pool { runs, shifts }
}

fn is_of(shift: &HistoricalShift, key: &(String, String, Metric, Quantile)) -> bool {
    (shift.metric, shift.quantile) == (key.2, key.3) && shift.baseline == key.0 && shift.candidate == key.1
}

fn joined(
    runs: &[HistoricalRun],
    key: (String, String, Metric, Quantile),
    level: f64,
    margins: &[Margin],
) -> PooledShift {
    let point = |(place, run): (usize, &HistoricalRun)| {
        let shift = run.shifts.iter().find(|shift| is_of(shift, &key))?;
        // What is left of the calls of a path that failed is not its shift.
        let failed = run.failed.iter().any(|path| *path == key.0 || *path == key.1);
        let error_ms = error(shift).filter(|_| !failed)?;
        Some(PoolPoint { run: place, shift_ms: shift.shift_ms, ci_ms: shift.ci_ms, error_ms })
    };
    let points: Vec<PoolPoint> = runs.iter().enumerate().filter_map(point).collect();
    let (baseline, candidate, metric, quantile) = key;
    let estimates: Vec<Estimate> =
        points.iter().map(|point| Estimate { value: point.shift_ms, error: point.error_ms }).collect();
    let pooled = join(&estimates);
    let own: Vec<f64> =
        points.iter().filter_map(|p| Some(runs[p.run].figure(&baseline, metric, quantile)?.ms)).collect();
    let baseline_ms = (!own.is_empty()).then(|| own.iter().sum::<f64>() / own.len() as f64);
    let joint_ci_ms = pooled.map(|pooled| pooled.interval(level));
    let margin = declared(margins, metric, quantile);
    let margin_ms = margin.zip(baseline_ms).map(|(margin, base)| margin.in_ms(base));
    let gate = match (margin, margin_ms) {
        (None, _) => Gate::Ungated,
        (Some(_), None) => Gate::Open,
        (Some(_), Some(margin)) => Gate::of(joint_ci_ms, margin),
    };
    let verdict = match (joint_ci_ms, margin_ms) {
        (None, _) => Verdict::Inconclusive,
        (Some(interval), Some(margin)) => Verdict::beside_margin(interval, margin),
        (Some((low, _)), None) if low > 0.0 => Verdict::Slower,
        (Some((_, high)), None) if high < 0.0 => Verdict::Faster,
        (Some(_), None) => Verdict::Inconclusive,
    };
    PooledShift {
        baseline,
        candidate,
        metric,
        quantile,
        points,
        baseline_ms,
        pooled,
        joint_ci_ms,
        margin_ms,
        gate,
        verdict,
    }
}

/// The standard error behind an interval of a run, which is as many of them wide as Student's distribution over its blocks
/// wants; `None` with too few blocks.
fn error(shift: &HistoricalShift) -> Option<f64> {
    let (low, high) = shift.ci_ms;
    let t = student_quantile(0.5 + CONFIDENCE / 2.0, shift.blocks.checked_sub(1).filter(|free| *free > 0)? as f64);
    Some((high - low) / (2.0 * t)).filter(|error| error.is_finite())
}

#[cfg(test)]
pub(crate) mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::run::historical::{Eligibility, Figure};

    /// Runs at different hours in which `gateway` was `shift` slower than `direct`, give or take `tau` from run to run and 1 ms
    /// within a run.
    pub(crate) fn repetitions(seed: u64, count: usize, shift: f64, tau: f64) -> Vec<HistoricalRun> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut normal = || rng.sample::<f64, _>(StandardNormal);
        (0..count).map(|place| repetition(place, shift + tau * normal() + normal())).collect()
    }

    fn repetition(place: usize, shift_ms: f64) -> HistoricalRun {
        let hour = 5 * place % 24;
        let figure = |path: &str, ms| Figure {
            path: path.to_owned(),
            metric: Metric::Ttft,
            basis: None,
            quantile: Quantile::MEDIAN,
            ms,
        };
        HistoricalRun {
            source: format!("run-{place:02}"),
            id: format!("run-{place:02}"),
            profile: "nightly".to_owned(),
            started_at: format!("2026-10-{:02}T{hour:02}:00:00Z", place + 1),
            at_s: 1.789e9 - 1.789e9 % 86_400.0 + 86_400.0 * place as f64 + 3_600.0 * hour as f64,
            tool_version: "0.1.0".to_owned(),
            eligibility: Eligibility::Sound,
            failed: Vec::new(),
            paths: vec!["direct".to_owned(), "gateway".to_owned()],
            figures: vec![figure("direct", 150.0), figure("gateway", 150.0 + shift_ms)],
            // 2.0227 is Student's 0.975 quantile with 39 degrees of freedom: a standard error of 1 ms.
            shifts: vec![HistoricalShift {
                baseline: "direct".to_owned(),
                candidate: "gateway".to_owned(),
                metric: Metric::Ttft,
                quantile: Quantile::MEDIAN,
                shift_ms,
                ci_ms: (shift_ms - 2.0227, shift_ms + 2.0227),
                blocks: 40,
            }],
            experiment: None,
        }
    }

    fn pooled(runs: Vec<HistoricalRun>, margins: &[&str]) -> Pool {
        let margins: Vec<Margin> = margins.iter().map(|text| text.parse().expect(text)).collect();
        pool(runs, &[Metric::Ttft, Metric::E2e], &[Quantile::MEDIAN, Quantile(0.95)], &margins)
    }

    fn codes(pool: &Pool) -> (u8, u8) {
        (pool.conclusion().exit_code(false), pool.conclusion().exit_code(true))
    }

    #[test]
    fn the_interval_over_runs_is_wider_than_any_of_one_when_runs_vary() {
        let judged = pooled(repetitions(1, 10, 6.0, 5.0), &[]);
        let [shift] = judged.shifts.as_slice() else { panic!("only TTFT p50 was measured: {judged:?}") };
        assert!((shift.points[0].error_ms - 1.0).abs() < 1e-3, "{shift:?}");
        let own = shift.pooled.expect("ten runs");
        let (low, high) = own.interval(CONFIDENCE);
        assert!(low < 6.0 && 6.0 < high && high - low > 5.0, "{own:?}");
        assert!((2.5..9.0).contains(&own.tau) && own.tau_interval.0 > 1.5, "{own:?}");
        let (from, until) = own.next.expect("range");
        assert!(until - from > 2.0 * (high - low), "a single next run varies more than the mean");
        let steady = pooled(repetitions(1, 10, 6.0, 0.0), &[]);
        let steady = steady.shifts[0].pooled.expect("ten runs");
        assert!(steady.tau < 1.0 && steady.interval(CONFIDENCE).1 - steady.interval(CONFIDENCE).0 < 2.5, "{steady:?}");
    }

    #[test]
    fn only_a_declared_margin_decides_the_exit_code() {
        let runs = || repetitions(2, 8, 20.0, 1.0);
        let open = pooled(runs(), &[]);
        assert_eq!(
            (open.shifts[0].verdict, open.shifts[0].gate, codes(&open)),
            (Verdict::Slower, Gate::Ungated, (0, 0))
        );
        for (margin, code, verdict) in [
            ("5%", (3, 3), Verdict::Slower),
            ("ttft.p50=10ms", (3, 3), Verdict::Slower),
            ("21ms", (0, 5), Verdict::SlowerWithinMargin),
            ("30%", (0, 0), Verdict::Equivalent),
        ] {
            let judged = pooled(runs(), &[margin]);
            assert_eq!((codes(&judged), judged.shifts[0].verdict), (code, verdict), "{margin}: {judged:?}");
        }
    }

    #[test]
    fn one_run_and_a_path_that_failed_are_not_passed_over() {
        assert_eq!(codes(&pooled(repetitions(3, 1, 6.0, 0.0), &["50%"])), (0, 5));
        assert_eq!(codes(&pooled(Vec::new(), &[])), (0, 5));
        let mut runs = repetitions(3, 9, 6.0, 0.0);
        runs[4].failed = vec!["gateway".to_owned()];
        runs[4].shifts[0].shift_ms = -900.0;
        let judged = pooled(runs.clone(), &["50%"]);
        assert_eq!((judged.shifts[0].points.len(), codes(&judged)), (8, (0, 0)), "no evidence, and long ago");
        runs[8].failed = vec!["gateway".to_owned()];
        assert_eq!(codes(&pooled(runs, &["50%"])), (3, 3));
    }
}
