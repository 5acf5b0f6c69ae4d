//! Arguments of commands that ask a running server.

use clap::Args as ClapArgs;
use std::path::PathBuf;

/// A running server, and the token for it.
#[derive(Clone, Debug, PartialEq, Eq, ClapArgs)]
pub struct RunningServer {
    /// The server. Where access is on, the token is in --token-file, or in the variable `RAY_HISTORY_TOKEN`.
    #[arg(long, env = "RAY_HISTORY_SERVER", value_name = "URL")]
    pub server: String,
    /// File with the token of --server.
    #[arg(long, env = "RAY_HISTORY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
