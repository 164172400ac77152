//! What documents say that a kind of way can do: one table of dated rows, each with its source. Sources that contradict
//! each other stand beside each other; what is seen decides.

use super::feature::Feature;
use super::row::{Expected, Support};
use super::way::Way;
use crate::path::address::Address;
use crate::units::Api;

/// A row: over which ways, which features, what is said, when, and where.
type Said = (&'static [Way], &'static [Feature], Support, &'static str, &'static str);

use Feature as F;
use Support::{Supported, Unsupported, Varies};
use Way as W;

/// What every API of OpenAI's has.
const OPENAI: &[Feature] = &[
    F::Chat,
    F::ChatStream,
    F::Responses,
    F::ResponsesStream,
    F::Tools,
    F::StructuredOutput,
    F::PreviousResponseId,
    F::Background,
    F::Embeddings,
    F::Model,
    F::UsageDetails,
];
/// What goes by chat completions alone.
const CHAT: &[Feature] = &[F::Chat, F::ChatStream, F::Tools, F::StructuredOutput, F::Embeddings];
const RESPONSES: &[Feature] = &[F::Responses, F::ResponsesStream, F::PreviousResponseId, F::Background];
const MESSAGES: &[Feature] =
    &[F::Messages, F::MessagesStream, F::Tools, F::StructuredOutput, F::Model, F::UsageDetails, F::RequestId];
/// Ways that end at a resource of Azure OpenAI.
const AZURE: &[Way] = &[W::AzureV1, W::AzureClassic, W::ApimV1, W::ApimClassic];

/// The date of a source that has none.
const UNDATED: &str = "undated";

/// Every row.
const TABLE: [Said; 28] = [
    (&[W::OpenAi], OPENAI, Supported, "2026-08", "OpenAI's API description (openai-openapi)"),
    (
        &[W::OpenAi],
        &[F::SystemFingerprint, F::RequestId],
        Supported,
        "2026-08",
        "OpenAI's API description and its clients, which read x-request-id",
    ),
    (&[W::AzureV1, W::AzureClassic], CHAT, Supported, "2026-05", "Azure OpenAI's reference of chat completions"),
    (&[W::AzureV1], RESPONSES, Supported, "2026-05", "Azure OpenAI's page on Responses"),
    (
        &[W::AzureClassic],
        RESPONSES,
        Supported,
        "2026-05",
        "Azure OpenAI's page on Responses: since api-version 2025-03-01-preview",
    ),
    (AZURE, &[F::Model, F::UsageDetails], Supported, "2026-09", "captured answers of Azure OpenAI"),
    (AZURE, &[F::RequestId, F::Region], Supported, "2026-09", "captured heads of Azure OpenAI's answers"),
    (AZURE, &[F::SystemFingerprint], Supported, "2026-05", "Azure OpenAI's reference of chat completions"),
    (AZURE, &[F::SystemFingerprint], Unsupported, "2025-12", "a captured stream of Azure OpenAI, where it is null"),
    (
        &[W::ApimClassic],
        CHAT,
        Supported,
        "2026-03",
        "API Management's page on importing Azure OpenAI, by the specification 2024-10-21",
    ),
    (
        &[W::ApimClassic],
        RESPONSES,
        Unsupported,
        "2026-03",
        "an import of the stable specification 2024-10-21, which has no /responses",
    ),
    (&[W::ApimClassic], RESPONSES, Supported, "2026-03", "an import of a specification from 2025-03-01-preview on"),
    (&[W::ApimV1], CHAT, Supported, "2026-06", "API Management's changelog of AI gateways"),
    (
        &[W::ApimV1],
        &[F::Responses, F::ResponsesStream],
        Supported,
        "2026-07",
        "Azure-Samples/AI-Gateway, secure-responses-api",
    ),
    (
        &[W::ApimV1],
        &[F::Background],
        Supported,
        "2026-05",
        "Azure OpenAI's page on Responses, whose calls API Management passes on",
    ),
    (
        &[W::ApimV1],
        &[F::PreviousResponseId],
        Supported,
        "2026-07",
        "Azure-Samples/AI-Gateway, session-awareness: where a pool binds callers to a backend",
    ),
    (
        &[W::ApimClassic, W::ApimV1, W::AnthropicGateway, W::AiGateway],
        &[F::Trace],
        Supported,
        "2026-05",
        "API Management's page on tracing (listDebugCredentials), for all tiers",
    ),
    (
        &[W::ApimClassic, W::ApimV1, W::AnthropicGateway, W::AiGateway],
        &[F::Trace],
        Unsupported,
        UNDATED,
        "older pages of API Management: no traces in the v2 tiers",
    ),
    (
        &[W::AiGateway],
        &[F::Chat, F::ChatStream, F::Responses, F::ResponsesStream],
        Supported,
        "2026-11",
        "samples of AI Gateway (preview)",
    ),
    (
        &[W::AiGateway],
        &[
            F::Tools,
            F::StructuredOutput,
            F::PreviousResponseId,
            F::Background,
            F::Embeddings,
            F::Model,
            F::SystemFingerprint,
            F::UsageDetails,
            F::RequestId,
            F::Region,
        ],
        Varies,
        "2026-11",
        "samples of AI Gateway (preview), which do not show it",
    ),
    (&[W::FoundryModels], CHAT, Supported, "2024-05", "azure-rest-api-specs, model inference 2024-05-01-preview"),
    (
        &[W::FoundryModels],
        RESPONSES,
        Unsupported,
        "2024-05",
        "azure-rest-api-specs, model inference 2024-05-01-preview",
    ),
    (
        &[W::FoundryModels],
        &[F::Model, F::RequestId, F::Region],
        Supported,
        "2024-05",
        "azure-rest-api-specs, model inference 2024-05-01-preview",
    ),
    (
        &[W::FoundryModels],
        &[F::SystemFingerprint, F::UsageDetails],
        Varies,
        "2024-05",
        "azure-rest-api-specs, model inference 2024-05-01-preview, which does not name it",
    ),
    (
        &[W::Anthropic, W::AnthropicGateway],
        MESSAGES,
        Supported,
        "2026-10",
        "Anthropic's reference of messages, and Foundry's page on Claude",
    ),
    (
        &[W::Anthropic, W::AnthropicGateway],
        &[F::Region],
        Varies,
        "2026-11",
        "no document or capture of Claude's heads says so; those of Azure OpenAI have it",
    ),
    (
        &[W::OtherGateway, W::Compatible],
        &[F::Chat, F::ChatStream],
        Supported,
        "2026-11",
        "what a server that speaks OpenAI's API has in any case",
    ),
    (
        &[W::OtherGateway, W::Compatible],
        &[
            F::Responses,
            F::ResponsesStream,
            F::Tools,
            F::StructuredOutput,
            F::PreviousResponseId,
            F::Background,
            F::Embeddings,
            F::Model,
            F::SystemFingerprint,
            F::UsageDetails,
            F::RequestId,
        ],
        Varies,
        "2026-11",
        "no document that holds for all of them: see that of the vendor",
    ),
];

/// What documents say of a feature over a way; empty where the way has nothing of the kind.
#[must_use]
pub fn of(way: Way, feature: Feature, address: &Address) -> Vec<Expected> {
    if RESPONSES.contains(&feature) && !way.is_anthropic() && address.lacks(Api::Responses).is_some() {
        let source = match way {
            W::FoundryModels => "azure-rest-api-specs, model inference 2024-05-01-preview",
            W::AzureClassic
            | W::ApimClassic
            | W::OpenAi
            | W::AzureV1
            | W::Anthropic
            | W::ApimV1
            | W::AnthropicGateway
            | W::AiGateway
            | W::OtherGateway
            | W::Compatible => "Azure OpenAI's lifecycle of API versions: Responses since 2025-03-01-preview",
        };
        return vec![Expected { support: Unsupported, as_of: "2026-05", source }];
    }
    let rows = TABLE.iter().filter(|(ways, features, ..)| ways.contains(&way) && features.contains(&feature));
    rows.map(|&(_, _, support, as_of, source)| Expected { support, as_of, source }).collect()
}

/// The features that are looked for over a way, in the order of the matrix.
#[must_use]
pub fn features(way: Way) -> Vec<Feature> {
    use strum::VariantArray;
    let here = |feature: &Feature| match feature {
        F::Messages | F::MessagesStream => way.is_anthropic(),
        F::Chat
        | F::ChatStream
        | F::Responses
        | F::ResponsesStream
        | F::PreviousResponseId
        | F::Background
        | F::Embeddings
        | F::SystemFingerprint => !way.is_anthropic(),
        F::Region => way.is_azure(),
        F::Trace => way.may_trace(),
        F::Tools | F::StructuredOutput | F::Model | F::UsageDetails | F::RequestId => true,
    };
    Feature::VARIANTS.iter().copied().filter(here).collect()
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::path::address::Dialect;

    #[test]
    fn every_feature_of_every_way_has_a_source_and_no_other_has() {
        for way in Way::VARIANTS {
            for feature in Feature::VARIANTS {
                let expected = of(*way, *feature, &Address::default());
                let here = features(*way).contains(feature);
                assert_eq!(!expected.is_empty(), here, "{way}, {feature}: {expected:?}");
            }
        }
    }

    #[test]
    fn the_page_has_every_row() {
        const PAGE: &str = "docs/capabilities.md";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        let page = std::fs::read_to_string(path).expect("a page");
        // Everything behind the prose is made of the tables.
        let mut text = page.split("## How each feature is recognised").next().unwrap_or_default().to_owned();
        text += "## How each feature is recognised\n\n| feature | it is supported if |\n|---|---|\n";
        for feature in Feature::VARIANTS {
            text += &format!("| `{feature}` | {} |\n", feature.how());
        }
        text += "\n## What documentation says\n\nMade of the table in `src/probe/capability/expectation.rs` by \
                 `HOPMARK_BLESS=1 cargo test --lib expectation`.\nA dated version before 2025-03-01-preview has no \
                 Responses, whatever this table says.\n\n| over | features | expected | as of | source |\n|---|---|---|---|---|\n";
        for (ways, features, support, as_of, source) in TABLE {
            let ways = ways.iter().map(|way| way.told()).collect::<Vec<_>>().join("; ");
            let features = features.iter().map(|feature| format!("`{feature}`")).collect::<Vec<_>>().join(" ");
            text += &format!("| {ways} | {features} | {support} | {as_of} | {source} |\n");
        }
        let published = crate::report::fixture::published(PAGE, text.as_bytes());
        assert_eq!(published, text, "HOPMARK_BLESS=1 writes it again");
    }

    #[test]
    fn every_source_is_dated_and_those_that_disagree_are_told_apart() {
        for (ways, features, _, as_of, source) in TABLE {
            let dated = as_of.len() == 7 && as_of.as_bytes()[4] == b'-' && as_of.starts_with("202");
            let dated = dated || as_of == UNDATED;
            assert!(dated && !source.is_empty() && !ways.is_empty() && !features.is_empty(), "{source}: {as_of}");
        }
        for way in Way::VARIANTS {
            for feature in Feature::VARIANTS {
                let expected = of(*way, *feature, &Address::default());
                let mut sources: Vec<_> = expected.iter().map(|one| one.source).collect();
                sources.dedup();
                assert_eq!(sources.len(), expected.len(), "{way}, {feature}");
                let undecided = expected.iter().any(|one| one.support == Varies);
                assert!(!undecided || expected.len() == 1, "{way}, {feature}: one that says nothing beside another");
            }
        }
    }

    #[test]
    fn a_version_before_responses_is_expected_to_have_none() {
        let dated = |version: &str| Address {
            dialect: Dialect::AzureClassic,
            deployment: Some("d".to_owned()),
            query: [("api-version".to_owned(), version.to_owned())].into(),
        };
        for way in [Way::AzureClassic, Way::ApimClassic] {
            let old = of(way, Feature::Responses, &dated("2024-10-21"));
            assert_eq!(old.iter().map(|one| one.support).collect::<Vec<_>>(), [Unsupported], "{way}");
            let new = of(way, Feature::Responses, &dated("2025-04-01-preview"));
            assert!(new.iter().any(|one| one.support == Supported), "{way}");
        }
    }
}
