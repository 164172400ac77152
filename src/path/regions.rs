//! The names of Azure's regions, as `az account list-locations` writes them, with those of Azure Government and of Azure in
//! China. New ones come, so that a name that is not here is doubted and not refused.
//!
//! Source: the column "Programmatic name" of Microsoft's "List of Azure regions"
//! (<https://learn.microsoft.com/azure/reliability/regions-list>, MicrosoftDocs/reliability-docs at commit 01021ab of
//! September 2025, and the page as of September 2026, which adds India South Central). Not in that list, but regions in which
//! resources live: Jio India Central and West, Sweden South and Taiwan North, which few subscriptions may use; US Gov Arizona,
//! Texas and Virginia, US DoD Central and East; China East to East 3 and North to North 3.

use crate::spelling::suggestion;

const REGIONS: [&str; 72] = [
    "australiacentral",
    "australiacentral2",
    "australiaeast",
    "australiasoutheast",
    "austriaeast",
    "belgiumcentral",
    "brazilsouth",
    "brazilsoutheast",
    "canadacentral",
    "canadaeast",
    "centralindia",
    "centralus",
    "chilecentral",
    "chinaeast",
    "chinaeast2",
    "chinaeast3",
    "chinanorth",
    "chinanorth2",
    "chinanorth3",
    "denmarkeast",
    "eastasia",
    "eastus",
    "eastus2",
    "francecentral",
    "francesouth",
    "germanynorth",
    "germanywestcentral",
    "indiasouthcentral",
    "indonesiacentral",
    "israelcentral",
    "italynorth",
    "japaneast",
    "japanwest",
    "jioindiacentral",
    "jioindiawest",
    "koreacentral",
    "koreasouth",
    "malaysiawest",
    "mexicocentral",
    "newzealandnorth",
    "northcentralus",
    "northeurope",
    "norwayeast",
    "norwaywest",
    "polandcentral",
    "qatarcentral",
    "southafricanorth",
    "southafricawest",
    "southcentralus",
    "southeastasia",
    "southindia",
    "spaincentral",
    "swedencentral",
    "swedensouth",
    "switzerlandnorth",
    "switzerlandwest",
    "taiwannorth",
    "uaecentral",
    "uaenorth",
    "uksouth",
    "ukwest",
    "usdodcentral",
    "usdodeast",
    "usgovarizona",
    "usgovtexas",
    "usgovvirginia",
    "westcentralus",
    "westeurope",
    "westindia",
    "westus",
    "westus2",
    "westus3",
];

/// `Sweden Central` as `swedencentral`.
#[must_use]
pub(crate) fn plain(region: &str) -> String {
    region.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether there is a region of this plain name.
#[must_use]
pub(crate) fn is_known(region: &str) -> bool {
    REGIONS.contains(&region)
}

/// What is doubtful about a plain name, on which its key goes before; `None` where it is known.
#[must_use]
pub(crate) fn doubt(region: &str) -> Option<String> {
    (!is_known(region)).then(|| {
        format!("\"{region}\" is not a region of Azure that this version knows{}", suggestion(region, &REGIONS))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_known_has_the_nearest_one_beside_it() {
        for (name, near) in [
            ("swedencentrl", "did you mean 'swedencentral'?"),
            ("westeurop", "did you mean 'westeurope'?"),
            ("germanywest", "did you mean 'germanywestcentral'?"),
            ("estus2", "did you mean 'eastus2'?"),
        ] {
            let doubt = doubt(name).unwrap_or_default();
            assert!(doubt.contains(name) && doubt.ends_with(near), "{doubt}");
        }
        assert_eq!(doubt("mars").as_deref(), Some("\"mars\" is not a region of Azure that this version knows"));
        assert!(REGIONS.is_sorted() && REGIONS.iter().all(|name| doubt(name).is_none() && plain(name) == **name));
        assert_eq!(plain("Sweden Central"), "swedencentral");
    }
}
