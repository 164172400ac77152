//! What was seen of the network besides the calls: what names led to, which proxies the environment names, and which
//! certificates were shown. Part of a run's manifest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::measure::certificate::CertificateSeen;
use crate::measure::resolution::Resolution;

/// What was seen of the network besides the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSeen {
    /// What looking up the host of a path told before the run, by path; only of paths that were declared private.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resolutions: BTreeMap<String, Resolution>,
    /// Variables of the environment that name a proxy; none of them was used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proxy_variables: Vec<String>,
    /// The certificates that were shown on the connections of the calls, by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: BTreeMap<String, Vec<CertificateSeen>>,
}

impl NetworkSeen {
    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
