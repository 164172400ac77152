//! The planned truth of a scenario: what each listener is made of, and the quantiles of the first token that follow.
//!
//! The quantiles are computed from the distributions, not sampled from a run: a sum of independent times is evaluated
//! on a low-discrepancy lattice of 2^17 points through the quantile function of each time.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::config::{Config, ListenerConfig, OutputTokens};
use crate::latency::{Dist, MS, trim};

/// Points of the lattice: quantiles to about a hundredth of a standard deviation.
const POINTS: u32 = 1 << 17;

const NOTES: [&str; 3] = [
    "ttft_ms is the time from sending a short request over a warm connection to its first token, on an idle backend",
    "a new connection's first bytes take one round trip more, since the TCP handshake itself cannot be delayed: tcp on \
     the simulator is that of the loopback",
    "shift_ms is the difference of the quantiles from those of the first listener",
];

/// Quantiles of a time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quantiles([f64; 4]);

const QS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

impl Quantiles {
    /// Those of the sum of independent times.
    fn of(parts: &[Dist]) -> Self {
        let fixed: f64 = parts.iter().map(|part| if let Dist::Fixed(ns) = part { *ns } else { 0.0 }).sum();
        let varying: Vec<Dist> = parts.iter().filter(|part| !matches!(part, Dist::Fixed(_))).copied().collect();
        if varying.is_empty() {
            return Self([fixed / MS; 4]);
        }
        let steps = lattice(varying.len());
        let mut sums: Vec<f64> = (0..POINTS)
            .map(|i| {
                let at = |step: &f64| (0.5 + f64::from(i) * step).fract();
                fixed + varying.iter().zip(&steps).map(|(part, step)| part.quantile(at(step))).sum::<f64>()
            })
            .collect();
        sums.sort_unstable_by(f64::total_cmp);
        Self(QS.map(|(_, q)| sums[(q * f64::from(POINTS)) as usize] / MS))
    }

    fn minus(self, base: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - base.0[i]))
    }

    fn json(self) -> Value {
        let members = QS.iter().zip(self.0).map(|((name, _), ms)| ((*name).to_owned(), round(ms)));
        Value::Object(members.collect())
    }

    fn text(self) -> String {
        let parts: Vec<String> = QS.iter().zip(self.0).map(|((name, _), ms)| format!("{name} {ms:.1}")).collect();
        format!("{} ms", parts.join("  "))
    }
}

/// The steps of an additive lattice of `dimensions` (M. Roberts' R sequence): powers of the root of x^(d+1) = x + 1.
fn lattice(dimensions: usize) -> Vec<f64> {
    let power = dimensions as f64 + 1.0;
    let root = (0..64).fold(2.0f64, |x, _| (1.0 + x).powf(1.0 / power));
    (1..=dimensions).map(|k| root.powi(-(k as i32))).collect()
}

fn round(ms: f64) -> Value {
    json!((ms * 1000.0).round() / 1000.0)
}

/// The times of one listener, in the order in which a request meets them.
struct Truth<'a> {
    listener: &'a ListenerConfig,
    hops: Vec<(&'static str, Dist)>,
    ttft: Option<Quantiles>,
}

impl<'a> Truth<'a> {
    fn of(config: &Config, listener: &'a ListenerConfig) -> Self {
        let mut hops = vec![("link", listener.link.rtt)];
        if let Some(gateway) = &listener.gateway {
            hops.push(("gateway", gateway.own));
            hops.push(("upstream link", gateway.link.rtt));
        }
        let model = listener.backend.map(|place| &config.backends[place]);
        let ttft = model.map(|backend| {
            let mut parts: Vec<Dist> = hops.iter().map(|(_, dist)| *dist).collect();
            parts.extend([backend.serial_stage, backend.latency.first]);
            Quantiles::of(&parts)
        });
        Self { listener, hops, ttft }
    }
}

fn truths(config: &Config) -> Vec<Truth<'_>> {
    config.listeners.iter().map(|listener| Truth::of(config, listener)).collect()
}

/// A distribution as JSON, in milliseconds.
fn dist_json(dist: Dist) -> Value {
    match dist {
        Dist::Fixed(value) => json!({"dist": "fixed", "value": round(value / MS)}),
        Dist::Normal { mean, sd } => json!({"dist": "normal", "mean": round(mean / MS), "sd": round(sd / MS)}),
        Dist::LogNormal { .. } => {
            json!({"dist": "lognormal", "p50": round(dist.quantile(0.5) / MS), "p95": round(dist.quantile(0.95) / MS)})
        }
        Dist::Gamma { mean, sd } => json!({"dist": "gamma", "mean": round(mean / MS), "sd": round(sd / MS)}),
        Dist::Quantiles(_) => {
            let mut table = Quantiles(QS.map(|(_, q)| dist.quantile(q) / MS)).json();
            table["dist"] = json!("quantiles");
            table
        }
    }
}

fn p50_p95(dist: Dist) -> Value {
    json!({"p50": round(dist.quantile(0.5) / MS), "p95": round(dist.quantile(0.95) / MS)})
}

/// The truth as JSON.
pub(crate) fn as_json(config: &Config) -> Value {
    let truths = truths(config);
    let base = truths.first().and_then(|truth| truth.ttft);
    let listeners: Vec<Value> = truths.iter().map(|truth| listener_json(config, truth, base)).collect();
    json!({
        "scenario": config.scenario,
        "seed": config.seed,
        "ledger_capacity": config.ledger,
        "notes": NOTES,
        "listeners": listeners,
    })
}

fn listener_json(config: &Config, truth: &Truth<'_>, base: Option<Quantiles>) -> Value {
    let listener = truth.listener;
    let own = listener.gateway.as_ref().map_or(Dist::Fixed(0.0), |gateway| gateway.own);
    let hops: Vec<Value> = truth.hops.iter().map(|(hop, dist)| json!({"hop": hop, "ms": dist_json(*dist)})).collect();
    let shift = truth.ttft.zip(base).map(|(ttft, base)| ttft.minus(base));
    json!({
        "name": listener.name,
        "kind": listener.kind.name(),
        "rtt_ms": p50_p95(listener.link.rtt),
        "bandwidth_mbit_s": listener.link.bandwidth.map(|rate| round(rate * 8000.0)),
        "hops": hops,
        "own_ms": round(own.quantile(0.5) / MS),
        "model": model_json(config, listener),
        "ttft_ms": truth.ttft.map(Quantiles::json),
        "shift_ms": shift.map(Quantiles::json),
    })
}

fn model_json(config: &Config, listener: &ListenerConfig) -> Value {
    let Some(place) = listener.backend else {
        let url = listener.gateway.as_ref().and_then(|gateway| gateway.url.as_ref());
        return json!({"foreign": url.map(|url| format!("http://{}{}", url.authority, url.base))});
    };
    let backend = &config.backends[place];
    json!({
        "backend": backend.name,
        "region": backend.region,
        "first_ms": dist_json(backend.latency.first),
        "gap_ms": dist_json(backend.latency.gap),
        "per_prompt_token_ms": round(backend.latency.per_prompt_token / MS),
        "serial_stage_ms": dist_json(backend.serial_stage),
        "output_tokens": length_json(backend.output_tokens),
    })
}

fn length_json(length: OutputTokens) -> Value {
    match length {
        OutputTokens::AsAsked(tokens) => json!({"as_asked": true, "default": tokens}),
        OutputTokens::Natural(dist) => {
            json!({"as_asked": false, "p50": dist.quantile(0.5).round(), "p95": dist.quantile(0.95).round()})
        }
    }
}

/// The truth to read.
pub(crate) fn as_text(config: &Config) -> String {
    let truths = truths(config);
    let base = truths.first().and_then(|truth| truth.ttft);
    let mut out = format!("{} (seed {})\n", config.scenario, config.seed);
    for (i, truth) in truths.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write_listener(&mut out, config, truth, base.filter(|_| i > 0));
    }
    out.push('\n');
    for note in NOTES {
        let _ = writeln!(out, "note: {note}");
    }
    out.trim_end().to_owned()
}

fn write_listener(out: &mut String, config: &Config, truth: &Truth<'_>, base: Option<Quantiles>) -> std::fmt::Result {
    let listener = truth.listener;
    writeln!(out, "\n{} ({})", listener.name, listener.kind.name())?;
    for (hop, dist) in &truth.hops {
        let what = if hop.ends_with("link") { "round trip" } else { "own time" };
        writeln!(out, "  {hop:<14} {what} {dist}")?;
    }
    if let Some(rate) = listener.link.bandwidth {
        writeln!(out, "  {:<14} {} Mbit/s each direction", "bandwidth", trim(rate * 8000.0))?;
    }
    match listener.backend.map(|place| &config.backends[place]) {
        Some(backend) => {
            writeln!(out, "  {:<14} {} in {}", "backend", backend.name, backend.region)?;
            if !backend.serial_stage.is_zero() {
                writeln!(out, "  {:<14} one request after the other, {} each", "stage", backend.serial_stage)?;
            }
            let latency = &backend.latency;
            writeln!(out, "  {:<14} first token {}, then {} a token", "model", latency.first, latency.gap)?;
            if latency.per_prompt_token > 0.0 {
                writeln!(out, "  {:<14} {} ms more a prompt token", "", trim(latency.per_prompt_token / MS))?;
            }
        }
        None => writeln!(out, "  {:<14} a foreign server, whose times are not known", "backend")?,
    }
    if let Some(ttft) = truth.ttft {
        writeln!(out, "  {:<14} {}", "ttft", ttft.text())?;
    }
    if let Some((ttft, base)) = truth.ttft.zip(base) {
        writeln!(out, "  {:<14} {}", "shift", ttft.minus(base).text())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::dice;

    #[test]
    fn the_shifts_of_the_three_paths_are_known() {
        let truth = as_json(&Config::scenario("three-paths").unwrap());
        let at = |listener: usize, what: &str, q: &str| truth["listeners"][listener][what][q].as_f64().unwrap();
        assert!((at(0, "ttft_ms", "p50") - 151.0).abs() < 0.02);
        assert!((at(0, "ttft_ms", "p95") - (151.0 + 5.0 * 1.644_85)).abs() < 0.02);
        assert_eq!(at(0, "shift_ms", "p50"), 0.0);
        assert!((at(2, "shift_ms", "p50") - 6.0).abs() < 0.01 && (at(2, "shift_ms", "p99") - 6.0).abs() < 0.01);
        assert!((at(1, "shift_ms", "p50") - 27.1).abs() < 0.3, "{truth}");
    }

    #[test]
    fn the_quantiles_are_those_of_the_draws() {
        let parts = [Dist::through(28e6, 34e6), Dist::Normal { mean: 150e6, sd: 5e6 }, Dist::Fixed(1e6)];
        let mut draws: Vec<f64> = (0..40_000)
            .map(|i| {
                let mut dice = dice(3, "describe", i);
                parts.iter().map(|part| part.draw(&mut dice)).sum()
            })
            .collect();
        draws.sort_by(f64::total_cmp);
        for ((_, q), planned) in QS.iter().zip(Quantiles::of(&parts).0) {
            let drawn = draws[(q * draws.len() as f64) as usize] / MS;
            assert!((drawn - planned).abs() < 0.4, "{q}: planned {planned}, drawn {drawn}");
        }
    }

    #[test]
    fn equal_paths_are_equal() {
        let truth = as_json(&Config::scenario("equal-paths").unwrap());
        for listener in truth["listeners"].as_array().unwrap() {
            assert_eq!(listener["shift_ms"], json!({"p50": 0.0, "p90": 0.0, "p95": 0.0, "p99": 0.0}));
        }
    }

    #[test]
    fn the_text_names_every_listener_with_its_truth() {
        let text = as_text(&Config::scenario("three-paths").unwrap());
        for expected in ["direct (direct)", "own time 5 ms", "p50 28 ms, p95 34 ms", "shift          p50 6.0"] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }
}
