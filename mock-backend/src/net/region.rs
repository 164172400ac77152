//! The distances between Azure regions, as Microsoft publishes them (`data/azure-regions.csv`).

use std::sync::OnceLock;

use crate::model::dist::Dist;
use crate::units::MS;

const TABLE: &str = include_str!("../../data/azure-regions.csv");
/// The round trip within a region, in milliseconds: between 0.9 in one zone and 1.6 across zones.
const WITHIN: f64 = 1.0;

/// One directed pair of regions.
struct Pair {
    from: &'static str,
    to: &'static str,
    rtt: Dist,
}

struct Atlas {
    /// Name and short code of each region, in the order of the table.
    regions: Vec<(&'static str, &'static str)>,
    pairs: Vec<Pair>,
}

fn atlas() -> &'static Atlas {
    static ATLAS: OnceLock<Atlas> = OnceLock::new();
    ATLAS.get_or_init(|| {
        let mut atlas = Atlas { regions: Vec::new(), pairs: Vec::new() };
        TABLE.lines().filter(|line| !line.starts_with('#')).for_each(|line| atlas.read(line));
        atlas
    })
}

impl Atlas {
    /// Takes one line of the table; its title has no numbers and is left out.
    fn read(&mut self, line: &'static str) {
        let columns: Vec<&str> = line.split(',').collect();
        let [from, code, to, _, p50, p95] = columns[..] else { return };
        let (Ok(p50), Ok(p95)) = (p50.parse::<f64>(), p95.parse::<f64>()) else { return };
        if !self.regions.contains(&(from, code)) {
            self.regions.push((from, code));
        }
        self.pairs.push(Pair { from, to, rtt: Dist::through(p50 * MS, p95 * MS) });
    }
}

/// The full name of the region that `word` names, in full or by its short code.
pub(crate) fn find(word: &str) -> Option<&'static str> {
    let is_named = |(name, code): &&(&str, &str)| name.eq_ignore_ascii_case(word) || code.eq_ignore_ascii_case(word);
    atlas().regions.iter().find(is_named).map(|(name, _)| *name)
}

/// The full names of all regions.
pub(crate) fn names() -> Vec<&'static str> {
    atlas().regions.iter().map(|(name, _)| *name).collect()
}

/// The round trip from one region to another, both by their full names.
pub(crate) fn rtt(from: &str, to: &str) -> Option<Dist> {
    if from == to {
        return find(from).map(|_| Dist::Fixed(WITHIN * MS));
    }
    atlas().pairs.iter().find(|pair| pair.from == from && pair.to == to).map(|pair| pair.rtt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_the_fourteen_regions_has_a_round_trip() {
        let names = names();
        assert_eq!((names.len(), atlas().pairs.len()), (14, 14 * 13));
        for from in &names {
            for to in &names {
                let rtt = rtt(from, to).unwrap();
                assert!((0.9 * MS..310.0 * MS).contains(&rtt.quantile(0.5)), "{from} to {to}");
                assert!(rtt.quantile(0.95) >= rtt.quantile(0.5));
            }
        }
    }

    #[test]
    fn figures_are_those_of_the_published_tables() {
        let table = [
            ("germanywestcentral", "swedencentral", 28.0, 34.0),
            ("swedencentral", "germanywestcentral", 27.0, 31.0),
            ("westeurope", "eastus", 85.0, 91.0),
            ("southcentralus", "japaneast", 129.0, 140.0),
            ("australiaeast", "uksouth", 261.0, 277.0),
            ("eastus", "eastus", 1.0, 1.0),
        ];
        for (from, to, p50, p95) in table {
            assert_eq!(rtt(from, to), Some(Dist::through(p50 * MS, p95 * MS)), "{from} to {to}");
        }
    }

    #[test]
    fn regions_have_short_codes() {
        assert_eq!((find("gwc"), find("SwedenCentral")), (Some("germanywestcentral"), Some("swedencentral")));
        assert_eq!(find("sweden"), None);
    }
}
