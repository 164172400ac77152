//! How a distance is written: `{ rtt = "1ms" }` or `{ from = "germanywestcentral", to = "swedencentral" }`.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::times::{Bandwidth, Rtt};
use crate::model::dist::Dist;
use crate::net::distance::Distance;
use crate::net::region;
use crate::units::nearest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkTable {
    rtt: Option<Rtt>,
    from: Option<Region>,
    to: Option<Region>,
    bandwidth: Option<Bandwidth>,
}

impl LinkTable {
    fn rtt(&self) -> Result<Dist, String> {
        match (&self.rtt, &self.from, &self.to) {
            (None, None, None) => Ok(Dist::Fixed(0.0)),
            (Some(rtt), None, None) => Ok(rtt.0),
            (None, Some(from), Some(to)) => region::rtt(from.0, to.0)
                .ok_or_else(|| format!("the round trip from {} to {} is not known", from.0, to.0)),
            (Some(_), _, _) => Err("a link has either a rtt, or from and to".to_owned()),
            (None, _, _) => Err("a link between regions needs both from and to".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Distance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = LinkTable::deserialize(deserializer)?;
        let rtt = table.rtt().map_err(D::Error::custom)?;
        Ok(Self { rtt, bandwidth: table.bandwidth.map(|bandwidth| bandwidth.0) })
    }
}

/// The full name of a region.
struct Region(&'static str);

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        region::find(&word).map(Self).ok_or_else(|| {
            let names = region::names();
            let hint = nearest(&word.to_lowercase(), &names)
                .map_or_else(|| format!("known are {}", names.join(", ")), |near| format!("did you mean \"{near}\"?"));
            D::Error::custom(format!("unknown region \"{word}\", {hint}"))
        })
    }
}
