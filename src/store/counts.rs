//! `counts.csv`: calls counted interval by interval while the run goes on, exact however many they are.
//!
//! The file is written anew as a whole every few seconds, so that a killed run keeps what it counted. It has a line for
//! each interval, path and phase in which anything happened, and an interval widens with the plan: its size does not
//! depend on the number of calls.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::measure::counts::{Counts, TokenCount};
use crate::measure::outcome::Outcome;
use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::run::SpanCounts;
use crate::store::bounds::{Bounds, MOST_COUNT};
use crate::store::file::{self, StoreError};
use crate::store::lines::Lines;
use crate::store::table;
use crate::units::{Nanos, PathId, Phase};

/// A line of the file: its columns, in their order. Those that may be `None` are not in the files of earlier versions.
#[derive(Default, Serialize, Deserialize)]
struct Row {
    second: u64,
    length: u64,
    path: String,
    phase: String,
    ok: u64,
    failed: u64,
    incomplete: u64,
    dropped: u64,
    streams: u64,
    stalled: u64,
    opened: u64,
    reused: u64,
    input_tokens: u64,
    output_tokens: u64,
    backwards: u64,
    unanswered: u64,
    without_tokens: u64,
    begun: u64,
    over: u64,
    /// "failed/http_429=17 failed/dns=1": those of the three columns above, by class.
    errors: String,
    /// "200=5 429=17".
    statuses: String,
    #[serde(default, deserialize_with = "given")]
    input_calls: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    output_calls: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    ok_output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    ok_output_calls: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    charged: Option<u64>,
}

/// A column that is there has a count in every line.
fn given<'de, D: Deserializer<'de>>(cell: D) -> Result<Option<u64>, D::Error> {
    u64::deserialize(cell).map(Some)
}

/// What the columns say that the files of earlier versions do not have.
struct Later {
    input_calls: u64,
    output_calls: u64,
    ok_output: TokenCount,
    charged: u64,
}

impl Row {
    fn of(span: &SpanCounts, name: &str) -> Self {
        let calls = &span.calls;
        Self {
            second: span.second,
            length: span.length,
            path: file::printable(name),
            phase: span.phase.to_string(),
            ok: calls.ok,
            failed: calls.failed(),
            incomplete: calls.incomplete(),
            dropped: calls.dropped(),
            streams: calls.streams,
            stalled: calls.stalled,
            opened: calls.opened,
            reused: calls.reused,
            input_tokens: calls.input.sum,
            output_tokens: calls.output.sum,
            backwards: calls.backwards,
            unanswered: calls.unanswered,
            without_tokens: calls.without_tokens,
            begun: span.begun,
            over: span.over,
            errors: list(calls.errors.iter().map(|(outcome, count)| (error_text(*outcome), count))),
            statuses: list(&calls.statuses),
            input_calls: Some(calls.input.calls),
            output_calls: Some(calls.output.calls),
            ok_output_tokens: Some(calls.ok_output.sum),
            ok_output_calls: Some(calls.ok_output.calls),
            charged: Some(calls.charged),
        }
    }

    fn later(&self) -> Result<Later, String> {
        let Self { input_calls, output_calls, ok_output_tokens, ok_output_calls, charged, .. } = *self;
        match (input_calls, output_calls, ok_output_tokens, ok_output_calls, charged) {
            (Some(input_calls), Some(output_calls), Some(sum), Some(calls), Some(charged)) => {
                Ok(Later { input_calls, output_calls, ok_output: TokenCount { sum, calls }, charged })
            }
            (None, None, None, None, None) => Ok(self.earlier()),
            _ => Err("a head line with the columns 'input_calls', 'output_calls', 'ok_output_tokens', \
                      'ok_output_calls' and 'charged', or with none of them, found some"
                .to_owned()),
        }
    }

    /// A file of an earlier version counted a call whose server did not tell its tokens as one of none: where there are
    /// any, all successful calls stand for those that told.
    fn earlier(&self) -> Later {
        let of = |sum: u64| if sum > 0 { self.ok } else { 0 };
        let (input_calls, output_calls) = (of(self.input_tokens), of(self.output_tokens));
        let ok_output = TokenCount { sum: self.output_tokens, calls: output_calls };
        Later { input_calls, output_calls, ok_output, charged: self.ok.saturating_add(self.without_tokens) }
    }

    fn span(self, plan: &Plan) -> Result<SpanCounts, String> {
        let later = self.later()?;
        let by_outcome = [self.failed, self.incomplete, self.dropped];
        let span = SpanCounts {
            second: self.second,
            length: self.length,
            path: path_named(&self.path, plan)?,
            phase: self.phase.parse().map_err(|_| format!("warmup, measure or drain, found '{}'", self.phase))?,
            calls: Counts {
                ok: self.ok,
                errors: self.errors.split_ascii_whitespace().map(error).collect::<Result<_, _>>()?,
                streams: self.streams,
                stalled: self.stalled,
                opened: self.opened,
                reused: self.reused,
                input: TokenCount { sum: self.input_tokens, calls: later.input_calls },
                output: TokenCount { sum: self.output_tokens, calls: later.output_calls },
                ok_output: later.ok_output,
                charged: later.charged,
                backwards: self.backwards,
                unanswered: self.unanswered,
                without_tokens: self.without_tokens,
                statuses: self.statuses.split_ascii_whitespace().map(status).collect::<Result<_, _>>()?,
            },
            begun: self.begun,
            over: self.over,
        };
        let listed = [span.calls.failed(), span.calls.incomplete(), span.calls.dropped()];
        if listed == by_outcome {
            Ok(span)
        } else {
            Err(format!("as many errors as their classes, found {by_outcome:?} and {listed:?}"))
        }
    }
}

/// The calls of a run, counted as they end.
#[derive(Debug)]
pub struct IntervalCounts {
    path: PathBuf,
    names: Vec<String>,
    origin: Nanos,
    length: u64,
    spans: BTreeMap<(u64, PathId, Phase), SpanCounts>,
    calls: u64,
}

impl IntervalCounts {
    /// Empty counts that are written to `path`. `origin` is the run's start.
    #[must_use]
    pub fn new(path: &Path, plan: &Plan, origin: Nanos) -> Self {
        let names = plan.paths.iter().map(|path| path.name.clone()).collect();
        Self { path: path.to_owned(), names, origin, length: plan.interval_s(), spans: BTreeMap::new(), calls: 0 }
    }

    /// Counts a call that has ended or was dropped.
    pub fn count(&mut self, sample: &Sample) {
        self.calls += 1;
        self.span(sample, sample.stamps.intended).calls.count(sample);
        if let Some(taken) = sample.stamps.dequeued.or(sample.stamps.sent) {
            self.span(sample, taken).begun += 1;
            self.span(sample, sample.stamps.end.unwrap_or(taken)).over += 1;
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    fn span(&mut self, sample: &Sample, at: Nanos) -> &mut SpanCounts {
        let length = self.length;
        let second = at.since(self.origin).as_secs() / length * length;
        let (path, phase) = (sample.path, sample.phase);
        let empty = || SpanCounts { second, length, path, phase, calls: Counts::default(), begun: 0, over: 0 };
        self.spans.entry((second, path, phase)).or_insert_with(empty)
    }

    /// Writes the file anew; `to_disk` also waits until the disk has it.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub fn write(&self, to_disk: bool) -> Result<(), StoreError> {
        let text = self.text().map_err(|error| StoreError::unwritable(&self.path, error))?;
        file::put(&self.path, &text, to_disk)
    }

    fn text(&self) -> io::Result<Vec<u8>> {
        let rows = self.spans.values().map(|span| Row::of(span, &self.names[span.path.index()]));
        Ok([table::head::<Row>()?, table::lines(rows)?].concat())
    }
}

/// Reads `counts.csv` back. Columns are found by name; others are ignored.
///
/// # Errors
/// When the file is not readable, or a line is not what it should be.
pub fn read(path: &Path, plan: &Plan) -> Result<Vec<SpanCounts>, StoreError> {
    let (bounds, mut known) = (Bounds::of(plan, Nanos(0)), HashSet::new());
    let spans = table::read(Lines::open(path)?.of_whole_file(), |row: Row| {
        let span = row.span(plan)?;
        check(&span, &bounds)?;
        let is_new = known.insert((span.second, span.path, span.phase));
        if is_new { Ok(span) } else { Err("one line for each second, path and phase, found another".to_owned()) }
    })?;
    // It is written whole: what has no head line was lost, and is not a run without calls.
    spans.ok_or_else(|| StoreError::broken(path, 1, "a head line, found nothing"))
}

/// Refuses what no run of this plan can have counted.
fn check(span: &SpanCounts, bounds: &Bounds) -> Result<(), String> {
    let last = bounds.last_second;
    if span.second > last || !(1..=3_600).contains(&span.length) {
        let (second, length) = (span.second, span.length);
        return Err(format!(
            "a second up to {last} in column 'second' and up to 3600 in 'length', found {second} and {length}"
        ));
    }
    let calls = &span.calls;
    let tokens = [calls.input, calls.output, calls.ok_output].map(|tokens| [tokens.sum, tokens.calls]);
    let plain = [calls.ok, calls.streams, calls.stalled, calls.opened, calls.reused, calls.backwards];
    let more = [calls.unanswered, calls.charged, calls.without_tokens, span.begun, span.over];
    let listed = calls.errors.values().chain(calls.statuses.values());
    match tokens.as_flattened().iter().chain(&plain).chain(&more).chain(listed).max() {
        Some(most) if *most > MOST_COUNT => Err(format!("counts up to {MOST_COUNT}, found {most}")),
        Some(_) | None => Ok(()),
    }
}

fn path_named(name: &str, plan: &Plan) -> Result<PathId, String> {
    // Earlier versions wrote a name that begins like a formula as it is.
    let path = plan.paths.iter().find(|path| file::printable(&path.name) == name || path.name == name);
    path.map(|path| path.id).ok_or_else(|| format!("the name of a path of the plan, found '{name}'"))
}

/// "what=count" of each, with spaces between.
fn list<'a>(counts: impl IntoIterator<Item = (impl fmt::Display, &'a u64)>) -> String {
    counts.into_iter().map(|(what, count)| format!("{what}={count}")).collect::<Vec<_>>().join(" ")
}

/// "failed/http_429".
fn error_text(outcome: Outcome) -> String {
    let class = outcome.error().map(|class| class.to_string()).unwrap_or_default();
    format!("{}/{class}", outcome)
}

/// "failed/http_429=17".
fn error(text: &str) -> Result<(Outcome, u64), String> {
    let parts = text.split_once('=').and_then(|(what, count)| {
        let (outcome, class) = what.split_once('/')?;
        Some((Outcome::parse(outcome, class).ok()?, count.parse().ok()?))
    });
    parts.ok_or_else(|| format!("an outcome with its class and count, found '{text}'"))
}

/// "429=17".
fn status(text: &str) -> Result<(u16, u64), String> {
    let parts = text.split_once('=').and_then(|(status, count)| Some((status.parse().ok()?, count.parse().ok()?)));
    parts.ok_or_else(|| format!("a status with its count, found '{text}'"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::measure::outcome::ErrorClass;
    use crate::run::Totals;
    use crate::run::fixture::{self, World};
    use crate::units::Span;

    #[test]
    fn what_was_counted_is_what_the_rows_tell() {
        let mut run = World { failing: vec![0.0, 0.3, 0.0], seconds: 20.0, ..World::default() }.run();
        run.manifest.plan.paths[1].name = "far, \"private\"".to_owned();
        run.samples[5].outcome = Outcome::Dropped(ErrorClass::InFlightCap);
        run.samples[6].outcome = Outcome::Failed(ErrorClass::TimeoutGap);
        run.samples[9].phase = Phase::Warmup;
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::COUNTS);
        let mut counts = IntervalCounts::new(&path, &run.manifest.plan, run.manifest.origin);
        run.samples.iter().for_each(|sample| counts.count(sample));
        counts.write(true).expect("written");
        let spans = read(&path, &run.manifest.plan).expect("read");
        let begun = spans.iter().map(|span| span.begun).sum::<u64>();
        assert_eq!((begun, counts.calls()), (run.samples.len() as u64, run.samples.len() as u64));
        assert_eq!(spans.iter().map(|span| span.over).sum::<u64>(), begun);
        let counted = |run: &crate::run::Run| [Phase::Warmup, Phase::Measure].map(|phase| run.counted(phase));
        let from_rows = counted(&run);
        run.totals = Some(Totals { spans, ..Totals::default() });
        assert_eq!(counted(&run), from_rows);
        let private = &from_rows[1][1];
        assert!(!private.errors.is_empty() && from_rows[0][0].calls() == 1);
        assert_eq!((private.statuses[&429], private.with_status(|_| true)), (private.failed(), private.failures().1));
    }

    const EARLIER_HEAD: &str = "second,length,path,phase,ok,failed,incomplete,dropped,streams,stalled,opened,reused,\
                                input_tokens,output_tokens,backwards,unanswered,without_tokens,begun,over,errors,statuses";

    #[test]
    fn a_file_of_an_earlier_version_tells_as_much_as_it_holds() {
        let plan = fixture::plan(&["direct"]);
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::COUNTS);
        for (sums, told) in [("1000,300", 9), ("0,0", 0)] {
            let line = format!("0,1,direct,measure,9,1,0,0,10,0,0,10,{sums},0,0,1,10,10,failed/timeout_total=1,200=9");
            fs::write(&path, format!("{EARLIER_HEAD}\n{line}\n")).expect("written");
            let calls = read(&path, &plan).expect("read").remove(0).calls;
            assert_eq!((calls.input.calls, calls.output.calls, calls.ok_output.calls), (told, told, told), "{sums}");
            assert_eq!((calls.charged, calls.without_tokens), (10, 1), "{sums}");
        }
    }

    #[test]
    fn a_file_that_lost_some_of_its_columns_is_not_taken_for_one_of_an_earlier_version() {
        let plan = fixture::plan(&["direct"]);
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::COUNTS);
        let mut counts = IntervalCounts::new(&path, &plan, fixture::ORIGIN);
        counts.count(&fixture::sample(&plan, 0, 0, 0, fixture::ORIGIN));
        counts.write(false).expect("written");
        let text = fs::read_to_string(&path).expect("text");
        let whole = read(&path, &plan).expect("read");
        for column in text.lines().next().expect("a head line").split(',') {
            fs::write(&path, text.replacen(column, "renamed", 1)).expect("spoilt");
            let error = read(&path, &plan).map(|spans| assert_ne!(spans, whole)).expect_err(column).to_string();
            assert!(error.contains("expected a head line with") && error.contains(column), "{error}");
        }
        fs::write(&path, text.replacen(",200=1,1,", ",200=1,,", 1)).expect("spoilt");
        let error = read(&path, &plan).expect_err("an empty cell").to_string();
        assert!(error.contains("counts.csv:2: expected a count (a whole number) in column 'input_calls'"), "{error}");
        for nothing in ["", "\n", "\u{feff}\r\n \r\n"] {
            fs::write(&path, nothing).expect("emptied");
            assert!(read(&path, &plan).expect_err("nothing").to_string().contains("a head line, found nothing"));
        }
    }

    #[test]
    fn a_long_run_has_wide_intervals_and_a_spoilt_line_is_named() {
        let mut plan = fixture::plan(&["direct"]);
        plan.load.duration = Span::from_secs(3_600);
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::COUNTS);
        let mut counts = IntervalCounts::new(&path, &plan, fixture::ORIGIN);
        for second in 0..3_600 {
            let at = fixture::ORIGIN + Duration::from_secs(second);
            counts.count(&fixture::sample(&plan, second, second, 0, at));
        }
        counts.write(false).expect("written");
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 1 + 360);
        assert!(
            text.contains("\n3590,10,direct,measure,10,0,0,0,10,0,0,10,1000,300,0,0,0,10,10,,200=10,10,10,300,10,10\n"),
            "{text}"
        );
        fs::write(&path, text.replacen(",measure,10", ",measure,ten", 1)).expect("spoilt");
        assert!(read(&path, &plan).expect_err("spoilt").to_string().contains("counts.csv:2: expected a count"));
    }
}
