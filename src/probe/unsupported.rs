//! A field of the request that a server does not take, and the key of a path that sends another or none.

/// The fields that a path can send otherwise, and how.
const FIELDS: [(&str, &str); 4] = [
    (
        "max_completion_tokens",
        "set token_limit = \"max_tokens\" on this path: its server does not know max_completion_tokens",
    ),
    (
        "max_tokens",
        "set token_limit = \"max_completion_tokens\" on this path: its model needs it instead of max_tokens",
    ),
    (
        "stream_options",
        "set stream_options = false on this path: its server does not know the field (token counts are then missing)",
    ),
    (
        "api version",
        "set api-version in the path's query to one that the server has, or leave it out where base_url ends in /v1",
    ),
];

/// Words by which servers say that they do not take a field: OpenAI, Azure, vLLM, LiteLLM and those on pydantic.
const REFUSALS: [&str; 9] = [
    "unsupported",
    "not supported",
    "not support",
    "unrecognized",
    "unknown",
    "unexpected",
    "extra",
    "not permitted",
    "not allowed",
];

/// What to do when a server's words for its refusal name such a field: the first of those that it names, since the
/// one to use instead comes behind it.
#[must_use]
pub(super) fn remedy(said: &str) -> Option<&'static str> {
    let said = said.to_ascii_lowercase().replace("api-version", "api version");
    if !REFUSALS.iter().any(|word| said.contains(word)) {
        return None;
    }
    let named = FIELDS.iter().filter_map(|(field, remedy)| Some((said.find(field)?, *remedy)));
    named.min_by_key(|(place, _)| *place).map(|(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_field_names_the_key_that_sends_another() {
        for (said, key) in [
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                Some("token_limit = \"max_completion_tokens\""),
            ),
            ("Unrecognized request argument supplied: max_completion_tokens", Some("token_limit = \"max_tokens\"")),
            (
                "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens')}]",
                Some("token_limit = \"max_tokens\""),
            ),
            ("Unrecognized request argument supplied: stream_options", Some("stream_options = false")),
            ("mistral does not support parameters: ['stream_options']", Some("stream_options = false")),
            ("API version not supported", Some("api-version in the path's query")),
            ("Unsupported api-version '2024-99-99'", Some("api-version in the path's query")),
            ("max_tokens is too large: 5000000", None),
            ("The model `m` does not exist", None),
            ("Unsupported value: 'temperature' does not support 0", None),
        ] {
            let told = remedy(said);
            assert!(told.map_or(key.is_none(), |told| key.is_some_and(|key| told.contains(key))), "{said}: {told:?}");
        }
    }
}
