//! What a path carried a second of the measured phase: successful calls, and the output tokens of these.

use crate::analysis::input::view::View;
use crate::measure::counts::Counts;
use crate::plan::Design;

/// Rates over the measured phase, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Throughput {
    /// Successful calls a second.
    pub requests: Result<f64, String>,
    /// Their output tokens a second.
    pub output_tokens: Result<f64, String>,
}

impl Throughput {
    /// Of one path, whose measured calls are `counts`.
    pub(crate) fn of(view: &View<'_>, counts: &Counts) -> Self {
        match seconds(view) {
            Ok(seconds) => Self {
                requests: Ok(counts.ok as f64 / seconds),
                output_tokens: output_tokens(counts).map(|tokens| tokens as f64 / seconds),
            },
            Err(why) => Self { requests: Err(why.to_owned()), output_tokens: Err(why.to_owned()) },
        }
    }
}

fn seconds(view: &View<'_>) -> Result<f64, &'static str> {
    let plan = view.plan();
    if plan.load.design == Design::Sequential && plan.paths.len() > 1 {
        return Err("the paths took turns: none had the measured time to itself");
    }
    Some(view.measured_s).filter(|seconds| *seconds > 0.0).ok_or("no time was measured")
}

/// Those of successful calls. A rate of which calls are missing would be too low.
fn output_tokens(counts: &Counts) -> Result<u64, String> {
    match (counts.ok, counts.ok_output.calls) {
        (0, _) => Err("no call was successful".to_owned()),
        (ok, counted) if counted < ok => {
            Err(format!("the server counted the output tokens of {counted} of {ok} successful calls"))
        }
        (_, _) => Ok(counts.ok_output.sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::run::fixture::{self, World};
    use crate::units::Phase;

    fn of(run: &Run) -> Throughput {
        Throughput::of(&View::of(run), &run.counted(Phase::Measure)[0])
    }

    #[test]
    fn a_rate_is_of_whole_counts_over_some_time_or_there_is_none() {
        let run = World { seconds: 10.0, ..World::default() }.run();
        let calls = run.measured().filter(|sample| sample.path.index() == 0).count() as f64;
        assert_eq!(of(&run), Throughput { requests: Ok(calls / 10.0), output_tokens: Ok(30.0 * calls / 10.0) });
        let mut partly = run.clone();
        partly.samples.iter_mut().find(|sample| sample.path.index() == 0).expect("a call").output_tokens = None;
        let why = of(&partly).output_tokens.expect_err("one call is missing");
        assert!(why.contains(&format!("{} of {calls}", calls - 1.0)), "{why}");
        assert_eq!(of(&partly).requests, of(&run).requests);
        let mut failed = run.clone();
        failed
            .samples
            .iter_mut()
            .for_each(|sample| fixture::fail(sample, crate::measure::outcome::ErrorClass::Http(503)));
        assert_eq!(
            of(&failed),
            Throughput { requests: Ok(0.0), output_tokens: Err("no call was successful".to_owned()) }
        );
        let mut at_once = run.clone();
        at_once.manifest.ending.as_mut().expect("ending").measured_s = 0.0;
        assert!(of(&at_once).requests.is_err_and(|why| why.contains("no time")));
        let turns = World { design: Design::Sequential, rate: 30.0, seconds: 10.0, ..World::default() }.run();
        assert!(of(&turns).requests.is_err_and(|why| why.contains("took turns")));
    }
}
