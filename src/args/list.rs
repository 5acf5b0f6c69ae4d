//! Arguments of `list`.

use super::Places;
use clap::{Args as ClapArgs, ValueEnum};

/// Arguments of `list`.
#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ray-history list [OPTIONS] \
        <--server <URL>|--local-dir <DIR>|--config <FILE>|--storage-backend <BACKEND>> [TEXT]...")]
pub struct List {
    /// Words that must all occur in the name of the namespace, cluster, owner or session.
    pub text: Vec<String>,
    /// Only sessions of this namespace.
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Only sessions of this RayCluster.
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Only sessions of this RayJob or RayService, such as `train` or `rayjob/train`; `rayjob/` for those of any RayJob.
    #[arg(long, value_name = "[KIND/]NAME")]
    pub owner: Option<String>,
    /// Only sessions in this state.
    #[arg(long, value_name = "STATE", value_parser = ["live", "dead", "unknown"])]
    pub state: Option<String>,
    /// Only runs with this outcome: as Kubernetes knew it, else by their jobs.
    #[arg(long, value_name = "OUTCOME", value_parser = ["succeeded", "failed", "stopped", "unknown"])]
    pub outcome: Option<String>,
    /// Only runs with this first cause, as Kubernetes knew it: a code such as `HeadOOM`.
    #[arg(long, value_name = "CODE")]
    pub cause: Option<String>,
    /// Only sessions that started since then, by their heads' own clocks: a day, a time such as 2026-11-24T12:00:00Z, or
    /// a span up to now such as 24h or 7d.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only sessions that started before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Order: `started` (the newest first), `duration` (the longest first) or `outcome` (failed first); with `-` before it
    /// the other way round.
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true, default_value = "started",
        value_parser = ["started", "-started", "duration", "-duration", "outcome", "-outcome"])]
    pub sort: String,
    /// Most sessions that are listed, the first in this order; 0 for all.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub limit: usize,
    /// Format of the output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: ListFormat,
    /// The place with the sessions.
    #[command(flatten)]
    pub places: Places,
}

/// A format of the output of `list`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table.
    #[default]
    Table,
    /// A table with more columns.
    Wide,
    /// The answers of the server's API for all pages, as one JSON object.
    Json,
    /// A name a line, as `open` and `logs` accept it.
    Name,
}
