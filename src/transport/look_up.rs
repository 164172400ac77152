//! What the host of a path leads to, asked once before a run: not for its time, but for the chain of names behind it, which
//! the system's resolver does not tell.

use std::net::{IpAddr, SocketAddr};

use crate::limits::Limit;
use crate::measure::resolution::{NoAddress, Resolution, Resolver};
use crate::path::zones::normal;
use crate::text_file;
use crate::transport::dial::Dial;
use crate::transport::dns;

/// Where the system names its DNS servers.
const SYSTEM_SERVERS: &str = "/etc/resolv.conf";

/// What the host that is dialled leads to. Where the profile names a DNS server it is asked, and what it says counts.
/// Otherwise the system's resolver decides, as it does for the calls, and the first DNS server of the system tells the
/// chain, if it tells of the same addresses: if not, a hosts file or the like decided.
pub async fn resolution_of(dial: &Dial) -> Resolution {
    if let Some(addresses) = given(dial) {
        return told(dial, Resolver::Profile, addresses);
    }
    if let Some(server) = dial.dns {
        return dns::look_up(server, &dial.host).await;
    }
    let by_system = tokio::net::lookup_host((dial.host.as_str(), dial.port)).await;
    let by_system: Vec<IpAddr> = by_system.map(|found| found.map(|to| to.ip()).collect()).unwrap_or_default();
    let by_dns = match system_server() {
        Some(server) if !is_local(&dial.host) => Some(dns::look_up(server, &dial.host).await),
        Some(_) | None => None,
    };
    match by_dns {
        Some(found) if by_system.is_empty() || found.addresses.iter().any(|to| by_system.contains(to)) => found,
        Some(_) | None if by_system.is_empty() => Resolution {
            failure: Some(NoAddress::Empty(normal(&dial.host))),
            ..told(dial, Resolver::System, Vec::new())
        },
        Some(_) | None => told(dial, Resolver::System, by_system),
    }
}

/// The addresses that need no look-up.
fn given(dial: &Dial) -> Option<Vec<IpAddr>> {
    let pinned = dial.pinned.as_ref().map(|pinned| pinned.iter().map(SocketAddr::ip).collect());
    pinned.or_else(|| dial.host.parse().ok().map(|address| vec![address]))
}

fn told(dial: &Dial, resolver: Resolver, mut addresses: Vec<IpAddr>) -> Resolution {
    addresses.dedup();
    Resolution { name: normal(&dial.host), resolver, chain: Vec::new(), addresses, failure: None }
}

/// Names of this machine itself, of which no DNS server is asked (RFC 6761).
fn is_local(host: &str) -> bool {
    let host = normal(host);
    host == "localhost" || host.ends_with(".localhost")
}

/// The first DNS server of the system.
#[must_use]
pub fn system_server() -> Option<SocketAddr> {
    let text = text_file::read(SYSTEM_SERVERS.as_ref(), Limit::SmallFile).ok()?;
    first_server(&text)
}

fn first_server(text: &str) -> Option<SocketAddr> {
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let mut servers = servers.filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok());
    servers.next().map(|server| SocketAddr::new(server, 53))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_server_of_the_system_is_asked() {
        for (text, server) in [
            ("# none\nsearch example.com\n", None),
            ("nameserver 10.0.0.4\nnameserver 10.0.0.5\n", Some("10.0.0.4:53")),
            ("  nameserver\t168.63.129.16 # Azure\n", Some("168.63.129.16:53")),
            ("nameserver fe80::1%eth0\nnameserver ::1\n", Some("[::1]:53")),
            ("", None),
        ] {
            assert_eq!(first_server(text), server.map(|server| server.parse().expect("an address")), "{text}");
        }
    }
}
