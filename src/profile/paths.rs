//! The `[[path]]` sections: the ways to the model.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::path::address::{Address, Dialect, TokenLimit};
use crate::path::control::{Control, SIMULATED};
use crate::path::request::RequestForm;
use crate::path::zones::HostKind;
use crate::path::{Auth, AuthRef, ConnectionPolicy, Http, NetPath, PathKind, Timeouts, TlsPolicy};
use crate::profile::address::{Unusable, Wish, understand};
use crate::profile::at::At;
use crate::profile::auth;
use crate::profile::control::{self, ControlKeys, PrivateSection, Texts};
use crate::profile::error::Wrong;
use crate::profile::request::{self, HeaderText, is_variable};
use crate::schema::has_any;
use crate::units::{Api, PathId, Span};

/// Connections of a path over HTTP/2, and streams at once on each, when the profile does not say.
const SHARED: (usize, usize) = (4, 100);
/// More of either are surely a mistake.
const MOST_SHARED: usize = 1 << 20;
/// Keys of connections that calls share.
const SHARED_KEYS: [&str; 2] = ["max", "streams"];
/// Keys of how long a connection is kept.
const LIFETIME_KEYS: [&str; 2] = ["max_age", "max_requests"];

/// A way to the model.
#[derive(Deserialize, JsonSchema)]
#[schemars(transform = addressed)]
pub(crate) struct PathSection {
    /// Its name in results.
    name: Name,
    /// What stands between.
    #[serde(default)]
    kind: PathKind,
    /// The address as it is known, with /chat/completions, a deployment or an api-version in it or without; or
    /// sim://LISTENER/... on the bundled simulator.
    #[schemars(extend("pattern" = r"^(https?|sim)://[^\s#@{}<>]+$"))]
    base_url: String,
    /// A file with a connection object of Foundry, which says where the path leads in place of base_url: its target,
    /// api-version, headers and the header of the key. Keys of the path stand over it.
    #[serde(rename = "connection")]
    _connection: Option<PathBuf>,
    /// Whose form the URLs have; default: what base_url says for certain, otherwise openai.
    dialect: Option<Dialect>,
    /// The model or deployment name in the body; default: the deployment, or that of the workload.
    model: Option<String>,
    /// The deployment in the URL, with dialect = "azure-classic"; default: the one in base_url, or the model.
    deployment: Option<String>,
    /// What stands in the query of every call.
    #[serde(default)]
    #[schemars(example = json!({"api-version": "2024-10-21"}))]
    query: BTreeMap<String, String>,
    /// Headers of every call; a secret is named by its place.
    #[serde(default)]
    #[schemars(example = json!({"x-team": "a", "x-gateway-key": {"env": "GATEWAY_KEY"}}))]
    headers: BTreeMap<String, HeaderText>,
    /// Fields that are merged into every request.
    #[serde(default)]
    #[schemars(extend("not" = request::decided_schema()), example = json!({"temperature": 0}))]
    body: Map<String, Value>,
    /// The field that limits the tokens of a chat completion; default: by dialect, api-version and model.
    token_limit: Option<TokenLimit>,
    /// Whether a streamed chat completion asks for its usage by stream_options; default: true, unless the api-version is
    /// older than the field, or the dialect foundry-models.
    stream_options: Option<bool>,
    /// Where the secret stands; never the secret itself.
    #[allow(dead_code, reason = "read again with its place, by what each kind takes")]
    auth: Option<auth::Written>,
    /// Paths that share a backend say so with the same word.
    backend: Option<String>,
    /// How calls share connections.
    #[serde(default)]
    connections: Connections,
    /// Of https addresses.
    tls: Option<TlsPolicy>,
    /// How long each stage of a call may take, each above 0.
    #[serde(default)]
    timeouts: Timeouts,
    /// Words by which objectives find the path.
    #[serde(default)]
    #[schemars(example = ["europe", "same-region"])]
    tags: Vec<String>,
    /// Connect to this address, with the name of base_url in SNI and host; or to sim://LISTENER of the bundled simulator.
    #[schemars(extend("pattern" = r"^(\[?[0-9A-Fa-f:.]+\]?(:[0-9]{1,5})?|sim://[^/]+)$"), example = "10.0.2.4:443")]
    connect_to: Option<String>,
    /// Addresses of the host of base_url (or of the proxy's), which is then not looked up, as curl's --resolve.
    #[serde(default)]
    resolve: BTreeMap<String, Texts>,
    /// The address of this machine from which connections are opened.
    #[schemars(extend("pattern" = r"^[0-9A-Fa-f:.]+$"), example = "10.0.1.5")]
    source_address: Option<String>,
    /// The DNS server that is asked instead of the system's resolver.
    #[schemars(extend("pattern" = r"^\[?[0-9A-Fa-f:.]+\]?(:[0-9]{1,5})?$"), example = "168.63.129.16")]
    dns: Option<String>,
    /// An HTTP proxy; those of the environment are never used.
    #[schemars(extend("pattern" = r"^http://[^\s/@]+/?$"), example = "http://proxy.example.com:3128")]
    proxy: Option<String>,
    /// The environment variable that holds user:password for the proxy.
    #[schemars(extend("pattern" = "^[A-Za-z_][A-Za-z0-9_]{0,79}$"))]
    proxy_env: Option<String>,
    /// Send back the cookies that the server sets: a jar a caller (closed load) or a worker (open load).
    #[serde(default)]
    cookies: bool,
    /// Declares the path private: a run that shows it is not is invalid.
    private: Option<PrivateSection>,
}

/// A path has an address of its own, or that of a connection; what the connection says is laid under the other keys before
/// they are read.
fn addressed(schema: &mut Schema) {
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|key| key != "base_url");
    }
    let either = json!([{"required": ["base_url"]}, {"required": ["connection"]}]);
    schema.insert("oneOf".to_owned(), either);
}

/// Letters, digits, '-', '_' and '.', at most 64; the first a letter or digit.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from)]
pub(crate) struct Name(#[schemars(extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))] pub String);

impl TryFrom<String> for Name {
    type Error = &'static str;
    fn try_from(name: String) -> Result<Self, &'static str> {
        let fits = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let expected = "it takes letters, digits, '-', '_' and '.', at most 64, the first a letter or digit";
        fits.then_some(Self(name)).ok_or(expected)
    }
}

#[derive(Default, Deserialize, JsonSchema)]
#[schemars(extend("if" = has_any(&SHARED_KEYS), "then" = shared(), "allOf" = [kept()]))]
struct Connections {
    /// Used again, or a new one for each call.
    #[serde(default)]
    policy: ConnectionPolicy,
    /// 2: calls share connections; by ALPN for https, by prior knowledge for http; default: 1.1.
    #[serde(default)]
    http: HttpVersion,
    /// Connections of the whole run over HTTP/2, an equal share for each worker; a run has no more workers than this;
    /// default: 4.
    #[schemars(range(min = 1, max = MOST_SHARED))]
    max: Option<usize>,
    /// Calls at once on each connection over HTTP/2, or fewer if the server allows fewer; default: 100.
    #[schemars(range(min = 1, max = MOST_SHARED))]
    streams: Option<usize>,
    /// A kept connection is not used again once it is so old.
    max_age: Option<Span>,
    /// A kept connection is not used again after so many calls.
    #[schemars(range(min = 1, max = 4_294_967_295u32))]
    max_requests: Option<u32>,
}

#[derive(Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum HttpVersion {
    #[default]
    #[serde(rename = "1.1")]
    One,
    #[serde(rename = "2")]
    Two,
}

/// Only a connection that is kept has a life to be limited.
fn kept() -> Value {
    json!({"if": has_any(&LIFETIME_KEYS), "then": {"properties": {"policy": {"const": "keep"}}}})
}

fn shared() -> Value {
    json!({"required": ["http"], "properties": {"http": {"const": "2"}, "policy": {"const": "keep"}}})
}

/// What the rest of the profile says that decides how a path is addressed.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'w> {
    /// The model or deployment name of the workload.
    pub model: &'w str,
    /// The APIs that are called.
    pub apis: Vec<Api>,
    /// Whether the run starts the simulator.
    pub simulated: bool,
}

/// Holds a section to the rules between its keys.
///
/// # Errors
/// When a key does not go with the others.
pub(crate) fn resolve(at: &At<'_>, mut section: PathSection, id: PathId, asked: &Asked<'_>) -> Result<NetPath, Wrong> {
    let (base_url, address) = address_of(at, &section, asked)?;
    let timeouts = section.timeouts;
    for (key, time) in [
        ("connect", timeouts.connect),
        ("first_byte", timeouts.first_byte),
        ("gap", timeouts.gap),
        ("total", timeouts.total),
    ] {
        if let Some(at) = at.get("timeouts").filter(|_| time == Span::default()) {
            return Err(at.wrong(key, "a time above 0 with its unit such as \"5s\""));
        }
    }
    let (scheme, host) = base_url.split_once("://").unwrap_or_default();
    let host = HostKind::of(scheme, host.split('/').next().unwrap_or_default());
    let leads_to_simulator = [Some(&base_url), section.connect_to.as_ref()].iter().flatten().any(|it| is_simulated(it));
    let auth = auth::resolve(at, &base_url, (leads_to_simulator, asked.simulated))?;
    let request = request_of(at, &mut section, (&address, host), &auth, asked)?;
    let http = checked_http(at, &section.connections)?;
    let control = control_of(at, &mut section, (&base_url, asked.simulated), !http.is_one())?;
    Ok(NetPath {
        id,
        name: section.name.0,
        kind: section.kind,
        auth,
        backend: section.backend,
        connections: section.connections.policy,
        http,
        control,
        tls: checked_tls(at, section.tls, &base_url)?,
        timeouts,
        tags: section.tags,
        address,
        request,
        base_url,
    })
}

/// Whether an address names a listener of the bundled simulator.
fn is_simulated(address: &str) -> bool {
    address.starts_with(SIMULATED)
}

/// Where a path leads, by its own keys and the model that is asked.
fn address_of(at: &At<'_>, section: &PathSection, asked: &Asked<'_>) -> Result<(String, Address), Wrong> {
    let wish = Wish {
        dialect: section.dialect,
        deployment: section.deployment.as_deref(),
        query: section.query.clone(),
        model: section.model.as_deref().unwrap_or(asked.model),
        simulated: asked.simulated,
    };
    let (base_url, address) = understand(&section.base_url, wish).map_err(|why| match why {
        Unusable::NoAddress(expected) => at.wrong("base_url", expected),
        Unusable::Rule(key, sentence) => at.rule(key, format!("'{}' {sentence}", at.key(key))),
    })?;
    match asked.apis.iter().find_map(|api| address.lacks(*api)) {
        Some(why) => Err(at.rule("base_url", format!("'{}': {why}", at.key("base_url")))),
        None => Ok((base_url, address)),
    }
}

/// What each request of a path carries of its own.
fn request_of(
    at: &At<'_>,
    section: &mut PathSection,
    (address, host): (&Address, HostKind),
    auth: &Auth,
    asked: &Asked<'_>,
) -> Result<RequestForm, Wrong> {
    let headers = || auth.all().iter().filter_map(AuthRef::header);
    // The messages API takes the same key in a header of its own.
    let of_messages = headers().any(|header| header == "api-key") && asked.apis.contains(&Api::Messages);
    let taken: Vec<&str> = headers().chain(of_messages.then_some("x-api-key")).collect();
    let model = section.model.clone().or_else(|| address.deployment.clone());
    Ok(RequestForm {
        headers: request::headers(at, std::mem::take(&mut section.headers), &taken)?,
        body: request::body(at, std::mem::take(&mut section.body), section.stream_options)?,
        token_limit: section
            .token_limit
            .unwrap_or_else(|| address.default_limit(host, model.as_deref().unwrap_or(asked.model))),
        stream_options: section.stream_options.unwrap_or_else(|| address.knows_stream_options()),
        model,
    })
}

/// Which way the connections take.
fn control_of(
    at: &At<'_>,
    section: &mut PathSection,
    (base_url, simulated): (&str, bool),
    over_http2: bool,
) -> Result<Control, Wrong> {
    check_lifetime(at, &section.connections)?;
    let keys = ControlKeys {
        connect_to: section.connect_to.take(),
        simulated,
        resolve: std::mem::take(&mut section.resolve),
        source_address: section.source_address.take(),
        dns: section.dns.take(),
        proxy: section.proxy.take(),
        proxy_env: checked_variable(at, "proxy_env", section.proxy_env.take())?,
        cookies: section.cookies,
        private: section.private.take(),
        max_age: section.connections.max_age,
        max_requests: section.connections.max_requests,
    };
    control::resolve(at, keys, base_url, over_http2)
}

/// The name of an environment variable that holds a secret.
fn checked_variable(at: &At<'_>, key: &str, name: Option<String>) -> Result<Option<String>, Wrong> {
    if name.as_deref().is_some_and(|name| !is_variable(name)) {
        let rule = format!(
            "'{}' is not the name of an environment variable; a profile never holds the secret itself",
            at.key(key)
        );
        return Err(at.rule(key, rule));
    }
    Ok(name)
}

/// Only a connection that is kept has a life to be limited.
fn check_lifetime(at: &At<'_>, section: &Connections) -> Result<(), Wrong> {
    let Some(table) = at.get("connections").filter(|_| section.policy == ConnectionPolicy::Fresh) else {
        return Ok(());
    };
    match table.first_of(&LIFETIME_KEYS) {
        Some(key) => {
            let rule = format!("'{}' goes with policy = \"keep\": a fresh connection carries one call", table.key(key));
            Err(table.rule(key, rule))
        }
        None => Ok(()),
    }
}

fn checked_http(at: &At<'_>, section: &Connections) -> Result<Http, Wrong> {
    let shares = section.http == HttpVersion::Two;
    let table = at.get("connections");
    if let Some((at, key)) = table.and_then(|at| at.first_of(&SHARED_KEYS).map(|key| (at, key)))
        && (!shares || section.policy == ConnectionPolicy::Fresh)
    {
        let key_of = at.key(key);
        let rule =
            format!("'{key_of}' is for calls that share connections; it goes with http = \"2\" and policy = \"keep\"");
        return Err(at.rule(key, rule));
    }
    let (max, streams) = (section.max.unwrap_or(SHARED.0), section.streams.unwrap_or(SHARED.1));
    Ok(if shares { Http::Two { max, streams } } else { Http::One })
}

fn checked_tls(at: &At<'_>, tls: Option<TlsPolicy>, base_url: &str) -> Result<TlsPolicy, Wrong> {
    let (Some(mut tls), Some(table)) = (tls, at.get("tls")) else { return Ok(TlsPolicy::default()) };
    if base_url.starts_with("http://") {
        return Err(at.rule("tls", "'tls' does not go with an http:// address; remove it or use https://"));
    }
    tls.ca_file = tls.ca_file.map(|file| table.file("ca_file", &file)).transpose()?;
    if !tls.verify && tls.ca_file.is_some() {
        let rule = "verify = false trusts every certificate, so 'ca_file' has no meaning; keep one of them";
        return Err(table.rule("verify", rule));
    }
    Ok(tls)
}
