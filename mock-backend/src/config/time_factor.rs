//! `time_factor`: the long times of a scenario made shorter, so that a day can be rehearsed in minutes and an idle cut at
//! 240 s be met in a test. The times of models, links and limits stay what they are.

use std::time::Duration;

use super::settings::Config;
use crate::fault::FaultSettings;
use crate::model::drift::Drift;
use crate::units::nanos;

/// Multiplies by `factor` when changes and fault windows come, and how long idle cuts, keepalives, breakers, quotas and
/// what is remembered last.
pub(super) fn scale_times(config: &mut Config, factor: f64) {
    let shorter = |span: &mut Duration| *span = Duration::from_nanos((nanos(*span) as f64 * factor).round() as u64);
    let window = |faults: &mut [FaultSettings]| {
        for fault in faults {
            shorter(&mut fault.from);
            // A window without an end keeps none.
            if fault.to < Duration::MAX {
                shorter(&mut fault.to);
            }
        }
    };
    for backend in &mut config.backends {
        backend.model.drifts.iter_mut().for_each(|drift| scale_drift(drift, factor));
        window(&mut backend.faults);
        shorter(&mut backend.model.prefix_cache);
        shorter(&mut backend.model.packing.keepalive);
        shorter(&mut backend.keep_responses);
    }
    for window in &mut config.identity.fails {
        shorter(&mut window.from);
        shorter(&mut window.to);
    }
    for listener in &mut config.listeners {
        window(&mut listener.faults);
        let Some(gateway) = &mut listener.gateway else { continue };
        let policy = &mut gateway.policy;
        policy.idle_cut.iter_mut().for_each(shorter);
        policy.cache.iter_mut().for_each(shorter);
        policy.token_quota.iter_mut().for_each(|(_, period)| shorter(period));
        if let Some(breaker) = &mut policy.breaker {
            shorter(&mut breaker.interval);
            shorter(&mut breaker.trip);
        }
    }
}

fn scale_drift(drift: &mut Drift, factor: f64) {
    match drift {
        Drift::Step { at, .. } => *at *= factor,
        Drift::Ramp { from, to, .. } => {
            *from *= factor;
            *to *= factor;
        }
        Drift::Sine { period, .. } => *period *= factor,
        Drift::Spike { at, length, every, .. }
        | Drift::Outage { at, length, every }
        | Drift::BrownOut { at, length, every, .. } => {
            *at *= factor;
            *length *= factor;
            *every *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = r#"
        [[backend]]
        name = "b"
        model = { first = "10ms", gap = "1ms" }
        limits = { rpm = 60 }
        stream = { keepalive = "15s" }
        prefix_cache = "5m"
        keep_responses = "60m"
        changes = [{ kind = "step", at = "60s", factor = 2.0 }, { kind = "outage", at = "10s", for = "5s", every = "60s" }]
        fault = [{ kind = "500", from = "10s", to = "20s" }, { kind = "429" }]
        [[listener]]
        name = "l"
        kind = "gateway"
        backend = "b"
        link = { rtt = "1ms" }
        gateway = { own = "1ms", idle_cut = "240s", breaker = { failures = 1, interval = "10s", trip = "60s" } }
    "#;

    #[test]
    fn long_times_are_shorter_and_those_of_models_links_and_limits_are_not() {
        let plain = Config::parse(&format!("name = \"x\"\n{SCENARIO}"), "test").unwrap();
        let short = Config::parse(&format!("name = \"x\"\ntime_factor = 0.01\n{SCENARIO}"), "test").unwrap();
        let backend = &short.backends[0];
        assert_eq!(
            (backend.model.prefix_cache, backend.model.packing.keepalive),
            (Duration::from_secs(3), Duration::from_millis(150))
        );
        assert_eq!(backend.model.drifts[0], Drift::Step { at: 0.6e9, factor: 2.0 });
        assert_eq!(backend.model.drifts[1], Drift::Outage { at: 0.1e9, length: 0.05e9, every: 0.6e9 });
        assert_eq!(
            (backend.faults[0].from, backend.faults[0].to),
            (Duration::from_millis(100), Duration::from_millis(200))
        );
        assert_eq!((backend.faults[1].from, backend.faults[1].to), (Duration::ZERO, Duration::MAX));
        assert_eq!(backend.keep_responses, Duration::from_secs(36));
        let policy = &short.listeners[0].gateway.as_ref().unwrap().policy;
        assert_eq!(policy.idle_cut, Some(Duration::from_millis(2_400)));
        let breaker = policy.breaker.as_ref().unwrap();
        assert_eq!((breaker.interval, breaker.trip), (Duration::from_millis(100), Duration::from_millis(600)));
        assert_eq!(
            (&backend.model.latency, &backend.limits),
            (&plain.backends[0].model.latency, &plain.backends[0].limits)
        );
        assert_eq!(short.listeners[0].link, plain.listeners[0].link);
        for factor in ["0", "-1", "nan", "1e7"] {
            let error = Config::parse(&format!("name = \"x\"\ntime_factor = {factor}\n{SCENARIO}"), "test");
            assert!(error.unwrap_err().0.contains("time_factor must be"), "{factor}");
        }
    }
}
