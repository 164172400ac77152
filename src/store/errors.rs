//! `errors.jsonl`: a line for each path and class of errors, with their number, their time and what was said.
//!
//! There are few classes on few paths, so the file stays small however many calls fail. It is written anew as a whole
//! within a second of a change, so that a killed run tells what it was told; without errors there is none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::measure::errors_seen::ErrorSeen;
use crate::measure::outcome::ErrorClass;
use crate::measure::sample::Sample;
use crate::run::Manifest;
use crate::store::bounds::{Bounds, MOST_COUNT};
use crate::store::file::{self, StoreError};
use crate::store::lines::Lines;
use crate::units::{Nanos, PathId, Phase};

/// One line. Times are milliseconds from the run's start, as in `requests.csv`.
#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    error: String,
    /// Calls of the measured phase.
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Box<str>>,
}

/// The errors of a run, noted as calls end.
#[derive(Debug)]
pub(crate) struct ErrorLog {
    file: PathBuf,
    names: Vec<String>,
    origin: Nanos,
    errors: BTreeMap<(PathId, ErrorClass), ErrorSeen>,
    changed: bool,
}

impl ErrorLog {
    /// An empty log that is written to `file`.
    #[must_use]
    pub(crate) fn new(file: &Path, manifest: &Manifest) -> Self {
        let names = manifest.plan.paths.iter().map(|path| path.name.clone()).collect();
        Self { file: file.to_owned(), names, origin: manifest.origin, errors: BTreeMap::new(), changed: false }
    }

    /// Notes a call that has ended or was dropped, if it went wrong.
    pub(crate) fn note(&mut self, sample: &Sample) {
        let Some(class) = sample.outcome.error() else { return };
        let none = || ErrorSeen::none(sample.path, class);
        let seen = self.errors.entry((sample.path, class)).or_insert_with(none);
        if sample.phase == Phase::Measure {
            seen.add(sample.stamps.end.unwrap_or(sample.stamps.intended));
        }
        if seen.message.is_none() {
            seen.message.clone_from(&sample.message);
        }
        self.changed = true;
    }

    /// Writes the file anew if there is something new; `to_disk` also waits until the disk has it.
    ///
    /// # Errors
    /// When the disk or the folder refuses.
    pub(crate) fn write(&mut self, to_disk: bool) -> Result<(), StoreError> {
        if self.errors.is_empty() || !(self.changed || to_disk) {
            return Ok(());
        }
        let text: String = self.errors.values().map(|seen| self.line(seen)).collect();
        file::put(&self.file, text.as_bytes(), to_disk)?;
        self.changed = false;
        Ok(())
    }

    fn line(&self, seen: &ErrorSeen) -> String {
        let ms = |at: Nanos| at.ms_since(self.origin);
        let line = Line {
            path: self.names[seen.path.index()].clone(),
            error: seen.class.to_string(),
            count: seen.count,
            first_ms: seen.between.map(|(first, _)| ms(first)),
            last_ms: seen.between.map(|(_, last)| ms(last)),
            message: seen.message.clone(),
        };
        // Texts and numbers are always JSON.
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }
}

/// Reads the errors back; none where there is no such file, as in a run without errors and in those of earlier versions.
///
/// # Errors
/// When the file is not readable, or a line is not what it should be.
pub(crate) fn read(path: &Path, manifest: &Manifest) -> Result<Vec<ErrorSeen>, StoreError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let (mut lines, mut errors) = (Lines::open(path)?, Vec::<ErrorSeen>::new());
    while let Some(line) = lines.next()? {
        let line = serde_json::from_slice(line).map_err(|error| format!("an object, but: {error}"));
        let seen = line.and_then(|line| parse(line, manifest)).map_err(|what| lines.broken(what))?;
        if errors.iter().any(|other| (other.path, other.class) == (seen.path, seen.class)) {
            return Err(lines.broken("one line for each path and class of errors, found another"));
        }
        errors.push(seen);
    }
    Ok(errors)
}

fn parse(line: Line, manifest: &Manifest) -> Result<ErrorSeen, String> {
    let path = manifest.plan.path_named(&line.path);
    let path = path.ok_or_else(|| format!("the name of a path of the plan, found '{}'", line.path))?;
    let class = line.error.parse().map_err(|error| format!("a class of errors, but: {error}"))?;
    if line.count > MOST_COUNT {
        return Err(format!("a count up to {MOST_COUNT}, found {}", line.count));
    }
    let bounds = Bounds::of(&manifest.plan, manifest.origin);
    let at = |ms: f64| {
        let at = Nanos((manifest.origin.0 as i128 + (ms * 1e6).round() as i128).clamp(0, i128::from(u64::MAX)) as u64);
        bounds.hold(at).then_some(at).ok_or_else(|| format!("a time in ms within the run, found {ms}"))
    };
    let between = line.first_ms.zip(line.last_ms).map(|(first, last)| Ok::<_, String>((at(first)?, at(last)?)));
    let between = between.transpose()?;
    Ok(ErrorSeen { path: path.id, class, count: line.count, between, message: line.message })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::fixture;

    fn failed(seq: u64, class: ErrorClass, phase: Phase, message: Option<&str>) -> Sample {
        let plan = fixture::plan(&["direct", "gateway"]);
        let at = fixture::ORIGIN + Duration::from_millis(100 * seq);
        let mut sample = fixture::sample(&plan, seq, seq, 1, at);
        fixture::fail(&mut sample, class);
        (sample.phase, sample.message) = (phase, message.map(Into::into));
        sample
    }

    #[test]
    fn errors_come_back_with_the_first_words_of_each_class() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::ERRORS);
        let manifest = fixture::manifest(fixture::plan(&["direct", "gateway"]), None);
        let mut log = ErrorLog::new(&path, &manifest);
        log.write(true).expect("nothing to write");
        assert_eq!((path.exists(), read(&path, &manifest).expect("none")), (false, vec![]));
        for sample in [
            failed(1, ErrorClass::Http(429), Phase::Warmup, None),
            failed(2, ErrorClass::Http(429), Phase::Measure, Some("slow \"down\"")),
            failed(3, ErrorClass::Http(429), Phase::Measure, Some("again")),
            failed(4, ErrorClass::Tls, Phase::Warmup, Some("no")),
            failed(5, ErrorClass::Dns, Phase::Measure, None),
            fixture::sample(&manifest.plan, 9, 9, 0, fixture::ORIGIN),
        ] {
            log.note(&sample);
        }
        log.write(false).expect("written");
        let errors = read(&path, &manifest).expect("read");
        assert_eq!(errors, log.errors.values().cloned().collect::<Vec<_>>());
        let throttled = errors.iter().find(|seen| seen.class == ErrorClass::Http(429)).expect("throttled");
        let at = |ms| fixture::ORIGIN + Duration::from_millis(ms);
        assert_eq!((throttled.path, throttled.count, throttled.between), (PathId(1), 2, Some((at(300), at(400)))));
        assert_eq!(throttled.message.as_deref(), Some("slow \"down\""));
        assert_eq!(errors.len(), 3);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(file::ERRORS);
        let manifest = fixture::manifest(fixture::plan(&["direct"]), None);
        for (text, part) in [
            ("{\"path\":\"direct\",\"error\":\"dns\",\"count\":1}\nx\n", "errors.jsonl:2: expected an object"),
            ("{\"path\":\"other\",\"error\":\"dns\",\"count\":1}\n", "found 'other'"),
            ("{\"path\":\"direct\",\"error\":\"dsn\",\"count\":1}\n", "'dsn'"),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = read(&path, &manifest).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
