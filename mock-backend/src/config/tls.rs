//! How TLS is written: `tls = "self-signed"` or `tls = { cert = "cert.pem", key = "key.pem" }`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::times::Short;
use crate::net::tls::TlsSettings;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// What is meant by `tls`; files stand beside the scenario in `folder`.
pub(super) fn in_folder(tls: TlsSettings, folder: &Path) -> TlsSettings {
    match tls {
        TlsSettings::SelfSigned => TlsSettings::SelfSigned,
        TlsSettings::Files { cert, key } => TlsSettings::Files { cert: folder.join(cert), key: folder.join(key) },
    }
}

impl<'de> Deserialize<'de> for TlsSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short {
            forms: "\"self-signed\" or { cert = \"cert.pem\", key = \"key.pem\" }",
            text: Some(|text| match text {
                "self-signed" => Ok(Self::SelfSigned),
                _ => Err(format!("unknown value \"{text}\", did you mean \"self-signed\"?")),
            }),
            number: None,
            table: |Files { cert, key }: Files| Ok(Self::Files { cert, key }),
        })
    }
}
