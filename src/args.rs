//! Command line and environment. Every flag has an environment twin `RAY_HISTORY_*`, but those of
//! KubeRay's history server, which have its own.

use crate::settings::server::Server;
use crate::settings::{KubeRay, Redaction};
use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Opens the Ray dashboard of a cluster after it is gone.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve stored sessions over HTTP.
    Serve(Box<Serve>),
    /// Check settings: what is wrong with a RayHistory, and what lies in its bucket.
    Check(Box<Check>),
    /// Print the definition of RayHistory for Kubernetes, as YAML.
    Crd,
}

/// What to check.
#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ray-history check [--bucket] <FILE>\n       \
                            ray-history check <--local-dir <DIR>|--storage-backend <BACKEND>|--server <URL>>")]
pub struct Check {
    /// File with one RayHistory, as YAML or JSON: everything that is wrong with it is told, else what it means.
    pub file: Option<PathBuf>,
    /// Look into the bucket of FILE, too: how many sessions, when the newest was written, and what is missing of it.
    /// Credentials are those of the environment.
    #[arg(long, requires = "file")]
    pub bucket: bool,
    /// Without FILE: look into a folder that holds what a bucket would hold.
    #[arg(long, env = "RAY_HISTORY_LOCAL_DIR", value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder below which collectors wrote; may be given several times.
    #[arg(long, env = "RAY_HISTORY_ROOT_DIRS", value_name = "PREFIX", value_delimiter = ',', default_value = "")]
    pub root_dir: Vec<String>,
    /// Ask a running server whether it is ready, and how many sessions it lists; fails when it is not. `helm test` does.
    #[arg(long, conflicts_with = "file", value_name = "URL")]
    pub server: Option<String>,
    /// Without FILE and --local-dir: look into the bucket of KubeRay's settings.
    #[command(flatten)]
    pub kuberay: KubeRay,
}

/// Settings of the server.
#[derive(Clone, Debug, ClapArgs)]
#[command(
    override_usage = "ray-history serve [OPTIONS] \
        <--local-dir <DIR>|--config <FILE>|--rayhistory <NAMESPACE/NAME>|--storage-backend <BACKEND>>",
    // Who adds an argument to those of a manifest means it: the last one counts.
    args_override_self = true,
    group(ArgGroup::new("source").args(["local_dir", "config", "rayhistory", "storage_backend"]))
)]
pub struct Serve {
    /// Folder that holds what a bucket would hold: cluster-metadata/, cluster-history/, metadir/ ...
    #[arg(long, env = "RAY_HISTORY_LOCAL_DIR", value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// File with a `RayHistory`, the document that `kubectl apply` takes: store, cache, loading ...
    #[arg(long, env = "RAY_HISTORY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A `RayHistory` object of the API server, as NAMESPACE/NAME; its changes apply while this runs.
    #[arg(long, env = "RAY_HISTORY_RAYHISTORY", value_name = "NAMESPACE/NAME", value_parser = object_name)]
    pub rayhistory: Option<(String, String)>,
    /// With --rayhistory: what this replica is called in its status; the pod's name, or the host's, when not set.
    #[arg(long, requires = "rayhistory", env = "RAY_HISTORY_REPLICA", value_name = "NAME")]
    pub replica: Option<String>,
    /// With --rayhistory: what links in Kubernetes Events begin with, such as <https://ray.example.com>.
    #[arg(long, requires = "rayhistory", env = "RAY_HISTORY_BASE_URL", value_name = "URL", default_value = "")]
    pub base_url: String,
    /// Prefix inside the folder below which collectors wrote; may be given several times.
    #[arg(
        long,
        conflicts_with_all = ["config", "rayhistory", "storage_backend"],
        env = "RAY_HISTORY_ROOT_DIRS",
        value_name = "PREFIX",
        value_delimiter = ',',
        default_value = ""
    )]
    pub root_dir: Vec<String>,
    /// Address to listen on.
    #[arg(long, env = "RAY_HISTORY_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder with the Ray dashboard's built files (index.html, static/); without it only the API is served.
    #[arg(long, env = "RAY_HISTORY_DASHBOARD_DIR", value_name = "DIR")]
    pub dashboard_dir: Option<PathBuf>,
    /// Whose answers hide the values of environment variables.
    #[arg(long, conflicts_with_all = ["config", "rayhistory"], env = "RAY_HISTORY_REDACTION", value_enum, default_value_t = Redaction::Browsers, ignore_case = true)]
    pub redaction: Redaction,
    /// Bounds of the server.
    #[command(flatten)]
    pub server: Server,
    /// Settings of KubeRay's history server, as they are.
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
