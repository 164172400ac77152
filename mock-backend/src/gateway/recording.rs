//! What a gateway in record mode keeps of each exchange: the arrival of every piece of the answer, and nothing secret.
//!
//! One line of JSON an exchange: `request_id`, `path`, `stream`, `status`, some `headers`, `offsets_ms` (when each piece
//! with tokens came, from the sending of the request; a backend's `trace` plays these), and `chunks` with `at_ms` and
//! `text`; `cut` is true where the answer was longer than is recorded. The prompt is not kept, nor any header that could name a caller; what the caller sent as his key is masked
//! wherever the answer repeats it, and so are parameters of the address other than the api-version.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::observe::console;
use crate::units::Nanos;
use crate::units::bounds::Bound;

/// Headers of answers that are kept.
const KEPT: [&str; 6] = [
    "content-type",
    "openai-processing-ms",
    "x-ms-region",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "retry-after",
];
/// Headers of requests whose values are secrets.
const SECRET: [&str; 4] = ["api-key", "ocp-apim-subscription-key", "x-api-key", "cookie"];
const MASK: &str = "***";
/// What a piece takes beside its bytes: the place of it, and what stands around it in the line.
const PIECE: usize = 64;

/// A file of exchanges.
pub(crate) struct Recorder(Mutex<File>);

impl Recorder {
    /// Goes on at the end of `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let wrong = |error| io::Error::other(format!("{} cannot be written: {error}", path.display()));
        Ok(Arc::new(Self(Mutex::new(file.map_err(wrong)?))))
    }

    /// Begins the recording of a request that was sent at `sent`.
    pub(crate) fn begin(self: &Arc<Self>, request: &Parts, id: &str, sent: Nanos) -> Recording {
        Recording {
            recorder: Arc::clone(self),
            secrets: secrets(&request.headers),
            line: json!({"request_id": id, "path": masked(request)}),
            sent,
            bytes: Vec::new(),
            pieces: Vec::new(),
            offsets: Vec::new(),
        }
    }

    fn write(&self, line: &str) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            console::tell(format_args!("error: an exchange could not be recorded: {error}"));
        }
    }
}

/// What must not be written.
fn secrets(headers: &HeaderMap) -> Vec<String> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = value(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
    let found = SECRET.iter().filter_map(|name| value(name)).chain(bearer);
    found.filter(|secret| !secret.is_empty()).map(str::to_owned).collect()
}

/// The address without what could be secret in it.
fn masked(request: &Parts) -> String {
    let mask = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if key != "api-version" => format!("{key}={MASK}"),
        _ => pair.to_owned(),
    };
    let query = request.uri.query().map(|query| query.split('&').map(mask).collect::<Vec<_>>().join("&"));
    query.map_or_else(|| request.uri.path().to_owned(), |query| format!("{}?{query}", request.uri.path()))
}

/// One exchange while it lasts.
pub(crate) struct Recording {
    recorder: Arc<Recorder>,
    secrets: Vec<String>,
    line: Value,
    sent: Nanos,
    bytes: Vec<u8>,
    /// When each piece came, and where it ends in the bytes.
    pieces: Vec<(f64, usize)>,
    offsets: Vec<f64>,
}

impl Recording {
    /// The head of the answer.
    pub(crate) fn head(&mut self, status: u16, headers: &HeaderMap, stream: bool) {
        let value = |name: &&str| Some(((*name).to_owned(), json!(headers.get(*name)?.to_str().ok()?)));
        self.line["headers"] = Value::Object(KEPT.iter().filter_map(value).collect());
        self.line["status"] = json!(status);
        self.line["stream"] = json!(stream);
    }

    /// A piece that came at `at`, with or without tokens.
    pub(crate) fn piece(&mut self, at: Nanos, bytes: &[u8], tokens: bool) {
        let ms = at.since(self.sent).as_micros() as f64 / 1e3;
        if self.bytes.len() + bytes.len() + self.pieces.len() * PIECE > Bound::Recording.most() {
            self.line["cut"] = json!(true);
            return;
        }
        self.bytes.extend_from_slice(bytes);
        self.pieces.push((ms, self.bytes.len()));
        if tokens {
            self.offsets.push(ms);
        }
    }

    /// Writes the line.
    pub(crate) fn finish(mut self) {
        let mut from = 0;
        let mut chunks = Vec::new();
        for (ms, end) in &self.pieces {
            // A character belongs to the piece that completes it.
            let end = boundary(&self.bytes, *end);
            let text = String::from_utf8_lossy(&self.bytes[from.min(end)..end]).into_owned();
            chunks.push(json!({"at_ms": ms, "text": text}));
            from = end.max(from);
        }
        self.line["offsets_ms"] = json!(self.offsets);
        self.line["chunks"] = Value::Array(chunks);
        let mut line = self.line.to_string();
        for secret in &self.secrets {
            // As it stands in JSON.
            let quoted = json!(secret).to_string();
            line = line.replace(quoted.trim_matches('"'), MASK);
        }
        self.recorder.write(&line);
    }
}

/// The last place up to `end` at which no character is cut.
fn boundary(bytes: &[u8], end: usize) -> usize {
    let inside = |at: usize| bytes.get(at).is_some_and(|byte| (0x80..0xc0).contains(byte));
    (end.saturating_sub(3)..=end).rev().find(|at| !inside(*at)).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_kept_with_its_times_and_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.jsonl");
        let (request, ()) = hyper::Request::post("/openai/responses?api-version=v1&sig=abc&code=def")
            .header("api-key", "sk-secret")
            .header("authorization", "Bearer token-secret")
            .body(())
            .unwrap()
            .into_parts();
        let recorder = Recorder::open(&file).unwrap();
        let mut recording = recorder.begin(&request, "id-1", Nanos(1_000_000));
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/event-stream".parse().unwrap());
        headers.insert("set-cookie", "session=1".parse().unwrap());
        recording.head(200, &headers, true);
        let text = "data: sk-secret \u{2013} token-secret\n\n".as_bytes();
        recording.piece(Nanos(13_500_000), &text[..17], true);
        recording.piece(Nanos(21_000_000), &text[17..], false);
        recording.finish();
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&written).unwrap(),
            json!({
                "request_id": "id-1", "path": "/openai/responses?api-version=v1&sig=***&code=***", "status": 200,
                "stream": true, "headers": {"content-type": "text/event-stream"}, "offsets_ms": [12.5],
                "chunks": [{"at_ms": 12.5, "text": "data: *** "}, {"at_ms": 20.0, "text": "\u{2013} ***\n\n"}],
            })
        );
    }
}
