//! What looking up a name told: the chain of names, the addresses at its end, and who told it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Who told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolver {
    /// The system's resolver, which tells no chain.
    System,
    /// A DNS server, asked directly.
    Server(SocketAddr),
    /// The profile itself: nothing was looked up.
    Profile,
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) if server.port() == 53 => write!(f, "DNS server {}", server.ip()),
            Self::Server(server) => write!(f, "DNS server {server}"),
            Self::System => f.write_str("the system's resolver"),
            Self::Profile => f.write_str("the profile"),
        }
    }
}

/// Why a name led to no address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NoAddress {
    /// There is no such name.
    #[error("NXDOMAIN: the name '{0}' does not exist")]
    NoSuchName(String),
    /// The name exists and has no address.
    #[error("the name '{0}' has no address")]
    Empty(String),
    /// The server did not want to tell, or could not; this is its code.
    #[error("the DNS server answered {0}")]
    Refused(String),
    /// No answer that can be read came in time.
    #[error("the DNS server did not answer ({0})")]
    Silent(String),
    /// Names that lead to each other.
    #[error("the chain of CNAME records does not end")]
    Endless,
}

/// What looking up a name told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The name that was looked up.
    pub name: String,
    /// Who told.
    pub resolver: Resolver,
    /// The names to which it leads (CNAME), in order; empty when it has its addresses itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The addresses at the end of the chain.
    pub addresses: Vec<IpAddr>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<NoAddress>,
}

/// The same for whoever reads JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ResolutionFacts {
    /// The name that was looked up.
    pub name: String,
    /// Who told.
    pub resolver: String,
    /// The names to which it leads (CNAME), in order.
    pub chain: Vec<String>,
    /// The addresses at the end of the chain.
    pub addresses: Vec<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Resolution {
    /// What it says, for whoever reads JSON.
    #[must_use]
    pub fn facts(&self) -> ResolutionFacts {
        ResolutionFacts {
            name: self.name.clone(),
            resolver: self.resolver.to_string(),
            chain: self.chain.clone(),
            addresses: self.addresses.iter().map(ToString::to_string).collect(),
            failure: self.failure.as_ref().map(ToString::to_string),
        }
    }

    /// The name and those it leads to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.chain.iter().map(String::as_str))
    }
}

impl fmt::Display for Resolution {
    /// `a -> b -> 10.0.2.4`, or why not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.names() {
            write!(f, "{name} -> ")?;
        }
        match &self.failure {
            Some(failure) => failure.fmt(f),
            None => {
                let addresses: Vec<String> = self.addresses.iter().map(IpAddr::to_string).collect();
                f.write_str(&addresses.join(", "))
            }
        }
    }
}
