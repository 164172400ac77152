//! A value as the text of a cell of `requests.csv`: for each type how it is written and how it is read, side by side.
//!
//! An empty cell is a value that was not seen: `None`. Times are milliseconds with six decimals, so that nothing is
//! lost of their nanoseconds.

use std::io::Write;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::limits::Limit;
use crate::measure::outcome::{ErrorClass, Outcome};
use crate::plan::Plan;
use crate::store::bounds::{Bounds, MOST_NUMBER, MOST_WHOLE};
use crate::store::file;
use crate::units::{Api, Nanos, PathId, Phase, Seq};

/// What a cell should hold and does not.
pub(crate) type Expected = &'static str;

/// A type that a cell holds.
pub(crate) trait Value: Sized {
    /// Appends the text to a row.
    fn write(&self, row: &mut RowText);

    /// Understands the text.
    ///
    /// # Errors
    /// When it is another text than [`Value::write`] makes.
    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected>;
}

/// The text of a row while it is written; one is used for all rows, so that nothing is allocated.
#[derive(Debug)]
pub(crate) struct RowText {
    pub(crate) bytes: Vec<u8>,
    names: Vec<Vec<u8>>,
    origin: Nanos,
}

impl RowText {
    /// The text of a row of this plan. `origin` is the run's start, the zero of every time.
    pub(crate) fn new(plan: &Plan, origin: Nanos) -> Self {
        let names = plan.paths.iter().map(|path| file::field(&path.name).into_bytes()).collect();
        Self { bytes: Vec::with_capacity(512), names, origin }
    }

    pub(crate) fn word(&mut self, word: &str) {
        self.bytes.extend_from_slice(word.as_bytes());
    }

    /// What shows itself as it is to be read.
    pub(crate) fn shown(&mut self, value: impl std::fmt::Display) {
        // Writing into memory does not fail.
        let _ = write!(self.bytes, "{value}");
    }

    /// Nanoseconds as milliseconds with six decimals: nothing is lost.
    fn milliseconds(&mut self, ns: u64) {
        self.digits(ns / 1_000_000, 1);
        self.bytes.push(b'.');
        self.digits(ns % 1_000_000, 6);
    }

    /// `number` in decimal, with zeros in front up to `at_least` digits.
    fn digits(&mut self, mut number: u64, at_least: usize) {
        let mut digits = [b'0'; 20];
        let mut from = digits.len();
        while number > 9 {
            let two = 2 * (number % 100) as usize;
            number /= 100;
            from -= 2;
            digits[from..from + 2].copy_from_slice(&TWO_DIGITS[two..two + 2]);
        }
        if number > 0 {
            from -= 1;
            digits[from] = b'0' + number as u8;
        }
        self.bytes.extend_from_slice(&digits[from.min(digits.len() - at_least)..]);
    }
}

/// 00, 01, ... 99.
const TWO_DIGITS: [u8; 200] = {
    let mut digits = [b'0'; 200];
    let mut number = 0;
    while number < 100 {
        digits[2 * number] += (number / 10) as u8;
        digits[2 * number + 1] += (number % 10) as u8;
        number += 1;
    }
    digits
};

/// What a reader of rows knows: the run, and what it understood of rows before, with its text.
pub(crate) struct Context<'a> {
    plan: &'a Plan,
    origin: Nanos,
    bounds: Bounds,
    class: Option<(Box<[u8]>, ErrorClass)>,
    peers: Vec<(Box<[u8]>, SocketAddr)>,
}

impl<'a> Context<'a> {
    /// Rows of this plan. `origin` is the run's start, the zero of every time.
    pub(crate) fn new(plan: &'a Plan, origin: Nanos) -> Self {
        Self { plan, origin, bounds: Bounds::of(plan, origin), class: None, peers: Vec::new() }
    }
}

/// Every outcome; its class, if it has one, is still to be read.
const OUTCOMES: [Outcome; 4] = [
    Outcome::Ok,
    Outcome::Failed(ErrorClass::Internal),
    Outcome::Incomplete(ErrorClass::Internal),
    Outcome::Dropped(ErrorClass::Internal),
];

/// How much of a text is kept, bytes: no more was ever written.
const TEXT: usize = Limit::HeaderText.most();

/// Addresses that are remembered.
const PEERS: usize = 8;

/// The text of a cell while it is read.
pub(crate) struct Cell<'c, 'a> {
    pub(crate) bytes: &'c [u8],
    pub(crate) context: &'c mut Context<'a>,
}

impl Cell<'_, '_> {
    /// Reads the cell's value into its place.
    #[inline(always)]
    pub(crate) fn read<T: Value>(self, place: &mut T) -> Result<(), Expected> {
        *place = T::read(self)?;
        Ok(())
    }

    fn parse<T: FromStr>(&self, expected: Expected) -> Result<T, Expected> {
        std::str::from_utf8(self.bytes).ok().and_then(|text| text.parse().ok()).ok_or(expected)
    }

    /// The outcome of which this is the word; its class of error stands in the next column.
    pub(crate) fn outcome(self) -> Result<Outcome, Expected> {
        let outcome = OUTCOMES.into_iter().find(|outcome| <&str>::from(outcome).as_bytes() == self.bytes);
        outcome.ok_or("ok, failed, incomplete or dropped")
    }

    /// A class of error, understood once as long as it stays the same.
    pub(crate) fn class(self) -> Result<ErrorClass, Expected> {
        if let Some((same, class)) = &self.context.class
            && **same == *self.bytes
        {
            return Ok(*class);
        }
        let class = self.parse("a class of error")?;
        self.context.class = Some((self.bytes.into(), class));
        Ok(class)
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, row: &mut RowText) {
        if let Some(value) = self {
            value.write(row);
        }
    }

    #[inline(always)]
    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        if cell.bytes.is_empty() { Ok(None) } else { T::read(cell).map(Some) }
    }
}

impl Value for u64 {
    fn write(&self, row: &mut RowText) {
        row.digits(*self, 1);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        digits(cell.bytes).filter(|number| *number <= MOST_WHOLE).ok_or("a whole number up to 2^53")
    }
}

impl Value for u32 {
    fn write(&self, row: &mut RowText) {
        u64::from(*self).write(row);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        digits(cell.bytes).and_then(|number| number.try_into().ok()).ok_or("a whole number that fits a u32")
    }
}

impl Value for u16 {
    fn write(&self, row: &mut RowText) {
        u64::from(*self).write(row);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        let status = digits(cell.bytes).and_then(|number| number.try_into().ok());
        status.filter(|status| (100..1_000).contains(status)).ok_or("a status from 100 to 999")
    }
}

impl Value for f64 {
    fn write(&self, row: &mut RowText) {
        row.shown(self);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        let number = cell.parse("a number")?;
        // What is not a number lies in no range.
        if (0.0..=MOST_NUMBER).contains(&number) { Ok(number) } else { Err("a number from 0 to 10^12") }
    }
}

impl Value for bool {
    fn write(&self, row: &mut RowText) {
        row.word(if *self { "true" } else { "false" });
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        cell.parse("true or false")
    }
}

impl Value for Nanos {
    fn write(&self, row: &mut RowText) {
        if *self < row.origin {
            row.bytes.push(b'-');
        }
        row.milliseconds(self.0.abs_diff(row.origin.0));
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        let (before, text) = cell.bytes.strip_prefix(b"-").map_or((false, cell.bytes), |digits| (true, digits));
        let offset = nanoseconds(text).ok_or("a time in ms")?;
        let origin = cell.context.origin.0;
        let at = if before { origin.checked_sub(offset) } else { origin.checked_add(offset) };
        let within = at.map(Self).filter(|at| cell.context.bounds.hold(*at));
        within.ok_or("a time in ms within the run")
    }
}

impl Value for Duration {
    fn write(&self, row: &mut RowText) {
        row.milliseconds(self.as_nanos() as u64);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        let span = nanoseconds(cell.bytes).map(Self::from_nanos).filter(|span| span.as_secs() < 24 * 3_600);
        span.ok_or("a span in ms shorter than a day")
    }
}

impl Value for Box<str> {
    fn write(&self, row: &mut RowText) {
        if is_plain(self) { row.word(self) } else { row.word(&file::field(self)) }
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        let text = std::str::from_utf8(cell.bytes).map_err(|_| "text in UTF-8")?;
        let text = file::unguarded(text);
        Ok(text[..text.floor_char_boundary(TEXT)].into())
    }
}

impl Value for Seq {
    fn write(&self, row: &mut RowText) {
        self.0.write(row);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        u64::read(cell).map(Self)
    }
}

impl Value for PathId {
    fn write(&self, row: &mut RowText) {
        row.bytes.extend_from_slice(&row.names[self.index()]);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        let paths = &cell.context.plan.paths;
        let path = paths.iter().find(|path| path.name.as_bytes() == cell.bytes).or_else(|| {
            // A name with control characters, or one that begins like a formula, is written otherwise.
            paths.iter().find(|path| file::printable(&path.name).as_bytes() == cell.bytes)
        });
        path.map(|path| path.id).ok_or("the name of a path of the plan")
    }
}

impl Value for Phase {
    fn write(&self, row: &mut RowText) {
        row.word(self.into());
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        cell.parse("warmup, measure or drain")
    }
}

impl Value for Api {
    fn write(&self, row: &mut RowText) {
        row.word(self.into());
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        cell.parse("the name of an API")
    }
}

impl Value for SocketAddr {
    fn write(&self, row: &mut RowText) {
        row.shown(self);
    }

    fn read(cell: Cell<'_, '_>) -> Result<Self, Expected> {
        if let Some((_, peer)) = cell.context.peers.iter().find(|(same, _)| **same == *cell.bytes) {
            return Ok(*peer);
        }
        let peer = cell.parse("an address with its port")?;
        // Paths lead to a few addresses; where they do not, remembering them all would take longer than reading.
        if cell.context.peers.len() == PEERS {
            cell.context.peers.remove(0);
        }
        cell.context.peers.push((cell.bytes.into(), peer));
        Ok(peer)
    }
}

fn is_plain(text: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
    text.as_bytes().first().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(&byte) || b"-_.:/".contains(&byte))
}

/// "1234.567890" milliseconds as nanoseconds, without a detour over floating point.
fn nanoseconds(text: &[u8]) -> Option<u64> {
    let (whole, part) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &b""[..]),
    };
    if part.len() > 6 {
        return None;
    }
    let below = if part.is_empty() { 0 } else { digits(part)? };
    let scale = 10u64.pow(6 - part.len() as u32);
    digits(whole)?.checked_mul(1_000_000)?.checked_add(below * scale)
}

fn digits(text: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, digit) }
}
