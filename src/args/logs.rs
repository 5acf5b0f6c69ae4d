//! Arguments of `logs`.

use super::RunningServer;
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// Arguments of `logs`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Logs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: LogsCommand,
}

/// The subcommand of `logs`.
#[derive(Clone, Debug, Subcommand)]
pub enum LogsCommand {
    /// Print the lines of all logs of a session that match. Exits with 0 if there are any, with 1 if there are none,
    /// and with 2 after an error, or if there are none in what could be searched.
    Grep(Grep),
    /// Download all logs of a session as one ZIP archive. Exits with 0, or with 2 after an error.
    Download(Download),
}

/// The session, and those of its log files that are wanted.
#[derive(Clone, Debug, ClapArgs)]
pub struct LogFiles {
    /// NAMESPACE/CLUSTER/SESSION; or the newest session of rayjob/NAMESPACE/NAME, rayservice/…, raycluster/… or
    /// submission/NAMESPACE/ID.
    pub session: String,
    /// The server.
    #[command(flatten)]
    pub server: RunningServer,
    /// Only files of the node whose id begins so.
    #[arg(long, value_name = "ID")]
    pub node: Option<String>,
    /// Only files of the worker whose id begins so.
    #[arg(long, value_name = "ID")]
    pub worker: Option<String>,
    /// Only files of this job or submission.
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,
    /// Only files whose path matches, or whose name does if there is no `/` in GLOB.
    #[arg(long, value_name = "GLOB")]
    pub file: Option<String>,
    /// Only files of a kind: worker, job, system, or a group of Ray's list of logs, such as `worker_err`.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<String>,
}

/// Arguments of `logs grep`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Grep {
    /// The text to search for.
    pub pattern: String,
    /// The files.
    #[command(flatten)]
    pub files: LogFiles,
    /// The text is a regular expression.
    #[arg(short = 'E', long)]
    pub regex: bool,
    /// Upper and lower case are the same.
    #[arg(short, long)]
    pub ignore_case: bool,
    /// Lines before and after each match, at most 10.
    #[arg(short = 'C', long, value_name = "LINES", default_value_t = 0)]
    pub context: u8,
    /// Most lines that are found, at most 10000.
    #[arg(long, value_name = "LINES", default_value_t = 1000)]
    pub limit: u16,
    /// Print the server's JSON, an object a line, with the summary as the last one.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `logs download`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Download {
    /// The files.
    #[command(flatten)]
    pub files: LogFiles,
    /// File to write, `-` for standard output. Default: the name that the server gives, in this folder.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only print the number of files and their bytes.
    #[arg(long)]
    pub dry_run: bool,
}
