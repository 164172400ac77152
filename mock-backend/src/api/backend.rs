//! A backend: a deployment of a model as the API serves it, with its limits, its faults, and what it remembers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;

use super::auth::settings::AuthSettings;
use super::chat::stored::StoredChat;
use super::models;
use super::responses::conversations::StoredConversation;
use super::responses::stored::StoredResponse;
use super::store::Store;
use crate::fault::{FaultSettings, Faults};
use crate::limits::{LimitSettings, Limits};
use crate::model::deployment::{Deployment, DeploymentSettings};
use crate::units::{Nanos, nearest};

/// Tokens that a reasoning model thinks, unless told otherwise.
pub(crate) const REASONING_TOKENS: usize = 64;
/// How long responses are kept unless told otherwise.
pub(crate) const KEEP_RESPONSES: Duration = Duration::from_secs(3_600);
/// A deployment of a model in a region.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackendSettings {
    /// The name by which listeners refer to it.
    pub(crate) name: String,
    /// The Azure region it reports.
    pub(crate) region: String,
    /// The model itself.
    pub(crate) model: DeploymentSettings,
    /// What its callers must show.
    pub(crate) auth: AuthSettings,
    /// How much it takes; none is everything.
    pub(crate) limits: Option<LimitSettings>,
    /// What goes wrong with it.
    pub(crate) faults: Vec<FaultSettings>,
    /// Tokens that a reasoning model thinks at medium effort.
    pub(crate) reasoning_tokens: usize,
    /// Tokens that a reasoning model makes between its thoughts and its text, billed and not sent.
    pub(crate) format_tokens: usize,
    /// The share of requests that the model refuses, from 0 to 1.
    pub(crate) refusals: f64,
    /// The share of answers that the content filter ends in their middle, from 0 to 1.
    pub(crate) filtered: f64,
    /// The names of deployments, and the models behind them.
    pub(crate) deployments: BTreeMap<String, String>,
    /// How many times as long as usual an answer takes in a tier of service.
    pub(crate) service_tiers: BTreeMap<String, f64>,
    /// The share of answers that call tools where the model may choose to, from 0 to 1.
    pub(crate) tool_calls: f64,
    /// How long responses, conversations and stored chat completions are kept.
    pub(crate) keep_responses: Duration,
}

impl BackendSettings {
    /// Whether the models behind its deployments exist, and its tiers can be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(model) = self.deployments.values().find(|model| models::find(model).is_none()) {
            let names: Vec<&str> = models::MODELS.iter().map(|model| model.name).collect();
            let hint = nearest(model, &names).map(|near| format!(", did you mean \"{near}\"?")).unwrap_or_default();
            return Err(format!("deployments names the model \"{model}\", which is not known{hint}"));
        }
        match self.service_tiers.iter().find(|(_, pace)| !(0.01..=100.0).contains(*pace)) {
            Some((tier, _)) => Err(format!("service_tiers.{tier} must be from 0.01 to 100")),
            None => Ok(()),
        }
    }
}

/// One backend, shared by the listeners in front of it and by all threads.
pub(crate) struct Backend {
    pub(crate) settings: BackendSettings,
    pub(crate) model: Deployment,
    /// How much it takes; none is everything.
    pub(crate) limits: Option<Limits>,
    /// What goes wrong with requests to it.
    pub(crate) faults: Option<Faults>,
    /// The responses it remembers.
    pub(crate) responses: Store<StoredResponse>,
    /// The conversations it remembers.
    pub(crate) conversations: Store<StoredConversation>,
    /// The chat completions it remembers.
    pub(crate) chats: Store<StoredChat>,
    /// The name of the replica that serves, as Azure tells it.
    pub(crate) session: Option<HeaderValue>,
}

impl Backend {
    /// A backend whose time began at `began`.
    pub(crate) fn new(settings: BackendSettings, seed: u64, began: Nanos) -> Self {
        let limits = settings.limits.clone().map(Limits::new);
        let faults = Faults::new(&settings.faults, false, seed, &settings.name);
        let keep = settings.keep_responses;
        let (responses, conversations, chats) = (Store::new(keep), Store::new(keep), Store::new(keep));
        let session = HeaderValue::from_str(&format!("sim-{}", settings.name)).ok();
        let model = Deployment::new(settings.model.clone(), began);
        Self { settings, model, limits, faults, responses, conversations, chats, session }
    }
}

impl Backend {
    /// Keeps a response, and adds it to its conversation.
    fn keep(&self, stored: &Arc<StoredResponse>) {
        if let Some(id) = &stored.conversation {
            self.conversations.add_response(id, stored, self.model.prefixes.is_on());
        }
        if stored.answer.terms.store {
            self.responses.put(Arc::clone(stored));
        }
    }
}

/// What is kept of an answer.
pub(crate) enum Kept {
    Response(Arc<StoredResponse>),
    Chat(Arc<StoredChat>),
}

impl Kept {
    /// Keeps what goes on whether its caller listens or not.
    pub(crate) fn begin(&self, backend: &Backend) {
        if let Self::Response(stored) = self
            && stored.background.is_some()
        {
            backend.keep(stored);
        }
    }

    /// Keeps what is complete now; what goes on in the background is kept already.
    pub(crate) fn end(self, backend: &Backend) {
        match self {
            Self::Response(stored) if stored.background.is_some() => {}
            Self::Response(stored) => backend.keep(&stored),
            Self::Chat(chat) => backend.chats.put(chat),
        }
    }

    /// Whether its caller has ended it before its time.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::Response(stored) if stored.is_cancelled())
    }
}
