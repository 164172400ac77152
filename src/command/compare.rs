//! `hopmark compare`: two runs, or two paths of one, side by side.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::analysis::Between;
use crate::analysis::between::{Side, between};
use crate::cli::{CompareArgs, CompareFormat};
use crate::command::exit::{CommandResult, Exit, OrExit, say};
use crate::command::report::look;
use crate::measure::margin::Margin;
use crate::report::between::model::Compared;
use crate::report::between::{JSON, MARKDOWN};
use crate::report::{markdown, terminal};
use crate::run::Run;
use crate::store;
use crate::store::file::{self, StoreError};

/// Carries out `hopmark compare`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure): 2 when the runs cannot be read or not be compared, 1 when a file
/// cannot be written.
pub fn compare(args: &CompareArgs) -> CommandResult {
    let margins: Vec<Margin> =
        args.margin.iter().map(|text| text.parse()).collect::<Result<_, _>>().context("--margin").or_usage()?;
    let (base, candidate) = (Named::read(&args.base).or_usage()?, Named::read(&args.candidate).or_usage()?);
    let between = between(base.side(), candidate.side(), &margins).or_usage()?;
    let names = [args.base.display().to_string(), args.candidate.display().to_string()];
    let compared = Compared {
        between: &between,
        runs: [&base.run, &candidate.run],
        names: [names[0].as_str(), names[1].as_str()],
    };
    tell(&compared, args).or_world()?;
    Ok(exit(&between, args.strict))
}

fn exit(between: &Between, strict: bool) -> Exit {
    Exit::of(between.conclusion().exit_code(strict))
}

/// A run with the path that was named.
struct Named {
    run: Run,
    path: Option<String>,
}

impl Named {
    /// `RUN_DIR` or `RUN_DIR:PATH`; a folder whose own name holds a colon is taken as it is.
    fn read(written: &Path) -> anyhow::Result<Self> {
        let (dir, path) = split(written);
        let run = store::load(&dir).with_context(|| format!("{} cannot be compared", dir.display()))?;
        Ok(Self { run, path })
    }

    fn side(&self) -> Side<'_> {
        Side { run: &self.run, path: self.path.as_deref() }
    }
}

fn split(written: &Path) -> (PathBuf, Option<String>) {
    let text = written.to_string_lossy();
    match text.rsplit_once(':') {
        Some((dir, path)) if !written.exists() && !dir.is_empty() && !path.is_empty() => {
            (PathBuf::from(dir), Some(path.to_owned()))
        }
        _ => (written.to_owned(), None),
    }
}

/// Writes what is a file, and prints the rest.
fn tell(compared: &Compared, args: &CompareArgs) -> Result<(), StoreError> {
    let mut written = Vec::new();
    let mut texts = Vec::new();
    let wants = |format| args.format.contains(&format);
    let json = wants(CompareFormat::Json).then(|| (JSON, compared.json()));
    let md = wants(CompareFormat::Md).then(|| (MARKDOWN, markdown::render(&compared.sheet()).into_bytes()));
    for (name, bytes) in json.into_iter().chain(md) {
        match &args.out {
            Some(dir) => written.push(write(dir, name, &bytes)?),
            None => texts.push(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
    if wants(CompareFormat::Terminal) {
        let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        texts.insert(0, terminal::render_sheet(&compared.sheet(), look(), &written));
    }
    texts.iter().for_each(|text| say(text));
    Ok(())
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    fs::create_dir_all(dir).map_err(|error| StoreError::unwritable(dir, error))?;
    let path = dir.join(name);
    file::write_whole(&path, bytes)?;
    Ok(path)
}
