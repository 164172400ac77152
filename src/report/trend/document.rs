//! What a history says, before it has a form.

use crate::analysis::stats::change_point::SHORTEST;
use crate::analysis::trend::{Change, FEWEST, Newest, Series, Trend, TrendVerdict};
use crate::report::document::{Decision, Document, Remark, Subject, Topic};
use crate::report::figure;
use crate::report::overview::Lead;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::report::trend::overview;
use crate::report::trend::words::{figure_name, interval, name, size, verdict};
use crate::run::historical::{Eligibility, HistoricalRun};

/// A history with what it was read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History<'a> {
    /// The folder, as the person named it.
    pub(crate) folder: &'a str,
    /// The profile whose runs these are.
    pub(crate) profile: &'a str,
    /// The judgement.
    pub(crate) trend: &'a Trend,
    /// What the reader must know of what was left out, in sentences.
    pub(crate) notes: &'a [String],
}

impl History<'_> {
    /// Decides everything that is said.
    pub(crate) fn document(&self) -> Document {
        Document {
            subject: Subject::History,
            title: self.profile.to_owned(),
            subtitle: self.subtitle(),
            conclusion: self.conclusion(),
            lead: self.lead(),
            decisions: self.decisions(),
            tables: vec![
                (Topic::Series, self.series()),
                (Topic::Changes, self.changes()),
                (Topic::NotJudged, self.runs()),
            ],
            remarks: self.remarks(),
            notes: self.notes.to_vec(),
            machine: Vec::new(),
            facts: Vec::new(),
            glossary: Vec::new(),
        }
    }

    fn subtitle(&self) -> String {
        let runs = &self.trend.runs;
        let sound = runs.iter().filter(|run| run.eligibility == Eligibility::Sound).count();
        let days = runs.first().zip(runs.last()).map(|(first, last)| format!(", {} to {}", first.day(), last.day()));
        format!("{} runs in {}{}, {sound} of them judged", runs.len(), self.folder, days.unwrap_or_default())
    }

    fn conclusion(&self) -> (Tone, String) {
        let any = |verdict| self.trend.series.iter().any(|series| series.verdict == verdict);
        let failed = self.trend.failed();
        if !failed.is_empty() {
            return (Tone::Bad, format!("Worse: in the newest run {} failed.", failed.join(", ")));
        }
        let (tone, sentence) = if any(TrendVerdict::Slower) {
            (Tone::Bad, "Worse: the newest runs are slower than those before by more than the margin.")
        } else if any(TrendVerdict::NewestSlower) {
            (Tone::Bad, "Worse: the newest run is slower than those before by more than the margin.")
        } else if self.trend.series.is_empty() {
            (Tone::Warn, "Nothing was followed: no run has any of these figures.")
        } else if any(TrendVerdict::Inconclusive) {
            (Tone::Warn, "There are too few runs to tell.")
        } else {
            (Tone::Good, "The newest runs are not worse than those before by more than the margin.")
        };
        (tone, sentence.to_owned())
    }

    /// The first screen.
    fn lead(&self) -> Lead {
        let scope = overview::drawn(self.trend).map(|(metric, quantile)| {
            let name = metric.name();
            format!(
                "The plot shows the {quantile} of the {name}; verdicts are the worst of all figures that are followed."
            )
        });
        Lead {
            recommendation: self.recommendation(),
            overview: overview::overview(self.trend),
            scope: scope.into_iter().collect(),
        }
    }

    /// What to do; empty where nothing is to be done.
    fn recommendation(&self) -> String {
        let of = |verdict| self.trend.series.iter().find(move |series| series.verdict == verdict);
        let slower = of(TrendVerdict::Slower).and_then(|series| Some((series, series.changes.last()?)));
        let newest = of(TrendVerdict::NewestSlower).and_then(|series| Some((series, series.newest?)));
        let before = |run: usize| self.day(run.saturating_sub(1));
        if !self.trend.failed().is_empty() {
            return format!("Look at the errors of {} first.", self.trend.failed().join(", "));
        }
        match (slower, newest) {
            (Some((series, change)), _) => format!(
                "{} is {} slower since {}: look at what changed after the run of {}.",
                name(series),
                figure::share(change.share.abs()),
                self.day(change.run),
                before(change.run)
            ),
            (None, Some((series, newest))) => format!(
                "{} was {} slower on {}: repeat the run, and if it stays slower, look at what changed after the run of {}.",
                name(series),
                figure::share(newest.share.abs()),
                self.day(newest.run),
                before(newest.run)
            ),
            (None, None) => String::new(),
        }
    }

    fn day(&self, run: usize) -> &str {
        self.trend.runs.get(run).map_or("an unknown day", HistoricalRun::day)
    }

    /// One for each series whose newest level is another than the one before.
    fn decisions(&self) -> Vec<Decision> {
        let decision = |series: &Series| {
            if let Some(newest) = series.newest.filter(|_| series.verdict == TrendVerdict::NewestSlower) {
                return Some(self.newest_decision(series, &newest));
            }
            let change = series.changes.last()?;
            let (tone, word) = match series.verdict {
                TrendVerdict::Slower => (Tone::Bad, "slower"),
                TrendVerdict::SlowerWithinMargin => (Tone::Warn, "slower, within the margin,"),
                TrendVerdict::Faster => (Tone::Good, "faster"),
                TrendVerdict::NewestSlower | TrendVerdict::Steady | TrendVerdict::Inconclusive => return None,
            };
            let by = figure::share(change.share.abs());
            let sentence = format!("{}: {by} {word} since {}", name(series), self.day(change.run));
            let behind = format!(
                "{} before, {} after; 95% interval {}",
                figure::ms(change.before_ms),
                figure::ms(change.after_ms),
                interval(change)
            );
            let runs = series.levels.last().map(|level| format!("{} runs since then", level.n));
            let noise = series.noise.map(|noise| format!("a single run varies by {}", figure::share(noise)));
            let margin = format!("the margin is {}", size(series.margin));
            let details: Vec<String> = runs.into_iter().chain(noise).chain([margin]).collect();
            Some(Decision { tone, sentence, details: vec![behind, details.join("; ")] })
        };
        self.trend.series.iter().filter_map(decision).collect()
    }

    /// The newest run alone is worse.
    fn newest_decision(&self, series: &Series, newest: &Newest) -> Decision {
        let sentence = format!(
            "{}: the newest run ({}) is {} slower than the {} before it",
            name(series),
            self.day(newest.run),
            figure::share(newest.share),
            newest.n
        );
        let behind = format!("{} against a level of {}", figure::ms(newest.ms), figure::ms(newest.level_ms));
        let rare = if newest.p < 1e-4 { "less than 0.0001".to_owned() } else { format!("{:.4}", newest.p) };
        let rule = format!(
            "the margin is {}; given the spread of those runs, a run this slow has a probability of {rare} (p)",
            size(series.margin)
        );
        Decision { tone: Tone::Bad, sentence, details: vec![behind, rule] }
    }

    fn series(&self) -> Table {
        let mut columns = vec![word_column("path"), word_column("figure"), figures("runs").yielding()];
        columns.extend([figures("newest ms"), figures("level ms"), figures("noise").spare(), figures("last change")]);
        columns.extend([word_column("since").yielding(), word_column("verdict")]);
        let row = |series: &Series| -> Vec<Cell> {
            let level = series.levels.last();
            let newest = series.points.iter().rev().find(|point| point.judged);
            let (tone, verdict) = verdict(series);
            let last = series.changes.last();
            vec![
                series.path.as_str().into(),
                figure_name(series).into(),
                series.points.iter().filter(|point| point.judged).count().to_string().into(),
                newest.map_or_else(Cell::missing, |point| {
                    let tone = if series.verdict == TrendVerdict::NewestSlower {
                        Tone::Bad
                    } else if series.odd {
                        Tone::Warn
                    } else {
                        Tone::Plain
                    };
                    Cell::toned(figure::bare(point.ms), tone)
                }),
                level.map_or_else(Cell::missing, |level| figure::bare(level.ms).into()),
                series.noise.map_or_else(Cell::missing, |noise| figure::share(noise).into()),
                last.map_or_else(Cell::missing, |change| Cell::toned(figure::change(change.share), tone)),
                last.map_or_else(Cell::missing, |change| self.day(change.run).into()),
                Cell::toned(verdict, tone),
            ]
        };
        Table::new("Series", columns, self.trend.series.iter().map(row)).noted(format!(
                "A level is the geometric mean of the runs between two changes; noise is the robust spread of a single \
                 run. Changes by e-divisive over at least {FEWEST} runs, {SHORTEST} on either side, kept if Welch's \
                 test finds them rarer than 1 in 1000 and they are larger than the noise: a change shows {SHORTEST} runs \
                 after it at the earliest. The newest run alone is worse if it is slower than at least {SHORTEST} \
                 runs before it by more than the margin and rarer than 1 in 200 by their spread."
            ))
    }

    fn changes(&self) -> Table {
        let mut columns = vec![word_column("path"), word_column("figure"), word_column("first run")];
        columns.extend([
            figures("before ms"),
            figures("after ms"),
            figures("change"),
            figures("95% interval").yielding(),
        ]);
        let row = |series: &Series, change: &Change| -> Vec<Cell> {
            vec![
                series.path.as_str().into(),
                figure_name(series).into(),
                self.day(change.run).into(),
                figure::bare(change.before_ms).into(),
                figure::bare(change.after_ms).into(),
                Cell::toned(figure::change(change.share), if change.share > 0.0 { Tone::Bad } else { Tone::Good }),
                interval(change).into(),
            ]
        };
        let of_series = |series| move |change| row(series, change);
        Table::new(
            "Changes",
            columns,
            self.trend.series.iter().flat_map(|series| series.changes.iter().map(of_series(series))),
        )
    }

    /// The runs that are shown and not judged.
    fn runs(&self) -> Table {
        let unsound = |run: &&HistoricalRun| run.eligibility != Eligibility::Sound || !run.failed.is_empty();
        let unsound = self.trend.runs.iter().filter(unsound);
        let row = |run: &HistoricalRun| -> Vec<Cell> {
            let eligibility = match run.failed.as_slice() {
                [] => run.eligibility.to_string(),
                failed => format!("{} failed", failed.join(", ")),
            };
            vec![run.day().into(), Cell::toned(eligibility, Tone::Warn), run.source.as_str().into()]
        };
        Table::new(
            "Runs that are not judged",
            vec![word_column("day"), word_column("status"), word_column("run")],
            unsound.map(row),
        )
    }

    fn remarks(&self) -> Vec<Remark> {
        let odd = self
            .trend
            .series
            .iter()
            .filter(|series| series.odd && series.verdict != TrendVerdict::NewestSlower)
            .map(name)
            .collect::<Vec<_>>();
        let mut remarks = Vec::new();
        if !odd.is_empty() {
            let odd = odd.join(", ");
            remarks.push(format!(
                "The newest run lies farther from its level than the past explains: {odd}. One run is not a change; \
                 look at it, and at the next."
            ));
        }
        let newest = self.trend.runs.last().filter(|run| run.eligibility != Eligibility::Sound);
        remarks.extend(
            newest.map(|run| format!("The newest run ({}) is {} and is not judged.", run.day(), run.eligibility)),
        );
        remarks.into_iter().map(|text| Remark::Warning(Tone::Warn, text)).collect()
    }
}
