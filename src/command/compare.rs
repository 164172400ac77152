//! `hopmark compare`: two runs, or two paths of one, side by side.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::analysis::runs::{RunSide, compare_runs};
use crate::cli::{CompareArgs, CompareFormat};
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::objective::margin::Margin;
use crate::report::comparison::document::Compared;
use crate::report::comparison::{JSON, MARKDOWN, PAGE};
use crate::report::files::{named, write_all};
use crate::report::glance::stdout_look;
use crate::report::{html, markdown, terminal};
use crate::runner::run_dir;
use crate::store::file;
use crate::store::reference::RunRef;

/// Carries out `hopmark compare`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure): 2 when there is no such run or they cannot be compared, 1 when one is
/// damaged or a file cannot be written.
pub fn compare(args: &CompareArgs) -> CommandResult {
    let margins: Vec<Margin> =
        args.margin.iter().map(|text| text.parse()).collect::<Result<_, _>>().context("--margin").or_usage()?;
    let (own, other) = (RunRef::of(&args.base), RunRef::of(&args.candidate));
    let read = |dir: &Path| run_dir::read(dir, "compared");
    let base = read(&own.dir)?;
    let candidate = if own.is_same_run(&other) { None } else { Some(read(&other.dir)?) };
    let other_run = candidate.as_ref().unwrap_or(&base);
    let sides =
        (RunSide { run: &base, path: own.path.as_deref() }, RunSide { run: other_run, path: other.path.as_deref() });
    let between = compare_runs(sides.0, sides.1, &margins).or_usage()?;
    let names = [args.base.display().to_string(), args.candidate.display().to_string()];
    let compared =
        Compared { comparison: &between, runs: [&base, other_run], names: [names[0].as_str(), names[1].as_str()] };
    tell(&compared, args)?;
    Ok(Exit::of(between.conclusion(), args.strict))
}

/// Writes what is a file, and prints the rest.
fn tell(compared: &Compared, args: &CompareArgs) -> CommandResult<()> {
    let wants = |format| args.format.contains(&format);
    let json = wants(CompareFormat::Json).then(|| (JSON, compared.json()));
    let md = wants(CompareFormat::Md).then(|| (MARKDOWN, markdown::render(&compared.document())));
    let page = wants(CompareFormat::Html).then(|| (PAGE, html::render(&compared.document(), &[])));
    let junit = wants(CompareFormat::Junit).then(|| (file::JUNIT, compared.junit()));
    let files =
        json.into_iter().chain(md).chain(page).chain(junit).map(|(name, bytes)| (PathBuf::from(name), bytes)).collect();
    let (written, documents) = match &args.out {
        Some(dir) => (named(&write_all(files, dir).or_world()?, dir), Vec::new()),
        None => (Vec::new(), files),
    };
    if wants(CompareFormat::Terminal) {
        console::show(&terminal::render(&compared.document(), stdout_look(), &written)).or_world()?;
    } else {
        written.iter().for_each(console::tell);
    }
    documents.iter().try_for_each(|(_, bytes)| console::deliver(&String::from_utf8_lossy(bytes))).or_world()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::CompareFormat;
    use crate::command::test_support::put;
    use crate::run::fixture::World;
    use crate::units::Api;
    use serde_json::Value;

    /// A shelf of runs: a base, one that is 40 ms slower, one that is as fast, and two that may not be judged.
    fn shelf(dir: &Path) {
        let run = |id: &str, seed: u64, shift: f64| {
            let world = World { shifts_ms: vec![0.0, shift], seconds: 40.0, seed, ..World::default() };
            let mut run = world.run();
            run.manifest.id = id.to_owned();
            run
        };
        put(&run("base", 1, 5.0), &dir.join("base"));
        put(&run("slower", 2, 60.0), &dir.join("slower"));
        put(&run("same", 3, 5.0), &dir.join("same"));
        let mut invalid = run("invalid", 4, 60.0);
        invalid.manifest.ending.as_mut().expect("ending").rows_lost = 1;
        put(&invalid, &dir.join("invalid"));
        let mut other = run("other", 5, 5.0);
        other.manifest.plan.workload.api = [(Api::Responses, 1.0)].into();
        put(&other, &dir.join("other"));
    }

    fn args(base: &Path, candidate: &Path, margin: &[&str], strict: bool) -> CompareArgs {
        CompareArgs {
            base: base.to_owned(),
            candidate: candidate.to_owned(),
            margin: margin.iter().map(|text| (*text).to_owned()).collect(),
            format: vec![CompareFormat::Terminal],
            out: None,
            strict,
        }
    }

    /// The exit code and, of a failure, its sentence.
    fn ended(args: &CompareArgs) -> (u8, String) {
        match compare(args) {
            Ok(exit) => (exit.code(), String::new()),
            Err(failure) => (Exit::from(&failure).code(), format!("{:#}", failure.error())),
        }
    }

    #[test]
    fn scripts_learn_from_the_exit_code_what_a_comparison_comes_to() {
        let dir = tempfile::tempdir().expect("dir");
        shelf(dir.path());
        let of = |base: &str, candidate: &str, margin: &[&str], strict: bool| {
            ended(&args(&dir.path().join(base), &dir.path().join(candidate), margin, strict))
        };
        let loose: &[&str] = &["ttft.p50=25%"];
        assert_eq!(of("base", "slower", &[], false).0, 3);
        assert_eq!(of("base", "slower", &["90%"], false).0, 0);
        assert_eq!(of("base", "same", loose, true).0, 0);
        assert_eq!(of("base", "same", &["ttft.p50=0.01%"], false).0, 0);
        assert_eq!(of("base", "same", &["ttft.p50=0.01%"], true).0, 5);
        assert_eq!(of("base", "invalid", &[], false).0, 4);
        assert_eq!(of("invalid", "base", &[], true).0, 4);
        assert_eq!(of("base:direct", "base:private", &["90%"], false).0, 0);
        assert_eq!(of("slower:direct", "slower:private", &[], false).0, 3);
        for (base, candidate, margin, part) in [
            ("base", "nowhere", &[][..], "manifest.json"),
            ("base", "base", &[], "the same run"),
            ("base:direct", "base:direct", &[], "the same path"),
            ("base:direct", "same:dirct", &[], "no path 'dirct'"),
            ("base", "other", &[], "different APIs"),
            ("base", "same", &["ttff=5%"], "ttff"),
        ] {
            let (code, told) = of(base, candidate, margin, false);
            assert!(code == 2 && told.contains(part), "{base} {candidate}: {code} {told}");
        }
        let mut unwritable = args(&dir.path().join("base"), &dir.path().join("same"), &[], false);
        unwritable.out = Some(dir.path().join("base/manifest.json/out"));
        unwritable.format = vec![CompareFormat::Json];
        assert_eq!(ended(&unwritable).0, 1);
    }

    #[test]
    fn files_are_written_where_they_are_wanted() {
        let dir = tempfile::tempdir().expect("dir");
        shelf(dir.path());
        let mut args = args(&dir.path().join("base:private"), &dir.path().join("slower"), &["ttft.p50=5%"], false);
        args.format = vec![CompareFormat::Json, CompareFormat::Md, CompareFormat::Html];
        args.out = Some(dir.path().join("out"));
        assert_eq!(ended(&args).0, 3);
        let read = |name: &str| fs::read_to_string(dir.path().join("out").join(name)).expect(name);
        let document: Value = serde_json::from_str(&read(JSON)).expect("JSON");
        assert_eq!((&document["schema_version"], &document["verdict"]), (&Value::from(1), &Value::from("worse")));
        assert_eq!(document["kind"], "two_runs");
        assert!(document["weakness"].as_str().is_some_and(|why| why.contains("weaker than one paired run")));
        let rows = document["comparisons"].as_array().expect("rows");
        assert_eq!(rows.len(), 21);
        let median = rows.iter().find(|row| row["metric"] == "ttft" && row["quantile"] == 0.5).expect("median");
        assert_eq!((&median["verdict"], &median["gate"]), (&Value::from("slower"), &Value::from("failed")));
        assert_eq!((&median["margin"], &median["candidate"]), (&Value::from("5%"), &Value::from("private")));
        assert!(rows.iter().filter(|row| row["margin"].is_null()).all(|row| row["gate"].is_null()));
        assert!(read(MARKDOWN).starts_with("## "));
        assert!(read(PAGE).contains("worse by more than the margin"));
        assert_eq!(fs::read_dir(dir.path().join("out")).expect("out").count(), 3);
    }
}
