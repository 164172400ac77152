//! The kinds of defects, and how scenarios write them: `defects = ["no-responses", "no-region"]`.

use std::str::FromStr;

use crate::units::nearest;

/// Something that a listener lacks, drops or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    NoChat,
    NoResponses,
    NoMessages,
    NoEmbeddings,
    NoStreams,
    HeldStreams,
    NoEnd,
    NoDone,
    DoneOnMessages,
    NoTools,
    BrokenArguments,
    NoSchemas,
    ForgetsResponses,
    NoPrevious,
    NoBackground,
    NoWaiting,
    NoReading,
    OtherModel,
    NoFingerprint,
    NoUsage,
    NoUsageDetails,
    NoRegion,
    NoRequestId,
    NoTrace,
    TracesAll,
}

/// All of them: how scenarios name each, and what it does.
const DEFECTS: [(Defect, &str, &str); 25] = [
    (Defect::NoChat, "no-chat", "chat completions are not found: 404"),
    (
        Defect::NoResponses,
        "no-responses",
        "Responses are not found: 404, as in API Management that imported the specification 2024-10-21",
    ),
    (Defect::NoMessages, "no-messages", "messages are not found: 404"),
    (Defect::NoEmbeddings, "no-embeddings", "embeddings are not found: 404"),
    (Defect::NoStreams, "no-streams", "`stream` is dropped: the answer comes whole"),
    (Defect::HeldStreams, "held-streams", "a stream is held back until its end, then sent at once"),
    (Defect::NoEnd, "no-end", "a stream has no end event: the `finish_reason`, `response.completed` or `message_stop`"),
    (Defect::NoDone, "no-done", "a stream of chat completions lacks `[DONE]`"),
    (Defect::DoneOnMessages, "done-on-messages", "a stream of messages has `[DONE]` after its end"),
    (Defect::NoTools, "no-tools", "`tools` and `tool_choice` are dropped: plain text instead of a call"),
    (Defect::BrokenArguments, "broken-arguments", "the arguments of a tool call lack their last character"),
    (Defect::NoSchemas, "no-schemas", "`response_format`, `text.format` and `output_config.format` are dropped"),
    (
        Defect::ForgetsResponses,
        "forgets-responses",
        "an earlier response is never known: 400 `previous_response_not_found`, as in a pool without affinity",
    ),
    (Defect::NoPrevious, "no-previous", "`previous_response_id` is dropped: the conversation is lost"),
    (Defect::NoBackground, "no-background", "`background` is refused: 400 `unsupported_parameter`"),
    (Defect::NoWaiting, "no-waiting", "`background` is dropped: the caller waits for the response"),
    (Defect::NoReading, "no-reading", "responses cannot be read again: 404"),
    (Defect::OtherModel, "other-model", "answers name the model `gateway-model`"),
    (Defect::NoFingerprint, "no-fingerprint", "answers lack `system_fingerprint`"),
    (Defect::NoUsage, "no-usage", "answers lack `usage`"),
    (Defect::NoUsageDetails, "no-usage-details", "the usage does not count cached and reasoning tokens"),
    (Defect::NoRegion, "no-region", "answers lack the header `x-ms-region`"),
    (Defect::NoRequestId, "no-request-id", "answers lack every request id header"),
    (Defect::NoTrace, "no-trace", "a debug token gets no trace"),
    (Defect::TracesAll, "traces-all", "every answer has a trace id, even without a request for a trace"),
];

/// The name of each defect, and what it does.
pub fn table() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEFECTS.iter().map(|(_, name, about)| (*name, *about))
}

impl Defect {
    /// As scenarios name it.
    pub(crate) fn name(self) -> &'static str {
        DEFECTS.iter().find(|(defect, ..)| *defect == self).map_or("", |(_, name, _)| name)
    }
}

impl FromStr for Defect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((defect, ..)) = DEFECTS.iter().find(|(_, name, _)| *name == text) {
            return Ok(*defect);
        }
        let names: Vec<&str> = table().map(|(name, _)| name).collect();
        Err(match nearest(text, &names) {
            Some(near) => format!("unknown defect \"{text}\", did you mean \"{near}\"?"),
            None => format!("unknown defect \"{text}\"; known are {}", names.join(", ")),
        })
    }
}

/// The defects of one listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Defects(pub(crate) Vec<Defect>);

impl Defects {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of them.
    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_is_found_by_its_name_and_no_other_is() {
        for (defect, name, about) in DEFECTS {
            assert_eq!((name.parse(), defect.name()), (Ok(defect), name));
            assert!(!about.is_empty() && !about.ends_with('.'), "{name}: {about}");
        }
        let wrong = |text: &str| text.parse::<Defect>().unwrap_err();
        assert_eq!(wrong("no-responces"), "unknown defect \"no-responces\", did you mean \"no-responses\"?");
        assert!(wrong("x").starts_with("unknown defect \"x\"; known are no-chat, "));
    }
}
