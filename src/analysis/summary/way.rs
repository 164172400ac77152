//! Where the calls of a path went: the addresses and regions that answered, the certificates that were shown, and, of a
//! path that was declared private, whether it was.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::analysis::input::view::View;
use crate::analysis::summary::errors_seen;
use crate::analysis::summary::finding::Finding;
use crate::evidence::fingerprint::{self, Fingerprint};
use crate::evidence::ladder::{PeerSeen, Privacy, Seen, Standing, Step, climb, failed, privacy};
use crate::measure::certificate::CertificateSeen;
use crate::measure::quantile::quantile;
use crate::measure::sample::Sample;
use crate::path::NetPath;
use crate::path::control::Private;
use crate::units::PathId;

/// Where the measured calls of a path went, as far as they have rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    /// The path.
    pub path: PathId,
    /// The addresses that calls reached, the most often reached first.
    pub peers: Vec<PeerSeen>,
    /// The regions that answers named, the most frequent first.
    pub regions: Vec<(String, u64)>,
    /// The certificates that were shown.
    pub certificates: Vec<CertificateSeen>,
    /// Whether the path was private, if it was declared so.
    pub private: Option<PrivateEvidence>,
}

/// Whether a path was private, and what shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PrivateEvidence {
    /// What the rungs come to.
    pub privacy: Privacy,
    /// The rungs.
    pub steps: Vec<Step>,
}

impl Way {
    /// Of one path.
    pub(crate) fn of(view: &View<'_>, path: &NetPath) -> Self {
        let own: Vec<&Sample> = view.measured.iter().filter(|sample| sample.path == path.id).copied().collect();
        let peers = peers(&own);
        let certificates = view.run.manifest.network.certificates.get(&path.name).cloned().unwrap_or_default();
        let declared = path.control.private.as_ref();
        let private = declared.map(|private| evidence(view, path, private, (&own, &peers, &certificates)));
        Self { path: path.id, peers, regions: regions(&own), certificates, private }
    }

    /// The first rung that failed; `None` for a path that is what it was declared to be.
    pub(crate) fn failed_rung(&self) -> Option<&Step> {
        failed(&self.private.as_ref()?.steps)
    }

    /// What of it is wrong.
    pub(crate) fn findings(&self, path: &NetPath) -> Vec<Finding> {
        let unverified = (!path.tls.verify).then(|| Finding {
            code: "tls_unverified",
            message: "the certificate was not verified (tls.verify = false): anyone may have answered".to_owned(),
            remedy: "name its authority, or the certificate itself, with tls.ca_file".to_owned(),
            evidence: BTreeMap::new(),
        });
        unverified.into_iter().chain(self.private.iter().flat_map(PrivateEvidence::findings)).collect()
    }
}

impl PrivateEvidence {
    /// How many rungs were reached.
    pub(crate) fn reached(&self) -> usize {
        self.steps.iter().filter(|step| step.standing == Standing::Reached).count()
    }

    fn findings(&self) -> Vec<Finding> {
        let found = |code, message, remedy: Option<&str>| Finding {
            code,
            message,
            remedy: remedy.unwrap_or("look at the path's rungs").to_owned(),
            evidence: BTreeMap::from([("rungs", self.steps.len() as f64), ("reached", self.reached() as f64)]),
        };
        let of_standing = |standing| self.steps.iter().filter(move |step| step.standing == standing);
        let mut findings: Vec<Finding> = of_standing(Standing::Failed)
            .map(|step| {
                let message = format!("declared private, and rung '{}' failed: {}", step.rung, step.evidence);
                found("not_private", message, step.remedy)
            })
            .collect();
        if self.privacy == Privacy::Unproven {
            let message = "declared private, and no call got a connection that could show it".to_owned();
            let remedy = self.steps.iter().find_map(|step| step.remedy);
            findings.push(found("private_unproven", message, remedy));
        }
        findings.extend(of_standing(Standing::Doubtful).map(|step| {
            let message = format!("declared private, and rung '{}' is doubtful: {}", step.rung, step.evidence);
            found("private_doubtful", message, step.remedy)
        }));
        findings
    }
}

fn peers(own: &[&Sample]) -> Vec<PeerSeen> {
    let mut counts: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    let reached = own.iter().filter_map(|sample| sample.conn?.peer);
    reached.for_each(|address| *counts.entry(address).or_insert(0) += 1);
    let mut peers: Vec<PeerSeen> = counts.into_iter().map(|(address, calls)| PeerSeen { address, calls }).collect();
    peers.sort_by_key(|peer| std::cmp::Reverse(peer.calls));
    peers
}

fn regions(own: &[&Sample]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let named = own.iter().filter_map(|sample| sample.region.as_deref());
    named.for_each(|region| *counts.entry(region).or_insert(0) += 1);
    let mut regions: Vec<(String, u64)> =
        counts.into_iter().map(|(region, calls)| (region.to_owned(), calls)).collect();
    regions.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    regions
}

type Facts<'a> = (&'a [&'a Sample], &'a [PeerSeen], &'a [CertificateSeen]);

fn evidence(
    view: &View<'_>,
    path: &NetPath,
    private: &Private,
    (own, peers, certificates): Facts<'_>,
) -> PrivateEvidence {
    let network = &view.run.manifest.network;
    let counts = &view.counted()[path.id.index()];
    let (scheme, rest) = path.base_url.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let v6 = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let host = v6.map_or_else(|| authority.split(':').next().unwrap_or_default(), |(address, _)| address);
    let steps = climb(&Seen {
        host,
        private,
        resolution: network.resolutions.get(&path.name),
        proxy: path.control.proxy.as_ref().map(ToString::to_string),
        proxy_variables: &network.proxy_variables,
        peers: peers.to_vec(),
        answered: counts.ok,
        refusals: refusals(view, path),
        secure: scheme == "https",
        verified: path.tls.verify,
        certificates: certificates.iter().collect(),
        connect_ms: connect_ms(view, path.id, own),
        outside: None,
    });
    PrivateEvidence { privacy: privacy(&steps), steps }
}

/// What failures of the path tell of the network.
fn refusals(view: &View<'_>, path: &NetPath) -> Vec<(&'static Fingerprint, u64)> {
    let seen = errors_seen::of_path(view.run, path.id);
    let print = |seen: &crate::measure::errors_seen::ErrorSeen| {
        Some((fingerprint::of(seen.class, errors_seen::describe(seen), true)?, seen.count))
    };
    seen.values().filter_map(print).collect()
}

/// The median time of TCP handshakes: of the measured phase, or else of the warmup, in which pools are filled.
fn connect_ms(view: &View<'_>, path: PathId, own: &[&Sample]) -> Option<f64> {
    let measured = connect_times(own.iter().copied());
    if measured.is_empty() {
        return quantile(&connect_times(view.run.samples.iter().filter(|sample| sample.path == path)), 0.5);
    }
    quantile(&measured, 0.5)
}

fn connect_times<'a>(samples: impl Iterator<Item = &'a Sample>) -> Vec<f64> {
    let mut times: Vec<f64> = samples.filter_map(|sample| Some(sample.conn?.tcp?.as_secs_f64() * 1e3)).collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}
