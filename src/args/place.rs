//! Arguments that name a place with sessions: a running server, or a store.

use super::RunningServer;
use clap::{ArgGroup, Args as ClapArgs};
use ray_history_settings::KubeRay;
use std::path::PathBuf;

/// Arguments that name a place, of which one counts.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("place").args(["server", "local_dir", "file", "config", "storage_backend"])))]
pub struct Places {
    /// Ask a running server. Where access is on, the token is in --token-file, or in the variable `RAY_HISTORY_TOKEN`.
    /// Default, unless a store is named: the variable `RAY_HISTORY_SERVER`.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// File with the token of --server.
    #[arg(long, env = "RAY_HISTORY_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Read a folder with the layout of a bucket. Default: the variable `RAY_HISTORY_LOCAL_DIR`.
    #[arg(long, value_name = "DIR")]
    local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below; may be given several times.
    #[arg(long, env = "RAY_HISTORY_ROOT_DIRS", value_name = "PREFIX", value_delimiter = ',', default_value = "")]
    pub root_dir: Vec<String>,
    /// Read a portable file that `ray-history export` made; may be given several times.
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Read the store of a `RayHistory` in a file. Uses the credentials of the environment. Default: the variable
    /// `RAY_HISTORY_CONFIG`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Without the others: the store of KubeRay's settings.
    #[command(flatten)]
    pub kuberay: KubeRay,
}

/// A place with sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A running server.
    Server(RunningServer),
    /// A folder.
    Folder(PathBuf),
    /// Portable files.
    Files(Vec<PathBuf>),
    /// The store of a document in a file.
    Document(PathBuf),
    /// The store of `KubeRay`'s settings.
    KubeRay,
}

impl Places {
    /// Returns the place that is named, or `None` if none is. A flag takes precedence over all variables, so that a
    /// server in the environment hides no folder on the command line; of several variables, that of the server counts.
    pub fn place(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<Place> {
        let server = |server| Place::Server(RunningServer { server, token_file: self.token_file.clone() });
        let flags = [
            self.server.clone().map(server),
            self.local_dir.clone().map(Place::Folder),
            (!self.file.is_empty()).then(|| Place::Files(self.file.clone())),
            self.config.clone().map(Place::Document),
            self.kuberay.storage_backend.is_some().then_some(Place::KubeRay),
        ];
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let variables = [
            set("RAY_HISTORY_SERVER").map(server),
            set("RAY_HISTORY_LOCAL_DIR").map(|folder| Place::Folder(folder.into())),
            set("RAY_HISTORY_CONFIG").map(|file| Place::Document(file.into())),
            self.kuberay.backend(env).map(|_| Place::KubeRay),
        ];
        flags.into_iter().chain(variables).flatten().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        places: Places,
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
            (&["--file", "x", "--file", "y"], &all, Some(Place::Files(vec!["x".into(), "y".into()]))),
            (&["--config", "x"], &all, Some(Place::Document("x".into()))),
            (&["--storage-backend", "s3"], &all, Some(Place::KubeRay)),
        ] {
            let flags = ["list", "--token-file", "secret"].iter().chain(flags);
            let places = Program::try_parse_from(flags).unwrap().places;
            let env = |name: &str| match name {
                "RAY_HISTORY_CONFIG" if variables.is_empty() => Some(String::new()),
                name => variables.contains(&name).then(|| name.to_owned()),
            };
            assert_eq!(places.place(&env), expected, "{variables:?}");
        }
        let both = Program::try_parse_from(["list", "--server", "http://x", "--local-dir", "x"]);
        assert!(both.unwrap_err().to_string().contains("cannot be used with"));
    }
}
