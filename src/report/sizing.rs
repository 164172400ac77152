//! What a dry run tells: what a plan sends, takes, costs and can decide. As JSON for scripts, as lines for people.

use serde_json::{Value, json};

use crate::analysis::sizing::needs::{Counted, Need};
use crate::analysis::sizing::{POWER, Resolution, Spread};
use crate::report::amounts::format_money;
use crate::report::figure;
use crate::report::glyph::{BROKEN, KEPT};
use crate::report::json::number::rounded;
use crate::units::Span;

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
    /// What the objectives and the comparison need, and what helps where that is not planned.
    pub(crate) needs: Vec<(Need, Option<String>)>,
    /// For which shift of the median the plan was sized, ms.
    pub(crate) sized_for_ms: Option<f64>,
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
    let need = |(need, remedy): &(Need, Option<String>)| {
        json!({
            "objective": need.objective, "path": need.path, "expression": need.label,
            "counted": word(need.counted), "needs": need.needs, "planned": need.planned,
            "enough": need.planned.map(|_| !need.is_short()), "remedy": remedy,
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
        "needs": sizing.needs.iter().map(need).collect::<Vec<_>>(),
        "sized_for_ms": sizing.sized_for_ms.map(rounded),
        "notes": sizing.notes,
    })
}

/// For people: what the plan can decide, in the first line, and what stands behind it. `calls` says where they go.
pub(crate) fn text(sizing: &Sizing, calls: &str) -> String {
    let count = |count: Option<u64>| count.map_or_else(|| "not known".to_owned(), figure::count);
    let a_path =
        sizing.calls_a_path.map_or_else(String::new, |n| format!(", {} measured on each path", figure::count(n)));
    let cost = sizing.cost.as_ref().map_or_else(
        || "not known".to_owned(),
        |(cost, currency)| format!("at most {}", format_money(*cost, currency)),
    );
    let mut lines = vec![headline(sizing), String::new()];
    lines.extend(calls.lines().map(|line| format!("calls go to     {line}")));
    lines.extend([
        format!("requests        {}{a_path}", count(sizing.requests)),
        format!("minutes         {:.1}, and the drain", sizing.minutes),
        format!("input tokens    {}", count(sizing.input_tokens)),
        format!("output tokens   at most {}", count(sizing.output_tokens)),
        format!("cost            {cost}"),
    ]);
    lines.extend(
        sizing.needs.iter().map(|(need, remedy)| format!("{:<16}{}", of(need), need_line(need, remedy.as_deref()))),
    );
    lines.extend(
        sizing.resolutions.iter().map(|at| format!("{:<16}{}", format!("shift at {}", at.quantile), shift_line(at))),
    );
    let spread = &sizing.spread;
    let median = spread.median_ms.map_or_else(String::new, |ms| format!(", median {}", figure::ms(ms)));
    let effect = spread.effect;
    lines.push(format!(
        "with            sigma {:.2}{median}, design effect {effect:.2}; from {}",
        spread.sigma, spread.source
    ));
    lines.extend(sizing.notes.iter().map(|note| format!("note            {note}")));
    lines.join("\n")
}

/// Whether the plan can decide what it is asked, in a sentence.
fn headline(sizing: &Sizing) -> String {
    let is_objective = |need: &&Need| need.objective.is_some();
    let needs: Vec<&Need> = sizing.needs.iter().map(|(need, _)| need).collect();
    let of = needs.iter().copied().filter(|need| is_objective(need)).count();
    let decided = needs.iter().copied().filter(|need| is_objective(need) && !need.is_short()).count();
    let unknown = needs.iter().any(|need| need.objective.is_some() && need.planned.is_none());
    let compares = needs.iter().any(|need| need.objective.is_none() && !need.is_short());
    let shift = sizing.resolutions.iter().find(|at| at.quantile.0 == 0.5).filter(|_| compares).and_then(|at| {
        let ms = at.shift_ms.map_or_else(String::new, |ms| format!(" ({})", figure::ms(ms)));
        Some(format!("a shift of {}{ms} or more at the median", figure::share(at.shift?)))
    });
    let objectives = match (decided, of) {
        (_, 0) | (0, _) => None,
        (1, 1) => Some("its one objective".to_owned()),
        (decided, of) if decided == of => Some(format!("all {of} objectives")),
        (decided, of) => Some(format!("{decided} of {of} objectives")),
    };
    let first = || sizing.needs.iter().find(|(need, _)| need.is_short());
    match (objectives, shift) {
        _ if unknown => {
            "What this plan can decide is not known in advance: callers that wait make as many calls as the answers allow."
                .to_owned()
        }
        (None, None) => match first() {
            Some((need, remedy)) => format!("This plan can decide nothing: {}.", shortage(need, remedy.as_deref())),
            None if of == 0 && needs.is_empty() => {
                "This plan can decide nothing: it has only one path, and no objective.".to_owned()
            }
            None => "This plan can decide nothing that is known in advance.".to_owned(),
        },
        (objectives, shift) => {
            let parts: Vec<String> = objectives.into_iter().chain(shift).collect();
            let open = first()
                .map_or_else(String::new, |(need, remedy)| format!(" But {}.", shortage(need, remedy.as_deref())));
            format!("This plan can decide {}.{open}", parts.join(", and "))
        }
    }
}

/// How long a plan measures that was sized for a shift, and what is assumed for that, in a sentence.
pub(crate) fn sized_for(sizing: &Sizing, measured: Span) -> String {
    let shift = sizing.sized_for_ms.map_or_else(String::new, figure::ms);
    let requests = sizing.requests.map_or_else(String::new, |calls| format!(", {} calls", figure::count(calls)));
    format!(
        "sized for a shift of {shift}: {} of measuring{requests}; four of five such runs show it ({})",
        figure::seconds(measured.0.as_secs_f64()),
        sizing.spread.source
    )
}

/// What a plan lacks for an objective or the comparison, in a sentence without its end.
pub(crate) fn shortage(need: &Need, remedy: Option<&str>) -> String {
    format!("{} {}", subject(need), lack(need, remedy))
}

/// The same without its subject.
fn lack(need: &Need, remedy: Option<&str>) -> String {
    let Some(needs) = need.needs else {
        return "cannot be shown by any number of calls: allow a share above 0".to_owned();
    };
    let remedy = remedy.map_or_else(String::new, |remedy| format!(": {remedy}"));
    let planned = need.planned.map_or_else(|| "an unknown number".to_owned(), figure::count);
    let are = if need.planned == Some(1) { "is" } else { "are" };
    format!("needs {}, {planned} {are} planned{remedy}", amount(need.counted, needs))
}

fn subject(need: &Need) -> String {
    need.objective.map_or_else(|| need.label.clone(), |place| format!("objective {place} ({})", need.label))
}

fn amount(counted: Counted, needs: u64) -> String {
    let count = figure::count(needs);
    match counted {
        Counted::Calls => format!("{count} calls a path"),
        Counted::Windows(length) => format!("{count} windows of {length}"),
        Counted::Seconds => format!("{count} s of measuring"),
    }
}

fn word(counted: Counted) -> &'static str {
    match counted {
        Counted::Calls => "calls",
        Counted::Windows(_) => "windows",
        Counted::Seconds => "seconds",
    }
}

fn of(need: &Need) -> String {
    need.objective.map_or_else(|| "comparison".to_owned(), |place| format!("objective {place}"))
}

fn need_line(need: &Need, remedy: Option<&str>) -> String {
    let on = need.path.as_ref().map_or_else(String::new, |path| format!(" on {path}"));
    if need.is_short() {
        return format!("{BROKEN} {}{on} {}", need.label, lack(need, remedy));
    }
    let needs = need.needs.map_or_else(String::new, |needs| amount(need.counted, needs));
    match need.planned {
        Some(planned) => format!("{KEPT} {}{on} needs {needs}, {} planned", need.label, figure::count(planned)),
        None => format!("{}{on} needs {needs}; how many calls there will be is not known in advance", need.label),
    }
}

fn shift_line(resolution: &Resolution) -> String {
    match (resolution.shift, resolution.half_width) {
        (Some(shift), Some(half)) => {
            let ms = resolution.shift_ms.map_or_else(String::new, |ms| format!(" ({})", figure::ms(ms)));
            let half = figure::share(half);
            format!("{}{ms} shows in 4 of 5 such runs; its interval is \u{b1}{half}", figure::share(shift))
        }
        _ => format!("nothing: {}", resolution.reason.as_deref().unwrap_or("not known")),
    }
}
