//! `hopmark trend`.

use std::path::PathBuf;

use clap::Args;

/// `hopmark trend`.
#[derive(Args, Clone, Debug)]
pub struct TrendArgs {
    /// The folder of run directories, or of their summary.json files under any name
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// Compare the newest run with the N runs before it, but with none from before the last change
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..))]
    pub against: u64,

    /// Join the runs of one plan into one shift for each path, whose interval includes how runs vary from one to the next
    #[arg(long)]
    pub pool: bool,

    /// The folder to write to: trend.html, trend.md, trend.json, junit.xml and charts/*.svg; with --pool
    /// pooled.html, pooled.md, pooled.json, junit.xml and charts/*.svg
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// A metric to follow, such as ttft; repeatable
    #[arg(long, value_name = "METRIC", value_delimiter = ',', default_value = "ttft,e2e")]
    pub metric: Vec<String>,

    /// A quantile to follow: 0.5, 0.9, 0.95, 0.99 or 0.999, or p50 and so on; repeatable
    #[arg(long, value_name = "Q", value_delimiter = ',', default_value = "0.5,0.95")]
    pub quantile: Vec<String>,

    /// How much worse is acceptable: 5%, e2e=10%, ttft.p95=20ms; if several apply, the narrowest one counts
    /// [default: 5%; with --pool there is none, and nothing is gated]
    #[arg(long, value_name = "MARGIN", value_delimiter = ',', verbatim_doc_comment)]
    pub margin: Vec<String>,

    /// The profile whose runs are followed [default: that of the newest run]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Use only the newest N runs
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub last: usize,

    /// Print trend.json (with --pool, pooled.json) instead of the table
    #[arg(long)]
    pub json: bool,

    /// End with exit code 5 when there are too few runs to judge
    #[arg(long)]
    pub strict: bool,
}
