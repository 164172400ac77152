//! The models that exist, by their usual names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Chat, with or without reasoning.
    Chat,
    /// Completions of the older kind.
    Completion,
    /// Embeddings.
    Embedding,
    /// Anthropic's messages.
    Messages,
}

/// A name that callers use, and the snapshot that answers under it.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) snapshot: &'static str,
    pub(crate) purpose: Purpose,
}

const fn chat(name: &'static str, snapshot: &'static str) -> Model {
    Model { name, snapshot, purpose: Purpose::Chat }
}

const fn claude(name: &'static str, snapshot: &'static str) -> Model {
    Model { name, snapshot, purpose: Purpose::Messages }
}

const fn completion(name: &'static str) -> Model {
    Model { name, snapshot: name, purpose: Purpose::Completion }
}

const fn embedding(name: &'static str) -> Model {
    Model { name, snapshot: name, purpose: Purpose::Embedding }
}

/// All of them.
pub(crate) const MODELS: [Model; 54] = [
    chat("gpt-4o", "gpt-4o-2024-08-06"),
    chat("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    chat("gpt-4.1", "gpt-4.1-2025-04-14"),
    chat("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    chat("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"),
    chat("gpt-5", "gpt-5-2025-08-07"),
    chat("gpt-5-mini", "gpt-5-mini-2025-08-07"),
    chat("gpt-5-nano", "gpt-5-nano-2025-08-07"),
    chat("gpt-5-chat", "gpt-5-chat-2025-08-07"),
    chat("gpt-5-pro", "gpt-5-pro-2025-10-06"),
    chat("gpt-5-codex", "gpt-5-codex-2025-09-15"),
    chat("gpt-5.1", "gpt-5.1-2025-11-13"),
    chat("gpt-5.1-chat", "gpt-5.1-chat-2025-11-13"),
    chat("gpt-5.2", "gpt-5.2-2025-12-11"),
    chat("gpt-5.2-chat", "gpt-5.2-chat-2025-12-11"),
    chat("gpt-5.4", "gpt-5.4"),
    chat("gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"),
    chat("gpt-5.4-nano", "gpt-5.4-nano-2026-03-17"),
    chat("gpt-5.5", "gpt-5.5-2026-04-23"),
    chat("gpt-5.6-sol", "gpt-5.6-sol"),
    chat("gpt-5.6-terra", "gpt-5.6-terra"),
    chat("gpt-5.6-luna", "gpt-5.6-luna"),
    chat("gpt-6-astra", "gpt-6-astra"),
    chat("o1", "o1-2024-12-17"),
    chat("o1-mini", "o1-mini-2024-09-12"),
    chat("o3", "o3-2025-04-16"),
    chat("o3-mini", "o3-mini-2025-01-31"),
    chat("o3-pro", "o3-pro-2025-06-10"),
    chat("o4-mini", "o4-mini-2025-04-16"),
    chat("gpt-4", "gpt-4-0613"),
    chat("gpt-4-turbo", "gpt-4-turbo-2024-04-09"),
    chat("gpt-35-turbo", "gpt-35-turbo-0125"),
    chat("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    completion("gpt-3.5-turbo-instruct"),
    completion("gpt-35-turbo-instruct"),
    completion("davinci-002"),
    embedding("text-embedding-3-small"),
    embedding("text-embedding-3-large"),
    embedding("text-embedding-ada-002"),
    claude("claude-fable-5-2", "claude-fable-5-2"),
    claude("claude-fable-5-1", "claude-fable-5-1"),
    claude("claude-fable-5", "claude-fable-5"),
    claude("claude-opus-5-5", "claude-opus-5-5"),
    claude("claude-sonnet-5-5", "claude-sonnet-5-5"),
    claude("claude-haiku-5-5", "claude-haiku-5-5"),
    claude("claude-opus-5", "claude-opus-5"),
    claude("claude-sonnet-5", "claude-sonnet-5"),
    claude("claude-opus-4-8", "claude-opus-4-8"),
    claude("claude-opus-4-7", "claude-opus-4-7"),
    claude("claude-opus-4-6", "claude-opus-4-6"),
    claude("claude-sonnet-4-6", "claude-sonnet-4-6"),
    claude("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
    claude("claude-opus-4-5", "claude-opus-4-5-20251101"),
    claude("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
];

/// The model of this name or snapshot.
pub(crate) fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name || model.snapshot == name)
}

/// How hard a model thinks that is not told: the families from gpt-5.1 to gpt-5.4 do not unless they are asked to.
pub(crate) fn usual_effort(name: &str) -> &'static str {
    let quiet = ["gpt-5.1", "gpt-5.2", "gpt-5.4"].iter().any(|family| name.starts_with(family));
    if quiet && !name.contains("-codex") && !name.contains("-pro") { "none" } else { "medium" }
}

/// Whether a model thinks before it answers.
pub(crate) fn thinks(name: &str) -> bool {
    let family = ["o1", "o3", "o4-", "gpt-5", "gpt-6"].iter().any(|family| name.starts_with(family));
    family && !name.contains("-chat")
}

/// The length of a model's embeddings.
pub(crate) fn dimensions(name: &str) -> usize {
    if name.contains("3-large") { 3072 } else { 1536 }
}

/// When models were made, as `/models` says it (2024-08-06 for all).
const CREATED: u64 = 1_722_902_400;

fn entry(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "system"})
}

fn list_of(entries: Vec<Value>) -> String {
    json!({"object": "list", "data": entries}).to_string()
}

/// The answer to `GET /models`.
pub(crate) fn list() -> String {
    list_of(MODELS.iter().map(|model| entry(model.name)).collect())
}

/// The answer to `GET /models/{name}`.
pub(crate) fn show(name: &str) -> String {
    entry(name).to_string()
}

/// A deployment.
fn deployment(name: &str, model: &str) -> Value {
    json!({
        "id": name, "object": "deployment", "model": model, "owner": "organization-owner",
        "status": "succeeded", "created_at": CREATED, "updated_at": CREATED,
        "scale_settings": {"scale_type": "standard"},
    })
}

/// The answer to `GET /deployments`: those that are `named`, and of each model one by its name.
pub(crate) fn deployments(named: &BTreeMap<String, String>) -> String {
    let of_models = MODELS.iter().filter(|model| !named.contains_key(model.name));
    let named = named.iter().map(|(name, model)| deployment(name, snapshot_of(model)));
    list_of(named.chain(of_models.map(|model| deployment(model.name, model.snapshot))).collect())
}

fn snapshot_of(model: &str) -> &str {
    find(model).map_or(model, |found| found.snapshot)
}

/// The answer to `GET /deployments/{name}`.
pub(crate) fn show_deployment(named: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let model = named.get(name).map(|model| snapshot_of(model)).or(find(name).map(|model| model.snapshot));
    model.map(|model| deployment(name, model).to_string())
}

/// The resource whose deployments Azure Resource Manager lists.
const ACCOUNT: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/simulator/providers/\
                       Microsoft.CognitiveServices/accounts/simulator";

/// A deployment, as Azure Resource Manager shows it.
fn managed(name: &str, snapshot: &str) -> Value {
    let model = MODELS.iter().find(|model| model.snapshot == snapshot).map_or(snapshot, |model| model.name);
    let version = snapshot.strip_prefix(model).map_or("", |rest| rest.trim_start_matches('-'));
    json!({
        "id": format!("{ACCOUNT}/deployments/{name}"),
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": name,
        "sku": {"name": "GlobalStandard", "capacity": 100},
        "properties": {
            "model": {"format": "OpenAI", "name": model, "version": version},
            "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
            "provisioningState": "Succeeded",
        },
    })
}

/// The list of deployments, as Azure Resource Manager gives it.
pub(crate) fn managed_deployments(named: &BTreeMap<String, String>) -> String {
    let of_models = MODELS.iter().filter(|model| !named.contains_key(model.name));
    let named = named.iter().map(|(name, model)| managed(name, snapshot_of(model)));
    let all: Vec<Value> = named.chain(of_models.map(|model| managed(model.name, model.snapshot))).collect();
    json!({"value": all}).to_string()
}

/// One of them.
pub(crate) fn show_managed_deployment(named: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let model = named.get(name).map(|model| snapshot_of(model)).or(find(name).map(|model| model.snapshot));
    model.map(|model| managed(name, model).to_string())
}
