//! `counts.csv`: calls counted interval by interval while the run goes on, exact however many they are.
//!
//! The file is written anew as a whole every few seconds, so that a killed run keeps what it counted. It has a line for
//! each interval, path and phase in which anything happened, and an interval widens with the plan: its size does not
//! depend on the number of calls.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::measure::counts::{Counts, TokenCount};
use crate::measure::outcome::Outcome;
use crate::measure::sample::Sample;
use crate::plan::Plan;
use crate::run::SpanCounts;
use crate::store::file::{self, StoreError};
use crate::units::{Nanos, PathId, Phase};

const HEAD: &str = "second,length,path,phase,ok,failed,incomplete,dropped,streams,stalled,opened,reused,input_tokens,\
                    output_tokens,backwards,unanswered,without_tokens,begun,over,errors,statuses";

/// Columns that the files of earlier versions do not have.
const LATER: [&str; 5] = ["input_calls", "output_calls", "ok_output_tokens", "ok_output_calls", "charged"];

/// The calls of a run, counted as they end.
#[derive(Debug)]
pub struct Books {
    path: PathBuf,
    names: Vec<String>,
    origin: Nanos,
    length: u64,
    spans: BTreeMap<(u64, PathId, Phase), SpanCounts>,
    seen: u64,
}

impl Books {
    /// Empty books that are written to `path`. `origin` is the run's start.
    #[must_use]
    pub fn new(path: &Path, plan: &Plan, origin: Nanos) -> Self {
        let names = plan.paths.iter().map(|path| path.name.clone()).collect();
        Self { path: path.to_owned(), names, origin, length: plan.interval_s(), spans: BTreeMap::new(), seen: 0 }
    }

    /// Counts a call that has ended or was dropped.
    pub fn count(&mut self, sample: &Sample) {
        self.seen += 1;
        self.span(sample, sample.stamps.intended).calls.count(sample);
        if let Some(taken) = sample.stamps.dequeued.or(sample.stamps.sent) {
            self.span(sample, taken).begun += 1;
            self.span(sample, sample.stamps.end.unwrap_or(taken)).over += 1;
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
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
        let mut text = format!("{HEAD},{}\n", LATER.join(","));
        self.spans.values().for_each(|span| line(&mut text, span, &self.names[span.path.index()]));
        if to_disk {
            file::write_whole(&self.path, text.as_bytes())
        } else {
            file::replace(&self.path, text.as_bytes())
        }
    }
}

fn line(text: &mut String, span: &SpanCounts, name: &str) {
    let calls = &span.calls;
    let mut errors = String::new();
    for (outcome, count) in &calls.errors {
        let class = outcome.error().map(|class| class.to_string()).unwrap_or_default();
        let gap = if errors.is_empty() { "" } else { " " };
        // Writing into a String does not fail.
        let _ = write!(errors, "{gap}{}/{class}={count}", outcome.as_str());
    }
    let _ = write!(text, "{},{},{},{}", span.second, span.length, file::field(name), span.phase.as_str());
    for number in [
        calls.ok,
        calls.failed(),
        calls.incomplete(),
        calls.dropped(),
        calls.streams,
        calls.stalled,
        calls.opened,
        calls.reused,
        calls.input.sum,
        calls.output.sum,
        calls.backwards,
        calls.unanswered,
        calls.without_tokens,
        span.begun,
        span.over,
    ] {
        let _ = write!(text, ",{number}");
    }
    let statuses = calls.statuses.iter().map(|(status, count)| format!("{status}={count}"));
    let _ = write!(text, ",{errors},{}", statuses.collect::<Vec<_>>().join(" "));
    let (input, output, ok_output) = (calls.input, calls.output, calls.ok_output);
    for number in [input.calls, output.calls, ok_output.sum, ok_output.calls, calls.charged] {
        let _ = write!(text, ",{number}");
    }
    text.push('\n');
}

/// Reads `counts.csv` back.
///
/// # Errors
/// When the file is not readable, or a line is not what it should be.
pub fn read(path: &Path, plan: &Plan) -> Result<Vec<SpanCounts>, StoreError> {
    let bytes = file::read_whole(path)?;
    let broken = |line: u64, what: String| StoreError::broken(path, line, what);
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes.as_slice());
    let mut spans = Vec::new();
    for (record, line) in lines.records().zip(1..) {
        let record = record.map_err(|error| broken(line, format!("a row of comma-separated text, but: {error}")))?;
        if line == 1 {
            let whole = || record.iter().eq(HEAD.split(',').chain(LATER));
            let is_head = whole() || record.iter().eq(HEAD.split(','));
            is_head.then_some(()).ok_or_else(|| broken(1, format!("the head line '{HEAD}'")))?;
        } else if !file::is_blank(&record) {
            spans.push(span(&record, plan).map_err(|what| broken(line, what))?);
        }
    }
    Ok(spans)
}

fn span(record: &csv::StringRecord, plan: &Plan) -> Result<SpanCounts, String> {
    let field = |place: usize| record.get(place).unwrap_or_default();
    let number = |place: usize| field(place).parse::<u64>().map_err(|_| format!("a count, found '{}'", field(place)));
    let path = plan.paths.iter().find(|path| file::printable(&path.name) == field(2));
    let later = later(number, record.len())?;
    let errors = field(19).split_ascii_whitespace().map(error).collect::<Result<_, _>>()?;
    Ok(SpanCounts {
        second: number(0)?,
        length: number(1)?,
        path: path
            .map(|path| path.id)
            .ok_or_else(|| format!("the name of a path of the plan, found '{}'", field(2)))?,
        phase: field(3).parse().map_err(|error| format!("a phase, but: {error}"))?,
        calls: Counts {
            ok: number(4)?,
            errors,
            streams: number(8)?,
            stalled: number(9)?,
            opened: number(10)?,
            reused: number(11)?,
            input: TokenCount { sum: number(12)?, calls: later[0] },
            output: TokenCount { sum: number(13)?, calls: later[1] },
            ok_output: TokenCount { sum: later[2], calls: later[3] },
            charged: later[4],
            backwards: number(14)?,
            unanswered: number(15)?,
            without_tokens: number(16)?,
            statuses: field(20).split_ascii_whitespace().map(status).collect::<Result<_, _>>()?,
        },
        begun: number(17)?,
        over: number(18)?,
    })
}

/// The numbers of [`LATER`]. A file without them counted a call whose server did not tell its tokens as one of none:
/// where there are any, all successful calls stand for those that told.
fn later(number: impl Fn(usize) -> Result<u64, String>, width: usize) -> Result<[u64; LATER.len()], String> {
    let before = HEAD.split(',').count();
    if width > before {
        let mut later = [0; LATER.len()];
        for (place, value) in later.iter_mut().enumerate() {
            *value = number(before + place)?;
        }
        return Ok(later);
    }
    let (ok, input, output, unknown) = (number(4)?, number(12)?, number(13)?, number(16)?);
    let of = |sum: u64| if sum > 0 { ok } else { 0 };
    Ok([of(input), of(output), output, of(output), ok + unknown])
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
    use crate::run::Census;
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
        let mut books = Books::new(&path, &run.manifest.plan, run.manifest.origin);
        run.samples.iter().for_each(|sample| books.count(sample));
        books.write(true).expect("written");
        let spans = read(&path, &run.manifest.plan).expect("read");
        let begun = spans.iter().map(|span| span.begun).sum::<u64>();
        assert_eq!((begun, books.seen()), (run.samples.len() as u64, run.samples.len() as u64));
        assert_eq!(spans.iter().map(|span| span.over).sum::<u64>(), begun);
        let counted = |run: &crate::run::Run| [Phase::Warmup, Phase::Measure].map(|phase| run.counted(phase));
        let from_rows = counted(&run);
        run.census = Some(Census { spans, ..Census::default() });
        assert_eq!(counted(&run), from_rows);
        let private = &from_rows[1][1];
        assert!(!private.errors.is_empty() && from_rows[0][0].calls() == 1);
        assert_eq!((private.statuses[&429], private.with_status(|_| true)), (private.failed(), private.failures().1));
    }

    #[test]
    fn a_file_of_an_earlier_version_tells_as_much_as_it_holds() {
        let plan = fixture::plan(&["direct"]);
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::COUNTS);
        for (sums, told) in [("1000,300", 9), ("0,0", 0)] {
            let line = format!("0,1,direct,measure,9,1,0,0,10,0,0,10,{sums},0,0,1,10,10,failed/timeout_total=1,200=9");
            fs::write(&path, format!("{HEAD}\n{line}\n")).expect("written");
            let calls = read(&path, &plan).expect("read").remove(0).calls;
            assert_eq!((calls.input.calls, calls.output.calls, calls.ok_output.calls), (told, told, told), "{sums}");
            assert_eq!((calls.charged, calls.without_tokens), (10, 1), "{sums}");
        }
    }

    #[test]
    fn a_long_run_has_wide_intervals_and_a_spoilt_line_is_named() {
        let mut plan = fixture::plan(&["direct"]);
        plan.load.duration = Span::from_secs(3_600);
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::COUNTS);
        let mut books = Books::new(&path, &plan, fixture::ORIGIN);
        for second in 0..3_600 {
            let at = fixture::ORIGIN + Duration::from_secs(second);
            books.count(&fixture::sample(&plan, second, second, 0, at));
        }
        books.write(false).expect("written");
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
