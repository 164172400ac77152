//! Azure's api-versions: which exist, and what each of them knows.

use hyper::Uri;

/// The dated versions of the data plane.
const DATED: [&str; 24] = [
    "2022-12-01",
    "2023-03-15-preview",
    "2023-05-15",
    "2023-06-01-preview",
    "2023-07-01-preview",
    "2023-08-01-preview",
    "2023-12-01-preview",
    "2024-02-01",
    "2024-02-15-preview",
    "2024-03-01-preview",
    "2024-04-01-preview",
    "2024-05-01-preview",
    "2024-06-01",
    "2024-07-01-preview",
    "2024-08-01-preview",
    "2024-09-01-preview",
    "2024-10-01-preview",
    "2024-10-21",
    "2024-12-01-preview",
    "2025-01-01-preview",
    "2025-02-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
    "2025-05-01-preview",
];
/// What stands in the place of a version on the routes without dates.
const V1: [&str; 3] = ["preview", "v1", "latest"];

/// The versions of Azure Resource Manager's list of deployments that the data plane does not have.
const MANAGEMENT: [&str; 12] = [
    "2021-10-01",
    "2022-03-01",
    "2022-10-01",
    "2023-05-01",
    "2023-10-01-preview",
    "2024-06-01-preview",
    "2024-10-01",
    "2025-06-01",
    "2025-07-01-preview",
    "2025-09-01",
    "2025-10-01-preview",
    "2025-12-01",
];

/// Whether Azure Resource Manager is asked: by a version of its own, or by none, as a gateway is that passes the question
/// on to it.
pub(crate) fn is_of_management(version: Option<&str>) -> bool {
    version.is_none_or(|version| MANAGEMENT.contains(&version))
}

/// The version of the front end for models of Foundry.
const MODELS: &str = "2024-05-01-preview";

/// Whether the front end for models has this version.
pub(crate) fn is_of_models(version: &str) -> bool {
    version == MODELS
}

/// The `api-version` of an address, if it has one.
pub(crate) fn of(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("api-version=")).filter(|version| !version.is_empty())
}

/// Whether a dated route has this version.
pub(crate) fn is_dated(version: &str) -> bool {
    DATED.contains(&version)
}

/// Whether a route without dates lets this version pass.
pub(crate) fn is_v1(version: &str) -> bool {
    V1.contains(&version)
}

/// Whether a version is at least that of `date`; the routes without dates know everything.
fn since(version: Option<&str>, date: &str) -> bool {
    version.is_none_or(|version| !is_dated(version) || &version[..10] >= date)
}

/// Whether it has the Responses API.
pub(crate) fn has_responses(version: Option<&str>) -> bool {
    since(version, "2025-03-01")
}

/// Whether it knows `stream_options`.
pub(crate) fn has_stream_options(version: Option<&str>) -> bool {
    since(version, "2024-09-01")
}

/// Whether it knows `response_format` of type `json_schema`.
pub(crate) fn has_json_schema(version: Option<&str>) -> bool {
    since(version, "2024-08-01")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_dates() {
        assert!(!has_stream_options(Some("2024-08-01-preview")) && has_stream_options(Some("2024-10-21")));
        assert!(has_stream_options(None) && has_stream_options(Some("preview")));
        assert!(!has_responses(Some("2024-10-21")) && has_responses(Some("2025-04-01-preview")));
        assert!(!has_json_schema(Some("2024-06-01")) && has_json_schema(Some("2024-08-01-preview")));
        assert!(is_dated("2024-10-21") && !is_dated("2024-10-22") && !is_dated("x") && is_v1("v1"));
    }
}
