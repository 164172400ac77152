//! How TLS is written: `tls = "self-signed"`, `tls = { names = ["host"] }` where other names lead to it too, or
//! `tls = { cert = "cert.pem", key = "key.pem" }`, each with `client_ca` where callers must show certificates.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::times::Short;
use crate::net::tls::{Shown, TlsSettings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    names: Option<Vec<String>>,
    client_ca: Option<PathBuf>,
}

/// What is meant by `tls`; files stand beside the scenario in `folder`.
pub(super) fn in_folder(tls: TlsSettings, folder: &Path) -> TlsSettings {
    let shown = match tls.shown {
        Shown::SelfSigned { names } => Shown::SelfSigned { names },
        Shown::Files { cert, key } => Shown::Files { cert: folder.join(cert), key: folder.join(key) },
    };
    TlsSettings { shown, client_ca: tls.client_ca.map(|file| folder.join(file)) }
}

impl<'de> Deserialize<'de> for TlsSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short {
            forms: "\"self-signed\", { names = [\"host\"] } or { cert = \"cert.pem\", key = \"key.pem\" }, also with \
                    client_ca = \"ca.pem\"",
            text: Some(|text| match text {
                "self-signed" => Ok(Self { shown: Shown::SelfSigned { names: Vec::new() }, client_ca: None }),
                _ => Err(format!("unknown value \"{text}\", did you mean \"self-signed\"?")),
            }),
            number: None,
            table: |Files { cert, key, names, client_ca }: Files| match (cert, key, names) {
                (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                    Err("tls has names, which are those of its own certificate; leave out names, or cert and key"
                        .to_owned())
                }
                (Some(cert), Some(key), None) => Ok(Self { shown: Shown::Files { cert, key }, client_ca }),
                (None, None, None) if client_ca.is_none() => {
                    Err("tls needs cert and key, names, or \"self-signed\"".to_owned())
                }
                (None, None, names) => {
                    let names = names.unwrap_or_default();
                    match names.iter().find(|name| !is_name(name)) {
                        Some(name) => {
                            Err(format!("tls has the name \"{name}\", which is neither a host name nor an address"))
                        }
                        None => Ok(Self { shown: Shown::SelfSigned { names }, client_ca }),
                    }
                }
                (Some(_), None, None) => Err("tls has a cert without its key".to_owned()),
                (None, Some(_), None) => Err("tls has a key without its cert".to_owned()),
            },
        })
    }
}

/// Whether a certificate can be made for it: labels and dots, `*` as the first label, or an address.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let host = text.strip_prefix("*.").unwrap_or(text);
    text.parse::<std::net::IpAddr>().is_ok() || (text.len() <= 253 && host.split('.').all(label))
}
