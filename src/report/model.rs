//! A report before it has a form: every sentence and every cell decided, so that all formats say the same.

use crate::analysis::compare::shift::{SHOWN, ShiftRow, Verdict};
use crate::analysis::slo::{ExpectationResult, ObjectiveResult, ObjectiveVerdict};
use crate::analysis::summary::paths;
use crate::analysis::summary::paths::{MetricSummary, PathSummary};
use crate::analysis::{Analysis, Conclusion};
use crate::measure::metric::Metric;
use crate::plan::WorkloadSource;
use crate::report::banner::banner;
use crate::report::decision;
use crate::report::effects;
use crate::report::errors;
use crate::report::figure::{self, MISSING};
use crate::report::host;
use crate::report::planned::Planned;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::report::words::{self, Decision};
use crate::run::Run;
use crate::units::{PathId, Span};

/// A report before it has a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The profile's name.
    pub title: String,
    /// When, how long, how much.
    pub subtitle: String,
    /// What the run comes to; the sentence is empty when nothing was asked of it.
    pub conclusion: (Tone, String),
    /// A line for each path: budget, actual, margin, verdict.
    pub sheet: Table,
    /// One for each candidate.
    pub decisions: Vec<Decision>,
    /// Counts and headline quantiles by path.
    pub overview: Table,
    /// Shifts with their intervals; without rows for one path alone.
    pub shifts: Table,
    /// Differences other than those of quantiles.
    pub effects: Vec<Table>,
    /// The objectives; without rows if there are none.
    pub objectives: Table,
    /// The claims; without rows if there are none.
    pub expectations: Table,
    /// Every metric of every path, a table a path.
    pub metrics: Vec<Table>,
    /// What went wrong, by path; without rows if nothing did.
    pub errors: Table,
    /// How far the run can be trusted.
    pub validity: (Tone, String),
    /// How late calls were sent, by part.
    pub lags: Table,
    /// How the rig was: label and value.
    pub rig: Vec<(&'static str, String)>,
    /// What speaks against it: message and remedy.
    pub reasons: Vec<(Tone, String, String)>,
    /// How wrong this tool itself is on that machine.
    pub own_error: (Tone, String),
    /// What paths did wrong beyond being slow: path, message, remedy.
    pub findings: Vec<(String, String, String)>,
    /// What the reader must know.
    pub notes: Vec<String>,
    /// How the run was made: label and value.
    pub facts: Vec<(&'static str, String)>,
    /// Words and their meaning.
    pub glossary: Vec<(String, &'static str)>,
}

impl Model {
    /// Decides everything that a report says.
    #[must_use]
    pub fn of(run: &Run, analysis: &Analysis) -> Self {
        let plan = &run.manifest.plan;
        let planned = Planned::of(plan, run.manifest.simulator.as_ref());
        let of_comparison = analysis.comparison.iter().flat_map(|comparison| &comparison.notes);
        let told = run.manifest.notes.iter().chain(of_comparison);
        Self {
            title: plan.name.clone(),
            subtitle: subtitle(run),
            conclusion: banner(run, analysis),
            sheet: decision::decisions(run, analysis),
            decisions: words::decisions(run, analysis, planned),
            overview: overview(run, analysis),
            shifts: shifts(run, analysis, planned),
            effects: [effects::effects, effects::interference, effects::connections, effects::reported]
                .map(|table| table(run, analysis))
                .to_vec(),
            objectives: objectives(analysis),
            expectations: expectations(analysis),
            metrics: analysis.paths.iter().map(|path| metrics(run, path)).collect(),
            errors: errors::table(run, analysis),
            validity: words::validity(&analysis.validity),
            lags: host::lags(&analysis.validity),
            rig: host::vitals(run, &analysis.validity),
            reasons: reasons(analysis),
            own_error: words::own_error(run.manifest.own_error.as_ref()),
            findings: findings(run, analysis),
            notes: words::sampled(run).into_iter().chain(told.cloned()).collect(),
            facts: facts(run, analysis),
            glossary: glossary(),
        }
    }
}

fn subtitle(run: &Run) -> String {
    let load = &run.manifest.plan.load;
    let paths = run.manifest.plan.paths.len();
    let lasted = figure::seconds(run.measured_s());
    let shape = if paths > 1 { format!(", {}", load.design.as_str()) } else { String::new() };
    format!("{}, {lasted} measured, {}{shape}", started(run), load.model.describe(load.design))
}

/// "2026-10-01 12:00:00 UTC".
fn started(run: &Run) -> String {
    words::moment(&run.manifest.started_at)
}

fn overview(run: &Run, analysis: &Analysis) -> Table {
    let mut columns = vec![word_column("path"), word_column("kind").spare(), figures("ok"), figures("failed")];
    columns.extend([figures("TTFT p50 ms"), figures("p95 ms"), figures("p99 ms")]);
    columns.extend([figures("end to end p50 ms"), figures("p95 ms"), figures("per token p50 ms").spare()]);
    Table {
        title: "Paths".to_owned(),
        columns,
        rows: analysis.paths.iter().map(|path| overview_row(run, path)).collect(),
        note: Some(format!(
            "Calls on all connections; ≥ stands where calls timed out; {}. A dash is a figure that was not measured.",
            words::basis(analysis.basis)
        )),
    }
}

fn overview_row(run: &Run, summary: &PathSummary) -> Vec<Cell> {
    let path = run.manifest.plan.path(summary.path);
    let requests = &summary.requests;
    let bad = requests.failed + requests.incomplete + requests.dropped;
    let tone = if bad > 0 { Tone::Warn } else { Tone::Plain };
    let quantile = |metric, q| headline(summary, metric).map_or_else(|| value(None), |m| quantile(m, q));
    vec![
        path.name.as_str().into(),
        Cell::toned(path.kind.as_str(), Tone::Quiet),
        figure::count(requests.ok).into(),
        Cell::toned(figure::count(bad), tone),
        quantile(Metric::Ttft, 0.5),
        quantile(Metric::Ttft, 0.95),
        quantile(Metric::Ttft, 0.99),
        quantile(Metric::E2e, 0.5),
        quantile(Metric::E2e, 0.95),
        quantile(Metric::Tpot, 0.5),
    ]
}

fn headline(summary: &PathSummary, metric: Metric) -> Option<&MetricSummary> {
    summary.metrics.iter().find(|found| found.metric == metric && !found.beside)
}

fn shifts(run: &Run, analysis: &Analysis, planned: Option<Planned>) -> Table {
    let Some(comparison) = &analysis.comparison else { return Table::default() };
    let baseline = &run.manifest.plan.path(comparison.baseline).name;
    let mut columns = vec![word_column("path"), word_column("metric")];
    columns.extend([figures("p50 ms"), figures("p90 ms").spare(), figures("p95 ms"), figures("p99 ms")]);
    let mut rows = Vec::new();
    for candidate in &comparison.candidates {
        // A metric is compared in every row of a candidate or in none.
        for metric in candidate.means.iter().map(|mean| mean.metric) {
            rows.push(shift_row(run, candidate.path, metric, candidate.rows.iter()));
        }
        let truth = |q| planned.and_then(|planned| planned.ttft_shift_ms(candidate.path, comparison.baseline, q));
        rows.extend(planned_row(run, candidate.path, &truth));
    }
    let blocks = &comparison.blocks;
    Table {
        title: format!("Shift against {baseline}"),
        columns,
        rows,
        note: Some(format!(
            "Calls on {} connections, those that timed out as longer than any. In brackets the 95% interval from {} blocks of {} drawn again, the same \
             for all paths. ▲ slower and ▼ faster are verdicts that hold for all rows at once with 95% confidence.{}",
            comparison.connections.as_str(),
            comparison.filled(),
            figure::seconds(blocks.length_s),
            if planned.is_some() { " TTFT planned is what the simulator was told to do." } else { "" }
        )),
    }
}

fn shift_row<'a>(run: &Run, path: PathId, metric: Metric, rows: impl Iterator<Item = &'a ShiftRow>) -> Vec<Cell> {
    let name = run.manifest.plan.path(path).name.as_str();
    let mut cells: Vec<Cell> = vec![name.into(), metric.short().into()];
    cells.extend(rows.filter(|row| row.metric == metric && SHOWN.contains(&row.quantile)).map(shift_cell));
    cells
}

fn shift_cell(row: &ShiftRow) -> Cell {
    let Some(shift) = row.shift_ms else { return Cell::toned(MISSING, Tone::Quiet) };
    let figures = row.ci_ms.map_or_else(|| figure::bare_shift(shift), |ci| figure::bare_shift_within(shift, ci));
    let (tone, mark) = match row.verdict {
        Verdict::Slower => (Tone::Bad, "▲ "),
        Verdict::Faster => (Tone::Good, "▼ "),
        Verdict::SlowerWithinMargin => (Tone::Warn, "△ "),
        Verdict::Equivalent => (Tone::Good, "≈ "),
        Verdict::Inconclusive => (Tone::Plain, ""),
    };
    Cell::toned(format!("{mark}{figures}"), tone)
}

fn planned_row(run: &Run, path: PathId, truth: &dyn Fn(f64) -> Option<f64>) -> Option<Vec<Cell>> {
    truth(0.5)?;
    let quiet = |text: String| Cell::toned(text, Tone::Quiet);
    let cell = |q: f64| quiet(truth(q).map_or_else(|| MISSING.to_owned(), figure::bare_shift));
    let mut cells =
        vec![quiet(run.manifest.plan.path(path).name.clone()), quiet(format!("{} planned", Metric::Ttft.short()))];
    cells.extend(SHOWN.map(cell));
    Some(cells)
}

fn objectives(analysis: &Analysis) -> Table {
    let row = |result: &ObjectiveResult| -> Vec<Cell> {
        let (tone, seen) = words::objective(result);
        let (tone, mark) = shown(analysis, &result.objective.path, tone, words::mark(result));
        let objective = &result.objective;
        let name = objective.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        let what = format!("{name}{}", objective.label());
        vec![Cell::toned(mark, tone), objective.path.as_str().into(), what.into(), seen.into()]
    };
    Table {
        title: "Objectives".to_owned(),
        columns: vec![word_column("verdict"), word_column("path"), word_column("objective"), word_column("observed")],
        rows: analysis.objectives.iter().map(row).collect(),
        note: Some(
            "Met if the whole 95% interval keeps the limit, missed if none of it does; a missed warning does not fail \
             the run."
                .to_owned(),
        ),
    }
}

/// The verdict on something that was asked of a path: none of an invalid run, and no good colour on a path that failed.
fn shown(analysis: &Analysis, path: &str, tone: Tone, mark: &'static str) -> (Tone, &'static str) {
    let failed = analysis.failing.iter().any(|failed| failed.name == path);
    match tone {
        _ if analysis.conclusion == Conclusion::Invalid => (Tone::Quiet, "not judged"),
        Tone::Good if failed => (Tone::Quiet, mark),
        Tone::Plain | Tone::Quiet | Tone::Good | Tone::Warn | Tone::Bad => (tone, mark),
    }
}

fn expectations(analysis: &Analysis) -> Table {
    let row = |held: &ExpectationResult| -> Vec<Cell> {
        let (tone, seen) = words::objective(&held.result);
        let mark = match held.result.verdict {
            ObjectiveVerdict::Met => "✓ holds",
            ObjectiveVerdict::Missed => "✗ fails",
            ObjectiveVerdict::Inconclusive => "? unproven",
        };
        let expectation = &held.expectation;
        let (tone, mark) = shown(analysis, &expectation.slo.path, tone, mark);
        let reference = expectation.reference.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        vec![
            format!("{}{reference}", expectation.claim).into(),
            expectation.slo.path.as_str().into(),
            Cell::toned(mark, tone),
            expectation.slo.label().into(),
            seen.into(),
        ]
    };
    let heads = ["claim", "path", "verdict", "held against", "observed"];
    Table {
        title: "Expectations".to_owned(),
        columns: heads.map(word_column).to_vec(),
        rows: analysis.expectations.iter().map(row).collect(),
        note: Some(
            "Holds, fails or is unproven by the same intervals; a claim never decides how a run ends.".to_owned(),
        ),
    }
}

fn metrics(run: &Run, summary: &PathSummary) -> Table {
    let mut columns = vec![word_column("milliseconds"), figures("n"), figures("mean")];
    columns.extend(["p50", "p90", "p95", "p99", "p99.9", "max"].map(figures));
    let row = |metric: &MetricSummary| -> Vec<Cell> {
        let label = metric.metric.short();
        let label = if metric.beside { format!("{label}, service") } else { label.to_owned() };
        let mut cells: Vec<Cell> = vec![label.into(), figure::count(metric.n).into(), value(metric.mean)];
        cells.extend(paths::QUANTILES.map(|q| quantile(metric, q)));
        cells.push(value(metric.max));
        cells
    };
    let connections = summary.connections;
    Table {
        title: run.manifest.plan.path(summary.path).name.clone(),
        columns,
        rows: summary.metrics.iter().filter(|metric| metric.n > 0).map(row).collect(),
        note: Some(format!(
            "{} calls on connections used before, {} on new ones; {}.",
            figure::count(connections.reused),
            figure::count(connections.opened),
            words::tokens(&summary.tokens)
        )),
    }
}

/// A quantile, or the least that it can be where it is beyond a timeout.
fn quantile(metric: &MetricSummary, q: f64) -> Cell {
    match metric.least(q) {
        Some(least) => Cell::toned(format!("≥ {}", figure::bare(least)), Tone::Warn),
        None => value(metric.quantile(q)),
    }
}

fn value(ms: Option<f64>) -> Cell {
    match ms {
        Some(ms) => figure::bare(ms).into(),
        None => Cell::toned(MISSING, Tone::Quiet),
    }
}

fn reasons(analysis: &Analysis) -> Vec<(Tone, String, String)> {
    use crate::analysis::validity::ValidityVerdict;
    let tone = |weight| match weight {
        ValidityVerdict::Valid => Tone::Plain,
        ValidityVerdict::Degraded => Tone::Warn,
        ValidityVerdict::Invalid => Tone::Bad,
    };
    let reasons = analysis.validity.reasons.iter();
    reasons.map(|reason| (tone(reason.weight()), reason.message(), reason.remedy().to_owned())).collect()
}

fn findings(run: &Run, analysis: &Analysis) -> Vec<(String, String, String)> {
    let of_path = analysis.paths.iter().zip(&analysis.findings);
    let named = of_path.flat_map(|(summary, findings)| {
        let name = &run.manifest.plan.path(summary.path).name;
        findings.iter().map(move |finding| (name.clone(), finding.message.clone(), finding.remedy.clone()))
    });
    named.collect()
}

fn facts(run: &Run, analysis: &Analysis) -> Vec<(&'static str, String)> {
    let manifest = &run.manifest;
    let plan = &manifest.plan;
    let machine = &manifest.environment;
    let span = |span: Span| figure::seconds(span.0.as_secs_f64());
    let mut facts = vec![
        ("run", manifest.id.clone()),
        ("started", started(run)),
        ("measured", format!("{} after {} of warmup", figure::seconds(run.measured_s()), span(plan.load.warmup))),
        ("load", plan.load.model.describe(plan.load.design)),
        ("design", design(run)),
        ("workload", workload(run)),
        ("model", plan.workload.model.clone()),
        ("seed", plan.seed.to_string()),
    ];
    if let Some(comparison) = &analysis.comparison {
        let blocks = &comparison.blocks;
        facts.push(("rounds", format!("{} in {} blocks", figure::count(blocks.rounds as u64), comparison.filled())));
    }
    facts.extend(plan.paths.iter().map(|path| ("path", format!("{}: {}", path.name, path.base_url))));
    facts.push(("machine", format!("{}, {} cores, {}", machine.cpu_model, machine.cpus, machine.os)));
    facts.extend(crate::analysis::summary::cost::of_run(run).map(|cost| ("cost", words::cost(&cost))));
    if let Some(ending) = &manifest.ending {
        facts.extend(ending.reached.clone().map(|reached| ("ended early", reached)));
        let memory = ending.peak_rss_mib.map(|mib| format!("{mib:.0} MiB at most"));
        let cpu = ending.cpu_s.map(|cpu| format!("{cpu:.1} s of processor time"));
        let used: Vec<String> = memory.into_iter().chain(cpu).collect();
        if !used.is_empty() {
            facts.push(("this tool used", used.join(", ")));
        }
    }
    facts.push(("hopmark", manifest.tool_version.clone()));
    facts
}

fn design(run: &Run) -> String {
    use crate::plan::Design;
    match run.manifest.plan.load.design {
        Design::Paired => "paired: every arrival is a round, one prompt over every path in random order".to_owned(),
        Design::Interleaved => "interleaved: every arrival takes one path, all paths equally often".to_owned(),
        Design::Sequential => "sequential: path after path".to_owned(),
    }
}

fn workload(run: &Run) -> String {
    let workload = &run.manifest.plan.workload;
    let apis: Vec<String> =
        workload.api.iter().map(|(api, weight)| format!("{} {}", figure::share(*weight), api.as_str())).collect();
    let source = match &workload.source {
        WorkloadSource::Synthetic { .. } => "synthetic prompts".to_owned(),
        WorkloadSource::Dataset { file, .. } => format!("conversations of {}", file.display()),
        WorkloadSource::Trace { file, .. } => format!("lengths of {}", file.display()),
    };
    format!("{source}; {}; {} streamed", apis.join(", "), figure::share(workload.stream))
}

fn glossary() -> Vec<(String, &'static str)> {
    let metric = |metric: Metric| (format!("{} ({})", metric.short(), metric.key()), metric.definition());
    let mut entries: Vec<_> = Metric::ALL.into_iter().map(metric).collect();
    entries.extend([
        (
            "response time".to_owned(),
            "counted from the moment the plan wanted the call to start: what a user would see",
        ),
        ("service time".to_owned(), "counted from the moment the request was sent"),
        (
            "shift".to_owned(),
            "a quantile of one path minus the same quantile of the baseline; not the quantile of a difference",
        ),
        ("round".to_owned(), "one prompt sent once over every path, in random order within a short time"),
        (
            "block".to_owned(),
            "consecutive whole rounds, drawn again as one to see how much chance there is in a figure",
        ),
        ("95% interval".to_owned(), "made so that it holds the true value in 95 of 100 such runs"),
        ("warm connection".to_owned(), "one that had carried a call before"),
        (
            "bad second".to_owned(),
            "one in which this tool stood still for more than 20 ms or the hypervisor took more than 10% of the \
             processors; calls due in it are left out on all paths",
        ),
    ]);
    entries
}
