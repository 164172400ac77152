//! What the name of the host leads to. Asks one DNS server, or nobody.

use std::net::IpAddr;

use crate::evidence::name::{self, NameVerdict};
use crate::measure::outcome::ErrorClass;
use crate::measure::resolution::{Resolution, Resolver};
use crate::path::control::{Private, is_private};
use crate::path::zones::is_privatelink;
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::subject::Subject;
use crate::probe::code::{Code, OwnCode};
use crate::probe::judge::Trouble;
use crate::transport::look_up::resolution_of;
use crate::units::Nanos;

/// Looks the name up, and says what it leads to; `None` where no answer came in time.
pub(super) async fn check(subject: &Subject) -> (Check, Option<Resolution>) {
    let begun = Nanos::now();
    let wait = subject.path.timeouts.connect;
    let found = tokio::time::timeout(wait.0, resolution_of(&subject.target.dial)).await.ok();
    let check = match &found {
        None => {
            let told = format!("'{}' did not resolve within {wait}", subject.target.dial.host);
            Check::of_trouble(CheckName::Name, Standing::Failed, &Trouble::new(ErrorClass::Dns, told, subject.rules()))
        }
        Some(found) => judge(subject, found),
    };
    (check.took(Nanos::now().since(begun)), found)
}

fn judge(subject: &Subject, found: &Resolution) -> Check {
    let told = format!("{found} ({})", found.resolver);
    if found.failure.is_some() {
        return unresolved(subject, found, told);
    }
    let info = |code, seen| Check::own(CheckName::Name, Standing::Info, code, seen);
    if subject.path.control.proxy.is_some() {
        return info(OwnCode::ProxyLooksUp, format!("the proxy looks the name up; the proxy's own name: {told}"));
    }
    if found.resolver == Resolver::Profile {
        let addresses: Vec<String> = found.addresses.iter().map(IpAddr::to_string).collect();
        let seen = format!("the profile gives the address {}; no DNS server was asked", addresses.join(", "));
        return info(OwnCode::AddressGiven, seen);
    }
    match &subject.path.control.private {
        Some(private) => declared(name::judge(found, private), &told),
        None => undeclared(subject, found, told),
    }
}

/// A name without an address.
fn unresolved(subject: &Subject, found: &Resolution, told: String) -> Check {
    let verdict = name::judge(found, &Private::default());
    let verdict_tells = verdict == NameVerdict::NoRecord;
    let trouble = Trouble::new(ErrorClass::Dns, told, subject.rules());
    let check = Check::of_trouble(CheckName::Name, Standing::Failed, &trouble);
    let cause = if verdict_tells { Some(verdict.meaning().to_owned()) } else { check.cause.clone() };
    let remedy = verdict.remedy().map(str::to_owned).or(check.remedy.clone());
    Check { code: Some(Code::Name(verdict)), cause, remedy, ..check }
}

/// The verdict on a path that was declared private.
fn declared(verdict: NameVerdict, told: &str) -> Check {
    let standing = if verdict.is_private() { Standing::Passed } else { Standing::Failed };
    let check = Check::new(CheckName::Name, standing, Code::Name(verdict), told);
    let cause = Some(verdict.meaning().to_owned());
    Check { cause, remedy: verdict.remedy().map(str::to_owned), ..check }
}

/// What is said where nothing was declared. A path of kind private-endpoint that leads to a public address is none.
fn undeclared(subject: &Subject, found: &Resolution, told: String) -> Check {
    let code = class_of(&found.addresses);
    if subject.is_private() && code == OwnCode::PublicAddress {
        let verdict = name::judge(found, &Private::default());
        let check = declared(verdict, &told);
        return Check { standing: Standing::Warning, ..check };
    }
    let check = Check::own(CheckName::Name, Standing::Passed, code, told);
    let has_endpoint = code == OwnCode::PublicAddress && found.names().any(is_privatelink);
    let cause = has_endpoint.then(|| "the resource has a private endpoint, which is not used from here".to_owned());
    Check { cause, ..check }
}

/// What kind of addresses these are; of several kinds the most public.
fn class_of(addresses: &[IpAddr]) -> OwnCode {
    let is_local = |address: &IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    };
    if addresses.iter().all(is_local) {
        OwnCode::LocalAddress
    } else if addresses.iter().all(|address| is_local(address) || is_private(*address)) {
        OwnCode::PrivateAddress
    } else {
        OwnCode::PublicAddress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PathKind;
    use crate::probe::checks::subject::tests::subject_of;

    #[test]
    fn a_private_endpoint_that_nobody_declared_is_not_green_in_public() {
        let found = |chain: &[&str], address: &str| Resolution {
            name: "x.openai.azure.com".to_owned(),
            resolver: Resolver::System,
            chain: chain.iter().map(|name| (*name).to_owned()).collect(),
            addresses: vec![address.parse().expect("an address")],
            failure: None,
        };
        let link = ["x.privatelink.openai.azure.com"];
        use PathKind::{Direct, PrivateEndpoint};
        for (kind, chain, address, standing, code) in [
            (PrivateEndpoint, &link[..], "20.1.2.3", Standing::Warning, Code::Name(NameVerdict::NotLinked)),
            (PrivateEndpoint, &[], "20.1.2.3", Standing::Warning, Code::Name(NameVerdict::NoPrivateEndpoint)),
            (PrivateEndpoint, &link, "10.0.2.5", Standing::Passed, Code::Own(OwnCode::PrivateAddress)),
            (Direct, &link, "20.1.2.3", Standing::Passed, Code::Own(OwnCode::PublicAddress)),
            (Direct, &[], "20.1.2.3", Standing::Passed, Code::Own(OwnCode::PublicAddress)),
        ] {
            let check = judge(&subject_of(|path| path.kind = kind), &found(chain, address));
            assert_eq!((check.standing, check.code), (standing, Some(code)), "{kind} {chain:?} {address}");
            let says_more = !chain.is_empty() && address == "20.1.2.3";
            assert_eq!(check.cause.is_some(), says_more || standing == Standing::Warning, "{check:?}");
        }
    }

    #[test]
    fn addresses_have_a_class() {
        for (addresses, code) in [
            (&["127.0.0.1"][..], OwnCode::LocalAddress),
            (&["::1", "169.254.1.1"], OwnCode::LocalAddress),
            (&["10.0.2.5"], OwnCode::PrivateAddress),
            (&["10.0.2.5", "127.0.0.1"], OwnCode::PrivateAddress),
            (&["fd00::5"], OwnCode::PrivateAddress),
            (&["20.1.2.3"], OwnCode::PublicAddress),
            (&["10.0.2.5", "20.1.2.3"], OwnCode::PublicAddress),
            (&["2603:1030::1"], OwnCode::PublicAddress),
        ] {
            let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
            assert_eq!(class_of(&addresses), code, "{addresses:?}");
        }
    }
}
