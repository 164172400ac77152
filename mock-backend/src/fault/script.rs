//! Scripts: which of the requests one after the other fail, as in `fail 3, then work`.

use std::str::FromStr;

/// How often, and whether it fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    steps: Vec<(bool, u64)>,
    /// What comes after the steps: always the same, or the steps again.
    rest: Option<bool>,
}

impl FromStr for Script {
    type Err = String;

    /// A script as it is written: steps `fail 3` and `work 5`, and last `then work`, `then fail` or `repeat`; else a
    /// sentence that says what is wrong with it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("the script \"{text}\" must be as in \"fail 3, then work\" or \"fail 1, work 9, repeat\"");
        let fails = |word: &str| match word {
            "fail" => Ok(true),
            "work" => Ok(false),
            _ => Err(wrong()),
        };
        let mut parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let last = parts.pop().unwrap_or_default();
        let rest = match last.split_once(' ') {
            Some(("then", word)) => Some(fails(word.trim())?),
            None if last == "repeat" => None,
            _ => return Err(wrong()),
        };
        let mut steps = Vec::new();
        for part in parts {
            let (word, number) = part.split_once(' ').ok_or_else(wrong)?;
            let number = number.trim().parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
            steps.push((fails(word)?, number));
        }
        if steps.is_empty() { Err(wrong()) } else { Ok(Self { steps, rest }) }
    }
}

impl Script {
    /// Whether request `number` (from 0) fails.
    pub(crate) fn fails(&self, number: u64) -> bool {
        let length = self.steps.iter().fold(0u64, |sum, step| sum.saturating_add(step.1));
        let mut place = match self.rest {
            Some(rest) if number >= length => return rest,
            _ => number % length,
        };
        for (fails, times) in &self.steps {
            if place < *times {
                return *fails;
            }
            place -= times;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_say_who_fails() {
        let table = [
            ("fail 3, then work", "xxx......."),
            ("work 2, fail 1, then work", "..x......."),
            ("work 1, then fail", ".xxxxxxxxx"),
            ("fail 1, work 3, repeat", "x...x...x."),
        ];
        for (text, expected) in table {
            let script = Script::from_str(text).unwrap();
            let found: String = (0..10).map(|i| if script.fails(i) { 'x' } else { '.' }).collect();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["", "fail", "fail 3", "then work", "fail 0, repeat", "fial 3, then work", "fail 3 then work"] {
            assert!(Script::from_str(text).unwrap_err().contains("must be as in"), "{text}");
        }
    }
}
