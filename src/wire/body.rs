//! What form a body has: told by its first bytes, whatever its label says.

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// Server-sent events.
    Events,
    /// Server-sent events by their label alone: they do not begin as such.
    LabelledEvents,
    /// JSON.
    Json,
    /// An HTML or XML page.
    Markup,
    /// Bytes that have to be unpacked first.
    Compressed,
    /// None of these.
    Other,
}

/// What the headers say of a body. It decides only where the first bytes do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Label {
    /// Whether they call it an event stream.
    pub events: bool,
    /// Whether they call it compressed.
    pub compressed: bool,
}

impl Label {
    /// Reads the content type and the content encoding.
    #[must_use]
    pub(crate) fn of(media_type: Option<&str>, encoding: Option<&str>) -> Self {
        Self {
            events: media_type.is_some_and(is_event_stream),
            compressed: encoding.is_some_and(|all| all.split(',').any(|encoding| is_compression(encoding.trim()))),
        }
    }
}

/// Whether the media type without its parameters is that of events.
fn is_event_stream(media_type: &str) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    let Some((essence, rest)) = media_type.trim_ascii_start().as_bytes().split_at_checked(EVENTS.len()) else {
        return false;
    };
    essence.eq_ignore_ascii_case(EVENTS) && matches!(rest.trim_ascii_start(), [] | [b';', ..])
}

fn is_compression(encoding: &str) -> bool {
    const KNOWN: [&str; 8] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb"];
    KNOWN.iter().any(|known| encoding.eq_ignore_ascii_case(known))
}

/// The first bytes of gzip, of Zstandard and of zlib at its three usual levels.
const PACKED: [&[u8]; 5] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x9c", b"\x78\xda"];
/// How a line of events begins.
const FIELDS: [&[u8]; 6] = [b":", b"data:", b"event:", b"id:", b"retry:", b"error:"];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl BodyKind {
    /// The form of a body that begins with these bytes; `None` while they are too few to tell.
    #[must_use]
    pub(crate) fn of(begin: &[u8], label: Label) -> Option<Self> {
        if begin.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(begin) {
            return None;
        }
        let begin = begin.strip_prefix(BYTE_ORDER_MARK).unwrap_or(begin).trim_ascii_start();
        let begins = |known: &[u8]| begin.starts_with(known);
        let may_become = |known: &[u8]| known.starts_with(begin);
        let packed = PACKED.iter().any(|known| begins(known)) || (label.compressed && !is_text(begin));
        match begin.first() {
            None => None,
            _ if packed => Some(Self::Compressed),
            Some(b'{' | b'[') => Some(Self::Json),
            Some(b'<') => Some(Self::Markup),
            _ if FIELDS.iter().any(|known| begins(known)) => Some(Self::Events),
            _ if FIELDS.iter().chain(&PACKED).any(|known| may_become(known)) => None,
            _ if label.events => Some(Self::LabelledEvents),
            _ => Some(Self::Other),
        }
    }
}

/// Whether bytes look like text, as far as they go: no control characters, and whole characters but for the last.
fn is_text(bytes: &[u8]) -> bool {
    let bytes = &bytes[..bytes.len().min(64)];
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    whole && !bytes.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Label = Label { events: false, compressed: false };
    const EVENTS: Label = Label { events: true, compressed: false };
    const PACKED_LABEL: Label = Label { events: false, compressed: true };

    #[test]
    fn the_first_bytes_tell_the_form_and_the_label_the_rest() {
        use BodyKind::{Compressed, Events, Json, LabelledEvents, Markup, Other};
        let table: [(&[u8], Label, Option<BodyKind>); 37] = [
            (b"{\"id\"", EVENTS, Some(Json)),
            (b" \r\n\t{", NONE, Some(Json)),
            (b"[{\"error\"", EVENTS, Some(Json)),
            (b"\xef\xbb\xbf{", NONE, Some(Json)),
            (b"\xef\xbb\xbfdata: x", NONE, Some(Events)),
            (b"\xef\xbb", NONE, None),
            (b"data: x", NONE, Some(Events)),
            (b"data:", NONE, Some(Events)),
            (b"data", NONE, None),
            (b"d", EVENTS, None),
            (b"event: ping\n", NONE, Some(Events)),
            (b"id: 7\n", NONE, Some(Events)),
            (b"retry: 3000\n", NONE, Some(Events)),
            (b"error: {}\n", NONE, Some(Events)),
            (b": OPENROUTER PROCESSING\n", NONE, Some(Events)),
            (b":\n", PACKED_LABEL, Some(Events)),
            (b"\n\n", EVENTS, None),
            (b"\n\ndata: x", NONE, Some(Events)),
            (b"", EVENTS, None),
            (b"<!DOCTYPE html>", EVENTS, Some(Markup)),
            (b"\n  <html>", NONE, Some(Markup)),
            (b"<?xml version", NONE, Some(Markup)),
            (b"\x1f\x8b\x08\x00", EVENTS, Some(Compressed)),
            (b"\x1f", NONE, None),
            (b"\x28\xb5\x2f\xfd", NONE, Some(Compressed)),
            (b"\x78\x9c\x4b", NONE, Some(Compressed)),
            (b"\x0b\x02\x80", PACKED_LABEL, Some(Compressed)),
            (b"\x5b\x02\x80", PACKED_LABEL, Some(Compressed)),
            (b"\x0b\x02\x80", NONE, Some(Other)),
            (b"{\"id\":1", PACKED_LABEL, Some(Json)),
            (b"data: x", PACKED_LABEL, Some(Events)),
            (b"data: \xf0\x9f", PACKED_LABEL, Some(Events)),
            (b"Too Many Requests", NONE, Some(Other)),
            (b"Too Many Requests", EVENTS, Some(LabelledEvents)),
            (b"dataset", NONE, Some(Other)),
            (b"identity", NONE, Some(Other)),
            (b"\"text\"", NONE, Some(Other)),
        ];
        for (begin, label, kind) in table {
            assert_eq!(BodyKind::of(begin, label), kind, "{:?} {label:?}", String::from_utf8_lossy(begin));
        }
    }

    #[test]
    fn labels_are_compared_by_essence_in_any_case() {
        for events in ["text/event-stream", "Text/Event-Stream; charset=utf-8", " TEXT/EVENT-STREAM ;x=y"] {
            assert_eq!(Label::of(Some(events), Some("identity")), EVENTS, "{events}");
        }
        for other in ["application/json", "text/event-streams", "", "x/text/event-stream"] {
            assert_eq!(Label::of(Some(other), None), NONE, "{other}");
        }
        for packed in ["gzip", "GZIP", "identity, br", "zstd", "deflate"] {
            assert_eq!(Label::of(None, Some(packed)), PACKED_LABEL, "{packed}");
        }
        for plain in ["identity", "", "utf-8", "none"] {
            assert_eq!(Label::of(None, Some(plain)), NONE, "{plain}");
        }
    }
}
