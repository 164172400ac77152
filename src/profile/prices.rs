//! The `[prices]` section: what tokens cost.

use crate::measure::prices::Prices;
use crate::profile::error::Wrong;
use crate::profile::fields::Fields;

/// Reads the section.
///
/// # Errors
/// When a price is missing or below nothing.
pub(crate) fn read(fields: Option<&Fields<'_>>) -> Result<Option<Prices>, Wrong> {
    let Some(fields) = fields else { return Ok(None) };
    let price = |key| match fields.number(key)? {
        Some(price) if price >= 0.0 => Ok(price),
        Some(_) => Err(fields.wrong(key, "a price of 0 or more for a million tokens")),
        None => Err(fields.missing(key, "give the price of a million tokens, such as 2.5")),
    };
    let currency = fields.text("currency")?.unwrap_or("USD").to_owned();
    Ok(Some(Prices { input: price("input")?, output: price("output")?, currency }))
}

/// Refuses a limit on the cost where there are no prices.
///
/// # Errors
/// When `limits.cost` stands without `[prices]`.
pub(crate) fn needed(limits: Option<&Fields<'_>>, prices: Option<&Prices>) -> Result<(), Wrong> {
    match limits.filter(|limits| limits.get("cost").is_some()) {
        Some(limits) if prices.is_none() => {
            let rule = "'limits.cost' needs prices: add [prices] with input and output for a million tokens";
            Err(limits.rule("cost", rule))
        }
        Some(_) | None => Ok(()),
    }
}
