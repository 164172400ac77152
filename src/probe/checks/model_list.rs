//! Whether the server's own list of models names the model: asked once, where the dialect has such a list. A list proves
//! nothing, since a resource of Azure lists models and not deployments; what it says stands beside what the calls got.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use crate::attempt::Route;
use crate::attempt::exchange::Question;
use crate::limits::Limit;
use crate::path::address::Dialect;
use crate::probe::checks::subject::Subject;
use crate::units::Api;

/// How long the list is waited for, at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many names of a list are told.
const TOLD: usize = 5;

/// What the list of models says of the model, in a sentence without its stop; `None` where there is no list.
pub(super) async fn ask(subject: &Subject) -> Option<String> {
    let call = subject.calls.first()?;
    let resource = resource(subject, call.api)?;
    let question = Question {
        method: Method::GET,
        resource: subject.path.address.locate(None, resource),
        api: call.api,
        stream: false,
        body: Vec::new(),
        header: None,
        id: format!("{}-models", subject.name),
    };
    let route = Route::new(subject.path.clone(), subject.target.clone(), subject.credential.clone());
    let most = PATIENCE.min(subject.path.timeouts.first_byte.0);
    let kept = route.exchange(&question, most, &subject.filter).await.ok()?;
    let list: Value = serde_json::from_slice(&kept.body()).ok().filter(|_| kept.status == 200)?;
    let names: Vec<&str> = list["data"].as_array()?.iter().filter_map(|model| model["id"].as_str()).collect();
    let wanted = subject.path.request.model.as_deref().unwrap_or(&call.model);
    Some(told(subject, &names, wanted))
}

/// Where the list stands.
fn resource(subject: &Subject, api: Api) -> Option<&'static str> {
    match (subject.path.address.dialect, api) {
        (Dialect::OpenAi, Api::Messages) => Some("/v1/models"),
        (Dialect::OpenAi | Dialect::AzureV1 | Dialect::AiGateway, Api::Chat | Api::Responses) => Some("/models"),
        // These have a list of other things, or none.
        (Dialect::AzureClassic | Dialect::FoundryModels, _)
        | (Dialect::AzureV1 | Dialect::AiGateway, Api::Messages) => None,
    }
}

fn told(subject: &Subject, names: &[&str], wanted: &str) -> String {
    let count = names.len();
    let is_named = names.contains(&wanted);
    let wanted = subject.filter.line(wanted, Limit::ShownText);
    if is_named {
        return format!("the server's list of {count} models names '{wanted}'");
    }
    let some: Vec<String> = names.iter().take(TOLD).map(|name| subject.filter.line(name, Limit::HeaderText)).collect();
    let more = if count > TOLD { ", ..." } else { "" };
    format!("the server's list of {count} models does not name '{wanted}' ({}{more})", some.join(", "))
}
