//! Whether calls of the run are answered: one of each of its shapes, exactly as its preflight sends them.

use std::time::Duration;

use crate::measure::outcome::ErrorClass;
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::checks::subject::Subject;
use crate::probe::code::OwnCode;
use crate::probe::judge::{Judged, Trouble};
use crate::probe::preflight::{Answers, ask_all, reach};
use crate::units::Nanos;

/// Sends the calls.
///
/// # Errors
/// The failed check, when who listens does not speak the HTTP of the path.
pub(super) async fn ask(subject: &Subject) -> Result<(Answers, Duration), Check> {
    let begun = Nanos::now();
    if let Err((why, remedy)) = reach(&subject.path, &subject.target).await {
        let trouble = Trouble { told: why, class: Some(ErrorClass::Protocol), print: None, remedy: Some(remedy) };
        return Err(Check::of_trouble(CheckName::Model, Standing::Failed, &trouble).took(Nanos::now().since(begun)));
    }
    let signed = (subject.credential.clone(), subject.filter.clone());
    let answers = ask_all(&subject.path, subject.target.clone(), signed, &subject.calls, &subject.name).await;
    Ok((answers, Nanos::now().since(begun)))
}

/// What became of them, the worst first, and what the server's list of models says.
pub(super) fn check(subject: &Subject, answers: &Answers, listed: Option<String>) -> Check {
    let check = of_answers(subject, answers);
    match listed {
        None => check,
        Some(listed) => Check { seen: format!("{}; {listed}", check.seen), ..check },
    }
}

fn of_answers(subject: &Subject, answers: &Answers) -> Check {
    let judged = answers.judged(&subject.path);
    if judged.len() < subject.calls.len() || judged.is_empty() {
        let seen = format!("{} of {} calls ended", judged.len(), subject.calls.len());
        return Check::own(CheckName::Model, Standing::Failed, OwnCode::NoAnswer, seen)
            .with_remedy("report this with the command that you ran");
    }
    let works = answered(subject, answers) > 0;
    let graded = judged.iter().filter_map(|(shape, judged)| Some((shape, grade(judged, works)?)));
    match graded.max_by_key(|(_, (standing, _))| *standing == Standing::Failed) {
        None => {
            let whole = if judged.len() == 1 { "a call was answered" } else { "each call was answered" };
            Check::passed(CheckName::Model, format!("{whole}: {}", subject.shapes()))
        }
        Some((shape, (standing, trouble))) => {
            let check = Check::of_trouble(CheckName::Model, standing, trouble);
            let seen = format!("{shape}: {}", check.seen);
            Check { seen, ..check }
        }
    }
}

/// How grave an answer is: a path that is slow, or throttled beside calls that are answered, `works`; one that breaks does
/// not.
fn grade(judged: &Judged, works: bool) -> Option<(Standing, &Trouble)> {
    match judged {
        Judged::Fine => None,
        Judged::Refused(trouble) => Some((Standing::Failed, trouble)),
        Judged::Odd(trouble) => match trouble.class {
            None => Some((Standing::Warning, trouble)),
            Some(class) if class.is_throttled() && works => Some((Standing::Warning, trouble)),
            Some(_) => Some((Standing::Failed, trouble)),
        },
    }
}

/// How many calls were answered well.
pub(super) fn answered(subject: &Subject, answers: &Answers) -> u64 {
    let is_answered = |judged: &Judged| match judged {
        Judged::Fine => true,
        Judged::Odd(trouble) => trouble.class.is_none(),
        Judged::Refused(_) => false,
    };
    answers.judged(&subject.path).iter().filter(|(_, judged)| is_answered(judged)).count() as u64
}
