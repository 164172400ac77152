//! What was seen of the subject of an objective.

/// What was seen, with its interval.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// How many values, calls or windows it stands on.
    pub(crate) n: usize,
    /// What was seen.
    pub(crate) observed: Option<f64>,
    /// The 95% interval; a side is `None` where there is too little data for a bound.
    pub(crate) ci: (Option<f64>, Option<f64>),
    /// What one must know beside it.
    pub(crate) reason: Option<String>,
    /// Whether the interval may decide.
    pub(crate) decides: bool,
}

impl Seen {
    /// A figure with its interval, which decides.
    pub(crate) fn of(n: usize, observed: Option<f64>, ci: (Option<f64>, Option<f64>)) -> Self {
        Self { n, observed, ci, reason: None, decides: true }
    }

    /// No data.
    pub(crate) fn nothing(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::of(0, None, (None, None)) }
    }

    /// The same with what one must know, if there is anything.
    pub(crate) fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }
}
