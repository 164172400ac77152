//! What tokens cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Prices of a model, for a million tokens each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prices {
    /// Of a million prompt tokens.
    #[schemars(range(min = 0))]
    pub input: f64,
    /// Of a million output tokens, reasoning included.
    #[schemars(range(min = 0))]
    pub output: f64,
    /// In which currency, such as EUR.
    #[serde(default = "usd")]
    pub currency: String,
}

fn usd() -> String {
    "USD".to_owned()
}

impl Prices {
    /// What so many tokens cost.
    #[must_use]
    pub fn cost(&self, input: u64, output: u64) -> f64 {
        (self.input * input as f64 + self.output * output as f64) / 1e6
    }
}
