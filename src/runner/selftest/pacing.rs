//! What pacing alone costs: the arrivals of a run, each of which starts a call that ends at once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

use crate::driver::in_flight::{CompletionSink, InFlight, Unsent};
use crate::driver::open::Open;
use crate::driver::worker::{self, Stop};
use crate::plan::Plan;
use crate::schedule::pacer::Pacer;
use crate::schedule::tickets::Ticket;
use crate::units::Nanos;

/// What becomes of calls that measure nothing.
struct Nowhere;

impl CompletionSink<()> for Nowhere {
    fn completed(&self, (): ()) {}

    fn unsent(&self, _: Ticket, _: Unsent) {}
}

/// The processor time of a worker that starts every arrival of `plan` and does nothing else, as a share of one core.
///
/// # Errors
/// When the system has no thread or descriptor left, or the plan has no arrival.
pub(super) fn cpu_cores(plan: &Plan) -> anyhow::Result<f64> {
    let plan = plan.clone();
    let worker = worker::spawn(0, move || async move { paced(&plan).await }).context("cannot start a worker thread")?;
    worker.join().map_err(|_| anyhow!("the worker that only paces failed"))??
}

async fn paced(plan: &Plan) -> anyhow::Result<f64> {
    let mut pacer = Pacer::new()?;
    let (_speaker, stop) = watch::channel(Stop::Run);
    let in_flight = InFlight::new(plan.paths.len(), Arc::default(), Box::new(Nowhere));
    let origin = Nanos::now();
    let open = Open { origin, max_in_flight: plan.load.max_in_flight, in_flight: Rc::clone(&in_flight), stop };
    let before = spent();
    open.carry_out(&mut pacer, plan.tickets(None, 0, 1), |_| |_| async {}).await;
    in_flight.emptied().await;
    let (cpu, lasted) = (spent().saturating_sub(before), Nanos::now().since(origin));
    anyhow::ensure!(in_flight.came_due() > 0, "no call came due");
    Ok(cpu.as_secs_f64() / lasted.as_secs_f64())
}

/// The processor time of this thread.
fn spent() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::Profile;

    #[test]
    fn pacing_takes_time_but_not_all_of_it() {
        let text = "name = \"p\"\n[workload]\nkind = \"synthetic\"\nmodel = \"gpt-4o\"\napi = \"chat\"\n\
                    input_tokens = { dist = \"fixed\", value = 8 }\noutput_tokens = { dist = \"fixed\", value = 1 }\n\
                    [load]\narrivals = \"poisson\"\nrate = \"100/s\"\nwarmup = \"0s\"\nduration = \"300ms\"\n\
                    [[path]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
        let plan = Plan::resolve(Profile::parse(text, Path::new("p.toml")).expect("profile"), 1);
        let share = cpu_cores(&plan).expect("paced");
        assert!(share > 0.0 && share < 1.0, "{share}");
    }
}
