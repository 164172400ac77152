//! The dry run: what a plan would send, take, cost and resolve.

use std::path::Path;

use anyhow::anyhow;

use crate::analysis::sizing::{QUANTILES, Spread};
use crate::path::NetPath;
use crate::plan::Plan;
use crate::profile::document::Assumed;
use crate::report::sizing::Sizing;
use crate::runner::failure::{Failure, OrFailure, RunResult};
use crate::runner::run_dir;
use crate::runner::sized::{self, SizedFor};
use crate::schedule::tickets::Ticket;
use crate::workload::Workload;

/// How many calls are looked at for their tokens; of more, every so many-th.
const LOOKED_AT: u64 = 20_000;

/// What is known of the times, from the run in `size_from`, or assumed of them.
///
/// # Errors
/// As of [`run_dir::read`]; [`Failure::Usage`] when the run has too few successful calls.
pub(crate) fn spread(assumed: Option<Assumed>, size_from: Option<&Path>) -> RunResult<Spread> {
    let Some(dir) = size_from else {
        let ttft = assumed.and_then(|assumed| assumed.ttft).map(|ttft| ttft.0.as_secs_f64() * 1e3);
        return Ok(Spread::assumed(assumed.and_then(|assumed| assumed.sigma), ttft));
    };
    let run = run_dir::read(dir, "used to size a run")?;
    let none = || anyhow!("{} has too few successful calls to size a run by", dir.display());
    Spread::of_run(&run).ok_or_else(none).or_usage()
}

/// Sizes a plan.
pub(crate) fn size(plan: &Plan, workload: &Workload, spread: Spread, sized_for: Option<&SizedFor>) -> Sizing {
    let minutes = plan.measure_until().as_secs_f64() / 60.0;
    let mut sizing = Sizing {
        requests: None,
        calls_a_path: None,
        minutes,
        input_tokens: None,
        output_tokens: None,
        cost: None,
        spread,
        resolutions: Vec::new(),
        needs: sized::needs_with_remedies(plan, workload),
        sized_for_ms: sized_for.map(|sized| sized.shift_ms),
        notes: plan.paths.iter().flat_map(NetPath::doubts).chain(workload.notes()).collect(),
    };
    if plan.concurrency() > 0 {
        sizing.requests = plan.limits.requests;
        let why = "callers wait for their answers: how many calls they make depends on how fast these come; \
         limits.requests is the maximum";
        sizing.notes.push(why.to_owned());
    } else {
        count(plan, workload, &mut sizing);
    }
    if plan.prices.is_none() {
        sizing.notes.push("the cost needs [prices]: what a million input and output tokens cost".to_owned());
    }
    if let Some(precision) = &plan.precision {
        sizing.notes.push(format!("it stops before that when its intervals reach load.precision: {precision}"));
    }
    stops(plan, &mut sizing);
    sizing
}

fn count(plan: &Plan, workload: &Workload, sizing: &mut Sizing) {
    let allowed = plan.limits.requests.unwrap_or(u64::MAX);
    let tickets = || plan.tickets(workload.arrivals(), 0, 1).take_while(move |ticket| ticket.seq.0 < allowed);
    let requests = tickets().count() as u64;
    let fewest = sized::measured_calls(plan, workload).and_then(|calls| calls.into_iter().min()).unwrap_or(0);
    sizing.requests = Some(requests);
    sizing.calls_a_path = Some(fewest);
    if plan.paths.len() > 1 {
        sizing.resolutions = QUANTILES.map(|q| sizing.spread.resolution(fewest, q)).to_vec();
    } else {
        sizing.notes.push("there is only one path, so there is no shift to resolve".to_owned());
    }
    let every = requests.div_ceil(LOOKED_AT).max(1);
    (sizing.input_tokens, sizing.output_tokens) = tokens(workload, tickets(), every);
    if every > 1 {
        sizing.notes.push(format!("tokens are those of every {every}th call, times {every}"));
    }
    if sizing.input_tokens.is_none() || sizing.output_tokens.is_none() {
        sizing
            .notes
            .push("the workload does not say how many tokens each call has; tokens and cost are not known".to_owned());
    }
    let tokens = sizing.input_tokens.zip(sizing.output_tokens);
    let priced = plan.prices.as_ref().zip(tokens);
    sizing.cost = priced.map(|(prices, (input, output))| (prices.cost(input, output), prices.currency.clone()));
}

/// The tokens of prompts and the limits on answers; `None` where one call does not tell.
fn tokens(workload: &Workload, tickets: impl Iterator<Item = Ticket>, every: u64) -> (Option<u64>, Option<u64>) {
    let (mut input, mut output) = (Some(0), Some(0));
    for ticket in tickets.filter(|ticket| ticket.seq.0 % every == 0) {
        let call = workload.call(ticket.round, ticket.seq.0);
        let add = |sum: Option<u64>, more: Option<u32>| Some(sum? + u64::from(more?) * every);
        (input, output) = (add(input, call.input_tokens), add(output, call.max_output_tokens));
    }
    (input, output)
}

/// Refuses a plan that was sized for a shift and that a limit on tokens or cost may end before.
///
/// # Errors
/// [`Failure::Usage`] with the limit and what the plan takes.
pub(crate) fn check_limits(plan: &Plan, sizing: &Sizing) -> RunResult<()> {
    let tokens = sizing.input_tokens.zip(sizing.output_tokens).map(|(input, output)| input + output);
    let over_tokens = plan.limits.tokens.zip(tokens).filter(|(limit, tokens)| tokens > limit);
    let cost = sizing.cost.as_ref().map(|(cost, _)| *cost);
    let over_cost = plan.limits.cost.zip(cost).filter(|(limit, cost)| cost > limit);
    let why = match (over_tokens, over_cost) {
        (Some((limit, tokens)), _) => format!("up to {tokens} tokens, but limits.tokens = {limit}"),
        (None, Some((limit, cost))) => {
            format!("up to {cost:.2} in the currency of [prices], but limits.cost = {limit}")
        }
        (None, None) => return Ok(()),
    };
    Err(Failure::Usage(anyhow!(
        "--for: that takes {why} may end the run earlier; raise the limit or ask for a larger shift"
    )))
}

/// Which limits end the run before its plan.
fn stops(plan: &Plan, sizing: &mut Sizing) {
    let tokens = sizing.input_tokens.zip(sizing.output_tokens).map(|(input, output)| input + output);
    if plan.limits.tokens.zip(tokens).is_some_and(|(limit, tokens)| tokens > limit) {
        sizing.notes.push("limits.tokens can end the run before its plan".to_owned());
    }
    let cost = sizing.cost.as_ref().map(|(cost, _)| *cost);
    if plan.limits.cost.zip(cost).is_some_and(|(limit, cost)| cost > limit) {
        sizing.notes.push("limits.cost can end the run before its plan".to_owned());
    }
    if plan.limits.requests.is_some_and(|limit| sizing.requests == Some(limit)) && plan.concurrency() == 0 {
        sizing.notes.push("limits.requests ends the run before its plan".to_owned());
    }
}
