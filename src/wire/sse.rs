//! Server-sent events as bytes: WHATWG HTML §9.2, without I/O.
//!
//! Called with each piece of a body as it was read; any split of the same bytes gives the same events. Decoding
//! copies only what crosses the border between two pieces. Beside the standard, it hands out what servers write past it
//! when they fail: a field `error`, and JSON that stands in no field.

use memchr::memchr2;

use crate::limits::{Beyond, Limit};

/// The name under which text is handed out that stands in no field: no `event:` line can give it.
pub(crate) const UNFRAMED: &[u8] = b"\n";
/// The name of an event, and of a field that some servers send in place of one.
pub(crate) const ERROR: &[u8] = b"error";

/// One dispatched event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field, empty if there was none.
    pub name: &'a [u8],
    /// The `data:` lines joined by line feeds.
    pub data: &'a [u8],
}

/// The decoder of one stream.
#[derive(Debug, Default)]
pub struct SseDecoder {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// The data of the event under way, if it began in an earlier piece or has several lines.
    data: Vec<u8>,
    name: Vec<u8>,
    has_data: bool,
    /// A JSON text that stands in no field, as far as it has come.
    stray: Vec<u8>,
    /// How much of such text was handed out.
    strays: usize,
    /// The last piece ended in CR: an LF now belongs to the same line end.
    after_cr: bool,
    past_start: bool,
}

impl SseDecoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream and hands every event that they complete to `each`.
    ///
    /// # Errors
    /// [`Beyond`] the limit of a line or an event; the stream cannot be decoded further.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Beyond> {
        let mut rest = bytes;
        // The one data line of the event under way, as long as it lies whole in `bytes`.
        let mut whole: Option<&[u8]> = None;
        loop {
            if self.after_cr && !rest.is_empty() {
                self.after_cr = false;
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else { break };
            let (line, tail) = (&rest[..end], &rest[end + 1..]);
            self.after_cr = rest[end] == b'\r';
            rest = tail;
            if self.line.is_empty() && self.past_start {
                self.take_line(line, &mut whole, &mut each);
            } else {
                self.line.extend_from_slice(line);
                self.take_carried_line(&mut whole, &mut each);
            }
        }
        self.line.extend_from_slice(rest);
        if let Some(data) = whole {
            self.push_data(data);
        }
        Limit::SseLine.allow(self.line.len())?;
        Limit::SseEvent.allow(self.data.len())
    }

    fn take_carried_line(&mut self, whole: &mut Option<&[u8]>, each: &mut impl FnMut(Event<'_>)) {
        let carried = std::mem::take(&mut self.line);
        let line =
            if self.past_start { &carried[..] } else { carried.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&carried) };
        self.past_start = true;
        let mut copied = None;
        if let Some(data) = whole.take() {
            self.push_data(data);
        }
        self.take_line(line, &mut copied, each);
        if let Some(data) = copied {
            self.push_data(data);
        }
        // The buffer is kept for the next line that crosses a border.
        self.line = carried;
        self.line.clear();
    }

    fn take_line<'b>(&mut self, line: &'b [u8], whole: &mut Option<&'b [u8]>, each: &mut impl FnMut(Event<'_>)) {
        if line.is_empty() {
            self.stray.clear();
            self.dispatch(whole.take(), each);
            return;
        }
        let (field, value) = match line.strip_prefix(b"data:") {
            Some(value) => (&b"data"[..], value),
            None => split_field(line),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" if self.has_data || whole.is_some() => {
                if let Some(first) = whole.take() {
                    self.push_data(first);
                }
                self.push_data(value);
            }
            b"data" => *whole = Some(value),
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // Comments (no field name), `id` and `retry` carry nothing for us.
            b"" | b"id" | b"retry" => {}
            // llama.cpp's own; it needs no blank line behind it.
            ERROR => each(Event { name: ERROR, data: value }),
            _ => self.take_stray(line, each),
        }
    }

    /// A line that the standard ignores. Servers that fail in the middle of a stream write their error so, as one line
    /// of JSON or as several: it is handed out as often as it may be whole.
    fn take_stray(&mut self, line: &[u8], each: &mut impl FnMut(Event<'_>)) {
        if line.starts_with(b"{") {
            self.stray.clear();
        } else if self.stray.is_empty() {
            return;
        }
        let length = self.stray.len() + line.len();
        if length > Limit::SseStray.most() || self.strays > Limit::SseStrays.most() {
            return self.stray.clear();
        }
        self.stray.extend_from_slice(line);
        self.stray.push(b'\n');
        if line.ends_with(b"}") {
            self.strays += length;
            each(Event { name: UNFRAMED, data: &self.stray });
        }
    }

    fn push_data(&mut self, value: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
    }

    fn dispatch(&mut self, whole: Option<&[u8]>, each: &mut impl FnMut(Event<'_>)) {
        match whole {
            Some(data) => each(Event { name: &self.name, data }),
            None if self.has_data => each(Event { name: &self.name, data: &self.data }),
            None => {}
        }
        self.data.clear();
        self.has_data = false;
        self.name.clear();
    }
}

fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line) {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = SseDecoder::new();
        let mut events = Vec::new();
        for piece in pieces {
            decoder
                .feed(piece, |event| {
                    events.push((
                        String::from_utf8_lossy(event.name).into_owned(),
                        String::from_utf8_lossy(event.data).into_owned(),
                    ));
                })
                .expect("short lines");
        }
        events
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    /// A name, a stream, and the events in it as name and data.
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

    #[test]
    fn follows_the_standard() {
        let table: &[Case] = &[
            ("plain", "data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]),
            ("named", "event: x\ndata: {}\n\n", &[("x", "{}")]),
            ("crlf", "data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]),
            ("lone cr", "data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]),
            ("bom", "\u{feff}data: a\n\n", &[("", "a")]),
            ("no space", "data:a\n\n", &[("", "a")]),
            ("two spaces", "data:  a\n\n", &[("", " a")]),
            ("several lines", "data: a\ndata: b\ndata\n\n", &[("", "a\nb\n")]),
            ("comment", ": ping\n\ndata: a\n: more\n\n", &[("", "a")]),
            ("empty data", "data:\n\n", &[("", "")]),
            ("no data", "event: x\n\ndata: a\n\n", &[("", "a")]),
            ("unfinished", "data: a\n\ndata: b\n", &[("", "a")]),
            ("extra blank lines", "\n\n\ndata: a\n\n\n\n", &[("", "a")]),
            ("other fields", "id: 7\nretry: 3\nfoo: x\ndata: a\n\n", &[("", "a")]),
            ("an error as a field", "error: {}\ndata: a\n\n", &[("error", "{}"), ("", "a")]),
            ("JSON in no field", "{\"a\":1}\ndata: b\n\n", &[("\n", "{\"a\":1}\n"), ("", "b")]),
            (
                "in several lines",
                "data: a\n\n{\n \"b\": {\n }\n}\n\n}\n\n",
                &[("", "a"), ("\n", "{\n \"b\": {\n }\n"), ("\n", "{\n \"b\": {\n }\n}\n")],
            ),
            ("a page in no field", "<html>\n{}</html>\n\ndata: a\n\n", &[("", "a")]),
        ];
        for (what, stream, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(name, data)| event(name, data)).collect();
            assert_eq!(decode(&[stream.as_bytes()]), expected, "{what}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), expected, "{what}, byte by byte");
        }
    }

    #[test]
    fn a_split_character_is_whole_again() {
        let stream = "data: Grüße 🦀\n\n".as_bytes();
        for cut in 0..stream.len() {
            assert_eq!(decode(&[&stream[..cut], &stream[cut..]]), vec![event("", "Grüße 🦀")], "cut at {cut}");
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = SseDecoder::new();
        let piece = vec![b'x'; Limit::SseLine.most() / 2 + 1];
        assert_eq!(decoder.feed(&piece, |_| ()), Ok(()));
        assert_eq!(decoder.feed(&piece, |_| ()), Err(Beyond(Limit::SseLine)));
    }

    /// What the standard says of a whole stream, read as slowly and as plainly as it is written there.
    fn by_the_standard(stream: &str) -> Vec<(String, String)> {
        let text = stream.strip_prefix('\u{feff}').unwrap_or(stream).replace("\r\n", "\n").replace('\r', "\n");
        let mut lines: Vec<&str> = text.split('\n').collect();
        // Behind the last line end there is no line, or one that never ended.
        lines.pop();
        let (mut events, mut name, mut data) = (Vec::new(), String::new(), String::new());
        for line in lines {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    if let Some(data) = data.strip_suffix('\n') {
                        events.push(event(&name, data));
                    }
                    name.clear();
                    data.clear();
                }
                "event" => value.clone_into(&mut name),
                "data" => data.extend([value, "\n"]),
                _ => {}
            }
        }
        events
    }

    /// The pieces of bytes that are cut at these places.
    fn pieces<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
    }

    /// Names and data of events, byte for byte.
    type Raw = Vec<(Vec<u8>, Vec<u8>)>;

    /// What pieces are decoded to, and how many bytes of an event under way they leave.
    fn raw(pieces: &[&[u8]]) -> (Raw, usize) {
        let (mut decoder, mut events) = (SseDecoder::new(), Vec::new());
        for piece in pieces {
            let fed = decoder.feed(piece, |event| events.push((event.name.to_vec(), event.data.to_vec())));
            fed.expect("short lines");
        }
        (events, decoder.line.len() + if decoder.has_data { decoder.data.len() } else { 0 })
    }

    proptest! {
        #[test]
        fn any_split_gives_the_events_of_the_standard(
            bom in any::<bool>(),
            parts in proptest::collection::vec(
                prop_oneof![
                    "data: [a-zé🦀 :]{0,9}", "data[:]?", "event: [a-z]{0,4}", ": [a-z]{0,5}", "id: [0-9]", "[a-z]{1,3}",
                    Just(String::new()), Just(String::new()),
                ],
                0..30,
            ),
            ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 30),
            ends_whole in any::<bool>(),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut stream = if bom { "\u{feff}".to_owned() } else { String::new() };
            stream.extend(parts.iter().zip(&ends).map(|(part, end)| format!("{part}{end}")));
            if !ends_whole {
                stream = stream.trim_end_matches(['\r', '\n']).to_owned();
            }
            prop_assert_eq!(decode(&pieces(stream.as_bytes(), &cuts)), by_the_standard(&stream));
        }

        #[test]
        fn any_split_of_any_bytes_gives_the_same_events(
            bytes in proptest::collection::vec(
                prop_oneof![
                    3 => Just(b"data:".to_vec()), 1 => Just(b"event:".to_vec()), 2 => Just(b"\n".to_vec()),
                    2 => Just(b"\r".to_vec()), 1 => Just("\u{feff}".as_bytes().to_vec()), 2 => any::<u8>().prop_map(|byte| vec![byte]),
                ],
                0..60,
            ),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes = bytes.concat();
            let one_by_one: Vec<&[u8]> = bytes.chunks(1).collect();
            let whole = raw(&[&bytes]);
            prop_assert_eq!(&raw(&pieces(&bytes, &cuts)), &whole);
            prop_assert_eq!(&raw(&one_by_one), &whole);
        }
    }
}
