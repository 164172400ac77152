//! What the bundled simulator planned, to stand beside what was measured.

use serde_json::Value;

use crate::path::NetPath;
use crate::path::control::{ConnectTo, SIMULATED};
use crate::plan::Plan;
use crate::units::{PathId, Quantile};

/// The planned truth of the listeners behind the paths of a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned<'a> {
    plan: &'a Plan,
    listeners: &'a [Value],
}

impl<'a> Planned<'a> {
    /// From the simulator's description of itself in a manifest.
    pub(crate) fn of(plan: &'a Plan, simulator: Option<&'a Value>) -> Option<Self> {
        let listeners = simulator?.get("listeners")?.as_array()?;
        Some(Self { plan, listeners })
    }

    /// The planned shift of the time to first token at the quantile `q`, ms.
    pub(crate) fn ttft_shift_ms(&self, candidate: PathId, baseline: PathId, q: f64) -> Option<f64> {
        Some(self.ttft_ms(candidate, q)? - self.ttft_ms(baseline, q)?)
    }

    fn ttft_ms(&self, path: PathId, q: f64) -> Option<f64> {
        let key = Quantile(q).key();
        self.listener(self.plan.path(path))?.get("ttft_ms")?.get(key)?.as_f64()
    }

    /// The listener of a path: the one of its address, that it is connected to, or of its name.
    fn listener(&self, path: &NetPath) -> Option<&'a Value> {
        let to = path.control.connect_to.as_ref();
        let of_base = path.base_url.strip_prefix(SIMULATED).and_then(|rest| rest.split('/').next());
        let of_scheme = to.and_then(ConnectTo::listener).or(of_base);
        // `https://127.0.0.1:41234` is where a path leads that is connected to `127.0.0.1:41234`.
        let authority = to.map(|to| format!("://{to}"));
        let leads_to = |url: &str| match &authority {
            Some(authority) => url.ends_with(authority),
            None => path.base_url.strip_prefix(url).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        let text = |listener: &'a Value, key| listener.get(key).and_then(Value::as_str);
        let by = |matches: &dyn Fn(&'a Value) -> bool| self.listeners.iter().find(|listener| matches(listener));
        by(&|listener| of_scheme.is_some() && text(listener, "name") == of_scheme)
            .or_else(|| by(&|listener| text(listener, "url").is_some_and(leads_to)))
            .or_else(|| by(&|listener| text(listener, "name") == Some(&path.name)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::run::fixture;

    #[test]
    fn a_listener_is_found_by_address_or_name() {
        let simulator = json!({"listeners": [
            {"name": "direct", "ttft_ms": {"p50": 150.0}},
            {"name": "far", "ttft_ms": {"p50": 177.0}},
            {"name": "c", "url": "http://127.0.0.1:9002", "ttft_ms": {"p50": 156.0}},
        ]});
        let mut plan = fixture::plan(&["direct", "private", "gateway"]);
        plan.paths[1].base_url = "sim://far/openai/v1".to_owned();
        let planned = Planned::of(&plan, Some(&simulator)).expect("listeners");
        assert_eq!(planned.ttft_shift_ms(PathId(1), PathId(0), 0.5), Some(27.0));
        assert_eq!(planned.ttft_shift_ms(PathId(2), PathId(0), 0.5), Some(6.0));
        assert_eq!(planned.ttft_shift_ms(PathId(2), PathId(0), 0.99), None);
        for connected in ["sim://c", "127.0.0.1:9002"] {
            plan.paths[1].base_url = "https://far.openai.azure.com/openai/v1".to_owned();
            plan.paths[1].control.connect_to = ConnectTo::parse(connected);
            let planned = Planned::of(&plan, Some(&simulator)).expect("listeners");
            assert_eq!(planned.ttft_shift_ms(PathId(1), PathId(0), 0.5), Some(6.0), "{connected}");
        }
        assert!(Planned::of(&plan, None).is_none());
    }
}
