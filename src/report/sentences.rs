//! Every sentence of every report, of runs that miss the figures that sentences want: none has a hole where a figure
//! should stand.

use crate::analysis::analyse;
use crate::measure::outcome::ErrorClass;
use crate::objective::objective::Objective;
use crate::plan::Design;
use crate::report::document::{Document, Remark};
use crate::report::fixture::{comparison, history, judged, pooled};
use crate::report::run;
use crate::report::table::Cell;
use crate::run::fixture::{World, fail, sampled};
use crate::run::{EndedBy, Run};

/// What a hole leaves in a sentence.
const HOLES: [&str; 14] = ["  ", " .", " ,", " ;", " :", "()", "( ", " )", ": .", ": ;", ": ,", "; ;", ", ,", "''"];

/// The sentences of a document, and its cells.
fn texts(document: &Document) -> (Vec<String>, Vec<String>) {
    let Document { subtitle, conclusion, lead, decisions, tables, remarks, notes, machine, facts, .. } = document;
    let mut sentences = vec![subtitle.clone(), conclusion.1.clone(), lead.recommendation.clone()];
    sentences.extend(lead.scope.iter().cloned());
    for decision in decisions {
        sentences.push(decision.sentence.clone());
        sentences.extend(decision.details.iter().cloned());
    }
    for (_, table) in tables {
        sentences.push(table.title.clone());
        sentences.extend(table.note.iter().cloned());
    }
    for remark in remarks {
        match remark {
            Remark::Validity(_, text) | Remark::OwnError(_, text) | Remark::Warning(_, text) => {
                sentences.push(text.clone());
            }
            Remark::Reason(_, message, remedy) => sentences.extend([message.clone(), (*remedy).to_owned()]),
            Remark::Finding { message, remedy, .. } => sentences.extend([message.clone(), remedy.clone()]),
        }
    }
    sentences.extend(notes.iter().cloned());
    sentences.extend(machine.iter().chain(facts).map(|(_, value)| value.clone()));
    let mut cells: Vec<String> =
        tables.iter().flat_map(|(_, table)| table.rows.iter().flatten()).map(|cell| cell.text.clone()).collect();
    if let Some(overview) = &lead.overview {
        sentences.extend([overview.title.clone(), overview.note.clone()]);
        for path in &overview.paths {
            let own = [&path.figures, &path.verdict, &path.budget].into_iter();
            cells.extend(own.chain(&path.way).chain(&path.facts).map(|cell| cell.text.clone()));
        }
    }
    (sentences, cells)
}

/// What is wrong with the texts of a document.
fn faults(document: &Document) -> Vec<String> {
    let dash = Cell::missing().text;
    let (sentences, cells) = texts(document);
    let holed = |text: &&String| HOLES.iter().any(|hole| text.contains(hole)) || text.ends_with([':', ',', ';', ' ']);
    let mut found: Vec<String> =
        sentences.iter().filter(|text| text.contains(&dash)).map(|text| format!("a dash: {text}")).collect();
    found.extend(sentences.iter().filter(holed).map(|text| format!("a hole: {text}")));
    let dashed = cells.iter().filter(|text| text.contains(&dash) && **text != dash);
    found.extend(dashed.map(|text| format!("a dash among words of a cell: {text}")));
    found
}

/// A run of 20 seconds with objectives and margins, changed.
fn changed(change: impl FnOnce(&mut Run)) -> Run {
    let mut run = World { seconds: 20.0, ..World::default() }.run();
    let plan = &mut run.manifest.plan;
    plan.objectives = ["ttft.p95 < 800ms", "error_rate < 1%", "ttft.p50 - direct.ttft.p50 < 5ms"]
        .map(|expr| Objective::new("gateway", expr.parse().expect("expression")))
        .to_vec();
    plan.margins = vec!["ttft.p50=5%".parse().expect("margin"), "e2e=10ms".parse().expect("margin")];
    change(&mut run);
    run
}

fn without_calls(run: &mut Run) {
    run.samples.clear();
    run.health.clear();
    run.chunk_gaps.iter_mut().for_each(hdrhistogram::Histogram::reset);
}

fn interrupt(run: &mut Run) {
    let ending = run.manifest.ending.as_mut().expect("an ending");
    (ending.complete, ending.reason) = (false, Some("it was interrupted (SIGINT)".to_owned()));
    ending.ended_by = Some(EndedBy::Signal);
    (ending.peak_rss_mib, ending.cpu_s) = (None, None);
}

fn failing_on(paths: &[usize]) -> Run {
    changed(|run| {
        let hit = run.samples.iter_mut().filter(|sample| paths.contains(&sample.path.index()));
        hit.for_each(|sample| fail(sample, ErrorClass::Http(503)));
    })
}

/// Runs that ended before they had what most runs have, each with its name.
fn cut_short() -> Vec<(&'static str, Run)> {
    let killed_early = |run: &mut Run| {
        without_calls(run);
        run.manifest.ending = None;
        run.lost.unattributed = 3;
    };
    let interrupted = |run: &mut Run| {
        interrupt(run);
        run.samples.truncate(20);
    };
    let interrupted_early = |run: &mut Run| {
        interrupt(run);
        without_calls(run);
    };
    vec![
        ("killed", changed(|run| run.manifest.ending = None)),
        ("killed before a call", changed(killed_early)),
        ("interrupted", changed(interrupted)),
        ("interrupted before a call", changed(interrupted_early)),
        ("a handful of calls", changed(|run| run.samples.truncate(5))),
    ]
}

/// Runs that lack something else, each with its name.
fn poor() -> Vec<(&'static str, Run)> {
    let world = World { seconds: 20.0, ..World::default() };
    let alone = World { shifts_ms: vec![0.0], failing: vec![0.0], ..world.clone() };
    let mut alone_without_calls = alone.run();
    without_calls(&mut alone_without_calls);
    vec![
        ("whole", changed(|_| {})),
        ("unwatched", changed(|run| run.health.clear())),
        ("stalls", changed(|run| run.health.iter_mut().for_each(|second| second.hiccup_ms = 90.0))),
        ("the baseline fails", failing_on(&[0])),
        ("a candidate fails", failing_on(&[2])),
        ("all fail", failing_on(&[0, 1, 2])),
        ("one path", alone.run()),
        ("one path without calls", alone_without_calls),
        ("callers", World { callers: Some(3), design: Design::Interleaved, ..world.clone() }.run()),
        ("sequential", World { design: Design::Sequential, ..world }.run()),
        ("rows are a sample", sampled(changed(|_| {}), 4)),
    ]
}

#[test]
fn no_sentence_has_a_hole_where_a_figure_should_stand() {
    let runs = cut_short().into_iter().chain(poor());
    let documents = runs.map(|(name, run)| (name, run::document(&run, &analyse(&run))));
    let (whole, analysis) = judged();
    let others = [("judged", run::document(whole, analysis)), ("comparison", comparison())];
    let others = others.into_iter().chain([("history", history()), ("pooled", pooled())]);
    let found: Vec<String> = documents
        .chain(others)
        .flat_map(|(name, document)| faults(&document).into_iter().map(move |fault| format!("{name}: {fault}")))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_hole_is_found_in_every_kind_of_text() {
    let (judged_run, analysis) = judged();
    let spoilt: [fn(&mut Document); 6] = [
        |document| document.conclusion.1 = "Met within – of the limit.".to_owned(),
        |document| document.notes.push("left out ()".to_owned()),
        |document| document.remarks.push(Remark::Warning(crate::report::table::Tone::Warn, "against direct: .".into())),
        |document| document.machine.push(("stalls", "the longest hiccup –".to_owned())),
        |document| document.tables[0].1.rows[0][0].text = "TTFT p50 < –".to_owned(),
        |document| document.decisions[0].details.push("the margin is ".to_owned()),
    ];
    for (place, spoil) in spoilt.iter().enumerate() {
        let mut document = run::document(judged_run, analysis);
        spoil(&mut document);
        assert_eq!(faults(&document).len().min(1), 1, "{place}");
    }
}
