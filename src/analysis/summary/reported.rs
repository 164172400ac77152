//! Where the time to the first byte goes as the services themselves tell it: network, gateways, model. Reported, not
//! measured: each service counts by its own clock and its own idea of beginning and end.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::input::view::View;
use crate::measure::quantile::median;
use crate::measure::sample::Sample;
use crate::units::PathId;

/// Medians over the calls whose answer says anything of it, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Reported {
    /// How many calls they are.
    pub calls: usize,
    /// What nobody on the way accounts for: from sent to the first byte, less the other two.
    pub network_ms: f64,
    /// What gateways say they took themselves; null where none says.
    pub gateway_ms: Option<f64>,
    /// What the model's server, or a gateway for what lies behind it, says.
    pub model_ms: Option<f64>,
}

/// One call's time to the first byte, split.
struct Split {
    network: f64,
    gateway: Option<f64>,
    model: Option<f64>,
}

impl Reported {
    /// Of one path; `None` where no answer says anything.
    pub(crate) fn of(view: &View<'_>, path: PathId) -> Option<Self> {
        let (own, connections) = (view.kept_of(path), view.connections());
        let calls = own.iter().filter(|sample| sample.outcome.is_ok() && connections.contains(sample));
        let splits: Vec<Split> = calls.filter_map(|sample| split(sample)).collect();
        Some(Self {
            calls: splits.len(),
            network_ms: median(splits.iter().map(|split| split.network))?,
            gateway_ms: median(splits.iter().filter_map(|split| split.gateway)),
            model_ms: median(splits.iter().filter_map(|split| split.model)),
        })
    }
}

fn split(sample: &Sample) -> Option<Split> {
    let first_byte = sample.stamps.first_byte?.ms_since(sample.stamps.sent?);
    // What a gateway waited for what lies behind it holds the model's own time and the way there.
    let model = sample.believable_server_ms().or(sample.believable(sample.upstream_ms));
    let gateway = sample.believable(sample.gateway_ms);
    if model.is_none() && gateway.is_none() {
        return None;
    }
    // Each may be true and both together not.
    let taken = sample.believable(Some(model.unwrap_or(0.0) + gateway.unwrap_or(0.0)))?;
    Some(Split { network: first_byte - taken, gateway, model })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::run::fixture::World;

    #[test]
    fn what_services_report_is_taken_apart() {
        let mut run = World { sigma: 0.0, shifts_ms: vec![0.0, 10.0], ..World::default() }.run();
        let split = |run: &Run, path: u16| Reported::of(&View::of(run), PathId(path));
        assert_eq!(split(&run, 0), None);
        for sample in run.samples.iter_mut() {
            (sample.server_ms, sample.upstream_ms) = (Some(120.0), Some(125.0));
            sample.gateway_ms = Some(3.0).filter(|_| sample.path.index() == 1);
        }
        let (own, other) = (split(&run, 0).expect("split"), split(&run, 1).expect("split"));
        // Sent 0.05 ms after it was due, first byte after 149.
        assert!((own.network_ms - 28.95).abs() < 1e-6 && own.gateway_ms.is_none(), "{own:?}");
        assert!((other.network_ms - 35.95).abs() < 1e-6 && other.model_ms == Some(120.0), "{other:?}");
        assert_eq!(other.gateway_ms, Some(3.0));
        run.samples.iter_mut().for_each(|sample| sample.server_ms = None);
        assert_eq!(split(&run, 0).expect("split").model_ms, Some(125.0));
    }
}
