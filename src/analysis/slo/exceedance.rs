//! Objectives decided by counting: of so many calls (or windows) so few did not keep the limit that, with 95% confidence,
//! no more are than the objective allows.
//!
//! `ttft.p99 < 3s` says that at most 1% of calls take 3 s or more, `error_rate < 1%` that fewer than 1% fail. Where no
//! call came near the limit an interval of the quantile has no upper end, but the count has one: the exact binomial
//! bound of Clopper and Pearson (1934). It holds for the minutes of the run itself, however the service changed within
//! them: with the same mean, calls whose chances differ from moment to moment vary less in number than calls whose
//! chances are all alike (Hoeffding, 1956). That calls of the same second hang together is another matter: numbers are
//! divided by the effect of it, and by the whole design effect where some calls did not keep the limit.

use statrs::distribution::{Beta, ContinuousCDF};

use crate::analysis::stats::basic::CONFIDENCE;

/// How many calls (or windows) did not keep a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exceedances {
    /// Those that did not keep it.
    pub(crate) beyond: u64,
    /// All that were looked at.
    pub(crate) of: u64,
    /// Which share of them may be beyond it, between 0 and 1.
    pub(crate) allowed: f64,
    /// By how much they say less than independent ones.
    pub(crate) effect: f64,
}

impl Exceedances {
    /// The share that is beyond the limit at most, with 95% confidence on this side alone; `None` without any call.
    pub(crate) fn at_most(&self) -> Option<f64> {
        let (beyond, of) = (self.beyond as f64 / self.effect, self.of as f64 / self.effect);
        match (self.beyond, self.of) {
            (_, 0) => None,
            (beyond, of) if beyond >= of => Some(1.0),
            _ => Some(Beta::new(beyond + 1.0, of - beyond).ok()?.inverse_cdf(CONFIDENCE)),
        }
    }

    /// Whether no more are beyond the limit than are allowed, with 95% confidence.
    pub(crate) fn keeps(&self) -> bool {
        self.is_asked() && self.at_most().is_some_and(|share| share < self.allowed)
    }

    /// Whether a count can decide at all: where none may be beyond, or all, there is nothing to be sure of.
    fn is_asked(&self) -> bool {
        self.allowed > 0.0 && self.allowed < 1.0
    }

    /// What is missing for a verdict, in a sentence; `None` where more of the same would not help.
    pub(crate) fn lacking(&self, noun: &str) -> Option<String> {
        let needs = (fewest_to_decide(self.allowed)? as f64 * self.effect).ceil() as u64;
        let few = self.of > 0 && self.of < needs && (self.beyond as f64) < self.allowed * self.of as f64 + 1.0;
        few.then(|| format!("about {needs} {noun} are needed to confirm it"))
    }
}

/// The fewest calls, all of them within the limit, that show that no more than the share `allowed` are beyond it:
/// `(1 - allowed)^n < 0.05`; 59 for 5%, 299 for 1%. `None` where no number would do.
pub(crate) fn fewest_to_decide(allowed: f64) -> Option<u64> {
    if !(allowed > 0.0 && allowed < 1.0) {
        return None;
    }
    let wanted = (1.0 - CONFIDENCE).ln() / (-allowed).ln_1p();
    Some(wanted.floor() as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_tables() {
        // The share at which as few are seen in 5% of cases: the sum of the binomial terms, solved by bisection.
        for (beyond, of, expected) in
            [(0, 358, 0.008_333_053), (0, 59, 0.049_507_610), (1, 100, 0.046_559_812), (5, 50, 0.198_833_003)]
        {
            let seen = Exceedances { beyond, of, allowed: 0.01, effect: 1.0 };
            let most = seen.at_most().expect("calls");
            assert!((most - expected).abs() < 1e-6, "{beyond} of {of}: {most}");
        }
        let none = Exceedances { beyond: 0, of: 0, allowed: 0.01, effect: 1.0 };
        assert_eq!((none.at_most(), none.keeps()), (None, false));
        assert_eq!(Exceedances { beyond: 7, of: 7, ..none }.at_most(), Some(1.0));
    }

    #[test]
    fn the_fewest_calls_decide_and_one_fewer_does_not() {
        for allowed in [0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 1e-4] {
            let fewest = fewest_to_decide(allowed).expect("a number");
            let seen = |of| Exceedances { beyond: 0, of, allowed, effect: 1.0 };
            assert!(seen(fewest).keeps() && !seen(fewest - 1).keeps(), "{allowed}: {fewest}");
            assert!(seen(fewest).lacking("calls").is_none());
            assert!(seen(fewest - 1).lacking("calls").expect("few").contains(&fewest.to_string()), "{allowed}");
        }
        assert_eq!([0.05, 0.01, 0.001].map(fewest_to_decide), [Some(59), Some(299), Some(2995)]);
        assert_eq!([0.0, 1.0, -1.0, f64::NAN].map(fewest_to_decide), [None; 4]);
    }

    #[test]
    fn more_beyond_or_a_larger_effect_never_turns_open_into_kept() {
        for of in [60u64, 358, 5000] {
            for effect in [1.0, 1.7, 6.0] {
                let kept = |beyond, effect| Exceedances { beyond, of, allowed: 0.05, effect }.keeps();
                let verdicts: Vec<bool> = (0..of / 4).map(|beyond| kept(beyond, effect)).collect();
                assert!(verdicts.windows(2).all(|pair| pair[0] || !pair[1]), "{of} {effect}");
                assert!((0..of / 4).all(|beyond| kept(beyond, effect) || !kept(beyond, 2.0 * effect)));
            }
        }
        // Nothing is allowed, or everything: a count decides nothing.
        assert!(
            [0.0, 1.0]
                .iter()
                .all(|allowed| !Exceedances { beyond: 0, of: 9000, allowed: *allowed, effect: 1.0 }.keeps())
        );
    }
}
