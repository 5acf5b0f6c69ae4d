//! Arguments of `why`.

use super::{List, Place, RunningServer};
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use ray_history_settings::KubeRay;
use std::path::PathBuf;

/// Arguments of `why`.
#[derive(Clone, Debug, ClapArgs)]
#[command(
    override_usage = "ray-history why [OPTIONS] \
        <--server <URL>|--local-dir <DIR>|--config <FILE>|--storage-backend <BACKEND>> <NAME>",
    group(ArgGroup::new("place").args(["server", "local_dir", "config", "storage_backend"]))
)]
pub struct Why {
    /// NAMESPACE/CLUSTER/SESSION; or the newest run of rayjob/NAMESPACE/NAME or raycluster/NAMESPACE/NAME, whether or not
    /// a session of it is stored.
    pub name: String,
    /// Ask a running server. Where access is on, the token is in --token-file, or in the variable `RAY_HISTORY_TOKEN`.
    /// Default, unless a store is named: the variable `RAY_HISTORY_SERVER`.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// File with the token of --server.
    #[arg(long, env = "RAY_HISTORY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Read a folder with the layout of a bucket. Default: the variable `RAY_HISTORY_LOCAL_DIR`.
    #[arg(long, value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below; may be given several times.
    #[arg(long, env = "RAY_HISTORY_ROOT_DIRS", value_name = "PREFIX", value_delimiter = ',', default_value = "")]
    pub root_dir: Vec<String>,
    /// Read the store of a `RayHistory` in a file. Uses the credentials of the environment. Default: the variable
    /// `RAY_HISTORY_CONFIG`.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Format of the output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: WhyFormat,
    /// Without the others: the store of KubeRay's settings.
    #[command(flatten)]
    pub kuberay: KubeRay,
}

/// A format of the output of `why`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WhyFormat {
    /// A paragraph, the evidence and a timeline.
    #[default]
    Text,
    /// The item of the list, or the run, and the document, as one JSON object.
    Json,
}

impl Why {
    /// Returns the place that is named, or `None` if none is, as `list` does.
    pub fn place(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<Place> {
        let server = |server| Place::Server(RunningServer { server, token_file: self.token_file.clone() });
        let flags = [
            self.server.clone().map(server),
            self.local_dir.clone().map(Place::Folder),
            self.config.clone().map(Place::Document),
            self.kuberay.storage_backend.is_some().then_some(Place::KubeRay),
        ];
        let variables = || List::place_of_variables(&self.kuberay, env, server);
        flags.into_iter().flatten().next().or_else(variables)
    }
}
