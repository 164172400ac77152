//! Changes of a running scenario: a JSON merge patch (RFC 7396) of its source, in which backends and listeners are
//! found by their names.

use serde_json::Value;

use super::settings::{Config, ConfigError, ListenerSettings};
use crate::gateway::GatewaySettings;
use crate::model::deployment::OutputTokens;
use crate::units::nearest;

impl Config {
    /// This scenario changed by `patch`, checked whole.
    ///
    /// # Errors
    /// If the result is no scenario, or if what is changed cannot change in a running simulator.
    pub(crate) fn patched(&self, patch: &Value) -> Result<Self, ConfigError> {
        let mut source = self.source.clone();
        merge(&mut source, patch).map_err(ConfigError)?;
        let known = files(&self.source);
        if let Some(file) = files(&source).into_iter().find(|file| !known.contains(file)) {
            let what =
                format!("a change cannot name the file \"{file}\"; start the simulator with a scenario that does");
            return Err(ConfigError(what));
        }
        let text = toml::to_string(&source).map_err(|error| ConfigError(format!("this is not a scenario: {error}")))?;
        let mut config = Self::parse_in(&text, "the changed scenario", &self.folder)?;
        check_unchanged(self, &config)
            .map_err(|what| ConfigError(format!("{what} cannot change in a running simulator")))?;
        (config.key, config.admin_key) = (self.key.clone(), self.admin_key.clone());
        config.any_model = self.any_model;
        config.seed = self.seed;
        for (backend, old) in config.backends.iter_mut().zip(&self.backends) {
            // The default length of answers is a flag, which the source does not have.
            if let (OutputTokens::AsAsked(tokens), OutputTokens::AsAsked(default)) =
                (&mut backend.model.output_tokens, old.model.output_tokens)
            {
                *tokens = default;
            }
        }
        for (listener, old) in config.listeners.iter_mut().zip(&self.listeners) {
            listener.bind = old.bind;
        }
        Ok(config)
    }
}

/// The files that a scenario names.
fn files(source: &Value) -> Vec<&str> {
    let items = |list: &str| source[list].as_array().into_iter().flatten();
    let traces = items("backend").map(|backend| &backend["model"]["trace"]);
    let of_listeners = items("listener").flat_map(|listener| {
        let (gateway, tls) = (&listener["gateway"], &listener["tls"]);
        [&gateway["ca"], &gateway["record"], &tls["cert"], &tls["key"], &tls["client_ca"]]
    });
    let of_clients = source["identity"]["client"].as_array().into_iter().flatten().map(|client| &client["cert"]);
    traces.chain(of_listeners).chain(of_clients).filter_map(Value::as_str).collect()
}

fn merge(target: &mut Value, patch: &Value) -> Result<(), String> {
    let (Value::Object(members), Value::Object(changes)) = (&mut *target, patch) else {
        *target = patch.clone();
        return Ok(());
    };
    for (key, change) in changes {
        match (members.get_mut(key), change) {
            (_, Value::Null) => {
                members.remove(key);
            }
            (Some(Value::Array(items)), Value::Array(changes)) if matches!(key.as_str(), "backend" | "listener") => {
                changes.iter().try_for_each(|change| merge_named(key, items, change))?;
            }
            (Some(member), change) => merge(member, change)?,
            (None, change) => {
                members.insert(key.clone(), change.clone());
            }
        }
    }
    Ok(())
}

/// Changes the item of the same name.
fn merge_named(kind: &str, items: &mut [Value], change: &Value) -> Result<(), String> {
    let name = change["name"].as_str().ok_or_else(|| format!("each {kind} in a change needs its name"))?.to_owned();
    let names: Vec<String> = items.iter().filter_map(|item| item["name"].as_str().map(str::to_owned)).collect();
    match names.iter().position(|known| *known == name) {
        Some(place) => merge(&mut items[place], change),
        None => {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let hint = nearest(&name, &known).map_or(String::new(), |near| format!(", did you mean \"{near}\"?"));
            Err(format!("there is no {kind} \"{name}\"{hint}"))
        }
    }
}

/// What must stay as it is.
fn check_unchanged(old: &Config, new: &Config) -> Result<(), &'static str> {
    let names = |config: &Config| config.backends.iter().map(|backend| backend.name.clone()).collect::<Vec<_>>();
    let of_listener = |listener: &ListenerSettings| {
        let members = |gateway: &GatewaySettings| {
            gateway
                .pool
                .iter()
                .map(|member| (member.name.clone(), member.backend, member.url.clone()))
                .collect::<Vec<_>>()
        };
        let behind = listener.gateway.as_ref().map(|it| (it.url.clone(), it.record.clone(), members(it)));
        (
            listener.name.clone(),
            listener.kind,
            listener.tls.clone(),
            behind,
            listener.backend.is_some(),
            listener.listen_state(),
        )
    };
    let listeners = |config: &Config| config.listeners.iter().map(of_listener).collect::<Vec<_>>();
    let ground = |config: &Config| (config.scenario.clone(), config.threads, config.ledger, config.ledger_chunks);
    if ground(old) != ground(new) {
        return Err("name, threads and ledger");
    }
    if old.source.get("seed") != new.source.get("seed") {
        return Err("the seed");
    }
    if names(old) != names(new) {
        return Err("the names of backends");
    }
    if listeners(old) != listeners(new) {
        return Err("names, kinds, TLS and addresses of listeners");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::dist::Dist;

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let config = Config::scenario("three-paths").unwrap();
        let patch = json!({"backend": [{"name": "sweden", "model": {"first": "99ms"}, "output_tokens": 5}]});
        let changed = config.patched(&patch).unwrap();
        assert_eq!(changed.backends[0].model.latency.first, Dist::Fixed(99e6));
        assert_eq!(changed.backends[1], config.backends[1]);
        assert_eq!(changed.listeners, config.listeners);
        let back = changed.patched(&json!({"backend": [{"name": "sweden", "output_tokens": null}]})).unwrap();
        assert_eq!(back.backends[0].model.output_tokens, config.backends[0].model.output_tokens);
    }

    #[test]
    fn a_patch_names_no_file_that_the_scenario_did_not_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("times.jsonl");
        std::fs::write(&file, "{\"offsets_ms\":[1,2]}\n").unwrap();
        let text = format!(
            "name = \"x\"\n[[backend]]\nname = \"b\"\nmodel = {{ trace = {file:?} }}\n[[listener]]\nname = \"l\"\n\
             kind = \"gateway\"\nbackend = \"b\"\ngateway = {{ own = \"1ms\" }}\n"
        );
        let config = Config::parse(&text, "test").unwrap();
        let of_listener = |key: &str, value: serde_json::Value| json!({"listener": [{"name": "l", key: value}]});
        let table = [
            json!({"backend": [{"name": "b", "model": {"trace": "/dev/stdin"}}]}),
            of_listener("gateway", json!({"ca": "/proc/self/mem"})),
            of_listener("gateway", json!({"record": "/tmp/anything"})),
            of_listener("tls", json!({"cert": "cert.pem", "key": "key.pem"})),
            of_listener("tls", json!({"client_ca": "ca.pem"})),
            json!({"identity": {"client": [{"id": "a", "cert": "cert.pem"}]}}),
        ];
        for patch in table {
            let error = config.patched(&patch).unwrap_err().0;
            assert!(error.starts_with("a change cannot name the file \""), "{error}");
        }
        // What it names already it may go on naming.
        let kept = json!({"backend": [{"name": "b", "region": "westeurope", "model": {"trace": file}}]});
        assert_eq!(config.patched(&kept).unwrap().backends[0].region, "westeurope");
    }

    #[test]
    fn a_wrong_patch_is_refused_whole() {
        let config = Config::scenario("three-paths").unwrap();
        let table = [
            (json!({"backend": [{"name": "swedn"}]}), "did you mean \"sweden\"?"),
            (json!({"backend": [{"region": "x"}]}), "needs its name"),
            (json!({"backend": [{"name": "sweden", "modle": {}}]}), "did you mean \"model\"?"),
            (json!({"listener": [{"name": "direct", "tls": "self-signed"}]}), "cannot change in a running"),
            (json!({"seed": 3}), "the seed cannot change"),
            (json!(3), "this is not a scenario"),
        ];
        for (patch, expected) in table {
            let error = config.patched(&patch).unwrap_err().0;
            assert!(error.contains(expected), "{error}");
        }
    }
}
