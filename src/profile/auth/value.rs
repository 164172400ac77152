//! The values of a credential, each held to what it can be.

use std::path::{Path, PathBuf};

use hyper::Uri;
use hyper::header::HeaderName;

use crate::limits::Limit;
use crate::path::auth::{CertificateRef, IdentityRef, SecretRef, may_be_sent_secrets, may_give_identity};
use crate::path::zones::is_public_resource;
use crate::profile::at::At;
use crate::profile::auth::section::{Section, remedy_of};
use crate::profile::error::Wrong;
use crate::profile::request::{is_variable, why_own};
use crate::text_file;

/// For whom a token is where nothing else is said.
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
/// What stands at the end of a scope of Entra where an application asks for itself.
const DEFAULT: &str = "/.default";
/// For whom a token must be to pass at Azure's own services.
const AUDIENCES: [&str; 3] = ["https://cognitiveservices.azure.com", "https://ai.azure.com", "https://ml.azure.com"];
pub(super) fn checked_secret(
    at: &At<'_>,
    env: Option<&str>,
    file: Option<&Path>,
    simulated: bool,
) -> Result<SecretRef, Wrong> {
    if env.is_some_and(|name| !is_variable(name)) {
        let key = at.key("env");
        let rule =
            format!("'{key}' is not the name of an environment variable; a profile never holds the secret itself");
        return Err(at.rule("env", rule));
    }
    match (env, file) {
        (Some(_), Some(_)) => Err(at.rule("file", "give 'env' or 'file' for a secret, not both")),
        (Some(name), None) => Ok(SecretRef::Env(name.to_owned())),
        (None, Some(file)) => Ok(SecretRef::File(at.file("file", file)?)),
        (None, None) if simulated => Ok(SecretRef::Simulator),
        (None, None) => {
            let remedy = "name the environment variable that holds the secret, such as env = \"AZURE_OPENAI_API_KEY\", \
                          or a file";
            Err(at.missing("env", remedy))
        }
    }
}

pub(super) fn checked_header(at: &At<'_>, name: &str) -> Result<String, Wrong> {
    let key = at.key("header");
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(
            at.rule("header", format!("'{key}' is not the name of a header; it takes one such as \"x-api-key\""))
        );
    };
    if let Some(why) = why_own(header.as_str()) {
        let rule = format!("'{key}' is '{header}', which is set by every call itself: {why}; name another header");
        return Err(at.rule("header", rule));
    }
    Ok(header.as_str().to_owned())
}

pub(super) fn checked_tenant(at: &At<'_>, tenant: Option<&str>) -> Result<Option<String>, Wrong> {
    let Some(tenant) = tenant else { return Ok(None) };
    let fits = tenant.len() <= 253 && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if !fits {
        let rule = format!("'{}' is not a directory; it takes the identifier or the domain of one", at.key("tenant"));
        return Err(at.rule("tenant", rule));
    }
    Ok(Some(tenant.to_owned()))
}

/// The scope of a token of Entra. Where the path leads to a service of Azure itself, its tokens are for that.
pub(super) fn checked_scope(at: &At<'_>, scope: Option<&str>, base_url: &str) -> Result<String, Wrong> {
    let Some(scope) = scope else { return Ok(SCOPE.to_owned()) };
    let key = at.key("scope");
    let Some(audience) = scope.strip_suffix(DEFAULT).filter(|audience| !audience.is_empty()) else {
        let rule = format!("'{key}' must end in {DEFAULT}, such as \"{SCOPE}\": an application asks for itself");
        return Err(at.rule("scope", rule));
    };
    let host = base_url.parse::<Uri>().ok().and_then(|url| url.host().map(str::to_ascii_lowercase)).unwrap_or_default();
    if is_public_resource(&host) && !AUDIENCES.contains(&audience.trim_end_matches('/')) {
        let rule = format!(
            "'{key}' asks for a token for another audience than {host} accepts; it takes {}",
            AUDIENCES.map(|audience| format!("\"{audience}{DEFAULT}\"")).join(" or ")
        );
        return Err(at.rule("scope", rule));
    }
    Ok(scope.to_owned())
}

pub(super) fn checked_address(
    at: &At<'_>,
    key: &str,
    url: Option<&str>,
    simulated: bool,
) -> Result<Option<String>, Wrong> {
    let Some(url) = url else { return Ok(None) };
    let name = at.key(key);
    let say = |what: &str| Err(at.rule(key, format!("'{name}' {what}")));
    if url.contains('@') {
        return say("holds a user name or password; name the secret under env or file instead");
    }
    let parsed = url.parse::<Uri>().ok();
    let scheme = parsed.as_ref().and_then(Uri::scheme_str).unwrap_or_default();
    let host = parsed.as_ref().and_then(Uri::host).unwrap_or_default();
    if host.is_empty() || !matches!(scheme, "http" | "https" | "sim") || url.contains('#') {
        return say("is not an address; it takes one such as \"https://login.example.com\"");
    }
    if scheme == "sim" && !simulated {
        return say("is on the simulator, which this run does not start; add [simulator]");
    }
    if key != "token_url" && url.contains('?') {
        return say("has a query; it takes only the base address");
    }
    if key == "endpoint" {
        if !may_give_identity(url) {
            return say(
                "is plain http to a name or a public address: the token would come unencrypted; use https://, or the \
                        private or link-local address of the metadata service",
            );
        }
    } else if !may_be_sent_secrets(url) {
        return say("is plain http to another machine: the secret would be sent unencrypted; use https://");
    }
    // To the others a path is added; this one is asked as it is written.
    let url = if key == "token_url" { url } else { url.trim_end_matches('/') };
    Ok(Some(url.to_owned()))
}

pub(super) fn checked_identity(at: &At<'_>, section: &Section) -> Result<Option<IdentityRef>, Wrong> {
    let named = [
        section.client_id.clone().map(IdentityRef::ClientId),
        section.object_id.clone().map(IdentityRef::ObjectId),
        section.resource_id.clone().map(IdentityRef::ResourceId),
    ];
    let mut named = named.into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => {
            let rule = "a managed identity is named once: by client_id, object_id or resource_id";
            Err(at.rule("kind", rule))
        }
        (identity, _) => Ok(identity),
    }
}

/// A certificate and its key, in PEM; a key that does not fit is found when the files are read.
pub(super) fn checked_certificate(at: &At<'_>, section: &Section) -> Result<CertificateRef, Wrong> {
    let file = |key: &str, file: Option<&Path>| -> Result<Option<PathBuf>, Wrong> {
        let Some(file) = file else { return Ok(None) };
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if matches!(ending.as_str(), "pfx" | "p12") {
            let rule = format!(
                "'{}' is a PKCS#12 file; it takes PEM: openssl pkcs12 -in {} -nodes -out cert.pem",
                at.key(key),
                file.display()
            );
            return Err(at.rule(key, rule));
        }
        at.file(key, file).map(Some)
    };
    let cert_file = file("cert_file", section.cert_file.as_deref())?.unwrap_or_default();
    let key_file = file("key_file", section.key_file.as_deref())?;
    let holds_key =
        || text_file::read(&cert_file, Limit::SmallFile).is_ok_and(|text| text.contains("PRIVATE KEY-----"));
    if key_file.is_none() && !holds_key() {
        let remedy = "the certificate has no key: name the file of its private key, in PEM";
        return Err(at.missing("key_file", remedy));
    }
    Ok(CertificateRef { cert_file, key_file })
}

/// The words of a command: the program, counted from the profile's folder where it is a file's path, and its arguments.
pub(super) fn checked_command(at: &At<'_>, command: &str) -> Result<(String, Vec<String>), Wrong> {
    let key = at.key("command");
    let unbalanced = |_| at.rule("command", format!("'{key}' has a quote that does not end"));
    let mut words = shell_words::split(command).map_err(unbalanced)?.into_iter();
    let Some(program) = words.next().filter(|program| !program.is_empty()) else {
        return Err(at.missing("command", remedy_of("command")));
    };
    let program = if program.contains('/') && !Path::new(&program).is_absolute() {
        let file = at.file("command", program.as_ref())?;
        std::path::absolute(&file).unwrap_or(file).display().to_string()
    } else {
        program
    };
    Ok((program, words.collect()))
}

#[cfg(test)]
mod tests {
    use crate::profile::Profile;

    use super::*;

    /// The address in a credential of a kind, as it is asked.
    fn asked(kind: &str, key: &str, url: &str) -> Result<String, String> {
        let text = format!(
            "[simulator]\nscenario = \"three-paths\"\n[workload]\nkind = \"synthetic\"\nmodel = \"m\"\n\
             input_tokens = 9\noutput_tokens = 9\n[load]\nrate = \"5/s\"\nduration = \"60s\"\n\
             [[path]]\nname = \"a\"\nbase_url = \"https://h/v1\"\n\
             auth = {{ kind = \"{kind}\", {key} = \"{url}\" }}\n"
        );
        let mut profile = Profile::parse(&text, Path::new("p.toml")).map_err(|error| error.to_string())?;
        let credential = profile.paths[0].auth.all_mut().first_mut().expect("a credential");
        Ok(credential.endpoint_mut().expect("an address").clone())
    }

    #[test]
    fn a_secret_is_sent_unencrypted_to_this_machine_alone_and_a_token_comes_so_from_its_network() {
        const OAUTH2: &str = "oauth2\", client_id = \"c\", env = \"S";
        const ENTRA: &str = "entra-client-secret\", client_id = \"c\", tenant = \"t\", env = \"S";
        for (kind, key, url, expected) in [
            (OAUTH2, "token_url", "https://h/token/", Some("https://h/token/")),
            (OAUTH2, "token_url", "https://h/token?a=b/", Some("https://h/token?a=b/")),
            (OAUTH2, "token_url", "https://h", Some("https://h")),
            (OAUTH2, "token_url", "http://localhost:1/t", Some("http://localhost:1/t")),
            (OAUTH2, "token_url", "http://127.8.9.1/t", Some("http://127.8.9.1/t")),
            (OAUTH2, "token_url", "http://[::1]:1/t", Some("http://[::1]:1/t")),
            (OAUTH2, "token_url", "sim://direct/t", Some("sim://direct/t")),
            (OAUTH2, "token_url", "http://h/t", None),
            (OAUTH2, "token_url", "HTTP://h/t", None),
            (OAUTH2, "token_url", "http://localhost.example.com/t", None),
            (OAUTH2, "token_url", "http://[2001:db8::1]/t", None),
            (OAUTH2, "token_url", "http://10.0.0.1/127.0.0.1", None),
            (ENTRA, "authority", "https://h/a//", Some("https://h/a")),
            (ENTRA, "authority", "http://LOCALHOST/", Some("http://LOCALHOST")),
            (ENTRA, "authority", "sim://direct/", Some("sim://direct")),
            (ENTRA, "authority", "http://h", None),
            ("workload-identity", "authority", "http://h", None),
            ("managed-identity", "endpoint", "http://169.254.169.254/", Some("http://169.254.169.254")),
            ("managed-identity", "endpoint", "http://10.0.2.5/", Some("http://10.0.2.5")),
            ("managed-identity", "endpoint", "http://metadata/", None),
            ("managed-identity", "endpoint", "http://20.50.1.2/", None),
        ] {
            let found = asked(kind, key, url);
            if let Some(expected) = expected {
                assert_eq!(found.as_deref(), Ok(expected), "{url}");
            } else {
                let said = found.expect_err(url);
                let rule = format!("'path.a.auth.{key}' is plain http to ");
                assert!(said.contains(&rule), "{url}: {said}");
            }
        }
    }
}
