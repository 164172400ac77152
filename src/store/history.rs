//! Reads a folder of runs, or of their `summary.json` files, as a history in the order of time.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::limits::Limit;
use crate::measure::metric::{Basis, Metric};
use crate::run::Manifest;
use crate::run::facts::Experiment;
use crate::run::historical::{Eligibility, Figure, HistoricalRun, HistoricalShift};
use crate::store::bounds::MOST_NUMBER;
use crate::store::file::{self, StoreError};
use crate::store::manifest;
use crate::units::Quantile;

/// How deep folders are looked into.
const DEPTH: usize = 4;

/// How many rows of comparisons a summary may have for each of its paths.
const MOST_ROWS_OF_A_PATH: usize = 256;

/// How many files and folders are looked at: a link may lead anywhere.
const MOST_ENTRIES: usize = Limit::HistoryFiles.most();

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// Its runs in the order of time.
    pub runs: Vec<HistoricalRun>,
    /// What looked like a run and could not be read: where, and why.
    pub unread: Vec<(String, String)>,
}

/// Reads the runs below a folder: every folder with a `summary.json`, and every other JSON file that is such a summary.
/// A run without a summary, because it was killed, counts as incomplete. Of runs with the same name one is kept.
///
/// # Errors
/// When the folder itself cannot be read.
pub(crate) fn read(dir: &Path) -> Result<History, StoreError> {
    let mut reader = Reader { root: dir, looked_at: 0, history: History::default() };
    reader.folder(dir, DEPTH)?;
    let mut history = reader.history;
    history.runs.sort_by(|a, b| a.at_s.total_cmp(&b.at_s).then_with(|| a.source.cmp(&b.source)));
    let mut seen = std::collections::HashSet::new();
    history.runs.retain(|run| seen.insert((run.id.clone(), run.started_at.clone())));
    Ok(history)
}

struct Reader<'a> {
    root: &'a Path,
    /// Files and folders so far.
    looked_at: usize,
    history: History,
}

impl Reader<'_> {
    fn folder(&mut self, dir: &Path, depth: usize) -> Result<(), StoreError> {
        let summary = dir.join(file::SUMMARY);
        if is_named(&summary) {
            // A summary may lie without its manifest: it is followed, but nobody knows of what it is a repetition.
            let experiment = self.experiment_beside(dir);
            self.keep(dir, summed(&summary).map(|run| HistoricalRun { experiment, ..run }));
            return Ok(());
        }
        if is_named(&dir.join(file::MANIFEST)) {
            self.keep(dir, killed(dir));
            return Ok(());
        }
        let unreadable = |error| StoreError::unreadable(dir, error);
        let entries = fs::read_dir(dir).map_err(unreadable)?;
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unreadable)?;
        paths.sort();
        self.looked_at += paths.len();
        if self.looked_at > MOST_ENTRIES {
            return Err(StoreError::TooMany { path: self.root.to_owned(), most: MOST_ENTRIES });
        }
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !hidden && depth > 0 {
                self.folder(&path, depth - 1)?;
            } else if path.extension().is_some_and(|ending| ending == "json") && looks_like_a_summary(&path) {
                self.keep(&path, summed(&path));
            }
        }
        Ok(())
    }

    /// Of what the run of a summary is one repetition, as the manifest beside it says.
    fn experiment_beside(&mut self, dir: &Path) -> Option<Experiment> {
        match manifest::read(dir) {
            Ok(manifest) => Some(experiment(&manifest)),
            Err(error) if error.is_wrong_name() => None,
            Err(error) => {
                self.leave_unread(&dir.join(file::MANIFEST), error.to_string());
                None
            }
        }
    }

    fn keep(&mut self, path: &Path, run: Result<HistoricalRun, String>) {
        match run {
            Ok(run) => self.history.runs.push(HistoricalRun { source: self.source(path), ..run }),
            Err(why) => self.leave_unread(path, why),
        }
    }

    fn leave_unread(&mut self, path: &Path, why: String) {
        self.history.unread.push((self.source(path), why));
    }

    /// A place as messages name it: below the folder of the history.
    fn source(&self, path: &Path) -> String {
        let below = path.strip_prefix(self.root).unwrap_or(path);
        if below.as_os_str().is_empty() { path.display().to_string() } else { below.display().to_string() }
    }
}

/// Whether something has this name, be it a file or not: what is in a file's place is told when it is read.
fn is_named(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether a JSON file that is not named as one is a summary of a run: other documents lie in such folders too.
fn looks_like_a_summary(path: &Path) -> bool {
    let document: Option<Value> =
        file::read_whole(path, Limit::RunDocument.most()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    document.is_some_and(|document| ["run", "validity", "paths"].iter().all(|key| document[key].is_object()))
}

/// The run that a summary describes.
fn summed(path: &Path) -> Result<HistoricalRun, String> {
    let bytes = file::read_whole(path, Limit::RunDocument.most()).map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_slice(&bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    if document["schema_version"] != 1 {
        return Err(format!("schema_version {} is not 1; use a newer hopmark", document["schema_version"]));
    }
    let text = |key: &str| {
        let value = document.pointer(key).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("{key} is missing"))
    };
    let started_at = text("/run/started_at")?;
    let complete = document["run"]["complete"].as_bool().ok_or("/run/complete is missing")?;
    let eligibility = match text("/validity/verdict")?.as_str() {
        "invalid" => Eligibility::Invalid,
        _ if !complete => Eligibility::Incomplete,
        _ => Eligibility::Sound,
    };
    let paths = document["paths"].as_object().ok_or("/paths is missing")?;
    let most = Limit::RunPaths.most();
    if paths.len() > most {
        return Err(format!("/paths takes at most {most} paths"));
    }
    let figures: Result<Vec<_>, String> = paths.iter().map(|(name, path)| figures(name, path)).collect();
    let figures = figures?.concat();
    Ok(HistoricalRun {
        source: String::new(),
        id: text("/run/id")?,
        profile: text("/run/profile")?,
        at_s: seconds(&started_at)?,
        started_at,
        tool_version: text("/run/tool_version")?,
        eligibility,
        failed: paths.iter().filter(|(_, path)| has_failed(path)).map(|(name, _)| name.clone()).collect(),
        paths: paths.keys().cloned().collect(),
        figures,
        shifts: shifts(&document)?,
        experiment: None,
    })
}

fn experiment(manifest: &Manifest) -> Experiment {
    Experiment::of(&manifest.plan, manifest.simulator.as_ref())
}

/// How the paths compared, as far as a summary says with an interval.
fn shifts(document: &Value) -> Result<Vec<HistoricalShift>, String> {
    let mut shifts = Vec::new();
    let most = Limit::RunPaths.most() * MOST_ROWS_OF_A_PATH;
    for (place, row) in document["comparisons"].as_array().into_iter().flatten().enumerate() {
        if place >= most {
            return Err(format!("/comparisons takes at most {most} rows"));
        }
        let number = |value: &Value| value.as_f64().filter(|ms| (-MOST_NUMBER..=MOST_NUMBER).contains(ms));
        let (Some(baseline), Some(candidate)) = (row["baseline"].as_str(), row["candidate"].as_str()) else { continue };
        let Some(Ok(metric)) = row["metric"].as_str().map(str::parse) else { continue };
        let Some(quantile) = row["quantile"].as_f64().filter(|q| (0.0..1.0).contains(q)) else { continue };
        let (Some(shift_ms), Some(ci)) = (row["shift_ms"].as_f64(), row["ci_ms"].as_array()) else { continue };
        let bounds = (ci.first().and_then(number), ci.get(1).and_then(number), number(&row["shift_ms"]));
        let (Some(low), Some(high), Some(_)) = bounds else {
            return Err(format!("/comparisons/{place} takes numbers up to {MOST_NUMBER}"));
        };
        if low > high {
            return Err(format!("/comparisons/{place}/ci_ms takes the lower end first, found [{low}, {high}]"));
        }
        shifts.push(HistoricalShift {
            baseline: baseline.to_owned(),
            candidate: candidate.to_owned(),
            metric,
            quantile: Quantile(quantile),
            shift_ms,
            ci_ms: (low, high),
            // Summaries of earlier versions count the blocks of the run alone.
            blocks: row["blocks"].as_u64().or(document["blocks"]["count"].as_u64()).unwrap_or(0) as usize,
        });
    }
    Ok(shifts)
}

/// Whether a path failed: as the summary says it, or, in one of an older version, because no call of it succeeded.
fn has_failed(facts: &Value) -> bool {
    let count = |key: &str| facts["requests"][key].as_u64().unwrap_or(0);
    facts["failure"].is_object() || (count("ok") == 0 && count("failed") > 0)
}

fn figures(path: &str, facts: &Value) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for (key, metric) in facts["metrics"].as_object().into_iter().flatten() {
        // Service times stand beside under names of their own.
        let Ok(name) = key.parse::<Metric>() else { continue };
        let basis = match metric["basis"].as_str() {
            Some("response") => Some(Basis::Response),
            Some("service") => Some(Basis::Service),
            _ => None,
        };
        for (key, value) in metric.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with('p')) {
            let (Ok(quantile), Some(ms)) = (key.parse(), value.as_f64()) else { continue };
            if !(0.0..=MOST_NUMBER).contains(&ms) {
                return Err(format!(
                    "/paths/{path}/metrics/{name}/{key} takes a number from 0 to {MOST_NUMBER}, found {ms}"
                ));
            }
            figures.push(Figure { path: path.to_owned(), metric: name, basis, quantile, ms });
        }
    }
    Ok(figures)
}

/// A run without a summary.
fn killed(dir: &Path) -> Result<HistoricalRun, String> {
    let manifest = manifest::read(dir).map_err(|error| error.to_string())?;
    let experiment = Some(experiment(&manifest));
    Ok(HistoricalRun {
        source: String::new(),
        id: manifest.id,
        profile: manifest.plan.name,
        at_s: seconds(&manifest.started_at)?,
        started_at: manifest.started_at,
        tool_version: manifest.tool_version,
        eligibility: Eligibility::Incomplete,
        failed: Vec::new(),
        paths: manifest.plan.paths.into_iter().map(|path| path.name).collect(),
        figures: Vec::new(),
        shifts: Vec::new(),
        experiment,
    })
}

fn seconds(rfc3339: &str) -> Result<f64, String> {
    let at = OffsetDateTime::parse(rfc3339, &Rfc3339).map_err(|_| format!("'{rfc3339}' is not a time of RFC 3339"))?;
    Ok(at.unix_timestamp_nanos() as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;
    use serde_json::json;

    fn summary(id: &str, started_at: &str) -> Value {
        json!({
            "schema_version": 1,
            "run": {"id": id, "profile": "nightly", "started_at": started_at, "duration_s": 60.0, "complete": true,
                "tool_version": "0.1.0", "seed": 42},
            "validity": {"verdict": "valid", "reasons": []},
            "paths": {"direct": {"metrics": {
                "ttft": {"unit": "ms", "basis": "response", "n": 600, "p50": 150.5, "p95": 240.0, "p99_9": null,
                    "p99_9_reason": "too few"},
                "ttft_service": {"unit": "ms", "basis": "service", "p50": 149.0},
                "tcp": {"unit": "ms", "basis": null, "p50": 2.0},
            }}},
        })
    }

    fn write(path: &Path, document: &Value) {
        fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        fs::write(path, document.to_string()).expect("written");
    }

    #[test]
    fn runs_and_loose_summaries_come_in_the_order_of_time() {
        let dir = tempfile::tempdir().expect("dir");
        let at = |name: &str| dir.path().join(name);
        write(&at("z/summary.json"), &summary("first", "2026-10-01T01:00:00Z"));
        write(&at("a/b/summary.json"), &summary("third", "2026-10-03T01:00:00Z"));
        write(&at("loose.json"), &summary("second", "2026-10-02T02:00:00+01:00"));
        write(&at("copy.json"), &summary("second", "2026-10-02T02:00:00+01:00"));
        write(&at("other.json"), &json!({"hello": "world"}));
        let history = read(dir.path()).expect("read");
        let ids: Vec<_> = history.runs.iter().map(|run| (run.id.as_str(), run.source.as_str())).collect();
        assert_eq!(ids, [("first", "z"), ("second", "copy.json"), ("third", "a/b")]);
        assert!(history.unread.is_empty());
        let run = &history.runs[0];
        assert_eq!(run.figure("direct", Metric::Ttft, Quantile(0.5)).map(|figure| figure.ms), Some(150.5));
        assert_eq!(
            run.figure("direct", Metric::Ttft, Quantile(0.5)).and_then(|figure| figure.basis),
            Some(Basis::Response)
        );
        assert_eq!(run.figure("direct", Metric::Ttft, Quantile(0.999)), None, "what was not measured is no zero");
        assert_eq!(run.figure("direct", Metric::Tcp, Quantile(0.5)).map(|figure| figure.basis), Some(None));
        assert_eq!((run.day(), history.runs[1].at_s - run.at_s), ("2026-10-01", 86_400.0));
    }

    #[test]
    fn what_is_not_sound_is_known_and_what_is_broken_is_named() {
        let dir = tempfile::tempdir().expect("dir");
        let at = |name: &str| dir.path().join(name).join(file::SUMMARY);
        let changed = |pointer: &str, value: Value| {
            let mut document = summary(pointer, "2026-10-01T01:00:00Z");
            *document.pointer_mut(pointer).expect("pointer") = value;
            document
        };
        write(&at("a"), &changed("/validity/verdict", json!("invalid")));
        write(&at("b"), &changed("/run/complete", json!(false)));
        write(&at("c"), &changed("/schema_version", json!(2)));
        write(&at("d"), &changed("/run/started_at", json!("yesterday")));
        fs::create_dir_all(dir.path().join("e")).expect("folder");
        fs::write(at("e"), "half a docu").expect("written");
        let killed = dir.path().join("killed");
        fs::create_dir_all(&killed).expect("folder");
        manifest::write(&killed, &fixture::manifest(fixture::plan(&["direct"]), None)).expect("manifest");
        let history = read(dir.path()).expect("read");
        let standings: Vec<_> = history.runs.iter().map(|n| (n.source.as_str(), n.eligibility)).collect();
        assert_eq!(
            standings,
            [("a", Eligibility::Invalid), ("b", Eligibility::Incomplete), ("killed", Eligibility::Incomplete)]
        );
        let unread: Vec<_> = history.unread.iter().map(|(source, _)| source.as_str()).collect();
        assert_eq!(unread, ["c", "d", "e"]);
        assert!(history.unread[0].1.contains("newer hopmark") && history.unread[1].1.contains("yesterday"));
        assert!(read(&dir.path().join("nowhere")).is_err());
    }
}
