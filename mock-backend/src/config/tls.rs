//! How TLS is written: `tls = "self-signed"` or `tls = { cert = "cert.pem", key = "key.pem" }`, each with `client_ca` where
//! callers must show certificates.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::times::Short;
use crate::net::tls::{Shown, TlsSettings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
}

/// What is meant by `tls`; files stand beside the scenario in `folder`.
pub(super) fn in_folder(tls: TlsSettings, folder: &Path) -> TlsSettings {
    let shown = match tls.shown {
        Shown::SelfSigned => Shown::SelfSigned,
        Shown::Files { cert, key } => Shown::Files { cert: folder.join(cert), key: folder.join(key) },
    };
    TlsSettings { shown, client_ca: tls.client_ca.map(|file| folder.join(file)) }
}

impl<'de> Deserialize<'de> for TlsSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short {
            forms: "\"self-signed\" or { cert = \"cert.pem\", key = \"key.pem\" }, also with client_ca = \"ca.pem\"",
            text: Some(|text| match text {
                "self-signed" => Ok(Self { shown: Shown::SelfSigned, client_ca: None }),
                _ => Err(format!("unknown value \"{text}\", did you mean \"self-signed\"?")),
            }),
            number: None,
            table: |Files { cert, key, client_ca }: Files| match (cert, key, &client_ca) {
                (Some(cert), Some(key), _) => Ok(Self { shown: Shown::Files { cert, key }, client_ca }),
                (None, None, Some(_)) => Ok(Self { shown: Shown::SelfSigned, client_ca }),
                (None, None, None) => Err("tls needs cert and key, or \"self-signed\"".to_owned()),
                (Some(_), None, _) => Err("tls has a cert without its key".to_owned()),
                (None, Some(_), _) => Err("tls has a key without its cert".to_owned()),
            },
        })
    }
}
