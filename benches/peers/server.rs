//! The one server that all clients are measured against: one thread, fixed answers, nothing parsed but the length of the
//! body and whether a stream is asked for.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Content events of one stream.
pub const TOKENS: usize = 64;
/// All events of one stream: the role, the content, the finish, the token counts and the mark.
pub const EVENTS: usize = TOKENS + 4;

/// Serves until its standard input ends, which it does when whoever started it is gone; prints the port first.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        super::tell(&listener.local_addr()?.port().to_string());
        let gone = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
        let serving = async {
            let answers = std::rc::Rc::new(Answers::new());
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        tokio::task::spawn_local(converse(stream, std::rc::Rc::clone(&answers)));
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        tokio::select! {
            _ = gone => Ok(()),
            () = serving => Ok(()),
        }
    })
}

struct Answers {
    whole: Vec<u8>,
    /// The head of a stream, then one chunk an event, then the last chunk.
    stream: Vec<Vec<u8>>,
}

impl Answers {
    fn new() -> Self {
        let id = "chatcmpl-CExampleExampleExampleExampl";
        let usage = r#"{"prompt_tokens":16,"completion_tokens":10,"total_tokens":26}"#;
        let body = format!(
            r#"{{"id":"{id}","object":"chat.completion","created":1751234567,"model":"gpt-4o-2024-11-20","choices":[{{"index":0,"message":{{"role":"assistant","content":"Ten words of an answer that says nothing at all.","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{usage},"system_fingerprint":"fp_ee1d74bde0"}}"#
        );
        let head = "HTTP/1.1 200 OK\r\nx-request-id: 0a1b2c3d-0000-4000-8000-0123456789ab\r\n";
        let whole = format!("{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into_bytes();
        let event = |choices: &str, usage: &str| {
            format!(
                r#"data: {{"id":"{id}","object":"chat.completion.chunk","created":1751234567,"model":"gpt-4o-2024-11-20","system_fingerprint":"fp_ee1d74bde0","choices":[{choices}],"usage":{usage}}}"#
            ) + "\n\n"
        };
        let mut events =
            vec![event(r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#, "null")];
        for token in 0..TOKENS {
            let choice = format!(r#"{{"index":0,"delta":{{"content":" word{token}"}},"finish_reason":null}}"#);
            events.push(event(&choice, "null"));
        }
        events.push(event(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "null"));
        events.push(event("", &usage.replace("10", "64")));
        events.push("data: [DONE]\n\n".to_owned());
        let chunk = |data: &String| format!("{:x}\r\n{data}\r\n", data.len()).into_bytes();
        let head =
            format!("{head}content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n");
        let mut stream = vec![head.into_bytes()];
        stream.extend(events.iter().map(chunk));
        stream.push(b"0\r\n\r\n".to_vec());
        Self { whole, stream }
    }
}

/// Answers request after request; each event of a stream is written by itself, as a model would.
async fn converse(mut stream: TcpStream, answers: std::rc::Rc<Answers>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut room = Vec::with_capacity(8 << 10);
    loop {
        let (length, streams) = loop {
            if let Some(found) = request(&room) {
                break found;
            }
            if stream.read_buf(&mut room).await? == 0 {
                return Ok(());
            }
        };
        room.drain(..length);
        if streams {
            for piece in &answers.stream {
                stream.write_all(piece).await?;
            }
        } else {
            stream.write_all(&answers.whole).await?;
        }
    }
}

/// The length of the request at the beginning of `bytes`, if all of it is there, and whether it asks for a stream.
fn request(bytes: &[u8]) -> Option<(usize, bool)> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let head = &bytes[..end];
    let at = [&b"content-length: "[..], b"Content-Length: "]
        .iter()
        .find_map(|name| memchr::memmem::find(head, name).map(|at| at + name.len()))?;
    let length = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let whole = end + length.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    let body = bytes.get(end..whole)?;
    let streams = memchr::memmem::find(body, b"\"stream\":true").is_some();
    Some((whole, streams))
}
