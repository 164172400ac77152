//! `hopmark trend`: a folder of runs, and those at which something changed.

use anyhow::{Context, anyhow};

use crate::analysis::summary::paths::QUANTILES;
use crate::analysis::trend::{Question, trend as judge};
use crate::cli::TrendArgs;
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::objective::margin::Margin;
use crate::plan::DEFAULT_SEED;
use crate::report::glance::stdout_look;
use crate::report::terminal;
use crate::report::trend::document::History;
use crate::report::trend::{self as paper, json};
use crate::store::history::{self, Followed};
use crate::units::Quantile;

/// Carries out `hopmark trend`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure): 2 when the folder holds no run or a flag is wrong, 1 when a file cannot
/// be written.
pub fn trend(args: &TrendArgs) -> CommandResult {
    let question = parse_question(args).or_usage()?;
    let folder = args.dir.display().to_string();
    let found = history::read(&args.dir).or_usage()?;
    let followed = found.follow(args.profile.as_deref(), args.last).map_err(|why| anyhow!("{folder} {why}"));
    let Followed { runs, profile, notes } = followed.or_usage()?;
    let trend = judge(runs, &question);
    let history = History { folder: &folder, profile: &profile, trend: &trend, notes: &notes };
    let written = match &args.out {
        Some(dir) => paper::write(&history, dir).or_world()?,
        None => Vec::new(),
    };
    if args.json {
        console::deliver(&String::from_utf8_lossy(&json::render(&history))).or_world()?;
    } else {
        // The page holds the charts, so their files need not be named.
        let named = written.iter().filter(|path| path.extension().is_none_or(|ending| ending != "svg"));
        let named: Vec<String> = named.map(|path| format!("written: {}", path.display())).collect();
        console::show(&terminal::render(&history.document(), stdout_look(), &named)).or_world()?;
    }
    Ok(Exit::of(trend.conclusion(), args.strict))
}

fn parse_question(args: &TrendArgs) -> anyhow::Result<Question> {
    let quantile = |text: &String| {
        let quantile: Quantile = text.parse().map_err(|why| anyhow!("--quantile: {why}"))?;
        let known = QUANTILES.map(|q| q.to_string()).join(", ");
        QUANTILES
            .contains(&quantile)
            .then_some(quantile)
            .ok_or_else(|| anyhow!("--quantile: a summary holds {known}, not {text}"))
    };
    Ok(Question {
        metrics: args.metric.iter().map(|text| text.parse()).collect::<Result<_, _>>().context("--metric")?,
        quantiles: args.quantile.iter().map(quantile).collect::<anyhow::Result<_>>()?,
        margins: args.margin.iter().map(|text| text.parse::<Margin>()).collect::<Result<_, _>>().context("--margin")?,
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
