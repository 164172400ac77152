//! The `[sizing]` section: what is assumed of the times before anything was measured.

use crate::profile::error::Wrong;
use crate::profile::fields::Fields;
use crate::profile::load::span;
use crate::units::Span;

/// What is assumed of the times when a run is sized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assumed {
    /// The standard deviation of the logarithm of the time to first token.
    pub sigma: Option<f64>,
    /// Its median.
    pub ttft: Option<Span>,
}

/// Reads the `[sizing]` section.
///
/// # Errors
/// When a figure is not above 0.
pub(crate) fn read(fields: Option<&Fields<'_>>) -> Result<Option<Assumed>, Wrong> {
    let Some(fields) = fields else { return Ok(None) };
    let sigma = match fields.number("sigma")? {
        Some(sigma) if !(0.001..=5.0).contains(&sigma) => return Err(fields.wrong("sigma", "a number from 0.001 to 5")),
        sigma => sigma,
    };
    match span(fields, "ttft")? {
        Some(ttft) if ttft == Span::default() => Err(fields.wrong("ttft", "a time above 0")),
        ttft => Ok(Some(Assumed { sigma, ttft })),
    }
}
