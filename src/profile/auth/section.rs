//! A credential as it is written: its keys, and which of them go with which kind.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use strum::VariantArray;

use crate::path::auth::{AuthKind, ClientAuth};
use crate::profile::at::At;
use crate::profile::error::Wrong;
use crate::profile::tree;
use crate::schema::is;
use crate::units::Span;

/// `auth` as it is written: one table, or a list of them. What stands in it is read by [`resolve`], with its place.
pub(crate) struct Written;

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}

impl JsonSchema for Written {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AuthWritten".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Section>();
        json_schema!({"oneOf": [{"type": "array", "items": one, "minItems": 1}, one]})
    }
}

/// One credential; never a secret itself.
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "Auth")]
#[schemars(extend("not" = json!({"required": ["env", "file"]}), "allOf" = rules()))]
pub(super) struct Section {
    /// How the caller is known.
    pub(super) kind: AuthKind,
    /// The header that carries it; default: api-key for kind api-key, authorization with Bearer for a command.
    #[schemars(extend("pattern" = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"))]
    pub(super) header: Option<String>,
    /// The environment variable that holds the secret.
    #[schemars(extend("pattern" = "^[A-Za-z_][A-Za-z0-9_]{0,79}$"))]
    pub(super) env: Option<String>,
    /// The file that holds the secret.
    pub(super) file: Option<PathBuf>,
    /// The directory of Entra ID; workload-identity: default AZURE_TENANT_ID.
    #[schemars(extend("pattern" = "^[A-Za-z0-9.-]{1,253}$"))]
    pub(super) tenant: Option<String>,
    /// The application or client; managed-identity: which of several; workload-identity: default AZURE_CLIENT_ID.
    pub(super) client_id: Option<String>,
    /// The object of the managed identity, where the machine has several.
    pub(super) object_id: Option<String>,
    /// The resource of the managed identity, where the machine has several.
    pub(super) resource_id: Option<String>,
    /// For what the token is; default: https://cognitiveservices.azure.com/.default.
    #[schemars(example = "https://ai.azure.com/.default")]
    pub(super) scope: Option<String>,
    /// Entra's base address; default: https://login.microsoftonline.com, workload-identity: AZURE_AUTHORITY_HOST.
    pub(super) authority: Option<String>,
    /// The base address of the metadata service; default: that of App Service, where its variables are set, or of the
    /// virtual machine.
    pub(super) endpoint: Option<String>,
    /// The certificate in PEM, and those between it and its root.
    pub(super) cert_file: Option<PathBuf>,
    /// Its private key in PEM; default: that in cert_file.
    pub(super) key_file: Option<PathBuf>,
    /// The file of the federated token; default: AZURE_FEDERATED_TOKEN_FILE.
    pub(super) token_file: Option<PathBuf>,
    /// The token endpoint.
    pub(super) token_url: Option<String>,
    /// For whom the token is, where the endpoint wants it beside the scope.
    pub(super) audience: Option<String>,
    /// How the client shows its secret to the token endpoint; default: form.
    pub(super) client_auth: Option<ClientAuth>,
    /// A program with its arguments that prints a token; split like words of a shell, run without one.
    #[schemars(example = "my-login --print-token")]
    pub(super) command: Option<String>,
    /// How long a token of the command is good; default: as the token itself says.
    pub(super) lifetime: Option<Span>,
}

/// The keys of a kind beside `kind`: those that it must have, and those that it may have.
type Keys = (&'static [&'static str], &'static [&'static str]);

fn keys_of(kind: AuthKind) -> Keys {
    match kind {
        AuthKind::ApiKey => (&[], &["env", "file", "header"]),
        AuthKind::Bearer | AuthKind::SubscriptionKey => (&[], &["env", "file"]),
        AuthKind::EntraClientSecret => (&["tenant", "client_id"], &["env", "file", "scope", "authority"]),
        AuthKind::EntraClientCertificate => {
            (&["tenant", "client_id", "cert_file"], &["key_file", "scope", "authority"])
        }
        AuthKind::ManagedIdentity => (&[], &["scope", "client_id", "object_id", "resource_id", "endpoint"]),
        AuthKind::WorkloadIdentity => (&[], &["tenant", "client_id", "authority", "token_file", "scope"]),
        AuthKind::AzCli => (&[], &["scope", "tenant"]),
        AuthKind::Oauth2 => (&["token_url", "client_id"], &["env", "file", "scope", "audience", "client_auth"]),
        AuthKind::Command => (&["command"], &["lifetime", "header"]),
        AuthKind::Mtls => (&["cert_file"], &["key_file"]),
        AuthKind::None => (&[], &[]),
    }
}

/// What to write where a key is missing.
pub(super) fn remedy_of(key: &str) -> &'static str {
    match key {
        "tenant" => "name the directory, by its identifier or its domain",
        "client_id" => "name the application (client) identifier",
        "cert_file" => "name the file of the certificate, in PEM",
        "token_url" => "name the token endpoint, such as \"https://login.example.com/oauth2/token\"",
        "command" => "name a program that prints a token, such as \"my-login --print-token\"",
        _ => "add it",
    }
}

/// The same for a reader of the schema.
fn rules() -> Value {
    let rule = |kind: &AuthKind| {
        let (must, may) = keys_of(*kind);
        let names: Vec<&str> = ["kind"].iter().chain(must).chain(may).copied().collect();
        let then = json!({"propertyNames": {"enum": names}, "required": must});
        json!({"if": is("kind", kind.into()), "then": then})
    };
    AuthKind::VARIANTS.iter().map(rule).collect()
}

/// Whether a credential has the keys that its kind must have, and none that it does not take.
pub(super) fn has_its_keys(at: &At<'_>, kind: AuthKind) -> Result<(), Wrong> {
    let (must, may) = keys_of(kind);
    if let tree::Value::Table(table) = &at.node.value
        && let Some(other) = table.keys().find(|key| {
            let key = key.as_str();
            key != "kind" && !must.contains(&key) && !may.contains(&key)
        })
    {
        let takes = [must, may].concat().join(", ");
        let rule = match takes.as_str() {
            "" => format!("kind = \"{kind}\" sends no secret; remove '{}' or name another kind", at.key(other)),
            takes => format!("'{}' does not go with kind = \"{kind}\", which takes {takes}", at.key(other)),
        };
        return Err(at.rule(other, rule));
    }
    match must.iter().find(|key| at.get(key).is_none()) {
        Some(key) => Err(at.missing(key, remedy_of(key))),
        None => Ok(()),
    }
}
