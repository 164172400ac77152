//! What a shape of a chart says when it is pointed at. Plotters knows no groups and no titles, so a title is drawn as a
//! text of its own before the shapes and another after them, and both become a group once the picture is whole.

use crate::report::chart::palette::Colour;

/// Stands before a title. No text from outside holds this letter: [`crate::visible`] shows none of its kind.
const BEGIN: char = '\u{fdd0}';
/// Stands behind the shapes of a title.
const END: char = '\u{fdd1}';

/// The text that begins a group of shapes in this colour.
pub(super) fn begin(colour: Colour, title: &str) -> String {
    format!("{BEGIN}{} {title}", colour.variable)
}

/// The text that ends it.
pub(super) fn end() -> String {
    END.to_string()
}

/// The picture with its groups.
pub(super) fn grouped(svg: &str) -> String {
    let mut whole = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some(at) = rest.find([BEGIN, END]) {
        let element = rest[..at].rfind("<text").unwrap_or(at);
        whole.push_str(&rest[..element]);
        let until = rest[at..].find("</text>").map_or(rest.len(), |more| at + more);
        if rest[at..].starts_with(BEGIN) {
            let (class, title) = rest[at + BEGIN.len_utf8()..until].trim().split_once(' ').unwrap_or_default();
            whole.push_str(&format!("<g class=\"{class}\"><title>{title}</title>"));
        } else {
            whole.push_str("</g>");
        }
        rest = rest[until..].trim_start_matches("</text>").trim_start();
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::canvas::{Canvas, Size, picture};
    use crate::report::chart::palette::of_path;
    use crate::report::fixture::elements;

    #[test]
    fn shapes_stand_in_a_group_with_their_title_and_no_name_breaks_out_of_it() {
        let (colour, mark) = of_path(1);
        for name in ["gateway", "</title><script>", "\u{fdd0}path-2 x\u{fdd1}", "a & \"b\" 'c'", ""] {
            let draw = |canvas: &Canvas| {
                canvas.text(name, (1.0, 1.0), 12.0, colour, crate::report::chart::canvas::Anchor::Start)?;
                canvas.titled(colour, &format!("{name} p50: 158 ms"), || canvas.mark(mark, (9.0, 9.0), colour))?;
                canvas.mark(mark, (20.0, 9.0), colour)
            };
            let svg = picture(Size { width: 100, height: 50 }, draw).expect("drawn");
            assert_eq!(elements(&svg), ["svg", "rect", "text", "g", "title", "polygon", "polygon"], "{name}: {svg}");
            assert!(svg.contains("<g class=\"path-1\"><title>") && svg.contains("p50: 158 ms</title>"), "{svg}");
            assert!(!svg.contains([BEGIN, END]), "{svg}");
        }
    }
}
