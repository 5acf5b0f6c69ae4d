//! Arguments of `retention` and `pin`.

use super::RunningServer;
use clap::{ArgGroup, Args as ClapArgs, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `retention`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Retention {
    /// The subcommand.
    #[command(subcommand)]
    pub command: RetentionCommand,
}

/// The subcommand of `retention`.
#[derive(Clone, Debug, Subcommand)]
pub enum RetentionCommand {
    /// Print which sessions the rules reach, and why others stay. Writes nothing.
    Plan(RetentionPlan),
    /// Mark, unmark and delete sessions once by the rules of a file, without Kubernetes. Run it again, daily at least: a
    /// session is deleted by a run after the grace of its mark.
    Apply(RetentionApply),
}

/// Arguments of `retention plan`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("place").args(["server", "config"]).required(true)))]
pub struct RetentionPlan {
    /// Ask a running server. Where access is on, the token is in --token-file, or in the variable `RAY_HISTORY_TOKEN`.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// File with the token of --server.
    #[arg(long, env = "RAY_HISTORY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Plan by the rules of a `RayHistory` in a file, for its store. Uses the credentials of the environment.
    #[arg(long, value_name = "FILE", requires = "dead_after")]
    pub config: Option<PathBuf>,
    /// With --config: time without a new object after which a session counts as dead, such as 72h or 30d; a day at least.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub dead_after: Option<Duration>,
    /// Print all sessions, those that stay with the reason.
    #[arg(long)]
    pub all: bool,
    /// Format of the output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: PlanFormat,
}

impl RetentionPlan {
    /// Returns the server that is asked, if one is.
    pub fn server(&self) -> Option<RunningServer> {
        let server = self.server.clone()?;
        Some(RunningServer { server, token_file: self.token_file.clone() })
    }
}

/// Arguments of `retention apply`.
#[derive(Clone, Debug, ClapArgs)]
pub struct RetentionApply {
    /// File with a `RayHistory`, whose spec.retention.mode is Delete. Uses the credentials of the environment.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Time without a new object after which a session counts as dead, such as 72h or 30d; a day at least. It stands in for
    /// the watch of Kubernetes: a cluster that writes nothing for so long and still runs loses its session.
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub dead_after: Duration,
}

/// Arguments of `pin`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("place").args(["local_dir", "config"]).required(true)))]
pub struct Pin {
    /// NAMESPACE/CLUSTER/SESSION, or NAMESPACE/CLUSTER for all sessions of a cluster.
    pub name: String,
    /// Write to a folder with the layout of a bucket.
    #[arg(long, value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub root_dir: String,
    /// Write to the store of a `RayHistory` in a file. Uses the credentials of the environment.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Remove the pin.
    #[arg(long)]
    pub remove: bool,
}

/// A format of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// A table.
    #[default]
    Table,
    /// The JSON of the API.
    Json,
}

/// Parses a span such as `72h` or `30d`, of a day at least.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    let expected = || format!("{text:?} must be a number of hours or days, such as 72h or 30d, and 24h at least");
    let units = [("h", 3_600), ("d", DAY)];
    let found = units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let seconds = found.and_then(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds));
    let seconds = seconds.filter(|seconds| (DAY..=DAY * 36_500).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_day_at_least() {
        assert_eq!(span("72h").unwrap().as_secs(), 72 * 3_600);
        assert_eq!(span("30d").unwrap().as_secs(), 30 * 86_400);
        for bad in ["", "h", "23h", "0d", "1", "1w", "-2d", "1.5d", "99999999999999999999d", "99999999d"] {
            assert!(span(bad).unwrap_err().contains("24h at least"), "{bad}");
        }
    }
}
