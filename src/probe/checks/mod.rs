//! The checks of one path, in their order: each looks at what the one before it opened. Bounded in time by the path's own
//! timeouts, and in number by what each says of itself.

mod anonymous;
mod capabilities;
mod credential;
mod model;
mod model_list;
mod name;
mod private;
pub mod subject;
mod tcp;
mod tls;

use std::collections::BTreeSet;

use crate::measure::resolution::Resolution;
use crate::probe::check::{Check, CheckName};
use crate::probe::checks::private::Evidence;
use crate::probe::checks::subject::Subject;
use crate::probe::document::{Calls, Connections, Handshake, PrivatePath, ProbedPath, Refusal};
use crate::probe::preflight::Answers;

/// Probes one path. It is to be called within a [`LocalSet`](tokio::task::LocalSet).
pub async fn probe(subject: &Subject) -> ProbedPath {
    let mut gathered = Gathered::default();
    gathered.look(subject).await;
    gathered.told(subject)
}

/// Tries what a path can do beyond the calls of the run, where that is wanted and its calls were answered. It is to be
/// called within a [`LocalSet`](tokio::task::LocalSet).
pub async fn complete(subject: &Subject, mut found: ProbedPath) -> ProbedPath {
    let Some(options) = &subject.capabilities else { return found };
    let (check, rows) = if found.calls.answered == 0 {
        let failed = found.checks.iter().find(|check| check.has_failed()).map(|check| check.check);
        (capabilities::of_silent_path(failed), None)
    } else {
        capabilities::check(subject, options).await
    };
    found.checks.push(check.cleaned(&subject.filter));
    found.capabilities = rows;
    found
}

/// What the checks have found so far.
#[derive(Default)]
struct Gathered {
    checks: Vec<Check>,
    /// The first check whose failure leaves nothing to look at for those behind it.
    blocked: Option<CheckName>,
    resolution: Option<Resolution>,
    connections: Option<Connections>,
    tls: Option<Handshake>,
    answers: Answers,
    private: Option<PrivatePath>,
}

impl Gathered {
    async fn look(&mut self, subject: &Subject) {
        let (check, resolution) = name::check(subject).await;
        let leads_nowhere = resolution.as_ref().is_none_or(|found| found.addresses.is_empty());
        self.add_blocking(check, leads_nowhere);
        self.resolution = resolution;
        match self.blocked {
            Some(failed) => self.checks.push(Check::skipped(CheckName::Tcp, failed)),
            None => {
                let (check, connections) = tcp::check(subject).await;
                self.connections = Some(connections);
                self.add_blocking(check, true);
            }
        }
        match self.blocked {
            Some(failed) => self.checks.push(Check::skipped(CheckName::Tls, failed)),
            None => {
                let (check, handshake) = tls::check(subject).await;
                self.tls = handshake;
                self.add_blocking(check, true);
            }
        }
        match self.blocked {
            Some(failed) => self.checks.extend(
                [CheckName::Anonymous, CheckName::Credential, CheckName::Model]
                    .map(|check| Check::skipped(check, failed)),
            ),
            None => self.call(subject).await,
        }
        self.judge_way(subject);
    }

    /// The checks that send calls.
    async fn call(&mut self, subject: &Subject) {
        let anonymous = anonymous::check(subject).await;
        match credential::sign_in(subject).await {
            Err(check) => {
                self.checks.extend(anonymous);
                self.add_blocking(check, true);
                self.checks.push(Check::skipped(CheckName::Model, CheckName::Credential));
            }
            Ok(signed_in) => match model::ask(subject).await {
                Err(model) => {
                    self.checks.extend(anonymous);
                    self.checks.push(Check::skipped(CheckName::Credential, CheckName::Model));
                    self.add_blocking(model, true);
                }
                Ok((answers, took)) => {
                    self.checks.push(anonymous.unwrap_or_else(|| anonymous::of_open_path(&answers)));
                    self.add_blocking(credential::check(subject, &signed_in, &answers), true);
                    self.checks.push(match self.blocked {
                        Some(failed) => Check::skipped(CheckName::Model, failed),
                        None => model::check(subject, &answers, model_list::ask(subject).await).took(took),
                    });
                    self.answers = answers;
                }
            },
        }
    }

    /// The checks of the way, which look at what the others saw.
    fn judge_way(&mut self, subject: &Subject) {
        let evidence = Evidence {
            resolution: self.resolution.as_ref(),
            connections: self.connections.as_ref(),
            answers: &self.answers,
        };
        // The time of connections is known although no call could be made.
        let unopened = self.blocked.filter(|failed| matches!(failed, CheckName::Name | CheckName::Tcp));
        let checks = private::checks(subject, &evidence, (unopened, self.blocked));
        self.private = checks.private;
        self.checks.extend([checks.distance, checks.verdict]);
    }

    fn add_blocking(&mut self, check: Check, blocks: bool) {
        if check.has_failed() && blocks {
            self.blocked = self.blocked.or(Some(check.check));
        }
        self.checks.push(check);
    }

    fn told(self, subject: &Subject) -> ProbedPath {
        let clean = |text: &str| subject.clean(text);
        let checks: Vec<Check> = self.checks.into_iter().map(|check| check.cleaned(&subject.filter)).collect();
        let mut private = self.private;
        for step in private.iter_mut().flat_map(|private| &mut private.rungs) {
            step.evidence = clean(&step.evidence);
        }
        ProbedPath {
            path: subject.path.name.clone(),
            kind: subject.path.kind,
            // As every report shows it: no secret stands in an address, and who reads it again compares it.
            base_url: subject.path.base_url.clone(),
            passed: !checks.iter().any(Check::has_failed),
            checks,
            resolution: self.resolution.as_ref().map(Resolution::facts),
            connections: self.connections,
            tls: self.tls,
            calls: calls(subject, &self.answers),
            private,
            capabilities: None,
        }
    }
}

/// What became of the calls.
fn calls(subject: &Subject, answers: &Answers) -> Calls {
    let samples = || answers.samples.iter().map(|(_, sample)| sample);
    let texts = |all: BTreeSet<String>| all.into_iter().collect();
    let refusals = private::refusals(subject, answers);
    Calls {
        sent: samples().count() as u64,
        answered: model::answered(subject, answers),
        refusals: refusals
            .iter()
            .map(|(print, calls)| Refusal { code: print.code.to_owned(), calls: *calls })
            .collect(),
        addresses: texts(samples().filter_map(|sample| Some(sample.conn?.peer?.to_string())).collect()),
        regions: texts(samples().filter_map(|sample| sample.region.as_deref().map(str::to_owned)).collect()),
    }
}
