//! Scenarios: as written in TOML, and as meant.
//!
//! Everything that can be wrong in a file is found here, with its file, its line and the nearest right word.
//!
//! ```
//! let config = mock_backend::Config::parse(r#"
//!     name = "example"
//!     seed = 42                                   # of all random draws
//!     threads = 1                                 # default: one for each core
//!     ledger = 200000                             # requests that it keeps; the oldest are dropped
//!     ledger_chunks = false                       # true stamps every write that carries content (`chunks_ns`)
//!     ready_after = "0"                           # /_sim/health answers 503 until then
//!     drain = "5s"                                # how long requests in flight may take at shutdown
//!     idle_timeout = "4m"                         # a connection that is idle longer is closed
//!     header_timeout = "60s"                      # the limit for the head of a request; then it is closed
//!     body_timeout = "2m"                         # the limit for its body; then 408
//!     strict = true                               # refuses unknown parameters; default: only at Azure's addresses
//!     time_factor = 1.0                           # 0.01 makes changes, fault windows, idle timeouts and so on 100 times as short
//!
//!     [identity]                                  # the token endpoints of all listeners
//!     lifetime = "20s"                            # of their tokens; default: like the real ones
//!     delay    = "50ms"                           # how long they take
//!     tenants  = ["contoso.example"]              # the directories that exist; default: any
//!     client   = [{ id = "app", secret = "s", roles = ["User"] }]    # or cert = "app.pem", federated = "TOKEN"; expired = true; default: any
//!     header   = "h"                              # the header value that App Service requires; default: any
//!     audience = "https://graph.microsoft.com"    # the audience of tokens; default: the requested one
//!     fails    = [{ from = "10s", for = "10s", status = 503 }]    # from the simulator's start
//!
//!     [[backend]]
//!     name   = "sweden"
//!     region = "swedencentral"                    # what x-ms-region says
//!     model  = { first = { dist = "normal", mean = "150ms", sd = "5ms" }, gap = "10ms", per_prompt_token = "20us" }
//!     load   = { kind = "serial", stage = "10ms" }    # or { kind = "batch", size = 8, step = "20ms", queue = 100 }
//!     stream = { head = "after-prefill", tokens_per_event = 2, events_per_write = 1, burst = "0", keepalive = "15s" }
//!     changes = [{ kind = "spike", at = "30s", for = "5s", factor = 3.0 }]    # step, ramp, spike, sine, outage, brown-out
//!     prefix_cache = "5m"                         # how long the beginnings of prompts are cached
//!     output_tokens = { p50 = 200, p95 = 800 }    # at most the caller's limit; default: the limit
//!     reasoning_tokens = 64                       # of reasoning models at medium effort
//!     format_tokens = 0                           # billed but not sent; 8 to 17 on Azure
//!     refusals = 0.0                              # the share of requests that the model refuses
//!     filtered = 0.0                              # the share of answers that the content filter cuts off
//!     tool_calls = 1.0                            # the share of answers that call tools, if the model may choose
//!     deployments = { my-gpt = "gpt-5.1" }        # names of deployments, and the models behind them
//!     service_tiers = { priority = 0.6, flex = 2.0 }    # a factor on the time of an answer in each tier
//!     keep_responses = "60m"                      # for GET and previous_response_id, stored chat completions too
//!     auth   = { audience = "https://ai.azure.com", role = "User", keys = false }    # of tokens; keys = false accepts only tokens
//!     limits = { rpm = 600, tpm = 100000, tpm_corrected = false }     # or ptu = { units = 10 }; spillover = "another-backend"
//!     fault  = [{ kind = "429", rate = 0.01 }, { kind = "reset:5", script = "work 9, fail 1, repeat" }]
//!
//!     [[listener]]
//!     name    = "private"
//!     kind    = "private-endpoint"                # direct | private-endpoint | gateway
//!     backend = "sweden"
//!     tls     = "self-signed"                     # or { names = ["HOST"] } or { cert = "cert.pem", key = "key.pem" }, client_ca
//!     link    = { from = "germanywestcentral", to = "swedencentral", bandwidth = "100Mbit/s" }
//!     defects = ["no-responses"]                  # what it lacks, drops or changes in every request and answer
//!
//!     [[listener]]
//!     name    = "gateway"
//!     kind    = "gateway"
//!     backend = "sweden"                          # or gateway.url = "https://host[:port]/base" and gateway.ca = "ca.pem"
//!     link    = { rtt = "1ms" }                   # from the caller; or { p50 = "28ms", p95 = "34ms" }
//!     ## Also gateway.record = "file.jsonl", which records when each piece of an answer came.
//!     ## And gateway.debug_tokens = ["token"], with which a caller can trace a call.
//!     gateway = { own = { dist = "lognormal", p50 = "5ms", p95 = "9ms" }, link = { rtt = "1ms" }, buffer = "8KB" }
//! "#, "example.toml");
//! assert_eq!(config.err(), None);
//! ```

use std::path::Path;

mod backend;
pub(crate) mod describe;
mod faults;
mod gateway;
mod identity;
mod key;
mod limits;
mod link;
mod parse;
mod patch;
mod place;
mod scenario;
mod settings;
mod time_factor;
mod times;
mod tls;

use crate::model::deployment::OutputTokens;
use crate::units::nearest;
pub use key::Key;
pub(crate) use settings::{ANY_PORT, ListenState, ListenerSettings};
pub use settings::{Config, ConfigError, Single};

/// The scenarios that are built in: name and text.
pub const SCENARIOS: [(&str, &str); 8] = [
    ("three-paths", include_str!("../../scenarios/three-paths.toml")),
    ("uneven-paths", include_str!("../../scenarios/uneven-paths.toml")),
    ("equal-paths", include_str!("../../scenarios/equal-paths.toml")),
    ("shared-batch-1", include_str!("../../scenarios/shared-batch-1.toml")),
    ("throttled", include_str!("../../scenarios/throttled.toml")),
    ("flaky", include_str!("../../scenarios/flaky.toml")),
    ("two-regions-buffering-gateway", include_str!("../../scenarios/two-regions-buffering-gateway.toml")),
    ("enterprise-paths", include_str!("../../scenarios/enterprise-paths.toml")),
];

impl Config {
    /// One listener, named `direct`, without distance.
    ///
    /// # Errors
    /// If its times are longer than an hour.
    pub fn single(single: &Single) -> Result<Self, ConfigError> {
        let Single { ttft, itl, output_tokens } = single;
        let text = format!(
            "name = \"single\"\n[[backend]]\nname = \"model\"\nmodel = {{ first = \"{ttft}ns\", gap = \"{itl}ns\" }}\n\
             [[listener]]\nname = \"direct\"\nkind = \"direct\"\nbackend = \"model\"\n"
        );
        let mut config = Self::parse(&text, "the flags")?;
        for backend in &mut config.backends {
            backend.model.output_tokens = OutputTokens::AsAsked(*output_tokens);
        }
        Ok(config)
    }

    /// A built-in scenario by its name, or one from a file.
    ///
    /// # Errors
    /// If there is neither, or if what is there is wrong.
    pub fn scenario(name: &str) -> Result<Self, ConfigError> {
        if let Some((_, text)) = SCENARIOS.iter().find(|(known, _)| *known == name) {
            return Self::parse(text, &format!("scenario {name}"));
        }
        let path = Path::new(name);
        if !path.exists() {
            let names: Vec<&str> = SCENARIOS.iter().map(|(known, _)| *known).collect();
            let hint = nearest(name, &names).map_or_else(
                || format!("the scenarios are {}", names.join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            return Err(ConfigError(format!("there is no scenario and no file \"{name}\"; {hint}")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{name} cannot be read: {e}")))?;
        Self::parse(&text, name)
    }

    /// A scenario from its text; `origin` names it in errors.
    ///
    /// # Errors
    /// If the text is not TOML, has unknown keys, or says what cannot be.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        // Files that a scenario names stand beside it.
        Self::parse_in(text, origin, Path::new(origin).parent().unwrap_or(Path::new("")))
    }

    /// A scenario whose files are in `folder`.
    fn parse_in(text: &str, origin: &str, folder: &Path) -> Result<Self, ConfigError> {
        let scenario = scenario::Scenario::parse(text, origin)?;
        let source = toml::from_str(text).map_err(|error| ConfigError(format!("{origin}: {}", error.message())))?;
        scenario.resolve(source, text, origin, folder)
    }
}

#[cfg(test)]
mod tests;
