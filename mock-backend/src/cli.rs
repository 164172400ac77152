//! `hopmark sim`: flags, what is printed, and how it ends.

use std::io::Read;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ConfigError, Key, Single, describe};
use crate::observe::console;
use crate::server::simulator::Simulator;
use crate::units::parse_duration;

/// The flags of the simulator.
#[derive(Args, Clone, Debug, Default)]
pub struct SimArgs {
    /// A built-in scenario (three-paths, uneven-paths, equal-paths, shared-batch-1, throttled, flaky,
    /// two-regions-buffering-gateway, enterprise-paths) or a TOML file; without it, one listener called `direct`
    #[arg(long, value_name = "NAME-or-FILE")]
    pub scenario: Option<String>,
    /// The address of the first listener; others use the ports after it [default: free ports of 127.0.0.1]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Time to the first token [default: 200ms]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "scenario")]
    pub ttft: Option<f64>,
    /// Time from one token to the next [default: 20ms]
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "scenario")]
    pub itl: Option<f64>,
    /// Tokens of an answer if the caller sets no limit [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with = "scenario")]
    pub output_tokens: Option<u32>,
    /// The only accepted key; without it, any key that is not empty. Other users of this machine can see it
    #[arg(long, value_name = "KEY")]
    pub key: Option<Key>,
    /// The environment variable that holds this key; other users cannot see it
    #[arg(long, value_name = "VAR", conflicts_with = "key")]
    pub key_env: Option<String>,
    /// The only accepted key for /_sim/ [default: the key of the calls]
    #[arg(long, value_name = "KEY")]
    pub admin_key: Option<Key>,
    /// The environment variable that holds this key
    #[arg(long, value_name = "VAR", conflicts_with = "admin_key")]
    pub admin_key_env: Option<String>,
    /// Accept every model name
    #[arg(long)]
    pub any_model: bool,
    /// The seed of all random draws
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Print the planned behaviour of each listener and exit; as JSON with --ready-json
    #[arg(long)]
    pub describe: bool,
    /// When ready, print names and addresses as one line of JSON
    #[arg(long)]
    pub ready_json: bool,
    /// Exit when standard input closes
    #[arg(long)]
    pub parent: bool,
}

impl SimArgs {
    /// What these flags mean.
    ///
    /// # Errors
    /// If the scenario does not exist or is wrong, or a variable that is to hold a key is not set.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut config = match &self.scenario {
            Some(name) => Config::scenario(name)?,
            None => {
                let default = Single::default();
                Config::single(&Single {
                    ttft: self.ttft.unwrap_or(default.ttft),
                    itl: self.itl.unwrap_or(default.itl),
                    output_tokens: self.output_tokens.map_or(default.output_tokens, |tokens| tokens as usize),
                })?
            }
        };
        config.seed = self.seed.unwrap_or(config.seed);
        config.key = read_key(&self.key, self.key_env.as_deref(), "--key-env")?;
        config.admin_key = read_key(&self.admin_key, self.admin_key_env.as_deref(), "--admin-key-env")?;
        config.any_model = self.any_model;
        if let Some(address) = self.listen {
            config.listen(address);
        }
        Ok(config)
    }
}

/// The key of a flag, else that of the environment variable `variable`, which `flag` names.
fn read_key(key: &Option<Key>, variable: Option<&str>, flag: &str) -> Result<Option<Key>, ConfigError> {
    let Some(variable) = variable else { return Ok(key.clone()) };
    match std::env::var(variable) {
        Ok(key) if !key.is_empty() => Ok(Some(key.into())),
        Ok(_) => Err(ConfigError(format!("the environment variable {variable} of {flag} is empty; put the key in it"))),
        Err(_) => Err(ConfigError(format!(
            "the environment variable {variable} of {flag} is not set to a key; put the key in it"
        ))),
    }
}

/// Runs the simulator until it is told to end: 0 then, 1 if it cannot listen, 2 if the flags or the scenario are wrong.
#[must_use]
pub fn main(args: &SimArgs) -> ExitCode {
    let config = match args.config() {
        Ok(config) => config,
        Err(error) => return fail(&error, 2),
    };
    if args.describe {
        return describe(args, &config);
    }
    warn_if_open(&config);
    match Simulator::start(config) {
        Ok(simulator) => run(args, simulator),
        Err(error) => fail(&error, if error.is_of_scenario() { 2 } else { 1 }),
    }
}

fn describe(args: &SimArgs, config: &Config) -> ExitCode {
    let text =
        if args.ready_json { describe::as_json(config).to_string() } else { console::fit(&describe::as_text(config)) };
    match console::print(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    console::tell(format_args!("error: {error}"));
    ExitCode::from(code)
}

fn warn_if_open(config: &Config) {
    if let Some(open) = config.listeners.iter().find(|listener| !listener.bind.ip().is_loopback()) {
        let bind = open.bind;
        console::tell(format_args!(
            "warning: {bind} is open to other machines; the simulator is meant for this one only"
        ));
    }
}

/// Says where the listeners are (and what to trust there), waits for the end, and lets requests under way end.
fn run(args: &SimArgs, simulator: Simulator) -> ExitCode {
    match wait(args.parent, || console::print(&ready(args, &simulator))) {
        Ok(()) => {
            end_within(simulator.drain() + GRACE);
            simulator.stop();
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error, 1),
    }
}

/// How much longer than the scenario's `drain` the end may take.
const GRACE: Duration = Duration::from_secs(2);

/// Ends the program after `time`, whatever keeps its workers busy.
fn end_within(time: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(time);
        std::process::exit(0);
    });
}

fn ready(args: &SimArgs, simulator: &Simulator) -> String {
    let listeners = simulator.listeners();
    if args.ready_json {
        let listener = |(name, url): &(String, String)| match simulator.ca_pem(name) {
            Some(ca) => json!({"name": name, "url": url, "ca_pem": ca}),
            None => json!({"name": name, "url": url}),
        };
        let listeners: Vec<_> = listeners.iter().map(listener).collect();
        return json!({"listeners": listeners}).to_string();
    }
    let mut lines: Vec<String> = listeners.iter().map(|(name, url)| format!("{name}  {url}")).collect();
    let mut trust: Vec<String> = listeners.iter().filter_map(|(name, _)| simulator.ca_pem(name)).collect();
    trust.dedup();
    lines.extend(trust.iter().map(|pem| pem.trim_end().to_owned()));
    lines.extend(listeners.iter().flat_map(|(name, url)| for_clients(name, url)));
    lines.push(String::new());
    lines.push(keys(args));
    console::fit(&lines.join("\n"))
}

/// The variables by which the usual client libraries find a listener.
fn for_clients(name: &str, url: &str) -> [String; 5] {
    [
        String::new(),
        format!("clients of {name}:"),
        format!("  OPENAI_BASE_URL={url}/v1"),
        format!("  AZURE_OPENAI_ENDPOINT={url}"),
        format!("  ANTHROPIC_BASE_URL={url}/anthropic"),
    ]
}

/// Which key passes, without the key.
fn keys(args: &SimArgs) -> String {
    let variables = "OPENAI_API_KEY, AZURE_OPENAI_API_KEY or ANTHROPIC_API_KEY";
    match (&args.key, &args.key_env) {
        (Some(_), _) => format!("key: that of --key, as {variables}"),
        (None, Some(variable)) => format!("key: that of the variable {variable}, as {variables}"),
        (None, None) => format!("key: any that is not empty, as {variables}"),
    }
}

/// Returns on an interrupt or a request to terminate, or when the standard input ends if that is the parent's. Calls
/// `ready` as soon as it would hear of that.
fn wait(parent: bool, ready: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (told, ended) = tokio::sync::oneshot::channel();
        if parent {
            std::thread::spawn(move || {
                let mut rest = [0; 256];
                while matches!(std::io::stdin().read(&mut rest), Ok(n) if n > 0) {}
                // The receiver is gone only when the program ends anyway.
                let _ = told.send(());
            });
        } else {
            std::mem::forget(told);
        }
        // A terminal that closes ends the parent, which may still want answers; the simulator then ends with it.
        let _deaf = if parent { Some(signal(SignalKind::hangup())?) } else { None };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        ready()?;
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            _ = ended => Ok(()),
        }
    })
}
