//! Streams that mean the same and are written otherwise, or that say what no client should trip over.

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
}

/// All of them, by name.
pub(crate) const REWRITES: [(&str, Rewrite); 9] = [
    ("crlf", Rewrite::Crlf),
    ("bom", Rewrite::Bom),
    ("comments", Rewrite::Comments),
    ("keepalive", Rewrite::Keepalive),
    ("empty-data", Rewrite::EmptyData),
    ("done-tight", Rewrite::DoneTight),
    ("done-loose", Rewrite::DoneLoose),
    ("no-sequence", Rewrite::NoSequence),
    ("zero-sequence", Rewrite::ZeroSequence),
];

const NUMBER: &str = "\"sequence_number\":";

impl Rewrite {
    pub(crate) fn name(self) -> &'static str {
        REWRITES.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

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
            Self::Bom | Self::Keepalive | Self::EmptyData | Self::DoneTight | Self::DoneLoose => event.to_owned(),
        }
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
