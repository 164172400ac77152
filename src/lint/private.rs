//! What a path that is declared private says of itself: whether its endpoint, zone and region are those of its host.
//! These rules look at what is written, since a profile that contradicts itself is refused before it means anything.

use crate::limits::Limit;
use crate::lint::entry::ProfileEntry;
use crate::lint::rule::{Check, Hit, Level, Rule};
use crate::path::{regions, zones};

/// The rules.
pub(crate) static RULES: [Rule; 2] = [
    Rule {
        id: "private-zone",
        level: Level::Error,
        as_of: "2026-06-11",
        source: "learn.microsoft.com, private endpoint DNS; design of a cross-region private endpoint that reaches *.openai.azure.com by groupId amlworkspace",
        what: "the private endpoint of a path (group_id) and its zone are those of the host that is called",
        why: "a private endpoint of another service does not carry the calls: the name still leads to the public address",
        remedy: "for a Foundry or Azure OpenAI resource use group_id = \"account\" and the zone privatelink. of the host's own ending",
        check: Check::Path(private_zone),
    },
    Rule {
        id: "region-label",
        level: Level::Warning,
        as_of: "2026-06-11",
        source: "design of a cross-region private endpoint: a record aifoundry-sweden.westeurope for a hub in Sweden Central",
        what: "a region in a name is the declared region",
        why: "the record is of a resource in another region, or nothing uses it",
        remedy: "correct the name, or 'region'",
        check: Check::Path(region_label),
    },
];

fn private_zone(entry: &ProfileEntry<'_>) -> Vec<Hit> {
    let Some(service) = entry.host().and_then(zones::of_host) else { return Vec::new() };
    let (name, suffix) = (entry.name(), service.suffix);
    let mut hits = Vec::new();
    let wanted = service.group_id.to_string();
    if let Some(group) = entry.text("private.group_id").filter(|group| !group.eq_ignore_ascii_case(&wanted)) {
        let group = Limit::ShownText.cut(group);
        let message =
            format!("path '{name}' calls {suffix} and has group_id \"{group}\"; that of {suffix} is \"{wanted}\"");
        hits.push(Hit::at(entry.place("private.group_id"), message));
    }
    let other = |zone: &&str| zones::is_privatelink(zone) && zones::normal(zone) != service.zone;
    if let Some(zone) = entry.text("private.zone").filter(other) {
        let (zone, wanted) = (Limit::ShownText.cut(zone), service.zone);
        let message = format!("path '{name}' calls {suffix} and has the zone {zone}; that of {suffix} is {wanted}");
        hits.push(Hit::at(entry.place("private.zone"), message));
    }
    hits
}

fn region_label(entry: &ProfileEntry<'_>) -> Vec<Hit> {
    let Some(region) = entry.text("private.region").map(regions::plain) else { return Vec::new() };
    let names = [("private.fqdn", entry.text("private.fqdn")), ("base_url", entry.host())];
    let hit = |(key, name): (&str, Option<&str>)| {
        let label = name?.split('.').map(regions::plain).find(|label| regions::is_known(label) && *label != region)?;
        let message = format!("path '{}' is declared to be in {region}, and its name has {label}", entry.name());
        Some(Hit::at(entry.place(key), message))
    };
    names.into_iter().filter_map(hit).take(1).collect()
}
