//! What is said of one run, before it has a form.

use crate::analysis::Analysis;
use crate::report::document::{Document, Remark, Subject, Topic};
use crate::report::glossary::glossary;
use crate::report::planned::Planned;
use crate::run::Run;

pub(crate) mod banner;
mod budgets;
mod decisions;
mod effects;
pub(crate) mod errors;
mod facts;
mod failures;
pub(crate) mod held;
pub(crate) mod junit;
mod machine;
pub(crate) mod objectives;
mod overview;
mod paths;
mod recommendation;
mod shifts;
mod sign_in;
pub(crate) mod validity;
mod ways;

/// Everything that is said of a run.
pub(crate) fn document(run: &Run, analysis: &Analysis) -> Document {
    let planned = Planned::of(&run.manifest.plan, run.manifest.simulator.as_ref());
    let mut tables = vec![
        (Topic::Budgets, budgets::table(run, analysis)),
        (Topic::Paths, paths::overview(run, analysis)),
        (Topic::Ways, ways::table(run, analysis)),
        (Topic::Rungs, ways::rungs(run, analysis)),
        (Topic::Errors, errors::table(run, analysis)),
        (Topic::SignIn, sign_in::table(run)),
        (Topic::Objectives, objectives::objectives(analysis)),
        (Topic::Expectations, objectives::expectations(analysis)),
        (Topic::Shifts, shifts::table(run, analysis, planned)),
        (Topic::SendLag, machine::send_lag(&analysis.validity)),
    ];
    let effects = [effects::effects, effects::interference, effects::connections];
    tables.extend(effects.map(|table| (Topic::Effects, table(run, analysis))));
    tables.push((Topic::Reported, effects::reported(run, analysis)));
    tables.extend(analysis.paths.iter().map(|summary| (Topic::Metrics, paths::metrics(run, summary))));
    Document {
        subject: Subject::Run,
        title: run.manifest.plan.name.clone(),
        subtitle: facts::subtitle(run),
        conclusion: banner::banner(run, analysis),
        lead: recommendation::lead(run, analysis),
        decisions: ways::decisions(run).into_iter().chain(decisions::decisions(run, analysis, planned)).collect(),
        tables,
        remarks: remarks(run, analysis),
        notes: notes(run, analysis),
        machine: machine::vitals(run, &analysis.validity),
        facts: facts::facts(run, analysis),
        glossary: glossary(),
    }
}

fn remarks(run: &Run, analysis: &Analysis) -> Vec<Remark> {
    let (tone, sentence) = validity::describe_validity(&analysis.validity);
    let mut remarks = vec![Remark::Validity(tone, sentence)];
    let reasons = analysis.validity.reasons.iter();
    remarks.extend(reasons.map(|one| Remark::Reason(validity::tone_of(one.weight()), one.message(), one.remedy())));
    let (tone, sentence) = validity::describe_own_error(run.manifest.own_error.as_ref());
    remarks.push(Remark::OwnError(tone, sentence));
    for (summary, findings) in analysis.paths.iter().zip(&analysis.findings) {
        let path = &run.manifest.plan.path(summary.path).name;
        remarks.extend(findings.iter().map(|finding| Remark::Finding {
            path: path.clone(),
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
        }));
    }
    remarks
}

/// What the reader must know: of rows that are a sample, of the run, and of the comparison of its paths.
pub(crate) fn notes(run: &Run, analysis: &Analysis) -> Vec<String> {
    let of_comparison = analysis.comparison.iter().flat_map(|comparison| &comparison.notes);
    let told = run.manifest.notes.iter().chain(of_comparison);
    validity::describe_sample(run).into_iter().chain(told.cloned()).collect()
}
