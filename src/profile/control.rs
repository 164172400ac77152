//! The keys of a `[[path]]` that say which way its connections take, and what a private path was declared to be.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::path::control::{AddressPort, ConnectTo, Control, GroupId, Lifetime, Private, Proxy, SIMULATED};
use crate::path::{NetPath, zones};
use crate::profile::at::At;
use crate::profile::error::Wrong;
use crate::units::Span;

const ADDRESS: &str = "an IP address, such as \"10.0.2.4\"";
const CONNECT_TO: &str = "an IP address and perhaps a port, such as \"10.0.2.4\" or \"10.0.2.4:443\", or \
                          \"sim://LISTENER\" for the bundled simulator; to reach a name, put it into base_url";
const DNS: &str = "the address of a DNS server and perhaps its port, such as \"168.63.129.16\" or \"10.0.0.4:53\"";
const CIDR: &str = "a range of addresses, such as \"10.0.2.0/24\"";
const PROXY: &str = "the address of an HTTP proxy, such as \"http://proxy.example.com:3128\"";
const NAME: &str = "a name of labels and dots, such as \"privatelink.openai.azure.com\"";
const REGION: &str = "a region, such as \"swedencentral\"";
/// The port on which a DNS server listens.
const DNS_PORT: u16 = 53;
/// The port of an HTTP proxy when its address does not say.
const PROXY_PORT: u16 = 80;

/// What a path that is said to be private was declared to be.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PrivateSection {
    /// Addresses that count as private; default: 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7.
    #[serde(default)]
    #[schemars(example = ["10.0.2.0/24"])]
    expected_cidr: Texts,
    /// The private DNS zone in which the name must have a link; default: any with the label privatelink.
    #[schemars(example = "privatelink.openai.azure.com")]
    zone: Option<String>,
    /// What the private endpoint leads to (its groupId).
    group_id: Option<GroupId>,
    /// The name of the service, as a check: it must be the host of base_url.
    #[schemars(example = "my-resource.openai.azure.com")]
    fqdn: Option<String>,
    /// The region of the service.
    #[schemars(example = &"swedencentral")]
    region: Option<String>,
    /// The region from which it is called; with region, the time to connect is held against the published one.
    #[schemars(example = &"germanywestcentral")]
    caller_region: Option<String>,
    /// A word in the name of the authority that must have issued the certificate; default for Azure's hosts: Microsoft
    /// or DigiCert.
    issuer: Option<String>,
}

/// A text, or a list of them.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "it takes a text in quotes, or a list of them")]
pub(crate) enum Texts {
    /// Nothing.
    #[default]
    None,
    /// One.
    One(#[schemars(extend("pattern" = "\\S"))] String),
    /// Several.
    Many(Vec<String>),
}

impl Texts {
    fn all(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }

    /// Each of those at a key, read.
    ///
    /// # Errors
    /// The first that cannot be read.
    fn read<T>(
        self,
        (at, key): (&At<'_>, &str),
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, Wrong> {
        let each = |(number, text): (usize, String)| read(&text).ok_or_else(|| at.wrong_item(key, number, expected));
        self.all().into_iter().enumerate().map(each).collect()
    }
}

/// The keys of a path, as written.
pub(crate) struct ControlKeys {
    pub(crate) connect_to: Option<String>,
    /// Whether the run starts the simulator.
    pub(crate) simulated: bool,
    pub(crate) resolve: BTreeMap<String, Texts>,
    pub(crate) source_address: Option<String>,
    pub(crate) dns: Option<String>,
    pub(crate) proxy: Option<String>,
    pub(crate) proxy_env: Option<String>,
    pub(crate) cookies: bool,
    pub(crate) private: Option<PrivateSection>,
    pub(crate) max_age: Option<Span>,
    pub(crate) max_requests: Option<u32>,
}

/// Holds the keys to their rules. `base_url` is the path's, already checked; `over_http2` says that calls share
/// connections.
///
/// # Errors
/// When a value is none of those allowed, or keys do not go together.
pub(crate) fn resolve(at: &At<'_>, keys: ControlKeys, base_url: &str, over_http2: bool) -> Result<Control, Wrong> {
    let host = host_of(base_url);
    let lifetime = Lifetime { max_age: keys.max_age, max_requests: keys.max_requests };
    if let Some(table) = at.get("connections")
        && lifetime.max_age == Some(Span::default())
    {
        return Err(table.wrong("max_age", "a time above 0 with its unit such as \"60s\""));
    }
    let control = Control {
        connect_to: value(at, "connect_to", keys.connect_to.as_deref(), CONNECT_TO, ConnectTo::parse)?,
        source_address: value(at, "source_address", keys.source_address.as_deref(), ADDRESS, |text| text.parse().ok())?,
        dns: value(at, "dns", keys.dns.as_deref(), DNS, dns_server)?,
        proxy: proxy(at, keys.proxy.as_deref(), keys.proxy_env)?,
        resolve: pinned(at, keys.resolve)?,
        lifetime,
        cookies: keys.cookies,
        private: keys.private.map(|section| private(at, section, host)).transpose()?,
    };
    check_listener(at, &control, (base_url, keys.simulated))?;
    check_ways(at, &control, host)?;
    check_source(at, &control)?;
    if control.proxy.is_some() && over_http2 && !base_url.starts_with("https://") {
        let rule = "HTTP/2 without TLS does not pass an HTTP proxy; use https, or connections.http = \"1.1\"";
        return Err(at.rule("proxy", rule));
    }
    Ok(control)
}

/// The host of a checked address, without port and brackets.
fn host_of(base_url: &str) -> &str {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn value<T>(
    at: &At<'_>,
    key: &str,
    text: Option<&str>,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Wrong> {
    text.map(|text| read(text).ok_or_else(|| at.wrong(key, expected))).transpose()
}

fn dns_server(text: &str) -> Option<SocketAddr> {
    Some(AddressPort::parse(text)?.or_port(DNS_PORT))
}

fn pinned(at: &At<'_>, resolve: BTreeMap<String, Texts>) -> Result<BTreeMap<String, Vec<IpAddr>>, Wrong> {
    let Some(table) = at.get("resolve") else { return Ok(BTreeMap::new()) };
    let mut pinned = BTreeMap::new();
    for (name, texts) in resolve {
        let addresses = texts.read((&table, &name), ADDRESS, |text| text.parse().ok())?;
        if addresses.is_empty() {
            return Err(table.wrong(&name, ADDRESS));
        }
        pinned.insert(zones::normal(&name), addresses);
    }
    Ok(pinned)
}

fn proxy(at: &At<'_>, proxy: Option<&str>, login_env: Option<String>) -> Result<Option<Proxy>, Wrong> {
    let Some(text) = proxy else {
        let orphan = "'proxy_env' is the login of a proxy; name the proxy itself with 'proxy', or remove it";
        return if login_env.is_some() { Err(at.rule("proxy_env", orphan)) } else { Ok(None) };
    };
    let key = at.key("proxy");
    if text.contains('@') {
        let rule = format!(
            "'{key}' holds a user name or password; put user:password into an environment variable and name it with \
             proxy_env"
        );
        return Err(at.rule("proxy", rule));
    }
    let Some(rest) = text.strip_prefix("http://") else {
        let scheme = text.split_once("://").map_or("none", |(scheme, _)| scheme);
        let rule = format!("'{key}' has the scheme {scheme}; only HTTP proxies are supported: it takes {PROXY}");
        return Err(at.rule("proxy", rule));
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = split_port(authority).ok_or_else(|| at.wrong("proxy", PROXY))?;
    Ok(Some(Proxy { host, port: port.unwrap_or(PROXY_PORT), login_env }))
}

/// `host[:port]` or `[v6][:port]`.
fn split_port(authority: &str) -> Option<(String, Option<u16>)> {
    if let Some(to) = AddressPort::parse(authority) {
        return Some((to.address.to_string(), to.port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
        None => (authority, None),
    };
    is_name(host).then(|| (zones::normal(host), port))
}

fn is_name(text: &str) -> bool {
    let good = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(good)
}

/// A listener is of a simulator that runs, and is named once.
fn check_listener(at: &At<'_>, control: &Control, (base_url, simulated): (&str, bool)) -> Result<(), Wrong> {
    if control.connect_to.as_ref().and_then(ConnectTo::listener).is_none() {
        return Ok(());
    }
    let key = at.key("connect_to");
    if base_url.starts_with(SIMULATED) {
        let rule = format!("'{key}' and base_url both name a listener of the simulator; remove one of them");
        return Err(at.rule("connect_to", rule));
    }
    if !simulated {
        let rule = format!("'{key}' is on the simulator, which this run does not start; add [simulator]");
        return Err(at.rule("connect_to", rule));
    }
    Ok(())
}

/// There is one way to an address: what has no meaning beside another key is refused.
fn check_ways(at: &At<'_>, control: &Control, host: &str) -> Result<(), Wrong> {
    let given = [("connect_to", control.connect_to.is_some()), ("resolve", !control.resolve.is_empty())];
    let given = given.into_iter().find_map(|(key, is)| is.then_some(key));
    if control.connect_to.is_some() && !control.resolve.is_empty() {
        return Err(at.rule("resolve", "'connect_to' already says where to connect; remove it or 'resolve'"));
    }
    if let (Some(key), Some(_)) = (given, control.dns) {
        return Err(at.rule("dns", format!("'{key}' gives the address, so no DNS server is asked; remove one of them")));
    }
    let asked = control.proxy.as_ref().map_or(host, |proxy| proxy.host.as_str());
    let whose = if control.proxy.is_some() { "the proxy's host" } else { "the host of base_url" };
    if control.connect_to.is_some() && control.proxy.is_some() {
        let rule =
            "'connect_to' and 'proxy' both say where to connect; for the address of the proxy's host use 'resolve'";
        return Err(at.rule("connect_to", rule));
    }
    if let Some(other) = control.resolve.keys().find(|name| **name != zones::normal(asked)) {
        let rule = format!("'resolve' has '{other}', but the name that is looked up is '{asked}', {whose}");
        return Err(at.rule("resolve", rule));
    }
    if let Some(key) = [("dns", control.dns.is_some()), ("resolve", !control.resolve.is_empty())]
        .into_iter()
        .find_map(|(key, is)| (is && asked.parse::<IpAddr>().is_ok()).then_some(key))
    {
        let rule = format!("{whose} is an address, so no name is looked up; remove '{key}' or use a name");
        return Err(at.rule(key, rule));
    }
    if control.private.is_some() && control.proxy.is_some() {
        let rule = "a path through a proxy cannot be shown to be private: the proxy looks up the name and connects; \
                    remove 'proxy' or 'private'";
        return Err(at.rule("proxy", rule));
    }
    Ok(())
}

/// The source address is one of this machine, and of the same kind as those it connects to.
fn check_source(at: &At<'_>, control: &Control) -> Result<(), Wrong> {
    let Some(source) = control.source_address else { return Ok(()) };
    if let Err(why) = TcpListener::bind((source, 0)) {
        let rule = format!(
            "'{}': this machine cannot open a connection from {source} ({why}); name one of its own addresses (ip addr)",
            at.key("source_address")
        );
        return Err(at.rule("source_address", rule));
    }
    let connect_to = control.connect_to.as_ref().and_then(|to| match to {
        ConnectTo::Address(to) => Some(to.address),
        ConnectTo::Listener(_) => None,
    });
    let named: Vec<IpAddr> = connect_to.into_iter().chain(control.resolve.values().flatten().copied()).collect();
    if !named.is_empty() && named.iter().all(|to| to.is_ipv4() != source.is_ipv4()) {
        let rule = "'source_address' and the address to connect to are not both IPv4 or both IPv6; no connection can be \
                    opened between them";
        return Err(at.rule("source_address", rule));
    }
    Ok(())
}

/// An address that the profile gives for a path and that is none of those that the path declares: a run over it could only
/// be invalid. A probe may mean it, as the view from outside.
pub(crate) fn contradiction(at: &At<'_>, path: &NetPath) -> Option<Wrong> {
    let private = path.control.private.as_ref()?;
    let connect_to = path.control.connect_to.as_ref().and_then(|to| match to {
        ConnectTo::Address(to) => Some(to.address),
        ConnectTo::Listener(_) => None,
    });
    let resolve = &path.control.resolve;
    let (key, given): (&str, Vec<IpAddr>) = match (connect_to, resolve.is_empty()) {
        (Some(address), _) => ("connect_to", vec![address]),
        (None, false) => ("resolve", resolve.values().flatten().copied().collect()),
        (None, true) => ("base_url", host_of(&path.base_url).parse().into_iter().collect()),
    };
    let outside = given.into_iter().find(|address| !private.allows(*address))?;
    let range = if private.expected_cidr.is_empty() { "" } else { "private.expected_cidr, " };
    let rule = format!(
        "'{}' leads to {outside}, which is not in {range}{}: a run over this path could only be invalid; correct one of them",
        at.key(key),
        private.expected()
    );
    Some(at.rule(key, rule))
}

fn private(at: &At<'_>, section: PrivateSection, host: &str) -> Result<Private, Wrong> {
    let Some(table) = at.get("private") else { return Ok(Private::default()) };
    let cidr = |text: &str| text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let name = |key: &str, text: Option<String>| match text {
        Some(text) if !is_name(&text) => Err(table.wrong(key, NAME)),
        other => Ok(other.map(|text| zones::normal(&text))),
    };
    let private = Private {
        expected_cidr: section.expected_cidr.read((&table, "expected_cidr"), CIDR, cidr)?,
        zone: name("zone", section.zone)?,
        fqdn: name("fqdn", section.fqdn)?,
        group_id: section.group_id,
        region: region(&table, "region", section.region)?,
        caller_region: region(&table, "caller_region", section.caller_region)?,
        issuer: section.issuer,
    };
    check_names(&table, &private, host)?;
    Ok(private)
}

/// "Sweden Central" and "swedencentral" are the same region. A name that is in no table is taken as it stands.
fn region(at: &At<'_>, key: &str, text: Option<String>) -> Result<Option<String>, Wrong> {
    let Some(text) = text else { return Ok(None) };
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect::<String>().to_ascii_lowercase();
    let good = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    good.then_some(Some(plain)).ok_or_else(|| at.wrong(key, REGION))
}

/// What was declared can be true of this host.
fn check_names(at: &At<'_>, private: &Private, host: &str) -> Result<(), Wrong> {
    if zones::is_privatelink(host) {
        let rule = format!(
            "base_url names '{host}': no certificate covers a privatelink name; use the public name, which leads there \
             inside the network"
        );
        return Err(at.rule("fqdn", rule));
    }
    if let Some(fqdn) = private.fqdn.as_deref().filter(|fqdn| *fqdn != zones::normal(host)) {
        let rule = format!(
            "'{}' is '{fqdn}', but the run calls '{host}', the host of base_url: names of one resource can lead to \
             different places",
            at.key("fqdn")
        );
        return Err(at.rule("fqdn", rule));
    }
    let Some(service) = zones::of_host(host) else { return Ok(()) };
    if let Some(group) = private.group_id.filter(|group| *group != service.group_id) {
        let rule = format!(
            "a private endpoint to '{group}' does not serve {host}: hosts of {} are served by one to '{}'",
            service.suffix, service.group_id
        );
        return Err(at.rule("group_id", rule));
    }
    match private.zone.as_deref() {
        Some(zone) if zone != service.zone && zones::is_privatelink(zone) => {
            let rule = format!("names of {} lead through {}, not through {zone}", service.suffix, service.zone);
            Err(at.rule("zone", rule))
        }
        Some(_) | None => Ok(()),
    }
}
