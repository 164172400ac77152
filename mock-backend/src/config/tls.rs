//! How TLS is written: `tls = "self-signed"` or `tls = { cert = "cert.pem", key = "key.pem" }`.

use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
        struct TlsVisitor;
        impl<'de> Visitor<'de> for TlsVisitor {
            type Value = TlsSettings;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"self-signed\" or { cert = \"cert.pem\", key = \"key.pem\" }")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<TlsSettings, E> {
                match text {
                    "self-signed" => Ok(TlsSettings::SelfSigned),
                    _ => Err(E::custom(format!("unknown value \"{text}\", did you mean \"self-signed\"?"))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TlsSettings, A::Error> {
                let Files { cert, key } = Files::deserialize(MapAccessDeserializer::new(map))?;
                Ok(TlsSettings::Files { cert, key })
            }
        }
        deserializer.deserialize_any(TlsVisitor)
    }
}
