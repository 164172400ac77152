//! Asks the gateway of a connection for its models as the agents of Foundry do, or, where the connection lists them, asks
//! each for a word. Bounded in time, in bytes and in requests; nothing is followed and no proxy of the environment is used.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};

use crate::limits::Limit;
use crate::path::{Http, TlsPolicy};
use crate::profile::foundry::address::{Addresses, Asked, Chat, Parts, segment};
use crate::profile::foundry::connection::Connection;
use crate::profile::foundry::discovery::{PLACEHOLDER, Provider};
use crate::profile::foundry::located::Node;
use crate::transport::credential::secret::Secret;
use crate::transport::tls;
use crate::wire::filter::Filter;

/// The most that is waited for an answer, as the official scripts do.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What was asked: `list`, `model NAME` or `chat NAME`.
    pub asked: String,
    /// Where.
    pub url: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// Whether it is what the agents need.
    pub good: bool,
    /// What was found, or what is wrong.
    pub said: String,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    /// Nobody said what the key is.
    #[error("connection {0}: there is no key for the requests; name the variable that holds it with --key-env")]
    NoKey(String),
    /// Only Terraform or Azure knows where it leads.
    #[error("connection {0}: its target is not an address that can be called")]
    NoTarget(String),
    /// A header cannot be sent.
    #[error("connection {0}: the header '{1}' cannot be sent; it needs a valid header name and printable ASCII")]
    Header(String, String),
    /// The client cannot be set up.
    #[error("{0}")]
    Client(String),
}

/// A connection that is ready to be asked.
pub struct Questions {
    addresses: Addresses,
    client: reqwest::Client,
    /// The header with the key.
    key: HeaderMap,
    /// The headers of calls to models.
    own: HeaderMap,
    filter: Filter,
}

impl Questions {
    /// Makes ready what is asked of a connection. Without a key its own is taken, where one stands in the file.
    ///
    /// # Errors
    /// [`NotAsked`] when something is missing; nothing has been sent then.
    pub fn of(connection: &Connection, key: Option<&Secret>) -> Result<Self, NotAsked> {
        let name = connection
            .name()
            .map_or_else(|| "without a name".to_owned(), |name| format!("'{}'", Limit::ShownText.cut(name)));
        let parts = connection.target().and_then(Parts::of);
        let parts = parts.filter(|parts| matches!(parts.scheme, "http" | "https") && !parts.host.contains(['<', '{']));
        let (Some(parts), Some(addresses)) = (parts, Addresses::of(connection)) else {
            return Err(NotAsked::NoTarget(name));
        };
        let filter = Filter::default();
        connection.secrets().iter().for_each(|secret| filter.learn(secret));
        let key = match key {
            Some(key) => key.reveal().to_owned(),
            None => own_key(connection).ok_or_else(|| NotAsked::NoKey(name.clone()))?,
        };
        filter.learn(&key);
        let config = connection.embedded("authConfig").meaning();
        let part =
            |part: &str| config.as_ref().and_then(|config| config.get(part)).and_then(Node::text).map(str::to_owned);
        let is_key = connection.property_text("authType").known() == Some("ApiKey");
        let (header, format) = if is_key {
            (
                part("name").unwrap_or_else(|| "api-key".to_owned()),
                part("format").unwrap_or_else(|| "{api_key}".to_owned()),
            )
        } else {
            (AUTHORIZATION.to_string(), "Bearer {api_key}".to_owned())
        };
        let mut auth = HeaderMap::new();
        put(&mut auth, &header, &format.replace("{api_key}", &key), true)
            .map_err(|header| NotAsked::Header(name.clone(), header))?;
        let mut own = HeaderMap::new();
        for member in connection.embedded("customHeaders").meaning().iter().flat_map(Node::members) {
            let value = member.value.text().unwrap_or_default();
            put(&mut own, &member.key, value, false).map_err(|header| NotAsked::Header(name.clone(), header))?;
        }
        let client = client(parts.scheme).map_err(NotAsked::Client)?;
        Ok(Self { addresses, client, key: auth, own, filter })
    }

    /// Asks, one request after the other.
    pub async fn ask(&self) -> Vec<Checked> {
        match &self.addresses.discovery {
            Some(asked) => self.discover(asked).await,
            None => {
                let mut all = Vec::new();
                for chat in self
                    .addresses
                    .chat
                    .iter()
                    .filter(|chat| chat.deployment != PLACEHOLDER)
                    .take(Limit::DiscoveryModels.most())
                {
                    all.push(self.chat(chat).await);
                }
                all
            }
        }
    }

    async fn discover(&self, asked: &Asked) -> Vec<Checked> {
        let Some(provider) = asked.provider else {
            let said = "deploymentProvider is neither AzureOpenAI nor OpenAI, so no answer could be read".to_owned();
            return vec![Checked {
                asked: "list".to_owned(),
                url: self.clean(&asked.list),
                status: None,
                good: false,
                said,
            }];
        };
        let list = self.get(&asked.list).await;
        let names = list.body().and_then(|body| names_in(provider, body));
        let found = names.as_ref().map(|names| {
            let shown: Vec<&str> = names.iter().map(String::as_str).take(8).collect();
            let more = if names.len() > shown.len() { ", ..." } else { "" };
            format!("{} models: {}{more}", names.len(), shown.join(", "))
        });
        let mut all = vec![self.checked("list".to_owned(), &asked.list, &list, found.map_err(Clone::clone))];
        for name in names.iter().flatten().take(Limit::DiscoveryModels.most()) {
            let url = asked.get.replace(PLACEHOLDER, &segment(name));
            let answer = self.get(&url).await;
            let found = answer.body().and_then(|body| named(provider, body, name));
            all.push(self.checked(format!("model {name}"), &url, &answer, found));
        }
        all
    }

    async fn chat(&self, chat: &Chat) -> Checked {
        let mut body = json!({"messages": [{"role": "user", "content": "Say OK."}]});
        if chat.model_in_body {
            body["model"] = chat.deployment.as_str().into();
        }
        let asked = self.client.post(&chat.url).headers(self.key.clone()).headers(self.own.clone()).json(&body);
        let answer = self.send(asked).await;
        let found = answer.body().and_then(|body| match body["choices"].as_array() {
            Some(choices) if !choices.is_empty() => Ok("it answers".to_owned()),
            Some(_) | None => Err("the answer has no 'choices'".to_owned()),
        });
        self.checked(format!("chat {}", chat.deployment), &chat.url, &answer, found)
    }

    async fn get(&self, url: &str) -> Answer {
        self.send(self.client.get(url).headers(self.key.clone())).await
    }

    async fn send(&self, asked: reqwest::RequestBuilder) -> Answer {
        let sent = asked.send().await;
        match sent {
            Err(error) => Answer { status: None, body: Err(why(&error)) },
            Ok(answer) => {
                let status = answer.status();
                let body = whole(answer).await.and_then(|text| {
                    let json = serde_json::from_str(&text).map_err(|_| "the answer is not JSON".to_owned());
                    if status.is_success() { json } else { Err(refusal(status.as_u16(), json.ok().as_ref(), &text)) }
                });
                Answer { status: Some(status.as_u16()), body }
            }
        }
    }

    fn checked(&self, asked: String, url: &str, answer: &Answer, found: Result<String, String>) -> Checked {
        let (good, said) = match found {
            Ok(said) => (true, said),
            Err(said) => (false, said),
        };
        let said = self.filter.line(&said, Limit::ErrorText);
        Checked { asked: self.clean(&asked), url: self.clean(url), status: answer.status, good, said }
    }

    fn clean(&self, text: &str) -> String {
        self.filter.hidden(text).unwrap_or_else(|| text.to_owned())
    }
}

/// The key that stands in the file, unless something stands for it.
fn own_key(connection: &Connection) -> Option<String> {
    let key = connection.property("credentials")?.value.get("key")?.text()?;
    let stands_for_it = key.is_empty() || key.contains(['{', '<']) || key.contains("YOUR-");
    (!stands_for_it).then(|| key.to_owned())
}

fn put(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> Result<(), String> {
    let wrong = || Limit::ShownText.cut(name);
    let known = HeaderName::try_from(name).map_err(|_| wrong())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    value.set_sensitive(secret);
    headers.insert(known, value);
    Ok(())
}

fn client(scheme: &str) -> Result<reqwest::Client, String> {
    let config = if scheme == "https" {
        tls::client_config(&TlsPolicy::default(), Http::One, None).map(|config| (*config).clone())
    } else {
        tls::trusting_nobody()
    };
    let config = config.map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.tls_backend_preconfigured(config).timeout(PATIENCE).build().map_err(|error| error.to_string())
}

/// What came of a request: the status, and JSON or what is wrong.
struct Answer {
    status: Option<u16>,
    body: Result<Value, String>,
}

impl Answer {
    fn body(&self) -> Result<&Value, String> {
        self.body.as_ref().map_err(Clone::clone)
    }
}

/// Why nothing came, in a sentence of the causes without the address.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer came within {} s", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("no answer came: {cause}")
}

async fn whole(mut answer: reqwest::Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| why(&error))? {
        Limit::DiscoveryAnswer.allow(body.len() + piece.len()).map_err(|beyond| beyond.to_string())?;
        body.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The words of a refusal: those of Azure, of API Management, or the text itself.
fn refusal(status: u16, body: Option<&Value>, text: &str) -> String {
    let words = body.and_then(|body| {
        [&body["error"]["message"], &body["message"], &body["error"]].into_iter().find_map(Value::as_str)
    });
    let hint = match status {
        300..=399 => "; redirects are not followed, so write the address that it leads to",
        401 | 403 => "; check the key, its header (authConfig) and its permissions",
        404 => "; check the target, deploymentInPath and the endpoints",
        _ => "",
    };
    format!("{}{hint}", words.unwrap_or(text.lines().next().unwrap_or_default()))
}

/// The names of a list of models.
///
/// # Errors
/// When it has another form.
fn names_in(provider: Provider, body: &Value) -> Result<Vec<String>, String> {
    let (list, other, name) = match provider {
        Provider::AzureOpenAI => ("value", "data", "name"),
        Provider::OpenAI => ("data", "value", "id"),
    };
    let Some(items) = body[list].as_array() else {
        let hint = if body[other].is_array() {
            format!("; there is '{other}', so it has the form of the other provider")
        } else {
            String::new()
        };
        return Err(format!("the answer has no list '{list}', as {provider} has it{hint}"));
    };
    let names = items.iter().map(|item| item[name].as_str().map(str::to_owned));
    names.collect::<Option<Vec<_>>>().ok_or_else(|| format!("an item of '{list}' has no '{name}'"))
}

/// What is said of one model.
///
/// # Errors
/// When it is another, or has another form.
fn named(provider: Provider, body: &Value, name: &str) -> Result<String, String> {
    let (key, model) = match provider {
        Provider::AzureOpenAI => ("name", &body["properties"]["model"]),
        Provider::OpenAI => ("id", body),
    };
    match body[key].as_str() {
        None => Err(format!("the answer has no '{key}', as {provider} has it")),
        Some(found) if found != name => Err(format!("the answer is of '{found}'")),
        Some(_) if provider == Provider::AzureOpenAI && !model["name"].is_string() => {
            Err("the answer has no 'properties.model.name'".to_owned())
        }
        Some(_) => {
            let version = model["version"].as_str().filter(|version| !version.is_empty());
            let version = version.map_or(String::new(), |version| format!(", version {version}"));
            Ok(format!("{}{version}", model["name"].as_str().unwrap_or(name)))
        }
    }
}
