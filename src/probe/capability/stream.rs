//! Whether a stream is one: it came in pieces, and it ended as its API says.

use super::answer::{Answer, Event};
use super::row::Observed;
use crate::units::Api;

/// So many events of content are enough to tell whether a stream was held back.
const ENOUGH: usize = 8;
/// A stream that was held back comes within this share of the time since its sending,
const AT_ONCE: u32 = 20;
/// and so many of its events come with each read.
const TOGETHER: usize = 8;

/// What a streamed answer says of streams over the path.
pub(super) fn judge(answer: &Answer) -> Observed {
    let events = match answer.events() {
        Ok(events) => events,
        Err(observed) => return observed,
    };
    if let Some(wrong) = wrong_end(answer.api, &events) {
        return Observed::broken(wrong);
    }
    let content: Vec<&Event> = events.iter().filter(|event| is_content(answer.api, event)).collect();
    let mut reads: Vec<_> = content.iter().map(|event| event.read).collect();
    reads.dedup();
    let (Some(first), Some(last)) = (reads.first(), reads.last()) else {
        return Observed::supported("it ended as it should; no text came, so whether it was held back is not known");
    };
    let (first, last) = (answer.since_sent(*first), answer.since_sent(*last));
    let count = content.len();
    if count < ENOUGH {
        return Observed::supported(format!(
            "it ended as it should; {count} events with text are too few to tell whether it was held back"
        ));
    }
    if (last.saturating_sub(first)) * AT_ONCE < last && reads.len() * TOGETHER <= count {
        return Observed::broken(format!(
            "the stream was held back and came at once: {count} events with text within {} ms, {} ms after the call",
            last.saturating_sub(first).as_millis(),
            first.as_millis()
        ));
    }
    Observed::supported(format!("{count} events with text in {} reads, and a proper end", reads.len()))
}

/// Whether a streamed answer has the event that ends it.
pub(super) fn has_end(answer: &Answer) -> bool {
    answer.events().is_ok_and(|events| events.iter().any(|event| ends(answer.api, event)))
}

/// Whether an event ends an answer.
fn ends(api: Api, event: &Event) -> bool {
    match api {
        Api::Chat => {
            event.data["choices"].as_array().into_iter().flatten().any(|choice| choice["finish_reason"].is_string())
        }
        Api::Responses => matches!(event.kind(), "response.completed" | "response.incomplete"),
        Api::Messages => event.kind() == "message_stop",
    }
}

/// Whether an event brings text, thoughts or a part of a call.
fn is_content(api: Api, event: &Event) -> bool {
    let text = |value: &serde_json::Value| value.as_str().is_some_and(|text| !text.is_empty());
    match api {
        Api::Chat => event.data["choices"].as_array().into_iter().flatten().any(|choice| {
            let delta = &choice["delta"];
            ["content", "refusal", "reasoning_content", "reasoning"].iter().any(|key| text(&delta[*key]))
                || delta["tool_calls"].is_array()
        }),
        Api::Responses => event.kind().ends_with(".delta") && text(&event.data["delta"]),
        Api::Messages => event.kind() == "content_block_delta",
    }
}

/// What is wrong with the end of a stream, if anything is.
fn wrong_end(api: Api, events: &[Event]) -> Option<String> {
    let dones = events.iter().filter(|event| event.is_done()).count();
    let last_is_done = events.last().is_some_and(Event::is_done);
    let end = match api {
        Api::Chat => "finish_reason",
        Api::Responses => "response.completed or response.incomplete",
        Api::Messages => "message_stop",
    };
    if !events.iter().any(|event| ends(api, event)) {
        return Some(format!("the stream has no end: {end} is missing"));
    }
    match (api, dones) {
        (Api::Chat, 0) => Some("the stream ends without [DONE]".to_owned()),
        (Api::Chat, 1) if last_is_done => None,
        (Api::Chat, 1) => Some("something follows [DONE]".to_owned()),
        (Api::Chat, _) => Some("[DONE] comes more than once".to_owned()),
        // It ends with its last event; a [DONE] behind it has been seen of Azure, and harms no client.
        (Api::Responses, _) | (Api::Messages, 0) => None,
        (Api::Messages, _) => Some("the stream has [DONE], which breaks clients of Anthropic's API".to_owned()),
    }
}
