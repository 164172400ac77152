//! One request to a token endpoint, with bounded time and bounded reading.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use crate::limits::Limit;
use crate::path::TlsPolicy;
use crate::transport::credential::entra_errors::meaning;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::token::Token;
use crate::transport::tls::{self, TlsError};
use crate::wire::words;

/// The most that is waited for an answer; less where a token lives for a short time.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A client for token endpoints. It follows no redirect, since a secret is for one address alone, and uses no proxy of
/// the environment.
#[derive(Clone, Debug)]
pub(super) struct Endpoint(Client);

impl Endpoint {
    /// A client that trusts the system's roots, and those of the path's `tls.ca_file` beside them. Certificates are
    /// always verified: the secret goes there.
    ///
    /// # Errors
    /// When the roots of trust cannot be had, or TLS cannot be set up.
    pub(super) fn new(policy: &TlsPolicy) -> Result<Self, TlsError> {
        let config = tls::aside_config(policy)?;
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        // A connection would be idle for most of a token's life.
        let client = client.pool_max_idle_per_host(0).tls_backend_preconfigured(config).connect_timeout(PATIENCE);
        client
            .timeout(PATIENCE)
            .build()
            .map(Self)
            .map_err(|error| TlsError::Setup(rustls::Error::General(error.to_string())))
    }

    /// Sends a form, and reads the token of the answer.
    pub(super) async fn post(
        &self,
        url: &str,
        form: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<Token, NoToken> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let asked = self.0.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.finish());
        let asked = match basic {
            // By RFC 6749 section 2.3.1 both are encoded as in a form first.
            Some((client, secret)) => asked.basic_auth(encoded(client), Some(encoded(secret))),
            None => asked,
        };
        self.ask(asked, url).await
    }

    /// Asks with a query and headers, and reads the token of the answer.
    pub(super) async fn get(
        &self,
        url: &str,
        query: &[(&str, &str)],
        (name, value): (&str, &str),
    ) -> Result<Token, NoToken> {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(query);
        let asked = self.0.get(format!("{url}?{}", pairs.finish())).header(name, value);
        self.ask(asked, url).await
    }

    async fn ask(&self, asked: RequestBuilder, url: &str) -> Result<Token, NoToken> {
        let place = url.split('?').next().unwrap_or_default();
        let unreachable = |error: reqwest::Error| NoToken::passing(format!("{place} {}", why(&error)));
        let answer = asked.header(ACCEPT, "application/json").send().await.map_err(unreachable)?;
        let (status, wait) = (answer.status(), retry_after(&answer));
        let body = whole(answer).await.map_err(|why| NoToken::passing(format!("{place} {why}")))?;
        if status.is_success() {
            return Token::of_answer(&body).map_err(|no| NoToken { message: format!("{place}: {}", no.message), ..no });
        }
        let said = Some(said(&body)).filter(|said| !said.is_empty());
        let means = meaning(&body).or_else(|| of_status(status));
        let told = [means.map(str::to_owned), said.map(|said| format!("it said: {said}"))];
        let told = told.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let message = format!("{place} answered {}: {told}", status.as_u16());
        Err(NoToken { message, lasts: lasts(status), wait })
    }
}

/// What a refusal says: its description, without the numbers by which its author finds it again.
fn said(body: &str) -> String {
    let described = serde_json::from_str::<serde_json::Value>(body).ok();
    let described = described.as_ref().and_then(|json| json["error_description"].as_str());
    match described {
        Some(text) => text.split("Trace ID:").next().unwrap_or_default().trim().to_owned(),
        None => words::said(body.as_bytes()),
    }
}

/// A text as forms have it.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Whether asking again is of no use. The metadata service says 404 and 410 while it is updated.
fn lasts(status: StatusCode) -> bool {
    !(status.is_server_error() || matches!(status.as_u16(), 404 | 408 | 410 | 429))
}

fn of_status(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        300..=399 => Some("a redirect, which is not followed; name the token endpoint itself"),
        404 => Some("check the address; the metadata service also says so while it is updated"),
        429 => Some("it gets too many requests"),
        _ => None,
    }
}

/// What an endpoint says of when to ask again, in seconds.
fn retry_after(answer: &Response) -> Option<Duration> {
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The body, as much as is read.
async fn whole(mut answer: Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| why(&error))? {
        Limit::TokenAnswer.check(body.len() + piece.len()).map_err(|more| format!("cannot be used: {more}"))?;
        body.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Why there is no answer. The innermost cause says it best.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let what = if error.is_connect() { "cannot be reached" } else { "gave no answer" };
    format!("{what}: {cause}")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What becomes of asking an endpoint that answers this, and what it was asked.
    async fn answered(answer: String, basic: Option<(&str, &str)>) -> (Result<Token, NoToken>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/token?x=1", listener.local_addr().expect("an address"));
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut asked = vec![0; 8192];
            let mut length = 0;
            while !String::from_utf8_lossy(&asked[..length]).contains("scope=") {
                length += stream.read(&mut asked[length..]).await.expect("read");
            }
            // Who reads only so much may have gone.
            let _ = stream.write_all(answer.as_bytes()).await;
            String::from_utf8_lossy(&asked[..length]).into_owned()
        };
        let endpoint = Endpoint::new(&TlsPolicy::default()).expect("a client");
        let asked = endpoint.post(&url, &[("client_id", "a b"), ("scope", "s/.default")], basic);
        let (found, asked) = tokio::join!(asked, serve);
        (found, asked)
    }

    fn http(status: u16, headers: &str, body: &str) -> String {
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_form_is_sent_and_a_token_read() {
        let body = r#"{"access_token":"t0ken","expires_in":60}"#;
        let (found, asked) = answered(http(200, "", body), Some(("id:1", "s/+"))).await;
        assert_eq!(found.map(|token| token.life), Ok(Some(Duration::from_secs(60))));
        let asked = asked.to_lowercase();
        // RFC 6749: id%3A1 and s%2F%2B, then base64.
        assert!(asked.contains("authorization: basic awqlm0exonmlmkylmki="), "{asked}");
        assert!(asked.ends_with("\r\n\r\nclient_id=a+b&scope=s%2f.default"), "{asked}");
    }

    #[tokio::test]
    async fn a_refusal_tells_its_cause_and_whether_it_lasts() {
        let aadsts =
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: The keys are expired. Trace ID: 1"}"#;
        for (answer, part, lasts, wait) in [
            (
                http(401, "", aadsts),
                "401: the client secret has expired; make a new one for the application; it said: AADSTS7000222: The keys are expired.",
                true,
                None,
            ),
            (http(429, "retry-after: 7\r\n", ""), "it gets too many requests", false, Some(7)),
            (http(503, "", "busy"), "503: it said: busy", false, None),
            (http(302, "location: /x\r\n", ""), "a redirect", true, None),
            (http(200, "", "hello"), "is not JSON with an access_token", true, None),
            ("nonsense\r\n\r\n".to_owned(), "gave no answer", false, None),
        ] {
            let no = answered(answer, None).await.0.expect_err(part);
            assert!(no.message.contains(part) && !no.message.contains("Trace"), "{part}: {no}");
            assert_eq!((no.lasts, no.wait), (lasts, wait.map(Duration::from_secs)), "{no}");
            assert!(!no.message.contains("x=1"), "{no}");
        }
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_allowed() {
        let body = |pad: usize| format!("{{\"access_token\":\"t\",\"pad\":\"{}\"}}", "x".repeat(pad));
        let most = Limit::TokenAnswer.most();
        assert!(answered(http(200, "", &body(most - 100)), None).await.0.is_ok());
        let no = answered(http(200, "", &body(most)), None).await.0.expect_err("too much");
        assert!(no.message.contains("more than 64 KiB"), "{no}");
    }

    #[tokio::test]
    async fn an_endpoint_that_is_not_there_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/token", listener.local_addr().expect("an address"));
        drop(listener);
        let endpoint = Endpoint::new(&TlsPolicy::default()).expect("a client");
        let no = endpoint.post(&url, &[("scope", "s")], None).await.expect_err("nobody");
        assert!(no.message.contains(&url) && no.message.contains("cannot be reached: "), "{no}");
    }
}
