//! Colours that people with colour blindness tell apart (Okabe and Ito, 2008), and what else tells lines apart.
//!
//! Charts are drawn in the colours of a light page. A page that is dark replaces each of them by name.

use plotters::style::RGBColor;

/// A colour with the name under which a page may replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    /// The name of the variable of style sheets.
    pub(crate) variable: &'static str,
    /// On a light page.
    pub(crate) light: RGBColor,
    /// On a dark page.
    pub(crate) dark: RGBColor,
}

impl Colour {
    const fn new(variable: &'static str, light: u32, dark: u32) -> Self {
        Self { variable, light: rgb(light), dark: rgb(dark) }
    }

    /// As SVG and CSS write it, on a light page.
    pub(crate) fn light_hex(self) -> String {
        hex(self.light)
    }

    /// As SVG and CSS write it, on a dark page.
    pub(crate) fn dark_hex(self) -> String {
        hex(self.dark)
    }
}

const fn rgb(hex: u32) -> RGBColor {
    RGBColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Axes and words.
pub(crate) const INK: Colour = Colour::new("ink", 0x1B1F24, 0xE6E8EB);

/// Words of less weight.
pub(crate) const QUIET: Colour = Colour::new("quiet", 0x5B636D, 0xA3ABB5);

/// Lines behind the data.
pub(crate) const GRID: Colour = Colour::new("grid", 0xE2E5E9, 0x363B42);

/// Behind the time in which this tool could not measure faithfully.
pub(crate) const SHADE: Colour = Colour::new("shade", 0xF6D9C9, 0x4A3226);

/// The page.
pub(crate) const PAPER: Colour = Colour::new("paper", 0xFFFFFF, 0x16191D);

/// Words on a light part of a bar, on any page.
pub(crate) const ON_LIGHT: Colour = Colour::new("on-light", 0x14171A, 0x14171B);

/// One for each path, in the order of the plan; from the ninth on they come again.
pub(crate) const PATHS: [Colour; 8] = [
    Colour::new("path-0", 0x0072B2, 0x56B4E9),
    Colour::new("path-1", 0xD55E00, 0xF5894A),
    Colour::new("path-2", 0x009E73, 0x2FC99B),
    Colour::new("path-3", 0xB8578F, 0xE39CC4),
    Colour::new("path-4", 0x8A6D00, 0xE8C33C),
    Colour::new("path-5", 0x444C56, 0xC3CAD2),
    Colour::new("path-6", 0x6B3FA0, 0xB79CF0),
    Colour::new("path-7", 0x8C2D19, 0xE0806C),
];

/// The parts of a call, in the order in which they happen.
pub(crate) const PARTS: [Colour; 6] = [
    Colour::new("part-0", 0xE69F01, 0xE69F02),
    Colour::new("part-1", 0x56B4EA, 0x56B4EB),
    Colour::new("part-2", 0xCC79A8, 0xCC79A9),
    Colour::new("part-3", 0x0072B3, 0x3D9BD6),
    Colour::new("part-4", 0x009E74, 0x1FB58A),
    Colour::new("part-5", 0xA9B1BA, 0x8A939E),
];

/// Every colour that a chart may use.
pub(crate) fn all() -> impl Iterator<Item = Colour> {
    [INK, QUIET, GRID, SHADE, PAPER, ON_LIGHT].into_iter().chain(PATHS).chain(PARTS)
}

/// The mark on a line, so that it can be told without its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A disc.
    Disc,
    /// A triangle on its base.
    Triangle,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// A ring.
    Ring,
    /// A triangle on its tip.
    Down,
    /// A lying bar.
    Bar,
    /// A cross.
    Cross,
}

const MARKS: [Mark; PATHS.len()] =
    [Mark::Disc, Mark::Triangle, Mark::Square, Mark::Diamond, Mark::Ring, Mark::Down, Mark::Bar, Mark::Cross];

/// How the line of each path is broken, in pixels of stroke and gap; the first is whole.
const DASHES: [&[u32]; PATHS.len()] =
    [&[], &[14, 4], &[8, 4], &[14, 4, 3, 4], &[20, 5], &[8, 3, 3, 3], &[20, 4, 3, 4, 3, 4], &[10, 6]];

/// The colours whose lines are broken, and how: pixels of stroke and gap.
pub(crate) fn dashes() -> impl Iterator<Item = (Colour, &'static [u32])> {
    PATHS.into_iter().zip(DASHES).filter(|(_, dash)| !dash.is_empty())
}

/// How the line of the path with this place looks.
pub(crate) fn of_path(place: usize) -> (Colour, Mark) {
    (PATHS[place % PATHS.len()], MARKS[place % MARKS.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_paths_differ_in_colour_in_mark_and_in_dash() {
        for (place, other) in (0..8).flat_map(|place| (0..place).map(move |other| (place, other))) {
            let ((colour, mark), (colour_there, mark_there)) = (of_path(place), of_path(other));
            assert!(colour != colour_there && mark != mark_there, "{place} and {other}");
            assert_ne!(DASHES[place], DASHES[other], "{place} and {other}");
        }
    }

    #[test]
    fn every_colour_can_be_replaced_by_name() {
        let mut light: Vec<_> = all().map(Colour::light_hex).collect();
        light.sort();
        light.dedup();
        assert_eq!(light.len(), all().count(), "two names share a colour");
        assert_eq!(INK.light_hex(), "#1B1F24");
    }
}
