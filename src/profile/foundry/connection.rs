//! A connection object of Foundry to a gateway: as it is written, and what its settings mean.

use serde::Serialize;

use crate::profile::foundry::json;
use crate::profile::foundry::located::{Member, Node, Place, Value};

/// What the agents of Foundry connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display, strum::IntoStaticStr)]
pub enum Category {
    /// Azure API Management.
    ApiManagement,
    /// Any other gateway, or another resource.
    ModelGateway,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ApiManagement, Self::ModelGateway];
}

/// What a connection is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The object itself, as the API and Azure Resource Manager show and take it.
    Object,
    /// A resource in a template of Azure Resource Manager.
    Template,
    /// The parameters of one of the official templates, which makes the object of them.
    Parameters,
    /// The body of an `azapi_resource` of Terraform.
    Terraform,
}

/// A connection, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// What it is written as.
    pub form: Form,
    /// Where it begins.
    pub place: Place,
    /// What it connects to.
    pub category: Category,
    /// Its name, where one is written.
    pub(crate) name: Option<Node>,
    /// Its `properties`: a table. Those of parameters are brought into this shape.
    pub(crate) properties: Node,
}

/// A setting that is a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting<'c> {
    /// It is not written, null, or empty.
    Absent,
    /// Only Terraform or Azure knows it, or it is no text.
    Unknown,
    /// It is this text.
    Is(&'c str),
}

impl<'c> Setting<'c> {
    /// The text, where it is known.
    #[must_use]
    pub(crate) fn known(self) -> Option<&'c str> {
        match self {
            Self::Is(text) => Some(text),
            Self::Absent | Self::Unknown => None,
        }
    }

    fn of(node: Option<&'c Node>) -> Self {
        match node {
            None => Self::Absent,
            Some(node) if node.is_empty() => Self::Absent,
            Some(node) => match &node.value {
                Value::Text(text) => Self::Is(text),
                Value::Bool(true) => Self::Is("true"),
                Value::Bool(false) => Self::Is("false"),
                Value::Number(number) => Self::Is(number),
                Value::Null | Value::List(_) | Value::Table(_) | Value::Encoded(_) | Value::Unknown => Self::Unknown,
            },
        }
    }
}

/// A setting that is a text of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Embedded {
    /// It is not written, null, or empty.
    Absent,
    /// Only Terraform or Azure knows it.
    Unknown,
    /// It stands there as it is, where a text of JSON should stand.
    Plain(Node),
    /// A text of JSON whose value is a text of JSON in turn.
    Twice(Node),
    /// A text that is no JSON, and why.
    Broken(String),
    /// What the text of JSON says.
    Json(Node),
}

impl Embedded {
    /// What it says, however it is written.
    #[must_use]
    pub(crate) fn meaning(self) -> Option<Node> {
        match self {
            Self::Plain(node) | Self::Twice(node) | Self::Json(node) => Some(node),
            Self::Absent | Self::Unknown | Self::Broken(_) => None,
        }
    }
}

/// Keys of the metadata whose value is a text of JSON.
pub(crate) const EMBEDDED: [&str; 4] = ["modelDiscovery", "models", "customHeaders", "authConfig"];

/// Keys of the metadata whose value is a plain text.
pub(crate) const PLAIN: [&str; 3] = ["deploymentInPath", "inferenceAPIVersion", "deploymentAPIVersion"];

impl Connection {
    /// A key of the properties.
    #[must_use]
    pub(crate) fn property(&self, key: &str) -> Option<&Member> {
        self.properties.member(key)
    }

    /// A property that is a text.
    #[must_use]
    pub(crate) fn property_text(&self, key: &str) -> Setting<'_> {
        Setting::of(self.property(key).map(|member| &member.value))
    }

    /// The metadata, if they are written out.
    #[must_use]
    pub(crate) fn metadata(&self) -> Option<&Node> {
        self.properties.get("metadata")
    }

    /// Whether only Terraform or Azure knows the metadata.
    #[must_use]
    pub(crate) fn hides_metadata(&self) -> bool {
        self.metadata().is_some_and(|node| matches!(node.value, Value::Unknown | Value::Text(_) | Value::Encoded(_)))
    }

    /// A key of the metadata.
    #[must_use]
    pub(crate) fn setting(&self, key: &str) -> Option<&Member> {
        self.metadata().and_then(|metadata| metadata.member(key))
    }

    /// A setting of the metadata that is a text.
    #[must_use]
    pub(crate) fn setting_text(&self, key: &str) -> Setting<'_> {
        if self.hides_metadata() {
            return Setting::Unknown;
        }
        Setting::of(self.setting(key).map(|member| &member.value))
    }

    /// A setting of the metadata that is a text of JSON.
    #[must_use]
    pub(crate) fn embedded(&self, key: &str) -> Embedded {
        if self.hides_metadata() {
            return Embedded::Unknown;
        }
        let Some(member) = self.setting(key).filter(|member| !member.value.is_empty()) else { return Embedded::Absent };
        let node = &member.value;
        match &node.value {
            Value::Unknown => Embedded::Unknown,
            Value::Text(text) => match json::embedded(text, node.place) {
                Err(syntax) => Embedded::Broken(syntax.message),
                Ok(Node { value: Value::Text(inner), place }) => {
                    json::embedded(&inner, place).map_or_else(|why| Embedded::Broken(why.message), Embedded::Twice)
                }
                Ok(node) => Embedded::Json(node),
            },
            Value::Encoded(inner) => match &inner.value {
                Value::Encoded(innermost) => Embedded::Twice((**innermost).clone()),
                Value::Unknown => Embedded::Unknown,
                Value::Text(text) => {
                    json::embedded(text, inner.place).map_or_else(|why| Embedded::Broken(why.message), Embedded::Twice)
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => {
                    Embedded::Json((**inner).clone())
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => {
                Embedded::Plain(node.clone())
            }
        }
    }

    /// Where a setting of the metadata stands, or else the metadata, or else the connection.
    #[must_use]
    pub(crate) fn place_of(&self, key: &str) -> Place {
        let member = self.setting(key).map(|member| member.place);
        member.or(self.properties.member("metadata").map(|member| member.place)).unwrap_or(self.place)
    }

    /// Where a property stands, or else the connection.
    #[must_use]
    pub(crate) fn place_of_property(&self, key: &str) -> Place {
        self.property(key).map_or(self.place, |member| member.place)
    }

    /// Its name, without those of the account and the project before it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        Setting::of(self.name.as_ref()).known().map(|name| name.rsplit('/').next().unwrap_or(name))
    }

    /// How a setting is spelled in this form: templates call some of them otherwise.
    #[must_use]
    pub(crate) fn spelled(&self, key: &'static str) -> &'static str {
        match (self.form, key) {
            (Form::Parameters, "models") => "staticModels",
            (Form::Parameters, "modelDiscovery") => "listModelsEndpoint, getModelEndpoint, deploymentProvider",
            (Form::Parameters, "target") => "targetUrl",
            (Form::Parameters | Form::Object | Form::Template | Form::Terraform, key) => key,
        }
    }

    /// Where calls go, without what each adds; `None` where it is not known.
    #[must_use]
    pub(crate) fn target(&self) -> Option<&str> {
        self.property_text("target").known()
    }

    /// Whether the deployment stands in the path of a call, where that is said.
    #[must_use]
    pub(crate) fn deployment_in_path(&self) -> Option<bool> {
        match self.setting_text("deploymentInPath") {
            Setting::Is(text) => match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            Setting::Absent | Setting::Unknown => None,
        }
    }

    /// All that may be a secret: credentials, the values of headers, what a header adds to the key, and what an address
    /// holds of users and queries.
    #[must_use]
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut all = |node: &Node| {
            let mut texts = Vec::new();
            node.texts(&mut texts);
            found.extend(texts.into_iter().map(str::to_owned));
        };
        for key in ["credentials", "apiKey", "clientSecret"] {
            if let Some(member) = self.property(key) {
                all(&member.value);
            }
        }
        let headers = self.embedded("customHeaders").meaning();
        let named = headers.iter().flat_map(|headers| headers.members()).filter(|header| names_secret(&header.key));
        named.for_each(|header| all(&header.value));
        if let Some(format) = self.embedded("authConfig").meaning().as_ref().and_then(|config| config.get("format")) {
            let parts = format.text().unwrap_or_default().split([' ', '{', '}']);
            found.extend(parts.filter(|part| !HARMLESS.contains(part)).map(str::to_owned));
        }
        let mut texts = Vec::new();
        self.properties.texts(&mut texts);
        found.extend(texts.into_iter().flat_map(secrets_in_addresses));
        found.retain(|secret| secret.len() >= 4 && !is_stand_in(secret));
        found
    }
}

/// Words in the form of an authentication header that are no secret.
const HARMLESS: [&str; 6] = ["api_key", "Bearer", "bearer", "Key", "Basic", "Token"];

/// Words in the name of a header that holds a secret.
const SECRET_WORDS: [&str; 8] = ["key", "token", "secret", "auth", "password", "cookie", "signature", "credential"];

fn names_secret(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| header.contains(word))
}

/// Whether a text stands for a secret that is put in later.
fn is_stand_in(text: &str) -> bool {
    text.contains("YOUR-")
        || (text.starts_with('{') && text.ends_with('}'))
        || (text.starts_with('<') && text.ends_with('>'))
}

/// Users, passwords and the values of queries of the addresses in a text; an api-version is none.
fn secrets_in_addresses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for address in text.split("://").skip(1) {
        let address = address.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
        let (before, query) = address.split_once(['?', '#']).unwrap_or((address, ""));
        let authority = before.split('/').next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@') {
            found.push(user.to_owned());
            found.extend(user.split_once(':').map(|(_, password)| password.to_owned()));
        }
        let pairs = query.split(['&', ';', '#']).filter(|pair| !pair.to_ascii_lowercase().starts_with("api-version="));
        found.extend(pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value).to_owned()));
    }
    found
}
