//! `hopmark report`.

use std::path::PathBuf;

use clap::Args;

use crate::report::export::Format;

/// `hopmark report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// The run directory
    #[arg(value_name = "RUN_DIR")]
    pub run_dir: PathBuf,

    /// What to render
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',', default_value = "terminal")]
    pub(crate) format: Vec<Format>,

    /// The folder to write files to [default: the run directory]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
