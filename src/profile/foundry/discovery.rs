//! How the agents of Foundry learn which models a connection has.

use serde::Serialize;

use crate::profile::foundry::connection::{Category, Connection, Embedded};
use crate::profile::foundry::located::Node;

/// Whose form the answers of discovery have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display, strum::IntoStaticStr)]
pub enum Provider {
    /// Deployments, as Azure Resource Manager lists them.
    AzureOpenAI,
    /// Models, as OpenAI lists them.
    OpenAI,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AzureOpenAI, Self::OpenAI];

    /// The provider of exactly this name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| name == <&str>::from(provider))
    }
}

/// A model of a static list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Model {
    /// The name of its deployment, by which it is called.
    pub deployment: String,
    /// The name of the model itself.
    pub model: Option<String>,
    /// Its version, where one is said.
    pub version: Option<String>,
}

/// Where models are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// Of the list, relative to the target or absolute.
    pub list: String,
    /// Of one model, with `{deploymentName}` in it.
    pub get: String,
    /// Whose form the answers have; `None` for a name that is none.
    pub provider: Option<Provider>,
}

/// How models are discovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Discovery {
    /// The connection lists its models.
    Static(Vec<Model>),
    /// The gateway is asked.
    Dynamic(Endpoints),
    /// The gateway is asked at the addresses that API Management has when nothing is said.
    Default(Endpoints),
    /// It says both, or neither where there is no default, or cannot be read, or only Terraform or Azure knows it.
    None,
}

/// The key under which the place of a deployment's name stands.
pub(crate) const PLACEHOLDER: &str = "{deploymentName}";

impl Discovery {
    /// Of a connection.
    #[must_use]
    pub(crate) fn of(connection: &Connection) -> Self {
        let (models, discovery) = (connection.embedded("models"), connection.embedded("modelDiscovery"));
        match (models, discovery) {
            (Embedded::Absent, Embedded::Absent) => match connection.category {
                Category::ApiManagement => Self::Default(Endpoints::usual()),
                Category::ModelGateway => Self::None,
            },
            (Embedded::Absent, discovery) => {
                discovery.meaning().as_ref().and_then(endpoints).map_or(Self::None, Self::Dynamic)
            }
            (models, Embedded::Absent) => models.meaning().map_or(Self::None, |list| Self::Static(models_of(&list))),
            (_, _) => Self::None,
        }
    }
}

impl Endpoints {
    /// Those of API Management when the connection says nothing.
    #[must_use]
    pub(crate) fn usual() -> Self {
        let get = format!("/deployments/{PLACEHOLDER}");
        Self { list: "/deployments".to_owned(), get, provider: Some(Provider::AzureOpenAI) }
    }
}

fn endpoints(node: &Node) -> Option<Endpoints> {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let provider = text("deploymentProvider").and_then(|name| Provider::named(&name));
    Some(Endpoints { list: text("listModelsEndpoint")?, get: text("getModelEndpoint")?, provider })
}

/// The models of a static list; what is none is left out.
fn models_of(list: &Node) -> Vec<Model> {
    let text = |node: Option<&Node>| node.and_then(Node::text).filter(|text| !text.is_empty()).map(str::to_owned);
    let models = list.items().iter().filter_map(|item| {
        let model = item.get("properties").and_then(|properties| properties.get("model"));
        let of_model = |key: &str| text(model.and_then(|model| model.get(key)));
        Some(Model { deployment: text(item.get("name"))?, model: of_model("name"), version: of_model("version") })
    });
    models.collect()
}
