//! What calls cost at the profile's prices, by the tokens that the server counted.

use crate::measure::counts::Counts;
use crate::measure::prices::Prices;
use crate::run::Run;
use crate::units::{PathId, Phase};

/// What some calls cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// In which currency.
    pub currency: String,
    /// How much.
    pub total: f64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers, reasoning included.
    pub output_tokens: u64,
    /// Calls that may have cost something and of which no tokens are known: `total` is the least then.
    pub calls_without_tokens: u64,
}

/// What the whole run cost, warmup included; `None` without prices.
#[must_use]
pub fn of_run(run: &Run) -> Option<Cost> {
    let prices = run.manifest.plan.prices.as_ref()?;
    let mut all = Counts::default();
    run.counted_where(|_| true).iter().for_each(|counts| all.add(counts));
    Some(of(prices, &all))
}

/// What the measured calls of a path cost; `None` without prices.
#[must_use]
pub fn of_path(run: &Run, path: PathId) -> Option<Cost> {
    let prices = run.manifest.plan.prices.as_ref()?;
    Some(of(prices, &run.counted(Phase::Measure)[path.index()]))
}

fn of(prices: &Prices, calls: &Counts) -> Cost {
    Cost {
        currency: prices.currency.clone(),
        total: prices.cost(calls.input_tokens, calls.output_tokens),
        input_tokens: calls.input_tokens,
        output_tokens: calls.output_tokens,
        calls_without_tokens: calls.without_tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::outcome::ErrorClass;
    use crate::run::fixture::{self, World};

    #[test]
    fn tokens_have_their_price_and_unknown_ones_are_counted() {
        let mut run = World { seconds: 10.0, ..World::default() }.run();
        assert_eq!(of_run(&run), None);
        run.manifest.plan.prices = Some(Prices { input: 2.0, output: 8.0, currency: "EUR".to_owned() });
        let calls = run.samples.len() as u64;
        let cost = of_run(&run).expect("prices");
        assert_eq!((cost.input_tokens, cost.output_tokens, cost.calls_without_tokens), (100 * calls, 30 * calls, 0));
        assert!((cost.total - (200.0 + 240.0) * calls as f64 / 1e6).abs() < 1e-9, "{cost:?}");
        fixture::fail(&mut run.samples[0], ErrorClass::Http(429));
        fixture::fail(&mut run.samples[1], ErrorClass::TimeoutGap);
        for sample in &mut run.samples[..2] {
            sample.input_tokens = None;
        }
        assert_eq!(of_run(&run).expect("prices").calls_without_tokens, 1, "a refused call costs nothing");
    }
}
