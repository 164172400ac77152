//! Finds the connection objects of a document, whatever form they are written in: the object alone or in a list, a template
//! of Azure Resource Manager, the parameters of an official template, an `azapi_resource` of Terraform.

use crate::profile::foundry::connection::{Category, Connection, Form};
use crate::profile::foundry::hcl::{self, Resource};
use crate::profile::foundry::json;
use crate::profile::foundry::located::{Member, Node, Place, Value};

/// What was found in a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// The connections to gateways.
    pub connections: Vec<Connection>,
    /// Connections to other things: what, and where.
    pub others: Vec<(String, Place)>,
    /// What looks like a connection and cannot be read: why, and where.
    pub unreadable: Vec<(String, Place)>,
}

/// Parameters of an official template that stand under another name in the object.
const RENAMED: [(&str, &str); 1] = [("staticModels", "models")];
/// Parameters that the templates put into the metadata as a text of JSON.
const SERIALISED: [&str; 3] = ["staticModels", "customHeaders", "authConfig"];
/// Parameters that the templates put into the metadata as they are.
const COPIED: [&str; 3] = ["deploymentInPath", "inferenceAPIVersion", "deploymentAPIVersion"];
/// Parameters that the templates put together into one.
const DISCOVERY: [&str; 3] = ["listModelsEndpoint", "getModelEndpoint", "deploymentProvider"];
/// Parameters that the templates put into the properties as they are.
const PROPERTIES: [&str; 6] = ["authType", "isSharedToAll", "tokenUrl", "scopes", "apiKey", "clientSecret"];

impl Found {
    /// Looks through a document of JSON.
    #[must_use]
    pub(crate) fn in_json(top: &Node) -> Self {
        let mut found = Self::default();
        found.look(top, Form::Object);
        found
    }

    /// Looks through the resources of Terraform.
    #[must_use]
    pub(crate) fn in_terraform(resources: &[Resource]) -> Self {
        let mut found = Self::default();
        for resource in resources.iter().filter(|resource| resource.kind.starts_with("azapi_")) {
            found.azapi(&resource.attributes);
        }
        found
    }

    fn look(&mut self, node: &Node, form: Form) {
        node.items().iter().for_each(|item| self.look(item, form));
        if let Some(parameters) = parameters_of(node) {
            self.parameters(node, parameters);
        } else if let Some(resources) = node.get("resources") {
            let named = resources.members().iter().map(|member| &member.value);
            resources.items().iter().chain(named).for_each(|resource| self.look(resource, Form::Template));
        } else if let Some(kinds) = node.get("resource") {
            let of_azapi = kinds.members().iter().filter(|kind| kind.key.starts_with("azapi_"));
            let resources = of_azapi.flat_map(|kind| kind.value.members());
            for resource in resources {
                let several = resource.value.items();
                if several.is_empty() {
                    self.azapi(&resource.value)
                } else {
                    several.iter().for_each(|one| self.azapi(one))
                }
            }
        } else if node.get("body").is_some() {
            self.azapi(node);
        } else if let Some(properties) = node.get("properties") {
            // The template inside a deployment stands under its properties.
            match properties.get("template") {
                Some(template) => self.look(template, Form::Template),
                None => self.object(node.get("name"), node.place, properties, form),
            }
        } else if let Some(list) = node.get("value").filter(|list| !list.items().is_empty()) {
            self.look(list, form);
        } else if node.get("category").is_some() {
            self.object(node.get("name"), node.place, node, form);
        }
    }

    /// An object with properties, if those are of a connection.
    fn object(&mut self, name: Option<&Node>, place: Place, properties: &Node, form: Form) {
        let Some(category) = properties.member("category") else { return };
        let known = |text: &str| Category::ALL.into_iter().find(|known| known.to_string().eq_ignore_ascii_case(text));
        match category.value.text().map(|text| (text, known(text))) {
            Some((_, Some(category))) => {
                let properties =
                    if form == Form::Template { without_expressions(properties) } else { properties.clone() };
                let name =
                    name.map(|name| if form == Form::Template { without_expressions(name) } else { name.clone() });
                self.connections.push(Connection { form, place, category, name, properties });
            }
            Some((other, None)) => self.others.push((other.to_owned(), category.place)),
            None => self.unreadable.push((format!("its category is {}", category.value.kind()), category.place)),
        }
    }

    /// The attributes of a resource of the provider azapi.
    fn azapi(&mut self, attributes: &Node) {
        let Some(body) = attributes.member("body") else { return };
        let read;
        let body = match &body.value.value {
            Value::Encoded(inner) => &**inner,
            Value::Text(text) => match json::embedded(text, body.value.place) {
                Ok(node) => {
                    read = node;
                    &read
                }
                Err(_) if text.contains("${") => return,
                Err(why) => {
                    self.unreadable.push((format!("its body is not JSON ({})", why.message), body.place));
                    return;
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Table(_) | Value::Unknown => {
                &body.value
            }
        };
        let Some(properties) = body.get("properties") else { return };
        let name = attributes.get("name").or_else(|| body.get("name"));
        self.object(name, attributes.place, &interpolated(properties), Form::Terraform);
    }

    /// The parameters of an official template, brought into the shape of the object that the template makes.
    fn parameters(&mut self, document: &Node, parameters: &Node) {
        let value = |key: &str| parameters.member(key).and_then(parameter_value);
        let category = if value("apimResourceId").is_some() || value("apiName").is_some() {
            Category::ApiManagement
        } else if value("targetUrl").is_some() || value("gatewayName").is_some() {
            Category::ModelGateway
        } else {
            let why = "they are parameters of another template: those of a connection have apimResourceId and apiName, or \
                       targetUrl and gatewayName";
            return self.unreadable.push((why.to_owned(), parameters.place));
        };
        let target = match category {
            Category::ApiManagement => None,
            Category::ModelGateway => value("targetUrl"),
        };
        let target = target.map(|target| Member { key: "target".to_owned(), ..target });
        let metadata = metadata_of(parameters);
        let place = parameters.place;
        let metadata =
            Member { key: "metadata".to_owned(), place, value: Node { place, value: Value::Table(metadata) } };
        let members = PROPERTIES.iter().filter_map(|key| value(key)).chain(target).chain([metadata]).collect();
        let name = value("connectionName").map(|member| member.value).filter(|name| !name.is_empty());
        let properties = Node { place, value: Value::Table(members) };
        self.connections.push(Connection { form: Form::Parameters, place: document.place, category, name, properties });
    }
}

/// The metadata that the official templates make of their parameters, whose names have any letter case. A list called
/// `models` is one that no template reads: it is kept under the name that no connection reads.
fn metadata_of(parameters: &Node) -> Vec<Member> {
    let mut metadata = Vec::new();
    let mut discovery: Vec<Member> = Vec::new();
    let said = parameters.members().iter().filter_map(parameter_value);
    for member in said.filter(|member| !member.value.is_empty() && !is_nothing(&member.value)) {
        let among = |keys: &[&'static str]| keys.iter().find(|key| key.eq_ignore_ascii_case(&member.key)).copied();
        let (place, whole) = (member.place, member.value.place);
        if let Some(key) = among(&DISCOVERY) {
            discovery.push(Member { key: key.to_owned(), ..member });
        } else if let Some(key) = among(&SERIALISED) {
            let key = RENAMED.iter().find(|(parameter, _)| *parameter == key).map_or(key, |(_, key)| key);
            let value = Node { place: whole, value: Value::Encoded(Box::new(member.value)) };
            metadata.push(Member { key: key.to_owned(), place, value });
        } else if let Some(key) = among(&COPIED) {
            metadata.push(Member { key: key.to_owned(), ..member });
        } else if among(&["models"]).is_some() {
            metadata.push(Member { key: "staticModels".to_owned(), ..member });
        }
    }
    if let Some(place) = discovery.first().map(|member| member.place) {
        let table = Node { place, value: Value::Table(discovery) };
        let value = Node { place, value: Value::Encoded(Box::new(table)) };
        metadata.push(Member { key: "modelDiscovery".to_owned(), place, value });
    }
    metadata
}

fn is_nothing(node: &Node) -> bool {
    matches!(&node.value, Value::List(items) if items.is_empty())
        || matches!(&node.value, Value::Table(members) if members.is_empty())
}

/// The parameters of a file of parameters.
fn parameters_of(node: &Node) -> Option<&Node> {
    let schema = node.get("$schema").and_then(Node::text).unwrap_or_default();
    let parameters = node.get("parameters")?;
    let members = parameters.members();
    let all_values = !members.is_empty() && members.iter().all(|member| member.value.get("value").is_some());
    (schema.contains("deploymentParameters") || (all_values && node.get("resources").is_none())).then_some(parameters)
}

/// A parameter with its value in place of the object that holds it.
fn parameter_value(member: &Member) -> Option<Member> {
    let value = member.value.get("value")?.clone();
    Some(Member { key: member.key.clone(), place: member.place, value })
}

/// The same with every text replaced for which `otherwise` has another value.
fn replaced(node: &Node, otherwise: &dyn Fn(&str, Place) -> Option<Value>) -> Node {
    let value = match &node.value {
        Value::Text(text) => otherwise(text, node.place).unwrap_or_else(|| node.value.clone()),
        Value::List(items) => Value::List(items.iter().map(|item| replaced(item, otherwise)).collect()),
        Value::Table(members) => {
            let member = |member: &Member| Member { value: replaced(&member.value, otherwise), ..member.clone() };
            Value::Table(members.iter().map(member).collect())
        }
        Value::Encoded(inner) => Value::Encoded(Box::new(replaced(inner, otherwise))),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Unknown) => other.clone(),
    };
    Node { place: node.place, value }
}

/// Expressions of a template stand in brackets; a text that begins with one has two. What is JSON is a list that nobody
/// wrote the second one for.
fn without_expressions(node: &Node) -> Node {
    replaced(node, &|text, place| match text.strip_prefix('[') {
        Some(literal) if literal.starts_with('[') => Some(Value::Text(literal.to_owned())),
        Some(_) if text.ends_with(']') && json::embedded(text, place).is_err() => Some(Value::Unknown),
        Some(_) | None => None,
    })
}

/// Expressions of Terraform in JSON stand in `${...}`.
fn interpolated(node: &Node) -> Node {
    replaced(node, &|text, place| text.contains("${").then(|| hcl::interpolation(text, place)))
}
