//! Whether the paths gave answers of the same length: only then says the time to the end something of a path.
//!
//! An answer with more tokens takes longer on any path. So end-to-end times are compared over rounds in which all
//! answers are equally long; where those are too few, or where there are no rounds and the lengths differ on average,
//! they are not compared at all, and times to the first and per token stand in their place.

use std::collections::{BTreeMap, HashSet};

use crate::analysis::input::rounds::is_closed;
use crate::analysis::input::view::View;
use crate::measure::metric::Metric;
use crate::measure::sample::Sample;
use crate::plan::Design;
use crate::units::PathId;

/// The smallest share of equal rounds over which end-to-end times are compared.
const FEWEST: f64 = 0.5;

/// How far mean lengths may be apart where there are no rounds.
const APART: f64 = 0.02;

/// Whether answers are as long on all paths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lengths {
    /// As far as the servers say, they are.
    Agree,
    /// They are not in these rounds, and in the others they are.
    AgreeBeyond(HashSet<u64>, String),
    /// They are not.
    Differ(String),
}

impl Lengths {
    /// Of the attempts of a comparison.
    pub(crate) fn of(view: &View<'_>) -> Self {
        let paired = view.plan().load.design == Design::Paired && !is_closed(view.run);
        if paired { of_rounds(&view.kept) } else { of_means(view) }
    }

    /// Whether the value of a metric counts.
    pub(crate) fn counts(&self, metric: Metric, sample: &Sample) -> bool {
        match self {
            Self::Agree => true,
            Self::AgreeBeyond(unequal, _) => metric != Metric::E2e || !unequal.contains(&sample.round),
            Self::Differ(_) => metric != Metric::E2e,
        }
    }

    /// Why a metric is not compared.
    pub(crate) fn against(&self, metric: Metric) -> Option<&str> {
        match self {
            Self::Differ(why) if metric == Metric::E2e => Some(why),
            Self::Agree | Self::AgreeBeyond(..) | Self::Differ(_) => None,
        }
    }

    /// What the reader must know.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Self::Agree => None,
            Self::AgreeBeyond(_, why) => Some(why.clone()),
            Self::Differ(why) => Some(format!("End-to-end times are not compared: {why}.")),
        }
    }
}

fn length(sample: &Sample) -> Option<u64> {
    sample.output_tokens.filter(|_| sample.outcome.is_ok())
}

fn of_rounds(measured: &[&Sample]) -> Lengths {
    let mut lengths: BTreeMap<u64, (u64, u64, usize)> = BTreeMap::new();
    for sample in measured {
        let Some(tokens) = length(sample) else { continue };
        let (least, most, members) = lengths.entry(sample.round).or_insert((tokens, tokens, 0));
        (*least, *most, *members) = ((*least).min(tokens), (*most).max(tokens), *members + 1);
    }
    let compared = || lengths.iter().filter(|(_, (.., members))| *members > 1);
    let unequal: HashSet<u64> =
        compared().filter(|(_, (least, most, _))| least != most).map(|(round, _)| *round).collect();
    if unequal.is_empty() {
        return Lengths::Agree;
    }
    let share = 1.0 - unequal.len() as f64 / compared().count() as f64;
    if share < FEWEST {
        return Lengths::Differ(format!(
            "the answers of all paths are equally long in only {:.0}% of rounds; see ttft and tpot",
            100.0 * share
        ));
    }
    let note = format!(
        "End-to-end times are compared over the {:.0}% of rounds in which the answers of all paths are equally long.",
        100.0 * share
    );
    Lengths::AgreeBeyond(unequal, note)
}

fn of_means(view: &View<'_>) -> Lengths {
    let mean = |path: PathId| {
        let own: Vec<u64> = view.kept.iter().filter(|s| s.path == path).filter_map(|s| length(s)).collect();
        (!own.is_empty()).then(|| own.iter().sum::<u64>() as f64 / own.len() as f64)
    };
    let means: Vec<f64> = view.paths.iter().filter_map(|path| mean(path.id)).collect();
    let (least, most) =
        means.iter().fold((f64::INFINITY, 0.0f64), |(least, most), mean| (least.min(*mean), most.max(*mean)));
    if most > least * (1.0 + APART) {
        return Lengths::Differ(format!(
            "the answers of one path have {least:.1} tokens on average, those of another {most:.1}; see ttft and tpot"
        ));
    }
    Lengths::Agree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::baseline::compare_run;
    use crate::run::Run;
    use crate::run::fixture::World;
    use crate::units::Quantile;

    /// A run whose second path says more in a share of its rounds.
    fn talkative(share: f64, design: Design) -> Run {
        let mut run = World { design, rate: 30.0, ..World::default() }.run();
        for sample in run.samples.iter_mut().filter(|sample| sample.path == PathId(1)) {
            let more = (sample.round % 100) as f64 / 100.0 < share;
            sample.output_tokens = Some(if more { 60 } else { 30 });
        }
        run
    }

    #[test]
    fn the_end_is_compared_only_where_answers_are_as_long() {
        for (share, design, compared, metrics, noted) in [
            (0.0, Design::Paired, true, 3, ""),
            (0.2, Design::Paired, true, 4, "% of rounds in which"),
            (0.9, Design::Paired, false, 4, "in only 1"),
            (0.0, Design::Interleaved, true, 3, ""),
            (0.9, Design::Interleaved, false, 4, "30.0 tokens on average"),
        ] {
            let run = talkative(share, design);
            let comparison = compare_run(&run).expect("paths");
            let row = comparison.candidates[0]
                .rows
                .iter()
                .find(|r| r.metric == Metric::E2e && r.quantile == Quantile::MEDIAN);
            let row = row.expect("row");
            assert_eq!(row.ci_ms.is_some(), compared, "{share} {design:?}: {row:?}");
            assert_eq!(row.reason.as_ref().is_some_and(|why| why.contains("see ttft and tpot")), !compared);
            assert_eq!(comparison.candidates[0].means.len(), metrics);
            assert!(comparison.notes.iter().any(|note| note.contains(noted)) || noted.is_empty(), "{share} {design:?}");
        }
    }
}
