//! What a server remembers of responses: those that follow others, and those that are made in the background.

use serde_json::Value;

use super::answer::Answer;
use super::row::Observed;

/// The id of a response that others can follow.
///
/// # Errors
/// Why none can.
pub(super) fn id_of(first: &Answer) -> Result<String, Observed> {
    let not_asked = |_| Observed::not_asked("there is no first response to follow");
    let json = first.json().map_err(not_asked)?;
    match json["id"].as_str() {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        Some(_) | None => Err(Observed::broken("the response has no id that could be followed")),
    }
}

/// Whether a response follows the one with this id.
pub(super) fn judge_following(answer: &Answer, id: &str) -> Observed {
    let json = match answer.json() {
        Ok(json) => json,
        Err(refused) if forgets(&refused.said) => {
            return Observed::broken(format!(
                "the response that was just made is no longer known ({}): a pool of backends without session affinity, \
                 or a server that does not keep responses",
                refused.said
            ));
        }
        Err(refused) => return refused,
    };
    match json["previous_response_id"].as_str() {
        Some(named) if named == id => Observed::supported("the second response names the first"),
        Some(named) => Observed::broken(format!("the second response names another one: {}", answer.clean(named))),
        None => Observed::broken(
            "previous_response_id was ignored: the second response names none, so the conversation is lost",
        ),
    }
}

/// Whether a refusal says that a response is not there.
fn forgets(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("previous response") || said.contains("previous_response_not_found")
}

/// Where a response in the background stands.
pub(super) enum Background {
    /// It is under way under this id.
    UnderWay(String),
    /// What is known of it.
    Known(Observed),
}

/// What an answer says of a response in the background; `polls` times it was read again.
pub(super) fn standing(answer: &Answer, polls: usize) -> Background {
    let json = match answer.json() {
        Ok(json) => json,
        Err(refused) if polls > 0 && answer.accepted().is_err() => {
            let said = format!("accepted, but it cannot be read again: {}", refused.said);
            return Background::Known(Observed { said, finding: spoilt(refused.finding) });
        }
        Err(refused) => return Background::Known(refused),
    };
    if polls == 0 && json["background"] != Value::Bool(true) {
        let said = "background was ignored: the response was made while the caller waited";
        return Background::Known(Observed::broken(said));
    }
    match (json["status"].as_str(), json["id"].as_str()) {
        (Some("queued" | "in_progress"), Some(id)) => Background::UnderWay(id.to_owned()),
        (Some("completed" | "incomplete"), _) => {
            let read = match polls {
                0 => "at once".to_owned(),
                1 => "when it was read once".to_owned(),
                more => format!("when it was read {more} times"),
            };
            Background::Known(Observed::supported(format!("accepted, and completed {read}")))
        }
        (status, _) => {
            let status = answer.clean(status.unwrap_or("without a status"));
            Background::Known(Observed::broken(format!("accepted, then {status}")))
        }
    }
}

/// A feature that was accepted and then refused is broken, not missing.
fn spoilt(finding: super::row::Finding) -> super::row::Finding {
    use super::row::Finding as F;
    match finding {
        F::Unsupported | F::Broken => F::Broken,
        F::Supported | F::Failed | F::NotAsked => finding,
    }
}
