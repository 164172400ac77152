//! Bytes from a judgement: decides glyphs, never numbers.

pub mod figure;
pub mod json;
