//! What is noticed of a file while it is read.

use crate::lint::rule::{Check, Level, Rule};

/// A file that is no JSON in the strict sense.
pub(crate) static LOOSE: Rule = Rule {
    id: "loose-json",
    level: Level::Warning,
    as_of: "2026-11-30",
    source: "RFC 8259",
    what: "JSON has no comments, and no comma after the last item",
    why: "the API and some tools refuse such a file",
    remedy: "leave it out",
    check: Check::Reading,
};

/// A connection to something else.
pub(crate) static OTHER: Rule = Rule {
    id: "other-connection",
    level: Level::Note,
    as_of: "2026-11-30",
    source: "learn.microsoft.com, connections of Foundry",
    what: "connections to anything other than gateways are not checked",
    why: "only ApiManagement and ModelGateway lead to models over a gateway",
    remedy: "nothing, if this is intended",
    check: Check::Reading,
};

/// A profile that is refused for what a rule found, or for something beside it.
pub(crate) static REFUSED: Rule = Rule {
    id: "profile-refused",
    level: Level::Error,
    as_of: "2026-11-30",
    source: "docs/schema/profile.json of this project",
    what: "a run takes the profile",
    why: "a run refuses it with this sentence",
    remedy: "correct what the sentence says",
    check: Check::Reading,
};
