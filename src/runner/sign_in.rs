//! Signing in: reads the secrets of every path, gets the first tokens before anything is sent over a path, and has them
//! renewed until the run ends.

use anyhow::anyhow;

use crate::console;
use crate::measure::sign_in::SignIn;
use crate::plan::Plan;
use crate::runner::failure::{OrFailure, RunResult};
use crate::transport::connect::Target;
use crate::transport::credential::Credential;
use crate::transport::credential::keeper::Keeper;
use crate::transport::credential::secret::Secret;
use crate::wire::filter::Filter;

/// The credentials of all paths with their secrets read; no token is asked for yet.
///
/// # Errors
/// [`Failure::Usage`](crate::runner::failure::Failure) when a secret, a file, a variable or a program cannot be had.
pub(crate) fn read(plan: &Plan, key: Option<&Secret>) -> RunResult<Vec<Credential>> {
    plan.paths.iter().map(|path| Credential::of(path, key)).collect::<Result<_, _>>().or_usage()
}

/// All paths signed in; tokens are renewed for as long as this lives.
pub(crate) struct SignedIn {
    /// What proves on each path who calls.
    pub(crate) credentials: Vec<Credential>,
    /// What servers say passes it; it learns every token.
    pub(crate) filter: Filter,
    keeper: Keeper,
}

impl SignedIn {
    /// Gets the first token of every path that needs one.
    ///
    /// # Errors
    /// [`Failure::World`](crate::runner::failure::Failure) with every path that cannot sign in, a line each.
    pub(crate) async fn begin(
        plan: &Plan,
        credentials: Vec<Credential>,
        targets: &[Target],
        quiet: bool,
    ) -> RunResult<Self> {
        let of_targets = targets.iter().flat_map(Target::secrets).cloned();
        let secrets: Vec<Secret> = credentials.iter().flat_map(Credential::secrets).chain(of_targets).collect();
        let filter = Filter::of(secrets.iter().map(Secret::reveal));
        let slots: Vec<_> = credentials.iter().flat_map(Credential::slots).cloned().collect();
        if !quiet {
            let signing = plan.paths.iter().zip(&credentials).filter(|(_, credential)| credential.slots().count() > 0);
            signing.for_each(|(path, _)| console::tell(format_args!("signing in: path '{}'", path.name)));
        }
        let keeper = Keeper::start(slots, &filter).await.map_err(|refused| {
            let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
            anyhow!("{}\nnothing was measured", lines.join("\n"))
        });
        Ok(Self { keeper: keeper.or_world()?, credentials, filter })
    }

    /// How each path has signed in so far.
    pub(crate) fn sign_ins(&self) -> Vec<SignIn> {
        self.keeper.sign_ins()
    }
}
