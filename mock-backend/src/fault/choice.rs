//! Which request a fault befalls: one in so many, by a script, in a window of time, or because its caller asks for it.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::http::request::Parts;
use rand::RngExt;
use serde::Deserialize;

use super::kind::Fault;
use super::settings::FaultSettings;
use crate::model::rng::seeded_rng;
use crate::units::Nanos;

const HEADER: &str = "x-sim-fault";
/// What parts the name of a model from the fault that its caller asks for, as in `gpt-4o:sim-429`.
pub(crate) const SUFFIX: &str = ":sim-";

/// The faults of one place; each request there is counted, and has one draw.
pub(crate) struct Faults {
    entries: Vec<FaultSettings>,
    seed: u64,
    place: String,
    born: Nanos,
    count: AtomicU64,
}

impl Faults {
    /// Those of `entries` that befall connections, or those that befall requests; none if there are none.
    pub(crate) fn new(entries: &[FaultSettings], of_connections: bool, seed: u64, place: &str) -> Option<Self> {
        let wanted = |entry: &&FaultSettings| entry.fault.is_of_connections() == of_connections;
        let entries: Vec<FaultSettings> = entries.iter().filter(wanted).cloned().collect();
        let kind = if of_connections { "connections" } else { "faults" };
        (!entries.is_empty()).then(|| Self {
            entries,
            seed,
            place: format!("{place}/{kind}"),
            born: Nanos::now(),
            count: AtomicU64::new(0),
        })
    }

    /// What befalls the next request, which came at `now`.
    pub(crate) fn roll(&self, now: Nanos) -> Option<Fault> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let mut chance: f64 = seeded_rng(self.seed, &self.place, number).random();
        let age = now.since(self.born);
        for entry in self.entries.iter().filter(|entry| (entry.from..entry.to).contains(&age)) {
            if entry.script.as_ref().is_some_and(|script| !script.fails(number)) {
                continue;
            }
            // What one entry takes of the draw is not there for the next, so that every rate is the share that it says.
            if chance < entry.rate {
                return Some(entry.fault);
            }
            chance -= entry.rate;
        }
        None
    }
}

/// Where the faults of a request come from: its listener, and the model there.
#[derive(Clone, Copy)]
pub(crate) struct FaultSource<'a> {
    /// The listener's name.
    pub(crate) listener: &'a str,
    /// Whether the listener is a gateway, so that the model stands behind another one.
    pub(crate) is_gateway: bool,
    /// What the listener has for its requests.
    pub(crate) own: Option<&'a Faults>,
    /// What the model here has.
    pub(crate) model: Option<&'a Faults>,
}

impl FaultSource<'_> {
    /// What befalls a request that came at `now`: what its caller asks for in a header or with the name of the model,
    /// else what its listener or its model has for it.
    ///
    /// # Errors
    /// If the caller asks for what does not exist.
    pub(crate) fn choose(&self, head: &Parts, body: &[u8], now: Nanos) -> Result<Option<Fault>, String> {
        if let Some(asked) = head.headers.get(HEADER)
            && let Some(fault) = self.parse(asked.to_str().unwrap_or_default()).map_err(|e| format!("{HEADER}: {e}"))?
        {
            return Ok(Some(fault));
        }
        if let Some(asked) = model_suffix(head.uri.path(), body)
            && let Some(fault) = self.parse(&asked).map_err(|e| format!("{SUFFIX}{asked}: {e}"))?
        {
            return Ok(Some(fault));
        }
        let chosen = self.own.and_then(|faults| faults.roll(now));
        // The model does not see what has failed before it.
        Ok(chosen.or_else(|| self.model.and_then(|faults| faults.roll(now))))
    }

    /// `429` befalls the request at the model, `429@NAME` at the listener of this name.
    fn parse(&self, text: &str) -> Result<Option<Fault>, String> {
        let (fault, here) = match text.split_once('@') {
            Some((fault, name)) => (fault, name.trim() == self.listener),
            None => (text, !self.is_gateway),
        };
        let fault = Fault::from_str(fault)?;
        if fault.is_of_connections() {
            let name = fault.name();
            return Err(format!("the fault \"{name}\" applies to connections and cannot be requested by a call"));
        }
        Ok(here.then_some(fault))
    }
}

/// What stands after `:sim-` in the name of the deployment or model.
fn model_suffix(path: &str, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        model: Option<Cow<'a, str>>,
    }
    if path.contains("sim-")
        && let Some((_, rest)) = path.split_once("/deployments/")
    {
        let name = rest.split('/').next().unwrap_or_default().replace("%3A", ":").replace("%3a", ":");
        if let Some((_, asked)) = name.split_once(SUFFIX) {
            return Some(asked.to_owned());
        }
    }
    memchr::memmem::find(body, SUFFIX.as_bytes())?;
    let named: Named<'_> = serde_json::from_slice(body).ok()?;
    named.model?.split_once(SUFFIX).map(|(_, asked)| asked.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(fault: &str, rate: f64) -> FaultSettings {
        FaultSettings {
            fault: Fault::from_str(fault).unwrap(),
            rate,
            script: None,
            from: Duration::ZERO,
            to: Duration::MAX,
        }
    }

    fn count(faults: &Faults, n: usize) -> [usize; 3] {
        let mut found = [0; 3];
        for _ in 0..n {
            match faults.roll(faults.born).map(Fault::name) {
                Some("429") => found[0] += 1,
                Some("500") => found[1] += 1,
                _ => found[2] += 1,
            }
        }
        found
    }

    #[test]
    fn rates_are_shares_and_the_same_seed_gives_the_same_faults() {
        let entries = [entry("429", 0.2), entry("500", 0.1)];
        let faults = |seed| Faults::new(&entries, false, seed, "b").unwrap();
        let [a, b, none] = count(&faults(1), 10_000);
        assert!((1900..2100).contains(&a) && (920..1080).contains(&b) && a + b + none == 10_000, "{a} {b}");
        let run = |seed| {
            let faults = faults(seed);
            (0..50).map(|_| faults.roll(Nanos(0))).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!(Faults::new(&entries, true, 1, "b").is_none());
    }

    #[test]
    fn a_name_may_ask_for_a_fault() {
        let asked = |path: &str, body: &str| model_suffix(path, body.as_bytes());
        let named = r#"{"messages":[{"content":"x:sim-500"}],"model":"gpt-4o:sim-stall:2:80ms"}"#;
        assert_eq!(asked("/v1/chat/completions", named).as_deref(), Some("stall:2:80ms"));
        let deployed = "/openai/deployments/gpt-4o:sim-429/chat/completions";
        assert_eq!(asked(deployed, named).as_deref(), Some("429"));
        assert_eq!(asked(&deployed.replace(':', "%3A"), "{}").as_deref(), Some("429"));
        for body in ["{}", "", ":sim-", r#"{"messages":[{"content":"x:sim-500"}],"model":"gpt-4o"}"#] {
            assert_eq!(asked("/v1/chat/completions", body), None, "{body}");
        }
    }

    #[test]
    fn windows_of_time_begin_and_end() {
        let mut late = entry("500", 1.0);
        (late.from, late.to) = (Duration::from_nanos(10), Duration::from_nanos(20));
        let faults = Faults::new(&[late], false, 1, "b").unwrap();
        let at = |age| faults.roll(faults.born + Duration::from_nanos(age)).is_some();
        assert_eq!([at(0), at(9), at(10), at(19), at(20)], [false, false, true, true, false]);
    }

    #[test]
    fn a_script_may_have_a_rate_too() {
        let mut entry = entry("500", 1.0);
        entry.script = Some("fail 3, then work".parse().unwrap());
        let faults = Faults::new(&[entry], false, 1, "b").unwrap();
        let found: Vec<bool> = (0..5).map(|_| faults.roll(Nanos(0)).is_some()).collect();
        assert_eq!(found, [true, true, true, false, false]);
    }
}
