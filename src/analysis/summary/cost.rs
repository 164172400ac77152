//! What calls cost at the profile's prices, by the tokens that the server counted.

use schemars::JsonSchema;
use serde::Serialize;

use crate::measure::counts::Counts;
use crate::measure::prices::Prices;
use crate::run::Run;
use crate::units::{PathId, Phase};

/// What some calls cost at the profile's prices, by the tokens that the server counted.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(extend(
    "if" = {"properties": {"total": {"type": "null"}}},
    "then" = {"required": ["total_reason"]}
))]
pub(crate) struct Cost {
    /// In which currency.
    pub currency: String,
    /// How much; null where calls may have cost something and no server told the tokens of any.
    #[schemars(extend("minimum" = 0))]
    pub total: Option<f64>,
    /// Tokens of prompts, if any call told.
    pub input_tokens: Option<u64>,
    /// Tokens of answers, reasoning included, if any call told.
    pub output_tokens: Option<u64>,
    /// Calls that may have cost something and of which not all tokens are known: `total` is the least then.
    pub calls_without_tokens: u64,
    /// Why there is no total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_reason: Option<String>,
}

/// What the whole run cost, warmup included; `None` without prices.
#[must_use]
pub(crate) fn of_run(run: &Run) -> Option<Cost> {
    let prices = run.manifest.plan.prices.as_ref()?;
    let mut all = Counts::default();
    run.counted_where(|_| true).iter().for_each(|counts| all.add(counts));
    Some(of(prices, &all))
}

/// What the measured calls of a path cost; `None` without prices.
#[must_use]
pub(crate) fn of_path(run: &Run, path: PathId) -> Option<Cost> {
    let prices = run.manifest.plan.prices.as_ref()?;
    Some(of(prices, &run.counted(Phase::Measure)[path.index()]))
}

fn of(prices: &Prices, calls: &Counts) -> Cost {
    let (total, many) = (total(prices, calls), calls.without_tokens);
    let (input_tokens, output_tokens) = (calls.input.known_sum(), calls.output.known_sum());
    let what = match (input_tokens, output_tokens) {
        (None, Some(_)) => "input tokens",
        (Some(_), None) => "output tokens",
        (None, None) | (Some(_), Some(_)) => "tokens",
    };
    let total_reason = total.is_none().then(|| format!("the server reported {what} for none of {many} calls"));
    let currency = prices.currency.clone();
    Cost { currency, total, input_tokens, output_tokens, calls_without_tokens: many, total_reason }
}

fn total(prices: &Prices, calls: &Counts) -> Option<f64> {
    if calls.charged == 0 {
        return Some(0.0);
    }
    Some(prices.cost(calls.input.known_sum()?, calls.output.known_sum()?)).filter(|total| total.is_finite())
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
        assert_eq!((cost.input_tokens, cost.output_tokens), (Some(100 * calls), Some(30 * calls)));
        assert_eq!(cost.calls_without_tokens, 0);
        assert!((cost.total.expect("told") - (200.0 + 240.0) * calls as f64 / 1e6).abs() < 1e-9, "{cost:?}");
        fixture::fail(&mut run.samples[0], ErrorClass::Http(429));
        fixture::fail(&mut run.samples[1], ErrorClass::TimeoutGap);
        for sample in &mut run.samples[..2] {
            sample.input_tokens = None;
        }
        assert_eq!(of_run(&run).expect("prices").calls_without_tokens, 1, "a refused call costs nothing");
    }

    #[test]
    fn nothing_that_was_not_told_is_nothing_to_pay() {
        let mut run = World { seconds: 2.0, ..World::default() }.run();
        run.manifest.plan.prices = Some(Prices { input: 2.0, output: 8.0, currency: "EUR".to_owned() });
        for (input, output, what) in [
            (Some(5), None, "reported output tokens for none"),
            (None, Some(5), "reported input tokens for none"),
            (None, None, "reported tokens for none"),
        ] {
            for sample in &mut run.samples {
                (sample.input_tokens, sample.output_tokens) = (input, output);
            }
            let cost = of_run(&run).expect("prices");
            assert_eq!((cost.total, cost.calls_without_tokens), (None, run.samples.len() as u64));
            assert!(cost.total_reason.as_ref().is_some_and(|why| why.contains(what)), "{cost:?}");
        }
        for sample in &mut run.samples {
            fixture::fail(sample, ErrorClass::Http(429));
            sample.input_tokens = None;
        }
        assert_eq!(of_run(&run).expect("prices").total, Some(0.0), "what is refused costs nothing");
        run.samples.truncate(3);
        for (sample, tokens) in run.samples.iter_mut().zip([u64::MAX, 1 << 63, 7]) {
            (sample.input_tokens, sample.output_tokens) = (Some(tokens), Some(tokens));
        }
        let cost = of_run(&run).expect("prices");
        assert_eq!((cost.input_tokens, cost.output_tokens), (Some(u64::MAX), Some(u64::MAX)), "sums saturate");
        assert!(cost.total.is_some_and(f64::is_finite));
    }
}
