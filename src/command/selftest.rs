//! `hopmark selftest`: how wrong this tool itself is on this machine.

use std::path::Path;

use crate::cli::SelftestArgs;
use crate::command::exit::{CommandResult, Exit, OrFailure};
use crate::console;
use crate::measure::selftest::Selftest;
use crate::report::glance::stdout_look;
use crate::report::selftest::render;
use crate::runner::coordinator::Cut;
use crate::runner::environment;
use crate::runner::selftest::{SelftestOptions, Unfinished, measure};
use crate::store::selftest::{SELFTEST, bytes, write};

/// Carries out `hopmark selftest`.
///
/// # Errors
/// A [`Failure`](crate::command::exit::Failure) with its exit code; a missed bar is no failure but [`Exit::Missed`].
pub fn selftest(args: &SelftestArgs) -> CommandResult {
    let options = SelftestOptions { streams: args.streams.clone(), full: args.full, quiet: args.quiet };
    match measure(options) {
        Ok(selftest) => tell(selftest, args),
        Err(Unfinished::Failed(failure)) => Err(failure),
        Err(Unfinished::EndedEarly(cut)) => {
            let why = if let Cut::Signal(_) = cut {
                "the selftest was interrupted; nothing is concluded from a part of it".to_owned()
            } else {
                format!("a run of the selftest ended early: {}", cut.reason())
            };
            console::tell(format_args!("error: {why}"));
            Ok((&cut).into())
        }
    }
}

/// Keeps it for later runs and prints it.
fn tell(mut selftest: Selftest, args: &SelftestArgs) -> CommandResult {
    if cfg!(debug_assertions) {
        selftest.notes.push("this is a debug build, whose error is larger than that of a release build".to_owned());
    }
    let kept = environment::selftest_file();
    let refusal = match &kept {
        Some(file) => write(file, &selftest).err().map(|error| error.to_string()),
        None => Some("neither XDG_STATE_HOME nor HOME names a folder".to_owned()),
    };
    if let Some(why) = &refusal {
        console::tell(format_args!("warning: later runs cannot quote this selftest: {why}"));
    }
    if let Some(file) = &args.out {
        write(file, &selftest).or_world()?;
    }
    let kept = kept.filter(|_| refusal.is_none()).map(|file| format!("kept for later runs: {}", file.display()));
    let copy = args.out.as_ref().map(|file| format!("written: {}", file.display()));
    let mut places = kept.into_iter().chain(copy);
    if args.json {
        let document = bytes(Path::new(SELFTEST), &selftest).or_world()?;
        console::deliver(&String::from_utf8_lossy(&document)).or_world()?;
        places.for_each(console::tell);
    } else {
        console::show(&render(&selftest, stdout_look())).or_world()?;
        places.try_for_each(|place| console::say(&place)).or_world()?;
    }
    Ok(if selftest.meets_its_bars() { Exit::Met } else { Exit::Missed })
}
