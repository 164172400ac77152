//! Which way a path's connections take, where the profile and not the system decides: addresses, names, a proxy, how long
//! a connection lives, and what the path was declared to be.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::path::regions;
use crate::units::Span;

/// With this the address of a listener of the bundled simulator begins.
pub(crate) const SIMULATED: &str = "sim://";

/// Which way a path's connections take. The default leaves all of it to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Control {
    /// Where to connect instead of to the host of the base URL, whose name stays in SNI and in the `host` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_to: Option<ConnectTo>,
    /// Addresses of names that are then not looked up; names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resolve: BTreeMap<String, Vec<IpAddr>>,
    /// The address of this machine from which connections are opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_address: Option<IpAddr>,
    /// The DNS server that is asked instead of the system's resolver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<SocketAddr>,
    /// The HTTP proxy through which connections go; no proxy of the environment is ever used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// When a kept connection is not used again.
    #[serde(skip_serializing_if = "Lifetime::is_unlimited")]
    pub lifetime: Lifetime,
    /// Whether cookies that the server sets are sent back.
    #[serde(skip_serializing_if = "is_false")]
    pub cookies: bool,
    /// What the path was declared to be, if it was declared private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<Private>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Control {
    /// Whether the system decides everything.
    #[must_use]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The addresses that the profile names for a host, if it does: then nothing is looked up.
    #[must_use]
    pub fn pinned(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        match &self.connect_to {
            Some(ConnectTo::Address(to)) => return Some(vec![to.or_port(port)]),
            // Until the simulator has told its ports it leads nowhere, and never to the host itself.
            Some(ConnectTo::Listener(_)) => return Some(Vec::new()),
            None => {}
        }
        let addresses = self.resolve.get(&host.to_ascii_lowercase())?;
        Some(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }
}

/// Where a path's connections lead instead of to the host of its base URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ConnectTo {
    /// `IP[:port]`.
    Address(AddressPort),
    /// `sim://NAME`: a listener of the bundled simulator, until it has told its ports.
    Listener(String),
}

/// `IP[:port]`, or `[IPv6]:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressPort {
    /// The address.
    pub address: IpAddr,
    /// The port, where it is given.
    pub port: Option<u16>,
}

impl ConnectTo {
    /// Reads `IP`, `IP:port` or `sim://NAME`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(SIMULATED) {
            Some(name) => (!name.is_empty() && !name.contains('/')).then(|| Self::Listener(name.to_owned())),
            None => AddressPort::parse(text).map(Self::Address),
        }
    }

    /// The listener of the bundled simulator that it names.
    #[must_use]
    pub(crate) fn listener(&self) -> Option<&str> {
        match self {
            Self::Listener(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

impl AddressPort {
    /// Reads `IP` or `IP:port`; an IPv6 address with a port stands in brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse() {
            return Some(Self { address, port: None });
        }
        let whole: SocketAddr = text.parse().ok()?;
        (whole.port() > 0).then_some(Self { address: whole.ip(), port: Some(whole.port()) })
    }

    /// The whole of it, with this port where none is given.
    #[must_use]
    pub(crate) fn or_port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, self.port.unwrap_or(port))
    }
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(to) => to.fmt(f),
            Self::Listener(name) => write!(f, "{SIMULATED}{name}"),
        }
    }
}

impl fmt::Display for AddressPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
            None => self.address.fmt(f),
        }
    }
}

impl TryFrom<String> for ConnectTo {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("'{text}' is not an address"))
    }
}

impl From<ConnectTo> for String {
    fn from(to: ConnectTo) -> Self {
        to.to_string()
    }
}

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// Its host: a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The environment variable that holds `user:password` for it, if it wants any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_env: Option<String>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, login_env: _ } = self;
        if host.contains(':') { write!(f, "http://[{host}]:{port}") } else { write!(f, "http://{host}:{port}") }
    }
}

/// When a kept connection is not used again. A call under way is never cut by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lifetime {
    /// Not once it is so old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// Not after so many calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
}

impl Lifetime {
    /// Whether a connection may be used as long as it is open.
    #[must_use]
    pub(crate) fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// What a path that was declared private was declared to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Private {
    /// Addresses that count as private; empty means the ranges that nobody routes in public.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected_cidr: Vec<IpNet>,
    /// The private DNS zone in which the name's chain must have a link, such as `privatelink.openai.azure.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The sub-resource that the private endpoint leads to, such as `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The name by which the service is reached; must be the host of the base URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fqdn: Option<String>,
    /// The region of the service behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The region from which it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_region: Option<String>,
    /// A word in the name of the authority that must have issued the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

impl Private {
    /// Whether an address is one of those that the path may lead to.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.expected_cidr.is_empty() {
            is_private(address)
        } else {
            self.expected_cidr.iter().any(|net| net.contains(&address))
        }
    }

    /// What of it may not be meant, a sentence each.
    #[must_use]
    pub(crate) fn doubts(&self) -> Vec<String> {
        let public = self.expected_cidr.iter().filter(|net| is_public(net)).map(|net| {
            format!(
                "private.expected_cidr has {net}, which is not private address space: an address in it shows a private \
                 path only if your network uses that range inside"
            )
        });
        let regions = [("region", &self.region), ("caller_region", &self.caller_region)].into_iter();
        let unknown = regions.filter_map(|(key, name)| {
            let doubt = regions::doubt(name.as_deref()?)?;
            Some(format!("private.{key}: {doubt}; the time to connect is not compared with the published one"))
        });
        public.chain(unknown).collect()
    }

    /// The expected addresses, for a sentence.
    #[must_use]
    pub(crate) fn expected(&self) -> String {
        if self.expected_cidr.is_empty() {
            return "a private range (10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7)".to_owned();
        }
        self.expected_cidr.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Whether nobody routes the address in public: RFC 1918, 100.64/10 (RFC 6598) and the unique local ones of RFC 4193.
/// Loopback and link-local addresses are not among them: a private endpoint has neither.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Whether some of a range is routed in public.
fn is_public(net: &IpNet) -> bool {
    const INSIDE: [&str; 9] = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ];
    !INSIDE.iter().filter_map(|inside| inside.parse::<IpNet>().ok()).any(|inside| inside.contains(net))
}

/// The sub-resource of a service that a private endpoint leads to (its `groupId`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum GroupId {
    /// A Foundry or Azure OpenAI resource (Microsoft.CognitiveServices/accounts).
    Account,
    /// The gateway of an API Management instance.
    Gateway,
    /// A hub of Azure Machine Learning: it does not lead to model endpoints.
    Amlworkspace,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_connect_to_are_read_as_they_are_written() {
        for (text, shown) in [
            ("10.0.2.4", Some("10.0.2.4")),
            ("10.0.2.4:8443", Some("10.0.2.4:8443")),
            ("fd00::1", Some("fd00::1")),
            ("[fd00::1]", Some("fd00::1")),
            ("[fd00::1]:443", Some("[fd00::1]:443")),
            ("10.0.2.4:0", None),
            ("10.0.2.4:70000", None),
            ("10.0.2", None),
            ("host", None),
            ("host:443", None),
            ("", None),
            ("10.0.2.4/24", None),
            ("sim://direct", Some("sim://direct")),
            ("sim://", None),
            ("sim://direct/openai", None),
        ] {
            assert_eq!(ConnectTo::parse(text).map(|to| to.to_string()).as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn ranges_of_public_address_space_and_unknown_regions_are_doubted() {
        let of = |nets: &[&str], region: Option<&str>| {
            let expected_cidr = nets.iter().map(|net| net.parse().expect("a range")).collect();
            Private { expected_cidr, region: region.map(str::to_owned), ..Private::default() }.doubts()
        };
        for inside in ["10.0.2.0/24", "10.0.0.0/8", "192.168.1.7/32", "100.100.0.0/16", "127.0.2.0/24", "fd00:1::/64"] {
            assert_eq!(of(&[inside], Some("swedencentral")), Vec::<String>::new(), "{inside}");
        }
        for public in
            ["20.1.2.0/24", "0.0.0.0/0", "10.0.0.0/7", "172.0.0.0/8", "2603:1020::/32", "::/0", "192.0.2.1/32"]
        {
            let doubts = of(&["10.0.2.0/24", public], None);
            assert!(doubts.len() == 1 && doubts[0].contains(public), "{public}: {doubts:?}");
        }
        let doubts = of(&[], Some("swedencentrl"));
        assert!(doubts.len() == 1 && doubts[0].contains("did you mean 'swedencentral'?"), "{doubts:?}");
    }

    #[test]
    fn private_ranges_are_those_that_nobody_routes() {
        for (address, private) in [
            ("10.0.2.4", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("100.64.0.1", true),
            ("100.127.255.254", true),
            ("100.128.0.1", false),
            ("fd12::1", true),
            ("::ffff:10.0.0.1", true),
            ("fe80::1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("20.1.2.3", false),
            ("2603:1030::1", false),
        ] {
            assert_eq!(is_private(address.parse().expect("an address")), private, "{address}");
        }
        let declared = Private { expected_cidr: vec!["127.0.2.0/24".parse().expect("a net")], ..Private::default() };
        assert!(declared.allows("127.0.2.9".parse().expect("an address")));
        assert!(declared.allows("::ffff:127.0.2.9".parse().expect("an address")));
        assert!(!declared.allows("10.0.2.9".parse().expect("an address")));
    }

    #[test]
    fn a_manifest_holds_what_was_decided_and_nothing_else() {
        assert_eq!(serde_json::to_string(&Control::default()).expect("JSON"), "{}");
        let control = Control {
            connect_to: ConnectTo::parse("10.0.2.4:8443"),
            private: Some(Private { group_id: Some(GroupId::Account), ..Private::default() }),
            ..Control::default()
        };
        let text = serde_json::to_string(&control).expect("JSON");
        assert_eq!(text, r#"{"connect_to":"10.0.2.4:8443","private":{"group_id":"account"}}"#);
        assert_eq!(serde_json::from_str::<Control>(&text).expect("read"), control);
    }
}
