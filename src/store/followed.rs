//! The runs of a history that are followed, those of one profile, and of these the ones that can be pooled.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::run::historical::{Eligibility, HistoricalRun};
use crate::store::history::History;

/// The runs of one profile, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Followed {
    /// The newest of them.
    pub(crate) runs: Vec<HistoricalRun>,
    /// The profile.
    pub(crate) profile: String,
    /// What was left out, and when the tool itself changed.
    pub(crate) notes: Vec<String>,
    /// The first file that could not be read, and why.
    pub(crate) unread: Option<String>,
}

/// Why a folder has no run to follow; the folder is the subject of the sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRun {
    /// It has none at all.
    #[error("holds no run: put run directories or their summary.json files there")]
    Empty,
    /// It has some, and none can be read; this is the first.
    #[error("holds no run that can be read: {0}")]
    Unread(String),
    /// None of them can be pooled.
    #[error(
        "holds no sound run of the profile '{0}' with its manifest.json, which says what its plan was: pool whole run \
         directories, not summaries alone"
    )]
    ToPool(String),
    /// It has none of this profile.
    #[error("holds no run of the profile '{0}'")]
    OfProfile(String),
}

impl NoRun {
    /// Whether another folder or profile was meant; if not, what is there is damaged or of a newer version.
    #[must_use]
    pub(crate) fn is_wrong_name(&self) -> bool {
        match self {
            Self::Empty | Self::ToPool(_) | Self::OfProfile(_) => true,
            Self::Unread(_) => false,
        }
    }
}

impl History {
    /// The newest `last` runs of a profile, by default that of the newest run.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn follow(self, profile: Option<&str>, last: usize) -> Result<Followed, NoRun> {
        let Self { mut runs, unread } = self;
        let mut notes: Vec<String> =
            unread.iter().map(|(source, why)| format!("{source} was not read: {why}")).collect();
        let unread = notes.first().cloned();
        let Some(newest) = runs.last().map(|run| run.profile.clone()) else {
            return Err(unread.map_or(NoRun::Empty, NoRun::Unread));
        };
        let profile = profile.map_or(newest, str::to_owned);
        let all = runs.len();
        runs.retain(|run| run.profile == profile);
        if runs.is_empty() {
            return Err(NoRun::OfProfile(profile));
        }
        if runs.len() < all {
            let others = all - runs.len();
            notes.push(format!("{others} runs of other profiles are left out; --profile follows another."));
        }
        let older = runs.len().saturating_sub(last.max(1));
        if older > 0 {
            runs.drain(..older);
            notes.push(format!("{older} older runs are left out; --last takes more."));
        }
        notes.extend(changed_versions(&runs));
        Ok(Followed { runs, profile, notes, unread })
    }
}

/// The runs that can be pooled: sound repetitions of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Repetitions {
    /// Them, in the order of time.
    pub(crate) runs: Vec<HistoricalRun>,
    /// The short name of the experiment.
    pub(crate) plan: String,
    /// How many runs were left out because they are invalid, incomplete, of another plan, or without a manifest.
    pub(crate) left_out: LeftOut,
    /// The same in sentences, and what the history says besides.
    pub(crate) notes: Vec<String>,
}

/// How many runs of a history cannot be pooled, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    /// This tool, not the paths, was the limit.
    pub(crate) invalid: usize,
    /// They did not carry out their plan.
    pub(crate) incomplete: usize,
    /// They are of another plan.
    pub(crate) other_plan: usize,
    /// No manifest lies beside their summary.
    pub(crate) no_manifest: usize,
}

impl Followed {
    /// The sound runs that have the plan of the newest sound one.
    ///
    /// # Errors
    /// When no sound run has a manifest that can be read.
    pub(crate) fn repetitions(self) -> Result<Repetitions, NoRun> {
        let Self { runs, profile, mut notes, unread } = self;
        let mut left_out = LeftOut::default();
        let sound = |run: &HistoricalRun| run.eligibility == Eligibility::Sound;
        let newest = runs.iter().rev().filter(|run| sound(run)).find_map(|run| run.experiment.clone());
        let newest = newest.ok_or_else(|| unread.map_or(NoRun::ToPool(profile), NoRun::Unread))?;
        // Each other plan with a key in which it differs, and its runs.
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept = Vec::new();
        for run in runs {
            match (run.eligibility, &run.experiment) {
                (Eligibility::Invalid, _) => left_out.invalid += 1,
                (Eligibility::Incomplete, _) => left_out.incomplete += 1,
                (Eligibility::Sound, None) => left_out.no_manifest += 1,
                (Eligibility::Sound, Some(own)) if *own == newest => kept.push(run),
                (Eligibility::Sound, Some(own)) => {
                    left_out.other_plan += 1;
                    *others.entry(named(&newest.differs_in(own))).or_default() += 1;
                }
            }
        }
        let told = |(count, why): (usize, &str)| (count > 0).then(|| format!("{} {why}.", runs_left_out(count)));
        notes.extend([(left_out.invalid, "invalid"), (left_out.incomplete, "incomplete")].into_iter().filter_map(told));
        notes.extend(told((
            left_out.no_manifest,
            "without a manifest.json that can be read, so their plan is not known",
        )));
        let other = |(keys, count): (String, usize)| format!("{} of another plan: other {keys}.", runs_left_out(count));
        notes.extend(others.into_iter().map(other));
        Ok(Repetitions { runs: kept, plan: newest.hash(), left_out, notes })
    }
}

fn runs_left_out(count: usize) -> String {
    if count == 1 { "1 run is left out:".to_owned() } else { format!("{count} runs are left out:") }
}

/// The first keys of a list.
fn named(keys: &[&str]) -> String {
    const FIRST: usize = 5;
    let more = keys.len().saturating_sub(FIRST);
    let named = keys.iter().take(FIRST).copied().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more keys") } else { named }
}

/// When the tool itself changed: that may be what a series shows.
fn changed_versions(runs: &[HistoricalRun]) -> impl Iterator<Item = String> {
    let changed = runs.windows(2).filter(|pair| pair[0].tool_version != pair[1].tool_version);
    changed.map(|pair| {
        let (before, after) = (&pair[0].tool_version, &pair[1].tool_version);
        format!("From {} on hopmark is {after} and no longer {before}.", pair[1].day())
    })
}
