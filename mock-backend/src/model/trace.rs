//! Recorded times: when each token of real answers came, one answer a line, as `record` writes them.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::units::read_file;

/// The answers of one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trace {
    answers: Arc<[Box<[f64]>]>,
    /// How many times as fast as recorded it is played.
    pub(crate) speed: f64,
}

/// The part of a line that tells the times; what else it holds does not matter here.
#[derive(Deserialize)]
struct Line {
    offsets_ms: Vec<f64>,
}

impl Trace {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names the file and the line.
    pub(crate) fn load(file: &Path, speed: f64) -> Result<Self, String> {
        let name = file.display();
        let text =
            String::from_utf8(read_file(file)?).map_err(|_| format!("{name} cannot be read: it is not UTF-8"))?;
        Self::parse(&text, speed).map_err(|wrong| format!("{name} {wrong}"))
    }

    fn parse(text: &str, speed: f64) -> Result<Self, String> {
        if !(speed.is_finite() && speed > 0.0) {
            return Err("cannot be played at a speed of 0 or less".to_owned());
        }
        let lines = text
            .lines()
            .map(|line| line.trim_start_matches('\u{feff}'))
            .zip(1..)
            .filter(|(line, _)| !line.trim().is_empty());
        let read = |(line, number): (&str, usize)| {
            let line: Line = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
            check(&line.offsets_ms).map_err(|wrong| format!("line {number}: {wrong}"))?;
            Ok(line.offsets_ms.iter().map(|ms| ms * 1e6).collect::<Box<[f64]>>())
        };
        let mut answers = lines.map(read).collect::<Result<Vec<_>, String>>()?;
        // An answer that failed has no tokens.
        answers.retain(|offsets| !offsets.is_empty());
        if answers.is_empty() {
            return Err("holds no answer with tokens".to_owned());
        }
        Ok(Self { answers: answers.into(), speed })
    }

    /// How many answers there are.
    pub(crate) fn len(&self) -> usize {
        self.answers.len()
    }

    /// When each token of answer `number` comes, in nanoseconds from its start, at the speed of playing.
    pub(crate) fn answer(&self, number: usize) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.answers[number % self.answers.len()].iter().map(|at| at / self.speed)
    }

    /// The times of all first tokens, sorted.
    pub(crate) fn firsts(&self) -> Vec<f64> {
        let mut firsts: Vec<f64> = (0..self.len()).filter_map(|number| self.answer(number).next()).collect();
        firsts.sort_unstable_by(f64::total_cmp);
        firsts
    }
}

fn check(offsets: &[f64]) -> Result<(), &'static str> {
    if !offsets.iter().all(|ms| (0.0..=3_600_000.0).contains(ms)) {
        return Err("offsets_ms must be from 0 to an hour");
    }
    if offsets.is_sorted() { Ok(()) } else { Err("offsets_ms must not fall") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_played_at_its_speed() {
        let text = "{\"offsets_ms\":[100, 120.5, 150],\"status\":200}\n\n{\"offsets_ms\":[]}\n{\"offsets_ms\":[80]}\n";
        let trace = Trace::parse(text, 2.0).unwrap();
        assert_eq!(trace.len(), 2);
        assert_eq!(trace.answer(0).collect::<Vec<_>>(), [50e6, 60.25e6, 75e6]);
        assert_eq!(trace.answer(3).collect::<Vec<_>>(), [40e6]);
        assert_eq!(trace.firsts(), [40e6, 50e6]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let table = [
            ("", 1.0, "no answer"),
            ("{\"offsets_ms\":[1]}", 0.0, "speed"),
            ("{\"offsets_ms\":[1]}\nx", 1.0, "line 2"),
            ("{\"offsets_ms\":[2,1]}", 1.0, "line 1: offsets_ms must not fall"),
            ("{\"offsets_ms\":[-1]}", 1.0, "line 1: offsets_ms must be from 0"),
        ];
        for (text, speed, expected) in table {
            let wrong = Trace::parse(text, speed).unwrap_err();
            assert!(wrong.contains(expected), "{wrong}");
        }
    }
}
