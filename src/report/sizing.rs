//! What a dry run tells: what a plan sends, takes, costs and can resolve. As JSON for scripts, as lines for people.

use serde_json::{Value, json};

use crate::analysis::sizing::{POWER, Resolution, Spread};
use crate::report::amounts::format_money;
use crate::report::figure;
use crate::report::json::number::rounded;

/// The size of a plan. What is not known is `None`, with a reason in `notes`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sizing {
    /// Calls in all, warmup included.
    pub(crate) requests: Option<u64>,
    /// Measured calls of the path that gets the fewest.
    pub(crate) calls_a_path: Option<u64>,
    /// Warmup and measuring, without the drain.
    pub(crate) minutes: f64,
    /// Prompt tokens of all calls.
    pub(crate) input_tokens: Option<u64>,
    /// Output tokens of all calls at most: their limits.
    pub(crate) output_tokens: Option<u64>,
    /// What that costs at most, and in which currency.
    pub(crate) cost: Option<(f64, String)>,
    /// How times are assumed to be spread.
    pub(crate) spread: Spread,
    /// What can be resolved at each quantile; empty with one path alone.
    pub(crate) resolutions: Vec<Resolution>,
    /// What the reader must know.
    pub(crate) notes: Vec<String>,
}

/// For scripts.
pub(crate) fn json(sizing: &Sizing) -> Value {
    let share = |share: Option<f64>| json!(share.map(|share| rounded(100.0 * share)));
    let resolution = |resolution: &Resolution| {
        json!({
            "quantile": resolution.quantile, "shift_pct": share(resolution.shift),
            "shift_ms": resolution.shift_ms.map(rounded), "half_width_pct": share(resolution.half_width),
            "reason": resolution.reason,
        })
    };
    let spread = &sizing.spread;
    json!({
        "requests": sizing.requests, "calls_a_path": sizing.calls_a_path, "minutes": rounded(sizing.minutes),
        "input_tokens": sizing.input_tokens, "output_tokens": sizing.output_tokens,
        "cost": sizing.cost.as_ref().map(|(cost, _)| rounded(*cost)),
        "currency": sizing.cost.as_ref().map(|(_, currency)| currency),
        "assumptions": {
            "sigma": rounded(spread.sigma), "ttft_p50_ms": spread.median_ms.map(rounded),
            "effect": rounded(spread.effect), "power": POWER, "confidence": 0.95, "source": spread.source,
        },
        "resolves": sizing.resolutions.iter().map(resolution).collect::<Vec<_>>(),
        "notes": sizing.notes,
    })
}

/// For people.
pub(crate) fn text(sizing: &Sizing) -> String {
    let count = |count: Option<u64>| count.map_or_else(|| "not known".to_owned(), figure::count);
    let a_path = sizing.calls_a_path.map_or_else(String::new, |n| format!(", {} measured a path", figure::count(n)));
    let cost = sizing.cost.as_ref().map_or_else(
        || "not known".to_owned(),
        |(cost, currency)| format!("at most {}", format_money(*cost, currency)),
    );
    let mut lines = vec![
        format!("requests:      {}{a_path}", count(sizing.requests)),
        format!("minutes:       {:.1}, and the drain", sizing.minutes),
        format!("input tokens:  {}", count(sizing.input_tokens)),
        format!("output tokens: at most {}", count(sizing.output_tokens)),
        format!("cost:          {cost}"),
    ];
    for resolution in &sizing.resolutions {
        let name = resolution.quantile;
        let told = match (resolution.shift, resolution.half_width) {
            (Some(shift), Some(half)) => {
                let ms = resolution.shift_ms.map_or_else(String::new, |ms| format!(" ({})", figure::ms(ms)));
                let half = figure::share(half);
                format!(
                    "a shift of {}{ms} shows in 4 of 5 such runs; its interval is \u{b1}{half}",
                    figure::share(shift)
                )
            }
            _ => format!("nothing: {}", resolution.reason.as_deref().unwrap_or("not known")),
        };
        lines.push(format!("resolves at {name}: {told}"));
    }
    let spread = &sizing.spread;
    let median = spread.median_ms.map_or_else(String::new, |ms| format!(", median {}", figure::ms(ms)));
    let effect = spread.effect;
    lines.push(format!("with sigma {:.2}{median}, design effect {effect:.2}; from {}", spread.sigma, spread.source));
    lines.extend(sizing.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}
