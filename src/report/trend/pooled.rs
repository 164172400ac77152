//! What pooled runs say, before it has a form.

use std::collections::BTreeSet;

use crate::analysis::Conclusion;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::shift::Verdict;
use crate::analysis::stats::basic::CONFIDENCE;
use crate::analysis::stats::pooled::{FOR_NEXT, Pooled};
use crate::analysis::trend::pool::{Pool, PoolPoint, PooledShift};
use crate::measure::metric::Metric;
use crate::report::document::{Decision, Document, Remark, Subject, Topic};
use crate::report::figure;
use crate::report::overview::{Lead, Overview, PathLine, Shift};
use crate::report::shift::{gate_mark, shift_figures, verdict_mark};
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::run::historical::HistoricalRun;
use crate::units::Quantile;

/// Pooled runs with what they were read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pooling<'a> {
    /// The folder, as the person named it.
    pub(crate) folder: &'a str,
    /// The profile whose runs these are.
    pub(crate) profile: &'a str,
    /// The short name of their plan.
    pub(crate) plan: &'a str,
    /// The judgement.
    pub(crate) pool: &'a Pool,
    /// What was left out, in sentences.
    pub(crate) notes: &'a [String],
}

/// What a single run cannot know.
const ONE_RUN: &str = "One run speaks of its own minutes only: how the shift varies from run to run is known from two \
 runs on, and known well from about ten at different hours.";

impl Pooling<'_> {
    /// Decides everything that is said.
    pub(crate) fn document(&self) -> Document {
        Document {
            subject: Subject::History,
            title: format!("{}, pooled", self.profile),
            subtitle: self.subtitle(),
            conclusion: self.conclusion(),
            lead: Lead { recommendation: self.recommendation(), overview: self.overview(), scope: self.scope() },
            decisions: self.pool.shifts.iter().filter(|shift| is_headline(shift)).map(decision).collect(),
            tables: vec![(Topic::Shifts, self.shifts()), (Topic::Series, self.runs())],
            remarks: self.remarks(),
            notes: self.notes.to_vec(),
            machine: Vec::new(),
            facts: vec![("plan", self.plan.to_owned())],
            glossary: Vec::new(),
        }
    }

    fn subtitle(&self) -> String {
        let runs = &self.pool.runs;
        let days = runs.first().zip(runs.last()).map(|(first, last)| format!(", {} to {}", first.day(), last.day()));
        let word = if runs.len() == 1 { "run" } else { "runs" };
        format!("{} {word} of one plan in {}{}", runs.len(), self.folder, days.unwrap_or_default())
    }

    fn conclusion(&self) -> (Tone, String) {
        let failed = self.pool.failed();
        let gated = self.pool.shifts.iter().any(|shift| shift.gate != Gate::Ungated);
        let (tone, sentence) = match self.pool.conclusion() {
            _ if !failed.is_empty() => {
                return (Tone::Bad, format!("Worse: in the newest run {} failed.", failed.join(", ")));
            }
            _ if self.pool.shifts.is_empty() => {
                (Tone::Warn, "Nothing to pool: no run compares two paths with an interval for these figures.")
            }
            _ if self.pool.runs.len() < 2 => (Tone::Warn, "Not decided: one run cannot tell how runs vary."),
            Conclusion::Missed => (Tone::Bad, "Worse: over all runs a path is slower by more than the margin."),
            Conclusion::Inconclusive => (Tone::Warn, "Not decided for every figure: more runs are needed."),
            Conclusion::Met if gated => (Tone::Good, "Over all runs no path is slower by more than the margin."),
            Conclusion::Met | Conclusion::Failed | Conclusion::Invalid | Conclusion::Incomplete => {
                (Tone::Plain, "Decided for every figure; no margin is declared (--margin).")
            }
        };
        (tone, sentence.to_owned())
    }

    /// What to do, in a sentence: nothing is recommended that the runs do not show.
    fn recommendation(&self) -> String {
        let headlines = || self.headlines().into_iter().flatten();
        let failed = |shift: &&PooledShift| shift.gate == Gate::Failed;
        let worse: BTreeSet<&str> =
            self.pool.shifts.iter().filter(failed).map(|shift| shift.candidate.as_str()).collect();
        if !self.pool.failed().is_empty() {
            return "Look at the errors of the newest run first.".to_owned();
        }
        if !worse.is_empty() {
            return format!("Do not choose {} for this workload.", worse.into_iter().collect::<Vec<_>>().join(", "));
        }
        let told = |shift: &PooledShift| {
            let by = figure::ms(shift.pooled.as_ref()?.mean.abs());
            let name = &shift.candidate;
            Some(match shift.verdict {
                Verdict::Slower | Verdict::SlowerWithinMargin => format!("{name} adds {by}"),
                Verdict::Faster => format!("{name} saves {by}"),
                Verdict::Equivalent if shift.pooled.as_ref()?.mean < 0.0 => format!("{name} saves {by}"),
                Verdict::Equivalent => format!("{name} adds {by}, within its margin"),
                Verdict::Inconclusive => format!("no difference of {name} was shown"),
            })
        };
        let shifts: Vec<String> = headlines().filter_map(told).collect();
        let ranking = headlines()
            .next()
            .filter(|_| !shifts.is_empty())
            .map(|first| format!("Median {} against {}: {}.", first.metric.name(), first.baseline, shifts.join(", ")));
        let open = self.pool.conclusion() == Conclusion::Inconclusive && !self.pool.shifts.is_empty();
        let more = open.then(|| "Repeat the plan at other hours.".to_owned());
        ranking.into_iter().chain(more).collect::<Vec<_>>().join(" ")
    }

    /// The medians of the headline metric; `None` where nothing was compared.
    fn headlines(&self) -> Option<impl Iterator<Item = &PooledShift>> {
        let first = self.pool.shifts.iter().find(|shift| is_headline(shift))?;
        Some(self.pool.shifts.iter().filter(|shift| is_headline(shift) && shift.metric == first.metric))
    }

    /// The headline metric of every path on one scale; `None` where nothing was compared.
    fn overview(&self) -> Option<Overview> {
        let first = self.headlines()?.next()?;
        let headlines = self.headlines()?;
        let margins = self.pool.shifts.iter().any(|shift| shift.margin_ms.is_some());
        let shaded = if margins { " Shaded: the margin." } else { "" };
        let base = first.baseline_ms.unwrap_or(0.0);
        Some(Overview {
            title: format!("Median {} of each path against {}, over all runs", first.metric.name(), first.baseline),
            heads: vec![figures("runs"), figures("run to run ± ms"), figures("next run ms")],
            // The baseline has the first colour.
            paths: headlines.enumerate().map(|(place, shift)| line(place + 1, shift)).collect(),
            least_reach_ms: f64::max(1.0, 0.01 * base),
            note: format!("Bars are 95% intervals that include how runs vary; further right is slower.{shaded}"),
        })
    }

    fn scope(&self) -> Vec<String> {
        let runs = &self.pool.runs;
        let hours = runs.iter().map(|run| run.hour() as u32).collect::<BTreeSet<_>>().len();
        vec![format!("It speaks of {} runs at {hours} of the 24 hours of the day.", runs.len())]
    }

    fn shifts(&self) -> Table {
        let mut columns =
            vec![word_column("path"), word_column("figure"), figures("runs").yielding(), figures("shift ms")];
        columns.extend([
            figures("run to run ± ms").yielding(),
            figures("next run ms").yielding(),
            figures("margin ms").spare(),
        ]);
        columns.extend([word_column("verdict"), word_column("gate")]);
        let row = |shift: &PooledShift| -> Vec<Cell> {
            let (tone, glyph, word) = verdict_mark(shift.verdict);
            let tone = softened(tone, shift);
            let mean = shift.pooled.as_ref().map(|pooled| pooled.mean);
            let own = shift_figures(mean, shift.pooled.as_ref().map(|pooled| pooled.interval(CONFIDENCE)));
            vec![
                shift.candidate.as_str().into(),
                name(shift.metric, shift.quantile).into(),
                shift.points.len().to_string().into(),
                own.map_or_else(Cell::missing, |text| Cell::toned(text, tone)),
                Cell::maybe(shift.pooled.as_ref().map(|pooled| figure::bare(pooled.tau))),
                Cell::maybe(shift.pooled.as_ref().and_then(|pooled| pooled.next).map(bracketed)),
                Cell::figure(shift.margin_ms),
                Cell::toned(format!("{glyph} {word}"), tone),
                gate_mark(shift.gate)
                    .map_or_else(Cell::missing, |(tone, glyph)| Cell::toned(format!("{glyph} {}", shift.gate), tone)),
            ]
        };
        Table::new("Shifts over all runs", columns, self.pool.shifts.iter().map(row)).noted(format!(
            "Random effects: the 95% interval in brackets includes how the shift varies from run to run (tau after \
             Paule and Mandel, Hartung-Knapp interval). \"Run to run\" is that variation, a standard deviation, without \
             the error within each run; \"next run\" is the range that the next measured shift falls into with 95%, \
             from {FOR_NEXT} runs on. Verdicts and gates use intervals that hold for all rows at once."
        ))
    }

    /// The shift of every path in each run, at the median of the headline metric.
    fn runs(&self) -> Table {
        let row = |(shift, point): (&PooledShift, &PoolPoint)| -> Vec<Cell> {
            let run = self.pool.runs.get(point.run);
            vec![
                Cell::maybe(run.map(|run| figure::moment(&run.started_at))),
                shift.candidate.as_str().into(),
                name(shift.metric, shift.quantile).into(),
                Cell::maybe(shift_figures(Some(point.shift_ms), Some(point.ci_ms))),
                Cell::maybe(run.map(|run| run.source.clone())),
            ]
        };
        let columns = vec![
            word_column("started"),
            word_column("path"),
            word_column("figure"),
            figures("shift ms"),
            word_column("run"),
        ];
        let headlines = self.pool.shifts.iter().filter(|shift| is_headline(shift));
        let points = headlines.flat_map(|shift| shift.points.iter().map(move |point| (shift, point)));
        Table::new("Runs", columns, points.map(row))
    }

    fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let failed = |run: &HistoricalRun| {
            let why =
                format!("On {} {} failed; that run says nothing about it here.", run.day(), run.failed.join(", "));
            (!run.failed.is_empty()).then_some(why)
        };
        remarks.extend(self.pool.runs.iter().filter_map(failed));
        if self.pool.runs.len() == 1 {
            remarks.push(ONE_RUN.to_owned());
        }
        let hours = self.pool.runs.iter().map(|run| run.hour() as u32).collect::<BTreeSet<_>>();
        if self.pool.runs.len() > 1 && hours.len() == 1 {
            remarks.push(
                "All runs started in the same hour of the day: nothing is known about the other hours.".to_owned(),
            );
        }
        remarks.into_iter().map(|text| Remark::Warning(Tone::Warn, text)).collect()
    }
}

fn line(place: usize, shift: &PooledShift) -> PathLine {
    let (tone, glyph, word) = verdict_mark(shift.verdict);
    let pooled = shift.pooled.as_ref();
    let interval = pooled.map(|pooled| pooled.interval(CONFIDENCE));
    let told = shift_figures(pooled.map(|pooled| pooled.mean), interval);
    let told = told.map(|text| Cell::toned(format!("{glyph} {text} ms, {word}"), softened(tone, shift)));
    PathLine {
        place,
        name: shift.candidate.clone(),
        way: Vec::new(),
        shift: pooled.map(|pooled| Shift { ms: pooled.mean, ci_ms: interval, margin_ms: shift.margin_ms }),
        figures: told.unwrap_or_else(Cell::missing),
        verdict: verdict_of(shift),
        budget: Cell::from(""),
        facts: vec![
            shift.points.len().to_string().into(),
            Cell::maybe(pooled.map(|pooled| figure::bare(pooled.tau))),
            Cell::maybe(pooled.and_then(|pooled| pooled.next).map(bracketed)),
        ],
    }
}

/// How a path stands to its margin; without one, what its shift says.
fn verdict_of(shift: &PooledShift) -> Cell {
    let gate = gate_mark(shift.gate).map(|(tone, glyph)| {
        let word = match shift.gate {
            Gate::Failed => "slower by more than the margin",
            Gate::Open => "not decided",
            Gate::Passed | Gate::Ungated => "within its margin",
        };
        Cell::toned(format!("{glyph} {word}"), tone)
    });
    let (tone, glyph, word) = verdict_mark(shift.verdict);
    gate.unwrap_or_else(|| Cell::toned(format!("{glyph} {word}"), softened(tone, shift)))
}

/// Slower, but no gate failed: a warning, not an alarm.
fn softened(tone: Tone, shift: &PooledShift) -> Tone {
    if tone == Tone::Bad && shift.gate != Gate::Failed { Tone::Warn } else { tone }
}

/// Whether a figure stands in the decisions and in the table of runs: medians.
fn is_headline(shift: &PooledShift) -> bool {
    shift.quantile == Quantile::MEDIAN
}

pub(super) fn name(metric: Metric, quantile: Quantile) -> String {
    format!("{} {quantile}", metric.short())
}

fn decision(shift: &PooledShift) -> Decision {
    let (what, against) = (name(shift.metric, shift.quantile), &shift.baseline);
    let Some(pooled) = &shift.pooled else {
        let sentence = format!("{}: {what} is not decided against {against}", shift.candidate);
        return Decision { tone: Tone::Warn, sentence, details: vec![ONE_RUN.to_owned()] };
    };
    let (tone, _, word) = verdict_mark(shift.verdict);
    let tone = softened(tone, shift);
    let sentence = format!(
        "{}: {what} is {} {} than {against} over {} runs ({word})",
        shift.candidate,
        figure::ms(pooled.mean.abs()),
        if pooled.mean < 0.0 { "faster" } else { "slower" },
        pooled.runs
    );
    Decision {
        tone,
        sentence,
        details: vec![format!("95% interval {}", figure::interval(pooled.interval(CONFIDENCE))), variation(pooled)],
    }
}

/// How runs vary, in words.
fn variation(pooled: &Pooled) -> String {
    let most = figure::ms(pooled.tau_interval.1);
    let varies = if pooled.tau > 0.0 {
        format!(
            "from run to run it varies by ±{} (standard deviation, at most {most} with 95%)",
            figure::ms(pooled.tau)
        )
    } else {
        format!("no variation from run to run was found beyond the error of each run (at most ±{most} with 95%)")
    };
    match pooled.next {
        Some(next) => format!("{varies}; the next run will measure {} with 95%", figure::interval(next)),
        None => format!("{varies}; {FOR_NEXT} runs are needed to tell what the next one will measure"),
    }
}

fn bracketed((low, high): (f64, f64)) -> String {
    format!("{} to {}", figure::bare_shift(low), figure::bare_shift(high))
}
