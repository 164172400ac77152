//! The part of `summary.json` that says where the calls of a path went, and whether it was private.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::summary::way::Way;
use crate::evidence::ladder::{Privacy, Step};
use crate::measure::certificate::CertificateSeen;
use crate::measure::resolution::{Resolution, ResolutionFacts};
use crate::run::Run;

/// Where the measured calls of a path went, as far as they have rows.
#[derive(Serialize, JsonSchema)]
pub(super) struct WayFacts<'a> {
    /// The addresses of the sockets that carried calls, the most often used first.
    addresses: Vec<AddressFacts>,
    /// The regions that answers named.
    regions: Vec<RegionFacts<'a>>,
    /// What the TLS handshakes showed, over the whole run.
    tls: &'a [CertificateSeen],
    /// Whether the path was private; absent where it was not declared so.
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<PrivateFacts<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct AddressFacts {
    address: String,
    calls: u64,
}

#[derive(Serialize, JsonSchema)]
struct RegionFacts<'a> {
    region: &'a str,
    calls: u64,
}

/// Whether a path that was declared private was.
#[derive(Serialize, JsonSchema)]
struct PrivateFacts<'a> {
    verdict: Privacy,
    /// What the host's name led to before the run; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<ResolutionFacts>,
    rungs: &'a [Step],
}

/// Where the calls of one path went.
pub(super) fn way<'a>(run: &'a Run, way: &'a Way) -> WayFacts<'a> {
    let address = |peer: &crate::evidence::ladder::PeerSeen| AddressFacts {
        address: peer.address.to_string(),
        calls: peer.calls,
    };
    let name = &run.manifest.plan.path(way.path).name;
    let resolution = run.manifest.network.resolutions.get(name).map(Resolution::facts);
    WayFacts {
        addresses: way.peers.iter().map(address).collect(),
        regions: way.regions.iter().map(|(region, calls)| RegionFacts { region, calls: *calls }).collect(),
        tls: &way.certificates,
        private: way.private.as_ref().map(|private| PrivateFacts {
            verdict: private.privacy,
            resolution,
            rungs: &private.steps,
        }),
    }
}
