//! Preflight: does each path answer at all? One small call a path and API, before anything is measured.
//!
//! Refuses only what cannot be measured: a name, connect or TLS failure, 401, 403, 404, or no answer. Anything else
//! is data, and becomes a warning.

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use crate::measure::outcome::ErrorClass;
use crate::path::{Http, NetPath};
use crate::transport::connect::{self, Target};
use crate::transport::{http2, tls};
use crate::units::Api;
use crate::wire::error::describe_error;
use crate::wire::{chat, responses};
use crate::workload::call::{Call, Prompt};

/// The most that is waited for the answer of a preflight call.
const PATIENCE: Duration = Duration::from_secs(60);
/// The output tokens that a preflight call asks for; some servers refuse fewer.
const OUTPUT_TOKENS: u32 = 16;

/// A path that cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path '{path}' ({url}): {why}; {remedy}")]
pub struct Refused {
    /// The path's name.
    pub path: String,
    /// Where it leads.
    pub url: String,
    /// What happened.
    pub why: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Asks one path, through each of `apis`, for a small answer. Returns warnings.
///
/// # Errors
/// [`Refused`] when the path cannot be measured.
pub async fn preflight(
    path: &NetPath,
    target: &Target,
    secret: Option<&(HeaderName, HeaderValue)>,
    apis: &[Api],
    model: &str,
) -> Result<Vec<String>, Refused> {
    let refuse = |why: String, remedy| Refused { path: path.name.clone(), url: path.base_url.clone(), why, remedy };
    reach(path, target).await.map_err(|(why, remedy)| refuse(why, remedy))?;
    let client = client(path, target).map_err(|why| refuse(why, "check tls.ca_file"))?;
    let mut warnings = Vec::new();
    for api in apis {
        let (status, body) = ask(&client, path, secret, *api, model)
            .await
            .map_err(|why| refuse(why, "check that an OpenAI-compatible server listens there"))?;
        match judge(status, &body, secret) {
            Answer::Fine => {}
            Answer::Odd(what) => {
                warnings.push(format!("path '{}': preflight of {} got {what}", path.name, api.as_str()))
            }
            Answer::Refused(what, remedy) => return Err(refuse(format!("{} got {what}", api.as_str()), remedy)),
        }
    }
    Ok(warnings)
}

/// Whether name, TCP, TLS and the HTTP of the path work, told by the step that does not, with what to do.
async fn reach(path: &NetPath, target: &Target) -> Result<(), (String, &'static str)> {
    const WAY: &str = "check base_url, the name's DNS view, firewalls and tls.ca_file, and that the server is up";
    let wait = path.timeouts.connect;
    let opened = match tokio::time::timeout(wait.0, connect::open(target)).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) if error.class == ErrorClass::Alpn => return Err((error.message, other_http(path.http))),
        Ok(Err(error)) => return Err((error.message, WAY)),
        Err(_) => return Err((format!("no connection within {wait}"), WAY)),
    };
    if path.http.is_one() {
        return Ok(());
    }
    match tokio::time::timeout(wait.0, http2::greet(opened, &target.authority)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err((error.message, other_http(path.http))),
        Err(_) => Err((format!("{} did not answer in HTTP/2 within {wait}", target.authority), other_http(path.http))),
    }
}

/// What to do about a server that speaks another HTTP than its path.
fn other_http(http: Http) -> &'static str {
    match http {
        Http::One => "set connections.http = \"2\", or name a server that speaks HTTP/1.1",
        Http::Two { .. } => "set connections.http = \"1.1\", or name a server that speaks HTTP/2",
    }
}

fn client(path: &NetPath, target: &Target) -> Result<reqwest::Client, String> {
    let config = match &target.tls {
        Some(config) => (**config).clone(),
        None => tls::trusting_nobody().map_err(|error| error.to_string())?,
    };
    let builder = match path.http {
        Http::One => builder(config).http1_only(),
        Http::Two { .. } => builder(config).http2_prior_knowledge(),
    };
    builder
        .connect_timeout(path.timeouts.connect.0)
        .timeout(path.timeouts.first_byte.0.min(PATIENCE))
        .build()
        .map_err(|error| told(&error))
}

/// A client for calls to the simulator's own routes.
///
/// # Errors
/// When it cannot be set up, in a sentence.
pub fn control_client() -> Result<reqwest::Client, String> {
    let config = tls::trusting_nobody().map_err(|error| error.to_string())?;
    builder(config).timeout(PATIENCE).build().map_err(|error| told(&error))
}

/// Neither proxies nor redirects: what is asked is what the measured path asks.
fn builder(config: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).tls_backend_preconfigured(config)
}

async fn ask(
    client: &reqwest::Client,
    path: &NetPath,
    secret: Option<&(HeaderName, HeaderValue)>,
    api: Api,
    model: &str,
) -> Result<(u16, Vec<u8>), String> {
    let call = Call {
        api,
        stream: false,
        model: model.into(),
        prompt: Prompt::Text("Say hello.".to_owned()),
        max_output_tokens: Some(OUTPUT_TOKENS),
        input_tokens: None,
    };
    let (resource, body) = match api {
        Api::Chat => ("chat/completions", chat::encode(&call)),
        Api::Responses => ("responses", responses::encode(&call)),
    };
    let url = format!("{}/{resource}", path.base_url.trim_end_matches('/'));
    let mut request = client.post(url).header("content-type", "application/json").body(body);
    if let Some((name, value)) = secret {
        let mut value = value.clone();
        value.set_sensitive(true);
        request = request.header(name.clone(), value);
    }
    let answer = request.send().await.map_err(|error| told(&error))?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map(|body| body.to_vec()).unwrap_or_default();
    Ok((status, body))
}

enum Answer {
    Fine,
    Odd(String),
    Refused(String, &'static str),
}

fn judge(status: u16, body: &[u8], secret: Option<&(HeaderName, HeaderValue)>) -> Answer {
    let told = match without_secret(describe_error(body), secret) {
        text if text.is_empty() => format!("status {status}"),
        text => format!("status {status} ({text})"),
    };
    match status {
        200..=299 => Answer::Fine,
        401 => Answer::Refused(told, "check the key that auth.env or auth.file names, and auth.kind"),
        403 => Answer::Refused(told, "check the role of the caller, and that the network it calls from is allowed"),
        404 => Answer::Refused(told, "check base_url and workload.model (Azure: the deployment's name)"),
        _ => Answer::Odd(told),
    }
}

/// A server's own words without the secret, which some servers repeat.
fn without_secret(words: String, secret: Option<&(HeaderName, HeaderValue)>) -> String {
    let text = secret.and_then(|(_, value)| value.to_str().ok()).unwrap_or_default();
    let text = text.strip_prefix("Bearer ").unwrap_or(text);
    if text.is_empty() { words } else { words.replace(text, "***") }
}

/// An error of reqwest with its causes, without the URL that it repeats.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() { "the call failed".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{body_partial_json, header, method, path as at};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::path::{AuthRef, ConnectionPolicy, PathKind, Timeouts, TlsPolicy};
    use crate::units::{PathId, Span};

    fn path_to(base_url: String) -> NetPath {
        NetPath {
            id: PathId(0),
            name: "direct".to_owned(),
            kind: PathKind::Direct,
            base_url,
            auth: AuthRef::default(),
            backend: None,
            connections: ConnectionPolicy::Keep,
            http: Http::One,
            tls: TlsPolicy::default(),
            timeouts: Timeouts { connect: Span::from_secs(2), first_byte: Span::from_secs(5), ..Timeouts::default() },
            tags: Vec::new(),
        }
    }

    async fn answered(status: u16, body: &str) -> Result<Vec<String>, Refused> {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(at("/openai/v1/chat/completions"))
            .and(header("api-key", "s3cr3t"))
            .and(body_partial_json(serde_json::json!({"model": "m", "stream": false, "max_tokens": OUTPUT_TOKENS})))
            .respond_with(ResponseTemplate::new(status).set_body_string(body))
            .expect(1)
            .mount(&server)
            .await;
        let path = path_to(format!("{}/openai/v1", server.uri()));
        let target = Target::of(&path).expect("a target");
        let secret = (HeaderName::from_static("api-key"), HeaderValue::from_static("s3cr3t"));
        preflight(&path, &target, Some(&secret), &[Api::Chat], "m").await
    }

    #[tokio::test]
    async fn what_answers_is_let_through() {
        assert_eq!(answered(200, "{}").await, Ok(vec![]));
    }

    #[tokio::test]
    async fn throttling_and_server_errors_are_data() {
        for status in [429, 500, 503] {
            let warnings = answered(status, r#"{"error":{"message":"busy"}}"#).await.expect("let through");
            assert!(warnings[0].contains(&format!("status {status} (busy)")), "{warnings:?}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_measured_is_refused_with_its_remedy() {
        for (status, part) in [(401, "auth.env"), (403, "role"), (404, "workload.model")] {
            let refused = answered(status, r#"{"error":{"message":"no"}}"#).await.expect_err("refused").to_string();
            assert!(refused.contains(part) && refused.contains(&status.to_string()), "{refused}");
            assert!(!refused.contains("api-key"), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_the_server_repeats_is_not_told() {
        let body = r#"{"error":{"message":"invalid key 's3cr3t'"}}"#;
        let refused = answered(401, body).await.expect_err("refused").to_string();
        let warned = answered(500, body).await.expect("let through").join("");
        for told in [refused, warned] {
            assert!(told.contains("invalid key '***'") && !told.contains("s3cr3t"), "{told}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_plainly() {
        let path = path_to("http://127.0.0.1:9".to_owned());
        let target = Target::of(&path).expect("a target");
        let refused = preflight(&path, &target, None, &[Api::Chat], "m").await.expect_err("refused").to_string();
        assert!(refused.contains("nobody listens at 127.0.0.1:9"), "{refused}");
    }
}
