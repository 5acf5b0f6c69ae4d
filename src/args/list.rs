//! Arguments of `list`.

use super::RunningServer;
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use ray_history_settings::KubeRay;
use std::path::PathBuf;

/// Arguments of `list`.
#[derive(Clone, Debug, ClapArgs)]
#[command(
    override_usage = "ray-history list [OPTIONS] \
        <--server <URL>|--local-dir <DIR>|--config <FILE>|--storage-backend <BACKEND>> [TEXT]...",
    group(ArgGroup::new("place").args(["server", "local_dir", "config", "storage_backend"]))
)]
pub struct List {
    /// Words that must all occur in the name of the namespace, cluster, owner or session.
    pub text: Vec<String>,
    /// List the sessions of a running server. Where access is on, the token is in --token-file, or in the variable
    /// `RAY_HISTORY_TOKEN`. Default, unless a store is named: the variable `RAY_HISTORY_SERVER`.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// File with the token of --server.
    #[arg(long, env = "RAY_HISTORY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// List the sessions of a folder with the layout of a bucket. Default: the variable `RAY_HISTORY_LOCAL_DIR`.
    #[arg(long, value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below; may be given several times.
    #[arg(long, env = "RAY_HISTORY_ROOT_DIRS", value_name = "PREFIX", value_delimiter = ',', default_value = "")]
    pub root_dir: Vec<String>,
    /// List the sessions of the store of a `RayHistory` in a file. Uses the credentials of the environment. Default: the
    /// variable `RAY_HISTORY_CONFIG`.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
    /// Only sessions whose jobs ended like this.
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
    /// Most sessions that are listed, the newest first; 0 for all.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub limit: usize,
    /// Format of the output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: ListFormat,
    /// Without the others: the sessions of the store of KubeRay's settings.
    #[command(flatten)]
    pub kuberay: KubeRay,
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

/// A place whose sessions are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A running server.
    Server(RunningServer),
    /// A folder.
    Folder(PathBuf),
    /// The store of a document in a file.
    Document(PathBuf),
    /// The store of `KubeRay`'s settings.
    KubeRay,
}

impl List {
    /// Returns the place that is named, or `None` if none is. A flag takes precedence over all variables, so that a
    /// server in the environment hides no folder on the command line; of several variables, that of the server counts.
    pub fn place(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<Place> {
        let server = |server| Place::Server(RunningServer { server, token_file: self.token_file.clone() });
        let flags = [
            self.server.clone().map(server),
            self.local_dir.clone().map(Place::Folder),
            self.config.clone().map(Place::Document),
            self.kuberay.storage_backend.is_some().then_some(Place::KubeRay),
        ];
        let variables = || Self::place_of_variables(&self.kuberay, env, server);
        flags.into_iter().flatten().next().or_else(variables)
    }

    /// Returns the place that variables name; of several, that of the server counts.
    pub(super) fn place_of_variables(
        kuberay: &KubeRay,
        env: &dyn Fn(&str) -> Option<String>,
        server: impl Fn(String) -> Place,
    ) -> Option<Place> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let variables = [
            set("RAY_HISTORY_SERVER").map(server),
            set("RAY_HISTORY_LOCAL_DIR").map(|folder| Place::Folder(folder.into())),
            set("RAY_HISTORY_CONFIG").map(|file| Place::Document(file.into())),
            kuberay.backend(env).map(|_| Place::KubeRay),
        ];
        variables.into_iter().flatten().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        list: List,
    }

    #[test]
    fn flags_hide_variables_and_the_server_hides_stores() {
        let server = |url: &str| {
            Some(Place::Server(RunningServer { server: url.to_owned(), token_file: Some("secret".into()) }))
        };
        let all = ["RAY_HISTORY_SERVER", "RAY_HISTORY_LOCAL_DIR", "RAY_HISTORY_CONFIG", "STORAGE_BACKEND"];
        for (flags, variables, expected) in [
            (&[][..], &all[..], server("RAY_HISTORY_SERVER")),
            (&[], &all[1..], Some(Place::Folder("RAY_HISTORY_LOCAL_DIR".into()))),
            (&[], &all[2..], Some(Place::Document("RAY_HISTORY_CONFIG".into()))),
            (&[], &all[3..], Some(Place::KubeRay)),
            (&[], &[], None),
            (&["--server", "http://x"], &all, server("http://x")),
            (&["--local-dir", "x"], &all, Some(Place::Folder("x".into()))),
            (&["--config", "x"], &all, Some(Place::Document("x".into()))),
            (&["--storage-backend", "s3"], &all, Some(Place::KubeRay)),
        ] {
            let flags = ["list", "--token-file", "secret"].iter().chain(flags);
            let list = Program::try_parse_from(flags).unwrap().list;
            let env = |name: &str| match name {
                "RAY_HISTORY_CONFIG" if variables.is_empty() => Some(String::new()),
                name => variables.contains(&name).then(|| name.to_owned()),
            };
            assert_eq!(list.place(&env), expected, "{variables:?}");
        }
        let both = Program::try_parse_from(["list", "--server", "http://x", "--local-dir", "x"]);
        assert!(both.unwrap_err().to_string().contains("cannot be used with"));
    }
}
