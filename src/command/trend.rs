//! `hopmark trend`: a folder of runs, and those at which something changed.

use anyhow::{Context, anyhow};

use crate::analysis::summary::paths::QUANTILES;
use crate::analysis::trend::pool::pool as join;
use crate::analysis::trend::{Question, trend as judge};
use crate::cli::TrendArgs;
use crate::command::exit::{CommandResult, Exit, Failure, OrFailure};
use crate::console;
use crate::objective::margin::Margin;
use crate::plan::DEFAULT_SEED;
use crate::report::files::named;
use crate::report::glance::stdout_look;
use crate::report::terminal;
use crate::report::trend::document::History;
use crate::report::trend::pooled::Pooling;
use crate::report::trend::{self as paper, json, pooled_json};
use crate::store::followed::{Followed, NoRun, Repetitions};
use crate::store::history;
use crate::units::Quantile;

/// Carries out `hopmark trend`.
///
/// # Errors
/// A [`Failure`]: 2 when the folder holds no run or a flag is wrong, 1 when none of its runs can be read or a file cannot be
/// written.
pub fn trend(args: &TrendArgs) -> CommandResult {
    let question = parse_question(args).or_usage()?;
    let folder = args.dir.display().to_string();
    let found = history::read(&args.dir).map_err(|error| {
        if error.is_wrong_name() { Failure::Usage(error.into()) } else { Failure::World(error.into()) }
    })?;
    let followed = found.follow(args.profile.as_deref(), args.last).map_err(|why| no_run(&folder, &why))?;
    if args.pool {
        return pool(args, &question, &folder, followed);
    }
    let Followed { runs, profile, notes, .. } = followed;
    let trend = judge(runs, &question);
    let history = History { folder: &folder, profile: &profile, trend: &trend, notes: &notes };
    let written = match &args.out {
        Some(dir) => named(&paper::write(&history, dir).or_world()?, dir),
        None => Vec::new(),
    };
    if args.json {
        deliver(&json::render(&history), &written)?;
    } else {
        console::show(&terminal::render(&history.document(), stdout_look(), &written)).or_world()?;
    }
    Ok(Exit::of(trend.conclusion(), args.strict))
}

/// That a folder has no run to follow: a wrong name, or runs that are damaged.
fn no_run(folder: &str, why: &NoRun) -> Failure {
    let error = anyhow!("{folder} {why}");
    if why.is_wrong_name() { Failure::Usage(error) } else { Failure::World(error) }
}

/// Joins the runs of one plan.
fn pool(args: &TrendArgs, question: &Question, folder: &str, followed: Followed) -> CommandResult {
    let profile = followed.profile.clone();
    let repetitions = followed.repetitions().map_err(|why| no_run(folder, &why))?;
    let Repetitions { runs, plan, left_out, notes } = repetitions;
    let pool = join(runs, &question.metrics, &question.quantiles, &question.margins);
    let pooling = Pooling { folder, profile: &profile, plan: &plan, pool: &pool, notes: &notes };
    let json = pooled_json::render(&pooling, left_out);
    let written = match &args.out {
        Some(dir) => named(&paper::write_pooled(&pooling, json.clone(), dir).or_world()?, dir),
        None => Vec::new(),
    };
    if args.json {
        deliver(&json, &written)?;
    } else {
        console::show(&terminal::render(&pooling.document(), stdout_look(), &written)).or_world()?;
    }
    Ok(Exit::of(pool.conclusion(), args.strict))
}

/// Prints a document, and says beside it what was written.
fn deliver(json: &[u8], written: &[String]) -> CommandResult<()> {
    console::deliver(&String::from_utf8_lossy(json)).or_world()?;
    written.iter().for_each(console::tell);
    Ok(())
}

fn parse_question(args: &TrendArgs) -> anyhow::Result<Question> {
    let quantile = |text: &String| {
        let quantile: Quantile = text.parse().map_err(|why| anyhow!("--quantile: {why}"))?;
        let known = QUANTILES.map(|q| q.to_string()).join(", ");
        QUANTILES
            .contains(&quantile)
            .then_some(quantile)
            .ok_or_else(|| anyhow!("--quantile: a summary has {known}, but not {text}"))
    };
    Ok(Question {
        metrics: args.metric.iter().map(|text| text.parse()).collect::<Result<_, _>>().context("--metric")?,
        quantiles: args.quantile.iter().map(quantile).collect::<anyhow::Result<_>>()?,
        margins: args.margin.iter().map(|text| text.parse::<Margin>()).collect::<Result<_, _>>().context("--margin")?,
        against: args.against as usize,
        seed: DEFAULT_SEED,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::command::test_support::{put, put_summary};
    use crate::run::Run;
    use crate::run::fixture::World;
    use crate::store::manifest;
    use serde_json::Value;

    /// One run: two paths, 1,200 calls each, that take `by` as long.
    fn run_of(place: usize, by: f64) -> Run {
        let world = World { shifts_ms: vec![150.0 * (by - 1.0); 2], rate: 40.0, seconds: 30.0, ..World::default() };
        let mut run = World { seed: 50 + place as u64, ..world }.run();
        run.manifest.id = format!("run-{place}");
        run.manifest.started_at = format!("2026-10-{:02}T01:00:00Z", place + 1);
        run
    }

    /// A folder of fourteen runs, with a step of 15% on the eighth, or with none.
    fn history(dir: &Path, by: f64) {
        for place in 0..14 {
            put_summary(&run_of(place, if place >= 7 { by } else { 1.0 }), &dir.join(format!("run-{place:02}")));
        }
    }

    fn args(dir: &Path) -> TrendArgs {
        TrendArgs {
            dir: dir.to_owned(),
            out: None,
            metric: vec!["ttft".to_owned()],
            quantile: vec!["0.5".to_owned()],
            margin: vec!["5%".to_owned()],
            profile: None,
            last: 100,
            against: 30,
            pool: false,
            json: false,
            strict: false,
        }
    }

    fn ended(args: &TrendArgs) -> (u8, String) {
        match trend(args) {
            Ok(exit) => (exit.code(), String::new()),
            Err(failure) => (Exit::from(&failure).code(), format!("{:#}", failure.error())),
        }
    }

    #[test]
    fn a_step_is_exit_code_3_and_stands_in_every_form() {
        let dir = tempfile::tempdir().expect("dir");
        let runs = dir.path().join("runs");
        history(&runs, 1.15);
        let mut invalid = run_of(14, 1.0);
        invalid.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        put_summary(&invalid, &runs.join("run-14"));
        let mut killed = run_of(15, 1.0);
        killed.manifest.ending = None;
        put(&killed, &runs.join("run-15"));
        let out = dir.path().join("out");
        let with_files = TrendArgs { out: Some(out.clone()), ..args(&runs) };
        assert_eq!(ended(&with_files).0, 3);
        assert_eq!(ended(&TrendArgs { margin: vec!["30%".to_owned()], ..args(&runs) }).0, 0);
        assert_eq!(ended(&TrendArgs { last: 10, strict: true, ..args(&runs) }).0, 5);
        let text = fs::read_to_string(out.join("trend.json")).expect("trend.json");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&document["schema_version"], &document["verdict"]), (&Value::from(1), &Value::from("worse")));
        let standings: Vec<_> = document["nights"].as_array().expect("runs").iter().map(|n| &n["standing"]).collect();
        assert_eq!(
            (standings.len(), standings[13], standings[14], standings[15]),
            (16, &Value::from("sound"), &Value::from("invalid"), &Value::from("incomplete"))
        );
        let series = document["series"].as_array().expect("series");
        assert_eq!(series.len(), 2);
        for one in series {
            let changes: Vec<_> = one["changes"].as_array().expect("changes").iter().map(|c| &c["night"]).collect();
            assert_eq!((changes, &one["verdict"]), (vec![&Value::from(7)], &Value::from("slower")));
            assert_eq!(one["points"].as_array().expect("points").len(), 15, "the killed run has no figure");
        }
        let page = fs::read_to_string(out.join("trend.html")).expect("page");
        assert!(page.contains("id=\"trend-ttft-p50\"") && page.contains("2026-10-08") && page.contains("invalid"));
        assert!(out.join("charts/trend-ttft-p50.svg").is_file());
    }

    /// A run whose second path is `shift` ms slower, with its manifest.
    fn repetition(place: usize, shift: f64, dir: &Path) -> Run {
        let world = World { shifts_ms: vec![0.0, shift], rate: 40.0, seconds: 30.0, ..World::default() };
        let mut run = World { seed: 80 + place as u64, ..world }.run();
        run.manifest.id = format!("run-{place}");
        run.manifest.started_at = format!("2026-10-{:02}T{:02}:00:00Z", place + 1, 3 * place);
        let dir = dir.join(format!("run-{place}"));
        put_summary(&run, &dir);
        manifest::write(&dir, &run.manifest).expect("manifest");
        run
    }

    #[test]
    fn runs_of_one_plan_are_pooled_and_the_others_counted() {
        let dir = tempfile::tempdir().expect("dir");
        let runs = dir.path().join("runs");
        for place in 0..5 {
            repetition(place, 40.0, &runs);
        }
        let mut other = repetition(5, 40.0, &dir.path().join("apart"));
        other.manifest.plan.load.warmup = crate::units::Span::from_secs(9);
        other.manifest.started_at = "2026-10-01T12:00:00Z".to_owned();
        put_summary(&other, &runs.join("other"));
        manifest::write(&runs.join("other"), &other.manifest).expect("manifest");
        let mut alone = run_of(6, 1.0);
        alone.manifest.started_at = "2026-10-01T13:00:00Z".to_owned();
        put_summary(&alone, &runs.join("alone"));
        let mut invalid = repetition(7, 40.0, &dir.path().join("apart"));
        invalid.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        put_summary(&invalid, &runs.join("invalid"));
        let out = dir.path().join("out");
        let pooled = |margin: &[&str], strict| TrendArgs {
            pool: true,
            margin: margin.iter().map(|text| (*text).to_owned()).collect(),
            out: Some(out.clone()),
            strict,
            ..args(&runs)
        };
        assert_eq!(ended(&pooled(&[], true)), (0, String::new()), "slower, and nobody minds");
        let facts: Value =
            serde_json::from_str(&fs::read_to_string(out.join("pooled.json")).expect("file")).expect("JSON");
        let left_out = &facts["left_out"];
        assert_eq!(facts["runs"].as_array().expect("runs").len(), 5);
        assert_eq!(
            (&left_out["other_plan"], &left_out["no_manifest"], &left_out["invalid"]),
            (&1.into(), &1.into(), &1.into())
        );
        let notes = facts["notes"].to_string();
        assert!(
            notes.contains("of another plan: other load.warmup") && notes.contains("without a manifest.json"),
            "{notes}"
        );
        let shift = &facts["shifts"][0];
        let end = |place: usize| shift["ci_ms"][place].as_f64().expect("end");
        assert!(end(0) < 40.0 && 40.0 < end(1) && shift["verdict"] == "slower", "{shift}");
        assert_eq!(ended(&pooled(&["5%"], false)).0, 3);
        assert_eq!(ended(&pooled(&["300%"], true)).0, 0);
        assert!(out.join("charts/pool-hours-ttft-p50.svg").is_file() && out.join("pooled.html").is_file());
        let (code, told) = ended(&TrendArgs { pool: true, dir: runs.join("alone"), ..args(&runs) });
        assert!(code == 2 && told.contains("pool whole run directories"), "{code} {told}");
    }

    #[test]
    fn quiet_runs_are_exit_code_0() {
        let dir = tempfile::tempdir().expect("dir");
        history(dir.path(), 1.0);
        assert_eq!(ended(&TrendArgs { strict: true, ..args(dir.path()) }), (0, String::new()));
        assert_eq!(fs::read_dir(dir.path()).expect("runs").count(), 14, "without --out nothing is written");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let dir = tempfile::tempdir().expect("dir");
        let of = |change: fn(&mut TrendArgs)| {
            let mut args = args(dir.path());
            change(&mut args);
            ended(&args)
        };
        let (code, told) = of(|_| {});
        assert!(code == 2 && told.contains("holds no run"), "{code} {told}");
        put_summary(&run_of(0, 1.0), &dir.path().join("one"));
        assert_eq!((of(|_| {}).0, of(|args| args.strict = true).0), (0, 5));
        for (change, part) in [
            ((|args| args.metric = vec!["ttff".to_owned()]) as fn(&mut TrendArgs), "ttff"),
            (|args| args.quantile = vec!["0.42".to_owned()], "p50, p90, p95, p99, p99.9"),
            (|args| args.margin = vec!["5".to_owned()], "--margin"),
            (|args| args.profile = Some("other".to_owned()), "no run of the profile 'other'"),
            (|args| args.dir = args.dir.join("nowhere"), "nowhere"),
        ] {
            let (code, told) = of(change);
            assert!(code == 2 && told.contains(part), "{part}: {code} {told}");
        }
        let (code, _) = of(|args| args.out = Some(args.dir.join("one/summary.json/out")));
        assert_eq!(code, 1);
    }
}
