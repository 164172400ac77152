//! The rungs by which a path is shown to be private, from a name to a whole run. Pure: what was seen goes in, what it shows
//! comes out, rung by rung; a rung that nothing is known of says so.

use std::net::SocketAddr;

use crate::evidence::fingerprint::{Fingerprint, Meaning};
use crate::evidence::name::{self, NameVerdict};
use crate::evidence::rtt::{self, Plausible};
use crate::measure::certificate::CertificateSeen;
use crate::measure::resolution::{Resolution, Resolver};
use crate::path::control::Private;
use crate::path::zones;

/// One rung.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    schemars::JsonSchema,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Rung {
    /// The name leads over a private zone to an expected address.
    Dns,
    /// The sockets that carried the calls led to such an address.
    Socket,
    /// No proxy stood between.
    Environment,
    /// The service takes calls from there, and from nowhere else.
    Server,
    /// The certificate is the service's, not that of something that inspects.
    Tls,
    /// The time to connect fits the distance.
    Rtt,
    /// All of it held from the first call to the last.
    Settled,
}

/// What a rung came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Standing {
    /// What was seen shows it.
    Reached,
    /// What was seen shows the contrary: the path is not private.
    Failed,
    /// What was seen speaks against it and proves nothing.
    Doubtful,
    /// Nothing was seen of it.
    Unknown,
}

/// One rung with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Step {
    /// The rung.
    pub rung: Rung,
    /// What it came to.
    pub standing: Standing,
    /// What was seen, in a sentence without its stop.
    pub evidence: String,
    /// What helps, where something has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
}

/// What all rungs together come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Privacy {
    /// The calls went to private addresses, and nothing speaks against it.
    Private,
    /// A rung failed.
    NotPrivate,
    /// No call got a connection, so nothing is shown.
    Unproven,
}

/// Calls that reached one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSeen {
    /// The address.
    pub address: SocketAddr,
    /// How many calls.
    pub calls: u64,
}

/// What the same call got from outside the network: the negative control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// It was refused, as it should be.
    Refused(&'static Fingerprint),
    /// It was answered: the service is public too.
    Answered,
}

/// What was seen of one path.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The host of its base URL.
    pub host: &'a str,
    /// What it was declared to be.
    pub private: &'a Private,
    /// What looking up the host told; `None` where nobody looked.
    pub resolution: Option<&'a Resolution>,
    /// The proxy through which it goes.
    pub proxy: Option<String>,
    /// Variables of the environment that name a proxy; none of them is used.
    pub proxy_variables: &'a [String],
    /// The addresses that calls reached, the most often reached first.
    pub peers: Vec<PeerSeen>,
    /// Calls that were answered well.
    pub answered: u64,
    /// Refusals and failures that tell something of the network, with their number.
    pub refusals: Vec<(&'static Fingerprint, u64)>,
    /// Whether the base URL is https.
    pub secure: bool,
    /// Whether certificates are checked.
    pub verified: bool,
    /// The certificates that were shown; empty where nobody noted them.
    pub certificates: Vec<&'a CertificateSeen>,
    /// The median time of the TCP handshakes, milliseconds.
    pub connect_ms: Option<f64>,
    /// The negative control.
    pub outside: Option<Outside>,
}

/// Climbs all seven rungs.
#[must_use]
pub fn climb(seen: &Seen<'_>) -> Vec<Step> {
    vec![dns(seen), socket(seen), environment(seen), server(seen), tls(seen), distance(seen), settled(seen)]
}

/// What the rungs come to.
#[must_use]
pub fn privacy(steps: &[Step]) -> Privacy {
    let is = |rung, standing| steps.iter().any(|step| step.rung == rung && step.standing == standing);
    if steps.iter().any(|step| step.standing == Standing::Failed) {
        Privacy::NotPrivate
    } else if is(Rung::Socket, Standing::Reached) {
        Privacy::Private
    } else {
        Privacy::Unproven
    }
}

/// The first rung that failed.
#[must_use]
pub fn failed(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| step.standing == Standing::Failed)
}

fn step(rung: Rung, standing: Standing, evidence: impl Into<String>, remedy: Option<&'static str>) -> Step {
    Step { rung, standing, evidence: evidence.into(), remedy }
}

fn dns(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: String, remedy| step(Rung::Dns, standing, evidence, remedy);
    match seen.resolution {
        None => step(Standing::Unknown, "the name was not looked up".to_owned(), None),
        Some(found) if found.resolver == Resolver::Profile => {
            let told = format!("the profile gives the address: {found}; no DNS server was asked");
            step(Standing::Unknown, told, None)
        }
        Some(found) => {
            let verdict = name::judge(found, seen.private);
            let standing = match verdict {
                verdict if verdict.is_private() => Standing::Reached,
                // Where there is no address, nothing was reached that is not private.
                NameVerdict::Unresolved | NameVerdict::NoRecord => Standing::Unknown,
                _ => Standing::Failed,
            };
            step(standing, format!("{}: {found} ({})", verdict.meaning(), found.resolver), verdict.remedy())
        }
    }
}

fn socket(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: String, remedy| step(Rung::Socket, standing, evidence, remedy);
    if seen.peers.is_empty() {
        let closed = seen.refusals.iter().find(|(print, _)| print.meaning == Meaning::Closed);
        return match closed {
            Some((print, calls)) => {
                let told = format!("no call got a connection: {} ({calls} calls)", print.cause);
                step(Standing::Unknown, told, Some(print.remedy))
            }
            None => step(Standing::Unknown, "no call got a connection".to_owned(), None),
        };
    }
    let (inside, beyond): (Vec<_>, Vec<_>) = seen.peers.iter().partition(|peer| seen.private.allows(peer.address.ip()));
    let told = |peers: &[&PeerSeen]| {
        let one = |peer: &&PeerSeen| format!("{} ({} calls)", peer.address, peer.calls);
        peers.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    if beyond.is_empty() {
        return step(Standing::Reached, format!("the sockets of the calls led to {}", told(&inside)), None);
    }
    let evidence = format!("sockets of calls led to {}, not to {}", told(&beyond), seen.private.expected());
    let by_profile = seen.resolution.is_some_and(|found| found.resolver == Resolver::Profile);
    let remedy = if by_profile {
        "the profile gives the address: correct connect_to, resolve or the address in base_url, or private.expected_cidr"
    } else {
        "look at what the name resolves to here, and at private.expected_cidr"
    };
    step(Standing::Failed, evidence, Some(remedy))
}

fn environment(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: String, remedy| step(Rung::Environment, standing, evidence, remedy);
    if let Some(proxy) = &seen.proxy {
        let told = format!("the calls went through the proxy {proxy}, which looked up the name and connected");
        return step(Standing::Failed, told, Some("remove 'proxy' from the path"));
    }
    let told = match seen.proxy_variables {
        [] => "no proxy is used, and none is named in the environment".to_owned(),
        named => format!("no proxy is used; the environment names one ({}), which is ignored", named.join(", ")),
    };
    step(Standing::Reached, told, None)
}

fn server(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: String, remedy| step(Rung::Server, standing, evidence, remedy);
    let of_network = seen.refusals.iter().find(|(print, _)| match print.meaning {
        Meaning::PublicRoute | Meaning::Denied => true,
        Meaning::Name | Meaning::Beyond | Meaning::Closed | Meaning::Caller => false,
    });
    if let Some((print, calls)) = of_network {
        let told = format!("the service refused {calls} calls: {}", print.cause);
        return step(Standing::Failed, told, Some(print.remedy));
    }
    if seen.answered == 0 {
        return step(Standing::Unknown, "no call succeeded".to_owned(), None);
    }
    match seen.outside {
        Some(Outside::Refused(print)) => {
            let told = format!("calls were answered here and refused outside: {}", print.cause);
            step(Standing::Reached, told, None)
        }
        Some(Outside::Answered) => {
            let told = "the same call was answered outside too: the service is public as well".to_owned();
            step(Standing::Doubtful, told, Some("disable public network access of the resource"))
        }
        None => {
            let told = "calls were answered here; whether the service is public as well is not known without a call from \
                        outside";
            step(Standing::Unknown, told.to_owned(), None)
        }
    }
}

/// Authorities of Azure's certificates.
const AZURE_ISSUERS: [&str; 2] = ["Microsoft", "DigiCert"];

fn tls(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: String, remedy| step(Rung::Tls, standing, evidence, remedy);
    if !seen.secure {
        return step(Standing::Unknown, "the path has no TLS".to_owned(), None);
    }
    let wanted: Vec<&str> = match (&seen.private.issuer, zones::of_host(seen.host)) {
        (Some(issuer), _) => vec![issuer.as_str()],
        (None, Some(_)) => AZURE_ISSUERS.to_vec(),
        (None, None) => Vec::new(),
    };
    let Some(first) = seen.certificates.first() else {
        return step(Standing::Unknown, "no certificate was recorded".to_owned(), None);
    };
    let is_wanted =
        |seen: &&CertificateSeen| wanted.iter().any(|word| seen.issuer.to_lowercase().contains(&word.to_lowercase()));
    if wanted.is_empty() {
        let told = format!(
            "{}, issued by {}; private.issuer does not say who should have issued it",
            first.version, first.issuer
        );
        return step(Standing::Unknown, told, Some("set private.issuer to a word of the issuer's name"));
    }
    if let Some(other) = seen.certificates.iter().find(|seen| !is_wanted(seen)) {
        let told = format!("the certificate was issued by {}, not by {}", other.issuer, wanted.join(" or "));
        let remedy = "look for a firewall that inspects TLS on the way: it connects in your place, perhaps from a public \
                      address; if it is meant to be there, name its authority with private.issuer";
        return step(Standing::Failed, told, Some(remedy));
    }
    if !seen.verified {
        let told = format!("the certificate says {}, but it was not verified (tls.verify = false)", first.issuer);
        return step(Standing::Unknown, told, Some("verify it: name its authority with tls.ca_file"));
    }
    step(Standing::Reached, format!("{}, issued by {}", first.version, first.issuer), None)
}

fn distance(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: String, remedy| step(Rung::Rtt, standing, evidence, remedy);
    let (Some(from), Some(to)) = (&seen.private.caller_region, &seen.private.region) else {
        let told = "private.region and private.caller_region are not both set, so the distance is not known".to_owned();
        return step(Standing::Unknown, told, None);
    };
    let Some(way) = rtt::published(from, to) else {
        return step(Standing::Unknown, format!("no round trip from {from} to {to} is published"), None);
    };
    let Some(ms) = seen.connect_ms else {
        return step(Standing::Unknown, "no connection was opened in the measured phase".to_owned(), None);
    };
    let rtt::Published { p50_ms, p95_ms } = way;
    let told = match p50_ms {
        0.0 => format!("connecting took {ms:.1} ms; {from} is the service's own region"),
        _ => {
            format!("connecting took {ms:.1} ms; published from {from} to {to}: {p50_ms:.0} ms (0.95: {p95_ms:.0} ms)")
        }
    };
    match way.judge(ms) {
        Plausible::Yes => step(Standing::Reached, told, None),
        Plausible::TooFast => {
            let remedy = "look for a proxy, firewall or gateway nearby that answers in the service's place";
            step(Standing::Doubtful, told, Some(remedy))
        }
        Plausible::TooSlow => {
            step(Standing::Doubtful, told, Some("look for another route, and check the names of the regions"))
        }
    }
}

fn settled(seen: &Seen<'_>) -> Step {
    let step = |standing, evidence: &str, remedy| step(Rung::Settled, standing, evidence, remedy);
    let inside = seen.peers.iter().filter(|peer| seen.private.allows(peer.address.ip())).count();
    let refused = seen.refusals.iter().any(|(print, _)| match print.meaning {
        Meaning::PublicRoute | Meaning::Denied | Meaning::Closed => true,
        Meaning::Name | Meaning::Beyond | Meaning::Caller => false,
    });
    let wait = Some("wait some minutes until a change of the network has reached every place, then run it again");
    if seen.peers.is_empty() {
        return step(Standing::Unknown, "no call got a connection", None);
    }
    if inside > 0 && inside < seen.peers.len() {
        return step(Standing::Doubtful, "calls reached expected and other addresses in one run", wait);
    }
    if refused && seen.answered > 0 {
        return step(Standing::Doubtful, "the network let some calls through and blocked others", wait);
    }
    step(Standing::Reached, "it held from the first call to the last", None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::fingerprint::FINGERPRINTS;

    fn print(code: &str) -> &'static Fingerprint {
        FINGERPRINTS.iter().find(|print| print.code == code).expect("a fingerprint")
    }

    fn resolution(chain: &[&str], address: &str) -> Resolution {
        Resolution {
            name: "x.openai.azure.com".to_owned(),
            resolver: Resolver::Server("10.0.0.4:53".parse().expect("an address")),
            chain: chain.iter().map(|name| (*name).to_owned()).collect(),
            addresses: vec![address.parse().expect("an address")],
            failure: None,
        }
    }

    fn certificate(issuer: &str) -> CertificateSeen {
        CertificateSeen { version: "TLS 1.3".to_owned(), issuer: issuer.to_owned(), connections: 3 }
    }

    type Change = fn(&mut Seen<'_>);

    /// Each rung with what brings it to each standing, starting from a path on which everything is as it should be.
    #[test]
    fn every_rung_has_its_standings() {
        use Standing as S;
        let private = Private {
            region: Some("swedencentral".to_owned()),
            caller_region: Some("germanywestcentral".to_owned()),
            ..Private::default()
        };
        let other = Private { region: None, ..private.clone() };
        let good = resolution(&["x.privatelink.openai.azure.com"], "10.0.2.5");
        let (public, given) = (
            resolution(&["x.privatelink.openai.azure.com", "y.cloudapp.azure.com"], "20.1.2.3"),
            Resolution { resolver: Resolver::Profile, ..resolution(&[], "10.0.2.5") },
        );
        let (microsoft, firewall) =
            (certificate("Microsoft Azure RSA TLS Issuing CA 04"), certificate("Contoso Firewall CA"));
        let variables = ["HTTPS_PROXY".to_owned()];
        let peer = |address: &str| PeerSeen { address: address.parse().expect("an address"), calls: 9 };
        let seen = |change: &dyn Fn(&mut Seen<'_>)| {
            let mut seen = Seen {
                host: "x.openai.azure.com",
                private: &private,
                resolution: Some(&good),
                proxy: None,
                proxy_variables: &[],
                peers: vec![peer("10.0.2.5:443")],
                answered: 9,
                refusals: Vec::new(),
                secure: true,
                verified: true,
                certificates: vec![&microsoft],
                connect_ms: Some(28.0),
                outside: Some(Outside::Refused(print("public_access_disabled"))),
            };
            change(&mut seen);
            climb(&seen)
        };
        let all = seen(&|_| {});
        assert!(all.iter().all(|step| step.standing == S::Reached), "{all:#?}");
        assert_eq!((privacy(&all), all.len()), (Privacy::Private, 7));

        let check = |word: &str, steps: Vec<Step>, rung: Rung, standing: Standing, whole: Privacy| {
            let found = steps.iter().find(|step| step.rung == rung).expect("a rung");
            assert_eq!(found.standing, standing, "{word}: {found:?}");
            assert_eq!(privacy(&steps), whole, "{word}: {steps:#?}");
            assert_eq!(failed(&steps).is_some(), whole == Privacy::NotPrivate, "{word}");
            assert!(!found.evidence.is_empty() && !found.evidence.ends_with('.'), "{word}");
        };
        use Privacy::{NotPrivate, Private as Is, Unproven};
        check("not looked up", seen(&|seen| seen.resolution = None), Rung::Dns, S::Unknown, Is);
        let changed = climb(&Seen { resolution: Some(&given), ..of(&private, &good, &microsoft) });
        check("given by the profile", changed, Rung::Dns, S::Unknown, Is);
        let changed = climb(&Seen { resolution: Some(&public), ..of(&private, &good, &microsoft) });
        check("resolves publicly", changed, Rung::Dns, S::Failed, NotPrivate);
        let changed = climb(&Seen { certificates: vec![&microsoft, &firewall], ..of(&private, &good, &microsoft) });
        check("inspected", changed, Rung::Tls, S::Failed, NotPrivate);
        let changed = climb(&Seen { proxy_variables: &variables, ..of(&private, &good, &microsoft) });
        check("a proxy in the environment", changed, Rung::Environment, S::Reached, Is);
        let changed = climb(&Seen { private: &other, ..of(&private, &good, &microsoft) });
        check("no region", changed, Rung::Rtt, S::Unknown, Is);

        let table: [(&str, Change, Rung, Standing, Privacy); 16] = [
            ("no socket", |seen| seen.peers.clear(), Rung::Socket, S::Unknown, Unproven),
            (
                "a deleted endpoint",
                |seen| (seen.peers, seen.refusals) = (Vec::new(), vec![(print("no_way"), 9)]),
                Rung::Socket,
                S::Unknown,
                Unproven,
            ),
            (
                "a public socket",
                |seen| seen.peers[0].address.set_ip([20, 1, 2, 3].into()),
                Rung::Socket,
                S::Failed,
                NotPrivate,
            ),
            (
                "through a proxy",
                |seen| seen.proxy = Some("http://p:80".into()),
                Rung::Environment,
                S::Failed,
                NotPrivate,
            ),
            (
                "refused as public",
                |seen| seen.refusals = vec![(print("public_access_disabled"), 2)],
                Rung::Server,
                S::Failed,
                NotPrivate,
            ),
            (
                "refused as unapproved",
                |seen| seen.refusals = vec![(print("not_an_approved_endpoint"), 2)],
                Rung::Server,
                S::Failed,
                NotPrivate,
            ),
            ("nobody outside", |seen| seen.outside = None, Rung::Server, S::Unknown, Is),
            ("public as well", |seen| seen.outside = Some(Outside::Answered), Rung::Server, S::Doubtful, Is),
            ("not answered", |seen| seen.answered = 0, Rung::Server, S::Unknown, Is),
            ("no TLS", |seen| seen.secure = false, Rung::Tls, S::Unknown, Is),
            ("not verified", |seen| seen.verified = false, Rung::Tls, S::Unknown, Is),
            ("no certificate noted", |seen| seen.certificates.clear(), Rung::Tls, S::Unknown, Is),
            ("another host", |seen| seen.host = "x.test", Rung::Tls, S::Unknown, Is),
            ("too fast", |seen| seen.connect_ms = Some(0.2), Rung::Rtt, S::Doubtful, Is),
            ("too slow", |seen| seen.connect_ms = Some(95.0), Rung::Rtt, S::Doubtful, Is),
            ("let in late", |seen| seen.refusals = vec![(print("no_way"), 2)], Rung::Settled, S::Doubtful, Is),
        ];
        for (word, change, rung, standing, whole) in table {
            check(word, seen(&|seen| change(seen)), rung, standing, whole);
        }
    }

    /// A path on which everything is as it should be, but for the negative control.
    fn of<'a>(private: &'a Private, found: &'a Resolution, certificate: &'a CertificateSeen) -> Seen<'a> {
        Seen {
            host: "x.openai.azure.com",
            private,
            resolution: Some(found),
            proxy: None,
            proxy_variables: &[],
            peers: vec![PeerSeen { address: "10.0.2.5:443".parse().expect("an address"), calls: 9 }],
            answered: 9,
            refusals: Vec::new(),
            secure: true,
            verified: true,
            certificates: vec![certificate],
            connect_ms: Some(28.0),
            outside: None,
        }
    }
}
