//! The `[[path]]` sections: the ways to the model.

use crate::path::{AuthKind, AuthRef, ConnectionPolicy, Http, NetPath, PathKind, SecretRef, Timeouts, TlsPolicy};
use crate::profile::error::Wrong;
use crate::profile::fields::Fields;
use crate::profile::tree::{Node, Value};
use crate::spelling::alternatives;
use crate::units::{Api, PathId, Span};

const URL: &str =
    "an address such as \"https://host/openai/v1\", or \"sim://NAME/openai/v1\" for the bundled simulator";
const NAME: &str = "letters, digits, '-', '_' and '.', at most 64, the first a letter or digit";
const AUTH: &str = r#"a table such as { kind = "api-key", env = "AZURE_OPENAI_API_KEY" }"#;
/// Connections of a path over HTTP/2, and streams at once on each, when the profile does not say.
const SHARED: (u64, u64) = (4, 100);
/// More of either are surely a mistake.
const MOST_SHARED: u64 = 1 << 20;
const TIME: &str = "a time above 0 with its unit such as \"5s\"";

/// Reads one section. `simulated` says whether the run starts the simulator.
///
/// # Errors
/// When a key is missing, impossible or does not go with the others.
pub(crate) fn read(fields: &Fields<'_>, id: PathId, simulated: bool) -> Result<NetPath, Wrong> {
    let name = fields.text("name")?.ok_or_else(|| fields.missing("name", "every path has a name of its own"))?;
    check_name(fields, "name")?;
    let kinds =
        [("direct", PathKind::Direct), ("private-endpoint", PathKind::PrivateEndpoint), ("gateway", PathKind::Gateway)];
    let base_url = read_url(fields, simulated)?;
    let (connections, http) = read_connections(fields)?;
    Ok(NetPath {
        id,
        name: name.to_owned(),
        kind: fields.choice("kind", &kinds)?.unwrap_or_default(),
        auth: read_auth(fields, base_url.starts_with("sim://"))?,
        backend: fields.text("backend")?.map(str::to_owned),
        connections,
        http,
        tls: read_tls(fields, &base_url)?,
        timeouts: read_timeouts(fields)?,
        tags: read_tags(fields)?,
        base_url,
    })
}

/// Refuses a name that could not stand in a file name or a table.
///
/// # Errors
/// When it has other characters than letters, digits, `-`, `_` and `.`.
pub(crate) fn check_name(fields: &Fields<'_>, key: &str) -> Result<(), Wrong> {
    let fits = |name: &str| {
        name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match fields.text(key)? {
        Some(name) if !fits(name) => Err(fields.wrong(key, NAME)),
        Some(_) | None => Ok(()),
    }
}

fn read_url(fields: &Fields<'_>, simulated: bool) -> Result<String, Wrong> {
    let url = fields.text("base_url")?.ok_or_else(|| fields.missing("base_url", format!("it takes {URL}")))?;
    let say = |message: &str| Err(fields.rule("base_url", format!("'{}' {message}", fields.key("base_url"))));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return say("holds a user name or password; name the secret under auth instead");
    }
    if url.contains(['?', '#']) {
        return say("has a query or a fragment; it takes the part of the address before /chat/completions alone");
    }
    if !matches!(scheme, "http" | "https" | "sim") {
        return Err(fields.wrong("base_url", URL));
    }
    if scheme == "sim" && !simulated {
        return say(
            "is on the simulator, which this run does not start; add [simulator] with scenario = \"three-paths\"",
        );
    }
    if !good_host(host) || url.contains(char::is_whitespace) {
        return Err(fields.wrong("base_url", URL));
    }
    let url = url.trim_end_matches('/');
    if let Some(api) = Api::ALL.into_iter().find(|api| url.ends_with(api.resource())) {
        return say(&format!("ends in the API's own part; leave out {}, which each call adds", api.resource()));
    }
    Ok(url.to_owned())
}

/// A host name, an address or `[v6]`, with a port or without.
fn good_host(host: &str) -> bool {
    let (name, port) = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host, None),
    };
    let v6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let good_name = match v6 {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    good_name && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn read_auth(fields: &Fields<'_>, simulated: bool) -> Result<AuthRef, Wrong> {
    let throw_away = AuthRef { kind: AuthKind::ApiKey, secret: SecretRef::Simulator };
    if fields.get("auth").is_some_and(|node| !matches!(node.value, Value::Table(_))) {
        return Err(
            fields.rule("auth", format!("'{}' takes {AUTH}; the secret itself never stands here", fields.key("auth")))
        );
    }
    let Some(auth) = fields.table("auth", "path.auth")? else {
        return Ok(if simulated { throw_away } else { AuthRef::default() });
    };
    let kinds = alternatives(&AuthKind::ALL.map(|(word, _)| word));
    let no_kind = |_| auth.rule("kind", format!("'{}' takes {kinds}", auth.key("kind")));
    let kind = auth.choice("kind", &AuthKind::ALL).map_err(no_kind)?;
    let kind = kind.ok_or_else(|| auth.missing("kind", format!("it is {kinds}")))?;
    let secret = match (read_env(&auth)?, auth.file("file")?) {
        (Some(_), Some(_)) => return Err(auth.rule("file", "a secret has one place: give 'env' or 'file', not both")),
        (Some(name), None) => SecretRef::Env(name),
        (None, Some(file)) => SecretRef::File(file),
        (None, None) if simulated && kind != AuthKind::None => SecretRef::Simulator,
        (None, None) => SecretRef::None,
    };
    match (kind == AuthKind::None, &secret) {
        (true, SecretRef::Env(_) | SecretRef::File(_)) => {
            Err(auth.rule("kind", "kind = \"none\" sends no secret; remove 'env' and 'file' or name another kind"))
        }
        (false, SecretRef::None) => {
            let remedy = "name the environment variable that holds the secret, such as env = \"AZURE_OPENAI_API_KEY\", \
                          or a file";
            Err(auth.missing("env", remedy))
        }
        _ => Ok(AuthRef { kind, secret }),
    }
}

/// The name of an environment variable. What is none, such as a long word without '_', may be the secret itself, so it
/// is not shown.
fn read_env(auth: &Fields<'_>) -> Result<Option<String>, Wrong> {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && (name.len() < 30 || name.contains('_'))
            && name.len() <= 80
    };
    let rule = || {
        let key = auth.key("env");
        auth.rule(
            "env",
            format!("'{key}' is not the name of an environment variable; the secret itself never stands in a profile"),
        )
    };
    match auth.text("env").map_err(|_| rule())? {
        Some(name) if !is_name(name) => Err(rule()),
        name => Ok(name.map(str::to_owned)),
    }
}

fn read_connections(fields: &Fields<'_>) -> Result<(ConnectionPolicy, Http), Wrong> {
    let Some(table) = fields.table("connections", "path.connections")? else {
        return Ok((ConnectionPolicy::default(), Http::default()));
    };
    let policies = [("keep", ConnectionPolicy::Keep), ("fresh", ConnectionPolicy::Fresh)];
    let policy = table.choice("policy", &policies)?.unwrap_or_default();
    let shares = table.choice("http", &[("1.1", false), ("2", true)])?.unwrap_or_default();
    if let Some(key) = table.first_of(&["max", "streams"])
        && (!shares || policy == ConnectionPolicy::Fresh)
    {
        let rule = format!(
            "'{}' is for calls that share connections; it goes with http = \"2\" and policy = \"keep\"",
            table.key(key)
        );
        return Err(table.rule(key, rule));
    }
    let number = |key, default| match table.count(key, 1)? {
        Some(number) if number > MOST_SHARED => {
            Err(table.wrong(key, &format!("a whole number from 1 to {MOST_SHARED}")))
        }
        number => Ok(number.unwrap_or(default) as usize),
    };
    let http = if shares {
        Http::Two { max: number("max", SHARED.0)?, streams: number("streams", SHARED.1)? }
    } else {
        Http::One
    };
    Ok((policy, http))
}

fn read_tls(fields: &Fields<'_>, base_url: &str) -> Result<TlsPolicy, Wrong> {
    let Some(table) = fields.table("tls", "path.tls")? else { return Ok(TlsPolicy::default()) };
    if base_url.starts_with("http://") {
        let rule = "'tls' does not go with an http:// address; remove it or use https://";
        return Err(fields.rule("tls", rule));
    }
    let tls = TlsPolicy { ca_file: table.file("ca_file")?, verify: table.flag("verify")?.unwrap_or(true) };
    if !tls.verify && tls.ca_file.is_some() {
        return Err(table
            .rule("verify", "verify = false trusts every certificate, so 'ca_file' has no meaning; keep one of them"));
    }
    Ok(tls)
}

fn read_tags(fields: &Fields<'_>) -> Result<Vec<String>, Wrong> {
    let expected = "a list of words such as [\"europe\", \"same-region\"]";
    let Some(node) = fields.get("tags") else { return Ok(Vec::new()) };
    let Value::List(items) = &node.value else { return Err(fields.wrong("tags", expected)) };
    let word = |item: &Node| match &item.value {
        Value::Text(word) if !word.trim().is_empty() => Some(word.clone()),
        _ => None,
    };
    let words: Option<Vec<String>> = items.iter().map(word).collect();
    words.ok_or_else(|| fields.wrong("tags", expected))
}

fn read_timeouts(fields: &Fields<'_>) -> Result<Timeouts, Wrong> {
    let mut timeouts = Timeouts::default();
    let Some(table) = fields.table("timeouts", "path.timeouts")? else { return Ok(timeouts) };
    let read = |key: &str, span: &mut Span| match table.parsed::<Span>(key, TIME)? {
        Some(given) if given == Span::default() => Err(table.wrong(key, TIME)),
        Some(given) => {
            *span = given;
            Ok(())
        }
        None => Ok(()),
    };
    read("connect", &mut timeouts.connect)?;
    read("first_byte", &mut timeouts.first_byte)?;
    read("gap", &mut timeouts.gap)?;
    read("total", &mut timeouts.total)?;
    Ok(timeouts)
}
