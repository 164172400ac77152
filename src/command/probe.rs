//! `hopmark probe`: each path step by step, with cause and remedy.

use anyhow::anyhow;

use crate::cli;
use crate::command::exit::{CommandResult, Exit, Failure, OrFailure};
use crate::console;
use crate::probe::document::Probe;
use crate::profile::Profile;
use crate::report;
use crate::runner::execution::resolve;
use crate::runner::probe::{ProbeEnd, ProbeOptions, Until, Wait, Wishes, carry_out};

/// Carries out `hopmark probe`.
///
/// # Errors
/// A [`Failure`]: 2 when something is wrong with what was given, 1 when the simulator or standard output refuses.
pub fn probe(args: cli::ProbeArgs) -> CommandResult {
    let request = args.resolve().map_err(|why| Failure::Usage(anyhow!(why)))?;
    let profile = Profile::open(&request.source, &request.overrides).or_usage()?;
    let (plan, workload) = resolve(profile)?;
    let wait = request.wait.map(|(limit, until)| Wait {
        limit: limit.0,
        until: match until {
            cli::Until::Ready => Until::Ready,
            cli::Until::Private => Until::Private,
        },
    });
    let wishes = |flags: cli::CapabilityFlags| Wishes {
        embedding_model: flags.embedding_model,
        debug_token_env: flags.debug_token_env,
    };
    let options = ProbeOptions {
        paths: request.paths,
        outside: request.outside,
        wait,
        capabilities: request.capabilities.map(wishes),
        quiet: request.quiet,
    };
    match carry_out(plan, &workload, &options)? {
        ProbeEnd::Signal(signal) => Ok(signal.into()),
        ProbeEnd::Found { probe, holds } => {
            tell(&probe, request.json)?;
            Ok(if holds { Exit::Met } else { Exit::World })
        }
    }
}

fn tell(probe: &Probe, as_json: bool) -> CommandResult<()> {
    if as_json {
        let text = serde_json::to_string_pretty(probe).or_world()?;
        return console::deliver(&console::harmless(&text)).or_world();
    }
    console::deliver(&report::probe::glance(probe)).or_world()
}
