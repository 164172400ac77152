//! What stands before the first call: secrets read, the bundled simulator started where the profile wants it, and where
//! each path leads.

use crate::plan::Plan;
use crate::runner::failure::{OrFailure, RunResult};
use crate::runner::sign_in;
use crate::runner::simulator_process::{self, SimulatorProcess};
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::transport::credential::secret::Secret;

/// Secrets read; nothing started.
pub(crate) struct Unstarted {
    /// The key that only the simulator of this process accepts.
    key: Option<Secret>,
    credentials: Vec<Credential>,
}

/// Everything that calls need.
pub(crate) struct Stage {
    /// The simulator, which ends with this.
    pub(crate) simulator: Option<SimulatorProcess>,
    /// What proves on each path who calls; no token has been asked for.
    pub(crate) credentials: Vec<Credential>,
    /// Where each path leads.
    pub(crate) targets: Vec<Target>,
}

impl Unstarted {
    /// Reads every secret of a plan.
    ///
    /// # Errors
    /// [`Failure::Usage`](crate::runner::failure::Failure) when one cannot be had.
    pub(crate) fn of(plan: &Plan) -> RunResult<Self> {
        let key = plan.simulator.as_ref().map(|_| simulator_process::throw_away_key()).transpose().or_world()?;
        let credentials = sign_in::read(plan, key.as_ref())?;
        Ok(Self { key, credentials })
    }

    /// Starts the simulator, and puts its addresses into the plan.
    ///
    /// # Errors
    /// When it does not start, or a path cannot be led anywhere.
    pub(crate) fn start(self, plan: &mut Plan) -> RunResult<Stage> {
        let Self { key, mut credentials } = self;
        let simulator = match (&plan.simulator, &key) {
            (Some(simulator), Some(key)) => Some(SimulatorProcess::start(&simulator.scenario, plan.seed, key)?),
            _ => None,
        };
        if let Some(simulator) = &simulator {
            simulator.resolve(plan).or_usage()?;
            credentials = sign_in::read(plan, key.as_ref())?;
        }
        let targets: Vec<Target> = plan.paths.iter().map(Target::of).collect::<Result<_, _>>().or_usage()?;
        Ok(Stage { simulator, credentials, targets })
    }
}
