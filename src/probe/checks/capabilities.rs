//! What the path can do beyond the calls of the run: the matrix of [`capability`], summed up. Not required: a feature that
//! is missing is a warning.

use crate::probe::capability::row::{Row, Verdict};
use crate::probe::capability::{self, MOST_CALLS, Options};
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::credential::sign_in;
use crate::probe::checks::subject::Subject;
use crate::probe::code::OwnCode;
use crate::units::Nanos;

/// Tries every feature, at most [`MOST_CALLS`] calls.
pub(super) async fn check(subject: &Subject, options: &Options) -> (Check, Option<Vec<Row>>) {
    let begun = Nanos::now();
    // Tokens are renewed for as long as it takes.
    let _signed_in = match sign_in(subject).await {
        Ok(signed_in) => signed_in,
        Err(failed) => {
            let seen = format!("nothing was asked: {}", failed.seen);
            return (Check::own(CheckName::Capabilities, Standing::Warning, OwnCode::NoToken, seen), None);
        }
    };
    let options = Options { id: format!("{}-can", subject.name), ..options.clone() };
    let signed = (subject.credential.clone(), subject.filter.clone());
    let rows = capability::matrix(&subject.path, subject.target.clone(), signed, &options).await;
    (sum(&rows).took(Nanos::now().since(begun)), Some(rows))
}

fn sum(rows: &[Row]) -> Check {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let verdicts = [Verdict::AsExpected, Verdict::Better, Verdict::Worse, Verdict::Undecided];
    let counts: Vec<String> = verdicts
        .into_iter()
        .filter(|verdict| count(*verdict) > 0)
        .map(|verdict| format!("{} {verdict}", count(verdict)))
        .collect();
    let seen = format!("{} features: {}", rows.len(), counts.join(", "));
    let worse: Vec<String> = rows
        .iter()
        .filter(|row| row.verdict == Verdict::Worse)
        .map(|row| format!("{}: {}", row.feature, row.observed.said))
        .collect();
    if worse.is_empty() {
        return Check::passed(CheckName::Capabilities, seen);
    }
    let check = Check::own(CheckName::Capabilities, Standing::Warning, OwnCode::WorseThanExpected, seen).with_remedy(
        "look at what the gateway's policies or its import of the API leave out; docs/capabilities.md has the sources",
    );
    Check { cause: Some(worse.join("; ")), ..check }
}

/// The check of a path of which no call was answered.
pub(super) fn of_silent_path(failed: Option<CheckName>) -> Check {
    match failed {
        Some(failed) => Check::skipped(CheckName::Capabilities, failed),
        None => {
            let seen = format!("no call was answered, so none of the {MOST_CALLS} calls was sent");
            Check::own(CheckName::Capabilities, Standing::Info, OwnCode::Undecided, seen)
        }
    }
}
