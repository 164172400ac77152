//! Every path at a glance: how far each lies from the baseline, and what else decides about it. The first screen of a
//! page draws it; what it says is decided here, how it looks is not.

use crate::report::table::{Cell, Column};

/// What the first screen of a page holds beside its conclusion.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lead {
    /// What to do, in a sentence or two; empty when there is nothing to say.
    pub(crate) recommendation: String,
    /// Every path; `None` where a report is not about paths.
    pub(crate) overview: Option<Overview>,
    /// How sure it is and what it speaks of, in sentences.
    pub(crate) scope: Vec<String>,
}

/// Every path, ranked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Overview {
    /// What it shows.
    pub(crate) title: String,
    /// The heads of [`PathLine::facts`].
    pub(crate) heads: Vec<Column>,
    /// The paths, the fastest first where they may be ranked.
    pub(crate) paths: Vec<PathLine>,
    /// The least that the scale of shifts reaches to either side of zero, ms: less would blow up what is nothing.
    pub(crate) least_reach_ms: f64,
    /// What one must know to read it.
    pub(crate) note: String,
}

/// One path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathLine {
    /// Its place in the plan, which decides its colour and mark.
    pub(crate) place: usize,
    /// Its name.
    pub(crate) name: String,
    /// What it is and where its calls went.
    pub(crate) way: Vec<Cell>,
    /// How far it lies from the baseline; `None` where nothing may be drawn.
    pub(crate) shift: Option<Shift>,
    /// The same in figures, or what stands in its place.
    pub(crate) figures: Cell,
    /// What it comes to.
    pub(crate) verdict: Cell,
    /// What was asked of it and what was seen.
    pub(crate) budget: Cell,
    /// What else decides, as [`Overview::heads`] says.
    pub(crate) facts: Vec<Cell>,
}

/// How far a path lies from the baseline, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shift {
    /// The shift; 0 for the baseline itself.
    pub(crate) ms: f64,
    /// Its 95% interval; `None` for the baseline itself, and where there are too few calls.
    pub(crate) ci_ms: Option<(f64, f64)>,
    /// The declared margin.
    pub(crate) margin_ms: Option<f64>,
}
