//! `hopmark init`: writes a commented profile to start from.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::anyhow;

use crate::cli::InitArgs;
use crate::command::exit::{CommandResult, Exit, Failure, OrFailure};
use crate::console;
use crate::profile::{OWN_AZURE, OWN_ENDPOINTS, Profile};
use crate::report::sizing;
use crate::runner::execution::resolve_unfilled;
use crate::runner::{dry_run, sized};
use crate::store::file::{StoreError, write_whole};
use crate::units::Span;

/// The word of the profile that stands for its own file.
const FILE_WORD: &str = "THIS-FILE";

/// Carries out `hopmark init`: writes the profile and says in a sentence what to do with it.
///
/// # Errors
/// A [`Failure`]: 2 when the file exists and `--force` was not given, 1 when it cannot be
/// written.
pub fn init(args: &InitArgs) -> CommandResult {
    let name = args.file.display().to_string();
    let profile = if args.azure { OWN_AZURE } else { OWN_ENDPOINTS }.replace(FILE_WORD, &name);
    let (profile, sized) = match args.shift {
        Some(shift) => size(&profile, args, shift).map(|(profile, said)| (profile, format!("; {said}")))?,
        None => (profile, String::new()),
    };
    match write(&args.file, profile.as_bytes(), args.force) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let exists = anyhow!("{name} exists already; name another file, or write over it with --force");
            return Err(exists).or_usage();
        }
        Err(error) => return Err(anyhow!("cannot write {name}: {error}")).or_world(),
    }
    console::say(&format!(
        "wrote {name}: put your own addresses, model and names into it, export the two variables it names, then \
         `hopmark run {name}` (with --dry-run it says first what it can decide){sized}"
    ))
    .or_world()?;
    Ok(Exit::Met)
}

/// The profile with the time, and the limit on calls, that a shift of this size takes; and how long that is.
fn size(profile: &str, args: &InitArgs, shift: Span) -> Result<(String, String), Failure> {
    let read = Profile::parse(profile, &args.file).or_usage()?;
    let assumed = read.sizing;
    let (mut plan, workload) = resolve_unfilled(read)?;
    let limit = plan.limits.requests.take();
    let spread = dry_run::spread(assumed, args.size_from.as_deref())?.with_median();
    let sized = sized::for_shift(&mut plan, &workload, &spread, shift)?;
    let duration = plan.load.duration;
    let mut written = with_value(profile, "duration", &format!("\"{duration}\""));
    if let Some((limit, calls)) = limit.zip(sized::calls_with(&plan, duration.0)) {
        written = with_value(&written, "requests", &limit.max(calls).to_string());
    }
    Ok((written, sizing::sized_for(&dry_run::size(&plan, &workload, spread, Some(&sized)), duration)))
}

/// A profile in which the first `key = value` that is no comment has another value.
fn with_value(profile: &str, key: &str, value: &str) -> String {
    let assignment = format!("{key} = ");
    let mut done = false;
    let line = |line: &str| match line.find(&assignment) {
        Some(at) if !done && !line.trim_start().starts_with('#') => {
            done = true;
            let (before, rest) = line.split_at(at + assignment.len());
            let end = rest.find([',', ' ', '}', '\n']).unwrap_or(rest.len());
            format!("{before}{value}{}", &rest[end..])
        }
        Some(_) | None => line.to_owned(),
    };
    profile.split_inclusive('\n').map(line).collect()
}

/// Writes the file whole or not at all.
fn write(file: &Path, text: &[u8], force: bool) -> io::Result<()> {
    if !force {
        // Nobody else makes a file of this name from here on.
        drop(File::create_new(file)?);
    }
    match write_whole(file, text) {
        Ok(()) => Ok(()),
        Err(StoreError::Unwritable { source, .. }) => {
            if !force {
                let _ = std::fs::remove_file(file);
            }
            Err(source)
        }
        Err(other) => Err(io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn args(file: PathBuf, force: bool) -> InitArgs {
        InitArgs { file, azure: false, shift: None, size_from: None, force }
    }

    #[test]
    fn what_is_written_is_a_profile_that_names_its_file() {
        let folder = tempfile::tempdir().expect("folder");
        for (azure, paths) in [(false, ["direct", "gateway"].as_slice()), (true, &["public", "private", "gateway"])] {
            let file = folder.path().join(format!("{azure}.toml"));
            assert_eq!(init(&InitArgs { azure, ..args(file.clone(), false) }).expect("written"), Exit::Met);
            let text = std::fs::read_to_string(&file).expect("there");
            assert!(!text.contains(FILE_WORD) && text.contains(&file.display().to_string()));
            let profile = Profile::parse(&text, &file).expect("parses");
            assert_eq!(profile.paths.iter().map(|path| &*path.name).collect::<Vec<_>>(), paths);
        }
    }

    /// The profile in the file as it would be run.
    fn read(file: &Path) -> (crate::plan::Plan, crate::workload::Workload) {
        let text = std::fs::read_to_string(file).expect("there");
        resolve_unfilled(Profile::parse(&text, file).expect("parses")).expect("a plan")
    }

    #[test]
    fn what_is_written_can_decide_its_objectives() {
        let folder = tempfile::tempdir().expect("folder");
        for azure in [false, true] {
            let file = folder.path().join(format!("{azure}.toml"));
            init(&InitArgs { azure, ..args(file.clone(), false) }).expect("written");
            let (plan, workload) = read(&file);
            let needs = sized::needs_of(&plan, &workload);
            assert!(!needs.is_empty() && needs.iter().all(|need| !need.is_short()), "{needs:?}");
        }
    }

    #[test]
    fn a_profile_for_a_shift_measures_longer_for_a_smaller_one() {
        let folder = tempfile::tempdir().expect("folder");
        for azure in [false, true] {
            let measured = [20, 6].map(|ms| {
                let file = folder.path().join(format!("{azure}-{ms}.toml"));
                let shift = Some(Span::from_millis(ms));
                init(&InitArgs { azure, shift, ..args(file.clone(), false) }).expect("written");
                let (plan, workload) = read(&file);
                let needs = sized::needs_of(&plan, &workload);
                assert!(needs.iter().all(|need| !need.is_short()), "{needs:?}");
                let (calls, limit) = (plan.expected_calls().expect("a rate"), plan.limits.requests);
                assert!(limit.is_none_or(|limit| calls < limit as f64), "{calls} of {limit:?}");
                plan.load.duration
            });
            assert!(measured[1].0 > 5 * measured[0].0, "{measured:?}");
        }
        let absurd = InitArgs {
            shift: Some(Span(std::time::Duration::from_nanos(1))),
            ..args(folder.path().join("no.toml"), false)
        };
        let error = init(&absurd).expect_err("no run is so long");
        assert!(Exit::from(&error) == Exit::Usage && !absurd.file.exists(), "{:#}", error.error());
    }

    #[test]
    fn a_file_that_exists_is_kept_without_force() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, "mine").expect("written");
        let error = init(&args(file.clone(), false)).expect_err("exists");
        assert_eq!(Exit::from(&error), Exit::Usage);
        assert!(error.error().to_string().contains("--force"), "{:#}", error.error());
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "mine");
        init(&args(file.clone(), true)).expect("forced");
        assert!(std::fs::read_to_string(&file).expect("there").contains("[workload]"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_the_worlds_refusal() {
        let folder = tempfile::tempdir().expect("folder");
        let error = init(&args(folder.path().join("no/mine.toml"), false)).expect_err("no folder");
        assert_eq!(Exit::from(&error), Exit::World);
    }
}
