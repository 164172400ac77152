//! What charts are drawn on: a plotters area with a plot inside, and the few strokes that all charts share.
//!
//! Plotters rounds to whole pixels, so a canvas is `FINE` times as large inside as it says outside.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, DashedPathElement, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle};

use crate::report::chart::axis::Axis;
use crate::report::chart::palette::{Colour, GRID, INK, Mark, PAPER, QUIET, dashes};
use crate::report::chart::title;
use crate::visible::visible;

/// Inner units for one pixel outside.
const FINE: f64 = 4.0;

/// A chart that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw a chart: {0}")]
pub(crate) struct ChartError(String);

/// A point of the whole picture in pixels, from the upper left.
pub(crate) type Point = (f64, f64);

/// A rectangle of the picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    /// Its left edge.
    pub(crate) left: f64,
    /// Its upper edge.
    pub(crate) top: f64,
    /// Its right edge.
    pub(crate) right: f64,
    /// Its lower edge.
    pub(crate) bottom: f64,
}

/// Where a text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Begins at it.
    Start,
    /// Has it in its middle.
    Middle,
    /// Ends at it.
    End,
}

/// The size of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Its width.
    pub(crate) width: u32,
    /// Its height.
    pub(crate) height: u32,
}

/// A picture under way.
pub(crate) struct Canvas<'a> {
    root: DrawingArea<SVGBackend<'a>, Shift>,
    /// Its size.
    pub(crate) size: Size,
}

/// Draws a picture and returns it as SVG, on white paper.
///
/// # Errors
/// When plotters cannot draw.
pub(crate) fn picture(size: Size, draw: impl FnOnce(&Canvas) -> Result<(), ChartError>) -> Result<String, ChartError> {
    let mut svg = String::new();
    let inner = |length: u32| (f64::from(length) * FINE) as u32;
    {
        let root = SVGBackend::with_string(&mut svg, (inner(size.width), inner(size.height))).into_drawing_area();
        let canvas = Canvas { root, size };
        let whole = Area { left: 0.0, top: 0.0, right: f64::from(size.width), bottom: f64::from(size.height) };
        canvas.fill(whole, PAPER, 1.0)?;
        draw(&canvas)?;
        canvas.root.present().map_err(wrong)?;
    }
    let said = |width, height| format!("width=\"{width}\" height=\"{height}\"");
    let large = said(inner(size.width), inner(size.height));
    Ok(broken(title::grouped(&svg.replacen(&large, &said(size.width, size.height), 1))))
}

/// The same with the lines of paths broken, each in its own way, so that they are told apart without their colours.
fn broken(svg: String) -> String {
    dashes().fold(svg, |svg, (colour, dash)| {
        let stroke = format!("stroke=\"{}\"", colour.light_hex());
        let lengths: Vec<String> = dash.iter().map(|length| (f64::from(*length) * FINE).to_string()).collect();
        svg.replace(&stroke, &format!("{stroke} stroke-dasharray=\"{}\"", lengths.join(" ")))
    })
}

type Drawn = Result<(), ChartError>;

fn wrong(error: impl std::fmt::Display) -> ChartError {
    ChartError(error.to_string())
}

fn fine((x, y): Point) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn stroke(colour: Colour, width: f64, opacity: f64) -> ShapeStyle {
    colour.light.mix(opacity).stroke_width((width * FINE).round() as u32)
}

impl Canvas<'_> {
    /// Shapes that say this when they are pointed at.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn titled(&self, colour: Colour, title: &str, draw: impl FnOnce() -> Drawn) -> Drawn {
        self.marker(&title::begin(colour, &label(title)))?;
        draw()?;
        self.marker(&title::end())
    }

    fn marker(&self, text: &str) -> Drawn {
        let style = ("sans-serif", 1.0).into_font().color(&INK.light);
        self.root.draw(&Text::new(text.to_owned(), (0, 0), style)).map_err(wrong)
    }

    /// A line through points.
    ///
    /// # Errors
    /// When plotters cannot draw; so for all strokes.
    pub(crate) fn line(&self, points: &[Point], colour: Colour, width: f64, opacity: f64) -> Drawn {
        let points: Vec<_> = points.iter().copied().map(fine).collect();
        self.root.draw(&PathElement::new(points, stroke(colour, width, opacity))).map_err(wrong)
    }

    /// A broken line through points.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn dashes(&self, points: &[Point], colour: Colour, width: f64, (dash, gap): (f64, f64)) -> Drawn {
        let points: Vec<_> = points.iter().copied().map(fine).collect();
        let unit = |length: f64| (length * FINE) as i32;
        let element = DashedPathElement::new(points, unit(dash), unit(gap), stroke(colour, width, 1.0));
        self.root.draw(&element).map_err(wrong)
    }

    /// A filled shape.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn shape(&self, corners: &[Point], colour: Colour, opacity: f64) -> Drawn {
        let corners: Vec<_> = corners.iter().copied().map(fine).collect();
        self.root.draw(&Polygon::new(corners, colour.light.mix(opacity).filled())).map_err(wrong)
    }

    /// A filled rectangle.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn fill(&self, area: Area, colour: Colour, opacity: f64) -> Drawn {
        let corners = [fine((area.left, area.top)), fine((area.right, area.bottom))];
        self.root.draw(&Rectangle::new(corners, colour.light.mix(opacity).filled())).map_err(wrong)
    }

    /// A text, in the middle of its height.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn text(&self, text: &str, at: Point, size: f64, colour: Colour, anchor: Anchor) -> Drawn {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // The backend writes 1 / 1.24 of the size that it is given.
        let style = ("sans-serif", size * 1.24 * FINE).into_font().color(&colour.light);
        let style = style.pos(Pos::new(horizontal, VPos::Center));
        self.root.draw(&Text::new(label(text), fine(at), style)).map_err(wrong)
    }

    /// The mark of a path.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn mark(&self, mark: Mark, (x, y): Point, colour: Colour) -> Drawn {
        let r = 3.8;
        let disc = |radius: f64, colour: RGBColor| {
            let element = Circle::new(fine((x, y)), (radius * FINE) as i32, colour.filled());
            self.root.draw(&element).map_err(wrong)
        };
        match mark {
            Mark::Disc => disc(r, colour.light),
            Mark::Triangle => {
                self.shape(&[(x, y - 1.3 * r), (x + 1.2 * r, y + 0.9 * r), (x - 1.2 * r, y + 0.9 * r)], colour, 1.0)
            }
            Mark::Square => self.fill(Area { left: x - r, top: y - r, right: x + r, bottom: y + r }, colour, 1.0),
            Mark::Diamond => {
                let d = 1.35 * r;
                self.shape(&[(x, y - d), (x + d, y), (x, y + d), (x - d, y)], colour, 1.0)
            }
            Mark::Ring => {
                disc(r, colour.light)?;
                disc(0.5 * r, PAPER.light)
            }
            Mark::Down => {
                self.shape(&[(x, y + 1.3 * r), (x + 1.2 * r, y - 0.9 * r), (x - 1.2 * r, y - 0.9 * r)], colour, 1.0)
            }
            Mark::Bar => {
                let (long, high) = (1.5 * r, 0.6 * r);
                self.fill(Area { left: x - long, top: y - high, right: x + long, bottom: y + high }, colour, 1.0)
            }
            Mark::Cross => {
                let (d, w) = (1.1 * r, 0.45 * r);
                self.fill(Area { left: x - d - w, top: y - w, right: x + d + w, bottom: y + w }, colour, 1.0)?;
                self.fill(Area { left: x - w, top: y - d - w, right: x + w, bottom: y + d + w }, colour, 1.0)
            }
        }
    }

    /// The only plot of a picture, under a legend and so many pixels of room.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn area_under(
        &self,
        entries: impl Iterator<Item = (String, Colour, Option<Mark>)>,
        room: f64,
    ) -> Result<Area, ChartError> {
        let used = self.legend(&entries.collect::<Vec<_>>(), (8.0, 16.0))?;
        let (right, bottom) = (f64::from(self.size.width) - 16.0, f64::from(self.size.height) - 52.0);
        Ok(Area { left: 56.0, top: used + room, right, bottom })
    }

    /// Names of lines in a row from the upper left, as many rows as needed; returns the height used.
    ///
    /// # Errors
    /// As [`Canvas::line`].
    pub(crate) fn legend(&self, entries: &[(String, Colour, Option<Mark>)], at: Point) -> Result<f64, ChartError> {
        let (mut x, mut y) = at;
        for (name, colour, mark) in entries {
            let width = 34.0 + 7.2 * label(name).chars().count() as f64;
            if x > at.0 && x + width > f64::from(self.size.width) {
                (x, y) = (at.0, y + 20.0);
            }
            match mark {
                Some(mark) => {
                    self.line(&[(x, y), (x + 22.0, y)], *colour, 2.0, 1.0)?;
                    self.mark(*mark, (x + 11.0, y), *colour)?;
                }
                None => {
                    self.fill(Area { left: x + 6.0, top: y - 6.0, right: x + 22.0, bottom: y + 6.0 }, *colour, 1.0)?
                }
            }
            self.text(name, (x + 28.0, y), 13.0, INK, Anchor::Start)?;
            x += width + 10.0;
        }
        Ok(y - at.1 + 20.0)
    }
}

/// The most letters of a text in a picture.
const LABEL: usize = 80;

/// A text as a picture has room for it.
fn label(text: &str) -> String {
    let mut letters = visible(text).map(|letter| if letter == '\n' { ' ' } else { letter });
    let label: String = letters.by_ref().take(LABEL).collect();
    if letters.next().is_some() { label + "…" } else { label }
}

/// A plot on a canvas: two axes over an area.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    area: Area,
    x: Axis,
    y: Axis,
}

impl Plot {
    /// Draws the axes with their lines, ticks and titles; the title of `y` stands above it.
    ///
    /// # Errors
    /// When plotters cannot draw.
    pub(crate) fn new(canvas: &Canvas, area: Area, x: Axis, y: Axis, titles: (&str, &str)) -> Result<Self, ChartError> {
        let plot = Self { area, x, y };
        for (value, label) in &plot.y.ticks {
            let (_, at) = plot.point((plot.x.from, *value));
            canvas.line(&[(area.left, at), (area.right, at)], GRID, 1.0, 1.0)?;
            canvas.text(label, (area.left - 8.0, at), 12.0, QUIET, Anchor::End)?;
        }
        plot.x_ticks(canvas)?;
        canvas.line(&[(area.left, area.bottom), (area.right, area.bottom)], QUIET, 1.0, 1.0)?;
        let (x_title, y_title) = titles;
        canvas.text(x_title, (area.right, area.bottom + 38.0), 12.0, QUIET, Anchor::End)?;
        canvas.text(y_title, (8.0, area.top - 16.0), 12.0, QUIET, Anchor::Start)?;
        Ok(plot)
    }

    fn x_ticks(&self, canvas: &Canvas) -> Drawn {
        let mut free_from = f64::NEG_INFINITY;
        for (value, label) in &self.x.ticks {
            let (at, _) = self.point((*value, self.y.from));
            canvas.line(&[(at, self.area.top), (at, self.area.bottom)], GRID, 1.0, 1.0)?;
            let half = 3.6 * label.chars().count() as f64;
            if at - half >= free_from {
                canvas.text(label, (at, self.area.bottom + 16.0), 12.0, QUIET, Anchor::Middle)?;
                free_from = at + half + 4.0;
            }
        }
        Ok(())
    }

    /// The place of a pair of values in the picture.
    pub(crate) fn point(&self, (x, y): (f64, f64)) -> Point {
        let Area { left, top, right, bottom } = self.area;
        (left + self.x.place(x) * (right - left), bottom - self.y.place(y) * (bottom - top))
    }

    /// The places of pairs of values.
    pub(crate) fn points(&self, values: &[(f64, f64)]) -> Vec<Point> {
        values.iter().map(|pair| self.point(*pair)).collect()
    }
}
