//! How a backend changes with time: steps, ramps, spikes, waves and outages, on the time since the simulator began.
//!
//! What a request meets is decided by its arrival, so its times are fixed before its first byte.

use std::fmt;

use serde::Deserialize;

use super::dist::trim;
use crate::units::{LONGEST, read_ns};

/// One change of a backend; several multiply. Times are nanoseconds since the simulator began or was reset.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Drift {
    /// From `at` on, the model takes `factor` times as long.
    Step {
        /// When.
        #[serde(deserialize_with = "read_ns")]
        at: f64,
        /// How much.
        factor: f64,
    },
    /// From `from` to `to` the factor goes from 1 to `factor` in a straight line, and stays there.
    Ramp {
        /// Where it begins.
        #[serde(deserialize_with = "read_ns")]
        from: f64,
        /// Where it ends.
        #[serde(deserialize_with = "read_ns")]
        to: f64,
        /// Where it leads.
        factor: f64,
    },
    /// From `at` for `length` the model takes `factor` times as long, every `every` again if that is more than 0.
    Spike {
        /// When.
        #[serde(deserialize_with = "read_ns")]
        at: f64,
        /// For how long.
        #[serde(rename = "for", deserialize_with = "read_ns")]
        length: f64,
        /// How much.
        factor: f64,
        /// The time from one to the next; 0 is only one.
        #[serde(default, deserialize_with = "read_ns")]
        every: f64,
    },
    /// The factor swings around 1 by `amplitude`.
    Sine {
        /// The time of one wave.
        #[serde(deserialize_with = "read_ns")]
        period: f64,
        /// How far it swings, below 1.
        amplitude: f64,
    },
    /// From `at` for `length` every request is refused with 503, every `every` again if that is more than 0.
    Outage {
        /// When.
        #[serde(deserialize_with = "read_ns")]
        at: f64,
        /// For how long.
        #[serde(rename = "for", deserialize_with = "read_ns")]
        length: f64,
        /// The time from one to the next; 0 is only one.
        #[serde(default, deserialize_with = "read_ns")]
        every: f64,
    },
    /// From `at` for `length` the model takes `factor` times as long and refuses a share of the requests with 503, every
    /// `every` again if that is more than 0.
    BrownOut {
        /// When.
        #[serde(deserialize_with = "read_ns")]
        at: f64,
        /// For how long.
        #[serde(rename = "for", deserialize_with = "read_ns")]
        length: f64,
        /// How much.
        #[serde(default = "no_factor")]
        factor: f64,
        /// The share of requests that are refused.
        share: f64,
        /// The time from one to the next; 0 is only one.
        #[serde(default, deserialize_with = "read_ns")]
        every: f64,
    },
}

fn no_factor() -> f64 {
    1.0
}

impl Drift {
    /// How many times as long the model takes at `now`.
    fn factor(&self, now: f64) -> f64 {
        match *self {
            Self::Step { at, factor } => {
                if now >= at {
                    factor
                } else {
                    1.0
                }
            }
            Self::Ramp { from, to, factor } => {
                let done = if to > from {
                    ((now - from) / (to - from)).clamp(0.0, 1.0)
                } else {
                    f64::from(u8::from(now >= to))
                };
                1.0 + (factor - 1.0) * done
            }
            Self::Spike { at, length, factor, every } | Self::BrownOut { at, length, factor, every, .. } => {
                if is_within(now, at, length, every) { factor } else { 1.0 }
            }
            Self::Sine { period, amplitude } => 1.0 + amplitude * (std::f64::consts::TAU * now / period).sin(),
            Self::Outage { .. } => 1.0,
        }
    }

    fn is_out(&self, now: f64) -> bool {
        matches!(*self, Self::Outage { at, length, every } if is_within(now, at, length, every))
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |ns: f64| trim(ns / 1e9);
        let again = |every: f64| if every > 0.0 { format!(", every {} s", s(every)) } else { String::new() };
        match *self {
            Self::Step { at, factor } => write!(f, "{} times as long from {} s on", trim(factor), s(at)),
            Self::Ramp { from, to, factor } => {
                write!(f, "up to {} times as long from {} s to {} s", trim(factor), s(from), s(to))
            }
            Self::Spike { at, length, factor, every } => {
                write!(f, "{} times as long at {} s for {} s{}", trim(factor), s(at), s(length), again(every))
            }
            Self::Sine { period, amplitude } => {
                write!(f, "a wave of {} s, {} % up and down", s(period), trim(amplitude * 100.0))
            }
            Self::BrownOut { at, length, factor, share, every } => write!(
                f,
                "{} % refused and {} times as long at {} s for {} s{}",
                trim(share * 100.0),
                trim(factor),
                s(at),
                s(length),
                again(every)
            ),
            Self::Outage { at, length, every } => write!(f, "out at {} s for {} s{}", s(at), s(length), again(every)),
        }
    }
}

fn is_within(now: f64, at: f64, length: f64, every: f64) -> bool {
    let since = now - at;
    since >= 0.0 && (if every > 0.0 { since % every } else { since }) < length
}

/// How many times as long the model takes at `now`; nothing while it is out.
pub(crate) fn factor(drifts: &[Drift], now: f64) -> Option<f64> {
    if drifts.iter().any(|drift| drift.is_out(now)) {
        return None;
    }
    Some(drifts.iter().map(|drift| drift.factor(now)).product::<f64>().clamp(0.0, LONGEST))
}

/// The share of requests that is refused at `now`; the largest of several.
pub(crate) fn refused(drifts: &[Drift], now: f64) -> f64 {
    let share = |drift: &Drift| match *drift {
        Drift::BrownOut { at, length, share, every, .. } if is_within(now, at, length, every) => share,
        _ => 0.0,
    };
    drifts.iter().map(share).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_at_their_time() {
        let step = Drift::Step { at: 10.0, factor: 2.0 };
        let ramp = Drift::Ramp { from: 10.0, to: 20.0, factor: 3.0 };
        let spike = Drift::Spike { at: 10.0, length: 2.0, factor: 5.0, every: 0.0 };
        let often = Drift::Spike { at: 10.0, length: 2.0, factor: 5.0, every: 4.0 };
        let sine = Drift::Sine { period: 40.0, amplitude: 0.5 };
        let brown = Drift::BrownOut { at: 10.0, length: 2.0, factor: 4.0, share: 0.3, every: 0.0 };
        let table = [
            (vec![], 5.0, 1.0),
            (vec![step], 9.9, 1.0),
            (vec![step], 10.0, 2.0),
            (vec![ramp], 5.0, 1.0),
            (vec![ramp], 15.0, 2.0),
            (vec![ramp], 99.0, 3.0),
            (vec![spike], 11.9, 5.0),
            (vec![spike], 12.0, 1.0),
            (vec![often], 13.0, 1.0),
            (vec![often], 15.0, 5.0),
            (vec![sine], 10.0, 1.5),
            (vec![sine], 30.0, 0.5),
            (vec![step, spike], 11.0, 10.0),
            (vec![brown], 11.0, 4.0),
            (vec![brown], 12.0, 1.0),
        ];
        for (drifts, now, expected) in table {
            let found = factor(&drifts, now).unwrap();
            assert!((found - expected).abs() < 1e-9, "{drifts:?} at {now}: {found}");
        }
    }

    #[test]
    fn a_brown_out_refuses_its_share_while_it_lasts() {
        let brown = |share| Drift::BrownOut { at: 10.0, length: 2.0, factor: 1.0, share, every: 5.0 };
        let drifts = [brown(0.3), brown(0.2)];
        let shares: Vec<f64> = [9.9, 10.0, 12.0, 15.0].iter().map(|now| refused(&drifts, *now)).collect();
        assert_eq!(shares, [0.0, 0.3, 0.0, 0.3]);
        assert_eq!(brown(0.3).to_string().replace("0 s", "_"), "30 % refused and 1 times as long at _ for _, every _");
    }

    #[test]
    fn an_outage_has_a_beginning_and_an_end() {
        let out = [Drift::Outage { at: 10.0, length: 5.0, every: 0.0 }];
        let answers: Vec<bool> = [9.9, 10.0, 14.9, 15.0].iter().map(|now| factor(&out, *now).is_some()).collect();
        assert_eq!(answers, [true, false, false, true]);
    }
}
