//! What a check came to, in one stable word that scripts can rely on.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use strum::VariantArray;

use crate::evidence::name::NameVerdict;
use crate::measure::outcome::ErrorClass;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A word of the checks themselves.
    Own(OwnCode),
    /// What looking up a name came to.
    Name(NameVerdict),
    /// What the words of a refusal tell of the network: the code of a fingerprint.
    Print(&'static str),
    /// The class of an error.
    Class(ErrorClass),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(own) => own.fmt(f),
            Self::Name(verdict) => verdict.fmt(f),
            Self::Print(code) => f.write_str(code),
            Self::Class(class) => class.fmt(f),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Code {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z0-9_]+$"})
    }
}

/// A word of the checks themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum OwnCode {
    /// The profile gives the address.
    AddressGiven,
    /// A proxy looks the name up.
    ProxyLooksUp,
    /// The name leads to public addresses.
    PublicAddress,
    /// The name leads to private addresses.
    PrivateAddress,
    /// The name leads to this machine or its own network.
    LocalAddress,
    /// Some connections were opened, others not.
    SomeConnections,
    /// The path has no TLS.
    NoTls,
    /// Certificates are not checked.
    Unverified,
    /// The certificate is out of date.
    Expired,
    /// The certificate soon will be.
    ExpiresSoon,
    /// A call without the credential was refused.
    RefusedAnonymously,
    /// A call without the credential was answered.
    AnsweredAnonymously,
    /// The path has no credential.
    NoCredential,
    /// What came does not show it.
    Undecided,
    /// No token could be had.
    NoToken,
    /// One whole answer came, not the stream that was asked for.
    NotAStream,
    /// An answer is missing.
    NoAnswer,
    /// Connecting is faster than the distance allows.
    TooFast,
    /// Connecting is slower than the distance explains.
    TooSlow,
    /// How far it is was not declared, or not published.
    DistanceUnknown,
    /// The path is private.
    PrivatePath,
    /// It was declared private and is not.
    NotPrivate,
    /// It is private, and something speaks against it.
    PrivateDoubtful,
    /// Nothing shows whether it is private.
    PrivateUnproven,
    /// It was not declared private.
    NotDeclared,
    /// A feature is missing or broken that documents promise.
    WorseThanExpected,
    /// An earlier check failed.
    EarlierFailed,
}

impl OwnCode {
    /// What it means, for the documentation.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AddressGiven => {
                "the profile gives the address (`connect_to`, `resolve`, or in `base_url`); nothing was looked up"
            }
            Self::ProxyLooksUp => "a proxy looks the name up; what was looked up here is the proxy's name",
            Self::PublicAddress => "the name resolves to public addresses, and the path is not declared private",
            Self::PrivateAddress => "the name resolves to private addresses, and the path is not declared private",
            Self::LocalAddress => "the name resolves to this machine or to a link-local address",
            Self::SomeConnections => "some connections were opened and others were not",
            Self::NoTls => "the path is http",
            Self::Unverified => "the certificate was not checked (`tls.verify = false`)",
            Self::Expired => "the certificate is out of date: a failure, or a warning if it is not verified",
            Self::ExpiresSoon => "the certificate is valid for less than 30 days",
            Self::RefusedAnonymously => "a call without the credential was refused, as it should be",
            Self::AnsweredAnonymously => "a call without the credential was answered: anyone can call",
            Self::NoCredential => "the path declares no credential",
            Self::Undecided => "the result does not show it",
            Self::NoToken => "no token could be obtained",
            Self::NotAStream => "one complete answer came instead of the stream that was asked for",
            Self::NoAnswer => "an answer is missing because of an error in hopmark",
            Self::TooFast => "connecting is faster than the distance allows: something nearer answers",
            Self::TooSlow => "connecting is slower than the distance explains: another route",
            Self::DistanceUnknown => "the two regions are not declared, or no round trip is published for them",
            Self::PrivatePath => "the calls went to private addresses, and no evidence speaks against it",
            Self::NotPrivate => "declared private, and a rung failed",
            Self::PrivateDoubtful => "private, and a rung speaks against it without proving it",
            Self::PrivateUnproven => "no call got a connection that could show it",
            Self::NotDeclared => "the path has no `[path.private]`",
            Self::WorseThanExpected => "a feature that documentation promises for such a path is missing or broken",
            Self::EarlierFailed => "an earlier check failed, so this one makes no sense",
        }
    }
}
