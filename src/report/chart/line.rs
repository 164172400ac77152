//! One path's line in a chart.

use crate::report::chart::palette::{Colour, Mark};

/// One path's line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// The path's name.
    pub(crate) name: String,
    /// Its colour.
    pub(crate) colour: Colour,
    /// Its mark.
    pub(crate) mark: Mark,
    /// How many values stand behind it.
    pub(crate) n: u64,
    /// Its points, ascending in the first.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Line {
    /// Its entry in a legend.
    pub(crate) fn entry(&self) -> (String, Colour, Option<Mark>) {
        (self.name.clone(), self.colour, Some(self.mark))
    }

    /// Its value between its points.
    pub(crate) fn at(&self, x: f64) -> Option<f64> {
        let after = self.points.iter().position(|(at, _)| *at >= x)?;
        let (x1, y1) = self.points[after];
        let (x0, y0) = self.points[after.saturating_sub(1)];
        Some(if x1 > x0 { y0 + (y1 - y0) * (x - x0) / (x1 - x0) } else { y1 })
    }
}
