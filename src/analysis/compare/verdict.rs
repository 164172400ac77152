//! From shifts and their draws to intervals, verdicts and the words for what is missing.

use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::gates::Gates;
use crate::analysis::compare::multiplicity::{Key, Levels};
use crate::analysis::compare::resampled::{Arm, Pair, ResampledPaths, minus};
use crate::analysis::compare::shift::{Candidate, Curve, CurvePoint, FailedShares, MeanShift, Open, ShiftRow, Verdict};
use crate::analysis::compare::survivors;
use crate::analysis::input::blocks::{Blocks, FOR_INTERVAL, FOR_VERDICT};
use crate::analysis::input::population::Connections;
use crate::analysis::stats::basic::{interval_needs, small_sample_factor};
use crate::analysis::stats::bootstrap::Values;
use crate::analysis::stats::interval::{Shift, band, widening};
use crate::analysis::stats::needed::{Needed, rounds_to_tell};
use crate::measure::quantile::is_supported;
use crate::objective::margin::declared_for_errors;
use crate::units::{PathId, Quantile};

/// Judges candidates.
pub(crate) struct Judge<'a> {
    /// The paths side by side.
    pub(crate) resampled: &'a ResampledPaths<'a>,
    /// The confidence at which single rows are judged.
    pub(crate) levels: &'a Levels,
    /// Where the margins stand.
    pub(crate) gates: Gates<'a>,
    /// Whether the run carried out its plan.
    pub(crate) complete: bool,
    /// The paths that failed.
    pub(crate) failing: &'a [PathId],
}

impl Judge<'_> {
    /// One candidate, judged; `place` is that of its pair among all.
    pub(crate) fn candidate(&self, place: usize, pair: &Pair) -> Candidate {
        let mut rows = Vec::new();
        for metric in 0..self.resampled.metrics.len() {
            rows.extend(pair.rows.iter().map(|q| self.row(pair, (place, metric, *q))));
        }
        let failures = self.failures(pair);
        if let Some(open) = survivors::against(pair, &failures, self.failing) {
            rows.iter_mut().for_each(|row| survivors::withhold(row, open, &failures));
        }
        Candidate {
            path: pair.candidate.path,
            rows,
            means: (0..self.resampled.metrics.len()).map(|metric| self.mean(pair, metric)).collect(),
            failures,
            goodput: self.resampled.goodput(pair),
            dominances: (0..self.resampled.metrics.len())
                .map(|metric| self.resampled.dominance(pair, metric))
                .collect(),
            connections: Vec::new(),
            interference: None,
            curves: (0..self.resampled.metrics.len()).filter_map(|metric| self.curve(pair, metric)).collect(),
        }
    }

    fn row(&self, pair: &Pair, key: Key) -> ShiftRow {
        let (_, metric, place) = key;
        let q = self.resampled.curve[place];
        let (base, cand) = (&pair.baseline.metrics[metric].values, &pair.candidate.metrics[metric].values);
        let shown = is_supported(base.n().min(cand.n()), q);
        let of = |values: &Values| values.quantile(q).filter(|_| shown);
        let shift_ms = of(cand).zip(of(base)).map(|(cand, base)| cand - base);
        let blocks = pair.filled[metric];
        let factor = small_sample_factor(blocks);
        let shift = pair.shifts[metric][place].as_ref();
        let joint_ci_ms = shift.map(|shift| shift.interval(factor * widening(self.levels.at(key), blocks)));
        let mut row = ShiftRow {
            metric: self.resampled.metrics[metric],
            quantile: Quantile(q),
            blocks,
            n_baseline: pair.baseline.metrics[metric].ok.n(),
            n_candidate: pair.candidate.metrics[metric].ok.n(),
            baseline_ms: of(base),
            shift_ms,
            shift_pct: shift_ms.zip(of(base).filter(|base| *base > 0.0)).map(|(shift, base)| 100.0 * shift / base),
            ci_ms: shift.map(|shift| shift.interval(factor)),
            ci_pct: shift.and_then(|_| pair.ratio(metric, place, q)).map(|ratio| {
                let (low, high) = ratio.interval(factor);
                (100.0 * low.exp_m1(), 100.0 * high.exp_m1())
            }),
            joint_ci_ms,
            needed_rounds: None,
            verdict: Verdict::Inconclusive,
            margin: None,
            gate_ms: None,
            gate: Gate::Ungated,
            open: None,
            reason: None,
        };
        self.decide(&mut row, pair, self.beyond(pair, metric, place));
        self.gates.judge_row(&mut row, self.resampled.blocks.rounds);
        row
    }

    fn decide(&self, row: &mut ShiftRow, pair: &Pair, beyond: Option<String>) {
        let fewest = row.n_baseline.min(row.n_candidate);
        let rounds = self.resampled.blocks.rounds;
        let Some((low, high)) = row.joint_ci_ms else {
            if beyond.is_some() {
                row.open = Some(Open::BeyondTimeout);
                row.reason = beyond;
                return;
            }
            let scarce = if row.n_candidate <= row.n_baseline { pair.candidate } else { pair.baseline };
            let few_calls = fewest < interval_needs(row.quantile.0);
            row.open = Some(if few_calls { Open::FewCalls } else { Open::FewBlocks });
            if let Some(why) = self.resampled.lengths.against(row.metric) {
                row.reason = Some(why.to_owned());
                return;
            }
            row.needed_rounds = self.rounds_for_interval(row, fewest);
            row.reason = Some(self.why_no_interval(row, &scarce.name, fewest));
            return;
        };
        if row.blocks < FOR_VERDICT {
            row.open = Some(Open::FewBlocks);
            row.needed_rounds = self.resampled.blocks.rounds_for_verdict(row.blocks);
            row.reason = Some(format!("{}, {FOR_VERDICT} are needed for a verdict", self.blocks_filled(row)));
        } else if !self.complete {
            row.open = Some(Open::Incomplete);
            row.reason = Some("the run is incomplete".to_owned());
        } else if self.resampled.blocks.fit < FOR_VERDICT {
            row.open = Some(Open::LongMemory);
            row.needed_rounds = self.resampled.blocks.rounds_for_verdict(row.blocks);
            let memory = self.resampled.blocks.describe_memory();
            row.reason = Some(format!("latencies {memory}, and {FOR_VERDICT} are needed for a verdict"));
        } else if low > 0.0 {
            row.verdict = Verdict::Slower;
        } else if high < 0.0 {
            row.verdict = Verdict::Faster;
        } else {
            let shift = row.shift_ms.unwrap_or(0.0);
            let reach = if shift >= 0.0 { shift - low } else { high - shift };
            row.needed_rounds = rounds_to_tell(rounds, reach, shift);
            row.open = Some(Open::HoldsZero);
            row.reason = Some("the interval contains zero".to_owned());
        }
    }

    /// Why the quantile of an arm is not known: it is one of a call that timed out, in the run or in any of the draws.
    fn beyond(&self, pair: &Pair, metric: usize, place: usize) -> Option<String> {
        let say = |arm: &Arm, what: &str| {
            let values = &arm.metrics[metric].values;
            let calls = format!("{} of {} calls of path '{}' timed out", values.beyond(), values.n(), arm.name);
            (values.beyond() > 0).then(|| format!("{what}: {calls}"))
        };
        let arms = || [pair.candidate, pair.baseline].into_iter();
        let hidden = arms().filter(|arm| arm.metrics[metric].values.quantile(self.resampled.curve[place]).is_none());
        let drawn = arms().filter(|arm| arm.metrics[metric].drawn[place].iter().any(|value| !value.is_finite()));
        let in_the_run = hidden.filter_map(|arm| say(arm, "beyond the timeout")).next();
        in_the_run.or_else(|| drawn.filter_map(|arm| say(arm, "too close to the timeout for an interval")).next())
    }

    fn rounds_for_interval(&self, row: &ShiftRow, fewest: usize) -> Option<Needed> {
        let for_blocks = self.resampled.blocks.rounds_for_verdict(row.blocks);
        let more = interval_needs(row.quantile.0) as f64 / fewest as f64;
        let rounds = self.resampled.blocks.rounds;
        let for_calls = if fewest > 0 { Needed::of(rounds, rounds as f64 * more) } else { None };
        [for_blocks, for_calls].into_iter().flatten().max_by_key(|needed| needed.total())
    }

    /// "12 blocks of 1.5 s", and how many of them count if not all do.
    fn blocks_filled(&self, row: &ShiftRow) -> String {
        let Blocks { count, length_s, .. } = self.resampled.blocks;
        if row.blocks == count {
            format!("{count} blocks of {length_s:.1} s")
        } else {
            format!("{} of {count} blocks of {length_s:.1} s contain a success on both paths", row.blocks)
        }
    }

    fn why_no_interval(&self, row: &ShiftRow, scarce: &str, fewest: usize) -> String {
        let connections = match self.resampled.connections {
            Connections::Reused => "on a connection used before",
            Connections::New => "on a new connection",
        };
        if fewest == 0 {
            return format!("no successful call of path '{scarce}' {connections} has this figure");
        }
        let needs = interval_needs(row.quantile.0);
        if fewest < needs {
            let quantile = row.quantile;
            return format!(
                "an interval for {quantile} needs {needs} calls {connections}, path '{scarce}' has {fewest}"
            );
        }
        if row.blocks < FOR_INTERVAL {
            return format!("{}, {FOR_INTERVAL} are needed", self.blocks_filled(row));
        }
        "the resampled blocks do not agree on a figure".to_owned()
    }

    fn mean(&self, pair: &Pair, metric: usize) -> MeanShift {
        let (base, cand) = (&pair.baseline.metrics[metric], &pair.candidate.metrics[metric]);
        let shift_ms = cand.ok.mean().zip(base.ok.mean()).map(|(cand, base)| cand - base);
        let enough = pair.filled[metric] >= FOR_INTERVAL && base.ok.n().min(cand.ok.n()) >= interval_needs(0.5);
        let interval = |estimate| {
            let shift = Shift { estimate, drawn: minus(&cand.drawn_mean, &base.drawn_mean) };
            shift.interval(small_sample_factor(pair.filled[metric]))
        };
        MeanShift { metric: self.resampled.metrics[metric], shift_ms, ci_ms: shift_ms.filter(|_| enough).map(interval) }
    }

    fn failures(&self, pair: &Pair) -> FailedShares {
        let share = |arm: &Arm, weights: &[f64]| {
            let sum = |counts: &[f64]| counts.iter().zip(weights).map(|(count, weight)| count * weight).sum::<f64>();
            let tries = sum(&arm.tries);
            (tries > 0.0).then(|| sum(&arm.failures) / tries)
        };
        let measured = |arm: &Arm| share(arm, &vec![1.0; arm.tries.len()]);
        let (baseline, candidate) = (measured(pair.baseline), measured(pair.candidate));
        let estimate = candidate.zip(baseline).map(|(candidate, baseline)| candidate - baseline);
        let drawn = |arm: &Arm, measured: Option<f64>| -> Vec<f64> {
            let weights = |weights: &[u32]| -> Vec<f64> { weights.iter().map(|weight| f64::from(*weight)).collect() };
            arm.draws.iter().map(|draw| share(arm, &weights(draw)).or(measured).unwrap_or(0.0)).collect()
        };
        let ci = estimate.filter(|_| self.resampled.blocks.count >= FOR_INTERVAL).map(|estimate| {
            let shift =
                Shift { estimate, drawn: minus(&drawn(pair.candidate, candidate), &drawn(pair.baseline, baseline)) };
            shift.interval(small_sample_factor(self.resampled.blocks.count))
        });
        let margin = declared_for_errors(self.gates.margins);
        let judged = ci.filter(|_| self.complete && self.resampled.blocks.count >= FOR_VERDICT);
        let gate = margin.map_or(Gate::Ungated, |margin| Gate::of(judged, margin));
        FailedShares { baseline, candidate, ci, margin, gate }
    }

    fn curve(&self, pair: &Pair, metric: usize) -> Option<Curve> {
        let (quantiles, shifts): (Vec<f64>, Vec<Shift>) = self
            .resampled
            .curve
            .iter()
            .zip(&pair.shifts[metric])
            .filter_map(|(q, shift)| Some((*q, shift.clone()?)))
            .unzip();
        let halves = band(&shifts, small_sample_factor(pair.filled[metric].max(2)));
        let point = |((quantile, shift), half): ((f64, Shift), f64)| CurvePoint {
            quantile,
            shift_ms: shift.estimate,
            band_ms: (shift.estimate - half, shift.estimate + half),
        };
        let points: Vec<_> = quantiles.into_iter().zip(shifts).zip(halves).map(point).collect();
        (!points.is_empty()).then(|| Curve { metric: self.resampled.metrics[metric], points })
    }
}
