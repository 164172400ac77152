//! A path of a profile as rules look at it: what it means, and where its keys stand.

use crate::path::NetPath;
use crate::profile::foundry::located::Place;
use crate::profile::places::KeyPlaces;
use crate::workload::spec::WorkloadPlan;

/// A path of a profile.
pub(crate) struct ProfileEntry<'p> {
    /// What it means.
    pub path: &'p NetPath,
    /// What is asked over it.
    pub workload: &'p WorkloadPlan,
    /// Where its keys stand.
    pub places: &'p KeyPlaces,
}

impl ProfileEntry<'_> {
    /// Where a key stands, or else the path.
    pub(crate) fn place(&self, key: &str) -> Place {
        let line = self.places.line(self.path.id.0 as usize, key);
        Place { line: line.unwrap_or(1), column: 1 }
    }
}
