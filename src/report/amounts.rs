//! What calls used and cost, in sentences.

use crate::analysis::summary::calls::Tokens;
use crate::analysis::summary::cost::Cost;
use crate::measure::counts::TokenCount;
use crate::report::figure;

/// What a run cost, in a sentence.
pub(crate) fn describe_cost(cost: &Cost) -> String {
    let Some(total) = cost.total else {
        return cost.total_reason.as_ref().map_or("not known".to_owned(), |reason| format!("not known: {reason}"));
    };
    let least = if cost.calls_without_tokens > 0 {
        format!("; {} calls whose tokens are not all known are not included", figure::count(cost.calls_without_tokens))
    } else {
        String::new()
    };
    format!(
        "{} for {} input and {} output tokens, warmup included{least}",
        format_money(total, &cost.currency),
        figure::count(cost.input_tokens.unwrap_or(0)),
        figure::count(cost.output_tokens.unwrap_or(0))
    )
}

/// The tokens of a path, in a sentence.
pub(crate) fn describe_tokens(tokens: &Tokens) -> String {
    let side = |count: TokenCount, what: &str| match count.known_sum() {
        None => format!("{what} tokens not known"),
        Some(sum) if count.calls < tokens.calls => {
            let (told, calls) = (figure::count(count.calls), figure::count(tokens.calls));
            format!("{} {what} tokens (counted for {told} of {calls} calls)", figure::count(sum))
        }
        Some(sum) => format!("{} {what} tokens", figure::count(sum)),
    };
    match (tokens.input.known_sum(), tokens.output.known_sum()) {
        (None, None) if tokens.calls == 0 => "no tokens, because no call was answered".to_owned(),
        (None, None) => "the server sent no token counts".to_owned(),
        (_, _) => format!("{}, {}", side(tokens.input, "input"), side(tokens.output, "output")),
    }
}

/// An amount: "1.25 EUR", "0.0031 EUR".
pub(crate) fn format_money(amount: f64, currency: &str) -> String {
    let digits = if amount >= 0.1 || amount == 0.0 { 2 } else { 4 };
    format!("{amount:.digits$} {currency}")
}
