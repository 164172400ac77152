//! The planned truth of a scenario: what each listener is made of, and the quantiles of the first token that follow.

use std::fmt::Write;

use serde_json::{Value, json};

use super::settings::{Config, ListenerSettings};
use crate::api::backend::BackendSettings;
use crate::gateway::{MemberSettings, UpstreamUrl};
use crate::model::batching::Batching;
use crate::model::deployment::OutputTokens;
use crate::model::dist::{Dist, trim};
use crate::model::packing::Packing;
use crate::model::quantiles::{Part, QS, Quantiles, round};
use crate::model::trace::Trace;
use crate::units::{MS, millis, nanos};

const NOTES: [&str; 3] = [
    "ttft_ms is the time from sending a short request over a warm connection to its first token in a stream, on an \
     idle backend before any change of it, for an answer that is longer than a burst or a write",
    "a new connection's first bytes take one round trip more, since the TCP handshake itself cannot be delayed: tcp on \
     the simulator is the handshake of the loopback",
    "shift_ms is the difference of the quantiles from those of the first listener",
];

/// The times of one listener, in the order in which a request meets them.
struct Truth<'a> {
    listener: &'a ListenerSettings,
    hops: Vec<(&'static str, Dist)>,
    /// Behind the hops, if there are several.
    pool: Vec<Member<'a>>,
    ttft: Option<Quantiles>,
}

/// One of several upstreams of a gateway.
struct Member<'a> {
    settings: &'a MemberSettings,
    /// None is a foreign server.
    backend: Option<&'a BackendSettings>,
    ttft: Option<Quantiles>,
}

impl<'a> Truth<'a> {
    fn of(config: &'a Config, listener: &'a ListenerSettings) -> Self {
        let mut hops = vec![("link", listener.link.rtt)];
        if let Some(gateway) = &listener.gateway {
            hops.push(("gateway", gateway.own));
            if gateway.pool.is_empty() {
                hops.push(("upstream link", gateway.link.rtt));
            }
        }
        let parts = |backend: &BackendSettings, more: Option<Dist>| {
            let hops = hops.iter().map(|(_, dist)| *dist).chain(more);
            hops.map(Part::Time).chain(first_token(backend)).collect::<Vec<_>>()
        };
        let settings = listener.gateway.as_ref().map_or(&[][..], |gateway| &gateway.pool);
        let backend = |member: &MemberSettings| member.backend.map(|place| &config.backends[place]);
        let member = |settings: &'a MemberSettings| {
            let backend = backend(settings);
            let ttft = backend.map(|backend| Quantiles::of(&parts(backend, Some(settings.link.rtt))));
            Member { settings, backend, ttft }
        };
        let pool: Vec<Member<'a>> = settings.iter().map(member).collect();
        // While all are well only those of the best priority are asked.
        let best = settings.iter().map(|member| member.priority).min();
        let ways = settings
            .iter()
            .filter(|member| Some(member.priority) == best)
            .map(|member| backend(member).map(|backend| (member.weight, parts(backend, Some(member.link.rtt)))));
        let ttft = match listener.backend {
            Some(place) => Some(Quantiles::of(&parts(&config.backends[place], None))),
            None => ways.collect::<Option<Vec<_>>>().and_then(|ways| Quantiles::mix(&ways)),
        };
        Self { listener, hops, pool, ttft }
    }
}

/// What a model adds to the first token of a stream, when it is idle and undisturbed.
fn first_token(backend: &BackendSettings) -> Vec<Part> {
    let latency = &backend.model.latency;
    let mut parts = match (&latency.trace, backend.model.batching) {
        (Some(trace), _) => vec![Part::OneOf(trace.firsts())],
        (None, Batching::Apart) => vec![Part::Time(latency.first)],
        (None, Batching::Serial { stage }) => vec![Part::Time(stage), Part::Time(latency.first)],
        (None, Batching::Batch(batch)) => vec![Part::Steps(latency.first, nanos(batch.step) as f64)],
    };
    let packing = &backend.model.packing;
    let held = packing.tokens_per_event * packing.events_per_write - 1;
    if !packing.burst.is_zero() {
        parts.push(Part::Time(Dist::Fixed(nanos(packing.burst) as f64)));
    } else {
        parts.extend((0..held).map(|_| Part::Time(latency.gap)));
    }
    parts
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
        "model": model_json(config, truth),
        "ttft_ms": truth.ttft.map(Quantiles::json),
        "shift_ms": shift.map(Quantiles::json),
        "defects": listener.defects.0.iter().map(|defect| defect.name()).collect::<Vec<_>>(),
    })
}

fn model_json(config: &Config, truth: &Truth<'_>) -> Value {
    match truth.listener.backend {
        Some(place) => backend_json(&config.backends[place]),
        None if truth.pool.is_empty() => {
            foreign_json(truth.listener.gateway.as_ref().and_then(|gateway| gateway.url.as_ref()))
        }
        None => json!({"pool": truth.pool.iter().map(member_json).collect::<Vec<_>>()}),
    }
}

fn member_json(member: &Member<'_>) -> Value {
    let Member { settings, backend, ttft } = member;
    json!({
        "name": settings.name,
        "weight": settings.weight,
        "priority": settings.priority,
        "rtt_ms": p50_p95(settings.link.rtt),
        "model": backend.map_or_else(|| foreign_json(settings.url.as_ref()), backend_json),
        "ttft_ms": ttft.map(Quantiles::json),
    })
}

fn foreign_json(url: Option<&UpstreamUrl>) -> Value {
    let scheme = |url: &UpstreamUrl| if url.tls { "https" } else { "http" };
    json!({"foreign": url.map(|url| format!("{}://{}{}", scheme(url), url.authority, url.base))})
}

fn backend_json(backend: &BackendSettings) -> Value {
    json!({
        "backend": backend.name,
        "region": backend.region,
        "first_ms": dist_json(backend.model.latency.first),
        "gap_ms": dist_json(backend.model.latency.gap),
        "per_prompt_token_ms": dist_json(backend.model.latency.per_prompt_token),
        "recorded_answers": backend.model.latency.trace.as_ref().map(Trace::len),
        "load": batching_json(backend.model.batching),
        "changes": backend.model.drifts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "stream": stream_json(&backend.model.packing),
        "output_tokens": length_json(backend.model.output_tokens),
    })
}

fn batching_json(batching: Batching) -> Value {
    match batching {
        Batching::Apart => json!({"kind": "apart"}),
        Batching::Serial { stage } => json!({"kind": "serial", "stage_ms": dist_json(stage)}),
        Batching::Batch(batch) => json!({
            "kind": "batch",
            "size": batch.size,
            "step_ms": round(millis(batch.step)),
            "queue": batch.queue,
            "tokens_per_second": round(batch.size as f64 / batch.step.as_secs_f64()),
        }),
    }
}

fn stream_json(packing: &Packing) -> Value {
    json!({
        "head": packing.head,
        "tokens_per_event": packing.tokens_per_event,
        "events_per_write": packing.events_per_write,
        "burst_ms": round(millis(packing.burst)),
        "split": packing.split,
        "keepalive_ms": round(millis(packing.keepalive)),
    })
}

fn length_json(length: OutputTokens) -> Value {
    match length {
        OutputTokens::AsAsked(tokens) => json!({"as_asked": true, "default": tokens}),
        OutputTokens::Recorded => json!({"as_asked": false, "recorded": true}),
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
            write_model(out, backend)?;
        }
        None if truth.pool.is_empty() => {
            writeln!(out, "  {:<14} another server, whose times are not known", "backend")?;
        }
        None => write_pool(out, &truth.pool)?,
    }
    if let Some(ttft) = truth.ttft {
        writeln!(out, "  {:<14} {}", "ttft", ttft.text())?;
    }
    if let Some((ttft, base)) = truth.ttft.zip(base) {
        writeln!(out, "  {:<14} {}", "shift", ttft.minus(base).text())?;
    }
    Ok(())
}

fn write_pool(out: &mut String, pool: &[Member<'_>]) -> std::fmt::Result {
    for Member { settings, backend, ttft } in pool {
        let where_to = backend.map_or("a foreign server", |backend| backend.region.as_str());
        writeln!(
            out,
            "  {:<14} {} in {where_to}, priority {}, weight {}, round trip {}",
            "member", settings.name, settings.priority, settings.weight, settings.link.rtt
        )?;
        if let Some(ttft) = ttft {
            writeln!(out, "  {:<14} {}", "  its ttft", ttft.text())?;
        }
    }
    Ok(())
}

fn write_model(out: &mut String, backend: &BackendSettings) -> std::fmt::Result {
    match backend.model.batching {
        Batching::Apart => {}
        Batching::Serial { stage } => writeln!(out, "  {:<14} one request after the other, {stage} each", "stage")?,
        Batching::Batch(batch) => {
            let (step, most) = (millis(batch.step), batch.size as f64 / batch.step.as_secs_f64());
            let (step, most) = (trim(step), trim(most));
            writeln!(
                out,
                "  {:<14} {} at a time, a token each {step} ms: {most} tokens a second",
                "batch", batch.size
            )?;
        }
    }
    let latency = &backend.model.latency;
    match &latency.trace {
        Some(trace) => {
            let (answers, speed) = (trace.len(), trim(trace.speed));
            writeln!(out, "  {:<14} {answers} recorded answers at {speed} times their speed", "model")?;
        }
        None => writeln!(out, "  {:<14} first token {}, then {} a token", "model", latency.first, latency.gap)?,
    }
    if !latency.per_prompt_token.is_zero() {
        writeln!(out, "  {:<14} {} more a prompt token", "", latency.per_prompt_token)?;
    }
    backend.model.drifts.iter().try_for_each(|drift| writeln!(out, "  {:<14} {drift}", "change"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_pool_is_described_member_by_member_and_as_the_mix_that_callers_meet() {
        let backend = |name: &str, first: u32| {
            format!("[[backend]]\nname = \"{name}\"\nmodel = {{ first = \"{first}ms\", gap = \"10ms\" }}\n")
        };
        let scenario = format!(
            "name = \"x\"\n{}{}{}[[listener]]\nname = \"g\"\nkind = \"gateway\"\n[listener.gateway]\nown = \"5ms\"\n\
             pool = [{{ backend = \"a\", weight = 9, link = {{ rtt = \"1ms\" }} }}, {{ backend = \"b\", link = {{ rtt = \"2ms\" }} }}, \
             {{ backend = \"c\", priority = 2 }}]\n",
            backend("a", 100),
            backend("b", 200),
            backend("c", 900),
        );
        let config = Config::parse(&scenario, "test").unwrap();
        let truth = &as_json(&config)["listeners"][0];
        let at = |value: &Value, q: &str| value["ttft_ms"][q].as_f64().unwrap();
        assert_eq!([at(truth, "p50"), at(truth, "p95")], [106.0, 207.0], "{truth}");
        let pool = truth["model"]["pool"].as_array().unwrap();
        assert_eq!(pool.iter().map(|member| at(member, "p50")).collect::<Vec<_>>(), [106.0, 207.0, 905.0]);
        assert_eq!((&pool[0]["name"], &pool[0]["weight"], &pool[2]["priority"]), (&json!("a"), &json!(9), &json!(2)));
        let text = as_text(&config);
        assert!(text.contains("member         b in swedencentral, priority 1, weight 1, round trip 2 ms"), "{text}");
        assert!(!text.contains("foreign"), "{text}");
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
