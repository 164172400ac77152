//! `auth` of a path: a credential or a list of them, held to what each kind takes.

mod section;
mod value;

use crate::path::auth::{Auth, AuthKind, AuthRef, EntraClient, SecretRef};
use crate::path::control::SIMULATED;
use crate::profile::at::At;
use crate::profile::error::Wrong;
use crate::profile::tree;
use crate::units::Span;
pub(crate) use section::Written;
use section::{Section, has_its_keys};
use value::{
    checked_address, checked_certificate, checked_command, checked_header, checked_identity, checked_scope,
    checked_secret, checked_tenant,
};

/// Entra's base address for all but national clouds.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Where a path leads, as far as its credentials depend on it.
#[derive(Clone, Copy)]
struct Leads<'u> {
    /// Its base address.
    base_url: &'u str,
    /// Whether its calls go to the bundled simulator.
    on_simulator: bool,
    /// Whether the run starts the simulator.
    simulated: bool,
}

/// What a path that leads to `base_url` proves who calls with; `on_simulator` says whether that is the bundled simulator, and
/// `simulated` whether the run starts it.
///
/// # Errors
/// When a key does not go with its kind, or two credentials do not go together.
pub(super) fn resolve(path: &At<'_>, base_url: &str, (on_simulator, simulated): (bool, bool)) -> Result<Auth, Wrong> {
    let Some(at) = path.get("auth") else {
        let throw_away = AuthRef::ApiKey { secret: SecretRef::Simulator, header: None };
        return Ok(if on_simulator { throw_away.into() } else { Auth::default() });
    };
    let is_list = matches!(at.node.value, tree::Value::List(_));
    let tables = if is_list { path.items("auth") } else { vec![at.clone()] };
    if tables.is_empty() {
        return Err(path.rule("auth", format!("'{}' names no credential; write kind = \"none\"", path.key("auth"))));
    }
    let mut all: Vec<AuthRef> = Vec::new();
    for at in &tables {
        let one = checked(at, at.read()?, Leads { base_url, on_simulator, simulated })?;
        goes_with(at, &all, &one)?;
        all.push(one);
    }
    Ok(Auth::of(all))
}

/// Whether a credential goes with those before it.
fn goes_with(at: &At<'_>, before: &[AuthRef], one: &AuthRef) -> Result<(), Wrong> {
    let alone = |auth: &AuthRef| auth.kind() == AuthKind::None;
    if before.iter().any(alone) || (alone(one) && !before.is_empty()) {
        return Err(at.rule("kind", "kind = \"none\" cannot be combined with another credential; keep one of them"));
    }
    if before.iter().any(|other| other.kind() == AuthKind::Mtls && one.kind() == AuthKind::Mtls) {
        return Err(at.rule("kind", "a path has two credentials of kind \"mtls\"; a handshake shows one certificate"));
    }
    match one.header().filter(|header| before.iter().any(|other| other.header() == Some(header))) {
        None => Ok(()),
        Some(header) => {
            let rule = format!(
                "two credentials of this path are sent in the same header, '{header}'; remove one of them, or send a \
                 key in another with kind = \"api-key\" and header = \"NAME\""
            );
            Err(at.rule("kind", rule))
        }
    }
}

/// One credential of a path.
fn checked(at: &At<'_>, section: Section, leads: Leads<'_>) -> Result<AuthRef, Wrong> {
    has_its_keys(at, section.kind)?;
    let header = section.header.as_deref().map(|name| checked_header(at, name)).transpose()?;
    let key = || secret(at, &section, leads.on_simulator);
    Ok(match section.kind {
        AuthKind::None => AuthRef::None,
        AuthKind::ApiKey => AuthRef::ApiKey { secret: key()?, header },
        AuthKind::Bearer => AuthRef::Bearer { secret: key()? },
        AuthKind::SubscriptionKey => AuthRef::SubscriptionKey { secret: key()? },
        AuthKind::Command => {
            let (program, args) = checked_command(at, section.command.as_deref().unwrap_or_default())?;
            if section.lifetime == Some(Span::default()) {
                return Err(at.wrong("lifetime", "a time above 0 with its unit such as \"10m\""));
            }
            AuthRef::Command { program, args, lifetime: section.lifetime, header }
        }
        AuthKind::Mtls if leads.base_url.starts_with("http://") => {
            return Err(at.rule("kind", "kind = \"mtls\" does not go with an http:// address; use https://"));
        }
        AuthKind::Mtls => AuthRef::Mtls { certificate: checked_certificate(at, &section)? },
        AuthKind::EntraClientSecret
        | AuthKind::EntraClientCertificate
        | AuthKind::ManagedIdentity
        | AuthKind::WorkloadIdentity
        | AuthKind::AzCli
        | AuthKind::Oauth2 => of_endpoint(at, section, leads)?,
    })
}

/// The secret of a credential: shown to the bundled simulator it may be the run's own key.
fn secret(at: &At<'_>, section: &Section, to_simulator: bool) -> Result<SecretRef, Wrong> {
    checked_secret(at, section.env.as_deref(), section.file.as_deref(), to_simulator)
}

/// A credential whose tokens are got.
fn of_endpoint(at: &At<'_>, section: Section, leads: Leads<'_>) -> Result<AuthRef, Wrong> {
    let scope = || checked_scope(at, section.scope.as_deref(), leads.base_url);
    let address = |key, address: Option<&str>| checked_address(at, key, address, leads.simulated);
    let secret_for = |address: &str| secret(at, &section, address.starts_with(SIMULATED));
    let tenant = || checked_tenant(at, section.tenant.as_deref());
    let client = || -> Result<EntraClient, Wrong> {
        Ok(EntraClient {
            tenant: tenant()?.unwrap_or_default(),
            client_id: section.client_id.clone().unwrap_or_default(),
            scope: scope()?,
            authority: address("authority", section.authority.as_deref())?.unwrap_or_else(|| AUTHORITY.to_owned()),
        })
    };
    Ok(match section.kind {
        AuthKind::EntraClientSecret => {
            let client = client()?;
            AuthRef::EntraClientSecret { secret: secret_for(&client.authority)?, client }
        }
        AuthKind::EntraClientCertificate => {
            AuthRef::EntraClientCertificate { client: client()?, certificate: checked_certificate(at, &section)? }
        }
        AuthKind::ManagedIdentity => AuthRef::ManagedIdentity {
            scope: scope()?,
            endpoint: address("endpoint", section.endpoint.as_deref())?,
            identity: checked_identity(at, &section)?,
        },
        AuthKind::WorkloadIdentity => AuthRef::WorkloadIdentity {
            tenant: tenant()?,
            scope: scope()?,
            authority: address("authority", section.authority.as_deref())?,
            token_file: section.token_file.as_deref().map(|file| at.file("token_file", file)).transpose()?,
            client_id: section.client_id,
        },
        AuthKind::AzCli => AuthRef::AzCli { scope: scope()?, tenant: tenant()? },
        AuthKind::Oauth2 => {
            let token_url = address("token_url", section.token_url.as_deref())?.unwrap_or_default();
            AuthRef::Oauth2 {
                secret: secret_for(&token_url)?,
                token_url,
                client_id: section.client_id.unwrap_or_default(),
                scope: section.scope,
                audience: section.audience,
                client_auth: section.client_auth.unwrap_or_default(),
            }
        }
        AuthKind::None
        | AuthKind::ApiKey
        | AuthKind::Bearer
        | AuthKind::SubscriptionKey
        | AuthKind::Command
        | AuthKind::Mtls => AuthRef::None,
    })
}
