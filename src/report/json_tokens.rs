//! Tokens, rates and costs in `summary.json`: each is null with a reason where servers did not tell what it is made of.

use serde::Serialize;
use serde_json::Value;

use crate::analysis::summary::calls::Tokens;
use crate::analysis::summary::cost::Cost;
use crate::analysis::summary::throughput::Throughput;
use crate::report::json_number::ms;

/// Tokens as the server counted them, and of how many calls it did.
#[derive(Serialize)]
pub(crate) struct TokenFacts {
    input: Option<u64>,
    output: Option<u64>,
    calls: u64,
    input_calls: u64,
    output_calls: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_reason: Option<String>,
}

/// Rates over the measured phase.
#[derive(Serialize)]
pub(crate) struct ThroughputFacts {
    requests: Value,
    output_tokens: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_reason: Option<String>,
}

/// Of one path.
pub(crate) fn tokens(tokens: Tokens) -> TokenFacts {
    let Tokens { input, output, calls } = tokens;
    TokenFacts {
        input: input.told(),
        output: output.told(),
        calls,
        input_calls: input.calls,
        output_calls: output.calls,
        input_reason: tokens.why_none(input, "input"),
        output_reason: tokens.why_none(output, "output"),
    }
}

/// Of one path.
pub(crate) fn throughput(throughput: &Throughput) -> ThroughputFacts {
    let Throughput { requests, output_tokens } = throughput;
    ThroughputFacts {
        requests: ms(requests.clone().ok()),
        output_tokens: ms(output_tokens.clone().ok()),
        requests_reason: requests.clone().err(),
        output_tokens_reason: output_tokens.clone().err(),
    }
}

/// What calls cost.
#[derive(Serialize)]
pub(crate) struct CostFacts {
    currency: String,
    total: Value,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    calls_without_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_reason: Option<String>,
}

/// Of a path or of the whole run.
pub(crate) fn of_cost(cost: Cost) -> CostFacts {
    let total_reason = cost.why_none();
    let Cost { currency, total, input_tokens, output_tokens, calls_without_tokens } = cost;
    CostFacts { currency, total: ms(total), input_tokens, output_tokens, calls_without_tokens, total_reason }
}
