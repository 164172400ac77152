//! A service with a private endpoint: addresses of the loopback stand for the private range and for the public one.

use std::net::IpAddr;
use std::sync::OnceLock;

use crate::process::Sim;

/// The service's public name.
pub(crate) const NAME: &str = "x.openai.azure.com";
/// Its name in the private zone.
pub(crate) const LINK: &str = "x.privatelink.openai.azure.com";
/// Stands for an address of the private endpoint's subnet.
pub(crate) const INSIDE: [u8; 4] = [127, 0, 2, 5];
/// Stands for a public address.
pub(crate) const PUBLIC: [u8; 4] = [127, 0, 9, 9];

/// The services of all tests of a binary, started by the first with these flags besides: one behind the private endpoint,
/// one in public.
pub(crate) fn sims(flags: &[&str]) -> &'static (Sim, Sim) {
    static SIMS: OnceLock<(Sim, Sim)> = OnceLock::new();
    let at = |address: [u8; 4]| {
        let listen = format!("{}:0", IpAddr::from(address));
        Sim::start(&[&["--listen", &listen, "--ttft", "5ms", "--itl", "0ms"], flags].concat())
    };
    SIMS.get_or_init(|| (at(INSIDE), at(PUBLIC)))
}

pub(crate) fn port_of(sim: &Sim) -> u16 {
    sim.url(sim.names()[0]).rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}
