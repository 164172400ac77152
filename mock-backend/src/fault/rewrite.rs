//! Streams that mean the same and are written otherwise, or that say what no client should trip over.

use serde_json::{Value, json};

/// How the events of a stream are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// Lines end with CR and LF.
    Crlf,
    /// The stream begins with a byte order mark.
    Bom,
    /// A comment goes before each event.
    Comments,
    /// An event of the undocumented type `keepalive` goes before the first token.
    Keepalive,
    /// An event with empty data goes before the first token.
    EmptyData,
    /// `data:[DONE]`
    DoneTight,
    /// `data: [DONE]` and spaces after it.
    DoneLoose,
    /// No `sequence_number`.
    NoSequence,
    /// Every `sequence_number` is 0.
    ZeroSequence,
    /// The usage stands in the event that ends the answer, not in one of its own.
    UsageOnFinish,
    /// What an asynchronous content filter has found comes in events of its own.
    AsyncFilter,
}

const NUMBER: &str = "\"sequence_number\":";

impl Rewrite {
    /// An event as it is to be written; `first` is the first of the stream, `token` is the number of the token in it.
    pub(crate) fn apply(self, event: &str, first: bool, token: Option<usize>) -> String {
        let done = event.contains("data: [DONE]");
        match self {
            Self::Crlf => event.replace('\n', "\r\n"),
            Self::Bom if first => format!("\u{feff}{event}"),
            Self::Comments => format!(": keepalive\n\n{event}"),
            Self::Keepalive if token == Some(1) => {
                format!("event: keepalive\ndata: {{\"type\":\"keepalive\",{NUMBER}466}}\n\n{event}")
            }
            Self::EmptyData if token == Some(1) => format!("data:\n\n{event}"),
            Self::DoneTight if done => event.replace("data: [DONE]", "data:[DONE]"),
            Self::DoneLoose if done => event.replace("data: [DONE]", "data: [DONE]  "),
            Self::NoSequence => renumber(event, |before, rest| {
                let before = before.trim_end_matches(NUMBER);
                let rest = if before.ends_with(',') { rest } else { rest.trim_start_matches(',') };
                format!("{}{rest}", before.trim_end_matches(','))
            }),
            Self::ZeroSequence => renumber(event, |before, rest| format!("{before}0{rest}")),
            Self::Bom
            | Self::Keepalive
            | Self::EmptyData
            | Self::DoneTight
            | Self::DoneLoose
            | Self::UsageOnFinish
            | Self::AsyncFilter => event.to_owned(),
        }
    }
}

/// These events with the usage in that which ends the answer; they are as they were if they do not hold both.
pub(crate) fn usage_on_finish(events: &[&[u8]]) -> Vec<Vec<u8>> {
    let text = |event: &[u8]| String::from_utf8_lossy(event).into_owned();
    let usage = |event: &[u8]| {
        let event = text(event);
        let (_, usage) = event.split_once("\"choices\":[],\"usage\":")?;
        usage.strip_suffix("}\n\n").map(str::to_owned)
    };
    let Some((at, usage)) = events.iter().enumerate().find_map(|(i, event)| Some((i, usage(event)?))) else {
        return events.iter().map(|event| event.to_vec()).collect();
    };
    let with = |event: &&[u8]| {
        let event = text(event);
        let event = if event.contains("\"finish_reason\":\"") {
            event.replace("\"usage\":null", &format!("\"usage\":{usage}"))
        } else {
            event
        };
        event.into_bytes()
    };
    events.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, event)| with(event)).collect()
}

/// How far an asynchronous content filter has come, in characters.
#[derive(Default)]
pub(crate) struct Verdicts {
    checked: usize,
    said: usize,
}

/// A filter looks at so many characters at once.
const CHECKED: usize = 64;

impl Verdicts {
    /// What the filter says before the event `text`: its verdict on what came since it last spoke, when that is enough or
    /// the answer ends.
    pub(crate) fn before(&mut self, text: &str) -> String {
        let event = text.trim_end().strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok());
        let Some(choice) = event.as_ref().and_then(|event| event["choices"].get(0)) else { return String::new() };
        let ends = choice["finish_reason"].is_string();
        let pending = self.said - self.checked;
        let verdict = if pending > 0 && (ends || pending >= CHECKED) {
            let offsets = json!({"check_offset": self.checked, "start_offset": self.checked, "end_offset": self.said});
            self.checked = self.said;
            let safe = json!({"filtered": false, "severity": "safe"});
            let results = json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe});
            let choice = json!({
                "index": choice["index"], "finish_reason": null, "content_filter_results": results,
                "content_filter_offsets": offsets,
            });
            let event = json!({"id": "", "object": "", "created": 0, "model": "", "choices": [choice]});
            format!("data: {event}\n\n")
        } else {
            String::new()
        };
        self.said += choice["delta"]["content"].as_str().map_or(0, |text| text.chars().count());
        verdict
    }
}

/// The event with what stands before and after its number put together anew.
fn renumber(event: &str, join: impl Fn(&str, &str) -> String) -> String {
    let Some(at) = event.find(NUMBER).map(|at| at + NUMBER.len()) else { return event.to_owned() };
    let (before, rest) = event.split_at(at);
    join(before, rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_goes_to_the_event_that_ends_the_answer() {
        let finish = b"data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
        let usage = b"data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
        let done = b"data: [DONE]\n\n";
        let merged = usage_on_finish(&[finish, usage, done]);
        let expected = b"data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":3}}\n\n";
        assert_eq!(merged, [&expected[..], done]);
        assert_eq!(usage_on_finish(&[finish, done]), [&finish[..], done]);
    }

    #[test]
    fn a_verdict_comes_when_there_is_enough_and_at_the_end() {
        let mut verdicts = Verdicts::default();
        let piece = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
        let mut said = |event: Value| {
            let verdict = verdicts.before(&format!("data: {event}\n\n"));
            let verdict: Value = serde_json::from_str(verdict.trim().strip_prefix("data: ")?).unwrap();
            assert!(verdict["choices"][0].get("delta").is_none());
            let offsets = &verdict["choices"][0]["content_filter_offsets"];
            Some((offsets["start_offset"].as_u64(), offsets["end_offset"].as_u64()))
        };
        assert_eq!(said(json!({"choices": []})), None);
        assert_eq!(said(piece("a")), None);
        assert_eq!(said(piece(&"b".repeat(70))), None);
        assert_eq!(said(piece("c")), Some((Some(0), Some(71))));
        let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        assert_eq!(said(end.clone()), Some((Some(71), Some(72))));
        assert_eq!(said(end), None);
    }

    #[test]
    fn numbers_are_left_out_wherever_they_stand() {
        let table = [
            ("data: {\"type\":\"x\",\"sequence_number\":12,\"a\":1}\n\n", "data: {\"type\":\"x\",\"a\":1}\n\n"),
            ("data: {\"sequence_number\":12,\"a\":1}\n\n", "data: {\"a\":1}\n\n"),
            ("data: {\"a\":1,\"sequence_number\":12}\n\n", "data: {\"a\":1}\n\n"),
            ("data: [DONE]\n\n", "data: [DONE]\n\n"),
        ];
        for (event, expected) in table {
            assert_eq!(Rewrite::NoSequence.apply(event, false, None), expected);
        }
        assert_eq!(Rewrite::ZeroSequence.apply(table[1].0, false, None), "data: {\"sequence_number\":0,\"a\":1}\n\n");
    }
}
