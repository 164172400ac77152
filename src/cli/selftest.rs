//! `hopmark selftest`.

use std::path::PathBuf;

use clap::Args;

/// `hopmark selftest`.
#[derive(Args, Clone, Debug, Default)]
pub struct SelftestArgs {
    /// Concurrent streams, one level per number, such as 100,1000 [default: 10,100,1000 and more while the machine keeps
    /// up, then 1000 arrivals a second]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub streams: Vec<u32>,

    /// Also measure 10,000 streams at 5 tokens a second
    #[arg(long)]
    pub full: bool,

    /// Print selftest.json instead of the table
    #[arg(long)]
    pub json: bool,

    /// Also write selftest.json here, in addition to the place where later runs find it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Print no progress
    #[arg(long, short)]
    pub quiet: bool,
}
