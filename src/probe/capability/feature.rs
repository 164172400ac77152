//! What a path may be able to do, feature by feature: one table.

use schemars::JsonSchema;
use serde::Serialize;

/// Something that a path may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[derive(strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Feature {
    /// Chat completions.
    Chat,
    /// Chat completions as a stream.
    ChatStream,
    /// Responses.
    Responses,
    /// Responses as a stream.
    ResponsesStream,
    /// Anthropic's messages.
    Messages,
    /// Anthropic's messages as a stream.
    MessagesStream,
    /// Calls of tools.
    Tools,
    /// Answers in the form of a schema.
    StructuredOutput,
    /// Responses that follow others.
    PreviousResponseId,
    /// Responses that are made in the background.
    Background,
    /// Embeddings.
    Embeddings,
    /// The name of the model in the answer.
    Model,
    /// The fingerprint of the system in the answer.
    SystemFingerprint,
    /// What the tokens of an answer are made of.
    UsageDetails,
    /// The name of the request in the head of the answer.
    RequestId,
    /// The region in the head of the answer.
    Region,
    /// The trace of API Management.
    Trace,
}

impl Feature {
    /// What it is, and how it is found out, as a sentence.
    #[must_use]
    pub fn how(self) -> &'static str {
        match self {
            Self::Chat => "a chat completion of a few tokens has a choice with a message",
            Self::ChatStream => {
                "a streamed chat completion comes in pieces, each choice has a finish_reason, and [DONE] is last"
            }
            Self::Responses => "a response of a few tokens is completed, or incomplete because of its limit",
            Self::ResponsesStream => {
                "a streamed response comes in pieces and ends with response.completed or response.incomplete"
            }
            Self::Messages => "a message of a few tokens has content",
            Self::MessagesStream => "a streamed message comes in pieces and ends with message_stop, without [DONE]",
            Self::Tools => "the one tool that has to be called is called, with arguments that fit its schema",
            Self::StructuredOutput => "an answer under a strict JSON schema fits it",
            Self::PreviousResponseId => "a response that names an earlier one as previous_response_id says so itself",
            Self::Background => "a response with background = true is accepted, and read again until it is completed",
            Self::Embeddings => "a word has a vector",
            Self::Model => "every answer names a model, and one of the family that was asked",
            Self::SystemFingerprint => "every chat completion has a system_fingerprint",
            Self::UsageDetails => "every answer says how many of its tokens were cached, and how many were reasoning",
            Self::RequestId => "every answer has a request id in its head",
            Self::Region => "every answer has x-ms-region in its head",
            Self::Trace => "a call with a debug token gets a trace id, and no other call does",
        }
    }

    /// Whether it is a matter of what an answer says of itself, not of whether there is one.
    #[must_use]
    pub fn is_metadata(self) -> bool {
        match self {
            Self::Model | Self::SystemFingerprint | Self::UsageDetails | Self::RequestId | Self::Region => true,
            Self::Chat
            | Self::ChatStream
            | Self::Responses
            | Self::ResponsesStream
            | Self::Messages
            | Self::MessagesStream
            | Self::Tools
            | Self::StructuredOutput
            | Self::PreviousResponseId
            | Self::Background
            | Self::Embeddings
            | Self::Trace => false,
        }
    }
}
