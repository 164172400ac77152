//! Whether the time to open a connection fits the distance that was declared: a private endpoint is a mapping in the
//! network and no proxy, so TCP shows the whole way to the service's region.
//!
//! Source: `articles/networking/azure-network-latency.md` of MicrosoftDocs/azure-docs, data of 2026-07-30 (30 days, a probe
//! a minute, between virtual machines), CC-BY-4.0.

/// The regions of the tables, in their order.
const REGIONS: [&str; 14] = [
    "germanywestcentral",
    "swedencentral",
    "westeurope",
    "northeurope",
    "francecentral",
    "uksouth",
    "switzerlandnorth",
    "eastus",
    "eastus2",
    "southcentralus",
    "westus",
    "westus3",
    "japaneast",
    "australiaeast",
];

/// The longest time between two places of one region, milliseconds: between two of its zones it is 1.6.
const WITHIN_A_REGION_MS: f64 = 5.0;
/// Of the published median, the least that a connection over the same way can take.
const LEAST_OF_MEDIAN: f64 = 0.5;
/// Of the published 0.95 quantile, the most that a median over the same way takes.
const MOST_OF_P95: f64 = 1.5;

/// Medians, milliseconds, from a row's region to a column's; 0 within a region.
const MEDIANS: [[u16; REGIONS.len()]; REGIONS.len()] = [
    [0, 28, 11, 26, 12, 16, 9, 94, 92, 122, 151, 142, 235, 266],
    [27, 0, 27, 33, 36, 31, 31, 100, 105, 135, 160, 157, 252, 285],
    [11, 26, 0, 17, 12, 11, 17, 85, 89, 118, 146, 138, 233, 265],
    [27, 35, 17, 0, 20, 13, 31, 73, 76, 104, 133, 126, 225, 263],
    [12, 37, 13, 19, 0, 10, 16, 87, 83, 112, 145, 131, 229, 255],
    [17, 31, 11, 12, 11, 0, 23, 78, 82, 112, 140, 131, 229, 261],
    [10, 32, 17, 31, 17, 23, 0, 98, 99, 130, 156, 149, 235, 255],
    [94, 100, 83, 71, 88, 78, 98, 0, 8, 35, 69, 58, 162, 201],
    [94, 106, 89, 77, 84, 82, 98, 9, 0, 31, 66, 53, 161, 196],
    [124, 137, 117, 104, 113, 113, 130, 36, 31, 0, 35, 23, 129, 162],
    [152, 162, 145, 133, 146, 140, 156, 67, 66, 35, 0, 19, 108, 140],
    [142, 158, 137, 125, 130, 132, 146, 57, 52, 22, 19, 0, 112, 146],
    [236, 253, 234, 227, 231, 230, 235, 162, 165, 129, 107, 112, 0, 103],
    [267, 286, 264, 263, 256, 261, 261, 202, 196, 162, 140, 146, 104, 0],
];

/// 0.95 quantiles of the same.
const P95: [[u16; REGIONS.len()]; REGIONS.len()] = [
    [0, 34, 14, 28, 14, 19, 12, 97, 98, 131, 157, 151, 246, 290],
    [31, 0, 31, 37, 40, 34, 34, 108, 114, 143, 168, 172, 258, 303],
    [14, 31, 0, 20, 15, 13, 21, 91, 94, 126, 153, 147, 240, 282],
    [29, 40, 19, 0, 22, 15, 32, 76, 79, 112, 137, 133, 232, 272],
    [14, 43, 15, 20, 0, 12, 18, 90, 89, 118, 152, 138, 241, 279],
    [20, 36, 12, 14, 13, 0, 25, 80, 87, 118, 144, 138, 235, 277],
    [12, 39, 20, 33, 19, 25, 0, 104, 103, 137, 163, 164, 254, 286],
    [97, 110, 89, 74, 90, 80, 104, 0, 11, 44, 74, 70, 165, 207],
    [100, 115, 93, 79, 89, 87, 103, 11, 0, 33, 71, 60, 167, 224],
    [132, 146, 127, 113, 122, 120, 136, 47, 42, 0, 44, 32, 140, 172],
    [158, 169, 151, 138, 152, 144, 162, 72, 71, 38, 0, 23, 110, 142],
    [150, 166, 145, 132, 137, 141, 152, 65, 60, 25, 22, 0, 121, 169],
    [250, 260, 242, 232, 245, 237, 254, 165, 168, 140, 109, 118, 0, 105],
    [291, 307, 282, 272, 280, 277, 286, 206, 224, 194, 141, 176, 105, 0],
];

/// What was published of the way between two regions, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The median round trip.
    pub p50_ms: f64,
    /// Its 0.95 quantile.
    pub p95_ms: f64,
}

/// How a measured time stands to the published one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plausible {
    /// It fits.
    Yes,
    /// So fast that something nearer must have answered.
    TooFast,
    /// So slow that it must have gone another way.
    TooSlow,
}

/// What was published of the way between two regions, by their names; `None` where one is not in the table.
#[must_use]
pub fn published(from: &str, to: &str) -> Option<Published> {
    let place = |name: &str| REGIONS.iter().position(|known| *known == name);
    let (from, to) = (place(from)?, place(to)?);
    let ms = |table: &[[u16; REGIONS.len()]; REGIONS.len()]| f64::from(table[from][to]);
    Some(Published { p50_ms: ms(&MEDIANS), p95_ms: ms(&P95) })
}

impl Published {
    /// How the median time to open a connection stands to it.
    #[must_use]
    pub fn judge(self, connect_ms: f64) -> Plausible {
        if self.p50_ms == 0.0 {
            return if connect_ms <= WITHIN_A_REGION_MS { Plausible::Yes } else { Plausible::TooSlow };
        }
        if connect_ms < LEAST_OF_MEDIAN * self.p50_ms {
            Plausible::TooFast
        } else if connect_ms > MOST_OF_P95 * self.p95_ms {
            Plausible::TooSlow
        } else {
            Plausible::Yes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_held_against_the_published_way() {
        let (near, far) = ("germanywestcentral", "swedencentral");
        let way = published(near, far).expect("published");
        assert_eq!((way.p50_ms, way.p95_ms), (28.0, 34.0));
        assert_eq!(published(far, near).map(|way| way.p50_ms), Some(27.0));
        assert_eq!(published(near, "mars"), None);
        for (from, to, ms, expected) in [
            (near, far, 0.1, Plausible::TooFast),
            (near, far, 2.0, Plausible::TooFast),
            (near, far, 24.0, Plausible::Yes),
            (near, far, 30.0, Plausible::Yes),
            (near, far, 95.0, Plausible::TooSlow),
            (near, near, 0.9, Plausible::Yes),
            (near, near, 28.0, Plausible::TooSlow),
            (near, "eastus", 94.0, Plausible::Yes),
            (near, "eastus", 28.0, Plausible::TooFast),
        ] {
            assert_eq!(published(from, to).expect("published").judge(ms), expected, "{from} {to} {ms}");
        }
    }

    #[test]
    fn the_tables_are_whole() {
        for from in 0..REGIONS.len() {
            for to in 0..REGIONS.len() {
                let (p50, p95) = (MEDIANS[from][to], P95[from][to]);
                assert_eq!(p50 == 0, from == to, "{from} {to}");
                assert!(p95 >= p50 && p95 <= 2 * p50 + 10, "{from} {to}");
                let back = MEDIANS[to][from];
                assert!(p50.abs_diff(back) <= 6, "{from} {to}: both ways are about as long");
            }
        }
    }
}
