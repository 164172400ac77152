//! Bytes from a judgement: decides glyphs, never numbers.

pub mod figure;
pub mod json;
pub mod model;
pub mod planned;
pub mod table;
pub mod terminal;
pub mod words;
