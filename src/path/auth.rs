//! How a path proves who calls: what was asked for, and where each secret stands. Holds no secret.

use std::net::IpAddr;
use std::path::PathBuf;

use hyper::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::control::is_private;
use crate::units::Span;

/// Everything by which a path proves who calls: one credential, or several where a gateway wants its own key beside the
/// token of the service behind it, or a client certificate beside either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Auth(Vec<AuthRef>);

/// As it stands in a manifest: one alone, or a list.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(AuthRef),
    Several(Vec<AuthRef>),
}

impl From<Written> for Auth {
    fn from(written: Written) -> Self {
        Self::of(match written {
            Written::One(auth) => vec![auth],
            Written::Several(all) => all,
        })
    }
}

impl From<Auth> for Written {
    fn from(Auth(mut all): Auth) -> Self {
        match all.pop() {
            None => Self::One(AuthRef::None),
            Some(last) if all.is_empty() => Self::One(last),
            Some(last) => {
                all.push(last);
                Self::Several(all)
            }
        }
    }
}

impl From<AuthRef> for Auth {
    fn from(auth: AuthRef) -> Self {
        Self::of(vec![auth])
    }
}

impl Auth {
    /// These together; [`AuthRef::None`] adds nothing.
    #[must_use]
    pub fn of(all: Vec<AuthRef>) -> Self {
        Self(all.into_iter().filter(|auth| *auth != AuthRef::None).collect())
    }

    /// Each credential, in the order of the profile; empty where a path sends none.
    #[must_use]
    pub fn all(&self) -> &[AuthRef] {
        &self.0
    }

    /// The same, to put addresses in place that are known later.
    pub(crate) fn all_mut(&mut self) -> &mut [AuthRef] {
        &mut self.0
    }

    /// The certificate that the caller shows in the TLS handshake, and its key.
    #[must_use]
    pub(crate) fn client_certificate(&self) -> Option<&CertificateRef> {
        self.0.iter().find_map(|auth| match auth {
            AuthRef::Mtls { certificate } => Some(certificate),
            AuthRef::None
            | AuthRef::ApiKey { .. }
            | AuthRef::Bearer { .. }
            | AuthRef::SubscriptionKey { .. }
            | AuthRef::EntraClientSecret { .. }
            | AuthRef::EntraClientCertificate { .. }
            | AuthRef::ManagedIdentity { .. }
            | AuthRef::WorkloadIdentity { .. }
            | AuthRef::AzCli { .. }
            | AuthRef::Oauth2 { .. }
            | AuthRef::Command { .. } => None,
        })
    }
}

/// One credential: its kind, and where its secret stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AuthRef {
    /// No header at all.
    #[default]
    None,
    /// `api-key: SECRET`, Azure's own, or another header.
    ApiKey {
        /// Where the key stands.
        secret: SecretRef,
        /// The header that carries it; `None` is `api-key`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
    },
    /// `authorization: Bearer SECRET`.
    Bearer {
        /// Where the token stands.
        secret: SecretRef,
    },
    /// `ocp-apim-subscription-key: SECRET`, Azure API Management's own.
    SubscriptionKey {
        /// Where the key stands.
        secret: SecretRef,
    },
    /// A token of Entra ID for an application with a client secret.
    EntraClientSecret {
        /// Who asks whom for what.
        #[serde(flatten)]
        client: EntraClient,
        /// Where the client secret stands.
        secret: SecretRef,
    },
    /// A token of Entra ID for an application with a certificate.
    EntraClientCertificate {
        /// Who asks whom for what.
        #[serde(flatten)]
        client: EntraClient,
        /// What signs the assertion.
        certificate: CertificateRef,
    },
    /// A token of the identity of this machine: of the metadata service of a virtual machine, or of App Service.
    ManagedIdentity {
        /// For what, with `/.default` at its end.
        scope: String,
        /// Which identity, where the machine has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<IdentityRef>,
        /// The base address of the metadata service; `None` is that of the environment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    /// A token of Entra ID for the token of a Kubernetes service account, or of another issuer. What is `None` stands in
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_AUTHORITY_HOST` and `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// The directory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
        /// The application.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// Entra's base address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<String>,
        /// The file of the federated token, read anew each time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_file: Option<PathBuf>,
        /// For what.
        scope: String,
    },
    /// A token of whom the Azure CLI is signed in as.
    AzCli {
        /// For what.
        scope: String,
        /// The directory; `None` is the CLI's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
    },
    /// OAuth 2.0 client credentials at any token endpoint.
    Oauth2 {
        /// The token endpoint.
        token_url: String,
        /// The client.
        client_id: String,
        /// Where the client secret stands.
        secret: SecretRef,
        /// For what; `None` is what the endpoint gives by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
        /// For whom, where the endpoint wants it beside the scope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
        /// How the client shows its secret.
        #[serde(default)]
        client_auth: ClientAuth,
    },
    /// What a program prints.
    Command {
        /// The program: a file, or a name that is looked for in `PATH`.
        program: String,
        /// Its arguments. They stay out of manifests: somebody may have put a secret there.
        #[serde(skip)]
        args: Vec<String>,
        /// How long a token is good; `None` is as the token itself says, or for the whole run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifetime: Option<Span>,
        /// The header that carries it; `None` is `authorization: Bearer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
    },
    /// A certificate shown in the TLS handshake, beside any other.
    Mtls {
        /// The certificate and its key.
        #[serde(flatten)]
        certificate: CertificateRef,
    },
}

impl AuthRef {
    /// Its kind, as profiles name it.
    #[must_use]
    pub fn kind(&self) -> AuthKind {
        match self {
            Self::None => AuthKind::None,
            Self::ApiKey { .. } => AuthKind::ApiKey,
            Self::Bearer { .. } => AuthKind::Bearer,
            Self::SubscriptionKey { .. } => AuthKind::SubscriptionKey,
            Self::EntraClientSecret { .. } => AuthKind::EntraClientSecret,
            Self::EntraClientCertificate { .. } => AuthKind::EntraClientCertificate,
            Self::ManagedIdentity { .. } => AuthKind::ManagedIdentity,
            Self::WorkloadIdentity { .. } => AuthKind::WorkloadIdentity,
            Self::AzCli { .. } => AuthKind::AzCli,
            Self::Oauth2 { .. } => AuthKind::Oauth2,
            Self::Command { .. } => AuthKind::Command,
            Self::Mtls { .. } => AuthKind::Mtls,
        }
    }

    /// The header that carries it, in small letters; `None` where none does.
    #[must_use]
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::None | Self::Mtls { .. } => None,
            Self::ApiKey { header, .. } => Some(header.as_deref().unwrap_or("api-key")),
            Self::SubscriptionKey { .. } => Some("ocp-apim-subscription-key"),
            Self::Command { header: Some(header), .. } => Some(header),
            Self::Bearer { .. }
            | Self::EntraClientSecret { .. }
            | Self::EntraClientCertificate { .. }
            | Self::ManagedIdentity { .. }
            | Self::WorkloadIdentity { .. }
            | Self::AzCli { .. }
            | Self::Oauth2 { .. }
            | Self::Command { header: None, .. } => Some("authorization"),
        }
    }

    /// The address that is asked for its tokens and may name a listener of the bundled simulator.
    pub(crate) fn endpoint_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::EntraClientSecret { client, .. } | Self::EntraClientCertificate { client, .. } => {
                Some(&mut client.authority)
            }
            Self::ManagedIdentity { endpoint: address, .. } | Self::WorkloadIdentity { authority: address, .. } => {
                address.as_mut()
            }
            Self::Oauth2 { token_url, .. } => Some(token_url),
            Self::None
            | Self::ApiKey { .. }
            | Self::Bearer { .. }
            | Self::SubscriptionKey { .. }
            | Self::AzCli { .. }
            | Self::Command { .. }
            | Self::Mtls { .. } => None,
        }
    }
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum AuthKind {
    /// `api-key: SECRET`, Azure's own, or another header.
    ApiKey,
    /// `authorization: Bearer SECRET`.
    Bearer,
    /// `ocp-apim-subscription-key: SECRET`, Azure API Management's own.
    SubscriptionKey,
    /// Entra ID, by client secret.
    EntraClientSecret,
    /// Entra ID, by a certificate.
    EntraClientCertificate,
    /// The identity of this machine.
    ManagedIdentity,
    /// Entra ID, by a federated token.
    WorkloadIdentity,
    /// Whom the Azure CLI is signed in as.
    AzCli,
    /// OAuth 2.0 client credentials.
    Oauth2,
    /// What a program prints.
    Command,
    /// A client certificate in the TLS handshake.
    Mtls,
    /// No header at all.
    #[default]
    None,
}

/// An application of Entra ID, and for what it asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntraClient {
    /// The directory: its identifier or a domain of it.
    pub tenant: String,
    /// The application.
    pub client_id: String,
    /// For what, with `/.default` at its end.
    pub scope: String,
    /// Entra's base address.
    pub authority: String,
}

/// Files of a certificate and its private key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRef {
    /// The certificate, and those between it and its root.
    pub cert_file: PathBuf,
    /// Its private key; `None` where it stands in the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// Which of several identities of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityRef {
    /// By its client.
    ClientId(String),
    /// By its object in the directory.
    ObjectId(String),
    /// By its resource in Azure.
    ResourceId(String),
}

/// How a client shows its secret to a token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// In the form, as `client_secret`.
    #[default]
    Form,
    /// In the header, as Basic.
    Basic,
}

/// Where a secret stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretRef {
    /// There is none.
    #[default]
    None,
    /// An environment variable's name.
    Env(String),
    /// A file's path; the secret is its content without the final newline.
    File(PathBuf),
    /// The throw-away key that the run makes for the bundled simulator.
    Simulator,
}

/// Whether a secret may be sent to an address: nobody reads it on the way, or there is none beyond this machine.
#[must_use]
pub(crate) fn may_be_sent_secrets(url: &str) -> bool {
    is_encrypted_or(url, |address| address.is_loopback())
}

/// Whether a platform may be asked at an address for the tokens of this machine's identity: over TLS, or plainly where the
/// address is of this machine, of its link or private, as those of App Service and of the metadata service are. Plain http
/// to a name may lead anywhere.
#[must_use]
pub(crate) fn may_give_identity(url: &str) -> bool {
    let is_near = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    };
    is_encrypted_or(url, |address| is_near(address) || is_private(address))
}

/// Whether an address is one of https, or of plain http to this machine or to such an address.
fn is_encrypted_or(url: &str, may_be_plain: impl Fn(IpAddr) -> bool) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    match uri.as_ref().and_then(Uri::scheme_str) {
        Some("https" | "sim") => !host.is_empty(),
        Some("http") => {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            address.parse().is_ok_and(may_be_plain) || host.eq_ignore_ascii_case("localhost")
        }
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_sent_over_tls_or_to_this_machine() {
        for (url, may) in [
            ("https://login.microsoftonline.com", true),
            ("https://login.microsoftonline.us/", true),
            ("http://127.0.0.1:8080/tenant", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80/", true),
            ("http://LocalHost", true),
            ("sim://identity", true),
            ("http://login.microsoftonline.com", false),
            ("HTTP://login.microsoftonline.com", false),
            ("http://10.0.0.4", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
            ("http://[::2]", false),
            ("ftp://127.0.0.1", false),
            ("login.microsoftonline.com", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(may_be_sent_secrets(url), may, "{url}");
        }
    }

    #[test]
    fn a_platform_is_asked_plainly_only_where_its_network_is_this_machine_s_own() {
        for (url, may) in [
            ("http://169.254.169.254", true),
            ("http://169.254.131.5:8081/msi/token/", true),
            ("http://127.0.0.1:41741/msi/token/", true),
            ("http://localhost:42356/msi/token", true),
            ("http://10.0.2.5:50342/oauth2/token", true),
            ("http://172.31.0.1", true),
            ("http://192.168.1.1", true),
            ("http://100.64.0.1", true),
            ("http://[fe80::1]:80", true),
            ("http://[fd00::1]/token", true),
            ("http://[::ffff:169.254.169.254]", true),
            ("https://identity.example.com/token", true),
            ("sim://identity", true),
            ("http://identity.example.com/token", false),
            ("http://169.254.169.254.example.com", false),
            ("http://metadata", false),
            ("http://20.50.1.2", false),
            ("http://172.32.0.1", false),
            ("http://169.253.0.1", false),
            ("http://[2603:1020::1]", false),
            ("http://[::ffff:20.50.1.2]", false),
            ("http://0.0.0.0", false),
            ("ftp://169.254.169.254", false),
            ("169.254.169.254", false),
            ("http://user@169.254.169.254@20.50.1.2/", false),
            ("", false),
        ] {
            assert_eq!(may_give_identity(url), may, "{url}");
        }
    }

    #[test]
    fn a_manifest_of_an_earlier_run_is_read() {
        for (text, expected) in [
            (r#"{"kind":"none","secret":"none"}"#, Auth::default()),
            (
                r#"{"kind":"api-key","secret":{"env":"K"}}"#,
                AuthRef::ApiKey { secret: SecretRef::Env("K".into()), header: None }.into(),
            ),
            (r#"{"kind":"bearer","secret":"simulator"}"#, AuthRef::Bearer { secret: SecretRef::Simulator }.into()),
        ] {
            assert_eq!(serde_json::from_str::<Auth>(text).expect(text), expected);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let key = || AuthRef::SubscriptionKey { secret: SecretRef::File("k".into()) };
        let mtls = || AuthRef::Mtls { certificate: CertificateRef { cert_file: "c".into(), key_file: None } };
        for auth in [vec![], vec![key()], vec![key(), mtls()]] {
            let auth = Auth::of(auth);
            let text = serde_json::to_string(&auth).expect("JSON");
            assert_eq!(serde_json::from_str::<Auth>(&text).expect("reads"), auth, "{text}");
        }
    }
}
