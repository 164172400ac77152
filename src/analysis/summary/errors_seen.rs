//! The errors of each path: how many, when, what was said and what helps.

use std::collections::BTreeMap;

use crate::evidence::fingerprint::{self, Fingerprint};
use crate::measure::errors_seen::ErrorSeen;
use crate::measure::outcome::ErrorClass;
use crate::run::Run;
use crate::units::{Nanos, PathId, Phase};

/// The errors of the measured phase of one path, by class in alphabetical order. Numbers are those of the run's counts;
/// times those of its rows where every call has one.
#[must_use]
pub(crate) fn of_path(run: &Run, path: PathId) -> BTreeMap<String, ErrorSeen> {
    let counts = run.counted(Phase::Measure);
    let own = counts.get(path.index()).map(|counts| counts.by_class(|_| true)).unwrap_or_default();
    let seen = |(class, count): (ErrorClass, u64)| (class.to_string(), ErrorSeen { count, ..known(run, path, class) });
    own.into_iter().map(seen).collect()
}

/// What the run wrote of a class, with its times, not counted yet.
fn known(run: &Run, path: PathId, class: ErrorClass) -> ErrorSeen {
    let written = run.errors_seen.iter().find(|seen| (seen.path, seen.class) == (path, class));
    let between = if run.totals.is_none() { of_rows(run, path, class) } else { None };
    ErrorSeen {
        between: between.or(written.and_then(|seen| seen.between)),
        message: written.and_then(|seen| seen.message.clone()),
        ..ErrorSeen::none(path, class)
    }
}

fn of_rows(run: &Run, path: PathId, class: ErrorClass) -> Option<(Nanos, Nanos)> {
    let mut seen = ErrorSeen::none(path, class);
    let own = run.measured().filter(|sample| sample.path == path && sample.outcome.error() == Some(class));
    own.for_each(|sample| seen.add(sample.stamps.end.unwrap_or(sample.stamps.intended)));
    seen.between
}

/// What helps against a class.
#[must_use]
pub(crate) fn remedy(seen: &ErrorSeen) -> Option<&'static str> {
    known_words(seen).map(|known| known.remedy).or(seen.class.remedy())
}

fn known_words(seen: &ErrorSeen) -> Option<&'static Fingerprint> {
    fingerprint::of(seen.class, describe(seen), false)
}

/// The sample message of a class, and its cause where its words are known.
#[must_use]
pub(crate) fn explained(seen: &ErrorSeen) -> String {
    let cause = known_words(seen).map(|known| format!("; {}", known.cause)).unwrap_or_default();
    format!("{}{cause}", describe(seen))
}

/// The sample message of a class, or else what the class means.
#[must_use]
pub(crate) fn describe(seen: &ErrorSeen) -> &str {
    seen.message.as_deref().unwrap_or(seen.class.meaning())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture::{World, sampled};

    #[test]
    fn numbers_are_those_of_the_counts_and_words_those_that_were_written() {
        let mut run = World { failing: vec![0.0, 0.2, 0.0], ..World::default() }.run();
        let written = ErrorSeen {
            count: 1,
            between: Some((Nanos(1), Nanos(2))),
            message: Some("slow down".into()),
            ..ErrorSeen::none(PathId(1), ErrorClass::Http(429))
        };
        run.errors_seen = vec![written];
        assert!(of_path(&run, PathId(0)).is_empty());
        let failed = run.counted(Phase::Measure)[1].failed();
        let whole = of_path(&run, PathId(1));
        let (first, last) = whole["http_429"].between.expect("times");
        assert!(first < last && first > run.manifest.origin, "the rows tell when");
        let part = of_path(&sampled(run, 3), PathId(1));
        assert_eq!(part["http_429"].between, Some((Nanos(1), Nanos(2))), "rows are missing: the file tells");
        for errors in [whole, part] {
            let seen = &errors["http_429"];
            assert_eq!((errors.len(), seen.count, describe(seen)), (1, failed, "slow down"));
        }
    }

    #[test]
    fn the_cause_and_what_helps_stand_beside_words_that_are_known() {
        let seen = |class, said: &str| ErrorSeen { message: Some(said.into()), ..ErrorSeen::none(PathId(0), class) };
        let keys = seen(ErrorClass::Http(403), "Key based authentication is disabled for this resource.");
        let told = explained(&keys);
        assert!(told.ends_with("resource.; keys are switched off on this resource (disableLocalAuth)"), "{told}");
        assert!(remedy(&keys).is_some_and(|remedy| remedy.contains("managed-identity")));
        let busy = seen(ErrorClass::Http(429), "slow down");
        assert_eq!((explained(&busy).as_str(), remedy(&busy)), ("slow down", ErrorClass::Http(429).remedy()));
    }
}
