//! A path of a profile as rules look at it: what is written, where its keys stand, and what it means where the profile is
//! one.

use crate::path::NetPath;
use crate::profile::foundry::address::Parts;
use crate::profile::foundry::located::Place;
use crate::profile::places::KeyPlaces;
use crate::workload::spec::WorkloadPlan;

/// A path of a profile.
pub(crate) struct ProfileEntry<'p> {
    /// What is written, and where.
    pub places: &'p KeyPlaces,
    /// Its number, from 0.
    pub number: usize,
    /// What it means, and what is asked over it; `None` where the profile is refused.
    pub meaning: Option<(&'p NetPath, &'p WorkloadPlan)>,
}

impl<'p> ProfileEntry<'p> {
    /// Where a key stands, or else the path.
    pub(crate) fn place(&self, key: &str) -> Place {
        Place { line: self.places.line(self.number, key).unwrap_or(1), column: 1 }
    }

    /// A text under a key, as it is written.
    pub(crate) fn text(&self, key: &str) -> Option<&'p str> {
        self.places.text(self.number, key)
    }

    /// Its name, as it is written.
    pub(crate) fn name(&self) -> &'p str {
        self.text("name").unwrap_or_default()
    }

    /// The host of its base URL, as it is written.
    pub(crate) fn host(&self) -> Option<&'p str> {
        self.text("base_url").and_then(Parts::of).map(|parts| parts.host)
    }
}
