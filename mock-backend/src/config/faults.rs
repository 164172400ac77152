//! How faults are written: what happens, and to which requests.

use std::time::Duration;

use serde::Deserialize;

use super::times::{Span, Written};
use crate::fault::{self, FaultSettings, Script};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    kind: Written<fault::Fault>,
    rate: Option<f64>,
    script: Option<Written<Script>>,
    from: Option<Span>,
    to: Option<Span>,
}

impl Fault {
    fn resolve(self) -> Result<FaultSettings, String> {
        let fault = self.kind.0;
        let wrong = |what: &str| Err(format!("fault \"{}\": {what}", fault.name()));
        let rate = self.rate.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&rate) {
            return wrong("rate must be from 0 to 1");
        }
        let from = self.from.map_or(Duration::ZERO, Span::duration);
        let to = self.to.map_or(Duration::MAX, Span::duration);
        if from >= to {
            return wrong("from must be before to");
        }
        let always = matches!(fault, fault::Fault::Refused | fault::Fault::Unreachable);
        if always && (rate < 1.0 || self.script.is_some() || !from.is_zero() || to < Duration::MAX) {
            return wrong(
                "no request can ever reach it; use drop or reset-connection with a rate, a script or a window",
            );
        }
        Ok(FaultSettings { fault, rate, script: self.script.map(|script| script.0), from, to })
    }
}

/// The faults of one place.
pub(super) fn resolve(faults: Vec<Fault>, of_listener: bool) -> Result<Vec<FaultSettings>, String> {
    let faults = faults.into_iter().map(Fault::resolve).collect::<Result<Vec<_>, _>>()?;
    match faults.iter().find(|entry| entry.fault.is_of_connections() && !of_listener) {
        Some(entry) => {
            Err(format!("the fault \"{}\" applies to connections: it belongs to a listener", entry.fault.name()))
        }
        None => Ok(faults),
    }
}
