//! `hopmark report`: judges a run directory again and renders it, also that of a run that was killed.

use std::path::Path;

use crate::analysis::{self, Conclusion};
use crate::cli;
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::report::files::named;
use crate::report::glance::glance;
use crate::report::{self, Format};
use crate::runner::run_dir;

/// Carries out `hopmark report`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) when the directory is no run, or a file cannot be written.
pub fn report(args: &cli::ReportArgs) -> CommandResult {
    let conclusion = render_run(&args.run_dir, &args.format, args.out.as_deref())?;
    Ok(Exit::of(conclusion, false))
}

/// Reads the run in `dir`, judges it and renders it: files into `out` (the run directory itself if `None`), the
/// terminal's text to standard output. Returns what the run comes to.
///
/// # Errors
/// When the directory is no run, or a file cannot be written.
fn render_run(dir: &Path, formats: &[Format], out: Option<&Path>) -> CommandResult<Conclusion> {
    let run = run_dir::read(dir, "reported on")?;
    let analysis = analysis::analyse(&run);
    let folder = out.unwrap_or(dir);
    let written = report::write(&run, &analysis, formats, folder).or_world()?;
    let written = named(&written, folder);
    if formats.contains(&Format::Terminal) {
        console::show(&glance(&run, &analysis, &written)).or_world()?;
    } else if written.is_empty() {
        console::tell("note: nothing was written: the run has nothing of this form (junit.xml holds objectives)");
    } else {
        written.iter().for_each(console::tell);
    }
    Ok(analysis.conclusion)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::fixture::World;
    use crate::store::{RowWriter, file, manifest};

    #[test]
    fn a_killed_run_is_rendered_from_its_files() {
        let dir = tempfile::tempdir().expect("dir");
        let mut run = World { seconds: 12.0, ..World::default() }.run();
        run.manifest.ending = None;
        manifest::write(dir.path(), &run.manifest).expect("manifest");
        let mut rows =
            RowWriter::create(&dir.path().join(file::REQUESTS), &run.manifest.plan, run.manifest.origin).expect("rows");
        run.samples.iter().for_each(|sample| rows.append(sample).expect("row"));
        rows.finish().expect("rows");
        let out = dir.path().join("again");
        let conclusion = render_run(dir.path(), &Format::OF_A_RUN, Some(&out)).expect("rendered");
        assert_eq!((conclusion, conclusion.exit_code(false)), (Conclusion::Incomplete, 0));
        let page = fs::read_to_string(out.join(file::REPORT)).expect("page");
        assert!(page.contains("INCOMPLETE") && page.contains("id=\"latency-ttft\""));
        assert!(out.join("charts/latency-ttft.svg").exists() && out.join(file::SUMMARY).exists());
        assert!(!out.join(file::JUNIT).exists(), "no objectives, no junit.xml");
    }

    #[test]
    fn a_word_that_is_no_format_is_answered_with_all_formats() {
        use clap::{Args, Command, ValueEnum};
        let words: Vec<_> = Format::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|word| word.get_name().to_owned())
            .collect();
        assert_eq!(words.len(), 15);
        let command = cli::ReportArgs::augment_args(Command::new("report"));
        let unknown =
            command.try_get_matches_from(["report", "dir", "--format", "yaml"]).expect_err("unknown").to_string();
        assert!(words.iter().all(|word| unknown.contains(word.as_str())), "{unknown}");
    }

    #[test]
    fn what_is_no_run_is_said() {
        let error = render_run(Path::new("/nowhere/at/all"), &[Format::Json], None).expect_err("no run");
        assert_eq!(Exit::from(&error), Exit::Usage);
        assert!(format!("{:#}", error.error()).contains("manifest.json"), "{:#}", error.error());
    }
}
