//! The flags that stand beside `--path NAME=URL`, whatever the verb.

use clap::Args;

use crate::profile::source::{NamedUrl, OneLine};

/// What is asked of paths without a profile, and with which key.
#[derive(Args, Clone, Debug, Default)]
pub struct OneLineFlags {
    /// The model or deployment name, with --path NAME=URL
    #[arg(long, value_name = "MODEL", requires = "path")]
    pub model: Option<String>,

    /// The API to speak, with --path NAME=URL: chat, responses or messages [default: chat]
    #[arg(long, value_name = "API", requires = "path")]
    pub api: Option<String>,

    /// The environment variable that holds the key, with --path NAME=URL
    #[arg(long, value_name = "VAR", requires = "path")]
    pub key_env: Option<String>,
}

impl OneLineFlags {
    /// The profile of these paths.
    pub(super) fn profile_of(self, paths: Vec<NamedUrl>) -> OneLine {
        OneLine {
            paths,
            model: self.model.unwrap_or_default(),
            api: self.api.unwrap_or_else(|| "chat".to_owned()),
            key_env: self.key_env,
        }
    }

    /// The first flag that is given, and what does the same beside a profile.
    pub(super) fn beside_a_profile(&self) -> Option<(&'static str, &'static str)> {
        let flags = [
            (&self.model, "--model", "workload.model=MODEL"),
            (&self.api, "--api", "workload.api=API"),
            (&self.key_env, "--key-env", "path.NAME.auth.env=VAR"),
        ];
        flags.into_iter().find(|(value, ..)| value.is_some()).map(|(_, flag, set)| (flag, set))
    }
}
