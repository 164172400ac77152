//! What tokens cost.

use serde::{Deserialize, Serialize};

/// Prices of a model, for a million tokens each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Of prompts.
    pub input: f64,
    /// Of answers, reasoning included.
    pub output: f64,
    /// In which currency, such as EUR.
    pub currency: String,
}

impl Prices {
    /// What so many tokens cost.
    #[must_use]
    pub fn cost(&self, input: u64, output: u64) -> f64 {
        (self.input * input as f64 + self.output * output as f64) / 1e6
    }
}
