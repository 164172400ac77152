//! What looking up a name tells of a path that is meant to be private.

use std::net::IpAddr;

use crate::measure::resolution::{NoAddress, Resolution};
use crate::path::control::{Private, is_private};
use crate::path::zones::{HostKind, is_privatelink, is_within};

/// What a look-up comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum NameVerdict {
    /// Over a private DNS zone to an address of the expected ones.
    Private,
    /// To an expected address without a private link, in API Management's own domain: its internal mode, whose zone is
    /// one's own.
    InternalGateway,
    /// To an expected address without a private link: your own DNS server or hosts file says so.
    OwnRecord,
    /// Over a private link, and on to a public address: the private zone is not linked to where the resolver asks from.
    NotLinked,
    /// The private zone is linked and has no record of the name.
    NoRecord,
    /// To a public address without a private link: the resource has no private endpoint.
    NoPrivateEndpoint,
    /// To a private address that is none of those expected.
    OtherRange,
    /// Not over the zone that was declared.
    OtherZone,
    /// To addresses of both kinds.
    Mixed,
    /// To no address.
    Unresolved,
}

impl NameVerdict {
    /// Whether the look-up speaks for a private path.
    #[must_use]
    pub fn is_private(self) -> bool {
        match self {
            Self::Private | Self::InternalGateway | Self::OwnRecord => true,
            Self::NotLinked
            | Self::NoRecord
            | Self::NoPrivateEndpoint
            | Self::OtherRange
            | Self::OtherZone
            | Self::Mixed
            | Self::Unresolved => false,
        }
    }

    /// What it means, in a sentence without its stop.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Private => "the name resolves through a private DNS zone to a private address",
            Self::InternalGateway => {
                "the name resolves to a private address without a privatelink name: API Management in internal mode"
            }
            Self::OwnRecord => {
                "the name resolves to a private address without a privatelink name: your own DNS server or hosts file"
            }
            Self::NotLinked => {
                "the name resolves through a privatelink name to a public address: its zone is not linked here"
            }
            Self::NoRecord => "the privatelink name does not exist: its zone is linked, but has no record for it",
            Self::NoPrivateEndpoint => {
                "the name resolves to a public address without a privatelink name: the resource has no private endpoint"
            }
            Self::OtherRange => "the name resolves to a private address outside the expected range",
            Self::OtherZone => "the name does not resolve through the declared zone",
            Self::Mixed => "the name resolves to both private and public addresses",
            Self::Unresolved => "the name resolves to no address",
        }
    }

    /// What helps, where something has to.
    #[must_use]
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Private | Self::InternalGateway | Self::OwnRecord => None,
            Self::NotLinked => {
                Some("link the private DNS zone to the network whose DNS server is asked, or ask another")
            }
            Self::NoRecord => {
                Some("add the name's A record to the zone (a DNS zone group of the private endpoint does it)")
            }
            Self::NoPrivateEndpoint => {
                Some("create a private endpoint for the resource, or do not declare the path private")
            }
            Self::OtherRange => {
                Some("find out which private endpoint has this address, or correct private.expected_cidr")
            }
            Self::OtherZone => Some("link the declared zone for this very host name, or correct private.zone"),
            Self::Mixed => Some("remove the public addresses from the name's records"),
            Self::Unresolved => Some("check the host of base_url and which DNS server is asked"),
        }
    }
}

/// What a look-up tells of a path that was declared to be this.
#[must_use]
pub fn judge(found: &Resolution, private: &Private) -> NameVerdict {
    let links = found.names().any(is_privatelink);
    match &found.failure {
        Some(NoAddress::NoSuchName(name) | NoAddress::Empty(name)) if is_privatelink(name) => {
            return NameVerdict::NoRecord;
        }
        Some(_) => return NameVerdict::Unresolved,
        None => {}
    }
    let allowed = found.addresses.iter().filter(|address: &&IpAddr| private.allows(**address)).count();
    match allowed {
        0 if found.addresses.iter().all(|address| is_private(*address)) => NameVerdict::OtherRange,
        0 if links => NameVerdict::NotLinked,
        0 => NameVerdict::NoPrivateEndpoint,
        _ if allowed < found.addresses.len() => NameVerdict::Mixed,
        _ if private.zone.as_ref().is_some_and(|zone| !found.names().any(|name| is_within(name, zone))) => {
            NameVerdict::OtherZone
        }
        _ if links => NameVerdict::Private,
        _ if HostKind::of("https", &found.name) == HostKind::ApiManagement => NameVerdict::InternalGateway,
        _ => NameVerdict::OwnRecord,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::resolution::Resolver;

    const LINK: &str = "x.privatelink.openai.azure.com";

    fn found(name: &str, chain: &[&str], addresses: &[&str], failure: Option<NoAddress>) -> Resolution {
        Resolution {
            name: name.to_owned(),
            resolver: Resolver::Profile,
            chain: chain.iter().map(|name| (*name).to_owned()).collect(),
            addresses: addresses.iter().map(|address| address.parse().expect("an address")).collect(),
            failure,
        }
    }

    #[test]
    fn every_case_of_a_look_up_has_its_verdict() {
        use NameVerdict as V;
        let host = "x.openai.azure.com";
        let missing = |name: &str| Some(NoAddress::NoSuchName(name.to_owned()));
        let public = ["x.cognitiveservices.azure.com", "vip.cloudapp.azure.com"];
        let outside = [LINK, public[0], public[1]];
        for (word, found, verdict) in [
            ("inside", found(host, &[LINK], &["10.0.2.5"], None), V::Private),
            ("inside, IPv6", found(host, &[LINK], &["fd00::5"], None), V::Private),
            ("outside", found(host, &outside, &["20.1.2.3"], None), V::NotLinked),
            ("no record", found(host, &[LINK], &[], missing(LINK)), V::NoRecord),
            ("no address", found(host, &[LINK], &[], Some(NoAddress::Empty(LINK.to_owned()))), V::NoRecord),
            ("no private endpoint", found(host, &public, &["20.1.2.3"], None), V::NoPrivateEndpoint),
            ("hosts file", found(host, &[], &["10.0.2.5"], None), V::OwnRecord),
            ("internal mode", found("x.azure-api.net", &[], &["10.0.3.4"], None), V::InternalGateway),
            ("both", found(host, &[LINK], &["10.0.2.5", "20.1.2.3"], None), V::Mixed),
            ("no such name", found(host, &[], &[], missing(host)), V::Unresolved),
            ("no answer", found(host, &[], &[], Some(NoAddress::Refused("SERVFAIL".to_owned()))), V::Unresolved),
        ] {
            assert_eq!(judge(&found, &Private::default()), verdict, "{word}");
            assert_eq!(verdict.remedy().is_none(), verdict.is_private(), "{word}");
        }
        let zone = Private { zone: Some("privatelink.openai.azure.com".to_owned()), ..Private::default() };
        assert_eq!(judge(&found(host, &[LINK], &["10.0.2.5"], None), &zone), V::Private);
        assert_eq!(judge(&found(host, &[], &["10.0.2.5"], None), &zone), V::OtherZone);
        let expected = Private { expected_cidr: vec!["10.0.2.0/24".parse().expect("a range")], ..Private::default() };
        assert_eq!(judge(&found(host, &[LINK], &["10.0.9.5"], None), &expected), V::OtherRange);
    }
}
