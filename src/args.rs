//! Command line and environment. Every flag has a variable `RAY_HISTORY_*`, except those that select what a command
//! prints, and those of KubeRay's history server, which use that server's variables.

mod completions;
mod diff;
mod export;
mod list;
mod logs;
mod open;
mod persist;
mod place;
mod query;
mod retention;
mod server;
mod snapshot;
mod why;

pub use completions::{Completions, Man};
pub use diff::Diff;
pub use export::Export;
pub use list::{List, ListFormat};
pub use logs::{Download, Grep, LogFiles, Logs, LogsCommand};
pub use open::Open;
pub use persist::{Persist, Shard};
pub use place::{Place, Places};
pub use query::Query;
pub use retention::{Pin, PlanFormat, Retention, RetentionApply, RetentionCommand, RetentionPlan};
pub use server::RunningServer;
pub use snapshot::{Snapshot, SnapshotCommand, SnapshotPlace, SnapshotShow};
pub use why::{Why, WhyFormat};

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand};
use ray_history_settings::server::Server;
use ray_history_settings::{KubeRay, Redaction};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The exit codes of all commands.
const EXIT_CODES: &str = "\
Exit codes:
  0  It is done, something was found, or the check passed
  1  Nothing was found, or the check failed
  2  Wrong arguments, or it could not be done; standard error says why

A reader that leaves before the end (| head) is no error.";

/// Opens the Ray dashboard of a cluster after it is gone.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Args {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve stored sessions over HTTP.
    Serve(Box<Serve>),
    /// Check a RayHistory document, and inspect its bucket.
    Check(Box<Check>),
    /// List the sessions of a running server or of a store.
    List(Box<List>),
    /// Print why a run ended, with the evidence, of a running server or of a store.
    Why(Box<Why>),
    /// Print what changed from one session to another: slower functions, new failures, other nodes and versions.
    Diff(Box<Diff>),
    /// Write a session as one portable file, which `serve` opens anywhere, for a ticket or an archive.
    Export(Box<Export>),
    /// Print the link to the dashboard of a session, or of the newest session of a RayJob, RayService, RayCluster or
    /// submission.
    Open(Open),
    /// Search or download all logs of a session of a running server.
    Logs(Box<Logs>),
    /// Show or apply the rules by which old sessions are deleted.
    Retention(Retention),
    /// Write dead sessions as tables that open at once and that SQL engines read, without Kubernetes.
    Persist(Box<Persist>),
    /// Show or verify what is persisted of a session.
    Snapshot(Snapshot),
    /// Ask `DuckDB` about what is persisted of sessions: starts `duckdb` with views of the tables.
    Query(Box<Query>),
    /// Keep a session, or all of a cluster, from being deleted by retention.
    Pin(Pin),
    /// Print the definition of RayHistory for Kubernetes, as YAML.
    Crd,
    /// Print the completions of a shell.
    Completions(Completions),
    /// Print a manual page.
    Man(Man),
}

/// Arguments of `check`.
#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ray-history check [--bucket] <FILE>\n       \
                            ray-history check <--local-dir <DIR>|--storage-backend <BACKEND>|--server <URL>>")]
pub struct Check {
    /// File with one RayHistory, as YAML or JSON: prints all of its problems, or the document with its defaults.
    pub file: Option<PathBuf>,
    /// Also inspect the bucket of FILE: count its sessions, and show when the newest was last written and which of its
    /// data is missing. Uses the credentials of the environment.
    #[arg(long, requires = "file")]
    pub bucket: bool,
    /// Without FILE: inspect a folder with the layout of a bucket.
    #[arg(long, env = "RAY_HISTORY_LOCAL_DIR", value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below; may be given several times.
    #[arg(long, env = "RAY_HISTORY_ROOT_DIRS", value_name = "PREFIX", value_delimiter = ',', default_value = "")]
    pub root_dir: Vec<String>,
    /// Query a running server: print how many sessions it lists, fail if it is not ready. `helm test` uses this.
    #[arg(long, conflicts_with = "file", value_name = "URL")]
    pub server: Option<String>,
    /// File with the token of --server, where access is on; without one, `RAY_HISTORY_TOKEN` has it.
    #[arg(long, env = "RAY_HISTORY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Without FILE and --local-dir: inspect the bucket of KubeRay's settings.
    #[command(flatten)]
    pub kuberay: KubeRay,
}

/// Arguments of `serve`.
#[derive(Clone, Debug, ClapArgs)]
#[command(
    override_usage = "ray-history serve [OPTIONS] \
        <FILES>...|<--local-dir <DIR>|--config <FILE>|--rayhistory <NAMESPACE/NAME>|--storage-backend <BACKEND>>",
    // The last one counts, so that an argument can be added to those of a manifest.
    args_override_self = true,
    group(ArgGroup::new("source").args(["files", "local_dir", "config", "rayhistory", "storage_backend"]))
)]
pub struct Serve {
    /// Portable files that `ray-history export` made; all of their sessions are served.
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Folder with the layout of a bucket: cluster-metadata/, cluster-history/, metadir/ ...
    #[arg(long, env = "RAY_HISTORY_LOCAL_DIR", value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// File with a `RayHistory`, the document that `kubectl apply` accepts: store, cache, loading ...
    #[arg(long, env = "RAY_HISTORY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A `RayHistory` object of the API server, as NAMESPACE/NAME; changes to it apply while the server runs.
    #[arg(long, env = "RAY_HISTORY_RAYHISTORY", value_name = "NAMESPACE/NAME", value_parser = object_name)]
    pub rayhistory: Option<(String, String)>,
    /// With --rayhistory: name of this replica in the object's status. Default: the name of the pod, else of the host.
    #[arg(long, requires = "rayhistory", env = "RAY_HISTORY_REPLICA", value_name = "NAME")]
    pub replica: Option<String>,
    /// With --rayhistory: base of the links in Kubernetes Events, such as <https://ray.example.com>.
    #[arg(long, requires = "rayhistory", env = "RAY_HISTORY_BASE_URL", value_name = "URL", default_value = "")]
    pub base_url: String,
    /// Prefix inside the folder that collectors wrote below; may be given several times.
    #[arg(
        long,
        conflicts_with_all = ["files", "config", "rayhistory", "storage_backend"],
        env = "RAY_HISTORY_ROOT_DIRS",
        value_name = "PREFIX",
        value_delimiter = ',',
        default_value = ""
    )]
    pub root_dir: Vec<String>,
    /// Address to listen on.
    #[arg(long, env = "RAY_HISTORY_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder with the Ray dashboard's built files (index.html, static/), or with one such folder for each Ray version
    /// (2.60.0/, 2.59.0/, …): then a session has the dashboard of its own version, else the nearest newer, else the newest.
    /// Without it only the API is served.
    #[arg(long, env = "RAY_HISTORY_DASHBOARD_DIR", value_name = "DIR")]
    pub dashboard_dir: Option<PathBuf>,
    /// Clients from which the values of environment variables are hidden.
    #[arg(
        long,
        conflicts_with_all = ["config", "rayhistory"],
        env = "RAY_HISTORY_REDACTION",
        value_enum,
        default_value_t = Redaction::Browsers,
        ignore_case = true
    )]
    pub redaction: Redaction,
    /// Bounds of the server.
    #[command(flatten)]
    pub server: Server,
    /// Settings of KubeRay's history server.
    #[command(flatten)]
    pub kuberay: KubeRay,
}

/// Reads NAMESPACE/NAME.
fn object_name(text: &str) -> Result<(String, String), String> {
    let valid = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"-.".contains(&c));
    match text.split_once('/') {
        Some((namespace, name)) if valid(namespace) && valid(name) => Ok((namespace.to_owned(), name.to_owned())),
        _ => Err("must be NAMESPACE/NAME, such as ray-history/main".to_owned()),
    }
}
