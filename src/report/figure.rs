//! How figures look for people: few digits, always a unit, never a zero for what was not measured. A figure
//! that is missing is a dash in a cell (`table.rs`) and words in a sentence.

/// Milliseconds with three significant digits: "6.04 ms", "156 ms", "12.3 s".
pub(crate) fn ms(value: f64) -> String {
    let (value, unit) = scaled(value);
    format!("{}{unit}", trimmed(value))
}

/// Milliseconds for a column that says so in its head: "6.04", "156", "12345".
pub(crate) fn bare(value: f64) -> String {
    trimmed(value)
}

/// A shift for a column that says its unit in its head: "+6.04".
pub(crate) fn bare_shift(value: f64) -> String {
    format!("{}{}", if value < 0.0 { "−" } else { "+" }, trimmed(value.abs()))
}

/// A shift and its interval with as many decimals as the interval deserves, for a column that says its unit in its
/// head; the interval is never broken in two: "+6.0 [5.6, 6.4]".
pub(crate) fn bare_shift_within(shift: f64, (low, high): (f64, f64)) -> String {
    let decimals = interval_decimals(low, high, 1.0);
    let sign = if shift < 0.0 { "−" } else { "+" };
    let interval = bracketed(low, high, 1.0).replace(' ', "\u{a0}");
    format!("{sign}{:.decimals$} {interval}", shift.abs())
}

/// A shift with its sign: "+6.04 ms", "−1.2 ms".
pub(crate) fn shift(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", ms(value.abs()))
}

/// An interval of shifts in one unit: "[5.60, 6.40] ms".
pub(crate) fn interval((low, high): (f64, f64)) -> String {
    let (scale, unit) = if low.abs().max(high.abs()) >= 10_000.0 { (1e-3, "s") } else { (1.0, "ms") };
    format!("{} {unit}", bracketed(low, high, scale))
}

fn bracketed(low: f64, high: f64, scale: f64) -> String {
    let decimals = interval_decimals(low, high, scale);
    let number = |value: f64| {
        let text = format!("{:.decimals$}", value.abs() * scale);
        let negative = value < 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        if negative { format!("−{text}") } else { text }
    };
    format!("[{}, {}]", number(low), number(high))
}

/// Two digits of the width of an interval, and never less than a hundredth: more would promise what it does not hold.
fn interval_decimals(low: f64, high: f64, scale: f64) -> usize {
    decimals(10.0 * (high - low).abs() * scale).min(2)
}

/// A share of 1 in percent: "0%", "1.25%", "37%".
pub(crate) fn share(value: f64) -> String {
    let percent = 100.0 * value;
    if percent == 0.0 {
        "0%".to_owned()
    } else if percent < 0.01 {
        "<0.01%".to_owned()
    } else {
        format!("{}%", trimmed(percent))
    }
}

/// A change as a share of 1, in percent with its sign: "+8.1%".
pub(crate) fn change(share: f64) -> String {
    format!("{:+.1}%", 100.0 * share).replace('-', "−")
}

/// A count with thin gaps between thousands: "12 345".
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A length of time as people say it: "0.800 s", "60 s", "20 min".
pub(crate) fn seconds(value: f64) -> String {
    if value >= 600.0 {
        format!("{:.0} min", value / 60.0)
    } else if (value - value.round()).abs() < 0.005 * value {
        format!("{value:.0} s")
    } else {
        format!("{} s", trimmed(value))
    }
}

/// "2026-10-01 12:00:00 UTC" of an instant as files hold it.
pub(crate) fn moment(rfc3339: &str) -> String {
    match rfc3339.split_once('T') {
        Some((date, time)) => {
            let clock = time.trim_end_matches('Z').split(['.', '+']).next().unwrap_or(time);
            format!("{date} {clock} UTC")
        }
        None => rfc3339.to_owned(),
    }
}

/// A text with a capital letter at its beginning.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn scaled(value: f64) -> (f64, &'static str) {
    if value.abs() >= 10_000.0 { (value / 1e3, " s") } else { (value, " ms") }
}

/// Three significant digits, no more than three decimals.
fn trimmed(value: f64) -> String {
    format!("{value:.*}", decimals(value.abs()))
}

fn decimals(size: f64) -> usize {
    if size >= 99.95 {
        0
    } else if size >= 9.995 {
        1
    } else if size >= 0.9995 {
        2
    } else {
        3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Quantile;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        for (value, text) in [(0.0512, "0.051 ms"), (6.0412, "6.04 ms"), (99.97, "100 ms"), (156.3, "156 ms")] {
            assert_eq!(ms(value), text);
        }
        assert_eq!(ms(12_345.0), "12.3 s");
        assert_eq!((shift(6.0), shift(-1.25)), ("+6.00 ms".to_owned(), "−1.25 ms".to_owned()));
    }

    #[test]
    fn intervals_shares_and_counts_read_well() {
        assert_eq!(interval((5.6, 6.41)), "[5.60, 6.41] ms");
        assert_eq!(bare_shift_within(26.97, (26.25, 27.74)), "+27.0 [26.2,\u{a0}27.7]");
        assert_eq!(interval((-2.5, 12.0)), "[−2, 12] ms");
        assert_eq!((share(0.0), share(0.0125), share(0.37)), ("0%".into(), "1.25%".into(), "37.0%".into()));
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((Quantile(0.999).to_string(), Quantile(0.999).key()), ("p99.9".into(), "p99_9".into()));
        assert_eq!((seconds(60.0), seconds(1200.0), seconds(0.8)), ("60 s".into(), "20 min".into(), "0.800 s".into()));
    }
}
