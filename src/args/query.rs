//! Arguments of `query`.

use clap::{ArgGroup, Args as ClapArgs};
use std::path::PathBuf;

/// Arguments of `query`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("place").args(["local_dir", "config"]).required(true)))]
pub struct Query {
    /// The question, in `DuckDB`'s SQL, to the views tasks, transitions, actors, `profile_events`, runs, jobs, nodes, functions
    /// and failures, as far as they have rows.
    pub sql: String,
    /// NAMESPACE/CLUSTER/SESSION: the views show this session alone.
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
    /// Ask a folder with the layout of a bucket.
    #[arg(long, value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub root_dir: String,
    /// Ask the store of a `RayHistory` in a file. `DuckDB` uses its own credentials, such as a secret in ~/.duckdbrc.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
