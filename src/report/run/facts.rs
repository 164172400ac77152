//! How a run was made.

use crate::analysis::Analysis;
use crate::plan::WorkloadSource;
use crate::report::amounts;
use crate::report::figure;
use crate::run::Run;
use crate::units::Span;

/// When, how long, how much.
pub(super) fn subtitle(run: &Run) -> String {
    let load = &run.manifest.plan.load;
    let paths = run.manifest.plan.paths.len();
    let lasted = figure::seconds(run.measured_s());
    let shape = if paths > 1 { format!(", {}", load.design) } else { String::new() };
    format!("{}, {lasted} measured, {}{shape}", started(run), load.model.describe(load.design))
}

/// "2026-10-01 12:00:00 UTC".
fn started(run: &Run) -> String {
    figure::moment(&run.manifest.started_at)
}

/// How it was made: label and value.
pub(super) fn facts(run: &Run, analysis: &Analysis) -> Vec<(&'static str, String)> {
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
    facts.extend(analysis.cost.as_ref().map(|cost| ("cost", amounts::describe_cost(cost))));
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
        workload.api.iter().map(|(api, weight)| format!("{} {}", figure::share(*weight), api)).collect();
    let source = match &workload.source {
        WorkloadSource::Synthetic { .. } => "synthetic prompts".to_owned(),
        WorkloadSource::Dataset { file, .. } => format!("conversations of {}", file.display()),
        WorkloadSource::Trace { file, .. } => format!("lengths of {}", file.display()),
    };
    format!("{source}; {}; {} streamed", apis.join(", "), figure::share(workload.stream))
}
