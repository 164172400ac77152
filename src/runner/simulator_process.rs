//! The bundled simulator as a child of the run: its own process, on free ports, with a throw-away key.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::console;
use crate::path::control::{ConnectTo, SIMULATED};
use crate::path::{AuthRef, NetPath};
use crate::plan::Plan;
use crate::probe;
use crate::runner::failure::{Failure, OrFailure, RunResult};
use crate::runner::health_monitor::Backend;
use crate::transport::credential::secret::{BadSecret, Secret};

/// The exit code by which the simulator says that its scenario or its flags are wrong.
const USAGE: i32 = 2;
/// The variable in which the simulator finds its key.
const KEY_VARIABLE: &str = "HOPMARK_SIMULATOR_KEY";
/// How long the simulator may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running simulator; it ends when this is dropped, and also when this process is killed, because its standard
/// input then ends.
pub(crate) struct SimulatorProcess {
    child: Child,
    /// Held open for as long as the simulator is to live.
    lifeline: Option<ChildStdin>,
    /// The base address of each listener by name.
    pub(crate) listeners: BTreeMap<String, String>,
    /// What those with TLS are certified by, in PEM; `None` where none has TLS.
    ca: Option<Arc<str>>,
    /// What it accepts, for calls and for `/_sim/`.
    pub(crate) key: Secret,
}

#[derive(Deserialize)]
struct Ready {
    listeners: Vec<Listener>,
}

#[derive(Deserialize)]
struct Listener {
    name: String,
    url: String,
    ca_pem: Option<String>,
}

impl SimulatorProcess {
    /// Starts the simulator and waits until it listens.
    ///
    /// # Errors
    /// [`Failure::Usage`] with the simulator's own sentence when the scenario is wrong, [`Failure::World`] when it cannot be
    /// started or does not become ready.
    pub(crate) fn start(scenario: &str, seed: u64, key: &Secret) -> RunResult<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file to start the simulator");
        let mut command = Command::new(program.or_world()?);
        command.args(["sim", "--scenario", scenario, "--ready-json", "--parent", "--key-env", KEY_VARIABLE]);
        // Everybody on this machine sees the arguments of a process.
        command.env(KEY_VARIABLE, key.reveal());
        command.args(["--seed", &seed.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        own_group(&mut command);
        let mut child = command.spawn().context("cannot start the bundled simulator").or_world()?;
        let lifeline = child.stdin.take();
        let line = first_line(&mut child);
        let mut simulator = Self { child, lifeline, listeners: BTreeMap::new(), ca: None, key: key.clone() };
        let line = match line.or_world()? {
            Some(line) if !line.trim().is_empty() => line,
            Some(_) => return Err(simulator.last_words()),
            None => {
                simulator.end();
                let late = anyhow!("the bundled simulator was not ready within {} s", READY_WITHIN.as_secs());
                return Err(Failure::World(late));
            }
        };
        let ready: Ready =
            serde_json::from_str(&line).context("the bundled simulator printed something unexpected").or_world()?;
        let mut ca: Vec<&str> = ready.listeners.iter().filter_map(|listener| listener.ca_pem.as_deref()).collect();
        ca.dedup();
        simulator.ca = (!ca.is_empty()).then(|| ca.join("\n").into());
        simulator.listeners = ready.listeners.into_iter().map(|listener| (listener.name, listener.url)).collect();
        simulator.pass_on_warnings();
        Ok(simulator)
    }

    /// What the watch needs to ask it how it is.
    pub(crate) fn as_backend(&self) -> Option<Backend> {
        let url = self.listeners.values().next()?.clone();
        Some(Backend { process: self.child.id(), url, ca: self.ca.clone(), key: self.key.clone() })
    }

    /// A client for calls to its own routes.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub(crate) fn control_client(&self) -> Result<reqwest::Client> {
        probe::control_client_trusting(self.ca.as_deref()).map_err(|error| anyhow!(error))
    }

    /// How it ended, as the system tells it, if it has ended.
    pub(crate) fn how_it_ended(&mut self) -> Option<String> {
        // One that cannot be asked is taken to live: its calls tell the rest.
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Why it ended instead of becoming ready, in its own words and with its own exit code.
    fn last_words(&mut self) -> Failure {
        let mut words = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // Words that cannot be read leave the sentence below alone.
            let _ = stderr.read_to_string(&mut words);
        }
        let usage = self.child.wait().is_ok_and(|status| status.code() == Some(USAGE));
        let words = words.trim().trim_start_matches("error: ").to_owned();
        let error = anyhow!(words).context("the bundled simulator did not start");
        if usage { Failure::Usage(error) } else { Failure::World(error) }
    }

    fn pass_on_warnings(&mut self) {
        let Some(stderr) = self.child.stderr.take() else { return };
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                console::tell(format_args!("simulator: {line}"));
            }
        });
    }

    /// Puts the listeners' addresses in place of `sim://NAME`, of paths, of where they connect to and of what gives them
    /// their tokens; and lets those paths trust what the listeners are certified by.
    ///
    /// # Errors
    /// When a path names a listener that the scenario does not have, or that does not speak the scheme of its address.
    pub(crate) fn resolve(&self, plan: &mut Plan) -> Result<()> {
        for path in &mut plan.paths {
            let mut leads = self.connect(path)?;
            let endpoints = path.auth.all_mut().iter_mut().filter_map(AuthRef::endpoint_mut);
            for url in std::iter::once(&mut path.base_url).chain(endpoints) {
                leads |= self.resolve_one(url, &path.name)?;
            }
            if leads {
                path.tls.simulator_ca.clone_from(&self.ca);
            }
        }
        Ok(())
    }

    /// Puts a listener's address in place of `connect_to = "sim://NAME"`; says whether it was one.
    fn connect(&self, path: &mut NetPath) -> Result<bool> {
        let Some(name) = path.control.connect_to.as_ref().and_then(ConnectTo::listener) else { return Ok(false) };
        let listener = self.listener(name, &path.name)?;
        let (scheme, authority) = listener.split_once("://").context("a listener has no address")?;
        if !path.base_url.starts_with(&format!("{scheme}://")) {
            bail!(
                "path '{}' connects to sim://{name}, which speaks {scheme}; begin its base_url with {scheme}://, or choose \
                 another listener",
                path.name
            );
        }
        path.control.connect_to = ConnectTo::parse(authority);
        Ok(true)
    }

    /// The same for an address that begins with it.
    fn resolve_one(&self, url: &mut String, path: &str) -> Result<bool> {
        let Some(rest) = url.strip_prefix(SIMULATED) else { return Ok(false) };
        let (name, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        *url = format!("{}{prefix}", self.listener(name, path)?);
        Ok(true)
    }

    fn listener(&self, name: &str, path: &str) -> Result<&str> {
        let known = || self.listeners.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let found = self.listeners.get(name).map(String::as_str);
        found.with_context(|| {
            format!("path '{path}' leads to sim://{name}, but the scenario's listeners are {}", known())
        })
    }

    fn end(&mut self) {
        drop(self.lifeline.take());
        // It ends by itself when its input does; killing it as well costs nothing and cannot hang.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// The first line of its output, or `None` when none came in time.
fn first_line(child: &mut Child) -> Result<Option<String>> {
    let output = child.stdout.take().context("the simulator has no output")?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        // Nobody listens any more when it came too late.
        let _ = tell.send(read.map(|_| line));
    });
    match told.recv_timeout(READY_WITHIN) {
        Ok(line) => Ok(Some(line.context("cannot read the simulator's output")?)),
        Err(_) => Ok(None),
    }
}

/// A group of its own, so that Ctrl-C reaches only this process, which then lets the calls under way end.
fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

/// A key that only this run's simulator accepts.
///
/// # Errors
/// None that can happen: the text is made of hexadecimal digits.
pub(crate) fn throw_away_key() -> Result<Secret, BadSecret> {
    let word = || RandomState::new().hash_one(std::process::id());
    Secret::new(format!("sim-{:016x}{:016x}", word(), word()))
}
