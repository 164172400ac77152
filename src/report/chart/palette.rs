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

/// One for each path, in the order of the plan; from the seventh on they come again, with other marks.
pub(crate) const PATHS: [Colour; 6] = [
    Colour::new("path-0", 0x0072B2, 0x56B4E9),
    Colour::new("path-1", 0xD55E00, 0xF5894A),
    Colour::new("path-2", 0x009E73, 0x2FC99B),
    Colour::new("path-3", 0xB8578F, 0xE39CC4),
    Colour::new("path-4", 0x8A6D00, 0xE8C33C),
    Colour::new("path-5", 0x444C56, 0xC3CAD2),
];

/// The parts of a call, in the order in which they happen.
pub(crate) const PARTS: [Colour; 6] = [
    Colour::new("part-0", 0xE69F01, 0xE69F02),
    Colour::new("part-1", 0x56B4EA, 0x56B4EB),
    Colour::new("part-2", 0xCC79A8, 0xCC79A9),
    Colour::new("part-3", 0x0072B3, 0x3D9BD6),
    Colour::new("part-4", 0x009E74, 0x1FB58A),
    Colour::new("part-5", 0xA9B1BA, 0x6B737D),
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
}

const MARKS: [Mark; 5] = [Mark::Disc, Mark::Triangle, Mark::Square, Mark::Diamond, Mark::Ring];

/// How the line of the path with this place looks.
pub(crate) fn of_path(place: usize) -> (Colour, Mark) {
    (PATHS[place % PATHS.len()], MARKS[place % MARKS.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_replaced_by_name() {
        let mut light: Vec<_> = all().map(Colour::light_hex).collect();
        light.sort();
        light.dedup();
        assert_eq!(light.len(), all().count(), "two names share a colour");
        assert_eq!(INK.light_hex(), "#1B1F24");
    }
}
