//! The values behind the metrics of a run, for the files that hold whole distributions.

use std::path::PathBuf;

use hdrhistogram::Histogram;

use crate::analysis::Analysis;
use crate::analysis::input::population::value_ms;
use crate::analysis::input::view::View;
use crate::analysis::summary::paths::MetricSummary;
use crate::measure::histogram;
use crate::measure::metric::{Basis, Metric};
use crate::measure::sample::Sample;
use crate::run::Run;
use crate::units::PathId;

/// The attempts of which figures are made.
pub(crate) fn kept(run: &Run) -> Vec<&Sample> {
    View::of(run).kept
}

/// A metric of a path that has values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    /// The path.
    pub(crate) path: PathId,
    /// The metric, as it was summarized.
    pub(crate) summary: &'a MetricSummary,
}

/// Every metric of every path that has values, in the order of the summary.
pub(crate) fn series(analysis: &Analysis) -> impl Iterator<Item = Series<'_>> {
    analysis.paths.iter().flat_map(move |path| {
        path.metrics.iter().filter(|m| m.n > 0).map(move |summary| Series { path: path.path, summary })
    })
}

impl Series<'_> {
    /// The name of its file in `folder`: `direct.ttft_service.hgrm`. What a file name cannot hold becomes `_`.
    pub(crate) fn file(&self, run: &Run, folder: &str) -> PathBuf {
        let name = file_name(run, self.path);
        PathBuf::from(format!("{folder}/{name}.{}.{folder}", self.summary.key()))
    }

    /// Which of its two forms it is.
    fn basis(&self, run: &Run) -> Basis {
        if self.summary.beside { Basis::Service } else { run.headline_basis() }
    }

    /// Its values one by one: the second since the run's start in which the call ended, and nanoseconds. Of
    /// successful calls among those `kept`, which are not all calls where rows are a sample; none for gaps between chunks, which are there as a histogram alone.
    pub(crate) fn of_calls<'r>(&self, run: &'r Run, kept: &'r [&Sample]) -> impl Iterator<Item = (u64, u64)> + 'r {
        let (path, metric, basis) = (self.path, self.summary.metric, self.basis(run));
        kept.iter().filter(move |sample| sample.path == path).filter_map(move |sample| {
            let ms = value_ms(sample, metric, basis)?;
            let ended = sample.stamps.end.unwrap_or(sample.stamps.intended);
            Some((run.second_of(ended), (ms * 1e6).round() as u64))
        })
    }

    /// All of them, in nanoseconds: of every call, also where not every call has a row.
    pub(crate) fn histogram(&self, run: &Run, kept: &[&Sample]) -> Histogram<u64> {
        if self.summary.metric == Metric::ChunkGap {
            return run.chunk_gaps[self.path.index()].clone();
        }
        if let Some(totals) = &run.totals {
            let all = totals.of(self.path, self.summary.metric, self.basis(run));
            return all.cloned().unwrap_or_else(histogram::empty);
        }
        let mut values = histogram::empty();
        self.of_calls(run, kept).for_each(|(_, ns)| values.saturating_record(ns));
        values
    }
}

/// The most bytes of a path's name in a file name; file systems take 255 in all.
const NAME: usize = 100;

/// A path's name as a part of a file name; where two paths would share one, each has its place in the plan behind it.
pub(crate) fn file_name(run: &Run, path: PathId) -> String {
    let plan = &run.manifest.plan;
    let name = part_of_file_name(&plan.path(path).name);
    let same = plan.paths.iter().filter(|path| part_of_file_name(&path.name) == name).count();
    if same > 1 { format!("{name}-{}", path.index()) } else { name }
}

fn part_of_file_name(name: &str) -> String {
    let mut part = String::new();
    for letter in name.chars() {
        let letter = if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
        if part.len() + letter.len_utf8() > NAME {
            break;
        }
        part.push(letter);
    }
    part
}
