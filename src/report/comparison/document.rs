//! What a comparison of two runs says, before it has a form.

use crate::analysis::Conclusion;
use crate::analysis::compare::comparability::Difference;
use crate::analysis::compare::gate::Gate;
use crate::analysis::compare::gates::{DEFAULT_AT_MEDIAN, DEFAULT_AT_TAIL, DEFAULT_LEAST_MS};
use crate::analysis::compare::shift::{SHOWN, ShiftRow};
use crate::analysis::runs::{Kind, PathPair, RunComparison};
use crate::analysis::summary::failing::FailedPath;
use crate::analysis::validity::{Reason, Validity, ValidityVerdict};
use crate::report::basis::describe_basis;
use crate::report::comparison::overview::overview;
use crate::report::document::{Decision, Document, Remark, Subject, Topic};
use crate::report::figure;
use crate::report::overview::Lead;
use crate::report::run::banner::why_invalid;
use crate::report::run::validity;
use crate::report::shift;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::run::Run;

/// A comparison with the runs that it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared<'a> {
    /// The comparison.
    pub(crate) comparison: &'a RunComparison,
    /// The runs, the base first; the same one twice for two paths of one.
    pub(crate) runs: [&'a Run; 2],
    /// How the person named them.
    pub(crate) names: [&'a str; 2],
}

/// How many differences are named in a sentence.
const MOST_NAMED: usize = 8;

/// Why two runs at different times are weaker than one paired run.
pub(crate) const WEAKER: &str = "Two runs at different times are weaker than one paired run: anything else that changed \
     between them (the service, the routes, the machine) counts as a shift, and no interval includes it. A paired run \
     sends every prompt over both paths within the same moment, so such changes cancel.";

impl Compared<'_> {
    /// Decides everything that is said.
    pub(crate) fn document(&self) -> Document {
        Document {
            subject: Subject::Comparison,
            title: format!("{} against {}", self.names[1], self.names[0]),
            subtitle: self.subtitle(),
            conclusion: self.conclusion(),
            lead: Lead {
                recommendation: self.recommendation(),
                overview: Some(overview(self.comparison)),
                scope: self.scope(),
            },
            decisions: self.comparison.pairs.iter().map(|pair| self.decision(pair)).collect(),
            tables: vec![
                (Topic::Shifts, self.shifts()),
                (Topic::FailedCalls, self.failures()),
                (Topic::Differences, self.differences()),
            ],
            remarks: self.remarks(),
            notes: self.comparison.notes.clone(),
            machine: Vec::new(),
            facts: Vec::new(),
            glossary: Vec::new(),
        }
    }

    /// What the comparison speaks of.
    fn scope(&self) -> Vec<String> {
        let metric = self.comparison.headline.name();
        vec![format!("The plot shows the median {metric}; the table of shifts has every other figure that is gated.")]
    }

    /// The sentence that says why this comparison is weaker than it could be, if it is.
    pub(crate) fn weakness(&self) -> Option<&'static str> {
        (self.comparison.kind == Kind::TwoRuns).then_some(WEAKER)
    }

    fn subtitle(&self) -> String {
        let told = |run: &Run| {
            format!("{}, {} measured", figure::moment(&run.manifest.started_at), figure::seconds(run.measured_s()))
        };
        match self.comparison.kind {
            Kind::OneRun => {
                format!("two paths of one run: {}, {}", told(self.runs[0]), self.runs[0].manifest.plan.load.design)
            }
            Kind::TwoRuns => format!("base: {}; candidate: {}", told(self.runs[0]), told(self.runs[1])),
        }
    }

    /// What to do; empty where nothing is to be done.
    fn recommendation(&self) -> String {
        let pairs = || self.comparison.pairs.iter();
        let needed =
            pairs().flat_map(|pair| pair.rows.iter().filter_map(move |row| Some((pair, row.needed_rounds?.total()))));
        let seconds = needed.map(|(pair, rounds)| rounds as f64 / pair.blocks.rate.max(1e-9)).fold(0.0, f64::max);
        let named = || pairs().filter_map(|pair| Some((pair, worse_figures(pair)?)));
        match self.comparison.conclusion() {
            Conclusion::Invalid => "Repeat the invalid run, then compare again.".to_owned(),
            Conclusion::Failed => "Look at the failed calls first, then compare again.".to_owned(),
            Conclusion::Incomplete => "Repeat the incomplete run and let it finish, then compare again.".to_owned(),
            Conclusion::Missed => {
                let told: Vec<String> =
                    named().map(|(pair, figures)| format!("{} in {figures}", pair.candidate)).collect();
                format!("Find out why before you accept it: worse are {}.", told.join("; "))
            }
            Conclusion::Inconclusive if seconds > 0.0 => {
                format!("Repeat both for about {} to decide.", figure::seconds(seconds))
            }
            Conclusion::Inconclusive => "Repeat both for longer to decide.".to_owned(),
            Conclusion::Met => String::new(),
        }
    }

    fn conclusion(&self) -> (Tone, String) {
        let (tone, sentence) = match self.comparison.conclusion() {
            Conclusion::Invalid => return (Tone::Bad, self.invalid()),
            Conclusion::Failed => return (Tone::Bad, self.failed()),
            Conclusion::Incomplete => (Tone::Warn, "INCOMPLETE: a run did not carry out its plan. Nothing is judged."),
            Conclusion::Missed => (Tone::Bad, "Worse: a change is more than chance and larger than its margin."),
            Conclusion::Inconclusive => (Tone::Warn, "Inconclusive: it could not be decided within the margins."),
            Conclusion::Met => return self.met(),
        };
        (tone, sentence.to_owned())
    }

    /// Which runs are invalid, and why.
    fn invalid(&self) -> String {
        let sides = match self.comparison.kind {
            Kind::OneRun => vec!["the run"],
            Kind::TwoRuns => vec!["the base", "the candidate"],
        };
        let all = sides.into_iter().zip(self.comparison.validity.iter().zip(self.runs));
        let invalid = all.filter(|(_, (validity, _))| validity.verdict == ValidityVerdict::Invalid);
        let told: Vec<String> =
            invalid.map(|(side, (validity, run))| format!("{side}: {}", why_invalid(run, validity))).collect();
        format!("INVALID: {}. Nothing is judged.", told.join("; "))
    }

    /// Nothing is worse; nothing looks all good beside calls that failed.
    fn met(&self) -> (Tone, String) {
        let sentence = "Nothing was shown to be worse by more than its margin";
        let failed = |pair: &PathPair| {
            let shares = &pair.judged.failures;
            let (base, own) = (shares.baseline.unwrap_or(0.0), shares.candidate.unwrap_or(0.0));
            let told = format!("{} {} (base {})", pair.candidate, figure::share(own), figure::share(base));
            (base > 0.0 || own > 0.0).then_some(told)
        };
        let failed: Vec<String> = self.comparison.pairs.iter().filter_map(failed).collect();
        if failed.is_empty() {
            return (Tone::Good, format!("{sentence}."));
        }
        (Tone::Plain, format!("{sentence}; calls failed: {}.", failed.join(", ")))
    }

    /// The paths that failed, side by side.
    fn failed(&self) -> String {
        let [base, candidate] = &self.comparison.failing;
        let side = match self.comparison.kind {
            Kind::OneRun => ["", ""],
            Kind::TwoRuns => ["the base's ", "the candidate's "],
        };
        let told = |(side, failing): (&str, &Vec<FailedPath>)| -> Vec<String> {
            failing.iter().map(|failed| format!("{side}{}", failed.message())).collect()
        };
        let told: Vec<String> = [(side[1], candidate), (side[0], base)].into_iter().flat_map(told).collect();
        format!("FAILED: {}.", told.join("; "))
    }

    fn decision(&self, pair: &PathPair) -> Decision {
        let base = match self.comparison.kind {
            Kind::OneRun => pair.base.clone(),
            Kind::TwoRuns => format!("the base's {}", pair.base),
        };
        let Some(row) = pair.headline(self.comparison.headline) else {
            let sentence = format!("{} was not compared with {base}", pair.candidate);
            return Decision { tone: Tone::Warn, sentence, details: Vec::new() };
        };
        let (tone, sentence) = shift::describe_headline(row, &pair.judged.failures, &pair.candidate, &base);
        let tone = softened(tone, row);
        let mut details = vec![shift::describe_shift(row, self.comparison.connections)];
        details.extend(beyond(pair));
        details.extend(shift::describe_rounds_needed(row, pair.blocks.rate));
        details.extend(shift::describe_failures(&pair.judged, &pair.candidate, &base));
        Decision { tone, sentence, details }
    }

    fn shifts(&self) -> Table {
        let mut columns = vec![word_column("path"), word_column("metric"), figures("base ms").spare()];
        columns.extend([figures("shift ms"), figures("margin ms"), word_column("verdict"), word_column("gate")]);
        let rows = self
            .comparison
            .pairs
            .iter()
            .flat_map(|pair| pair.rows.iter().filter(|row| is_shown(row)).map(|row| shift_row(pair, row)));
        let fewest = |pair: &PathPair| pair.headline(self.comparison.headline).map_or(0, |row| row.blocks);
        let blocks = self.comparison.pairs.iter().map(fewest).min().unwrap_or(0);
        let drawn = match self.comparison.kind {
            Kind::OneRun => "drawn again, the same for both paths",
            Kind::TwoRuns => "or more, each run's own, drawn again independently",
        };
        let gates = if self.comparison.declared {
            "margins as declared".to_owned()
        } else {
            let percent = |share| figure::share(share);
            format!(
                "no margin is declared, so only TTFT and end-to-end time are gated (time per token where answers \
                 differ in length): at {} up to the median and {} above it, and at {} at least",
                percent(DEFAULT_AT_MEDIAN),
                percent(DEFAULT_AT_TAIL),
                figure::ms(DEFAULT_LEAST_MS)
            )
        };
        Table::new("Shifts", columns, rows).noted(format!(
            "Calls on {} connections, {}. Brackets hold the 95% interval from {blocks} blocks {drawn}; verdicts and \
                 gates use intervals that hold for all rows at once; {gates}.",
            self.comparison.connections,
            describe_basis(self.comparison.basis)
        ))
    }

    fn failures(&self) -> Table {
        let points = |share: f64| format!("{:+.2}", 100.0 * share).replace('-', "−");
        let maybe = |share: Option<f64>| Cell::maybe(share.map(figure::share));
        let row = |pair: &PathPair| -> Vec<Cell> {
            let shares = &pair.judged.failures;
            let ci = shares.ci.map(|(low, high)| format!("{} to {}", points(low), points(high)));
            vec![
                pair.candidate.as_str().into(),
                maybe(shares.baseline),
                maybe(shares.candidate),
                Cell::maybe(ci),
                figure::share(pair.error_margin).into(),
                gate_cell(pair.error_gate),
            ]
        };
        let mut columns =
            vec![word_column("path"), figures("base"), figures("candidate"), figures("difference, points")];
        columns.extend([figures("margin"), word_column("gate")]);
        Table::new("Failed calls", columns, self.comparison.pairs.iter().map(row))
    }

    fn differences(&self) -> Table {
        let row = |difference: &Difference| -> Vec<Cell> {
            vec![difference.what.as_ref().into(), difference.base.as_str().into(), difference.candidate.as_str().into()]
        };
        Table::new(
            "Differences between the runs",
            vec![word_column("what"), word_column("base"), word_column("candidate")],
            self.comparison.differences.iter().map(row),
        )
    }

    fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let sides = match self.comparison.kind {
            Kind::OneRun => vec![("the run", &self.comparison.validity[0])],
            Kind::TwoRuns => {
                vec![("the base", &self.comparison.validity[0]), ("the candidate", &self.comparison.validity[1])]
            }
        };
        for (side, validity) in sides {
            remarks.extend(of_validity(side, validity));
        }
        if !self.comparison.differences.is_empty() {
            let what: Vec<&str> =
                self.comparison.differences.iter().map(|difference| difference.what.as_ref()).collect();
            let more = what.len().saturating_sub(MOST_NAMED);
            let mut what = what.into_iter().take(MOST_NAMED).collect::<Vec<_>>().join(", ");
            if more > 0 {
                what.push_str(&format!(" and {more} more (the table has all)"));
            }
            remarks.push(Remark::Warning(
                Tone::Warn,
                format!("The runs differ in {what}, and that may be what the shifts show."),
            ));
        }
        remarks.extend(self.weakness().map(|why| Remark::Warning(Tone::Warn, why.to_owned())));
        remarks
    }
}

/// What failed its gate, in a sentence.
fn beyond(pair: &PathPair) -> Option<String> {
    worse_figures(pair).map(|figures| format!("worse by more than the margin: {figures}"))
}

/// The figures of a pair that failed their gates.
fn worse_figures(pair: &PathPair) -> Option<String> {
    let failed = pair.rows.iter().filter(|row| row.gate == Gate::Failed);
    let mut named: Vec<String> = failed.map(row_name).collect();
    if pair.error_gate == Gate::Failed {
        named.push("the share of failed calls".to_owned());
    }
    (!named.is_empty()).then(|| named.join(", "))
}

fn of_validity(side: &str, judged: &Validity) -> Vec<Remark> {
    let reason = |reason: &Reason| {
        let text = format!("{side} is {}: {}; {}", reason.weight(), reason.message(), reason.remedy());
        Remark::Warning(validity::tone_of(reason.weight()), text)
    };
    judged.reasons.iter().map(reason).collect()
}

/// Of the other quantiles those that somebody asked about, or that failed.
fn is_shown(row: &ShiftRow) -> bool {
    SHOWN.contains(&row.quantile) || row.margin.is_some() || row.gate == Gate::Failed
}

pub(super) fn row_name(row: &ShiftRow) -> String {
    format!("{} {}", row.metric.short(), row.quantile)
}

fn shift_row(pair: &PathPair, row: &ShiftRow) -> Vec<Cell> {
    let (tone, glyph, word) = shift::verdict_mark(row.verdict);
    let tone = softened(tone, row);
    let shift =
        shift::shift_figures(row.shift_ms, row.ci_ms).map_or_else(Cell::missing, |text| Cell::toned(text, tone));
    vec![
        pair.candidate.as_str().into(),
        row_name(row).into(),
        Cell::figure(row.baseline_ms),
        shift,
        Cell::figure(row.gate_ms),
        Cell::toned(format!("{glyph} {word}"), tone),
        gate_cell(row.gate),
    ]
}

/// Slower, but the gate holds: a warning, not an alarm.
fn softened(tone: Tone, row: &ShiftRow) -> Tone {
    if tone == Tone::Bad && row.gate != Gate::Failed { Tone::Warn } else { tone }
}

fn gate_cell(gate: Gate) -> Cell {
    let shown = |(tone, glyph)| Cell::toned(format!("{glyph} {}", gate), tone);
    shift::gate_mark(gate).map_or_else(Cell::missing, shown)
}
