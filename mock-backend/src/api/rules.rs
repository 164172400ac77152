//! What requests of every interface have to obey: their JSON, their model, their limits, how hard a model may think.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::ApiError;
use super::interfaces::LONGEST;
use super::models;
use super::route::Route;
use crate::fault::SUFFIX;
use crate::units::bounds::Bound;

/// The request in a body.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = if error.is_data() {
            format!("Invalid value in the request body: {error}.")
        } else {
            format!("We could not parse the JSON body of your request: {error}.")
        };
        ApiError::invalid(message, None)
    })
}

/// An object takes as much memory as so many values.
const OBJECT: usize = 8;

/// Refuses a body of so many JSON values that they would take many times its room.
pub(crate) fn check_values(body: Bytes) -> Result<Bytes, ApiError> {
    let most = Bound::Values.most();
    // Each value but the first takes two bytes or more.
    if body.len() <= 2 * most {
        return Ok(body);
    }
    let (mut values, mut quoted, mut escaped) = (1, false, false);
    for byte in &*body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' | b'[' if !quoted => values += 1,
            b'{' if !quoted => values += OBJECT,
            _ => {}
        }
    }
    if values > most {
        let message = format!("The request body holds about {values} JSON values; at most {most} are taken.");
        return Err(ApiError::invalid(message, None));
    }
    Ok(body)
}

/// Refuses a request to the Responses API of which too much would be repeated in every event that holds the response.
pub(crate) fn check_repeated(body: &[u8]) -> Result<(), ApiError> {
    let most = Bound::Repeated.most();
    if body.len() <= most {
        return Ok(());
    }
    let members: HashMap<Cow<'_, str>, &RawValue> = parse(body)?;
    let repeated: usize = members.iter().filter(|(key, _)| *key != "input").map(|(_, value)| value.get().len()).sum();
    if repeated <= most {
        return Ok(());
    }
    let most = Bound::Repeated.row();
    let message =
        format!("A response repeats everything except its 'input': {repeated} bytes; at most {most} are allowed.");
    Err(ApiError::invalid(message, None))
}

/// The name of the model: the deployment of the address, else what the body says.
pub(crate) fn model_name<'a>(route: &Route<'a>, model: Option<&'a str>) -> Result<&'a str, ApiError> {
    // What stands after it was for whoever chooses faults.
    let plain = |name: &'a str| name.split(SUFFIX).next().unwrap_or(name).split("%3Asim-").next().unwrap_or(name);
    route.deployment.or(model).map(plain).ok_or_else(|| ApiError::missing("model"))
}

pub(crate) fn unsupported_param(message: &str, param: &'static str) -> ApiError {
    ApiError::coded("unsupported_parameter", message, param)
}

/// Reasoning models have some values that cannot be changed.
pub(crate) fn only_default(value: Option<f64>, param: &'static str) -> Result<(), ApiError> {
    match value.filter(|value| *value != 1.0) {
        None => Ok(()),
        Some(value) => {
            let message = format!(
                "Unsupported value: '{param}' does not support {value} with this model. Only the default (1) value is \
                 supported."
            );
            Err(ApiError::coded("unsupported_value", message, param))
        }
    }
}

/// How hard the model of this name thinks, as a multiple of the usual, and the word for it; none if it does not think.
pub(crate) fn read_effort(
    snapshot: &str,
    asked: Option<&str>,
    param: &'static str,
) -> Result<(f64, Option<String>), ApiError> {
    let word = match asked {
        Some(_) if !models::thinks(snapshot) => {
            let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
            return Err(unsupported_param(&message, param));
        }
        None if !models::thinks(snapshot) => return Ok((0.0, None)),
        None => models::usual_effort(snapshot),
        Some(asked) => asked,
    };
    let effort = match word {
        "none" | "minimal" => 0.0,
        "low" => 0.5,
        "high" => 4.0,
        "xhigh" | "max" => 8.0,
        _ => 1.0,
    };
    Ok((effort, Some(word.to_owned())))
}

/// The limit of each of `n` choices, which must not be too long together.
pub(crate) fn check_total(limit: Option<usize>, n: usize) -> Result<Option<usize>, ApiError> {
    if limit.unwrap_or(1) * n <= LONGEST as usize {
        return Ok(limit);
    }
    Err(ApiError::invalid(format!("'n' times 'max_tokens' must be at most {LONGEST}."), "n"))
}
