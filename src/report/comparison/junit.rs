//! A comparison as test cases, for the test view of a build server. It fails where the comparison does.

use crate::analysis::compare::gate::Gate;
use crate::analysis::runs::PathPair;
use crate::analysis::validity::ValidityVerdict;
use crate::report::comparison::document::{Compared, row_name};
use crate::report::figure;
use crate::report::junit::{Case, Ending, Suite};

impl Compared<'_> {
    /// The bytes of `junit.xml`.
    pub(crate) fn junit(&self) -> Vec<u8> {
        let valid = self.of_validity();
        let invalid = valid.ending == Ending::Broken;
        let mut cases = vec![valid];
        cases.extend(self.comparison.pairs.iter().flat_map(|pair| self.of_pair(pair)));
        if invalid {
            cases.iter_mut().for_each(Case::skip_unless_broken);
        }
        let candidate = &self.runs[1].manifest;
        let properties = vec![("base", self.names[0].to_owned()), ("candidate", self.names[1].to_owned())];
        let (started_at, seconds) = (candidate.started_at.as_str(), self.runs[1].measured_s());
        Suite { name: &candidate.plan.name, started_at, seconds, properties, cases }.bytes()
    }

    fn of_validity(&self) -> Case {
        let invalid = |of: &&crate::analysis::Validity| of.verdict == ValidityVerdict::Invalid;
        let reasons = self.comparison.validity.iter().filter(invalid).flat_map(|validity| &validity.reasons);
        let reasons: Vec<String> = reasons.map(|reason| format!("{}: {}", reason.message(), reason.remedy())).collect();
        let (ending, message) = if self.comparison.validity.iter().any(|validity| invalid(&validity)) {
            (Ending::Broken, format!("a run is invalid: {}", reasons.join("; ")))
        } else {
            (Ending::Passed, "no run is invalid".to_owned())
        };
        Case::new("hopmark", "the runs are valid", ending, message)
    }

    fn of_pair(&self, pair: &PathPair) -> Vec<Case> {
        let case = |name: String, ending, message: String| Case::new(&pair.candidate, name, ending, message);
        let failures: Vec<String> = self.failure_messages(pair);
        let answers = if failures.is_empty() { Ending::Passed } else { Ending::Failed };
        let message = if failures.is_empty() { "neither path failed".to_owned() } else { failures.join("; ") };
        let mut cases = vec![case("both paths answer".to_owned(), answers, message)];
        for row in pair.rows.iter().filter(|row| row.gate != Gate::Ungated) {
            let limit = row.gate_ms.map_or_else(|| "its margin".to_owned(), figure::ms);
            let shift = row.shift_ms.map_or_else(|| "not measured".to_owned(), figure::shift);
            let why = row.reason.as_ref().map_or(String::new(), |reason| format!("; {reason}"));
            let name = format!("{} no more than {limit} slower", row_name(row));
            cases.push(case(name, self.of_gate(row.gate), format!("shift {shift}{why}")));
        }
        let share = |share: Option<f64>| share.map_or_else(|| "unknown".to_owned(), figure::share);
        let shares = &pair.judged.failures;
        let message = format!("{} of calls failed, {} of the base's", share(shares.candidate), share(shares.baseline));
        let name = format!("no more than {} of calls fail more", figure::share(pair.error_margin));
        cases.push(case(name, self.of_gate(pair.error_gate), message));
        cases
    }

    /// Why either path of a pair failed.
    fn failure_messages(&self, pair: &PathPair) -> Vec<String> {
        let [base, candidate] = &self.comparison.failing;
        let base = base.iter().filter(|failed| failed.name == pair.base).map(|failed| ("base", failed));
        let candidate = candidate.iter().filter(|failed| failed.name == pair.candidate);
        let all = base.chain(candidate.map(|failed| ("candidate", failed)));
        all.map(|(side, failed)| format!("{side}: {}", failed.message())).collect()
    }

    /// Of an incomplete run nothing is decided.
    fn of_gate(&self, gate: Gate) -> Ending {
        match gate {
            _ if !self.comparison.complete => Ending::Skipped,
            Gate::Passed => Ending::Passed,
            Gate::Failed => Ending::Failed,
            Gate::Open | Gate::Ungated => Ending::Skipped,
        }
    }
}
