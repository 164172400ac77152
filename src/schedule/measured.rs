//! Whether every path gets a call in the measured time, known from the schedule alone, before a packet is sent.

use crate::schedule::tickets::Ticket;
use crate::units::{PathId, Phase, Rate};

/// A path of which nothing would be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmeasured {
    /// The path.
    pub path: PathId,
    /// Whether a limit on requests ends the plan before one of its calls is measured.
    pub limited: bool,
}

/// The first of so many paths that has no measured ticket among the first `allowed` ones.
pub(crate) fn unmeasured(tickets: impl Iterator<Item = Ticket>, paths: usize, allowed: u64) -> Option<Unmeasured> {
    let mut missing: Vec<bool> = vec![true; paths];
    let mut limited = false;
    for ticket in tickets {
        limited = ticket.seq.0 >= allowed;
        if limited || !missing.contains(&true) {
            break;
        }
        if ticket.phase == Phase::Measure {
            missing[ticket.path.index()] = false;
        }
    }
    let place = missing.into_iter().position(|missing| missing)?;
    Some(Unmeasured { path: PathId(place as u16), limited })
}

/// A rate as people write it: by the second, or by the minute or hour where that is the larger number.
#[must_use]
pub(crate) fn readable_rate(rate: Rate) -> String {
    let by = |seconds: f64, unit: &str| {
        let count = (rate.0 * seconds * 1e6).round() / 1e6;
        format!("{count}/{unit}")
    };
    match rate.0 {
        rate if rate >= 1.0 => by(1.0, "s"),
        rate if rate >= 1.0 / 60.0 => by(60.0, "m"),
        _ => by(3600.0, "h"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::units::Seq;

    fn ticket(seq: u64, path: u16, phase: Phase) -> Ticket {
        Ticket { seq: Seq(seq), round: seq, path: PathId(path), phase, intended: Duration::from_millis(seq) }
    }

    #[test]
    fn the_first_path_without_a_measured_call_is_named() {
        use Phase::{Measure, Warmup};
        let missed = |path, limited| Some(Unmeasured { path: PathId(path), limited });
        for (word, calls, allowed, expected) in [
            ("nothing at all", vec![], 99, missed(0, false)),
            ("warmup alone", vec![(0, Warmup), (1, Warmup)], 99, missed(0, false)),
            ("one of two", vec![(0, Warmup), (1, Measure)], 99, missed(0, false)),
            ("the other of two", vec![(0, Measure), (1, Warmup), (0, Measure)], 99, missed(1, false)),
            ("both", vec![(0, Warmup), (1, Measure), (0, Measure)], 99, None),
            ("both at the limit", vec![(1, Measure), (0, Measure), (0, Measure)], 2, None),
            ("a limit in between", vec![(1, Measure), (0, Measure)], 1, missed(0, true)),
            ("a limit in the warmup", vec![(1, Warmup), (0, Warmup), (0, Measure)], 2, missed(0, true)),
        ] {
            let tickets = (0..).zip(calls).map(|(seq, (path, phase))| ticket(seq, path, phase));
            assert_eq!(unmeasured(tickets, 2, allowed), expected, "{word}");
        }
    }

    #[test]
    fn rates_are_shown_in_their_unit() {
        for (rate, text) in [(20.0, "20/s"), (1.0, "1/s"), (0.5, "30/m"), (1.0 / 3600.0, "1/h"), (1.5, "1.5/s")] {
            assert_eq!(readable_rate(Rate(rate)), text);
        }
    }
}
